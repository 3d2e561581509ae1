"""Four detectors under one roof, with the interface of ``ict_engine.advanced_patterns.pattern_analyzer_enterprise``.

The analyzer asks for silver bullets, Judas swings, liquidity grabs and mitigated order blocks, ranks what they say and
recommends what to do.

Known defects of the original, reproduced here (section 7.6 of the interface notes):

* The direction of a signal is read from its type, so that every signal is dropped: the result is always empty, with
  no primary signal, sentiment ``NEUTRAL``, confidence 0, action ``NO_ACTION`` and risk ``HIGH``. The detectors are
  therefore not run at all; the candles are still checked.

``strict=True`` takes direction and target (``take_profit_1``) from the signals, asks strict detectors, and weighs:

* signals below ``min_confidence`` are dropped, as are those that neither buy nor sell;
* two or more in one direction with a mean confidence of ``confluence_threshold`` are a confluence, and the most
  confident one carries that mean;
* they are ranked by confidence times priority, plus a tenth of the confluence, plus 5 times reward to risk (at most
  20); the first is the primary signal, the next two are secondary;
* the overall confidence is the mean, plus 10 a confluence and 5 a type of pattern, at most 100;
* the risk is ``LOW`` from an overall confidence of 80 on, else ``MEDIUM``, and ``HIGH`` wherever reward to risk of the
  primary signal is below ``min_risk_reward`` (this rule is ours, as is ``conflict_analysis``).

Differences, on purpose: missing or non-numeric columns and NaN raise a :class:`~ict_kernels.errors.CandleError`, where
the original returns nothing. ``analysis_cache`` keeps the last result of each symbol and timeframe, but every call
analyzes anew. :meth:`PatternAnalyzerEnterprise.get_pattern_history` and
:meth:`PatternAnalyzerEnterprise.get_performance_metrics` know what this object found, nothing else.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=1000)[0].to_pandas()
>>> PatternAnalyzerEnterprise().analyze_patterns("EURUSD", "M15", candles).recommended_action
'NO_ACTION'
>>> history = PatternAnalyzerEnterprise(strict=True).evaluate_history(candles, "EURUSD", "M15")
>>> history.records()[0].primary_signal.confidence >= 65
True
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from ...detectors.engine import Hits
from ._collaborators import ChochHistory, Clock, Log, now, utc_now
from ._frames import OHLC, read
from ._history import History

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AnalysisResult",
    "ConfidenceLevel",
    "PatternAnalyzerEnterprise",
    "PatternSignal",
    "PatternType",
    "TradingDirection",
]

SOURCE = "pattern_analyzer_enterprise"
ROWS = 50
SECONDARY = 2
KEPT_SIGNALS = 1000


class PatternType(Enum):
    """What the four detectors look for.

    Examples
    --------
    >>> PatternType("judas_swing").name
    'JUDAS_SWING'
    """

    SILVER_BULLET = "silver_bullet"
    JUDAS_SWING = "judas_swing"
    LIQUIDITY_GRAB = "liquidity_grab"
    ORDER_BLOCK_MITIGATION = "order_block_mitigation"


class ConfidenceLevel(Enum):
    """The names of confidences: from 40, 70 and 85 on a higher one.

    Examples
    --------
    >>> [level.value for level in ConfidenceLevel]
    ['LOW', 'MEDIUM', 'HIGH', 'EXTREME']
    """

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    EXTREME = "EXTREME"


class TradingDirection(Enum):
    """Which way to trade.

    Examples
    --------
    >>> TradingDirection("sell")
    <TradingDirection.SELL: 'sell'>
    """

    BUY = "buy"
    SELL = "sell"


_METHODS = {
    PatternType.SILVER_BULLET: "detect_silver_bullet_patterns",
    PatternType.JUDAS_SWING: "detect_judas_swing_patterns",
    PatternType.LIQUIDITY_GRAB: "detect_liquidity_grab_patterns",
    PatternType.ORDER_BLOCK_MITIGATION: "detect_order_block_mitigation_patterns",
}
_DIRECTIONS = {direction.value: direction for direction in TradingDirection}


@dataclass
class PatternSignal:
    """A signal of one of the detectors.

    Attributes
    ----------
    confidence : float
        0 to 100.
    confluence_score : float
        The mean confidence of the confluence that this signal leads, else 0.
    risk_reward_ratio : float
        The way to the target over the way to the stop.
    pattern_metadata : dict
        ``detector_type``, what the detector calls the pattern, and ``narrative``.

    Examples
    --------
    >>> signal = PatternSignal(PatternType.JUDAS_SWING, TradingDirection.BUY, datetime(2025, 9, 1), "EURUSD", "M5",
    ...                        80.0, 1.1, 1.099, 1.103)
    >>> signal.to_dict()["signal_type"], signal.pattern_strength
    ('buy', 'MEDIUM')
    """

    pattern_type: PatternType
    signal_type: TradingDirection
    timestamp: datetime
    symbol: str
    timeframe: str
    confidence: float
    entry_price: float
    stop_loss: float
    take_profit: float
    confluence_score: float = 0.0
    risk_reward_ratio: float = 0.0
    pattern_strength: str = "MEDIUM"
    market_condition: str = "NORMAL"
    pattern_metadata: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, enums by value and the time in ISO format.

        Returns
        -------
        dict
        """
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}


