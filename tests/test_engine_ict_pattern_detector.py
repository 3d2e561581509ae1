"""The engine's dashboard detector: what the original returned, rows, history and hand-computed examples."""

from __future__ import annotations

import inspect
from dataclasses import fields
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._collaborators import ChochHistory
from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked, trailing
from ict_kernels.adapters.ict_engine.fair_value_gaps import FairValueGapDetector
from ict_kernels.adapters.ict_engine.ict_pattern_detector import (
    ICTPattern,
    ICTPatternDetector,
    PatternDetector,
)
from ict_kernels.errors import CandleError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

MORNING = datetime(2025, 9, 1, 10, 30)
CHOCH = {
    "symbol": "EURUSD",
    "timeframe": "M15",
    "direction": "BULLISH",
    "break_level": 1.101,
    "target_level": 1.12,
    "outcome": "SUCCESS",
}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ICT_LOW_MEM", "ICT_QUICK_TEST_MODE", "ICT_DISABLE_HEAVY_INIT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "name", ["ict_patterns", "ict_order_blocks", "ict_silver_bullet", "ict_silver_bullet@walk"]
)
def test_original(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


def detector(config: dict[str, Any] | None = None, **options: Any) -> ICTPatternDetector:
    return ICTPatternDetector(config, **({"clock": lambda: MORNING} | options))


def frame(close: list[float], opens: list[float] | None = None) -> pd.DataFrame:
    prices = pd.DataFrame({"open": close if opens is None else opens, "close": close}, dtype=float)
    prices.insert(1, "high", prices.max(axis=1) + 0.0001)
    prices.insert(2, "low", prices.min(axis=1) - 0.0001)
    prices.index = pd.date_range("2025-09-01 09:00", periods=len(close), freq="15min")
    return prices


def level(rows: int) -> pd.DataFrame:
    return frame([1.1] * rows)


def with_gap(rows: int = 3) -> pd.DataFrame:
    """A bullish gap of 10 pips about 1.101, at the end."""
    candles = level(rows)
    candles.iloc[-3:, 1] = 1.1005, 1.1030, 1.1040
    candles.iloc[-3:, 2] = 1.1000, 1.1000, 1.1015
    return candles


class Memory:
    def __init__(self, rating: Any = 0.8) -> None:
        self.rating, self.stored = rating, []  # type: ignore[var-annotated]

    def assess_market_confidence(self, description: dict[str, Any], /) -> float:
        return self.rating  # type: ignore[no-any-return]

    def store_pattern(self, description: dict[str, Any]) -> None:
        self.stored.append(description)


# ---- laws --------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(candles=engine_frames(), strict=st.booleans())
def test_row_by_row(candles: pd.DataFrame, strict: bool) -> None:
    def found() -> tuple[Any, ...]:
        engine = detector({"symbol": "EURUSD"}, strict=strict)
        return (
            engine.detect_patterns(candles),
            engine._find_order_blocks(candles),
            engine._detect_silver_bullet(candles, "EURUSD", "M15"),
        )

    at_once = found()
    with row_by_row():
        assert found() == at_once


def check_history(candles: pd.DataFrame, window: int) -> int:
    moment = [MORNING]
    engine = detector(clock=lambda: moment[0])
    expected = []
    for bar in range(first_asked(len(candles), window), len(candles)):
        given_ = trailing(candles, bar, window)
        moment[0] = given_.index[-1].to_pydatetime()
        records = engine._detect_silver_bullet(given_, "EURUSD", "M15")
        expected += [(bar, record) for record in records]
    history = engine.evaluate_history(candles, "EURUSD", "M15", window=window)
    assert list(zip(history.bar.tolist(), history.records(), strict=True)) == expected
    return len(expected)


@settings(max_examples=30, deadline=None)
@given(candles=engine_frames(), window=st.sampled_from([5, 19, 20, 21, 200]))
def test_history(candles: pd.DataFrame, window: int) -> None:
    check_history(candles, window)


def test_history_of_real_candles() -> None:
    assert check_history(real_frame(400), 200) > 5


def test_history_needs_times() -> None:
    with pytest.raises(CandleError, match="a history needs times"):
        detector().evaluate_history(level(30).reset_index(drop=True))
    assert detector().evaluate_history(pd.DataFrame()).records() == []


# ---- placeholders ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        (12, []),
        (13, ["CHoCH"]),
        (15, ["CHoCH"]),
        (16, ["BOS", "CHoCH"]),
        (24, ["BOS", "CHoCH"]),
        (25, ["BOS"]),
    ],
)
def test_placeholders_go_by_the_number_of_rows(rows: int, kinds: list[str]) -> None:
    assert [pattern.pattern_type for pattern in detector().detect_patterns(level(rows))] == kinds
    assert detector(strict=True).detect_patterns(level(rows)) == []


