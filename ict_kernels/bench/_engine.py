"""The engine's interfaces on kernels against the same interfaces reading frames row by row."""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..adapters.ict_engine._frames import read, row_by_row
from ..adapters.ict_engine._install import with_collaborators
from ..candles import Candles
from ..detectors.engine import Rule
from ..errors import ParameterError
from ._engine_calls import CALLS, Call, Series
from ._engine_original import original_seconds
from ._market import load
from ._processes import probe
from ._report import NO_TARGET, VERDICT, Column, Report, Table, Target
from ._timing import Timing, repeated

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENGINE_PARTS", "EngineOptions", "measure"]

Say = Callable[[str], None]

ENGINE_PARTS = ("scans", "windows", "histories", "memory")
_MEANS = {"scan": Target(300.0, least=True), "window": Target(10.0, least=True)}
_LEAST = Target(50.0, least=True)
_HISTORY = Target(500.0, least=True)
_MEMORY = Target(500.0, least=False)
_RECORDS = 50  # records that take more than this part of the row-by-row time excuse an entry
_SLOW = 2.0  # seconds after which row-by-row reading is not repeated
_ASKED = 60  # candles at which a history is compared with single calls
_VOLATILE = ("time_ms", "latency", "processing", "speed_ms", "duration")  # what the time of a call decides
_COUNTED = (
    "candle_index",
)  # a history may count from the start of its frame, a call from that of its window


@dataclass(frozen=True)
class EngineOptions:
    """What to measure of the engine's adapters.

    Attributes
    ----------
    sizes : tuple of int
        Candles of the frames.
    rounds : int
        How often the adapters are timed; row-by-row reading only while it takes less than two seconds.
    only : tuple of str
        Names of calls, or the words they begin with; all by default.
    parts : tuple of str
        Some of `ENGINE_PARTS`.
    data : path, optional
        A CSV or Parquet file with at least as many candles as the largest size, instead of the built-in market.
    seed : int
        Of the built-in market.
    engine : path, optional
        The engine's checkout, which is then timed in place of row-by-row reading, in a process of its own.
    """

    sizes: tuple[int, ...] = (1_000, 5_000, 15_000)
    rounds: int = 7
    only: tuple[str, ...] = ()
    parts: tuple[str, ...] = ENGINE_PARTS
    data: Path | None = None
    seed: int = 7
    engine: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        unknown = [part for part in self.parts if part not in ENGINE_PARTS]
        if unknown:
            raise ParameterError(f"there is no part {unknown[0]!r}; there are {', '.join(ENGINE_PARTS)}")
        if not self.sizes or min(self.sizes) < 600:
            raise ParameterError(f"sizes must be at least 600 candles, not {self.sizes}")
        if not self.calls:
            names = ", ".join(call.name for call in CALLS)
            raise ParameterError(
                f"no call begins with {' or '.join(map(repr, self.only))}; there are {names}"
            )
        if len(self.source) < max(self.sizes):
            raise ParameterError(f"{self.origin} has {len(self.source):,} candles; give smaller --sizes")

    @property
    def calls(self) -> list[Call]:
        """The calls to measure."""
        return [call for call in CALLS if not self.only or call.name.startswith(self.only)]

    @cached_property
    def source(self) -> Candles:
        """All candles there are."""
        return load(self.data, self.seed)

    @property
    def origin(self) -> str:
        """Where the candles come from, in words."""
        return f"built-in market, seed {self.seed}" if self.data is None else self.data.name

    @cached_property
    def frame(self) -> pd.DataFrame:
        """As many candles as the largest size takes, as the engine passes them."""
        return engine_frame(self.source[: max(self.sizes)])


def engine_frame(candles: Candles) -> pd.DataFrame:
    """Return candles as the engine's frames are: naive times as index, volume under both names."""
    import pandas as pd

    frame = candles.to_pandas()
    index = pd.DatetimeIndex(candles.time, name="time")
    return frame.assign(tick_volume=frame["volume"]).set_axis(index)


