"""Enhanced order blocks with the interface of the ICT Engine's ``smart_money_concepts.order_blocks``.

A block is the candle of a swing low (demand) or swing high (supply) near the current price, with an entry, a stop and
a target.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 3.1: a record does not say which candle the block is; the column ``position`` of
  :meth:`EnhancedOrderBlockDetector.events` does. ``timestamp`` is the moment of detection. ``MITIGATION_BLOCK`` and
  ``BREAKER_BLOCK`` are never given.
* 3.2: ``volume_threshold``, ``health_weight`` and ``max_detection_latency_ms`` change nothing.
* 3.3.1: the last five candles are never candidates; a block that price has traded through since is still one.
* 3.3.3: the target is always three risks away, the confidence 85 to 95.
* 3.3.4: a pip is 0.0001 for every symbol, so that blocks of gold and yen pairs are almost always too far away.
* 3.3.5: ``timeframe_validation`` is true for every timeframe asked for; none is read. ``volume_profile`` describes the
  frame and not the block.
* 3.3.8: qualities are sorted by the alphabet, so that premium comes last, and only five blocks are returned.

``strict=True`` sorts the best quality first and measures pips by symbol (0.01 if it ends in JPY, else 0.0001, so that
gold stays as it is).

Differences, on purpose: bad candles raise a :class:`~ict_kernels.errors.CandleError`; nothing is printed or written;
``detection_latency_ms`` stays 0; texts are worded anew.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
>>> detector = EnhancedOrderBlockDetector()
>>> blocks = detector.detect_enhanced_order_blocks(candles, candles.close.iloc[-1], "EURUSD", "M15")
>>> [(block.type.name, round(block.risk_reward, 6)) for block in blocks[:1]]
[('DEMAND_ZONE', 3.0)]
>>> history = detector.evaluate_history(candles, "EURUSD", "M15")
>>> history.at(399).records()[0].price == blocks[0].price
True
"""

from __future__ import annotations

import functools
import math
import numbers
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...detectors.engine import Hits
from ...detectors.engine.swing_zones import SWING_ZONES
from ...errors import ParameterError
from ._collaborators import Clock, Log, now, pip_size
from ._frames import read, times
from ._history import History, first_asked

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EnhancedOrderBlock",
    "EnhancedOrderBlockDetector",
    "OrderBlockQuality",
    "OrderBlockType",
    "get_order_block_detector",
]

LIMIT = 5
LEAST_HEALTH = 0.6
FAR_AWAY = 1e300

Health = float | Callable[[], float]

_DEFAULTS: dict[str, Any] = {
    "lookback_period": 25,
    "max_distance_pips": 50,
    "min_confidence": 70,
    "volume_threshold": 1.5,
    "health_weight": 0.3,
    "enable_mtf_validation": True,
    "enable_volume_profile": True,
    "enable_mitigation_analysis": True,
    "max_detection_latency_ms": 500,
    "min_data_reliability": 0.7,
}


class OrderBlockType(Enum):
    """What a block is; only the first two are ever given.

    Examples
    --------
    >>> OrderBlockType.DEMAND_ZONE.value
    'demand_zone'
    """

    DEMAND_ZONE = "demand_zone"
    SUPPLY_ZONE = "supply_zone"
    MITIGATION_BLOCK = "mitigation_block"
    BREAKER_BLOCK = "breaker_block"


class OrderBlockQuality(Enum):
    """How good a block is.

    Examples
    --------
    >>> [quality.value for quality in OrderBlockQuality]
    ['premium', 'high', 'medium', 'low']
    """

    PREMIUM = "premium"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


# The rule counts qualities upwards.
_QUALITIES = tuple(reversed(OrderBlockQuality))
_VALUE, _DISTANCE, _CONFIDENCE = map(attrgetter, ("_value_", "distance_pips", "confidence"))
_TYPES = {1: OrderBlockType.DEMAND_ZONE, -1: OrderBlockType.SUPPLY_ZONE}


