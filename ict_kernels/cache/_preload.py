"""Reading ahead: which market is asked for next, and its latest tables in memory by then."""

from __future__ import annotations

import math
import os
import sys
import weakref
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from queue import Full, Queue
from threading import Event, Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple

from ..candles import Candles
from ..registry import Spec
from ..timeframes import Timeframe, canonical
from ._cache import Cache
from ._checks import check_number, check_share, check_type, check_whole
from ._keys import Key, build_id, series_id, spec_id
from ._stats import Stats

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._store import Stored

__all__ = ["AnalysisContext", "DataRequest", "SmartCachePreloader", "market_timeframe"]

Market = tuple[str, str]

_HISTORY: Final = 512  # requests that predictions look back on
_ORDER: Final = 0.7  # weight of which market follows which, against the time of day
_PATIENCE: Final = 0.1  # seconds of waiting for requests to end before looking whether to stop
_UNPACKED: Final = {True: 10, False: 1}
"""Bytes of memory that one of a file stands for, compressed or not.

Of 24,000 to 100,000 candles compressed files hold 9 to 10 on the average, those of single detectors 3 to 14.
"""


def market_timeframe(timeframe: Timeframe) -> str:
    """The name that candles have for a timeframe, which may be none at all."""
    return "" if isinstance(timeframe, str) and not timeframe else canonical(timeframe)


@dataclass(frozen=True)
class DataRequest:
    """Tables of one market.

    Parameters
    ----------
    symbol, timeframe : str
    detectors : tuple of Spec
    probability : float, default 1.0
        That it is asked for next, if it is a prediction.
    """

    symbol: str
    timeframe: str
    detectors: tuple[Spec, ...] = ()
    probability: float = 1.0


@dataclass(frozen=True)
class AnalysisContext:
    """What is being analysed, and when.

    Parameters
    ----------
    symbol, timeframe : str
        The market. However the timeframe is written, it is kept as candles have it.
    time : float, optional
        Seconds since 1970, by default now.

    Raises
    ------
    ParameterError
        If the symbol is no text, the timeframe none, or the time no number.

    Examples
    --------
    >>> AnalysisContext("EURUSD", "M15").timeframe
    '15min'
    """

    symbol: str
    timeframe: str
    time: float | None = None

    def __post_init__(self) -> None:
        check_type("AnalysisContext.symbol", self.symbol, str, "give that of the candles")
        object.__setattr__(self, "timeframe", market_timeframe(self.timeframe))
        if self.time is not None:
            check_number(
                "AnalysisContext", "time", self.time, math.isfinite, "a number of seconds since 1970"
            )


class _Visit(NamedTuple):
    """Requests for one market, one after the other."""

    market: Market
    hour: int
    detectors: tuple[Spec, ...]


class _History:
    """The latest requests, from which those to come are predicted."""

    def __init__(self, length: int) -> None:
        self._visits: deque[_Visit] = deque(maxlen=length)
        self.forked()

    def forked(self) -> None:
        """Go on in a child with what its parent saw; the lock may be held by a thread that is not there."""
        self._lock = Lock()

    def add(self, visit: _Visit) -> None:
        with self._lock:
            if self._visits and self._visits[-1].market == visit.market:
                before = self._visits.pop()
                visit = visit._replace(detectors=tuple(dict.fromkeys(before.detectors + visit.detectors)))
            self._visits.append(visit)

    def current(self) -> AnalysisContext | None:
        """The market that was asked for last, now."""
        with self._lock:
            return AnalysisContext(*self._visits[-1].market) if self._visits else None

    def predicted(self, current: Market, hour: int) -> list[DataRequest]:
        """What may come after a market, the likeliest first."""
        with self._lock:
            visits = list(self._visits)
        chances = _chances(visits, current, hour)
        detectors = {visit.market: visit.detectors for visit in visits}
        ordered = sorted(chances, key=lambda market: (-chances[market], market))
        return [DataRequest(*market, detectors[market], chances[market]) for market in ordered]


def _chances(visits: list[_Visit], current: Market, hour: int) -> dict[Market, float]:
    """How likely each market but the current one is next; they add up to 1."""
    markets = [visit.market for visit in visits]
    overall = Counter(markets)
    follows = Counter(later for earlier, later in zip(markets, markets[1:]) if earlier == current)
    at_hour = Counter(visit.market for visit in visits if visit.hour == hour)

    def smoothed(counts: Counter[Market], market: Market) -> float:
        return (counts[market] + overall[market] / len(markets)) / (counts.total() + 1)

    weights = {
        market: _ORDER * smoothed(follows, market) + (1 - _ORDER) * smoothed(at_hour, market)
        for market in overall
        if market != current
    }
    total = sum(weights.values())
    return {market: weight / total for market, weight in weights.items()}


