"""Many series, many detectors, one call: read, compute and write at the same time, in batches."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from functools import partial
from os import PathLike
from threading import BoundedSemaphore
from time import perf_counter
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import registry
from ._intake import noted, warn_naive
from .cache import Cache, Stats
from .candles import Candles, OnError
from .detectors._run import table
from .errors import CandleError, ParameterError
from .events import Events
from .fold import Emitted, as_workers, fold_batch
from .io.datasets import DatasetWriter, partition
from .io.sources import Inputs, Source, expand
from .market import sample_market
from .panels import fold_many
from .registry import Spec, as_specs
from .timeframes import Timeframe, canonical, zone

__all__ = ["Count", "LastEvent", "ScanResult", "Seconds", "Series", "Summary", "scan"]

BATCH_BARS: Final = 500_000
"""Bars computed at a time: enough to keep all threads busy; more take more memory and are no faster."""

LONG: Final = 100_000
"""Bars of a series that is worth giving its memory back to the system."""

FEW: Final = 4
"""Below so many series a thread their detectors are spread over the threads; a panel needs more to balance its bins."""

TERMINAL: Final = frozenset(("broken", "filled", "expired", "superseded"))
"""Life cycle columns that end an event."""

Table: TypeAlias = "Events | NDArray[Any]"
"""What a detector gives: events, or of a dense companion one value a bar."""

Report: TypeAlias = Callable[[int, int, str], object]


class Series(NamedTuple):
    """One scanned series; `dropped` counts the bad rows that were left out of its source.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> from ict_kernels.scan import scan
    >>> scan(ict.sample_market(["EURUSD"], bars=100), "swings").series
    [Series(symbol='EURUSD', timeframe='15min', bars=100, dropped=0)]
    """

    symbol: str
    timeframe: str
    bars: int
    dropped: int


class LastEvent(NamedTuple):
    """The event that was confirmed last; `time` is the opening instant of its confirming bar, UTC.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> from ict_kernels.scan import scan
    >>> scan(ict.sample_market(["EURUSD"], bars=100), "swings").summary[0].last.symbol
    'EURUSD'
    """

    symbol: str
    timeframe: str
    time: np.datetime64
    direction: int


class Count(NamedTuple):
    """What one detector found in one series; see :class:`Summary` for the fields.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> from ict_kernels.scan import scan
    >>> candles = ict.sample_market(["EURUSD"], bars=100)[0]
    >>> scan(candles, "swings").counts[0].events == len(ict.swings(candles))
    True
    """

    spec: Spec
    symbol: str
    timeframe: str
    events: int
    open: int | None
    last: LastEvent | None


class Summary(NamedTuple):
    """What one detector found in all series.

    Attributes
    ----------
    spec : Spec
        The detector with its parameters.
    events : int
        Rows: events, or of a dense companion one a bar.
    open : int or None
        Zones and levels that nothing has ended yet, by the columns in `TERMINAL`; None if the detector has none.
    last : LastEvent or None
        The latest by the time of its confirmation; of a dense companion the latest bar with its value.
    seconds : float
        Its share of the computing time, by the registry's measured costs.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> from ict_kernels.scan import scan
    >>> candles = ict.sample_market(["EURUSD"], bars=100)[0]
    >>> scan(candles, "swings").summary[0].open == len(ict.swings(candles)[ict.swings(candles).broken < 0])
    True
    """

    spec: Spec
    events: int
    open: int | None
    last: LastEvent | None
    seconds: float

    @property
    def detector(self) -> str:
        """Name of the detector."""
        return self.spec.name


@dataclass
class Seconds:
    """Where the time went: three kinds of work, which overlap and are summed over threads; `total` is by the clock.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> from ict_kernels.scan import scan
    >>> scan(ict.sample_market(["EURUSD"], bars=100), "swings").seconds.write
    0.0
    """

    read: float = 0.0
    compute: float = 0.0
    write: float = 0.0
    total: float = 0.0


@dataclass
class ScanResult:
    """What a scan found.

    Attributes
    ----------
    specs : list of Spec
        The detectors, in order.
    series : list of Series
        The scanned series, in order: by input, then by timeframe.
    counts : list of Count
        What each detector found in each series: series by series, detectors in order.
    out : str or None
        The folder of the datasets, None if the tables were kept in memory.
    seconds : Seconds
        Where the time went.
    cache : Stats or None
        What the cache did while this scan ran, None without one. Of the files that it writes in the background, those
        that were written by then.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> from ict_kernels.scan import scan
    >>> result = scan(ict.sample_market(bars=500), ["swings", "fair_value_gaps"], ["15min", "1h"])
    >>> result.bars, len(result.series)
    (2500, 8)
    >>> [row.detector for row in result.summary]
    ['swings', 'fair_value_gaps']
    >>> hourly = ict.sample_market(bars=500)[0].resample("1h")
    >>> result.events("swings", "EURUSD", "1h")[0] == ict.swings(hourly)
    True
    """

    specs: list[Spec]
    series: list[Series] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    out: str | None = None
    seconds: Seconds = field(default_factory=Seconds)
    cache: Stats | None = None
    _tables: dict[tuple[Spec, str, str], Table] = field(default_factory=dict, repr=False)

    @property
    def bars(self) -> int:
        """Bars of all series."""
        return sum(series.bars for series in self.series)

    @property
    def summary(self) -> list[Summary]:
        """One row a detector."""
        return [self._summed(spec) for spec in self.specs]

    def events(
        self, detector: str | Spec, symbol: str | None = None, timeframe: Timeframe | None = None
    ) -> list[Any]:
        """The tables of one detector, in the order of `series`.

        Parameters
        ----------
        detector : str or Spec
            Its name, or with its parameters where a scan has several of that name.
        symbol : str, optional
            Only of this symbol.
        timeframe : str or timedelta, optional
            Only of this timeframe.

        Returns
        -------
        list of Events
            Of a dense companion list of ndarray.

        Raises
        ------
        ParameterError
            If the scan has no such detector or series, or wrote its tables to a folder.

        Examples
        --------
        >>> import ict_kernels as ict
        >>> from ict_kernels.scan import scan
        >>> result = scan(ict.sample_market(bars=500), "swings")
        >>> [table.symbol for table in result.events("swings")]
        ['EURUSD', 'GBPUSD', 'USDJPY', 'XAUUSD']
        """
        specs = [spec for spec in self.specs if detector in (spec, spec.name)]
        if not specs:
            raise ParameterError(
                f"{detector} was not scanned; these were: {', '.join(spec.name for spec in self.specs)}"
            )
        if self.out is not None:
            raise ParameterError(
                f"the tables were written, not kept: read them with pandas.read_parquet('{self.out}/{specs[0].name}')"
            )
        name = None if timeframe is None else canonical(timeframe)
        found = [
            self._tables[spec, series.symbol, series.timeframe]
            for spec in specs
            for series in self.series
            if symbol in (None, series.symbol) and name in (None, series.timeframe)
        ]
        if not found:
            scanned = ", ".join(f"{series.symbol} {series.timeframe}".strip() for series in self.series)
            asked = " ".join(filter(None, (symbol, name)))
            raise ParameterError(f"{asked!r} was not scanned; these were: {scanned}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything but the tables as plain values, times as ISO 8601 text, ready for :func:`json.dumps`.

        Examples
        --------
        >>> import ict_kernels as ict
        >>> from ict_kernels.scan import scan
        >>> scan(ict.sample_market(["EURUSD"], bars=500), "swings").to_dict()["series"]
        [{'symbol': 'EURUSD', 'timeframe': '15min', 'bars': 500, 'dropped': 0}]
        """
        return {
            "bars": self.bars,
            "out": self.out,
            "seconds": {name: round(value, 6) for name, value in vars(self.seconds).items()},
            "cache": None if self.cache is None else self.cache.to_dict(),
            "series": [series._asdict() for series in self.series],
            "summary": [_plain(row) for row in self.summary],
            "counts": [_plain(row) for row in self.counts],
        }

    def __repr__(self) -> str:
        events = sum(count.events for count in self.counts)
        return (
            f"<ScanResult: {len(self.series):,} series, {self.bars:,} bars, {len(self.specs)} detectors, "
            f"{events:,} events, {self.seconds.total:.2f} s>"
        )

    def _summed(self, spec: Spec) -> Summary:
        mine = self.counts[self.specs.index(spec) :: len(self.specs)]
        ends = [count.open for count in mine if count.open is not None]
        lasts = [count.last for count in mine if count.last is not None]
        costs = sum(each.entry.cost for each in registry.with_feeds(self.specs))
        return Summary(
            spec,
            sum(count.events for count in mine),
            sum(ends) if ends else None,
            max(lasts, key=lambda last: last.time, default=None),
            self.seconds.compute * spec.entry.cost / costs,
        )


