"""The engine's smart money analyzer: what the original returned, row by row, and hand-computed examples."""

from __future__ import annotations

import inspect
import logging
import math
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ict_kernels.adapters.ict_engine import row_by_row
from ict_kernels.adapters.ict_engine.smart_money_analyzer import (
    InstitutionalFlow,
    InstitutionalOrderFlow,
    LiquidityPool,
    LiquidityPoolType,
    MarketMakerAnalysis,
    MarketMakerBehavior,
    OptimizedKillzone,
    SmartMoneyAnalyzer,
    SmartMoneySession,
    create_smart_money_analyzer,
    get_smart_money_analyzer_status,
)
from ict_kernels.detectors.engine.levels import CLOSE_BEYOND, CLOSE_NEAR, EQUAL_LEVELS, IMPULSES
from ict_kernels.detectors.engine.sessions import SESSIONS, VOLATILITY
from ict_kernels.detectors.engine.stop_hunts import LEVEL_TOUCHES, STOP_HUNTS, TRUE_RANGE
from ict_kernels.errors import CandleError, ParameterError
from ict_kernels.kernels.engine._types import EngineBars
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

GOLDEN_ENTRIES = (
    "sma_stop_hunts",
    "sma_swings",
    "sma_breaker_blocks",
    "sma_killzones",
    "sma_liquidity_pools",
    "sma_fvg",
    "sma_order_blocks",
)
MORNING = datetime(2022, 10, 11, 9, 30)
LONDON = SmartMoneySession.LONDON_KILLZONE


def analyzer(moment: datetime = MORNING, **options: Any) -> SmartMoneyAnalyzer:
    return SmartMoneyAnalyzer(clock=lambda: moment, **options)


def frame(n: int, **columns: Any) -> pd.DataFrame:
    """Quiet candles around 1.1037, far from a round price."""
    quiet = {"open": 1.1037, "high": 1.1042, "low": 1.1032, "close": 1.1037}
    return pd.DataFrame({name: np.full(n, value) for name, value in {**quiet, **columns}.items()})


def bars(**columns: list[float]) -> EngineBars:
    prices = [np.array(columns.get(name, []), float) for name in ("open", "high", "low", "close", "volume")]
    minute = np.array(columns.get("minute", []), np.int64)
    return EngineBars(prices[0], prices[1], prices[2], prices[3], prices[4], minute)


@pytest.mark.parametrize("name", GOLDEN_ENTRIES)
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


# ---- row by row ------------------------------------------------------------------------------


def everything(candles: pd.DataFrame, strict: bool) -> list[Any]:
    """What every detection method returns, as text so that NaN equals NaN."""
    one = analyzer(strict=strict)
    stamped = candles.reset_index(drop=True).assign(timestamp=candles.index)
    price = float(candles["close"].iloc[-1])
    pools = one.detect_liquidity_pools(candles, None, candles, price, session=LONDON)
    found = [
        one.detect_stop_hunts(candles, 20, 0.0001, 6),
        one.detect_stop_hunts(candles),
        one._find_swing_highs(candles),
        one._find_swing_lows(candles, 2),
        one._calculate_atr(candles).tolist(),
        [one._calculate_level_strength(candles, price, side) for side in ("resistance", "support")],
        one._detect_equal_highs(candles),
        one._detect_equal_lows(candles),
        pools,
        one.find_breaker_blocks(candles),
        one.find_breaker_blocks(stamped),
        one.analyze_killzones(candles),
        one.detect_market_maker_behavior(candles, None, pools, LONDON),
        one.analyze_institutional_order_flow(candles, candles, [{"price": price}] * 5, LONDON),
        one.institutional_flows,
        one.analyze_market_data(candles),
        one.analyze_smart_money_concepts("EURUSD", {"H1": candles}),
    ]
    return [repr(part) for part in found]


@settings(max_examples=30)
@given(candles=engine_frames(min_size=1))
def test_row_by_row_gives_the_same(candles: pd.DataFrame) -> None:
    for strict in (False, True):
        with row_by_row():
            expected = everything(candles, strict)
        assert everything(candles, strict) == expected


def test_row_by_row_gives_the_same_on_real_candles() -> None:
    candles = real_frame(400)
    with row_by_row():
        expected = everything(candles, strict=False)
    found = everything(candles, strict=False)
    assert found == expected
    assert "STOP_HUNT" in found[0]


def test_frames_are_not_modified() -> None:
    candles = real_frame(300)
    before = candles.copy()
    everything(candles, strict=True)
    pd.testing.assert_frame_equal(candles, before)


# ---- stop hunts ------------------------------------------------------------------------------


def hunted(**columns: Any) -> pd.DataFrame:
    """A wick to 1.1122 through the round price 1.11 at 54, taken back one candle later."""
    candles = frame(60, **columns)
    candles.loc[54, ["high", "close"]] = 1.1122, 1.1082
    candles.loc[55, "low"] = 1.0982
    return candles


def test_bearish_stop_hunt() -> None:
    [hunt] = analyzer().detect_stop_hunts(hunted())
    spike, size = 1.1122 - 1.11, 1.1122 - 1.0982
    assert hunt == {
        "timestamp": 54,
        "type": "BEARISH_STOP_HUNT",
        "target_level": 1.11,
        "spike_high": 1.1122,
        "spike_low": None,
        "reversal_level": 1.0982,
        "strength": pytest.approx(0.3 + 0.4 + 0.15),
        "volume_ratio": 1.0,
        "confidence": "MEDIUM",
        "spike_size": pytest.approx(spike),
        "reversal_size": pytest.approx(size),
        "reversal_periods": 1,
    }


