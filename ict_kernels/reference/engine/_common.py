"""What the twins of the engine's rules share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

Row = dict[str, Any]
"""One hit: a value per column."""


class Bars(Protocol):
    """Six columns, oldest bar first; one that the rule does not read, or that the frame lacks, is empty."""

    @property
    def open(self) -> Sequence[float]: ...
    @property
    def high(self) -> Sequence[float]: ...
    @property
    def low(self) -> Sequence[float]: ...
    @property
    def close(self) -> Sequence[float]: ...
    @property
    def volume(self) -> Sequence[float]: ...
    @property
    def minute(self) -> Sequence[int]: ...


def cells(column: Sequence[float], start: int = 0, stop: int | None = None) -> list[float]:
    """Some cells of a column, or all, read as one block."""
    block: Any = column[start:stop]
    return block.tolist() if hasattr(block, "tolist") else list(block)
