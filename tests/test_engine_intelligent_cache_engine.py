"""The cache by the names of the engine's plan: what is looked up, what stays, and what goes."""

from __future__ import annotations

import importlib
import inspect
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

import ict_kernels as ict
from ict_kernels.adapters.ict_engine import MODULES, ORIGINALS, PLANNED
from ict_kernels.adapters.ict_engine.intelligent_cache_engine import (
    _HEAD,
    AnalysisRequest,
    AnalysisResult,
    CachedAnalysis,
    ConfluenceCacheStrategy,
    ContextAwareCacheStrategy,
    IntelligentCacheEngine,
    MarketContext,
    PatternCacheStrategy,
    PersistentStorageOptimizer,
    StructureCacheStrategy,
)
from ict_kernels.cache import _keys
from ict_kernels.cache._costs import CostModel
from ict_kernels.candles import Candles
from ict_kernels.config import CacheOptimization
from ict_kernels.reference._common import atr
from ict_kernels.registry import Spec
from tests.helpers import ohlc

NOW = 1.7e9
HOUR = 3600
[EURUSD, GBPUSD] = ict.sample_market(["EURUSD", "GBPUSD"], bars=5_000)
STRATEGIES = ("pattern_detection", "market_structure", "confluence_analysis")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and writing cost nothing, so that no decision depends on this machine."""
    monkeypatch.setattr(CostModel, "is_tiny", lambda *_: False)
    monkeypatch.setattr(CostModel, "reading", lambda *_: 0.0)
    monkeypatch.setattr(CostModel, "worth_writing", lambda *_: True)


@pytest.fixture
def cache(tmp_path: Path, clock: Clock, free: None) -> Iterator[ict.Cache]:
    with ict.Cache(tmp_path / "cache", CacheOptimization(cache_ttl_seconds=HOUR), clock=clock) as made:
        yield made


@pytest.fixture
def engine(cache: ict.Cache) -> IntelligentCacheEngine:
    return IntelligentCacheEngine(cache)


def same(mine: Any, theirs: Any) -> bool:
    return bool(np.array_equal(mine, theirs)) if isinstance(mine, np.ndarray) else bool(mine == theirs)


def assert_fresh(result: AnalysisResult, candles: Candles) -> None:
    for spec, table in result.tables.items():
        assert same(table, spec.entry.function(candles, **spec.parameters)), spec


def names(specs: Any) -> set[str]:
    return {spec.name for spec in specs}


def held(cache: ict.Cache) -> set[str]:
    """Digests of the candles of which a table is kept."""
    cache.flush()
    on_disk = {file.key.digest for file in cache.store.get_items()}
    return on_disk | {key.digest for key in cache.level.keys()}  # noqa: SIM118


# --- strategies -------------------------------------------------------------------------------------------------------


def test_the_plans_strategies(engine: IntelligentCacheEngine) -> None:
    assert {name: type(strategy) for name, strategy in engine.strategies.items()} == {
        "pattern_detection": PatternCacheStrategy,
        "market_structure": StructureCacheStrategy,
        "confluence_analysis": ConfluenceCacheStrategy,
    }
    assert {name: strategy.ttl for name, strategy in engine.strategies.items()} == {
        "pattern_detection": HOUR / 2,
        "market_structure": HOUR,
        "confluence_analysis": HOUR / 4,
    }


@pytest.mark.parametrize("name", ict.detectors())
def test_every_detector_is_covered_by_its_family(engine: IntelligentCacheEngine, name: str) -> None:
    family = {
        "gaps": "pattern_detection",
        "blocks": "pattern_detection",
        "liquidity": "pattern_detection",
        "swings": "market_structure",
        "structure": "market_structure",
    }[ict.detectors()[name].family]
    covering = [each for each in STRATEGIES if name in names(engine.strategies[each].detectors())]
    assert covering == [family, "confluence_analysis"]


def test_strategies_name_each_detector_once() -> None:
    specs = ConfluenceCacheStrategy().detectors()
    assert [spec.name for spec in specs] == list(ict.detectors())
    assert specs == tuple(map(ict.detector, ict.detectors()))


# --- scores -----------------------------------------------------------------------------------------------------------

SECONDS = st.floats(1e-6, 1e6)
SHARES = st.floats(0.0, 1.0)
SESSIONS = st.sampled_from([(), ("London",), ("New York",), ("London", "New York")])
CONTEXTS = st.none() | st.builds(MarketContext, SHARES, SESSIONS)
KINDS = st.sampled_from(
    [ContextAwareCacheStrategy, PatternCacheStrategy, StructureCacheStrategy, ConfluenceCacheStrategy]
)
POLICIES = st.builds(
    lambda kind, ttl, least: kind(ttl, least=least, clock=lambda: 0.0), KINDS, st.floats(1.0, 1e6), SHARES
)


def item(computing: float, reading: float, age: float, final: bool = True) -> CachedAnalysis:
    return CachedAnalysis(computing=computing, reading=reading, created=-age, final=final)


@given(POLICIES, CONTEXTS, SECONDS, SECONDS, SECONDS, SECONDS)
def test_costlier_results_stay_longer(
    strategy: ContextAwareCacheStrategy,
    context: MarketContext | None,
    cheap: float,
    more: float,
    reading: float,
    age: float,
) -> None:
    less, costlier = item(cheap, reading, age), item(cheap + more, reading, age)
    score = strategy.cache_invalidation_score
    assert 0.0 <= score(costlier, context) <= score(less, context) <= 1.0
    assert strategy.should_cache_result(costlier, context) >= strategy.should_cache_result(less, context)
    slower = item(cheap, reading + more, age)
    assert score(slower, context) >= score(less, context)


@given(POLICIES, CONTEXTS, SECONDS, SECONDS, SECONDS, SECONDS)
def test_older_results_go_sooner(
    strategy: ContextAwareCacheStrategy,
    context: MarketContext | None,
    computing: float,
    reading: float,
    age: float,
    more: float,
) -> None:
    scores = [
        strategy.cache_invalidation_score(item(computing, reading, each), context)
        for each in (-more, 0.0, age, age + more)
    ]
    assert scores == sorted(scores)
    assert scores[0] == scores[1] == 0.0


@given(POLICIES, st.tuples(SHARES, SHARES), SESSIONS, SECONDS, SECONDS, SECONDS)
def test_results_of_calmer_markets_stay_longer(
    strategy: ContextAwareCacheStrategy,
    volatilities: tuple[float, float],
    sessions: tuple[str, ...],
    computing: float,
    reading: float,
    age: float,
) -> None:
    one = item(computing, reading, age)
    calm, wild = (MarketContext(volatility) for volatility in sorted(volatilities))
    busy = MarketContext(wild.volatility, sessions)
    contexts = [None, calm, wild, busy]
    scores = [strategy.cache_invalidation_score(one, context) for context in contexts]
    kept = [strategy.should_cache_result(one, context) for context in contexts]
    assert scores == sorted(scores)
    assert kept == sorted(kept, reverse=True)


@given(POLICIES, SECONDS, SECONDS, SECONDS)
def test_half_is_the_end_of_a_lifetime(
    strategy: ContextAwareCacheStrategy, computing: float, reading: float, age: float
) -> None:
    one = item(computing, reading, age)
    score, lifetime = strategy.cache_invalidation_score(one), strategy.lifetime(one)
    assert score == age / (age + lifetime)
    assert abs(age - lifetime) < 1e-9 * age or (score > 0.5) == (age > lifetime)


@given(POLICIES, CONTEXTS, SECONDS, SECONDS, SECONDS)
def test_unfinished_results_are_never_kept_as_final(
    strategy: ContextAwareCacheStrategy,
    context: MarketContext | None,
    computing: float,
    reading: float,
    age: float,
) -> None:
    one = item(computing, reading, age, final=False)
    assert strategy.cache_invalidation_score(one, context) == 1.0
    assert not strategy.should_cache_result(one, context)
    assert not strategy.should_cache_result(item(computing, reading, age), MarketContext(final=False))


def test_the_formula_in_numbers() -> None:
    strategy = ContextAwareCacheStrategy(
        1000.0, volatility_weight=0.5, session_weight=0.25, clock=lambda: 0.0
    )
    context = MarketContext(volatility=0.5, sessions=("London",))
    lifetime = 1000.0 * (3 / (3 + 1)) * (1 - 0.5 * 0.5 - 0.25 * 0.5)
    assert strategy.lifetime(item(3.0, 1.0, 0.0), context) == pytest.approx(lifetime)
    score = strategy.cache_invalidation_score(item(3.0, 1.0, 200.0), context)
    assert score == pytest.approx(200 / (200 + lifetime))
    assert strategy.cache_invalidation_score(item(0.0, 0.0, 0.0)) == 1.0


def test_least_is_a_part_of_the_longest_lifetime() -> None:
    strategy = ContextAwareCacheStrategy(1000.0, least=0.5)
    assert strategy.should_cache_result(AnalysisResult(computing=1.0, reading=1.0))
    assert not strategy.should_cache_result(AnalysisResult(computing=1.0, reading=1.01))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ttl": 0.0}, "PatternCacheStrategy: ttl=0.0 is not a number of seconds above 0"),
        ({"ttl": float("nan")}, "ttl=nan"),
        ({"volatility_weight": -0.1}, "volatility_weight=-0.1 is not from 0 to 1"),
        ({"volatility_weight": 0.8}, r"volatility_weight \+ session_weight=1.05 is not from 0 to 1"),
        ({"least": 2.0}, "least=2.0 is not from 0 to 1"),
        ({"ttl": "1h"}, "ttl='1h' is not a number of seconds above 0"),
        ({"session_weight": "0.1"}, "session_weight='0.1' is not from 0 to 1"),
    ],
)
def test_mistakes_in_a_policy_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ict.ParameterError, match=message):
        PatternCacheStrategy(**arguments)


# --- the market -------------------------------------------------------------------------------------------------------


def ranges(sizes: list[float]) -> Candles:
    return ohlc([(100.0, 100.0 + size, 100.0 - size, 100.0) for size in sizes])


@pytest.mark.parametrize(
    ("sizes", "volatility"),
    [
        ([1.0 + bar / 10 for bar in range(60)], 1.0),
        ([10.0 - bar / 10 for bar in range(60)], 0.0),
        ([1.0] * 60, 0.0),
        ([1.0] * 14, 0.5),
        ([1.0] * 13, 0.5),
        ([], 0.5),
    ],
    ids=["rising", "falling", "flat", "one average", "no average", "no candles"],
)
def test_volatility_is_a_percentile(sizes: list[float], volatility: float) -> None:
    assert MarketContext.of(ranges(sizes)).volatility == volatility


def test_volatility_is_ranked_among_the_latest() -> None:
    """As over the whole series, whose beginning hardly counts any more."""
    averages = atr(EURUSD.high, EURUSD.low, EURUSD.close, 14)[-50:]
    expected = float(np.mean(averages[:-1] < averages[-1]))
    assert MarketContext.of(EURUSD, window=50).volatility == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("instant", "sessions"),
    [
        ("2024-01-03T07:30", ()),
        ("2024-01-03T08:00", ("London",)),
        ("2024-07-03T07:30", ("London",)),  # summer: an hour earlier
        ("2024-07-03T12:00", ("London", "New York")),
        ("2024-01-03T12:30", ("London",)),
        ("2024-01-03T13:00", ("London", "New York")),
        ("2024-03-20T12:30", ("London", "New York")),  # New York's summer has begun, London's has not
        ("2024-01-03T17:00", ("New York",)),
        ("2024-01-03T22:00", ()),
        ("2024-01-06T13:00", ()),  # a Saturday
    ],
)
def test_sessions_follow_their_own_clocks(instant: str, sessions: tuple[str, ...]) -> None:
    candles = Candles.from_numpy([np.datetime64(instant, "ns")], *[[1.0]] * 4, timeframe="15min", tz="UTC")
    context = MarketContext.of(candles)
    assert (context.sessions, context.activity) == (sessions, len(sessions) / 2)


def test_a_context_knows_its_market() -> None:
    context = MarketContext.of(EURUSD, final=False)
    assert (context.symbol, context.timeframe, context.final) == ("EURUSD", "15min", False)
    assert context.unfinished == EURUSD.digest
    assert MarketContext.of(EURUSD).unfinished == ""


@pytest.mark.parametrize("sessions", ["London", ["London"], ("London",)])
def test_a_lone_session_counts_as_one(sessions: Any) -> None:
    assert MarketContext(sessions=sessions) == MarketContext(sessions=("London",))


@pytest.mark.parametrize("sessions", ["Tokyo", ("London", "Tokyo"), ("london",), None, (["London"],)])
def test_sessions_that_there_are_not_are_named(sessions: Any) -> None:
    with pytest.raises(
        ict.ParameterError, match=r"MarketContext: there is no session .*; there are London, New York"
    ):
        MarketContext(sessions=sessions)


@pytest.mark.parametrize("spelt", ["M15", "15m", "15min", timedelta(minutes=15)])
def test_timeframes_may_be_written_in_any_way(spelt: Any) -> None:
    context = MarketContext(symbol="EURUSD", timeframe=spelt)
    assert context.timeframe == "15min"
    assert context.applies_to(_keys.series_id(EURUSD.symbol, EURUSD.timeframe))
    assert not context.applies_to(_keys.series_id("EURUSD", "1h"))


def test_candles_without_a_timeframe_are_a_market_too() -> None:
    lone = Candles.from_numpy([np.datetime64("2024-01-03T07:30", "ns")], *[[1.0]] * 4, tz="UTC")
    assert MarketContext.of(lone).applies_to(_keys.series_id(lone.symbol, ""))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"volatility": 1.5}, r"volatility=1\.5 is not from 0 to 1"),
        ({"volatility": "high"}, "volatility='high' is not from 0 to 1"),
        ({"symbol": "EURUSD", "timeframe": "often"}, "'often' is not a timeframe: write it as"),
        ({"symbol": EURUSD, "timeframe": "15min"}, r"MarketContext\.symbol takes a str, not Candles"),
        ({"symbol": "EURUSD"}, "symbol='EURUSD' and timeframe=None name no market; give both"),
        ({"timeframe": "15min"}, "symbol=None and timeframe='15min' name no market; give both"),
    ],
)
def test_mistakes_in_a_context_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ict.ParameterError, match=message):
        MarketContext(**arguments)


def test_mistakes_in_reading_a_context_off_are_named() -> None:
    with pytest.raises(ict.ParameterError, match="window=1 is not a whole number of at least 2"):
        MarketContext.of(EURUSD, window=1)
    with pytest.raises(ict.CandleError, match=r"MarketContext\.of takes Candles, not DataFrame"):
        MarketContext.of(EURUSD.to_pandas())  # type: ignore[arg-type]


# --- looking up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_analyses_are_those_of_a_fresh_computation(engine: IntelligentCacheEngine, strategy: str) -> None:
    request = AnalysisRequest(EURUSD, strategy)
    result = engine.analyze(request)
    assert names(result.tables) == names(engine.strategies[strategy].detectors())
    assert set(result.actions.values()) == {"compute"}
    assert result.kept
    assert_fresh(result, EURUSD)
    again = engine.analyze(request)
    assert set(again.actions.values()) == {"memory"}
    assert_fresh(again, EURUSD)


def looked_up(engine: IntelligentCacheEngine, request: AnalysisRequest) -> CachedAnalysis | None:
    """Look up, and make sure that nothing was computed from the first candle on."""
    before = engine.cache.stats()
    found = engine.smart_cache_lookup(request)
    assert (engine.cache.stats() - before).computed == 0
    return found


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_lookups_never_compute(engine: IntelligentCacheEngine, clock: Clock, strategy: str) -> None:
    cache, request = engine.cache, AnalysisRequest(EURUSD, strategy)
    assert looked_up(engine, request) is None
    assert cache.stats().requests == 0

    engine.analyze(request)
    cache.flush()
    clock.now += 60
    in_memory = looked_up(engine, request)
    cache.level.clear()
    on_disk = looked_up(engine, request)
    for found, action in ((in_memory, "memory"), (on_disk, "disk")):
        assert found is not None
        assert set(found.actions.values()) == {action}
        assert found.created == NOW
        assert (found.kept, found.final) == (True, True)
        assert found.computing > found.reading == 0.0
        assert_fresh(found, EURUSD)


def test_a_lookup_continues_what_is_shorter(engine: IntelligentCacheEngine) -> None:
    engine.analyze(AnalysisRequest(EURUSD[:4_990]))
    found = looked_up(engine, AnalysisRequest(EURUSD))
    assert found is not None
    assert set(found.actions.values()) == {"prefix"}
    assert_fresh(found, EURUSD)


def test_a_lookup_is_all_or_nothing(engine: IntelligentCacheEngine) -> None:
    engine.analyze(AnalysisRequest(EURUSD, detectors=("swings",)))
    assert looked_up(engine, AnalysisRequest(EURUSD, detectors=("swings", "fair_value_gaps"))) is None
    found = looked_up(engine, AnalysisRequest(EURUSD, "pattern_detection", (ict.detector("swings"),)))
    assert found is not None
    assert names(found.tables) == {"swings"}
    assert looked_up(engine, AnalysisRequest(EURUSD, detectors=(ict.detector("swings", left=9),))) is None


def test_lookups_go_on_from_the_candle_before_an_unfinished_one(engine: IntelligentCacheEngine) -> None:
    engine.analyze(AnalysisRequest(EURUSD[:4_999]))
    found = looked_up(engine, AnalysisRequest(EURUSD, final=False))
    assert found is not None
    assert set(found.actions.values()) == {"memory"}
    assert (found.final, found.kept) == (False, False)
    assert_fresh(found, EURUSD)
    assert held(engine.cache) == {EURUSD[:4_999].digest}


def test_what_was_kept_as_final_says_nothing_of_the_candle_before(engine: IntelligentCacheEngine) -> None:
    engine.analyze(AnalysisRequest(EURUSD))
    assert looked_up(engine, AnalysisRequest(EURUSD, final=False)) is None


def test_scores_of_what_is_looked_up(engine: IntelligentCacheEngine, clock: Clock) -> None:
    engine.analyze(AnalysisRequest(EURUSD, "market_structure"))
    clock.now += HOUR / 2
    found = looked_up(engine, AnalysisRequest(EURUSD, "market_structure"))
    assert found is not None
    assert engine.strategies["market_structure"].cache_invalidation_score(found) == pytest.approx(1 / 3)
    assert engine.strategies["pattern_detection"].cache_invalidation_score(found) == pytest.approx(1 / 2)


# --- keeping ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["request", "context"])
def test_unfinished_candles_are_analysed_and_not_kept(engine: IntelligentCacheEngine, by: str) -> None:
    context = MarketContext.of(EURUSD, final=False)
    if by == "request":
        result = engine.analyze(AnalysisRequest(EURUSD, final=False))
    else:
        result = engine.analyze(AnalysisRequest(EURUSD), context)
    assert (result.final, result.kept) == (False, False)
    assert_fresh(result, EURUSD)
    assert held(engine.cache) == {EURUSD[:-1].digest}


def test_what_is_not_worth_it_is_not_kept(engine: IntelligentCacheEngine) -> None:
    engine.strategies["pattern_detection"].least = 1.0
    wild = MarketContext(volatility=1.0)
    result = engine.analyze(AnalysisRequest(EURUSD, "pattern_detection"), wild)
    assert not result.kept
    assert_fresh(result, EURUSD)
    assert held(engine.cache) == set()
    assert engine.analyze(AnalysisRequest(EURUSD, "pattern_detection"), MarketContext(volatility=0.0)).kept
    assert held(engine.cache) == {EURUSD.digest}


def test_no_candles_at_all(engine: IntelligentCacheEngine) -> None:
    requests = [AnalysisRequest(EURUSD[:0], final=final) for final in (True, False)]
    for request in requests:
        assert looked_up(engine, request) is None
    for request in requests:
        assert_fresh(engine.analyze(request), EURUSD[:0])


def test_unknown_strategies_are_named(engine: IntelligentCacheEngine) -> None:
    with pytest.raises(
        ict.ParameterError, match="no strategy 'patterns'; there are pattern_detection, market"
    ):
        engine.analyze(AnalysisRequest(EURUSD, "patterns"))
    with pytest.raises(ict.ParameterError, match="no strategy"):
        engine.smart_cache_lookup(AnalysisRequest(EURUSD, "patterns"))


@pytest.mark.parametrize("request_", [EURUSD, None, {}], ids=["candles", "None", "a dict"])
@pytest.mark.parametrize("method", ["smart_cache_lookup", "analyze"])
def test_what_is_no_request_is_named(engine: IntelligentCacheEngine, method: str, request_: Any) -> None:
    expected = (
        rf"{method} takes an AnalysisRequest, not {type(request_).__name__}; make one with AnalysisRequest\("
    )
    with pytest.raises(ict.ParameterError, match=expected):
        getattr(engine, method)(request_)


def test_mistakes_in_a_request_are_named() -> None:
    with pytest.raises(ict.CandleError, match="AnalysisRequest takes Candles, not DataFrame"):
        AnalysisRequest(EURUSD.to_pandas())  # type: ignore[arg-type]
    with pytest.raises(
        ict.ParameterError, match=r"strategy takes a str, not list; detectors go to detectors="
    ):
        AnalysisRequest(EURUSD, ["swings"])  # type: ignore[arg-type]


def test_what_is_no_market_context_is_named(engine: IntelligentCacheEngine) -> None:
    context: Any = EURUSD
    result = AnalysisResult(computing=1.0, reading=0.0)
    strategy = engine.strategies["market_structure"]
    calls: dict[str, Callable[[], object]] = {
        "analyze": lambda: engine.analyze(AnalysisRequest(EURUSD), context),
        "adaptive_cache_invalidation": lambda: engine.adaptive_cache_invalidation(context),
        "should_cache_result": lambda: strategy.should_cache_result(result, context),
        "cache_invalidation_score": lambda: strategy.cache_invalidation_score(item(1.0, 0.0, 0.0), context),
        "lifetime": lambda: strategy.lifetime(result, context),
    }
    for name, call in calls.items():
        with pytest.raises(
            ict.ParameterError, match=rf"^{name} takes a MarketContext, not Candles; make one"
        ):
            call()


def test_what_is_no_analysis_is_named(engine: IntelligentCacheEngine) -> None:
    strategy = engine.strategies["market_structure"]
    nothing: Any = {}
    with pytest.raises(
        ict.ParameterError, match=r"^should_cache_result takes an AnalysisResult, not dict; .*analyze"
    ):
        strategy.should_cache_result(nothing)
    with pytest.raises(ict.ParameterError, match=r"^lifetime takes an AnalysisResult, not dict"):
        strategy.lifetime(nothing)
    result = engine.analyze(AnalysisRequest(EURUSD))
    with pytest.raises(
        ict.ParameterError,
        match=r"^cache_invalidation_score takes a CachedAnalysis, not AnalysisResult; .*smart_cache_lookup",
    ):
        strategy.cache_invalidation_score(result)  # type: ignore[arg-type]


@pytest.mark.parametrize("owner", [IntelligentCacheEngine, PersistentStorageOptimizer])
def test_what_is_no_cache_is_named(owner: Any) -> None:
    expected = rf"{owner.__name__} takes a Cache, not str; open one with ict_kernels\.Cache\(folder\)"
    with pytest.raises(ict.ParameterError, match=expected):
        owner("folder")


def test_it_says_what_it_holds(engine: IntelligentCacheEngine) -> None:
    begins = f"<IntelligentCacheEngine {engine.cache.location}: "
    assert repr(engine) == begins + "0 tables in memory, hit rate 0%>"
    for _ in range(2):
        engine.analyze(AnalysisRequest(EURUSD, detectors=("swings",)))
    assert repr(engine) == begins + "1 tables in memory, hit rate 50%>"


def test_a_cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: None) -> None:
    monkeypatch.setenv("ICT_KERNELS_CACHE_DIR", str(tmp_path / "mine"))
    with IntelligentCacheEngine() as engine:
        assert engine.cache.location == tmp_path / "mine"
        engine.analyze(AnalysisRequest(EURUSD))
    assert list((tmp_path / "mine").glob("*/*/*.ict"))


# --- going ------------------------------------------------------------------------------------------------------------


def left(cache: ict.Cache) -> set[str]:
    """Detectors of which a table is kept."""
    specs = {spec: cache.explain(spec, EURUSD).choices[spec] for spec in map(ict.detector, ict.detectors())}
    return names(spec for spec, choice in specs.items() if choice.action in ("memory", "disk"))


OF_STRUCTURE = names(StructureCacheStrategy().detectors())


@pytest.mark.parametrize("where", ["memory and disk", "disk", "memory"])
def test_results_go_at_the_end_of_their_lifetimes(
    engine: IntelligentCacheEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    cache = engine.cache
    if where == "memory":
        monkeypatch.setattr(CostModel, "worth_writing", lambda *_: False)
    cache.run("all", EURUSD)
    cache.flush()
    if where == "disk":
        cache.level.clear()
    everything = set(ict.detectors())
    for age, gone, stays in (
        (0.49 * HOUR, 0, everything),
        (0.51 * HOUR, len(everything - OF_STRUCTURE), OF_STRUCTURE),
        (0.99 * HOUR, 0, OF_STRUCTURE),
        (1.01 * HOUR, len(OF_STRUCTURE), set()),
    ):
        clock.now = NOW + age
        assert engine.adaptive_cache_invalidation() == gone
        assert age > HOUR or left(cache) == stays
    assert held(cache) == set()


@pytest.mark.parametrize(
    ("asking", "hours"),
    [
        (["confluence_analysis"], 0.25),
        (["pattern_detection"], 0.5),
        (["market_structure"], 1.0),
        (["confluence_analysis", "pattern_detection"], 0.5),
        (["market_structure", "confluence_analysis"], 1.0),
        ([], 1.0),
    ],
)
@pytest.mark.parametrize("kept", ["memory and disk", "memory"])
def test_results_stay_as_long_as_who_asked_for_them_wants(
    engine: IntelligentCacheEngine,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    asking: list[str],
    hours: float,
    kept: str,
) -> None:
    monkeypatch.setattr(CostModel, "worth_writing", lambda *_: kept != "memory")
    engine.cache.run("swings", EURUSD)
    for strategy in asking:
        engine.analyze(AnalysisRequest(EURUSD, strategy, ("swings",)))
    # What is asked for of other markets, or with other parameters, changes nothing.
    engine.smart_cache_lookup(AnalysisRequest(GBPUSD, "market_structure", ("swings",)))
    engine.smart_cache_lookup(AnalysisRequest(EURUSD, "market_structure", (ict.detector("swings", left=9),)))
    clock.now = NOW + 0.99 * hours * HOUR
    assert engine.adaptive_cache_invalidation() == 0
    clock.now = NOW + 1.01 * hours * HOUR
    assert engine.adaptive_cache_invalidation() == 1


def test_a_lookup_asks_as_well(engine: IntelligentCacheEngine, clock: Clock) -> None:
    engine.analyze(AnalysisRequest(EURUSD, "confluence_analysis", ("swings",)))
    clock.now += 0.3 * HOUR
    engine.smart_cache_lookup(AnalysisRequest(EURUSD, "market_structure", ("swings",)))
    assert engine.adaptive_cache_invalidation() == 0


def test_the_share_of_a_lifetime_decides_nothing_else(
    engine: IntelligentCacheEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is worth keeping is a matter of costs and of the market, which patterns mind more than structure."""
    result, wild = AnalysisResult(computing=1.0, reading=4.0), MarketContext(1.0, ("London", "New York"))
    assert {name: each.should_cache_result(result, wild) for name, each in engine.strategies.items()} == {
        "pattern_detection": False,
        "market_structure": True,
        "confluence_analysis": False,
    }
    for share in (0.01, 1.0):
        monkeypatch.setattr(ConfluenceCacheStrategy, "ttl_share", share)
        strategy = ConfluenceCacheStrategy(HOUR)
        assert strategy.should_cache_result(result)
        assert not strategy.should_cache_result(result, wild)