def measure(options: EngineOptions, header: dict[str, str], say: Say) -> Report:
    """Compare, then time, every call; what differs is a failure and is not timed."""
    report = Report(header)
    kinds = {"scans": "scan", "windows": "window"}
    means: list[dict[str, Any]] = []
    for part in (part for part in ENGINE_PARTS if part in options.parts):
        if part in kinds:
            calls = [call for call in options.calls if call.kind == kinds[part]]
            if calls:
                report.tables.append(_table(part, calls, options, report, means, say))
        elif part == "histories":
            report.tables.append(_histories(options, report, say))
        else:
            report.tables.append(_memory(say))
    if means:
        report.tables.append(_means_table(means))
    return report


# ---- making and comparing --------------------------------------------------------------------


class Moment:
    """A clock that shows what it is set to."""

    def __init__(self) -> None:
        self.value = datetime(2025, 9, 1, 10, 30)

    def __call__(self) -> datetime:
        """Return the local time."""
        return self.value

    def utc(self) -> datetime:
        """Return the same time as UTC."""
        return self.value.replace(tzinfo=timezone.utc)


class Ours:
    """One of our modules, whose classes and functions get a clock of ours."""

    def __init__(self, name: str, moment: Moment) -> None:
        self._module = importlib.import_module(f"ict_kernels.adapters.ict_engine.{name}")
        self._given = {"clock": moment, "utc_clock": moment.utc}

    def __getattr__(self, name: str) -> Any:
        return with_collaborators(getattr(self._module, name), self._given)


def _frozen(call: Call, series: Series) -> Moment:
    moment = Moment()
    hours, minutes = map(int, call.hour.split(":"))
    moment.value = series.frame.index[-1].to_pydatetime().replace(hour=hours, minute=minutes)
    return moment


def _made(call: Call, series: Series, moment: Moment) -> Any:
    return call.make(Ours(call.module, moment), series)


def _plain(value: Any, without: tuple[str, ...] = _VOLATILE) -> Any:
    """Return a record as nested dicts and lists, without what differs by design."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, dict):
        return {
            key: _plain(item, without)
            for key, item in value.items()
            if not any(part in str(key) for part in without)
        }
    if isinstance(value, list | tuple):
        return [_plain(item, without) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value.to_dict() if hasattr(value, "to_dict") else value


def _count(result: Any) -> int:
    """How many records a result holds."""
    if isinstance(result, list):
        return len(result)
    if isinstance(result, tuple):
        return sum(map(_count, result))
    if isinstance(result, dict):
        return max([len(value) for value in result.values() if isinstance(value, list)], default=1)
    return 1


# ---- one call per frame ----------------------------------------------------------------------


class _Scanning:
    """Adds up what the rules take, the rest of an adapter's time being its records."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        ask = Rule.__call__

        def timed(rule: Rule, /, *arguments: Any, **values: Any) -> Any:
            start = perf_counter()
            hits = ask(rule, *arguments, **values)
            self.seconds += perf_counter() - start
            return hits

        Rule.__call__ = timed  # type: ignore[method-assign]
        try:
            yield
        finally:
            Rule.__call__ = ask  # type: ignore[method-assign]


def _scan_share(call: Call, series: Series, moment: Moment) -> float:
    """Which part of a call's time its rules take."""
    scanning, detector = _Scanning(), _made(call, series, moment)
    with scanning.watching():
        start = perf_counter()
        call.call(detector, series)
        total = perf_counter() - start
    return scanning.seconds / total