def test_bullish_stop_hunt() -> None:
    candles = frame(60)
    candles.loc[54, ["low", "close"]] = 1.0978, 1.1018
    candles.loc[57, "high"] = 1.1098
    [hunt] = analyzer().detect_stop_hunts(candles)
    assert (hunt["type"], hunt["spike_low"], hunt["spike_high"]) == ("BULLISH_STOP_HUNT", 1.0978, None)
    assert (hunt["target_level"], hunt["reversal_level"], hunt["reversal_periods"]) == (1.1, 1.1042, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"high": 1.1112}, "the spike is too small"),
        ({"close": 1.1112}, "the close stays beyond half of the spike"),
    ],
)
def test_no_stop_hunt(change: dict[str, float], why: str) -> None:
    candles = hunted()
    for name, value in change.items():
        candles.loc[54, name] = value
    assert analyzer().detect_stop_hunts(candles) == [], why


def test_a_reversal_has_to_come_in_time() -> None:
    candles = hunted()
    candles = pd.concat([candles, frame(10)], ignore_index=True)
    candles.loc[55:59, ["high", "low"]] = 1.1095, 1.1090  # 0.1 % below 1.11 is 1.10889
    one = analyzer()
    assert one.detect_stop_hunts(candles, reversal_periods=5) == []
    assert one.detect_stop_hunts(candles, reversal_periods=6)[0]["reversal_periods"] == 6


def test_volume_raises_strength_and_confidence() -> None:
    candles = hunted(volume=100.0)
    candles.loc[54, "volume"] = 400.0
    [hunt] = analyzer().detect_stop_hunts(candles)
    assert hunt["volume_ratio"] == pytest.approx(400 / 115)
    assert (hunt["strength"], hunt["confidence"]) == (pytest.approx(1.0), "HIGH")
    [hunt] = analyzer().detect_stop_hunts(candles, volume_threshold=4.0)
    assert hunt["confidence"] == "MEDIUM"


def test_a_column_atr_is_used() -> None:
    candles = hunted(atr=0.005)
    assert analyzer().detect_stop_hunts(candles) == []
    assert len(analyzer().detect_stop_hunts(candles.assign(atr=math.nan))) == 1
    assert len(analyzer().detect_stop_hunts(candles.assign(atr=0.004))) == 1


def test_a_wide_range_hides_stop_hunts() -> None:
    candles = hunted()
    assert len(analyzer().detect_stop_hunts(candles)) == 1
    candles.loc[48, ["high", "low"]] = 1.15, 1.06
    assert 54 not in {hunt["timestamp"] for hunt in analyzer().detect_stop_hunts(candles)}


def test_stop_hunts_need_fifty_rows_and_sound_arguments() -> None:
    assert analyzer().detect_stop_hunts(frame(49)) == []
    assert analyzer().detect_stop_hunts(pd.DataFrame()) == []
    with pytest.raises(ParameterError, match="give 0 or more"):
        analyzer().detect_stop_hunts(frame(60), reversal_periods=-1)


def test_events_are_the_records_without_records() -> None:
    candles = real_frame(700)
    hits, records = analyzer().stop_hunt_events(candles), analyzer().detect_stop_hunts(candles)
    assert len(hits) == len(records) > 0
    assert hits.strength.tolist() == [record["strength"] for record in records]
    assert candles.index[hits.bar].tolist() == [record["timestamp"] for record in records]


def test_short_wicks_are_passed_over_only_where_nothing_is_lost() -> None:
    candles = real_frame(700)
    for spike in (0.0, 1e-5, 1e-4, 5e-4):
        with row_by_row():
            expected = analyzer().detect_stop_hunts(candles, 100, spike)
        assert analyzer().detect_stop_hunts(candles, 100, spike) == expected


def test_parts_of_a_frame_see_the_same_levels() -> None:
    columns = bars(**{name: real_frame(300)[name].tolist() for name in ("high", "low", "close")})
    whole = STOP_HUNTS(columns, spike=1e-4)
    assert len(whole) > 0
    last = int(whole.bar[-1])
    assert STOP_HUNTS(columns, last, last + 1, spike=1e-4).bar.tolist() == [
        bar for bar in whole.bar.tolist() if bar == last
    ]


@pytest.mark.parametrize(
    ("price", "levels"),
    [
        (1.1037, [1.08, 1.09, 1.10, 1.11, 1.12]),
        (1.1005, [1.08, 1.09, 1.11, 1.12]),
        (45.67, [45.4, 45.5, 45.6, 45.8]),
        (1923.4, [1921.0]),
    ],
)
def test_round_number_levels(price: float, levels: list[float]) -> None:
    assert analyzer()._get_round_number_levels(price) == pytest.approx(levels)


def test_level_strength() -> None:
    candles = pd.DataFrame({"high": [1.0, 1.0, 0.99, 1.003], "low": 0.9, "close": [0.95, 0.999, 0.9, 0.9]})
    # Two touches of 1.0 within 0.002, one of which closes below 0.998.
    assert analyzer()._calculate_level_strength(candles, 1.0, "resistance") == pytest.approx(0.4 * 1 / 2)
    assert analyzer()._calculate_level_strength(candles, 2.0, "resistance") == 0.0
    assert analyzer()._calculate_level_strength(candles, 0.9, "support") == pytest.approx(0.8 * 2 / 4)


def test_average_true_range() -> None:
    candles = pd.DataFrame({"high": [2.0, 3.0, 9.0], "low": [1.0, 2.5, 8.0], "close": [1.5, 3.0, 8.5]})
    ranges = analyzer()._calculate_atr(candles, 2)
    assert ranges.isna().tolist() == [True, False, False]
    assert ranges.tolist()[1:] == [(1.0 + 1.5) / 2, (1.5 + 6.0) / 2]
    assert TRUE_RANGE(bars(high=[2.0], low=[1.0], close=[1.5]), period=1).average.tolist() == [1.0]