def test_results_of_wild_markets_go_sooner(engine: IntelligentCacheEngine, clock: Clock) -> None:
    for candles in (EURUSD, GBPUSD):
        engine.analyze(AnalysisRequest(candles, "pattern_detection"))
    engine.cache.flush()
    clock.now += 0.3 * HOUR  # of half an hour, of which volatility takes half
    calm = MarketContext(0.0, symbol="EURUSD", timeframe="15min")
    wild = MarketContext(1.0, symbol="EURUSD", timeframe="15min")
    assert engine.adaptive_cache_invalidation(calm) == 0
    assert engine.adaptive_cache_invalidation(wild) == len(engine.strategies["pattern_detection"].detectors())
    assert held(engine.cache) == {GBPUSD.digest}
    engine.adaptive_cache_invalidation(MarketContext(1.0))  # of all markets
    assert held(engine.cache) == set()


def test_what_was_wrongly_kept_as_final_goes(engine: IntelligentCacheEngine) -> None:
    engine.cache.run("swings", EURUSD[:4_990])
    engine.cache.run("swings", EURUSD)
    engine.cache.run("swings", GBPUSD)
    assert engine.adaptive_cache_invalidation(MarketContext.of(EURUSD)) == 0
    assert engine.adaptive_cache_invalidation(MarketContext.of(EURUSD, final=False)) == 1
    assert held(engine.cache) == {EURUSD[:4_990].digest, GBPUSD.digest}