def _times(call: Call, series: Series, rounds: int, original: float | None) -> dict[str, Any]:
    """Time the adapter and its row-by-row form; no times if their records differ."""
    moment = _frozen(call, series)

    def fresh() -> tuple[Any, Series]:
        return _made(call, series, moment), series

    found = call.call(*fresh())
    with row_by_row():
        once = fresh()
        start = perf_counter()
        slowly = call.call(*once)
        first = perf_counter() - start
        if _plain(slowly) != _plain(found):
            return {}
        again = repeated(call.call, rounds, prepare=fresh, enough=_SLOW) if first < _SLOW / 2 else None
    slow = again or Timing(first, first)
    if original is not None:
        slow = Timing(original, original)
    fast = repeated(call.call, rounds, prepare=fresh)
    records = fast.minimum * (1 - _scan_share(call, series, moment))
    return {
        "records": _count(found),
        "adapter_ms": fast.minimum * 1e3,
        "adapter_median_ms": fast.median * 1e3,
        "rows_ms": slow.minimum * 1e3,
        "rows_median_ms": slow.median * 1e3,
        "ratio": slow.minimum / fast.minimum,
        "records_ms": records * 1e3,
        "exempt": records * _RECORDS > slow.minimum,
    }


def _table(
    part: str,
    calls: Sequence[Call],
    options: EngineOptions,
    report: Report,
    means: list[dict[str, Any]],
    say: Say,
) -> Table:
    kind = calls[0].kind
    theirs = original_seconds(options.engine, calls, options.frame, options.sizes, say)
    rows: list[dict[str, Any]] = []
    for call in calls:
        measured: dict[int, dict[str, Any]] = {}
        for size in options.sizes:
            say(f"{call.name}, {size:,} candles")
            series = Series(options.frame.iloc[:size])
            report.checked += 1
            times = _times(call, series, options.rounds, theirs.get((call.name, size)))
            if times:
                measured[size] = times
            else:
                report.failures.append(f"{call.name}, {size:,} candles: records differ")
        if measured:
            rows.append(_row(call, measured, _LEAST if kind == "scan" else None))
    whose = f"{len(rows)} that look at {'the whole frame' if kind == 'scan' else 'a capped window'}"
    by_size = {
        f"{size:,}": [row["by_size"][size]["ratio"] for row in rows if size in row["by_size"]]
        for size in options.sizes
    }
    means += [_mean(whose, size, ratios) | NO_TARGET for size, ratios in by_size.items() if ratios]
    pooled = [ratio for ratios in by_size.values() for ratio in ratios]
    if pooled:
        together = _mean(whose, "all sizes", pooled)
        means.append(together | _MEANS[kind].judge(together["mean"]))
    against = "row by row" if options.engine is None else "original"
    largest = max(options.sizes)
    columns = (
        Column("detector", "detector"),
        Column("records", f"records of {largest:,}", ",d"),
        Column("adapter_ms", "adapter ms", ".3f"),
        Column("records_ms", "of it records ms", ".3f"),
        Column("rows_ms", f"{against} ms", ",.1f"),
        *(Column(f"x{size}", f"x at {size:,}", ",.0f") for size in options.sizes),
        *(VERDICT if kind == "scan" else ()),
    )
    title = "Calls that look at the whole frame" if kind == "scan" else "Calls that look at a capped window"
    if kind == "window":
        title += f"; reading 200 rows of four columns takes {_reading(options.frame):.0f} µs of each"
    return Table(part, f"{title}, {options.origin}", columns, rows)


def _reading(frame: pd.DataFrame) -> float:
    """Microseconds that taking the last 200 rows out of a frame takes."""
    return repeated(lambda: read(frame, last=200), 50).minimum * 1e6


def _row(call: Call, measured: dict[int, dict[str, Any]], least: Target | None) -> dict[str, Any]:
    last = measured[max(measured)]
    row: dict[str, Any] = {"detector": call.name, **last, "by_size": measured}
    row |= {f"x{size}": times["ratio"] for size, times in measured.items()}
    if least is None:
        return row | NO_TARGET
    if last["exempt"] and last["ratio"] < least.limit:
        return row | {"target": "records", "verdict": ""}
    return row | least.judge(last["ratio"])