# ---- swings ----------------------------------------------------------------------------------


def test_equal_neighbours_disqualify_swings() -> None:
    candles = pd.DataFrame({"high": [1, 2, 1, 3, 3, 1.0], "low": [1, 0.5, 1, 1, 0.25, 0.5]})
    assert analyzer()._find_swing_highs(candles, 1) == [(1, 2.0)]
    assert analyzer()._find_swing_lows(candles, 1) == [(1, 0.5), (4, 0.25)]
    assert analyzer()._find_swing_highs(candles) == []
    with pytest.raises(ParameterError, match="window is -1"):
        analyzer()._find_swing_highs(candles, -1)


# ---- killzones -------------------------------------------------------------------------------


def day(**columns: Any) -> pd.DataFrame:
    candles = frame(96, **columns)
    return candles.set_index(pd.date_range("2022-10-10", periods=96, freq="15min"))


def test_killzone_statistics() -> None:
    candles = day(volume=100.0)
    candles.loc[candles.index[28:32], "close"] = 1.1047  # four of London's twelve close higher
    candles.loc[candles.index[31], "high"] = 1.1062  # more than 0.1 % above the one before
    zones = analyzer().analyze_killzones(candles)
    london = zones["london"]
    assert (london["periods_analyzed"], london["hours"]) == (12, "07:00-10:00")
    metrics = london["metrics"]
    assert metrics == {
        "avg_range_pips": pytest.approx((11 * 10 + 30) / 12),
        "avg_volume": 100.0,
        "bullish_percentage": pytest.approx(100 * 4 / 12),
        "volatility": pytest.approx(10 * np.std([1] * 4 + [0] * 8, ddof=1)),
        "bos_frequency": pytest.approx(100 / 12),
        "total_periods": 12,
    }
    expected = 0.3 * metrics["avg_range_pips"] / 20 + 0.25 * metrics["volatility"] / 15
    expected += 0.25 * metrics["bos_frequency"] / 30 + 0.2 * 100 / 500
    assert london["activity_score"] == pytest.approx(expected)
    assert london["recommendation"].startswith("LOW_ACTIVITY")
    assert zones["current_optimal"]["optimal_zone"] == "london"
    assert zones["analysis_summary"] == {
        "total_periods": 96,
        "timezone": "GMT",
        "timestamp": MORNING,
        "killzones_analyzed": 4,
        "overlaps_included": True,
    }
    assert list(zones["session_overlaps"]) == ["london_ny", "asian_london", "ny_asian"]
    assert "session_overlaps" not in analyzer().analyze_killzones(candles, include_overlaps=False)


def test_killzone_hours_are_those_of_the_index() -> None:
    candles = day()
    expected = analyzer().analyze_killzones(candles)["london"]["metrics"]
    for unit in ("s", "ms", "us", "ns"):
        moved = candles.set_index(pd.DatetimeIndex(candles.index).as_unit(unit).tz_localize("Asia/Tokyo"))
        assert analyzer().analyze_killzones(moved)["london"]["metrics"] == expected
        naive = candles.set_index(pd.DatetimeIndex(candles.index).as_unit(unit))
        assert analyzer().analyze_killzones(naive)["london"]["metrics"] == expected


def test_before_1970_hours_are_right_too() -> None:
    candles = day().set_index(pd.date_range("1969-12-30 07:00", periods=96, freq="15min"))
    assert analyzer().analyze_killzones(candles)["london"]["periods_analyzed"] == 12


def test_without_times_every_candle_is_one_of_noon() -> None:
    zones = analyzer().analyze_killzones(frame(50))
    assert zones["ny"]["periods_analyzed"] == zones["london_ny_overlap"]["periods_analyzed"] == 50
    assert set(zones["london"]) == {"error", "periods_analyzed"}
    assert list(zones["session_overlaps"]) == ["london_ny"]


def test_no_active_killzone_means_the_overlap() -> None:
    candles = frame(50, high=1.1037, low=1.1037)
    optimal = analyzer().analyze_killzones(candles)["current_optimal"]
    assert (optimal["optimal_zone"], optimal["score"], optimal["confidence"]) == ("overlap", 0.8, "MEDIUM")


@pytest.mark.parametrize(
    ("size", "body", "advice", "confidence"),
    [
        (0.0004, 0.0, "VERY_LOW", "LOW"),
        (0.0006, 0.0, "LOW", "LOW"),
        (0.0012, 0.0015, "MODERATE", "LOW"),
        (0.0040, 0.0080, "HIGH", "HIGH"),
    ],
)
def test_advice(size: float, body: float, advice: str, confidence: str) -> None:
    n = 60
    steps = np.where(np.arange(n) % 2, 0.0, body)
    base = 1.0 + np.where(np.arange(n) % 2, 0.0, 0.005 if advice == "HIGH" else 0.0)
    candles = pd.DataFrame(
        {"open": base, "close": base + steps, "high": base + size, "low": base, "volume": 600.0}
    )
    zones = analyzer().analyze_killzones(candles)
    assert zones["ny"]["recommendation"].split()[0] == f"{advice}_ACTIVITY"
    assert zones["current_optimal"]["confidence"] in (confidence, "MEDIUM")


def test_killzones_need_fifty_rows() -> None:
    assert set(analyzer().analyze_killzones(frame(49))) == {"error"}