def scan(
    sources: Inputs | None = None,
    detectors: str | Spec | Iterable[str | Spec] = "all",
    timeframes: Timeframe | Iterable[Timeframe] | None = None,
    out: str | PathLike[str] | None = None,
    *,
    workers: int | None = None,
    progress: bool | Report = False,
    tz: str | tzinfo | None = None,
    on_error: OnError = "raise",
    cache: Cache | None = None,
) -> ScanResult:
    """Run detectors over many series, and write what they find as Parquet datasets or keep it in memory.

    Series are computed in batches of bounded size while the next batch is read and the previous one is written, so that
    with `out` memory stays flat however many there are. Results depend neither on batches nor on the number of threads.

    Parameters
    ----------
    sources : input or iterable of inputs, optional
        Files, folders, patterns, candles and frames, as in :func:`ict_kernels.io.sources.expand`; by default the
        built-in :func:`sample_market`.
    detectors : str, Spec or iterable of them, default "all"
        Names, or detectors with parameters as ``ict.detector("swings", left=5)``; ``"all"`` are all of them.
    timeframes : timeframe or iterable of timeframes, optional
        Each series is scanned on each of them, coarser ones resampled with days of UTC; by default on its own.
    out : path, optional
        Folder of the datasets, one a detector: ``pandas.read_parquet(f"{out}/swings")``; see
        :mod:`ict_kernels.io.datasets`. Series of an earlier scan are replaced if they are scanned again, and stay
        otherwise. By default tables are kept in memory.
    workers : int, optional
        Threads; by default the cores that this process may run on.
    progress : bool or callable, default False
        Whether to show progress on standard error, or what to call with bars done, bars in all and the finished series
        (``progress(done, total, "EURUSD 1h")``). Until all files are read, the bars in all are an estimate.
    tz : str or tzinfo, optional
        The zone of times that name none, as in :meth:`Candles.from_pandas`.
    on_error : {"raise", "drop"}, default "raise"
        Whether bad rows are an error, or left out and counted in the result's `series`.
    cache : Cache, optional
        Where tables are looked up before they are computed, and kept afterwards; they are the same bit for bit. All of
        one series' are then in memory at a time for each thread, beside what the cache keeps. The cache stays open and
        goes on writing its files; if it cannot, that is a :class:`CacheWarning` and no error.

    Returns
    -------
    ScanResult

    Raises
    ------
    CandleError
        If an input cannot be read, or two of them are the same symbol and timeframe.
    ParameterError
        If a detector or parameter does not exist, or a timeframe is finer than that of an input.
    OutputError
        If `out` cannot be written. After any error, and when interrupted, `out` is as it was before.

    Examples
    --------
    >>> import tempfile
    >>> import ict_kernels as ict
    >>> import pandas as pd
    >>> from ict_kernels.scan import scan
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = scan(ict.sample_market(bars=500), "swings", ["15min", "1h"], folder)
    ...     frame = pd.read_parquet(f"{folder}/swings")
    >>> len(frame) == result.summary[0].events
    True

    Tables that were computed before are found again:

    >>> with tempfile.TemporaryDirectory() as folder, ict.Cache(folder) as cache:
    ...     first, second = (scan(ict.sample_market(), cache=cache).cache for _ in range(2))
    >>> first.hit_rate, second.hit_rate
    (0.0, 1.0)
    """
    began = perf_counter()
    specs = _specs(detectors, apart=out is not None)
    threads = as_workers(workers)
    if tz is not None:
        zone(tz)
    names = _timeframes(timeframes)
    inputs = expand(sample_market() if sources is None else sources, tz=tz, on_error=on_error)
    result = ScanResult(specs, out=None if out is None else str(out))
    if cache is not None and not isinstance(cache, Cache):
        raise ParameterError(f"scan: cache={cache!r} is no cache; give ict.Cache(folder)")
    before = None if cache is None else cache.stats()
    with ExitStack() as stack:
        writer = None if out is None else stack.enter_context(DatasetWriter(out))
        report = stack.enter_context(_reporting(progress))
        pool = stack.enter_context(_pool(threads))
        _Scan(result, inputs, names, threads, writer, cache, pool, report).run()
        if writer is not None:
            result.seconds.write += pool.submit(_timed, writer.commit).result()
    if cache is not None and before is not None:
        result.cache = cache.stats() - before
    result.seconds.total = perf_counter() - began
    return result


