"""A desk's day: a few markets, analysed again and again while their candles come in.

Four symbols on two timeframes are eight series, which are visited in turns. A visit asks four times: twice for the
candles that were there at the end of the last visit, then with five more, then with one on top that is not finished.
Each time the three strategies ask one after the other: pattern detection, market structure, confluence (which is all
detectors). After 12 visits that are 1,152 requests for some of the detectors, over series of 24,000 to 24,060 candles.

It is run within the bounds that are configured by default, and with half the memory that this took, so that tables have
to go. Each time it is gone through three times, each with an empty cache of its own:

* Every answer is compared with a fresh computation, which is timed. Files are written before that, so that the thread
  that writes them takes no part of its time.
* After each request, its answer given back, the memory that Python has handed out is compared with that of a run which
  makes the same candles and has no cache. So whatever a cache keeps alive counts, not only what it knows of.
* The requests are timed, one right after the other, so that writing has to keep up with them. What finds no room among
  the tables that wait to be written counts as dropped; writing the rest is timed at the end.
"""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from time import perf_counter
from typing import Any, NamedTuple

from ..adapters.ict_engine.intelligent_cache_engine import (
    ConfluenceCacheStrategy,
    PatternCacheStrategy,
    StructureCacheStrategy,
)
from ..cache import Cache
from ..candles import Candles
from ..config import ByteSize, CacheOptimization
from ..detectors._run import compute_tables
from ..market import SYMBOLS, sample_market
from ..registry import Spec
from ._cache_options import CacheOptions
from ._cache_shared import Rows, differing, goal
from ._report import Column, Report, Table, Target

__all__ = ["Analysis", "analyses", "workload"]

Say = Callable[[str], None]

_STRATEGIES = {
    "pattern detection": PatternCacheStrategy(),
    "market structure": StructureCacheStrategy(),
    "confluence": ConfluenceCacheStrategy(),
}
_TIMEFRAMES = ("15min", "1h")
_NEW = 5
_HITS = Target(80.0, least=True)


class Analysis(NamedTuple):
    """One request."""

    strategy: str
    specs: tuple[Spec, ...]
    candles: Candles
    final: bool

    def __str__(self) -> str:
        return f"{self.strategy} of {self.candles.symbol} {self.candles.timeframe}"


def analyses(options: CacheOptions) -> Iterator[Analysis]:
    """All requests of the workload, in order."""
    strategies = {
        name: tuple(spec for spec in options.detectors if strategy.covers(spec.entry))
        for name, strategy in _STRATEGIES.items()
    }
    bars = options.bars + _NEW * options.visits + 1
    markets = [
        market
        for timeframe in _TIMEFRAMES
        for market in sample_market(SYMBOLS, bars=bars, timeframe=timeframe, seed=options.seed)
    ]
    series = [market[: options.bars] for market in markets]
    for _ in range(options.visits):
        for place, market in enumerate(markets):
            known, end = series[place], len(series[place]) + _NEW
            longer = series[place] = known.append(market[end - _NEW : end])
            unfinished = longer.append(market[end : end + 1])
            for candles in (known, known, longer, unfinished):
                for name, specs in strategies.items():
                    if specs:
                        yield Analysis(name, specs, candles, final=candles is not unfinished)