def test_session_leaves_out_what_is_nan() -> None:
    columns = bars(
        open=[1.0, 1.0, 1.0],
        high=[3.0, math.nan, 5.0],
        low=[1.0, 1.0, 1.0],
        close=[2.0, math.nan, 4.0],
        volume=[10.0, 20.0, math.nan],
        minute=[0, 0, 59],
    )
    [row] = SESSIONS(columns).rows()
    assert row == (2, 2, 0, 3, 2, 0, 3.0, 15.0, pytest.approx(math.sqrt(2)))
    assert len(SESSIONS(columns, zone0=0b10)) == 0


def test_zones_of_sessions_may_overlap_and_need_not_be_in_one_piece() -> None:
    n = 24
    columns = bars(
        open=[1.0] * n,
        high=[float(hour + 1) for hour in range(n)],
        low=[0.0] * n,
        close=[1.0] * n,
        minute=[60 * hour + 59 for hour in range(n)],
    )
    found = SESSIONS(columns, zone0=0b111, zone2=0b101 | 1 << 23, zone5=0b10)
    assert found.zone.tolist() == [0, 2, 5]
    assert found.columns["rows"].tolist() == [3, 3, 1]
    assert found.range.tolist() == [2.0, (1.0 + 3.0 + 24.0) / 3, 2.0]
    assert found.bar.tolist() == [2, 23, 1]
    assert found.breaks.tolist() == [1, 1, 0]  # from the third bar on


def test_optimized_killzones() -> None:
    zones = analyzer().optimize_killzones_dynamically(None, {"london_killzone": 0.95, "asian_killzone": 0.5})
    assert list(zones) == list(analyzer().killzones)
    london, asian = zones[LONDON], zones[SmartMoneySession.ASIAN_KILLZONE]
    assert london.dynamic_adjustments == {"reduce_position_size": False, "extend_session_time": True}
    assert asian.dynamic_adjustments == {"reduce_position_size": True, "extend_session_time": False}
    assert zones[SmartMoneySession.POWER_HOUR].historical_success_rate == 0.75
    assert (london.liquidity_events, london.efficiency_score) == (15, 0.85)


@pytest.mark.parametrize(
    ("clock", "session"),
    [
        ("00:00", "ASIAN_KILLZONE"),
        ("03:00", "ASIAN_KILLZONE"),
        ("03:01", "INACTIVE_SESSION"),
        ("08:00", "LONDON_KILLZONE"),
        ("11:00", "LONDON_KILLZONE"),
        ("13:00", "OVERLAP_LONDON_NY"),
        ("15:00", "OVERLAP_LONDON_NY"),
        ("15:01", "POWER_HOUR"),
        ("16:00", "POWER_HOUR"),
        ("16:01", "INACTIVE_SESSION"),
    ],
)
def test_session_by_the_clock(clock: str, session: str) -> None:
    moment = datetime.fromisoformat(f"2022-10-10T{clock}")
    assert analyzer(moment).get_current_smart_money_session().name == session


# ---- liquidity pools -------------------------------------------------------------------------


def h4(n: int = 60) -> pd.DataFrame:
    highs = 1.2 + 0.01 * np.arange(n)
    return pd.DataFrame(
        {"high": highs, "low": highs - 0.1}, index=pd.date_range("2022", periods=n, freq="4h")
    )


def m15(price: float, loud: float = 100.0) -> pd.DataFrame:
    return pd.DataFrame({"close": [price, 0.5, 0.5, 0.5], "tick_volume": [loud, 10.0, 10.0, 10.0]})


def pools_at(
    price: float, loud: float, moment: datetime = MORNING, **options: Any
) -> list[tuple[str, float]]:
    found = analyzer(moment, **options).detect_liquidity_pools(h4(), None, m15(price, loud), price)
    return [(pool.pool_type.value, round(pool.institutional_interest, 6)) for pool in found]


def test_pools_need_volume_and_old_ones_a_session() -> None:
    top = 1.2 + 0.59
    assert pools_at(top, 100.0) == [("old_high", 0.7), ("daily_high", 0.8)]
    assert pools_at(top, 100.0, datetime(2022, 10, 10, 12)) == [("daily_high", 0.6)]
    assert pools_at(top, 10.0) == []


def test_pool_fields() -> None:
    one, candles = analyzer(), h4()
    found = one.detect_liquidity_pools(candles, None, m15(1.2 + 0.1 - 0.1), 1.0)
    [old] = [pool for pool in found if pool.pool_type is LiquidityPoolType.OLD_LOW]
    assert old.institutional_interest == pytest.approx(0.7)
    assert old == LiquidityPool(
        pool_type=LiquidityPoolType.OLD_LOW,
        price_level=candles["low"].iloc[10],
        strength=0.7,
        timestamp=candles.index[10],
        touches=1,
        volume_evidence=0.6,
        institutional_interest=old.institutional_interest,
        session_origin=LONDON,
        timeframe_origin="H4",
        expected_reaction="bullish_reaction",
        invalidation_price=candles["low"].iloc[10] * 0.998,
    )
    assert one.detected_liquidity_pools == found


def test_session_may_be_given() -> None:
    one = analyzer(datetime(2022, 10, 10, 12))
    found = one.detect_liquidity_pools(
        h4(), None, m15(1.79), 1.0, session=SmartMoneySession.NEW_YORK_KILLZONE
    )
    assert {pool.session_origin.name for pool in found} == {"NEW_YORK_KILLZONE"}


def test_no_pools_without_tick_volume_or_candles() -> None:
    one = analyzer()
    assert one.detect_liquidity_pools(h4(), None, m15(1.79).drop(columns="tick_volume"), 1.0) == []
    assert one.detect_liquidity_pools(h4(0), None, m15(1.79), 1.0) == []


