"""Fractal ranges with the interface of the ICT Engine's ``ict_engine.fractal_analyzer_enterprise``.

Swings of three candles before and two after are rated by how far they stand out, by volume, trend and volatility; the
range spans the best swing high and the best swing low of the newest fifteen on each side.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 9.3: the strength looks 19 candles ahead, so that a swing can be told only then; a swing that is not the extreme of
  all 39 is dropped.
* 9.3: the confidence cannot exceed 0.55, so that every swing is ``RETAIL``.
* 9.4: what is called recency favours the oldest of the fifteen.
* 9.4: high and low are chosen apart, so that the high may lie below the low.
* 9.4: the confidence of a range is always 50, on a scale that else goes from 0 to 1, and every range is valid
  (``strict=True``: the mean of both swings, and the grade that it earns).
* 9.4: an index that has a time zone, or no times, gives the emergency range of a hundredth around the current price
  (``strict=True`` tells its age, or raises without times).
* 9.4: a pip is 0.0001 for every symbol, and the age of a range is counted from the host's clock.
* 9.1, 9.2: metrics, breaker, cache and pool are there and take no part in detection, and neither does a memory.

Differences, on purpose: missing columns and NaN raise a :class:`~ict_kernels.errors.CandleError` where the original
falls back on the emergency range (``tolerant=True`` lets NaN pass); the keys of
:meth:`~FractalAnalyzerEnterprise.analyze_fractal_confluence` and of the metrics are worded anew.

Examples
--------
>>> import pandas as pd
>>> high = [1.10, 1.11, 1.12, 1.15, 1.12, 1.11, 1.10, 1.09, 1.10, 1.11]
>>> candles = pd.DataFrame({"high": high, "close": high}, index=pd.date_range("2025-09-01", periods=10, freq="h"))
>>> candles["low"] = candles.high - 0.01
>>> found = FractalAnalyzerEnterprise("EURUSD", "H1").detect_fractal_with_memory(candles, 1.11)
>>> found.high, found.low, found.grade.value
(1.15, 1.08, 'C')
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from ...detectors.engine import Hits
from ...detectors.engine.fractals import FRACTALS
from ...detectors.engine.swings import SWINGS
from ._collaborators import Clock, Log, now
from ._fractal_helpers import CircuitBreaker, IntelligentCache, ObjectPool, PerformanceMetrics
from ._frames import read, times

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CircuitBreaker",
    "FractalAnalyzerEnterprise",
    "FractalGradeEnterprise",
    "FractalLevelsEnterprise",
    "FractalRangeEnterprise",
    "FractalStatusEnterprise",
    "IntelligentCache",
    "ObjectPool",
    "PerformanceMetrics",
    "SwingPointEnterprise",
    "create_fractal_analyzer_enterprise",
]

NEWEST = 15
FORCED_CONFIDENCE = 50.0
EMERGENCY_REACH = 0.01
PIPS = 10000


class FractalStatusEnterprise(Enum):
    """Where a range stands; only ``CALCULATED`` and, in an emergency, ``ACTIVE`` are assigned.

    Examples
    --------
    >>> FractalStatusEnterprise.CALCULATED.name
    'CALCULATED'
    """

    UNINITIALIZED = "UNINITIALIZED"
    CALCULATING = "CALCULATING"
    CALCULATED = "CALCULATED"
    VALIDATED = "VALIDATED"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    INVALIDATED = "INVALIDATED"
    MEMORY_ENHANCED = "MEMORY_ENHANCED"


class FractalGradeEnterprise(Enum):
    """How good a range is.

    Examples
    --------
    >>> FractalGradeEnterprise("A+").name
    'A_PLUS'
    """

    INSTITUTIONAL = "INSTITUTIONAL"
    A_PLUS = "A+"
    A = "A"
    B_PLUS = "B+"
    B = "B"
    C = "C"
    RETAIL = "RETAIL"


@dataclass
class SwingPointEnterprise:
    """One rated swing.

    Attributes
    ----------
    timestamp : datetime
        Label of the swing's candle.
    index : int
        Its position.
    swing_type : str
        ``HIGH`` or ``LOW``.
    strength : float
        Distance from the mean of the candles around, as a share of it, at most 0.2.
    confidence : float
        0 to 1.

    Examples
    --------
    >>> SwingPointEnterprise(1.1, datetime(2025, 9, 1), 3, "HIGH", 0.01, 0.3).institutional_classification
    'RETAIL'
    """

    price: float
    timestamp: Any
    index: int
    swing_type: str
    strength: float
    confidence: float
    confirmed: bool = False
    tests: int = 0
    memory_enhanced: bool = False
    institutional_classification: str = "RETAIL"
    multi_timeframe_validation: bool = False


@dataclass
class FractalRangeEnterprise:
    """The range between a swing high and a swing low.

    Attributes
    ----------
    high, low, eq : float
        Both ends and the middle.
    age_minutes : int
        Since the newer of both swings.
    range_size_pips : float
        In pips of 0.0001.

    Examples
    --------
    >>> moment = datetime(2025, 9, 1)
    >>> found = FractalRangeEnterprise(1.2, 1.1, 1.15, moment, moment, FractalStatusEnterprise.CALCULATED, 50.0,
    ...                                FractalGradeEnterprise.C, 30)
    >>> found.to_dict_enterprise()["grade"]
    'C'
    """

    high: float
    low: float
    eq: float
    high_timestamp: Any
    low_timestamp: Any
    status: FractalStatusEnterprise
    confidence: float
    grade: FractalGradeEnterprise
    age_minutes: int
    tests: int = 0
    valid: bool = False
    memory_enhanced: bool = False
    institutional_level: bool = False
    session_id: str = ""
    range_size_pips: float = 0.0
    volume_confirmation: float = 0.0
    multi_timeframe_strength: float = 0.0
    liquidity_level: str = "UNKNOWN"

    def to_dict_enterprise(self) -> dict[str, Any]:
        """Return the fields, with the values of enums and times in ISO form.

        Returns
        -------
        dict

        Examples
        --------
        >>> moment = datetime(2025, 9, 1)
        >>> found = FractalRangeEnterprise(1.2, 1.1, 1.15, moment, moment, FractalStatusEnterprise.ACTIVE, 50.0,
        ...                                FractalGradeEnterprise.C, 30)
        >>> found.to_dict_enterprise()["high_timestamp"]
        '2025-09-01T00:00:00'
        """
        return {name: _plain(value) for name, value in asdict(self).items()}


class FractalLevelsEnterprise(TypedDict):
    """The levels of the last range.

    Examples
    --------
    >>> sorted(FractalLevelsEnterprise.__annotations__)[:3]
    ['confidence', 'eq', 'grade']
    """

    high: float
    low: float
    eq: float
    confidence: float
    grade: str
    memory_enhanced: bool
    institutional_level: bool
    multi_timeframe_confirmed: bool


class FractalAnalyzerEnterprise:
    """Finds rated swings and the range between the best of them.

    Parameters
    ----------
    symbol, timeframe : str
        Noted in metrics.
    clock : callable, default ``datetime.now``
        The time now: the age of a range is counted from it.
    logger : object, optional
        The engine's logger, or one of the standard library. None by default.
    tolerant : bool, default False
        Let NaN pass: such candles are no swings, and means that meet them are not known.
    strict : bool, default False
        Leave the confidence on its scale and the grade as earned, and accept times with a zone.

    Attributes
    ----------
    left_bars, right_bars : int
        3 and 2; candles before and after that a swing exceeds. Read at each call, like the next.
    min_swing_strength : float
        0.000001
    current_fractal : FractalRangeEnterprise or None
        The last range.
    performance_metrics, circuit_breaker, cache, object_pool : object
        A :class:`PerformanceMetrics`, ``CircuitBreaker(5, 60)``, ``IntelligentCache(1000, 3600)`` and
        :class:`ObjectPool`, for the user; detection leaves them alone.

    Examples
    --------
    >>> FractalAnalyzerEnterprise().get_current_fractal_levels() is None
    True
    """

    def __init__(
        self,
        symbol: str = "EURUSD",
        timeframe: str = "M15",
        *,
        clock: Clock = now,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self.left_bars = 3
        self.right_bars = 2
        self.min_swing_strength = 1e-6
        self.current_fractal: FractalRangeEnterprise | None = None
        self.performance_metrics = PerformanceMetrics()
        self.circuit_breaker = CircuitBreaker(5, 60)
        self.cache = IntelligentCache(1000, 3600)
        self.object_pool = ObjectPool()
        self._detections = 0
        self._emergencies = 0
        self._clock = clock
        self._log = Log("fractals", logger)
        self._tolerant = tolerant
        self._strict = strict

    def detect_fractal_with_memory(self, df: pd.DataFrame, current_price: float) -> FractalRangeEnterprise:
        """Return the range between the best of the newest swings, and remember it.

        Parameters
        ----------
        df : DataFrame
            Columns ``high``, ``low``, ``close`` and, if known, ``volume``, and a DatetimeIndex. It is not modified.
        current_price : float
            Only the emergency range is built around it.

        Returns
        -------
        FractalRangeEnterprise
            The emergency range for an empty frame, or an index without times or with a time zone.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant; with
            ``strict=True`` also if there are no times.

        Examples
        --------
        >>> import pandas as pd
        >>> FractalAnalyzerEnterprise().detect_fractal_with_memory(pd.DataFrame(), 1.25).high
        1.26
        """
        self._detections += 1
        moment = self._clock()
        if not len(df) or not (self._strict or _has_naive_times(df)):
            self._emergencies += 1
            self._log.warning("the candles have no usable times; the range lies around the current price")
            found = _emergency(current_price, moment)
        else:
            found = self._range(df, moment)
        self.current_fractal = found
        return found

    def get_current_fractal_levels(self) -> FractalLevelsEnterprise | None:
        """Return the levels of the last range.

        Returns
        -------
        dict or None
            None before the first detection.

        Examples
        --------
        >>> import pandas as pd
        >>> analyzer = FractalAnalyzerEnterprise()
        >>> _ = analyzer.detect_fractal_with_memory(pd.DataFrame(), 1.25)
        >>> analyzer.get_current_fractal_levels()["grade"]
        'C'
        """
        found = self.current_fractal
        if found is None:
            return None
        return {
            "high": found.high,
            "low": found.low,
            "eq": found.eq,
            "confidence": found.confidence,
            "grade": found.grade.value,
            "memory_enhanced": found.memory_enhanced,
            "institutional_level": found.institutional_level,
            "multi_timeframe_confirmed": found.multi_timeframe_strength > 0.5,
        }

    def analyze_fractal_confluence(self, price_level: float, tolerance: float = 0.0005) -> dict[str, Any]:
        """Return which level of the last range a price is at: its middle, else its high, else its low.

        Parameters
        ----------
        price_level, tolerance : float
            Prices.

        Returns
        -------
        dict
            ``confluence``, ``type`` (``EQUILIBRIUM``, ``HIGH``, ``LOW`` or ``NONE``), ``level``, ``distance`` and
            ``confidence``.

        Examples
        --------
        >>> FractalAnalyzerEnterprise().analyze_fractal_confluence(1.1)["type"]
        'NONE'
        """
        found = self.current_fractal
        if found is not None:
            for kind, level in (("EQUILIBRIUM", found.eq), ("HIGH", found.high), ("LOW", found.low)):
                distance = abs(price_level - level)
                if distance <= tolerance:
                    return _confluence(kind, level, distance, found.confidence)
        return _confluence("NONE", None, None, 0.0)

    def get_performance_metrics(self) -> dict[str, Any]:
        """Return how often ranges were asked for.

        Returns
        -------
        dict
            ``symbol``, ``timeframe``, ``detections`` and ``emergencies``.

        Examples
        --------
        >>> FractalAnalyzerEnterprise().get_performance_metrics()["detections"]
        0
        """
        return {
            "symbol": self.symbol,
            "timeframe": self.timeframe,
            "detections": self._detections,
            "emergencies": self._emergencies,
        }

    def export_telemetry(self) -> dict[str, Any]:
        """Return the metrics with the time and the last range.

        Returns
        -------
        dict
            That of :meth:`get_performance_metrics` with ``timestamp`` and ``fractal``.

        Examples
        --------
        >>> FractalAnalyzerEnterprise().export_telemetry()["fractal"] is None
        True
        """
        found = self.current_fractal
        return {
            **self.get_performance_metrics(),
            "timestamp": self._clock().isoformat(),
            "fractal": None if found is None else found.to_dict_enterprise(),
        }

    def telemetry_hook(self, emitter: Callable[[dict[str, Any]], object]) -> None:
        """Hand the telemetry to a function.

        Parameters
        ----------
        emitter : callable
            Takes the dict of :meth:`export_telemetry`.

        Examples
        --------
        >>> told = []
        >>> FractalAnalyzerEnterprise().telemetry_hook(told.append)
        >>> told[0]["symbol"]
        'EURUSD'
        """
        emitter(self.export_telemetry())

    def events(self, df: pd.DataFrame) -> Hits:
        """Return all rated swings as columns only.

        Parameters
        ----------
        df : DataFrame
            Columns ``high``, ``low``, ``close`` and, if known, ``volume``. It is not modified.

        Returns
        -------
        Hits
            Columns ``bar``, ``confirmed``, ``side`` (1 high, -1 low), ``price``, ``strength``, ``confidence`` and
            what goes into it: ``volume``, ``trend`` and ``volatility``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.1, 1.1, 1.1, 1.2, 1.1, 1.1]})
        >>> candles["low"] = candles["close"] = 1.0
        >>> FractalAnalyzerEnterprise().events(candles).rows("bar", "side", "price").__next__()
        (3, 1, 1.2)
        """
        if len(df) < self.left_bars + self.right_bars + 1:
            return FRACTALS.hits([])
        bars = read(df, ("high", "low", "close"), volume=("volume",), tolerant=self._tolerant)
        return FRACTALS(
            bars, left=self.left_bars, right=self.right_bars, min_strength=self.min_swing_strength
        )

    def _detect_significant_swings_enterprise(
        self, df: pd.DataFrame
    ) -> tuple[list[SwingPointEnterprise], list[SwingPointEnterprise]]:
        """Return the rated swing highs and swing lows, oldest first."""
        hits = self.events(df)
        return _points(hits[hits.side > 0], df), _points(hits[hits.side < 0], df)

    def _range(self, df: pd.DataFrame, moment: datetime) -> FractalRangeEnterprise:
        labels = times(df, what="the age of a range") if self._strict else df.index
        highs, lows, fallback = self._candidates(df)
        if highs is None or lows is None:
            high, low = self._extremes(df)
        else:
            high, low = _best(highs, fallback), _best(lows, fallback)
        (high_bar, high_price, earned), (low_bar, low_price, also_earned) = high, low
        confidence = (earned + also_earned) / 2
        pips = abs(high_price - low_price) * PIPS
        grade = _grade(confidence, pips)
        if not self._strict:
            confidence = max(confidence, FORCED_CONFIDENCE)
            grade = FractalGradeEnterprise.C if grade is FractalGradeEnterprise.RETAIL else grade
        high_time, low_time = labels[high_bar], labels[low_bar]
        age = _aware(moment, labels) - max(high_time, low_time)
        return FractalRangeEnterprise(
            high_price,
            low_price,
            (high_price + low_price) / 2,
            high_time,
            low_time,
            FractalStatusEnterprise.CALCULATED,
            confidence,
            grade,
            int(age.total_seconds() / 60),
            valid=True,
            range_size_pips=pips,
        )

    def _candidates(self, df: pd.DataFrame) -> tuple[Hits | None, Hits | None, bool]:
        """Return the newest swings on each side, and whether those are the plain ones of the fallback."""
        hits = self.events(df)
        fallback = not ((hits.side > 0).any() and (hits.side < 0).any())
        if fallback:
            hits = SWINGS(read(df, ("high", "low"), tolerant=self._tolerant), left=5, right=5, ties=1)
        highs, lows = hits[hits.side > 0][-NEWEST:], hits[hits.side < 0][-NEWEST:]
        return (highs, lows, fallback) if len(highs) and len(lows) else (None, None, fallback)

    def _extremes(self, df: pd.DataFrame) -> tuple[tuple[int, float, float], tuple[int, float, float]]:
        bars = read(df, ("high", "low"), tolerant=self._tolerant)
        high, low = np.asarray(bars.high[:]), np.asarray(bars.low[:])
        high_bar = int(np.argmax(np.where(np.isnan(high), -np.inf, high)))
        low_bar = int(np.argmin(np.where(np.isnan(low), np.inf, low)))
        return (high_bar, float(high[high_bar]), 0.8), (low_bar, float(low[low_bar]), 0.8)


def create_fractal_analyzer_enterprise(symbol: str, timeframe: str) -> FractalAnalyzerEnterprise:
    """Return an analyzer with the defaults.

    Parameters
    ----------
    symbol, timeframe : str
        Noted in metrics.

    Returns
    -------
    FractalAnalyzerEnterprise

    Examples
    --------
    >>> create_fractal_analyzer_enterprise("EURUSD", "M15").symbol
    'EURUSD'
    """
    return FractalAnalyzerEnterprise(symbol, timeframe)


def _points(hits: Hits, df: pd.DataFrame) -> list[SwingPointEnterprise]:
    labels = df.index[hits.bar].tolist()
    rows = hits.rows("price", "bar", "side", "strength", "confidence")
    return [
        SwingPointEnterprise(
            price,
            label,
            bar,
            "HIGH" if side > 0 else "LOW",
            strength,
            confidence,
            institutional_classification=_classification(strength, confidence),
        )
        for label, (price, bar, side, strength, confidence) in zip(labels, rows, strict=True)
    ]


def _classification(strength: float, confidence: float) -> str:
    if confidence > 0.8 and strength > 0.05:
        return "INSTITUTIONAL"
    return "SEMI_INSTITUTIONAL" if confidence > 0.6 and strength > 0.02 else "RETAIL"


def _best(swings: Hits, fallback: bool) -> tuple[int, float, float]:
    """Return position, price and confidence of the best swing, the oldest of equals."""
    count = len(swings)
    strength, confidence = (0.01, 0.6) if fallback else (swings.strength, swings.confidence)
    score = 0.3 * (count - np.arange(count)) / count + 0.3 * strength / 0.2 + 0.3 * confidence + 0.1
    at = int(np.argmax(score))
    earned = 0.6 if fallback else float(swings.confidence[at])
    return int(swings.bar[at]), float(swings.price[at]), earned


def _grade(confidence: float, pips: float) -> FractalGradeEnterprise:
    if confidence >= 0.95 and pips >= 50:
        return FractalGradeEnterprise.INSTITUTIONAL
    for limit, grade in (
        (0.90, FractalGradeEnterprise.A_PLUS),
        (0.80, FractalGradeEnterprise.A),
        (0.75, FractalGradeEnterprise.B_PLUS),
        (0.70, FractalGradeEnterprise.B),
        (0.60, FractalGradeEnterprise.C),
    ):
        if confidence >= limit:
            return grade
    return FractalGradeEnterprise.RETAIL


def _has_naive_times(df: pd.DataFrame) -> bool:
    """Whether the original could subtract the index from the time now."""
    return getattr(df.index, "tz", 0) is None


def _aware(moment: datetime, labels: Any) -> datetime:
    """Return the time now in the zone of the labels."""
    return moment if labels.tz is None else moment.astimezone(labels.tz)


def _emergency(price: float, moment: datetime) -> FractalRangeEnterprise:
    return FractalRangeEnterprise(
        price + EMERGENCY_REACH,
        price - EMERGENCY_REACH,
        price,
        moment,
        moment,
        FractalStatusEnterprise.ACTIVE,
        FORCED_CONFIDENCE,
        FractalGradeEnterprise.C,
        0,
        valid=True,
        range_size_pips=2 * EMERGENCY_REACH * PIPS,
    )


def _confluence(kind: str, level: float | None, distance: float | None, confidence: float) -> dict[str, Any]:
    return {
        "confluence": kind != "NONE",
        "type": kind,
        "level": level,
        "distance": distance,
        "confidence": confidence,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if hasattr(value, "isoformat") else value