def test_tables_of_other_builds_are_left_to_them(
    engine: IntelligentCacheEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(_keys, "build_id", lambda: "0123456789abcdef")
        engine.analyze(AnalysisRequest(EURUSD))
        engine.cache.flush()
        engine.cache.level.clear()
    clock.now += 10 * HOUR
    assert engine.adaptive_cache_invalidation() == 0
    assert held(engine.cache) == {EURUSD.digest}


def test_what_is_being_written_does_not_come_back(
    engine: IntelligentCacheEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, awaited = engine.cache, threading.Event()
    write, flush = cache.store.dump_item, cache.flush

    def write_when_awaited(*arguments: Any, **more: Any) -> None:
        assert awaited.wait(30)
        write(*arguments, **more)

    def await_writing() -> None:
        awaited.set()
        flush()

    monkeypatch.setattr(cache.store, "dump_item", write_when_awaited)
    monkeypatch.setattr(cache, "flush", await_writing)
    cache.run("swings", EURUSD)
    clock.now += 10 * HOUR
    engine.adaptive_cache_invalidation(MarketContext.of(EURUSD, final=False))
    assert held(cache) == set()


def test_the_threshold_decides(cache: ict.Cache, clock: Clock) -> None:
    engine = IntelligentCacheEngine(cache, threshold=0.0)
    engine.analyze(AnalysisRequest(EURUSD))
    assert engine.adaptive_cache_invalidation() == 0
    clock.now += 1
    assert IntelligentCacheEngine(cache, threshold=0.9).adaptive_cache_invalidation() == 0
    assert engine.adaptive_cache_invalidation() == len(ict.detectors())
    mistaken: Any
    for mistaken in (-0.1, 1.0, "half"):
        with pytest.raises(ict.ParameterError, match="is not from 0 to below 1"):
            IntelligentCacheEngine(cache, threshold=mistaken)


def test_a_clock_of_ones_own(cache: ict.Cache) -> None:
    engine = IntelligentCacheEngine(cache, clock=lambda: NOW + 2 * HOUR)
    engine.cache.run("swings", EURUSD)
    assert engine.adaptive_cache_invalidation() == 1


# --- storage ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def optimizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PersistentStorageOptimizer]:
    with ict.Cache(tmp_path_factory.mktemp("cache")) as made:
        yield PersistentStorageOptimizer(made)


DTYPES = (
    "int8",
    "int64",
    "float64",
    "int32",
    "uint64",
    "float32",
    "bool",
    ">i8",
    "complex64",
    "datetime64[ns]",
)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=20))
)