def test_equal_levels() -> None:
    highs = np.linspace(1.0, 1.4, 40)
    highs[[14, 17, 30, 31, 32, 33]] = 2.0, 2.0004, 3.0, 3.0, 3.0, 3.0
    candles = pd.DataFrame({"high": highs, "low": -highs})
    found = analyzer()._detect_equal_highs(candles)
    assert [(level.price_level, level.touches) for level in found] == [(2.0, 2), (2.0004, 2), (3.0, 4)]
    assert [(level.strength, level.institutional_interest) for level in found] == [(0.5, 0.4)] * 2 + [
        (1.0, 0.6)
    ]
    assert {level.pool_type.value for level in found} == {"equal_highs"}
    assert all(level.fallback for level in found)
    lows = analyzer()._detect_equal_lows(candles)
    assert [level.price_level for level in lows] == [-level.price_level for level in found]


@pytest.mark.parametrize("candles", [h4(19), h4(40), h4(40)[["low"]].rename(columns={"low": "x"}), h4(0)])
def test_placeholders_where_no_levels_are_equal(candles: pd.DataFrame) -> None:
    for found, expected in (
        (analyzer()._detect_equal_highs(candles), [(0.65, 2, 0.60), (0.55, 1, 0.45)]),
        (analyzer()._detect_equal_lows(candles), [(0.68, 2, 0.62), (0.52, 1, 0.42)]),
    ):
        assert [(p.strength, p.touches, p.institutional_interest) for p in found] == expected
        assert {p.price_level for p in found} == {0.0}


def test_only_a_strict_analyzer_returns_equal_levels() -> None:
    candles = h4(40)
    candles.iloc[[14, 16, 18], 0] = 1.305
    found = analyzer(strict=True).detect_liquidity_pools(candles, None, m15(9.0), 1.0)
    assert [(p.pool_type.value, p.price_level, p.touches) for p in found][:2] == [
        ("equal_highs", 1.305, 3)
    ] * 2
    assert found[0].timestamp == candles.index[14]
    assert analyzer().detect_liquidity_pools(candles, None, m15(9.0), 1.0) == []


def test_rule_of_equal_levels_looks_ten_back_and_four_ahead() -> None:
    prices = np.arange(30.0)
    prices[[11, 21]] = 100.0
    assert EQUAL_LEVELS(bars(high=prices.tolist())).bar.tolist() == [21]
    prices[[11, 21, 25]] = 11.0, 100.0, 100.0
    assert EQUAL_LEVELS(bars(high=prices.tolist())).bar.tolist() == [21]


# ---- breakers --------------------------------------------------------------------------------


def broken() -> pd.DataFrame:
    """A bullish block at 5 that the close at 20 breaks."""
    candles = pd.DataFrame({"high": [1.1] * 30, "low": [1.09] * 30, "close": [1.095] * 30})
    candles.loc[6, "high"], candles.loc[20, ["low", "close"]] = 1.12, 1.08
    return candles


def test_breaker() -> None:
    candles = broken()
    report = analyzer().find_breaker_blocks(candles)
    distance = abs(1.08 - 1.09) / 1.09
    assert report["breaker_blocks"] == [
        {
            "breaker_id": "BREAKER_1",
            "original_ob_price": 1.09,
            "original_ob_type": "bullish",
            "break_price": 1.08,
            "break_timestamp": MORNING,
            "new_role": "resistance",
            "strength": pytest.approx(10 * distance),
            "confirmation": True,
            "volume_at_break": 0.0,
            "retest_expected": True,
            "invalidation_price": pytest.approx(1.09 * 1.005),
            "confidence": pytest.approx(10 * distance),
            "smart_money_signature": pytest.approx(0.5),
        }
    ]
    assert report["status"] == "SUCCESS"
    assert report["statistics"] == {
        "total_breakers": 1,
        "bullish_breakers": 0,
        "bearish_breakers": 1,
        "avg_strength": 0.092,
        "avg_confidence": 0.092,
        "high_confidence_count": 0,
        "recent_breakers_count": 1,
    }
    assert (report["market_sentiment"]["sentiment"], report["market_sentiment"]["strength"]) == (
        "BEARISH_CONTROL",
        1.0,
    )
    assert report["performance_metrics"]["analysis_time_ms"] == 45


def test_breaks_are_looked_for_from_the_middle_on_without_timestamps() -> None:
    candles = broken()
    candles.loc[20, "close"], candles.loc[10, "close"] = 1.095, 1.08
    assert analyzer().find_breaker_blocks(candles)["breaker_blocks"] == []
    [breaker] = analyzer(strict=True).find_breaker_blocks(candles)["breaker_blocks"]
    assert breaker["break_price"] == 1.08
    stamps = pd.date_range("2022-10-10", periods=30, freq="h")
    [breaker] = analyzer().find_breaker_blocks(candles.assign(timestamp=stamps))["breaker_blocks"]
    assert breaker["break_timestamp"] == stamps[10]
    [breaker] = analyzer(strict=True).find_breaker_blocks(candles.set_index(stamps))["breaker_blocks"]
    assert breaker["break_timestamp"] == stamps[10]


def test_unsorted_timestamps_are_looked_up_in_order() -> None:
    candles = broken()
    stamps = pd.Series(pd.date_range("2022-10-10", periods=30, freq="h"))
    stamps.iloc[28] = pd.Timestamp("2022-10-09")
    candles["timestamp"] = stamps
    [breaker] = analyzer().find_breaker_blocks(candles)["breaker_blocks"]
    assert breaker["break_timestamp"] == stamps[20]
    candles["timestamp"] = stamps.where(stamps.index != 5)
    assert analyzer().find_breaker_blocks(candles)["breaker_blocks"] == []


