"""The engine's enums and records: names, values, fields and defaults."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any

import pytest

from ict_kernels.adapters.ict_engine import ict_types
from ict_kernels.adapters.ict_engine.ict_types import (
    FairValueGap,
    FVGType,
    ICTConfig,
    ICTPattern,
    ICTSignal,
    LiquidityLevel,
    LiquidityPool,
    MarketPhase,
    MarketStructureData,
    OrderBlock,
    OrderBlockType,
    SessionType,
    SmartMoneySignal,
    SmartMoneyType,
    StructureType,
    TimeFrame,
    TradingDirection,
    create_ict_narrative,
    validate_ict_signal,
)

VALUES: dict[type[Enum], str] = {
    ICTPattern: "judas_swing optimal_trade_entry liquidity_grab silver_bullet power_of_three fair_value_gap "
    "order_block break_of_structure change_of_character institutional_order_flow smart_money_reversal "
    "liquidity_pool_targeting stop_hunt_pattern inducement_move morning_reversal london_close_reversal "
    "new_york_breakout",
    MarketPhase: "accumulation manipulation distribution rebalance expansion consolidation",
    TradingDirection: "bullish bearish neutral unknown",
    SessionType: "asian london new_york london_close overlap",
    LiquidityLevel: "high medium low depleted",
    StructureType: "choch_bullish choch_bearish bos_bullish bos_bearish range_bound trending_up trending_down "
    "consolidation",
    FVGType: "bullish_fvg bearish_fvg balanced_fvg premium_fvg discount_fvg",
    OrderBlockType: "bullish_ob bearish_ob breaker_block mitigation_block",
}
FIELDS: dict[type[Any], tuple[str, str]] = {
    ICTSignal: (
        "pattern_type direction confidence entry_price stop_loss take_profit risk_reward_ratio timestamp "
        "timeframe session market_phase narrative",
        "confluence_factors smart_money_confluence structure_confluence metadata",
    ),
    SmartMoneySignal: (
        "smart_money_type direction confidence liquidity_level entry_price target_price invalidation_price "
        "timestamp timeframe volume_confirmation institutional_footprint narrative",
        "confluence_score metadata",
    ),
    MarketStructureData: (
        "structure_type break_level confirmation_level target_level timestamp timeframe confidence",
        "swing_high swing_low previous_structure narrative metadata",
    ),
    FairValueGap: (
        "fvg_type high_price low_price gap_size origin_candle_index filled_percentage is_mitigated "
        "mitigation_candle_index timestamp timeframe narrative",
        "confluence_with_structure confluence_with_orderblock metadata",
    ),
    OrderBlock: (
        "ob_type high_price low_price origin_candle_index reaction_strength test_count is_tested is_broken "
        "timestamp timeframe",
        "volume_profile institutional_signature narrative metadata",
    ),
    LiquidityPool: (
        "price_level liquidity_amount liquidity_level pool_type timestamp timeframe",
        "is_swept sweep_timestamp accumulation_period narrative metadata",
    ),
}


@pytest.mark.parametrize("kind", VALUES)
def test_enums(kind: type[Enum]) -> None:
    assert [member.value for member in kind] == VALUES[kind].split()
    assert all(member.name == member.value.upper() for member in kind)


def test_other_enums() -> None:
    assert " ".join(frame.value for frame in TimeFrame) == "M1 M5 M15 M30 H1 H4 D1 W1 MN1"
    assert all(frame.name == frame.value for frame in TimeFrame)
    assert len(SmartMoneyType) == 8
    assert TradingDirection["BUY"] is TradingDirection.BULLISH
    assert TradingDirection["SELL"] is TradingDirection.BEARISH


@pytest.mark.parametrize("kind", FIELDS)
def test_fields(kind: type[Any]) -> None:
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    names = [field.name for field in fields(kind)]
    assert required == FIELDS[kind][0].split()
    assert names == [*required, *FIELDS[kind][1].split()]


def test_metadata_is_not_shared() -> None:
    one, other = signal(), signal()
    one.metadata["a"] = 1
    one.confluence_factors.append("b")
    assert (other.metadata, other.confluence_factors) == ({}, [])


def test_config(capfd: pytest.CaptureFixture[str]) -> None:
    config = ICTConfig()
    assert (config.primary_timeframe, config.secondary_timeframe, config.confirmation_timeframe) == (
        *(TimeFrame.H1, TimeFrame.H4, TimeFrame.M15),
    )
    assert (config.min_confidence, config.require_confluence, config.min_confluence_factors) == (
        75.0,
        True,
        2,
    )
    assert config.active_sessions == [SessionType.LONDON, SessionType.NEW_YORK, SessionType.OVERLAP]
    assert (config.max_risk_per_trade, config.min_risk_reward, config.cache_duration) == (2.0, 1.5, 300)
    config.active_sessions.clear()
    assert len(ICTConfig().active_sessions) == 3
    assert capfd.readouterr() == ("", "")


def signal(**changes: Any) -> ICTSignal:
    made = ICTSignal(
        ICTPattern.ORDER_BLOCK,
        TradingDirection.BULLISH,
        80.0,
        1.10,
        1.09,
        1.12,
        2.0,
        datetime(2025, 9, 1),
        TimeFrame.M15,
        SessionType.NEW_YORK,
        MarketPhase.EXPANSION,
        "",
    )
    return replace(made, **changes)


BEARISH = {"direction": TradingDirection.BEARISH, "stop_loss": 1.11, "take_profit": 1.08}


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({}, True),
        ({"confidence": 0.0}, True),
        ({"confidence": 100.0}, True),
        ({"confidence": 100.1}, False),
        ({"confidence": -0.1}, False),
        ({"risk_reward_ratio": 0.0}, True),
        ({"risk_reward_ratio": -0.1}, False),
        ({"entry_price": 0.0, "stop_loss": -1.0}, False),
        ({"stop_loss": 1.10}, False),
        ({"take_profit": 1.10}, False),
        (BEARISH, True),
        (BEARISH | {"stop_loss": 1.10}, False),
        (BEARISH | {"take_profit": 1.10}, False),
        ({"direction": TradingDirection.BEARISH}, False),
        ({"direction": TradingDirection.NEUTRAL, "stop_loss": 9.0}, True),
    ],
)
def test_validation(changes: dict[str, Any], valid: bool) -> None:
    assert validate_ict_signal(signal(**changes)) is valid


def test_narrative() -> None:
    text = create_ict_narrative(signal(confluence_factors=["swept low"]))
    for word in ("Bullish", "order block", "M15", "new york", "80%", "1.1", "1.09", "1.12", "swept low"):
        assert word in text


def test_everything_is_exported() -> None:
    classes = {name for name, value in vars(ict_types).items() if isinstance(value, type)}
    own = {name for name in classes if getattr(ict_types, name).__module__ == ict_types.__name__}
    assert own | {"create_ict_narrative", "validate_ict_signal"} == set(ict_types.__all__)