def _mean(what: str, size: str, ratios: Sequence[float]) -> dict[str, Any]:
    mean = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
    return {"what": what, "size": size, "mean": mean, "least": min(ratios)}


def _means_table(means: list[dict[str, Any]]) -> Table:
    columns = (
        Column("what", "calls"),
        Column("size", "candles"),
        Column("mean", "geometric mean x", ",.0f"),
        Column("least", "least x", ",.0f"),
        *VERDICT,
    )
    return Table("means", "All together", columns, means)


# ---- one call per candle ---------------------------------------------------------------------


def _asked(call: Call, series: Series, first: int, stop: int) -> list[tuple[int, list[Any]]]:
    """Call once per candle on the trailing window, with the clock at that candle's time."""
    moment = Moment()
    detector = _made(call, series, moment)
    answers = []
    for bar in range(first, stop):
        window = Series(series.frame.iloc[max(0, bar + 1 - call.window) : bar + 1])
        moment.value = window.frame.index[-1].to_pydatetime()
        answers.append((bar, call.said(detector, call.call(detector, window))))
    return answers


def _histories(options: EngineOptions, report: Report, say: Say) -> Table:
    size = sorted(options.sizes)[len(options.sizes) // 2]
    series = Series(options.frame.iloc[:size])
    rows: list[dict[str, Any]] = []
    for call in (call for call in options.calls if call.history is not None):
        say(f"history of {call.name}, {size:,} candles")
        rows.append(_history_row(call, series, options.rounds, report))
    columns = (
        Column("detector", "detector"),
        Column("records", "records", ",d"),
        Column("columns_us", "columns µs/candle", ",.2f"),
        Column("records_us", "with records µs/candle", ",.2f"),
        Column("call_us", "one call row by row µs", ",.0f"),
        Column("ratio", "x", ",.0f"),
        Column("records_ratio", "x with records", ",.0f"),
        *VERDICT,
    )
    title = f"evaluate_history over {size:,} candles against one call per candle"
    return Table("histories", f"{title}, {options.origin}", columns, rows)


def _history_row(call: Call, series: Series, rounds: int, report: Report) -> dict[str, Any]:
    assert call.history is not None
    ask, size = call.history, len(series.frame)
    first = min(call.window, size) - 1
    stop = min(first + _ASKED, size)

    def fresh() -> tuple[Any, ...]:
        return _made(call, series, Moment()), series, call.window

    history = ask(*fresh())
    start = perf_counter()
    with row_by_row():
        answers = _asked(call, series, first, stop)
    one_call = (perf_counter() - start) / len(answers)
    report.checked += 1
    for bar, answer in answers:
        said = history.at(bar).records()
        if _plain(said, _VOLATILE + _COUNTED) != _plain(answer, _VOLATILE + _COUNTED):
            report.failures.append(f"history of {call.name}: candle {bar} differs")
            break
    found = repeated(ask, rounds, prepare=fresh)
    built = repeated(lambda *given: ask(*given).records(), rounds, prepare=fresh)
    each, whole = found.minimum / (size - first), built.minimum / (size - first)
    return {
        "detector": call.name,
        "records": len(history),
        "columns_us": each * 1e6,
        "records_us": whole * 1e6,
        "call_us": one_call * 1e6,
        "ratio": one_call / each,
        "records_ratio": one_call / whole,
        **_HISTORY.judge(one_call / each),
    }


# ---- memory ----------------------------------------------------------------------------------


def _memory(say: Say) -> Table:
    say("peak memory of all adapters")
    probe("engine_memory", "1")  # compiles what is not in the cache yet, which takes memory of its own
    peak = probe("engine_memory", "8")
    columns = (
        Column("series", "series of 15,000", ",d"),
        Column("before", "imports MB", ",.0f"),
        Column("after", "after all calls MB", ",.0f"),
        *VERDICT,
    )
    row = {"series": 8, **peak, **_MEMORY.judge(peak["after"])}
    return Table("memory", "Peak memory of all calls, one after the other", columns, [row])
