"""What a second thread is worth: many series at once, and many detectors over one series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numba
import numpy as np

from ..candles import Candles
from ..fold import fold_batch
from ..kernels._limits import branchy_scan
from ..panels import fold_many
from ..registry import Spec
from ._market import cut, tiled
from ._options import Options
from ._report import VERDICT, Column, Table, Target
from ._timing import Timing, interleaved

__all__ = ["panels"]

_EQUAL = Target(1.85, least=True)
_MIXED = Target(1.7, least=True)
_WORKERS = Target(1.6, least=True)

_COLUMNS = (
    Column("detector", "detector"),
    Column("work", "work"),
    Column("one", "1 thread ms", ".2f"),
    Column("two", "2 threads ms", ".2f"),
    Column("ratio", "faster", ".2f"),
    Column("possible", "possible", ".2f"),
    *VERDICT,
)


def _lots(candles: Candles) -> dict[str, tuple[list[Candles], Target]]:
    """The same bars as 64 equal series, and as 8 long ones before 56 short ones."""
    bars = len(candles)
    long, short = bars // 10, bars // 280
    return {
        "64 equal series": (cut(candles, [bars // 64] * 64), _EQUAL),
        "8 long, 56 short": (cut(candles, [long] * 8 + [short] * 56), _MIXED),
    }


def _panel(spec: Spec, series: Sequence[Candles]) -> Callable[[int], object]:
    bars = [candles.bars for candles in series]
    return lambda count: fold_many([spec], bars, workers=count)


def _limits(candles: Candles, pool: ThreadPoolExecutor) -> dict[str, Callable[[], object]]:
    """Scans of both halves of the prices, one after the other and at once: what a second thread can give here."""
    halves = [piece.bars for piece in cut(candles, [len(candles) // 2] * 2)]
    counts = np.zeros((2, 5), np.int64)
    return {
        "limit one": lambda: list(map(branchy_scan, halves, counts)),
        "limit two": lambda: list(pool.map(branchy_scan, halves, counts)),
    }


def _row(detector: str, work: str, times: Mapping[str, Timing], target: Target) -> dict[str, Any]:
    one, two = times["one"], times["two"]
    ratio = one.minimum / two.minimum
    return {
        "detector": detector,
        "work": work,
        "one": one.minimum * 1e3,
        "one_median": one.median * 1e3,
        "two": two.minimum * 1e3,
        "two_median": two.median * 1e3,
        "ratio": ratio,
        "possible": times["limit one"].minimum / times["limit two"].minimum,
        **target.judge(ratio),
    }


def _works(options: Options, candles: Candles) -> Iterator[tuple[str, str, Callable[[int], object], Target]]:
    for spec in options.detectors:
        for work, (series, target) in _lots(candles).items():
            yield spec.name, work, _panel(spec, series), target
    yield "all of them", "1 series", partial(fold_batch, options.detectors, candles.bars), _WORKERS


def panels(options: Options, say: Callable[[str], None]) -> Table:
    """Time the same work on one thread and on two."""
    title = f"Threads, {options.largest:,} bars altogether, feeds included"
    if int(numba.config.NUMBA_NUM_THREADS) < 2:
        return Table("panels", f"{title}: not measured, as Numba has one thread here", _COLUMNS, [])
    candles = tiled(options.source, options.largest)
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(2) as pool:
        limits = _limits(candles, pool)
        for detector, work, form, target in _works(options, candles):
            say(f"{work} with {detector}")
            forms = {"one": partial(form, 1), "two": partial(form, 2)}
            rows.append(_row(detector, work, interleaved(limits | forms, options.rounds), target))
    return Table("panels", title, _COLUMNS, rows)