def test_placeholder() -> None:
    bos, choch = detector().detect_patterns(level(20), "H1")
    assert (bos.symbol, choch.symbol) == ("GBPUSD", "EURUSD")
    assert (bos.confidence, choch.confidence) == (0.9, 0.9)
    assert (bos.entry_price, bos.timeframe, bos.timestamp) == (1.1, "H1", MORNING)
    assert {p.symbol for p in detector({"symbol": "USDJPY"}).detect_patterns(level(20))} == {"USDJPY"}


@pytest.mark.parametrize(
    ("memory", "expected"), [(None, [0.7, 0.65]), (Memory(0.8), [0.8, 0.8]), (Memory("high"), [0.7, 0.65])]
)
def test_memory_rates_placeholders(memory: Memory | None, expected: list[float]) -> None:
    patterns = detector(memory=memory).detect_patterns(level(20))
    assert [pattern.confidence for pattern in patterns] == expected
    if memory:
        assert [stored["pattern_type"] for stored in memory.stored] == ["BOS", "CHoCH"]
        assert [stored["confidence"] for stored in memory.stored] == expected


# ---- fair value gaps ---------------------------------------------------------------------------


def test_gap() -> None:
    [pattern] = detector().detect_patterns(with_gap(), "M15")
    assert (pattern.pattern_type, pattern.symbol, pattern.timeframe) == ("FVG", "UNKNOWN", "M15")
    assert pattern.entry_price == (1.1015 + 1.1005) / 2
    assert pattern.timestamp == MORNING
    assert pattern.choch_context is None
    assert pattern.metadata == {
        "gap_pips": pytest.approx(10),
        "direction": "BULLISH",
        "gap_category": "INSTITUTIONAL_MEDIUM",
        "memory_enhanced": True,
        "fvg_id": f"FVG_UNKNOWN_M15_{int(MORNING.timestamp())}_1",
        "status": "ACTIVE",
        "fill_percentage": 0.0,
        "score": pytest.approx(75, abs=1),
        "confidence_source": "detector",
        "candle_index": 1,
    }


@pytest.mark.parametrize("memory", ["fresh", None, Memory(0.65)])
def test_gaps_are_those_of_the_gap_detector(memory: Any) -> None:
    candles = real_frame(400)
    patterns = detector({"symbol": "EURUSD"}, memory=memory)._detect_fvg_patterns(candles, "M15")
    gaps = FairValueGapDetector(memory=memory, clock=lambda: MORNING).detect_fair_value_gaps(
        candles, "EURUSD", "M15"
    )
    assert len(patterns) == len(gaps) > 10
    for pattern, gap in zip(patterns, gaps, strict=True):
        assert pattern.entry_price == (gap.high_price + gap.low_price) / 2
        assert pattern.confidence == gap.confidence
        assert pattern.metadata == {
            "gap_pips": gap.gap_pips,
            "direction": gap.direction.value,
            "gap_category": gap.institutional_classification,
            "memory_enhanced": memory is not None,
            "fvg_id": gap.fvg_id,
            "status": gap.status.value,
            "fill_percentage": gap.fill_percentage,
            "score": gap.score,
            "confidence_source": "detector",
            "candle_index": gap.candle_index,
            "choch_historical_bonus": 0.0,
        }


def test_heavy_parts_of_gaps_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICT_DISABLE_HEAVY_INIT", "1")
    [pattern] = detector().detect_patterns(with_gap())
    assert pattern.metadata["memory_enhanced"] is False


def test_clock_decides_about_small_gaps() -> None:
    candles = with_gap()
    candles.iloc[-1, 2] = 1.1009  # four pips
    night = datetime(2025, 9, 1, 23)
    assert len(detector().detect_patterns(candles)) == 1
    assert detector(clock=lambda: night).detect_patterns(candles) == []


def test_memory_stores_gaps() -> None:
    memory = Memory()
    detector(memory=memory).detect_patterns(with_gap())
    assert [stored["pattern_type"] for stored in memory.stored] == ["FVG"]


def boosted(outcomes: list[str], symbol: str = "EURUSD", **options: Any) -> ICTPattern:
    records = [CHOCH | {"outcome": outcome} for outcome in outcomes]
    [pattern] = detector({"symbol": symbol}, history=ChochHistory(records), **options).detect_patterns(
        with_gap()
    )
    return pattern


