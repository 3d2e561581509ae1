"""Points of interest with the interface of the ICT Engine's ``analysis.poi_system``.

Seven kinds of levels (order blocks, fair value gaps, swings, extremes of the session, liquidity pools, Fibonacci and
psychological levels), each looked for over a frame, then weeded, weighed by how many lie close together, and ranked.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 10.2: an order block exceeds 1.5 bodies by definition, so that its strength is at least 85 and it is always of high
  significance.
* 10.6: liquidity pools are compared over plateaus of rolling extremes, so that nearly every bar is two of them; they
  look 11 bars ahead, and the bars just before the frame's end are counted differently.
* 10.5, 10.7, 10.8: levels carry the time of the call, not of a bar; lifetimes of all points begin with the call.
* 10.8: psychological levels exist for EURUSD only, within 1.00 to 1.20.
* 10.9: points are ranked by the name of their significance, so that medium comes before low and low before high.
  ``strict=True`` ranks them by significance.
* 10.9: repeated calls collect the same points again in ``active_pois``.
* 10.10: the price of a point in :meth:`POISystem.detect_points_of_interest` is always 0. ``strict=True`` gives it.
  Its ``confidence`` is always 0.6, and a frame without times gives no points.
* 0.1: a pip is 0.0001 for every symbol.

Differences, on purpose: missing or non-numeric columns and NaN raise a :class:`~ict_kernels.errors.CandleError`
(``tolerant=True`` lets NaN pass); candles come from the data manager handed in, or that of a running engine, and
without one there are no points, where the original invents random candles; a configuration handed in overrides the
defaults key by key; texts are worded anew.

Examples
--------
>>> import pandas as pd
>>> times = pd.date_range("2025-09-01", periods=4, freq="15min")
>>> candles = pd.DataFrame(
...     {"open": [1.1, 1.1, 1.101, 1.103], "high": [1.1005, 1.1032, 1.104, 1.104],
...      "low": [1.0995, 1.0998, 1.102, 1.102], "close": [1.1, 1.103, 1.103, 1.103]}, index=times)
>>> [gap] = POISystem()._detect_fvg_pois(candles, "EURUSD", "M15")
>>> gap.poi_type.value, gap.price_zone, gap.significance.value
('fair_value_gap', (1.1005, 1.102), 'medium')
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits
from ...detectors.engine.clusters import count_near, keep_strongest
from ...detectors.engine.gaps import GAPS
from ...detectors.engine.impulse_blocks import IMPULSE_BLOCKS
from ...detectors.engine.poi_levels import LIQUIDITY_POOLS, SWING_LEVELS
from ...detectors.engine.swings import SWINGS
from ...errors import CandleError
from ._collaborators import Clock, Log, engine_data_manager, now
from ._frames import read

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["POI", "POIDetector", "POISignificance", "POIStatus", "POISystem", "POIType", "get_poi_system"]

PIPS_PER_UNIT = 10000
SESSION_BARS = 48
FIBONACCI_BARS = 100
CONFLUENCE_REACH = 0.0020
DAY_MINUTES = 1440

_FIBONACCI = {0.236: 65.0, 0.382: 65.0, 0.5: 70.0, 0.618: 75.0, 0.786: 75.0}
_ROUND_LEVELS = (1.00, 1.05, 1.10, 1.15, 1.20)
_TIMEFRAME_MINUTES = {"M1": 1, "M5": 5, "M15": 15, "M30": 30, "H1": 60, "H4": 240, "D1": 1440}


class POIType(Enum):
    """What a point of interest is; blocks, breakers, days, weeks and kill zones are never detected.

    Examples
    --------
    >>> POIType("order_block")
    <POIType.ORDER_BLOCK: 'order_block'>
    """

    ORDER_BLOCK = "order_block"
    MITIGATION_BLOCK = "mitigation_block"
    BREAKER_BLOCK = "breaker_block"
    FAIR_VALUE_GAP = "fair_value_gap"
    LIQUIDITY_POOL = "liquidity_pool"
    SWING_HIGH = "swing_high"
    SWING_LOW = "swing_low"
    SESSION_HIGH = "session_high"
    SESSION_LOW = "session_low"
    DAILY_HIGH = "daily_high"
    DAILY_LOW = "daily_low"
    WEEKLY_HIGH = "weekly_high"
    WEEKLY_LOW = "weekly_low"
    FIBONACCI_LEVEL = "fibonacci_level"
    PSYCHOLOGICAL_LEVEL = "psychological_level"
    INSTITUTIONAL_LEVEL = "institutional_level"
    KILLZONE_LEVEL = "killzone_level"


class POIStatus(Enum):
    """What became of a point; only ``ACTIVE`` and ``EXPIRED`` are ever assigned.

    Examples
    --------
    >>> POIStatus.ACTIVE.value
    'active'
    """

    ACTIVE = "active"
    TESTED = "tested"
    PARTIALLY_MITIGATED = "partially_mitigated"
    FULLY_MITIGATED = "fully_mitigated"
    INVALIDATED = "invalidated"
    EXPIRED = "expired"


class POISignificance(Enum):
    """How much a point matters; the last two are never assigned.

    Examples
    --------
    >>> [significance.value for significance in POISignificance]
    ['low', 'medium', 'high', 'critical', 'institutional']
    """

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    INSTITUTIONAL = "institutional"


@dataclass
class POI:
    """A level, with the zone around it, at which the price may react.

    Attributes
    ----------
    price_zone : tuple of float
        The lower and the upper edge.
    timestamp : datetime or label of the frame's index
        The bar's label, or the time of the call for levels that belong to no bar.
    strength : float
        60 to 95, up to 110 with other points close by.
    market_structure : str
        Which variant of its type it is, ``bullish_order_block`` say.
    created_at : datetime
        The time of the call.

    Examples
    --------
    >>> poi = POI(POIType.SWING_HIGH, 1.1, (1.0995, 1.1005), datetime(2025, 9, 1), "EURUSD", "M15")
    >>> poi.strength, poi.status.value
    (70.0, 'active')
    """

    poi_type: POIType
    price_level: float
    price_zone: tuple[float, float]
    timestamp: Any
    symbol: str
    timeframe: str
    significance: POISignificance = POISignificance.MEDIUM
    status: POIStatus = POIStatus.ACTIVE
    strength: float = 70.0
    session_context: str = ""
    market_structure: str = ""
    confluences: list[str] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    last_tested: datetime | None = None
    expiry_time: datetime | None = None
    test_count: int = 0
    max_tests: int = 3
    reaction_strength: float = 0.0
    hold_time: timedelta | None = None
    success_rate: float = 0.0
    analysis_id: str = ""
    notes: str = ""
    related_pois: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def add_metadata(self, key: str, value: Any) -> None:
        """Note something about the point.

        Parameters
        ----------
        key : str
        value : object

        Examples
        --------
        >>> poi = POI(POIType.SWING_HIGH, 1.1, (1.0995, 1.1005), datetime(2025, 9, 1), "EURUSD", "M15")
        >>> poi.add_metadata("source", "chart")
        >>> poi.metadata
        {'source': 'chart'}
        """
        self.metadata[key] = value

    def get_metadata(self, key: str, default: Any = None) -> Any:
        """Return what was noted, or else the default.

        Parameters
        ----------
        key : str
        default : object, optional

        Returns
        -------
        object

        Examples
        --------
        >>> POI(POIType.SWING_HIGH, 1.1, (1.09, 1.11), datetime(2025, 9, 1), "EURUSD", "M15").get_metadata("x", 1)
        1
        """
        return self.metadata.get(key, default)


class _Kind(NamedTuple):
    """What all points of a variant have in common."""

    type: POIType
    tag: str
    confluences: tuple[str, ...]
    lifetime: str = "default_poi_lifetime"


_SWING_HIGH = ("swing_high", "potential_resistance")
_SWING_LOW = ("swing_low", "potential_support")
_POOL = ("stop_loss_cluster", "sweep_target")
_GAP = ("price_imbalance", "gap_fill_target")

_KINDS = (
    _Kind(
        POIType.ORDER_BLOCK, "bullish_order_block", ("bullish_impulse", "tested_zone"), "order_block_lifetime"
    ),
    _Kind(
        POIType.ORDER_BLOCK, "bearish_order_block", ("bearish_impulse", "tested_zone"), "order_block_lifetime"
    ),
    _Kind(POIType.FAIR_VALUE_GAP, "bullish_fvg", _GAP, "fvg_lifetime"),
    _Kind(POIType.FAIR_VALUE_GAP, "bearish_fvg", _GAP, "fvg_lifetime"),
    _Kind(POIType.SWING_HIGH, "resistance_level", _SWING_HIGH, "swing_point_lifetime"),
    _Kind(POIType.SWING_LOW, "support_level", _SWING_LOW, "swing_point_lifetime"),
    _Kind(POIType.SWING_HIGH, "resistance_level", (*_SWING_HIGH, "session_high"), "swing_point_lifetime"),
    _Kind(POIType.SWING_LOW, "support_level", (*_SWING_LOW, "session_low"), "swing_point_lifetime"),
    _Kind(POIType.SESSION_HIGH, "session_high", ("session_extreme",), "session_level_lifetime"),
    _Kind(POIType.SESSION_LOW, "session_low", ("session_extreme",), "session_level_lifetime"),
    _Kind(POIType.LIQUIDITY_POOL, "bearish_liquidity_pool", ("equal_highs", *_POOL)),
    _Kind(POIType.LIQUIDITY_POOL, "bullish_liquidity_pool", ("equal_lows", *_POOL)),
    _Kind(POIType.PSYCHOLOGICAL_LEVEL, "major_psychological_level", ("round_number",)),
    _Kind(POIType.PSYCHOLOGICAL_LEVEL, "minor_psychological_level", ("50_pip_level",)),
    *(_Kind(POIType.FIBONACCI_LEVEL, "fibonacci_level", (f"fibonacci_{part}",)) for part in _FIBONACCI),
)
_BLOCK, _GAP_KIND, _SWING, _SESSION_SWING, _SESSION, _POOL_KIND, _MAJOR, _MINOR, _RETRACEMENT = (
    0,
    2,
    4,
    6,
    8,
    10,
    12,
    13,
    14,
)
_TYPES = tuple(POIType)
_TYPE_OF_KIND = np.array([_TYPES.index(kind.type) for kind in _KINDS])
_LOW, _MEDIUM, _HIGH = 0, 1, 2
_SIGNIFICANCES = (POISignificance.LOW, POISignificance.MEDIUM, POISignificance.HIGH)
# "medium" > "low" > "high", as the original sorts.
_ALPHABETICAL = np.array([1, 2, 0])


class POISystem:
    """Finds points of interest, ranks them, and keeps those that it ranked highest.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults in :attr:`config`. Those that influence detection: ``max_active_pois`` 50,
        ``min_poi_strength`` 60.0, ``proximity_threshold`` 0.001, a lifetime in hours for each kind, and
        ``enable_order_blocks``, ``enable_fair_value_gaps``, ``enable_swing_points``, ``enable_session_levels``,
        ``enable_liquidity_pools``, ``enable_fibonacci_levels`` and ``enable_psychological_levels``.
    clock : callable, default the host's local time
        Stamps the records, and decides which have expired.
    data_manager : object, optional
        Has ``get_candles(symbol, timeframe, count)``, ``get_direct_market_data`` or ``get_historical_data`` of the same
        arguments. By default that of an engine running in this process, if there is one.
    logger : object, optional
        Takes what is found: ``info(message, component)``, or a :class:`logging.Logger`.
    tolerant : bool, default False
        Let NaN prices pass: means and extremes skip it, comparisons with it are false.
    strict : bool, default False
        Mend what is listed above as a defect and has one right answer.

    Attributes
    ----------
    config : dict
        All settings, defaults included; read at each call.
    active_pois, historical_pois : list of POI
        What :meth:`detect_pois` has returned so far: what has not expired, and what has.

    Notes
    -----
    :meth:`events` and the private detections change nothing and may be called from many threads.

    Examples
    --------
    >>> POISystem({"max_active_pois": 10}).config["max_active_pois"]
    10
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        clock: Clock = now,
        data_manager: Any = None,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.config: dict[str, Any] = self._load_default_config() | dict(config or {})
        self.active_pois: list[POI] = []
        self.historical_pois: list[POI] = []
        self._clock, self._data_manager = clock, data_manager
        self._log = Log("poi_system", logger)
        self._tolerant, self._strict = tolerant, strict
        self._analyses, self._detected, self._seconds, self._last_seconds = 0, 0, 0.0, 0.0

    def _load_default_config(self) -> dict[str, Any]:
        """Return the settings that apply unless others are given."""
        return {
            "max_active_pois": 50,
            "min_poi_strength": 60.0,
            "enable_order_blocks": True,
            "enable_fair_value_gaps": True,
            "enable_liquidity_pools": True,
            "enable_swing_points": True,
            "enable_session_levels": True,
            "enable_fibonacci_levels": True,
            "enable_psychological_levels": True,
            "default_poi_lifetime": 48,
            "order_block_lifetime": 72,
            "fvg_lifetime": 24,
            "swing_point_lifetime": 168,
            "session_level_lifetime": 24,
            "mitigation_threshold": 0.5,
            "test_invalidation_count": 3,
            "proximity_threshold": 0.0010,
            "confluence_weight": 0.3,
            "recency_weight": 0.2,
            "strength_weight": 0.3,
            "context_weight": 0.2,
            "poi_cleanup_interval": 3600,
            "max_analysis_time": 0.1,
            "enable_debug": False,
            "enable_cache": True,
            "batch_processing": True,
        }

    # --- the seven kinds ---

    def _detect_order_block_pois(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Return bars of large body that one of the next ten comes back to."""
        return self._records(self._order_blocks(data), data, symbol, timeframe)

    def _detect_fvg_pois(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Return gaps of at least 3 pips whose middle candle goes their way."""
        return self._records(self._gaps(data), data, symbol, timeframe)

    def _detect_swing_point_pois(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Return highs and lows beyond five bars on each side."""
        return self._records(self._swings(data), data, symbol, timeframe)

    def _detect_session_level_pois(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Return the high and the low of the last 48 bars."""
        return self._records(self._session_levels(data), data, symbol, timeframe)

    def _detect_liquidity_pool_pois(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Return highs, then lows, that the bars around keep returning to."""
        return self._records(self._pools(data), data, symbol, timeframe)

    def _detect_fibonacci_pois(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Return five retracements of the range of the last 100 bars."""
        return self._records(self._retracements(data), data, symbol, timeframe)

    def _detect_psychological_level_pois(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Return round prices close to the last close; for EURUSD only."""
        return self._records(self._round_levels(data, symbol), data, symbol, timeframe)

    def _order_blocks(self, data: pd.DataFrame) -> Hits:
        if len(data) < 20:
            return _nothing()
        bars = read(data, tolerant=self._tolerant)
        blocks = IMPULSE_BLOCKS(bars, 10, None, lookback=5, touch=2, above=1, below=1, still=1)
        with np.errstate(divide="ignore"):
            strength = np.minimum(70 + 10 * blocks.body / blocks.mean, 95.0)
        return _hits(
            blocks.bar,
            np.where(blocks.direction > 0, _BLOCK, _BLOCK + 1),
            np.where(strength >= 80, _HIGH, _MEDIUM),
            (blocks.top + blocks.bottom) / 2,
            blocks.bottom,
            blocks.top,
            strength,
        )

    def _gaps(self, data: pd.DataFrame) -> Hits:
        if len(data) < 3:
            return _nothing()
        gaps = GAPS(read(data, tolerant=self._tolerant), min_size=0.0003, body=1)
        return _hits(
            gaps.bar,
            np.where(gaps.direction > 0, _GAP_KIND, _GAP_KIND + 1),
            np.full(len(gaps), _MEDIUM),
            (gaps.top + gaps.bottom) / 2,
            gaps.bottom,
            gaps.top,
            np.minimum(60 + (gaps.top - gaps.bottom) * PIPS_PER_UNIT, 85.0),
        )

    def _swings(self, data: pd.DataFrame) -> Hits:
        if len(data) < 11:
            return _nothing()
        swings = SWING_LEVELS(read(data, ("high", "low"), tolerant=self._tolerant))
        session = swings.session == 1
        return _around(
            swings.bar,
            np.where(session, _SESSION_SWING, _SWING) + (swings.side < 0),
            np.where(session, _HIGH, _MEDIUM),
            swings.price,
            0.0005,
            np.where(session, 80.0, 70.0),
        )

    def _session_levels(self, data: pd.DataFrame) -> Hits:
        if len(data) < 24:
            return _nothing()
        extremes = np.array(self._extremes(data, SESSION_BARS))
        kinds = np.array([_SESSION, _SESSION + 1])
        return _around(np.full(2, -1), kinds, np.full(2, _HIGH), extremes, 0.0002, np.full(2, 75.0))

    def _pools(self, data: pd.DataFrame) -> Hits:
        if len(data) < 20:
            return _nothing()
        found = LIQUIDITY_POOLS(read(data, ("high", "low"), tolerant=self._tolerant))
        pools = found[np.argsort(found.side < 0, kind="stable")]
        return _around(
            pools.bar,
            np.where(pools.side > 0, _POOL_KIND, _POOL_KIND + 1),
            np.full(len(pools), _HIGH),
            pools.price,
            0.0005,
            np.minimum(65 + 5 * pools.alike, 85).astype(np.float64),
        )

    def _retracements(self, data: pd.DataFrame) -> Hits:
        if len(data) < 30:
            return _nothing()
        high, low = self._extremes(data, FIBONACCI_BARS)
        parts = np.array(list(_FIBONACCI))
        return _around(
            np.full(len(parts), -1),
            _RETRACEMENT + np.arange(len(parts)),
            np.full(len(parts), _MEDIUM),
            high - (high - low) * parts,
            0.0005,
            np.array(list(_FIBONACCI.values())),
        )

    def _round_levels(self, data: pd.DataFrame, symbol: str) -> Hits:
        if symbol != "EURUSD" or not len(data):
            return _nothing()
        price = float(read(data, ("close",), last=1, tolerant=self._tolerant).close[-1])
        if not math.isfinite(price):
            return _nothing()
        parts = [_major_levels(price), _minor_levels(price)]
        return Hits(
            {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
        )

    def _extremes(self, data: pd.DataFrame, last: int) -> tuple[float, float]:
        """Return the high and the low of the last bars, NaN skipped."""
        bars = read(data, ("high", "low"), last=last, tolerant=self._tolerant)
        return float(np.fmax.reduce(bars.high[:])), float(np.fmin.reduce(bars.low[:]))

    # --- all of them ---

    def events(self, data: pd.DataFrame, symbol: str = "EURUSD") -> Hits:
        """Return all points of the enabled kinds as columns, neither weeded nor ranked, without a record each.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low`` and ``close``, oldest row first. It is not modified.
        symbol : str, default "EURUSD"

        Returns
        -------
        Hits
            Columns ``bar`` (position of the bar, -1 without one), ``kind`` (position in :meth:`kinds`),
            ``significance`` (0 low to 2 high), ``level``, ``bottom``, ``top`` and ``strength``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the system is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({name: [1.048] for name in ("open", "high", "low", "close")})
        >>> POISystem().events(candles).level.tolist()
        [1.05, 1.05]
        """
        scans = (
            ("enable_order_blocks", self._order_blocks),
            ("enable_fair_value_gaps", self._gaps),
            ("enable_swing_points", self._swings),
            ("enable_session_levels", self._session_levels),
            ("enable_liquidity_pools", self._pools),
            ("enable_fibonacci_levels", self._retracements),
        )
        parts = [_nothing(), *(scan(data) for enabled, scan in scans if self.config[enabled])]
        if self.config["enable_psychological_levels"]:
            parts.append(self._round_levels(data, symbol))
        return Hits(
            {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
        )

    @staticmethod
    def kinds() -> list[tuple[POIType, str]]:
        """Return type and tag of every kind, in the order in which :meth:`events` counts them.

        Returns
        -------
        list of tuple of POIType and str

        Examples
        --------
        >>> POISystem.kinds()[2]
        (<POIType.FAIR_VALUE_GAP: 'fair_value_gap'>, 'bullish_fvg')
        """
        return [(kind.type, kind.tag) for kind in _KINDS]

    def detect_pois(
        self, symbol: str = "EURUSD", timeframe: str = "M15", lookback_days: int = 7
    ) -> list[POI]:
        """Return the highest ranked points of a symbol's candles, and add them to :attr:`active_pois`.

        Weak points are left out; of points of one type within ``proximity_threshold`` the stronger stays; each point
        gains 5 for every other within 20 pips, at most 15, and with two of them a step of significance.

        Parameters
        ----------
        symbol : str, default "EURUSD"
        timeframe : str, default "M15"
        lookback_days : int, default 7
            How many days of candles to ask the data manager for.

        Returns
        -------
        list of POI
            At most ``max_active_pois``. Empty if there are no candles.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the system is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({name: [1.048] for name in ("open", "high", "low", "close")})
        >>> class Manager:
        ...     def get_candles(self, symbol, timeframe, count):
        ...         return candles
        >>> [poi.price_level for poi in POISystem(data_manager=Manager()).detect_pois()]
        [1.05]
        >>> POISystem().detect_pois()
        []
        """
        begun = time.perf_counter()
        data = self._get_market_data(symbol, timeframe, lookback_days)
        if data is None or not len(data):
            self._log.warning(f"there are no candles of {symbol} {timeframe}")
            return []
        pois = self._best(data, symbol, timeframe)
        self.active_pois += pois
        self._retire()
        self._last_seconds = time.perf_counter() - begun
        self._seconds += self._last_seconds
        self._analyses += 1
        self._detected += len(pois)
        self._log.info(f"{len(pois)} points of interest of {symbol} {timeframe}")
        return pois

    def _best(self, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Return the records of the points that are left at the end, and of no others."""
        found = self.events(data, symbol)
        found = found[found.strength >= self.config["min_poi_strength"]]
        types = _TYPE_OF_KIND[found.kind]
        kept = keep_strongest(found.level, found.strength, types, self.config["proximity_threshold"])
        found, types = found[kept], types[kept]
        near = count_near(found.level, CONFLUENCE_REACH)
        significance = np.minimum(found.significance + (near >= 2), _HIGH)
        strength = found.strength + np.minimum(5 * near, 15)
        rank = significance if self._strict else _ALPHABETICAL[significance]
        order = np.lexsort((-strength, -rank))[: self.config["max_active_pois"]]
        raised = Hits(found.columns | {"significance": significance, "strength": strength})
        pois = self._records(raised[order], data, symbol, timeframe)
        for poi, at in zip(pois, order.tolist()):
            close = np.abs(found.level - found.level[at]) <= CONFLUENCE_REACH
            close[at] = False
            poi.confluences += [f"confluence_with_{name}" for name in _names(types[close])]
        return pois

    def _get_market_data(self, symbol: str, timeframe: str, days: int) -> pd.DataFrame | None:
        """Return a symbol's candles from the data manager, or None without one."""
        manager = self._data_manager or engine_data_manager()
        for name in ("get_candles", "get_direct_market_data", "get_historical_data"):
            ask = getattr(manager, name, None)
            if ask is not None:
                count = max(1, days * DAY_MINUTES // _TIMEFRAME_MINUTES.get(timeframe, 15))
                candles: pd.DataFrame | None = ask(symbol, timeframe, count)
                return candles
        return None

    def _retire(self) -> None:
        """Move what has expired to the historical points."""
        moment = self._clock()
        expired = [poi for poi in self.active_pois if _expired(poi, moment)]
        if not expired:
            return
        self.active_pois = [poi for poi in self.active_pois if not _expired(poi, moment)]
        for poi in expired:
            poi.status = POIStatus.EXPIRED
        self.historical_pois += expired

    def _records(self, hits: Hits, data: pd.DataFrame, symbol: str, timeframe: str) -> list[POI]:
        """Build the records, all in one pass."""
        moment = self._clock()
        expiries = [moment + timedelta(hours=self.config[kind.lifetime]) for kind in _KINDS]
        types, tags, confluences = zip(*(kind[:3] for kind in _KINDS))
        significances, active = _SIGNIFICANCES, POIStatus.ACTIVE
        rows = zip(
            _labels(data.index, hits.bar, moment),
            *(hits.columns[name].tolist() for name in hits.columns if name != "bar"),
        )
        return [
            POI(
                types[kind],
                level,
                (bottom, top),
                label,
                symbol,
                timeframe,
                significances[significance],
                active,
                strength,
                "",
                tags[kind],
                [*confluences[kind]],
                moment,
                None,
                expiries[kind],
            )
            for label, kind, significance, level, bottom, top, strength in rows
        ]

    def detect_points_of_interest(
        self, data: pd.DataFrame | Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return order blocks, gaps and swings of a frame as dicts, or the first swings of a list of candles.

        Parameters
        ----------
        data : DataFrame or sequence of dict
            A frame with times as its index, or candles with ``high`` and ``low``, oldest first. Not modified.

        Returns
        -------
        list of dict
            Keys ``type``, ``price`` (0.0 for a frame, unless the system is strict), ``strength``, ``significance``,
            ``timestamp``, ``is_valid`` and ``confidence``. Empty for a frame without times, and for less than 10
            candles in a list, of which no more than 10 swings are returned.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the system is not tolerant.

        Examples
        --------
        >>> candles = [{"high": 1.1 + tip, "low": 1.09} for tip in (0, 0, 0, 0.01, 0, 0, 0, 0, 0, 0)]
        >>> [(poi["type"], poi["price"]) for poi in POISystem().detect_points_of_interest(candles)]
        [('swing_high', 1.11)]
        """
        import pandas as pd

        if not isinstance(data, pd.DataFrame):
            return self._swings_of_list(data)
        if not len(data) or not hasattr(data.index[0], "isoformat"):
            return []
        parts = [self._order_blocks(data), self._gaps(data), self._swings(data)]
        hits = Hits(
            {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
        )
        stamps = _stamps(data.index, hits.bar)
        prices = hits.level.tolist() if self._strict else repeat(0.0)
        types = [kind.type.value for kind in _KINDS]
        significances = [significance.value for significance in _SIGNIFICANCES]
        rows = zip(hits.kind.tolist(), prices, hits.strength.tolist(), hits.significance.tolist(), stamps)
        return [
            {
                "type": types[kind],
                "price": price,
                "strength": strength,
                "significance": significances[significance],
                "timestamp": stamp,
                "is_valid": True,
                "confidence": 0.6,
            }
            for kind, price, strength, significance, stamp in rows
        ]

    def _swings_of_list(self, candles: Any) -> list[dict[str, Any]]:
        if not isinstance(candles, Sequence) or isinstance(candles, str) or len(candles) < 10:
            return []
        import pandas as pd

        try:
            frame = pd.DataFrame({name: [candle[name] for candle in candles] for name in ("high", "low")})
        except (KeyError, TypeError) as error:
            raise CandleError(f"a candle lacks {error}; give each a 'high' and a 'low'") from None
        swings = SWINGS(read(frame, ("high", "low"), tolerant=self._tolerant), left=2, right=2)[:10]
        moment = self._clock()
        return [
            {
                "type": "swing_high" if side > 0 else "swing_low",
                "price": price,
                "strength": 0.7,
                "significance": "medium",
                "timestamp": candles[bar].get("timestamp", moment.isoformat()),
                "is_valid": True,
                "confidence": 0.65,
            }
            for bar, side, price in swings.rows("bar", "side", "price")
        ]

    # --- what is kept ---

    def get_active_pois(self, poi_type: POIType | None = None) -> list[POI]:
        """Return the points that have not expired, of one type or of all.

        Parameters
        ----------
        poi_type : POIType, optional

        Returns
        -------
        list of POI

        Examples
        --------
        >>> POISystem().get_active_pois(POIType.ORDER_BLOCK)
        []
        """
        self._retire()
        return [poi for poi in self.active_pois if poi_type is None or poi.poi_type is poi_type]

    def get_pois_near_price(self, price: float, distance: float = 0.0020) -> list[POI]:
        """Return the active points within a distance of a price, the nearest first.

        Parameters
        ----------
        price : float
        distance : float, default 0.002

        Returns
        -------
        list of POI

        Examples
        --------
        >>> system = POISystem()
        >>> for level in (1.1, 1.101, 1.2):
        ...     system.active_pois.append(POI(POIType.SWING_HIGH, level, (level, level), None, "EURUSD", "M15"))
        >>> [poi.price_level for poi in system.get_pois_near_price(1.1008)]
        [1.101, 1.1]
        """
        near = [poi for poi in self.get_active_pois() if abs(poi.price_level - price) <= distance]
        return sorted(near, key=lambda poi: abs(poi.price_level - price))

    def get_poi_summary(self) -> dict[str, Any]:
        """Return how many points there are, and of which types and significances.

        Returns
        -------
        dict
            Keys ``total_active``, ``total_historical``, ``by_type``, ``by_significance`` and ``average_strength``.

        Examples
        --------
        >>> POISystem().get_poi_summary()["total_active"]
        0
        """
        active = self.get_active_pois()
        return {
            "total_active": len(active),
            "total_historical": len(self.historical_pois),
            "by_type": dict(Counter(poi.poi_type.value for poi in active)),
            "by_significance": dict(Counter(poi.significance.value for poi in active)),
            "average_strength": sum(poi.strength for poi in active) / len(active) if active else 0.0,
        }

    def get_performance_metrics(self) -> dict[str, Any]:
        """Return how often :meth:`detect_pois` found candles, how many points, and how long it took.

        Returns
        -------
        dict
            Keys ``total_analyses``, ``total_pois_detected``, ``last_analysis_time``, ``average_analysis_time`` (in
            seconds) and ``active_pois``.

        Examples
        --------
        >>> POISystem().get_performance_metrics()["total_analyses"]
        0
        """
        return {
            "total_analyses": self._analyses,
            "total_pois_detected": self._detected,
            "last_analysis_time": self._last_seconds,
            "average_analysis_time": self._seconds / self._analyses if self._analyses else 0.0,
            "active_pois": len(self.active_pois),
        }


POIDetector = POISystem


def get_poi_system(config: Mapping[str, Any] | None = None, **collaborators: Any) -> POISystem:
    """Return a new system.

    Parameters
    ----------
    config : dict, optional
        As of :class:`POISystem`.
    **collaborators
        Keyword arguments of :class:`POISystem`.

    Returns
    -------
    POISystem

    Examples
    --------
    >>> get_poi_system({"min_poi_strength": 80}).config["min_poi_strength"]
    80
    """
    return POISystem(config, **collaborators)


def _hits(
    bar: NDArray[np.int64],
    kind: NDArray[np.int64],
    significance: NDArray[np.int64],
    level: NDArray[np.float64],
    bottom: NDArray[np.float64],
    top: NDArray[np.float64],
    strength: NDArray[np.float64],
) -> Hits:
    return Hits(
        {
            "bar": bar,
            "kind": kind,
            "significance": significance,
            "level": level,
            "bottom": bottom,
            "top": top,
            "strength": strength,
        }
    )


def _around(
    bar: NDArray[np.int64],
    kind: NDArray[np.int64],
    significance: NDArray[np.int64],
    level: NDArray[np.float64],
    half: float,
    strength: NDArray[np.float64],
) -> Hits:
    """Points with the level in the middle of their zone."""
    return _hits(bar, kind, significance, level, level - half, level + half, strength)


def _nothing() -> Hits:
    ints, floats = np.empty(0, np.int64), np.empty(0)
    return _hits(ints, ints, ints, floats, floats, floats, floats)


def _levels(kind: int, significance: int, level: list[float], half: float, strength: list[float]) -> Hits:
    """Points that belong to no bar."""
    count = len(level)
    kinds, significances = np.full(count, kind), np.full(count, significance)
    return _around(np.full(count, -1), kinds, significances, np.array(level), half, np.array(strength))


def _major_levels(price: float) -> Hits:
    levels = [level for level in _ROUND_LEVELS if abs(price - level) <= 0.0100]
    strengths = [max(60.0, 80 - 1000 * abs(price - level)) for level in levels]
    return _levels(_MAJOR, _MEDIUM, levels, 0.0010, strengths)


def _minor_levels(price: float) -> Hits:
    base = int(price * PIPS_PER_UNIT) // 500 * 500
    levels = [(base + offset) / PIPS_PER_UNIT for offset in (-500, -250, 0, 250, 500)]
    levels = [level for level in levels if abs(level - price) <= 0.0050]
    return _levels(_MINOR, _LOW, levels, 0.0005, [65.0] * len(levels))


def _names(types: NDArray[np.int64]) -> list[str]:
    """Return the names of the types there are, each once, in order of first appearance."""
    return [_TYPES[at].value for at in dict.fromkeys(types.tolist())]


def _labels(index: pd.Index[Any], bars: NDArray[np.int64], moment: datetime | None) -> list[Any]:
    """Return the label of each bar, or the moment where there is none; each label is made once."""
    wanted = np.zeros(len(index) + 1, np.bool_)
    wanted[bars] = True  # a bar of -1 marks the cell beyond the index
    place = np.cumsum(wanted) - 1
    labels = [*index[wanted[:-1]].tolist(), moment]
    return [labels[at] for at in place[bars].tolist()]


def _stamps(index: pd.Index[Any], bars: NDArray[np.int64]) -> list[str]:
    """Return the time of each bar as text; times of whole seconds without a zone are written all at once."""
    if getattr(index, "tz", None) is None and index.dtype.kind == "M":
        times = index.to_numpy()[bars]
        seconds = times.astype("M8[s]")
        if (seconds == times).all():
            return cast("list[str]", np.datetime_as_string(seconds).tolist())
    return [label.isoformat() for label in _labels(index, bars, None)]


def _expired(poi: POI, moment: datetime) -> bool:
    return poi.expiry_time is not None and poi.expiry_time <= moment