def bits(array: NDArray[Any]) -> tuple[Any, ...]:
    return array.dtype, array.shape, array.tobytes()


@given(data=st.binary(max_size=200) | ARRAYS | st.dictionaries(st.text(max_size=5), ARRAYS, max_size=4))
@example(np.arange(12, dtype=np.int32)[::-3])
@example(np.zeros((0, 3), np.float32))
@example(np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)))
def test_data_come_back_bit_for_bit(optimizer: PersistentStorageOptimizer, data: Any) -> None:
    back: Any = optimizer.decompress_cache_data(optimizer.compress_cache_data(data))
    assert type(back) is type(data)
    if isinstance(data, bytes):
        assert back == data
    elif isinstance(data, np.ndarray):
        assert bits(back) == bits(data)
    else:
        assert {name: bits(array) for name, array in back.items()} == {
            name: bits(array) for name, array in data.items()
        }


@pytest.mark.parametrize(
    "spec", [spec for spec in ConfluenceCacheStrategy().detectors() if not spec.entry.dense]
)
def test_events_come_back(optimizer: PersistentStorageOptimizer, spec: Spec) -> None:
    events = spec.entry.function(EURUSD, **spec.parameters)
    small = optimizer.compress_cache_data(events)
    back: Any = optimizer.decompress_cache_data(small, EURUSD)
    assert back == events
    assert (back.parameters, back.symbol, back.timeframe) == (events.parameters, "EURUSD", "15min")
    assert np.array_equal(back.times(), events.times())
    assert len(small) < 0.5 * sum(events[name].nbytes for name in events.columns)
    with pytest.raises(ict.ParameterError, match="carry no times"):
        optimizer.decompress_cache_data(small).times()  # type: ignore[union-attr]


