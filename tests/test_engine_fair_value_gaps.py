"""The engine's fair value gaps: what the original returned, a row-by-row twin, and hand-computed examples."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine import MODULES, fair_value_gaps
from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine.fair_value_gaps import (
    FairValueGap,
    FairValueGapDetector,
    FVGDirection,
    FVGStatus,
    get_fvg_detector,
)
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames

MORNING = datetime(2025, 9, 1, 10, 30)
NIGHT = datetime(2025, 9, 1, 23, 30)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ICT_LOW_MEM", raising=False)
    monkeypatch.delenv("ICT_QUICK_TEST_MODE", raising=False)
    monkeypatch.delenv("ICT_DISABLE_HEAVY_INIT", raising=False)


class Memory:
    """Rates every gap alike and keeps what it is told to store."""

    def __init__(self, rating: Any) -> None:
        self.rating = rating
        self.stored: list[dict[str, Any]] = []

    def assess_market_confidence(self, description: dict[str, Any], /) -> float:
        if isinstance(self.rating, Exception):
            raise self.rating
        return self.rating  # type: ignore[no-any-return]

    def store_pattern(self, description: dict[str, Any]) -> None:
        self.stored.append(description)


def frame(high: list[float], low: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"open": low, "high": high, "low": low, "close": high, "volume": 1.0})


def gap_of(pips: float) -> pd.DataFrame:
    """Three candles with a bullish gap from 1.0 upwards."""
    edge = 1.0 + pips / 10000
    return frame([1.0, edge, edge + 0.001], [0.999, 1.0, edge])


def detect(candles: pd.DataFrame, **options: Any) -> list[FairValueGap]:
    options = {"clock": lambda: MORNING, "memory": None} | options
    return FairValueGapDetector(**options).detect_fair_value_gaps(candles, "EURUSD", "M15")


# ---- what the original returned --------------------------------------------------------------


@pytest.mark.parametrize("name", ["fvg", "fvg_no_memory", "fvg_mitigation"])
def test_original(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


@given(engine_frames(), st.sampled_from([None, "fresh"]))
def test_row_by_row(candles: pd.DataFrame, memory: Any) -> None:
    options = {"memory": memory, "config": {"min_gap_size_pips": 0.0}}
    fast = detect(candles, **options)
    with row_by_row():
        assert detect(candles, **options) == fast


# ---- interface -------------------------------------------------------------------------------


def test_signatures() -> None:
    def parameters(function: Any) -> list[str]:
        return [name for name in inspect.signature(function).parameters if name != "self"]

    assert parameters(FairValueGapDetector.__init__) == [
        *("config", "memory", "clock", "logger", "tolerant", "strict")
    ]
    assert parameters(FairValueGapDetector.detect_fair_value_gaps) == ["candles", "symbol", "timeframe"]
    assert parameters(FairValueGapDetector.update_fvg_mitigation) == ["fvgs", "current_candles"]
    assert parameters(FairValueGapDetector.analyze_fvg_orderblock_confluence) == ["fvgs", "order_blocks"]
    assert parameters(FairValueGapDetector.get_session_stats) == []
    assert inspect.signature(FairValueGapDetector).parameters["memory"].kind is inspect.Parameter.KEYWORD_ONLY


def test_modules_names_what_exists() -> None:
    assert all(hasattr(fair_value_gaps, name) for name in MODULES["fair_value_gaps"])


def test_record_fields_in_order() -> None:
    assert " ".join(field.name for field in fields(FairValueGap)) == (
        "fvg_id direction high_price low_price gap_size gap_pips score confidence timestamp symbol timeframe "
        "candle_index status fill_percentage mitigation_timestamp mitigation_speed_ms h4_confluence "
        "m15_alignment m5_timing institutional_classification health_weighted_score detection_latency_ms "
        "narrative confluences metadata"
    )


def test_singleton() -> None:
    assert get_fvg_detector() is get_fvg_detector()


def test_record_holds_plain_python_values() -> None:
    [gap] = detect(gap_of(8))
    assert gap.fvg_id == f"FVG_EURUSD_M15_{int(MORNING.timestamp())}_1"
    assert (gap.timestamp, gap.symbol, gap.timeframe) == (MORNING, "EURUSD", "M15")
    assert {type(value).__name__ for value in vars(gap).values()} <= {
        *("str", "float", "int", "bool", "list", "dict", "datetime", "NoneType", "FVGDirection", "FVGStatus")
    }
    assert gap.metadata == {
        "ready_for_multitf": True,
        "memory_enhanced": False,
        "multitimeframe_bonus": pytest.approx(0.15),
        "trader_insights": {},
    }
    assert gap.confluences == [
        *("price_imbalance", "gap_fill_probability", "m15_alignment", "m5_timing_precision")
    ]


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    detect(gap_of(8))
    assert capfd.readouterr() == ("", "")


def test_frame_is_not_modified() -> None:
    candles = gap_of(8)
    before = candles.copy()
    detect(candles)
    pd.testing.assert_frame_equal(candles, before)


# ---- a row-by-row twin -----------------------------------------------------------------------


def twin(high: list[float], low: list[float], minimum: float) -> Iterator[tuple[Any, ...]]:
    """The rule and the scores, one bar at a time."""
    for i in range(1, len(high) - 1):
        if low[i + 1] > high[i - 1]:
            direction, top, bottom = FVGDirection.BULLISH, low[i + 1], high[i - 1]
        elif high[i + 1] < low[i - 1]:
            direction, top, bottom = FVGDirection.BEARISH, low[i - 1], high[i + 1]
        else:
            continue
        pips = (top - bottom) * 10000
        if not pips >= minimum:
            continue
        score = int(55 + min(2 * pips, 25))
        confidence = min(0.4 + min(pips * 0.05, 0.4), 0.9)
        h4 = pips >= 20 or confidence >= 0.8
        m15 = 10 <= pips <= 30 or score >= 70
        points = 3 if pips >= 25 else 2 if pips >= 15 else 1 if pips >= 10 else 0
        points += (2 if confidence >= 0.8 else 0) + (2 if score >= 75 else 0)
        level = 3 if points >= 6 else 2 if points >= 4 else 1 if points >= 2 else 0
        bonus = (0.15 if h4 else 0.0) + (0.10 if m15 else 0.0) + 0.05
        name = ("RETAIL", "RETAIL_INSTITUTIONAL", "INSTITUTIONAL_MEDIUM", "INSTITUTIONAL_HIGH")[level]
        yield i, direction, top, bottom, pips, score, min(confidence + bonus, 0.95), h4, m15, name


POINTS = st.one_of(st.integers(0, 60), st.integers(0, 600))


@given(
    bars=st.lists(
        st.tuples(POINTS, st.integers(0, 30), st.integers(0, 19).map(lambda x: x == 0)), max_size=40
    ),
    minimum=st.sampled_from([0.0, 3.0, 5.0]),
)
def test_row_by_row_twin(bars: list[tuple[int, int, bool]], minimum: float) -> None:
    high = [math.nan if hole else (10_000 + base + height) / 10_000 for base, height, hole in bars]
    low = [(10_000 + base) / 10_000 for base, _, _ in bars]
    gaps = detect(frame(high, low), config={"min_gap_size_pips": minimum}, tolerant=True)
    assert [
        (
            *(gap.candle_index, gap.direction, gap.high_price, gap.low_price, gap.gap_pips),
            *(gap.score, gap.confidence, gap.h4_confluence, gap.m15_alignment),
            gap.institutional_classification,
        )
        for gap in gaps
    ] == list(twin(high, low, minimum))


# ---- scan ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_rows(n: int) -> None:
    assert detect(gap_of(8).head(n)) == []
    assert len(FairValueGapDetector().events(gap_of(8).head(n))) == 0


def test_empty_frame() -> None:
    assert detect(pd.DataFrame()) == []


def test_both_directions() -> None:
    bullish, bearish = detect(frame([10, 12, 13, 11, 9], [9, 10, 11, 9.5, 8]))
    assert (bullish.direction, bullish.candle_index) == (FVGDirection.BULLISH, 1)
    assert (bullish.low_price, bullish.high_price) == (10, 11)
    assert (bearish.direction, bearish.candle_index) == (FVGDirection.BEARISH, 3)
    assert (bearish.low_price, bearish.high_price, bearish.gap_size) == (9, 11, 2)


def test_touching_candles_leave_no_gap() -> None:
    assert detect(frame([1.0, 1.1, 1.2], [0.9, 1.0, 1.0]), config={"min_gap_size_pips": 0.0}) == []


def test_minimum_size_is_inclusive_in_floating_point() -> None:
    # (1.0003 - 1.0) * 10000 is 2.9999999999996696: a gap of three pips on paper, not in double precision.
    assert detect(gap_of(3)) == []
    assert len(detect(gap_of(3), config={"min_gap_size_pips": 2.9999999999996696})) == 1


def test_config_must_be_numeric() -> None:
    with pytest.raises(ParameterError, match=r"config\['base_score'\] is 'high'; give the detector a number"):
        detect(gap_of(8), config={"base_score": "high"})


def test_events_are_the_records_without_records() -> None:
    rng = np.random.default_rng(7)
    low = (10_000 + rng.normal(0, 8, 500).cumsum()) / 10_000
    candles = frame((low + 0.0005).tolist(), low.tolist())
    detector = FairValueGapDetector()
    columns = detector.events(candles)
    assert detector.detection_count == 0
    assert detector.detected_fvgs == {}
    gaps = detector.detect_fair_value_gaps(candles, "EURUSD", "M15")
    assert len(columns) == len(gaps) > 50
    for name in (
        "candle_index",
        "high_price",
        "low_price",
        "gap_pips",
        "score",
        "confidence",
        "h4_confluence",
    ):
        assert getattr(columns, name).tolist() == [getattr(gap, name) for gap in gaps]
    assert columns.direction.dtype == np.int8
    assert columns.candle_index.dtype == np.int64


# ---- bad candles -----------------------------------------------------------------------------


def test_nan_rows_are_named() -> None:
    candles = frame([1.0] * 9, [0.9] * 9)
    candles.loc[2:8, "high"] = math.nan
    with pytest.raises(CandleError, match=r"'high' is NaN in 7 of 9 rows \(positions 2, 3, 4, 5, 6, …\)"):
        detect(candles)


def test_tolerant_detector_sees_no_edge_at_nan() -> None:
    candles = frame([10, 12, 13, 14, 15], [9, 10, 11, 13, 14])
    candles.loc[0, "high"] = math.nan
    assert [gap.candle_index for gap in detect(candles, tolerant=True)] == [2, 3]


def test_missing_value_of_a_nullable_column() -> None:
    candles = frame([10, 12, 13], [9, 10, 11]).astype("Float64")
    assert len(detect(candles)) == 1
    candles.loc[0, "high"] = pd.NA
    assert detect(candles, tolerant=True) == []
    with pytest.raises(CandleError, match="NaN in 1 of 3 rows"):
        detect(candles)


def test_missing_column() -> None:
    with pytest.raises(CandleError, match=r"no column 'high' but \['High', 'low'\]"):
        detect(pd.DataFrame({"High": [1.0] * 3, "low": [1.0] * 3}))


def test_text_column() -> None:
    with pytest.raises(CandleError, match="column 'low' is not numeric"):
        detect(pd.DataFrame({"high": [1.0] * 3, "low": ["a"] * 3}))


def test_doubled_column() -> None:
    candles = pd.DataFrame([[1.0, 1.0, 1.0]] * 3, columns=["high", "high", "low"])
    with pytest.raises(CandleError, match="2 columns 'high'; keep one"):
        detect(candles)


# ---- state -----------------------------------------------------------------------------------


def test_state_accumulates() -> None:
    detector = FairValueGapDetector(clock=lambda: MORNING, memory=None)
    candles = frame([10, 12, 13, 11, 9], [9, 10, 11, 9.5, 8])
    first = detector.detect_fair_value_gaps(candles, "A", "M15")
    second = detector.detect_fair_value_gaps(candles, "A", "M15")
    detector.detect_fair_value_gaps(candles.head(4), "A", "M15")
    detector.detect_fair_value_gaps(candles.tail(2), "B", "M15")
    assert detector.detected_fvgs["A"][:4] == first + second
    assert [gap.fvg_id.rsplit("_", 1)[1] for gap in detector.detected_fvgs["A"]] == ["1", "2", "3", "4", "5"]
    assert detector.get_session_stats() == {
        "detection_count": 5,
        "memory_enhanced": False,
        "low_mem": False,
        "symbols": {
            "A": {"total_fvgs": 5, "bullish_fvgs": 3, "bearish_fvgs": 2, "avg_confidence": 0.95},
        },
    }


def test_session_stats_are_a_copy() -> None:
    detector = FairValueGapDetector()
    detector.detect_fair_value_gaps(gap_of(8), "A", "M15")
    detector.get_session_stats()["symbols"]["A"]["total_fvgs"] = 99
    assert detector.session_stats["A"]["total_fvgs"] == 1


def test_history_keeps_the_last_thousand() -> None:
    detector = FairValueGapDetector()
    steps = [float(i) for i in range(700)]
    candles = frame([step + 0.5 for step in steps], steps)
    gaps = detector.detect_fair_value_gaps(candles, "A", "M15")
    assert len(gaps) == 698
    detector.detect_fair_value_gaps(candles, "A", "M15")
    assert len(detector.detected_fvgs["A"]) == 1000
    assert detector.detected_fvgs["A"][0] is gaps[396]


# ---- low-memory mode -------------------------------------------------------------------------


@pytest.mark.parametrize("by_variable", [False, True])
def test_low_memory_mode(monkeypatch: pytest.MonkeyPatch, by_variable: bool) -> None:
    if by_variable:
        monkeypatch.setenv("ICT_LOW_MEM", "1")
    detector = FairValueGapDetector(None if by_variable else {"low_mem": True})
    assert detector.low_mem
    assert detector.config["max_historical_fvgs"] == 50
    low = [1.1 + i / 100 for i in range(1005)]
    gaps = detector.detect_fair_value_gaps(frame([value + 0.001 for value in low], low), "A", "M15")
    assert [gap.candle_index for gap in gaps] == list(range(1, 999))
    assert gaps[0].high_price == float(np.float32(low[7]))


def test_low_memory_mode_leaves_a_thousand_rows_alone() -> None:
    low = [1.1 + i / 100 for i in range(1000)]
    gaps = detect(frame([value + 0.001 for value in low], low), config={"low_mem": True})
    assert gaps[0].high_price == low[2]


@pytest.mark.parametrize(("low_mem", "quick", "symbols"), [(0, "", 20), (1, "", 5), (0, "1", 2), (1, "1", 2)])
def test_limits_by_mode(monkeypatch: pytest.MonkeyPatch, low_mem: int, quick: str, symbols: int) -> None:
    monkeypatch.setenv("ICT_QUICK_TEST_MODE", quick)
    assert FairValueGapDetector({"low_mem": low_mem}).config["max_symbols_concurrent"] == symbols


def test_config_extends_the_defaults() -> None:
    detector = FairValueGapDetector({"base_score": 60, "own": 1})
    assert (detector.config["base_score"], detector.config["own"]) == (60, 1)
    assert detector.config["min_gap_size_pips"] == 3.0


# ---- memory ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pips", "rating", "now", "kept"),
    [
        (4, 0.9, MORNING, True),  # 0.3
        (4, 0.9, NIGHT, False),  # 0.3 + 0.2
        (4, 0.9, datetime(2025, 9, 1, 5, 59), False),
        (4, 0.9, datetime(2025, 9, 1, 6, 0), True),
        (4, 0.2, MORNING, False),  # 0.3 + 0.4
        (20, 0.2, MORNING, True),  # 0.4
        (20, 0.2, NIGHT, False),  # 0.4 + 0.2
        (20, 0.3, NIGHT, True),  # 0.2
        (60, 0.9, MORNING, True),  # 0.2
        (60, 0.9, NIGHT, True),  # 0.2 + 0.2
        (60, 0.2, MORNING, False),  # 0.2 + 0.4
    ],
)
def test_memory_drops_doubtful_gaps(pips: float, rating: float, now: datetime, kept: bool) -> None:
    memory = Memory(rating)
    detector = FairValueGapDetector(memory=memory, clock=lambda: now)
    assert len(detector.detect_fair_value_gaps(gap_of(pips), "EURUSD", "M15")) == kept
    assert detector.detection_count == 1
    assert len(memory.stored) == kept


@pytest.mark.parametrize(
    ("rating", "stored"),
    [
        (0.9, 0.6 + 0.20 + 0.12 + 0.10),
        (0.65, 0.6 + 0.10 + 0.12 + 0.10),
        (0.5, 0.6 + 0.12 + 0.10),
        ("high", 0.6 + 0.12 + 0.10),
        (None, 0.6 + 0.12 + 0.10),
    ],
)
def test_memory_raises_confidence(rating: Any, stored: float) -> None:
    memory = Memory(rating)
    detect(gap_of(4.0), memory=memory)
    assert memory.stored[0]["confidence"] == pytest.approx(min(stored, 0.95))
    assert memory.stored[0]["direction"] == "BULLISH"
    assert memory.stored[0]["symbol"] == "EURUSD"


def test_memory_raises_confidence_of_large_gaps_more() -> None:
    memory = Memory(0.5)
    detect(gap_of(12), memory=memory, config={"base_confidence": 0.1})
    assert memory.stored[0]["confidence"] == pytest.approx(0.1 + 0.4 + 0.12 + 0.10 + 0.05)


def test_memory_never_lowers_confidence() -> None:
    memory = Memory(0.9)
    detect(gap_of(12), memory=memory, config={"base_confidence": 0.6, "max_confidence": 1.0})
    assert memory.stored[0]["confidence"] == pytest.approx(1.05)


def test_strong_history_counts_as_a_confluence() -> None:
    [gap] = detect(gap_of(8.5), memory=Memory(0.8))
    assert gap.confluences[2] == "strong_historical_success"
    assert gap.institutional_classification == "INSTITUTIONAL_MEDIUM"
    [plain] = detect(gap_of(8.5), memory=Memory(0.79))
    assert "strong_historical_success" not in plain.confluences
    assert plain.institutional_classification == "RETAIL_INSTITUTIONAL"


def test_failing_memory_is_neutral_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    memory = Memory(OSError("gone"))
    with caplog.at_level(logging.WARNING):
        [gap] = detect(gap_of(4), memory=memory, logger=logging.getLogger("ours"))
    assert memory.stored[0]["confidence"] == pytest.approx(0.6 + 0.15 * 0.5 + 0.10)
    assert gap.metadata["memory_enhanced"] is True
    assert [record.name for record in caplog.records] == ["ours"]


def test_failing_store_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(0.9)
    monkeypatch.setattr(memory, "store_pattern", lambda description: 1 / 0)
    assert len(detect(gap_of(8), memory=memory)) == 1
    assert "could not store" in caplog.text


def test_memory_need_not_store() -> None:
    class Rater:
        def assess_market_confidence(self, description: dict[str, Any], /) -> float:
            return 0.9

    assert len(detect(gap_of(8), memory=Rater())) == 1


def test_events_store_nothing() -> None:
    memory = Memory(0.9)
    assert len(FairValueGapDetector(memory=memory, clock=lambda: MORNING).events(gap_of(8))) == 1
    assert memory.stored == []


# ---- mitigation ------------------------------------------------------------------------------


def mitigated(gap: FairValueGap, *closes: float, **options: Any) -> FairValueGap:
    later = MORNING + timedelta(seconds=2)
    detector = FairValueGapDetector(clock=lambda: later, **options)
    fvgs = [gap]
    for close in closes:
        assert detector.update_fvg_mitigation(fvgs, pd.DataFrame({"close": [9.0, close]})) is fvgs
    return gap


def bullish_gap() -> FairValueGap:
    return detect(frame([10, 12, 16], [9, 10, 14]))[0]


def bearish_gap() -> FairValueGap:
    return detect(frame([16, 12, 10], [14, 10, 9]))[0]


@pytest.mark.parametrize(
    ("close", "fill", "status"),
    [
        (15.0, 0.0, "ACTIVE"),
        (14.0, 0.0, "ACTIVE"),
        (13.0, 25.0, "ACTIVE"),
        (12.0, 50.0, "PARTIAL_MITIGATION"),
        (10.0, 100.0, "FULLY_MITIGATED"),
        (8.0, 100.0, "FULLY_MITIGATED"),
    ],
)
def test_mitigation(close: float, fill: float, status: str) -> None:
    for gap in (mitigated(bullish_gap(), close), mitigated(bearish_gap(), 24.0 - close)):
        assert (gap.fill_percentage, gap.status.name) == (fill, status)


def test_fill_can_shrink_but_status_cannot() -> None:
    gap = mitigated(bullish_gap(), 11.0, 13.5)
    assert (gap.fill_percentage, gap.status) == (12.5, FVGStatus.PARTIAL_MITIGATION)


def test_full_mitigation_is_final_and_stamped() -> None:
    gap = mitigated(bullish_gap(), 9.0, 20.0)
    assert (gap.fill_percentage, gap.status) == (100.0, FVGStatus.FULLY_MITIGATED)
    assert gap.mitigation_timestamp == MORNING + timedelta(seconds=2)
    assert gap.mitigation_speed_ms == 2000.0


def test_mitigation_needs_a_last_close() -> None:
    with pytest.raises(CandleError, match="the last close is NaN"):
        mitigated(bullish_gap(), math.nan)
    assert mitigated(bullish_gap(), math.nan, tolerant=True).fill_percentage == 0.0
    gap = bullish_gap()
    assert FairValueGapDetector().update_fvg_mitigation([gap], pd.DataFrame()) == [gap]


# ---- order-block confluence --------------------------------------------------------------------


def confluence(gap: FairValueGap, **block: Any) -> dict[str, Any]:
    block = {"ob_id": "7", "range_high": 14.0, "range_low": 10.0, "direction": "bullish"} | block
    return FairValueGapDetector().analyze_fvg_orderblock_confluence([gap], [block])


def test_confluence_at_the_same_place() -> None:
    gap = bullish_gap()
    result = confluence(gap, confidence=0.85)
    assert result == {
        "total_confluences": 1,
        "high_strength_confluences": 1,
        "medium_strength_confluences": 0,
        "confluence_details": [
            {
                "fvg_id": gap.fvg_id,
                "ob_id": "7",
                "distance": 0.0,
                "directional_alignment": True,
                "confluence_strength": pytest.approx(1.5 * (0.95 + 0.85) / 2),
                "combined_confidence": 0.95,
            }
        ],
    }
    assert gap.confluences[-1] == "order_block_7"


def test_confluence_fades_with_distance_and_disagreement() -> None:
    gap = bullish_gap()
    before = list(gap.confluences)
    result = confluence(gap, range_high=18.0, range_low=14.0, direction="BEARISH")
    assert result["confluence_details"][0]["confluence_strength"] == pytest.approx(
        (1 - 4 / 12) * 0.8 * (0.95 + 0.5) / 2
    )
    assert result["high_strength_confluences"] == result["medium_strength_confluences"] == 0
    assert gap.confluences == before


def test_confluence_of_medium_strength() -> None:
    assert confluence(bullish_gap(), direction="BEARISH")["medium_strength_confluences"] == 1


@pytest.mark.parametrize("edges", [(12.0, 12.0), (100.0, 99.0), (10.0, 14.0)])
def test_flat_distant_and_inverted_blocks_are_skipped(edges: tuple[float, float]) -> None:
    assert confluence(bullish_gap(), range_high=edges[0], range_low=edges[1])["total_confluences"] == 0


def test_block_without_an_edge_is_named() -> None:
    with pytest.raises(ParameterError, match=r"order_blocks\[0\] has no key 'range_high'"):
        FairValueGapDetector().analyze_fvg_orderblock_confluence([bullish_gap()], [{}])