@dataclass
class AnalysisResult:
    """What the signals say together.

    Attributes
    ----------
    primary_signal : PatternSignal or None
    secondary_signals, confluence_signals : list of PatternSignal
    conflict_analysis : dict
        ``buy_signals``, ``sell_signals``, ``has_conflict`` and ``resolution``; empty without signals.
    market_sentiment : {"NEUTRAL", "BULLISH", "BEARISH"}
    overall_confidence : float
        0 to 100.
    recommended_action : str
        ``NO_ACTION``, ``MONITOR``, ``BUY``, ``SELL``, ``STRONG_BUY`` or ``STRONG_SELL``.
    risk_assessment : {"HIGH", "MEDIUM", "LOW"}

    Examples
    --------
    >>> AnalysisResult().to_dict()["recommended_action"]
    'NO_ACTION'
    """

    primary_signal: PatternSignal | None = None
    secondary_signals: list[PatternSignal] = field(default_factory=list)
    confluence_signals: list[PatternSignal] = field(default_factory=list)
    conflict_analysis: dict[str, Any] = field(default_factory=dict)
    market_sentiment: str = "NEUTRAL"
    overall_confidence: float = 0.0
    recommended_action: str = "NO_ACTION"
    risk_assessment: str = "HIGH"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, signals as dicts.

        Returns
        -------
        dict
        """
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}


class PatternAnalyzerEnterprise:
    """Ranks what four detectors say about the last candle.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults: ``min_confidence`` 65, ``confluence_threshold`` 75, ``conflict_resolution``
        ``"highest_confidence"`` (there is no other), ``pattern_priorities`` by value of :class:`PatternType`,
        ``risk_filters``, of which only ``min_risk_reward`` matters, and ``performance_config``, which does not.
    clock, utc_clock : callable, default the host's
        Local time and UTC, for the detectors.
    history : ChochHistory, optional
        Earlier changes of character, for the detectors; none by default.
    logger : object, optional
        The engine's logger or one of the standard library; by default nothing is said.
    tolerant : bool, default False
        Let NaN pass.
    strict : bool, default False
        Take directions and targets from the signals, so that there are results.
    detectors : mapping of PatternType to object, optional
        Takes the place of strict detectors of one's own making.

    Attributes
    ----------
    config : dict
        All settings, defaults included; read at each call.
    analysis_cache : dict
        The last result by symbol and timeframe.

    Examples
    --------
    >>> import pandas as pd
    >>> PatternAnalyzerEnterprise().analyze_patterns("EURUSD", "M15", pd.DataFrame()).risk_assessment
    'HIGH'
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        clock: Clock = now,
        utc_clock: Clock = utc_now,
        history: ChochHistory | None = None,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
        detectors: Mapping[PatternType, Any] | None = None,
    ) -> None:
        self.config: dict[str, Any] = _defaults() | (config or {})
        self.analysis_cache: dict[tuple[str, str], AnalysisResult] = {}
        self._clock = clock
        self._utc_clock = utc_clock
        self._history = ChochHistory() if history is None else history
        self._log = Log(SOURCE, logger)
        self._tolerant = tolerant
        self._strict = strict
        self._own = None if detectors is None else dict(detectors)
        self._signals: deque[PatternSignal] = deque(maxlen=KEPT_SIGNALS)
        self._counts = dict.fromkeys(PatternType, 0)
        self._analyses = 0

    def analyze_patterns(
        self, symbol: str, timeframe: str, data: pd.DataFrame, advanced_analysis: bool = True
    ) -> AnalysisResult:
        """Return what the detectors' signals at the last candle say together.

        Parameters
        ----------
        symbol, timeframe : str
            Passed on to the detectors.
        data : DataFrame
            Columns ``open``, ``high``, ``low``, ``close`` and, if there is one, ``volume``; oldest row first.
        advanced_analysis : bool, default True
            Whether a strict analyzer looks for confluences.

        Returns
        -------
        AnalysisResult
            Empty for fewer than 50 rows, and always unless the analyzer is strict.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=3000)[0].to_pandas()
        >>> result = PatternAnalyzerEnterprise(strict=True).analyze_patterns("EURUSD", "M15", candles)
        >>> result.overall_confidence >= 0
        True
        """
        signals: list[PatternSignal] = []
        if len(data) >= ROWS:
            read(data, OHLC, last=ROWS, tolerant=self._tolerant)
            if self._strict:
                signals = self._detected(symbol, timeframe, data)
        result = self._weighed(signals, confluences=advanced_analysis)
        self._analyses += 1
        for signal in signals:
            self._counts[signal.pattern_type] += 1
        self._signals += signals
        self.analysis_cache[symbol, timeframe] = result
        self._log.debug(f"{symbol} {timeframe}: {len(signals)} signals, {result.recommended_action}")
        return result

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN", *, window: int = 200
    ) -> History[AnalysisResult]:
        """Return the results that calls at every candle would have had, the clocks being the candle's time.

        Parameters
        ----------
        candles : DataFrame
            As for :meth:`analyze_patterns`; a strict analyzer also needs a DatetimeIndex or a column ``time``.
        symbol, timeframe : str, optional
            Passed on to the detectors.
        window : int, default 200
            How many candles each call is given.

        Returns
        -------
        History
            The candles whose result is not empty, so none unless the analyzer is strict. Columns ``bar``, ``side``
            (1 buy, -1 sell) and ``confidence`` of the primary signal, ``signals`` (how many were weighed) and
            ``overall``.

        Raises
        ------
        CandleError
            As for :meth:`analyze_patterns`, and for candles without times.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=300)[0].to_pandas()
        >>> len(PatternAnalyzerEnterprise().evaluate_history(candles))
        0
        """
        by_bar: dict[int, list[PatternSignal]] = {}
        if min(len(candles), window) >= ROWS:
            read(candles, OHLC, tolerant=self._tolerant)
            if self._strict:
                by_bar = self._said(candles, symbol, timeframe, window)
        results: dict[int, AnalysisResult] = {}
        rows: list[tuple[int, int, int, float, float]] = []
        for bar, signals in sorted(by_bar.items()):
            result = self._weighed(signals)
            first = result.primary_signal
            if first is not None:
                results[bar] = result
                side = 1 if first.signal_type is TradingDirection.BUY else -1
                rows.append((bar, side, len(signals), first.confidence, result.overall_confidence))
        names = ("bar", "side", "signals", "confidence", "overall")
        kinds = (np.int64, np.int64, np.int64, np.float64, np.float64)
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        hits = {
            name: np.array(values, kind) for name, kind, values in zip(names, kinds, columns, strict=True)
        }
        return History(Hits(hits), lambda chosen: [results[bar] for bar in chosen.bar.tolist()])

    def get_pattern_history(self, symbol: str, timeframe: str, days: int = 7) -> list[PatternSignal]:
        """Return the signals that this object's calls weighed.

        Parameters
        ----------
        symbol, timeframe : str
        days : int, default 7
            How far back, from the clock's time.

        Returns
        -------
        list of PatternSignal
            Oldest call first; only the last 1,000 are kept.

        Examples
        --------
        >>> PatternAnalyzerEnterprise().get_pattern_history("EURUSD", "M15")
        []
        """
        wanted = [s for s in self._signals if (s.symbol, s.timeframe) == (symbol, timeframe)]
        earliest = self._clock() - timedelta(days=days)
        return [signal for signal in wanted if signal.timestamp >= earliest]

    def get_performance_metrics(self) -> dict[str, Any]:
        """Return counts of this object's calls.

        Returns
        -------
        dict
            ``total_analyses``, ``total_signals``, ``signals_by_pattern`` and ``cached_results``.

        Examples
        --------
        >>> PatternAnalyzerEnterprise().get_performance_metrics()["total_analyses"]
        0
        """
        return {
            "total_analyses": self._analyses,
            "total_signals": sum(self._counts.values()),
            "signals_by_pattern": {kind.value: count for kind, count in self._counts.items()},
            "cached_results": len(self.analysis_cache),
        }

    def _detectors(self) -> dict[PatternType, Any]:
        if self._own is None:
            self._own = self._made()
        return self._own

    def _made(self) -> dict[PatternType, Any]:
        # Only a strict analyzer needs the detectors.
        from .judas_swing_enterprise import JudasSwingDetectorEnterprise
        from .liquidity_grab_enterprise import LiquidityGrabDetectorEnterprise
        from .order_block_mitigation_enterprise import OrderBlockMitigationDetectorEnterprise
        from .silver_bullet_enterprise import SilverBulletDetectorEnterprise

        common: dict[str, Any] = {
            "clock": self._clock,
            "history": self._history,
            "tolerant": self._tolerant,
            "strict": True,
        }
        return {
            PatternType.SILVER_BULLET: SilverBulletDetectorEnterprise(**common),
            PatternType.JUDAS_SWING: JudasSwingDetectorEnterprise(**common, utc_clock=self._utc_clock),
            PatternType.LIQUIDITY_GRAB: LiquidityGrabDetectorEnterprise(**common),
            PatternType.ORDER_BLOCK_MITIGATION: OrderBlockMitigationDetectorEnterprise(**common),
        }

    def _detected(self, symbol: str, timeframe: str, data: pd.DataFrame) -> list[PatternSignal]:
        """Return what the detectors say about the last candle, in their order."""
        detectors = self._detectors()
        said = (
            (kind, signal)
            for kind, method in _METHODS.items()
            if kind in detectors
            for signal in getattr(detectors[kind], method)(data, symbol, timeframe)
        )
        return self._converted(said)

    def _said(
        self, candles: pd.DataFrame, symbol: str, timeframe: str, window: int
    ) -> dict[int, list[PatternSignal]]:
        """Return what the detectors would have said, by candle."""
        by_bar: dict[int, list[PatternSignal]] = {}
        detectors = self._detectors()
        for kind in _METHODS:
            if kind not in detectors:
                continue
            history = detectors[kind].evaluate_history(candles, symbol, timeframe, window=window)
            for bar, signal in zip(history.bar.tolist(), history.records(), strict=True):
                if bar >= ROWS - 1:
                    by_bar.setdefault(bar, []).extend(self._converted([(kind, signal)]))
        return by_bar

    def _converted(self, said: Iterable[tuple[PatternType, Any]]) -> list[PatternSignal]:
        """Return signals that buy or sell, and are sure enough, in one form."""
        return [
            _pattern_signal(kind, signal)
            for kind, signal in said
            if signal.direction.value in _DIRECTIONS and signal.confidence >= self.config["min_confidence"]
        ]

    def _weighed(self, signals: Sequence[PatternSignal], *, confluences: bool = True) -> AnalysisResult:
        if not signals:
            return AnalysisResult()
        leading = self._confluences(signals) if confluences else []
        primary, *others = sorted(signals, key=self._rank, reverse=True)
        kinds = {signal.pattern_type for signal in signals}
        overall = min(100.0, _mean_confidence(signals) + 10 * len(leading) + 5 * len(kinds))
        buys, sells = (_toward(signals, direction) for direction in TradingDirection)
        return AnalysisResult(
            primary,
            others[:SECONDARY],
            leading,
            {
                "buy_signals": len(buys),
                "sell_signals": len(sells),
                "has_conflict": bool(buys and sells),
                "resolution": self.config["conflict_resolution"],
            },
            _sentiment(buys, sells),
            overall,
            _action(overall, primary.signal_type),
            self._risk(overall, primary),
        )

    def _confluences(self, signals: Sequence[PatternSignal]) -> list[PatternSignal]:
        """Return the leading signal of each direction that several agree on; it notes their mean confidence."""
        leading = []
        for direction in TradingDirection:
            agreed = _toward(signals, direction)
            if len(agreed) < 2:
                continue
            mean = _mean_confidence(agreed)
            if mean >= self.config["confluence_threshold"]:
                best = max(agreed, key=lambda signal: signal.confidence)
                best.confluence_score = mean
                leading.append(best)
        return leading

    def _rank(self, signal: PatternSignal) -> float:
        priority = self.config["pattern_priorities"].get(signal.pattern_type.value, 1.0)
        reward = max(signal.risk_reward_ratio, 0.0)
        return float(signal.confidence * priority + 0.1 * signal.confluence_score + min(5 * reward, 20.0))

    def _risk(self, overall: float, primary: PatternSignal) -> str:
        if primary.risk_reward_ratio < self.config["risk_filters"]["min_risk_reward"]:
            return "HIGH"
        return "LOW" if overall >= 80 else "MEDIUM"


