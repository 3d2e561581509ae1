"""Patterns with the interface of the ICT Engine's ``ict_engine.pattern_detector``.

The dashboards' detector: two placeholders, the fair value gaps of :mod:`.fair_value_gaps`, and three private
detectors that only dashboards call.

Known defects of the original, reproduced here (section 4 of the interface notes):

* 4.2: a break of structure is reported for every frame of more than 15 rows, and a change of character for every one
  of 13 to 24, whatever the prices; their confidence is what the memory answers, as shipped always 0.9.
* 4.2: without a symbol in the configuration they claim to be GBPUSD and EURUSD.
* 4.3: the bonus by earlier changes of character counts from -20 to 20 and is added to a confidence from 0 to 1.
* 4.3: all of :mod:`.fair_value_gaps`.
* 4.4: only the first fifty candles of a frame, its oldest, can be order blocks, and ten blocks are enough.
* 4.5: the silver bullet looks at the local clock of the host and not at the candles.
* 4.5: there is no Judas swing.
* 4.1: ``patterns_detected`` grows with every call, and ``timestamp`` is the moment of detection.

``strict=True`` leaves the placeholders out, adds a hundredth of the bonus, looks for order blocks in the whole frame
without stopping at ten, and mends what a strict :class:`~.fair_value_gaps.FairValueGapDetector` mends.

Differences, on purpose: bad input raises instead of giving an empty list; nothing is printed, and patterns are stored
in a memory only if one that can store is handed in; ``enable_fvg_memory_persistence`` does nothing; what is in the
metadata beside the keys that the notes name, and the statistics, are worded anew.

Examples
--------
>>> import pandas as pd
>>> candles = pd.DataFrame({"open": 1.1, "high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020],
...                         "close": 1.1})
>>> [gap] = PatternDetector({"symbol": "EURUSD"}).detect_patterns(candles, "M15")
>>> gap.pattern_type, gap.entry_price, gap.metadata["direction"]
('FVG', 1.101, 'BULLISH')
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from ...detectors.engine import Hits
from ...detectors.engine.impulse_blocks import IMPULSE_BLOCKS
from ...detectors.engine.silver_bullet_turns import SILVER_BULLET_TURNS
from ._collaborators import ChochHistory, Clock, Log, MarketMemory, UnifiedMemory, now
from ._frames import OHLC, clock_minutes, read, times
from ._history import History, first_asked
from .fair_value_gaps import FairValueGapColumns, FairValueGapDetector, FVGStatus

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ICTPattern", "ICTPatternDetector", "PatternDetector"]

BLOCKS_LEAST, BLOCKS_FIRST, BLOCKS_STOP, BLOCKS_LATER, BLOCKS_LIMIT = 10, 5, 50, 2, 10
BULLET_LEAST = 20
CATEGORIES = ("RETAIL", "RETAIL_INSTITUTIONAL", "INSTITUTIONAL_MEDIUM", "INSTITUTIONAL_HIGH")

_DEFAULTS: dict[str, Any] = {
    "allow_fvg_placeholder_for_tests": False,
    "enable_fvg_memory_persistence": False,
}


@dataclass
class ICTPattern:
    """One pattern.

    Attributes
    ----------
    pattern_type : {"BOS", "CHoCH", "FVG"}
    entry_price : float
        The last close, or the middle of the gap.
    confidence : float
        0 to 1, plus the bonus.
    timestamp : datetime
        The moment of detection.
    choch_confidence_boost : float
        The bonus by earlier changes of character, -20 to 20.
    historical_success_rate : float
        Their share of successes in percent.

    Examples
    --------
    >>> ICTPattern("BOS", "M15", "EURUSD", 1.1, 0.9, datetime(2025, 9, 1), {}).choch_confidence_boost
    0.0
    """

    pattern_type: str
    timeframe: str
    symbol: str
    entry_price: float
    confidence: float
    timestamp: datetime
    metadata: dict[str, Any]
    choch_context: dict[str, Any] | None = None
    choch_confidence_boost: float = 0.0
    historical_success_rate: float = 0.0


class ICTPatternDetector:
    """Finds fair value gaps and, apart, order blocks and silver bullets.

    Parameters
    ----------
    config : dict, optional
        ``symbol``, and ``allow_fvg_placeholder_for_tests`` False.
    memory : MarketMemory, "fresh" or None, default "fresh"
        Rates the placeholders and, as for :class:`~.fair_value_gaps.FairValueGapDetector`, the gaps. ``"fresh"`` is
        the engine's memory as shipped. The ``store_pattern(pattern)`` of one that has it is called with every
        placeholder too.
    history : ChochHistory, optional
        Earlier changes of character, none by default.
    clock : callable, default the host's local time
        The time now.
    logger : object, optional
        Is told how many patterns were found.
    tolerant : bool, default False
        Let NaN pass.
    strict : bool, default False
        Mend what is listed above.

    Attributes
    ----------
    config : dict
        All settings.
    patterns_detected : list of ICTPattern
        Everything that :meth:`detect_patterns` ever returned.

    Examples
    --------
    >>> ICTPatternDetector().detect_patterns(None)
    []
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        memory: MarketMemory | Literal["fresh"] | None = "fresh",
        history: ChochHistory | None = None,
        clock: Clock = now,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.config: dict[str, Any] = _DEFAULTS | (config or {})
        self.patterns_detected: list[ICTPattern] = []
        self._gap_memory = memory
        self._memory = UnifiedMemory() if memory == "fresh" else memory
        self._choch_history = history or ChochHistory()
        self._clock = clock
        self._logger = logger
        self._log = Log("ict_pattern_detector", logger)
        self._tolerant = tolerant
        self._strict = strict
        self._calls = 0

    def detect_patterns(
        self, data: pd.DataFrame | Iterable[Any] | None, timeframe: str = "M15"
    ) -> list[ICTPattern]:
        """Return the placeholders that the frame's length calls for, and its fair value gaps.

        Parameters
        ----------
        data : DataFrame, iterable or None
            Columns ``high``, ``low`` and ``close``, oldest row first, or what makes such a frame.
        timeframe : str, default "M15"
            Noted in the records.

        Returns
        -------
        list of ICTPattern
            BOS, CHoCH, then gaps in order of the middle candle.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0].to_pandas()
        >>> patterns = ICTPatternDetector({"symbol": "EURUSD"}).detect_patterns(candles)
        >>> [pattern.pattern_type for pattern in patterns][:2]
        ['BOS', 'FVG']
        """
        if data is None:
            return []
        frame = _frame(data)
        self._calls += 1
        patterns = [
            *self._detect_bos_patterns(frame, timeframe),
            *self._detect_choch_patterns(frame, timeframe),
            *self._detect_fvg_patterns(frame, timeframe),
        ]
        self._log.debug(f"{len(patterns)} patterns on {timeframe}")
        return patterns

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN", *, window: int = 200
    ) -> History[dict[str, Any]]:
        """Return the silver bullets that a call at every candle would have found, with the clock at that candle.

        Parameters
        ----------
        candles : DataFrame
            Column ``close`` and times.
        symbol, timeframe : str, optional
            Noted in the records.
        window : int, default 200
            How many candles each call is given.

        Returns
        -------
        History
            Columns ``bar``, ``direction`` (1 or -1) and ``price``; the records are those of
            ``_detect_silver_bullet``.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
        >>> history = ICTPatternDetector().evaluate_history(candles, "EURUSD", "M15")
        >>> {record["type"] for record in history.records()}
        {'SILVER_BULLET'}
        """
        rows = len(candles)

        def build(hits: Hits) -> list[dict[str, Any]]:
            moments = times(candles)[hits.bar].to_pydatetime().tolist() if len(hits) else []
            return [
                _bullet(direction, price, symbol, timeframe, moment)
                for (direction, price), moment in zip(hits.rows("direction", "price"), moments, strict=True)
            ]

        if rows == 0:
            return History(SILVER_BULLET_TURNS.hits([]), build)
        minute = clock_minutes(times(candles, what="a history"))
        bars = read(candles, ("close",), tolerant=self._tolerant, minute=minute)
        return History(SILVER_BULLET_TURNS(bars, first_asked(rows, window), rows, window=window), build)

    def get_performance_stats(self) -> dict[str, Any]:
        """Return what has been found so far.

        Returns
        -------
        dict
            ``total_detections`` (calls), ``patterns_detected``, ``by_type`` and ``memory_enhanced``.

        Examples
        --------
        >>> ICTPatternDetector().get_performance_stats()["patterns_detected"]
        0
        """
        kinds = [pattern.pattern_type for pattern in self.patterns_detected]
        return {
            "total_detections": self._calls,
            "patterns_detected": len(kinds),
            "by_type": {kind: kinds.count(kind) for kind in ("BOS", "CHoCH", "FVG")},
            "memory_enhanced": self._memory is not None,
        }

    def _detect_bos_patterns(self, df: pd.DataFrame, timeframe: str) -> list[ICTPattern]:
        """Return a placeholder for a frame of more than 15 rows."""
        if self._strict or len(df) <= 15:
            return []
        return [self._placeholder("BOS", df, timeframe, "GBPUSD", 0.7)]

    def _detect_choch_patterns(self, df: pd.DataFrame, timeframe: str) -> list[ICTPattern]:
        """Return a placeholder for a frame of 13 to 24 rows."""
        if self._strict or not 12 < len(df) < 25:
            return []
        return [self._placeholder("CHoCH", df, timeframe, "EURUSD", 0.65)]

    def _placeholder(
        self, kind: str, df: pd.DataFrame, timeframe: str, symbol: str, confidence: float
    ) -> ICTPattern:
        symbol = self.config.get("symbol", symbol)
        price = self._last_close(df)
        description = {
            "pattern_type": kind,
            "symbol": symbol,
            "timeframe": timeframe,
            "entry_price": price,
            "confidence": confidence,
        }
        if self._memory is not None:
            rating = self._memory.assess_market_confidence(description)
            confidence = float(rating) if isinstance(rating, numbers.Real) else confidence
            store = getattr(self._memory, "store_pattern", None)
            if store is not None:
                store(description | {"confidence": confidence})
        memory_enhanced = {"memory_enhanced": self._memory is not None}
        pattern = ICTPattern(kind, timeframe, symbol, price, confidence, self._clock(), memory_enhanced)
        self.patterns_detected.append(pattern)
        return pattern

    def _last_close(self, df: pd.DataFrame) -> float:
        return float(read(df, ("close",), last=1, tolerant=self._tolerant).close[-1])

    def _detect_fvg_patterns(self, df: pd.DataFrame, timeframe: str) -> list[ICTPattern]:
        """Return a pattern for every gap of :class:`~.fair_value_gaps.FairValueGapDetector`."""
        if len(df) < 3:
            return []
        symbol, moment = self.config.get("symbol", "UNKNOWN"), self._clock()
        detector = FairValueGapDetector(
            memory=self._gap_memory,
            clock=lambda: moment,
            logger=self._logger,
            tolerant=self._tolerant,
            strict=self._strict,
        )
        gaps, _ = detector._detect(df, symbol, timeframe, moment, store=True)
        patterns = self._gap_patterns(gaps, symbol, timeframe, moment, detector.memory_enhanced)
        if not patterns and self._wants_placeholder(len(df)):
            price = self._last_close(df)
            patterns = [ICTPattern("FVG", timeframe, symbol, price, 0.6, moment, {"placeholder": True})]
        self.patterns_detected += patterns
        return patterns

    def _gap_patterns(
        self,
        gaps: FairValueGapColumns,
        symbol: str,
        timeframe: str,
        moment: datetime,
        memory_enhanced: bool,
    ) -> list[ICTPattern]:
        prefix, status = f"FVG_{symbol}_{timeframe}_{int(moment.timestamp())}_", FVGStatus.ACTIVE.value
        known = symbol != "UNKNOWN"
        earlier = known and bool(self._choch_history.similar(symbol, timeframe))
        patterns = []
        for number, candle, direction, top, bottom, pips, score, confidence, category in zip(
            gaps.number.tolist(),
            gaps.candle_index.tolist(),
            gaps.direction.tolist(),
            gaps.high_price.tolist(),
            gaps.low_price.tolist(),
            gaps.gap_pips.tolist(),
            gaps.score.tolist(),
            gaps.confidence.tolist(),
            gaps.classification.tolist(),
            strict=True,
        ):
            entry = (top + bottom) / 2
            metadata = {
                "gap_pips": pips,
                "direction": "BULLISH" if direction > 0 else "BEARISH",
                "gap_category": CATEGORIES[category],
                "memory_enhanced": memory_enhanced,
                "fvg_id": f"{prefix}{number + 1}",
                "status": status,
                "fill_percentage": 0.0,
                "score": score,
                "confidence_source": "detector" if confidence else "default",
                "candle_index": candle,
            }
            trust, boost, rate = confidence or 0.6, 0.0, 0.0
            if earlier:
                boost = self._choch_history.bonus(symbol, timeframe, entry)
                rate = self._choch_history.success_rate(symbol, timeframe, entry)
            if known:
                trust = self._boosted(trust, boost)
                metadata["choch_historical_bonus"] = boost
            patterns.append(
                ICTPattern("FVG", timeframe, symbol, entry, trust, moment, metadata, None, boost, rate)
            )
        return patterns

    def _boosted(self, confidence: float, bonus: float) -> float:
        if self._strict:
            return max(0.0, min(1.0, confidence + bonus / 100))
        return max(0.0, min(100.0, confidence + bonus))

    def _wants_placeholder(self, rows: int) -> bool:
        return bool(self.config["allow_fvg_placeholder_for_tests"]) and rows > 10 and rows % 4 == 2

    def _find_order_blocks(self, data: pd.DataFrame) -> list[dict[str, Any]]:
        """Return the first ten candles among the oldest fifty whose body is 1.5 times those of the five before.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low`` and ``close``, oldest row first; at least 10 rows.

        Returns
        -------
        list of dict
            Keys ``index``, ``type`` (``bullish`` or ``bearish``), ``high``, ``low``, ``open``, ``close``, ``strength``
            (45 to 90) and ``timestamp`` (the candle's label).
        """
        rows = len(data)
        if rows < BLOCKS_LEAST:
            return []
        looked_at = data if self._strict else data.iloc[: BLOCKS_STOP + BLOCKS_LATER]
        stop = rows if self._strict else BLOCKS_STOP
        bars = read(looked_at, OHLC, tolerant=self._tolerant)
        hits = IMPULSE_BLOCKS(bars, BLOCKS_FIRST, stop, lookback=5, later=BLOCKS_LATER, touch=0, still=1)
        hits = hits if self._strict else hits[:BLOCKS_LIMIT]
        labels = data.index[hits.bar].tolist()
        return [
            {
                "index": bar,
                "type": "bullish" if direction > 0 else "bearish",
                "high": top,
                "low": bottom,
                "open": float(bars.open[bar]),
                "close": float(bars.close[bar]),
                "strength": min(90.0, 30 * body / mean) if mean else 90.0,
                "timestamp": label,
            }
            for (bar, direction, top, bottom, body, mean), label in zip(
                hits.rows("bar", "direction", "top", "bottom", "body", "mean"), labels, strict=True
            )
        ]

    def _detect_silver_bullet(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[dict[str, Any]]:
        """Return one record if it is the hour and the last five closes run against the five before.

        Parameters
        ----------
        data : DataFrame
            Column ``close``, oldest row first; at least 20 rows.
        symbol, timeframe : str
            Noted in the record.

        Returns
        -------
        list of dict
            Keys ``type`` (``SILVER_BULLET``), ``direction`` (``BUY`` or ``SELL``, that of the last five closes),
            ``confidence`` 80, ``symbol``, ``timeframe``, ``entry_price`` (the last close) and ``timestamp`` (now).
        """
        if len(data) < BULLET_LEAST:
            return []
        moment = self._clock()
        minute = clock_minutes(moment, BULLET_LEAST)
        bars = read(data, ("close",), last=BULLET_LEAST, tolerant=self._tolerant, minute=minute)
        hits = SILVER_BULLET_TURNS(bars, BULLET_LEAST - 1, BULLET_LEAST, window=BULLET_LEAST)
        return [
            _bullet(direction, price, symbol, timeframe, moment)
            for direction, price in hits.rows("direction", "price")
        ]

    def _detect_judas_swing(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[dict[str, Any]]:
        """Return nothing, as the engine does."""
        return []


PatternDetector = ICTPatternDetector


def _frame(data: Any) -> pd.DataFrame:
    import pandas as pd

    return data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)


def _bullet(direction: int, price: float, symbol: str, timeframe: str, moment: datetime) -> dict[str, Any]:
    return {
        "type": "SILVER_BULLET",
        "direction": "BUY" if direction > 0 else "SELL",
        "confidence": 80.0,
        "symbol": symbol,
        "timeframe": timeframe,
        "entry_price": price,
        "timestamp": moment,
    }
