"""Smart money signals: what the original returned, each look by hand, and the adapter against itself."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked, trailing
from ict_kernels.adapters.ict_engine.smart_money_detector import (
    LiquidityType,
    MarketStructure,
    SmartMoneyDetector,
    SmartMoneySignal,
    SmartMoneySignalType,
)
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

EARLY = datetime(2025, 9, 1, 3, 0)
LOOSE = {"min_confidence": 0, "min_strength": 0, "max_distance_pips": 1e30}


def detector(config: dict[str, Any] | None = None, **options: Any) -> SmartMoneyDetector:
    return SmartMoneyDetector(config, **{"clock": lambda: EARLY} | options)


def flat(rows: int = 40, /, **changes: dict[int, float]) -> pd.DataFrame:
    """Candles that are all the same, save for the cells to change, by column and position."""
    candles = pd.DataFrame(
        {"open": 1.1, "high": 1.101, "low": 1.099, "close": 1.1},
        index=pd.date_range("2025-09-01", periods=rows, freq="15min"),
    )
    for name, cells in changes.items():
        if name not in candles:
            candles[name] = 1000.0
        for position, value in cells.items():
            candles.loc[candles.index[position], name] = value
    return candles


def signals_of(
    candles: pd.DataFrame, kind: str, found: SmartMoneyDetector | None = None
) -> list[SmartMoneySignal]:
    signals = (found or detector()).detect_smart_money_signals(candles, 1.1, "EURUSD", "M15")
    return [signal for signal in signals if signal.signal_type.name == kind]


@pytest.mark.parametrize("name", ["smart_money_detector", "smart_money_detector@walk"])
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


# ---- each look by hand -----------------------------------------------------------------------


def test_nothing_happens() -> None:
    assert detector().detect_smart_money_signals(flat(volume={}), 1.1) == []


def test_sweep_of_highs() -> None:
    [signal] = detector().detect_smart_money_signals(flat(high={39: 1.102}), 1.1, "EURUSD", "M15")
    entry, stop = 1.101 - 0.0005, 1.101 + 0.0015
    target = entry - 2.0 * (stop - entry)
    reward = abs(target - entry) / abs(entry - stop)
    assert signal == SmartMoneySignal(
        SmartMoneySignalType.LIQUIDITY_SWEEP,
        "bearish",
        90.0,
        90.0,
        1.101,
        entry,
        stop,
        target,
        reward,
        90.0,
        1.0,
        0.4 * 90 + 0.3 * 90 + 20 + reward,
        {"type": "equal_highs", "level": 1.101, "sweep_confirmed": True},
        MarketStructure.RANGING,
        "bearish",
        "EURUSD",
        "M15",
        EARLY,
    )


def test_sweep_of_lows() -> None:
    [signal] = detector().detect_smart_money_signals(flat(low={35: 1.0979}), 1.1)
    assert (signal.direction, signal.price_level) == ("bullish", 1.099)
    assert (signal.entry_price, signal.stop_loss) == (1.099 + 0.0005, 1.099 - 0.0015)
    assert signal.liquidity_context["type"] == LiquidityType.EQUAL_LOWS.value
    assert (signal.symbol, signal.timeframe) == ("UNKNOWN", "UNKNOWN")


@pytest.mark.parametrize(("position", "seen"), [(34, 0), (35, 1), (39, 1)])
def test_only_the_last_five_sweep(position: int, seen: int) -> None:
    assert len(signals_of(flat(high={position: 1.1016}), "LIQUIDITY_SWEEP")) == seen


@pytest.mark.parametrize(("position", "seen"), [(24, 0), (25, 1)])
def test_levels_of_the_last_fifteen(position: int, seen: int) -> None:
    # Two highs 0.0002 apart, of which the higher one is swept by the last candle, and nothing else near them.
    candles = flat(high={position: 1.1049, 26: 1.1047, 39: 1.1060})
    levels = {signal.price_level for signal in signals_of(candles, "LIQUIDITY_SWEEP")}
    assert levels == {1.101} | ({1.1049, 1.1047} if seen else set())


def test_a_level_needs_a_neighbour_within_five_pips() -> None:
    # 1.25 and its neighbours are exact in binary; 0.0005 apart still counts, more does not.
    candles = flat()
    candles[["open", "high", "low", "close"]] = [1.25, 1.2505, 1.2495, 1.25]
    candles.iloc[30, 1] = 1.2505 + 0.0004
    candles.iloc[39, 1] = 1.252
    assert {s.price_level for s in signals_of(candles, "LIQUIDITY_SWEEP")} == {1.2505, 1.2505 + 0.0004}
    candles.iloc[30, 1] = 1.2505 + 0.0006
    assert {s.price_level for s in signals_of(candles, "LIQUIDITY_SWEEP")} == {1.2505}


def broken(highs: list[float], lows: list[float], structure: MarketStructure) -> SmartMoneyDetector:
    found = detector()
    found.structure_highs, found.structure_lows, found.current_structure = highs, lows, structure
    return found


def test_break_upwards() -> None:
    found = broken([1.105, 1.1005], [1.095, 1.09], MarketStructure.RANGING)
    [signal] = signals_of(flat(), "BOS", found)
    entry, stop = 1.1005 + 0.0003, 1.1005 - 0.0020
    assert (signal.direction, signal.price_level) == ("bullish", 1.1005)
    assert (signal.entry_price, signal.stop_loss) == (entry, stop)
    assert signal.take_profit == entry + 2.5 * (entry - stop)
    assert (signal.confidence, signal.strength, signal.institutional_bias) == (95.0, 95.0, "strong_bullish")
    assert signal.market_structure is MarketStructure.TRANSITION
    assert signal.liquidity_context == {"break_level": 1.1005, "previous_structure": "bearish"}
    assert found.current_structure is MarketStructure.BEARISH


def test_break_downwards() -> None:
    found = broken([1.105, 1.106], [1.098, 1.0995], MarketStructure.BEARISH)
    [signal] = signals_of(flat(), "BOS", found)
    assert (signal.direction, signal.price_level, signal.stop_loss) == ("bearish", 1.0995, 1.0995 + 0.0020)
    assert signal.liquidity_context["previous_structure"] == "bullish"


@pytest.mark.parametrize(
    ("highs", "lows"),
    [
        ([1.1005], [1.095, 1.09]),
        ([1.105, 1.1005], [1.09]),
        ([1.105, 1.1005], [1.09, 1.09]),
        ([1.1005, 1.1005], [1.095, 1.09]),
        ([1.105, 1.101], [1.095, 1.09]),
        ([], []),
    ],
)
def test_no_break(highs: list[float], lows: list[float]) -> None:
    found = broken(list(highs), list(lows), MarketStructure.BEARISH)
    assert signals_of(flat(), "BOS", found) == []
    kept = len(highs) < 2 or len(lows) < 2 or highs[-1] == 1.101
    assert found.current_structure is (MarketStructure.BEARISH if kept else MarketStructure.RANGING)


def test_change_of_character() -> None:
    candles = flat(close={36: 1.1001, 37: 1.1002, 38: 1.1003, 39: 1.1001})
    [signal] = detector().detect_smart_money_signals(candles, 1.1)
    assert signal.signal_type is SmartMoneySignalType.CHOCH
    assert (signal.direction, signal.price_level) == ("bearish", 1.1003)
    assert (signal.entry_price, signal.stop_loss) == (1.1003 - 0.0002, 1.1003 + 0.0010)
    assert signal.take_profit == signal.entry_price - 1.5 * (signal.stop_loss - signal.entry_price)
    assert (signal.confidence, signal.strength, signal.institutional_bias) == (82.0, 85.0, "weak_bearish")
    assert signal.liquidity_context == {"momentum_change": 1.1001 - 1.1003, "change_level": 1.1003}


@pytest.mark.parametrize(("close", "seen"), [(1.10026, 0), (1.10024, 1), (1.1003, 0), (1.1004, 0)])
def test_a_turn_is_half_of_the_mean_before(close: float, seen: int) -> None:
    candles = flat(close={36: 1.1001, 37: 1.1002, 38: 1.1003, 39: close})
    assert len(signals_of(candles, "CHOCH")) == seen


def test_a_turn_upwards() -> None:
    candles = flat(close={36: 1.0999, 37: 1.0998, 38: 1.0997, 39: 1.0999})
    [signal] = signals_of(candles, "CHOCH")
    assert (signal.direction, signal.stop_loss) == ("bullish", 1.0997 - 0.0010)


def test_turns_of_the_last_ten_closes() -> None:
    # A step up at 31 and back at 33: the turn is at 32, whose three changes before begin with the close of 29.
    candles = flat(43, close={31: 1.1003, 32: 1.1003})
    seen = [len(signals_of(candles.iloc[:rows], "CHOCH")) for rows in range(34, 43)]
    assert seen == [1] * 6 + [0] * 3


def test_manipulation_upwards() -> None:
    candles = flat(high={37: 1.105}, open={37: 1.1045}, close={37: 1.104})
    [signal] = signals_of(candles, "MANIPULATION")
    low = 1.099
    assert (signal.direction, signal.price_level) == ("bullish", (1.105 + low) / 2)
    assert (signal.entry_price, signal.stop_loss) == (1.105 + 0.0002, low - 0.0005)
    assert signal.take_profit == signal.entry_price + 2.0 * (signal.entry_price - signal.stop_loss)
    assert (signal.confidence, signal.strength) == (90.0, 90.0)
    assert signal.liquidity_context["spike_range"] == 1.105 - low
    assert signal.institutional_bias == "manipulation_bullish"
    assert signals_of(candles, "MANIPULATION", detector({"enable_manipulation_detection": False})) == []


def test_manipulation_downwards() -> None:
    candles = flat(low={37: 1.095}, open={37: 1.0955}, close={37: 1.096})
    [signal] = signals_of(candles, "MANIPULATION")
    assert signal.direction == "bearish"
    assert (signal.entry_price, signal.stop_loss) == (1.095 - 0.0002, 1.101 + 0.0005)


@pytest.mark.parametrize(
    ("position", "high", "opened", "closed", "seen"),
    [
        (37, 1.105, 1.1045, 1.104, 1),
        (33, 1.105, 1.1045, 1.104, 0),  # before the last eight
        (34, 1.105, 1.1045, 1.104, 1),
        (38, 1.105, 1.1045, 1.104, 1),
        (39, 1.105, 1.1045, 1.104, 0),  # no candle after it
        (37, 1.105, 1.1045, 1.1031, 0),  # not above the upper three tenths
        (37, 1.105, 1.103, 1.104, 0),  # closes where its body goes
        (37, 1.1019, 1.1018, 1.1017, 0),  # less than one and a half times the others
    ],
)
def test_what_counts_as_manipulation(
    position: int, high: float, opened: float, closed: float, seen: int
) -> None:
    candles = flat(high={position: high}, open={position: opened}, close={position: closed})
    found = detector({"min_confidence": 0})
    kinds = found.events(candles, 1.1).kind
    assert (3 in kinds) == bool(seen)


def falling(volumes: list[float]) -> pd.DataFrame:
    closes = dict(zip(range(34, 40), [1.1003, 1.1, 1.0997, 1.0994, 1.0991, 1.0988], strict=True))
    return flat(
        close=closes | dict.fromkeys(range(34), 1.1003), volume=dict(zip(range(35, 40), volumes, strict=True))
    )


def test_flow() -> None:
    candles = falling([1050, 1100, 1150, 1200, 1250])
    [signal] = detector().detect_smart_money_signals(candles, 1.0988)
    moved, traded = (candles[name].pct_change().tail(5).sum() for name in ("close", "volume"))
    assert signal.signal_type is SmartMoneySignalType.INSTITUTIONAL_FLOW
    assert (signal.direction, signal.price_level) == ("bullish", 1.0988)
    assert (signal.entry_price, signal.stop_loss) == (1.0988 + 0.0003, 1.0988 - 0.0012)
    assert (signal.probability, signal.strength) == (88.0, 90.0)
    assert signal.institutional_bias == "institutional_bullish"
    assert signal.liquidity_context["price_momentum"] == pytest.approx(moved, rel=1e-9)
    assert signal.liquidity_context["volume_momentum"] == pytest.approx(traded, rel=1e-9)
    assert signal.liquidity_context["divergence_strength"] == pytest.approx(
        abs(moved) + abs(traded), rel=1e-9
    )


@pytest.mark.parametrize(
    ("volumes", "probability"),
    [
        ([1000, 1000, 1000, 1000, 1110], 88.0),
        ([1000, 1000, 1000, 1000, 1090], None),
        ([1000, 1000, 1000, 1000, 500], None),
        ([0, 0, 0, 0, 1000], 88.0),
        ([0, 0, 0, 0, 0], None),
    ],
)
def test_when_there_is_flow(volumes: list[float], probability: float | None) -> None:
    found = [signal.probability for signal in signals_of(falling(volumes), "INSTITUTIONAL_FLOW")]
    assert found == ([] if probability is None else [probability])


def test_flow_rates_what_it_sees() -> None:
    candles = falling([1000, 1000, 1000, 1000, 1110])
    [signal] = signals_of(candles, "INSTITUTIONAL_FLOW", detector(health=0.7))
    moved = abs(candles.close.pct_change().tail(5).sum())
    assert signal.probability == pytest.approx(68 + 100 * (moved + 0.11) + 12 * 0.7, rel=1e-9)
    assert signal.strength == 65 + 25 * 0.7


def test_no_flow_without_volume() -> None:
    candles = falling([1050, 1100, 1150, 1200, 1250]).drop(columns="volume")
    assert detector().detect_smart_money_signals(candles, 1.0988) == []


def looks(
    found: SmartMoneyDetector, candles: pd.DataFrame, price: float | None = None
) -> dict[str, list[SmartMoneySignal]]:
    names = (
        "liquidity_sweeps",
        "break_of_structure",
        "change_of_character",
        "manipulation",
        "institutional_flow",
    )
    kinds = ("LIQUIDITY_SWEEP", "BOS", "CHOCH", "MANIPULATION", "INSTITUTIONAL_FLOW")
    ask = [getattr(found, f"_detect_{name}") for name in names]
    return {kind: one(candles, price, "EURUSD", "M15") for kind, one in zip(kinds, ask, strict=True)}


def test_one_look_alone() -> None:
    sweeping = looks(detector(), flat(high={39: 1.102}))
    turning = looks(detector(), flat(close={36: 1.1001, 37: 1.1002, 38: 1.1003, 39: 1.1001}))
    spiking = looks(detector(), flat(high={37: 1.105}, open={37: 1.1045}, close={37: 1.104}))
    flowing = looks(detector(), falling([1050, 1100, 1150, 1200, 1250]), 1.0988)
    breaking = looks(broken([1.105, 1.1005], [1.095, 1.09], MarketStructure.BEARISH), flat())
    for found, kind in ((sweeping, "LIQUIDITY_SWEEP"), (turning, "CHOCH"), (flowing, "INSTITUTIONAL_FLOW"),
                        (breaking, "BOS")):  # fmt: skip
        assert [name for name, signals in found.items() if signals] == [kind]
        assert [signal.signal_type.name for signal in found[kind]] == [kind]
    # The candle of the spike sweeps the equal highs, and its close turns back too.
    assert [name for name, signals in spiking.items() if signals] == [
        "LIQUIDITY_SWEEP",
        "CHOCH",
        "MANIPULATION",
    ]
    [sweep], [spike], [flow] = (
        sweeping["LIQUIDITY_SWEEP"], spiking["MANIPULATION"], flowing["INSTITUTIONAL_FLOW"],
    )  # fmt: skip
    assert (sweep.confidence, sweep.quality_score, sweep.symbol, sweep.timestamp) == (
        90.0,
        0.0,
        "EURUSD",
        EARLY,
    )
    assert (spike.entry_price, spike.stop_loss) == (1.105 + 0.0002, 1.099 - 0.0005)
    assert (flow.price_level, flow.confidence) == (1.0988, 88.0)


def test_a_break_alone_asks_what_is_remembered() -> None:
    highs, lows = [1.105, 1.1005], [1.095, 1.09]
    found = broken(list(highs), list(lows), MarketStructure.BEARISH)
    [signal] = found._detect_break_of_structure(flat())
    assert (signal.direction, signal.price_level) == ("bullish", 1.1005)
    assert signal.market_structure is MarketStructure.TRANSITION
    assert signal.liquidity_context == {"break_level": 1.1005, "previous_structure": "bearish"}
    assert (found.structure_highs, found.structure_lows) == (highs, lows)
    for other in (MarketStructure.RANGING, MarketStructure.BULLISH):
        assert broken(list(highs), list(lows), other)._detect_break_of_structure(flat()) == []
    assert broken(highs[1:], lows, MarketStructure.BEARISH)._detect_break_of_structure(flat()) == []
    assert detector()._detect_break_of_structure(flat()) == []


def test_looks_ignore_confluences_and_settings() -> None:
    candles = near_a_block()
    late = {"clock": lambda: datetime(2025, 9, 1, 9)}
    strict = {"min_confidence": 100, "min_health_score": 2, "lookback_period": 99}
    [plain] = detector()._detect_liquidity_sweeps(candles)
    [other] = detector(strict | {"enable_manipulation_detection": False}, **late)._detect_liquidity_sweeps(
        candles
    )
    assert plain == dataclasses.replace(other, timestamp=EARLY)
    assert [other.order_block_confluence, other.volume_confluence, other.time_confluence] == [False] * 3
    spiked = flat(high={37: 1.105}, open={37: 1.1045}, close={37: 1.104})
    assert len(detector({"enable_manipulation_detection": False})._detect_manipulation(spiked)) == 1
    assert not any(looks(detector(), flat()[:0]).values())
    assert not any(looks(detector(), flat()[:1]).values())
    with pytest.raises(CandleError, match="no column 'low'"):
        detector()._detect_liquidity_sweeps(flat().drop(columns="low"))


@settings(max_examples=30)
@given(frame=engine_frames(min_size=1), structure=st.sampled_from(list(MarketStructure)[:3]))
def test_looks_row_by_row(frame: pd.DataFrame, structure: MarketStructure) -> None:
    found = broken(frame.high.tolist()[:2], frame.low.tolist()[:2], structure)
    compiled = looks(found, frame)
    with row_by_row():
        assert looks(found, frame) == compiled


def test_calls_return_the_best_of_the_looks() -> None:
    found, candles = (
        detector(LOOSE | {"enable_order_block_confluence": False}),
        real_frame(300).drop(columns="volume"),
    )
    for rows in range(200, 300, 7):
        part = candles.iloc[:rows]
        price = float(part.close.iloc[-1])
        signals = found.detect_smart_money_signals(part, price, "EURUSD", "M15")
        candidates = [signal for look in looks(found, part, price).values() for signal in look]
        rated = [
            dataclasses.replace(
                one, quality_score=0.4 * one.confidence + 0.3 * one.strength + 20 + one.risk_reward
            )
            for one in candidates
            if one.risk_reward >= 1.2
        ]
        assert signals == sorted(rated, key=lambda one: -one.quality_score)[:3]


# ---- confluences, filters, order -------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "timely"), [(0, 0), (7, 0), (8, 1), (17, 1), (18, 0), (20, 0), (21, 1), (23, 1)]
)
def test_hour(hour: int, timely: int) -> None:
    clock: Callable[[], datetime] = lambda: datetime(2025, 9, 1, hour, 59)  # noqa: E731
    [signal] = detector(clock=clock).detect_smart_money_signals(flat(high={39: 1.102}), 1.1)
    assert signal.time_confluence is bool(timely)
    assert (signal.confidence, signal.probability) == (92.0 if timely else 90.0, 90.0)


@pytest.mark.parametrize(("recent", "busy"), [(1200.0, 0), (1230.0, 1)])
def test_volume(recent: float, busy: int) -> None:
    # (37 * 1000 + 3 * 1230) / 40 is 1017.25, of which 1.2 times is 1220.7; of 1200 it is 1218.
    candles = flat(high={39: 1.102}, volume={37: recent, 38: recent, 39: recent})
    [signal] = signals_of(candles, "LIQUIDITY_SWEEP")
    assert signal.volume_confluence is bool(busy)
    assert signal.confidence == (95.0 if busy else 90.0)


def near_a_block() -> pd.DataFrame:
    """A swing low whose zone lies 0.0006 below the equal lows that are swept."""
    candles = flat(low={25: 1.0984, 39: 1.0970})
    candles["volume"] = 1000.0
    return candles


@pytest.mark.parametrize(
    ("strict", "busy", "timely", "confidence"),
    [
        (False, False, False, 98.0),
        (False, True, False, 95.0),
        (False, False, True, 92.0),
        (True, True, False, 98.0),
        (True, True, True, 98.0),
    ],
)
def test_order_block(strict: bool, busy: bool, timely: bool, confidence: float) -> None:
    candles = near_a_block()
    if busy:
        candles.iloc[-3:, 4] = 2000.0
    options: dict[str, Any] = {"clock": lambda: datetime(2025, 9, 1, 9)} if timely else {}
    [signal] = signals_of(candles, "LIQUIDITY_SWEEP", detector(strict=strict, **options))
    assert signal.price_level == 1.099
    assert signal.order_block_confluence
    assert signal.confidence == confidence
    off = detector({"enable_order_block_confluence": False}, strict=strict, **options)
    assert not signals_of(candles, "LIQUIDITY_SWEEP", off)[0].order_block_confluence


def test_order_block_must_be_near() -> None:
    candles = near_a_block()
    candles.iloc[25, 2] = 1.0979
    assert not signals_of(candles, "LIQUIDITY_SWEEP")[0].order_block_confluence


def test_the_block_detectors_settings_count() -> None:
    for config in ({"max_distance_pips": 1}, {"min_data_reliability": 1.1}, {"min_confidence": 86}):
        found = detector()
        found.order_block_detector.config |= config
        assert not signals_of(near_a_block(), "LIQUIDITY_SWEEP", found)[0].order_block_confluence


@pytest.mark.parametrize(
    ("config", "seen"),
    [
        ({"min_confidence": 90}, 1),
        ({"min_confidence": 90.1}, 0),
        ({"min_strength": 90}, 1),
        ({"min_strength": 90.1}, 0),
        ({"lookback_period": 40}, 1),
        ({"lookback_period": 41}, 0),
        ({"min_health_score": 1.1}, 0),
    ],
)
def test_filters(config: dict[str, Any], seen: int) -> None:
    assert len(signals_of(flat(high={39: 1.102}), "LIQUIDITY_SWEEP", detector(config))) == seen


@pytest.mark.parametrize(("health", "seen"), [(0.59, 0), (0.6, 1)])
def test_health(health: float, seen: int) -> None:
    for given_health in (health, lambda: health):
        found = detector(health=given_health)
        signals = found.detect_smart_money_signals(flat(high={39: 1.102}), 1.1)
        assert len(signals) == seen
        assert all(signal.health_score == health for signal in signals)
        assert all(signal.confidence == 75 + 15 * health for signal in signals)
        assert len(found.structure_highs) == 0


def test_three_best_first_come_first() -> None:
    # Six equal levels of the same quality: the order of the candles, cut at three.
    highs = {30 + i: 1.1011 + 0.0001 * i for i in range(6)}
    signals = detector().detect_smart_money_signals(flat(high=highs | {39: 1.103}), 1.1)
    found = [signal.price_level for signal in signals]
    rewards = [signal.risk_reward for signal in signals]
    assert len(found) == 3
    assert rewards == sorted(rewards, reverse=True)
    hits = detector().events(flat(high=highs | {39: 1.103}), 1.1)
    assert hits.level.tolist() == found
    equal = [position for position, q in hits.rows("position", "quality") if q == hits.quality[0]]
    assert equal == sorted(equal)


# ---- what persists ---------------------------------------------------------------------------


def test_swings_persist_and_repeat() -> None:
    found, candles = detector(), flat(high={30: 1.1012, 34: 1.1011}, low={32: 1.0989})
    for calls in range(1, 8):
        found.detect_smart_money_signals(candles, 1.1)
        assert found.structure_highs == ([1.1012, 1.1011] * calls)[-10:]
        assert found.structure_lows == ([1.0989] * calls)[-10:]
        assert found.current_structure is MarketStructure.RANGING


@pytest.mark.parametrize(
    ("highs", "lows", "structure"),
    [
        ((1.1011, 1.1012), (1.0988, 1.0989), "bullish"),
        ((1.1012, 1.1011), (1.0989, 1.0988), "bearish"),
        ((1.1011, 1.1012), (1.0989, 1.0988), "ranging"),
        ((1.1011, 1.1011), (1.0988, 1.0989), "ranging"),
    ],
)
def test_structure(highs: tuple[float, float], lows: tuple[float, float], structure: str) -> None:
    found = detector()
    at = (25, 30)
    candles = flat(high=dict(zip(at, highs, strict=True)), low=dict(zip(at, lows, strict=True)))
    found.detect_smart_money_signals(candles, 1.1)
    assert found.current_structure.value == structure
    assert found.get_smart_money_stats()["current_structure"] == structure


@pytest.mark.parametrize(("position", "seen"), [(21, 0), (22, 1), (37, 1), (38, 0)])
def test_swings_of_the_last_twenty(position: int, seen: int) -> None:
    found = detector()
    found.detect_smart_money_signals(flat(high={position: 1.1012}), 1.1)
    assert len(found.structure_highs) == seen


@pytest.mark.parametrize(("offset", "seen"), [(1, 0), (2, 0), (-2, 0), (3, 2)])
def test_swings_stand_out_over_two_neighbours(offset: int, seen: int) -> None:
    found = detector()
    found.detect_smart_money_signals(flat(high={30: 1.1012, 30 + offset: 1.1012}), 1.1)
    assert len(found.structure_highs) == seen


def test_events_and_histories_change_nothing() -> None:
    found, candles = detector(), real_frame(250)
    found.events(candles)
    found.evaluate_history(candles)
    assert (found.structure_highs, found.structure_lows) == ([], [])
    assert found.get_smart_money_stats()["total_detections"] == 0


def test_events_are_what_a_call_would_find() -> None:
    found, candles = detector(), real_frame(300)
    for rows in range(280, 300):
        part = candles.iloc[:rows]
        hits = found.events(part)
        signals = found.detect_smart_money_signals(part, float(part.close.iloc[-1]))
        assert [(s.price_level, s.quality_score) for s in signals] == list(hits.rows("level", "quality"))
        assert (hits.position < rows).all()


# ---- the adapter against itself --------------------------------------------------------------


@settings(max_examples=30)
@given(frame=engine_frames(), lookback=st.sampled_from([5, 30]), hour=st.integers(0, 23))
def test_row_by_row(frame: pd.DataFrame, lookback: int, hour: int) -> None:
    def signals() -> list[list[SmartMoneySignal]]:
        found = detector(LOOSE | {"lookback_period": lookback}, clock=lambda: datetime(2025, 9, 1, hour))
        parts = [frame.iloc[:stop] for stop in range(max(1, len(frame) - 4), len(frame) + 1)]
        return [
            found.detect_smart_money_signals(part, float(part.close.iloc[-1]), "EURUSD", "M15")
            for part in parts
        ]

    compiled = signals()
    with row_by_row():
        assert signals() == compiled


def one_by_one(frame: pd.DataFrame, window: int, config: dict[str, Any], **options: Any) -> list[Any]:
    moment, records = [EARLY], []
    found = SmartMoneyDetector(config, clock=lambda: moment[0], **options)
    for bar in range(first_asked(len(frame), window), len(frame)):
        part = trailing(frame, bar, window)
        moment[0] = part.index[-1].to_pydatetime()
        records += found.detect_smart_money_signals(part, float(part.close.iloc[-1]), "EURUSD", "M15")
    return records


@settings(max_examples=30)
@given(
    frame=engine_frames(),
    window=st.sampled_from([6, 35, 200]),
    lookback=st.sampled_from([5, 30]),
    strict=st.booleans(),
)
def test_history_is_candle_by_candle(frame: pd.DataFrame, window: int, lookback: int, strict: bool) -> None:
    config = LOOSE | {"lookback_period": lookback}
    history = detector(config, strict=strict).evaluate_history(frame, "EURUSD", "M15", window=window)
    assert history.records() == one_by_one(frame, window, config, strict=strict)


@pytest.mark.parametrize("window", [30, 60])
def test_history_of_real_candles(window: int) -> None:
    frame = real_frame(500)
    found = detector()
    found.detect_smart_money_signals(frame, 1.1)  # a history does not begin with what the detector remembers
    history = found.evaluate_history(frame, "EURUSD", "M15", window=window)
    records = history.records()
    assert records == one_by_one(frame, window, {})
    assert {record.signal_type.name for record in records} > {"LIQUIDITY_SWEEP", "BOS"}
    assert history.at(400).records() == [r for r, bar in zip(records, history.bar, strict=True) if bar == 400]


def test_history_of_nothing() -> None:
    assert detector().evaluate_history(pd.DataFrame()).records() == []
    assert detector().evaluate_history(flat(29)).records() == []


def test_history_needs_times() -> None:
    with pytest.raises(CandleError, match="the hour of a signal needs times"):
        detector().evaluate_history(flat().reset_index(drop=True))


# ---- input -----------------------------------------------------------------------------------


def test_the_frame_stays_as_it_is() -> None:
    candles = near_a_block()
    before = candles.copy()
    detector().detect_smart_money_signals(candles, 1.1)
    detector().evaluate_history(candles)
    pd.testing.assert_frame_equal(candles, before)


def test_too_few_rows_are_not_looked_at() -> None:
    assert detector().detect_smart_money_signals(pd.DataFrame({"x": [1]}), 1.1) == []
    assert len(detector().events(pd.DataFrame())) == 0
    assert detector({"lookback_period": 0}).detect_smart_money_signals(pd.DataFrame(), 1.1) == []


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_missing_column(name: str) -> None:
    with pytest.raises(CandleError, match=f"no column '{name}'"):
        detector().detect_smart_money_signals(flat().drop(columns=name), 1.1)


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_nan_is_refused(name: str) -> None:
    with pytest.raises(CandleError, match=f"column '{name}' is NaN"):
        detector().detect_smart_money_signals(flat(**{name: {3: math.nan}}), 1.1)


def test_tolerant() -> None:
    nan = {38: math.nan}
    candles = flat(
        open=nan, high=nan | {30: 1.1012, 39: 1.102}, low=nan | {36: 1.0985}, close=nan, volume=nan
    )
    found = detector(tolerant=True)
    signals = found.detect_smart_money_signals(candles, 1.1)
    assert {signal.price_level for signal in signals} == {1.101, 1.1012, 1.099}
    # A NaN next to a swing disqualifies it here, since it does not stand out above it.
    assert (found.structure_highs, found.structure_lows) == ([1.1012], [])
    with row_by_row():
        assert detector(tolerant=True).detect_smart_money_signals(candles, 1.1) == signals
    history = detector(tolerant=True).evaluate_history(candles, window=40)
    assert len(history) == len(signals)


def test_the_price_must_be_a_number() -> None:
    candles = falling([1050, 1100, 1150, 1200, 1250])
    wrong: tuple[Any, ...] = (math.nan, "1.1")
    for price in wrong:
        with pytest.raises(ParameterError, match="give the price as a number"):
            detector().detect_smart_money_signals(candles, price)
    assert detector(tolerant=True).detect_smart_money_signals(candles, math.nan) == []


def test_settings_must_be_numbers() -> None:
    with pytest.raises(ParameterError, match="not a number"):
        detector({"min_strength": "great"}).detect_smart_money_signals(flat(), 1.1)


# ---- surface ---------------------------------------------------------------------------------


def test_names() -> None:
    assert [(kind.name, kind.value) for kind in SmartMoneySignalType] == [
        ("BOS", "break_of_structure"),
        ("CHOCH", "change_of_character"),
        ("LIQUIDITY_SWEEP", "liquidity_sweep"),
        ("INDUCEMENT", "inducement"),
        ("MANIPULATION", "manipulation"),
        ("INSTITUTIONAL_FLOW", "institutional_flow"),
    ]
    assert [kind.value for kind in MarketStructure] == ["bullish", "bearish", "ranging", "transition"]
    assert [(kind.name, kind.value) for kind in LiquidityType] == [
        ("BUY_SIDE", "buy_side_liquidity"),
        ("SELL_SIDE", "sell_side_liquidity"),
        ("EQUAL_HIGHS", "equal_highs"),
        ("EQUAL_LOWS", "equal_lows"),
    ]
    assert [entry.name for entry in dataclasses.fields(SmartMoneySignal)] == [
        *("signal_type", "direction", "confidence", "strength", "price_level", "entry_price", "stop_loss"),
        *("take_profit", "risk_reward", "probability", "health_score", "quality_score", "liquidity_context"),
        *(
            "market_structure",
            "institutional_bias",
            "symbol",
            "timeframe",
            "timestamp",
            "detection_latency_ms",
        ),
        *("data_reliability", "order_block_confluence", "volume_confluence", "time_confluence"),
    ]
    signature = inspect.signature(SmartMoneyDetector.detect_smart_money_signals)
    assert list(signature.parameters) == ["self", "data", "current_price", "symbol", "timeframe"]


def test_defaults() -> None:
    assert SmartMoneyDetector().config == {
        "lookback_period": 30,
        "min_confidence": 70,
        "min_strength": 60,
        "liquidity_threshold": 0.8,
        "bos_validation_period": 5,
        "choch_confirmation_period": 3,
        "enable_manipulation_detection": True,
        "health_weight": 0.4,
        "min_health_score": 0.6,
        "max_detection_latency_ms": 300,
        "enable_order_block_confluence": True,
    }
    assert SmartMoneyDetector().order_block_detector.config["lookback_period"] == 25
    assert SmartMoneyDetector({"min_confidence": 80}).order_block_detector.config["min_confidence"] == 80


def test_stats_and_log() -> None:
    said = []

    class Logger:
        def debug(self, message: str, component: str = "") -> None:
            said.append((component, message))

    found = detector(logger=Logger())
    found.detect_smart_money_signals(flat(high={30: 1.1012, 39: 1.102}), 1.1, "EURUSD", "M15")
    stats = found.get_smart_money_stats()
    assert stats == {
        "total_detections": 1,
        "signals_found": 2,
        "current_structure": "ranging",
        "structure_highs": 1,
        "structure_lows": 0,
        "health_score": 1.0,
        "config": found.config,
    }
    assert said == [("smart_money_detector", "2 signals on EURUSD M15")]
