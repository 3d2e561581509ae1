"""Enhanced order blocks: what the original returned, the rule by hand, and the adapter against itself."""

from __future__ import annotations

import dataclasses
import inspect
import math
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked, trailing
from ict_kernels.adapters.ict_engine.order_blocks import (
    EnhancedOrderBlock,
    EnhancedOrderBlockDetector,
    OrderBlockQuality,
    OrderBlockType,
    get_order_block_detector,
)
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

MORNING = datetime(2025, 9, 1, 10, 30)
ANYWHERE = {"max_distance_pips": 1e30, "min_confidence": 0}
QUIET = 1000.0


def detector(config: dict[str, Any] | None = None, **options: Any) -> EnhancedOrderBlockDetector:
    return EnhancedOrderBlockDetector(config, **{"clock": lambda: MORNING} | options)


def rolling(
    rows: int = 30, swing: int | None = 20, side: int = 1, volume: float | None = QUIET
) -> pd.DataFrame:
    """Candles that rise and fall with one swing low (side 1), or high, at a position; nothing else stands out."""
    at = np.arange(rows)
    away = np.abs(at - swing) if swing is not None else at
    middle = 1.1 + side * 0.0005 * away
    candles = pd.DataFrame(
        {"open": middle, "high": middle + 0.0005, "low": middle - 0.0005, "close": middle},
        index=pd.date_range("2025-09-01", periods=rows, freq="15min"),
    )
    return candles if volume is None else candles.assign(volume=volume)


@pytest.mark.parametrize(
    "name", ["order_blocks_enhanced", "order_blocks_enhanced_full", "order_blocks_enhanced@walk"]
)
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


# ---- the rule by hand ------------------------------------------------------------------------


def test_demand_zone() -> None:
    [block] = detector().detect_enhanced_order_blocks(rolling(), 1.1012, "EURUSD", "M15", ["H1", "H4"])
    high, low = 1.1 + 0.0005, 1.1 - 0.0005
    stop = low - 0.2 * (high - low)
    target = high + 3.0 * (high - stop)
    way = target - high
    assert block == EnhancedOrderBlock(
        OrderBlockType.DEMAND_ZONE,
        low,
        high,
        stop,
        target,
        85.0,
        abs(1.1012 - high) * 10000,
        abs(target - high) / abs(high - stop),
        1.0,
        OrderBlockQuality.HIGH,
        {"avg_volume": QUIET, "recent_volume": QUIET, "volume_trend": "decreasing", "volume_strength": 1.0},
        {"H1": True, "H4": True},
        block.mitigation_zones,
        "EURUSD",
        "M15",
        MORNING,
    )
    expected = [(high, high + 0.382 * way), (high + 0.5 * way, high + 0.618 * way)]
    assert np.allclose(block.mitigation_zones, expected, rtol=1e-12)
    assert all(isinstance(zone, tuple) for zone in block.mitigation_zones)


def test_supply_zone() -> None:
    [block] = detector().detect_enhanced_order_blocks(rolling(side=-1), 1.1)
    high, low = 1.1 + 0.0005, 1.1 - 0.0005
    assert (block.type, block.price, block.entry_price) == (OrderBlockType.SUPPLY_ZONE, high, low)
    assert block.stop_loss == high + 0.2 * (high - low)
    assert block.take_profit == low - 3.0 * (block.stop_loss - low)
    way = low - block.take_profit
    expected = [(low - 0.382 * way, low), (low - 0.618 * way, low - 0.5 * way)]
    assert np.allclose(block.mitigation_zones, expected, rtol=1e-12)
    assert (block.symbol, block.timeframe, block.timeframe_validation) == ("UNKNOWN", "UNKNOWN", {})


@pytest.mark.parametrize(
    ("rows", "swing", "seen"), [(30, 4, 0), (30, 5, 1), (30, 24, 1), (30, 25, 0), (31, 5, 0)]
)
def test_candidates(rows: int, swing: int, seen: int) -> None:
    config = ANYWHERE | {"lookback_period": 25}
    assert len(detector(config).detect_enhanced_order_blocks(rolling(rows, swing), 1.1)) == seen


@pytest.mark.parametrize(("offset", "seen"), [(4, 0), (-4, 0), (5, 1), (-5, 1)])
def test_a_tie_among_four_neighbours_disqualifies(offset: int, seen: int) -> None:
    candles = rolling(swing=20)
    candles.iloc[20 + offset, 2] = candles.low.iloc[20]
    blocks = detector(ANYWHERE | {"lookback_period": 12}).events(candles, 1.1)
    assert (20 in blocks.position) == bool(seen)


