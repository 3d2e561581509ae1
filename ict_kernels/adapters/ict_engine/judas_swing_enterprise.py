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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import Enum
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...detectors.engine import Hits
from ...detectors.engine.judas_swings import JUDAS_SWINGS
from ...kernels.engine.judas_swings import FAKE_SCORE
from ._advanced import block_price, remembered
from ._collaborators import ChochHistory, Clock, Log, now, utc_now
from ._frames import clock_minutes, read, times
from ._history import History, first_asked

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
COLUMNS = ("high", "low", "close")
VOLUME = ("volume",)
LEAST_ROWS = 50
SURROUNDINGS = 10  # candles before the lookback in which swings may lie, too
NEAR = 0.002
MOST = 96.0
LIFETIME = timedelta(hours=4)


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


class TradingDirection(Enum):
    """Which way to trade.

    Examples
    --------
    >>> TradingDirection("sell")
    <TradingDirection.SELL: 'sell'>
    """

    BUY = "buy"
    SELL = "sell"
    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"


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


class JudasSwingDetectorEnterprise:
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

    Examples
    --------
    >>> import pandas as pd
    >>> prices = pd.DataFrame({"high": [1.1] * 49, "low": [1.1] * 49, "close": [1.1] * 49})
    >>> JudasSwingDetectorEnterprise().detect_judas_swing_patterns(prices, "EURUSD", "M5")
    []
    """

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
        self.memory_system = memory_system
        self.logger = logger
        self.config: dict[str, Any] = {
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
        self.session_windows: dict[JudasSwingType, tuple[time, time]] = {
            JudasSwingType.LONDON_JUDAS: (time(7), time(8)),
            JudasSwingType.NY_JUDAS: (time(13, 30), time(14, 30)),
            JudasSwingType.FRANKFURT_JUDAS: (time(6), time(7)),
            JudasSwingType.ASIAN_JUDAS: (time(0), time(1)),
        }
        self._clock = clock
        self._utc_clock = utc_clock
        self._history = ChochHistory() if history is None else history
        self._tolerant = tolerant
        self._strict = strict
        self._log = Log(SOURCE, logger)

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
        bars = read(data, COLUMNS, volume=VOLUME, last=rows, tolerant=self._tolerant)
        last = len(bars.close) - 1
        settings = self._settings(symbol, timeframe, bool(detected_order_blocks)) | {
            "timing": timing,
            "session": _TYPES.index(session),
            "price": current_price or 0.0,
        }
        found = JUDAS_SWINGS(bars, last, last + 1, **settings)
        if len(found) == 0:
            return []
        completed = self._completed(found, symbol, timeframe, detected_order_blocks)
        signals = self._records(completed, symbol, timeframe, repeat(self._clock()))
        for signal in signals:
            self._log.info(signal.narrative)
        return signals

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN", *, window: int = 200
    ) -> History[JudasSwingSignal]:
        """Return what a call at every candle would have said, both clocks being the candle's time.

        Parameters
        ----------
        candles : DataFrame
            As for :meth:`detect_judas_swing_patterns`, with a DatetimeIndex or a column ``time``; times without a
            zone are taken for UTC.
        symbol, timeframe : str, optional
            Noted in the signals.
        window : int, default 200
            How many candles each call is given.

        Returns
        -------
        History
            Columns ``bar``, ``session`` (0 London, 1 New York, 2 Asia, 3 Frankfurt), ``direction`` (1, -1), ``price``,
            ``confidence``, ``entry_low``, ``entry_high``, ``stop_loss``, ``take_profit_1``, ``take_profit_2`` and what
            led to them.

        Raises
        ------
        CandleError
            As for :meth:`detect_judas_swing_patterns`, and for candles without times.

        Notes
        -----
        :meth:`_validate_session_timing_enterprise` is not asked.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=1000)[0].to_pandas()
        >>> history = JudasSwingDetectorEnterprise().evaluate_history(candles, "EURUSD", "M15")
        >>> bool((history.confidence >= 70).all()), len(history.records()) == len(history)
        (True, True)
        """
        rows = len(candles)
        if min(rows, window) < LEAST_ROWS:
            return History(self._completed(JUDAS_SWINGS.hits([]), symbol, timeframe), lambda hits: [])
        clock = times(candles, what="evaluate_history")
        minute = clock_minutes(clock if clock.tz is None else clock.tz_convert("UTC"))
        bars = read(candles, COLUMNS, volume=VOLUME, tolerant=self._tolerant, minute=minute)
        settings = self._settings(symbol, timeframe, window=window)
        found = JUDAS_SWINGS(bars, first_asked(rows, window), rows, **settings)

        def build(hits: Hits) -> list[JudasSwingSignal]:
            return self._records(hits, symbol, timeframe, clock[hits.bar].to_pydatetime().tolist())

        return History(self._completed(found, symbol, timeframe), build)

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
        names = ("current_price", "detected_order_blocks", "market_structure_context")
        given = {name: kwargs[name] for name in names if name in kwargs}
        signals = self.detect_judas_swing_patterns(data, symbol, timeframe, **given)
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

    def _settings(
        self, symbol: str, timeframe: str, blocks: bool = False, window: int | None = None
    ) -> dict[str, Any]:
        """Return the rule's parameters."""
        config, rows = self.config, math.inf if window is None else window
        remembers = config["use_choch_memory"] and self._history.similar(symbol, timeframe)
        room = config["choch_confidence_max_bonus"] if remembers else 0
        room += 100 * config["poi_confluence_bonus"] if blocks else 0
        windows: dict[str, int] = {}
        for session, name in _NAMES.items():
            windows[f"{name}_start"], windows[f"{name}_end"] = self._window(session)
        return {
            "inverted": not self._strict,
            "lookback": min(config["swing_lookback_periods"] + SURROUNDINGS, rows) - SURROUNDINGS,
            "level_lookback": min(config["choch_level_lookback"], rows),
            "min_points": config["min_confidence"] - room,
            **{name: config[key] for name, key in (_WEIGHTS | _LIMITS).items()},
            **windows,
        }

    def _completed(
        self,
        found: Hits,
        symbol: str,
        timeframe: str,
        blocks: Sequence[Mapping[str, Any]] | None = None,
    ) -> Hits:
        """Add what order blocks and the history of CHoCHs say and the levels; drop what is not sure enough then."""
        history = self._history if self.config["use_choch_memory"] else ChochHistory()
        most = self.config["choch_confidence_max_bonus"]
        past = remembered(history, symbol, timeframe, found.level.tolist(), found.direction.tolist(), most)
        poi = _near(found, [block_price(block, at) for at, block in enumerate(blocks or ())])
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

    def _records(
        self, hits: Hits, symbol: str, timeframe: str, moments: Iterable[datetime]
    ) -> list[JudasSwingSignal]:
        known = self._history.similar(symbol, timeframe) if self.config["use_choch_memory"] else []
        # The moments may go on forever.
        rows = zip(hits.rows(*_Row._fields), moments, strict=False)
        return [_signal(_Row._make(row), symbol, timeframe, moment, len(known)) for row, moment in rows]


JudasSwingEnterprise = JudasSwingDetectorEnterprise


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


def _near(found: Hits, prices: Sequence[float]) -> Any:
    """Return which signals (1 or 0) have an order block at one of their swings."""
    near = np.zeros(len(found), np.int64)
    for level in (found.swing_high, found.swing_low):
        for price in prices:
            near |= np.abs(price - level) <= NEAR * level
    return near


def _signal(row: _Row, symbol: str, timeframe: str, moment: datetime, similar: int) -> JudasSwingSignal:
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
        narrative=f"{symbol}: {direction.value} after a break to {row.extreme:.5f}, {session.value}, "
        f"confidence {row.confidence:.1f}",
        timestamp=moment,
        session_context={
            "session": session.value,
            "session_timing_score": row.timing,
            "volume_spike": spike,
            "poi_confluence": poi,
        },
        symbol=symbol,
        timeframe=timeframe,
        choch_confidence_bonus=row.bonus,
        similar_choch_count=similar,
        historical_success_rate=row.success,
        choch_level_estimate=row.level,
        expiry_time=moment + LIFETIME,
        analysis_id=f"JS_{symbol}_{timeframe}_{moment:%Y%m%d_%H%M%S}",
    )


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
