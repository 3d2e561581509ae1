"""Fair value gaps with the interface of the ICT Engine's ``smart_money_concepts.fair_value_gaps``.

A gap is three candles of which the outer two do not overlap. The detector finds, scores and classifies the
gaps of a frame, follows how far the price has filled them, and relates them to order blocks.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 2.2: gaps never expire: ``fvg_lifetime_hours`` and all settings but those of size, score and confidence change
  nothing.
* 2.3: a pip is 0.0001 for every symbol, so that gold and yen pairs are measured in the wrong unit.
* 2.3: the middle candle's body is not looked at, and gaps that are filled already or overlap are all
  returned.
* 2.3: ``candle_index`` counts from the cut when low-memory mode keeps only the last 1,000 rows.
* 2.4: ``m5_timing`` is always true, since the age of a gap is measured moments after it was made.
* 2.4: ``h4_confluence`` and ``m15_alignment`` are derived from the gap itself; no other timeframe is read.
* 2.4, 12.1: the memory as it is shipped rates everything alike, so that with it every gap has a confidence of 0.95,
  ``h4_confluence`` and a classification of ``INSTITUTIONAL_MEDIUM`` or ``INSTITUTIONAL_HIGH``.
* 2.4: with a memory, gaps below 5 pips vanish between 22:00 and 05:59, by the local clock of the host and not
  by the candle.
* 2.4: ``timestamp`` is the moment of detection, not the candle's time.
* 2.5: repeated calls collect the same gaps again in ``detected_fvgs``.
* 2.6: mitigation compares with the last close only, so that wicks and earlier candles do not count; the fill
  can shrink again but the status cannot.
* 2.1: ``FVGStatus.EXPIRED`` and ``detection_latency_ms`` are never set.

``strict=True`` measures pips by the symbol (0.01 if it ends in JPY, else 0.0001, so that gold stays as it is) and
counts ``candle_index`` from the start of the frame always.

Differences, on purpose: missing or non-numeric columns and NaN prices raise a
:class:`~ict_kernels.errors.CandleError` (``tolerant=True`` lets NaN pass), where the original logs an error
and returns what it has; the memory attached by default answers as the engine's does in the state in which it is
shipped, and keeps nothing; texts are worded anew.

Examples
--------
>>> import pandas as pd
>>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
>>> [gap] = FairValueGapDetector().detect_fair_value_gaps(candles, "EURUSD", "M15")
>>> gap.direction.name, gap.low_price, gap.high_price, gap.score
('BULLISH', 1.1, 1.102, 80)
"""

from __future__ import annotations

import functools
import itertools
import numbers
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits
from ...detectors.engine.gaps import GAPS
from ...errors import CandleError, ParameterError
from ._collaborators import Clock, Log, MarketMemory, UnifiedMemory, heavy_parts_wanted, now, pip_size
from ._frames import as_bars, column, read

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FVGDirection",
    "FVGStatus",
    "FairValueGap",
    "FairValueGapColumns",
    "FairValueGapDetector",
    "MarketMemory",
    "get_fvg_detector",
]

PIPS_PER_UNIT = 10000
LOW_MEMORY_ROWS = 1000
HISTORY_LENGTH = 1000
QUIET_HOURS = frozenset({22, 23, 0, 1, 2, 3, 4, 5})

_CONFLUENCES = ("price_imbalance", "gap_fill_probability")
_CLASSIFICATIONS = ("RETAIL", "RETAIL_INSTITUTIONAL", "INSTITUTIONAL_MEDIUM", "INSTITUTIONAL_HIGH")

_FLAG_CONFLUENCES = (
    "strong_historical_success",
    "h4_structure_confluence",
    "m15_alignment",
    "m5_timing_precision",
)
_TAGS = {
    flags: (*_CONFLUENCES, *itertools.compress(_FLAG_CONFLUENCES, flags))
    for flags in itertools.product((False, True), repeat=4)
}
_SIDES = {1: "Bullish", -1: "Bearish"}

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I8 = NDArray[np.int8]
Flags = NDArray[np.bool_]


