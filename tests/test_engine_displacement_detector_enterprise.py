"""The engine's displacements: what the original returned, a row-by-row twin, and hand-computed examples."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._collaborators import ChochHistory
from ict_kernels.adapters.ict_engine._frames import read, row_by_row
from ict_kernels.adapters.ict_engine.displacement_detector_enterprise import (
    DisplacementDetectorEnterprise,
    DisplacementSignal,
    create_displacement_detector_enterprise,
)
from ict_kernels.detectors.engine.displacements import DISPLACEMENTS, GAP, LEVELS, SHIFT, WINDOW_MARKS
from ict_kernels.errors import CandleError, ParameterError
from ict_kernels.kernels.engine._types import EngineBars
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame


def loose(pips: float = 25.0, momentum: float = 0.5, **given_: Any) -> DisplacementDetectorEnterprise:
    detector = DisplacementDetectorEnterprise(**given_)
    detector.min_displacement_pips, detector.momentum_threshold = pips, momentum
    return detector


def jump(size: float = 0.0066, rows: int = 62, start: str = "2025-09-01") -> pd.DataFrame:
    """A slow rise, and a jump at the last candle but one."""
    close = np.append(1.1 + 1e-5 * np.arange(rows - 2), [1.1 + size, 1.1 + size])
    opening = np.append(1.1, close[:-1])
    prices = {
        "open": opening,
        "high": np.maximum(opening, close),
        "low": np.minimum(opening, close),
        "close": close,
    }
    return pd.DataFrame(prices | {"volume": 100.0}, index=pd.date_range(start, periods=rows, freq="15min"))


def window(*candles: tuple[float, float, float, float], volume: list[float] | None = None) -> Any:
    """What the rule measures over these candles."""
    open_, high, low, close = (np.array(column) for column in zip(*candles, strict=True))
    volumes = np.ones(len(open_)) if volume is None else np.array(volume)
    bars = EngineBars(open_, high, low, close, volumes, np.empty(0, np.int64))
    hits = DISPLACEMENTS(bars, width=len(candles) - 1)
    assert len(hits) == 1
    return hits


@pytest.mark.parametrize("name", ["displacement", "displacement_loose"])
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


def test_signal_by_hand() -> None:
    candles = jump()
    [signal] = DisplacementDetectorEnterprise().detect_displacement(candles, "EURUSD", "M15")
    first, last = candles.iloc[60 - 15], candles.iloc[60]
    closes = candles.close.iloc[45:61]
    velocity = (closes.iloc[-1] - closes.iloc[0]) / 15 / closes.std()
    assert signal.displacement_type == "BULLISH_DISPLACEMENT"
    assert (signal.start_price, signal.end_price) == (first.open, last.close)
    assert signal.displacement_pips == pytest.approx((last.close - first.open) * 1e4)
    assert signal.momentum_score == pytest.approx(0.4 * velocity + 0.6)
    assert signal.target_estimation == pytest.approx(last.close + 3 * (last.close - first.open))
    assert signal.timestamp == candles.index[60]
    assert signal.institutional_signature is False
    assert signal.confluence_factors == ["displacement_momentum", "institutional_candle", "killzone_timing"]
    assert (signal.memory_enhanced, signal.historical_success_rate) == (True, 0.5)
    assert signal.session_optimization == "LONDON_NY"
    assert signal.relative_equal_highs_lows is True
    assert signal.order_flow_imbalance == 0.0
    assert signal.sic_stats == {
        "volatility_percentile": 1.0,
        "volume_profile": "NORMAL",
        "market_session": "NY_OPEN",
        "displacement_strength": "MODERATE",
        "choch_bonus": 0.0,
        "choch_success_rate": 0.0,
    }


@pytest.mark.parametrize(("size", "factor"), [(0.0066, 3.0), (0.0080, 2.5), (0.0110, 2.0), (-0.0110, 2.0)])
def test_targets(size: float, factor: float) -> None:
    [signal] = loose(momentum=0.3).detect_displacement(jump(size))
    move = signal.end_price - signal.start_price
    expected = signal.end_price + math.copysign(factor * abs(move), size)
    assert signal.target_estimation == expected
    assert signal.displacement_type.startswith("BULLISH" if size > 0 else "BEARISH")


def test_the_last_candle_ends_no_window_unless_strict() -> None:
    candles = jump()[:-1]
    assert DisplacementDetectorEnterprise().detect_displacement(candles) == []
    [signal] = DisplacementDetectorEnterprise(strict=True).detect_displacement(candles)
    assert signal.timestamp == candles.index[-1]


def test_attributes_are_read_at_each_call() -> None:
    detector, candles = DisplacementDetectorEnterprise(), jump()
    assert len(detector.events(candles)) == 1
    detector.min_displacement_pips = 70.0
    assert len(detector.events(candles)) == 0
    detector.min_displacement_pips, detector.momentum_threshold = 50.0, 0.9
    assert len(detector.events(candles)) == 0
    detector.momentum_threshold, detector.institutional_volume_threshold = 0.7, 0.9
    [signal] = detector.detect_displacement(candles)
    assert signal.institutional_signature is True
    assert "institutional_volume" in signal.confluence_factors
    detector.momentum_threshold = "high"  # type: ignore[assignment]
    with pytest.raises(ParameterError, match="momentum_threshold"):
        detector.events(candles)


@pytest.mark.parametrize(
    ("symbol", "pip"),
    [
        ("EURUSD", 1e-4),
        ("USDJPY", 0.01),
        ("XAUUSD", 0.01),
        ("EURJPY", 0.01),
        ("GOLD", 0.01),
        ("NZDUSD", 1e-4),
    ],
)
def test_pips(symbol: str, pip: float) -> None:
    hits = loose(pips=0.0).events(jump(), symbol)
    assert hits.pips[-1] == pytest.approx((hits.end[-1] - hits.start[-1]) / pip)
    assert loose(pips=0.0, pip_sizes={symbol: 1.0}).events(jump(), symbol).pips.max() < 0.1


def test_short_frames() -> None:
    assert loose(0.0, 0.0).detect_displacement(jump()[:49]) == []
    for rows, width in ((50, 12), (63, 15), (64, 16), (80, 16)):
        assert loose(0.0, 0.0).events(jump(rows=rows)).bar.tolist() == list(range(width, rows - 1))


@pytest.mark.parametrize(
    ("hour", "session", "killzone"),
    [(5, "OVERLAP_SESSION", False), (8, "LONDON_OPEN", True), (13, "NY_OPEN", False), (16, "NY_OPEN", True),
     (22, "ASIA_OPEN", False)],
)  # fmt: skip
def test_hours_of_the_last_candle(hour: int, session: str, killzone: bool) -> None:
    start = pd.Timestamp("2025-09-01") + pd.Timedelta(hours=hour) - pd.Timedelta(minutes=15 * 60)
    [signal] = DisplacementDetectorEnterprise().detect_displacement(jump(start=str(start)))
    assert signal.sic_stats["market_session"] == session
    assert ("killzone_timing" in signal.confluence_factors) == killzone


def test_history_moves_targets() -> None:
    won = {"symbol": "EURUSD", "timeframe": "M15", "direction": "BULLISH", "break_level": 1.1066,
           "target_level": 1.12, "outcome": "SUCCESS"}  # fmt: skip
    [plain] = DisplacementDetectorEnterprise().detect_displacement(jump())
    [moved] = DisplacementDetectorEnterprise(history=ChochHistory([won] * 3)).detect_displacement(jump())
    assert moved.target_estimation == plain.target_estimation * 1.04
    assert moved.sic_stats["choch_bonus"] == 20.0
    assert moved.sic_stats["choch_success_rate"] == 100.0


QUIET = (1.0, 1.0, 1.0, 1.0)


def test_gap_is_clear_of_both_neighbours() -> None:
    raised = (1.2, 1.3, 1.1, 1.2)
    assert window(QUIET, raised, QUIET).gap[0] == 1
    assert window(QUIET, raised, raised).gap[0] == 0
    assert window(raised, QUIET, raised).gap[0] == 1


def test_equal_levels_are_two_bars_apart() -> None:
    steps = [(price, price + 0.001, price - 0.001, price) for price in (1.0, 1.0002, 1.1)]
    assert window(*steps).equal[0] == 0
    assert window(steps[0], steps[2], steps[1]).equal[0] == 1


def test_wicks_bodies_and_volumes() -> None:
    body = (1.0, 1.2, 1.0, 1.2)
    assert window(QUIET, QUIET, body).large[0] == 1
    assert window(body, QUIET, body).large[0] == 0
    assert window(body, body, (1.0, 1.5, 1.0, 1.2)).wick[0] == 1
    assert window(body, body, (1.0, 1.375, 1.0, 1.2)).wick[0] == 0
    found = window((1.0, 1.5, 0.5, 1.25), (1.0, 1.5, 0.5, 1.25))
    assert found.wicks[0] == 0.75 / 0.25
    assert found.body_share[0] == 0.25
    for last, level in ((1.0, 0), (1.5, 1), (2.5, 2), (8.0, 3)):
        found = window(body, body, body, body, volume=[1.0, 1.0, 1.0, last])
        assert found.level[0] == level
        assert found.spike[0] == (last > 1.5 * (3 + last) / 4)


def test_correlation_of_closes_and_volumes() -> None:
    candles = [(price, price, price, price) for price in (1.0, 1.5, 1.25, 2.0)]
    assert window(*candles, volume=[1.0, 3.0, 2.0, 5.0]).imbalance[0] == pytest.approx(1.0)
    assert window(*candles, volume=[5.0, 3.0, 4.0, 1.0]).imbalance[0] == pytest.approx(-1.0)
    assert window(*candles).imbalance[0] == 0.0


def shift(close: float, opening: float, highs: tuple[int, ...] = (2, 5), lows: tuple[int, ...] = (3,)) -> int:
    """Whether a window of ranges of 0.1 around 1 with these swings shifts at its last candle."""
    candles = [(1.0, 1.05 + 0.01 * (t in highs), 0.95 - 0.01 * (t in lows), 1.0) for t in range(11)]
    low, high = min(opening, close), max(opening, close)
    return int(window(*candles, (opening, high, low, close)).shift[0])


def test_shift_of_structure() -> None:
    # The mean true range lies near 0.12 and the buffer near 0.14, beyond the last swing high at 1.06.
    assert shift(1.3, 1.1) == 1
    assert shift(1.15, 1.0) == 0
    assert shift(1.3, 1.1, highs=(5,)) == 0
    assert shift(1.3, 1.1, lows=()) == 0
    assert shift(0.7, 0.9) == 0
    assert shift(0.7, 0.9, highs=(2,), lows=(3, 6)) == 1
    # A small last body must lie one and a half buffers beyond: near 1.28.
    assert shift(1.25, 1.2) == 0
    assert shift(1.35, 1.3) == 1


def shown(frame: pd.DataFrame, **given_: Any) -> tuple[bool, bool, bool]:
    detector = DisplacementDetectorEnterprise(**given_)
    return (
        detector._detect_potential_gaps(frame),
        detector._detect_equal_highs_lows(frame),
        detector._detect_structure_shift(frame),
    )


def test_a_window_asked_alone() -> None:
    quiet = pd.DataFrame([QUIET] * 3, columns=["open", "high", "low", "close"])
    assert shown(quiet) == (False, True, False)
    apart = pd.DataFrame({"high": [1.0, 1.3, 1.1], "low": [0.9, 1.2, 1.05]})
    detector = DisplacementDetectorEnterprise()
    assert detector._detect_potential_gaps(apart)
    assert not detector._detect_potential_gaps(apart[:2])
    assert not detector._detect_potential_gaps(apart.assign(low=[0.9, 1.1, 1.05]))
    assert not detector._detect_equal_highs_lows(apart)
    assert detector._detect_equal_highs_lows(apart.assign(low=[1.05, 1.2, 1.05]))
    assert not detector._detect_equal_highs_lows(quiet[:2])


def swings_then(opening: float, close: float) -> pd.DataFrame:
    candles = [(1.0, 1.05 + 0.01 * (t in (2, 5)), 0.95 - 0.01 * (t == 3), 1.0) for t in range(11)]
    candles.append((opening, max(opening, close), min(opening, close), close))
    return pd.DataFrame(candles, columns=["open", "high", "low", "close"])


def test_shift_of_a_window_asked_alone() -> None:
    detector = DisplacementDetectorEnterprise()
    assert detector._detect_structure_shift(swings_then(1.1, 1.3))
    assert detector._detect_structure_shift(swings_then(1.1, 1.3)[2:]) is False
    assert detector._detect_structure_shift(swings_then(1.1, 1.3)[3:]) is False
    assert not detector._detect_structure_shift(swings_then(1.0, 1.15))


@settings(max_examples=60)
@given(frame=engine_frames(max_size=40))
def test_windows_alone_are_as_within_a_move(frame: pd.DataFrame) -> None:
    found = shown(frame)
    with row_by_row():
        assert shown(frame) == found
    assert all(isinstance(flag, bool) for flag in found)
    if len(frame) >= 10:
        hits = DISPLACEMENTS(read(frame), width=len(frame) - 1)
        assert found == (hits.gap[0] == 1, hits.equal[0] == 1, hits.shift[0] == 1)


def definition(frame: pd.DataFrame) -> tuple[bool, bool, bool]:
    """The three questions in pandas."""
    high, low, close = frame.high, frame.low, frame.close
    above = (low > high.shift(1)) & (low > high.shift(-1))
    below = (high < low.shift(1)) & (high < low.shift(-1))
    lags = range(2, len(frame))
    equal = any((x.diff(lag).abs() <= 0.0005).any() for x in (high, low) for lag in lags)
    true_range = pd.concat([high - low, (high - close.shift()).abs(), (low - close.shift()).abs()], axis=1)
    mean = true_range[1:].max(axis=1).mean()
    highs = high[(high > high.shift(1)) & (high > high.shift(-1))]
    lows = low[(low < low.shift(1)) & (low < low.shift(-1))]
    last, small = close.iloc[-1], abs(close.iloc[-1] - frame.open.iloc[-1]) < 0.8 * mean
    factor = 1.2 * 1.5 if small else 1.2
    falls = len(lows) >= 2 and len(highs) >= 1 and last < lows.iloc[-1] - factor * mean
    rises = len(highs) >= 2 and len(lows) >= 1 and last > highs.iloc[-1] + factor * mean
    return bool((above | below).any()), equal, len(frame) >= 10 and bool(falls or rises)


def test_random_windows() -> None:
    """Against the definition, with either answer to each question."""
    answers = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        close = 1.1 + np.cumsum(rng.normal(0, 0.002, rng.integers(3, 22)))
        opening = close + rng.normal(0, 0.002, len(close))
        reach = rng.exponential(0.002, (2, len(close)))
        close[-1] += rng.choice([-0.03, 0, 0.03])
        high, low = np.maximum(opening, close) + reach[0], np.minimum(opening, close) - reach[1]
        frame = pd.DataFrame({"open": opening, "high": high, "low": low, "close": close})
        answers.append(shown(frame))
        assert answers[-1] == definition(frame), seed
    shares = np.mean(answers, axis=0)
    assert ((shares > 0.02) & (shares < 0.98)).all(), shares


def test_marks_of_all_windows() -> None:
    frame = real_frame(300)
    detector, bars = DisplacementDetectorEnterprise(), read(frame)
    for mark, ask in ((GAP, detector._detect_potential_gaps), (LEVELS, detector._detect_equal_highs_lows),
                      (SHIFT, detector._detect_structure_shift)):  # fmt: skip
        marked = [bar for bar in range(12, 300) if ask(frame[bar - 12 : bar + 1])]
        assert WINDOW_MARKS(bars, width=12, mark=mark).bar.tolist() == marked


def test_windows_with_bad_cells() -> None:
    candles = jump()[:20]
    with pytest.raises(CandleError, match="no column 'low'"):
        shown(candles.drop(columns="low"))
    candles.loc[candles.index[5], "high"] = math.nan
    with pytest.raises(CandleError, match="'high' is NaN"):
        shown(candles)
    raised = pd.DataFrame({"high": [1.0, 1.3, math.nan], "low": [0.9, 1.2, 1.0]})
    detector = DisplacementDetectorEnterprise(tolerant=True)
    assert not detector._detect_potential_gaps(raised)
    with row_by_row():
        assert not detector._detect_potential_gaps(raised)


def test_score_forces_the_shift() -> None:
    hits = loose(pips=0.0, momentum=0.0).events(jump(0.05), timeframe="M1")
    score = 1.2 * np.clip(hits.true_range / 0.002, 0, 1.5) + 0.8 * hits.body_share
    score += 0.5 * (hits.consistency - 0.5) + 0.4 * hits.gap - 0.6
    np.testing.assert_allclose(hits.ml_score, 1 / (1 + np.exp(-score)))
    forced = (hits.ml_score >= 0.8) & (hits.ml_confidence >= 0.6)
    assert forced.any()
    assert not forced.all()
    assert hits.shift[forced].all()


def test_momentum_asks_tick_volume() -> None:
    candles = jump()
    plain = loose(0.0, 0.0).events(candles)
    some = loose(0.0, 0.0).events(candles.assign(tick_volume=[0.0] * 30 + [5.0] * 32))
    assert some.bar.tolist() == plain.bar.tolist()
    weaker = plain.momentum - some.momentum
    np.testing.assert_allclose(weaker[plain.bar < 30], 0.15)
    np.testing.assert_allclose(weaker[plain.bar >= 30], 0.0, atol=1e-12)
    silent = candles.assign(volume=0.0)
    np.testing.assert_allclose(plain.momentum - loose(0.0, 0.0).events(silent).momentum, 0.15)
    same = loose(0.0, 0.0).events(candles.assign(tick_volume=candles.volume))
    assert same.momentum.tolist() == plain.momentum.tolist()


def test_bad_frames() -> None:
    candles = jump()
    with pytest.raises(CandleError, match="'volume'"):
        loose().detect_displacement(candles.drop(columns="volume"))
    with pytest.raises(CandleError, match="needs times"):
        loose().detect_displacement(candles.reset_index(drop=True))
    candles.loc[candles.index[30], "close"] = math.nan
    with pytest.raises(CandleError, match="'close' is NaN"):
        loose().detect_displacement(candles)
    assert len(loose(tolerant=True).detect_displacement(candles)) > 0


def test_names() -> None:
    assert [field.name for field in fields(DisplacementSignal)] == [
        "displacement_type", "start_price", "end_price", "displacement_pips", "timeframe_detected", "timestamp",
        "momentum_score", "institutional_signature", "target_estimation", "confluence_factors", "memory_enhanced",
        "historical_success_rate", "session_optimization", "sic_stats", "sluc_integration", "liquidity_cleared",
        "order_flow_imbalance", "relative_equal_highs_lows", "fair_value_gap_created", "market_structure_shift",
        "ml_score", "ml_confidence",
    ]  # fmt: skip
    made = create_displacement_detector_enterprise()
    assert (made.min_displacement_pips, made.max_time_window) == (50.0, 240)
    assert (made.institutional_volume_threshold, made.momentum_threshold) == (1.5, 0.7)


@settings(max_examples=30)
@given(frame=engine_frames(min_size=45), strict=st.booleans())
def test_rows_alone_give_the_same(frame: pd.DataFrame, strict: bool) -> None:
    def records() -> Any:
        if "volume" not in frame.columns:
            return None
        return [asdict(signal) for signal in loose(0.0, 0.3, strict=strict).detect_displacement(frame)]

    expected = records()
    with row_by_row():
        assert records() == expected


def test_signals_follow_the_events_on_real_candles() -> None:
    frame, detector = real_frame(700), loose(10.0, 0.5)
    hits, signals = detector.events(frame), detector.detect_displacement(frame)
    assert len(signals) == len(hits) > 20
    assert [signal.end_price for signal in signals] == frame.close.iloc[hits.bar].tolist()
    assert [signal.start_price for signal in signals] == frame.open.iloc[hits.bar - 16].tolist()