@pytest.mark.parametrize(("hours", "recent"), [(0, 1), (24, 1), (25, 0)])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_recent_breaks(hours: int, recent: int, zone: str | None) -> None:
    stamps = pd.date_range("2022-10-10", periods=30, freq="h", tz=zone)
    moment = stamps[20].to_pydatetime() + timedelta(hours=hours)
    report = analyzer(moment).find_breaker_blocks(broken().assign(timestamp=stamps))
    assert report["statistics"]["recent_breakers_count"] == recent


def test_volume_confirms_a_break() -> None:
    candles = broken().assign(volume=100.0)
    assert [b["confirmation"] for b in analyzer().find_breaker_blocks(candles)["breaker_blocks"]] == [False]
    candles.loc[20, "volume"] = 121.0
    assert [b["confirmation"] for b in analyzer().find_breaker_blocks(candles)["breaker_blocks"]] == [True]
    candles.loc[20, "volume"] = 0.0
    assert [b["confirmation"] for b in analyzer().find_breaker_blocks(candles)["breaker_blocks"]] == [True]


def test_only_six_blocks_unless_strict() -> None:
    n = 120
    candles = pd.DataFrame({"high": [1.1] * n, "low": [1.09] * n, "close": [1.095] * n})
    candles.loc[range(6, 110, 10), "high"] = 1.12
    candles.loc[115, "close"] = 1.0
    report = analyzer().find_breaker_blocks(candles)
    assert [b["breaker_id"] for b in report["breaker_blocks"]] == [f"BREAKER_{k}" for k in range(1, 7)]
    assert report["breaker_blocks"][0]["smart_money_signature"] == pytest.approx(0.3 + 0.2 + 0.3 + 0.2)
    assert report["breaker_blocks"][0]["confidence"] == 0.6
    assert len(analyzer(strict=True).find_breaker_blocks(candles)["breaker_blocks"]) == 11
    sure = analyzer().find_breaker_blocks(candles, min_structure_strength=0.7)
    assert len(sure["key_breakers"]) == 3


def test_breakers_need_rows_and_blocks() -> None:
    assert analyzer().find_breaker_blocks(frame(19))["status"] == "INSUFFICIENT_DATA"
    assert analyzer().find_breaker_blocks(frame(20))["status"] == "NO_ORDER_BLOCKS"
    unbroken = broken()
    unbroken.loc[20, "close"] = 1.095
    report = analyzer().find_breaker_blocks(unbroken)
    assert (report["status"], report["breaker_blocks"]) == ("SUCCESS", [])
    assert report["market_sentiment"]["sentiment"] == "NEUTRAL_MARKET"


def test_impulses_up_and_down() -> None:
    high, low = [1.0] * 16, [0.9] * 16
    high[8], low[6] = 1.1, 0.8
    assert list(IMPULSES(bars(high=high, low=low)).rows()) == [(5, 10, 1, 0.9), (5, 10, -1, 1.0)]
    high[8], high[9] = 1.0, 1.1
    assert IMPULSES(bars(high=high, low=low)).side.tolist() == [-1]


def test_closes_near_and_beyond() -> None:
    columns = bars(close=[1.0, 1.2, 0.9, 1.3], volume=[1.0, 2.0, 3.0, 4.0])
    assert list(CLOSE_BEYOND(columns, level=1.1).rows()) == [
        (0, 1, 1.2),
        (1, 1, 1.2),
        (2, 3, 1.3),
        (3, 3, 1.3),
    ]
    assert CLOSE_BEYOND(columns, level=1.0, side=-1).confirmed.tolist() == [2, 2, 2]
    assert list(CLOSE_NEAR(columns, level=1.0, tolerance=0.11).rows()) == [(0, 0, 1.0), (2, 2, 3.0)]
    assert LEVEL_TOUCHES(bars(low=[1.0], close=[1.1]), level=1.0, side=-1).bounced.tolist() == [1]


# ---- market makers and institutions ----------------------------------------------------------


def test_market_makers() -> None:
    one = analyzer()
    candles = frame(11)
    candles.loc[10, ["high", "close"]] = 1.1142, 1.1137
    analysis = one.detect_market_maker_behavior(candles, None, [], LONDON)
    assert analysis is not None
    highs = candles["high"]
    latest = highs[1:].std() / candles["close"][1:].mean()
    reach = (1.1142 - 1.1032) / 1.1137
    assert analysis.behavior_type is MarketMakerBehavior.LIQUIDITY_HUNT
    assert analysis.manipulation_evidence == analysis.probability == pytest.approx(5 * reach + latest)
    assert analysis.institutional_footprint == pytest.approx(0.8 * analysis.probability)
    assert (analysis.expected_outcome, analysis.target_liquidity) == ("bullish", None)
    assert (analysis.session_timing, analysis.timestamp) == (LONDON, MORNING)
    assert one.market_maker_activities == [analysis]


def test_evidence_against_market_makers_is_limited() -> None:
    candles = frame(11, low=0.5)
    analysis = analyzer().detect_market_maker_behavior(candles, None, [], LONDON)
    assert analysis is not None
    assert analysis.manipulation_evidence == 0.7
    assert analysis.expected_outcome == "bearish"


def test_few_candles_are_ordinary_trading() -> None:
    analysis = analyzer().detect_market_maker_behavior(frame(10), None, [], LONDON)
    assert analysis is not None
    assert analysis.behavior_type is MarketMakerBehavior.NORMAL_TRADING
    assert (analysis.manipulation_evidence, analysis.expected_outcome) == (0.35, "neutral")


