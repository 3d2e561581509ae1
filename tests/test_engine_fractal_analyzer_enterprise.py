"""The engine's fractals: what the original returned, a row-by-row twin, and hand-computed examples."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine.fractal_analyzer_enterprise import (
    CircuitBreaker,
    FractalAnalyzerEnterprise,
    FractalGradeEnterprise,
    FractalRangeEnterprise,
    FractalStatusEnterprise,
    IntelligentCache,
    ObjectPool,
    PerformanceMetrics,
    SwingPointEnterprise,
    create_fractal_analyzer_enterprise,
)
from ict_kernels.detectors.engine.fractals import FRACTALS
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_bars, engine_frames, real_frame

NOW = datetime(2025, 9, 1, 10, 30)


def analyzer(**given_: Any) -> FractalAnalyzerEnterprise:
    return FractalAnalyzerEnterprise(**{"clock": lambda: NOW, **given_})


def frame(high: list[float], low: list[float], **columns: Any) -> pd.DataFrame:
    index = pd.date_range("2025-09-01", periods=len(high), freq="5min")
    return pd.DataFrame({"open": low, "high": high, "low": low, "close": low} | columns, index=index)


def peak(at: int, size: int, height: float = 2.0) -> pd.DataFrame:
    """A single high among flat candles; no swing low."""
    high = [1.0] * size
    high[at] = height
    return frame(high, [0.5] * size)


@pytest.mark.parametrize("name", ["fractal_swings", "fractal_range"])
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


@pytest.mark.parametrize(("at", "size", "found"), [(3, 6, True), (2, 6, False), (4, 6, False), (4, 7, True)])
def test_three_before_and_two_after(at: int, size: int, found: bool) -> None:
    highs, lows = analyzer()._detect_significant_swings_enterprise(peak(at, size))
    assert ([swing.index for swing in highs], lows) == ([at] if found else [], [])


def test_strength_and_factors_by_hand() -> None:
    highs, _ = analyzer()._detect_significant_swings_enterprise(peak(3, 6, 1.09))
    # The mean of 1, 1, 1, 1.09, 1, 1 is 1.015; nothing else is known so early.
    strength = (1.09 - 1.015) / 1.015
    assert highs[0].strength == pytest.approx(strength)
    assert highs[0].confidence == pytest.approx(0.5 * strength + 0.3 * 0.5 + 0.2 * 0.5)
    assert (highs[0].swing_type, highs[0].institutional_classification) == ("HIGH", "RETAIL")
    assert highs[0].timestamp == pd.Timestamp("2025-09-01 00:15")


def test_strength_is_limited_and_must_be_reached() -> None:
    found = analyzer()
    assert found.events(peak(3, 6, 9.0)).strength.tolist() == [0.2]
    assert len(found.events(peak(3, 6, 1.0000001))) == 0
    found.min_swing_strength = 0.0
    assert len(found.events(peak(3, 6, 1.0000001))) == 1


@pytest.mark.parametrize(("at", "swings"), [(0, [21]), (1, []), (40, [40]), (41, [21, 41])])
def test_looks_twenty_back_and_nineteen_ahead(at: int, swings: list[int]) -> None:
    candles = peak(21, 60)
    candles.loc[candles.index[at], "high"] = 3.0
    assert analyzer().events(candles).bar.tolist() == swings


def test_factors_of_volume_trend_and_volatility() -> None:
    size, at = 40, 30
    candles = peak(at, size)
    candles["volume"] = [10.0] * at + [30.0] + [10.0] * (size - at - 1)
    candles["close"] = np.linspace(1.0, 2.0, size)
    hits = analyzer().events(candles)
    closes = candles.close.to_numpy()[at - 19 : at + 1]
    assert hits.bar.tolist() == [at]
    assert hits.volume[0] == min(30 / 11, 2) / 2
    assert hits.trend[0] == 0.7
    assert hits.volatility[0] == 0.8
    candles["close"] = closes.mean() * 100 - candles["close"]
    hits = analyzer().events(candles)
    closes = candles.close.to_numpy()[at - 19 : at + 1]
    assert hits.trend[0] == 0.3
    assert hits.volatility[0] == max(0.2, 10 * (19 * 0.5 + 1.5) / 20 / closes.mean())
    assert len(analyzer().events(candles.assign(volume=0.0)).volume) == 1
    assert analyzer().events(candles.assign(volume=0.0)).volume[0] == 0.5


def pandas_factors(bars: Any, hits: Any) -> tuple[list[float], list[float]]:
    """Trend and volume as pandas' rolling means decide them."""
    close, volume = pd.Series(bars.close), pd.Series(bars.volume)
    fast, slow = close.rolling(10).mean().to_numpy(), close.rolling(20).mean().to_numpy()
    trend = [0.5 if at < 20 else 0.7 if fast[at] > slow[at] else 0.3 for at in hits.bar.tolist()]
    if not len(volume):
        return trend, [0.5] * len(hits)
    mean = volume.rolling(20).mean().to_numpy()
    measured = [min(volume[at] / mean[at], 2.0) / 2 if mean[at] > 0 else 0.5 for at in hits.bar.tolist()]
    return trend, measured