# ---------------------------------------------------------------------- what was asked for


def _specs(detectors: str | Spec | Iterable[str | Spec], *, apart: bool) -> list[Spec]:
    """The chosen detectors, each once; with `apart` no two of one name, as they would share a dataset."""
    specs = list(as_specs(detectors))
    if not specs:
        raise ParameterError("there is no detector to run: the list is empty")
    named: dict[str, Spec] = {}
    for spec in specs:
        if apart and named.setdefault(spec.name, spec) != spec:
            raise ParameterError(
                f"{named[spec.name]} and {spec} would be written to one dataset: scan them into two folders"
            )
    return specs


def _timeframes(timeframes: Timeframe | Iterable[Timeframe] | None) -> list[str]:
    if timeframes is None:
        return []
    if isinstance(timeframes, (str, timedelta, np.timedelta64)):
        timeframes = [timeframes]
    names = [canonical(each) for each in timeframes]
    if not names:
        raise ParameterError("there is no timeframe to scan: the list is empty")
    return list(dict.fromkeys(names))


# ---------------------------------------------------------------------- the work


class _Loaded(NamedTuple):
    """One source after reading: its candles on each timeframe."""

    candles: list[Candles]
    dropped: int
    notes: list[str]
    seconds: float


class _Finished(NamedTuple):
    """One table: what was counted, and the table itself unless it was written."""

    counted: Count
    table: Table | None
    compute: float
    write: float