class FVGDirection(Enum):
    """Which way the price left the gap behind.

    Examples
    --------
    >>> FVGDirection.BULLISH.value
    'BULLISH'
    """

    BULLISH = "BULLISH"
    BEARISH = "BEARISH"


class FVGStatus(Enum):
    """How far a gap has been filled; ``EXPIRED`` is never assigned.

    Examples
    --------
    >>> [status.name for status in FVGStatus]
    ['ACTIVE', 'PARTIAL_MITIGATION', 'FULLY_MITIGATED', 'EXPIRED']
    """

    ACTIVE = "ACTIVE"
    PARTIAL_MITIGATION = "PARTIAL_MITIGATION"
    FULLY_MITIGATED = "FULLY_MITIGATED"
    EXPIRED = "EXPIRED"


BULLISH, BEARISH, ACTIVE = FVGDirection.BULLISH, FVGDirection.BEARISH, FVGStatus.ACTIVE


@dataclass
class FairValueGap:
    """One gap, as the engine records it.

    Attributes
    ----------
    high_price, low_price : float
        The upper and the lower edge.
    gap_size, gap_pips : float
        The height of the gap as a price difference and in pips of 0.0001.
    score : int
        55 to 80 by default.
    timestamp : datetime
        The moment of detection.
    candle_index : int
        Position of the middle candle in the scanned frame.
    fill_percentage : float
        0 to 100, by the last close seen.
    institutional_classification : str or None
        ``INSTITUTIONAL_HIGH``, ``INSTITUTIONAL_MEDIUM``, ``RETAIL_INSTITUTIONAL`` or ``RETAIL``.
    metadata : dict
        Keys ``ready_for_multitf``, ``memory_enhanced``, ``multitimeframe_bonus`` and ``trader_insights``.

    Examples
    --------
    >>> gap = FairValueGap("FVG_1", FVGDirection.BULLISH, 1.102, 1.1, 0.002, 20.0, 80, 0.95,
    ...                    datetime(2025, 9, 1, 10, 30), "EURUSD", "M15", 1)
    >>> gap.status
    <FVGStatus.ACTIVE: 'ACTIVE'>
    """

    fvg_id: str
    direction: FVGDirection
    high_price: float
    low_price: float
    gap_size: float
    gap_pips: float
    score: int
    confidence: float
    timestamp: datetime
    symbol: str
    timeframe: str
    candle_index: int
    status: FVGStatus = FVGStatus.ACTIVE
    fill_percentage: float = 0.0
    mitigation_timestamp: datetime | None = None
    mitigation_speed_ms: float | None = None
    h4_confluence: bool = False
    m15_alignment: bool = False
    m5_timing: bool = False
    institutional_classification: str | None = None
    health_weighted_score: float | None = None
    detection_latency_ms: float = 0.0
    narrative: str = ""
    confluences: list[str] = field(default_factory=lambda: list(_CONFLUENCES))
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FairValueGapColumns:
    """Gaps as equally long arrays, one element a gap, in order of ``candle_index``.

    Attributes
    ----------
    number : int64 array
        Counts the gaps that passed the size filter from 0, those that a memory dropped included.
    direction : int8 array
        1 bullish, -1 bearish.
    strong_history : bool array
        Whether the memory rated similar gaps at 0.8 or more.
    classification : int64 array
        0 ``RETAIL`` to 3 ``INSTITUTIONAL_HIGH``.
    bonus : float64 array
        What the timeframe flags added to ``confidence``, before its upper limit of 0.95.

    Notes
    -----
    The other columns mean what the fields of the same name mean in :class:`FairValueGap`.

    Examples
    --------
    >>> import pandas as pd
    >>> candles = pd.DataFrame({"high": [1.10, 1.11, 1.13], "low": [1.09, 1.10, 1.12]})
    >>> columns = FairValueGapDetector().events(candles)
    >>> len(columns), columns.candle_index.tolist(), columns.direction.tolist()
    (1, [1], [1])
    """

    number: I64
    candle_index: I64
    direction: I8
    high_price: F64
    low_price: F64
    gap_size: F64
    gap_pips: F64
    score: I64
    confidence: F64
    strong_history: Flags
    h4_confluence: Flags
    m15_alignment: Flags
    m5_timing: Flags
    classification: I64
    bonus: F64

    def __len__(self) -> int:
        """Return the number of gaps."""
        return len(self.candle_index)


