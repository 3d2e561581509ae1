"""Breaks of structure and changes of character as the engine's pattern detector describes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...detectors.engine import Hits
from ._collaborators import ChochHistory
from ._patterns_types import PatternConfidence, PatternSignal, PatternType, TradingDirection

if TYPE_CHECKING:
    import pandas as pd

CANDIDATE_STRENGTH = 80.0
LOW_MEMORY_SWINGS = 20
MIN_BREAK_PIPS = {"M1": 3, "M5": 5, "M15": 8, "M30": 10, "H1": 12, "H4": 20, "D1": 30, "W1": 50}
OTHER_BREAK_PIPS = 12
TIMEFRAME_WEIGHTS = {"H4": 0.5, "M15": 0.3, "M5": 0.2}
TIMEFRAME_PRIORITIES = {"H4": 3, "M15": 2, "M5": 1}


class Labels:
    """What rows of a frame are called: their index labels."""

    def __init__(self, index: pd.Index) -> None:
        self._index = index
        self._stamped = len(index) > 0 and hasattr(index[0], "timestamp")

    def __getitem__(self, row: int) -> Any:
        """The label of a row."""
        return self._index[row]

    def swing(self, row: int, price: float, first: int = 0) -> dict[str, Any]:
        """A swing, with its position counted from the first row; labels that are no times are replaced by it."""
        index = row - first
        return {"index": index, "price": price, "timestamp": self._index[row] if self._stamped else index}

    def swings(self, rows: Sequence[int], prices: Sequence[float]) -> list[dict[str, Any]]:
        """All of them."""
        stamps = list(self._index.take(rows)) if self._stamped else rows
        return [
            {"index": row, "price": price, "timestamp": stamp}
            for row, price, stamp in zip(rows, prices, stamps, strict=True)
        ]


def nothing_broken(status: str, reason: str) -> dict[str, Any]:
    """The answer of ``detect_bos`` without a break."""
    return {
        "pattern_type": "BOS",
        "detected": False,
        "patterns": [],
        "best_pattern": None,
        "signal": None,
        "confidence": 0.0,
        "status": status,
        "reason": reason,
    }


class BreakAnswers:
    """Answers of ``detect_bos`` from rows of the rule."""

    def __init__(
        self,
        labels: Labels,
        bars: Any,
        symbol: str,
        timeframe: str,
        *,
        history: ChochHistory,
        window: int = 0,
        low_mem: bool = False,
    ) -> None:
        self._labels, self._bars = labels, bars
        self._symbol, self._timeframe, self._history = symbol, timeframe, history
        self._window, self._low_mem = window, low_mem

    def of(self, hits: Hits) -> list[dict[str, Any]]:
        """One answer a row."""
        names = (
            "bar",
            "direction",
            "confirms",
            "highs",
            "lows",
            "high",
            "previous_high",
            "low",
            "previous_low",
        )
        return [self._answer(*row) for row in hits.rows(*names, "level", "previous", "close", "momentum")]

    def _answer(
        self,
        bar: int,
        direction: int,
        confirms: int,
        highs: int,
        lows: int,
        high: int,
        previous_high: int,
        low: int,
        previous_low: int,
        level: float,
        previous: float,
        close: float,
        momentum: float,
    ) -> dict[str, Any]:
        first = max(bar + 1 - self._window, 0) if self._window else 0
        swing = self._labels.swing
        last_high = swing(high, float(self._bars.high[high]), first)
        last_low = swing(low, float(self._bars.low[low]), first)
        answer = nothing_broken("NO_BOS_CONFIRMED", "the last close confirms no break of the last swings")
        if self._low_mem:
            highs, lows = min(highs, LOW_MEMORY_SWINGS), min(lows, LOW_MEMORY_SWINGS)
        answer["swing_analysis"] = {
            "highs_count": highs,
            "lows_count": lows,
            "last_high": last_high,
            "last_low": last_low,
        }
        if direction == 0:
            return answer
        if direction > 0:
            broken, before = last_high, swing(previous_high, float(self._bars.high[previous_high]), first)
        else:
            broken, before = last_low, swing(previous_low, float(self._bars.low[previous_low]), first)
        pattern = _break_pattern(direction, level, close, self._labels[bar])
        pattern |= {"swing_broken": broken, "prev_swing": before}
        answer["patterns"] = [pattern]
        if confirms:
            self._confirm(answer, pattern, momentum, previous)
        return answer

    def _confirm(
        self, answer: dict[str, Any], pattern: dict[str, Any], momentum: float, previous: float
    ) -> None:
        where = self._symbol, self._timeframe, pattern["break_level"]
        bonus = self._history.bonus(*where)
        strength = max(0.0, min(100.0, min(95.0, 80.0 * momentum) + bonus))
        pattern["strength"], pattern["momentum_score"] = strength, momentum
        pattern["metadata"] = {
            "choch_historical_bonus": bonus,
            "choch_success_rate": self._history.success_rate(*where),
        }
        answer["detected"], answer["status"] = True, "BOS_DETECTED"
        answer["best_pattern"], answer["confidence"] = pattern, strength
        answer["signal"] = break_signal(pattern, previous, self._symbol, self._timeframe)
        del answer["reason"]


def _break_pattern(direction: int, level: float, close: float, stamp: Any) -> dict[str, Any]:
    name = "BULLISH" if direction > 0 else "BEARISH"
    return {
        "type": f"BOS_{name}",
        "direction": name,
        "strength": CANDIDATE_STRENGTH,
        "break_level": level,
        "target_level": level * (1.002 if direction > 0 else 0.998),
        "current_price": close,
        "timestamp": stamp,
        "narrative": f"close {'above' if direction > 0 else 'below'} the last swing at {level:.5f}",
    }


def break_signal(pattern: dict[str, Any], previous: float, symbol: str, timeframe: str) -> PatternSignal:
    """The signal for a break; ``previous`` is the swing of the same kind before the broken one."""
    bullish, level, target = (
        pattern["direction"] == "BULLISH",
        pattern["break_level"],
        pattern["target_level"],
    )
    stop = previous * (0.999 if bullish else 1.001)
    risk = abs(level - stop)
    stamp, strength = pattern["timestamp"], pattern["strength"]
    epoch = int(stamp.timestamp()) if hasattr(stamp, "timestamp") else stamp
    return PatternSignal(
        PatternType.SILVER_BULLET,
        TradingDirection.BUY if bullish else TradingDirection.SELL,
        PatternConfidence.HIGH if strength >= 80 else PatternConfidence.MEDIUM,
        strength,
        stamp,
        symbol,
        timeframe,
        (level * 0.9999, level * 1.0001),
        stop,
        target,
        risk_reward_ratio=abs(target - level) / risk if risk > 0 else 1.0,
        probability=strength,
        narrative=pattern["narrative"],
        confluences=["break_of_structure"],
        invalidation_criteria="close beyond the stop",
        analysis_id=f"BOS_{symbol}_{epoch}",
    )


def min_break(timeframe: str, pip: float) -> float:
    """Return by how much a close must exceed a level to change character."""
    return pip * MIN_BREAK_PIPS.get(timeframe.upper(), OTHER_BREAK_PIPS)


def changes_of_character(
    hits: Hits, bars: Any, labels: Labels, timeframe: str, pip: float, window: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield the answer of ``_detect_choch_single_tf`` for each row of the rule."""
    names = ("bar", "change", "direction", "high", "previous_high", "low", "previous_low")
    for row in hits.rows(*names, "close", "level", "target"):
        bar, change, direction, high, previous_high, low, previous_low, close, level, target = row
        first = max(bar + 1 - window, 0) if window else 0
        ended, begun = ("BEARISH", "BULLISH") if direction > 0 else ("BULLISH", "BEARISH")
        yield {
            "detected": True,
            "direction": begun,
            "structure_type": f"CHOCH_{begun}",
            "confidence": min(95.0, 82.0 + min(8.0, abs(close - level) / pip / 2)),
            "break_level": level,
            "target_level": target,
            "trend_change": f"{ended} -> {begun}",
            "timeframe": timeframe,
            "timestamp": labels[change],
            "swing_data": {
                "last_high": labels.swing(high, float(bars.high[high]), first),
                "prev_high": labels.swing(previous_high, float(bars.high[previous_high]), first),
                "last_low": labels.swing(low, float(bars.low[low]), first),
                "prev_low": labels.swing(previous_low, float(bars.low[previous_low]), first),
                "current_price": close,
            },
            "narrative": f"{begun.lower()} close beyond {level:.5f} against the trend before",
        }


