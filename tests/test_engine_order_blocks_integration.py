"""The engine's order-block patterns: what the original returned, rows, history and collaborators."""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked, trailing
from ict_kernels.adapters.ict_engine.order_blocks_integration import (
    OrderBlocksPatternDetector,
    create_order_blocks_detector,
)
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

LOOSE = {"simple_config": {"max_distance_pips": 1e9, "min_confidence": 0}}
MORNING = datetime(2025, 9, 1, 10, 30)
KEYS = (
    "pattern_type sub_type symbol timeframe timestamp confidence basic_confidence enterprise_validated "
    "recommendation price entry_price stop_loss take_profit risk_reward distance_pips volume_confirmation "
    "candle_index detection_time_ms validation_time_ms session_context detector analysis_id enterprise_data"
)


def test_original(monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden("order_blocks_hybrid", monkeypatch)


def detector(config: dict[str, Any] | None = None, **options: Any) -> OrderBlocksPatternDetector:
    return OrderBlocksPatternDetector(config, **({"clock": lambda: MORNING} | options))


def timeless(pattern: dict[str, Any], first: int = 0) -> dict[str, Any]:
    """The pattern without the times it took, its position counted from the beginning of the history."""
    spent = None if pattern["validation_time_ms"] is None else 0.0
    moved = pattern["candle_index"] + first
    return pattern | {"detection_time_ms": 0.0, "validation_time_ms": spent, "candle_index": moved}


@settings(max_examples=30, deadline=None)
@given(frame=engine_frames(), loose=st.booleans())
def test_row_by_row(frame: pd.DataFrame, loose: bool) -> None:
    def found() -> list[dict[str, Any]]:
        patterns = detector(LOOSE if loose else None).detect_patterns(frame, "EURUSD", "M15")
        return [timeless(pattern) for pattern in patterns]

    at_once = found()
    with row_by_row():
        assert found() == at_once


@pytest.mark.parametrize("config", [None, LOOSE])
def test_history(config: dict[str, Any] | None) -> None:
    frame, window, moment = real_frame(160), 60, [MORNING]
    engine = detector(config, clock=lambda: moment[0])
    expected = []
    for bar in range(first_asked(len(frame), window), len(frame)):
        given_ = trailing(frame, bar, window)
        moment[0] = given_.index[-1].to_pydatetime()
        patterns = engine.detect_patterns(given_, "EURUSD", "M15")
        expected += [timeless(pattern, bar + 1 - len(given_)) for pattern in patterns]
    assert len(expected) > 20
    calls = engine.get_performance_stats()
    history = engine.evaluate_history(frame, "EURUSD", "M15", window=window)
    assert history.records() == expected
    assert engine.get_performance_stats() == calls
    last = history.at(int(history.bar[-1]))
    assert last.records() == expected[-len(last) :]


def test_history_needs_times() -> None:
    history = detector().evaluate_history(real_frame(250).reset_index(drop=True))
    assert len(history) > 0
    with pytest.raises(CandleError, match="DatetimeIndex"):
        history.records()
    assert detector().evaluate_history(pd.DataFrame()).records() == []


def test_pattern() -> None:
    frame = real_frame(400)
    patterns = [
        pattern
        for stop in range(200, 400, 10)
        for pattern in detector().detect_patterns(frame.iloc[:stop], "EURUSD", "M15")
    ]
    assert {" ".join(pattern) for pattern in patterns} == {KEYS}
    assert {pattern["pattern_type"] for pattern in patterns} == {"order_block"}
    assert {pattern["sub_type"] for pattern in patterns} == {"demand_zone", "supply_zone"}
    for pattern in patterns:
        assert (pattern["symbol"], pattern["timeframe"]) == ("EURUSD", "M15")
        assert pattern["timestamp"] == frame.index[pattern["candle_index"]]
        assert pattern["session_context"] == {"session": "LONDON", "hour": 10}
        assert pattern["analysis_id"].startswith("OB_EURUSD_M15_20250901_103000_")
        assert (pattern["enterprise_data"] is not None) == pattern["enterprise_validated"]


@pytest.mark.parametrize(
    ("hour", "session"),
    [(0, "ASIAN"), (7, "ASIAN"), (8, "LONDON"), (13, "OVERLAP"), (16, "NEW_YORK"), (22, "ASIAN")],
)
def test_session(hour: int, session: str) -> None:
    frame = real_frame(300)
    engine = detector(LOOSE, clock=lambda: datetime(2025, 9, 1, hour))
    [first, *_] = engine.detect_patterns(frame, "EURUSD", "M15")
    assert first["session_context"]["session"] == session


def test_optimized_levels_are_taken() -> None:
    engine = detector(LOOSE | {"enterprise_threshold": 0, "max_enterprise_validations": 2})
    frame = real_frame(300)
    results = engine.hybrid_analyzer.analyze_order_blocks(frame, frame["close"].iloc[-1], "EURUSD", "M15")
    patterns = engine.detect_patterns(frame, "EURUSD", "M15")
    assert len(patterns) == len(results) == 3
    for pattern, result in zip(patterns, results, strict=True):
        block = result.basic_block
        wanted = result.optimized_entry if result.enterprise_validated else block.entry_price
        assert pattern["entry_price"] == wanted
        assert (pattern["stop_loss"], pattern["take_profit"]) == (block.stop_loss, block.take_profit)
        assert pattern["basic_confidence"] == block.confidence
        assert pattern["confidence"] == result.hybrid_confidence


def test_price_defaults_to_the_last_close() -> None:
    frame = real_frame(300)
    close = float(frame["close"].iloc[-1])

    def found(*price: float) -> list[dict[str, Any]]:
        return [timeless(p) for p in detector(LOOSE).detect_patterns(frame, "EURUSD", "M15", *price)]

    assert found() == found(close) != found(close + 0.01)


def test_memory_gets_every_pattern() -> None:
    stored: list[dict[str, Any]] = []

    class Memory:
        def store_pattern(self, pattern: dict[str, Any]) -> None:
            stored.append(pattern)

    patterns = detector(LOOSE, memory=Memory()).detect_patterns(real_frame(300), "EURUSD", "M15")
    assert stored == patterns != []


def test_nothing_is_printed_or_written(
    capfd: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert detector(LOOSE).detect_patterns(real_frame(300), "EURUSD", "M15")
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_input() -> None:
    assert detector().detect_patterns(pd.DataFrame(), "EURUSD", "M15") == []
    assert detector().detect_patterns(real_frame(19), "EURUSD", "M15") == []
    frame = real_frame(60)
    frame.iloc[-1, 3] = float("nan")
    with pytest.raises(CandleError, match="column 'close' is NaN"):
        detector().detect_patterns(frame, "EURUSD", "M15")
    assert isinstance(detector(tolerant=True).detect_patterns(frame, "EURUSD", "M15"), list)
    with pytest.raises(ParameterError, match="current_price"):
        detector().detect_patterns(real_frame(60), "EURUSD", "M15", float("nan"))


def test_strict_is_handed_on() -> None:
    assert detector(strict=True).hybrid_analyzer.simple_detector._strict


def test_statistics() -> None:
    engine = detector(LOOSE)
    patterns = engine.detect_patterns(real_frame(300), "EURUSD", "M15")
    stats = engine.get_performance_stats()
    assert (stats["total_detections"], stats["patterns_found"]) == (1, len(patterns))
    assert stats["enterprise_validated"] == sum(pattern["enterprise_validated"] for pattern in patterns)
    engine.reset_stats()
    assert engine.get_performance_stats()["patterns_found"] == 0
    assert engine.get_performance_stats()["total_detections"] == 0


def test_factory() -> None:
    engine = create_order_blocks_detector(LOOSE, clock=lambda: MORNING, strict=True)
    assert isinstance(engine, OrderBlocksPatternDetector)
    assert engine.config == LOOSE
    assert engine.hybrid_analyzer.simple_detector._strict
    signature = inspect.signature(OrderBlocksPatternDetector.detect_patterns)
    assert list(signature.parameters) == ["self", "data", "symbol", "timeframe", "current_price"]
    assert signature.parameters["current_price"].default is None
