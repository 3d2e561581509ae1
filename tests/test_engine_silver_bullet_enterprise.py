"""The engine's silver bullets: what the original returned, a row-by-row twin, and hand-computed examples."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._collaborators import ChochHistory, UnifiedMemory
from ict_kernels.adapters.ict_engine._frames import clock_minutes, row_by_row
from ict_kernels.adapters.ict_engine._history import trailing
from ict_kernels.adapters.ict_engine.silver_bullet_enterprise import (
    KillzoneStatus,
    SilverBulletDetectorEnterprise,
    SilverBulletEnterprise,
    SilverBulletSignal,
    SilverBulletType,
    TradingDirection,
)
from ict_kernels.detectors.engine.silver_bullets import SILVER_BULLETS
from ict_kernels.errors import CandleError, ParameterError
from ict_kernels.kernels.engine._types import EngineBars
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

MORNING = datetime(2025, 9, 1, 10, 30)
NOON = datetime(2025, 9, 1, 13, 0)


def prices(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({name: [float(value) for value in values] for name in ("high", "low", "close")})


RISE = prices([1.1 + 0.0002 * step for step in range(30)])
FALL = prices([1.2 - 0.0002 * step for step in range(30)])
FLAT = prices([1.1] * 30)


def detector(moment: datetime = MORNING, **options: Any) -> SilverBulletDetectorEnterprise:
    return SilverBulletDetectorEnterprise(clock=lambda: moment, **options)


def detect(
    candles: pd.DataFrame, *args: Any, moment: datetime = MORNING, **options: Any
) -> list[SilverBulletSignal]:
    return detector(moment, **options).detect_silver_bullet_patterns(candles, "EURUSD", "M15", *args)


# ---- what the original returned ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["silver_bullet", "silver_bullet@walk"])
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


# ---- our own forms agree -----------------------------------------------------------------------


@settings(max_examples=30)
@given(
    candles=engine_frames(),
    hour=st.sampled_from([2, 3, 5, 10, 20, 22]),
    minute=st.integers(0, 59),
    least=st.sampled_from([0, 60, 75]),
    price=st.sampled_from([0.0, 1.1]),
)
def test_row_by_row(candles: pd.DataFrame, hour: int, minute: int, least: int, price: float) -> None:
    asked = detector(datetime(2025, 9, 1, hour, minute))
    asked.config["min_confidence"] = least
    found = asked.detect_silver_bullet_patterns(candles, "EURUSD", "M15", price)
    history = asked.evaluate_history(candles, window=25)
    with row_by_row():
        assert asked.detect_silver_bullet_patterns(candles, "EURUSD", "M15", price) == found
        assert asked.evaluate_history(candles, window=25).records() == history.records()


@pytest.mark.parametrize(("window", "lookback"), [(200, 20), (20, 20), (25, 40)])
def test_history_is_a_call_per_candle(window: int, lookback: int) -> None:
    candles, shown = real_frame(600), [MORNING]
    asked = SilverBulletDetectorEnterprise(
        clock=lambda: shown[0], history=won(), memory_system=UnifiedMemory()
    )
    asked.config |= {"mtf_lookback": lookback, "choch_level_lookback": lookback, "min_confidence": 80}
    called = []
    for bar in range(window - 1, len(candles)):
        shown[0] = candles.index[bar].to_pydatetime()
        called += asked.detect_silver_bullet_patterns(trailing(candles, bar, window), "EURUSD", "M15")
    history = asked.evaluate_history(candles, "EURUSD", "M15", window=window)
    assert history.records() == called
    assert len(called) > 20
    assert {signal.choch_confidence_bonus for signal in called} == {0.0, 10.0}
    assert history.at(int(history.bar[3])).records() == [called[3]]


def test_killzone_of_every_minute() -> None:
    day = pd.date_range("2025-09-01", periods=1440, freq="min")
    flat = np.ones(1459)
    minute = np.concatenate([np.zeros(19, np.int64), clock_minutes(day)])
    bars = EngineBars(flat, flat, flat, flat, np.empty(0), minute)
    found = SILVER_BULLETS(bars, 19, 1459, min_confidence=0.0)
    known = {int(bar): (zone, timing) for bar, zone, timing in found.rows("bar", "zone", "timing")}
    kinds = list(SilverBulletType)
    for at, moment in enumerate(day):
        score, kind, _ = detector(moment.to_pydatetime())._validate_killzone_timing_enterprise()
        assert known.get(19 + at) == ((kinds.index(kind), score) if score >= 0.5 else None)


def test_no_clock_no_zone() -> None:
    flat = np.ones(30)
    bars = EngineBars(flat, flat, flat, flat, np.empty(0), np.empty(0, np.int64))
    assert len(SILVER_BULLETS(bars, min_confidence=0.0)) == 0
    assert SILVER_BULLETS.twin(bars, 0, 30, SILVER_BULLETS.given(min_confidence=0.0)) == []
    assert len(SILVER_BULLETS(bars, timing=1.0, min_confidence=0.0)) == 11


# ---- rules by hand -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "minute", "score", "kind", "status"),
    [
        (2, 30, 0.6 * 1.15, "LONDON_KILL", "APPROACHING"),
        (3, 0, 0.85 * 1.15, "LONDON_KILL", "ACTIVE"),
        (5, 59, 1.0, "LONDON_KILL", "ACTIVE"),
        (6, 20, 0.2 * 1.15, "LONDON_KILL", "ENDED"),
        (9, 0, 0.4 * 1.10, "NY_KILL", "APPROACHING"),
        (10, 40, 1.0, "NY_KILL", "ACTIVE"),
        (10, 41, 1.0, "LONDON_CLOSE", "ACTIVE"),
        (12, 0, 0.3 * 1.10, "NY_KILL", "ENDED"),
        (19, 59, (0.4 + 59 / 150) * 0.95, "ASIAN_KILL", "APPROACHING"),
        (20, 0, 0.85 * 0.95, "ASIAN_KILL", "ACTIVE"),
        (22, 59, (0.85 + 0.15 * 59 / 60) * 0.95, "ASIAN_KILL", "ACTIVE"),
        (15, 0, 0.0, "LONDON_KILL", "OUTSIDE"),
    ],
)
def test_killzones(hour: int, minute: int, score: float, kind: str, status: str) -> None:
    asked = detector(datetime(2025, 9, 1, hour, minute))
    found, zone, place = asked._validate_killzone_timing_enterprise()
    assert found == pytest.approx(score)
    assert (zone, place) == (SilverBulletType[kind], KillzoneStatus[status])


@pytest.mark.parametrize(
    ("candles", "direction", "sign"),
    [(RISE, TradingDirection.BUY, 1), (FALL, TradingDirection.SELL, -1)],
)
def test_signal(candles: pd.DataFrame, direction: TradingDirection, sign: int) -> None:
    before = candles.copy()
    [signal] = detect(candles)
    price = candles["close"].iloc[-1]
    assert (signal.direction, signal.signal_type) == (direction, SilverBulletType.NY_KILL)
    assert signal.confidence == pytest.approx(100 * (0.35 + 0.25 * 0.8 + 0.25 * 0.3 + 0.10 + 0.15 * 0.5) + 5)
    assert signal.institutional_bias == signal.confidence / 100
    assert signal.entry_price == price
    assert signal.entry_zone == (price - 0.0008, price + 0.0008)
    assert signal.stop_loss == price - sign * 0.0025
    assert (signal.take_profit_1, signal.take_profit_2) == (price + sign * 0.0040, price + sign * 0.0070)
    assert (signal.timestamp, signal.expiry_time) == (MORNING, MORNING + timedelta(hours=2))
    assert (signal.symbol, signal.timeframe, signal.status) == ("EURUSD", "M15", "ACTIVE")
    assert (signal.structure_confluence, signal.killzone_timing, signal.order_block_present) == (
        False,
        True,
        False,
    )
    assert (signal.timeframe_alignment, signal.memory_confirmation) == (True, False)
    assert signal.session_context == {
        "killzone_active": True,
        "market_structure_favorable": True,
        "order_block_support": False,
        "timeframe_aligned": True,
        "memory_backed": False,
        "institutional_bias": signal.institutional_bias,
    }
    assert (signal.quality_score, signal.quality_grade) == (1.0, "A+")
    assert signal.analysis_id == "SB_EURUSD_M15_20250901_103000"
    pd.testing.assert_frame_equal(candles, before)


def test_momentum_is_the_share_of_the_more_frequent_direction() -> None:
    closes = [1.1 + 0.0002 * step - (0.0003 if step % 3 == 2 else 0.0) for step in range(30)]
    [signal] = detect(prices(closes).assign(high=RISE["high"], low=RISE["low"]))
    moves = np.sign(np.diff(closes[-20:]))
    share = max((moves > 0).sum(), (moves < 0).sum()) / 19
    assert 0.6 < share < 0.8
    assert signal.confidence == pytest.approx(75 + 10 * share)


def test_current_price_moves_the_levels_only() -> None:
    [signal], [usual] = detect(RISE, 1.5), detect(RISE)
    assert (signal.entry_price, signal.confidence) == (1.5, usual.confidence)
    assert signal.stop_loss == 1.5 - 0.0025


def test_five_bars_share_one_with_the_five_before() -> None:
    peak = FLAT.copy()
    peak.loc[25, "high"] = 1.2
    asked = detector()
    asked.config["min_confidence"] = 0
    # The peak at -5 lies in both windows, so neither is higher.
    assert asked.detect_silver_bullet_patterns(peak, "X", "M5")[0].direction is TradingDirection.NEUTRAL
    peak.loc[26] = 1.3
    peak.loc[22, "low"] = 1.0
    assert asked.detect_silver_bullet_patterns(peak, "X", "M5")[0].direction is TradingDirection.BUY


@pytest.mark.parametrize("rows", [0, 19])
def test_too_few_rows_are_not_looked_at(rows: int) -> None:
    assert detect(pd.DataFrame({"other": [math.nan] * rows})) == []
    assert len(detector().evaluate_history(pd.DataFrame({"other": [1.0] * rows}))) == 0


def test_outside_of_the_zones_nothing_is_looked_at() -> None:
    assert detect(pd.DataFrame({"other": [1.0] * 20}), moment=NOON) == []


def test_a_session_can_be_forced() -> None:
    asked = detector(NOON)
    forced = (1.0, SilverBulletType.ASIAN_KILL, KillzoneStatus.ACTIVE)
    asked._validate_killzone_timing_enterprise = lambda: forced  # type: ignore[method-assign]
    [signal] = asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15")
    assert signal.signal_type is SilverBulletType.ASIAN_KILL
    assert signal.confidence == pytest.approx(85)


def test_displacement_strengthens_the_structure() -> None:
    context = {"displacement_strength": 0.61}
    assert detect(RISE, 0.0, None, context)[0].confidence == pytest.approx(90)
    assert detect(RISE, 0.0, None, {"displacement_strength": 0.6})[0].confidence == pytest.approx(85)
    assert detect(RISE, 0.0, None, {})[0].confidence == pytest.approx(85)


def test_threshold() -> None:
    asked = detector()
    asked.config["min_confidence"] = 85.01
    assert asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15") == []
    asked.config |= {"min_confidence": 99, "timing_weight": 2.0}
    assert asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15") == []
    asked.config["min_confidence"] = 98
    assert asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15")[0].confidence == 98.0


# ---- no direction --------------------------------------------------------------------------------


def test_no_direction_is_sold_unless_strict() -> None:
    blocks = [{"price": 1.1}]
    [signal] = detect(FLAT, 0.0, blocks)
    assert signal.direction is TradingDirection.NEUTRAL
    assert signal.confidence == pytest.approx(100 * (0.35 + 0.25 * 0.5 + 0.25 + 0.05 + 0.075))
    assert signal.take_profit_2 < signal.entry_price < signal.stop_loss
    assert detect(FLAT, 0.0, blocks, strict=True) == []
    assert len(detect(RISE, 0.0, strict=True)) == 1


# ---- order blocks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "score"),
    [
        ({"price": 1.0}, 1.0),
        ({"low": 1.0}, 1.0),
        ({"price": None, "low": 1.0025}, 0.5 + 0.15 + 0.2),
        ({"price": 1.0, "timestamp": MORNING - timedelta(hours=12)}, 0.5 + 0.3 + 0.1),
        ({"price": 1.0, "timestamp": pd.Timestamp(MORNING - timedelta(hours=24))}, 0.8),
        ({"price": 1.0, "timestamp": MORNING - timedelta(hours=24, seconds=1)}, None),
        ({"price": 0.994}, None),
    ],
)
def test_order_block(block: dict[str, Any], score: float | None) -> None:
    asked = detector()
    asked.config |= {
        "confluence_weight": 1.0,
        "timing_weight": 0.0,
        "memory_weight": 0.0,
        "min_confidence": 0,
    }
    [signal] = asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15", 1.0, [block])
    others = 0.25 * 0.8 + 0.10
    assert signal.confidence == pytest.approx(min(98.0, 100 * (others + (score or 0.0)) + 5))
    assert signal.order_block_present is (score is not None)
    assert signal.structure_confluence is (score is not None)


def test_best_order_block_counts() -> None:
    blocks = [{"price": 9.0}, {"price": 1.1, "timestamp": MORNING - timedelta(hours=12)}, {"price": 1.1}]
    [signal] = detect(FLAT, 0.0, blocks)
    assert signal.confidence == pytest.approx(85)


def test_order_blocks_that_cannot_be_judged() -> None:
    with pytest.raises(ParameterError, match=r"\[1\] has neither 'price' nor 'low' but \['high'\]"):
        detect(RISE, 0.0, [{"price": 1.0}, {"high": 1.0}])
    aware = datetime(2025, 9, 1, tzinfo=timezone.utc)
    for stamp in (aware, "2025-09-01"):
        with pytest.raises(ParameterError, match=r"\[0\]\['timestamp'\] is .* cannot be compared"):
            detect(RISE, 0.0, [{"price": 1.0, "timestamp": stamp}])


# ---- memory --------------------------------------------------------------------------------------


class Rater:
    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.asked: list[dict[str, Any]] = []

    def assess_market_confidence(self, description: dict[str, Any], /) -> float:
        self.asked.append(description)
        return self.rate


@pytest.mark.parametrize(("rate", "confirmed"), [(0.9, True), (0.6, False), (0.0, False)])
def test_memory(rate: float, confirmed: bool) -> None:
    memory = Rater(rate)
    asked = detector(memory_system=memory)
    asked.config["min_confidence"] = 0
    [signal] = asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15")
    assert signal.confidence == pytest.approx(77.5 + 15 * (0.3 + 0.7 * rate))
    assert signal.memory_confirmation is confirmed
    assert signal.session_context["memory_backed"] is confirmed
    assert memory.asked == [{"pattern_type": "SILVER_BULLET", "symbol": "EURUSD", "timeframe": "M15"}]


def test_memory_and_order_blocks_together() -> None:
    plain = detect(FLAT, 0.0, [{"price": 1.1}])[0].confidence
    [signal] = detect(FLAT, 0.0, [{"price": 1.1}], memory_system=UnifiedMemory())
    assert signal.confidence == pytest.approx(plain + 15 * (0.3 + 0.7 * 0.9 - 0.5) + 3)


def test_memory_that_cannot_rate() -> None:
    [signal] = detect(RISE, memory_system=object())
    assert signal.confidence == pytest.approx(77.5 + 15 * 0.65)
    assert signal.memory_confirmation is False


# ---- history of CHoCHs ---------------------------------------------------------------------------


def record(outcome: str, level: float, target: float = 1.2, direction: str = "BULLISH") -> dict[str, Any]:
    return {
        "symbol": "EURUSD",
        "timeframe": "M15",
        "direction": direction,
        "break_level": level,
        "target_level": target,
        "outcome": outcome,
    }


def won() -> ChochHistory:
    """Successes near the middle of the built-in market."""
    close = real_frame(600)["close"].median()
    return ChochHistory([record("SUCCESS", close, close + 0.01)] * 3)


TOP = float(RISE["high"].iloc[-1])


def test_history_raises_a_confidence() -> None:
    history = ChochHistory([record("SUCCESS", TOP - 0.004)] * 3)
    [signal] = detect(RISE, history=history)
    assert signal.confidence == pytest.approx(95)
    assert (signal.choch_confidence_bonus, signal.similar_choch_count) == (10.0, 3)
    assert signal.historical_success_rate == 100.0
    assert signal.choch_target_hint == pytest.approx(1.2)
    assert signal.take_profit_2 == pytest.approx(1.2)
    assert signal.take_profit_1 == pytest.approx((signal.entry_price + 1.2) / 2)


def test_history_makes_a_signal_sure_enough() -> None:
    asked = detector(history=ChochHistory([record("SUCCESS", TOP)] * 3))
    asked.config["min_confidence"] = 95
    assert len(asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15")) == 1
    assert asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M5") == []
    asked.config["choch_confidence_max_bonus"] = 9
    assert asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15") == []


def test_history_lowers_a_confidence() -> None:
    history = ChochHistory([record("FAILED", TOP)] * 3)
    assert detect(RISE, history=history)[0].confidence == pytest.approx(75)
    assert detect(RISE.head(28), moment=datetime(2025, 9, 1, 10, 0), history=history) == []


def test_history_elsewhere_counts_only() -> None:
    history = ChochHistory([record("SUCCESS", TOP + 0.0051)] * 4)
    [signal], [plain] = detect(RISE, history=history), detect(RISE)
    assert signal.similar_choch_count == 4
    signal.similar_choch_count = 0
    assert signal == plain


@pytest.mark.parametrize("target", [1.2, 1.05])
def test_target_on_the_wrong_side_is_noted_only(target: float) -> None:
    candles, direction = (RISE, "BULLISH") if target < 1.1 else (FALL, "BEARISH")
    level = candles["close"].iloc[-1]
    history = ChochHistory([record("PENDING", level, target, direction)])
    [signal] = detect(candles, history=history)
    assert signal.choch_target_hint == target
    assert abs(signal.take_profit_2 - signal.entry_price) == pytest.approx(0.0070)


def test_history_can_be_switched_off() -> None:
    asked = detector(history=ChochHistory([record("SUCCESS", TOP)] * 3))
    asked.config["use_choch_memory"] = False
    assert asked.detect_silver_bullet_patterns(RISE, "EURUSD", "M15") == detect(RISE)


# ---- bad candles ---------------------------------------------------------------------------------


def test_nan() -> None:
    candles = RISE.copy()
    candles.loc[28, "high"] = math.nan
    with pytest.raises(CandleError, match="column 'high' is NaN in 1 of"):
        detect(candles)
    assert detect(candles, tolerant=True) == detect(RISE)
    gone = RISE.copy()
    gone.loc[10, "low"] = math.nan
    assert len(detect(gone.iloc[10:], tolerant=True)) == 1
    gone["close"] = math.nan
    [signal] = detect(gone, tolerant=True)
    assert math.isnan(signal.entry_price)
    assert signal.confidence == pytest.approx(80)


def test_missing_column() -> None:
    with pytest.raises(CandleError, match="no column 'low'"):
        detect(RISE.drop(columns="low"))


def test_history_needs_times() -> None:
    with pytest.raises(CandleError, match="evaluate_history needs times"):
        detector().evaluate_history(RISE)


def test_history_of_a_time_column() -> None:
    times = pd.date_range("2025-09-01 10:00", periods=30, freq="min")
    history = detector().evaluate_history(RISE.assign(time=times), window=20)
    assert history.bar.tolist() == list(range(19, 30))
    assert [signal.timestamp for signal in history.records()] == times[19:].to_pydatetime().tolist()
    assert len(detector().evaluate_history(RISE.assign(time=times), window=19)) == 0
    assert detector().evaluate_history(RISE.assign(time=times)).bar.tolist() == [29]


# ---- the rest of the interface -------------------------------------------------------------------


def test_detect() -> None:
    answer = detector().detect(RISE, "EURUSD", "M15", current_price=1.5, other=1)
    [signal] = detect(RISE, 1.5)
    assert answer == {
        "confidence": signal.confidence,
        "direction": "buy",
        "entry_zone": signal.entry_zone,
        "stop_loss": signal.stop_loss,
        "take_profit_1": signal.take_profit_1,
        "take_profit_2": signal.take_profit_2,
        "structure_confluence": False,
        "killzone_timing": True,
        "order_block_present": False,
        "timeframe_alignment": True,
        "memory_confirmation": False,
        "narrative": signal.narrative,
        "source": "silver_bullet_enterprise",
    }
    nothing = detector(NOON).detect(RISE, "EURUSD", "M15")
    assert nothing.keys() == answer.keys()
    assert (nothing["direction"], nothing["confidence"], nothing["stop_loss"]) == ("NEUTRAL", 0.0, 0.0)


def test_quality_takes_percents_for_shares() -> None:
    asked = detector()
    asked.config["min_confidence"] = 0
    [signal] = detect(RISE)
    assert asked.filter_signals_by_quality([signal], 1.0) == [signal]
    signal.quality_score, signal.confidence = None, 0.7
    assert asked.filter_signals_by_quality([signal], 0.71) == []
    again = asked.enhance_signal_with_quality(signal)
    assert again is signal
    assert (again.quality_score, again.quality_grade) == (0.7, "B")


@pytest.mark.parametrize(
    ("hour", "zone"),
    [
        (6, "sydney"),
        (7, "london"),
        (11, "london"),
        (12, "sydney"),
        (13, "new_york"),
        (17, "new_york"),
        (18, "sydney"),
    ],
)
def test_current_killzone(hour: int, zone: str) -> None:
    assert detector(datetime(2025, 9, 1, hour, 59)).get_current_killzone() == zone


def test_logger_is_told() -> None:
    said: list[tuple[str, str]] = []

    class Engine:
        def info(self, message: str, component: str = "") -> None:
            said.append((component, message))

        debug = info

    [signal] = detect(RISE, logger=Engine())
    assert said == [("silver_bullet_enterprise", signal.narrative)]
    detect(RISE, logger=Engine(), moment=NOON)
    assert len(said) == 2


def test_names() -> None:
    assert SilverBulletEnterprise is SilverBulletDetectorEnterprise
    assert {kind.name: kind.value for kind in SilverBulletType} == {
        "LONDON_KILL": "london_killzone",
        "NY_KILL": "newyork_killzone",
        "LONDON_CLOSE": "london_close",
        "ASIAN_KILL": "asian_killzone",
    }
    assert [status.name for status in KillzoneStatus] == ["ACTIVE", "APPROACHING", "ENDED", "OUTSIDE"]
    assert [way.name for way in TradingDirection] == ["BUY", "SELL", "BULLISH", "BEARISH", "NEUTRAL"]
    assert " ".join(field.name for field in fields(SilverBulletSignal) if field.init) == (
        "signal_type confidence direction entry_price entry_zone stop_loss take_profit_1 take_profit_2 "
        "structure_confluence killzone_timing order_block_present timeframe_alignment memory_confirmation "
        "institutional_bias narrative timestamp session_context symbol timeframe choch_confidence_bonus "
        "similar_choch_count historical_success_rate choch_target_hint status expiry_time analysis_id"
    )
    assert SilverBulletDetectorEnterprise(None, None).config == {
        "min_confidence": 75,
        "structure_weight": 0.25,
        "timing_weight": 0.35,
        "confluence_weight": 0.25,
        "memory_weight": 0.15,
        "mtf_lookback": 20,
        "max_order_block_age_hours": 24,
        "min_displacement_strength": 0.6,
        "min_quality_score": 0.6,
        "enable_quality_filtering": True,
        "use_choch_memory": True,
        "choch_confidence_max_bonus": 10,
        "choch_level_lookback": 20,
    }
    assert detector().killzones[SilverBulletType.ASIAN_KILL] == (20, 22)
