"""Liquidity grabs with the interface of the ICT Engine's ``ict_engine.advanced_patterns.liquidity_grab_enterprise``.

A grab is a wick through a level behind which stops are thought to lie, by a candle that closes back. The detector maps
the levels of the last 30 candles, looks for such a wick in the last ten, and weighs how fast the price came back, the
volume and the level itself.

Known defects of the original, reproduced here (section 7.3 of the interface notes):

* The levels called previous day's high and low are the extremes of the last 30 candles. With sane candles none
  closes beyond them, so that only swings are ever grabbed, and ``signal_type`` is always ``ASIAN_RANGE_GRAB``.
* A level's swing may be younger than the wick that grabs it.
* A price that has not turned since the wick, up to ten candles ago, weakens a signal but does not prevent it.
* ``stops_hunted_estimate`` is always 0, and the history of CHoCHs is never asked.
* ``reversal_speed_score`` is a price difference.
* The entry zone of :meth:`LiquidityGrabDetectorEnterprise.detect` is 5 units of price wide on each side.
* A pip is 0.0001 for every symbol, so that gold and yen pairs are measured in the wrong unit.
* ``session_timing_bonus`` and ``multiple_timeframe_bonus`` change nothing, nor do ``memory_system`` and
  ``market_structure_context``.

``strict=True`` measures pips by symbol (0.01 if it ends in JPY), fills in ``stops_hunted_estimate``, asks the history
of CHoCHs, and gives :meth:`LiquidityGrabDetectorEnterprise.detect` a zone of 5 pips.

Differences, on purpose: missing or non-numeric columns and NaN raise a :class:`~ict_kernels.errors.CandleError`
(``tolerant=True`` lets NaN pass, which extremes and means then skip), where the original returns nothing; texts and
``session_context`` are worded anew.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=1000)[0].to_pandas()
>>> history = LiquidityGrabDetectorEnterprise().evaluate_history(candles, "EURUSD", "M15")
>>> grab = history.records()[0]
>>> grab.signal_type.value, grab.liquidity_level.value, grab.confidence >= 72
('asian_range_grab', 'medium_liquidity', True)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from ...detectors.engine import Hits
from ...detectors.engine.liquidity_grabs import LIQUIDITY_GRABS, LIQUIDITY_LEVELS
from ...errors import ParameterError
from ._advanced import PipDetector, Question, TradingDirection, block_price, given, moved
from ._frames import read
from ._history import History, first_asked

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LiquidityGrabDetectorEnterprise",
    "LiquidityGrabEnterprise",
    "LiquidityGrabSignal",
    "LiquidityGrabStatus",
    "LiquidityGrabType",
    "LiquidityLevel",
    "TradingDirection",
]

SOURCE = "liquidity_grab_enterprise"
COLUMNS = ("high", "low", "close")
ROWS = 30
NEAR = 0.003
LIFETIME = timedelta(hours=3)
DEFAULTS: Mapping[str, Any] = {
    "min_confidence": 72,
    "stop_hunt_min_pips": 3,
    "stop_hunt_max_pips": 15,
    "reversal_confirmation_pips": 8,
    "quick_reversal_timeframe": 3,
    "volume_spike_threshold": 1.8,
    "institutional_threshold": 0.75,
    "liquidity_density_periods": 30,
    "stop_hunt_weight": 0.30,
    "reversal_speed_weight": 0.25,
    "volume_weight": 0.20,
    "institutional_weight": 0.15,
    "liquidity_density_weight": 0.10,
    "smart_money_bonus": 0.12,
    "session_timing_bonus": 0.08,
    "multiple_timeframe_bonus": 0.10,
    "use_choch_memory": True,
    "choch_confidence_max_bonus": 10,
    "choch_level_lookback": 20,
}


class LiquidityGrabType(Enum):
    """Whose liquidity is grabbed.

    Examples
    --------
    >>> LiquidityGrabType.ASIAN_RANGE_GRAB.value
    'asian_range_grab'
    """

    ASIAN_RANGE_GRAB = "asian_range_grab"
    LONDON_BREAKOUT_GRAB = "london_breakout_grab"
    NY_LIQUIDITY_SWEEP = "ny_liquidity_sweep"
    WEEKLY_HIGH_GRAB = "weekly_high_grab"
    DAILY_LOW_GRAB = "daily_low_grab"
    LIQUIDITY_VOID_FILL = "liquidity_void_fill"


class LiquidityGrabStatus(Enum):
    """How far a grab has come; the detector only reports ``REVERSAL_ACTIVE``.

    Examples
    --------
    >>> LiquidityGrabStatus.REVERSAL_ACTIVE.value
    'reversal_active'
    """

    SETUP_BUILDING = "setup_building"
    STOPS_HUNTED = "stops_hunted"
    REVERSAL_ACTIVE = "reversal_active"
    PROFIT_TAKING = "profit_taking"
    INVALIDATED = "invalidated"
    COMPLETED = "completed"


class LiquidityLevel(Enum):
    """How much liquidity a level is thought to hold.

    Examples
    --------
    >>> [level.value for level in LiquidityLevel]
    ['high_liquidity', 'medium_liquidity', 'low_liquidity', 'institutional']
    """

    HIGH_LIQUIDITY = "high_liquidity"
    MEDIUM_LIQUIDITY = "medium_liquidity"
    LOW_LIQUIDITY = "low_liquidity"
    INSTITUTIONAL = "institutional"


_HIGH, _MEDIUM = LiquidityLevel.HIGH_LIQUIDITY, LiquidityLevel.MEDIUM_LIQUIDITY
# By kind of level.
_LEVELS = (
    ("previous_day_high", _HIGH, 0.9),
    ("previous_day_low", _HIGH, 0.9),
    ("swing_high", _MEDIUM, 0.7),
    ("swing_low", _MEDIUM, 0.7),
)
_PARAMETERS = {
    "stop_hunt_min_pips": "min_pips",
    "stop_hunt_max_pips": "max_pips",
    "reversal_confirmation_pips": "reversal_pips",
    "quick_reversal_timeframe": "reversal_bars",
    "volume_spike_threshold": "volume_spike",
    "stop_hunt_weight": "hunt_weight",
    "reversal_speed_weight": "reversal_weight",
    "volume_weight": "volume_weight",
    "institutional_weight": "institutional_weight",
    "liquidity_density_weight": "density_weight",
    "smart_money_bonus": "smart_bonus",
}


@dataclass
class LiquidityGrabSignal:
    """One grab.

    Attributes
    ----------
    confidence : float
        72 to 95.
    direction : TradingDirection
        Away from the stops that were taken.
    grab_price : float
        The level.
    reversal_confirmation_price, entry_price : float
        The current price.
    entry_zone : tuple of float
        Lower and upper edge.
    reversal_speed_score : float
        The way back as a price difference; 0 if it is shorter than 8 pips.
    volume_spike_intensity, institutional_footprint_score, liquidity_density : float
        0 to 1.
    timestamp, expiry_time : datetime
        The moment of detection, and three hours later.
    choch_level_estimate : float or None
        The highest high of the last 30 candles for a purchase, the lowest low for a sale.

    Examples
    --------
    >>> signal = LiquidityGrabSignal(
    ...     LiquidityGrabType.ASIAN_RANGE_GRAB, 78.3, TradingDirection.SELL, LiquidityLevel.MEDIUM_LIQUIDITY, 1.1005,
    ...     1.1, 0, 1.1, (1.099, 1.1005), 1.102, 1.096, 1.092, 0.91, 0.001, 0.0, 0.5, 0.25, False, "",
    ...     datetime(2025, 9, 1, 10, 30), {}, "EURUSD", "M15")
    >>> signal.status.name
    'REVERSAL_ACTIVE'
    """

    signal_type: LiquidityGrabType
    confidence: float
    direction: TradingDirection
    liquidity_level: LiquidityLevel
    grab_price: float
    reversal_confirmation_price: float
    stops_hunted_estimate: int
    entry_price: float
    entry_zone: tuple[float, float]
    stop_loss: float
    take_profit_1: float
    take_profit_2: float
    stop_hunt_strength: float
    reversal_speed_score: float
    volume_spike_intensity: float
    institutional_footprint_score: float
    liquidity_density: float
    smart_money_confirmation: bool
    narrative: str
    timestamp: datetime
    session_context: dict[str, Any]
    symbol: str
    timeframe: str
    choch_confidence_bonus: float = 0.0
    similar_choch_count: int = 0
    historical_success_rate: float = 0.0
    choch_level_estimate: float | None = None
    status: LiquidityGrabStatus = LiquidityGrabStatus.REVERSAL_ACTIVE
    expiry_time: datetime | None = None
    analysis_id: str = ""


class _Row(NamedTuple):
    """The columns that a signal is made of."""

    side: int
    kind: int
    touches: int
    smart: int
    level: float
    price: float
    hunt: float
    reversal: float
    speed: float
    intensity: float
    institutional: float
    density: float
    confidence: float
    estimate: float
    bonus: float
    success: float


class LiquidityGrabDetectorEnterprise(PipDetector[LiquidityGrabSignal]):
    """Looks for a wick through a level in the last ten candles.

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
        Measure pips by symbol, estimate the stops, ask ``history``.

    Attributes
    ----------
    config : dict
        All settings, read at each call: ``min_confidence`` 72, ``stop_hunt_min_pips`` 3, ``stop_hunt_max_pips`` 15,
        ``reversal_confirmation_pips`` 8, ``volume_spike_threshold`` 1.8, ``liquidity_density_periods`` 30, ...

    Notes
    -----
    Columns of :meth:`evaluate_history`: ``bar``, ``side`` (1 buy, -1 sell), ``kind`` (of the level, 0 to 3 as in
    :meth:`evaluate_level_history`), ``source`` (the level's candle), ``touches``, ``level``, ``price``, ``hunt``,
    ``reversal``, ``speed``, ``intensity``, ``institutional``, ``density``, ``confidence``, ``estimate``, ``smart``,
    and what a history of CHoCHs says: ``bonus`` and ``success``.

    Examples
    --------
    >>> import pandas as pd
    >>> LiquidityGrabDetectorEnterprise().detect_liquidity_grab_patterns(pd.DataFrame(), "EURUSD", "M15")
    []
    """

    _source = SOURCE
    _defaults = DEFAULTS
    _rule = LIQUIDITY_GRABS
    _row = _Row
    _least_rows = ROWS

    def detect_liquidity_grab_patterns(
        self,
        data: pd.DataFrame,
        symbol: str,
        timeframe: str,
        current_price: float = 0.0,
        detected_order_blocks: list[dict[str, Any]] | None = None,
        market_structure_context: dict[str, Any] | None = None,
    ) -> list[LiquidityGrabSignal]:
        """Return the grab among the last candles, if there is one.

        Parameters
        ----------
        data : DataFrame
            Columns ``high``, ``low``, ``close`` and, if there is one, ``volume``; oldest row first. It is not modified.
        symbol, timeframe : str
            Noted in the signal.
        current_price : float, default 0.0
            0 is the last close.
        detected_order_blocks : list of dict, optional
            Keys ``price`` or ``low``; each that lies within 0.3 % of the level speaks for it.
        market_structure_context : dict, optional
            Ignored.

        Returns
        -------
        list of LiquidityGrabSignal
            Empty for fewer than 30 rows, without a grab, and below a confidence of 72.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.
        ParameterError
            If an order block has no price or a setting is no number.

        Examples
        --------
        >>> import pandas as pd
        >>> prices = pd.DataFrame({"high": [1.1] * 30, "low": [1.09] * 30, "close": [1.095] * 30})
        >>> prices.loc[14, "low"], prices.loc[25, "low"] = 1.0880, 1.0871  # a swing, and a wick through it
        >>> prices.loc[20, "low"] = 1.0860
        >>> LiquidityGrabDetectorEnterprise().detect_liquidity_grab_patterns(prices, "EURUSD", "M15")[0].grab_price
        1.088
        """
        return self._detected(data, symbol, timeframe, current_price, detected_order_blocks)

    def evaluate_level_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", *, window: int = 200
    ) -> History[dict[str, Any]]:
        """Return the levels that a call at every candle would have mapped.

        Parameters
        ----------
        candles : DataFrame
            Columns ``high`` and ``low``, oldest row first.
        symbol : str, optional
            Matters to a strict detector only.
        window : int, default 200
            How many candles each call is given.

        Returns
        -------
        History
            Columns ``bar``, ``kind`` (0 highest, 1 lowest, 2 swing high, 3 swing low), ``source`` (the level's candle),
            ``touches`` and ``level``. Its records are dicts with ``type``, ``liquidity_level``, ``price``, ``weight``
            and ``stops_estimate``.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=300)[0].to_pandas()
        >>> levels = LiquidityGrabDetectorEnterprise().evaluate_level_history(candles)
        >>> levels.at(299).records()[0]["type"]
        'previous_day_high'
        """
        rows = len(candles)
        if rows == 0:
            return History(LIQUIDITY_LEVELS.hits([]), _level_records)
        bars = read(candles, COLUMNS[:2], tolerant=self._tolerant)
        periods, per_unit = min(self._periods(), window), 1 / self._pip(symbol)
        first = first_asked(rows, window)
        return History(
            LIQUIDITY_LEVELS(bars, first, rows, periods=periods, per_unit=per_unit), _level_records
        )

    def detect(self, data: pd.DataFrame, symbol: str, timeframe: str, **kwargs: Any) -> dict[str, Any]:
        """Return the grab among the last candles as a flat dict.

        Parameters
        ----------
        data, symbol, timeframe
            As for :meth:`detect_liquidity_grab_patterns`.
        **kwargs
            Its other arguments; anything else is ignored.

        Returns
        -------
        dict
            ``confidence``, ``strength`` (the same), ``direction``, ``entry_zone``, ``stop_loss``, ``take_profit_1``,
            ``take_profit_2``, ``risk_reward_ratio``, ``probability``, ``session``, ``confluences``,
            ``invalidation_criteria``, ``narrative`` and ``source``; zeros and the direction ``NEUTRAL`` without a grab.

        Examples
        --------
        >>> import pandas as pd
        >>> answer = LiquidityGrabDetectorEnterprise().detect(pd.DataFrame(), "EURUSD", "M15")
        >>> answer["confidence"], answer["direction"]
        (0.0, 'NEUTRAL')
        """
        signals = self.detect_liquidity_grab_patterns(data, symbol, timeframe, **given(kwargs))
        if not signals:
            return dict(_NOTHING) | {"confluences": []}
        return _flat(signals[0], 5 * self._pip(symbol) if self._strict else 5.0)

    def _map_liquidity_levels_enterprise(self, data: pd.DataFrame) -> dict[str, Any]:
        """Return the levels of the last 30 candles, the previous day's first, under the key ``levels``."""
        if len(data) == 0:
            return {"levels": []}
        periods = self._periods()
        bars = read(data, COLUMNS[:2], last=periods, tolerant=self._tolerant)
        last = len(bars.high) - 1
        hits = LIQUIDITY_LEVELS(bars, last, last + 1, periods=periods)
        return {"levels": _level_records(hits)}

    def _asked(
        self, data: pd.DataFrame, asked: Question, current_price: float, given: Sequence[Mapping[str, Any]]
    ) -> Hits:
        """Ask at the last candle."""
        settings = self._settings(asked, len(data)) | {"price": current_price or 0.0}
        rows = max(ROWS, settings["periods"])
        bars = self._read(data, last=rows)
        last = len(bars.close) - 1
        if given:
            # Which blocks are near is known with the level; how much they add is known with their number.
            found = LIQUIDITY_GRABS(bars, last, last + 1, **(settings | {"min_confidence": -math.inf}))
            settings["blocks"] = sum(_near(given, level) for level in found.level.tolist())
        found = LIQUIDITY_GRABS(bars, last, last + 1, **settings)
        found = moved(found, len(data), len(bars.close))
        return self._completed(found, asked, blocks=settings.get("blocks", 0))

    def _settings(self, asked: Question, window: int) -> dict[str, Any]:
        config = self.config
        return {
            "periods": min(self._periods(), window),
            "per_unit": 1 / self._pip(asked.symbol),
            "min_confidence": config["min_confidence"] - self._room(asked),
            **{parameter: config[name] for name, parameter in _PARAMETERS.items()},
        }

    def _periods(self) -> int:
        periods = self.config["liquidity_density_periods"]
        if not isinstance(periods, int) or periods < 1:
            raise ParameterError(
                f"config['liquidity_density_periods'] is {periods!r}; give a whole number from 1 on"
            )
        return periods

    def _completed(self, found: Hits, asked: Question, *, blocks: int = 0) -> Hits:
        smart = found.institutional >= self.config["institutional_threshold"]
        return self._weighed(found, asked, smart | (blocks > 0))

    def _signal(self, row: _Row, asked: Question, moment: datetime, similar: int) -> LiquidityGrabSignal:
        unit, side, price = 1 / self._pip(asked.symbol), row.side, row.price
        near, far, stop = 5 / unit, 10 / unit, 15 / unit
        if side > 0:
            direction, zone = TradingDirection.BUY, (price - near, price + far)
            stop_loss, targets = row.level - stop, (price + 40 / unit, price + 80 / unit)
        else:
            direction, zone = TradingDirection.SELL, (price - far, price + near)
            stop_loss, targets = row.level + stop, (price - 40 / unit, price - 80 / unit)
        swing = row.kind >= 2
        kind = LiquidityGrabType.ASIAN_RANGE_GRAB if swing else LiquidityGrabType.LONDON_BREAKOUT_GRAB
        name, level, _ = _LEVELS[row.kind]
        return LiquidityGrabSignal(
            kind,
            row.confidence,
            direction,
            level,
            row.level,
            price,
            _stops(row.touches) if self._strict else 0,
            price,
            zone,
            stop_loss,
            *targets,
            row.hunt,
            row.speed,
            row.intensity,
            row.institutional,
            row.density,
            bool(row.smart),
            f"{asked.symbol}: {name} at {row.level:.5f} grabbed, {direction.value}, confidence {row.confidence:.1f}",
            moment,
            {
                "level_type": name,
                "reversal_confirmed": row.reversal > 0,
                "volume_spike": row.intensity > 0,
                "smart_money": bool(row.smart),
            },
            asked.symbol,
            asked.timeframe,
            row.bonus,
            similar,
            row.success,
            row.estimate,
            LiquidityGrabStatus.REVERSAL_ACTIVE,
            moment + LIFETIME,
            f"LG_{asked.symbol}_{asked.timeframe}_{moment:%Y%m%d_%H%M%S}",
        )


LiquidityGrabEnterprise = LiquidityGrabDetectorEnterprise

_NOTHING: Mapping[str, Any] = {
    "confidence": 0.0,
    "strength": 0.0,
    "direction": "NEUTRAL",
    "entry_zone": (0.0, 0.0),
    "stop_loss": 0.0,
    "take_profit_1": 0.0,
    "take_profit_2": 0.0,
    "risk_reward_ratio": 0.0,
    "probability": 0.0,
    "session": "",
    "confluences": (),
    "invalidation_criteria": "",
    "narrative": "no liquidity grab",
    "source": SOURCE,
}


def _near(blocks: Sequence[Mapping[str, Any]], level: float) -> int:
    """Return how many order blocks lie near a level."""
    prices = [block_price(block, at) for at, block in enumerate(blocks)]
    return sum(abs(price - level) / level <= NEAR for price in prices)


def _stops(touches: int) -> int:
    return 50 + 20 * touches


def _level_records(hits: Hits) -> list[dict[str, Any]]:
    return [
        {
            "type": _LEVELS[kind][0],
            "liquidity_level": _LEVELS[kind][1],
            "price": level,
            "weight": _LEVELS[kind][2],
            "stops_estimate": _stops(touches),
        }
        for kind, level, touches in hits.rows("kind", "level", "touches")
    ]


def _flat(signal: LiquidityGrabSignal, width: float) -> dict[str, Any]:
    """Return a signal in the form of the dashboard."""
    entry, risk = signal.entry_price, abs(signal.entry_price - signal.stop_loss)
    gain = abs(signal.take_profit_1 - entry)
    beyond = "below" if signal.direction is TradingDirection.BUY else "above"
    return {
        "confidence": signal.confidence,
        "strength": signal.confidence,
        "direction": signal.direction.value,
        "entry_zone": (entry - width, entry + width),
        "stop_loss": signal.stop_loss,
        "take_profit_1": signal.take_profit_1,
        "take_profit_2": signal.take_profit_2,
        "risk_reward_ratio": gain / risk if risk > 0 else 0.0,
        "probability": 0.75 * signal.confidence,
        "session": signal.signal_type.value,
        "confluences": [name for name, holds in signal.session_context.items() if holds is True],
        "invalidation_criteria": f"a close {beyond} {signal.stop_loss:.5f}",
        "narrative": signal.narrative,
        "source": SOURCE,
    }
