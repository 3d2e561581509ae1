"""The enums and records of the ICT Engine's ``ict_engine.ict_types``.

Only types: no detector returns them, each module of the engine has look-alikes of its own. There is no known defect of
the original to reproduce (section 5 of the interface notes).

Differences, on purpose: making an :class:`ICTConfig` prints nothing; the members of :class:`SmartMoneyType` and the
names of some settings of :class:`ICTConfig` are chosen anew, since the interface notes (section 5) give their number
and meaning only; narratives are worded anew.

Examples
--------
>>> TradingDirection.BUY is TradingDirection.BULLISH
True
>>> ICTConfig().min_confidence
75.0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

__all__ = [
    "FVGType",
    "FairValueGap",
    "ICTConfig",
    "ICTPattern",
    "ICTSignal",
    "LiquidityLevel",
    "LiquidityPool",
    "MarketPhase",
    "MarketStructureData",
    "OrderBlock",
    "OrderBlockType",
    "SessionType",
    "SmartMoneySignal",
    "SmartMoneyType",
    "StructureType",
    "TimeFrame",
    "TradingDirection",
    "create_ict_narrative",
    "validate_ict_signal",
]


class ICTPattern(Enum):
    """Patterns that the engine knows by name.

    Examples
    --------
    >>> ICTPattern.FAIR_VALUE_GAP.value, len(ICTPattern)
    ('fair_value_gap', 17)
    """

    JUDAS_SWING = "judas_swing"
    OPTIMAL_TRADE_ENTRY = "optimal_trade_entry"
    LIQUIDITY_GRAB = "liquidity_grab"
    SILVER_BULLET = "silver_bullet"
    POWER_OF_THREE = "power_of_three"
    FAIR_VALUE_GAP = "fair_value_gap"
    ORDER_BLOCK = "order_block"
    BREAK_OF_STRUCTURE = "break_of_structure"
    CHANGE_OF_CHARACTER = "change_of_character"
    INSTITUTIONAL_ORDER_FLOW = "institutional_order_flow"
    SMART_MONEY_REVERSAL = "smart_money_reversal"
    LIQUIDITY_POOL_TARGETING = "liquidity_pool_targeting"
    STOP_HUNT_PATTERN = "stop_hunt_pattern"
    INDUCEMENT_MOVE = "inducement_move"
    MORNING_REVERSAL = "morning_reversal"
    LONDON_CLOSE_REVERSAL = "london_close_reversal"
    NEW_YORK_BREAKOUT = "new_york_breakout"


class MarketPhase(Enum):
    """What the market is doing.

    Examples
    --------
    >>> MarketPhase("manipulation").name
    'MANIPULATION'
    """

    ACCUMULATION = "accumulation"
    MANIPULATION = "manipulation"
    DISTRIBUTION = "distribution"
    REBALANCE = "rebalance"
    EXPANSION = "expansion"
    CONSOLIDATION = "consolidation"


class TradingDirection(Enum):
    """Which way to trade; ``BUY`` and ``SELL`` are other names of the first two.

    Examples
    --------
    >>> TradingDirection.SELL.value
    'bearish'
    """

    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"
    BUY = "bullish"  # noqa: PIE796  an alias
    SELL = "bearish"  # noqa: PIE796


class SessionType(Enum):
    """Trading sessions.

    Examples
    --------
    >>> SessionType.NEW_YORK.value
    'new_york'
    """

    ASIAN = "asian"
    LONDON = "london"
    NEW_YORK = "new_york"
    LONDON_CLOSE = "london_close"
    OVERLAP = "overlap"


class TimeFrame(Enum):
    """Timeframes by their usual abbreviations.

    Examples
    --------
    >>> TimeFrame("M15").name
    'M15'
    """

    M1 = "M1"
    M5 = "M5"
    M15 = "M15"
    M30 = "M30"
    H1 = "H1"
    H4 = "H4"
    D1 = "D1"
    W1 = "W1"
    MN1 = "MN1"


class SmartMoneyType(Enum):
    """What large participants seem to be doing.

    Examples
    --------
    >>> len(SmartMoneyType)
    8
    """

    LIQUIDITY_SWEEP = "liquidity_sweep"
    STOP_HUNT = "stop_hunt"
    INDUCEMENT = "inducement"
    ACCUMULATION = "accumulation"
    DISTRIBUTION = "distribution"
    MANIPULATION = "manipulation"
    INSTITUTIONAL_ORDER_FLOW = "institutional_order_flow"
    SMART_MONEY_REVERSAL = "smart_money_reversal"


class LiquidityLevel(Enum):
    """How much liquidity rests at a price.

    Examples
    --------
    >>> LiquidityLevel.HIGH.value
    'high'
    """

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    DEPLETED = "depleted"


class StructureType(Enum):
    """How the swings are arranged.

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
    TRENDING_UP = "trending_up"
    TRENDING_DOWN = "trending_down"
    CONSOLIDATION = "consolidation"


