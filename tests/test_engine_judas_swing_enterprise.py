"""The engine's Judas swings: what the original returned, a row-by-row twin, and hand-computed examples."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from datetime import datetime, time, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._collaborators import ChochHistory
from ict_kernels.adapters.ict_engine._frames import clock_minutes, row_by_row
from ict_kernels.adapters.ict_engine._history import trailing
from ict_kernels.adapters.ict_engine.judas_swing_enterprise import (
    JudasSwingDetectorEnterprise,
    JudasSwingEnterprise,
    JudasSwingSignal,
    JudasSwingStatus,
    JudasSwingType,
    TradingDirection,
)
from ict_kernels.detectors.engine.judas_swings import JUDAS_SWINGS
from ict_kernels.errors import CandleError, ParameterError
from ict_kernels.kernels.engine._types import EngineBars
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

LONDON = datetime(2025, 9, 1, 7, 30)
NOON = datetime(2025, 9, 1, 12, 0)
LOCAL = datetime(2025, 9, 1, 9, 30)


def rising(top: float = 1.1045, close: float = 1.1025) -> pd.DataFrame:
    """Sixty candles: old swings at 1.1030 and 1.0980, then a break to `top` that ends at `close`."""
    high, low, closes = np.full(60, 1.1010), np.full(60, 1.1000), np.full(60, 1.1005)
    high[30:41], low[30:41] = 1.1030, 1.0980
    high[55], closes[59] = top, close
    return pd.DataFrame({"high": high, "low": low, "close": closes})


def falling(bottom: float = 1.0965, close: float = 1.0985) -> pd.DataFrame:
    """The same upside down, about 1.1005."""
    up = rising(2.201 - bottom, 2.201 - close)
    return pd.DataFrame({"high": 2.201 - up["low"], "low": 2.201 - up["high"], "close": 2.201 - up["close"]})


HEIGHT = (11 * 0.0050 + 18 * 0.0010 + 0.0045) / 30
SWING = 0.0050 / (3 * HEIGHT)  # 0.64


def detector(moment: datetime = LONDON, **options: Any) -> JudasSwingDetectorEnterprise:
    return JudasSwingDetectorEnterprise(clock=lambda: LOCAL, utc_clock=lambda: moment, **options)


def detect(
    candles: pd.DataFrame, *args: Any, moment: datetime = LONDON, **options: Any
) -> list[JudasSwingSignal]:
    return detector(moment, **options).detect_judas_swing_patterns(candles, "EURUSD", "M15", *args)


# ---- what the original returned ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["judas_swing", "judas_swing@walk"])
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


# ---- our own forms agree -----------------------------------------------------------------------


@settings(max_examples=30)
@given(
    candles=engine_frames(),
    strict=st.booleans(),
    least=st.sampled_from([0, 70]),
    price=st.sampled_from([0.0, 1.1]),
    blocks=st.sampled_from([None, [{"price": 1.1}]]),
)
def test_row_by_row(
    candles: pd.DataFrame, strict: bool, least: int, price: float, blocks: list[dict[str, Any]] | None
) -> None:
    asked = detector(strict=strict)
    asked.config |= {"min_confidence": least, "fake_breakout_min_pips": 0, "fake_breakout_max_pips": 1e12}
    found = asked.detect_judas_swing_patterns(candles, "EURUSD", "M15", price, blocks)
    history = asked.evaluate_history(candles, window=50)
    with row_by_row():
        assert asked.detect_judas_swing_patterns(candles, "EURUSD", "M15", price, blocks) == found
        assert asked.evaluate_history(candles, window=50).records() == history.records()


@pytest.mark.parametrize(("window", "lookback"), [(200, 20), (50, 20), (60, 70)])
def test_history_is_a_call_per_candle(window: int, lookback: int) -> None:
    candles, shown = real_frame(1000), [NOON]
    close = candles["close"].median()
    asked = JudasSwingDetectorEnterprise(
        clock=lambda: shown[0],
        utc_clock=lambda: shown[0].replace(tzinfo=timezone.utc),
        history=ChochHistory([record("SUCCESS", close)] * 3),
    )
    asked.config |= {
        "swing_lookback_periods": lookback,
        "choch_level_lookback": lookback,
        "min_confidence": 60,
        "fake_breakout_min_pips": 1,
    }
    called = []
    for bar in range(window - 1, len(candles)):
        shown[0] = candles.index[bar].to_pydatetime()
        called += asked.detect_judas_swing_patterns(trailing(candles, bar, window), "EURUSD", "M15")
    history = asked.evaluate_history(candles, "EURUSD", "M15", window=window)
    assert history.records() == called
    assert len(called) > 10
    assert history.at(int(history.bar[3])).records() == [called[3]]


def test_session_of_every_minute() -> None:
    frame = rising()
    high, low, close = (frame[name].to_numpy() for name in frame)
    kinds = list(JudasSwingType)
    for moment in pd.date_range("2025-09-01", periods=1440, freq="min"):
        asked = detector(moment.to_pydatetime())
        score, kind, active = asked._validate_session_timing_enterprise()
        bars = EngineBars(high, high, low, close, np.empty(0), clock_minutes(moment.to_pydatetime(), 60))
        found = JUDAS_SWINGS(bars, 59, 60, min_points=0.0).session.tolist()
        assert found == ([kinds.index(kind)] if active else [])
        assert score == active


def test_no_clock_no_session() -> None:
    frame = rising()
    high, low, close = (frame[name].to_numpy() for name in frame)
    bars = EngineBars(high, high, low, close, np.empty(0), np.empty(0, np.int64))
    assert len(JUDAS_SWINGS(bars)) == 0
    assert JUDAS_SWINGS.twin(bars, 0, 60, JUDAS_SWINGS.given()) == []
    assert len(JUDAS_SWINGS(bars, timing=1.0)) == 5


# ---- rules by hand -------------------------------------------------------------------------------


def test_break_upwards_is_bought() -> None:
    candles = rising()
    before = candles.copy()
    [signal] = detect(candles)
    assert signal.direction is TradingDirection.BUY
    assert (signal.signal_type, signal.session_timing_score) == (JudasSwingType.LONDON_JUDAS, 1.0)
    assert (signal.swing_high, signal.swing_low, signal.fake_breakout_price) == (1.1030, 1.0980, 1.1045)
    assert signal.entry_price == signal.reversal_confirmation_price == 1.1025
    assert signal.swing_identification_score == pytest.approx(SWING)
    assert signal.fake_breakout_strength == 0.8
    assert signal.reversal_confirmation_score == pytest.approx(1.0)
    assert signal.confidence == pytest.approx(100 * (0.30 + 0.25 * SWING + 0.20 + 0.20) + 8)
    assert signal.entry_zone == (1.0980 - 0.0005, 1.0980 + 0.0010)
    assert signal.stop_loss == 1.1045 - 0.0010
    assert signal.take_profit_1 == 1.1030
    assert signal.take_profit_2 == 1.1030 + 0.618 * (1.1030 - 1.0980)
    assert (signal.volume_spike_detected, signal.poi_confluence) == (False, False)
    assert signal.choch_level_estimate == 1.1045
    assert (signal.timestamp, signal.expiry_time) == (LOCAL, LOCAL + timedelta(hours=4))
    assert signal.status is JudasSwingStatus.REVERSAL_CONFIRMED
    assert signal.analysis_id == "JS_EURUSD_M15_20250901_093000"
    pd.testing.assert_frame_equal(candles, before)


def test_break_downwards_is_sold() -> None:
    [signal] = detect(falling())
    high, low, bottom = signal.swing_high, signal.swing_low, signal.fake_breakout_price
    assert signal.direction is TradingDirection.SELL
    assert (high, low, bottom) == pytest.approx((1.1030, 1.0980, 1.0965))
    assert signal.entry_zone == (high - 0.0010, high + 0.0005)
    assert (signal.stop_loss, signal.take_profit_1) == (bottom + 0.0010, low)
    assert signal.take_profit_2 == low - 0.618 * (high - low)
    assert signal.choch_level_estimate == bottom
    assert signal.confidence == pytest.approx(detect(rising())[0].confidence)


def test_strict_trades_against_the_break() -> None:
    [signal], [usual] = detect(rising(), strict=True), detect(rising())
    assert signal.direction is TradingDirection.SELL
    assert signal.entry_zone == (1.1030 - 0.0010, 1.1030 + 0.0005)
    assert (signal.stop_loss, signal.take_profit_1) == (1.1045 + 0.0010, 1.0980)
    assert (signal.confidence, signal.fake_breakout_price) == (usual.confidence, usual.fake_breakout_price)
    assert signal.choch_level_estimate == 1.0980
    assert detect(falling(), strict=True)[0].direction is TradingDirection.BUY


@pytest.mark.parametrize(
    ("top", "found"), [(1.1034, False), (1.10351, True), (1.10549, True), (1.1056, False), (1.1030, False)]
)
def test_size_of_the_break(top: float, found: bool) -> None:
    assert bool(detect(rising(top, 1.1015))) is found


def test_price_must_be_back() -> None:
    assert detect(rising(close=1.1030)) == []
    assert len(detect(rising(close=1.10299))) == 1
    assert detect(rising(), 1.1031) == []


def test_other_side_when_one_does_not_fit() -> None:
    candles = rising(top=1.1060)
    assert detect(candles) == []
    candles.loc[56, "low"] = 1.0970
    [signal] = detect(candles)
    assert (signal.direction, signal.fake_breakout_price) == (TradingDirection.SELL, 1.0970)


def test_upper_side_comes_first() -> None:
    candles = rising()
    candles.loc[56, "low"] = 1.0970
    assert detect(candles)[0].fake_breakout_price == 1.1045


def test_break_must_be_among_the_last_ten() -> None:
    candles = rising()
    candles.loc[55, "high"] = 1.1010
    for bar, found in ((49, False), (50, True)):
        moved = candles.copy()
        moved.loc[bar, "high"] = 1.1045
        assert bool(detect(moved)) is found


@pytest.mark.parametrize(("pips", "score"), [(9.9, 0.0), (10.1, 10.1 / 20), (19.0, 0.95), (40.0, 1.0)])
def test_reversal(pips: float, score: float) -> None:
    asked = detector()
    asked.config["min_confidence"] = 0
    price = 1.1045 - pips / 10000
    candles = rising(1.1045, 1.1005)
    candles.loc[30:40, "high"] = 1.1038
    [signal] = asked.detect_judas_swing_patterns(candles, "EURUSD", "M15", price)
    assert signal.reversal_confirmation_score == pytest.approx(score)
    rest = 30 + 25 * signal.swing_identification_score + 20
    assert signal.confidence == pytest.approx(min(96, rest + 20 * score + (8 if score > 0.6 else 0)))


def test_oldest_swing_counts() -> None:
    candles = rising()
    candles.loc[44, "high"] = 1.1035
    assert detect(candles)[0].swing_high == 1.1030
    candles.loc[32, "high"] = 1.1029
    candles.loc[34, "high"] = 1.1031
    assert detect(candles)[0].swing_high == 1.1031


def test_third_candle_without_any_swing() -> None:
    rise = pd.Series(np.arange(60)) * 0.0002
    candles = pd.DataFrame({"high": 1.101 + rise, "low": 1.1 + rise, "close": 1.1005 + rise})
    asked = detector()
    asked.config |= {"fake_breakout_max_pips": 1e6, "min_confidence": 0, "fake_breakout_min_pips": -1e6}
    candles.loc[40, "low"] = 1.0
    [signal] = asked.detect_judas_swing_patterns(candles, "EURUSD", "M15", 1.05)
    assert (signal.swing_high, signal.swing_low) == (candles["high"][32], 1.0)


def test_swings_too_close_for_the_candles() -> None:
    candles = rising()
    candles["low"] -= 0.01
    candles.loc[30:40, "low"] = 1.1020
    assert detect(candles) == []


def test_candles_without_height() -> None:
    flat = pd.DataFrame(dict.fromkeys(("high", "low", "close"), [1.1] * 60))
    assert detect(flat) == []
    flat.loc[32], flat.loc[55] = 1.2, 1.201
    [signal] = detect(flat)
    assert (signal.swing_high, signal.swing_low, signal.swing_identification_score) == (1.2, 1.1, 1.0)


def test_volume_spike() -> None:
    volume = np.ones(60)
    # 5 of 2 among 15 of 1: 2 against 1.5 * 1.25.
    volume[55:] = 2.0
    asked = detector()
    candles = rising(close=1.1015)
    [plain] = asked.detect_judas_swing_patterns(candles.assign(other=volume), "EURUSD", "M15")
    [signal] = asked.detect_judas_swing_patterns(candles.assign(volume=volume), "EURUSD", "M15")
    assert (plain.volume_spike_detected, signal.volume_spike_detected) == (False, True)
    assert signal.confidence == min(96.0, plain.confidence + 5)
    asked.config["volume_spike_threshold"] = 1.6
    assert asked.detect_judas_swing_patterns(candles.assign(volume=volume), "EURUSD", "M15") == [plain]


def test_volume_adds_five_points() -> None:
    asked = detector()
    asked.config |= {"session_timing_weight": 0.1, "min_confidence": 0}
    [plain] = asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15")
    volume = np.where(np.arange(60) < 55, 1.0, 9.0)
    [signal] = asked.detect_judas_swing_patterns(rising().assign(volume=volume), "EURUSD", "M15")
    assert signal.confidence == pytest.approx(plain.confidence + 5)


def test_threshold() -> None:
    asked = detector()
    [signal] = asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15")
    asked.config["min_confidence"] = signal.confidence
    assert asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15") == [signal]
    asked.config["min_confidence"] = signal.confidence + 1e-9
    assert asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15") == []


@pytest.mark.parametrize("rows", [0, 49])
def test_too_few_rows_are_not_looked_at(rows: int) -> None:
    assert detect(pd.DataFrame({"other": [math.nan] * rows})) == []
    assert len(detector().evaluate_history(pd.DataFrame({"other": [1.0] * rows}))) == 0


# ---- sessions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        (time(5, 59), None),
        (time(6, 0), "FRANKFURT_JUDAS"),
        (time(6, 59), "FRANKFURT_JUDAS"),
        (time(7, 0), "LONDON_JUDAS"),
        (time(8, 0, 59), "LONDON_JUDAS"),
        (time(8, 1), None),
        (time(13, 29), None),
        (time(13, 30), "NY_JUDAS"),
        (time(14, 30), "NY_JUDAS"),
        (time(0, 0), "ASIAN_JUDAS"),
        (time(1, 0), "ASIAN_JUDAS"),
        (time(1, 1), None),
    ],
)
def test_sessions(moment: time, session: str | None) -> None:
    signals = detect(rising(), moment=datetime.combine(LONDON, moment, timezone.utc))
    assert [signal.signal_type.name for signal in signals] == ([] if session is None else [session])


def test_windows_can_be_changed() -> None:
    candles = rising().set_index(pd.date_range(NOON - timedelta(minutes=59), periods=60, freq="min"))
    asked = detector(NOON)
    assert asked.detect_judas_swing_patterns(candles, "EURUSD", "M15") == []
    asked.session_windows = {JudasSwingType.ASIAN_JUDAS: (time(11, 55), time(12, 5))}
    [signal] = asked.detect_judas_swing_patterns(candles, "EURUSD", "M15")
    assert signal.signal_type is JudasSwingType.ASIAN_JUDAS
    [again] = asked.evaluate_history(candles, "EURUSD", "M15").records()
    assert again == replace(
        signal,
        timestamp=NOON,
        expiry_time=NOON + timedelta(hours=4),
        analysis_id="JS_EURUSD_M15_20250901_120000",
    )


def test_a_session_can_be_forced() -> None:
    asked = detector(NOON)
    forced = (0.9, JudasSwingType.NY_JUDAS, True)
    asked._validate_session_timing_enterprise = lambda: forced  # type: ignore[method-assign]
    [signal] = asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15")
    assert (signal.signal_type, signal.session_timing_score) == (JudasSwingType.NY_JUDAS, 0.9)
    assert signal.confidence == pytest.approx(detect(rising())[0].confidence - 3)


def test_history_reads_times_in_utc() -> None:
    stamps = pd.date_range("2025-09-01 06:31", periods=60, freq="min", tz="UTC")
    candles = rising().set_index(stamps)
    [signal] = detector().evaluate_history(candles).records()
    assert signal.signal_type is JudasSwingType.LONDON_JUDAS
    [other] = detector().evaluate_history(candles.tz_convert("Asia/Tokyo")).records()
    assert other.signal_type is JudasSwingType.LONDON_JUDAS
    assert other.timestamp == signal.timestamp == stamps[-1]


def test_history_needs_times_and_rows() -> None:
    with pytest.raises(CandleError, match="evaluate_history needs times"):
        detector().evaluate_history(rising())
    candles = rising().assign(time=pd.date_range("2025-09-01 06:31", periods=60, freq="min"))
    assert len(detector().evaluate_history(candles, window=49)) == 0
    assert detector().evaluate_history(candles, window=50).bar.tolist() == [55, 56, 57, 58, 59]


# ---- order blocks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "near"),
    [
        ({"price": 1.1030}, True),
        ({"low": 1.0980 * 1.0019}, True),
        ({"price": 1.1030 * 1.0021}, False),
        ({"price": 1.0980 * 0.9979}, False),
    ],
)
def test_order_block_at_a_swing(block: dict[str, Any], near: bool) -> None:
    asked = detector()
    asked.config |= {"session_timing_weight": 0.1, "min_confidence": 0}
    [plain] = asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15")
    [signal] = asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15", 0.0, [{"price": 9.0}, block])
    assert signal.poi_confluence is near
    assert signal.confidence == pytest.approx(min(96.0, plain.confidence + 15 * near))
    asked.config["min_confidence"] = plain.confidence + 14
    assert bool(asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15", 0.0, [block])) is near


def test_order_block_without_a_price() -> None:
    with pytest.raises(ParameterError, match=r"\[0\] has neither 'price' nor 'low'"):
        detect(rising(), 0.0, [{"high": 1.0}])


# ---- history of CHoCHs ---------------------------------------------------------------------------


def record(outcome: str, level: float) -> dict[str, Any]:
    return {
        "symbol": "EURUSD",
        "timeframe": "M15",
        "direction": "BULLISH",
        "break_level": level,
        "target_level": 1.2,
        "outcome": outcome,
    }


def test_history() -> None:
    [plain] = detect(rising())
    [worse] = detect(rising(), history=ChochHistory([record("FAILED", 1.1045)] * 3))
    assert worse.confidence == pytest.approx(plain.confidence - 9)
    assert (worse.choch_confidence_bonus, worse.similar_choch_count) == (-9.0, 3)
    history = ChochHistory([record("SUCCESS", 1.1045)] * 3)
    [better] = detect(rising(), history=history)
    assert (better.choch_confidence_bonus, better.historical_success_rate) == (9.0, 100.0)
    assert better.confidence == pytest.approx(min(96.0, plain.confidence + 9))
    asked = detector(history=history)
    asked.config |= {"min_confidence": 80, "session_timing_weight": 0.1}
    [saved] = asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15")
    assert 80 <= saved.confidence < 89
    assert asked.detect_judas_swing_patterns(rising(), "EURUSD", "M5") == []
    asked.config["use_choch_memory"] = False
    assert asked.detect_judas_swing_patterns(rising(), "EURUSD", "M15") == []


# ---- bad candles ---------------------------------------------------------------------------------


def test_nan() -> None:
    candles = rising()
    candles.loc[50, "high"] = math.nan
    with pytest.raises(CandleError, match="column 'high' is NaN in 1 of"):
        detect(candles)
    [signal] = detect(candles, tolerant=True)
    height = (30 * HEIGHT - 0.0010) / 29
    assert signal.swing_identification_score == pytest.approx(0.0050 / (3 * height))
    candles.loc[32, "high"] = math.nan
    candles.loc[33, "high"] = 1.1031
    assert detect(candles, tolerant=True)[0].swing_high == 1.1031
    with pytest.raises(CandleError, match="column 'volume' is NaN"):
        detect(rising().assign(volume=math.nan))
    assert detect(rising().assign(volume=math.nan), tolerant=True) == detect(rising())
    assert detect(rising() * math.nan, tolerant=True) == []


def test_missing_column() -> None:
    with pytest.raises(CandleError, match="no column 'close'"):
        detect(rising().drop(columns="close"))


# ---- the rest of the interface -------------------------------------------------------------------


def test_detect() -> None:
    answer = detector().detect(rising(), "EURUSD", "M15", detected_order_blocks=[{"price": 1.1030}], other=1)
    [signal] = detect(rising(), 0.0, [{"price": 1.1030}])
    assert answer == {
        "confidence": signal.confidence,
        "strength": signal.confidence,
        "direction": "buy",
        "entry_zone": signal.entry_zone,
        "stop_loss": signal.stop_loss,
        "take_profit_1": signal.take_profit_1,
        "take_profit_2": signal.take_profit_2,
        "risk_reward_ratio": pytest.approx(0.5),
        "probability": 0.8 * signal.confidence,
        "session": "london_judas",
        "confluences": ["session", "reversal", "order_block"],
        "invalidation_criteria": "price at 1.10350",
        "narrative": signal.narrative,
        "source": "judas_swing_enterprise",
    }
    nothing = detector(NOON).detect(rising(), "EURUSD", "M15")
    assert nothing.keys() == answer.keys()
    assert (nothing["direction"], nothing["confidence"], nothing["probability"]) == ("NEUTRAL", 0.0, 0.0)


def test_logger_is_told() -> None:
    said: list[tuple[str, str]] = []

    class Engine:
        def info(self, message: str, component: str = "") -> None:
            said.append((component, message))

        debug = info

    [signal] = detect(rising(), logger=Engine())
    assert said == [("judas_swing_enterprise", signal.narrative)]
    detect(rising(), logger=Engine(), moment=NOON)
    assert len(said) == 2


def test_names() -> None:
    assert JudasSwingEnterprise is JudasSwingDetectorEnterprise
    assert {kind.name: kind.value for kind in JudasSwingType} == {
        "LONDON_JUDAS": "london_judas",
        "NY_JUDAS": "newyork_judas",
        "ASIAN_JUDAS": "asian_judas",
        "FRANKFURT_JUDAS": "frankfurt_judas",
    }
    names = ["SETUP_FORMING", "FAKE_BREAKOUT", "REVERSAL_CONFIRMED", "INVALIDATED", "COMPLETED"]
    assert [status.name for status in JudasSwingStatus] == names
    assert [way.name for way in TradingDirection] == ["BUY", "SELL", "BULLISH", "BEARISH", "NEUTRAL"]
    assert " ".join(field.name for field in fields(JudasSwingSignal)) == (
        "signal_type confidence direction fake_breakout_price swing_high swing_low reversal_confirmation_price "
        "entry_price entry_zone stop_loss take_profit_1 take_profit_2 session_timing_score "
        "swing_identification_score fake_breakout_strength reversal_confirmation_score volume_spike_detected "
        "poi_confluence narrative timestamp session_context symbol timeframe choch_confidence_bonus "
        "similar_choch_count historical_success_rate choch_level_estimate status expiry_time analysis_id"
    )
    memory = object()
    asked = JudasSwingDetectorEnterprise(memory, None)
    assert asked.memory_system is memory
    assert asked.config == {
        "min_confidence": 70,
        "swing_lookback_periods": 20,
        "fake_breakout_min_pips": 5,
        "fake_breakout_max_pips": 25,
        "reversal_confirmation_pips": 10,
        "session_timing_weight": 0.30,
        "swing_quality_weight": 0.25,
        "fake_breakout_weight": 0.25,
        "reversal_weight": 0.20,
        "volume_spike_threshold": 1.5,
        "poi_confluence_bonus": 0.15,
        "use_choch_memory": True,
        "choch_confidence_max_bonus": 9,
        "choch_level_lookback": 20,
    }
