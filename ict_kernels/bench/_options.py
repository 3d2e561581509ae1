"""What to measure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..candles import Candles
from ..errors import ParameterError
from ..registry import Spec, detector, detectors
from ._market import load

__all__ = ["PARTS", "Options"]

PARTS = ("detectors", "growth", "shapes", "panels", "imports", "memory")


def _all_detectors() -> tuple[Spec, ...]:
    return tuple(detector(name) for name in detectors())


@dataclass(frozen=True)
class Options:
    """What to measure, and how often.

    Attributes
    ----------
    sizes : tuple of int
        Bars of the series in the table of detectors. Growth goes from the smallest to ten times as many, shapes
        take the smallest, panels and memory the largest.
    rounds : int
        How often everything is timed.
    detectors : tuple of Spec
        All of them by default.
    parts : tuple of str
        Some of `PARTS`.
    check : bool
        Whether to prove results equal first; if they are not, nothing is timed.
    first_call : bool
        Whether to time first calls in fresh processes, which compiles everything anew.
    data : path, optional
        A CSV or Parquet file to repeat up to each size, instead of the built-in market.
    seed : int
        Of the built-in market.
    twin_bars : int
        Bars that the slow twins get.
    """

    sizes: tuple[int, ...] = (100_000, 1_000_000)
    rounds: int = 7
    detectors: tuple[Spec, ...] = field(default_factory=_all_detectors)
    parts: tuple[str, ...] = PARTS
    check: bool = False
    first_call: bool = False
    data: Path | None = None
    seed: int = 7
    twin_bars: int = 3_000

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown:
            raise ParameterError(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
        if not self.sizes or min(self.sizes) < 1_000:
            raise ParameterError(f"sizes must be at least 1,000 bars, not {self.sizes}")
        if self.rounds < 1:
            raise ParameterError(f"rounds must be at least 1, not {self.rounds}")

    @cached_property
    def source(self) -> Candles:
        """The candles that are repeated up to each size."""
        return load(self.data, self.seed)

    @property
    def smallest(self) -> int:
        """Least number of bars."""
        return min(self.sizes)

    @property
    def largest(self) -> int:
        """Greatest number of bars."""
        return max(self.sizes)

    @property
    def origin(self) -> str:
        """Where the candles come from, in words."""
        return f"built-in market, seed {self.seed}" if self.data is None else f"{self.data.name}, repeated"