@dataclass
class EnhancedOrderBlock:
    """One block.

    Attributes
    ----------
    price : float
        The low of a demand candle, the high of a supply candle.
    confidence : float
        0 to 100.
    distance_pips : float
        From the current price to ``entry_price``.
    volume_profile : dict
        Keys ``avg_volume``, ``recent_volume``, ``volume_trend`` and ``volume_strength``, of the whole frame.
    timeframe_validation : dict
        True for each additional timeframe.
    mitigation_zones : list of tuple
        Two ranges (low, high) on the way to the target.
    timestamp : datetime
        The moment of detection.

    Examples
    --------
    >>> block = EnhancedOrderBlock(OrderBlockType.DEMAND_ZONE, 1.1, 1.101, 1.0998, 1.1046, 85.0, 12.0, 3.0)
    >>> block.quality
    <OrderBlockQuality.MEDIUM: 'medium'>
    """

    type: OrderBlockType
    price: float
    entry_price: float
    stop_loss: float
    take_profit: float
    confidence: float
    distance_pips: float
    risk_reward: float
    health_score: float = 0.0
    quality: OrderBlockQuality = OrderBlockQuality.MEDIUM
    volume_profile: dict[str, Any] = field(default_factory=dict)
    timeframe_validation: dict[str, bool] = field(default_factory=dict)
    mitigation_zones: list[tuple[float, float]] = field(default_factory=list)
    symbol: str = "UNKNOWN"
    timeframe: str = "UNKNOWN"
    timestamp: datetime = field(default_factory=now)
    detection_latency_ms: float = 0.0
    data_reliability: float = 1.0