def combined_changes(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return how the changes of character of several timeframes, highest weight first, go together."""
    total = 0.0
    for timeframe, change in found.items():
        total += TIMEFRAME_WEIGHTS.get(timeframe, 0.1) * change["confidence"]
    best = max(found, key=lambda timeframe: TIMEFRAME_PRIORITIES.get(timeframe, 0), default=None)
    directions = {change["direction"] for change in found.values()}
    return {
        "detected": bool(found),
        "overall_confidence": max(0.0, min(100.0, total)),
        "primary_signal": None if best is None else found[best],
        "alignment_score": {0: 0.0, 1: 1.0, 2: 0.6}.get(len(directions), 0.3),
        "trend_change_confirmed": len(directions) == 1,
    }


def alignment(signals: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how far breaks of several timeframes point the same way; the first direction wins ties."""
    directions = [signal["direction"] for signal in signals]
    if not directions:
        return {
            "alignment": "NONE",
            "dominant_direction": "NEUTRAL",
            "alignment_ratio": 0.0,
            "score": 0.0,
            "confluences": [],
        }
    dominant = max(directions, key=directions.count)
    strengths = [signal["strength"] for signal in signals if signal["direction"] == dominant]
    share, mean = len(strengths) / len(directions), sum(strengths) / len(strengths)
    tests = (
        ("timeframe_alignment", share >= 0.67),
        ("multiple_signals", len(directions) >= 2),
        ("strong_signals", mean >= 75),
    )
    return {
        "alignment": "STRONG" if share >= 0.67 else "WEAK",
        "dominant_direction": dominant,
        "alignment_ratio": share,
        "score": share * mean / 100,
        "confluences": [name for name, holds in tests if holds],
    }


def bias_break(closes: Sequence[float], level: float, stamp: datetime) -> dict[str, Any] | None:
    """Return the mean of ten closes beside that of the ten before, put as a break of structure."""
    if len(closes) < 20:
        return None
    recent, before = sum(closes[-10:]) / 10, sum(closes[-20:-10]) / 10
    if recent == before:
        return None
    pattern = _break_pattern(1 if recent > before else -1, level, closes[-1], stamp)
    return pattern | {"narrative": "mean of ten closes beside the ten before", "bias": pattern["direction"]}