def test_a_bytearray_comes_back_as_bytes(optimizer: PersistentStorageOptimizer) -> None:
    small = optimizer.compress_cache_data(bytearray(b"some"))
    assert optimizer.decompress_cache_data(small) == b"some"
    assert optimizer.decompress_cache_data(bytearray(small)) == b"some"


def test_what_comes_back_is_read_only(optimizer: PersistentStorageOptimizer) -> None:
    for dtype in DTYPES:
        back: Any = optimizer.decompress_cache_data(optimizer.compress_cache_data(np.zeros(3, dtype)))
        assert not back.flags.writeable


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (np.array([object()]), "the array is of dtype object"),
        (np.array(["text"]), "the array is of dtype <U4"),
        (np.zeros(1, "i8,i8"), r"the array is of dtype \["),
        ({"a": np.array([None])}, "column 'a' is of dtype object"),
        ({"a": np.zeros(1), "b": [1]}, "column 'b' is a list"),
    ],
)
def test_what_would_need_pickle_is_refused(
    optimizer: PersistentStorageOptimizer, data: Any, what: str
) -> None:
    expected = (
        f"compress_cache_data: {what}.*, and kept are arrays of numbers, bools or times; convert it with"
    )
    with pytest.raises(ict.ParameterError, match=expected):
        optimizer.compress_cache_data(data)