class EnhancedOrderBlockDetector:
    """Finds zones of supply and demand near the price.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults: ``lookback_period`` 25, ``max_distance_pips`` 50, ``min_confidence`` 70,
        ``enable_mtf_validation``, ``enable_volume_profile`` and ``enable_mitigation_analysis`` True,
        ``min_data_reliability`` 0.7; ``volume_threshold``, ``health_weight`` and ``max_detection_latency_ms`` change
        nothing.
    health : float or callable, default 1.0
        How reliable the data feed is, 0 to 1, or what tells it at each call. Below 0.6 nothing is found.
    clock : callable, default ``datetime.now``
        Stamps records.
    logger : object, optional
        Is told how many blocks were found.
    tolerant : bool, default False
        Let NaN pass: a NaN neighbour disqualifies no swing, and means leave it out.
    strict : bool, default False
        Sort the best quality first, and measure pips by symbol.

    Attributes
    ----------
    config : dict
        All settings, defaults included; read at each call.

    Examples
    --------
    >>> EnhancedOrderBlockDetector({"lookback_period": 40}).config["lookback_period"]
    40
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        health: Health = 1.0,
        clock: Clock = now,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.config: dict[str, Any] = _DEFAULTS | (config or {})
        self._health = health
        self._clock = clock
        self._log = Log("order_blocks", logger)
        self._tolerant = tolerant
        self._strict = strict
        self._calls = self._found = self._returned = 0

    def detect_enhanced_order_blocks(
        self,
        data: pd.DataFrame,
        current_price: float,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
        additional_timeframes: list[str] | None = None,
    ) -> list[EnhancedOrderBlock]:
        """Return the five best blocks near a price.

        Parameters
        ----------
        data : DataFrame
            Columns ``high``, ``low`` and, if there is one, ``volume``; oldest row first.
        current_price : float
            Where the price stands.
        symbol, timeframe : str, optional
            Noted in the records; the symbol matters to a strict detector.
        additional_timeframes : list of str, optional
            Noted as validated.

        Returns
        -------
        list of EnhancedOrderBlock
            By the name of the quality, then the nearest, then the most confident first. Empty for fewer rows than
            ``lookback_period``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.
        ParameterError
            If the price or a setting is not a number.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0].to_pandas()
        >>> EnhancedOrderBlockDetector().detect_enhanced_order_blocks(candles.head(24), 1.1)
        []
        """
        self._calls += 1
        health = health_of(self._health)
        hits, measured = self._zones(data, current_price, symbol, health, most=0)
        origin = self._origin(symbol, timeframe, additional_timeframes, health, measured)
        blocks = self._assign_quality_scores(_records(hits, repeat(self._clock()), origin), health)
        self._found += len(blocks)
        self._returned += min(len(blocks), LIMIT)
        self._log.debug(f"{len(blocks)} blocks on {symbol} {timeframe}")
        return blocks[:LIMIT]

    def events(
        self, data: pd.DataFrame, current_price: float | None = None, *, symbol: str = "UNKNOWN"
    ) -> Hits:
        """Return what :meth:`detect_enhanced_order_blocks` finds as columns, without building a record.

        Parameters
        ----------
        data : DataFrame
        current_price : float, optional
            By default the last close.
        symbol : str, optional
            Matters to a strict detector only.

        Returns
        -------
        Hits
            Columns ``bar`` (the last candle), ``position`` (the block's candle), ``side`` (1 demand, -1 supply),
            ``quality`` (0 low to 3 premium), ``price``, ``entry``, ``stop``, ``target``, ``distance_pips``,
            ``risk_reward``, ``confidence``, ``average`` and ``recent`` (mean volumes), in the order of the records.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0].to_pandas()
        >>> blocks = EnhancedOrderBlockDetector().events(candles)
        >>> bool(((blocks.position >= 75) & (blocks.position < 95)).all())
        True
        """
        return self._zones(data, current_price, symbol, health_of(self._health), most=LIMIT)[0]

    def evaluate_history(
        self,
        candles: pd.DataFrame,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
        *,
        window: int = 200,
        additional_timeframes: list[str] | None = None,
    ) -> History[EnhancedOrderBlock]:
        """Return what a call at every candle would have found, with its close as the current price.

        Parameters
        ----------
        candles : DataFrame
            As for :meth:`detect_enhanced_order_blocks`, with ``close``; with times for the records' stamps.
        symbol, timeframe : str, optional
            Noted in the records.
        window : int, default 200
            How many candles each call is given.
        additional_timeframes : list of str, optional
            Noted as validated.

        Returns
        -------
        History
            The columns of :meth:`events`; ``position`` counts from the beginning of ``candles``.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
        >>> history = EnhancedOrderBlockDetector().evaluate_history(candles)
        >>> bool((history.bar >= 199).all() and (history.position <= history.bar - 5).all())
        True
        """
        rows, health = len(candles), health_of(self._health)
        hits, measured = SWING_ZONES.hits([]), False
        if self._is_ready(rows, health):
            bars = read(candles, ("high", "low", "close"), volume=("volume",), tolerant=self._tolerant)
            measured = len(bars.volume) > 0
            settings = self._settings(symbol, health)
            hits = SWING_ZONES(bars, first_asked(rows, window), rows, window=window, most=LIMIT, **settings)
        origin = self._origin(symbol, timeframe, additional_timeframes, health, measured)

        def build(hits: Hits) -> list[EnhancedOrderBlock]:
            if not len(hits):
                return []
            stamps = times(candles, what="the stamp of a record")[hits.bar].to_pydatetime()
            return _records(hits, stamps.tolist(), origin)

        return History(hits, build)

    def get_enhanced_stats(self) -> dict[str, Any]:
        """Return what has been found so far.

        Returns
        -------
        dict
            ``total_detections`` (calls), ``blocks_found``, ``blocks_returned``, ``health_score`` and a copy of
            ``config``.

        Examples
        --------
        >>> EnhancedOrderBlockDetector().get_enhanced_stats()["health_score"]
        1.0
        """
        return {
            "total_detections": self._calls,
            "blocks_found": self._found,
            "blocks_returned": self._returned,
            "health_score": health_of(self._health),
            "config": dict(self.config),
        }

    def _assign_quality_scores(
        self, blocks: Sequence[EnhancedOrderBlock], health: float
    ) -> list[EnhancedOrderBlock]:
        """Return all blocks of a call, which the scan has rated for this health, in the order of their quality."""
        order = _QUALITIES[::-1] if self._strict else sorted(_QUALITIES, key=_VALUE)
        ranks = {_VALUE(quality): rank for rank, quality in enumerate(order)}
        # Three stable sorts with keys in C take a third of the time of one by tuples.
        ranked = sorted(blocks, key=_CONFIDENCE, reverse=True)
        ranked.sort(key=_DISTANCE)
        ranked.sort(key=lambda block: ranks[_VALUE(block.quality)])
        return ranked

    def _zones(
        self, data: pd.DataFrame, current_price: float | None, symbol: str, health: float, most: int
    ) -> tuple[Hits, bool]:
        """Return the zones that the last candle sees, and whether there is volume."""
        rows = len(data)
        if not self._is_ready(rows, health):
            return SWING_ZONES.hits([]), False
        names = ("high", "low") if current_price is not None else ("high", "low", "close")
        bars = read(data, names, volume=("volume",), tolerant=self._tolerant)
        price = bars.close[-1] if current_price is None else current_price
        price = price_of(price, self._tolerant)
        settings = self._settings(symbol, health)
        hits = SWING_ZONES(bars, rows - 1, rows, window=rows, most=most, price=price, **settings)
        return hits, len(bars.volume) > 0

    def _is_ready(self, rows: int, health: float) -> bool:
        return rows > 0 and rows >= self.config["lookback_period"] and self._is_healthy(health)

    def _is_healthy(self, health: float) -> bool:
        return health >= LEAST_HEALTH and health >= self.config["min_data_reliability"]

    def _settings(self, symbol: str, health: float) -> dict[str, Any]:
        """What the rule is told beside the price."""
        settings = {
            "lookback": self.config["lookback_period"],
            "gate": self.config["enable_volume_profile"],
            "max_pips": self.config["max_distance_pips"],
            "min_confidence": self.config["min_confidence"],
            "health": health,
            "strict": self._strict,
        }
        return settings | ({"pips": 1 / pip_size(symbol)} if self._strict else {})

    def _origin(
        self, symbol: str, timeframe: str, others: Iterable[str] | None, health: float, measured: bool
    ) -> _Origin:
        validated = dict.fromkeys(others or (), True) if self.config["enable_mtf_validation"] else {}
        return _Origin(
            symbol,
            timeframe,
            validated,
            health,
            measured and bool(self.config["enable_volume_profile"]),
            bool(self.config["enable_mitigation_analysis"]),
        )


class _Origin(NamedTuple):
    """What all records of a call share."""

    symbol: str
    timeframe: str
    validated: dict[str, bool]
    health: float
    profiled: bool
    mitigated: bool


def health_of(health: Health) -> float:
    """Return the health of the data feed now."""
    return float(health() if callable(health) else health)


def price_of(current_price: Any, tolerant: bool) -> float:
    """Return the current price as a number; one far from everything stands in for NaN.

    Raises
    ------
    ParameterError
        If it is no number, or NaN and that is not tolerated.
    """
    if not isinstance(current_price, numbers.Real) or (math.isnan(current_price) and not tolerant):
        raise ParameterError(f"current_price is {current_price!r}; give the price as a number")
    return FAR_AWAY if math.isnan(current_price) else float(current_price)


def _records(hits: Hits, stamps: Iterable[datetime], origin: _Origin) -> list[EnhancedOrderBlock]:
    profiles = _profiles(hits) if origin.profiled else ({} for _ in range(len(hits)))
    zones = _mitigation_zones(hits) if origin.mitigated else ([] for _ in range(len(hits)))
    return list(
        map(
            EnhancedOrderBlock,
            map(_TYPES.__getitem__, hits.side.tolist()),
            hits.price.tolist(),
            hits.entry.tolist(),
            hits.stop.tolist(),
            hits.target.tolist(),
            hits.confidence.tolist(),
            hits.distance_pips.tolist(),
            hits.risk_reward.tolist(),
            repeat(origin.health),
            map(_QUALITIES.__getitem__, hits.quality.tolist()),
            profiles,
            map(dict, repeat(origin.validated)),
            zones,
            repeat(origin.symbol),
            repeat(origin.timeframe),
            stamps,
            repeat(0.0),
            repeat(origin.health),
        )
    )


def _profiles(hits: Hits) -> Iterator[dict[str, Any]]:
    """Yield a profile a block; those of one call are equal."""
    firsts = np.flatnonzero(np.diff(hits.bar, prepend=-1))
    counts = np.diff(firsts, append=len(hits)).tolist()
    for count, (average, recent) in zip(counts, hits[firsts].rows("average", "recent"), strict=True):
        profile = {
            "avg_volume": average,
            "recent_volume": recent,
            "volume_trend": "increasing" if recent > average else "decreasing",
            "volume_strength": min(2.0, recent / average if average else math.nan),
        }
        yield from map(dict.copy, repeat(profile, count))


def _mitigation_zones(hits: Hits) -> Iterable[list[tuple[float, float]]]:
    way, edges = np.abs(hits.target - hits.entry), []
    for near, far in ((0.0, 0.382), (0.5, 0.618)):
        ends = hits.entry + hits.side * (near * way), hits.entry + hits.side * (far * way)
        edges.append(zip(np.minimum(*ends).tolist(), np.maximum(*ends).tolist(), strict=True))
    return map(list, zip(*edges, strict=True))


_shared_lock = threading.Lock()


def get_order_block_detector() -> EnhancedOrderBlockDetector:
    """Return the detector that the whole process shares, made with the defaults on first use.

    Returns
    -------
    EnhancedOrderBlockDetector

    Examples
    --------
    >>> get_order_block_detector() is get_order_block_detector()
    True
    """
    # Without the lock, two threads that come first at once would get one detector each.
    with _shared_lock:
        return _shared_detector()


@functools.cache
def _shared_detector() -> EnhancedOrderBlockDetector:
    return EnhancedOrderBlockDetector()
