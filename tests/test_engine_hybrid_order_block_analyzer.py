"""The engine's rated order blocks: rows, history, and hand-computed ratings."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked, trailing
from ict_kernels.adapters.ict_engine.hybrid_order_block_analyzer import (
    HybridOrderBlockAnalyzer,
    HybridOrderBlockResult,
)
from ict_kernels.adapters.ict_engine.simple_order_blocks import BasicOrderBlock
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_strategies import engine_frames, real_frame

LOOSE = {"simple_config": {"max_distance_pips": 1e9, "min_confidence": 0}}


def block(
    confidence: float = 80.0,
    distance: float = 4.0,
    busy: bool = False,
    risk_reward: float = 2.0,
    at: int = 90,
    price: float = 1.1000,
) -> BasicOrderBlock:
    return BasicOrderBlock(
        *("demand_zone", price, confidence, distance, at, busy, None, "EURUSD", "M15"),
        *(1.1004, 1.0998, 1.1016, risk_reward),
    )


class Found:
    """Stands in for the detector."""

    def __init__(self, *blocks: BasicOrderBlock) -> None:
        self.blocks = list(blocks)

    def detect_basic_order_blocks(self, *args: Any) -> list[BasicOrderBlock]:
        return self.blocks


def rated(*blocks: BasicOrderBlock, **config: Any) -> list[HybridOrderBlockResult]:
    analyzer = HybridOrderBlockAnalyzer(config)
    analyzer.simple_detector = Found(*blocks)  # type: ignore[assignment]
    return analyzer.analyze_order_blocks(pd.DataFrame(), 1.1, "EURUSD", "M15")


# ---- ratings by hand ---------------------------------------------------------------------------


def test_validated() -> None:
    [result] = rated(block(80.0, 4.0, busy=True))
    assert result.enterprise_validated is True
    assert result.enterprise_result == {
        "confidence": 98,  # 80 + 10 + (10 - 2), at most 98
        "strength": "HIGH",
        "mitigation_probability": pytest.approx(0.9),
        "method": "formula",
    }
    assert result.hybrid_confidence == pytest.approx(0.3 * 80 + 0.7 * 98)
    assert result.recommendation == "BUY"
    assert result.optimized_entry == pytest.approx(1.1002)  # halfway from 1.1000 to 1.1004
    assert (result.optimized_stop, result.optimized_target) == (1.0998, 1.1016)
    assert result.detection_time_ms >= 0
    assert result.validation_time_ms is not None


@pytest.mark.parametrize(
    ("confidence", "busy", "strength"),
    [
        (85, True, "VERY_HIGH"),
        (85, False, "HIGH"),
        (75, True, "HIGH"),
        (74.9, True, "MEDIUM"),
        (65, False, "MEDIUM"),
        (64.9, False, "LOW"),
    ],
)
def test_strength_decides_about_the_entry(confidence: float, busy: bool, strength: str) -> None:
    [result] = rated(block(confidence, busy=busy), enterprise_threshold=0)
    assert result.enterprise_result is not None
    assert result.enterprise_result["strength"] == strength
    assert result.optimized_entry == pytest.approx(1.1002 if strength == "HIGH" else 1.1004)


def test_mitigation_probability_is_limited() -> None:
    [result] = rated(block(90, busy=True))
    assert result.enterprise_result is not None
    assert result.enterprise_result["mitigation_probability"] == 0.95


def test_distant_blocks_get_no_bonus() -> None:
    [result] = rated(block(75, distance=28))
    assert result.hybrid_confidence == pytest.approx(75)


def test_first_three_good_blocks_are_validated() -> None:
    results = rated(block(80, at=1), block(69, at=2), block(70, at=3), block(75, at=4), block(90, at=5))
    validated = {result.basic_block.candle_index: result.enterprise_validated for result in results}
    assert validated == {1: True, 2: False, 3: True, 4: True, 5: False}
    plain = next(result for result in results if result.basic_block.candle_index == 5)
    assert (plain.hybrid_confidence, plain.enterprise_result, plain.optimized_entry) == (90, None, None)
    assert plain.validation_time_ms is None


def test_number_of_validations_is_a_setting() -> None:
    results = rated(block(80, at=1), block(80, at=2), max_enterprise_validations=1)
    assert sum(result.enterprise_validated for result in results) == 1


@pytest.mark.parametrize(
    ("confidence", "distance", "risk_reward", "expected"),
    [
        (90, 10, 2.5, "STRONG_BUY"),  # hybrid 90 + 0.7 * 5
        (90, 16, 2.5, "BUY"),
        (90, 10, 2.4999, "BUY"),
        (75, 25, 2.0, "BUY"),
        (75, 25.1, 2.0, "ANALYZE"),
        (74.9, 20, 2.0, "ANALYZE"),
        (90, 10, 1.9999999999999998, "ANALYZE"),
        (90, 10, 1.49, "AVOID"),
        (64.9, 30, 2.0, "AVOID"),
    ],
)
def test_recommendation_of_a_validated_block(
    confidence: float, distance: float, risk_reward: float, expected: str
) -> None:
    [result] = rated(block(confidence, distance, risk_reward=risk_reward), enterprise_threshold=0)
    assert result.enterprise_validated
    assert result.recommendation == expected


@pytest.mark.parametrize(
    ("confidence", "distance", "risk_reward", "expected"),
    [
        (80, 20, 2.0, "BUY"),
        (80, 20.1, 2.0, "ANALYZE"),
        (79.9, 5, 2.0, "ANALYZE"),
        (80, 5, 1.9999999999999998, "ANALYZE"),
        (80, 5, 1.79, "AVOID"),
        (69.9, 5, 2.0, "AVOID"),
    ],
)
def test_recommendation_of_another_block(
    confidence: float, distance: float, risk_reward: float, expected: str
) -> None:
    [result] = rated(block(confidence, distance, risk_reward=risk_reward), max_enterprise_validations=0)
    assert not result.enterprise_validated
    assert result.recommendation == expected


def test_order() -> None:
    results = rated(
        block(80, 30, at=1), block(80, 25, at=2), block(90, 28, at=3), max_enterprise_validations=0
    )
    assert [result.basic_block.candle_index for result in results] == [3, 2, 1]


# ---- laws --------------------------------------------------------------------------------------


def timeless(result: HybridOrderBlockResult, first: int = 0) -> HybridOrderBlockResult:
    """The result without the times it took, its position counted from the beginning of the history."""
    moved = replace(result.basic_block, candle_index=result.basic_block.candle_index + first)
    spent = None if result.validation_time_ms is None else 0.0
    return replace(result, basic_block=moved, detection_time_ms=0.0, validation_time_ms=spent)


@settings(max_examples=30, deadline=None)
@given(frame=engine_frames(), loose=st.booleans())
def test_row_by_row(frame: pd.DataFrame, loose: bool) -> None:
    def found() -> list[HybridOrderBlockResult]:
        analyzer = HybridOrderBlockAnalyzer(LOOSE if loose else None)
        price = float(frame["close"].iloc[-1]) if len(frame) else 1.0
        return [timeless(result) for result in analyzer.analyze_order_blocks(frame, price, "EURUSD", "M15")]

    at_once = found()
    with row_by_row():
        assert found() == at_once


def check_history(frame: pd.DataFrame, window: int, config: dict[str, Any] | None) -> int:
    analyzer = HybridOrderBlockAnalyzer(config)
    expected = []
    for bar in range(first_asked(len(frame), window), len(frame)):
        given_ = trailing(frame, bar, window)
        price, first = given_["close"].iloc[-1], bar + 1 - len(given_)
        results = analyzer.analyze_order_blocks(given_, price, "EURUSD", "M15")
        expected += [(bar, timeless(result, first)) for result in results]
    history = analyzer.evaluate_history(frame, "EURUSD", "M15", window=window)
    assert list(zip(history.bar.tolist(), history.records(), strict=True)) == expected
    return len(expected)


@settings(max_examples=20, deadline=None)
@given(frame=engine_frames(max_size=50), window=st.sampled_from([20, 30]), loose=st.booleans())
def test_history(frame: pd.DataFrame, window: int, loose: bool) -> None:
    check_history(frame, window, LOOSE if loose else None)


@pytest.mark.parametrize("config", [None, LOOSE])
def test_history_of_real_candles(config: dict[str, Any] | None) -> None:
    assert check_history(real_frame(160), 60, config) > 20


def test_part_of_a_history() -> None:
    history = HybridOrderBlockAnalyzer().evaluate_history(real_frame(300), window=100)
    bar = int(history.bar[-1])
    part = history.at(bar)
    assert part.records() == history.records()[-len(part) :]


# ---- interface ---------------------------------------------------------------------------------


def test_names() -> None:
    assert " ".join(field.name for field in fields(HybridOrderBlockResult)) == (
        "basic_block enterprise_result enterprise_validated detection_time_ms validation_time_ms "
        "hybrid_confidence recommendation optimized_entry optimized_stop optimized_target"
    )
    signature = inspect.signature(HybridOrderBlockAnalyzer.analyze_order_blocks)
    assert list(signature.parameters) == ["self", "data", "current_price", "symbol", "timeframe"]
    defaults = HybridOrderBlockAnalyzer().config
    assert {name: defaults[name] for name in defaults if "thresholds" not in name} == {
        "simple_config": {},
        "enterprise_threshold": 70,
        "max_enterprise_validations": 3,
        "parallel_validation": True,
        "basic_weight": 0.3,
        "enterprise_weight": 0.7,
        "max_confidence": 98,
    }
    assert {"recommendation_thresholds", "basic_recommendation_thresholds"} <= defaults.keys()


def test_simple_config_and_options_are_handed_on() -> None:
    analyzer = HybridOrderBlockAnalyzer({"simple_config": {"lookback_period": 50}}, strict=True)
    assert analyzer.simple_detector.config["lookback_period"] == 50
    assert analyzer.simple_detector._strict
    candles = real_frame(60)
    candles.iloc[-3, 0] = float("nan")
    with pytest.raises(CandleError, match="column 'open' is NaN"):
        analyzer.analyze_order_blocks(candles, 1.1, "EURUSD", "M15")
    tolerant = HybridOrderBlockAnalyzer(tolerant=True)
    assert isinstance(tolerant.analyze_order_blocks(candles, 1.1, "EURUSD", "M15"), list)


def test_too_little() -> None:
    analyzer = HybridOrderBlockAnalyzer()
    assert analyzer.analyze_order_blocks(real_frame(19), 1.1, "EURUSD", "M15") == []
    assert analyzer.analyze_order_blocks(pd.DataFrame(), 1.1, "EURUSD", "M15") == []
    assert analyzer.evaluate_history(pd.DataFrame()).records() == []


def test_thresholds_need_their_keys() -> None:
    with pytest.raises(ParameterError, match=r"config\['recommendation_thresholds'\]\['BUY'\] has no key"):
        rated(block(), recommendation_thresholds={"BUY": {"confidence": 75}})


def test_summary_of_a_symbol() -> None:
    analyzer = HybridOrderBlockAnalyzer()
    analyzer.simple_detector = Found(block(80, at=1), block(66, at=2))  # type: ignore[assignment]
    summary = analyzer.analyze_single_symbol("EURUSD", "M15", pd.DataFrame(), 1.1)
    assert (summary["symbol"], summary["timeframe"], summary["current_price"]) == ("EURUSD", "M15", 1.1)
    assert (summary["total_blocks"], summary["validated_blocks"]) == (2, 1)
    assert summary["recommendation"] == "BUY"
    assert summary["top_opportunities"] == summary["results"][:1]
    analyzer.simple_detector = Found()  # type: ignore[assignment]
    assert analyzer.analyze_single_symbol("EURUSD", "M15", pd.DataFrame(), 1.1)["recommendation"] == "AVOID"


def test_top_opportunities() -> None:
    results = [
        HybridOrderBlockResult(block(at=at), hybrid_confidence=confidence, recommendation=recommendation)
        for at, confidence, recommendation in [
            (1, 70.0, "BUY"),
            (2, 99.0, "AVOID"),
            (3, 90.0, "STRONG_BUY"),
            (4, 80.0, "BUY"),
            (5, 60.0, "BUY"),
        ]
    ]
    analyzer = HybridOrderBlockAnalyzer()
    assert [r.basic_block.candle_index for r in analyzer.get_top_opportunities(results)] == [3, 4, 1]
    assert len(analyzer.get_top_opportunities(results, limit=1)) == 1


def test_statistics() -> None:
    analyzer = HybridOrderBlockAnalyzer()
    candles = real_frame(200)
    found = analyzer.analyze_order_blocks(candles, candles["close"].iloc[-1], "EURUSD", "M15")
    stats = analyzer.get_performance_stats()
    assert (stats["total_analyses"], stats["blocks_analyzed"]) == (1, len(found))
    assert stats["enterprise_validations"] == sum(result.enterprise_validated for result in found)
    assert stats["simple_detector"]["total_detections"] == 1