class FairValueGapDetector:
    """Finds, scores and follows fair value gaps.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults in :attr:`config`. Those that influence detection: ``min_gap_size_pips``
        3.0, ``base_score`` 55, ``max_gap_bonus`` 25, ``base_confidence`` 0.4, ``confidence_multiplier`` 0.05,
        ``max_confidence`` 0.9. A true ``low_mem``, like the environment variable ``ICT_LOW_MEM``, limits a
        scan to the last 1,000 rows in single precision.
    memory : MarketMemory, "fresh" or None, default "fresh"
        Rates gaps by history; drops doubtful ones and raises the confidence of the others. ``"fresh"`` is the
        engine's memory as shipped, which rates everything at 0.9; low-memory mode and the environment variable
        ``ICT_DISABLE_HEAVY_INIT=1`` leave it out, as does None. A memory may also have
        ``store_pattern(description)``; it is then called for every gap that the detector keeps, but never by
        :meth:`events`.
    clock : callable, default the host's local time
        The time now. It stamps records and, with a memory, decides which gaps are doubtful.
    logger : object, optional
        Takes what goes wrong in the memory: ``warning(message, component)``, or a :class:`logging.Logger`.
    tolerant : bool, default False
        Let NaN prices pass: comparisons with them are false, so that they never form an edge.
    strict : bool, default False
        Mend what is listed above as a defect and has one right answer.

    Attributes
    ----------
    config : dict
        All settings, defaults included; read at each call.
    detected_fvgs : dict
        The last 1,000 gaps by symbol, repeated detections included.
    session_stats : dict
        By symbol: ``total_fvgs``, ``bullish_fvgs``, ``bearish_fvgs`` and ``avg_confidence`` of the last scan
        that found any.
    detection_count : int
        Gaps that passed the size filter so far, those that the memory dropped included.
    low_mem : bool
        Whether low-memory mode is on.
    memory_enhanced : bool
        Whether a memory is attached.

    Notes
    -----
    :meth:`events` changes nothing and may be called from many threads; the other methods update the detector.

    Examples
    --------
    >>> import pandas as pd
    >>> detector = FairValueGapDetector({"min_gap_size_pips": 30})
    >>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
    >>> detector.detect_fair_value_gaps(candles, "EURUSD", "M15")
    []
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        memory: MarketMemory | Literal["fresh"] | None = "fresh",
        clock: Clock = now,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        overrides = dict(config or {})
        self.low_mem = bool(overrides.get("low_mem") or os.environ.get("ICT_LOW_MEM"))
        self.config: dict[str, Any] = _defaults(self.low_mem) | overrides
        self.detected_fvgs: dict[str, list[FairValueGap]] = {}
        self.session_stats: dict[str, dict[str, Any]] = {}
        self.detection_count = 0
        if memory == "fresh":
            memory = UnifiedMemory() if heavy_parts_wanted() and not self.low_mem else None
        self._memory = memory
        self._clock = clock
        self._log = Log("fair_value_gaps", logger)
        self._tolerant = tolerant
        self._strict = strict

    @property
    def memory_enhanced(self) -> bool:
        """Whether a memory is attached.

        Examples
        --------
        >>> FairValueGapDetector().memory_enhanced, FairValueGapDetector(memory=None).memory_enhanced
        (True, False)
        """
        return self._memory is not None

    def detect_fair_value_gaps(
        self, candles: pd.DataFrame, symbol: str, timeframe: str
    ) -> list[FairValueGap]:
        """Return the gaps of a frame, in order of the middle candle.

        Parameters
        ----------
        candles : DataFrame
            Columns ``high`` and ``low``, oldest row first. It is not modified.
        symbol, timeframe : str
            Noted in the records.

        Returns
        -------
        list of FairValueGap
            Empty for fewer than three rows.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.20, 1.19, 1.17], "low": [1.19, 1.17, 1.16]})
        >>> [gap] = FairValueGapDetector().detect_fair_value_gaps(candles, "EURUSD", "H1")
        >>> gap.direction.value, gap.candle_index, gap.institutional_classification
        ('BEARISH', 1, 'INSTITUTIONAL_HIGH')
        """
        now = self._clock()
        columns, created = self._detect(candles, symbol, timeframe, now, store=True)
        gaps = self._records(columns, symbol, timeframe, now)
        self.detection_count += created
        self._remember(symbol, gaps)
        return gaps

    def events(self, candles: pd.DataFrame, *, symbol: str = "", timeframe: str = "") -> FairValueGapColumns:
        """Return what :meth:`detect_fair_value_gaps` finds as columns, without building a record.

        Parameters
        ----------
        candles : DataFrame
            Columns ``high`` and ``low``, oldest row first.
        symbol, timeframe : str, optional
            What the memory, if there is one, is told about the gaps.

        Returns
        -------
        FairValueGapColumns

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.20, 1.19, 1.17], "low": [1.19, 1.17, 1.16]})
        >>> columns = FairValueGapDetector().events(candles)
        >>> columns.high_price.tolist(), columns.low_price.tolist()
        ([1.19], [1.17])
        """
        columns, _ = self._detect(candles, symbol, timeframe, self._clock(), store=False)
        return columns

    def update_fvg_mitigation(
        self, fvgs: list[FairValueGap], current_candles: pd.DataFrame
    ) -> list[FairValueGap]:
        """Update fill and status of the gaps by the last close.

        Parameters
        ----------
        fvgs : list of FairValueGap
            Updated in place; fully mitigated ones stay as they are.
        current_candles : DataFrame
            Only the last ``close`` is read. Without rows nothing changes.

        Returns
        -------
        list of FairValueGap
            The list that was passed.

        Raises
        ------
        CandleError
            If ``close`` is missing or its last value is NaN; a tolerant detector then changes nothing.

        Examples
        --------
        >>> import pandas as pd
        >>> detector = FairValueGapDetector()
        >>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
        >>> gaps = detector.detect_fair_value_gaps(candles, "EURUSD", "M15")
        >>> [gap] = detector.update_fvg_mitigation(gaps, pd.DataFrame({"close": [1.1010]}))
        >>> round(gap.fill_percentage, 6), gap.status.name
        (50.0, 'PARTIAL_MITIGATION')
        """
        if len(current_candles) == 0:
            return fvgs
        [price] = column(current_candles, "close", last=1, tolerant=True).tolist()
        if np.isnan(price):
            if self._tolerant:
                return fvgs
            raise CandleError("the last close is NaN; drop that row or set tolerant=True in the constructor")
        now = self._clock()
        for gap in fvgs:
            if gap.status is not FVGStatus.FULLY_MITIGATED:
                _fill(gap, price, now)
        return fvgs

    def analyze_fvg_orderblock_confluence(
        self, fvgs: list[FairValueGap], order_blocks: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Relate gaps to the order blocks around them.

        Parameters
        ----------
        fvgs : list of FairValueGap
            A gap with a strong match gets an ``order_block_<id>`` entry in its ``confluences``.
        order_blocks : list of dict
            Keys ``range_high``, ``range_low``, ``direction``, ``ob_id`` and ``confidence`` (0.5 if absent). A
            gap is near a block if their middles lie within three heights of the block; blocks without height
            are skipped.

        Returns
        -------
        dict
            ``total_confluences``, ``high_strength_confluences`` (0.7 and more),
            ``medium_strength_confluences`` (0.5 and more) and ``confluence_details``, one dict a pair.

        Raises
        ------
        ParameterError
            If a block lacks an edge of its range.

        Examples
        --------
        >>> import pandas as pd
        >>> detector = FairValueGapDetector()
        >>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
        >>> gaps = detector.detect_fair_value_gaps(candles, "EURUSD", "M15")
        >>> block = {"ob_id": "A", "range_high": 1.102, "range_low": 1.1, "direction": "bullish"}
        >>> result = detector.analyze_fvg_orderblock_confluence(gaps, [block])
        >>> result["high_strength_confluences"], gaps[0].confluences[-1]
        (1, 'order_block_A')
        """
        details: list[dict[str, Any]] = []
        for gap in fvgs:
            found = [_confluence(gap, block, at) for at, block in enumerate(order_blocks)]
            near = [detail for detail in found if detail]
            gap.confluences += [f"order_block_{d['ob_id']}" for d in near if d["confluence_strength"] >= 0.7]
            details += near
        strengths = [detail["confluence_strength"] for detail in details]
        return {
            "total_confluences": len(details),
            "high_strength_confluences": sum(strength >= 0.7 for strength in strengths),
            "medium_strength_confluences": sum(0.5 <= strength < 0.7 for strength in strengths),
            "confluence_details": details,
        }

    def get_session_stats(self) -> dict[str, Any]:
        """Return a copy of the counts so far.

        Returns
        -------
        dict
            ``detection_count``, ``memory_enhanced``, ``low_mem``, and ``symbols`` with :attr:`session_stats`.

        Examples
        --------
        >>> FairValueGapDetector().get_session_stats()["detection_count"]
        0
        """
        return {
            "detection_count": self.detection_count,
            "memory_enhanced": self.memory_enhanced,
            "low_mem": self.low_mem,
            "symbols": {symbol: dict(stats) for symbol, stats in self.session_stats.items()},
        }

    def _detect(
        self, candles: pd.DataFrame, symbol: str, timeframe: str, now: datetime, *, store: bool
    ) -> tuple[FairValueGapColumns, int]:
        """Return the gaps that are kept and the number of those that passed the size filter."""
        found = self._scored(*self._scanned(candles), 1 / pip_size(symbol) if self._strict else PIPS_PER_UNIT)
        created = len(found.number)
        if self._memory is None:
            return _columns(found, np.zeros(created, dtype=np.bool_)), created
        kept, strong_history = self._weighed(self._memory, found, symbol, timeframe, now, store=store)
        return _columns(kept, strong_history), created

    def _scanned(self, candles: pd.DataFrame) -> tuple[Hits, int]:
        """Return every gap, and how many rows were cut off before the scan."""
        if len(candles) < 3:
            return GAPS(as_bars()), 0
        bars, cut = read(candles, ("high", "low"), tolerant=self._tolerant), 0
        if self.low_mem and len(candles) > LOW_MEMORY_ROWS:
            high, low = (_single_precision(prices[-LOW_MEMORY_ROWS:]) for prices in (bars.high, bars.low))
            bars, cut = as_bars(high=high, low=low), len(candles) - LOW_MEMORY_ROWS
        return GAPS(bars), cut if self._strict else 0

    def _scored(self, hits: Hits, cut: int, pips_per_unit: float) -> _Found:
        """Measure and score the gaps that are large enough."""
        size = hits.top - hits.bottom
        pips = size * pips_per_unit
        large = pips >= self._setting("min_gap_size_pips")
        hits, size, pips = hits[large], size[large], pips[large]
        bonus = np.minimum(2 * pips, self._setting("max_gap_bonus"))
        score = np.trunc(self._setting("base_score") + bonus).astype(np.int64)
        gain = np.minimum(pips * self._setting("confidence_multiplier"), 0.4)
        confidence = np.minimum(self._setting("base_confidence") + gain, self._setting("max_confidence"))
        return _Found(
            np.arange(len(pips), dtype=np.int64),
            hits.bar + cut,
            hits.direction.astype(np.int8),
            hits.top,
            hits.bottom,
            size,
            pips,
            score,
            confidence,
        )

    def _setting(self, name: str) -> float:
        value = self.config[name]
        if not isinstance(value, numbers.Real):
            raise ParameterError(f"config[{name!r}] is {value!r}; give the detector a number")
        return float(value)

    def _weighed(
        self, memory: MarketMemory, found: _Found, symbol: str, timeframe: str, now: datetime, *, store: bool
    ) -> tuple[_Found, Flags]:
        """Return the gaps that the memory does not doubt, and which of them it rates highly."""
        if type(memory) is UnifiedMemory:
            # It says the same of all gaps and learns nothing, so that all of them are weighed at once.
            ratings = np.full(len(found.number), memory.assess_market_confidence({}))
            keep = _doubt(found.gap_pips, ratings, now.hour) < 0.5
            confidence = _remembered_confidence(found.confidence, found.gap_pips, ratings, 0.8)
        else:
            ratings, keep, confidence = self._asked(memory, found, symbol, timeframe, now, store=store)
        kept = _Found._make(values[keep] for values in found._replace(confidence=confidence))
        return kept, ratings[keep] >= 0.8

    def _asked(
        self, memory: MarketMemory, found: _Found, symbol: str, timeframe: str, now: datetime, *, store: bool
    ) -> tuple[F64, Flags, F64]:
        """Ask the memory about one gap after the other: rating, whether to keep it, confidence."""
        keep = np.zeros(len(found.number), dtype=np.bool_)
        ratings, confidence = np.zeros(len(keep)), found.confidence.copy()
        for at, description in enumerate(_descriptions(found, symbol, timeframe)):
            ratings[at], trust = self._rating(memory, description)
            pips = found.gap_pips[at : at + 1]
            keep[at] = _doubt(pips, ratings[at : at + 1], now.hour)[0] < 0.5
            confidence[at] = _remembered_confidence(
                found.confidence[at : at + 1], pips, ratings[at : at + 1], trust
            )[0]
            # Stored one by one, since a memory that learns may rate the next gap by this one.
            if store and keep[at]:
                self._store(memory, description | {"confidence": float(confidence[at])})
        return ratings, keep, confidence

    def _rating(self, memory: MarketMemory, description: dict[str, Any]) -> tuple[float, float]:
        """Return the memory's rating and how far it is trusted."""
        try:
            rating = memory.assess_market_confidence(description)
        except Exception as error:  # noqa: BLE001 (a memory that is handed in may raise anything)
            self._log.warning(f"the memory could not rate a gap, which counts as neutral: {error!r}")
            return 0.5, 0.5
        return (float(rating) if isinstance(rating, numbers.Real) else 0.5), 0.8

    def _store(self, memory: MarketMemory, description: dict[str, Any]) -> None:
        store = getattr(memory, "store_pattern", None)
        if store is None:
            return
        try:
            store(description)
        except Exception as error:  # noqa: BLE001 (a memory that is handed in may raise anything)
            self._log.warning(f"the memory could not store a gap: {error!r}")

    def _records(
        self, columns: FairValueGapColumns, symbol: str, timeframe: str, now: datetime
    ) -> list[FairValueGap]:
        origin = _Origin(
            symbol, timeframe, now, int(now.timestamp()), self.detection_count, self.memory_enhanced
        )
        lists = (getattr(columns, entry.name).tolist() for entry in fields(columns))
        return _built(origin, zip(*lists, strict=True))

    def _remember(self, symbol: str, gaps: list[FairValueGap]) -> None:
        history = self.detected_fvgs.setdefault(symbol, [])
        history += gaps
        del history[:-HISTORY_LENGTH]
        if not gaps:
            return
        bullish = sum(gap.direction is FVGDirection.BULLISH for gap in gaps)
        counts = {"total_fvgs": len(gaps), "bullish_fvgs": bullish, "bearish_fvgs": len(gaps) - bullish}
        stats = self.session_stats.setdefault(symbol, dict.fromkeys(counts, 0))
        for name, count in counts.items():
            stats[name] += count
        stats["avg_confidence"] = sum(gap.confidence for gap in gaps) / len(gaps)


