"""Silver bullets with the interface of the engine's ``ict_engine.advanced_patterns.silver_bullet_enterprise``.

A signal is given for the last candle only: time of day, swing structure, momentum, order blocks and a memory are
weighed into a confidence, and the price levels lie at fixed distances from the current price.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 7.1.2: the kill zones are labelled as New York time, but the host's local clock is read without conversion; the table
  ``killzones`` is not read.
* 7.1.2: scores end at 1.0, so that from minute 41 on the London close, tested later, wins over New York.
* 7.1.3: the two swings that are compared share a candle.
* 7.1.4: order blocks that are handed in but lie far away count for less than none at all.
* 7.1.5: ``timeframe_alignment`` is read off the same candles; no other timeframe is.
* 7.1.7: the weights add up to 1.1.
* 7.1.8: ``structure_confluence`` says that order blocks are near, and nothing about structure.
* 7.1.9, 15.5: a signal without direction is given the levels of a sale; with ``strict=True`` there is none then.
* 7.1.10, 15.5: ``quality_score`` is always 1.0 and ``quality_grade`` A+, since 0 to 100 is taken for 0 to 1; the filter
  by quality never runs.
* 0.1: the distances are 0.0008 to 0.0070 for every symbol.

Differences, on purpose: missing or non-numeric columns and NaN prices raise a
:class:`~ict_kernels.errors.CandleError` (``tolerant=True`` lets NaN pass: extremes skip it and comparisons with it are
false), and order blocks without a price or with a time that cannot be compared a
:class:`~ict_kernels.errors.ParameterError`, where the original returns nothing; a memory that cannot rate counts as
0.5; the history of CHoCHs is handed in and empty by default; texts are worded anew.

Examples
--------
>>> from datetime import datetime
>>> import pandas as pd
>>> rise = pd.Series(range(30)) * 0.0002 + 1.1
>>> candles = pd.DataFrame({"high": rise + 0.0001, "low": rise - 0.0001, "close": rise})
>>> detector = SilverBulletDetectorEnterprise(clock=lambda: datetime(2025, 9, 1, 10, 30))
>>> [signal] = detector.detect_silver_bullet_patterns(candles, "EURUSD", "M5")
>>> signal.direction.name, signal.signal_type.value, round(signal.confidence, 6)
('BUY', 'newyork_killzone', 85.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...detectors.engine import Hits
from ...detectors.engine.silver_bullets import SILVER_BULLETS
from ...errors import ParameterError
from ...kernels.engine.silver_bullets import ROWS, ZONES, killzone
from ._advanced import ClockDetector, Question, TradingDirection, block_price, given
from ._collaborators import ChochHistory, Clock, now

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "KillzoneStatus",
    "SilverBulletDetectorEnterprise",
    "SilverBulletEnterprise",
    "SilverBulletSignal",
    "SilverBulletType",
    "TradingDirection",
]

SOURCE = "silver_bullet_enterprise"
LEAST_TIMING = 0.5
NEAR = 0.005
LIFETIME = timedelta(hours=2)
DEFAULTS: Mapping[str, Any] = {
    "min_confidence": 75,
    "structure_weight": 0.25,
    "timing_weight": 0.35,
    "confluence_weight": 0.25,
    "memory_weight": 0.15,
    "mtf_lookback": 20,
    "max_order_block_age_hours": 24,
    "min_displacement_strength": 0.6,
    "min_quality_score": 0.6,
    "enable_quality_filtering": True,
    "use_choch_memory": True,
    "choch_confidence_max_bonus": 10,
    "choch_level_lookback": 20,
}


class SilverBulletType(Enum):
    """The kill zone of a signal.

    Examples
    --------
    >>> SilverBulletType.LONDON_KILL.value
    'london_killzone'
    """

    LONDON_KILL = "london_killzone"
    NY_KILL = "newyork_killzone"
    LONDON_CLOSE = "london_close"
    ASIAN_KILL = "asian_killzone"


class KillzoneStatus(Enum):
    """Where the clock stands with respect to a kill zone.

    Examples
    --------
    >>> [status.name for status in KillzoneStatus]
    ['ACTIVE', 'APPROACHING', 'ENDED', 'OUTSIDE']
    """

    ACTIVE = "active"
    APPROACHING = "approaching"
    ENDED = "ended"
    OUTSIDE = "outside"


_TYPES = tuple(SilverBulletType)
_STATUSES = tuple(KillzoneStatus)
_DIRECTIONS = {1: TradingDirection.BUY, 0: TradingDirection.NEUTRAL, -1: TradingDirection.SELL}
_WEIGHTS = ("timing_weight", "structure_weight", "confluence_weight", "memory_weight")
_FLAGS = (
    "structure_confluence",
    "killzone_timing",
    "order_block_present",
    "timeframe_alignment",
    "memory_confirmation",
)


@dataclass
class SilverBulletSignal:
    """One signal.

    Attributes
    ----------
    confidence : float
        0 to 100.
    entry_zone : tuple of float
        Lower and upper edge.
    structure_confluence : bool
        Whether order blocks are near.
    killzone_timing : bool
        Whether the time of day scores above 0.7.
    institutional_bias : float
        The confidence from 0 to 1.
    timestamp, expiry_time : datetime
        The moment of detection, and two hours later.
    choch_target_hint : float or None
        The target of earlier CHoCHs near the level.
    quality_score, quality_grade, enhancement_version
        Set by :meth:`SilverBulletDetectorEnterprise.enhance_signal_with_quality`.

    Examples
    --------
    >>> signal = SilverBulletSignal(
    ...     SilverBulletType.NY_KILL, 80.0, TradingDirection.BUY, 1.1, (1.0992, 1.1008), 1.0975, 1.104, 1.107, False,
    ...     True, False, True, False, 0.8, "", datetime(2025, 9, 1, 10, 30), {}, "EURUSD", "M5")
    >>> signal.status
    'ACTIVE'
    """

    signal_type: SilverBulletType
    confidence: float
    direction: TradingDirection
    entry_price: float
    entry_zone: tuple[float, float]
    stop_loss: float
    take_profit_1: float
    take_profit_2: float
    structure_confluence: bool
    killzone_timing: bool
    order_block_present: bool
    timeframe_alignment: bool
    memory_confirmation: bool
    institutional_bias: float
    narrative: str
    timestamp: datetime
    session_context: dict[str, Any]
    symbol: str
    timeframe: str
    choch_confidence_bonus: float = 0.0
    similar_choch_count: int = 0
    historical_success_rate: float = 0.0
    choch_target_hint: float | None = None
    status: str = "ACTIVE"
    expiry_time: datetime | None = None
    analysis_id: str = ""
    quality_score: float | None = field(default=None, init=False)
    quality_grade: str | None = field(default=None, init=False)
    enhancement_version: str | None = field(default=None, init=False)


@dataclass(frozen=True)
class _Question(Question):
    """What a memory, the order blocks and the market structure say."""

    memory: float
    backed: bool
    confluence: float = 0.3
    blocks: bool = False
    displaced: bool = False


class _Row(NamedTuple):
    """The columns that a signal is made of."""

    zone: int
    direction: int
    price: float
    timing: float
    structure: float
    alignment: float
    confidence: float
    bonus: float
    success: float
    target: float
    entry_low: float
    entry_high: float
    stop_loss: float
    take_profit_1: float
    take_profit_2: float


class SilverBulletDetectorEnterprise(ClockDetector[SilverBulletSignal]):
    """Weighs time of day, structure and momentum at the last candle.

    Parameters
    ----------
    memory_system : object, optional
        Its ``assess_market_confidence(description)`` rates the pattern from 0 to 1. None by default.
    logger : object, optional
        The engine's logger or one of the standard library; by default nothing is said.
    clock : callable, default ``datetime.now``
        The local time, which decides about the kill zone and stamps the signals.
    history : ChochHistory, optional
        Earlier changes of character; none by default.
    tolerant : bool, default False
        Let NaN prices pass.
    strict : bool, default False
        Give no signal without a direction, rather than one with the levels of a sale.

    Attributes
    ----------
    config : dict
        All settings, read at each call: ``min_confidence`` 75, the weights, ``mtf_lookback`` 20,
        ``max_order_block_age_hours`` 24, ``min_displacement_strength`` 0.6, ``choch_level_lookback`` 20, ...
    killzones : dict
        First and last hour by :class:`SilverBulletType`; changing it changes nothing.

    Notes
    -----
    Columns of :meth:`evaluate_history`: ``bar``, ``zone`` (0 London, 1 New York, 2 London close, 3 Asia),
    ``direction`` (1, 0, -1), ``price``, ``confidence``, ``entry_low``, ``entry_high``, ``stop_loss``,
    ``take_profit_1``, ``take_profit_2`` and what led to them. It asks a memory once, and does not ask
    :meth:`_validate_killzone_timing_enterprise`.

    Examples
    --------
    >>> import pandas as pd
    >>> prices = pd.DataFrame({"high": [1.1] * 19, "low": [1.1] * 19, "close": [1.1] * 19})
    >>> SilverBulletDetectorEnterprise().detect_silver_bullet_patterns(prices, "EURUSD", "M5")
    []
    """

    _source = SOURCE
    _defaults = DEFAULTS
    _rule = SILVER_BULLETS
    _row = _Row
    _volume = ()
    _least_rows = ROWS

    def __init__(
        self,
        memory_system: Any | None = None,
        logger: Any | None = None,
        *,
        clock: Clock = now,
        history: ChochHistory | None = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        super().__init__(
            memory_system, logger, clock=clock, history=history, tolerant=tolerant, strict=strict
        )
        self.killzones = {kind: hours[:2] for kind, hours in zip(_TYPES, ZONES, strict=True)}

    def detect_silver_bullet_patterns(
        self,
        data: pd.DataFrame,
        symbol: str,
        timeframe: str,
        current_price: float = 0.0,
        detected_order_blocks: list[dict[str, Any]] | None = None,
        market_structure_context: dict[str, Any] | None = None,
    ) -> list[SilverBulletSignal]:
        """Return the signal at the last candle, if there is one.

        Parameters
        ----------
        data : DataFrame
            Columns ``high``, ``low`` and ``close``, oldest row first; the last 20 rows count. It is not modified.
        symbol, timeframe : str
            Noted in the signal, and looked up in the history of CHoCHs.
        current_price : float, default 0.0
            0 is the last close.
        detected_order_blocks : list of dict, optional
            Keys ``price`` or ``low``, and ``timestamp`` (now by default).
        market_structure_context : dict, optional
            A ``displacement_strength`` above 0.6 strengthens the structure.

        Returns
        -------
        list of SilverBulletSignal
            Empty for fewer than 20 rows, outside of the kill zones, and below a confidence of 75.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.
        ParameterError
            If an order block has no price, or a time that cannot be compared with the clock's.

        Examples
        --------
        >>> import pandas as pd
        >>> fall = 1.2 - pd.Series(range(20)) * 0.0002
        >>> candles = pd.DataFrame({"high": fall, "low": fall, "close": fall})
        >>> detector = SilverBulletDetectorEnterprise(clock=lambda: datetime(2025, 9, 1, 4, 0))
        >>> [signal] = detector.detect_silver_bullet_patterns(candles, "EURUSD", "M5", current_price=1.19)
        >>> signal.direction.value, signal.take_profit_2 < signal.entry_price < signal.stop_loss
        ('sell', True)
        """
        if len(data) < ROWS:
            return []
        timing, zone, *_ = self._validate_killzone_timing_enterprise()
        if timing < LEAST_TIMING:
            self._log.debug(f"{symbol} {timeframe}: outside of the kill zones")
            return []
        moment = self._clock()
        rows = max(ROWS, self.config["mtf_lookback"], self.config["choch_level_lookback"])
        bars = self._read(data, last=rows)
        price = float(current_price or bars.close[-1])
        strength = (market_structure_context or {}).get("displacement_strength", 0.0)
        asked = replace(
            self._question(symbol, timeframe),
            **self._confluence(detected_order_blocks, price, moment),
            displaced=strength > self.config["min_displacement_strength"],
        )
        settings = self._settings(asked) | {"timing": timing, "zone": _TYPES.index(zone), "price": price}
        last = len(bars.close) - 1
        found = SILVER_BULLETS(bars, last, last + 1, **settings)
        if len(found) == 0:
            return []
        return self._said(self._completed(found, asked), asked, moment)

    def detect(self, data: pd.DataFrame, symbol: str, timeframe: str, **kwargs: Any) -> dict[str, Any]:
        """Return the signal at the last candle as a flat dict.

        Parameters
        ----------
        data, symbol, timeframe
            As for :meth:`detect_silver_bullet_patterns`.
        **kwargs
            Its other arguments; anything else is ignored.

        Returns
        -------
        dict
            ``confidence``, ``direction``, ``entry_zone``, ``stop_loss``, ``take_profit_1``, ``take_profit_2``, the five
            flags, ``narrative`` and ``source``; without a signal zeros and the direction ``NEUTRAL``.

        Examples
        --------
        >>> import pandas as pd
        >>> answer = SilverBulletDetectorEnterprise().detect(pd.DataFrame(), "EURUSD", "M5")
        >>> answer["confidence"], answer["direction"]
        (0.0, 'NEUTRAL')
        """
        signals = self.detect_silver_bullet_patterns(data, symbol, timeframe, **given(kwargs))
        if not signals:
            return {
                "confidence": 0.0,
                "direction": "NEUTRAL",
                "entry_zone": (0.0, 0.0),
                **dict.fromkeys(("stop_loss", "take_profit_1", "take_profit_2"), 0.0),
                **dict.fromkeys(_FLAGS, False),
                "narrative": "no silver bullet",
                "source": SOURCE,
            }
        best = max(signals, key=lambda signal: signal.confidence)
        shown = ("entry_zone", "stop_loss", "take_profit_1", "take_profit_2", *_FLAGS, "narrative")
        return {
            "confidence": best.confidence,
            "direction": best.direction.value,
            **{name: getattr(best, name) for name in shown},
            "source": SOURCE,
        }

    def enhance_signal_with_quality(self, signal: SilverBulletSignal) -> SilverBulletSignal:
        """Set a signal's quality.

        Parameters
        ----------
        signal : SilverBulletSignal
            Updated in place. Its confidence is taken for 0 to 1, so that from 1 on the quality is 1.0.

        Returns
        -------
        SilverBulletSignal
            The same.

        Examples
        --------
        >>> import types
        >>> signal = types.SimpleNamespace(confidence=75.0)
        >>> signal = SilverBulletDetectorEnterprise().enhance_signal_with_quality(signal)
        >>> signal.quality_score, signal.quality_grade
        (1.0, 'A+')
        """
        score = min(1.0, max(0.0, signal.confidence))
        grades = ((0.9, "A+"), (0.8, "A"), (0.7, "B"), (0.6, "C"))
        signal.quality_score = score
        signal.quality_grade = next((grade for least, grade in grades if score >= least), "D")
        signal.enhancement_version = "1.0"
        return signal

    def filter_signals_by_quality(
        self, signals: Sequence[SilverBulletSignal], min_quality: float = 0.6
    ) -> list[SilverBulletSignal]:
        """Return the signals of at least some quality; one that has none yet is given it.

        Parameters
        ----------
        signals : sequence of SilverBulletSignal
        min_quality : float, default 0.6

        Returns
        -------
        list of SilverBulletSignal

        Examples
        --------
        >>> import types
        >>> signals = [types.SimpleNamespace(confidence=0.5), types.SimpleNamespace(confidence=80.0)]
        >>> [s.confidence for s in SilverBulletDetectorEnterprise().filter_signals_by_quality(signals)]
        [80.0]
        """
        return [signal for signal in signals if self._quality(signal) >= min_quality]

    def _quality(self, signal: SilverBulletSignal) -> float:
        if getattr(signal, "quality_score", None) is None:
            self.enhance_signal_with_quality(signal)
        return float(signal.quality_score or 0.0)

    def get_current_killzone(self) -> str:
        """Return the session by the local clock; it has nothing to do with the zones of the signals.

        Returns
        -------
        {"london", "new_york", "sydney"}

        Examples
        --------
        >>> SilverBulletDetectorEnterprise(clock=lambda: datetime(2025, 9, 1, 11, 59)).get_current_killzone()
        'london'
        """
        hour = self._clock().hour
        return "london" if 7 <= hour <= 11 else "new_york" if 13 <= hour <= 17 else "sydney"

    def _validate_killzone_timing_enterprise(self) -> tuple[float, SilverBulletType, KillzoneStatus]:
        """Return how well the local time suits, for which zone, and where it stands to that zone."""
        moment = self._clock()
        zone, place, score = killzone(moment.hour * 60 + moment.minute)
        return score, _TYPES[zone], _STATUSES[place]

    def _question(self, symbol: str, timeframe: str) -> _Question:
        memory, backed = self._memory(symbol, timeframe)
        return _Question(symbol, timeframe, memory, backed)

    def _memory(self, symbol: str, timeframe: str) -> tuple[float, bool]:
        """Return what the memory contributes, and whether it confirms the pattern."""
        if self.memory_system is None:
            return 0.5, False
        assess = getattr(self.memory_system, "assess_market_confidence", None)
        description = {"pattern_type": "SILVER_BULLET", "symbol": symbol, "timeframe": timeframe}
        rate = 0.5 if assess is None else float(assess(description))
        return 0.3 + 0.7 * rate, rate > 0.6

    def _confluence(
        self, blocks: Sequence[Mapping[str, Any]] | None, price: float, moment: datetime
    ) -> dict[str, Any]:
        """Return the best score of the order blocks, and whether any is near and young enough."""
        if not blocks:
            return {}
        oldest, scores = self.config["max_order_block_age_hours"], []
        for at, block in enumerate(blocks):
            distance = abs(price - block_price(block, at)) / price if price else math.inf
            age = _age(block, moment, at)
            if age <= oldest and distance <= NEAR:
                near, young = max(0.0, 0.3 * (1 - distance / NEAR)), max(0.0, 0.2 * (1 - age / oldest))
                scores.append(min(1.0, 0.5 + near + young))
        return {"confluence": max(scores, default=0.0), "blocks": bool(scores)}

    def _settings(self, asked: _Question, window: float = math.inf) -> dict[str, Any]:
        config = self.config
        return {
            "memory": asked.memory,
            "confluence": asked.confluence,
            "displaced": asked.displaced,
            "neutral": not self._strict,
            "lookback": min(config["mtf_lookback"], window),
            "level_lookback": min(config["choch_level_lookback"], window),
            "min_confidence": config["min_confidence"] - self._room(asked),
            **{weight: config[weight] for weight in _WEIGHTS},
        }

    def _completed(self, found: Hits, asked: _Question) -> Hits:
        """Add what the history of CHoCHs says and the levels; drop what is not sure enough then."""
        past = self._remembered(asked, found.level, found.direction)
        price, sign = found.price, np.where(found.direction > 0, 1.0, -1.0)
        ahead = sign * (past.target - price) > 0
        added = {
            "confidence": np.clip(found.confidence + past.bonus, 0.0, 100.0),
            "bonus": past.bonus,
            "success": past.success,
            "target": past.target,
            "entry_low": price - 0.0008,
            "entry_high": price + 0.0008,
            "stop_loss": price - sign * 0.0025,
            "take_profit_1": np.where(ahead, (price + past.target) / 2, price + sign * 0.0040),
            "take_profit_2": np.where(ahead, past.target, price + sign * 0.0070),
        }
        completed = Hits(found.columns | added)
        return completed[completed.confidence >= self.config["min_confidence"]]

    def _signal(self, row: _Row, asked: _Question, moment: datetime, similar: int) -> SilverBulletSignal:
        kind, direction = _TYPES[row.zone], _DIRECTIONS[row.direction]
        near, timely, aligned = asked.confluence > 0.6, row.timing > 0.7, row.alignment > 0.6
        bias = row.confidence / 100
        signal = SilverBulletSignal(
            signal_type=kind,
            confidence=row.confidence,
            direction=direction,
            entry_price=row.price,
            entry_zone=(row.entry_low, row.entry_high),
            stop_loss=row.stop_loss,
            take_profit_1=row.take_profit_1,
            take_profit_2=row.take_profit_2,
            structure_confluence=near,
            killzone_timing=timely,
            order_block_present=asked.blocks,
            timeframe_alignment=aligned,
            memory_confirmation=asked.backed,
            institutional_bias=bias,
            narrative=f"{asked.symbol}: {direction.value} in {kind.value}, confidence {row.confidence:.1f}",
            timestamp=moment,
            session_context={
                "killzone_active": timely,
                "market_structure_favorable": row.structure > 0.7,
                "order_block_support": asked.blocks,
                "timeframe_aligned": aligned,
                "memory_backed": asked.backed,
                "institutional_bias": bias,
            },
            symbol=asked.symbol,
            timeframe=asked.timeframe,
            choch_confidence_bonus=row.bonus,
            similar_choch_count=similar,
            historical_success_rate=row.success,
            choch_target_hint=None if math.isnan(row.target) else row.target,
            expiry_time=moment + LIFETIME,
            analysis_id=f"SB_{asked.symbol}_{asked.timeframe}_{moment:%Y%m%d_%H%M%S}",
        )
        return self.enhance_signal_with_quality(signal)


SilverBulletEnterprise = SilverBulletDetectorEnterprise


def _age(block: Mapping[str, Any], moment: datetime, at: int) -> float:
    """Return the hours since an order block's time; 0 without one."""
    stamp = block.get("timestamp")
    if stamp is None:
        return 0.0
    try:
        return float((moment - stamp).total_seconds()) / 3600
    except (AttributeError, TypeError) as error:
        raise ParameterError(
            f"detected_order_blocks[{at}]['timestamp'] is {stamp!r}, which the clock's {moment!r} cannot be compared "
            "with; give it a datetime of the same kind"
        ) from error
