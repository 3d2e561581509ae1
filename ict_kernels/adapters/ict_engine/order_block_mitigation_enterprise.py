"""Returns to blocks, as in the engine's ``ict_engine.advanced_patterns.order_block_mitigation_enterprise``.

The detector collects breaker blocks, demand and supply zones and fair value gaps of the last 30 candles, takes the five
best, and reports those that the price has come back to.

Known defects of the original, reproduced here (section 7.5 of the interface notes):

* A pip is 0.0001 for every symbol, so that gold and yen pairs are measured in the wrong unit.
* A price beyond the far edge of a block counts as a full return to it, though the block has failed.
* A breaker block is a close beyond the candle before; no failed order block is asked for.
* Bars that touch a zone count whether they come before or after its candle.
* ``strength`` is always ``WEAK``, ``time_to_mitigation`` always 10, and the history of CHoCHs is never asked.
* ``max_time_to_mitigation`` and ``session_timing_bonus`` change nothing, nor do ``memory_system`` and
  ``market_structure_context``; an :class:`OrderBlockMitigation` is never made.

``strict=True`` measures pips by symbol (0.01 if it ends in JPY) and asks the history of CHoCHs.

Differences, on purpose: missing or non-numeric columns and NaN raise a :class:`~ict_kernels.errors.CandleError`
(``tolerant=True`` lets NaN pass, which extremes and means then skip), where the original returns nothing; texts,
``session_context`` and the fields of :class:`OrderBlockMitigation` are ours.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=1000)[0].to_pandas()
>>> history = OrderBlockMitigationDetectorEnterprise().evaluate_history(candles, "EURUSD", "M15")
>>> signal = history.records()[0]
>>> signal.block_low < signal.block_high, signal.strength.value, signal.confidence >= 70
(True, 'weak', True)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...detectors.engine import Hits
from ...detectors.engine.gaps import GAPS
from ...detectors.engine.mitigation_blocks import MITIGATION_BLOCKS, MITIGATIONS
from ...errors import ParameterError
from ._advanced import PipDetector, Question, TradingDirection, moved
from ._frames import OHLC, read

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "OrderBlockMitigation",
    "OrderBlockMitigationDetectorEnterprise",
    "OrderBlockMitigationSignal",
    "OrderBlockStatus",
    "OrderBlockStrength",
    "OrderBlockType",
    "TradingDirection",
]

SOURCE = "order_block_mitigation_enterprise"
ROWS = 40
NEAR = 0.005
LEAST_GAP, MOST_GAP = 3.0, 20.0
GAP_QUALITY = 0.6
LIFETIME = timedelta(hours=4)
DEFAULTS: Mapping[str, Any] = {
    "min_confidence": 70,
    "min_block_size_pips": 5,
    "max_block_size_pips": 50,
    "mitigation_threshold": 0.5,
    "full_mitigation_threshold": 0.8,
    "max_time_to_mitigation": 50,
    "volume_spike_threshold": 1.5,
    "institutional_threshold": 0.7,
    "block_quality_weight": 0.25,
    "mitigation_strength_weight": 0.20,
    "volume_weight": 0.15,
    "institutional_weight": 0.15,
    "timing_weight": 0.10,
    "structure_weight": 0.15,
    "smart_money_bonus": 0.15,
    "fair_value_gap_bonus": 0.10,
    "breaker_block_bonus": 0.12,
    "session_timing_bonus": 0.08,
    "use_choch_memory": True,
    "choch_confidence_max_bonus": 8,
    "choch_level_lookback": 20,
}
BREAKER, DEMAND, SUPPLY, GAP = range(4)


class OrderBlockType(Enum):
    """What a block is; the detector reports the first four.

    Examples
    --------
    >>> OrderBlockType.DEMAND_ZONE.value
    'demand_zone'
    """

    BREAKER_BLOCK = "breaker_block"
    DEMAND_ZONE = "demand_zone"
    SUPPLY_ZONE = "supply_zone"
    FAIR_VALUE_GAP = "fair_value_gap"
    BALANCED_PRICE_RANGE = "balanced_price_range"
    MITIGATION_BLOCK = "mitigation_block"
    INSTITUTIONAL_ORDER_FLOW = "institutional_order_flow"


class OrderBlockStatus(Enum):
    """How far a block is mitigated; the detector reports the first two.

    Examples
    --------
    >>> OrderBlockStatus.PARTIALLY_MITIGATED.value
    'partially_mitigated'
    """

    ACTIVE = "active"
    PARTIALLY_MITIGATED = "partially_mitigated"
    FULLY_MITIGATED = "fully_mitigated"
    INVALIDATED = "invalidated"
    REACTIVATED = "reactivated"
    EXPIRED = "expired"


class OrderBlockStrength(Enum):
    """How strong a block is; the detector reports ``WEAK`` only.

    Examples
    --------
    >>> [strength.value for strength in OrderBlockStrength]
    ['weak', 'moderate', 'strong', 'institutional', 'premium']
    """

    WEAK = "weak"
    MODERATE = "moderate"
    STRONG = "strong"
    INSTITUTIONAL = "institutional"
    PREMIUM = "premium"


_TYPES = tuple(OrderBlockType)
_PARAMETERS = {
    "choch_level_lookback": "lookback",
    "min_block_size_pips": "min_pips",
    "max_block_size_pips": "max_pips",
    "full_mitigation_threshold": "full",
    "volume_spike_threshold": "volume_spike",
    "block_quality_weight": "quality_weight",
    "mitigation_strength_weight": "strength_weight",
    "volume_weight": "volume_weight",
    "institutional_weight": "institutional_weight",
    "timing_weight": "timing_weight",
    "structure_weight": "structure_weight",
    "smart_money_bonus": "smart_bonus",
    "fair_value_gap_bonus": "gap_bonus",
    "breaker_block_bonus": "breaker_bonus",
}


@dataclass
class OrderBlockMitigationSignal:
    """One return to a block.

    Attributes
    ----------
    confidence : float
        70 to 95.
    mitigation_level, current_price, entry_price : float
        The current price.
    origin_price : float
        The lower edge of a block to buy at, the upper edge of one to sell at.
    block_size_pips : float
        5 to 50.
    mitigation_percentage, approach_strength, rejection_strength, volume_confirmation : float
        0 to 1; the first is 1 beyond the far edge.
    institutional_validation : float
        0.5 to 1.
    entry_zone : tuple of float
        Lower and upper edge of the block.
    timestamp, expiry_time : datetime
        The moment of detection, and four hours later.
    choch_level_estimate : float or None
        The highest high of the last 20 candles for a purchase, the lowest low for a sale.

    Examples
    --------
    >>> signal = OrderBlockMitigationSignal(
    ...     OrderBlockType.DEMAND_ZONE, 77.5, TradingDirection.BUY, OrderBlockStrength.WEAK, 1.1, 1.0995, 1.1, 1.1005,
    ...     1.0995, 10.0, 0.5, 0.0, 0.8, 1.1, (1.0995, 1.1005), 1.0985, 1.103, 1.106, 10, 0.1, 0.3, True, False, False,
    ...     "", datetime(2025, 9, 1, 10, 30), {}, "EURUSD", "M15")
    >>> signal.status.name
    'ACTIVE'
    """

    signal_type: OrderBlockType
    confidence: float
    direction: TradingDirection
    strength: OrderBlockStrength
    mitigation_level: float
    origin_price: float
    current_price: float
    block_high: float
    block_low: float
    block_size_pips: float
    mitigation_percentage: float
    volume_confirmation: float
    institutional_validation: float
    entry_price: float
    entry_zone: tuple[float, float]
    stop_loss: float
    take_profit_1: float
    take_profit_2: float
    time_to_mitigation: int
    approach_strength: float
    rejection_strength: float
    smart_money_confirmation: bool
    fair_value_gap_present: bool
    breaker_block_confirmed: bool
    narrative: str
    timestamp: datetime
    session_context: dict[str, Any]
    symbol: str
    timeframe: str
    choch_confidence_bonus: float = 0.0
    similar_choch_count: int = 0
    historical_success_rate: float = 0.0
    choch_level_estimate: float | None = None
    status: OrderBlockStatus = OrderBlockStatus.ACTIVE
    expiry_time: datetime | None = None
    analysis_id: str = ""


@dataclass
class OrderBlockMitigation:
    """A block and what became of it; no method makes one.

    Examples
    --------
    >>> OrderBlockMitigation(OrderBlockType.DEMAND_ZONE, TradingDirection.BUY, 1.1005, 1.0995).status.name
    'ACTIVE'
    """

    block_type: OrderBlockType
    direction: TradingDirection
    high: float
    low: float
    mitigation_percentage: float = 0.0
    status: OrderBlockStatus = OrderBlockStatus.ACTIVE
    timestamp: datetime | None = None


class _Row(NamedTuple):
    """The columns that a signal is made of."""

    side: int
    kind: int
    smart: int
    high: float
    low: float
    price: float
    mitigation: float
    approach: float
    rejection: float
    intensity: float
    institutional: float
    confidence: float
    estimate: float
    bonus: float
    success: float


class OrderBlockMitigationDetectorEnterprise(PipDetector[OrderBlockMitigationSignal]):
    """Looks for blocks among the last 30 candles that the price has come back to.

    Parameters
    ----------
    memory_system : object, optional
        Kept, and not asked.
    logger : object, optional
        The engine's logger or one of the standard library; by default nothing is said.
    clock : callable, default ``datetime.now``
        Stamps the signals.
    history : ChochHistory, optional
        Earlier changes of character, which only a strict detector asks; none by default.
    tolerant : bool, default False
        Let NaN pass.
    strict : bool, default False
        Measure pips by symbol, ask ``history``.

    Attributes
    ----------
    config : dict
        All settings, read at each call: ``min_confidence`` 70, ``min_block_size_pips`` 5, ``max_block_size_pips`` 50,
        ``mitigation_threshold`` 0.5, ``full_mitigation_threshold`` 0.8, ``volume_spike_threshold`` 1.5, ...

    Notes
    -----
    Columns of :meth:`evaluate_history`: ``bar``, ``side`` (1 buy, -1 sell), ``kind`` (0 breaker, 1 demand, 2 supply,
    3 gap), ``source`` (the block's candle), ``high``, ``low``, ``price``, ``quality``, ``mitigation``, ``strength``
    (of the return), ``approach``, ``rejection``, ``intensity`` (of the volume), ``institutional``, ``confidence``,
    ``estimate``, ``smart``, and what a history of CHoCHs says: ``bonus`` and ``success``.

    Examples
    --------
    >>> import pandas as pd
    >>> OrderBlockMitigationDetectorEnterprise().detect_order_block_mitigation_patterns(pd.DataFrame(), "EURUSD", "M15")
    []
    """

    _source = SOURCE
    _defaults = DEFAULTS
    _rule = MITIGATIONS
    _row = _Row
    _columns = OHLC
    _least_rows = ROWS

    def detect_order_block_mitigation_patterns(
        self,
        data: pd.DataFrame,
        symbol: str,
        timeframe: str,
        current_price: float = 0.0,
        detected_liquidity_grabs: list[dict[str, Any]] | None = None,
        market_structure_context: dict[str, Any] | None = None,
    ) -> list[OrderBlockMitigationSignal]:
        """Return the blocks that the price has come back to, best quality first.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low``, ``close`` and, if there is one, ``volume``; oldest row first. It is not
            modified.
        symbol, timeframe : str
            Noted in the signals.
        current_price : float, default 0.0
            0 is the last close.
        detected_liquidity_grabs : list of dict, optional
            Keys ``grab_price`` or ``price``; each that lies within 0.5 % of a block's origin speaks for it.
        market_structure_context : dict, optional
            Ignored.

        Returns
        -------
        list of OrderBlockMitigationSignal
            At most five; empty for fewer than 40 rows.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.
        ParameterError
            If a liquidity grab has no price or a setting is no number.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=3000)[0].to_pandas()
        >>> signals = OrderBlockMitigationDetectorEnterprise().detect_order_block_mitigation_patterns(
        ...     candles, "EURUSD", "M15")
        >>> all(signal.confidence >= 70 for signal in signals)
        True
        """
        return self._detected(data, symbol, timeframe, current_price, detected_liquidity_grabs)

    def _identify_breaker_blocks_enterprise(self, data: pd.DataFrame) -> list[dict[str, Any]]:
        """Return the breaker blocks of a whole frame, oldest first."""
        hits, block = self._blocks(data, BREAKER), OrderBlockType.BREAKER_BLOCK
        buy, sell = TradingDirection.BUY, TradingDirection.SELL
        return [
            {
                "type": block,
                "direction": buy if side > 0 else sell,
                "high": high,
                "low": low,
                "origin_price": low if side > 0 else high,
                "quality_score": quality,
                "candle_index": bar,
            }
            for bar, side, high, low, quality in hits.rows("bar", "side", "high", "low", "quality")
        ]

    def _identify_demand_zones_enterprise(self, data: pd.DataFrame) -> list[dict[str, Any]]:
        """Return the demand zones of a whole frame, oldest first."""
        return _zones(self._blocks(data, DEMAND), DEMAND, TradingDirection.BUY, "low")

    def _identify_supply_zones_enterprise(self, data: pd.DataFrame) -> list[dict[str, Any]]:
        """Return the supply zones of a whole frame, oldest first."""
        return _zones(self._blocks(data, SUPPLY), SUPPLY, TradingDirection.SELL, "high")

    def _identify_fair_value_gaps_enterprise(self, data: pd.DataFrame) -> list[dict[str, Any]]:
        """Return the gaps of 3 to 20 pips of a whole frame, oldest first."""
        if len(data) == 0:
            return []
        bars = read(data, OHLC, tolerant=self._tolerant)
        gaps = GAPS(bars, min_pips=LEAST_GAP, max_pips=MOST_GAP, body=1)
        block, buy, sell = OrderBlockType.FAIR_VALUE_GAP, TradingDirection.BUY, TradingDirection.SELL
        return [
            {
                "type": block,
                "direction": buy if side > 0 else sell,
                "high": high,
                "low": low,
                "origin_price": low if side > 0 else high,
                "quality_score": GAP_QUALITY,
                "candle_index": bar,
                "gap_size_pips": (high - low) * 10000,
            }
            for bar, side, high, low in gaps.rows("bar", "direction", "top", "bottom")
        ]

    def _blocks(self, data: pd.DataFrame, kind: int) -> Hits:
        if len(data) == 0:
            return MITIGATION_BLOCKS.hits([])
        return MITIGATION_BLOCKS(read(data, OHLC, tolerant=self._tolerant), kind=kind)

    def _asked(
        self, data: pd.DataFrame, asked: Question, current_price: float, given: Sequence[Mapping[str, Any]]
    ) -> Hits:
        """Ask at the last candle."""
        settings = self._settings(asked, len(data)) | {"price": current_price or 0.0}
        rows = max(ROWS, int(settings["lookback"]))
        bars = self._read(data, last=rows)
        last, near = len(bars.close) - 1, []
        if given:
            # Which grabs are near is known with the block; how much they add is known with their number.
            settings["min_confidence"] = -math.inf
        found = MITIGATIONS(bars, last, last + 1, **settings)
        if given:
            near = [
                _near(given, origin) for origin in np.where(found.side > 0, found.low, found.high).tolist()
            ]
            for count in set(near) - {0}:
                supported = MITIGATIONS(bars, last, last + 1, **settings, grabs=count)
                chosen = np.array(near) == count
                for name in ("institutional", "confidence"):
                    found.columns[name][chosen] = supported.columns[name][chosen]
        return self._completed(moved(found, len(data), len(bars.close)), asked, near)

    def _settings(self, asked: Question, window: int) -> dict[str, Any]:
        config = self.config
        lookback = config["choch_level_lookback"]
        if not isinstance(lookback, int) or lookback < 1:
            raise ParameterError(
                f"config['choch_level_lookback'] is {lookback!r}; give a whole number from 1 on"
            )
        return {
            **{parameter: config[name] for name, parameter in _PARAMETERS.items()},
            "lookback": min(lookback, window),
            "per_unit": 1 / self._pip(asked.symbol),
            "min_confidence": config["min_confidence"] - self._room(asked),
        }

    def _completed(self, found: Hits, asked: Question, near: Sequence[int] = ()) -> Hits:
        smart = (found.kind == BREAKER) | (found.institutional >= self.config["institutional_threshold"])
        if near:
            smart |= np.array(near) > 0
        return self._weighed(found, asked, smart)

    def _signal(
        self, row: _Row, asked: Question, moment: datetime, similar: int
    ) -> OrderBlockMitigationSignal:
        unit, side, price, high, low = 1 / self._pip(asked.symbol), row.side, row.price, row.high, row.low
        near, far = 30 / unit, 60 / unit
        if side > 0:
            direction, edge, stop_loss = TradingDirection.BUY, low, low - 10 / unit
            targets = price + near, price + far
        else:
            direction, edge, stop_loss = TradingDirection.SELL, high, high + 10 / unit
            targets = price - near, price - far
        kind, part, smart = _TYPES[row.kind], row.mitigation, bool(row.smart)
        gap, breaker = row.kind == GAP, row.kind == BREAKER
        reached = part >= self.config["mitigation_threshold"]
        return OrderBlockMitigationSignal(
            kind,
            row.confidence,
            direction,
            OrderBlockStrength.WEAK,
            price,
            edge,
            price,
            high,
            low,
            (high - low) * unit,
            part,
            row.intensity,
            row.institutional,
            price,
            (low, high),
            stop_loss,
            *targets,
            10,
            row.approach,
            row.rejection,
            smart,
            gap,
            breaker,
            f"{asked.symbol}: {part:.0%} into {kind.value}, {direction.value}, confidence {row.confidence:.1f}",
            moment,
            {
                "block_type": kind.value,
                "volume_spike": row.intensity > 0,
                "smart_money": smart,
                "fair_value_gap": gap,
                "breaker_block": breaker,
            },
            asked.symbol,
            asked.timeframe,
            row.bonus,
            similar,
            row.success,
            row.estimate,
            OrderBlockStatus.PARTIALLY_MITIGATED if reached else OrderBlockStatus.ACTIVE,
            moment + LIFETIME,
            f"OBM_{asked.symbol}_{asked.timeframe}_{moment:%Y%m%d_%H%M%S}",
        )


def _near(grabs: Sequence[Mapping[str, Any]], origin: float) -> int:
    """Return how many liquidity grabs lie near a block's origin."""
    return sum(
        abs(_grab_price(grab, at) - origin) / abs(origin) <= NEAR if origin else False
        for at, grab in enumerate(grabs)
    )


def _grab_price(grab: Mapping[str, Any], at: int) -> float:
    price = grab.get("grab_price") or grab.get("price")
    if price is None:
        raise ParameterError(
            f"detected_liquidity_grabs[{at}] has neither 'grab_price' nor 'price' but {sorted(grab)}"
        )
    return float(price)


def _zones(hits: Hits, kind: int, direction: TradingDirection, origin: str) -> list[dict[str, Any]]:
    block = _TYPES[kind]
    return [
        {
            "type": block,
            "direction": direction,
            "high": high,
            "low": low,
            "origin_price": edge,
            "quality_score": quality,
            "candle_index": bar,
            "rejection_count": rejections,
        }
        for bar, high, low, edge, quality, rejections in hits.rows(
            "bar", "high", "low", origin, "quality", "rejections"
        )
    ]