@pytest.mark.parametrize("data", ["text", [1, 2], {1: np.zeros(1)}, None])
def test_other_data_are_refused(optimizer: PersistentStorageOptimizer, data: Any) -> None:
    with pytest.raises(
        ict.ParameterError, match="takes Events, bytes, an array or a mapping of names to arrays"
    ):
        optimizer.compress_cache_data(data)


@pytest.mark.parametrize("junk", [b"", b"junk", b"x" * 100])
def test_junk_is_no_data(optimizer: PersistentStorageOptimizer, junk: bytes) -> None:
    expected = (
        r"no data of compress_cache_data, or damaged \(it does not begin as those do\); compress it anew"
    )
    with pytest.raises(ict.ParameterError, match=expected):
        optimizer.decompress_cache_data(junk)


def test_mistakes_in_decompressing_are_named(optimizer: PersistentStorageOptimizer) -> None:
    with pytest.raises(ict.ParameterError, match="takes the bytes of compress_cache_data, not str"):
        optimizer.decompress_cache_data("junk")  # type: ignore[arg-type]
    small = optimizer.compress_cache_data(ict.swings(EURUSD))
    with pytest.raises(ict.CandleError, match="decompress_cache_data takes Candles, not DataFrame"):
        optimizer.decompress_cache_data(small, EURUSD.to_pandas())  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["|O", "<U2", "junk"])