def test_volatility() -> None:
    columns = bars(high=[1.0, 3.0, 5.0], close=[2.0, 2.0, 4.0])
    values = VOLATILITY(columns, period=2).value.tolist()
    assert values == pytest.approx([math.sqrt(2) / 2, math.sqrt(2) / 3])


def order_flow(
    one: SmartMoneyAnalyzer, session: SmartMoneySession = SmartMoneySession.OVERLAP_LONDON_NY
) -> InstitutionalOrderFlow | None:
    h1 = pd.DataFrame({"tick_volume": [10.0] * 10 + [30.0] * 5})
    quiet = pd.DataFrame({"open": [1.1] * 20, "close": [1.1] * 20})
    return one.analyze_institutional_order_flow(h1, quiet, [{"price": 1.1}] * 6, session)


def test_order_flow_is_stored_and_returned_by_a_strict_analyzer_only() -> None:
    one, strict = analyzer(), analyzer(strict=True)
    assert order_flow(strict, LONDON) is None  # 0.35 + 0.225 + 0 + 0.15 * 0.8 is below 0.7
    assert strict.institutional_flows == []
    for each in (one, strict):
        each.detected_liquidity_pools = analyzer().detect_liquidity_pools(h4(), None, m15(1.79), 1.0)
        for pool in each.detected_liquidity_pools:
            pool.price_level = 1.1
    assert order_flow(one) is None
    [flow] = one.institutional_flows
    # Activity 1, volume 30 / (250 / 15), 20 closes near each of two pools, signature 0.4 + 0.2 + 0.3.
    expected = 0.35 + 0.25 * 1.8 / 2 + 0.25 * 40 / 10 + 0.15 * 0.9
    assert flow.confidence == pytest.approx(expected)
    assert (flow.flow_direction, flow.liquidity_interactions) == (InstitutionalFlow.NEUTRAL, 40)
    assert order_flow(strict) == flow


def test_order_flow_of_nothing() -> None:
    assert analyzer().analyze_institutional_order_flow(frame(5), frame(5), [], LONDON) is None


# ---- all together ----------------------------------------------------------------------------


def test_concepts() -> None:
    one = analyzer()
    candles = real_frame(200)
    report = one.analyze_smart_money_concepts("EURUSD", {"H1": candles})
    assert list(report) == [
        "symbol",
        "timestamp",
        "analysis_time",
        "current_session",
        "liquidity_pools",
        "institutional_flow",
        "market_maker_model",
        "manipulation_evidence",
        "dynamic_killzones",
        "smart_money_signals",
        "summary",
    ]
    assert (report["current_session"], report["analysis_time"]) == ("london_killzone", 0.0)
    [activity] = one.market_maker_activities
    assert report["market_maker_model"] == activity.behavior_type.value
    assert len(report["dynamic_killzones"]) == 5
    pools = [(p["type"], p["price_level"]) for p in report["liquidity_pools"]]
    assert pools == [(p.pool_type.value, p.price_level) for p in one.detected_liquidity_pools]


def test_concepts_without_h1() -> None:
    report = analyzer().analyze_smart_money_concepts("EURUSD", {"M15": frame(20)})
    assert (report["market_maker_model"], report["manipulation_evidence"]) == ("normal_trading", 0.0)
    assert report["liquidity_pools"] == []


@pytest.mark.parametrize(
    ("close", "direction", "strength"),
    [
        (1.002, "accumulation", 0.2),
        (0.998, "distribution", 0.2),
        (1.001, "neutral", 0.1),
        (2.0, "accumulation", 0.9),
    ],
)
def test_market_data(close: float, direction: str, strength: float) -> None:
    rows = [{"open": 1.0, "close": 9.0}] + [{"open": 1.0, "close": close}] * 10
    result = analyzer().analyze_market_data(rows)
    assert (result["direction"], result["session_strength"]) == (direction, 0.7)
    assert result["strength"] == pytest.approx(strength)
    assert analyzer().analyze_market_data(pd.DataFrame(rows)) == result


def test_market_data_may_be_empty() -> None:
    result = analyzer(datetime(2022, 10, 10, 12)).analyze_market_data([])
    assert (result["direction"], result["overall_score"], result["session_strength"]) == ("neutral", 0.4, 0.5)


def test_patterns_are_left_alone() -> None:
    pattern = {"type": "BOS"}
    enhanced = analyzer().enhance_pattern_with_smart_money(pattern, frame(20))
    assert enhanced == pattern
    assert enhanced is not pattern


# ---- data managers ---------------------------------------------------------------------------


class Manager:
    def __init__(self, candles: Any, connected: bool = True) -> None:
        self.candles, self.connected = candles, connected
        self.asked: list[tuple[Any, ...]] = []

    def connect(self) -> bool:
        return self.connected

    def get_candles(self, *request: Any) -> Any:
        self.asked.append(request)
        if isinstance(self.candles, Exception):
            raise self.candles
        return self.candles


def blocky() -> pd.DataFrame:
    candles = frame(30, volume=5.0)
    candles.loc[12, "close"] = 1.1039
    candles.loc[15, ["high", "close"]] = 1.108, 1.107
    return candles


