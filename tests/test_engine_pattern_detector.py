"""The engine's pattern detector: what the original returned, histories, and hand-computed examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine import pattern_detector as module
from ict_kernels.adapters.ict_engine._collaborators import ChochHistory
from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked, trailing
from ict_kernels.adapters.ict_engine.pattern_detector import (
    BreakoutType,
    JudasSwingType,
    PatternConfidence,
    PatternDetector,
    PatternSignal,
    PatternType,
    SessionType,
    TradingDirection,
    get_analysis_ready_symbols,
    get_ict_critical_symbols,
    get_ict_critical_timeframes,
    get_ict_trading_symbols,
    get_pattern_detector,
)
from ict_kernels.detectors.engine.breaks import BREAKS, CHANGE_EVENTS, CHANGES
from ict_kernels.detectors.engine.patterns import PATTERN_SIGNALS
from ict_kernels.errors import CandleError, ParameterError
from ict_kernels.kernels.engine._types import EngineBars
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_bars, engine_frames, real_bars, real_frame

SIGNALS = (
    "silver_bullet",
    "judas_swing",
    "liquidity_grab",
    "optimal_trade_entry",
    "order_blocks",
    "fair_value_gaps",
)
METHODS = tuple(f"_detect_{name}" for name in SIGNALS)
SHORT = ("silver_bullet", "judas_swing", "liquidity_grab", "ote", "order_blocks", "fvg")
GOLDEN = (
    "patterns",
    "patterns@walk",
    *(f"patterns_{name}{walk}" for name in SHORT for walk in ("", "@walk")),
    "patterns_find_order_blocks",
    "patterns_find_fvg",
    "patterns_swings",
    *(f"patterns_{name}{walk}" for name in ("bos", "choch") for walk in ("", "@walk")),
)
TEN = datetime(2025, 9, 1, 10, 30)
CLOSE = 1.1 + 0.00005  # of the candles that stand still
LOOSE = {"min_confidence": 0.0, "fvg_min_size": 0.0}


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def detector(config: dict[str, Any] | None = None, **options: Any) -> PatternDetector:
    return PatternDetector(config, **{"clock": at(TEN)} | options)


def flat(n: int, price: float = 1.1) -> pd.DataFrame:
    """Candles that stand still, one pip high, every body half a pip."""
    index = pd.date_range("2025-09-01", periods=n, freq="15min")
    columns = {"open": price, "high": price + 0.0001, "low": price, "close": price + 0.00005}
    return pd.DataFrame(columns, index=index)


def along(*turns: float, leg: int = 8) -> pd.DataFrame:
    """Candles without wicks along straight lines between turning points."""
    places = np.arange(len(turns)) * leg
    close = np.interp(np.arange(places[-1] + 1), places, turns)
    opened = np.concatenate([close[:1], close[:-1]])
    columns = {"open": opened, "high": close + 0.0001, "low": close - 0.0001, "close": close}
    return pd.DataFrame(columns, index=pd.date_range("2025-09-01", periods=len(close), freq="15min"))


def ask(given_: PatternDetector, method: str, candles: pd.DataFrame) -> list[Any]:
    """What a method says, as a list in which nothing that was not found stands."""
    if method == "detect_bos":
        answer = given_.detect_bos({"candles": candles, "symbol": "EURUSD", "timeframe": "M15"})
        return [answer] if answer["patterns"] else []
    if method == "_detect_choch_single_tf":
        answer = given_._detect_choch_single_tf(candles, "EURUSD", "M15")
        return [answer] if answer["detected"] else []
    found: list[Any] = getattr(given_, method)(candles, "EURUSD", "M15")
    return found


ALL = ("detect_patterns", *METHODS, "detect_bos", "_detect_choch_single_tf")


@pytest.mark.parametrize("name", GOLDEN)
def test_original(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


@settings(max_examples=30)
@given(engine_frames(0, 120), st.booleans())
def test_row_by_row(candles: pd.DataFrame, strict: bool) -> None:
    given_ = detector(LOOSE, strict=strict)

    def everything() -> list[Any]:
        return [
            *(ask(given_, method, candles) for method in ALL),
            given_._find_order_blocks(candles),
            given_._find_fair_value_gaps(candles),
            given_._detect_swing_points_for_bos(candles),
            given_._detect_recent_structure_break(candles),
            given_._detect_false_breakout_v6(candles),
            given_._analyze_current_market_conditions(candles, "M15"),
            list(given_.choch_events(candles).rows()),
        ]

    fast = everything()
    with row_by_row():
        slow = everything()
    assert fast == slow


@pytest.mark.parametrize("method", ALL)
@settings(max_examples=15)
@given(data=st.data())
def test_history_is_candle_by_candle(method: str, data: st.DataObject) -> None:
    candles = data.draw(engine_frames(1, 90))
    window = data.draw(st.integers(1, 60))
    check_history(method, candles, window, range(first_asked(len(candles), window), len(candles)))


@pytest.mark.parametrize("method", ALL)
def test_history_of_real_candles(method: str) -> None:
    candles = real_frame(900)
    check_history(method, candles, 510, [509, 600, 700, 701, 899])


def check_history(method: str, candles: pd.DataFrame, window: int, bars: Any) -> None:
    history = detector(LOOSE).evaluate_history(candles, "EURUSD", "M15", window=window, method=method)
    assert len(history.records()) == len(history) == len(history.bar)
    for bar in bars:
        given_ = detector(LOOSE, clock=at(candles.index[bar].to_pydatetime()))
        assert history.at(bar).records() == ask(given_, method, trailing(candles, bar, window))


def test_history_says_what_it_knows() -> None:
    with pytest.raises(ParameterError, match="no history of '_detect_nothing'"):
        PatternDetector().evaluate_history(flat(10), method="_detect_nothing")
    with pytest.raises(ParameterError, match="window must be 1 or more"):
        PatternDetector().evaluate_history(flat(10), window=0)
    with pytest.raises(CandleError, match="a history needs times"):
        PatternDetector().evaluate_history(flat(10).reset_index(drop=True))


@settings(max_examples=60)
@given(engine_bars(0, 80), st.data())
def test_signals_with_gaps_in_the_data(bars: EngineBars, data: st.DataObject) -> None:
    columns = [np.array(column) for column in bars]
    for column in columns[:5]:
        for row in data.draw(st.lists(st.integers(0, max(len(column) - 1, 0)), max_size=8)):
            if len(column):
                column[row] = np.nan
    missing = EngineBars._make(columns)
    given_ = {"window": data.draw(st.sampled_from([0, 50])), "min_gap": 0.0, "tolerant": 1}
    stop = len(columns[0])
    found = PATTERN_SIGNALS(missing, **given_)
    expected = PATTERN_SIGNALS.hits(PATTERN_SIGNALS.twin(missing, 0, stop, PATTERN_SIGNALS.given(**given_)))
    for name, column in found.columns.items():
        np.testing.assert_array_equal(column, expected.columns[name], err_msg=name)


# Order blocks


def block_frame(n: int = 40, bar: int = 12, body: float = 0.0005) -> pd.DataFrame:
    candles = flat(n)
    candles.loc[candles.index[bar], ["high", "close"]] = 1.1 + body + 0.0001, 1.1 + body
    return candles


def test_order_block() -> None:
    [block] = PatternDetector()._find_order_blocks(block_frame())
    assert block == {
        "type": "bullish",
        "high": 1.1006,
        "low": 1.1,
        "timestamp": pd.Timestamp("2025-09-01 03:00"),
        "strength": 1.0,
        "tested": True,
        "impulse_size": pytest.approx(0.0005),
        "avg_size_ratio": pytest.approx(10.0),
        "candle_index": 12,
    }


def test_untested_order_block() -> None:
    candles = block_frame()
    candles.iloc[13:] += 0.1
    [block] = PatternDetector()._find_order_blocks(candles)[:1]
    assert (block["tested"], block["strength"]) == (False, 1.0)
    candles.loc[candles.index[12], "close"] = 1.10009  # 1.8 times the mean
    [block] = PatternDetector()._find_order_blocks(candles)[:1]
    assert block["strength"] == pytest.approx(1.8 / 3 + 0.1 + 0.2)


@pytest.mark.parametrize(("bar", "found"), [(4, 0), (5, 1), (79, 1), (80, 0)])
def test_order_blocks_are_old(bar: int, found: int) -> None:
    candles = block_frame(200, bar)
    blocks = PatternDetector()._find_order_blocks(candles)
    assert len([block for block in blocks if "candle_index" in block]) == found


def test_strict_order_blocks_are_new() -> None:
    [block] = PatternDetector(strict=True)._find_order_blocks(block_frame(200, 189))
    assert block["candle_index"] == 189
    assert "candle_index" not in str(PatternDetector(strict=True)._find_order_blocks(block_frame(200, 190)))


def test_basic_order_blocks() -> None:
    candles = block_frame(40, 35)
    [block] = PatternDetector()._find_order_blocks(candles)
    assert block["basic_detection"] is True
    assert (block["strength"], block["timestamp"]) == (0.4, candles.index[35])
    assert "impulse_size" not in block
    candles = flat(40)
    candles.iloc[[31, 33, 35, 37], 3] = 1.1005
    stamps = [block["timestamp"] for block in PatternDetector()._find_order_blocks(candles)]
    assert stamps == [candles.index[bar] for bar in (31, 33, 35)]
    assert PatternDetector()._find_order_blocks(block_frame(19, 14)) == []


def test_order_block_signals() -> None:
    [signal] = detector()._detect_order_blocks(block_frame(), "EURUSD", "M15")
    target, middle, stop = CLOSE + 0.0030, (1.1 + 1.1006) / 2, 1.1 - 0.0010
    assert signal == PatternSignal(
        PatternType.ORDER_BLOCK,
        TradingDirection.BUY,
        PatternConfidence.MEDIUM,
        80.0,
        TEN,
        "EURUSD",
        "M15",
        (1.1, 1.1006),
        stop,
        target,
        risk_reward_ratio=abs(target - middle) / abs(middle - stop),
        probability=80.0,
        session=SessionType.LONDON,
        narrative=signal.narrative,
        confluences=["institutional_orders", "price_reaction"],
        invalidation_criteria=signal.invalidation_criteria,
        analysis_id=f"OB_EURUSD_{int(TEN.timestamp())}",
    )
    # A basic one scores 71.
    assert detector()._detect_order_blocks(block_frame(40, 35), "EURUSD", "M15") == []
    [basic] = detector({"min_confidence": 71.0})._detect_order_blocks(block_frame(40, 35), "EURUSD", "M15")
    assert basic.strength == 71.0


# Gaps


def gap_frame(n: int = 30, middle: int = 10, size: float = 0.0010) -> pd.DataFrame:
    """A bullish gap of that size above 1.1001."""
    candles = flat(n)
    candles.iloc[middle + 1 :] += 0.0001 + size
    candles.loc[candles.index[middle], ["high", "close"]] = 1.1001 + size
    return candles


def test_gap() -> None:
    candles = gap_frame()
    [gap] = PatternDetector()._find_fair_value_gaps(candles)
    assert gap == {
        "type": "bullish",
        "high": candles["low"].iloc[11],
        "low": candles["high"].iloc[9],
        "timestamp": candles.index[10],
        "size": pytest.approx(0.0010),
        "partially_filled": False,
    }
    assert PatternDetector({"fvg_min_size": 0.0011})._find_fair_value_gaps(candles) == []
    assert PatternDetector()._find_fair_value_gaps(candles.iloc[:2]) == []


@pytest.mark.parametrize(
    ("n", "middle", "strict", "found"),
    [(30, 27, False, 1), (30, 28, False, 0), (30, 28, True, 1), (200, 99, False, 1), (200, 100, False, 0)],
)
def test_gaps_are_old(n: int, middle: int, strict: bool, found: int) -> None:
    candles = gap_frame(n, middle)
    assert len(PatternDetector(strict=strict)._find_fair_value_gaps(candles)) == found


def test_gap_signal() -> None:
    candles = gap_frame()
    given_ = detector({"min_confidence": 0.0})
    [signal] = given_._detect_fair_value_gaps(candles, "EURUSD", "M15")
    conditions = given_._analyze_current_market_conditions(candles, "M15")
    wanted = given_._adapt_fvg_config_to_conditions(conditions)
    low, high = candles["high"].iloc[9], candles["low"].iloc[11]
    close = candles["close"].iloc[-1]
    assert signal.entry_zone == (low, high)
    assert signal.stop_loss == pytest.approx(low - 0.2 * wanted["volatility_factor"] * (high - low))
    assert signal.take_profit_1 == pytest.approx(close + 1.5 * wanted["momentum_factor"] * (high - low))
    # Quiet by the last 20 candles, and 10:30 is a kill zone.
    assert signal.probability == pytest.approx(60 + 10 + 100 * wanted["score_adjustment"] + 5 - 5 + 8)
    assert signal.strength == min(78.0, signal.probability)


def test_gap_in_yen_is_measured_in_hundredths() -> None:
    candles = gap_frame()
    assert detector(LOOSE)._detect_fair_value_gaps(candles, "USDJPY", "M15") == []
    assert len(detector(LOOSE)._detect_fair_value_gaps(candles * 100, "USDJPY", "M15")) == 1


@pytest.mark.parametrize(
    ("volatility", "momentum", "direction", "session", "alert", "expected"),
    [
        (8.0, 0.0, "neutral", "transition", False, (2.0, 1.0, 1.0, 0.0, 0.5, 1.0)),
        (4.0, 0.0, "neutral", "transition", False, (0.8, 0.7, 1.0, 0.0, 0.2, 0.9)),
        (6.0, -2.0, "bearish", "transition", False, (1.5, 0.8, 0.8, -0.05, 0.24, 1.0)),
        (20.0, -4.0, "bearish", "london", True, (4.25, 1.54, 0.7, -0.03, 0.63, 1.32)),
        (13.0, 4.0, "bullish", "overlap", True, (2.9835, 1.2, 1.3, 0.16, 0.84, 1.5)),
        (8.0, 2.0, "bullish", "new_york", True, (1.7, 1.0, 1.32, 0.10, 0.55, 1.1)),
        (1.0, 0.0, "neutral", "asian", True, (0.5, 0.63, 1.0, 0.05, 0.16, 0.99)),
    ],
)
def test_adaptation(
    volatility: float, momentum: float, direction: str, session: str, alert: bool, expected: tuple[float, ...]
) -> None:
    conditions = {
        "volatility_pips": volatility,
        "momentum_pips": momentum,
        "momentum_direction": direction,
        "session": session,
        "kill_zone_active": alert,
    }
    wanted = PatternDetector()._adapt_fvg_config_to_conditions(conditions)
    assert tuple(wanted.values()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("hour", "session", "alert"),
    [
        *((0, "asian", False), (2, "asian", True), (6, "asian", True), (7, "transition", False)),
        *((8, "london", True), (12, "london", True), (13, "overlap", True), (16, "overlap", True)),
        *((17, "new_york", True), (19, "new_york", True), (20, "new_york", False), (21, "asian", False)),
    ],
)
def test_market_sessions(hour: int, session: str, alert: bool) -> None:
    found = detector(clock=at(TEN.replace(hour=hour)))._analyze_current_market_conditions(flat(5), "M15")
    assert (found["session"], found["kill_zone_active"]) == (session, alert)


def test_conditions() -> None:
    rising = along(1.1, 1.1 + 0.0001 * 40, leg=40)
    found = detector()._analyze_current_market_conditions(rising, "H1")
    assert found["momentum_pips"] == pytest.approx(19.0)
    assert found["short_momentum_pips"] == pytest.approx(4.0)
    assert (found["momentum_direction"], found["momentum_strength"]) == ("bullish", "strong")
    assert found["volatility_pips"] == found["current_volatility"] == pytest.approx(2.0)
    assert (found["trend_direction"], found["data_quality"]) == ("sideways", "limited")
    assert found["coherence_factor"] == pytest.approx(0.7)
    assert (found["timeframe"], found["analysis_timestamp"]) == ("H1", TEN)
    steep = along(1.1, 1.2, leg=40)
    found = detector()._analyze_current_market_conditions(steep, "H1")
    assert (found["trend_direction"], found["structure_break_detected"]) == ("bullish", True)
    assert found["coherence_factor"] == pytest.approx(1.0)


# Liquidity, retracement, silver bullet


def test_liquidity_grab() -> None:
    candles = flat(40)
    candles.loc[candles.index[33], "high"] = 1.1008
    [signal] = detector()._detect_liquidity_grab(candles, "EURUSD", "M15")
    assert signal.direction is TradingDirection.SELL
    assert signal.entry_zone == (CLOSE - 0.0008, CLOSE + 0.0008)
    assert (signal.stop_loss, signal.take_profit_1) == (1.1008 + 0.0010, CLOSE - 0.0050)
    assert (signal.strength, signal.probability) == (85.0, 90.0)
    assert signal.confidence is PatternConfidence.VERY_HIGH
    assert signal.max_hold_time == timedelta(hours=2)
    assert signal.confluences == ["liquidity_sweep", "immediate_reversal"]
    candles.loc[candles.index[31], "low"] = 1.0990
    sides = [s.direction.value for s in detector()._detect_liquidity_grab(candles, "EURUSD", "M15")]
    assert sides == ["sell", "buy"]


@pytest.mark.parametrize(("bar", "found"), [(29, 0), (30, 1), (36, 1), (37, 0)])
def test_liquidity_grabs_are_recent(bar: int, found: int) -> None:
    candles = flat(40)
    candles.loc[candles.index[bar], "high"] = 1.1008
    assert len(detector()._detect_liquidity_grab(candles, "EURUSD", "M15")) == found


def retraced(close: float) -> pd.DataFrame:
    """The last 20 candles between 1.1 and 1.2."""
    candles = flat(30, 1.15)
    candles.iloc[15, 1], candles.iloc[16, 2] = 1.2, 1.1
    candles.iloc[-1, 3] = close
    return candles


def test_optimal_trade_entry() -> None:
    assert detector()._detect_optimal_trade_entry(retraced(1.13), "EURUSD", "M15") == []
    [signal] = detector(LOOSE)._detect_optimal_trade_entry(retraced(1.13), "EURUSD", "M15")
    assert signal.direction is TradingDirection.BUY
    assert signal.entry_zone == pytest.approx((1.2 - 0.0786, 1.2 - 0.0618))
    assert (signal.stop_loss, signal.take_profit_1) == (1.1 - 0.0015, 1.2)
    assert signal.take_profit_2 == pytest.approx(1.2 + 0.0618)
    assert (signal.strength, signal.confidence) == (68.0, PatternConfidence.MEDIUM)
    for close in (1.12, 1.14):
        assert detector(LOOSE)._detect_optimal_trade_entry(retraced(close), "EURUSD", "M15") == []


@pytest.mark.parametrize(
    ("hour", "strength"),
    [(9, None), (10, 80.0), (11, 75.0), (12, None), (13, None), (14, 75.0), (15, 75.0), (16, None)],
)
def test_silver_bullet(hour: int, strength: float | None) -> None:
    given_ = detector(clock=at(TEN.replace(hour=hour)))
    found = given_._detect_silver_bullet(block_frame(), "EURUSD", "M15")
    assert [signal.strength for signal in found] == ([] if strength is None else [strength])
    for signal in found:
        assert (signal.stop_loss, signal.session) == (1.1 - 0.0020, SessionType.LONDON)
        assert signal.take_profit_1 == CLOSE + 0.0040
        assert signal.take_profit_2 == CLOSE + 0.0070
        assert signal.confluences == ["order_block", "timing_window"]
        assert signal.confidence is (PatternConfidence.HIGH if hour == 10 else PatternConfidence.MEDIUM)


def test_silver_bullet_beside_a_gap() -> None:
    candles = gap_frame(40, 12)
    [signal] = detector()._detect_silver_bullet(candles, "EURUSD", "M15")
    assert (signal.strength, signal.confluences) == (90.0, ["order_block", "timing_window", "fvg"])


def test_dead_detectors() -> None:
    candles = real_frame(60)
    assert detector()._detect_judas_swing(candles, "EURUSD", "M15") == []
    price = float(candles["close"].iloc[-1])
    assert detector()._detect_false_breakout_v6(candles) == (0.4, BreakoutType.NO_BREAKOUT, price)
    assert detector()._detect_false_breakout_v6(candles.iloc[:19]) == (0.0, BreakoutType.NO_BREAKOUT, 0.0)


def test_recent_structure_break() -> None:
    candles = flat(10)
    assert detector()._detect_recent_structure_break(candles) is False
    candles.iloc[8, 2] = 1.0990
    assert detector()._detect_recent_structure_break(candles) is True
    assert detector()._detect_recent_structure_break(candles.iloc[:9]) is False


# The pipeline


def test_parts_are_looked_at_apart() -> None:
    candles = flat(500)
    for bar in (260 - 10, 500 - 10):
        candles.loc[candles.index[bar - 10 : bar], "high"] = 1.1001
    candles.loc[candles.index[[244, 494]], "high"] = 1.1008
    config = {"enable_silver_bullet": False}
    found = detector(config, smart_money=False).detect_patterns(candles, "EURUSD", "M15")
    grabs = [signal for signal in found if signal.pattern_type is PatternType.LIQUIDITY_GRAB]
    assert len(grabs) == 2
    alone = detector(config, smart_money=False).detect_patterns(candles.iloc[250:], "EURUSD", "M15")
    assert len([signal for signal in alone if signal.pattern_type is PatternType.LIQUIDITY_GRAB]) == 1


def test_strengths_are_revised() -> None:
    candles = block_frame()
    given_ = detector({"enable_silver_bullet": False}, clock=at(TEN.replace(hour=5)))
    [signal] = given_.detect_patterns(candles, "EURUSD", "M15")
    # Flow 0.5 + 0.2 (strength above 75, no busy session), market maker 0.5 + 0.1 (reward above 2).
    assert signal.risk_reward_ratio > 2
    assert signal.strength == pytest.approx((80 + 100 * (0.65 + 0.3 * 0.7 + 0.2 * 0.6)) / 2)
    assert (signal.confidence, signal.analysis_id) == (PatternConfidence.HIGH, "")
    assert signal.confluences[-1] == "Smart Money Analysis v6.0"
    assert "smart_money_data" in signal.raw_data
    plain = detector({"enable_silver_bullet": False}, smart_money=False, clock=at(TEN.replace(hour=5)))
    [signal] = plain.detect_patterns(candles, "EURUSD", "M15")
    assert (signal.strength, signal.raw_data) == (80.0, {})
    [again] = given_._enhance_with_smart_money_analysis([signal])
    assert again == given_.get_detected_patterns()[0]


def test_the_strongest_are_kept() -> None:
    candles = real_frame(700)
    few = detector().detect_patterns(candles)
    all_ = detector({"max_patterns_per_analysis": 1000}).detect_patterns(candles)
    assert len(few) == 5 < len(all_)
    expected = sorted(all_, key=lambda signal: signal.strength, reverse=True)[:5]
    assert few == expected


def test_switches() -> None:
    candles = real_frame(700)
    many = {"max_patterns_per_analysis": 1000}
    kinds = {s.pattern_type for s in detector(many | LOOSE).detect_patterns(candles)}
    assert PatternType.SILVER_BULLET in kinds
    off = {"enable_silver_bullet": False, "enable_liquidity_grab": False, "enable_optimal_trade_entry": False}
    kinds = {s.pattern_type for s in detector(many | LOOSE | off).detect_patterns(candles)}
    assert kinds == {PatternType.ORDER_BLOCK, PatternType.FAIR_VALUE_GAP}


def test_text_is_converted() -> None:
    candles = real_frame(300)
    assert detector().detect_patterns(candles.astype(str)) == detector().detect_patterns(candles)
    broken = candles.astype(str)
    broken.iloc[250, 0] = "none"
    with pytest.raises(CandleError, match="NaN"):
        detector().detect_patterns(broken)


def test_nothing_to_look_at() -> None:
    assert detector().detect_patterns(None) == []
    assert detector().detect_patterns(pd.DataFrame()) == []
    for method in METHODS:
        assert getattr(detector(), method)(flat(2), "EURUSD", "M15") == []
    assert detector()._find_order_blocks(None) == detector()._find_fair_value_gaps(None) == []


class Unready(PatternDetector):
    def is_trading_ready(self) -> bool:
        return False


def test_readiness() -> None:
    assert PatternDetector().require_trading_ready() is True
    assert Unready().detect_patterns(real_frame(300)) == []
    with pytest.raises(RuntimeError, match="not ready"):
        Unready().require_trading_ready()


def test_missing_prices() -> None:
    candles = real_frame(300)
    candles.iloc[150, 1] = np.nan
    for method in ("detect_patterns", "_detect_order_blocks", "_detect_liquidity_grab"):
        with pytest.raises(CandleError, match="tolerant=True"):
            getattr(detector(), method)(candles.iloc[:160], "EURUSD", "M15")
    with pytest.raises(CandleError, match="no column 'open'"):
        detector().detect_patterns(candles.drop(columns="open"))
    tolerant = detector(LOOSE, tolerant=True)
    assert tolerant.detect_patterns(candles)
    gaps = {gap["timestamp"] for gap in tolerant._find_fair_value_gaps(candles)}
    assert not gaps & set(candles.index[149:152])
    # More than a tenth missing.
    candles.iloc[:40, 0] = np.nan
    assert tolerant._find_order_blocks(candles) == tolerant._find_fair_value_gaps(candles) == []
    assert tolerant._detect_order_blocks(candles, "EURUSD", "M15") == []
    assert tolerant._find_order_blocks(candles.iloc[40:]) != []


def test_missing_volume_hides_a_gap() -> None:
    candles = gap_frame().assign(volume=1.0)
    assert len(detector(tolerant=True)._find_fair_value_gaps(candles)) == 1
    candles.loc[candles.index[11], "volume"] = np.nan
    assert detector(tolerant=True)._find_fair_value_gaps(candles) == []
    assert detector(LOOSE, tolerant=True)._detect_fair_value_gaps(candles, "EURUSD", "M15") == []


# Structure


def test_swings() -> None:
    candles = along(1.1, 1.11, 1.1, 1.12, 1.1)
    found = PatternDetector()._detect_swing_points_for_bos(candles)
    assert [(swing["index"], swing["timestamp"]) for swing in found["highs"]] == [
        (8, candles.index[8]),
        (24, candles.index[24]),
    ]
    assert [(swing["index"], swing["price"]) for swing in found["lows"]] == [(16, candles["low"].iloc[16])]
    bare = PatternDetector()._detect_swing_points_for_bos(candles.reset_index(drop=True))
    assert [swing["timestamp"] for swing in bare["highs"]] == [8, 24]
    assert PatternDetector()._detect_swing_points_for_bos(candles.iloc[:10]) == {"highs": [], "lows": []}


UP = along(1.1, 1.11, 1.105, 1.12, 1.115, 1.13)


def bos(candles: pd.DataFrame, **options: Any) -> dict[str, Any]:
    return detector(**options).detect_bos({"candles": candles, "symbol": "EURUSD", "timeframe": "M15"})


def test_break_of_structure() -> None:
    answer = bos(UP)
    assert (answer["status"], answer["detected"], answer["confidence"]) == ("BOS_DETECTED", True, 80.0)
    [pattern] = answer["patterns"]
    level, previous = UP["high"].iloc[24], UP["high"].iloc[8]
    assert pattern is answer["best_pattern"]
    assert (pattern["type"], pattern["direction"]) == ("BOS_BULLISH", "BULLISH")
    assert (pattern["break_level"], pattern["target_level"]) == (level, 1.002 * level)
    assert pattern["swing_broken"] == {"index": 24, "price": level, "timestamp": UP.index[24]}
    assert pattern["prev_swing"]["index"] == 8
    assert (pattern["momentum_score"], pattern["timestamp"]) == (1.0, UP.index[-1])
    assert pattern["metadata"] == {"choch_historical_bonus": 0.0, "choch_success_rate": 0.0}
    assert answer["swing_analysis"]["highs_count"] == answer["swing_analysis"]["lows_count"] == 2
    signal = answer["signal"]
    assert (signal.pattern_type, signal.direction) == (PatternType.SILVER_BULLET, TradingDirection.BUY)
    assert signal.entry_zone == (level * 0.9999, level * 1.0001)
    assert signal.stop_loss == previous * 0.999
    assert signal.risk_reward_ratio == pytest.approx(0.002 * level / (level - previous * 0.999))
    assert signal.confidence is PatternConfidence.HIGH


def test_bearish_break_mirrors() -> None:
    down = 2.2 - UP.rename(columns={"high": "low", "low": "high"})
    answer = bos(down)
    assert answer["best_pattern"]["type"] == "BOS_BEARISH"
    assert answer["signal"].direction is TradingDirection.SELL
    assert answer["signal"].stop_loss == down["low"].iloc[8] * 1.001


def test_break_that_is_not_confirmed() -> None:
    near = UP.copy()
    near.loc[near.index[-1], ["open", "close"]] = UP["high"].iloc[24] + 0.0004
    answer = bos(near)
    assert (answer["status"], answer["detected"], answer["signal"]) == ("NO_BOS_CONFIRMED", False, None)
    [pattern] = answer["patterns"]
    assert pattern["strength"] == 80.0
    assert "momentum_score" not in pattern
    wrong = UP.copy()
    wrong.loc[wrong.index[-2:], "open"] = 1.14
    assert bos(wrong)["status"] == "NO_BOS_CONFIRMED"
    doji = UP.copy()
    doji.loc[doji.index[-1], "open"] = doji["close"].iloc[-1]
    assert bos(doji)["status"] == "BOS_DETECTED"


def test_no_break() -> None:
    assert bos(UP.iloc[:-8])["patterns"] == []
    assert bos(UP.iloc[:20])["status"] == bos(UP.iloc[:3])["status"] == "INSUFFICIENT_DATA"
    for candles in (None, UP.iloc[:0]):
        assert PatternDetector().detect_bos({"candles": candles})["status"] == "NO_DATA"


def test_history_revises_breaks() -> None:
    lost = {"symbol": "EURUSD", "timeframe": "M15", "break_level": 1.12, "outcome": "FAILED"}
    answer = bos(UP, history=ChochHistory([lost] * 3))
    assert answer["confidence"] == 60.0
    assert answer["best_pattern"]["metadata"]["choch_historical_bonus"] == -20.0
    assert answer["signal"].confidence is PatternConfidence.MEDIUM


def test_low_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PatternDetector({"low_mem": True}).config["max_patterns_per_analysis"] == 3
    assert (
        PatternDetector({"low_mem": True, "max_patterns_per_analysis": 2}).config["max_patterns_per_analysis"]
        == 2
    )
    monkeypatch.setenv("ICT_LOW_MEM", "1")
    candles = pd.concat([real_frame(600), UP], ignore_index=True)
    answer = bos(candles)
    assert answer["swing_analysis"]["highs_count"] == 20
    assert answer["best_pattern"]["break_level"] == float(np.float32(UP["high"].iloc[24]))
    assert answer["best_pattern"]["swing_broken"]["index"] == 500 - len(UP) + 24


# Highs and lows fall, the last low holds, and the close exceeds the last high but one.
TURN = along(1.15, 1.12, 1.14, 1.11, 1.13, 1.10, 1.12, 1.105, 1.135)


def test_change_of_character() -> None:
    answer = detector()._detect_choch_single_tf(TURN, "EURUSD", "M15", "full")
    level, target = TURN["high"].iloc[32], TURN["high"].iloc[48]
    assert (answer["detected"], answer["structure_type"]) == (True, "CHOCH_BULLISH")
    assert (answer["break_level"], answer["target_level"]) == (level, target)
    assert answer["trend_change"] == "BEARISH -> BULLISH"
    assert answer["timestamp"] == TURN.index[-1]
    beyond = TURN["close"].iloc[-1] - level
    assert answer["confidence"] == pytest.approx(82 + min(8, beyond / 0.0001 / 2))
    swings = answer["swing_data"]
    indices = [swings[name]["index"] for name in ("last_high", "prev_high", "last_low", "prev_low")]
    assert indices == [48, 32, 56, 40]
    assert swings["current_price"] == TURN["close"].iloc[-1]


def test_change_needs_distance_and_swings() -> None:
    given_ = detector()
    # 49 pips beyond suffice for every timeframe but W1, which wants 50.
    assert given_._detect_choch_single_tf(TURN, "EURUSD", "d1")["detected"] is True
    assert given_._detect_choch_single_tf(TURN, "EURUSD", "W1")["detected"] is False
    assert given_._detect_choch_single_tf(TURN, "USDJPY", "M1")["detected"] is False
    assert given_._detect_choch_single_tf(TURN.iloc[:40], "EURUSD", "M15")["detected"] is False
    assert (
        given_._detect_choch_single_tf(TURN.iloc[:9], "EURUSD", "M15")["reason"]
        == "there are fewer than 10 candles"
    )
    assert given_._detect_choch_single_tf(None, "EURUSD", "M15")["detected"] is False


def test_bearish_change_mirrors() -> None:
    mirrored = 2.3 - TURN.rename(columns={"high": "low", "low": "high"})
    answer = detector()._detect_choch_single_tf(mirrored, "EURUSD", "M15")
    assert (answer["structure_type"], answer["break_level"]) == ("CHOCH_BEARISH", mirrored["low"].iloc[32])


def test_strict_changes_wait_for_their_swings() -> None:
    # The change comes with the very bars that make the last low known, and no later.
    early = along(1.15, 1.12, 1.14, 1.11, 1.13, 1.10, 1.12, 1.105)
    jump = pd.DataFrame({"open": 1.135, "high": 1.136, "low": 1.134, "close": 1.1355}, index=range(6))
    candles = pd.concat([early.reset_index(drop=True), jump], ignore_index=True)
    assert detector()._detect_choch_single_tf(candles, "EURUSD", "M15")["timestamp"] == 62
    known = detector(strict=True)._detect_choch_single_tf(candles, "EURUSD", "M15")
    assert known["timestamp"] == 62
    events = detector(strict=True).choch_events(pd.concat([candles, jump], ignore_index=True))
    assert events.bar.min() == 62
    early_events = detector().choch_events(pd.concat([candles, jump], ignore_index=True))
    assert early_events.bar.min() == 57


def test_all_changes() -> None:
    candles = real_frame(2000)
    events = detector().choch_events(candles, "EURUSD", "M15")
    last = detector()._detect_choch_single_tf(candles, "EURUSD", "M15")
    assert candles.index[events.bar[-1]] == last["timestamp"] or last["timestamp"] > candles.index[-7]
    assert (events.change == events.bar).all()


def test_breaks_at_every_bar_are_the_last_ones() -> None:
    bars = real_bars(400)
    whole, changes = BREAKS(bars), CHANGES(bars)
    for stop in (100, 250, 399):
        part = EngineBars._make(column[:stop] for column in bars)
        for rule, found in ((BREAKS, whole), (CHANGES, changes)):
            alone = list(rule(part, stop - 1, stop).rows())
            expected = list(found[found.bar == stop - 1].rows())
            assert str(alone) == str(expected)
    assert len(CHANGE_EVENTS(bars)) > 0


# Several timeframes


class Manager:
    def __init__(self, frames: dict[str, pd.DataFrame]) -> None:
        self.frames = frames
        self.asked: list[tuple[str, str, int]] = []

    def get_candles(self, symbol: str, timeframe: str, count: int) -> pd.DataFrame | None:
        self.asked.append((symbol, timeframe, count))
        return self.frames.get(timeframe)


def test_fetched_candles() -> None:
    candles = real_frame(400)
    manager = Manager({"M15": candles, "H1": candles.iloc[:100]})
    given_ = detector(data_manager=manager)
    assert given_.detect_patterns(symbol="EURUSD", timeframe="M15", lookback_days=3)
    assert manager.asked == [("EURUSD", "M15", 288), ("EURUSD", "M5", 864), ("EURUSD", "H1", 72)]
    [(name, frame)] = given_.get_multi_timeframe_data("EURUSD").items()
    assert (name, len(frame)) == ("H1", 100)
    frame.iloc[:] = 0
    assert given_.get_multi_timeframe_data("EURUSD")["H1"].iloc[0, 0] != 0


def test_higher_timeframes_raise_strengths() -> None:
    candles = block_frame()
    config = {"enable_silver_bullet": False}
    given_ = detector(config, smart_money=False)
    higher = along(1.1, 1.2, leg=40)  # bullish; its rows end at 10:00
    given_._multi_tf_data["EURUSD"] = {"H1": higher, "H4": higher.iloc[:19], "M5": higher}
    [signal] = given_.detect_patterns(candles, "EURUSD", "M15")
    assert signal.strength == pytest.approx(80 * 1.2)
    given_._multi_tf_data["EURUSD"] = {"H1": 2.3 - higher.rename(columns={"high": "low", "low": "high"})}
    [signal] = given_.detect_patterns(candles, "EURUSD", "M15")
    assert signal.strength == 80.0

    class Analyzer:
        def enhance_pattern_with_smart_money(self, signal: PatternSignal, frame: pd.DataFrame) -> float:
            return 5.0

    given_ = detector(config, smart_money=Analyzer())
    given_._multi_tf_data["EURUSD"] = {"H1": higher}
    [signal] = given_.detect_patterns(candles, "EURUSD", "M15")
    assert signal.strength == 100.0


def test_changes_of_several_timeframes() -> None:
    mirrored = 2.3 - TURN.rename(columns={"high": "low", "low": "high"})
    both = detector(data_manager=Manager({"H4": TURN, "M15": mirrored, "M5": flat(50)})).detect_choch(
        "EURUSD"
    )
    assert (both["detected"], both["alignment_score"], both["trend_change_confirmed"]) == (True, 0.6, False)
    assert both["primary_signal"] is both["signals"]["H4"]
    expected = 0.5 * both["signals"]["H4"]["confidence"] + 0.3 * both["signals"]["M15"]["confidence"]
    assert both["overall_confidence"] == pytest.approx(expected)
    assert both["timeframes_analyzed"] == ["H4", "M15", "M5"]
    one = detector(data_manager=Manager({"M5": TURN})).detect_choch("EURUSD")
    assert (one["alignment_score"], one["trend_change_confirmed"]) == (1.0, True)
    assert one["overall_confidence"] == pytest.approx(0.2 * one["primary_signal"]["confidence"])
    nothing = detector(data_manager=Manager({})).detect_choch("EURUSD")
    assert (nothing["detected"], nothing["primary_signal"], nothing["overall_confidence"]) == (
        False,
        None,
        0.0,
    )


def test_breaks_of_several_timeframes() -> None:
    manager = Manager({"H4": UP, "M15": UP, "M5": flat(50)})
    answer = detector(data_manager=manager).detect_bos_multi_timeframe("EURUSD")
    assert (answer["detected"], answer["mode"]) == (True, "full")
    assert [(signal["timeframe"], signal["type"]) for signal in answer["signals"]] == [
        ("H4", "BOS_BULLISH"),
        ("M15", "BOS_BULLISH"),
    ]
    assert answer["alignment"]["alignment"] == "STRONG"
    assert answer["alignment"]["score"] == pytest.approx(0.8)
    assert manager.asked[0] == ("EURUSD", "H4", 60)
    alone = detector(data_manager=Manager({"M5": UP})).detect_bos_multi_timeframe("EURUSD", ["M5", "M1"])
    assert (alone["mode"], alone["timeframes_analyzed"]) == ("minimal", ["M5"])
    mixed = [{"direction": "BULLISH", "strength": 60.0}, {"direction": "BEARISH", "strength": 90.0}]
    weak = detector()._evaluate_multi_tf_alignment(mixed)
    assert (weak["alignment"], weak["dominant_direction"], weak["score"]) == ("WEAK", "BULLISH", 0.3)
    assert weak["confluences"] == ["multiple_signals"]


def test_the_logger_hears_what_is_missing() -> None:
    heard: list[tuple[str, str]] = []

    class Engine:
        def warning(self, message: str, component: str = "") -> None:
            heard.append((component, message))

    assert PatternDetector(logger=Engine()).detect_patterns() == []
    assert heard == [("PatternDetector", "no candles of EURUSD M15 could be fetched")]


# Names and state


def test_state() -> None:
    given_ = detector()
    found = given_.detect_patterns(real_frame(600))
    assert given_.get_detected_patterns() == found
    found.clear()
    assert given_.get_detected_patterns() != []
    summary = given_.get_pattern_summary()
    assert summary["total_patterns"] == 5 == sum(summary["by_type"].values())
    assert given_.get_performance_metrics()["total_analyses"] == 1


def test_sessions() -> None:
    hours = {h: detector(clock=at(TEN.replace(hour=h)))._get_current_session().value for h in range(24)}
    assert [h for h in hours if hours[h] == "london"] == list(range(8, 18))
    assert [h for h in hours if hours[h] == "new_york"] == list(range(18, 23))
    assert [h for h in hours if hours[h] == "asian"] == [0, 1, 2, 3, 4, 5, 6, 7, 23]


def test_names() -> None:
    assert [kind.name for kind in PatternType] == [
        *("SILVER_BULLET", "JUDAS_SWING", "LIQUIDITY_GRAB", "OPTIMAL_TRADE_ENTRY", "POWER_OF_THREE"),
        *("MORNING_REVERSAL", "ORDER_BLOCK", "MITIGATION_BLOCK", "FAIR_VALUE_GAP"),
    ]
    for enum in (PatternType, TradingDirection, PatternConfidence, SessionType, JudasSwingType, BreakoutType):
        assert all(member.value == member.name.lower() for member in enum)
    assert [field.name for field in dataclasses.fields(PatternSignal)] == [
        *("pattern_type", "direction", "confidence", "strength", "timestamp", "symbol", "timeframe"),
        *("entry_zone", "stop_loss", "take_profit_1", "take_profit_2", "risk_reward_ratio", "probability"),
        *("session", "narrative", "confluences", "invalidation_criteria", "optimal_entry_time"),
        *("time_sensitivity", "max_hold_time", "analysis_id", "raw_data"),
    ]
    assert all(hasattr(module, name) for name in module.__all__)


def test_factories() -> None:
    assert get_pattern_detector({"min_confidence": 1}, strict=True).config["min_confidence"] == 1
    assert get_ict_trading_symbols()[0] == get_ict_critical_symbols()[0] == "EURUSD"
    assert get_ict_critical_timeframes() == ["H4", "M15", "M5"]
    assert get_analysis_ready_symbols(1, symbols=["A", "B"]) == ["A"]