def workload(options: CacheOptions, report: Report, goals: Rows, say: Say) -> None:
    """Answer every request with a cache and without, and compare."""
    rows: Rows = []
    bounds = CacheOptimization()
    _warm_up(options)
    candles = list(_traced(options, None))
    for memory in ("default", "half of it"):
        say(f"workload, bound of memory: {memory}")
        computing, wrong = _proven(options, bounds)
        report.checked += 1
        report.failures += [f"workload, {each}: tables differ" for each in wrong]
        if wrong:
            break
        peak, bound = _peak(options, bounds, candles), bounds.max_memory_size.bytes / 1e6
        figures = _answered(options, bounds)
        ratio = computing / (figures["asking"] + figures["writing"])
        told = {"memory": memory, "bound": bound, "peak": peak / 1e6, "computing": computing, "ratio": ratio}
        rows.append(told | figures)
        goals.append(goal(f"workload, bound {memory}: memory at most, MB", peak / 1e6, _most(bound)))
        bounds = replace(bounds, max_memory_size=ByteSize(max(1_000, peak // 2)))
    if rows:
        goals.append(goal("workload, bound default: tables found, %", rows[0]["hit_rate"], _HITS))
    report.tables.append(_table(rows, options))


def _most(bound: float) -> Target:
    return Target(bound, least=False, format=",.2f")


@contextmanager
def _opened(bounds: CacheOptimization) -> Iterator[Cache]:
    """An empty cache."""
    with tempfile.TemporaryDirectory() as folder, Cache(folder, bounds) as cache:
        yield cache


def _warm_up(options: CacheOptions) -> None:
    """Load kernels and modules, which are nobody's time or memory."""
    compute_tables(options.detectors, next(analyses(options)).candles)
    with _opened(CacheOptimization()) as cache:
        for analysis in islice(analyses(options), 4 * len(_STRATEGIES)):
            cache.run(analysis.specs, analysis.candles, final=analysis.final)


def _proven(options: CacheOptions, bounds: CacheOptimization) -> tuple[float, list[str]]:
    """Seconds of computing everything without a cache, and what was answered wrongly."""
    computing = 0.0
    wrong: dict[str, None] = {}
    with _opened(bounds) as cache:
        for analysis in analyses(options):
            found = cache.run(analysis.specs, analysis.candles, final=analysis.final)
            cache.flush()
            start = perf_counter()
            expected = compute_tables(analysis.specs, analysis.candles)
            computing += perf_counter() - start
            if differing(found, expected):
                wrong[str(analysis)] = None
    return computing, list(wrong)


def _answered(options: CacheOptions, bounds: CacheOptimization) -> dict[str, Any]:
    """Seconds of asking for everything and of writing the rest then, and what was counted."""
    asking, asked = 0.0, 0
    with _opened(bounds) as cache:
        for analysis in analyses(options):
            start = perf_counter()
            cache.run(analysis.specs, analysis.candles, final=analysis.final)
            asking += perf_counter() - start
            asked += 1
        start = perf_counter()
        cache.flush()
        writing = perf_counter() - start
        stats = cache.stats()
    return {
        "requests": asked,
        "tables": stats.requests,
        "memory_hits": stats.memory_hits,
        "disk_hits": stats.disk_hits,
        "prefix_hits": stats.prefix_hits,
        "computed": stats.computed,
        "dropped": stats.dropped,
        "hit_rate": 100 * stats.hit_rate,
        "asking": asking,
        "writing": writing,
    }


def _peak(options: CacheOptions, bounds: CacheOptimization, candles: Sequence[int]) -> int:
    """Most bytes after a request that are there because of a cache; `candles` are those without one."""
    with _opened(bounds) as cache:
        held = _traced(options, cache)
        return max(held_now - without for held_now, without in zip(held, candles, strict=True))


def _traced(options: CacheOptions, cache: Cache | None) -> Iterator[int]:
    """Bytes handed out by Python since the beginning, after each request; garbage is collected where they are most."""
    most = 0
    gc.collect()
    gc.freeze()  # what was there before need not be looked through each time
    tracemalloc.start()
    try:
        for analysis in analyses(options):
            if cache is None:
                _ = analysis.candles.digest  # which candles keep
            else:
                cache.run(analysis.specs, analysis.candles, final=analysis.final)
            held, _ = tracemalloc.get_traced_memory()
            if held > most:
                gc.collect()
                held, _ = tracemalloc.get_traced_memory()
                most = held
            yield held
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def _table(rows: Rows, options: CacheOptions) -> Table:
    columns = (
        Column("memory", "bound of memory"),
        Column("requests", "requests", ",d"),
        Column("tables", "tables", ",d"),
        Column("memory_hits", "in memory", ",d"),
        Column("disk_hits", "in files", ",d"),
        Column("prefix_hits", "continued", ",d"),
        Column("computed", "computed", ",d"),
        Column("dropped", "dropped", ",d"),
        Column("hit_rate", "found %", ".1f"),
        Column("bound", "bound MB", ",.2f"),
        Column("peak", "at most MB", ",.2f"),
        Column("computing", "without cache s", ",.2f"),
        Column("asking", "with it s", ",.2f"),
        Column("writing", "writing the rest s", ",.2f"),
        Column("ratio", "ratio", ",.1f"),
    )
    series = f"{len(SYMBOLS)} symbols on {' and '.join(_TIMEFRAMES)}, {options.bars:,} candles and more"
    return Table(
        "workload", f"A workload that repeats itself: {series}, {options.visits} visits", columns, rows
    )