@settings(max_examples=60)
@given(bars=engine_bars(min_size=30))
def test_means_are_those_of_pandas_to_the_last_bit(bars: Any) -> None:
    hits = FRACTALS(bars, left=0, right=0, min_strength=0.0)
    trend, measured = pandas_factors(bars, hits)
    assert hits.trend.tolist() == trend
    assert hits.volume.tolist() == measured


def two_sided(size: int = 30) -> pd.DataFrame:
    candles = peak(10, size, 1.1)
    candles.loc[candles.index[20], "low"] = 0.4
    return candles


def test_range_by_hand() -> None:
    found = analyzer().detect_fractal_with_memory(two_sided(), 1.0)
    assert (found.high, found.low, found.eq) == (1.1, 0.4, 0.75)
    assert found.range_size_pips == abs(1.1 - 0.4) * 10000
    assert (found.high_timestamp, found.low_timestamp) == (two_sided().index[10], two_sided().index[20])
    assert found.age_minutes == 630 - 100
    assert (found.confidence, found.grade, found.valid) == (50.0, FractalGradeEnterprise.C, True)
    assert found.status is FractalStatusEnterprise.CALCULATED


def test_the_oldest_of_equal_swings_is_chosen() -> None:
    high, low = [1.0] * 200, [0.9] * 200
    for at in range(20, 200, 10):
        high[at], low[at - 5] = 1.1, 0.8
    found = analyzer().detect_fractal_with_memory(frame(high, low), 1.0)
    # 18 swings of which the newest 15 count: equal but for what goes before them, so the oldest wins.
    assert found.high_timestamp == frame(high, low).index[20 + 3 * 10]


def test_fallback_takes_ties() -> None:
    high, low = [1.0] * 20, [0.9] * 20
    high[8], high[9], low[6], low[7] = 1.2, 1.2, 0.7, 0.7
    strict = analyzer(strict=True).detect_fractal_with_memory(frame(high, low), 1.0)
    assert (strict.high, strict.low, strict.confidence, strict.grade) == (
        1.2,
        0.7,
        0.6,
        FractalGradeEnterprise.C,
    )
    assert strict.high_timestamp == frame(high, low).index[8]


def test_absolute_fallback() -> None:
    found = analyzer().detect_fractal_with_memory(frame([1.0, 1.2, 1.2], [0.9, 0.8, 0.8]), 1.0)
    assert (found.high, found.low, found.grade) == (1.2, 0.8, FractalGradeEnterprise.A)
    assert found.high_timestamp == found.low_timestamp == pd.Timestamp("2025-09-01 00:05")
    assert found.confidence == 50.0


@pytest.mark.parametrize("kind", ["empty", "zone", "numbers"])
def test_emergency(kind: str) -> None:
    candles = two_sided()
    if kind == "empty":
        candles = candles[:0]
    elif kind == "zone":
        candles = candles.tz_localize("UTC")
    else:
        candles = candles.reset_index(drop=True)
    found = analyzer().detect_fractal_with_memory(candles, 1.5)
    assert (found.high, found.low, found.status) == (1.51, 1.49, FractalStatusEnterprise.ACTIVE)
    assert (found.confidence, found.grade) == (50.0, FractalGradeEnterprise.C)


def test_strict_accepts_zones_and_needs_times() -> None:
    moment = datetime(2025, 9, 1, 10, 30, tzinfo=timezone(timedelta(hours=2)))
    strict = analyzer(strict=True, clock=lambda: moment)
    found = strict.detect_fractal_with_memory(two_sided().tz_localize("UTC"), 1.0)
    assert found.age_minutes == 510 - 100
    assert found.confidence < 0.6
    assert found.grade is FractalGradeEnterprise.RETAIL
    with pytest.raises(CandleError, match="needs times"):
        strict.detect_fractal_with_memory(two_sided().reset_index(drop=True), 1.0)


def test_levels_confluence_and_telemetry() -> None:
    found = create_fractal_analyzer_enterprise("GBPUSD", "H1")
    assert found.get_current_fractal_levels() is None
    assert found.analyze_fractal_confluence(1.0)["type"] == "NONE"
    found.detect_fractal_with_memory(two_sided(), 1.0)
    levels = found.get_current_fractal_levels()
    assert levels is not None
    assert (levels["high"], levels["low"], levels["grade"]) == (1.1, 0.4, "C")
    for price, kind in ((0.7505, "EQUILIBRIUM"), (1.1, "HIGH"), (0.3997, "LOW"), (0.9, "NONE")):
        assert found.analyze_fractal_confluence(price)["type"] == kind
    assert found.analyze_fractal_confluence(1.0, tolerance=0.5)["type"] == "EQUILIBRIUM"
    told: list[dict[str, Any]] = []
    found.telemetry_hook(told.append)
    assert (told[0]["symbol"], told[0]["detections"], told[0]["emergencies"]) == ("GBPUSD", 1, 0)
    assert told[0]["fractal"]["grade"] == "C"


