"""The enums and the record of the engine's ``analysis.pattern_detector``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

__all__ = [
    "BreakoutType",
    "JudasSwingType",
    "PatternConfidence",
    "PatternSignal",
    "PatternType",
    "SessionType",
    "TradingDirection",
]


class PatternType(Enum):
    """What a signal is made of.

    Examples
    --------
    >>> PatternType.FAIR_VALUE_GAP.value
    'fair_value_gap'
    """

    SILVER_BULLET = "silver_bullet"
    JUDAS_SWING = "judas_swing"
    LIQUIDITY_GRAB = "liquidity_grab"
    OPTIMAL_TRADE_ENTRY = "optimal_trade_entry"
    POWER_OF_THREE = "power_of_three"
    MORNING_REVERSAL = "morning_reversal"
    ORDER_BLOCK = "order_block"
    MITIGATION_BLOCK = "mitigation_block"
    FAIR_VALUE_GAP = "fair_value_gap"


class TradingDirection(Enum):
    """The side to trade.

    Examples
    --------
    >>> TradingDirection.BUY.value
    'buy'
    """

    BUY = "buy"
    SELL = "sell"
    NEUTRAL = "neutral"


class PatternConfidence(Enum):
    """How strong a signal is, roughly.

    Examples
    --------
    >>> [confidence.value for confidence in PatternConfidence]
    ['low', 'medium', 'high', 'very_high', 'extreme']
    """

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"
    EXTREME = "extreme"


class SessionType(Enum):
    """When a signal was made.

    Examples
    --------
    >>> SessionType("new_york").name
    'NEW_YORK'
    """

    LONDON = "london"
    NEW_YORK = "new_york"
    ASIAN = "asian"
    OVERLAP = "overlap"
    DEAD_ZONE = "dead_zone"


class JudasSwingType(Enum):
    """The times of day at which a Judas swing is looked for.

    Examples
    --------
    >>> JudasSwingType.NY_OPEN_JUDAS.value
    'ny_open_judas'
    """

    MORNING_REVERSAL = "morning_reversal"
    LONDON_CLOSE_JUDAS = "london_close_judas"
    NY_OPEN_JUDAS = "ny_open_judas"
    AFTERNOON_JUDAS = "afternoon_judas"
    UNKNOWN = "unknown"


class BreakoutType(Enum):
    """What a breakout may be; only ``NO_BREAKOUT`` is ever answered.

    Examples
    --------
    >>> BreakoutType.NO_BREAKOUT.value
    'no_breakout'
    """

    FALSE_BREAKOUT_HIGH = "false_breakout_high"
    FALSE_BREAKOUT_LOW = "false_breakout_low"
    LIQUIDITY_GRAB_HIGH = "liquidity_grab_high"
    LIQUIDITY_GRAB_LOW = "liquidity_grab_low"
    NO_BREAKOUT = "no_breakout"
    BREAKER_BLOCK = "breaker_block"
    FAIR_VALUE_GAP = "fair_value_gap"
    INSTITUTIONAL_ORDER_FLOW = "institutional_order_flow"
    MARKET_MAKER_MODEL = "market_maker_model"


@dataclass
class PatternSignal:
    """One signal, as the engine records it.

    Attributes
    ----------
    pattern_type : PatternType
        Signals for a break of structure are tagged ``SILVER_BULLET``.
    strength : float
        A score from 0 to 100; ``probability`` is the one before it was capped or revised.
    timestamp : datetime
        The moment of detection; of a break of structure, the last candle's label.
    entry_zone : tuple of float
        The lower and the upper price.
    risk_reward_ratio : float
        Between the first target, the middle of the zone and the stop.
    session : SessionType
        By the clock; ``LONDON`` for every silver bullet.

    Examples
    --------
    >>> signal = PatternSignal(PatternType.ORDER_BLOCK, TradingDirection.BUY, PatternConfidence.MEDIUM, 80.0,
    ...                        datetime(2025, 9, 1, 10, 30), "EURUSD", "M15", (1.1, 1.101), 1.099, 1.104)
    >>> signal.session.value, signal.take_profit_2
    ('london', None)
    """

    pattern_type: PatternType
    direction: TradingDirection
    confidence: PatternConfidence
    strength: float
    timestamp: datetime
    symbol: str
    timeframe: str
    entry_zone: tuple[float, float]
    stop_loss: float
    take_profit_1: float
    take_profit_2: float | None = None
    risk_reward_ratio: float = 0.0
    probability: float = 0.0
    session: SessionType = SessionType.LONDON
    narrative: str = ""
    confluences: list[str] = field(default_factory=list)
    invalidation_criteria: str = ""
    optimal_entry_time: datetime | None = None
    time_sensitivity: str = "MEDIUM"
    max_hold_time: timedelta | None = None
    analysis_id: str = ""
    raw_data: dict[str, Any] = field(default_factory=dict)