@pytest.mark.parametrize(("rows", "seen"), [(24, 0), (25, 1)])
def test_too_few_rows(rows: int, seen: int) -> None:
    assert len(detector().detect_enhanced_order_blocks(rolling(rows, 15), 1.1)) == seen


def test_too_few_rows_are_not_looked_at() -> None:
    assert detector().detect_enhanced_order_blocks(pd.DataFrame({"x": [1]}), 1.1) == []
    assert detector({"lookback_period": 0}).detect_enhanced_order_blocks(pd.DataFrame(), 1.1) == []


@pytest.mark.parametrize(
    ("volume", "confidence"),
    [(1000, 85), (1200, 85), (1201, 90), (1500, 90), (1501, 95), (2000, 95), (2001, 95), (780, None)],
)
def test_volume(volume: float, confidence: float | None) -> None:
    candles = rolling()
    candles.loc[candles.index[20], "volume"] = volume
    blocks = detector().detect_enhanced_order_blocks(candles, 1.1)
    assert [block.confidence for block in blocks] == ([] if confidence is None else [confidence])


def test_the_gate_takes_in_the_candle_itself() -> None:
    # The mean of the ten is 900 + v / 10: v is below 0.8 times that below 72000 / 92.
    candles = rolling()
    for volume, seen in ((782.0, 0), (783.0, 1)):
        candles.loc[candles.index[20], "volume"] = volume
        assert len(detector().detect_enhanced_order_blocks(candles, 1.1)) == seen


def test_boosts_stop_at_95() -> None:
    candles = rolling()
    candles.loc[candles.index[20], "volume"] = 2001
    [block] = detector(health=0.8).detect_enhanced_order_blocks(candles, 1.1)
    assert block.confidence == 95.0  # 65 + 15 + 16, cut
    candles.loc[candles.index[20], "volume"] = 1501
    [block] = detector(health=0.8).detect_enhanced_order_blocks(candles, 1.1)
    assert block.confidence == 91.0


def test_without_volume() -> None:
    candles = rolling(volume=None)
    [block] = detector().detect_enhanced_order_blocks(candles, 1.1)
    assert (block.confidence, block.volume_profile) == (85.0, {})
    assert np.isnan(detector().events(candles, 1.1).average).all()


def test_volume_profile_is_of_the_whole_frame() -> None:
    candles = rolling()
    candles.iloc[-5:, 4] = 4000.0
    blocks = detector().detect_enhanced_order_blocks(candles, 1.1)
    assert blocks[0].volume_profile == {
        "avg_volume": 1500.0,
        "recent_volume": 4000.0,
        "volume_trend": "increasing",
        "volume_strength": 2.0,
    }


def test_no_volume_at_all() -> None:
    [block] = detector().detect_enhanced_order_blocks(rolling(volume=0.0), 1.1)
    assert (block.confidence, block.volume_profile["volume_strength"]) == (85.0, 2.0)


def test_switches() -> None:
    off = {
        "enable_mtf_validation": False,
        "enable_volume_profile": False,
        "enable_mitigation_analysis": False,
    }
    candles = rolling()
    candles.loc[candles.index[20], "volume"] = 1.0
    [block] = detector(off).detect_enhanced_order_blocks(candles, 1.1, additional_timeframes=["H1"])
    assert (block.timeframe_validation, block.volume_profile, block.mitigation_zones) == ({}, {}, [])


def test_records_share_nothing() -> None:
    candles = rolling(60, 20)
    candles.iloc[34:] = rolling(60, 46).iloc[34:]
    one, other = detector({"lookback_period": 60}).detect_enhanced_order_blocks(
        candles, 1.1, "A", "M15", ["H1"]
    )[:2]
    for name in ("volume_profile", "timeframe_validation", "mitigation_zones"):
        assert getattr(one, name) is not getattr(other, name)


@pytest.mark.parametrize(
    ("price", "seen"), [(1.1005 + 0.0049, 1), (1.1005 + 0.0051, 0), (1.1005 - 0.0051, 0)]
)
def test_distance(price: float, seen: int) -> None:
    assert len(detector().detect_enhanced_order_blocks(rolling(), price)) == seen


def test_min_confidence() -> None:
    assert len(detector({"min_confidence": 85}).detect_enhanced_order_blocks(rolling(), 1.1)) == 1
    assert detector({"min_confidence": 85.1}).detect_enhanced_order_blocks(rolling(), 1.1) == []


def test_a_flat_candle_is_no_block() -> None:
    candles = rolling()
    candles.loc[candles.index[20], "high"] = candles.low.iloc[20]
    assert detector().detect_enhanced_order_blocks(candles, 1.1) == []


