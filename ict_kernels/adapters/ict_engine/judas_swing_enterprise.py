"""Judas swings with the interface of the engine's ``ict_engine.advanced_patterns.judas_swing_enterprise``.

A signal is given for the last candle only: within the first hour of a session, one of the last ten candles went a few
pips beyond an old swing, and the price is back inside. The price levels follow from the swings and from the break.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 7.2.9, 15.5: the direction is inverted: a failed break upwards is bought. Not so with ``strict=True``, which sells it.
* 7.2.9: since the stop follows from the break, the stop of such a purchase is not below its entry once the price is ten
  pips back, as a confirmed reversal is (``strict=True``: the stop lies beyond the break, where a sale wants it).
* 7.2.2: whether a session approaches is never looked at.
* 7.2.3: the swings are the oldest of the last 30 candles, not the latest nor the most extreme; without any, the third
  candle counts as one.
* 7.2.5: a price that has not turned far enough weakens the signal but does not prevent it.
* 7.2.4: the break is the most extreme of ten candles, even if an older one of them fits and it does not.
* 0.1: a pip is 0.0001 for every symbol.

Differences, on purpose: missing or non-numeric columns and NaN prices raise a
:class:`~ict_kernels.errors.CandleError` (``tolerant=True`` lets NaN pass: extremes and means skip it and comparisons
with it are false), and order blocks without a price a :class:`~ict_kernels.errors.ParameterError`, where the original
returns nothing; sessions are compared by the minute; the history of CHoCHs is handed in and empty by default, and asked
with the direction of the signal; ``memory_system`` is kept but never asked; texts are worded anew.

Examples
--------
>>> from datetime import datetime
>>> import pandas as pd
>>> high, low, close = [1.1010] * 60, [1.1000] * 60, [1.1005] * 60
>>> high[40], low[40] = 1.1030, 1.0980
>>> high[55], close[59] = 1.1045, 1.1025
>>> candles = pd.DataFrame({"high": high, "low": low, "close": close})
>>> candles.iloc[30:40] = [1.1030, 1.0980, 1.1005]
>>> detector = JudasSwingDetectorEnterprise(utc_clock=lambda: datetime(2025, 9, 1, 7, 30))
>>> [signal] = detector.detect_judas_swing_patterns(candles, "EURUSD", "M5")
>>> signal.direction.name, signal.swing_high, signal.fake_breakout_price, signal.reversal_confirmation_score
('BUY', 1.103, 1.1045, 1.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits
from ...detectors.engine.judas_swings import JUDAS_SWINGS
from ...kernels.engine.judas_swings import FAKE_SCORE
from ._advanced import ClockDetector, Question, TradingDirection, block_price, given
from ._collaborators import ChochHistory, Clock, now, utc_now

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "JudasSwingDetectorEnterprise",
    "JudasSwingEnterprise",
    "JudasSwingSignal",
    "JudasSwingStatus",
    "JudasSwingType",
    "TradingDirection",
]

SOURCE = "judas_swing_enterprise"
LEAST_ROWS = 50
SURROUNDINGS = 10  # candles before the lookback in which swings may lie, too
NEAR = 0.002
MOST = 96.0
LIFETIME = timedelta(hours=4)
DEFAULTS: Mapping[str, Any] = {
    "min_confidence": 70,
    "swing_lookback_periods": 20,
    "fake_breakout_min_pips": 5,
    "fake_breakout_max_pips": 25,
    "reversal_confirmation_pips": 10,
    "session_timing_weight": 0.30,
    "swing_quality_weight": 0.25,
    "fake_breakout_weight": 0.25,
    "reversal_weight": 0.20,
    "volume_spike_threshold": 1.5,
    "poi_confluence_bonus": 0.15,
    "use_choch_memory": True,
    "choch_confidence_max_bonus": 9,
    "choch_level_lookback": 20,
}


class JudasSwingType(Enum):
    """The session of a signal.

    Examples
    --------
    >>> JudasSwingType.NY_JUDAS.value
    'newyork_judas'
    """

    LONDON_JUDAS = "london_judas"
    NY_JUDAS = "newyork_judas"
    ASIAN_JUDAS = "asian_judas"
    FRANKFURT_JUDAS = "frankfurt_judas"


class JudasSwingStatus(Enum):
    """How far a Judas swing has come; signals are always ``REVERSAL_CONFIRMED``.

    Examples
    --------
    >>> [status.name for status in JudasSwingStatus][:3]
    ['SETUP_FORMING', 'FAKE_BREAKOUT', 'REVERSAL_CONFIRMED']
    """

    SETUP_FORMING = "setup_forming"
    FAKE_BREAKOUT = "fake_breakout"
    REVERSAL_CONFIRMED = "reversal_confirmed"
    INVALIDATED = "invalidated"
    COMPLETED = "completed"


_TYPES = tuple(JudasSwingType)
_WEIGHTS = {
    "timing_weight": "session_timing_weight",
    "swing_weight": "swing_quality_weight",
    "break_weight": "fake_breakout_weight",
    "reversal_weight": "reversal_weight",
}
_LIMITS = {
    "min_break": "fake_breakout_min_pips",
    "max_break": "fake_breakout_max_pips",
    "min_reversal": "reversal_confirmation_pips",
    "volume_factor": "volume_spike_threshold",
}
_NAMES = {
    JudasSwingType.LONDON_JUDAS: "london",
    JudasSwingType.NY_JUDAS: "newyork",
    JudasSwingType.FRANKFURT_JUDAS: "frankfurt",
    JudasSwingType.ASIAN_JUDAS: "asian",
}


@dataclass
class JudasSwingSignal:
    """One signal.

    Attributes
    ----------
    confidence : float
        0 to 96.
    fake_breakout_price : float
        The most extreme price beyond the swing.
    swing_high, swing_low : float
        The oldest swings of the last 30 candles.
    reversal_confirmation_price, entry_price : float
        The current price.
    session_timing_score, swing_identification_score, fake_breakout_strength, reversal_confirmation_score : float
        0 to 1 each.
    poi_confluence : bool
        Whether an order block is near one of the swings.
    timestamp, expiry_time : datetime
        The moment of detection by the local clock, and four hours later.
    choch_level_estimate : float or None
        The extreme of the last 20 candles in the direction of the signal.

    Examples
    --------
    >>> signal = JudasSwingSignal(
    ...     JudasSwingType.LONDON_JUDAS, 90.0, TradingDirection.BUY, 1.1045, 1.103, 1.098, 1.1025, 1.1025,
    ...     (1.0975, 1.099), 1.1035, 1.103, 1.10609, 1.0, 1.0, 0.8, 1.0, False, False, "",
    ...     datetime(2025, 9, 1, 7, 30), {}, "EURUSD", "M5")
    >>> signal.status.value
    'reversal_confirmed'
    """

    signal_type: JudasSwingType
    confidence: float
    direction: TradingDirection
    fake_breakout_price: float
    swing_high: float
    swing_low: float
    reversal_confirmation_price: float
    entry_price: float
    entry_zone: tuple[float, float]
    stop_loss: float
    take_profit_1: float
    take_profit_2: float
    session_timing_score: float
    swing_identification_score: float
    fake_breakout_strength: float
    reversal_confirmation_score: float
    volume_spike_detected: bool
    poi_confluence: bool
    narrative: str
    timestamp: datetime
    session_context: dict[str, Any]
    symbol: str
    timeframe: str
    choch_confidence_bonus: float = 0.0
    similar_choch_count: int = 0
    historical_success_rate: float = 0.0
    choch_level_estimate: float | None = None
    status: JudasSwingStatus = JudasSwingStatus.REVERSAL_CONFIRMED
    expiry_time: datetime | None = None
    analysis_id: str = ""


class _Row(NamedTuple):
    """The columns that a signal is made of."""

    session: int
    direction: int
    spike: int
    price: float
    extreme: float
    swing_high: float
    swing_low: float
    timing: float
    swing: float
    reversal: float
    level: float
    confidence: float
    poi: int
    bonus: float
    success: float
    entry_low: float
    entry_high: float
    stop_loss: float
    take_profit_1: float
    take_profit_2: float


class JudasSwingDetectorEnterprise(ClockDetector[JudasSwingSignal]):
    """Looks for a break beyond an old swing that has been taken back, at the last candle.

    Parameters
    ----------
    memory_system : object, optional
        Kept as an attribute only.
    logger : object, optional
        The engine's logger or one of the standard library; by default nothing is said.
    clock : callable, default ``datetime.now``
        The local time, which stamps the signals.
    utc_clock : callable, optional
        The time in UTC, which decides about the session; by default that of the host.
    history : ChochHistory, optional
        Earlier changes of character; none by default.
    tolerant : bool, default False
        Let NaN pass.
    strict : bool, default False
        Trade against the break, rather than along with it.

    Attributes
    ----------
    config : dict
        All settings, read at each call: ``min_confidence`` 70, ``swing_lookback_periods`` 20,
        ``fake_breakout_min_pips`` 5, ``fake_breakout_max_pips`` 25, ``reversal_confirmation_pips`` 10, the weights, ...
    session_windows : dict
        First and last time in UTC by :class:`JudasSwingType`, both inclusive, read at each call.

    Notes
    -----
    Columns of :meth:`evaluate_history`: ``bar``, ``session`` (0 London, 1 New York, 2 Asia, 3 Frankfurt),
    ``direction`` (1, -1), ``price``, ``confidence``, ``entry_low``, ``entry_high``, ``stop_loss``, ``take_profit_1``,
    ``take_profit_2`` and what led to them. It takes times without a zone for UTC, and does not ask
    :meth:`_validate_session_timing_enterprise`.

    Examples
    --------
    >>> import pandas as pd
    >>> prices = pd.DataFrame({"high": [1.1] * 49, "low": [1.1] * 49, "close": [1.1] * 49})
    >>> JudasSwingDetectorEnterprise().detect_judas_swing_patterns(prices, "EURUSD", "M5")
    []
    """

    _source = SOURCE
    _defaults = DEFAULTS
    _rule = JUDAS_SWINGS
    _row = _Row
    _least_rows = LEAST_ROWS

    def __init__(
        self,
        memory_system: Any | None = None,
        logger: Any | None = None,
        *,
        clock: Clock = now,
        utc_clock: Clock = utc_now,
        history: ChochHistory | None = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        super().__init__(
            memory_system, logger, clock=clock, history=history, tolerant=tolerant, strict=strict
        )
        self._utc_clock = utc_clock
        self.session_windows: dict[JudasSwingType, tuple[time, time]] = {
            JudasSwingType.LONDON_JUDAS: (time(7), time(8)),
            JudasSwingType.NY_JUDAS: (time(13, 30), time(14, 30)),
            JudasSwingType.FRANKFURT_JUDAS: (time(6), time(7)),
            JudasSwingType.ASIAN_JUDAS: (time(0), time(1)),
        }

    def detect_judas_swing_patterns(
        self,
        data: pd.DataFrame,
        symbol: str,
        timeframe: str,
        current_price: float = 0.0,
        detected_order_blocks: list[dict[str, Any]] | None = None,
        market_structure_context: dict[str, Any] | None = None,
    ) -> list[JudasSwingSignal]:
        """Return the signal at the last candle, if there is one.

        Parameters
        ----------
        data : DataFrame
            Columns ``high``, ``low``, ``close`` and, if known, ``volume``, oldest row first; the last 30 rows count.
            It is not modified.
        symbol, timeframe : str
            Noted in the signal, and looked up in the history of CHoCHs.
        current_price : float, default 0.0
            0 is the last close.
        detected_order_blocks : list of dict, optional
            Key ``price`` or ``low``.
        market_structure_context : dict, optional
            Not read.

        Returns
        -------
        list of JudasSwingSignal
            Empty for fewer than 50 rows, outside of the sessions, and below a confidence of 70.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.
        ParameterError
            If an order block has no price.

        Examples
        --------
        >>> import pandas as pd
        >>> calm = pd.DataFrame({"high": [1.101] * 60, "low": [1.1] * 60, "close": [1.1005] * 60})
        >>> detector = JudasSwingDetectorEnterprise(utc_clock=lambda: datetime(2025, 9, 1, 7, 30))
        >>> detector.detect_judas_swing_patterns(calm, "EURUSD", "M5")
        []
        """
        if len(data) < LEAST_ROWS:
            return []
        timing, session, active = self._validate_session_timing_enterprise()
        if not active:
            self._log.debug(f"{symbol} {timeframe}: outside of the sessions")
            return []
        reach = self.config["swing_lookback_periods"] + SURROUNDINGS
        rows = max(LEAST_ROWS, reach, self.config["choch_level_lookback"])
        bars = self._read(data, last=rows)
        last = len(bars.close) - 1
        asked = self._question(symbol, timeframe)
        settings = self._settings(asked, blocks=bool(detected_order_blocks)) | {
            "timing": timing,
            "session": _TYPES.index(session),
            "price": current_price or 0.0,
        }
        found = JUDAS_SWINGS(bars, last, last + 1, **settings)
        if len(found) == 0:
            return []
        return self._said(self._completed(found, asked, detected_order_blocks or ()), asked, self._clock())

    def detect(self, data: pd.DataFrame, symbol: str, timeframe: str, **kwargs: Any) -> dict[str, Any]:
        """Return the signal at the last candle as a flat dict.

        Parameters
        ----------
        data, symbol, timeframe
            As for :meth:`detect_judas_swing_patterns`.
        **kwargs
            Its other arguments; anything else is ignored.

        Returns
        -------
        dict
            ``confidence``, ``strength`` (the same), ``direction``, ``entry_zone``, ``stop_loss``, ``take_profit_1``,
            ``take_profit_2``, ``risk_reward_ratio`` (to the first target), ``probability``, ``session``,
            ``confluences``, ``invalidation_criteria``, ``narrative`` and ``source``; without a signal zeros and the
            direction ``NEUTRAL``.

        Examples
        --------
        >>> import pandas as pd
        >>> answer = JudasSwingDetectorEnterprise().detect(pd.DataFrame(), "EURUSD", "M5")
        >>> answer["confidence"], answer["direction"]
        (0.0, 'NEUTRAL')
        """
        signals = self.detect_judas_swing_patterns(data, symbol, timeframe, **given(kwargs))
        if not signals:
            return {
                **dict.fromkeys(("confidence", "strength"), 0.0),
                "direction": "NEUTRAL",
                "entry_zone": (0.0, 0.0),
                **dict.fromkeys(("stop_loss", "take_profit_1", "take_profit_2"), 0.0),
                **dict.fromkeys(("risk_reward_ratio", "probability"), 0.0),
                "session": "none",
                "confluences": [],
                "invalidation_criteria": "",
                "narrative": "no Judas swing",
                "source": SOURCE,
            }
        best = max(signals, key=lambda signal: signal.confidence)
        risk, reward = (abs(best.entry_price - level) for level in (best.stop_loss, best.take_profit_1))
        return {
            "confidence": best.confidence,
            "strength": best.confidence,
            "direction": best.direction.value,
            "entry_zone": best.entry_zone,
            "stop_loss": best.stop_loss,
            "take_profit_1": best.take_profit_1,
            "take_profit_2": best.take_profit_2,
            "risk_reward_ratio": reward / risk if risk else 0.0,
            "probability": 0.8 * best.confidence,
            "session": best.signal_type.value,
            "confluences": _confluences(best),
            "invalidation_criteria": f"price at {best.stop_loss:.5f}",
            "narrative": best.narrative,
            "source": SOURCE,
        }

    def _validate_session_timing_enterprise(self) -> tuple[float, JudasSwingType, bool]:
        """Return how well the time in UTC suits, for which session, and whether it does."""
        moment = self._utc_clock()
        minute = moment.hour * 60 + moment.minute
        for session in _NAMES:
            first, last = self._window(session)
            if first <= minute <= last:
                return 1.0, session, True
        return 0.0, JudasSwingType.LONDON_JUDAS, False

    def _window(self, session: JudasSwingType) -> tuple[int, int]:
        """Return the first and the last minute of the day; none if there is no such window."""
        if session not in self.session_windows:
            return 1, 0
        first, last = (moment.hour * 60 + moment.minute for moment in self.session_windows[session])
        return first, last

    def _minutes(self, clock: pd.DatetimeIndex) -> NDArray[np.int64]:
        return super()._minutes(clock if clock.tz is None else clock.tz_convert("UTC"))

    def _settings(self, asked: Question, window: float = math.inf, *, blocks: bool = False) -> dict[str, Any]:
        config, room = self.config, self._room(asked)
        room += 100 * config["poi_confluence_bonus"] if blocks else 0
        windows: dict[str, int] = {}
        for session, name in _NAMES.items():
            windows[f"{name}_start"], windows[f"{name}_end"] = self._window(session)
        return {
            "inverted": not self._strict,
            "lookback": min(config["swing_lookback_periods"] + SURROUNDINGS, window) - SURROUNDINGS,
            "level_lookback": min(config["choch_level_lookback"], window),
            "min_points": config["min_confidence"] - room,
            **{name: config[key] for name, key in (_WEIGHTS | _LIMITS).items()},
            **windows,
        }

    def _completed(self, found: Hits, asked: Question, blocks: Sequence[Mapping[str, Any]] = ()) -> Hits:
        """Add what order blocks and the history of CHoCHs say and the levels; drop what is not sure enough then."""
        past = self._remembered(asked, found.level, found.direction)
        poi = _near(found, [block_price(block, at) for at, block in enumerate(blocks)])
        points = found.points + 100 * self.config["poi_confluence_bonus"] * poi + past.bonus
        buy, high, low, broken = found.direction > 0, found.swing_high, found.swing_low, found.extreme
        added = {
            "confidence": np.minimum(np.maximum(points, 0.0), MOST),
            "poi": poi,
            "bonus": past.bonus,
            "success": past.success,
            "entry_low": np.where(buy, low - 0.0005, high - 0.0010),
            "entry_high": np.where(buy, low + 0.0010, high + 0.0005),
            "stop_loss": np.where(buy, broken - 0.0010, broken + 0.0010),
            "take_profit_1": np.where(buy, high, low),
            "take_profit_2": np.where(buy, high + 0.618 * (high - low), low - 0.618 * (high - low)),
        }
        completed = Hits(found.columns | added)
        return completed[completed.confidence >= self.config["min_confidence"]]

    def _signal(self, row: _Row, asked: Question, moment: datetime, similar: int) -> JudasSwingSignal:
        session = _TYPES[row.session]
        direction = TradingDirection.BUY if row.direction > 0 else TradingDirection.SELL
        spike, poi = bool(row.spike), bool(row.poi)
        return JudasSwingSignal(
            signal_type=session,
            confidence=row.confidence,
            direction=direction,
            fake_breakout_price=row.extreme,
            swing_high=row.swing_high,
            swing_low=row.swing_low,
            reversal_confirmation_price=row.price,
            entry_price=row.price,
            entry_zone=(row.entry_low, row.entry_high),
            stop_loss=row.stop_loss,
            take_profit_1=row.take_profit_1,
            take_profit_2=row.take_profit_2,
            session_timing_score=row.timing,
            swing_identification_score=row.swing,
            fake_breakout_strength=FAKE_SCORE,
            reversal_confirmation_score=row.reversal,
            volume_spike_detected=spike,
            poi_confluence=poi,
            narrative=f"{asked.symbol}: {direction.value} after a break to {row.extreme:.5f}, {session.value}, "
            f"confidence {row.confidence:.1f}",
            timestamp=moment,
            session_context={
                "session": session.value,
                "session_timing_score": row.timing,
                "volume_spike": spike,
                "poi_confluence": poi,
            },
            symbol=asked.symbol,
            timeframe=asked.timeframe,
            choch_confidence_bonus=row.bonus,
            similar_choch_count=similar,
            historical_success_rate=row.success,
            choch_level_estimate=row.level,
            expiry_time=moment + LIFETIME,
            analysis_id=f"JS_{asked.symbol}_{asked.timeframe}_{moment:%Y%m%d_%H%M%S}",
        )


JudasSwingEnterprise = JudasSwingDetectorEnterprise


def _near(found: Hits, prices: Sequence[float]) -> Any:
    """Return which signals (1 or 0) have an order block at one of their swings."""
    near = np.zeros(len(found), np.int64)
    for level in (found.swing_high, found.swing_low):
        for price in prices:
            near |= np.abs(price - level) <= NEAR * level
    return near


def _confluences(signal: JudasSwingSignal) -> list[str]:
    """Return what speaks for a signal."""
    said = {
        "session": signal.session_timing_score > 0.7,
        "swing": signal.swing_identification_score > 0.7,
        "reversal": signal.reversal_confirmation_score > 0.6,
        "volume": signal.volume_spike_detected,
        "order_block": signal.poi_confluence,
    }
    return [name for name, true in said.items() if true]
