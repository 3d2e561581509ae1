"""Market structure with the interface of the ICT Engine's ``analysis.market_structure_analyzer``.

The analyzer compares the last two swing highs and swing lows, weighs momentum and volume, and notes whether there are
fair value gaps and order blocks. Its public method fetches its own candles from a data manager; the detection methods
take a frame.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 6.4: structure is read off four swings alone; the price need not break anything.
* 6.4: the bearish change of character needs two swing highs of exactly the same price: a higher high with a lower low
  is always a bullish one.
* 6.4: candles that close where they opened count as bearish momentum.
* 6.5: the confluence of timeframes reads no candle: it is a constant by structure and by the timeframes there are.
* 6.6: gaps are never followed up; calls collect them again in ``detected_fvgs``, of which the last 20 stay.
* 6.7: the threshold of an order block is so low that nearly every candidate is one; ``origin_candle`` counts within
  the last 20 candles (``strict=True``: within the frame). The last 10 stay in ``detected_order_blocks``.
* 6.1: ``timestamp`` of gaps, blocks and signals is the moment of detection.
* 6.2: ``structure_lookback`` and ``enable_cache`` are not used.

Differences, on purpose: candles are fetched only from a data manager that is handed in or that a running engine has;
missing columns and NaN raise a :class:`~ict_kernels.errors.CandleError` (``tolerant=True`` lets NaN pass: it then
disqualifies no swing and counts as one); the keys of state and metrics are worded anew.

Examples
--------
>>> import pandas as pd
>>> high = [1.10, 1.11, 1.12, 1.13, 1.14, 1.15, 1.14, 1.13, 1.12, 1.11, 1.10]
>>> candles = pd.DataFrame({"open": 1.1, "high": high, "low": high, "close": 1.1})
>>> highs, lows = MarketStructureAnalyzer()._detect_swing_points(candles)
>>> [(swing.index, swing.price) for swing in highs], lows
([(5, 1.15)], [])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from ...detectors.engine import Hits
from ...detectors.engine.gaps import GAPS
from ...detectors.engine.reactions import REACTIONS
from ...detectors.engine.swings import SWINGS
from ...errors import ParameterError
from ._collaborators import Clock, Log, engine_data_manager, now
from ._frames import OHLC, read
from ._history import History, first_asked

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FVGType",
    "FairValueGap",
    "MarketStructureAnalyzer",
    "MarketStructureSignal",
    "OrderBlock",
    "OrderBlockType",
    "StructureType",
    "SwingPoint",
    "TradingDirection",
    "get_market_structure_analyzer",
]

FEWEST = 50
KEPT_GAPS = 20
KEPT_BLOCKS = 10
KEPT_SIGNALS = 50
BLOCK_WINDOW = 20
MIN_STRUCTURE = 0.5

_DEFAULTS: dict[str, Any] = {
    "min_confidence": 55.0,
    "structure_lookback": 50,
    "swing_window": 5,
    "fvg_min_gap": 0.0003,
    "ob_reaction_threshold": 0.001,
    "structure_weight": 0.60,
    "momentum_weight": 0.15,
    "volume_weight": 0.15,
    "confluence_weight": 0.10,
    "enable_debug": True,
    "use_multi_timeframe": True,
    "enable_cache": True,
}
_FACTORY: dict[str, Any] = {"min_confidence": 70.0, "fvg_min_gap": 0.0005}

_MINUTES = {
    "M1": 1, "M5": 5, "M15": 15, "M30": 30, "H1": 60, "H4": 240, "D1": 1440, "W1": 10080, "MN1": 43200,
}  # fmt: skip
_RELATED = {
    "M1": ("M5", "M15", "M30"),
    "M5": ("M15", "M30", "H1"),
    "M15": ("M5", "M30", "H1", "H4"),
    "M30": ("H1", "H4", "D1"),
    "H1": ("M15", "H4", "D1", "W1"),
    "H4": ("H1", "M30", "D1", "W1", "MN1"),
    "D1": ("H4", "H1", "W1", "MN1"),
    "W1": ("MN1",),
    "MN1": (),
}
_WEIGHTS = {"M5": 0.15, "M15": 0.25, "M30": 0.20, "H1": 0.20, "H4": 0.30, "D1": 0.35}
_NEIGHBOURS = {
    ("M5", "M15"): 0.9, ("M15", "M30"): 0.9, ("M30", "H1"): 0.8, ("H1", "H4"): 0.8, ("H4", "D1"): 0.7,
}  # fmt: skip


class StructureType(Enum):
    """What the last swings make of the structure; ``RANGE_BOUND`` is never assigned.

    Examples
    --------
    >>> StructureType.BOS_BULLISH.value
    'bos_bullish'
    """

    CHOCH_BULLISH = "choch_bullish"
    CHOCH_BEARISH = "choch_bearish"
    BOS_BULLISH = "bos_bullish"
    BOS_BEARISH = "bos_bearish"
    RANGE_BOUND = "range_bound"
    CONSOLIDATION = "consolidation"


class FVGType(Enum):
    """Kinds of fair value gaps; only the first two are assigned.

    Examples
    --------
    >>> FVGType.BULLISH_FVG.value
    'bullish_fvg'
    """

    BULLISH_FVG = "bullish_fvg"
    BEARISH_FVG = "bearish_fvg"
    BALANCED_FVG = "balanced_fvg"
    PREMIUM_FVG = "premium_fvg"
    DISCOUNT_FVG = "discount_fvg"


class OrderBlockType(Enum):
    """Kinds of order blocks; only the first two are assigned.

    Examples
    --------
    >>> OrderBlockType.BEARISH_OB.value
    'bearish_ob'
    """

    BULLISH_OB = "bullish_ob"
    BEARISH_OB = "bearish_ob"
    BREAKER_BLOCK = "breaker_block"
    MITIGATION_BLOCK = "mitigation_block"


class TradingDirection(Enum):
    """Which way to trade.

    Examples
    --------
    >>> TradingDirection.BUY.value
    'BUY'
    """

    BUY = "BUY"
    SELL = "SELL"
    NEUTRAL = "NEUTRAL"


_BULLISH = (StructureType.BOS_BULLISH, StructureType.CHOCH_BULLISH)
_BEARISH = (StructureType.BOS_BEARISH, StructureType.CHOCH_BEARISH)


@dataclass
class SwingPoint:
    """A swing high or low.

    Attributes
    ----------
    index : int
        Position of its candle.
    timestamp : datetime
        Label of its candle, or the moment of detection where labels are no times.
    point_type : str
        ``high`` or ``low``.

    Examples
    --------
    >>> SwingPoint(3, 1.1, datetime(2025, 9, 1), "high").confirmed
    False
    """

    index: int
    price: float
    timestamp: Any
    point_type: str
    strength: float = 0.0
    confirmed: bool = False


@dataclass
class FairValueGap:
    """A gap between three candles.

    Attributes
    ----------
    high_price, low_price : float
        The upper and the lower edge.
    origin_candle : int
        Position of the middle candle.

    Examples
    --------
    >>> FairValueGap(FVGType.BULLISH_FVG, 1.2, 1.1, 4).is_mitigated
    False
    """

    fvg_type: FVGType
    high_price: float
    low_price: float
    origin_candle: int
    filled_percentage: float = 0.0
    is_mitigated: bool = False
    mitigation_candle: int | None = None
    narrative: str = ""
    timestamp: datetime = field(default_factory=now)


@dataclass
class OrderBlock:
    """A candle that the next four moved away from.

    Attributes
    ----------
    high_price, low_price : float
        Of the candle.
    origin_candle : int
        Its place among the last 20 candles.
    reaction_strength : float
        Mean distance of the next four candles in ranges of the candle.

    Examples
    --------
    >>> OrderBlock(OrderBlockType.BULLISH_OB, 1.2, 1.1, 5, 0.8).is_tested
    False
    """

    ob_type: OrderBlockType
    high_price: float
    low_price: float
    origin_candle: int
    reaction_strength: float
    is_tested: bool = False
    test_count: int = 0
    narrative: str = ""
    timestamp: datetime = field(default_factory=now)


@dataclass
class MarketStructureSignal:
    """What one analysis says.

    Attributes
    ----------
    confidence : float
        0 to 100.
    break_level, target_level : float
        Prices.
    confluence_score : float
        0 to 1.
    fvg_present, order_block_present : bool
        Whether the analysis found any.
    swing_highs, swing_lows : list of SwingPoint
        All of the frame.

    Examples
    --------
    >>> MarketStructureSignal(StructureType.BOS_BULLISH, 70.0, TradingDirection.BUY, 1.1, 1.12, "",
    ...                       datetime(2025, 9, 1), "M15", 0.5, True, False, [], []).sic_stats
    {}
    """

    structure_type: StructureType
    confidence: float
    direction: TradingDirection
    break_level: float
    target_level: float
    narrative: str
    timestamp: datetime
    timeframe: str
    confluence_score: float
    fvg_present: bool
    order_block_present: bool
    swing_highs: list[SwingPoint]
    swing_lows: list[SwingPoint]
    sic_stats: dict[str, Any] = field(default_factory=dict)


class MarketStructureAnalyzer:
    """Reads market structure off the last swings.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults: ``min_confidence`` 55.0, ``structure_lookback`` 50, ``swing_window`` 5,
        ``fvg_min_gap`` 0.0003, ``ob_reaction_threshold`` 0.001, ``structure_weight`` 0.60, ``momentum_weight``
        0.15, ``volume_weight`` 0.15, ``confluence_weight`` 0.10, ``enable_debug``, ``use_multi_timeframe`` and
        ``enable_cache`` True. Each is an attribute too, which is read at each call.
    data_manager : object, optional
        Has ``get_candles``, ``get_direct_market_data`` or ``get_historical_data``, each of symbol, timeframe and
        count. By default that of an engine that this process has loaded, else nothing is fetched.
    clock : callable, default ``datetime.now``
        The time now; it stamps gaps, blocks and signals.
    logger : object, optional
        The engine's logger, or one of the standard library. None by default.
    tolerant : bool, default False
        Let NaN pass.
    strict : bool, default False
        Count ``origin_candle`` of order blocks within the frame.

    Attributes
    ----------
    detected_fvgs : list of FairValueGap
        The last 20.
    detected_order_blocks : list of OrderBlock
        The last 10.
    structure_history : list of MarketStructureSignal
        The last 50.
    current_trend : TradingDirection

    Examples
    --------
    >>> MarketStructureAnalyzer({"swing_window": 3}).swing_window
    3
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        data_manager: Any = None,
        clock: Clock = now,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.config: dict[str, Any] = _DEFAULTS | dict(config or {})
        self.min_confidence = self._number("min_confidence")
        self.structure_lookback = int(self._number("structure_lookback"))
        self.swing_window = int(self._number("swing_window"))
        self.fvg_min_gap = self._number("fvg_min_gap")
        self.ob_reaction_threshold = self._number("ob_reaction_threshold")
        self.structure_weight = self._number("structure_weight")
        self.momentum_weight = self._number("momentum_weight")
        self.volume_weight = self._number("volume_weight")
        self.confluence_weight = self._number("confluence_weight")
        self.enable_debug = bool(self.config["enable_debug"])
        self.use_multi_timeframe = bool(self.config["use_multi_timeframe"])
        self.enable_cache = bool(self.config["enable_cache"])
        self.detected_fvgs: list[FairValueGap] = []
        self.detected_order_blocks: list[OrderBlock] = []
        self.structure_history: list[MarketStructureSignal] = []
        self.current_trend = TradingDirection.NEUTRAL
        self._analyses = 0
        self._data_manager = data_manager
        self._clock = clock
        self._log = Log("market structure", logger)
        self._tolerant = tolerant
        self._strict = strict

    def analyze_market_structure(
        self,
        symbol: str,
        timeframe: str = "M15",
        lookback_days: int = 7,
        current_price: float | None = None,
    ) -> MarketStructureSignal | None:
        """Fetch candles and return what their last swings say.

        Parameters
        ----------
        symbol, timeframe : str
        lookback_days : int, default 7
            How far back to fetch.
        current_price : float, optional
            The last close by default. It changes nothing.

        Returns
        -------
        MarketStructureSignal or None
            None without 50 candles, two swings on each side and enough structure and confidence.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> MarketStructureAnalyzer().analyze_market_structure("EURUSD") is None
        True
        """
        self._analyses += 1
        candles = self._get_market_data(symbol, timeframe, lookback_days)
        if candles is None or len(candles) < FEWEST:
            self._log.warning(f"{symbol} {timeframe}: fewer than {FEWEST} candles")
            return None
        highs, lows = self._detect_swing_points(candles)
        if len(highs) < 2 or len(lows) < 2:
            return None
        price = float(candles["close"].iloc[-1]) if current_price is None else current_price
        structure = self._detect_structure_change(candles, highs, lows, price)
        score, kind, _, _ = structure
        if score < MIN_STRUCTURE:
            return None
        confluence = self._confluence(symbol, timeframe, kind)
        confidence = 100 * (
            self.structure_weight * score
            + self.momentum_weight * self._analyze_momentum(candles, kind)
            + self.volume_weight * self._analyze_volume_structure(candles)
            + self.confluence_weight * confluence
        )
        if confidence < self.min_confidence:
            return None
        return self._remembered(
            self._signal(candles, timeframe, structure, confidence, confluence, highs, lows)
        )

    def get_current_structure_state(self) -> dict[str, Any]:
        """Return what the analyses so far left behind.

        Returns
        -------
        dict
            ``current_trend``, ``last_signal``, ``signals``, ``detected_fvgs`` and ``detected_order_blocks`` (counts).

        Examples
        --------
        >>> MarketStructureAnalyzer().get_current_structure_state()["current_trend"]
        'NEUTRAL'
        """
        return {
            "current_trend": self.current_trend.value,
            "last_signal": self.structure_history[-1] if self.structure_history else None,
            "signals": len(self.structure_history),
            "detected_fvgs": len(self.detected_fvgs),
            "detected_order_blocks": len(self.detected_order_blocks),
        }

    def get_performance_metrics(self) -> dict[str, Any]:
        """Return how many analyses there were and how many of the last signals are kept.

        Returns
        -------
        dict
            ``total_analyses``, ``signals`` and ``average_confidence`` of those.

        Examples
        --------
        >>> MarketStructureAnalyzer().get_performance_metrics()["total_analyses"]
        0
        """
        confidences = [signal.confidence for signal in self.structure_history]
        return {
            "total_analyses": self._analyses,
            "signals": len(confidences),
            "average_confidence": sum(confidences) / len(confidences) if confidences else 0.0,
        }

    def events(self, candles: pd.DataFrame) -> Hits:
        """Return all swings as columns only.

        Parameters
        ----------
        candles : DataFrame
            Columns ``high`` and ``low``. It is not modified.

        Returns
        -------
        Hits
            Columns ``bar``, ``confirmed``, ``side`` (1 high, -1 low) and ``price``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.0, 1.2, 1.1], "low": [0.9, 1.0, 1.0]})
        >>> list(MarketStructureAnalyzer({"swing_window": 1}).events(candles).rows())
        [(1, 2, 1, 1.2)]
        """
        window = int(self.swing_window)
        if len(candles) < 2 * window + 1:
            return SWINGS.hits([])
        return SWINGS(read(candles, ("high", "low"), tolerant=self._tolerant), left=window, right=window)

    def evaluate_history(
        self,
        candles: pd.DataFrame,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
        *,
        window: int = 200,
    ) -> History[OrderBlock]:
        """Return the order blocks that the analyzer would have seen at every candle, on the trailing window.

        Parameters
        ----------
        candles : DataFrame
            Columns ``open``, ``high``, ``low`` and ``close``. It is not modified.
        symbol, timeframe : str
            Not used; other detectors note them in their records.
        window : int, default 200
            How many candles each question sees.

        Returns
        -------
        History
            Columns ``bar``, ``candle`` (the block's), ``position`` (its place among the last 20), ``direction``,
            ``high``, ``low`` and ``reaction``; its records are those that ``_detect_order_blocks`` adds, stamped
            with the time of ``bar``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"open": 1.1, "high": 1.2, "low": 1.0, "close": [1.15] * 16})
        >>> MarketStructureAnalyzer().evaluate_history(candles).candle.tolist()
        [5, 6, 7, 8, 9, 10]
        """
        bars = read(candles, OHLC, tolerant=self._tolerant)
        hits = REACTIONS(
            bars,
            first_asked(len(candles), window),
            threshold=self.ob_reaction_threshold,
            window=window,
        )

        def build(part: Hits) -> list[OrderBlock]:
            stamps = _labels(candles, part.bar, self._clock)
            origins = part.candle - (part.bar + 1 - window).clip(0) if self._strict else part.position
            return _blocks(part, origins, stamps)

        return History(hits, build)

    def _detect_swing_points(self, candles: pd.DataFrame) -> tuple[list[SwingPoint], list[SwingPoint]]:
        """Return swing highs and swing lows, oldest first."""
        hits = self.events(candles)
        highs, lows = hits[hits.side > 0], hits[hits.side < 0]
        return (
            _swings(highs, "high", _labels(candles, highs.bar, self._clock)),
            _swings(lows, "low", _labels(candles, lows.bar, self._clock)),
        )

    def _detect_structure_change(
        self,
        candles: pd.DataFrame,
        highs: Sequence[SwingPoint],
        lows: Sequence[SwingPoint],
        current_price: float,
    ) -> tuple[float, StructureType, float, float]:
        """Return score, structure, break level and target, read off the last two swings on each side."""
        if len(highs) < 2 or len(lows) < 2:
            return 0.0, StructureType.CONSOLIDATION, 0.0, 0.0
        before, high = highs[-2].price, highs[-1].price
        earlier, low = lows[-2].price, lows[-1].price
        if high > before:
            if low > earlier:
                return 0.8, StructureType.BOS_BULLISH, before, high + (high - before)
            return 0.7, StructureType.CHOCH_BULLISH, low, high
        if low < earlier:
            if high < before:
                return 0.8, StructureType.BOS_BEARISH, earlier, low - (earlier - low)
            return 0.7, StructureType.CHOCH_BEARISH, high, low
        top, bottom = max(high, before), min(low, earlier)
        if top - bottom < 0.01 * top:
            return 0.4, StructureType.CONSOLIDATION, top, bottom
        return 0.0, StructureType.CONSOLIDATION, 0.0, 0.0

    def _analyze_momentum(self, candles: pd.DataFrame, type: StructureType) -> float:  # noqa: A002
        """Return the share of the last ten candles that close in the direction of the structure."""
        bars = read(candles, ("open", "close"), last=10, tolerant=self._tolerant)
        if len(bars.close) < 5:
            return 0.5
        rising = int((bars.close[:] > bars.open[:]).sum()) / len(bars.close)
        if type in _BULLISH:
            return rising
        return 1 - rising if type in _BEARISH else 0.5

    def _analyze_volume_structure(self, candles: pd.DataFrame) -> float:
        """Return half the last volume in means of the last ten, at most 1."""
        volume = read(candles, (), volume=("volume",), last=10, tolerant=self._tolerant).volume
        if not len(volume):
            return 0.5
        values = [value for value in volume[:].tolist() if value == value]
        mean = sum(values) / len(values) if values else 0.0
        ratio = float(volume[-1]) / mean if mean > 0 else 1.0
        return min(1.0, ratio / 2)

    def _analyze_multi_timeframe_confluence(
        self, symbol: str, timeframe: str, structure_type: StructureType
    ) -> float:
        """Return a constant by structure and by the related timeframes of which there is data."""
        manager = self._manager()
        if manager is None:
            return 0.5
        try:
            related = _RELATED.get(timeframe, ("H4", "D1"))
            there = [other for other in related if _has_rows(_fetched(manager, symbol, other, FEWEST))]
        except Exception as error:  # noqa: BLE001 - whatever a foreign data manager raises
            self._log.warning(f"the data manager has no other timeframes of {symbol}: {error}")
            return 0.5
        return _confluence_score(timeframe, there, structure_type)

    def _detect_fair_value_gaps(self, candles: pd.DataFrame) -> bool:
        """Collect the gaps of the frame; return whether there are any."""
        if len(candles) < 3:
            return False
        bars = read(candles, ("high", "low"), tolerant=self._tolerant)
        found = _gaps(GAPS(bars, min_size=self.fvg_min_gap), self._clock())
        _collect(found, self.detected_fvgs, KEPT_GAPS)
        return bool(found)

    def _detect_order_blocks(self, candles: pd.DataFrame) -> bool:
        """Collect the order blocks among the last 20 candles; return whether there are any."""
        if len(candles) < 15:
            return False
        bars = read(candles, OHLC, last=BLOCK_WINDOW, tolerant=self._tolerant)
        seen = len(bars.close)
        hits = REACTIONS(bars, seen - 1, threshold=self.ob_reaction_threshold)
        origins = hits.position + len(candles) - seen if self._strict else hits.position
        moment = self._clock()
        found = _blocks(hits, origins, [moment] * len(hits))
        _collect(found, self.detected_order_blocks, KEPT_BLOCKS)
        return bool(found)

    def _get_market_data(self, symbol: str, timeframe: str, days: int) -> pd.DataFrame | None:
        """Fetch candles of the last days, if there is anything to fetch from."""
        manager = self._manager()
        count = max(days * 1440 // _MINUTES.get(timeframe, 60), FEWEST)
        return None if manager is None else _fetched(manager, symbol, timeframe, count)

    def _manager(self) -> Any:
        return self._data_manager if self._data_manager is not None else engine_data_manager()

    def _number(self, name: str) -> float:
        try:
            return float(self.config[name])
        except (TypeError, ValueError) as error:
            raise ParameterError(
                f"config[{name!r}] is {self.config[name]!r}; give the analyzer a number"
            ) from error

    def _confluence(self, symbol: str, timeframe: str, kind: StructureType) -> float:
        if not self.use_multi_timeframe:
            return 0.5
        return self._analyze_multi_timeframe_confluence(symbol, timeframe, kind)

    def _signal(
        self,
        candles: pd.DataFrame,
        timeframe: str,
        structure: tuple[float, StructureType, float, float],
        confidence: float,
        confluence: float,
        highs: list[SwingPoint],
        lows: list[SwingPoint],
    ) -> MarketStructureSignal:
        _, kind, level, target = structure
        gaps = self._detect_fair_value_gaps(candles)
        blocks = self._detect_order_blocks(candles)
        return MarketStructureSignal(
            kind,
            confidence,
            _direction(kind),
            level,
            target,
            f"{kind.value.replace('_', ' ')} at {level:.5f}, target {target:.5f}",
            self._clock(),
            timeframe,
            confluence,
            gaps,
            blocks,
            highs,
            lows,
        )

    def _remembered(self, signal: MarketStructureSignal) -> MarketStructureSignal:
        self.structure_history.append(signal)
        del self.structure_history[:-KEPT_SIGNALS]
        self.current_trend = signal.direction
        return signal


def get_market_structure_analyzer(config: dict[str, Any] | None = None) -> MarketStructureAnalyzer:
    """Return an analyzer that wants a confidence of 70 and gaps of 0.0005, unless told otherwise.

    Parameters
    ----------
    config : dict, optional
        As for :class:`MarketStructureAnalyzer`.

    Returns
    -------
    MarketStructureAnalyzer

    Examples
    --------
    >>> get_market_structure_analyzer().min_confidence
    70.0
    """
    return MarketStructureAnalyzer(_FACTORY | dict(config or {}))


def _labels(candles: pd.DataFrame, bars: Any, clock: Callable[[], datetime]) -> list[Any]:
    """Return the labels of these bars, or the time now where labels are no times."""
    index = candles.index
    if hasattr(index, "hour") or (len(index) and hasattr(index[0], "timestamp")):
        return list(index[bars].tolist())
    return [clock()] * len(bars)


def _swings(hits: Hits, kind: str, labels: Iterable[Any]) -> list[SwingPoint]:
    rows = zip(hits.bar.tolist(), hits.price.tolist(), labels, strict=True)
    return [SwingPoint(bar, price, label, kind, 1.0, True) for bar, price, label in rows]


def _gaps(hits: Hits, moment: datetime) -> list[FairValueGap]:
    bullish, bearish = FVGType.BULLISH_FVG, FVGType.BEARISH_FVG
    return [
        FairValueGap(
            bullish if direction > 0 else bearish,
            top,
            bottom,
            bar,
            0.0,
            False,
            None,
            "Bullish gap" if direction > 0 else "Bearish gap",
            moment,
        )
        for direction, top, bottom, bar in hits.rows("direction", "top", "bottom", "bar")
    ]


def _blocks(hits: Hits, origins: Any, stamps: list[Any]) -> list[OrderBlock]:
    bullish, bearish = OrderBlockType.BULLISH_OB, OrderBlockType.BEARISH_OB
    rows = zip(origins.tolist(), stamps, hits.rows("direction", "high", "low", "reaction"), strict=True)
    return [
        OrderBlock(
            bullish if direction > 0 else bearish,
            high,
            low,
            origin,
            reaction,
            False,
            0,
            "Bullish order block" if direction > 0 else "Bearish order block",
            stamp,
        )
        for origin, stamp, (direction, high, low, reaction) in rows
    ]


def _collect(found: list[Any], kept: list[Any], most: int) -> None:
    """Append record by record, as the engine does, so that whoever watches the list sees them all."""
    for record in found:
        kept.append(record)  # noqa: PERF402
    del kept[:-most]


def _direction(kind: StructureType) -> TradingDirection:
    if kind in _BULLISH:
        return TradingDirection.BUY
    return TradingDirection.SELL if kind in _BEARISH else TradingDirection.NEUTRAL


def _has_rows(candles: Any) -> bool:
    return candles is not None and len(candles) > 0


def _fetched(manager: Any, symbol: str, timeframe: str, count: int) -> Any:
    """Return the last candles that a data manager has."""
    for name in ("get_candles", "get_direct_market_data", "get_historical_data"):
        get = getattr(manager, name, None)
        if get is not None:
            return get(symbol, timeframe, count)
    return None


def _confluence_score(timeframe: str, there: Sequence[str], kind: StructureType) -> float:
    if not there:
        return 0.4
    scores = [_timeframe_score(timeframe, other, kind) for other in there]
    weights = [_WEIGHTS.get(other, 0.10) for other in there]
    weighted = sum(weight * score for weight, score in zip(weights, scores, strict=True)) / sum(weights)
    strong = sum(score > 0.6 for score in scores) if len(there) > 1 else 0
    boost = 0.15 if strong >= 3 else 0.10 if strong == 2 else 0.05 if strong == 1 else 0.0
    total = min(1.0, weighted * (0.8 + 0.4 * 0.635) + boost + 0.05)
    return total if len(there) > 1 else 0.8 * total


def _timeframe_score(timeframe: str, other: str, kind: StructureType) -> float:
    aligned = 0.665 if kind in _BULLISH else 0.705 if kind in _BEARISH else 0.545
    temporal = 0.7 * _NEIGHBOURS.get((timeframe, other), 0.5) + 0.2
    return 0.35 * aligned + 0.25 * 0.62 + 0.20 * 0.61 + 0.10 * temporal + 0.10 * 0.635