# ---- health ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("health", "least", "seen"), [(0.59, 0, 0), (0.6, 0, 1), (0.69, 0.7, 0), (0.7, 0.7, 1)]
)
def test_health(health: float, least: float, seen: int) -> None:
    config = {"min_data_reliability": least}
    for given_health in (health, lambda: health):
        blocks = detector(config, health=given_health).detect_enhanced_order_blocks(rolling(), 1.1)
        assert len(blocks) == seen
        assert all((block.health_score, block.data_reliability) == (health, health) for block in blocks)
        assert len(detector(config, health=given_health).evaluate_history(rolling())) == seen


def test_health_sets_the_reward() -> None:
    [block] = detector(health=0.75).detect_enhanced_order_blocks(rolling(), 1.1)
    assert math.isclose(block.risk_reward, 2.5)
    assert block.confidence == 80.0


# ---- quality and order -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("health", "pips", "quality"),
    [
        (1.0, 0.0, "high"),  # 34 + 30 + 12 + 10
        (0.75, 0.0, "high"),  # 32 + 22.5 + 10 + 10 is 74.5, and 0.75 more with volume
        (0.75, 90.0, "medium"),
        (0.6, 0.0, "medium"),
        (0.6, 100.0, "low"),
    ],
)
def test_quality(health: float, pips: float, quality: str) -> None:
    candles = rolling()
    candles.loc[candles.index[20], "volume"] = 1300.0 if quality == "high" else QUIET
    found = detector(ANYWHERE | {"min_data_reliability": 0}, health=health)
    [block] = found.detect_enhanced_order_blocks(candles, 1.1005 + pips / 10000)
    assert block.quality is OrderBlockQuality(quality)


def test_premium() -> None:
    candles = rolling()
    candles.loc[candles.index[20], "volume"] = 3000.0
    found = detector(health=1.05)  # 38 + 31.5 + 12.4 + 10
    assert found.detect_enhanced_order_blocks(candles, 1.1005)[0].quality is OrderBlockQuality.PREMIUM


def block_of(quality: str, distance: float, confidence: float) -> EnhancedOrderBlock:
    return EnhancedOrderBlock(
        OrderBlockType.DEMAND_ZONE,
        *(1.0,) * 4,
        confidence,
        distance,
        3.0,
        quality=OrderBlockQuality(quality),
    )


@pytest.mark.parametrize("strict", [False, True])
def test_order(strict: bool) -> None:
    keys = [
        ("premium", 1.0, 95.0),
        ("low", 0.5, 85.0),
        ("high", 3.0, 85.0),
        ("medium", 0.0, 85.0),
        ("high", 2.0, 85.0),
        ("high", 2.0, 90.0),
    ]
    ranked = detector(strict=strict)._assign_quality_scores([block_of(*key) for key in keys], 1.0)
    names = ["premium", "high", "medium", "low"] if strict else ["high", "low", "medium", "premium"]
    expected = sorted(keys, key=lambda key: (names.index(key[0]), key[1], -key[2]))
    assert [(b.quality.value, b.distance_pips, b.confidence) for b in ranked] == expected


@pytest.mark.parametrize("strict", [False, True])
def test_columns_are_in_the_order_of_the_records(strict: bool) -> None:
    candles = real_frame(700)
    config = ANYWHERE | {"lookback_period": 600}
    for health in (0.7, 0.9, 1.0, 1.05):
        found = detector(config, health=health, strict=strict)
        price = float(candles.close.iloc[-1])
        hits = found.events(candles, price)
        blocks = found.detect_enhanced_order_blocks(candles, price)
        assert len(blocks) == 5
        assert [(b.price, b.distance_pips) for b in blocks] == list(hits.rows("price", "distance_pips"))
        qualities = ["low", "medium", "high", "premium"]
        assert [b.quality.value for b in blocks] == [qualities[q] for q in hits.quality]
        edges = np.where(
            hits.side > 0, candles.low.to_numpy()[hits.position], candles.high.to_numpy()[hits.position]
        )
        assert (edges == hits.price).all()
        assert found.events(candles).price.tolist() == hits.price.tolist()


def test_strict_puts_premium_first() -> None:
    candles = real_frame(700)
    config = ANYWHERE | {"lookback_period": 600}
    price = float(candles.close.iloc[-1])
    usual, strict = (
        detector(config, health=1.05, strict=strict).detect_enhanced_order_blocks(candles, price)
        for strict in (False, True)
    )
    best = [block for block in strict if block.quality is OrderBlockQuality.PREMIUM]
    assert best
    assert strict[: len(best)] == best
    assert usual[0].quality is not OrderBlockQuality.PREMIUM