class Watch:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_breaker_opens_and_closes() -> None:
    watch = Watch()
    breaker = CircuitBreaker(2, 60, seconds=watch)
    breaker.record_failure()
    assert not breaker.is_open()
    watch.now = 30.0
    breaker.record_failure()
    assert breaker.is_open()
    watch.now = 89.0
    assert breaker.is_open()
    watch.now = 90.0
    assert not breaker.is_open()
    breaker.record_failure()
    assert not breaker.is_open()
    breaker.record_success()
    breaker.record_failure()
    assert not breaker.is_open()


def test_cache_is_limited_in_size_and_time() -> None:
    watch = Watch()
    cache = IntelligentCache(2, 10, seconds=watch)
    cache.set("a", 1)
    cache.set("b", None)
    assert (cache.get("a"), cache.get("b", 0), cache.get("c", 0)) == (1, None, 0)
    assert cache.get("a") == 1
    watch.now = 5.0
    cache.set("c", 3)
    assert (cache.get("b", 0), len(cache)) == (0, 2)
    watch.now = 10.0
    assert (cache.get("a"), cache.get("c"), len(cache)) == (None, 3, 1)
    cache.set("c", 4)
    watch.now = 19.0
    assert cache.get("c") == 4
    cache.clear()
    assert len(cache) == 0


def test_pool_takes_objects_back() -> None:
    pool = ObjectPool(list, max_size=1)
    one, other = pool.acquire(), pool.acquire()
    assert one is not other
    pool.release(one)
    pool.release(other)
    assert len(pool) == 1
    assert pool.acquire() is one
    assert pool.acquire() is not other
    pool.release(one)
    with pytest.raises(ParameterError, match="once"):
        pool.release(one)


def test_metrics() -> None:
    metrics = PerformanceMetrics(calls=4, total_seconds=2.0, cache_hits=1, cache_misses=3)
    assert (metrics.mean_seconds, metrics.cache_hit_rate) == (0.5, 0.25)
    assert (PerformanceMetrics().mean_seconds, PerformanceMetrics().cache_hit_rate) == (0.0, 0.0)


@pytest.mark.parametrize("make", [CircuitBreaker, IntelligentCache])
def test_helpers_need_positive_numbers(make: Any) -> None:
    for numbers in ((0, 1), (1, 0), (math.nan, 1)):
        with pytest.raises(ParameterError, match="positive"):
            make(*numbers)
    with pytest.raises(ParameterError, match="max_size"):
        ObjectPool(max_size=0)


def test_detection_leaves_the_helpers_alone() -> None:
    found = analyzer()
    for name in ("circuit_breaker", "cache", "object_pool"):
        assert getattr(found, name) is not getattr(analyzer(), name)
    assert (found.circuit_breaker.failure_threshold, found.circuit_breaker.recovery_timeout) == (5, 60)
    assert (found.cache.max_size, found.cache.ttl) == (1000, 3600)
    found.detect_fractal_with_memory(two_sided(), 1.0)
    found.detect_fractal_with_memory(two_sided()[:0], 1.0)
    assert found.performance_metrics == PerformanceMetrics()
    assert (found.circuit_breaker.failures, len(found.cache), len(found.object_pool)) == (0, 0, 0)


def test_names() -> None:
    assert [grade.value for grade in FractalGradeEnterprise] == [
        "INSTITUTIONAL", "A+", "A", "B+", "B", "C", "RETAIL",
    ]  # fmt: skip
    assert [field.name for field in fields(SwingPointEnterprise)] == [
        "price", "timestamp", "index", "swing_type", "strength", "confidence", "confirmed", "tests",
        "memory_enhanced", "institutional_classification", "multi_timeframe_validation",
    ]  # fmt: skip
    assert [field.name for field in fields(FractalRangeEnterprise)] == [
        "high", "low", "eq", "high_timestamp", "low_timestamp", "status", "confidence", "grade", "age_minutes",
        "tests", "valid", "memory_enhanced", "institutional_level", "session_id", "range_size_pips",
        "volume_confirmation", "multi_timeframe_strength", "liquidity_level",
    ]  # fmt: skip


def test_not_a_number() -> None:
    candles = real_frame(100)
    candles.loc[candles.index[50], "high"] = math.nan
    with pytest.raises(CandleError, match="'high' is NaN"):
        analyzer().events(candles)
    hits = analyzer(tolerant=True).events(candles)
    assert len(hits) > 0
    assert 50 not in hits.bar[hits.side > 0].tolist()


@settings(max_examples=30)
@given(candles=engine_frames())
def test_rows_alone_give_the_same(candles: pd.DataFrame) -> None:
    def records() -> Any:
        found = analyzer()
        return found._detect_significant_swings_enterprise(candles), found.detect_fractal_with_memory(
            candles, 1.0
        )

    expected = records()
    with row_by_row():
        assert records() == expected
