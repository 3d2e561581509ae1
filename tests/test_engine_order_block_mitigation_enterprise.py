"""The mitigated order blocks of the engine: what the original returned, and how ours is made."""

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
from ict_kernels.adapters.ict_engine.order_block_mitigation_enterprise import (
    OrderBlockMitigationDetectorEnterprise,
    OrderBlockMitigationSignal,
    OrderBlockStatus,
    OrderBlockStrength,
    OrderBlockType,
    TradingDirection,
)
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

NOW = datetime(2025, 9, 1, 10, 30)
SCANS = (
    "_identify_breaker_blocks_enterprise",
    "_identify_demand_zones_enterprise",
    "_identify_supply_zones_enterprise",
    "_identify_fair_value_gaps_enterprise",
)


def make(**options: Any) -> OrderBlockMitigationDetectorEnterprise:
    return OrderBlockMitigationDetectorEnterprise(clock=lambda: NOW, **options)


def flat(rows: int = 40, scale: float = 1.0) -> pd.DataFrame:
    """Candles without bodies, but for two that close up: ten demand zones around them."""
    columns = {"open": 1.1, "high": 1.1005, "low": 1.0995, "close": 1.1}
    candles = pd.DataFrame({name: [price] * rows for name, price in columns.items()})
    candles.loc[rows - 21 : rows - 20, "close"] = 1.1003
    return candles * scale


def mirrored(candles: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "open": 2.2 - candles["open"],
            "high": 2.2 - candles["low"],
            "low": 2.2 - candles["high"],
            "close": 2.2 - candles["close"],
        }
    )


def detect(detector: OrderBlockMitigationDetectorEnterprise, candles: pd.DataFrame, **given_: Any) -> Any:
    return detector.detect_order_block_mitigation_patterns(candles, "EURUSD", "M15", **given_)


@pytest.mark.parametrize(
    "name",
    [
        "order_block_mitigation",
        "order_block_mitigation@walk",
        "obm_breaker_blocks",
        "obm_demand_zones",
        "obm_supply_zones",
        "obm_fvg",
    ],
)
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


@settings(max_examples=30, deadline=None)
@given(candles=engine_frames(), price=st.sampled_from([0.0, 1.1]), confidence=st.sampled_from([0, 70]))
def test_row_by_row_gives_the_same(candles: pd.DataFrame, price: float, confidence: float) -> None:
    detector = make()
    detector.config["min_confidence"] = confidence
    grabs = [{"grab_price": 1.1}, {"price": 0.97}]
    signals = detect(detector, candles, current_price=price, detected_liquidity_grabs=grabs)
    blocks = [getattr(detector, scan)(candles) for scan in SCANS]
    with row_by_row():
        assert detect(detector, candles, current_price=price, detected_liquidity_grabs=grabs) == signals
        assert [getattr(detector, scan)(candles) for scan in SCANS] == blocks


@pytest.mark.parametrize(("window", "rows"), [(200, 420), (40, 200), (200, 90), (200, 39), (30, 60)])
def test_history_is_a_call_at_every_candle(window: int, rows: int) -> None:
    candles = real_frame(rows)
    moment = NOW
    caller = OrderBlockMitigationDetectorEnterprise(clock=lambda: moment)
    expected = []
    for bar in range(min(rows, window) - 1, rows):
        moment = candles.index[bar].to_pydatetime()
        expected += detect(caller, trailing(candles, bar, window))
    assert make().evaluate_history(candles, "EURUSD", "M15", window=window).records() == expected
    assert expected or rows < 200


def test_a_return_by_hand() -> None:
    signals = detect(make(), flat(), current_price=1.0990)
    assert len(signals) == 5
    signal = signals[0]
    assert signal.signal_type is OrderBlockType.DEMAND_ZONE
    assert (signal.direction, signal.strength) == (TradingDirection.BUY, OrderBlockStrength.WEAK)
    assert (signal.block_high, signal.block_low, signal.origin_price) == (1.1005, 1.0995, 1.0995)
    assert signal.block_size_pips == pytest.approx(10)
    assert (signal.mitigation_percentage, signal.approach_strength, signal.rejection_strength) == (
        1.0,
        0.0,
        0.0,
    )
    assert signal.institutional_validation == pytest.approx(0.6)
    assert signal.confidence == pytest.approx(
        25 * 0.7 + 20 * 0.6 + 15 * 0.6 + 15 * 0.6 + 10 * 0.8 + 15 * 0.6 + 8
    )
    assert signal.entry_zone == (1.0995, 1.1005)
    assert signal.stop_loss == pytest.approx(1.0985)
    assert (signal.take_profit_1, signal.take_profit_2) == pytest.approx((1.102, 1.105))
    assert (signal.time_to_mitigation, signal.choch_level_estimate) == (10, 1.1005)
    assert (signal.timestamp, signal.expiry_time) == (NOW, NOW + timedelta(hours=4))
    assert signal.status is OrderBlockStatus.PARTIALLY_MITIGATED
    assert not signal.smart_money_confirmation
    assert not signal.fair_value_gap_present
    assert not signal.breaker_block_confirmed


