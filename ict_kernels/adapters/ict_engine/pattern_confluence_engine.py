"""Confluence of patterns with the interface of the ICT Engine's ``analysis.pattern_confluence_engine``.

Collects the patterns of a frame, weighs them by kind and says which side they favour.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 2: all of :mod:`.fair_value_gaps`.
* 8: only fair value gaps are collected; the collectors of order blocks and smart money are empty, although their
  kinds carry most of the weight.
* 8: the weight of a kind cancels out as long as there is one kind, so that ``overall_strength`` is the mean of
  score times confidence.
* 8: gaps that price has filled count like open ones.
* 8: ``conflicting_patterns`` is always empty; price target, stop and risk-reward are always None.
* 8: dominant and supporting "kinds" are lists of one entry a pattern, so that one kind stands in both many times.

Examples
--------
>>> import pandas as pd
>>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
>>> analysis = PatternConfluenceEngine().analyze_confluence(candles, "EURUSD", "M15")
>>> analysis.market_bias.name, analysis.overall_strength, analysis.recommended_action
('BULLISH', 76.0, 'BUY')
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from ._collaborators import Clock, MarketMemory, now
from .fair_value_gaps import FairValueGap, FairValueGapDetector

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ConfluenceAnalysis",
    "ConfluenceStrength",
    "MarketBias",
    "PatternConfluence",
    "PatternConfluenceEngine",
    "PatternType",
    "get_confluence_engine",
]

VERSION = "ict_kernels"


class ConfluenceStrength(Enum):
    """How strong a confluence is: from 31, 61 and 81 on of 100 it is more than weak.

    Examples
    --------
    >>> [strength.name for strength in ConfluenceStrength]
    ['WEAK', 'MODERATE', 'STRONG', 'EXTREME']
    """

    WEAK = "WEAK"
    MODERATE = "MODERATE"
    STRONG = "STRONG"
    EXTREME = "EXTREME"


class PatternType(Enum):
    """The kinds of patterns that are weighed; only the first is ever collected.

    Examples
    --------
    >>> PatternType.FVG.value
    'FAIR_VALUE_GAP'
    """

    FVG = "FAIR_VALUE_GAP"
    ORDER_BLOCK = "ORDER_BLOCK"
    SMART_MONEY = "SMART_MONEY"
    LIQUIDITY_SWEEP = "LIQUIDITY_SWEEP"
    BOS_CHOCH = "BOS_CHOCH"


class MarketBias(Enum):
    """The side that the patterns favour.

    Examples
    --------
    >>> MarketBias("CONFLICTED").name
    'CONFLICTED'
    """

    BULLISH = "BULLISH"
    BEARISH = "BEARISH"
    NEUTRAL = "NEUTRAL"
    CONFLICTED = "CONFLICTED"


@dataclass
class PatternConfluence:
    """One pattern as it enters the confluence.

    Attributes
    ----------
    confidence : float
        0 to 1.
    strength : float
        The pattern's own score, 0 to 100.
    price_level : float
        The middle of a gap.
    metadata : dict
        Of a gap ``gap_size_pips``, ``fill_percentage``, ``status`` and ``confluences``.

    Examples
    --------
    >>> pattern = PatternConfluence(PatternType.FVG, "1", 0.9, 70, "BULLISH", 1.1, "M15", datetime(2025, 9, 1))
    >>> pattern.metadata
    {}
    """

    pattern_type: PatternType
    pattern_id: str
    confidence: float
    strength: float
    direction: str
    price_level: float
    timeframe: str
    timestamp: datetime
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class ConfluenceAnalysis:
    """What the patterns of one frame say together.

    Attributes
    ----------
    overall_strength, decision_confidence : float
        0 to 100.
    dominant_patterns, supporting_patterns, conflicting_patterns : list of PatternType
    recommended_action : {"BUY", "SELL", "WAIT"}
    price_target, stop_loss, risk_reward_ratio : float or None
        Always None.
    metadata : dict
        Keys ``symbol``, ``timeframe``, ``pattern_count`` and ``engine_version``.

    Examples
    --------
    >>> import pandas as pd
    >>> PatternConfluenceEngine().analyze_confluence(pd.DataFrame(), "EURUSD", "M15").recommended_action
    'WAIT'
    """

    confluence_id: str
    overall_strength: float
    strength_level: ConfluenceStrength
    market_bias: MarketBias
    dominant_patterns: list[PatternType]
    supporting_patterns: list[PatternType]
    conflicting_patterns: list[PatternType]
    pattern_confluences: list[PatternConfluence]
    decision_confidence: float
    recommended_action: str
    price_target: float | None
    stop_loss: float | None
    risk_reward_ratio: float | None
    analysis_timestamp: datetime
    processing_time_ms: float
    metadata: dict[str, Any] = field(default_factory=dict)


WEIGHTS: dict[PatternType, float] = {
    PatternType.FVG: 0.25,
    PatternType.ORDER_BLOCK: 0.30,
    PatternType.SMART_MONEY: 0.25,
    PatternType.LIQUIDITY_SWEEP: 0.10,
    PatternType.BOS_CHOCH: 0.10,
}
_UP = frozenset({"BULLISH", "BUY", "UP"})
_DOWN = frozenset({"BEARISH", "SELL", "DOWN"})


class PatternConfluenceEngine:
    """Weighs the patterns of a frame against each other.

    Parameters
    ----------
    clock : callable, default the host's local time
        Stamps the analysis, and the gaps; with a memory it decides which gaps are doubtful.
    memory : MarketMemory, "fresh" or None, default "fresh"
        As :class:`~ict_kernels.adapters.ict_engine.fair_value_gaps.FairValueGapDetector` takes it.
    logger : object, optional
        ``warning(message, component)``, or a :class:`logging.Logger`.
    tolerant : bool, default False
        Let NaN prices pass.

    Attributes
    ----------
    pattern_weights : dict of PatternType to float
        Read at each call.

    Examples
    --------
    >>> PatternConfluenceEngine().pattern_weights[PatternType.ORDER_BLOCK]
    0.3
    """

    def __init__(
        self,
        *,
        clock: Clock = now,
        memory: MarketMemory | Literal["fresh"] | None = "fresh",
        logger: Any = None,
        tolerant: bool = False,
    ) -> None:
        self.pattern_weights = dict(WEIGHTS)
        self._clock = clock
        self._gaps = FairValueGapDetector(clock=clock, memory=memory, logger=logger, tolerant=tolerant)
        self._analyses = 0
        self._patterns = 0
        self._seconds = 0.0

    def analyze_confluence(self, candles: pd.DataFrame, symbol: str, timeframe: str) -> ConfluenceAnalysis:
        """Collect the patterns of a frame and weigh them.

        Parameters
        ----------
        candles : DataFrame
            Columns ``high`` and ``low``, oldest row first.
        symbol, timeframe : str
            Noted in the records.

        Returns
        -------
        ConfluenceAnalysis
            Of strength 0 and without a side when there are no patterns.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the engine is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.20, 1.19, 1.17], "low": [1.19, 1.17, 1.16]})
        >>> PatternConfluenceEngine().analyze_confluence(candles, "EURUSD", "H1").market_bias.value
        'BEARISH'
        """
        started = perf_counter()
        stamp = self._clock()
        gaps = self._gaps.detect_fair_value_gaps(candles, symbol, timeframe)
        patterns = [_of_gap(gap, timeframe) for gap in gaps]
        overall = self._overall_strength(patterns)
        bias = self._bias(patterns)
        kinds = self._kinds(patterns)
        dominant = max(1, len(kinds) // 3)
        elapsed = perf_counter() - started
        self._analyses += 1
        self._patterns += len(patterns)
        self._seconds += elapsed
        return ConfluenceAnalysis(
            confluence_id=f"CONF_{symbol}_{timeframe}_{int(stamp.timestamp())}",
            overall_strength=overall,
            strength_level=_level(overall),
            market_bias=bias,
            dominant_patterns=kinds[:dominant],
            supporting_patterns=kinds[dominant:],
            conflicting_patterns=[],
            pattern_confluences=patterns,
            decision_confidence=_decision(overall, patterns),
            recommended_action=_action(overall, bias),
            price_target=None,
            stop_loss=None,
            risk_reward_ratio=None,
            analysis_timestamp=stamp,
            processing_time_ms=elapsed * 1000,
            metadata={
                "symbol": symbol,
                "timeframe": timeframe,
                "pattern_count": len(patterns),
                "engine_version": VERSION,
            },
        )

    def get_session_stats(self) -> dict[str, Any]:
        """Return what this engine has done so far.

        Returns
        -------
        dict
            ``total_analyses``, ``total_patterns``, ``avg_patterns`` and ``avg_processing_time_ms``.

        Examples
        --------
        >>> PatternConfluenceEngine().get_session_stats()["total_analyses"]
        0
        """
        count = max(self._analyses, 1)
        return {
            "total_analyses": self._analyses,
            "total_patterns": self._patterns,
            "avg_patterns": self._patterns / count,
            "avg_processing_time_ms": self._seconds * 1000 / count,
        }

    def _overall_strength(self, patterns: list[PatternConfluence]) -> float:
        total = weights = 0.0
        for pattern in patterns:
            weight = self.pattern_weights[pattern.pattern_type]
            total += pattern.strength * pattern.confidence * weight
            weights += weight
        return max(0.0, min(100.0, total / weights)) if weights else 0.0

    def _bias(self, patterns: list[PatternConfluence]) -> MarketBias:
        bullish = bearish = 0.0
        for pattern in patterns:
            weight = self.pattern_weights[pattern.pattern_type] * pattern.confidence
            if pattern.direction in _UP:
                bullish += weight
            elif pattern.direction in _DOWN:
                bearish += weight
        if bullish + bearish == 0:
            return MarketBias.NEUTRAL
        ratio = abs(bullish - bearish) / (bullish + bearish)
        if ratio < 0.2:
            return MarketBias.CONFLICTED
        if ratio < 0.4:
            return MarketBias.NEUTRAL
        return MarketBias.BULLISH if bullish > bearish else MarketBias.BEARISH

    def _kinds(self, patterns: list[PatternConfluence]) -> list[PatternType]:
        """Return the pattern types, one a pattern, the weightiest pattern first."""
        ranked = sorted(
            patterns,
            key=lambda p: p.strength * p.confidence * self.pattern_weights[p.pattern_type],
            reverse=True,
        )
        return [pattern.pattern_type for pattern in ranked]


_shared_lock = threading.Lock()


def get_confluence_engine() -> PatternConfluenceEngine:
    """Return the engine that the whole process shares, made with the defaults on first use.

    Returns
    -------
    PatternConfluenceEngine

    Examples
    --------
    >>> get_confluence_engine() is get_confluence_engine()
    True
    """
    with _shared_lock:
        return _shared_engine()


@functools.cache
def _shared_engine() -> PatternConfluenceEngine:
    return PatternConfluenceEngine()


def _of_gap(gap: FairValueGap, timeframe: str) -> PatternConfluence:
    return PatternConfluence(
        PatternType.FVG,
        gap.fvg_id,
        gap.confidence,
        gap.score,
        gap.direction.value,
        (gap.high_price + gap.low_price) / 2,
        timeframe,
        gap.timestamp,
        {
            "gap_size_pips": gap.gap_pips,
            "fill_percentage": gap.fill_percentage,
            "status": gap.status.value,
            "confluences": gap.confluences,
        },
    )


def _level(overall: float) -> ConfluenceStrength:
    if overall >= 81:
        return ConfluenceStrength.EXTREME
    if overall >= 61:
        return ConfluenceStrength.STRONG
    return ConfluenceStrength.MODERATE if overall >= 31 else ConfluenceStrength.WEAK


def _decision(overall: float, patterns: list[PatternConfluence]) -> float:
    if not patterns:
        return 0.0
    kinds = len({pattern.pattern_type for pattern in patterns})
    return max(0.0, min(100.0, overall + min(20, 5 * len(patterns)) + min(15, 3 * kinds)))


def _action(overall: float, bias: MarketBias) -> str:
    if overall >= 60 and bias is MarketBias.BULLISH:
        return "BUY"
    if overall >= 60 and bias is MarketBias.BEARISH:
        return "SELL"
    return "WAIT"