_shared_lock = threading.Lock()


def get_fvg_detector() -> FairValueGapDetector:
    """Return the detector that the whole process shares, made with the defaults on first use.

    Returns
    -------
    FairValueGapDetector

    Examples
    --------
    >>> get_fvg_detector() is get_fvg_detector()
    True
    """
    # Without the lock, two threads that come first at once would get one detector each.
    with _shared_lock:
        return _shared_detector()


@functools.cache
def _shared_detector() -> FairValueGapDetector:
    return FairValueGapDetector()


class _Found(NamedTuple):
    """Gaps that are large enough, one element a gap."""

    number: I64
    candle_index: I64
    direction: I8
    high_price: F64
    low_price: F64
    gap_size: F64
    gap_pips: F64
    score: I64
    confidence: F64


class _Origin(NamedTuple):
    """What all records of one scan have in common."""

    symbol: str
    timeframe: str
    now: datetime
    unix_seconds: int
    earlier: int
    memory_enhanced: bool


def _defaults(low_mem: bool) -> dict[str, Any]:
    quick = os.environ.get("ICT_QUICK_TEST_MODE") == "1"
    return {
        "min_gap_size_pips": 3.0,
        "base_score": 55,
        "max_gap_bonus": 25,
        "base_confidence": 0.4,
        "confidence_multiplier": 0.05,
        "max_confidence": 0.9,
        "fvg_lifetime_hours": 24,
        "enterprise_latency_target": 50.0,
        "max_symbols_concurrent": 2 if quick else 5 if low_mem else 20,
        "symbol_memory_cleanup_hours": 24 if low_mem else 48,
        "max_historical_fvgs": 50 if low_mem else 200,
    }