def test_strict_measures_pips_by_symbol() -> None:
    candles = rolling()
    candles[["open", "high", "low", "close"]] *= 100
    price = float(candles.close.iloc[20])
    assert detector().detect_enhanced_order_blocks(candles, price + 0.2, "USDJPY") == []
    [block] = detector(strict=True).detect_enhanced_order_blocks(candles, price + 0.2, "USDJPY")
    assert math.isclose(block.distance_pips, 15.0)
    counts = [len(detector(strict=strict).evaluate_history(candles, "USDJPY")) for strict in (False, True)]
    assert counts == [0, 1]


def test_the_hook_takes_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = detector(ANYWHERE | {"lookback_period": 600})
    seen: list[EnhancedOrderBlock] = []

    def keep(blocks: list[EnhancedOrderBlock], health: float) -> list[EnhancedOrderBlock]:
        assert health == 1.0
        seen.extend(blocks)
        return blocks[::-1]

    monkeypatch.setattr(found, "_assign_quality_scores", keep)
    blocks = found.detect_enhanced_order_blocks(real_frame(700), 1.1)
    assert len(seen) > 20
    assert blocks == seen[::-1][:5]


# ---- the adapter against itself --------------------------------------------------------------


@settings(max_examples=30)
@given(frame=engine_frames(), near=st.booleans(), lookback=st.sampled_from([12, 25, 60]))
def test_row_by_row(frame: pd.DataFrame, near: bool, lookback: int) -> None:
    price = float(frame.close.iloc[-1]) if len(frame) else 1.0
    found = detector({"lookback_period": lookback} | ({} if near else ANYWHERE))
    blocks = found.detect_enhanced_order_blocks(frame, price, "EURUSD", "M15", ["H1"])
    with row_by_row():
        assert found.detect_enhanced_order_blocks(frame, price, "EURUSD", "M15", ["H1"]) == blocks


def one_by_one(frame: pd.DataFrame, window: int, config: dict[str, Any], **options: Any) -> list[Any]:
    records = []
    for bar in range(first_asked(len(frame), window), len(frame)):
        part = trailing(frame, bar, window)
        found = EnhancedOrderBlockDetector(config, clock=part.index[-1].to_pydatetime, **options)
        records += found.detect_enhanced_order_blocks(part, float(part.close.iloc[-1]), "EURUSD", "M15")
    return records


@settings(max_examples=30)
@given(
    frame=engine_frames(),
    window=st.sampled_from([14, 40, 200]),
    lookback=st.sampled_from([12, 25]),
    strict=st.booleans(),
)
def test_history_is_candle_by_candle(frame: pd.DataFrame, window: int, lookback: int, strict: bool) -> None:
    config = ANYWHERE | {"lookback_period": lookback}
    history = detector(config, strict=strict).evaluate_history(frame, "EURUSD", "M15", window=window)
    assert history.records() == one_by_one(frame, window, config, strict=strict)


def test_history_of_real_candles() -> None:
    frame = real_frame(420)
    history = detector().evaluate_history(frame, "EURUSD", "M15", window=60)
    assert history.records() == one_by_one(frame, 60, {})
    assert len(history) > 300
    assert history.at(200).records() == [
        r for r, bar in zip(history.records(), history.bar, strict=True) if bar == 200
    ]


def test_history_notes_timeframes() -> None:
    history = detector().evaluate_history(rolling(), additional_timeframes=["H1"])
    assert [block.timeframe_validation for block in history.records()] == [{"H1": True}]


def test_history_of_nothing() -> None:
    assert detector().evaluate_history(pd.DataFrame()).records() == []
    assert detector().evaluate_history(rolling(24, 15)).records() == []


def test_history_needs_times_for_records_only() -> None:
    history = detector().evaluate_history(rolling().reset_index(drop=True))
    assert history.position.tolist() == [20]
    with pytest.raises(CandleError, match="the stamp of a record needs times"):
        history.records()


# ---- input -----------------------------------------------------------------------------------


def test_the_frame_stays_as_it_is() -> None:
    candles = rolling()
    before = candles.copy()
    detector().detect_enhanced_order_blocks(candles, 1.1)
    detector().evaluate_history(candles)
    pd.testing.assert_frame_equal(candles, before)


@pytest.mark.parametrize("name", ["high", "low"])
def test_missing_column(name: str) -> None:
    with pytest.raises(CandleError, match=f"no column '{name}'"):
        detector().detect_enhanced_order_blocks(rolling().drop(columns=name), 1.1)