def test_a_mirrored_return_by_hand() -> None:
    signal = detect(make(), mirrored(flat()), current_price=1.1010)[0]
    assert (signal.signal_type, signal.direction) == (OrderBlockType.SUPPLY_ZONE, TradingDirection.SELL)
    assert signal.origin_price == signal.block_high
    assert signal.stop_loss == pytest.approx(1.1015)
    assert (signal.take_profit_1, signal.take_profit_2) == pytest.approx((1.098, 1.095))


def test_a_price_within_the_block_needs_movement() -> None:
    assert detect(make(), flat(), current_price=1.0996) == []
    moving = flat()
    moving.loc[39, "close"] = 1.0996
    moving.loc[35:38, "close"] = 1.09995  # bodies of half a pip between wicks of five
    signals = detect(make(), moving)
    assert [signal.direction.value for signal in signals] == ["sell"] * 3 + ["buy"] * 2  # by quality
    assert signals[0].mitigation_percentage == pytest.approx(0.1)
    assert signals[0].status is OrderBlockStatus.ACTIVE
    assert signals[3].mitigation_percentage == pytest.approx(0.9)
    assert signals[3].approach_strength == pytest.approx(4 / 50)
    assert signals[3].rejection_strength == 1.0


def test_breakers_by_hand() -> None:
    candles = flat(8).assign(close=1.1)
    candles.loc[3, ["close", "high"]] = 1.1010, 1.1012
    candles.loc[4, "low"] = 1.0996
    assert make()._identify_breaker_blocks_enterprise(candles) == [
        {
            "type": OrderBlockType.BREAKER_BLOCK,
            "direction": TradingDirection.BUY,
            "high": 1.1012,
            "low": 1.0995,
            "origin_price": 1.0995,
            "quality_score": 0.8,
            "candle_index": 3,
        }
    ]
    [block] = make()._identify_breaker_blocks_enterprise(mirrored(candles))
    assert (block["direction"], block["origin_price"]) == (TradingDirection.SELL, block["high"])
    candles.loc[4, "low"] = 1.0995
    assert make()._identify_breaker_blocks_enterprise(candles) == []
    assert make()._identify_breaker_blocks_enterprise(flat(8).head(5)) == []


def test_zones_by_hand() -> None:
    zones = make()._identify_demand_zones_enterprise(flat())
    assert [zone["candle_index"] for zone in zones] == list(range(15, 25))
    assert {(zone["rejection_count"], zone["quality_score"]) for zone in zones} == {(2, 0.7)}
    assert make()._identify_supply_zones_enterprise(flat()) == []
    candles = flat()
    candles["close"] = 1.1003
    assert {zone["quality_score"] for zone in make()._identify_demand_zones_enterprise(candles)} == {0.9}
    candles.loc[candles.index % 2 == 0, "low"] = 1.09945
    assert {zone["rejection_count"] for zone in make()._identify_demand_zones_enterprise(candles)} == {11}
    candles.loc[candles.index % 2 == 0, "low"] = 1.0989
    assert {zone["rejection_count"] for zone in make()._identify_demand_zones_enterprise(candles)} == {5}


@pytest.mark.parametrize(("pips", "found"), [(2.9, 0), (3.1, 1), (19.9, 1), (20.1, 0)])
def test_gaps_by_hand(pips: float, found: int) -> None:
    candles = flat(6).assign(close=1.1)
    candles.loc[2, "close"] = 1.1004
    candles.loc[3, ["open", "low", "high", "close"]] = 1.1005 + pips / 10000
    gaps = make()._identify_fair_value_gaps_enterprise(candles)
    assert len(gaps) == found
    for gap in gaps:
        assert gap["gap_size_pips"] == pytest.approx(pips)
        assert (gap["candle_index"], gap["origin_price"], gap["quality_score"]) == (2, 1.1005, 0.6)
    assert len(make()._identify_fair_value_gaps_enterprise(mirrored(candles))) == found


def test_volume_and_grabs_weigh_in() -> None:
    candles = flat()
    candles["volume"] = [100.0] * 35 + [400.0] * 5
    [spike, *_] = detect(make(), candles, current_price=1.0990)
    assert spike.volume_confirmation == pytest.approx((400 / 175 - 1) / 2)
    candles["volume"] = 100.0
    assert detect(make(), candles, current_price=1.0990) == []  # 69.5
    [plain, *_] = detect(make(), flat(), current_price=1.0990)
    grabs = [{"grab_price": 1.0995}, {"price": 1.0945}, {"price": 1.0930}]
    backed = detect(make(), flat(), current_price=1.0990, detected_liquidity_grabs=grabs)
    assert len(backed) == 5
    assert backed[0].institutional_validation == pytest.approx(1.0)
    assert backed[0].smart_money_confirmation
    assert backed[0].confidence == pytest.approx(plain.confidence + 15 * 0.4 + 15)
    far = detect(make(), flat(), current_price=1.0990, detected_liquidity_grabs=[{"price": 1.2}])
    assert far == detect(make(), flat(), current_price=1.0990)


