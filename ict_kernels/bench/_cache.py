"""The cache against computing: every way to a table in turns, sizes of files, and a workload that repeats itself."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from ..cache import Cache, Explanation
from ..candles import Candles
from ..detectors._run import compute_tables, wrap_for
from ..registry import Spec, detector
from ._cache_options import CACHE_PARTS, GROWTH, CacheOptions
from ._cache_shared import Found, Rows, differing, goal, settings
from ._cache_sizes import sizes
from ._cache_workload import workload
from ._report import VERDICT, Column, Report, Table, Target
from ._timing import Timing, interleaved

__all__ = ["CACHE_PARTS", "CacheOptions", "measure"]

Say = Callable[[str], None]
Columns = Mapping[str, Any]

_WAYS = {
    "memory": "memory",
    "compressed": "compressed file",
    "raw": "raw file",
    "one": "1 new candle",
    "hundred": "100 new candles",
}
_COMPARED = {**_WAYS, "joblib": "plain joblib"}
_TIMED = {"digest": "digest", "computing": "computing", **_COMPARED}
_JUDGED_AT = 100_000
_TARGETS = {
    "memory": Target(100.0, least=True),
    "compressed": Target(2.0, least=True),
    "raw": Target(5.0, least=True),
    "one": Target(20.0, least=True),
}
_LEAST = Target(0.95, least=True)


def measure(options: CacheOptions, header: dict[str, str], say: Say) -> Report:
    """Compare, then time and weigh; what differs is a failure and is not timed."""
    report = Report(header)
    goals: Rows = []
    for name in CACHE_PARTS:
        if name in options.parts:
            _PARTS[name](options, report, goals, say)
    if goals:
        columns = (Column("figure", "figure"), Column("value", "measured", ",.2f"), *VERDICT)
        report.tables.append(Table("goals", "Targets of the cache", columns, goals))
    return report


def tables(options: CacheOptions, report: Report, goals: Rows, say: Say) -> None:
    """Prove every way equal to computing, then time all of them in turns.

    Digests of the candles are known, as after any earlier request for the same ones, and of those that grew the
    digests of full blocks; what a digest from the first candle on takes has a column of its own. Files lie in the
    operating system's cache. Plain joblib memoizes a function of detectors and candles that returns columns: event
    tables hold the candles' times too, which it would pickle.
    """
    rows: Rows = []
    for size in options.sizes:
        series = options.series(size)
        for name, specs in options.groups_at(size).items():
            say(f"{name}, {size:,} candles")
            with TemporaryDirectory() as folder, closing(_Ways(specs, series, size, options, folder)) as ways:
                report.checked += 1
                wrong = ways.differing()
                report.failures += [f"{name}, {size:,} candles, {way}: tables differ" for way in wrong]
                if not wrong:
                    row = {"detector": name, "bars": size, "candles": options.origin_of(size)}
                    rows.append(row | ways.measured(options.rounds))
    report.tables += [_times(rows), _ratios(rows)]
    goals += _judged(rows)


class _Timed:
    """A call that times itself, without what is prepared for it."""

    def __init__(
        self, call: Callable[[], Any], prepare: Callable[[], Explanation | None] = lambda: None
    ) -> None:
        self._call = call
        self._prepare = prepare
        self._seconds: list[float] = []
        self.actions: Counter[str] = Counter()

    def __call__(self) -> Any:
        explanation = self._prepare()
        if explanation is not None:
            self.actions.update(choice.action for choice in explanation.choices.values())
        start = perf_counter()
        result = self._call()
        self._seconds.append(perf_counter() - start)
        return result

    def timing(self, rounds: int) -> Timing:
        """Of the last so many calls."""
        last = self._seconds[-rounds:]
        return Timing(statistics.median(last), min(last))

    def times_as_fast_as(self, other: _Timed, rounds: int) -> float:
        """The middle one of the ratios of single rounds, of which whatever slowed both down is no part."""
        pairs = zip(other._seconds[-rounds:], self._seconds[-rounds:], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)


class _Ways:
    """All ways to the tables of some detectors, in caches that hold them and have learned what they cost."""

    def __init__(
        self, specs: tuple[Spec, ...], series: Candles, size: int, options: CacheOptions, folder: str
    ) -> None:
        from joblib import Memory

        candles = series[-size:]
        self.specs = specs
        self.candles = candles
        self.series = series
        self.grown = series[: -options.growth]
        self.live = Cache(Path(folder, "live"), settings("2GB"))
        self.compressed = Cache(Path(folder, "compressed"), settings("2GB"))
        self.raw = Cache(Path(folder, "raw"), settings("2GB", compressed=False))
        self.caches = (self.live, self.compressed, self.raw)
        compute_tables(specs, candles)  # loads the kernels, without which no cost can be learned
        for cache in self.caches:
            cache.run(specs, candles)
        self.live.run(specs, self.grown)
        memoized = Memory(Path(folder, "joblib"), verbose=0).cache(columns_of)
        asked = tuple((spec.name, spec.parameters) for spec in specs)
        memoized(asked, candles)
        self.timed = {
            "computing": _Timed(lambda: compute_tables(specs, candles), self._rest),
            "afresh": self._afresh(),
            "digest": _Timed(lambda: series[-size:].digest, self._rest),
            "memory": _Timed(lambda: self.live.run(specs, candles), self._in_memory),
            "compressed": self._file(self.compressed),
            "raw": self._file(self.raw),
            **{way: self._growing(bars) for way, bars in GROWTH.items()},
            "joblib": _Timed(lambda: self._wrapped(memoized(asked, candles)), self._rest),
        }

    def close(self) -> None:
        """Close the caches."""
        for cache in self.caches:
            cache.close()

    def _rest(self) -> None:
        """Wait until nothing is being written, which would slow others down."""
        for cache in self.caches:
            cache.flush()

    def _in_memory(self) -> Explanation:
        self._rest()
        return self.live.explain(self.specs, self.candles)

    def _file(self, cache: Cache) -> _Timed:
        def prepare() -> Explanation:
            self._rest()
            cache.level.clear()
            return cache.explain(self.specs, self.candles)

        return _Timed(lambda: cache.run(self.specs, self.candles), prepare)

    def _afresh(self) -> _Timed:
        """Computing over as many candles as the growing series have, just appended to as they are."""
        appended = self.grown

        def prepare() -> None:
            nonlocal appended
            self._rest()
            appended = self.grown[:-1].append(self.grown[-1:])

        return _Timed(lambda: compute_tables(self.specs, appended), prepare)

    def _growing(self, bars: int) -> _Timed:
        def prepare() -> Explanation:
            self._rest()
            end = len(self.grown)
            self.grown = self.grown.append(self.series[end : end + bars])
            return self.live.explain(
                self.specs, self.grown[:]
            )  # so that the last block is hashed in the timed call

        return _Timed(lambda: self.live.run(self.specs, self.grown), prepare)

    def _wrapped(self, found: Sequence[Columns]) -> Found:
        tables = zip(self.specs, found, strict=True)
        return {spec: wrap_for(self.candles, spec, dict(columns)) for spec, columns in tables}

    def differing(self) -> list[str]:
        """Ways whose tables are not those of computing."""
        usual = compute_tables(self.specs, self.candles)
        wrong = []
        for way in _COMPARED:
            found = self.timed[way]()
            expected = compute_tables(self.specs, self.grown) if way in GROWTH else usual
            if differing(found, expected):
                wrong.append(way)
        return wrong

    def measured(self, rounds: int) -> dict[str, Any]:
        """Cells of a row: milliseconds, ratios, and what the cost models decided.

        Ratios are medians of those of single rounds, of growing series against computing over as many candles that were
        just appended to.
        """
        interleaved(self.timed, rounds)
        times = {way: timed.timing(rounds) for way, timed in self.timed.items()}
        row: dict[str, Any] = {}
        for way, timing in times.items():
            row |= {f"{way}_ms": timing.minimum * 1e3, f"{way}_median_ms": timing.median * 1e3}
        for way in _COMPARED:
            computing = self.timed["afresh" if way in GROWTH else "computing"]
            row[f"{way}_x"] = self.timed[way].times_as_fast_as(computing, rounds)
        return row | {"choices": {way: dict(self.timed[way].actions) for way in _WAYS}}


def columns_of(asked: Sequence[tuple[str, Mapping[str, Any]]], candles: Candles) -> list[Columns]:
    """Columns by name, of detectors given by name and parameters; what plain joblib memoizes."""
    specs = [detector(name, **parameters) for name, parameters in asked]
    found = compute_tables(specs, candles)
    return [
        {"value": found[spec]}
        if spec.entry.dense
        else {name: found[spec][name] for name in found[spec].columns}
        for spec in specs
    ]


# ---- tables ----------------------------------------------------------------------------------

_HEAD = (Column("detector", "detector"), Column("bars", "candles", ",d"), Column("candles", "of"))


def _times(rows: Rows) -> Table:
    columns = (*_HEAD, *(Column(f"{way}_median_ms", title, ",.3f") for way, title in _TIMED.items()))
    return Table("tables", "Ways to tables, median milliseconds of each", columns, rows)


def _ratios(rows: Rows) -> Table:
    """How many times as fast as computing; where the cost model computed after all, it says how often."""
    ratios = tuple(Column(f"{way}_x", title, ",.2f") for way, title in _COMPARED.items())
    columns = (*_HEAD, *ratios, Column("anyway", "computed anyway"))
    kept = [column.key for column in (*_HEAD, *ratios)]
    told = [{key: row[key] for key in kept} | {"anyway": _anyway(row["choices"])} for row in rows]
    return Table(
        "ratios",
        "Ways to tables, how many times as fast as computing in the same round, medians",
        columns,
        told,
    )


def _anyway(choices: Mapping[str, Mapping[str, int]]) -> str:
    shares = {way: actions.get("compute", 0) / sum(actions.values()) for way, actions in choices.items()}
    return ", ".join(f"{_WAYS[way]} {share:.0%}" for way, share in shares.items() if share)


def _judged(rows: Rows) -> Rows:
    """The targets: those of all detectors together, and that no way is slower than computing."""
    if not rows:
        return []
    judged = [
        goal(f"{_WAYS[way]}, all at {_JUDGED_AT:,}: times as fast as computing", row[f"{way}_x"], target)
        for row in rows
        if (row["detector"], row["bars"]) == ("all", _JUDGED_AT)
        for way, target in _TARGETS.items()
    ]
    cells = [(row[f"{way}_x"], way, row) for row in rows for way in _WAYS]
    ratio, way, row = min(cells, key=lambda cell: cell[0])
    where = f"{_WAYS[way]}, {row['detector']} at {row['bars']:,}"
    return [*judged, goal(f"least of all ways and rows ({where}): times as fast as computing", ratio, _LEAST)]


_PARTS: dict[str, Callable[[CacheOptions, Report, Rows, Say], None]] = {
    "tables": tables,
    "sizes": sizes,
    "workload": workload,
}
