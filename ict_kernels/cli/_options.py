"""What declarations of commands share: options, examples, how lists and folders are read."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import ParameterError

__all__ = ["AsJson", "demand_name", "examples", "words"]

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output instead.")]


def examples(*lines: str) -> str:
    """The end of a help page; click leaves what follows a backspace as it is."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def demand_name(option: str, folder: str | None) -> None:
    """Refuse the nothing that a shell makes of a variable that is not set, and that would mean the current folder."""
    if folder is not None and not folder.strip():
        raise ParameterError(f"{option} names no folder; give it one, or leave it out")
