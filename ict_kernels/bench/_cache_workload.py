"""A desk's day: a few markets, analysed again and again while their candles come in.

Four symbols on two timeframes are eight series, which are visited in turns. A visit asks four times: twice for the
candles that were there at the end of the last visit, then with five more, then with one on top that is not finished.
Each time the three strategies ask one after the other: pattern detection, market structure, confluence (which is all
detectors). After 12 visits that are 1,152 requests for some of the detectors, over series of 24,000 to 24,060 candles.

It is run twice: within the bounds that are configured by default, and with half the memory that this took, so that
tables have to go.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
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
    for memory in ("default", "half of it"):
        say(f"workload, bound of memory: {memory}")
        row, wrong = _answered(options, bounds)
        report.checked += 1
        report.failures += [f"workload, {each}: tables differ" for each in wrong]
        if wrong:
            break
        rows.append({"memory": memory} | row)
        goals.append(goal(f"workload, bound {memory}: memory at most, MB", row["peak"], _most(row["bound"])))
        bounds = replace(bounds, max_memory_size=ByteSize(max(1_000, int(row["peak"] * 1e6) // 2)))
    if rows:
        goals.append(goal("workload, bound default: tables found, %", rows[0]["hit_rate"], _HITS))
    report.tables.append(_table(rows, options))


def _most(bound: float) -> Target:
    return Target(bound, least=False, format=",.2f")


def _answered(options: CacheOptions, bounds: CacheOptimization) -> tuple[dict[str, Any], list[str]]:
    """Figures of the whole workload, and what was answered wrongly."""
    seconds = dict.fromkeys(("asking", "writing", "computing"), 0.0)
    peak = asked = 0
    wrong: dict[str, None] = {}
    compute_tables(options.detectors, next(analyses(options)).candles)  # loads the kernels
    with tempfile.TemporaryDirectory() as folder, Cache(folder, bounds) as cache:
        for analysis in analyses(options):
            start = perf_counter()
            found = cache.run(analysis.specs, analysis.candles, final=analysis.final)
            answered = perf_counter()
            cache.flush()
            written = perf_counter()
            expected = compute_tables(analysis.specs, analysis.candles)
            seconds["computing"] += perf_counter() - written
            seconds["writing"] += written - answered
            seconds["asking"] += answered - start
            asked += 1
            peak = max(peak, cache.level.bytes)
            if differing(found, expected):
                wrong[str(analysis)] = None
        stats = cache.stats()
    row = {
        "requests": asked,
        "tables": stats.requests,
        "memory_hits": stats.memory_hits,
        "disk_hits": stats.disk_hits,
        "prefix_hits": stats.prefix_hits,
        "computed": stats.computed,
        "hit_rate": 100 * stats.hit_rate,
        "bound": bounds.max_memory_size.bytes / 1e6,
        "peak": peak / 1e6,
        **seconds,
        "ratio": seconds["computing"] / (seconds["asking"] + seconds["writing"]),
    }
    return row, list(wrong)


def _table(rows: Rows, options: CacheOptions) -> Table:
    columns = (
        Column("memory", "bound of memory"),
        Column("requests", "requests", ",d"),
        Column("tables", "tables", ",d"),
        Column("memory_hits", "in memory", ",d"),
        Column("disk_hits", "in files", ",d"),
        Column("prefix_hits", "continued", ",d"),
        Column("computed", "computed", ",d"),
        Column("hit_rate", "found %", ".1f"),
        Column("bound", "bound MB", ",.2f"),
        Column("peak", "at most MB", ",.2f"),
        Column("computing", "without cache s", ",.2f"),
        Column("asking", "with it s", ",.2f"),
        Column("writing", "waiting for files s", ",.2f"),
        Column("ratio", "ratio", ",.1f"),
    )
    series = f"{len(SYMBOLS)} symbols on {' and '.join(_TIMEFRAMES)}, {options.bars:,} candles and more"
    return Table(
        "workload", f"A workload that repeats itself: {series}, {options.visits} visits", columns, rows
    )
