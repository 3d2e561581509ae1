"""Errors and warnings as a user sees them: one line each, and an exit code."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from ..errors import CacheWarning, IctError, NaiveTimeWarning, UncachedWarning

__all__ = ["Commands"]

_NAIVE = "times without a zone are read as UTC; name theirs, as in --tz Europe/Athens or --tz UTC"
_OWN_WARNINGS = (CacheWarning, NaiveTimeWarning, UncachedWarning)


class Commands(TyperGroup):
    """Turns what a user can get wrong into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with _plain_warnings():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                _fail("interrupted", 130)
            except IctError as error:
                _fail(f"error: {' '.join(str(error).split())}", 2)
            except OSError as error:
                if error.errno == errno.EPIPE:  # whoever reads has seen enough
                    raise
                _fail(f"error: {error}", 2)


def _fail(message: str, code: int) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(code)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show the package's own warnings as plain lines, each once."""
    seen: set[str] = set()
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **to: Any) -> None:
            if not issubclass(category, _OWN_WARNINGS):
                usual(message, category, *where, **to)
                return
            text = _NAIVE if issubclass(category, NaiveTimeWarning) else str(message)
            if text not in seen:
                seen.add(text)
                typer.echo(f"warning: {text}", err=True)

        warnings.showwarning = show
        for category in _OWN_WARNINGS:
            warnings.simplefilter("always", category)
        yield