def _defaults() -> dict[str, Any]:
    return {
        "min_confidence": 65,
        "confluence_threshold": 75,
        "conflict_resolution": "highest_confidence",
        "pattern_priorities": dict(
            zip((kind.value for kind in PatternType), (1.0, 0.9, 0.8, 0.7), strict=True)
        ),
        "risk_filters": {"max_risk_per_trade": 2.0, "min_risk_reward": 1.5, "max_drawdown_limit": 5.0},
        "performance_config": {},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, PatternSignal):
        return value.to_dict()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _pattern_signal(kind: PatternType, signal: Any) -> PatternSignal:
    entry, stop, target = signal.entry_price, signal.stop_loss, signal.take_profit_1
    risk = abs(entry - stop)
    return PatternSignal(
        kind,
        _DIRECTIONS[signal.direction.value],
        signal.timestamp,
        signal.symbol,
        signal.timeframe,
        signal.confidence,
        entry,
        stop,
        target,
        risk_reward_ratio=abs(target - entry) / risk if risk > 0 else 0.0,
        pattern_strength=_strength(signal.confidence).value,
        pattern_metadata={"detector_type": signal.signal_type.value, "narrative": signal.narrative},
    )


def _strength(confidence: float) -> ConfidenceLevel:
    if confidence >= 85:
        return ConfidenceLevel.EXTREME
    if confidence >= 70:
        return ConfidenceLevel.HIGH
    return ConfidenceLevel.MEDIUM if confidence >= 40 else ConfidenceLevel.LOW


def _toward(signals: Sequence[PatternSignal], direction: TradingDirection) -> list[PatternSignal]:
    return [signal for signal in signals if signal.signal_type is direction]


def _mean_confidence(signals: Sequence[PatternSignal]) -> float:
    return sum(signal.confidence for signal in signals) / len(signals)


def _sentiment(buys: Sequence[PatternSignal], sells: Sequence[PatternSignal]) -> str:
    bought, sold = (sum(signal.confidence for signal in side) for side in (buys, sells))
    if len(buys) > len(sells) and bought > sold:
        return "BULLISH"
    if len(sells) > len(buys) and sold > bought:
        return "BEARISH"
    return "NEUTRAL"


def _action(overall: float, direction: TradingDirection) -> str:
    if overall >= 80:
        return f"STRONG_{direction.name}"
    if overall >= 65:
        return direction.name
    return "MONITOR" if overall >= 50 else "NO_ACTION"
