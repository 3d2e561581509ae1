"""One detector on one series, in every form that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..candles import Candles
from ..detectors._reference import twin_columns
from ..fold import Emitted, Fold, fold_batch
from ..kernels._limits import branchy_scan
from ..kernels._types import Bars, Feed
from ..panels import fold_many
from ..registry import Spec
from ..selfcheck import panel_difference, twin_difference
from ._market import cut

__all__ = ["Case", "limits"]

_PIECES = 16


@dataclass(frozen=True)
class Case:
    """A detector and the candles it is measured on.

    Attributes
    ----------
    spec : Spec
    candles : Candles
    twin_bars : int
        Leading bars that the slow twin gets.
    """

    spec: Spec
    candles: Candles
    twin_bars: int = 3_000

    @property
    def bars(self) -> int:
        """Number of bars."""
        return len(self.candles)

    @cached_property
    def short(self) -> Candles:
        """The leading bars, for the twin."""
        return self.candles[: self.twin_bars]

    @cached_property
    def pieces(self) -> list[Bars]:
        """The candles as a panel of equally long series."""
        count = max(1, min(_PIECES, self.bars))
        return [piece.bars for piece in cut(self.candles, [self.bars // count] * count)]

    @cached_property
    def feeds(self) -> tuple[Feed, ...]:
        """What the detectors upstream emit."""
        emitted = fold_batch(self.spec.feeds, self.candles.bars) if self.spec.feeds else {}
        return tuple(emitted[feed].feed for feed in self.spec.feeds)

    def alone(self) -> Emitted:
        """Run the detector's own kernel, upstream results being there already."""
        return Fold(self.spec).advance(self.candles.bars, 0, self.bars, 0, self.feeds)

    def with_feeds(self) -> Mapping[Spec, Emitted]:
        """Run the kernels of the detector and of all upstream."""
        return fold_batch([self.spec], self.candles.bars)

    def call(self) -> Any:
        """Call the public function: kernels and event table."""
        return self.spec.entry.function(self.candles, **self.spec.parameters)

    def panel(self) -> Sequence[Mapping[Spec, Emitted]]:
        """Run the pieces at once, on the threads that Numba may use."""
        return fold_many([self.spec], self.pieces)

    def twin(self) -> Mapping[str, NDArray[Any]]:
        """Run the plain Python twin, and those of all upstream, over the leading bars."""
        return twin_columns(self.spec, self.short.bars)

    @property
    def forms(self) -> dict[str, Callable[[], object]]:
        """Every form by name."""
        forms: dict[str, Callable[[], object]] = {
            "with feeds": self.with_feeds,
            "call": self.call,
            "panel": self.panel,
            "twin": self.twin,
        }
        return {"alone": self.alone, **forms} if self.spec.feeds else forms

    def length(self, form: str) -> int:
        """How many bars a form handles."""
        if form == "twin":
            return len(self.short)
        return sum(len(piece.open) for piece in self.pieces) if form == "panel" else self.bars

    def check(self) -> list[str]:
        """What is wrong with the results, in words; empty when all forms agree."""
        found = {
            "twin": twin_difference(self.spec, self.short.bars),
            "panel": panel_difference(self.spec, self.pieces),
        }
        return [
            f"{self.spec.name}, {self.bars:,} bars, serial against {form}: {difference}"
            for form, difference in found.items()
            if difference
        ]


def limits(candles: Candles) -> dict[str, Callable[[], object]]:
    """What the machine allows: a copy of the four price columns, and a compiled scan of them with branches."""
    bars = candles.bars
    buffers = [np.zeros_like(column) for column in bars]
    counts = np.zeros(5, np.int64)

    def copy() -> None:
        for buffer, column in zip(buffers, bars, strict=True):
            np.copyto(buffer, column)

    return {"copy": copy, "scan": lambda: branchy_scan(bars, counts)}
