"""The engine's confluence of patterns: what the original returned, and hand-computed examples."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine.pattern_confluence_engine import (
    ConfluenceAnalysis,
    ConfluenceStrength,
    MarketBias,
    PatternConfluence,
    PatternConfluenceEngine,
    PatternType,
    get_confluence_engine,
)
from ict_kernels.errors import CandleError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames

MORNING = datetime(2025, 9, 1, 10, 30)


def analyze(candles: pd.DataFrame, **options: Any) -> ConfluenceAnalysis:
    engine = PatternConfluenceEngine(**{"clock": lambda: MORNING, "memory": None} | options)
    return engine.analyze_confluence(candles, "EURUSD", "M15")


def zigzag(*legs: float) -> pd.DataFrame:
    """Three candles a leg, with a gap of so many pips in its middle; legs don't touch each other's gaps."""
    rows, base = [], 1.0
    for pips in legs:
        size = abs(pips) / 10_000
        edges = [base, base + size + 0.002] if pips > 0 else [base + size + 0.002, base]
        rows += [(edges[0] + 0.001, edges[0]), (max(edges) + 0.001, min(edges)), (edges[1] + 0.001, edges[1])]
        middle = (1.5, 0.5)
        rows += [middle, middle]
    return pd.DataFrame(rows, columns=["high", "low"])


def patterns(*rows: tuple[PatternType, str, float, float]) -> list[PatternConfluence]:
    return [
        PatternConfluence(kind, str(at), confidence, strength, side, 1.0, "M15", MORNING)
        for at, (kind, side, confidence, strength) in enumerate(rows)
    ]


def test_original(monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden("pattern_confluence", monkeypatch)


@settings(max_examples=30)
@given(engine_frames())
def test_row_by_row(candles: pd.DataFrame) -> None:
    fast = analyze(candles)
    with row_by_row():
        slow = analyze(candles)
    fast.processing_time_ms = slow.processing_time_ms
    assert fast == slow


def test_no_patterns() -> None:
    found = analyze(pd.DataFrame())
    assert (found.overall_strength, found.decision_confidence, found.recommended_action) == (0.0, 0.0, "WAIT")
    assert (found.market_bias, found.strength_level) == (MarketBias.NEUTRAL, ConfluenceStrength.WEAK)
    assert found.pattern_confluences == []
    assert found.dominant_patterns == found.conflicting_patterns == []


def test_one_gap() -> None:
    found = analyze(zigzag(8.5))
    [pattern] = found.pattern_confluences
    assert (pattern.pattern_type, pattern.direction) == (PatternType.FVG, "BULLISH")
    assert pattern.price_level == pytest.approx(1.0 + 0.001 + 0.0014 / 2 + 0.00035, abs=1e-3)
    assert found.overall_strength == pytest.approx(pattern.strength * pattern.confidence)
    assert found.decision_confidence == pytest.approx(found.overall_strength + 5 + 3)
    assert found.dominant_patterns == [PatternType.FVG]
    assert found.supporting_patterns == []
    assert (found.price_target, found.stop_loss, found.risk_reward_ratio) == (None, None, None)


@pytest.mark.parametrize(
    ("up", "down", "bias"),
    [
        (1.0, 0.0, MarketBias.BULLISH),
        (0.0, 1.0, MarketBias.BEARISH),
        (0.75, 0.25, MarketBias.BULLISH),
        (0.65, 0.35, MarketBias.NEUTRAL),
        (0.55, 0.45, MarketBias.CONFLICTED),
    ],
)
def test_bias(up: float, down: float, bias: MarketBias) -> None:
    both = patterns((PatternType.FVG, "BUY", up, 70), (PatternType.FVG, "DOWN", down, 70))
    assert PatternConfluenceEngine()._bias(both) is bias


def test_heavier_kinds_come_first() -> None:
    mixed = patterns(
        (PatternType.BOS_CHOCH, "BUY", 0.9, 90),
        (PatternType.ORDER_BLOCK, "BUY", 0.9, 90),
        (PatternType.FVG, "BUY", 0.9, 90),
    )
    engine = PatternConfluenceEngine()
    assert engine._kinds(mixed) == [PatternType.ORDER_BLOCK, PatternType.FVG, PatternType.BOS_CHOCH]
    assert engine._overall_strength(mixed) == pytest.approx(81.0)


@pytest.mark.parametrize(
    ("strength", "level"),
    [(30.9, "WEAK"), (31, "MODERATE"), (60.9, "MODERATE"), (61, "STRONG"), (80.9, "STRONG"), (81, "EXTREME")],
)
def test_levels(strength: float, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = PatternConfluenceEngine()
    monkeypatch.setattr(engine, "_overall_strength", lambda patterns: strength)
    found = engine.analyze_confluence(zigzag(8), "EURUSD", "M15")
    assert found.strength_level.name == level
    assert found.recommended_action == ("BUY" if strength >= 60 else "WAIT")


def test_statistics() -> None:
    engine = PatternConfluenceEngine(memory=None)
    engine.analyze_confluence(zigzag(8), "EURUSD", "M15")
    engine.analyze_confluence(pd.DataFrame(), "EURUSD", "M15")
    stats = engine.get_session_stats()
    assert (stats["total_analyses"], stats["total_patterns"], stats["avg_patterns"]) == (2, 1, 0.5)


def test_nan_is_named() -> None:
    candles = zigzag(8)
    candles.loc[1, "low"] = float("nan")
    with pytest.raises(CandleError, match="column 'low' is NaN in 1 of 5 rows"):
        analyze(candles)
    assert analyze(candles, tolerant=True).metadata["pattern_count"] == 1


def test_shared_engine() -> None:
    assert get_confluence_engine() is get_confluence_engine()