def test_planted_dtypes_are_refused(optimizer: PersistentStorageOptimizer, dtype: str) -> None:
    """What was made by hand may have any header, under a checksum that fits."""
    small = optimizer.compress_cache_data(np.zeros(8, np.float32))
    size = _HEAD.unpack_from(small)[1]
    header = json.loads(small[_HEAD.size : _HEAD.size + size])
    header["raw"] = {"": [dtype, [4]]}
    text = json.dumps(header).encode()
    content = text + small[_HEAD.size + size :]
    planted = _HEAD.pack(small[:8], len(text), xxh3_128_digest(content)) + content
    with pytest.raises(ict.ParameterError, match="no data of compress_cache_data, or damaged"):
        optimizer.decompress_cache_data(planted)


def test_damage_is_noticed_at_every_byte(optimizer: PersistentStorageOptimizer) -> None:
    whole = optimizer.compress_cache_data(np.arange(100))
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 0x10
        for damaged in (bytes(flipped), whole[:place]):
            with pytest.raises(ict.ParameterError, match="no data of compress_cache_data, or damaged"):
                optimizer.decompress_cache_data(damaged)


def test_storage_is_compacted_and_the_index_made_anew(tmp_path: Path, free: None) -> None:
    with ict.Cache(tmp_path, CacheOptimization(compression_enabled=False)) as cache:
        cache.run(ConfluenceCacheStrategy().detectors(), EURUSD)
    (tmp_path / "ict-kernels-index.json").write_text("lost")
    with ict.Cache(tmp_path) as cache:
        tidied = PersistentStorageOptimizer(cache).optimize_storage_access()
        assert tidied.files_before == tidied.files_after == len(ict.detectors())
        assert tidied.bytes_after < tidied.bytes_before / 2
        assert (tmp_path / "ict-kernels-index.json").read_text() != "lost"
        again = PersistentStorageOptimizer(cache).optimize_storage_access()
        assert (again.bytes_before, again.bytes_after) == (tidied.bytes_after, tidied.bytes_after)


# --- the module -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLANNED)
def test_planned_lists_every_class(name: str) -> None:
    module = importlib.import_module(f"ict_kernels.adapters.ict_engine.{name}")
    public = [each for each in module.__all__ if inspect.isclass(getattr(module, each))]
    assert list(PLANNED[name]) == public
    assert name not in MODULES
    assert name not in ORIGINALS