class SmartCachePreloader:
    """Reads the tables that are likely to be asked for next into memory, while nothing else is asked for.

    It looks on as tables are asked for. How likely market ``m`` is after market ``c`` at hour ``h`` of the day, UTC, is
    ``0.7 * P(m | c) + 0.3 * P(m | h)``, made to add up to 1 over all markets but ``c``. Each part counts the latest
    requests, those for one market in a row as one, and is smoothed by one request spread as all of them are:
    ``P(m | c) = (n(c, m) + n(m) / n) / (n(c) + 1)``. Equally likely ones are ordered by name.

    Reading happens in one daemon thread, which waits before each file until no request is running, and reads only what
    memory is likely to have room for. A forked child goes on with what was seen; what was waiting to be read is its
    parent's.

    Parameters
    ----------
    cache : Cache
    max_entries : int, default 64
        Most tables in memory that were read ahead and not asked for yet.
    max_bytes : int, optional
        Most bytes of their files; by default an eighth of the cache's memory, of which tables take more than files.
    least_probability : float, default 0.1
        What is less likely is not predicted.
    max_waiting : int, default 4
        Calls of :meth:`preload_predictive_cache` that may wait for the thread.
    history : int, default 512
        Requests to look back on.

    Attributes
    ----------
    errors : int
        Calls that failed in the thread, and requests that could not be looked on.
    last_error : str or None
        What the latest of them failed of.

    Raises
    ------
    ParameterError
        If `cache` is no Cache, a bound is no whole number of at least 1, or the probability is not from 0 to 1.

    Examples
    --------
    >>> import tempfile
    >>> import ict_kernels as ict
    >>> markets = ict.sample_market(["EURUSD", "GBPUSD"], bars=2_000)
    >>> with tempfile.TemporaryDirectory() as folder, ict.Cache(folder) as cache:
    ...     with SmartCachePreloader(cache) as preloader:
    ...         for candles in [*markets, *markets, markets[0]]:
    ...             _ = cache.events("swings", candles)
    ...         expected = preloader.predict_next_requests()
    >>> [(request.symbol, request.detectors[0].name) for request in expected]
    [('GBPUSD', 'swings')]
    """

    def __init__(
        self,
        cache: Cache,
        *,
        max_entries: int = 64,
        max_bytes: int | None = None,
        least_probability: float = 0.1,
        max_waiting: int = 4,
        history: int = _HISTORY,
    ) -> None:
        check_type("SmartCachePreloader", cache, Cache, "open one with ict_kernels.Cache(folder)")
        self.max_bytes = max(1, cache.level.limit // 8) if max_bytes is None else max_bytes
        bounds = {"max_entries": max_entries, "max_bytes": self.max_bytes, "max_waiting": max_waiting}
        for name, bound in (bounds | {"history": history}).items():
            check_whole("SmartCachePreloader", name, bound, 1)
        check_share("SmartCachePreloader", "least_probability", least_probability)
        self.max_entries = max_entries
        self.least_probability = least_probability
        self._max_waiting = max_waiting
        self._cache = cache
        self._history = _History(history)
        self._begin()
        _PRELOADERS.add(self)

    def _begin(self) -> None:
        """Set up what belongs to one process: counts, the thread that reads, and what is waiting for it."""
        self.errors = 0
        self.last_error: str | None = None
        # What others read ahead, and what becomes of it, counts from now on as if this had read it.
        now = self._cache.stats()
        self._before = replace(now, preloaded=now.preloaded - len(self._cache.ahead))
        self._sizes: dict[Key, int] = {}
        self._waiting: Queue[AnalysisContext | None] = Queue(self._max_waiting)
        self._stopping = Event()
        self._starting = Lock()
        self._thread: Thread | None = None
        self._cache.listeners.append(self._observe)

    def _forked(self) -> None:
        """Begin anew in a child, where the thread is not."""
        was_closed = self._stopping.is_set()
        self._history.forked()
        self._begin()
        if was_closed:
            self.close()

    # --- predicting --------------------------------------------------------------------------------------------

    def _observe(self, specs: tuple[Spec, ...], candles: Candles) -> None:
        try:
            hour = _hour(self._cache.clock())
            self._history.add(_Visit((candles.symbol, candles.timeframe), hour, specs))
        except Exception as error:  # noqa: BLE001 (whoever asked has its tables already, and is to get them)
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.last_error = f"{type(error).__name__}: {error}"
        self.errors += 1

    def predict_next_requests(self, context: AnalysisContext | None = None) -> list[DataRequest]:
        """The markets that are likely to be asked for next, with the detectors that were asked for last.

        Parameters
        ----------
        context : AnalysisContext, optional
            What is being analysed; by default the market that was asked for last, now.

        Returns
        -------
        list of DataRequest
            The likeliest first.

        Raises
        ------
        ParameterError
            If `context` is no AnalysisContext.
        """
        context = self._context("predict_next_requests", context)
        if context is None:
            return []
        time = self._cache.clock() if context.time is None else context.time
        found = self._history.predicted((context.symbol, context.timeframe), _hour(time))
        return [request for request in found if request.probability >= self.least_probability]

    def _context(self, where: str, context: AnalysisContext | None) -> AnalysisContext | None:
        if context is None:
            return self._history.current()
        remedy = "make one with AnalysisContext(symbol, timeframe)"
        check_type(where, context, AnalysisContext, remedy)
        return context

    # --- reading ahead -----------------------------------------------------------------------------------------

    def preload_predictive_cache(self, context: AnalysisContext | None = None) -> bool:
        """Have the tables that are likely to be asked for next read into memory; returns at once.

        Parameters
        ----------
        context : AnalysisContext, optional
            As in :meth:`predict_next_requests`.

        Returns
        -------
        bool
            False if there is nothing to predict from, too much is waiting already, or this was closed.

        Raises
        ------
        ParameterError
            If `context` is no AnalysisContext. What fails later, in the thread, is counted in :attr:`errors`.
        """
        context = self._context("preload_predictive_cache", context)
        if context is None:
            return False
        with self._starting:
            if self._stopping.is_set():
                return False
            try:
                self._waiting.put_nowait(context)
            except Full:
                return False
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._work, name="ict-kernels-preload", daemon=True)
                self._thread.start()
        return True

    def _work(self) -> None:
        while (context := self._waiting.get()) is not None:
            try:
                self._preload(self.predict_next_requests(context))
            except Exception as error:  # noqa: BLE001 (nobody waits for this thread, and what is left out is read later)
                self._failed(error)
            finally:
                self._waiting.task_done()
        self._waiting.task_done()

    def _preload(self, requests: Iterable[DataRequest]) -> None:
        for request in requests:
            for spec in request.detectors:
                file = self._latest(request, spec)
                if file is None or not self._has_room(file.size):  # a smaller one may have
                    continue
                if not self._is_idle():
                    return
                if self._cache.load_ahead(file.key, spec):
                    self._sizes[file.key] = file.size
                elif (
                    self._cache.store.find(file.key) is not None
                ):  # neither gone nor damaged, so there was no room
                    return

    def _latest(self, request: DataRequest, spec: Spec) -> Stored | None:
        """The newest file of a table, unless it is too old or memory holds one of as many candles."""
        cache = self._cache
        series = series_id(request.symbol, request.timeframe)
        beyond_all = Key(build_id(), series, spec_id(spec), sys.maxsize, "")
        files = [file for key in cache.store.prefixes(beyond_all) if (file := cache.store.find(key))]
        newest = max(files, key=lambda file: file.created, default=None)
        if newest is None or cache.is_too_old(newest.created):
            return None
        if any(held.bars >= newest.key.bars for held in cache.level.prefixes(beyond_all)):
            return None
        return newest

    def _has_room(self, size: int) -> bool:
        """Whether a file of so many bytes is within the bounds, and its table likely to fit into memory."""
        cache = self._cache
        self._sizes = {key: each for key, each in self._sizes.items() if key in cache.ahead}
        unpacked = size * _UNPACKED[cache.settings.compression_enabled]
        return (
            len(self._sizes) < self.max_entries
            and sum(self._sizes.values()) + size <= self.max_bytes
            and unpacked <= cache.level.limit - cache.level.bytes
        )

    def _is_idle(self) -> bool:
        """Wait until no request is running; False if this is to stop."""
        while not self._stopping.is_set():
            if self._cache.wait_until_idle(_PATIENCE):
                return not self._stopping.is_set()
        return False

    # --- rates -------------------------------------------------------------------------------------------------

    @property
    def hit_rate(self) -> float:
        """Part of the tables read ahead that were asked for; 0 if none was read."""
        since = self._since()
        return since.preload_hits / since.preloaded if since.preloaded else 0.0

    @property
    def waste_rate(self) -> float:
        """Part of the tables read ahead that had to go before they were asked for; 0 if none was read."""
        since = self._since()
        return since.preload_wasted / since.preloaded if since.preloaded else 0.0

    def _since(self) -> Stats:
        return self._cache.stats() - self._before

    # --- ending ------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Wait until what is waiting to be read is read."""
        self._waiting.join()

    def close(self) -> None:
        """Stop looking on and reading, at the latest after the file being read. May be called twice."""
        with self._starting:
            first, thread = not self._stopping.is_set(), self._thread
            self._stopping.set()
        if first:
            self._cache.listeners.remove(self._observe)
        if thread is not None and thread.is_alive():
            if first:
                self._waiting.put(None)
            thread.join()

    stop = close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        reading = "reading" if self._waiting.unfinished_tasks else "idle"
        return (
            f"<SmartCachePreloader {self._cache.location}: {self._since().preloaded:,} tables read ahead, "
            f"{self.hit_rate:.0%} asked for, {'closed' if self._stopping.is_set() else reading}>"
        )


def _hour(time: float) -> int:
    return int(time // 3600) % 24


_PRELOADERS: weakref.WeakSet[SmartCachePreloader] = weakref.WeakSet()


def _forked() -> None:
    for preloader in list(_PRELOADERS):
        preloader._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)  # runs after that of caches, which forget who listens