def test_candles_come_from_the_data_manager() -> None:
    manager = Manager(blocky())
    one = analyzer(data_manager=manager)
    [block] = one.find_order_blocks("GBPUSD", "H1")
    assert manager.asked == [("GBPUSD", "H1", 500)]
    assert (block["type"], block["range_high"], block["range_low"]) == ("UNKNOWN_OB", 1.1042, 1.1032)
    assert (block["symbol"], block["timeframe"], block["timestamp"]) == ("GBPUSD", "H1", MORNING)
    [strict] = analyzer(data_manager=manager, strict=True).find_order_blocks()
    assert strict["type"] == "bullish_ob"
    gapped = blocky()
    gapped.loc[20:, ["high", "low"]] = 1.2, 1.1052
    gap, _ = analyzer(data_manager=Manager(gapped)).detect_fvg()
    assert (gap["type"], gap["direction"], gap["range_high"], gap["range_low"]) == (
        "bullish_fvg",
        "bullish",
        1.1052,
        1.1042,
    )


@pytest.mark.parametrize(
    "manager",
    [None, Manager(blocky(), connected=False), Manager(None), Manager(blocky().head(0)), Manager(OSError())],
)
def test_nothing_without_candles(manager: Manager | None) -> None:
    one = analyzer(data_manager=manager)
    assert one.detect_fvg() == one.find_order_blocks() == []


def test_a_failing_manager_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    one = SmartMoneyAnalyzer(logging.getLogger("ours"), data_manager=Manager(OSError("gone")))
    with caplog.at_level(logging.WARNING):
        assert one.detect_fvg() == []
    assert "gone" in caplog.text


# ---- bad candles -----------------------------------------------------------------------------


def test_nan_is_refused_or_passes() -> None:
    candles = day()
    candles.loc[candles.index[50], "high"] = math.nan
    calls: dict[str, tuple[Any, ...]] = {
        "detect_stop_hunts": (candles,),
        "analyze_killzones": (candles,),
        "find_breaker_blocks": (candles,),
        "_find_swing_highs": (candles,),
        "detect_market_maker_behavior": (candles, None, [], LONDON),
    }
    for name, arguments in calls.items():
        with pytest.raises(CandleError, match="'high' is NaN in 1 of 96 rows"):
            getattr(analyzer(), name)(*arguments)
        getattr(analyzer(tolerant=True), name)(*arguments)


def test_nan_is_both_swings_and_no_part_of_a_mean() -> None:
    candles = day()
    candles.loc[candles.index[50], "high"] = math.nan
    tolerant = analyzer(tolerant=True)
    assert [position for position, _ in tolerant._find_swing_highs(candles)] == [50]
    assert tolerant.analyze_killzones(candles)["ny"]["metrics"]["avg_range_pips"] == pytest.approx(10)
    candles.loc[candles.index[-1], "close"] = math.nan
    assert tolerant.detect_stop_hunts(candles) == []


def test_missing_columns_are_named() -> None:
    with pytest.raises(CandleError, match="no column 'open'"):
        analyzer().analyze_killzones(frame(50).drop(columns="open"))
    with pytest.raises(CandleError, match="no column 'low'"):
        analyzer().detect_stop_hunts(frame(50).drop(columns="low"))


# ---- interface -------------------------------------------------------------------------------


def test_factories_and_status() -> None:
    logger = logging.getLogger("ours")
    one = create_smart_money_analyzer("GBPUSD", logger, clock=lambda: MORNING)
    assert one.logger is logger
    status = get_smart_money_analyzer_status(one)
    assert status == one.get_system_status()
    assert (status["current_session"], status["timestamp"]) == ("london_killzone", MORNING)
    assert one.unified_memory.assess_market_confidence({}) == 0.9
    assert one.killzones is not SmartMoneyAnalyzer().killzones


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("__init__", "(self, logger=None)"),
        (
            "detect_stop_hunts",
            "(self, data, lookback_periods=50, spike_threshold=0.0015, reversal_periods=5, volume_threshold=1.5)",
        ),
        ("detect_liquidity_pools", "(self, candles_h4, candles_h1, candles_m15, current_price)"),
        ("analyze_killzones", "(self, data, timezone='GMT', include_overlaps=True)"),
        ("find_breaker_blocks", "(self, data, lookback=20, min_structure_strength=0.6)"),
        ("detect_fvg", "(self, symbol='EURUSD', timeframe='M15')"),
        ("find_order_blocks", "(self, symbol='EURUSD', timeframe='M15')"),
    ],
)
def test_signatures(method: str, signature: str) -> None:
    given_ = inspect.signature(getattr(SmartMoneyAnalyzer, method))
    plain = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in given_.parameters.values()
        if p.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    assert str(inspect.Signature(plain)) == signature


def names(cls: type[Any]) -> str:
    return " ".join(field.name for field in fields(cls))


def test_fields_and_values() -> None:
    assert names(LiquidityPool) == (
        "pool_type price_level strength timestamp touches volume_evidence institutional_interest session_origin "
        "timeframe_origin expected_reaction invalidation_price metadata"
    )
    assert names(InstitutionalOrderFlow) == (
        "flow_direction strength volume_profile order_block_activity liquidity_interactions smart_money_signature "
        "session_context timeframe_analysis confidence timestamp supporting_evidence metadata"
    )
    assert names(MarketMakerAnalysis) == (
        "behavior_type manipulation_evidence target_liquidity execution_timeframe expected_outcome probability "
        "session_timing volume_anomalies price_action_signatures institutional_footprint timestamp"
    )
    assert names(OptimizedKillzone) == (
        "session start_time end_time peak_activity_time efficiency_score historical_success_rate volume_profile "
        "liquidity_events institutional_activity_level recommended_strategies dynamic_adjustments"
    )
    for enum in (LiquidityPoolType, InstitutionalFlow, MarketMakerBehavior, SmartMoneySession):
        assert all(member.value == member.name.lower() for member in enum)
    assert (len(LiquidityPoolType), len(InstitutionalFlow), len(MarketMakerBehavior)) == (10, 6, 6)