def _single_precision(column: F64) -> F64:
    """Round to single precision, as low-memory mode keeps its prices."""
    return column.astype(np.float32).astype(np.float64)


def _columns(found: _Found, strong_history: Flags) -> FairValueGapColumns:
    """Add the timeframe flags and the classification, all derived from the gap itself."""
    pips, score, confidence = found.gap_pips, found.score, found.confidence
    h4 = (pips >= 20) | (confidence >= 0.8)
    m15 = ((pips >= 10) & (pips <= 30)) | (score >= 70)
    m5 = np.ones(len(pips), dtype=np.bool_)
    bonus = 0.15 * h4 + 0.10 * m15 + 0.05 * m5
    points = np.select([pips >= 25, pips >= 15, pips >= 10], [3, 2, 1], 0)
    points += 2 * (confidence >= 0.8) + 2 * (score >= 75) + 2 * strong_history
    classification = np.searchsorted((2, 4, 6), points, side="right").astype(np.int64)
    boosted = found._replace(confidence=np.minimum(confidence + bonus, 0.95))
    return FairValueGapColumns(*boosted, strong_history, h4, m15, m5, classification, bonus)


def _descriptions(found: _Found, symbol: str, timeframe: str) -> Iterator[dict[str, Any]]:
    """Describe each gap to the memory."""
    common = {"pattern_type": "FVG", "symbol": symbol, "timeframe": timeframe}
    for row in zip(*(values.tolist() for values in found), strict=True):
        description = dict(zip(found._fields, row, strict=True))
        yield common | description | {"direction": _direction(description["direction"]).value}


