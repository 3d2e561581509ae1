"""The pattern analyzer of the engine: nothing, as the original; and what a strict one makes of four detectors."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import trailing
from ict_kernels.adapters.ict_engine.pattern_analyzer_enterprise import (
    AnalysisResult,
    ConfidenceLevel,
    PatternAnalyzerEnterprise,
    PatternSignal,
    PatternType,
    TradingDirection,
)
from ict_kernels.errors import CandleError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

NOW = datetime(2025, 9, 1, 10, 30)
GRAB, BLOCK = PatternType.LIQUIDITY_GRAB, PatternType.ORDER_BLOCK_MITIGATION


class Answers:
    """A detector that says what it was told."""

    def __init__(self, *signals: tuple[str, float, float]) -> None:
        self._signals = [
            SimpleNamespace(
                signal_type=SimpleNamespace(value="kind"),
                direction=SimpleNamespace(value=direction),
                confidence=confidence,
                entry_price=1.0,
                stop_loss=0.9,
                take_profit_1=1.0 + 0.1 * reward,
                timestamp=NOW,
                symbol="EURUSD",
                timeframe="M15",
                narrative="",
            )
            for direction, confidence, reward in signals
        ]

    def __getattr__(self, name: str) -> Any:
        assert name.startswith("detect_")
        return lambda data, symbol, timeframe: self._signals


def weigh(grabs: Any = (), blocks: Any = (), *, advanced: bool = True, **config: Any) -> AnalysisResult:
    detectors = {GRAB: Answers(*grabs), BLOCK: Answers(*blocks)}
    analyzer = PatternAnalyzerEnterprise(config, strict=True, detectors=detectors, clock=lambda: NOW)
    return analyzer.analyze_patterns("EURUSD", "M15", real_frame(60), advanced)


@pytest.mark.parametrize("name", ["pattern_analyzer", "pattern_analyzer@walk"])
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


def test_nothing_as_the_original() -> None:
    analyzer = PatternAnalyzerEnterprise()
    result = analyzer.analyze_patterns("EURUSD", "M15", real_frame(300))
    assert result == AnalysisResult()
    assert (result.primary_signal, result.secondary_signals, result.confluence_signals) == (None, [], [])
    assert (result.market_sentiment, result.overall_confidence) == ("NEUTRAL", 0.0)
    assert (result.recommended_action, result.risk_assessment) == ("NO_ACTION", "HIGH")
    assert len(analyzer.evaluate_history(real_frame(300))) == 0
    assert analyzer.evaluate_history(real_frame(300)).records() == []


def test_bad_candles() -> None:
    for analyzer in (PatternAnalyzerEnterprise(), PatternAnalyzerEnterprise(strict=True)):
        assert analyzer.analyze_patterns("EURUSD", "M15", real_frame(49)) == AnalysisResult()
        with pytest.raises(CandleError, match="no column 'open'"):
            analyzer.analyze_patterns("EURUSD", "M15", real_frame(60).drop(columns="open"))
        holed = real_frame(60)
        holed.iloc[50, 1] = np.nan
        with pytest.raises(CandleError, match="NaN"):
            analyzer.analyze_patterns("EURUSD", "M15", holed)
        with pytest.raises(CandleError, match="NaN"):
            analyzer.evaluate_history(holed)
    tolerant = PatternAnalyzerEnterprise(strict=True, tolerant=True, clock=lambda: NOW, utc_clock=lambda: NOW)
    assert isinstance(tolerant.analyze_patterns("EURUSD", "M15", holed), AnalysisResult)


@pytest.mark.parametrize(("window", "rows"), [(200, 420), (60, 260), (200, 80), (200, 49), (49, 80)])
def test_history_is_a_call_at_every_candle(window: int, rows: int) -> None:
    candles = real_frame(rows)
    moment = NOW
    caller = PatternAnalyzerEnterprise(strict=True, clock=lambda: moment, utc_clock=lambda: moment)
    expected = {}
    for bar in range(min(rows, window) - 1, rows):
        moment = candles.index[bar].to_pydatetime()
        result = caller.analyze_patterns("EURUSD", "M15", trailing(candles, bar, window))
        if result.primary_signal is not None:
            expected[bar] = result
    history = PatternAnalyzerEnterprise(strict=True).evaluate_history(candles, "EURUSD", "M15", window=window)
    assert dict(zip(history.bar.tolist(), history.records(), strict=True)) == expected
    assert expected or rows < 200
    for bar, side, confidence, overall in history.hits.rows("bar", "side", "confidence", "overall"):
        first = expected[bar].primary_signal
        assert first is not None
        assert side == (1 if first.signal_type is TradingDirection.BUY else -1)
        assert (confidence, overall) == (first.confidence, expected[bar].overall_confidence)


@settings(max_examples=30, deadline=None)
@given(candles=engine_frames())
def test_row_by_row_gives_the_same(candles: pd.DataFrame) -> None:
    analyzer = PatternAnalyzerEnterprise(strict=True, clock=lambda: NOW, utc_clock=lambda: NOW)
    result = analyzer.analyze_patterns("EURUSD", "M15", candles)
    with row_by_row():
        assert analyzer.analyze_patterns("EURUSD", "M15", candles) == result


def test_one_signal_by_hand() -> None:
    result = weigh([("sell", 72.0, 2.0)])
    first = result.primary_signal
    assert first is not None
    assert (first.pattern_type, first.signal_type) == (GRAB, TradingDirection.SELL)
    assert first.risk_reward_ratio == pytest.approx(2.0)
    assert (first.pattern_strength, first.confluence_score) == ("HIGH", 0.0)
    assert result.overall_confidence == 77.0
    assert (result.market_sentiment, result.recommended_action) == ("BEARISH", "SELL")
    assert result.risk_assessment == "MEDIUM"
    assert result.confluence_signals == []


def test_a_confluence_by_hand() -> None:
    result = weigh([("buy", 74.0, 1.0)], [("buy", 80.0, 1.0), ("sell", 66.0, 1.0)])
    assert [signal.confidence for signal in result.confluence_signals] == [80.0]
    assert result.confluence_signals[0].confluence_score == 77.0
    assert result.overall_confidence == pytest.approx((74 + 80 + 66) / 3 + 10 + 2 * 5)
    assert (result.market_sentiment, result.recommended_action) == ("BULLISH", "STRONG_BUY")
    assert result.risk_assessment == "HIGH"
    assert result.conflict_analysis["has_conflict"]
    # 80 * 0.7 + 7.7 ranks above 74 * 0.8 and 66 * 0.7.
    assert result.primary_signal is result.confluence_signals[0]
    assert [signal.confidence for signal in result.secondary_signals] == [74.0, 66.0]
    plain = weigh([("buy", 74.0, 1.0)], [("buy", 80.0, 1.0), ("sell", 66.0, 1.0)], advanced=False)
    assert plain.confluence_signals == []
    assert plain.primary_signal is not None
    assert plain.primary_signal.confidence == 74.0


def test_what_is_dropped() -> None:
    assert weigh([("neutral", 90.0, 1.0), ("buy", 64.9, 1.0)]) == AnalysisResult()
    assert weigh([("buy", 64.9, 1.0)], min_confidence=60).recommended_action == "BUY"
    assert weigh([("buy", 50.0, 1.0)], min_confidence=0).recommended_action == "MONITOR"
    assert weigh([("buy", 40.0, 1.0)], min_confidence=0).recommended_action == "NO_ACTION"
    below = weigh([("buy", 70.0, 1.0), ("buy", 79.0, 1.0)])
    assert below.confluence_signals == []
    assert weigh([("buy", 70.0, 1.0), ("buy", 79.0, 1.0)], confluence_threshold=74).confluence_signals


def test_reward_counts_at_most_20() -> None:
    result = weigh([("buy", 70.0, 50.0)], [("sell", 90.0, 4.0), ("sell", 65.0, 0.0), ("buy", 65.0, 0.0)])
    assert result.primary_signal is not None
    assert result.primary_signal.confidence == 90.0  # 63 + 20 + 7.75 against 56 + 20
    assert len(result.secondary_signals) == 2
    assert result.market_sentiment == "NEUTRAL"  # as many one way as the other


@pytest.mark.parametrize(
    ("confidence", "label"), [(39.0, "LOW"), (40.0, "MEDIUM"), (70.0, "HIGH"), (85.0, "EXTREME")]
)
def test_labels(confidence: float, label: str) -> None:
    first = weigh([("buy", confidence, 1.0)], min_confidence=0).primary_signal
    assert first is not None
    assert first.pattern_strength == label == ConfidenceLevel[label].value


def test_records_of_the_past() -> None:
    moment = NOW
    detectors = {GRAB: Answers(("buy", 80.0, 1.0))}
    analyzer = PatternAnalyzerEnterprise(strict=True, detectors=detectors, clock=lambda: moment)
    result = analyzer.analyze_patterns("EURUSD", "M15", real_frame(60))
    assert list(analyzer.analysis_cache.values()) == [result]
    assert analyzer.get_pattern_history("EURUSD", "M15") == [result.primary_signal]
    assert analyzer.get_pattern_history("EURUSD", "H1") == []
    moment = NOW + timedelta(days=8)
    assert analyzer.get_pattern_history("EURUSD", "M15") == []
    assert len(analyzer.get_pattern_history("EURUSD", "M15", days=9)) == 1
    metrics = analyzer.get_performance_metrics()
    assert (metrics["total_analyses"], metrics["total_signals"]) == (1, 1)
    assert metrics["signals_by_pattern"]["liquidity_grab"] == 1


def test_dicts_can_be_written_as_json() -> None:
    result = weigh([("buy", 74.0, 1.0)], [("buy", 80.0, 1.0)])
    read_back = json.loads(json.dumps(result.to_dict()))
    assert read_back["primary_signal"]["pattern_type"] == "order_block_mitigation"
    assert read_back["secondary_signals"][0]["signal_type"] == "buy"
    assert read_back["primary_signal"]["timestamp"] == NOW.isoformat()


def test_names() -> None:
    assert [kind.name for kind in PatternType] == [
        *("SILVER_BULLET", "JUDAS_SWING", "LIQUIDITY_GRAB", "ORDER_BLOCK_MITIGATION")
    ]
    assert [direction.name for direction in TradingDirection] == ["BUY", "SELL"]
    signal = PatternSignal(GRAB, TradingDirection.BUY, NOW, "EURUSD", "M15", 80.0, 1.0, 0.9, 1.2)
    assert (signal.confluence_score, signal.risk_reward_ratio) == (0.0, 0.0)
    assert (signal.pattern_strength, signal.market_condition) == ("MEDIUM", "NORMAL")
    assert PatternAnalyzerEnterprise({"min_confidence": 1}).config["pattern_priorities"]["judas_swing"] == 0.9