class _Scan:
    """A running scan: the main thread computes batches, a pool reads ahead and finishes what is computed."""

    def __init__(
        self,
        result: ScanResult,
        sources: Sequence[Source],
        timeframes: Sequence[str],
        workers: int,
        writer: DatasetWriter | None,
        cache: Cache | None,
        pool: ThreadPoolExecutor,
        report: Report,
    ) -> None:
        self.result = result
        self.timeframes = timeframes
        self.workers = workers
        self.pool = pool
        self.writer = writer
        self.cache = cache
        self.batches = list(_batches(sources))
        self.meter = _Meter(report, sum(source.bars for source in sources))
        self.origins: dict[str, str] = {}

    def run(self) -> None:
        """Compute batch after batch."""
        reading = self._read(0)
        finishing: list[_Found] = []
        for place, batch in enumerate(self.batches):
            series = self._taken(batch, reading)
            reading = self._read(place + 1)
            found = self._computed(series)
            self._collect(finishing)
            finishing = found
            del series, found  # or the batch would stay in memory while the next one is computed
        self._collect(finishing)

    def _read(self, place: int) -> list[Future[_Loaded]]:
        return [
            self.pool.submit(_load, source, self.timeframes)
            for batch in self.batches[place : place + 1]
            for source in batch
        ]

    def _taken(self, batch: Sequence[Source], reading: Sequence[Future[_Loaded]]) -> list[Candles]:
        """Wait for a batch to be read, and enter its series."""
        taken: list[Candles] = []
        for source, future in zip(batch, reading):
            loaded = future.result()
            for note in loaded.notes:
                warn_naive(note)
            self.result.seconds.read += loaded.seconds
            self.meter.learn(source.bars, sum(map(len, loaded.candles)))
            for candles in loaded.candles:
                self._enter(source, candles, loaded.dropped)
            taken += loaded.candles
        return taken

    def _enter(self, source: Source, candles: Candles, dropped: int) -> None:
        key = partition(candles.symbol, candles.timeframe)
        other = self.origins.setdefault(key, source.label)
        if other != source.label:
            raise CandleError(
                f"{other} and {source.label} are both {_title(candles)}: scan one of them, or give them different "
                "symbols by Candles.from_csv(path, symbol=...) and its like"
            )
        self.result.series.append(Series(candles.symbol, candles.timeframe, len(candles), dropped))

    def _computed(self, series: Sequence[Candles]) -> list[_Found]:
        """Run the detectors, whose tables are finished as soon as they are computed."""
        lanes = self._lanes(series)
        finisher = _Finisher(self.pool, self.writer, lanes)

        def consume(place: int, spec: Spec, emitted: Emitted | Table) -> Future[_Finished] | None:
            wanted = spec in self.result.specs  # or it only feeds others
            return finisher.submit(spec, series[place], emitted) if wanted else None

        began = perf_counter()
        found: list[dict[Spec, Any]]
        if self.cache is not None:
            found = self._cached(self.cache, series, lanes, consume)
        elif len(series) < FEW * lanes:
            found = [
                fold_batch(self.result.specs, candles.bars, lanes, partial(consume, place))
                for place, candles in enumerate(series)
            ]
        else:
            found = fold_many(self.result.specs, [candles.bars for candles in series], lanes, consume)
        self.result.seconds.compute += perf_counter() - began
        rows = self.result.series[-len(series) :]
        return [
            _Found(row, [futures[spec] for spec in self.result.specs]) for row, futures in zip(rows, found)
        ]

    def _cached(
        self,
        cache: Cache,
        series: Sequence[Candles],
        lanes: int,
        consume: Callable[[int, Spec, Table], Any],
    ) -> list[dict[Spec, Any]]:
        """Take tables from the cache, of several series at the same time."""
        specs = self.result.specs
        workers = max(1, lanes // len(series))

        def run(place: int) -> dict[Spec, Any]:
            tables = cache.run(specs, series[place], workers=workers, patient=True)
            return {spec: consume(place, spec, tables.pop(spec)) for spec in specs}

        with ThreadPoolExecutor(min(lanes, len(series)), thread_name_prefix="ict-kernels-scan") as pool:
            return list(pool.map(run, range(len(series))))

    def _lanes(self, series: Sequence[Candles]) -> int:
        """Threads that compute; of long series that are written half of them, as writing takes about as long."""
        long = self.writer is not None and any(len(candles) >= LONG for candles in series)
        return max(1, self.workers // 2) if long else self.workers

    def _collect(self, finishing: Iterable[_Found]) -> None:
        """Wait for a batch to be finished, and enter what was found."""
        for series, futures in finishing:
            for finished in (future.result() for future in futures):
                self.result.counts.append(finished.counted)
                self.result.seconds.compute += finished.compute
                self.result.seconds.write += finished.write
                if finished.table is not None:
                    key = finished.counted.spec, series.symbol, series.timeframe
                    self.result._tables[key] = finished.table
            self.meter.step(series.bars, f"{series.symbol} {series.timeframe}".strip())


class _Found(NamedTuple):
    """One series whose tables, one a detector, are being finished."""

    series: Series
    tables: list[Future[_Finished]]


class _Finisher:
    """Makes tables, counts and writes them in the pool; whoever computes waits while a few are not done."""

    def __init__(self, pool: ThreadPoolExecutor, writer: DatasetWriter | None, slots: int) -> None:
        self.pool = pool
        self.writer = writer
        self.slots = BoundedSemaphore(slots)

    def submit(self, spec: Spec, candles: Candles, emitted: Emitted | Table) -> Future[_Finished]:
        self.slots.acquire()
        future = self.pool.submit(_finish, spec, candles, [emitted], self.writer)
        future.add_done_callback(self._free)  # also of one that fails or is cancelled
        return future

    def _free(self, _: Future[_Finished]) -> None:
        self.slots.release()


def _batches(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Parts of the list with about `BATCH_BARS` bars each, longer ones only of a single source."""
    batch: list[Source] = []
    bars = 0
    for source in sources:
        if batch and bars + source.bars > BATCH_BARS:
            yield batch
            batch, bars = [], 0
        batch.append(source)
        bars += source.bars
    yield batch


def _load(source: Source, timeframes: Sequence[str]) -> _Loaded:
    began = perf_counter()
    with noted() as notes:  # threads have no caller to warn
        candles = source.read()
    try:
        wanted = [
            candles if name == candles.timeframe else candles.resample(name) for name in timeframes
        ] or [candles]
    except ParameterError as error:
        raise ParameterError(f"{source.label}: {error}") from error
    if len(candles) >= LONG:
        _give_back()
    return _Loaded(wanted, len(candles.dropped), notes, perf_counter() - began)


def _finish(
    spec: Spec, candles: Candles, parts: list[Emitted | Table], writer: DatasetWriter | None
) -> _Finished:
    """Make a table unless it is one, count it, and write it if there is a writer."""
    began = perf_counter()
    found = parts.pop()  # the pool holds the list until the table is written
    if isinstance(found, Emitted):
        found = table(spec, [found], candles)
    counted = _count(spec, found, candles)
    made = perf_counter()
    if writer is None:
        return _Finished(counted, found, made - began, 0.0)
    writer.write(spec, found, candles)
    del found
    if len(candles) >= LONG:
        _give_back()
    return _Finished(counted, None, made - began, perf_counter() - made)


def _count(spec: Spec, found: Table, candles: Candles) -> Count:
    symbol, timeframe = candles.symbol, candles.timeframe
    if isinstance(found, Events):
        bars, values = found.confirmed, found.direction
        ends = [found[name] for name in found.life if name in TERMINAL]
        still = int(np.all([end < 0 for end in ends], axis=0).sum()) if ends else None
    else:
        bars, values, still = np.arange(len(found)), found, None
    last = None
    if len(found):
        time = candles.time[bars[-1]].view("M8[ns]")
        last = LastEvent(symbol, timeframe, time, int(values[-1]))
    return Count(spec, symbol, timeframe, len(found), still, last)


def _give_back() -> None:
    """Give freed memory back to the system, which neither Arrow nor the C library does by itself."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not every C library has it
        if trim is not None:
            trim(0)


def _timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that are done when the block is left; on an error what has not begun is dropped."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ict-kernels-scan")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _title(candles: Candles) -> str:
    return " ".join(filter(None, (candles.symbol, candles.timeframe))) or "without symbol and timeframe"


def _plain(row: Count | Summary) -> dict[str, Any]:
    """A row as plain values, the detector by its name and parameters."""
    fields = row._asdict()
    spec, last = fields.pop("spec"), fields.pop("last")
    if last is not None:
        last = {**last._asdict(), "time": f"{last.time.astype('M8[s]')}Z"}
    return {"detector": spec.name, "parameters": spec.parameters, **fields, "last": last}


# ---------------------------------------------------------------------- progress


class _Meter:
    """Counts bars, and estimates how many there are from what the sources held so far."""

    def __init__(self, report: Report, expected: int) -> None:
        self.report = report
        self.expected = expected
        self.read_expected = 0
        self.read = 0
        self.done = 0

    def learn(self, expected: int, bars: int) -> None:
        """Note how many bars a source held in truth, all timeframes together."""
        self.read_expected += expected
        self.read += bars

    @property
    def total(self) -> int:
        rest = self.expected - self.read_expected
        return self.read + (rest * self.read // self.read_expected if self.read_expected else rest)

    def step(self, bars: int, label: str) -> None:
        """Note that a series is finished."""
        self.done += bars
        self.report(self.done, self.total, label)


def _reporting(progress: bool | Report) -> AbstractContextManager[Report]:
    if progress is True:
        return _progress_bar()
    return _calling(progress if callable(progress) else _silent)


def _silent(done: int, total: int, label: str) -> None:
    pass


@contextmanager
def _calling(report: Report) -> Iterator[Report]:
    yield report


@contextmanager
def _progress_bar() -> Iterator[Report]:
    """A bar on standard error, so that standard output can be piped."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scanning", total=None)

        def report(done: int, total: int, label: str) -> None:
            bar.update(task, completed=done, total=total, description=label)

        yield report