def _doubt(gap_pips: F64, rating: F64, hour: int) -> F64:
    """Return how likely each gap is a false positive; one from 0.5 on is dropped."""
    doubt = np.where(gap_pips < 5, 0.3, np.where(gap_pips > 50, 0.2, 0.0))
    doubt += np.where(rating < 0.3, 0.4, 0.0)
    if hour in QUIET_HOURS:
        doubt += 0.2
    return doubt


def _remembered_confidence(confidence: F64, gap_pips: F64, rating: F64, trust: float) -> F64:
    history = np.where(rating >= 0.7, 0.20, np.where(rating >= 0.6, 0.10, 0.0))
    large = np.where(gap_pips >= 10, 0.05, 0.0)
    raised = np.minimum(0.95, confidence + history + 0.15 * trust + 0.10 + large)
    return np.where(raised > confidence, raised, confidence + 0.05)


def _direction(sign: int) -> FVGDirection:
    return FVGDirection.BULLISH if sign > 0 else FVGDirection.BEARISH


def _built(origin: _Origin, rows: Iterable[tuple[Any, ...]]) -> list[FairValueGap]:
    """Build all records in one pass; by position, since naming 25 fields costs as much as filling them."""
    symbol, timeframe, now, remembers = origin.symbol, origin.timeframe, origin.now, origin.memory_enhanced
    prefix = f"FVG_{symbol}_{timeframe}_{origin.unix_seconds}_"
    first = origin.earlier + 1
    gaps = []
    # fmt: off
    for (number, candle_index, direction, top, bottom, size, pips, score, confidence, strong, h4, m15, m5,
         classification, bonus) in rows:
        gaps.append(FairValueGap(
            f"{prefix}{first + number}", BULLISH if direction > 0 else BEARISH, top, bottom, size, pips, score,
            confidence, now, symbol, timeframe, candle_index, ACTIVE, 0.0, None, None, h4, m15, m5,
            _CLASSIFICATIONS[classification], score, 0.0, f"{_SIDES[direction]} gap of {pips:.1f} pips on {symbol}",
            [*_TAGS[strong, h4, m15, m5]],
            {
                "ready_for_multitf": True,
                "memory_enhanced": remembers,
                "multitimeframe_bonus": bonus,
                "trader_insights": {"strong_history": strong} if remembers else {},
            },
        ))
    # fmt: on
    return gaps