class FVGType(Enum):
    """Kinds of fair value gaps.

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
    """Kinds of order blocks.

    Examples
    --------
    >>> OrderBlockType.BREAKER_BLOCK.value
    'breaker_block'
    """

    BULLISH_OB = "bullish_ob"
    BEARISH_OB = "bearish_ob"
    BREAKER_BLOCK = "breaker_block"
    MITIGATION_BLOCK = "mitigation_block"


@dataclass
class ICTSignal:
    """One tradable pattern.

    Examples
    --------
    >>> signal = ICTSignal(ICTPattern.ORDER_BLOCK, TradingDirection.BULLISH, 80.0, 1.10, 1.09, 1.12, 2.0,
    ...                    datetime(2025, 9, 1), TimeFrame.M15, SessionType.LONDON, MarketPhase.EXPANSION, "")
    >>> signal.smart_money_confluence
    False
    """

    pattern_type: ICTPattern
    direction: TradingDirection
    confidence: float
    entry_price: float
    stop_loss: float
    take_profit: float
    risk_reward_ratio: float
    timestamp: datetime
    timeframe: TimeFrame
    session: SessionType
    market_phase: MarketPhase
    narrative: str
    confluence_factors: list[str] = field(default_factory=list)
    smart_money_confluence: bool = False
    structure_confluence: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class SmartMoneySignal:
    """One trace of a large participant.

    Examples
    --------
    >>> SmartMoneySignal(SmartMoneyType.STOP_HUNT, TradingDirection.BEARISH, 70.0, LiquidityLevel.HIGH, 1.10, 1.09,
    ...                  1.105, datetime(2025, 9, 1), TimeFrame.M5, True, False, "").confluence_score
    0.0
    """

    smart_money_type: SmartMoneyType
    direction: TradingDirection
    confidence: float
    liquidity_level: LiquidityLevel
    entry_price: float
    target_price: float
    invalidation_price: float
    timestamp: datetime
    timeframe: TimeFrame
    volume_confirmation: bool
    institutional_footprint: bool
    narrative: str
    confluence_score: float = 0.0
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class MarketStructureData:
    """One break of structure or change of character.

    Examples
    --------
    >>> MarketStructureData(StructureType.BOS_BULLISH, 1.10, 1.101, 1.12, datetime(2025, 9, 1), TimeFrame.H1,
    ...                     80.0).swing_high is None
    True
    """

    structure_type: StructureType
    break_level: float
    confirmation_level: float
    target_level: float
    timestamp: datetime
    timeframe: TimeFrame
    confidence: float
    swing_high: float | None = None
    swing_low: float | None = None
    previous_structure: StructureType | None = None
    narrative: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class FairValueGap:
    """One fair value gap.

    Examples
    --------
    >>> FairValueGap(FVGType.BULLISH_FVG, 1.102, 1.1, 0.002, 7, 0.0, False, None, datetime(2025, 9, 1),
    ...              TimeFrame.M15, "").confluence_with_structure
    False
    """

    fvg_type: FVGType
    high_price: float
    low_price: float
    gap_size: float
    origin_candle_index: int
    filled_percentage: float
    is_mitigated: bool
    mitigation_candle_index: int | None
    timestamp: datetime
    timeframe: TimeFrame
    narrative: str
    confluence_with_structure: bool = False
    confluence_with_orderblock: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class OrderBlock:
    """One order block.

    Examples
    --------
    >>> OrderBlock(OrderBlockType.BEARISH_OB, 1.102, 1.1, 7, 0.8, 1, True, False, datetime(2025, 9, 1),
    ...            TimeFrame.M15).institutional_signature
    False
    """

    ob_type: OrderBlockType
    high_price: float
    low_price: float
    origin_candle_index: int
    reaction_strength: float
    test_count: int
    is_tested: bool
    is_broken: bool
    timestamp: datetime
    timeframe: TimeFrame
    volume_profile: dict[str, Any] | None = None
    institutional_signature: bool = False
    narrative: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class LiquidityPool:
    """Orders that are thought to rest at a price.

    Examples
    --------
    >>> LiquidityPool(1.1, 5.0, LiquidityLevel.MEDIUM, "equal_highs", datetime(2025, 9, 1), TimeFrame.H1).is_swept
    False
    """

    price_level: float
    liquidity_amount: float
    liquidity_level: LiquidityLevel
    pool_type: str
    timestamp: datetime
    timeframe: TimeFrame
    is_swept: bool = False
    sweep_timestamp: datetime | None = None
    accumulation_period: int = 0
    narrative: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class ICTConfig:
    """Settings of an analysis; no detector reads them.

    Examples
    --------
    >>> ICTConfig().primary_timeframe.value, ICTConfig(min_risk_reward=3).min_risk_reward
    ('H1', 3)
    """

    primary_timeframe: TimeFrame = TimeFrame.H1
    secondary_timeframe: TimeFrame = TimeFrame.H4
    confirmation_timeframe: TimeFrame = TimeFrame.M15
    min_confidence: float = 75.0
    require_confluence: bool = True
    min_confluence_factors: int = 2
    enable_smart_money: bool = True
    liquidity_detection: bool = True
    stop_hunt_detection: bool = True
    active_sessions: list[SessionType] = field(
        default_factory=lambda: [SessionType.LONDON, SessionType.NEW_YORK, SessionType.OVERLAP]
    )
    max_risk_per_trade: float = 2.0
    min_risk_reward: float = 1.5
    enable_logging: bool = True
    enable_caching: bool = True
    cache_duration: int = 300


def validate_ict_signal(signal: ICTSignal) -> bool:
    """Whether a signal's numbers make sense.

    Parameters
    ----------
    signal : ICTSignal

    Returns
    -------
    bool
        Whether the confidence lies in 0 to 100, the risk-reward ratio is not negative, the entry is positive, and
        stop and target lie on the sides of the entry that the direction, if there is one, wants.

    Examples
    --------
    >>> signal = ICTSignal(ICTPattern.ORDER_BLOCK, TradingDirection.BULLISH, 80.0, 1.10, 1.11, 1.12, 2.0,
    ...                    datetime(2025, 9, 1), TimeFrame.M15, SessionType.LONDON, MarketPhase.EXPANSION, "")
    >>> validate_ict_signal(signal)
    False
    """
    if not (0 <= signal.confidence <= 100 and signal.risk_reward_ratio >= 0 and signal.entry_price > 0):
        return False
    if signal.direction is TradingDirection.BULLISH:
        return signal.take_profit > signal.entry_price > signal.stop_loss
    if signal.direction is TradingDirection.BEARISH:
        return signal.take_profit < signal.entry_price < signal.stop_loss
    return True


def create_ict_narrative(signal: ICTSignal) -> str:
    """Return a signal in words.

    Parameters
    ----------
    signal : ICTSignal

    Returns
    -------
    str

    Examples
    --------
    >>> signal = ICTSignal(ICTPattern.ORDER_BLOCK, TradingDirection.BULLISH, 80.0, 1.10, 1.09, 1.12, 2.0,
    ...                    datetime(2025, 9, 1), TimeFrame.M15, SessionType.LONDON, MarketPhase.EXPANSION, "",
    ...                    ["swept low"])
    >>> create_ict_narrative(signal).split("; ")[1:]
    ['entry 1.1, stop 1.09, target 1.12', 'swept low']
    """
    words = (
        f"{signal.direction.value.capitalize()} {_words(signal.pattern_type)} on {signal.timeframe.value} "
        f"in the {_words(signal.session)} session ({_words(signal.market_phase)}): {signal.confidence:.0f}% sure; "
        f"entry {signal.entry_price:g}, stop {signal.stop_loss:g}, target {signal.take_profit:g}"
    )
    return "; ".join([words, *signal.confluence_factors])


def _words(member: Enum) -> str:
    return str(member.value).replace("_", " ")
