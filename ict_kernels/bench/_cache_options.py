"""What to measure of the cache."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..candles import Candles
from ..errors import ParameterError
from ..market import sample_market
from ..registry import Spec, detector, detectors
from ._market import load

__all__ = ["CACHE_PARTS", "GROWTH", "CacheOptions"]

CACHE_PARTS = ("tables", "sizes", "workload")
GROWTH = {"one": 1, "hundred": 100}
"""New candles of the forms that go on from a table of fewer candles."""

_ALONE = 100_000  # candles above which detectors are measured together only
_LEAST = 10  # candles of a series of the workload


def _catalogue() -> tuple[Spec, ...]:
    return tuple(map(detector, detectors()))


@dataclass(frozen=True)
class CacheOptions:
    """What to measure of the cache.

    Attributes
    ----------
    sizes : tuple of int
        Candles of the series. Above 100,000 detectors are measured together only.
    rounds : int
        How often everything is timed.
    detectors : tuple of Spec
        All of them by default.
    parts : tuple of str
        Some of `CACHE_PARTS`.
    data : path, optional
        A CSV or Parquet file, whose last candles serve every size that it holds. They are never repeated, which would
        flatter compression: larger sizes take the built-in market.
    seed : int
        Of the built-in market.
    bars : int
        Candles that each series of the workload begins with.
    visits : int
        How often the workload comes back to each series.
    """

    sizes: tuple[int, ...] = (15_000, 24_000, 100_000, 1_000_000)
    rounds: int = 15
    detectors: tuple[Spec, ...] = field(default_factory=_catalogue)
    parts: tuple[str, ...] = CACHE_PARTS
    data: Path | None = None
    seed: int = 7
    bars: int = 24_000
    visits: int = 12

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        unknown = [part for part in self.parts if part not in CACHE_PARTS]
        if unknown:
            raise ParameterError(f"there is no part {unknown[0]!r}; there are {', '.join(CACHE_PARTS)}")
        least = {"rounds": 1, "visits": 1, "bars": _LEAST}
        for name, limit in least.items():
            if getattr(self, name) < limit:
                raise ParameterError(f"{name} must be at least {limit}, not {getattr(self, name)}")
        if not self.sizes or min(self.sizes) <= self.growth:
            raise ParameterError(
                f"sizes must be above {self.growth:,} candles, the growth of a series in {self.rounds} rounds, "
                f"not {self.sizes}"
            )

    @property
    def growth(self) -> int:
        """Candles by which a series grows in the proof, in the untimed round and in the timed ones."""
        return sum(GROWTH.values()) * (self.rounds + 2)

    @cached_property
    def _real(self) -> Candles | None:
        return None if self.data is None else load(self.data, self.seed)

    @cached_property
    def _built_in(self) -> Candles:
        return sample_market(["EURUSD"], bars=max(self.sizes) + self.growth, seed=self.seed)[0]

    def series(self, size: int) -> Candles:
        """So many candles and those by which they grow, of a file as many of them as it holds."""
        source = self._real if self._real is not None and self.is_real(size) else self._built_in
        return source[-size - self.growth :]

    def is_real(self, size: int) -> bool:
        """Whether a file is given and holds so many candles."""
        return self._real is not None and len(self._real) >= size

    def origin_of(self, size: int) -> str:
        """Where so many candles come from, in a word."""
        return self.data.name if self.data is not None and self.is_real(size) else "built-in"

    @property
    def origin(self) -> str:
        """Where all candles come from, in words."""
        built_in = f"built-in market, seed {self.seed}"
        return built_in if self.data is None else f"{self.data.name}; beyond its length {built_in}"

    @property
    def untiled(self) -> list[int]:
        """Sizes at which files are weighed: those of real candles, if there are any."""
        real = [size for size in self.sizes if self.is_real(size)]
        return real or [size for size in self.sizes if size <= _ALONE] or [min(self.sizes)]

    @property
    def groups(self) -> dict[str, tuple[Spec, ...]]:
        """What is asked for at once, by its name in tables: each detector, and all together."""
        together = "all" if set(self.detectors) == set(_catalogue()) else "together"
        alone = {spec.name: (spec,) for spec in self.detectors}
        return alone | ({together: self.detectors} if len(self.detectors) > 1 else {})

    def groups_at(self, size: int) -> dict[str, tuple[Spec, ...]]:
        """Those of the groups that are timed at a size."""
        groups = self.groups
        return groups if size <= _ALONE else dict([list(groups.items())[-1]])
