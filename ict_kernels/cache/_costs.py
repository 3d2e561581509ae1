"""What is worth it: measured times of computing, reading and writing, and what they say of a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Final

import numpy as np

from ..registry import Entry, Spec
from ._tables import lineage

__all__ = ["CostModel"]

_TINY: Final = 1e-3  # seconds of computing: with less, looking and keeping take about what a file would save

_READS: Final = 10  # how often a file is expected to be read
_CALL: Final = 45e-6  # seconds of a call, whatever its length
_LOADING: Final = 25e-3  # seconds until a kernel that no call has used in this process is there
# Seconds that reading a file takes, and a byte of its table, compressed or not.
_READING: Final = {True: (200e-6, 1e-9), False: (110e-6, 0.25e-9)}
_SHORTER: Final = 0.5  # weight of a measurement that is shorter than expected
_LONGER: Final = 0.1
_SURPRISE: Final = 4.0  # times what was expected that are believed at most
_CLOSE: Final = 0.8  # part of an estimate, or of a measurement, that is close enough to the other
_PLAIN: Final = 300.0  # times that kernels take as plain Python, about


class _Rate:
    """Seconds as ``fixed + rate * amount``, both of which follow what is measured.

    Whatever disturbs a measurement makes it longer, so shorter ones are believed at once by half, longer ones by a
    tenth and never for more than a few times of what was expected.
    """

    def __init__(self, fixed: float, rate: float) -> None:
        self.fixed = fixed
        self.rate = rate

    def seconds(self, amount: int) -> float:
        return self.fixed + self.rate * amount

    def learn(self, amount: int, seconds: float) -> None:
        expected = self.seconds(amount)
        seen = min(seconds, _SURPRISE * expected)
        change = (seen - expected) * (_SHORTER if seen < expected else _LONGER)
        # Each part takes on the change by its share of what was expected, so a long job teaches the rate, a short one
        # the rest.
        self.fixed += change * self.fixed / expected
        self.rate += change * self.rate / expected


class CostModel:
    """Estimates in seconds, which begin with the registry's costs and follow what this process measures."""

    def __init__(self) -> None:
        self.forked()
        self._computing: dict[str, _Rate] = {}
        self._loaded: set[str] = set()
        self._reading: dict[tuple[str, bool], _Rate] = {}
        self._writing = {True: _Rate(3e-3, 50e-9), False: _Rate(3e-3, 2e-9)}

    def forked(self) -> None:
        """Go on in a child with what its parent learnt; its lock may be held by a thread that is not there."""
        self._lock = Lock()

    def computing(self, specs: Iterable[Spec], bars: int, *, loading: bool | None = None) -> float:
        """Seconds that detectors take over so many bars; what feeds them has to be among them.

        With `loading`, kernels count as not loaded yet, as in another process; by default as they are.
        """
        total = 0.0
        loaded = self._loaded
        for spec in specs:
            rate = self._computing.get(spec.name) or self._rate(spec)
            total += rate.fixed + rate.rate * bars
            if loading or (loading is None and spec.name not in loaded and not self.is_loaded(spec)):
                total += _LOADING * is_compiled(spec)
        return total

    def _rate(self, spec: Spec) -> _Rate:
        if spec.name not in self._computing:
            times = 1.0 if is_compiled(spec) else _PLAIN
            self._computing.setdefault(spec.name, _Rate(_CALL, times * spec.entry.cost * 1e-9))
        return self._computing[spec.name]

    def is_tiny(self, specs: Iterable[Spec], bars: int) -> bool:
        """Whether detectors, with what feeds them, compute so fast that their tables are not worth looking for."""
        return self.computing(specs, bars) < _TINY

    def is_loaded(self, spec: Spec) -> bool:
        """Whether a detector's kernel can be called without being loaded or compiled first."""
        if spec.name not in self._loaded and getattr(spec.entry.kernel, "overloads", True):
            self._loaded.add(spec.name)
        return spec.name in self._loaded

    def reading(self, detector: Entry, bars: int, compressed: bool) -> float:
        """Seconds that the file of a detector's table over so many bars takes to read."""
        return self._reading_rate(detector, compressed).seconds(bars)

    def _reading_rate(self, detector: Entry, compressed: bool) -> _Rate:
        known = self._reading.get((detector.name, compressed))
        if known is None:
            row = sum(np.dtype(column.dtype).itemsize for column in detector.columns if not column.internal)
            rows = 1.0 if detector.dense else detector.rate
            fixed, byte = _READING[compressed]
            known = self._reading.setdefault((detector.name, compressed), _Rate(fixed, byte * row * rows))
        return known

    def writing(self, size: int, compressed: bool) -> float:
        """Seconds that a table of so many bytes in memory takes to write."""
        return self._writing[compressed].seconds(size)

    def computed(self, spec: Spec, bars: int, seconds: float) -> None:
        """Learn from a detector that was run, its kernel being loaded already."""
        with self._lock:
            self._rate(spec).learn(bars, seconds)

    def computed_together(self, specs: Sequence[Spec], bars: int, seconds: float) -> None:
        """Learn from detectors that were run, what feeds them included, without being timed one by one."""
        expected = self.computing(specs, bars, loading=False)
        if _CLOSE * expected < seconds < expected / _CLOSE:
            return  # which is often, and learning takes time of those that are soon done
        with self._lock:
            for rate in map(self._rate, specs):
                rate.learn(bars, seconds * rate.seconds(bars) / expected)

    def read(self, detector: Entry, bars: int, compressed: bool, seconds: float) -> None:
        """Learn from a file that was read."""
        with self._lock:
            self._reading_rate(detector, compressed).learn(bars, seconds)

    def written(self, size: int, compressed: bool, seconds: float) -> None:
        """Learn from a file that was written."""
        with self._lock:
            self._writing[compressed].learn(size, seconds)

    def worth_writing(self, spec: Spec, bars: int, new_bars: int, size: int, compressed: bool) -> bool:
        """Whether reads to be expected save more than writing takes.

        What a read saves is the computing of bars that no file holds yet; a table that no file holds at all also saves
        another process the loading of its kernels.
        """
        line = lineage(spec)
        if new_bars < bars:
            saved = sum(self._rate(each).rate for each in line) * new_bars
        else:
            saved = self.computing(line, bars, loading=True) - self.reading(spec.entry, bars, compressed)
        return _READS * saved > self.writing(size, compressed)


def is_compiled(spec: Spec) -> bool:
    """Whether a detector's kernel is compiled at all, which it is not without JIT."""
    return hasattr(spec.entry.kernel, "overloads")