def test_bonus_of_earlier_changes_of_character() -> None:
    plain = boosted([])
    assert plain.choch_confidence_boost == plain.historical_success_rate == 0.0
    won = boosted(["SUCCESS"] * 3)
    assert won.confidence == plain.confidence + 20
    assert (won.choch_confidence_boost, won.historical_success_rate) == (20.0, 100.0)
    assert won.metadata["choch_historical_bonus"] == 20.0
    assert boosted(["FAILED"] * 3).confidence == 0.0
    assert boosted(["SUCCESS"] * 2).confidence == plain.confidence
    other = boosted(["SUCCESS"] * 3, symbol="UNKNOWN")
    assert other.confidence == plain.confidence
    assert "choch_historical_bonus" not in other.metadata


def test_strict_bonus_is_a_hundredth() -> None:
    assert boosted(["SUCCESS"] * 3, strict=True).confidence == 1.0
    plain = boosted([], strict=True)
    assert boosted(["FAILED"] * 3, strict=True).confidence == pytest.approx(plain.confidence - 0.2)


@pytest.mark.parametrize(("rows", "placeholders"), [(10, 0), (11, 0), (14, 1), (26, 1), (27, 0)])
def test_placeholder_gap(rows: int, placeholders: int) -> None:
    engine = detector({"allow_fvg_placeholder_for_tests": True})
    patterns = engine._detect_fvg_patterns(level(rows), "M15")
    assert [p.confidence for p in patterns] == [0.6] * placeholders
    assert len(engine._detect_fvg_patterns(with_gap(rows), "M15")) == 1
    assert detector()._detect_fvg_patterns(level(rows), "M15") == []


# ---- order blocks ------------------------------------------------------------------------------


def bodies(*sizes: float) -> pd.DataFrame:
    """Candles of these bodies in pips, which alternate between closing above and below 1.1."""
    close = [1.1 + size / 10000 * (-1) ** at for at, size in enumerate(sizes)]
    return frame(close, [1.1] * len(sizes))


def test_order_block() -> None:
    candles = bodies(1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
    [block] = detector()._find_order_blocks(candles)
    assert block == {
        "index": 5,
        "type": "bearish",
        "high": candles["high"].iloc[5],
        "low": candles["low"].iloc[5],
        "open": 1.1,
        "close": candles["close"].iloc[5],
        "strength": pytest.approx(60),
        "timestamp": candles.index[5],
    }


@pytest.mark.parametrize(("size", "strength"), [(1.4, None), (1.6, 48), (2.9, 87), (3.1, 90), (50, 90)])
def test_strength_of_order_blocks(size: float, strength: float | None) -> None:
    blocks = detector()._find_order_blocks(bodies(*[1] * 6, size, 1, 1, 1))
    assert [block["strength"] for block in blocks] == ([] if strength is None else [pytest.approx(strength)])


def test_order_block_after_nothing() -> None:
    [block] = detector()._find_order_blocks(bodies(*[0] * 6, 1, 0, 0, 0, 0))
    assert (block["index"], block["type"], block["strength"]) == (6, "bullish", 90)


@pytest.mark.parametrize(
    ("at", "rows", "found"), [(4, 60, 0), (5, 60, 1), (49, 60, 1), (50, 60, 0), (17, 20, 1), (18, 20, 0)]
)
def test_candidates_for_order_blocks(at: int, rows: int, found: int) -> None:
    sizes = [1.0] * rows
    sizes[at] = 3
    assert [block["index"] for block in detector()._find_order_blocks(bodies(*sizes))] == [at] * found


def test_ten_order_blocks_are_enough() -> None:
    candles = bodies(*([1.0] * 5 + [5.0]) * 20)
    blocks = detector()._find_order_blocks(candles)
    assert [block["index"] for block in blocks] == list(range(5, 50, 6))
    crowded = bodies(*[2.0**at for at in range(40)])
    assert [block["index"] for block in detector()._find_order_blocks(crowded)] == list(range(5, 15))
    assert len(detector(strict=True)._find_order_blocks(candles)) == 19
    assert len(detector(strict=True)._find_order_blocks(crowded)) == 33


def test_input_of_order_blocks() -> None:
    assert detector()._find_order_blocks(bodies(1, 1, 1, 1, 1, 3, 1, 1, 1)) == []
    assert detector()._find_order_blocks(pd.DataFrame()) == []
    with pytest.raises(CandleError, match="no column 'open'"):
        detector()._find_order_blocks(level(60).drop(columns="open"))
    candles = bodies(1, 1, 1, 1, 1, 3, 1, 1, 1, 1)
    candles.iloc[2, 3] = np.nan
    with pytest.raises(CandleError, match="column 'close' is NaN"):
        detector()._find_order_blocks(candles)
    assert [block["index"] for block in detector(tolerant=True)._find_order_blocks(candles)] == [5]


# ---- silver bullet -----------------------------------------------------------------------------


def turn(before: float, after: float, rows: int = 20) -> pd.DataFrame:
    """Closes of which the five before the last five move by `before`, and those by `after`."""
    half = [1.1, 1.3, 1.0, 1.2]
    return frame([1.1] * (rows - 10) + [*half, 1.1 + before, *half, 1.1 + after])


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [(-0.01, 0.01, "BUY"), (0.01, -0.01, "SELL"), (0.01, 0.01, None), (0.0, 0.01, None), (-0.01, 0.0, None)],
)
def test_silver_bullet(before: float, after: float, direction: str | None) -> None:
    records = detector()._detect_silver_bullet(turn(before, after), "EURUSD", "M15")
    if direction is None:
        assert records == []
        return
    assert records == [
        {
            "type": "SILVER_BULLET",
            "direction": direction,
            "confidence": 80.0,
            "symbol": "EURUSD",
            "timeframe": "M15",
            "entry_price": 1.1 + after,
            "timestamp": MORNING,
        }
    ]


