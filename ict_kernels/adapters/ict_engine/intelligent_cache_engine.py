"""The cache with the interface of phases 2 and 3 of the ICT Engine's optimization plan, which were never built.

Tables are found, continued and kept by :class:`ict_kernels.Cache`. Here are the plan's names for that, and the rules by
which results go: what took long to compute stays longer, in a calm market longer still, and what was made of a candle
that was not finished does not stay at all.

Examples
--------
>>> import tempfile
>>> import ict_kernels as ict
>>> candles = ict.sample_market(["EURUSD"], bars=100_000)[0]
>>> request = AnalysisRequest(candles, "market_structure")
>>> with tempfile.TemporaryDirectory() as folder, ict.Cache(folder) as cache:
...     engine = IntelligentCacheEngine(cache)
...     before = engine.smart_cache_lookup(request)
...     result = engine.analyze(request)
...     after = engine.smart_cache_lookup(request)
>>> before is None, set(result.actions.values()), set(after.actions.values())
(True, {'compute'}, {'memory'})
>>> [spec.name for spec in after.tables]
['structure_breaks', 'trend', 'displacements', 'market_structure_shifts', 'cisd', 'swings']
"""

from __future__ import annotations

import json
import math
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

from ...cache import Cache, Choice
from ...cache._checks import check_number, check_share, check_type
from ...cache._codec import DTYPES, decode, encode
from ...cache._index import Index
from ...cache._keys import Key, build_id, series_id, spec_id
from ...cache._lookup import closure
from ...cache._preload import AnalysisContext, DataRequest, SmartCachePreloader
from ...cache._upkeep import Compacted, compact
from ...candles import Candles
from ...detectors._run import check_candles, compute_tables, wrap
from ...errors import ParameterError
from ...events import Events
from ...registry import Entry, Spec, detector, detectors
from ._analysis import AnalysisRequest, AnalysisResult, CachedAnalysis, MarketContext

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "AnalysisContext",
    "AnalysisRequest",
    "AnalysisResult",
    "CachedAnalysis",
    "ConfluenceCacheStrategy",
    "ContextAwareCacheStrategy",
    "DataRequest",
    "IntelligentCacheEngine",
    "MarketContext",
    "PatternCacheStrategy",
    "PersistentStorageOptimizer",
    "SmartCachePreloader",
    "StructureCacheStrategy",
]

# --- what stays, and how long ---------------------------------------------------------------------------------------


