"""What commands write alike: JSON, progress, counts, sizes, and what a cache was good for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ..cache import Stats

__all__ = [
    "WIDE",
    "counted",
    "describe_faults",
    "describe_hits",
    "output_console",
    "printable",
    "show_status",
    "sized",
    "write_json",
]

WIDE = 200  # columns of tables that go to a file or a pipe


def output_console() -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


@contextmanager
def show_status(shown: bool) -> Iterator[Callable[[str], None]]:
    """Say on standard error what is being done, if that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield lambda text: None
        return
    with console.status("starting") as status:
        yield status.update


def write_json(data: Any) -> None:
    typer.echo(json.dumps(data, indent=2))


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def sized(number: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:,.1f} {unit}"
    return counted(number, "byte")


def printable(text: str) -> str:
    """Names as files have them, which could hold anything that a terminal obeys."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def describe_hits(stats: Stats) -> str:
    """How many tables were found, where, and what that saved."""
    rate = 100 * stats.hits // max(1, stats.requests)  # 100 are all
    text = f"{stats.hits:,} of {counted(stats.requests, 'table')} found ({rate}%)"
    if not stats.hits:
        return text
    saved = round(stats.saved_seconds, 2)
    return (
        f"{text}: {stats.memory_hits:,} in memory, {stats.disk_hits:,} on disk, {stats.prefix_hits:,} continued; "
        f"{abs(saved):,.2f} s {'of computing saved' if saved >= 0 else 'longer than computing'}"
    )


def describe_faults(stats: Stats) -> str:
    """What kept tables from being found or written; nothing if nothing did."""
    faults = {
        "damaged": stats.damaged,
        "too old": stats.too_old,
        "could not be read": stats.read_errors,
        "could not be written": stats.write_errors,
        "not written, too much was waiting": stats.dropped,
    }
    return ", ".join(f"{number:,} {fault}" for fault, number in faults.items() if number)