@pytest.mark.parametrize("hour", range(24))
def test_hours_of_the_silver_bullet(hour: int) -> None:
    for minute in (0, 59):
        engine = detector(clock=lambda minute=minute: datetime(2025, 9, 1, hour, minute))
        records = engine._detect_silver_bullet(turn(-0.01, 0.01), "EURUSD", "M15")
        assert bool(records) == (hour in (10, 11, 14, 15))


@pytest.mark.parametrize(("rows", "found"), [(19, 0), (20, 1), (300, 1)])
def test_silver_bullet_needs_twenty_rows(rows: int, found: int) -> None:
    assert len(detector()._detect_silver_bullet(turn(-0.01, 0.01, rows), "EURUSD", "M15")) == found


def test_nan_in_the_silver_bullet() -> None:
    candles = turn(-0.01, 0.01)
    candles.iloc[-1, 3] = np.nan
    with pytest.raises(CandleError, match="column 'close' is NaN"):
        detector()._detect_silver_bullet(candles, "EURUSD", "M15")
    assert detector(tolerant=True)._detect_silver_bullet(candles, "EURUSD", "M15") == []


def test_no_judas_swing() -> None:
    assert detector()._detect_judas_swing(real_frame(300), "EURUSD", "M15") == []


# ---- interface ---------------------------------------------------------------------------------


def test_names() -> None:
    assert PatternDetector is ICTPatternDetector
    assert " ".join(field.name for field in fields(ICTPattern)) == (
        "pattern_type timeframe symbol entry_price confidence timestamp metadata choch_context "
        "choch_confidence_boost historical_success_rate"
    )
    signature = inspect.signature(ICTPatternDetector.detect_patterns)
    assert list(signature.parameters) == ["self", "data", "timeframe"]
    assert signature.parameters["timeframe"].default == "M15"
    assert detector().config == {
        "allow_fvg_placeholder_for_tests": False,
        "enable_fvg_memory_persistence": False,
    }


def test_other_input() -> None:
    assert detector().detect_patterns(None) == []
    assert detector().detect_patterns(pd.DataFrame()) == []
    rows = with_gap().to_dict("records")
    assert detector().detect_patterns(rows) == detector().detect_patterns(with_gap())
    with pytest.raises(CandleError, match="no column 'high'"):
        detector().detect_patterns(with_gap().drop(columns="high"))
    candles = with_gap(20)
    candles.iloc[-1, 1] = np.nan
    with pytest.raises(CandleError, match="column 'high' is NaN"):
        detector().detect_patterns(candles)
    assert len(detector(tolerant=True).detect_patterns(candles)) == 3


def test_state(capfd: pytest.CaptureFixture[str]) -> None:
    engine = detector()
    first = engine.detect_patterns(with_gap(20))
    second = engine.detect_patterns(with_gap(30))
    assert engine.patterns_detected == first + second
    assert engine.get_performance_stats() == {
        "total_detections": 2,
        "patterns_detected": 5,
        "by_type": {"BOS": 2, "CHoCH": 1, "FVG": 2},
        "memory_enhanced": True,
    }
    assert capfd.readouterr() == ("", "")