class ContextAwareCacheStrategy:
    """Says what is worth keeping, and how soon it goes.

    The lifetime of a result is ``ttl * ttl_share * cost * calm``, with

    * ``cost = computing / (computing + reading)``, in seconds: 1 where reading takes no time, 1/2 where computing takes
      as long, 0 where there is nothing to compute;
    * ``calm = 1 - volatility_weight * volatility - session_weight * activity`` of the market, 1 if nothing is known.

    Parameters
    ----------
    ttl : float, default 3600
        Longest lifetime, in seconds.
    volatility_weight, session_weight : float, optional
        Part of the lifetime that volatility and open sessions take away, together at most 1; by default those of the
        class, here 0.4 and 0.2.
    least : float, default 0.1
        Part of ``ttl * ttl_share`` that a result has to live to be worth keeping. Costs and the market decide about
        that, then; `ttl_share` only sets how soon what is kept goes.
    clock : callable, default ``time.time``
        Seconds since 1970.

    Raises
    ------
    ParameterError
        If `ttl` is not above 0, or another number is not from 0 to 1.

    Examples
    --------
    >>> strategy = ContextAwareCacheStrategy(ttl=3600, clock=lambda: 1800.0)
    >>> item = CachedAnalysis(computing=0.03, reading=0.01, created=0.0)
    >>> strategy.cache_invalidation_score(item)  # half an hour old, of a lifetime of 45 minutes
    0.4
    >>> strategy.cache_invalidation_score(item, MarketContext(volatility=0.5, sessions=("London", "New York")))
    0.5263157894736842
    """

    families: ClassVar[frozenset[str] | None] = None
    """Families of the registry whose detectors it covers; None for all."""

    ttl_share: ClassVar[float] = 1.0
    """Part of the longest lifetime that its results have."""

    volatility_weight: float = 0.4
    session_weight: float = 0.2

    def __init__(
        self,
        ttl: float = 3600.0,
        *,
        volatility_weight: float | None = None,
        session_weight: float | None = None,
        least: float = 0.1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if volatility_weight is not None:
            self.volatility_weight = volatility_weight
        if session_weight is not None:
            self.session_weight = session_weight
        self.least = least
        self.clock = clock
        owner = type(self).__name__
        check_number(owner, "ttl", ttl, lambda ttl: 0 < ttl < math.inf, "a number of seconds above 0")
        for name in ("volatility_weight", "session_weight", "least"):
            check_share(owner, name, getattr(self, name))
        weights = self.volatility_weight + self.session_weight
        check_share(owner, "volatility_weight + session_weight", weights)
        self.ttl = ttl * self.ttl_share

    def covers(self, entry: Entry) -> bool:
        """Whether a detector of the registry is of its families."""
        return self.families is None or entry.family in self.families

    def detectors(self) -> tuple[Spec, ...]:
        """All detectors that it covers, with their default parameters."""
        return tuple(detector(name) for name, entry in detectors().items() if self.covers(entry))

    def should_cache_result(
        self, analysis: AnalysisResult, market_context: MarketContext | None = None
    ) -> bool:
        """Whether a result is worth keeping: it is final, and its lifetime is not below the least.

        Parameters
        ----------
        analysis : AnalysisResult
        market_context : MarketContext, optional

        Returns
        -------
        bool

        Raises
        ------
        ParameterError
            If `analysis` is no AnalysisResult, or `market_context` no MarketContext.
        """
        _check_analysis("should_cache_result", analysis, AnalysisResult, market_context)
        final = analysis.final and (market_context is None or market_context.final)
        return final and self.lifetime(analysis, market_context) >= self.least * self.ttl

    def cache_invalidation_score(
        self, cached_item: CachedAnalysis, market_context: MarketContext | None = None
    ) -> float:
        """How much a kept result should go: ``age / (age + lifetime)``.

        Parameters
        ----------
        cached_item : CachedAnalysis
        market_context : MarketContext, optional

        Returns
        -------
        float
            0 when it is new, 1/2 at the end of its lifetime, towards 1 after that; 1 if it is not final or has no
            lifetime.

        Raises
        ------
        ParameterError
            If `cached_item` is no CachedAnalysis (what :meth:`IntelligentCacheEngine.analyze` returns has no age), or
            `market_context` no MarketContext.
        """
        _check_analysis("cache_invalidation_score", cached_item, CachedAnalysis, market_context)
        lifetime = self.lifetime(cached_item, market_context)
        if not cached_item.final or lifetime <= 0:
            return 1.0
        age = max(0.0, self.clock() - cached_item.created)
        return age / (age + lifetime)

    def lifetime(self, analysis: AnalysisResult, market_context: MarketContext | None = None) -> float:
        """Seconds that a result is worth keeping."""
        _check_analysis("lifetime", analysis, AnalysisResult, market_context)
        cost = analysis.computing / (analysis.computing + analysis.reading) if analysis.computing > 0 else 0.0
        if market_context is None:
            return self.ttl * cost
        restless = (
            self.volatility_weight * market_context.volatility + self.session_weight * market_context.activity
        )
        return self.ttl * cost * max(0.0, 1.0 - restless)


def _check_analysis(where: str, analysis: object, kind: type[AnalysisResult], market_context: object) -> None:
    source = "smart_cache_lookup" if kind is CachedAnalysis else "analyze"
    check_type(where, analysis, kind, f"IntelligentCacheEngine.{source} returns one")
    _check_context(where, market_context)


def _check_context(where: str, market_context: object) -> None:
    if market_context is not None:
        check_type(where, market_context, MarketContext, "make one with MarketContext.of(candles)")


class PatternCacheStrategy(ContextAwareCacheStrategy):
    """Zones: gaps, blocks, liquidity. Prices trade through them, the sooner the wilder the market."""

    families = frozenset({"gaps", "blocks", "liquidity"})
    ttl_share = 0.5
    volatility_weight = 0.5
    session_weight = 0.25


class StructureCacheStrategy(ContextAwareCacheStrategy):
    """Swings and structure, on which all else is built: they stay longest, and volatility matters least to them."""

    families = frozenset({"swings", "structure"})
    volatility_weight = 0.2
    session_weight = 0.1


class ConfluenceCacheStrategy(ContextAwareCacheStrategy):
    """All detectors: where several agree, which lasts only as long as the most fleeting of them."""

    ttl_share = 0.25
    volatility_weight = 0.5
    session_weight = 0.25


_OPEN: Final = "open one with ict_kernels.Cache(folder)"
_STRATEGIES: Final[dict[str, type[ContextAwareCacheStrategy]]] = {
    "pattern_detection": PatternCacheStrategy,
    "market_structure": StructureCacheStrategy,
    "confluence_analysis": ConfluenceCacheStrategy,
}


class IntelligentCacheEngine:
    """Analyses that were made before, found in memory or on disk, or continued.

    Parameters
    ----------
    cache : Cache, optional
        By default one of its own in the default folder, which :meth:`close` closes.
    clock : callable, optional
        Seconds since 1970, by default those of the cache.
    threshold : float, default 0.5
        What scores above goes in :meth:`adaptive_cache_invalidation`; 0.5 is the end of a lifetime.

    Attributes
    ----------
    cache : Cache
    strategies : dict of str to ContextAwareCacheStrategy
        ``pattern_detection`` (families gaps, blocks, liquidity), ``market_structure`` (swings, structure) and
        ``confluence_analysis`` (all); they give results 1/2, all and 1/4 of the cache's time to live. A table stays as
        long as the strategy that gives it most, of those by which requests to this engine asked for that detector and
        market; of what nobody asked it for, of those that cover the detector.

    Raises
    ------
    ParameterError
        If `cache` is no Cache, or the threshold is not from 0 to below 1, at which not even unfinished results would
        go.
    """

    def __init__(
        self,
        cache: Cache | None = None,
        *,
        clock: Callable[[], float] | None = None,
        threshold: float = 0.5,
    ) -> None:
        owner = "IntelligentCacheEngine"
        if cache is not None:
            check_type(owner, cache, Cache, _OPEN)
        check_number(owner, "threshold", threshold, lambda share: 0 <= share < 1, "from 0 to below 1")
        self.cache = Cache() if cache is None else cache
        self.threshold = threshold
        self._owned = cache is None
        ttl = self.cache.settings.cache_ttl_seconds
        self.strategies = {
            name: strategy(ttl, clock=clock or self.cache.clock) for name, strategy in _STRATEGIES.items()
        }
        self._asked: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    # --- analyses ----------------------------------------------------------------------------------------------

    def smart_cache_lookup(self, request: AnalysisRequest) -> CachedAnalysis | None:
        """An analysis out of memory, else out of files, else continued after the candles that are new.

        Parameters
        ----------
        request : AnalysisRequest

        Returns
        -------
        CachedAnalysis or None
            None if a table would have to be computed from the first candle on, which includes what is faster computed
            than read.

        Raises
        ------
        ParameterError
            If `request` is no AnalysisRequest, or there is no such strategy.
        """
        began = perf_counter()
        _check_request("smart_cache_lookup", request)
        plan = self._plan(request)
        if any(choice.action == "compute" for choice in plan.values()):
            return None
        created = min(self._created(choice) for choice in plan.values())
        found = CachedAnalysis(**vars(self._planned(request, plan)), created=created)
        tables = self.cache.run(plan, request.candles, final=request.final)
        return replace(found, tables=tables, seconds=perf_counter() - began, kept=request.final)

    def analyze(
        self, request: AnalysisRequest, market_context: MarketContext | None = None
    ) -> AnalysisResult:
        """An analysis looked up, or computed, and kept if its strategy finds it worth that.

        Parameters
        ----------
        request : AnalysisRequest
        market_context : MarketContext, optional
            Of the market that is analysed. If its last candle is not finished, that of the request isn't either.

        Returns
        -------
        AnalysisResult
            Equal to a fresh computation, bit for bit.

        Raises
        ------
        ParameterError
            If `request` is no AnalysisRequest, `market_context` no MarketContext, or there is no such strategy.
        """
        began = perf_counter()
        _check_request("analyze", request)
        _check_context("analyze", market_context)
        if market_context is not None and not market_context.final:
            request = replace(request, final=False)
        plan = self._plan(request)
        planned = self._planned(request, plan)
        looked_up = any(choice.action != "compute" for choice in plan.values())
        worth = self._strategy(request).should_cache_result(planned, market_context)
        if looked_up or worth or not request.final:
            tables = self.cache.run(plan, request.candles, final=request.final)
        else:
            tables = compute_tables(plan, request.candles)
        kept = request.final and (looked_up or worth)
        return replace(planned, tables=tables, seconds=perf_counter() - began, kept=kept)

    def _strategy(self, request: AnalysisRequest) -> ContextAwareCacheStrategy:
        if request.strategy not in self.strategies:
            raise ParameterError(
                f"there is no strategy {request.strategy!r}; there are {', '.join(self.strategies)}"
            )
        return self.strategies[request.strategy]

    def _plan(self, request: AnalysisRequest) -> Mapping[Spec, Choice]:
        """Where tables would come from; that the strategy asked for them is noted."""
        strategy = self._strategy(request)
        # What is kept of candles of which the last is not finished is what comes of those before.
        candles = request.candles if request.final else request.candles[:-1]
        plan = self.cache.explain(request.detectors or strategy.detectors(), candles).choices
        series = series_id(candles.symbol, candles.timeframe)
        for spec in plan:
            self._asked[series, spec_id(spec)].add(request.strategy)
        return plan

    def _planned(self, request: AnalysisRequest, plan: Mapping[Spec, Choice]) -> AnalysisResult:
        costs, bars = self.cache.costs, len(request.candles)
        compressed = self.cache.settings.compression_enabled
        return AnalysisResult(
            actions={spec: choice.action for spec, choice in plan.items()},
            computing=costs.computing(closure(tuple(plan)), bars),
            reading=sum(
                costs.reading(spec.entry, bars, compressed) if choice.action == "compute" else choice.seconds
                for spec, choice in plan.items()
            ),
            final=request.final,
        )

    def _created(self, choice: Choice) -> float:
        key = choice.source
        held = (self.cache.level.peek(key) or self.cache.store.find(key)) if key is not None else None
        return held.created if held is not None else self.cache.clock()

    # --- invalidation ------------------------------------------------------------------------------------------

    def adaptive_cache_invalidation(self, market_context: MarketContext | None = None) -> int:
        """Remove what scores above the threshold with every strategy that asked for it, from memory and from disk.

        Those are the strategies of the requests to this engine for the same detector, parameters and market. Of what
        none of them asked for, it takes those that cover the detector.

        Parameters
        ----------
        market_context : MarketContext, optional
            Counts for the tables of its market. If its last candle is not finished, tables that were kept as if it
            were are removed.

        Returns
        -------
        int
            How many tables were removed. Those of other kernels or versions of the package are left to them.

        Raises
        ------
        ParameterError
            If `market_context` is no MarketContext.
        """
        _check_context("adaptive_cache_invalidation", market_context)
        removed = 0
        for key, name, item in self._held():
            context = market_context
            if context is not None and not context.applies_to(key.series):
                context = None
            if context is not None and context.unfinished == key.digest:
                item = replace(item, final=False)
            scores = [each.cache_invalidation_score(item, context) for each in self._judges(key, name)]
            if scores and min(scores) > self.threshold:
                self.cache.level.drop(key)
                self.cache.store.clear_item(key)
                removed += 1
        return removed

    def _judges(self, key: Key, name: str) -> list[ContextAwareCacheStrategy]:
        """The strategies that asked for a table; if none did, those that cover its detector."""
        asked = self._asked.get((key.series, key.spec), ())
        entry = detectors().get(name)
        return [strategy for each, strategy in self.strategies.items() if each in asked] or [
            strategy for strategy in self.strategies.values() if entry is not None and strategy.covers(entry)
        ]

    def _held(self) -> Iterator[tuple[Key, str, CachedAnalysis]]:
        """What is kept, on disk and in memory, with the detectors' names."""
        cache = self.cache
        cache.flush()  # what is being written would come back
        index = Index.opened(cache.store)
        index.save()
        on_disk = {record.key for record in index.records}
        known = detectors()
        for record in index.records:
            if record.key.build == build_id() and record.detector in known:
                reading = cache.costs.reading(known[record.detector], record.key.bars, record.compressed)
                item = CachedAnalysis(computing=record.seconds, reading=reading, created=record.created)
                yield record.key, record.detector, item
        for key in cache.level.keys():  # noqa: SIM118 it is no mapping
            entry = None if key in on_disk else cache.level.peek(key)
            if entry is not None:
                computing = sum(cost.computing for cost in entry.costs.values())
                *_, spec = entry.costs
                yield key, spec.name, CachedAnalysis(computing=computing, reading=0.0, created=entry.created)

    # --- ending ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the cache, if it was not handed in."""
        if self._owned:
            self.cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        cache = self.cache
        return (
            f"<IntelligentCacheEngine {cache.location}: {len(cache.level):,} tables in memory, "
            f"hit rate {cache.stats().hit_rate:.0%}>"
        )


def _check_request(where: str, request: object) -> None:
    check_type(where, request, AnalysisRequest, "make one with AnalysisRequest(candles)")


# --- storage --------------------------------------------------------------------------------------------------------

_MAGIC: Final = b"ICTDATA1"
_HEAD: Final = struct.Struct("<8sI16s")  # magic, length of the header, checksum of all that follows
_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_KINDS: Final = "biufcmM"  # of dtypes: bools, numbers and times, which are nothing but their bytes

Data = Events | bytes | NDArray[Any] | Mapping[str, NDArray[Any]]


class PersistentStorageOptimizer:
    """Makes data small, and the cache's folder tidy.

    Parameters
    ----------
    cache : Cache

    Raises
    ------
    ParameterError
        If `cache` is no Cache.

    Examples
    --------
    >>> import tempfile
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(["EURUSD"], bars=3_000)[0]
    >>> gaps = ict.fair_value_gaps(candles)
    >>> with tempfile.TemporaryDirectory() as folder, ict.Cache(folder) as cache:
    ...     optimizer = PersistentStorageOptimizer(cache)
    ...     small = optimizer.compress_cache_data(gaps)
    ...     back = optimizer.decompress_cache_data(small)
    ...     tidied = optimizer.optimize_storage_access()
    >>> back == gaps, len(small) < sum(gaps[name].nbytes for name in gaps.columns) / 3
    (True, True)
    >>> tidied.files_before, tidied.files_after
    (0, 0)
    """

    def __init__(self, cache: Cache) -> None:
        check_type("PersistentStorageOptimizer", cache, Cache, _OPEN)
        self.cache = cache

    def compress_cache_data(self, data: Data | bytearray) -> bytes:
        """Data in one block of bytes, by the codec of the cache's files.

        Parameters
        ----------
        data : Events, bytes, bytearray, ndarray or mapping of str to ndarray
            Arrays of numbers, bools or times; int64 and float64 of one dimension become smallest.

        Returns
        -------
        bytes
            Under a checksum; :meth:`decompress_cache_data` reads it.

        Raises
        ------
        ParameterError
            If the data are of another kind. Python objects would need pickle, which is never used.
        """
        header, columns = _taken_apart(data)
        header["raw"] = {
            name: [values.dtype.str, values.shape] for name, values in columns.items() if not _fits(values)
        }
        fitting = {
            name: np.frombuffer(values.tobytes(), np.int8) if name in header["raw"] else values
            for name, values in columns.items()
        }
        header["columns"], body = encode(fitting, compressed=True)
        text = json.dumps(header).encode()
        return _HEAD.pack(_MAGIC, len(text), xxh3_128_digest(text + body)) + text + body

    def decompress_cache_data(self, data: bytes | bytearray, candles: Candles | None = None) -> Data:
        """What was compressed, bit for bit.

        Parameters
        ----------
        data : bytes or bytearray
        candles : Candles, optional
            Those of events, whose times they need to tell their own.

        Returns
        -------
        Events, bytes, ndarray or dict of str to ndarray
            Arrays are read-only, and what was a bytearray is bytes.

        Raises
        ------
        CandleError
            If `candles` are none.
        ParameterError
            If it is not what :meth:`compress_cache_data` made.
        """
        if candles is not None:
            check_candles("decompress_cache_data", candles)
        if not isinstance(data, (bytes, bytearray)):
            raise ParameterError(
                f"decompress_cache_data takes the bytes of compress_cache_data, not {type(data).__name__}"
            )
        try:
            if len(data) < _HEAD.size or not data.startswith(_MAGIC):
                raise ValueError("it does not begin as those do")
            _, size, checksum = _HEAD.unpack_from(data)
            if xxh3_128_digest(data[_HEAD.size :]) != checksum:
                raise ValueError("its checksum does not fit")
            header = json.loads(data[_HEAD.size : _HEAD.size + size])
            columns = decode(header["columns"], bytes(data[_HEAD.size + size :]))
            for name, (dtype, shape) in header["raw"].items():
                columns[name] = _from_bytes(columns[name], dtype, shape)
            return _put_together(header, columns, candles)
        except _MALFORMED as error:
            raise ParameterError(
                f"decompress_cache_data: this is no data of compress_cache_data, or damaged ({error}); "
                "compress it anew"
            ) from error

    def optimize_storage_access(self) -> Compacted:
        """Remove what is too old or too much, compress what is not, and make the index anew.

        Returns
        -------
        Compacted
            Files and bytes before and after.

        Raises
        ------
        OutputError
            If the folder cannot be written; no table is lost then.
        """
        return compact(self.cache)


def _taken_apart(data: Data | bytearray) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    if isinstance(data, Events):
        spec = detector(data.detector, **data.parameters)  # by which they are put together again
        about = {"detector": spec.name, "parameters": spec.parameters}
        market = {"symbol": data.symbol, "timeframe": data.timeframe}
        return {"kind": "events", **about, **market}, {name: data[name] for name in data.columns}
    if isinstance(data, (bytes, bytearray)):
        return {"kind": "bytes"}, {"": np.frombuffer(data, np.int8)}
    if isinstance(data, np.ndarray):
        return {"kind": "array"}, {"": _storable("the array", data)}
    if isinstance(data, Mapping) and all(isinstance(name, str) for name in data):
        columns = {name: _storable(f"column {name!r}", values) for name, values in data.items()}
        return {"kind": "columns"}, columns
    raise ParameterError(
        f"compress_cache_data takes Events, bytes, an array or a mapping of names to arrays, not {type(data).__name__}"
    )


def _storable(what: str, values: object) -> NDArray[Any]:
    """An array that needs no pickle."""
    if isinstance(values, np.ndarray) and values.dtype.kind in _KINDS:
        return values
    found = f"of dtype {values.dtype}" if isinstance(values, np.ndarray) else f"a {type(values).__name__}"
    raise ParameterError(
        f"compress_cache_data: {what} is {found}, and kept are arrays of numbers, bools or times; "
        "convert it with numpy.asarray or astype, and leave out objects"
    )


def _fits(values: NDArray[Any]) -> bool:
    """Whether the codec takes an array as it is."""
    return values.dtype.name in DTYPES and values.dtype.isnative and values.ndim in (1, 2)


def _from_bytes(kept: NDArray[Any], dtype: str, shape: Sequence[int]) -> NDArray[Any]:
    if np.dtype(dtype).kind not in _KINDS:
        raise ValueError(f"{dtype!r} is no dtype that is kept")
    return kept.view(dtype).reshape(shape)


def _put_together(
    header: Mapping[str, Any], columns: dict[str, NDArray[Any]], candles: Candles | None
) -> Data:
    if header["kind"] == "events":
        spec = detector(header["detector"], **header["parameters"])
        times = None if candles is None else candles.time
        events: Events = wrap(
            spec, columns, time=times, symbol=header["symbol"], timeframe=header["timeframe"]
        )
        return events
    if header["kind"] == "columns":
        return columns
    return columns[""].tobytes() if header["kind"] == "bytes" else columns[""]