def test_each_block_counts_its_own_grabs() -> None:
    candles, detector = real_frame(3000), make()
    detector.config["min_confidence"] = 0
    plain = detect(detector, candles)
    edge = max(signal.origin_price for signal in plain) * 1.004
    backed = detect(detector, candles, detected_liquidity_grabs=[{"price": edge * 1.0009}])
    gains = {
        round(b.institutional_validation - p.institutional_validation, 6)
        for b, p in zip(backed, plain, strict=True)
    }
    assert gains <= {0.0, 0.1, 0.2}
    assert len(plain) > 0


def test_too_little_and_bad_candles() -> None:
    assert detect(make(), flat().tail(39), current_price=1.0990) == []
    assert detect(make(), pd.DataFrame()) == []
    assert [getattr(make(), scan)(pd.DataFrame()) for scan in SCANS] == [[], [], [], []]
    with pytest.raises(CandleError, match="no column 'open'"):
        detect(make(), flat().drop(columns="open"))
    holed = flat()
    holed.loc[12, "high"] = np.nan
    with pytest.raises(CandleError, match="NaN"):
        detect(make(), holed)
    assert len(detect(make(tolerant=True), holed, current_price=1.0990)) == 5
    with pytest.raises(ParameterError, match="neither"):
        detect(make(), flat(), current_price=1.0990, detected_liquidity_grabs=[{"level": 1.0}])
    detector = make()
    detector.config["choch_level_lookback"] = 0
    with pytest.raises(ParameterError, match="choch_level_lookback"):
        detect(detector, flat())


def test_events_count_from_the_beginning() -> None:
    candles = pd.concat([flat().head(1)] * 5 + [flat()], ignore_index=True)
    found = make().events(candles, current_price=1.0990)
    assert found.bar.tolist() == [44] * 5
    assert found.source.tolist() == [20, 21, 22, 23, 24]
    assert len(make().events(candles.head(10))) == 0


def test_history_without_times() -> None:
    detector = make()
    detector.config["min_confidence"] = 0
    candles = real_frame(100).reset_index(drop=True)
    history = detector.evaluate_history(candles)
    assert len(history) > 0
    with pytest.raises(CandleError, match="times"):
        history.records()


def test_strict() -> None:
    signals = detect(make(strict=True), flat(), current_price=1.0990)
    assert signals == detect(make(), flat(), current_price=1.0990)
    yen = make(strict=True).detect_order_block_mitigation_patterns(flat(scale=100), "USDJPY", "M15", 109.90)
    assert [signal.confidence for signal in yen] == pytest.approx([signal.confidence for signal in signals])
    assert yen[0].stop_loss == pytest.approx(109.85)
    assert make().detect_order_block_mitigation_patterns(flat(scale=100), "USDJPY", "M15", 109.90) == []


def test_strict_asks_the_history() -> None:
    record = {"symbol": "EURUSD", "timeframe": "M15", "direction": "BULLISH", "break_level": 1.1}
    history = ChochHistory([record | {"target_level": 1.2, "outcome": "SUCCESS"}] * 3)
    [plain, *_] = detect(make(history=history), flat(), current_price=1.0990)
    assert (plain.choch_confidence_bonus, plain.similar_choch_count) == (0.0, 0)
    detector = make(history=history, strict=True)
    detector.config["min_confidence"] = 80
    [signal, *_] = detect(detector, flat(), current_price=1.0990)
    assert (signal.choch_confidence_bonus, signal.similar_choch_count) == (8.0, 3)
    assert signal.confidence == pytest.approx(plain.confidence + 8)


def test_names() -> None:
    assert [item.value for item in OrderBlockType] == [
        *("breaker_block", "demand_zone", "supply_zone", "fair_value_gap", "balanced_price_range"),
        *("mitigation_block", "institutional_order_flow"),
    ]
    assert [item.name for item in OrderBlockStatus] == [
        *("ACTIVE", "PARTIALLY_MITIGATED", "FULLY_MITIGATED", "INVALIDATED", "REACTIVATED", "EXPIRED")
    ]
    names = [item.name for item in fields(OrderBlockMitigationSignal)]
    assert names[:6] == [
        *("signal_type", "confidence", "direction", "strength", "mitigation_level", "origin_price")
    ]
    assert not hasattr(OrderBlockMitigationDetectorEnterprise, "detect")


def test_collaborators() -> None:
    said = []

    class Engine:
        def info(self, message: str, component: str = "") -> None:
            said.append((component, message))

    memory = object()
    detector = OrderBlockMitigationDetectorEnterprise(memory, Engine(), clock=lambda: NOW)
    assert detector.memory_system is memory
    detect(detector, flat(), current_price=1.0990)
    assert [component for component, _ in said] == ["order_block_mitigation_enterprise"] * 5