def _fill(gap: FairValueGap, price: float, now: datetime) -> None:
    """Set the fill that a close at ``price`` means, and raise the status accordingly."""
    if gap.direction is FVGDirection.BULLISH:
        full, untouched, depth = price <= gap.low_price, price >= gap.high_price, gap.high_price - price
    else:
        full, untouched, depth = price >= gap.high_price, price <= gap.low_price, price - gap.low_price
    fill = 100.0 if full else 0.0 if untouched else depth / gap.gap_size * 100
    gap.fill_percentage = min(max(fill, 0.0), 100.0)
    if fill >= 100:
        gap.status = FVGStatus.FULLY_MITIGATED
        gap.mitigation_timestamp = now
        gap.mitigation_speed_ms = (now - gap.timestamp).total_seconds() * 1000
    elif fill > 25 and gap.status is FVGStatus.ACTIVE:
        gap.status = FVGStatus.PARTIAL_MITIGATION


def _confluence(gap: FairValueGap, block: dict[str, Any], at: int) -> dict[str, Any] | None:
    """Return how gap and block support each other, or None if they are too far apart."""
    try:
        high, low = float(block["range_high"]), float(block["range_low"])
    except KeyError as error:
        raise ParameterError(
            f"order_blocks[{at}] has no key {error}; give it range_high and range_low"
        ) from None
    reach = 3 * (high - low)
    distance = abs((gap.high_price + gap.low_price) / 2 - (high + low) / 2)
    if reach == 0 or distance > reach:
        return None
    aligned = (gap.direction is FVGDirection.BULLISH) == (
        str(block.get("direction", "")).upper() == "BULLISH"
    )
    confidence = float(block.get("confidence", 0.5))
    strength = (1 - distance / reach) * (1.5 if aligned else 0.8) * (gap.confidence + confidence) / 2
    return {
        "fvg_id": gap.fvg_id,
        "ob_id": block.get("ob_id"),
        "distance": distance,
        "directional_alignment": aligned,
        "confluence_strength": strength,
        "combined_confidence": min(gap.confidence + 0.2 * confidence, 0.95),
    }