@pytest.mark.parametrize("name", ["high", "low", "volume"])
def test_nan_is_refused(name: str) -> None:
    candles = rolling()
    candles.loc[candles.index[3], name] = math.nan
    with pytest.raises(CandleError, match=f"column '{name}' is NaN"):
        detector().detect_enhanced_order_blocks(candles, 1.1)


def test_tolerant() -> None:
    candles = rolling()
    candles.loc[candles.index[[18, 22]], ["low", "volume"]] = math.nan
    [block] = detector(tolerant=True).detect_enhanced_order_blocks(candles, 1.1)
    assert (block.price, block.confidence) == (candles.low.iloc[20], 85.0)
    assert block.volume_profile["avg_volume"] == QUIET
    candles.loc[candles.index[20], "low"] = math.nan
    assert detector(tolerant=True).detect_enhanced_order_blocks(candles, 1.1) == []


def test_tolerant_of_a_missing_volume() -> None:
    candles = rolling(volume=math.nan)
    [block] = detector(tolerant=True).detect_enhanced_order_blocks(candles, 1.1)
    assert block.confidence == 85.0
    assert math.isnan(block.volume_profile["avg_volume"])
    assert block.volume_profile["volume_strength"] == 2.0


@pytest.mark.parametrize("price", [math.nan, "1.1", object()])
def test_the_price_must_be_a_number(price: Any) -> None:
    with pytest.raises(ParameterError, match="give the price as a number"):
        detector().detect_enhanced_order_blocks(rolling(), price)


def test_tolerant_of_a_missing_price() -> None:
    assert detector(tolerant=True).detect_enhanced_order_blocks(rolling(), math.nan) == []


def test_settings_must_be_numbers() -> None:
    with pytest.raises(ParameterError, match="not a number"):
        detector({"max_distance_pips": "far"}).detect_enhanced_order_blocks(rolling(), 1.1)


# ---- surface ---------------------------------------------------------------------------------


def test_names() -> None:
    assert [(kind.name, kind.value) for kind in OrderBlockType] == [
        ("DEMAND_ZONE", "demand_zone"),
        ("SUPPLY_ZONE", "supply_zone"),
        ("MITIGATION_BLOCK", "mitigation_block"),
        ("BREAKER_BLOCK", "breaker_block"),
    ]
    assert [(kind.name, kind.value) for kind in OrderBlockQuality] == [
        ("PREMIUM", "premium"),
        ("HIGH", "high"),
        ("MEDIUM", "medium"),
        ("LOW", "low"),
    ]
    assert [entry.name for entry in dataclasses.fields(EnhancedOrderBlock)] == [
        *("type", "price", "entry_price", "stop_loss", "take_profit", "confidence", "distance_pips"),
        *("risk_reward", "health_score", "quality", "volume_profile", "timeframe_validation"),
        *("mitigation_zones", "symbol", "timeframe", "timestamp", "detection_latency_ms", "data_reliability"),
    ]
    signature = inspect.signature(EnhancedOrderBlockDetector.detect_enhanced_order_blocks)
    assert list(signature.parameters) == [
        *("self", "data", "current_price", "symbol", "timeframe", "additional_timeframes"),
    ]


def test_defaults() -> None:
    assert EnhancedOrderBlockDetector().config == {
        "lookback_period": 25,
        "max_distance_pips": 50,
        "min_confidence": 70,
        "volume_threshold": 1.5,
        "health_weight": 0.3,
        "enable_mtf_validation": True,
        "enable_volume_profile": True,
        "enable_mitigation_analysis": True,
        "max_detection_latency_ms": 500,
        "min_data_reliability": 0.7,
    }
    assert EnhancedOrderBlockDetector({"min_confidence": 80}).config["min_confidence"] == 80


def test_stats_and_log() -> None:
    said = []

    class Logger:
        def debug(self, message: str, component: str = "") -> None:
            said.append((component, message))

    found = detector(ANYWHERE | {"lookback_period": 600}, logger=Logger())
    found.detect_enhanced_order_blocks(real_frame(700), 1.1, "EURUSD", "M15")
    found.events(real_frame(700), 1.1)
    stats = found.get_enhanced_stats()
    assert (stats["total_detections"], stats["blocks_returned"], stats["health_score"]) == (1, 5, 1.0)
    assert stats["blocks_found"] > 20
    assert stats["config"] == found.config
    assert said == [("order_blocks", f"{stats['blocks_found']} blocks on EURUSD M15")]


def test_one_detector_for_all() -> None:
    assert get_order_block_detector() is get_order_block_detector()
    assert isinstance(get_order_block_detector(), EnhancedOrderBlockDetector)
