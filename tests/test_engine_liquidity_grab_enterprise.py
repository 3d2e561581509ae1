"""The liquidity grabs of the engine: what the original returned, and how ours is made."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._collaborators import ChochHistory
from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import trailing
from ict_kernels.adapters.ict_engine.liquidity_grab_enterprise import (
    LiquidityGrabDetectorEnterprise,
    LiquidityGrabEnterprise,
    LiquidityGrabSignal,
    LiquidityGrabStatus,
    LiquidityGrabType,
    LiquidityLevel,
    TradingDirection,
)
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

NOW = datetime(2025, 9, 1, 10, 30)


def make(**options: Any) -> LiquidityGrabDetectorEnterprise:
    return LiquidityGrabDetectorEnterprise(clock=lambda: NOW, **options)


def hunted(scale: float = 1.0) -> pd.DataFrame:
    """Flat candles; a swing low at 14, and at 25 a wick of 9 pips through it."""
    candles = pd.DataFrame({"high": [1.1] * 30, "low": [1.09] * 30, "close": [1.095] * 30})
    candles.loc[14, "low"], candles.loc[20, "low"], candles.loc[25, "low"] = 1.0880, 1.0860, 1.0871
    return candles * scale


def detect(detector: LiquidityGrabDetectorEnterprise, candles: pd.DataFrame, **given_: Any) -> Any:
    return detector.detect_liquidity_grab_patterns(candles, "EURUSD", "M15", **given_)


@pytest.mark.parametrize(
    "name",
    ["liquidity_grab", "liquidity_grab@walk", "liquidity_grab_levels", "liquidity_grab_levels@walk"],
)
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


@settings(max_examples=30, deadline=None)
@given(candles=engine_frames(), price=st.sampled_from([0.0, 1.1]), confidence=st.sampled_from([0, 72]))
def test_row_by_row_gives_the_same(candles: pd.DataFrame, price: float, confidence: float) -> None:
    detector = make()
    detector.config["min_confidence"] = confidence
    blocks = [{"price": 1.1}, {"low": 0.97}]
    signals = detect(detector, candles, current_price=price, detected_order_blocks=blocks)
    levels = detector._map_liquidity_levels_enterprise(candles)
    with row_by_row():
        assert detect(detector, candles, current_price=price, detected_order_blocks=blocks) == signals
        assert detector._map_liquidity_levels_enterprise(candles) == levels


@pytest.mark.parametrize(("window", "rows"), [(200, 420), (30, 200), (200, 90), (200, 29), (20, 60)])
def test_history_is_a_call_at_every_candle(window: int, rows: int) -> None:
    candles = real_frame(rows)
    moment = NOW
    caller = LiquidityGrabDetectorEnterprise(clock=lambda: moment)
    expected, levels = [], []
    for bar in range(max(min(rows, window) - 1, 0), rows):
        moment = candles.index[bar].to_pydatetime()
        part = trailing(candles, bar, window)
        expected += detect(caller, part)
        levels += caller._map_liquidity_levels_enterprise(part)["levels"]
    detector = make()
    assert detector.evaluate_history(candles, "EURUSD", "M15", window=window).records() == expected
    assert detector.evaluate_level_history(candles, window=window).records() == levels
    assert expected or rows < 200


def test_a_grab_by_hand() -> None:
    [signal] = detect(make(), hunted())
    assert signal.signal_type is LiquidityGrabType.ASIAN_RANGE_GRAB
    assert (signal.direction, signal.liquidity_level) == (
        TradingDirection.BUY,
        LiquidityLevel.MEDIUM_LIQUIDITY,
    )
    assert (signal.grab_price, signal.entry_price, signal.stops_hunted_estimate) == (1.088, 1.095, 0)
    assert signal.confidence == pytest.approx(
        100 * (0.3 * 0.91 + 0.25 + 0.2 * 0.5 + 0.15 * 0.5 + 0.1 * 0.4) + 7
    )
    assert signal.reversal_speed_score == pytest.approx(0.0050)
    assert (signal.volume_spike_intensity, signal.institutional_footprint_score) == (0.0, 0.5)
    assert signal.liquidity_density == 2 / 5
    assert signal.entry_zone == pytest.approx((1.0945, 1.0960))
    assert signal.stop_loss == pytest.approx(1.0865)
    assert (signal.take_profit_1, signal.take_profit_2) == pytest.approx((1.099, 1.103))
    assert (signal.choch_level_estimate, signal.choch_confidence_bonus) == (1.1, 0.0)
    assert (signal.timestamp, signal.expiry_time) == (NOW, NOW + timedelta(hours=3))
    assert signal.status is LiquidityGrabStatus.REVERSAL_ACTIVE
    assert not signal.smart_money_confirmation


def test_a_mirrored_grab_by_hand() -> None:
    candles = hunted()
    mirrored = pd.DataFrame(
        {"high": 2.2 - candles["low"], "low": 2.2 - candles["high"], "close": 2.2 - candles["close"]}
    )
    [signal] = detect(make(), mirrored)
    assert signal.direction is TradingDirection.SELL
    assert signal.grab_price == pytest.approx(1.112)
    assert signal.entry_zone == pytest.approx((1.104, 1.1055))
    assert signal.stop_loss == pytest.approx(1.1135)
    assert (signal.take_profit_1, signal.take_profit_2) == pytest.approx((1.101, 1.097))


def test_levels_by_hand() -> None:
    levels = make()._map_liquidity_levels_enterprise(hunted())["levels"]
    assert [(level["type"], level["price"], level["weight"]) for level in levels] == [
        ("previous_day_high", 1.1, 0.9),
        ("previous_day_low", 1.086, 0.9),
        ("swing_low", 1.088, 0.7),
        ("swing_low", 1.086, 0.7),
        ("swing_low", 1.0871, 0.7),
    ]
    assert levels[0]["stops_estimate"] == 50 + 20 * 20
    assert [level["stops_estimate"] for level in levels[1:]] == [70, 70, 70, 70]
    assert levels[2]["liquidity_level"] is LiquidityLevel.MEDIUM_LIQUIDITY


def test_the_three_newest_swings_count() -> None:
    low = [1.09] * 40
    for at, price in zip((12, 17, 22, 27, 32), (1.080, 1.081, 1.082, 1.083, 1.084), strict=True):
        low[at] = price
    candles = pd.DataFrame({"high": [1.1] * 40, "low": low})
    levels = make()._map_liquidity_levels_enterprise(candles)["levels"]
    assert [level["price"] for level in levels if level["type"] == "swing_low"] == [1.082, 1.083, 1.084]
    history = make().evaluate_level_history(candles)
    assert history.source.tolist() == [10, 12, 22, 27, 32]


def test_volume_and_blocks_weigh_in() -> None:
    candles = hunted()
    candles["volume"] = [100.0] * 27 + [400.0] * 3
    usual = (17 * 100 + 3 * 400) / 20
    [signal] = detect(make(), candles)
    assert signal.volume_spike_intensity == pytest.approx((400 / usual - 1) / 2)
    candles["volume"] = [100.0] * 30
    [plain] = detect(make(), candles, current_price=1.1)
    assert plain.confidence == pytest.approx(
        100 * (0.3 * 0.91 + 0.25 + 0.2 * 0.3 + 0.15 * 0.5 + 0.1 * 0.4) + 7
    )
    blocks = [{"price": 1.0885}, {"price": 0.0, "low": 1.0880}, {"price": 1.1}]
    [backed] = detect(make(), candles, current_price=1.1, detected_order_blocks=blocks)
    assert backed.institutional_footprint_score == pytest.approx(0.9)
    assert backed.smart_money_confirmation
    assert backed.confidence == pytest.approx(plain.confidence + 100 * 0.15 * 0.4 + 12)
    candles["volume"] = 0.0
    assert detect(make(), candles)[0].confidence == detect(make(), hunted())[0].confidence


def test_a_price_that_has_not_turned_is_no_signal() -> None:
    assert detect(make(), hunted(), current_price=1.0905) == []


def test_too_little_and_bad_candles() -> None:
    assert detect(make(), hunted().tail(29)) == []
    assert detect(make(), pd.DataFrame()) == []
    assert make()._map_liquidity_levels_enterprise(pd.DataFrame()) == {"levels": []}
    with pytest.raises(CandleError, match="no column 'close'"):
        detect(make(), hunted()[["high", "low"]])
    holed = hunted()
    holed.loc[3, "high"] = np.nan
    with pytest.raises(CandleError, match="NaN"):
        detect(make(), holed)
    assert detect(make(tolerant=True), holed) == detect(make(), hunted())
    with pytest.raises(ParameterError, match="neither"):
        detect(make(), hunted(), detected_order_blocks=[{"high": 1.0}])
    detector = make()
    detector.config["liquidity_density_periods"] = 0
    with pytest.raises(ParameterError, match="liquidity_density_periods"):
        detect(detector, hunted())


def test_candles_are_left_alone_and_the_index_does_not_matter() -> None:
    candles = hunted()
    before = candles.copy()
    detect(make(), candles)
    pd.testing.assert_frame_equal(candles, before)
    history = make().evaluate_history(candles)
    assert len(history) == 1
    with pytest.raises(CandleError, match="times"):
        history.records()


def test_events_count_from_the_beginning() -> None:
    candles = pd.concat([hunted().head(1)] * 5 + [hunted()], ignore_index=True)
    found = make().events(candles)
    assert (found.bar.tolist(), found.source.tolist(), found.level.tolist()) == ([34], [19], [1.088])
    assert len(make().events(candles.head(10))) == 0


def test_strict() -> None:
    [signal] = detect(make(strict=True), hunted())
    assert signal.stops_hunted_estimate == 70
    [yen] = make(strict=True).detect_liquidity_grab_patterns(hunted(100), "USDJPY", "M15")
    assert yen.confidence == pytest.approx(signal.confidence)
    assert yen.stop_loss == pytest.approx(108.65)
    assert make().detect_liquidity_grab_patterns(hunted(100), "USDJPY", "M15") == []
    zone = make(strict=True).detect(hunted(), "EURUSD", "M15")["entry_zone"]
    assert zone == pytest.approx((1.0945, 1.0955))


@pytest.mark.parametrize(("outcome", "bonus"), [("SUCCESS", 10.0), ("FAILED", -10.0)])
def test_strict_asks_the_history(outcome: str, bonus: float) -> None:
    record = {"symbol": "EURUSD", "timeframe": "M15", "direction": "BULLISH", "break_level": 1.1}
    history = ChochHistory([record | {"target_level": 1.2, "outcome": outcome}] * 3)
    [plain] = detect(make(history=history), hunted())
    assert (plain.choch_confidence_bonus, plain.similar_choch_count) == (0.0, 0)
    strict = make(history=history, strict=True)
    strict.config["min_confidence"] = 60
    [signal] = detect(strict, hunted())
    assert (signal.choch_confidence_bonus, signal.similar_choch_count) == (bonus, 3)
    assert signal.confidence == pytest.approx(plain.confidence + bonus)
    strict.config["min_confidence"] = 85
    assert bool(detect(strict, hunted())) == (bonus > 0)
    strict.config |= {"use_choch_memory": False, "min_confidence": 60}
    assert detect(strict, hunted())[0].choch_confidence_bonus == 0.0


def test_the_dashboard_form() -> None:
    answer = make().detect(hunted(), "EURUSD", "M15", current_price=1.095, unknown=1)
    assert answer["entry_zone"] == (1.095 - 5, 1.095 + 5)
    assert answer["strength"] == answer["confidence"]
    assert answer["probability"] == 0.75 * answer["confidence"]
    assert answer["direction"] == "buy"
    assert answer["risk_reward_ratio"] == pytest.approx(40 / 85)
    nothing = make().detect(pd.DataFrame(), "EURUSD", "M15")
    assert nothing.keys() == answer.keys()
    assert (nothing["confidence"], nothing["direction"]) == (0.0, "NEUTRAL")


def test_names() -> None:
    assert LiquidityGrabEnterprise is LiquidityGrabDetectorEnterprise
    assert [item.name for item in LiquidityGrabType] == [
        *("ASIAN_RANGE_GRAB", "LONDON_BREAKOUT_GRAB", "NY_LIQUIDITY_SWEEP"),
        *("WEEKLY_HIGH_GRAB", "DAILY_LOW_GRAB", "LIQUIDITY_VOID_FILL"),
    ]
    assert [item.value for item in LiquidityGrabStatus] == [
        *("setup_building", "stops_hunted", "reversal_active", "profit_taking", "invalidated", "completed")
    ]
    names = [item.name for item in fields(LiquidityGrabSignal)]
    assert names[:5] == ["signal_type", "confidence", "direction", "liquidity_level", "grab_price"]
    assert {"stop_hunt_strength", "reversal_speed_score", "similar_choch_count", "analysis_id"} < set(names)


def test_collaborators() -> None:
    said = []

    class Engine:
        def info(self, message: str, component: str = "") -> None:
            said.append((component, message))

    memory = object()
    detector = LiquidityGrabDetectorEnterprise(memory, Engine(), clock=lambda: NOW)
    assert detector.memory_system is memory
    detect(detector, hunted())
    assert [component for component, _ in said] == ["liquidity_grab_enterprise"]
