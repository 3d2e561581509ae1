"""Stop hunts, liquidity pools, killzones and breakers with the interface of ``smart_money_analyzer``.

The module stands in for the ICT Engine's ``smart_money_concepts.smart_money_analyzer``.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 5.3: New York is never the current session: overlap and power hour are asked first and cover it.
* 5.4: equal highs and lows are found but never returned as pools, since they carry no session; without any, two
  placeholders at price 0.0 are made. Pools depend on the hour of the clock. *Strict* validates the found ones like
  other pools and makes no placeholders.
* 5.6: the levels of all stop hunts come from the end of the frame, after nearly all candles that are held against
  them, and thresholds are absolute prices. One candle gives a record per level.
* 5.7: hours are those of the index as they stand, and the time zone asked for is only noted; a break of structure is a
  high or low 0.1 % beyond that of the candle before; a pip is 0.0001 for every symbol.
* 5.8: an order block is any tenth candle that is left by 0.1 % within three candles.
* 5.8: only the first six synthetic order blocks of a frame are looked at, and without a column ``timestamp`` breaks
  are looked for from the middle of the frame on, and stamped with the clock. *Strict* takes all blocks, looks from
  each block's own candle on and stamps with a DatetimeIndex if there is one.
* 5.8: no breaker reaches a confidence of 0.7 with the default ``min_structure_strength``; ``analysis_time_ms`` is 45.
* 5.9: the scores of the market maker's behaviour are constants, so that the technical fallback always answers.
* 5.10: the institutional order flow is stored but never returned. *Strict* returns it.
* 5.11: killzones are optimized without looking at a candle.
* 5.12: order blocks are of type ``UNKNOWN_OB``. *Strict* names ``bullish_ob`` and ``bearish_ob``.

Differences, on purpose:

* No candles are invented: without a data manager, or when it fails, ``detect_fvg`` and ``find_order_blocks`` return
  nothing. ``enhance_pattern_with_smart_money`` returns the pattern as it is, where the original adds random numbers;
  the private methods that only draw random numbers, or look up tables by the hour, are left out.
* In ``analyze_smart_money_concepts`` the flow, the signals and the overall score are neutral. The direction of a
  flow, which nothing of the original ever shows, follows the last five M15 candles. The keys and texts of
  ``analyze_market_data``, ``get_system_status`` and the recommended strategies are our own.
* ``detect_stop_hunts`` and ``_calculate_atr`` add no column to the caller's frame. A column ``atr`` that is there is
  used, as in the original.
* Breakers are looked for by position, whatever the index. Timestamps with a time zone are compared in UTC, where the
  original fails.
* Missing or non-numeric columns and NaN raise a :class:`~ict_kernels.errors.CandleError` (``tolerant=True`` lets NaN
  pass), where the original returns nothing. A missing ``tick_volume`` means no pools, as in the original.

Examples
--------
>>> import pandas as pd
>>> times = pd.date_range("2025-09-01", periods=96, freq="15min")
>>> candles = pd.DataFrame({"open": 1.1, "high": 1.1012, "low": 1.0995, "close": 1.1001}, index=times)
>>> zones = SmartMoneyAnalyzer().analyze_killzones(candles)
>>> zones["london"]["periods_analyzed"], round(zones["london"]["metrics"]["avg_range_pips"], 6)
(12, 17.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits, Rule
from ...detectors.engine.levels import CLOSE_BEYOND, CLOSE_NEAR, EQUAL_LEVELS, IMPULSES
from ...detectors.engine.sessions import SESSIONS, VOLATILITY
from ...detectors.engine.stop_hunts import LEVEL_TOUCHES, STOP_HUNTS, TRUE_RANGE
from ...detectors.engine.swings import SWINGS
from ...errors import ParameterError
from ...kernels.engine._types import EngineBars
from ...reference.engine.stop_hunts import round_levels
from ._collaborators import Clock, Log, MarketMemory, UnifiedMemory, engine_data_manager, now
from ._frames import OHLC, column, read, reads_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "InstitutionalFlow",
    "InstitutionalOrderFlow",
    "LiquidityPool",
    "LiquidityPoolType",
    "MarketMakerAnalysis",
    "MarketMakerBehavior",
    "OptimizedKillzone",
    "SmartMoneyAnalyzer",
    "SmartMoneySession",
    "create_smart_money_analyzer",
    "get_smart_money_analyzer_status",
]

PIPS_PER_UNIT = 10000
ROWS_NEEDED = 50
ROWS_FOR_EQUAL_LEVELS = 20
FETCHED = 500
MOST_EQUAL_LEVELS = 3
MOST_BLOCKS = 6
HOUR_WITHOUT_TIMES = 12
RECENT = timedelta(hours=24)

Record = dict[str, Any]
Statistics = tuple[Any, ...]


class SmartMoneySession(Enum):
    """A time of day by who trades in it.

    Examples
    --------
    >>> SmartMoneySession.POWER_HOUR.value
    'power_hour'
    """

    ASIAN_KILLZONE = "asian_killzone"
    LONDON_KILLZONE = "london_killzone"
    NEW_YORK_KILLZONE = "new_york_killzone"
    OVERLAP_LONDON_NY = "overlap_london_ny"
    POWER_HOUR = "power_hour"
    INACTIVE_SESSION = "inactive_session"


class LiquidityPoolType(Enum):
    """Where a liquidity pool comes from; relative and weekly ones are never found.

    Examples
    --------
    >>> LiquidityPoolType("daily_low").name
    'DAILY_LOW'
    """

    EQUAL_HIGHS = "equal_highs"
    EQUAL_LOWS = "equal_lows"
    RELATIVE_EQUAL_HIGHS = "relative_equal_highs"
    RELATIVE_EQUAL_LOWS = "relative_equal_lows"
    OLD_HIGH = "old_high"
    OLD_LOW = "old_low"
    DAILY_HIGH = "daily_high"
    DAILY_LOW = "daily_low"
    WEEKLY_HIGH = "weekly_high"
    WEEKLY_LOW = "weekly_low"


class InstitutionalFlow(Enum):
    """What institutions are taken to be doing.

    Examples
    --------
    >>> InstitutionalFlow.MARKUP.value
    'markup'
    """

    ACCUMULATION = "accumulation"
    DISTRIBUTION = "distribution"
    MANIPULATION = "manipulation"
    MARKUP = "markup"
    MARKDOWN = "markdown"
    NEUTRAL = "neutral"


class MarketMakerBehavior(Enum):
    """What market makers are taken to be doing.

    Examples
    --------
    >>> MarketMakerBehavior.NORMAL_TRADING.value
    'normal_trading'
    """

    LIQUIDITY_HUNT = "liquidity_hunt"
    STOP_HUNT = "stop_hunt"
    FAKE_BREAKOUT = "fake_breakout"
    ACCUMULATION_PHASE = "accumulation_phase"
    DISTRIBUTION_PHASE = "distribution_phase"
    NORMAL_TRADING = "normal_trading"


_Session, _Pool, _Behavior = SmartMoneySession, LiquidityPoolType, MarketMakerBehavior


@dataclass
class LiquidityPool:
    """A price that stop orders are taken to lie beyond.

    Attributes
    ----------
    strength, institutional_interest : float
        0 to 1.
    timestamp : object
        Index label of the candle that made the price.
    expected_reaction : str
        ``bullish_reaction`` or ``bearish_reaction``.

    Examples
    --------
    >>> pool = LiquidityPool(LiquidityPoolType.OLD_HIGH, 1.1, 0.7, None, 1, 0.6, 0.7,
    ...                      SmartMoneySession.LONDON_KILLZONE, "H4", "bearish_reaction", 1.1022)
    >>> pool.metadata
    {}
    """

    pool_type: LiquidityPoolType
    price_level: float
    strength: float
    timestamp: Any
    touches: int
    volume_evidence: float
    institutional_interest: float
    session_origin: SmartMoneySession
    timeframe_origin: str
    expected_reaction: str
    invalidation_price: float
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class _EqualLevel:
    """The light pool that stands for equal highs or lows."""

    pool_type: LiquidityPoolType
    price_level: float
    strength: float
    touches: int
    institutional_interest: float
    fallback: bool = True


@dataclass
class InstitutionalOrderFlow:
    """Order flow of institutions, as the engine estimates it.

    Examples
    --------
    >>> InstitutionalOrderFlow(InstitutionalFlow.NEUTRAL, 0.7, {}, 0.5, 3, 0.6,
    ...     SmartMoneySession.LONDON_KILLZONE, "H1+M15", 0.7, datetime(2025, 9, 1)).supporting_evidence
    []
    """

    flow_direction: InstitutionalFlow
    strength: float
    volume_profile: dict[str, Any]
    order_block_activity: float
    liquidity_interactions: int
    smart_money_signature: float
    session_context: SmartMoneySession
    timeframe_analysis: str
    confidence: float
    timestamp: datetime
    supporting_evidence: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class MarketMakerAnalysis:
    """What market makers seem to be doing, and how sure that is.

    Examples
    --------
    >>> MarketMakerAnalysis(MarketMakerBehavior.NORMAL_TRADING, 0.35, None, "M15", "neutral", 0.35,
    ...                     SmartMoneySession.INACTIVE_SESSION).institutional_footprint
    0.0
    """

    behavior_type: MarketMakerBehavior
    manipulation_evidence: float
    target_liquidity: LiquidityPool | None
    execution_timeframe: str
    expected_outcome: str
    probability: float
    session_timing: SmartMoneySession
    volume_anomalies: list[dict[str, Any]] = field(default_factory=list)
    price_action_signatures: list[str] = field(default_factory=list)
    institutional_footprint: float = 0.0
    timestamp: datetime | None = None


@dataclass
class OptimizedKillzone:
    """A killzone with what to do in it.

    Examples
    --------
    >>> zones = SmartMoneyAnalyzer().optimize_killzones_dynamically(None, {})
    >>> zones[SmartMoneySession.LONDON_KILLZONE].peak_activity_time
    datetime.time(9, 30)
    """

    session: SmartMoneySession
    start_time: time
    end_time: time
    peak_activity_time: time
    efficiency_score: float
    historical_success_rate: float
    volume_profile: dict[str, Any]
    liquidity_events: int
    institutional_activity_level: float
    recommended_strategies: list[str]
    dynamic_adjustments: dict[str, Any]


def _killzones() -> dict[SmartMoneySession, dict[str, Any]]:
    table = {
        _Session.ASIAN_KILLZONE: (time(0), time(3), time(1, 30), 0.65),
        _Session.LONDON_KILLZONE: (time(8), time(11), time(9, 30), 0.85),
        _Session.NEW_YORK_KILLZONE: (time(13), time(16), time(14, 30), 0.90),
        _Session.OVERLAP_LONDON_NY: (time(13), time(15), time(14), 0.95),
        _Session.POWER_HOUR: (time(15), time(16), time(15, 30), 0.88),
    }
    names = ("start", "end", "peak", "efficiency")
    return {session: dict(zip(names, row)) for session, row in table.items()}


# In this order, so that New York only shows where neither the overlap nor the power hour does: never.
_SESSION_ORDER = (
    _Session.OVERLAP_LONDON_NY,
    _Session.POWER_HOUR,
    _Session.ASIAN_KILLZONE,
    _Session.LONDON_KILLZONE,
    _Session.NEW_YORK_KILLZONE,
)
_BUSY_SESSIONS = {_Session.LONDON_KILLZONE, _Session.NEW_YORK_KILLZONE, _Session.OVERLAP_LONDON_NY}

# Hours of the day, as the index shows them; the last one is outside.
_ZONES = {
    "london": ("London", 7, 10),
    "ny": ("New York", 12, 15),
    "asian": ("Asian", 21, 24),
    "london_ny_overlap": ("London and New York", 12, 16),
}
_OVERLAPS = {
    "london_ny": ("London and New York trade at once", 12, 16),
    "asian_london": ("London opens as Asia closes", 7, 9),
    "ny_asian": ("Asia opens as New York closes", 21, 23),
}
_ADVICE = {
    "HIGH": "HIGH_ACTIVITY - All setups can be traded",
    "MODERATE": "MODERATE_ACTIVITY - Good for selective trading",
    "LOW": "LOW_ACTIVITY - Use with caution",
    "VERY_LOW": "VERY_LOW_ACTIVITY - Better to wait",
}
_CONFIDENCES = ("LOW", "MEDIUM", "HIGH")

# Strength, touches and interest of the pools that stand in where no equal highs or lows are found.
_PLACEHOLDERS = {1: ((0.65, 2, 0.60), (0.55, 1, 0.45)), -1: ((0.68, 2, 0.62), (0.52, 1, 0.42))}


class SmartMoneyAnalyzer:
    """Looks for stop hunts, liquidity pools, breakers and the activity of killzones.

    Parameters
    ----------
    logger : object, optional
        The engine's logger or one of the standard library; nothing is logged by default.
    clock : callable, default ``datetime.now``
        Tells the current session and stamps results.
    memory : MarketMemory, optional
        Kept as :attr:`unified_memory`; no result depends on it.
    data_manager : object, optional
        With ``get_candles(symbol, timeframe, count)`` and, if it has to be connected, ``connect()``. By default that
        of an engine that is loaded, at each call; without any, nothing is fetched.
    tolerant : bool, default False
        Let NaN pass: comparisons with it are false, and means leave it out.
    strict : bool, default False
        Do what is obviously meant in place of the defects that the module's documentation marks *strict*.

    Attributes
    ----------
    killzones, liquidity_detection_config, institutional_config, market_maker_config : dict
        Settings, read at each call.
    detected_liquidity_pools, institutional_flows, market_maker_activities : list
        What the last or all earlier calls found.
    unified_memory : MarketMemory
        The memory.

    Examples
    --------
    >>> analyzer = SmartMoneyAnalyzer(clock=lambda: datetime(2025, 9, 1, 14, 30))
    >>> analyzer.get_current_smart_money_session().name
    'OVERLAP_LONDON_NY'
    """

    def __init__(
        self,
        logger: Any | None = None,
        *,
        clock: Clock = now,
        memory: MarketMemory | None = None,
        data_manager: Any | None = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.logger = logger
        self.unified_memory = UnifiedMemory() if memory is None else memory
        self.killzones = _killzones()
        self.liquidity_detection_config: dict[str, Any] = {
            "equal_highs_tolerance": 0.0005,
            "equal_lows_tolerance": 0.0005,
            "relative_equal_tolerance": 0.0010,
            "minimum_touches": 2,
            "volume_confirmation_threshold": 1.2,
            "institutional_interest_threshold": 0.6,
        }
        self.institutional_config: dict[str, Any] = {
            "order_block_weight": 0.35,
            "volume_analysis_weight": 0.25,
            "liquidity_interaction_weight": 0.25,
            "session_timing_weight": 0.15,
            "minimum_confidence": 0.70,
        }
        self.market_maker_config: dict[str, Any] = {
            "manipulation_detection_sensitivity": 0.75,
            "stop_hunt_threshold": 0.0020,
            "fake_breakout_reversion_time": 5,
            "volume_anomaly_threshold": 1.5,
        }
        self.detected_liquidity_pools: list[LiquidityPool] = []
        self.institutional_flows: list[InstitutionalOrderFlow] = []
        self.market_maker_activities: list[MarketMakerAnalysis] = []
        self._clock = clock
        self._data_manager = data_manager
        self._tolerant = tolerant
        self._strict = strict
        self._log = Log("smart_money_analyzer", logger)

    # ---- sessions ----------------------------------------------------------------------------

    def get_current_smart_money_session(self) -> SmartMoneySession:
        """Return the session that the clock shows; both ends of a session belong to it.

        Returns
        -------
        SmartMoneySession

        Examples
        --------
        >>> SmartMoneyAnalyzer(clock=lambda: datetime(2025, 9, 1, 12)).get_current_smart_money_session().value
        'inactive_session'
        """
        moment = self._clock().time()
        for session in _SESSION_ORDER:
            zone = self.killzones[session]
            if zone["start"] <= moment <= zone["end"]:
                return session
        return _Session.INACTIVE_SESSION

    def analyze_killzones(
        self, data: pd.DataFrame, timezone: str = "GMT", include_overlaps: bool = True
    ) -> dict[str, Any]:
        """Return how active the killzones of a frame are, by the hours of its index as they stand there.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low``, ``close`` and, if there is one, ``volume``. Without times in the
            index every candle counts as one of 12 o'clock.
        timezone : str, default "GMT"
            Only noted in the result.
        include_overlaps : bool, default True
            Whether to add ``session_overlaps``.

        Returns
        -------
        dict
            ``london``, ``ny``, ``asian`` and ``london_ny_overlap``, each with ``metrics``, ``activity_score`` and
            ``recommendation``; ``session_overlaps``, ``current_optimal`` and ``analysis_summary``. Only ``error``
            for fewer than 50 rows.

        Raises
        ------
        CandleError
            If a price column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> times = pd.date_range("2025-09-01", periods=96, freq="15min")
        >>> candles = pd.DataFrame({"open": 1.1, "high": 1.1012, "low": 1.0995, "close": 1.1001}, index=times)
        >>> SmartMoneyAnalyzer().analyze_killzones(candles)["current_optimal"]["confidence"]
        'LOW'
        """
        if len(data) < ROWS_NEEDED:
            return {"error": f"killzones need {ROWS_NEEDED} candles; there are {len(data)}"}
        bars = read(
            data, OHLC, volume=("volume",), tolerant=self._tolerant, minute=_minutes_of_full_hours(data.index)
        )
        has_volume = len(bars.volume) > 0
        sessions = _sessions(bars, [*_ZONES.values(), *(_OVERLAPS.values() if include_overlaps else ())])
        zones = {
            key: _zone(name, (first, end), sessions.get((first, end)), has_volume)
            for key, (name, first, end) in _ZONES.items()
        }
        result: dict[str, Any] = dict(zones)
        if include_overlaps:
            result["session_overlaps"] = {
                key: _overlap(description, (first, end), sessions[first, end], has_volume)
                for key, (description, first, end) in _OVERLAPS.items()
                if (first, end) in sessions
            }
        result["current_optimal"] = _optimal(zones)
        result["analysis_summary"] = {
            "total_periods": len(data),
            "timezone": timezone,
            "timestamp": self._clock(),
            "killzones_analyzed": len(_ZONES),
            "overlaps_included": include_overlaps,
        }
        return result

    def optimize_killzones_dynamically(
        self, historical_data: Any, recent_performance: Mapping[str, float]
    ) -> dict[SmartMoneySession, OptimizedKillzone]:
        """Return the killzones with the recent success rates.

        Parameters
        ----------
        historical_data : object
            Not read.
        recent_performance : mapping of str to float
            Success rate by value of the session; 0.75 where there is none.

        Returns
        -------
        dict of SmartMoneySession to OptimizedKillzone

        Examples
        --------
        >>> zones = SmartMoneyAnalyzer().optimize_killzones_dynamically(None, {"power_hour": 0.5})
        >>> zones[SmartMoneySession.POWER_HOUR].dynamic_adjustments
        {'reduce_position_size': True, 'extend_session_time': False}
        """
        return {
            session: _optimized(session, zone, (recent_performance or {}).get(session.value))
            for session, zone in self.killzones.items()
        }

    # ---- liquidity pools ---------------------------------------------------------------------

    def detect_liquidity_pools(
        self,
        candles_h4: pd.DataFrame,
        candles_h1: pd.DataFrame | None,
        candles_m15: pd.DataFrame,
        current_price: float,
        *,
        session: SmartMoneySession | None = None,
    ) -> list[LiquidityPool]:
        """Return the prices that institutions are interested in.

        Parameters
        ----------
        candles_h4 : DataFrame
            Columns ``high`` and ``low``.
        candles_h1 : DataFrame
            Not read.
        candles_m15 : DataFrame
            Columns ``close`` and ``tick_volume``.
        current_price : float
            Not read.
        session : SmartMoneySession, optional
            By default the one that the clock shows.

        Returns
        -------
        list of LiquidityPool
            Those with an interest of 0.6 and more: the high and low of the last 50 H4 candles, and of the last six.
            Empty without a column ``tick_volume``. Also kept in :attr:`detected_liquidity_pools`.

        Raises
        ------
        CandleError
            If another column is missing, or one is not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> h4 = pd.DataFrame({"high": [1.1, 1.2], "low": [1.0, 1.05]})
        >>> m15 = pd.DataFrame({"close": [1.2, 1.1, 1.1], "tick_volume": [90.0, 10.0, 10.0]})
        >>> london = SmartMoneySession.LONDON_KILLZONE
        >>> [(pool.pool_type.value, pool.price_level, round(pool.institutional_interest, 6))
        ...  for pool in SmartMoneyAnalyzer().detect_liquidity_pools(h4, None, m15, 1.1, session=london)]
        [('old_high', 1.2, 0.7), ('daily_high', 1.2, 0.8)]
        """
        self.detected_liquidity_pools = []
        if len(candles_h4) == 0 or "tick_volume" not in candles_m15.columns:
            return []
        session = session or self.get_current_smart_money_session()
        pools = self._equal_pools(candles_h4, session) if self._strict else []
        pools += self._extreme_pools(candles_h4, session)
        bars = read(candles_m15, ("close",), volume=("tick_volume",), tolerant=self._tolerant)
        average = _mean(bars.volume[:])
        for pool in pools:
            pool.institutional_interest = _interest(pool, bars, average)
        least = self.liquidity_detection_config["institutional_interest_threshold"]
        self.detected_liquidity_pools = [pool for pool in pools if pool.institutional_interest >= least]
        return list(self.detected_liquidity_pools)

    def _detect_equal_highs(self, candles: pd.DataFrame, timeframe: str = "H4") -> list[_EqualLevel]:
        """Return the first three highs that a neighbour equals, or else two placeholders at 0.0."""
        levels = self._equal_levels(candles, 1)
        return _equal_records(levels, _Pool.EQUAL_HIGHS) or _placeholders(1)

    def _detect_equal_lows(self, candles: pd.DataFrame, timeframe: str = "H4") -> list[_EqualLevel]:
        """Return the first three lows that a neighbour equals, or else two placeholders at 0.0."""
        levels = self._equal_levels(candles, -1)
        return _equal_records(levels, _Pool.EQUAL_LOWS) or _placeholders(-1)

    def _equal_levels(self, candles: pd.DataFrame, side: int) -> Hits:
        name = "high" if side > 0 else "low"
        if len(candles) < ROWS_FOR_EQUAL_LEVELS or name not in candles.columns:
            return EQUAL_LEVELS.hits([])
        config = self.liquidity_detection_config
        return _first_hits(
            EQUAL_LEVELS,
            read(candles, (name,), tolerant=self._tolerant),
            len(candles),
            MOST_EQUAL_LEVELS,
            side=side,
            tolerance=config[f"equal_{name}s_tolerance"],
            before=min(10, len(candles) // 4),
            touches=config["minimum_touches"],
        )

    def _equal_pools(self, candles: pd.DataFrame, session: SmartMoneySession) -> list[LiquidityPool]:
        """Return equal highs and lows as full pools, for the strict analyzer."""
        pools = []
        for side, kind in ((1, _Pool.EQUAL_HIGHS), (-1, _Pool.EQUAL_LOWS)):
            levels = self._equal_levels(candles, side)
            labels = candles.index[levels.bar].tolist()
            for level, label in zip(_equal_records(levels, kind), labels):
                pools.append(
                    _pool(
                        kind,
                        level.price_level,
                        level.strength,
                        label,
                        session,
                        0.0,
                        "H4",
                        0.002,
                        level.touches,
                    )
                )
        return pools

    def _extreme_pools(self, candles: pd.DataFrame, session: SmartMoneySession) -> list[LiquidityPool]:
        """Return the high and the low of the last 50 H4 candles, then of the last six."""
        pools = []
        kinds = (
            (50, _Pool.OLD_HIGH, _Pool.OLD_LOW, 0.7, 0.6, "H4", 0.002),
            (6, _Pool.DAILY_HIGH, _Pool.DAILY_LOW, 0.8, 0.7, "Daily", 0.003),
        )
        for last, high, low, strength, evidence, origin, margin in kinds:
            bars = read(candles, ("high", "low"), last=last, tolerant=self._tolerant)
            first = len(candles) - len(bars.high)
            for kind, prices, sign in ((high, bars.high[:], 1), (low, bars.low[:], -1)):
                if not np.isnan(prices).all():
                    at = int(np.nanargmax(sign * prices))
                    price, label = float(prices[at]), candles.index[first + at]
                    pools.append(_pool(kind, price, strength, label, session, evidence, origin, margin))
        return pools

    # ---- stop hunts --------------------------------------------------------------------------

    def detect_stop_hunts(
        self,
        data: pd.DataFrame,
        lookback_periods: int = 50,
        spike_threshold: float = 0.0015,
        reversal_periods: int = 5,
        volume_threshold: float = 1.5,
    ) -> list[dict[str, Any]]:
        """Return wicks through a level that were taken back at once.

        Parameters
        ----------
        data : DataFrame
            Columns ``high``, ``low``, ``close`` and, if there are any, ``volume`` and ``atr``. It is not modified.
        lookback_periods : int, default 50
            Levels are the swings of so many last candles and the round prices around the last close; so many first
            candles are not looked at.
        spike_threshold : float, default 0.0015
            How far a wick goes beyond the level at least; also half the average true range.
        reversal_periods : int, default 5
            How many later candles may trade back by 0.1 % beyond the level.
        volume_threshold : float, default 1.5
            Volume, in units of the mean of 20 candles, from which on confidence is higher.

        Returns
        -------
        list of dict
            A record per candle and level, in that order; empty for fewer than 50 rows.

        Raises
        ------
        CandleError
            If a price column is missing or not numeric, or holds NaN and the analyzer is not tolerant.
        ParameterError
            If a number of candles is negative.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.1042] * 60, "low": [1.1032] * 60, "close": [1.1037] * 60})
        >>> candles.loc[54, ["high", "close"]], candles.loc[55, "low"] = [1.1122, 1.1082], 1.0982
        >>> [(hunt["timestamp"], hunt["type"], round(hunt["target_level"], 6))
        ...  for hunt in SmartMoneyAnalyzer().detect_stop_hunts(candles)]
        [(54, 'BEARISH_STOP_HUNT', 1.11)]
        """
        hunts = self.stop_hunt_events(
            data, lookback_periods, spike_threshold, reversal_periods, volume_threshold
        )
        return _hunt_records(hunts, data)

    def stop_hunt_events(
        self,
        data: pd.DataFrame,
        lookback_periods: int = 50,
        spike_threshold: float = 0.0015,
        reversal_periods: int = 5,
        volume_threshold: float = 1.5,
    ) -> Hits:
        """Return what :meth:`detect_stop_hunts` finds as columns, without building a record.

        Parameters
        ----------
        data, lookback_periods, spike_threshold, reversal_periods, volume_threshold
            As for :meth:`detect_stop_hunts`.

        Returns
        -------
        Hits
            ``bar``, ``confirmed`` (the candle of the reversal), ``side`` (-1 bearish, 1 bullish), ``level``,
            ``extreme``, ``spike``, ``reversal``, ``size``, ``volume_ratio``, ``strength`` and ``confidence`` (0 low
            to 2 high).

        Examples
        --------
        >>> import pandas as pd
        >>> len(SmartMoneyAnalyzer().stop_hunt_events(pd.DataFrame()))
        0
        """
        if lookback_periods < 0 or reversal_periods < 0:
            raise ParameterError("lookback_periods and reversal_periods count candles; give 0 or more")
        if len(data) < ROWS_NEEDED:
            return _rated(STOP_HUNTS.hits([]), volume_threshold)
        bars = read(data, ("high", "low", "close"), volume=("volume",), tolerant=self._tolerant)
        if not np.isfinite(bars.close[-1]):
            return _rated(STOP_HUNTS.hits([]), volume_threshold)
        given_atr = "atr" in data.columns
        hunts = STOP_HUNTS(
            bars,
            lookback=lookback_periods,
            spike=spike_threshold,
            reversal=reversal_periods,
            atr=0 if given_atr else 14,
        )
        if given_atr:
            # The column is NaN in its first rows, also where the original wrote it.
            half = 0.5 * column(data, "atr", tolerant=True)[hunts.bar]
            hunts = hunts[~((half > 0) & (hunts.spike < half))]
        return _rated(hunts, volume_threshold)

    def _find_swing_highs(self, data: pd.DataFrame, window: int = 5) -> list[tuple[int, float]]:
        """Return position and price of the highs that no candle of the window on either side reaches."""
        return self._swings(data, window, 1)

    def _find_swing_lows(self, data: pd.DataFrame, window: int = 5) -> list[tuple[int, float]]:
        """Return position and price of the lows that no candle of the window on either side reaches."""
        return self._swings(data, window, -1)

    def _swings(self, data: pd.DataFrame, window: int, side: int) -> list[tuple[int, float]]:
        if window < 0:
            raise ParameterError(f"window is {window}; give the number of candles on either side")
        bars: Any = read(data, ("high", "low"), tolerant=self._tolerant)
        if reads_rows.get():
            # The original, too, takes these columns out whole.
            bars = SimpleNamespace(high=bars.high[:].tolist(), low=bars.low[:].tolist())
        swings = SWINGS(bars, 0, len(data), left=window, right=window)
        return list(swings[swings.side == side].rows("bar", "price"))

    def _calculate_atr(self, data: pd.DataFrame, period: int = 14) -> pd.Series[float]:
        """Return the average true range; NaN for the first candles. The frame gets no column."""
        import pandas as pd

        ranges = TRUE_RANGE(read(data, ("high", "low", "close"), tolerant=self._tolerant), period=period)
        values = np.full(len(data), np.nan)
        values[ranges.bar] = ranges.average
        return pd.Series(values, index=data.index, name="atr")

    def _get_round_number_levels(self, price: float) -> list[float]:
        """Return the round prices around a price, ascending, but for those within 0.1 % of it."""
        return round_levels(price)

    def _calculate_level_strength(self, data: pd.DataFrame, level: float, type: str) -> float:  # noqa: A002
        """Return from 0 to 1 how often the price came to a level, and how often it turned there."""
        resistance = type == "resistance"
        names = ("high" if resistance else "low", "close")
        touches = LEVEL_TOUCHES(
            read(data, names, tolerant=self._tolerant), level=level, side=1 if resistance else -1
        )
        if len(touches) == 0:
            return 0.0
        return min(min(0.2 * len(touches), 1.0) * int(touches.bounced.sum()) / len(touches), 1.0)

    # ---- breaker blocks ----------------------------------------------------------------------

    def find_breaker_blocks(
        self, data: pd.DataFrame, lookback: int = 20, min_structure_strength: float = 0.6
    ) -> dict[str, Any]:
        """Return the order blocks that a later close broke, with the sentiment that follows from them.

        Parameters
        ----------
        data : DataFrame
            Columns ``high``, ``low``, ``close`` and, if there are any, ``volume`` and ``timestamp``.
        lookback : int, default 20
            How many rows there must be.
        min_structure_strength : float, default 0.6
            No confidence is higher.

        Returns
        -------
        dict
            ``status`` is ``SUCCESS``, ``NO_ORDER_BLOCKS`` or ``INSUFFICIENT_DATA``; ``breaker_blocks`` lists the
            breakers in order of their order blocks.

        Raises
        ------
        CandleError
            If a price column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.1] * 30, "low": [1.09] * 30, "close": [1.095] * 30})
        >>> candles.loc[6, "high"], candles.loc[20, ["low", "close"]] = 1.12, 1.08
        >>> result = SmartMoneyAnalyzer().find_breaker_blocks(candles)
        >>> [(b["original_ob_price"], b["new_role"]) for b in result["breaker_blocks"]]
        [(1.09, 'resistance')]
        """
        if len(data) < lookback:
            return {
                "status": "INSUFFICIENT_DATA",
                "message": f"{len(data)} candles are too few",
                "required_minimum": lookback,
                "recommendation": "Give more candles",
                "timestamp": self._clock(),
            }
        bars = read(data, ("high", "low", "close"), volume=("volume",), tolerant=self._tolerant)
        blocks = IMPULSES(bars)
        if not self._strict:
            blocks = blocks[:MOST_BLOCKS]
        if len(blocks) == 0:
            return {
                "status": "NO_ORDER_BLOCKS",
                "message": "no candle was left by 0.1 % within three candles",
                "recommendation": "Give candles with larger moves",
                "timestamp": self._clock(),
            }
        breakers = self._breakers(data, bars, blocks, min_structure_strength)
        return _breaker_report(breakers, len(data), lookback, min_structure_strength, self._clock())

    def _breakers(
        self, data: pd.DataFrame, bars: EngineBars, blocks: Hits, most: float
    ) -> list[dict[str, Any]]:
        import pandas as pd

        given = pd.Index(data["timestamp"]) if "timestamp" in data.columns else None
        stamps = self._labels(data) if given is None else given
        usual = _mean(bars.volume[-5:]) if len(bars.volume) else np.nan
        found = []
        for number, (bar, side, price) in enumerate(blocks.rows("bar", "side", "price"), 1):
            middle = bar if self._strict else len(data) // 2
            start = middle if given is None else _first_not_before(given, bar)
            if len(data) - start < 3:
                continue
            limit = 0.997 * price if side > 0 else 1.003 * price
            broken = CLOSE_BEYOND(bars, start, start + 1, level=limit, side=-side)
            if len(broken):
                at = int(broken.confirmed[0])
                volume = float(bars.volume[at]) if len(bars.volume) else 0.0
                confirmed = volume > 1.2 * usual if volume > 0 else True
                close, stamp = float(broken.close[0]), self._clock() if stamps is None else stamps[at]
                found.append(_breaker(number, side, price, close, stamp, volume, bool(confirmed), most))
        return found

    def _labels(self, data: pd.DataFrame) -> pd.Index[Any] | None:
        """Return what breaks are stamped with where there is no column for it; None for the clock."""
        import pandas as pd

        return data.index if self._strict and isinstance(data.index, pd.DatetimeIndex) else None

    # ---- market makers and institutions ------------------------------------------------------

    def detect_market_maker_behavior(
        self,
        candles_m15: pd.DataFrame,
        candles_m5: pd.DataFrame | None,
        liquidity_pools: Sequence[Any],
        current_session: SmartMoneySession,
    ) -> MarketMakerAnalysis | None:
        """Return what volatility and range of the last candles suggest.

        Parameters
        ----------
        candles_m15 : DataFrame
            Columns ``high``, ``low`` and ``close``; up to ten rows count as ordinary trading.
        candles_m5, liquidity_pools : object
            Not read.
        current_session : SmartMoneySession
            Noted in the result.

        Returns
        -------
        MarketMakerAnalysis
            Also appended to :attr:`market_maker_activities`.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.1] * 11, "low": [1.09] * 11, "close": [1.095] * 11})
        >>> SmartMoneyAnalyzer().detect_market_maker_behavior(
        ...     candles, None, [], SmartMoneySession.LONDON_KILLZONE).behavior_type.name
        'ACCUMULATION_PHASE'
        """
        behavior, evidence, outcome = _Behavior.NORMAL_TRADING, 0.35, "neutral"
        if len(candles_m15) > 10:
            bars = read(candles_m15, ("high", "low", "close"), tolerant=self._tolerant)
            volatility = VOLATILITY(bars, period=10).value
            latest, close = float(volatility[-1]), float(bars.close[-1])
            reach = (_largest(bars.high[-5:]) + _largest(-bars.low[-5:])) / close
            hunting = latest > _mean(volatility)
            behavior = _Behavior.LIQUIDITY_HUNT if hunting else _Behavior.ACCUMULATION_PHASE
            evidence = min(0.7, 5 * reach + latest)
            outcome = "bullish" if close > bars.close[-10] else "bearish"
        analysis = MarketMakerAnalysis(
            behavior_type=behavior,
            manipulation_evidence=evidence,
            target_liquidity=None,
            execution_timeframe="M15",
            expected_outcome=outcome,
            probability=evidence,
            session_timing=current_session,
            price_action_signatures=["technical_fallback"],
            institutional_footprint=0.8 * evidence,
            timestamp=self._clock(),
        )
        self.market_maker_activities.append(analysis)
        return analysis

    def analyze_institutional_order_flow(
        self,
        candles_h1: pd.DataFrame,
        candles_m15: pd.DataFrame,
        order_blocks: Sequence[Any],
        current_session: SmartMoneySession,
    ) -> InstitutionalOrderFlow | None:
        """Estimate the order flow of institutions; the estimate is stored, not returned.

        Parameters
        ----------
        candles_h1 : DataFrame
            Column ``tick_volume``.
        candles_m15 : DataFrame
            Columns ``open`` and ``close``.
        order_blocks : sequence of dict or object
            With a ``price``, or a ``price_level``; the last five count.
        current_session : SmartMoneySession
            Part of the estimate.

        Returns
        -------
        None
            From a strict analyzer the InstitutionalOrderFlow, if its confidence is 0.7 and more. Either way that is
            appended to :attr:`institutional_flows`.

        Raises
        ------
        CandleError
            If a price column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> h1 = pd.DataFrame({"tick_volume": [5.0] * 8})
        >>> m15 = pd.DataFrame({"open": [1.1] * 20, "close": [1.1] * 20})
        >>> SmartMoneyAnalyzer().analyze_institutional_order_flow(
        ...     h1, m15, [{"price": 1.1}], SmartMoneySession.LONDON_KILLZONE)
        """
        bars = read(candles_m15, ("open", "close"), last=20, tolerant=self._tolerant)
        blocks = [price for price in map(_price_of, list(order_blocks or ())[-5:]) if price]
        pools = [pool.price_level for pool in self.detected_liquidity_pools[-10:]]
        activity = min(0.1 * sum(_closes_near(bars, price, 0.001) for price in blocks), 1.0)
        interactions = sum(_closes_near(bars, price, 0.0015) for price in pools)
        volume = _volumes(candles_h1, self._tolerant)
        up, down = _candle_counts(bars)
        signature = _signature(volume, up, down, current_session)
        average = _mean(volume)
        share = min(_mean(volume[-5:]) / average, 2.0) / 2 if average > 0 else 0.0
        config = self.institutional_config
        confidence = (
            config["order_block_weight"] * activity
            + config["volume_analysis_weight"] * share
            + config["liquidity_interaction_weight"] * interactions / 10
            + config["session_timing_weight"] * signature
        )
        if not confidence >= config["minimum_confidence"]:
            return None
        flow = InstitutionalOrderFlow(
            flow_direction=_flow_direction(up, down),
            strength=min(confidence, 1.0),
            volume_profile={"recent_ratio": 2 * share},
            order_block_activity=activity,
            liquidity_interactions=interactions,
            smart_money_signature=signature,
            session_context=current_session,
            timeframe_analysis="H1+M15",
            confidence=confidence,
            timestamp=self._clock(),
        )
        self.institutional_flows.append(flow)
        return flow if self._strict else None

    # ---- all together ------------------------------------------------------------------------

    def analyze_smart_money_concepts(
        self, symbol: str, timeframes_data: Mapping[str, pd.DataFrame]
    ) -> dict[str, Any]:
        """Return pools, market makers and killzones together.

        Parameters
        ----------
        symbol : str
            Noted in the result.
        timeframes_data : mapping of str to DataFrame
            ``H1`` and, if there are any, ``H4``, ``M15`` and ``M5``; what is missing is replaced by H1 or M15.

        Returns
        -------
        dict
            Flow, signals and overall score are neutral; without H1 everything is.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> SmartMoneyAnalyzer().analyze_smart_money_concepts("EURUSD", {})["liquidity_pools"]
        []
        """
        started, session = self._clock(), self.get_current_smart_money_session()
        h1 = timeframes_data.get("H1")
        pools: list[LiquidityPool] = []
        behavior, evidence, zones = _Behavior.NORMAL_TRADING, 0.0, {}
        if h1 is not None:
            h4, m15 = timeframes_data.get("H4", h1), timeframes_data.get("M15", h1)
            price = float(column(h1, "close", last=1, tolerant=True)[-1]) if len(h1) else 0.0
            pools = self.detect_liquidity_pools(h4, h1, m15, price, session=session)
            self.analyze_institutional_order_flow(h1, m15, [], session)
            makers = self.detect_market_maker_behavior(m15, timeframes_data.get("M5", m15), pools, session)
            if makers is not None:
                behavior, evidence = makers.behavior_type, makers.manipulation_evidence
            zones = self.optimize_killzones_dynamically(h1, {})
        return {
            "symbol": symbol,
            "timestamp": started,
            "analysis_time": (self._clock() - started).total_seconds(),
            "current_session": session.value,
            "liquidity_pools": [_pool_summary(pool) for pool in pools[:5]],
            "institutional_flow": {"direction": "neutral", "strength": 0.5, "confidence": 0.5},
            "market_maker_model": behavior.value,
            "manipulation_evidence": evidence,
            "dynamic_killzones": {key.value: zone.efficiency_score for key, zone in zones.items()},
            "smart_money_signals": [],
            "summary": {"overall_smart_money_score": 0.5, "pools": len(pools), "session": session.value},
        }

    def enhance_pattern_with_smart_money(
        self, pattern: Mapping[str, Any], data: pd.DataFrame | None = None
    ) -> dict[str, Any]:
        """Return the pattern as it is; the original adds random numbers.

        Parameters
        ----------
        pattern : mapping
            It is not modified.
        data : DataFrame, optional
            Not read.

        Returns
        -------
        dict

        Examples
        --------
        >>> SmartMoneyAnalyzer().enhance_pattern_with_smart_money({"type": "BOS"})
        {'type': 'BOS'}
        """
        return dict(pattern)

    def analyze_market_data(self, data: pd.DataFrame | Sequence[Mapping[str, float]]) -> dict[str, Any]:
        """Return the direction of the last ten candles' bodies.

        Parameters
        ----------
        data : DataFrame or sequence of mapping
            ``open`` and ``close``.

        Returns
        -------
        dict
            ``direction`` (``accumulation``, ``distribution`` or ``neutral``), ``strength``, ``confidence``,
            ``overall_score``, ``session`` and ``session_strength``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> rising = [{"open": 1.0, "close": 1.01}]
        >>> SmartMoneyAnalyzer().analyze_market_data(rising)["direction"]
        'accumulation'
        """
        import pandas as pd

        frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(list(data))
        moves = np.empty(0)
        if len(frame):
            bars = read(frame, ("open", "close"), last=10, tolerant=self._tolerant)
            opens, closes = bars.open[:], bars.close[:]
            moves = (closes - opens) / opens
        change = _mean(moves) if len(moves) else 0.0
        session = self.get_current_smart_money_session()
        return {
            "direction": _direction(change),
            "strength": min(0.9, 100 * abs(change)),
            "confidence": min(0.85, 50 * abs(change)),
            "overall_score": min(0.8, 30 * abs(change) + 0.4),
            "session": session.value,
            "session_strength": 0.7
            if session in (_Session.LONDON_KILLZONE, _Session.NEW_YORK_KILLZONE)
            else 0.5,
            "timestamp": self._clock(),
        }

    def get_system_status(self) -> dict[str, Any]:
        """Return how much was found so far.

        Returns
        -------
        dict

        Examples
        --------
        >>> SmartMoneyAnalyzer().get_system_status()["liquidity_pools"]
        0
        """
        return {
            "status": "active",
            "current_session": self.get_current_smart_money_session().value,
            "liquidity_pools": len(self.detected_liquidity_pools),
            "institutional_flows": len(self.institutional_flows),
            "market_maker_activities": len(self.market_maker_activities),
            "timestamp": self._clock(),
        }

    # ---- candles of a data manager -----------------------------------------------------------

    def detect_fvg(self, symbol: str = "EURUSD", timeframe: str = "M15") -> list[dict[str, Any]]:
        """Return the fair value gaps of the last 500 candles that the data manager has.

        Parameters
        ----------
        symbol, timeframe : str
            What to fetch.

        Returns
        -------
        list of dict
            Empty without a data manager, or if it fails.

        Examples
        --------
        >>> SmartMoneyAnalyzer().detect_fvg("EURUSD", "M15")
        []
        """
        from .poi_detector_adapted import detectar_fair_value_gaps

        candles = self._fetch(symbol, timeframe)
        if candles is None:
            return []
        gaps = detectar_fair_value_gaps(candles, timeframe, clock=self._clock, tolerant=self._tolerant)
        stamp = self._clock()
        return [
            {
                "type": gap["type"].lower(),
                "direction": "bullish" if gap["type"].startswith("BULLISH") else "bearish",
                "price": gap["price"],
                "range_high": gap["range_high"],
                "range_low": gap["range_low"],
                "gap_size": gap["gap_size"],
                "confidence": gap["confidence"],
                "score": gap["score"],
                "timeframe": timeframe,
                "symbol": symbol,
                "timestamp": stamp,
            }
            for gap in gaps
        ]

    def find_order_blocks(self, symbol: str = "EURUSD", timeframe: str = "M15") -> list[dict[str, Any]]:
        """Return the order blocks of the last 500 candles that the data manager has.

        Parameters
        ----------
        symbol, timeframe : str
            What to fetch.

        Returns
        -------
        list of dict
            Of type ``UNKNOWN_OB``. Empty without a data manager, or if it fails.

        Examples
        --------
        >>> SmartMoneyAnalyzer().find_order_blocks("EURUSD", "M15")
        []
        """
        from .poi_detector_adapted import detectar_order_blocks

        candles = self._fetch(symbol, timeframe)
        if candles is None:
            return []
        blocks = detectar_order_blocks(candles, timeframe, clock=self._clock, tolerant=self._tolerant)
        stamp = self._clock()
        return [
            {
                "type": block["type"].lower() if self._strict else "UNKNOWN_OB",
                "price": block["price"],
                "range_high": block["range_high"],
                "range_low": block["range_low"],
                "reaction_strength": block["score"],
                "confidence": block["confidence"],
                "formation_strength": block["formation_strength"],
                "volume": block["volume"],
                "timeframe": timeframe,
                "symbol": symbol,
                "timestamp": stamp,
            }
            for block in blocks
        ]

    def _fetch(self, symbol: str, timeframe: str) -> pd.DataFrame | None:
        """Return the candles that the data manager has, or None."""
        manager = engine_data_manager() if self._data_manager is None else self._data_manager
        if manager is None:
            return None
        try:
            connect = getattr(manager, "connect", None)
            if connect is not None and not connect():
                return None
            candles: pd.DataFrame | None = manager.get_candles(symbol, timeframe, FETCHED)
        except Exception as error:  # noqa: BLE001 - whatever a data manager that is not ours may raise
            self._log.warning(f"no candles of {symbol} {timeframe}: {error}")
            return None
        return candles if candles is not None and len(candles) else None


def create_smart_money_analyzer(
    symbol: str = "EURUSD", logger: Any | None = None, **collaborators: Any
) -> SmartMoneyAnalyzer:
    """Return a new analyzer.

    Parameters
    ----------
    symbol : str, default "EURUSD"
        Not used.
    logger : object, optional
        As for :class:`SmartMoneyAnalyzer`, like all further keywords.

    Returns
    -------
    SmartMoneyAnalyzer

    Examples
    --------
    >>> create_smart_money_analyzer("GBPUSD").detected_liquidity_pools
    []
    """
    return SmartMoneyAnalyzer(logger, **collaborators)


def get_smart_money_analyzer_status(analyzer: SmartMoneyAnalyzer) -> dict[str, Any]:
    """Return how much an analyzer found so far.

    Parameters
    ----------
    analyzer : SmartMoneyAnalyzer

    Returns
    -------
    dict

    Examples
    --------
    >>> get_smart_money_analyzer_status(SmartMoneyAnalyzer())["status"]
    'active'
    """
    return analyzer.get_system_status()


# ---- numbers ---------------------------------------------------------------------------------


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean of what is a number; NaN if nothing is."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if len(numbers) else float("nan")


def _largest(values: NDArray[np.float64]) -> float:
    """Return the largest number; NaN if nothing is one."""
    numbers = values[~np.isnan(values)]
    return float(numbers.max()) if len(numbers) else float("nan")


def _first_hits(rule: Rule, bars: EngineBars, stop: int, most: int, **values: Any) -> Hits:
    """Return the first hits of a rule; no more bars are asked than twice as many as that takes."""
    begin, step, parts = 0, 64, [rule.hits([])]
    while begin < stop and sum(map(len, parts)) < most:
        parts.append(rule(bars, begin, min(begin + step, stop), **values))
        begin, step = begin + step, 2 * step
    columns = {name: np.concatenate([part.columns[name] for part in parts])[:most] for name in rule.columns}
    return Hits(columns)


# ---- killzones -------------------------------------------------------------------------------


def _minutes_of_full_hours(index: pd.Index[Any]) -> NDArray[np.int64]:
    """Return the hour of each label in minutes; noon where labels have none."""
    import pandas as pd

    if isinstance(index, pd.DatetimeIndex) and index.tz is None:
        hours = index.asi8 // (pd.Timedelta(hours=1) // pd.Timedelta(1, index.unit))
        return (hours - hours // 24 * 24) * 60  # the remainder, which NumPy would take far longer for
    shown = getattr(index, "hour", None)
    if shown is None:
        return np.full(len(index), 60 * HOUR_WITHOUT_TIMES, np.int64)
    return np.asarray(shown, np.int64) * 60


def _sessions(bars: EngineBars, zones: Sequence[tuple[str, int, int]]) -> dict[tuple[int, int], Statistics]:
    """Return the statistics of each range of hours that has candles."""
    hours = list(dict.fromkeys((first, end) for _, first, end in zones))
    masks = {f"zone{k}": (1 << end) - (1 << first) for k, (first, end) in enumerate(hours)}
    columns = ("zone", "rows", "bullish", "breaks", "range", "volume", "volatility")
    return {hours[zone]: tuple(row) for zone, *row in SESSIONS(bars, **masks).rows(*columns)}


def _metrics(statistics: Statistics, has_volume: bool) -> dict[str, Any]:
    rows, bullish, breaks, size, volume, volatility = statistics
    return {
        "avg_range_pips": size * PIPS_PER_UNIT,
        "avg_volume": volume if has_volume else 0.0,
        "bullish_percentage": bullish / rows * 100,
        "volatility": volatility * PIPS_PER_UNIT if rows > 1 else 0.0,
        "bos_frequency": breaks / rows * 100,
        "total_periods": rows,
    }


def _activity(metrics: Mapping[str, float]) -> float:
    score = (
        0.3 * min(metrics["avg_range_pips"] / 20, 1.0)
        + 0.25 * min(metrics["volatility"] / 15, 1.0)
        + 0.25 * min(metrics["bos_frequency"] / 30, 1.0)
        + 0.2 * min(metrics["avg_volume"] / 500, 1.0)
    )
    return min(1.0, score)


def _advice(metrics: Mapping[str, float]) -> str:
    size, volatility = metrics["avg_range_pips"], metrics["volatility"]
    if size > 15 and volatility > 10 and metrics["bos_frequency"] > 20:
        return _ADVICE["HIGH"]
    if size > 10 and volatility > 7:
        return _ADVICE["MODERATE"]
    return _ADVICE["LOW"] if size > 5 else _ADVICE["VERY_LOW"]


def _hours(hours: tuple[int, int]) -> str:
    return f"{hours[0]:02}:00-{hours[1]:02}:00"


def _zone(name: str, hours: tuple[int, int], statistics: Statistics | None, has_volume: bool) -> Record:
    if statistics is None:
        return {"error": f"no candles between {_hours(hours)}", "periods_analyzed": 0}
    metrics = _metrics(statistics, has_volume)
    return {
        "name": name,
        "hours": _hours(hours),
        "periods_analyzed": metrics["total_periods"],
        "metrics": metrics,
        "activity_score": _activity(metrics),
        "recommendation": _advice(metrics),
    }


def _overlap(description: str, hours: tuple[int, int], statistics: Statistics, has_volume: bool) -> Record:
    metrics = _metrics(statistics, has_volume)
    return {
        "hours": _hours(hours),
        "description": description,
        "metrics": metrics,
        "activity_score": _activity(metrics),
        "periods_analyzed": metrics["total_periods"],
    }


def _optimal(zones: Mapping[str, Record]) -> Record:
    best, score = None, 0.0
    for name in ("london", "ny", "asian"):
        activity = zones[name].get("activity_score", 0.0)
        if activity > score:
            best, score = name, activity
    if best is None:
        return {
            "optimal_zone": "overlap",
            "score": 0.8,
            "recommendation": "Trade while London and New York are both open",
            "confidence": "MEDIUM",
        }
    return {
        "optimal_zone": best,
        "score": score,
        "recommendation": zones[best]["recommendation"],
        "confidence": _CONFIDENCES[(score > 0.4) + (score > 0.7)],
    }


def _optimized(
    session: SmartMoneySession, zone: Mapping[str, Any], recent: float | None
) -> OptimizedKillzone:
    success = 0.75 if recent is None else recent
    wanted = {
        "liquidity_hunts": zone["efficiency"] > 0.8,
        "order_block_entries": success > 0.7,
        "trend_continuation": zone["efficiency"] <= 0.8,
    }
    return OptimizedKillzone(
        session=session,
        start_time=zone["start"],
        end_time=zone["end"],
        peak_activity_time=zone["peak"],
        efficiency_score=zone["efficiency"],
        historical_success_rate=success,
        volume_profile={"peak_volume": 0.8, "consistency": 0.7},
        liquidity_events=15,
        institutional_activity_level=0.8,
        recommended_strategies=[strategy for strategy, applies in wanted.items() if applies],
        dynamic_adjustments={
            "reduce_position_size": success < 0.6,
            "extend_session_time": recent is not None and recent > 0.9,
        },
    )


# ---- liquidity pools -------------------------------------------------------------------------


def _equal_records(levels: Hits, kind: LiquidityPoolType) -> list[_EqualLevel]:
    return [
        _EqualLevel(kind, price, min(touches / 4, 1.0), touches, 0.6 if touches >= 3 else 0.4)
        for price, touches in levels.rows("price", "touches")
    ]


def _placeholders(side: int) -> list[_EqualLevel]:
    kind = _Pool.EQUAL_HIGHS if side > 0 else _Pool.EQUAL_LOWS
    return [
        _EqualLevel(kind, 0.0, strength, touches, interest)
        for strength, touches, interest in _PLACEHOLDERS[side]
    ]


def _pool(
    kind: LiquidityPoolType,
    price: float,
    strength: float,
    label: Any,
    session: SmartMoneySession,
    evidence: float,
    origin: str,
    margin: float,
    touches: int = 1,
) -> LiquidityPool:
    high = kind.value.endswith(("high", "highs"))
    return LiquidityPool(
        pool_type=kind,
        price_level=price,
        strength=strength,
        timestamp=label,
        touches=touches,
        volume_evidence=evidence,
        institutional_interest=0.0,
        session_origin=session,
        timeframe_origin=origin,
        expected_reaction="bearish_reaction" if high else "bullish_reaction",
        invalidation_price=price * (1 + margin if high else 1 - margin),
    )


def _interest(pool: LiquidityPool, bars: EngineBars, average: float) -> float:
    score = 0.0
    near = CLOSE_NEAR(bars, level=pool.price_level, tolerance=0.001).volume
    if len(near) and _mean(near) > 1.2 * average:
        score += 0.3
    if pool.session_origin in _BUSY_SESSIONS:
        score += 0.2
    if pool.timeframe_origin in ("H4", "Daily", "Weekly"):
        score += 0.2
    if pool.touches >= 3:
        score += 0.2
    if pool.pool_type.value.startswith(("daily", "weekly")):
        score += 0.1
    return min(score, 1.0)


def _pool_summary(pool: LiquidityPool) -> Record:
    return {
        "type": pool.pool_type.value,
        "price_level": pool.price_level,
        "strength": pool.strength,
        "touches": pool.touches,
        "institutional_interest": pool.institutional_interest,
        "expected_reaction": pool.expected_reaction,
    }


# ---- stop hunts ------------------------------------------------------------------------------


def _rated(hunts: Hits, volume_threshold: float) -> Hits:
    """Add strength and confidence."""
    ratio, waited = hunts.volume_ratio, hunts.confirmed - hunts.bar
    speed = np.select([waited <= 3, waited <= 5, waited <= 8], [0.15, 0.10, 0.05], 0.0)
    loud = np.select([ratio > 2.0, ratio > 1.5, ratio > 1.2], [0.15, 0.10, 0.05], 0.0)
    strength = np.minimum(1000 * hunts.spike, 0.3) + np.minimum(400 * hunts.size, 0.4) + speed + loud
    strength = np.minimum(strength, 1.0)
    high, medium = strength > 0.7, strength > 0.5
    busy = ratio > volume_threshold
    confidence = np.where(high & busy, 2, np.where(medium | busy, 1, 0))
    return Hits({**hunts.columns, "strength": strength, "confidence": confidence})


def _hunt_records(hunts: Hits, data: pd.DataFrame) -> list[Record]:
    if len(hunts) == 0:
        return []
    labels = data.index[hunts.bar].tolist()
    return [
        {
            "timestamp": label,
            "type": "BEARISH_STOP_HUNT" if side < 0 else "BULLISH_STOP_HUNT",
            "target_level": level,
            "spike_high": extreme if side < 0 else None,
            "spike_low": None if side < 0 else extreme,
            "reversal_level": reversal,
            "strength": strength,
            "volume_ratio": ratio,
            "confidence": _CONFIDENCES[confidence],
            "spike_size": spike,
            "reversal_size": size,
            "reversal_periods": confirmed - bar,
        }
        for label, (
            bar,
            confirmed,
            side,
            level,
            extreme,
            spike,
            reversal,
            size,
            ratio,
            strength,
            confidence,
        ) in zip(labels, hunts.rows())
    ]


# ---- breaker blocks --------------------------------------------------------------------------


def _breaker(
    number: int,
    side: int,
    price: float,
    close: float,
    stamp: Any,
    volume: float,
    confirmed: bool,
    most: float,
) -> Record:
    distance = abs(close - price) / price
    strength, retest = min(10 * distance, 1.0), distance < 0.01
    push = 0.3 if strength > 0.7 else 0.15 if strength > 0.4 else 0.0
    return {
        "breaker_id": f"BREAKER_{number}",
        "original_ob_price": price,
        "original_ob_type": "bullish" if side > 0 else "bearish",
        "break_price": close,
        "break_timestamp": stamp,
        "new_role": "resistance" if side > 0 else "support",
        "strength": strength,
        "confirmation": confirmed,
        "volume_at_break": volume,
        "retest_expected": retest,
        "invalidation_price": price * (1.005 if side > 0 else 0.995),
        "confidence": min(strength, most),
        "smart_money_signature": min(1.0, 0.3 + 0.2 * confirmed + push + 0.2 * (not retest)),
    }


def _first_not_before(stamps: pd.Index[Any], bar: int) -> int:
    """Return the first position whose stamp is not before that of a bar; the length if that is missing."""
    if stamps.is_monotonic_increasing:
        return int(stamps.searchsorted(stamps[bar]))
    later = np.asarray(stamps >= stamps[bar])
    return int(later.argmax()) if later.any() else len(stamps)


def _is_recent(stamp: Any, moment: datetime) -> bool:
    if not isinstance(stamp, datetime):
        return False
    if stamp.tzinfo is None:
        return moment.replace(tzinfo=None) - stamp <= RECENT
    return moment.astimezone(timezone.utc) - stamp <= RECENT


def _breaker_report(
    breakers: list[Record], rows: int, lookback: int, least: float, moment: datetime
) -> Record:
    supports = [breaker for breaker in breakers if breaker["new_role"] == "support"]
    resistances = [breaker for breaker in breakers if breaker["new_role"] == "resistance"]
    recent = [breaker for breaker in breakers if _is_recent(breaker["break_timestamp"], moment)]
    sure = [breaker for breaker in breakers if breaker["confidence"] >= 0.7]
    sentiment = _sentiment(len(supports), len(resistances))
    return {
        "status": "SUCCESS",
        "method": "synthetic_order_blocks",
        "timestamp": moment,
        "data_points_analyzed": rows,
        "lookback_period": lookback,
        "min_structure_strength": least,
        "breaker_blocks": breakers,
        "statistics": {
            "total_breakers": len(breakers),
            "bullish_breakers": len(supports),
            "bearish_breakers": len(resistances),
            "avg_strength": _rounded_mean(breakers, "strength"),
            "avg_confidence": _rounded_mean(breakers, "confidence"),
            "high_confidence_count": len(sure),
            "recent_breakers_count": len(recent),
        },
        "market_sentiment": sentiment,
        "key_breakers": sure[:3],
        "recent_activity": recent,
        "recommendations": _recommendations(sentiment["sentiment"], len(breakers)),
        "trading_implications": {
            "support_levels": [breaker["original_ob_price"] for breaker in supports],
            "resistance_levels": [breaker["original_ob_price"] for breaker in resistances],
            "key_invalidation_levels": [breaker["invalidation_price"] for breaker in breakers],
            "retest_opportunities": [b["breaker_id"] for b in breakers if b["retest_expected"]],
        },
        "performance_metrics": {"analysis_time_ms": 45, "data_points": rows, "breakers_found": len(breakers)},
    }


def _rounded_mean(breakers: Sequence[Record], name: str) -> float:
    return round(sum(breaker[name] for breaker in breakers) / len(breakers), 3) if breakers else 0.0


def _sentiment(supports: int, resistances: int) -> Record:
    total = supports + resistances
    if supports > resistances:
        return {
            "sentiment": "BULLISH_CONTROL",
            "strength": supports / total,
            "interpretation": "More supply was broken than demand",
        }
    if resistances > supports:
        return {
            "sentiment": "BEARISH_CONTROL",
            "strength": resistances / total,
            "interpretation": "More demand was broken than supply",
        }
    return {
        "sentiment": "NEUTRAL_MARKET",
        "strength": 0.5,
        "interpretation": "As much demand was broken as supply",
    }


def _recommendations(sentiment: str, breakers: int) -> list[str]:
    if breakers == 0:
        return ["No order block was broken; wait"]
    return {
        "BULLISH_CONTROL": ["Look for retests of broken supply from above"],
        "BEARISH_CONTROL": ["Look for retests of broken demand from below"],
    }.get(sentiment, ["Wait until one side prevails"])


# ---- order flow ------------------------------------------------------------------------------


def _price_of(block: Any) -> float:
    for name in ("price", "price_level"):
        price = block.get(name) if isinstance(block, Mapping) else getattr(block, name, None)
        if price is not None:
            return float(price)
    return 0.0


def _closes_near(bars: EngineBars, price: float, tolerance: float) -> int:
    return len(CLOSE_NEAR(bars, level=price, tolerance=tolerance))


def _volumes(candles: pd.DataFrame, tolerant: bool) -> NDArray[np.float64]:
    """Return the tick volumes; none if the frame has none."""
    if "tick_volume" not in candles.columns:
        return np.empty(0)
    return column(candles, "tick_volume", tolerant=tolerant)


def _candle_counts(bars: EngineBars) -> tuple[int, int]:
    """Return how many of the last five candles rose and fell."""
    bodies = bars.close[-5:] - bars.open[-5:]
    return int((bodies > 0).sum()), int((bodies < 0).sum())


def _signature(volume: NDArray[np.float64], up: int, down: int, session: SmartMoneySession) -> float:
    score = {
        _Session.LONDON_KILLZONE: 0.3,
        _Session.NEW_YORK_KILLZONE: 0.3,
        _Session.OVERLAP_LONDON_NY: 0.4,
    }.get(session, 0.0)
    if len(volume) >= 3 and volume[-3] <= volume[-2] <= volume[-1]:
        score += 0.2
    if abs(up - down) <= 1:
        score += 0.3
    return min(score, 1.0)


def _flow_direction(up: int, down: int) -> InstitutionalFlow:
    if up > down:
        return InstitutionalFlow.ACCUMULATION
    return InstitutionalFlow.DISTRIBUTION if down > up else InstitutionalFlow.NEUTRAL


def _direction(change: float) -> str:
    if change > 0.001:
        return "accumulation"
    return "distribution" if change < -0.001 else "neutral"
