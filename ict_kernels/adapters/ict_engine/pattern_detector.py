"""Pattern signals and structure with the interface of the ICT Engine's ``analysis.pattern_detector``.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 3.1, 3.2: Power of Three, Morning Reversal and Mitigation Block are names and switches without a detector.
* 3.2, 3.6, 3.7: signals come from old candles. Order blocks are looked for among candles 5 to 79 of the last 200 and
  gaps among 1 to 99, so that the newest hundred of a full frame are never looked at (``strict=True`` looks at all but
  the last ten, among which an order block is tested, and the last one, which cannot be the middle of a gap).
* 3.2: more than 250 candles are cut into two parts, from the front, and the "current price" of the first is an old
  one; nothing is de-duplicated.
* 3.3, 3.5: a change of character counts swings that stand out only six candles later, and answers only the last one
  (``strict=True`` counts a swing once it is known; :meth:`PatternDetector.choch_events` gives all).
* 3.4: a break is only tested at the last close, its signal is tagged ``SILVER_BULLET``, and the stop is set from the
  swing of the same kind.
* 0.1: ``detect_bos_multi_timeframe`` puts a comparison of two means of H4 closes as a break of structure.
* 3.5: confidences of several timeframes are added with weights that are not shared out anew where one is silent, so
  that M5 alone reaches 18 of 100.
* 3.6: the next candle usually "tests" an order block, which then has full strength.
* 3.8, 3.12, 3.13: the local clock of the host, not the candles, says which hour it is.
* 3.9 to 3.12: distances are price units, right for pairs quoted in the order of 1 only.
* 3.10: false breakouts and Judas swings compare a price with the extreme of the very candles it is among, and never
  happen.
* 3.11: optimal trade entries score 68 or 73, so that there are none unless ``min_confidence`` is lowered; then they
  always buy, whatever the trend.
* 3.13: order flow and smart money are formulas of a signal's own fields, and no candle is read for them.
* 3.14: other timeframes count only where an earlier call without candles stored them.

Differences, on purpose: missing or non-numeric columns and NaN prices raise a
:class:`~ict_kernels.errors.CandleError` (``tolerant=True`` lets NaN pass), where the original answers nothing or a
made-up block; candles that cannot be fetched are not replaced by random ones; the analyzers behind the
constructor are replaced by the two things they do here (``smart_money``, ``history``); with a tie of directions
across timeframes the first one wins; texts are worded anew, and so are keys that the notes do not name.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=600)[0].to_pandas()
>>> detector = PatternDetector(clock=lambda: datetime(2025, 9, 1, 9, 30))
>>> signals = detector.detect_patterns(candles, "EURUSD", "M15")
>>> signals[0].pattern_type.value, signals[0].direction.value, signals[0].session.value
('liquidity_grab', 'buy', 'london')
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ...detectors.engine import Hits
from ...detectors.engine.breaks import BREAKS, CHANGE_EVENTS, CHANGES
from ...detectors.engine.gaps import GAPS
from ...detectors.engine.impulse_blocks import IMPULSE_BLOCKS
from ...detectors.engine.patterns import (
    FAIR_VALUE_GAP,
    LIQUIDITY_GRAB,
    OPTIMAL_TRADE_ENTRY,
    ORDER_BLOCK,
    PATTERN_SIGNALS,
    SILVER_BULLET,
    TESTED,
)
from ...detectors.engine.swings import SWINGS
from ...errors import ParameterError
from . import _patterns_signals as desk
from ._collaborators import ChochHistory, Clock, Log, engine_data_manager, now, pip_size
from ._frames import OHLC, clock_minutes, read, times
from ._history import History, first_asked
from ._patterns_structure import (
    BreakAnswers,
    Labels,
    alignment,
    bias_break,
    changes_of_character,
    combined_changes,
    min_break,
    nothing_broken,
)
from ._patterns_types import (
    BreakoutType,
    JudasSwingType,
    PatternConfidence,
    PatternSignal,
    PatternType,
    SessionType,
    TradingDirection,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BreakoutType",
    "JudasSwingType",
    "PatternConfidence",
    "PatternDetector",
    "PatternSignal",
    "PatternType",
    "SessionType",
    "TradingDirection",
    "get_analysis_ready_symbols",
    "get_ict_critical_symbols",
    "get_ict_critical_timeframes",
    "get_ict_trading_symbols",
    "get_pattern_detector",
]

ANALYSED = 500
PART = 250
SUBSET = 200
OLDEST_BLOCKS = 80
OLDEST_GAPS = 100
LOW_MEMORY_ROWS = 500
LOW_MEMORY_PATTERNS = 3
BASIC_BLOCKS = 3
BASIC_STRENGTH = 0.4
MISSING_ALLOWED = 0.1
SWING_WIDTH = 5
CHARACTER_WIDTH = 6
FETCHED_DAYS = 10
ENHANCED_TIMEFRAMES = 3
MINUTES = {"M1": 1, "M5": 5, "M15": 15, "M30": 30, "H1": 60, "H4": 240, "D1": 1440, "W1": 10080, "MN1": 43200}
TIMEFRAMES = ("M1", "M5", "M15", "H1", "H4", "D1", "W1", "MN1")

SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "USDCHF", "XAUUSD")
CRITICAL_SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")
CRITICAL_TIMEFRAMES = ("H4", "M15", "M5")

_LARGER_THAN_BEFORE = {"lookback": 1, "later": 1, "touch": 0, "still": 1}
_SWITCHES = {
    "enable_silver_bullet": SILVER_BULLET,
    "enable_liquidity_grab": LIQUIDITY_GRAB,
    "enable_optimal_trade_entry": OPTIMAL_TRADE_ENTRY,
}
_SINGLE = {
    "_detect_silver_bullet": (SILVER_BULLET, 20),
    "_detect_liquidity_grab": (LIQUIDITY_GRAB, 20),
    "_detect_optimal_trade_entry": (OPTIMAL_TRADE_ENTRY, 30),
    "_detect_order_blocks": (ORDER_BLOCK, 10),
    "_detect_fair_value_gaps": (FAIR_VALUE_GAP, 3),
}
_SESSION_STRENGTHS = {"asian": 0.6, "london": 0.9, "overlap": 1.0, "new_york": 0.8, "transition": 0.4}


def _defaults() -> dict[str, Any]:
    return {
        "enable_debug": True,
        "enable_cache": True,
        "min_confidence": 75.0,
        "max_patterns_per_analysis": 5,
        "enable_silver_bullet": True,
        "enable_judas_swing": True,
        "enable_liquidity_grab": True,
        "enable_optimal_trade_entry": True,
        "enable_power_of_three": True,
        "enable_morning_reversal": True,
        "primary_timeframe": "M15",
        "secondary_timeframes": ["M5", "H1"],
        "use_multi_timeframe": True,
        "swing_lookback": 20,
        "structure_lookback": 50,
        "fvg_min_size": 0.0005,
        "order_block_strength": 0.6,
        "london_session": "08:00-17:00",
        "new_york_session": "13:00-22:00",
        "asian_session": "23:00-08:00",
        "max_analysis_time": 0.05,
        "cache_size_limit": 100,
        "concurrent_analysis": False,
    }


class PatternDetector:
    """Finds silver bullets, liquidity grabs, order blocks, gaps, breaks of structure and changes of character.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults in :attr:`config`. Those that are read: ``min_confidence`` 75.0,
        ``max_patterns_per_analysis`` 5, ``fvg_min_size`` 0.0005 as a price difference, ``enable_silver_bullet``,
        ``enable_liquidity_grab`` and ``enable_optimal_trade_entry``, and for fetching ``secondary_timeframes`` and
        ``use_multi_timeframe``. A true ``low_mem``, like the environment variable ``ICT_LOW_MEM``, keeps at most
        three signals and lets :meth:`detect_bos` read the last 500 candles in single precision.
    clock : callable, default local time
        The time now. It stamps records and decides on sessions and kill zones.
    history : ChochHistory, optional
        Earlier changes of character, which revise the strength of breaks. By default one without records.
    smart_money : bool or object, default True
        Whether :meth:`detect_patterns` revises strengths. An object may have
        ``enhance_pattern_with_smart_money(signal, candles)``, which returns a number to add to the factor that
        other timeframes put on a signal's strength.
    data_manager : object, optional
        Fetches candles for the calls that are given none: ``get_direct_market_data``, ``get_candles`` or
        ``get_historical_data``, each taking symbol, timeframe and count. By default that of an engine which this
        process has loaded, else nothing is fetched.
    logger : optional
        Takes what the detector says: the engine's or the standard library's. Nothing by default.
    tolerant : bool, default False
        Let NaN prices pass: comparisons with them are false, and with more than a tenth of them missing there are
        no order blocks or gaps.
    strict : bool, default False
        Look for order blocks and gaps up to the newest candles of the last 200, and let a change of character count
        swings only once they are known.

    Attributes
    ----------
    config : dict
        All settings, defaults included; read at each call.
    low_mem : bool
        Whether low-memory mode is on.

    Examples
    --------
    >>> import pandas as pd
    >>> detector = PatternDetector({"max_patterns_per_analysis": 3})
    >>> detector.detect_patterns(pd.DataFrame(columns=["open", "high", "low", "close"]))
    []
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        clock: Clock = now,
        history: ChochHistory | None = None,
        smart_money: Any = True,
        data_manager: Any = None,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        overrides = dict(config or {})
        self.low_mem = bool(overrides.get("low_mem") or os.environ.get("ICT_LOW_MEM"))
        self.config: dict[str, Any] = _defaults() | overrides
        if self.low_mem:
            allowed = min(self.config["max_patterns_per_analysis"], LOW_MEMORY_PATTERNS)
            self.config["max_patterns_per_analysis"] = allowed
        self._clock = clock
        self._choch_history = history or ChochHistory()
        self._smart_money = smart_money
        self._data_manager = data_manager
        self._log = Log("PatternDetector", logger)
        self._tolerant = tolerant
        self._strict = strict
        self._detected: list[PatternSignal] = []
        self._multi_tf_data: dict[str, dict[str, pd.DataFrame]] = {}
        self._analyses, self._found, self._last_seconds = 0, 0, 0.0

    # Signals

    def detect_patterns(
        self,
        data: pd.DataFrame | None = None,
        symbol: str = "EURUSD",
        timeframe: str = "M15",
        lookback_days: int = 7,
    ) -> list[PatternSignal]:
        """Return the signals of a frame's last 500 candles.

        Parameters
        ----------
        data : DataFrame, optional
            Columns ``open``, ``high``, ``low`` and ``close``, oldest row first; ``volume`` only for its NaN. Text is
            converted to numbers. Fetched by default.
        symbol, timeframe : str
            Noted in the signals; a pip of gaps is 0.01 where the symbol contains ``JPY``.
        lookback_days : int, default 7
            How many days to fetch.

        Returns
        -------
        list of PatternSignal
            By detector, those of the older 250 candles first; the strongest first if there were more than
            ``max_patterns_per_analysis``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=300)[0].to_pandas()
        >>> [signal.strength >= 75 for signal in PatternDetector().detect_patterns(candles)][:2]
        [True, True]
        """
        began = time.perf_counter()
        if not self.is_trading_ready():
            return []
        if data is None:
            data = self._fetch_all(symbol, timeframe, lookback_days)
        if data is None or len(data) == 0:
            return []
        stamp = self._clock()
        columns = self._look(_numeric(data), symbol, self._kinds(), stamp, last=ANALYSED, part=PART)
        columns = self._selected(columns, np.full(len(columns), stamp.hour))
        found = self._records(columns, symbol, timeframe, [stamp] * len(columns))
        found = self._with_other_timeframes(found, symbol, timeframe)
        if len(found) > self.config["max_patterns_per_analysis"]:
            found = sorted(found, key=lambda signal: signal.strength, reverse=True)
            found = found[: self.config["max_patterns_per_analysis"]]
        self._detected = found
        self._analyses, self._found = self._analyses + 1, self._found + len(found)
        self._last_seconds = time.perf_counter() - began
        return list(found)

    def evaluate_history(
        self,
        candles: pd.DataFrame,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
        *,
        window: int = ANALYSED,
        method: str = "detect_patterns",
    ) -> History[Any]:
        """Return what a method would have said at every candle, given the last candles up to it.

        Parameters
        ----------
        candles : DataFrame
            As the method takes them, with a DatetimeIndex or a column ``time`` or ``timestamp``, which is the clock.
        symbol, timeframe : str
            Passed to the method.
        window : int, default 500
            How many candles each call would have been given; the first is at the first candle that has as many.
        method : str, default "detect_patterns"
            Or one of the detectors of single signals (``"_detect_order_blocks"``, ``"_detect_fair_value_gaps"``,
            ``"_detect_silver_bullet"``, ``"_detect_liquidity_grab"``, ``"_detect_optimal_trade_entry"``,
            ``"_detect_judas_swing"``), or ``"detect_bos"`` or ``"_detect_choch_single_tf"``, of which the history
            holds the calls with a pattern.

        Returns
        -------
        History
            Of signals: columns ``kind`` (1 silver bullet, 2 liquidity grab, 4 optimal trade entry, 8 order block,
            16 gap), ``direction``, ``source`` (the candle it comes from), ``entry_low``, ``entry_high``,
            ``stop_loss``, ``take_profit_1``, ``take_profit_2``, ``strength`` and more. Of structure: the columns of
            :data:`~ict_kernels.detectors.engine.breaks.BREAKS` or
            :data:`~ict_kernels.detectors.engine.breaks.CHANGES`.

        Raises
        ------
        CandleError
            If a column or the times are missing, or a column holds NaN and the detector is not tolerant.
        ParameterError
            If there is no history of that method, or the window is below 1.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=600)[0].to_pandas()
        >>> history = PatternDetector().evaluate_history(candles, "EURUSD", "M15", method="detect_bos")
        >>> history.records()[0]["patterns"][0]["type"]
        'BOS_BULLISH'
        """
        if window < 1:
            raise ParameterError(f"window must be 1 or more, not {window}")
        if method == "detect_bos":
            return self._history_of_breaks(candles, symbol, timeframe, window)
        if method == "_detect_choch_single_tf":
            return self._history_of_changes(candles, symbol, timeframe, window)
        if method == "detect_patterns":
            return self._history_of_signals(candles, symbol, timeframe, window, None)
        if method == "_detect_judas_swing":
            return self._history_of_signals(candles, symbol, timeframe, window, 0)
        if method in _SINGLE:
            return self._history_of_signals(candles, symbol, timeframe, window, _SINGLE[method][0])
        known = ", ".join(("detect_patterns", "detect_bos", "_detect_choch_single_tf", *_SINGLE))
        raise ParameterError(f"there is no history of {method!r}, but of {known}")

    def _history_of_signals(
        self, candles: pd.DataFrame, symbol: str, timeframe: str, window: int, kind: int | None
    ) -> History[PatternSignal]:
        stamps, whole = times(candles, what="a history"), kind is None
        minutes = clock_minutes(stamps)
        bars = read(candles, OHLC, volume=("volume",), tolerant=self._tolerant, minute=minutes)
        zones = PATTERN_SIGNALS(
            bars,
            first_asked(len(candles), window),
            len(candles),
            window=min(window, ANALYSED) if whole else window,
            part=PART if whole else 0,
            **self._rule_settings(self._kinds() if kind is None else kind),
        )
        hours = minutes // 60
        columns = desk.signals(zones, hours[zones.bar], symbol, self.config["min_confidence"])
        if whole:
            columns = self._selected(columns, hours[columns.bar])
            columns = desk.strongest(columns, self.config["max_patterns_per_analysis"])

        def records(hits: Hits) -> list[PatternSignal]:
            made: list[datetime] = stamps[hits.bar].to_pydatetime().tolist()
            return self._records(hits, symbol, timeframe, made)

        return History(columns, records)

    def _records(
        self, columns: Hits, symbol: str, timeframe: str, stamps: Sequence[datetime]
    ) -> list[PatternSignal]:
        return desk.records(columns, symbol, timeframe, stamps, "smart_money" in columns.columns)

    def _selected(self, columns: Hits, hours: desk.I64) -> Hits:
        """The signals that are strong enough, with their strengths then revised."""
        strong = columns.strength >= self.config["min_confidence"]
        columns = columns[strong]
        return desk.rescored(columns, hours[strong]) if self._smart_money else columns

    def _kinds(self) -> int:
        """What ``detect_patterns`` looks for, as the rule counts it."""
        wanted = (kind for switch, kind in _SWITCHES.items() if self.config[switch])
        return ORDER_BLOCK + FAIR_VALUE_GAP + sum(wanted)

    def _rule_settings(self, kinds: int) -> dict[str, Any]:
        return {
            "kinds": kinds,
            "min_gap": self.config["fvg_min_size"],
            "blocks": SUBSET if self._strict else OLDEST_BLOCKS,
            "gaps": SUBSET if self._strict else OLDEST_GAPS,
            "newest": self._strict,
            "tolerant": self._tolerant,
        }

    def _look(
        self,
        data: pd.DataFrame,
        symbol: str,
        kinds: int,
        stamp: datetime,
        *,
        last: int = SUBSET,
        part: int = 0,
    ) -> Hits:
        """The signals of the last rows, as columns."""
        rows = min(len(data), last)
        bars = read(
            data,
            OHLC,
            volume=("volume",) if kinds & FAIR_VALUE_GAP else (),
            last=last,
            tolerant=self._tolerant,
            minute=clock_minutes(stamp, rows),
        )
        zones = PATTERN_SIGNALS(bars, rows - 1, rows, part=part, **self._rule_settings(kinds))
        hours = np.full(len(zones), stamp.hour)
        return desk.signals(zones, hours, symbol, self.config["min_confidence"])

    def _signals(
        self, method: str, data: pd.DataFrame | None, symbol: str, timeframe: str
    ) -> list[PatternSignal]:
        kind, least = _SINGLE[method]
        if data is None or len(data) < least:
            return []
        stamp = self._clock()
        # With NaN, the share of it in the whole frame matters.
        columns = self._look(data, symbol, kind, stamp, last=len(data) if self._tolerant else SUBSET)
        return self._records(columns, symbol, timeframe, [stamp] * len(columns))

    def _detect_silver_bullet(
        self, data: pd.DataFrame, symbol: str, timeframe: str, cache: Any = None
    ) -> list[PatternSignal]:
        """Return a signal from the last order block, in the hours 10, 11, 14 and 15 of the clock."""
        return self._signals("_detect_silver_bullet", data, symbol, timeframe)

    def _detect_judas_swing(
        self, data: pd.DataFrame, symbol: str, timeframe: str, cache: Any = None
    ) -> list[PatternSignal]:
        """Return nothing: what it depends on never happens."""
        return []

    def _detect_liquidity_grab(
        self, data: pd.DataFrame, symbol: str, timeframe: str, cache: Any = None
    ) -> list[PatternSignal]:
        """Return signals where a recent extreme was exceeded and the price came back, sell before buy."""
        return self._signals("_detect_liquidity_grab", data, symbol, timeframe)

    def _detect_optimal_trade_entry(
        self, data: pd.DataFrame, symbol: str, timeframe: str, cache: Any = None
    ) -> list[PatternSignal]:
        """Return a signal if the last close has retraced 61.8 % to 78.6 % of the last 20 candles."""
        return self._signals("_detect_optimal_trade_entry", data, symbol, timeframe)

    def _detect_order_blocks(
        self, data: pd.DataFrame, symbol: str, timeframe: str, cache: Any = None
    ) -> list[PatternSignal]:
        """Return signals from the last two order blocks."""
        return self._signals("_detect_order_blocks", data, symbol, timeframe)

    def _detect_fair_value_gaps(
        self, data: pd.DataFrame, symbol: str, timeframe: str, cache: Any = None
    ) -> list[PatternSignal]:
        """Return signals from the last two gaps that are large enough for the market's condition."""
        return self._signals("_detect_fair_value_gaps", data, symbol, timeframe)

    # Order blocks and gaps

    def _find_order_blocks(self, data: pd.DataFrame | None) -> list[dict[str, Any]]:
        """Return the order blocks of the last 200 candles, of which ``candle_index`` counts.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=200)[0].to_pandas()
        >>> blocks = PatternDetector()._find_order_blocks(candles)
        >>> all(5 <= block["candle_index"] < 80 for block in blocks)
        True
        """
        if data is None or len(data) < 10 or self._missing(data):
            return []
        bars = read(data, OHLC, last=SUBSET, tolerant=self._tolerant)
        size = len(bars.close)
        labels = data.index[len(data) - size :]
        blocks = IMPULSE_BLOCKS(bars, 5, size if self._strict else min(size, OLDEST_BLOCKS))
        if len(blocks):
            return list(_block_records(blocks, labels))
        if size < 20:
            return []
        larger = IMPULSE_BLOCKS(bars, max(1, size - 20), size, **_LARGER_THAN_BEFORE)[:BASIC_BLOCKS]
        return list(_basic_records(larger, labels))

    def _find_fair_value_gaps(self, data: pd.DataFrame | None) -> list[dict[str, Any]]:
        """Return the gaps of the last 200 candles whose middle candle goes their way.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"open": [1.10, 1.10, 1.12, 1.12], "high": [1.101, 1.121, 1.125, 1.125],
        ...                         "low": [1.099, 1.10, 1.115, 1.115], "close": [1.10, 1.12, 1.12, 1.12]})
        >>> [gap] = PatternDetector()._find_fair_value_gaps(candles)
        >>> gap["type"], gap["low"], gap["high"]
        ('bullish', 1.101, 1.115)
        """
        if data is None or len(data) < 3 or self._missing(data):
            return []
        bars = read(data, OHLC, volume=("volume",), last=SUBSET, tolerant=self._tolerant)
        size = len(bars.close)
        stop = size - 1 if self._strict else min(size - 2, OLDEST_GAPS)
        gaps = GAPS(bars, 1, stop, min_size=self.config["fvg_min_size"], body=1)
        labels = data.index[len(data) - size :]
        return [
            {
                "type": "bullish" if direction > 0 else "bearish",
                "high": top,
                "low": bottom,
                "timestamp": labels[middle],
                "size": top - bottom,
                "partially_filled": False,
            }
            for middle, direction, top, bottom in gaps.rows("bar", "direction", "top", "bottom")
            if _complete(bars, middle)
        ]

    def _missing(self, data: pd.DataFrame) -> bool:
        """Whether more than a tenth of a price column is NaN, in a tolerant detector."""
        if not self._tolerant:
            return False
        bars = read(data, OHLC, tolerant=True)
        shares = (np.isnan(getattr(bars, name)[:]).mean() for name in OHLC)
        return any(share > MISSING_ALLOWED for share in shares)

    # Conditions

    def _analyze_current_market_conditions(self, data: pd.DataFrame, timeframe: str) -> dict[str, Any]:
        """Return volatility, momentum, trend and session of the last candles, as gaps are judged by.

        Examples
        --------
        >>> import pandas as pd
        >>> conditions = PatternDetector()._analyze_current_market_conditions(pd.DataFrame(), "M15")
        >>> conditions["volatility_pips"], conditions["momentum_direction"]
        (8.0, 'neutral')
        """
        stamp, size = self._clock(), len(data)
        session, alert = (values[0].item() for values in desk.market_session(np.array([stamp.hour])))
        found = {
            "volatility_pips": 8.0,
            "current_volatility": 8.0,
            "momentum_pips": 0.0,
            "short_momentum_pips": 0.0,
            "momentum_direction": "neutral",
            "momentum_strength": "weak",
            "kill_zone_active": alert,
            "session": session,
            "session_strength": _SESSION_STRENGTHS[session],
            "structure_break_detected": False,
            "trend_direction": "unknown",
            "coherence_factor": 0.5,
            "timeframe": timeframe,
            "data_quality": "excellent" if size >= 100 else "good" if size >= 50 else "limited",
            "analysis_timestamp": stamp,
        }
        if size < 20:
            return found
        bars = read(data, ("high", "low", "close"), last=20, tolerant=self._tolerant)
        close, ranges = bars.close[:], bars.high[:] - bars.low[:]
        momentum, trend = float(close[-1] - close[0]) * 10000, _trend(close)
        direction = "bullish" if momentum > 0.5 else "bearish" if momentum < -0.5 else "neutral"
        agreement = 0.3 if direction == trend else 0.0
        steadiness = min(0.2 * (1 - _ratio(float(np.std(ranges, ddof=1)), float(ranges.mean()))), 0.2)
        return found | {
            "volatility_pips": max(1.0, _mean(ranges) * 10000),
            "current_volatility": max(1.0, _mean(ranges[-5:]) * 10000),
            "momentum_pips": momentum,
            "short_momentum_pips": float(close[-1] - close[-5]) * 10000,
            "momentum_direction": direction,
            "momentum_strength": "strong"
            if abs(momentum) > 2
            else "moderate"
            if abs(momentum) > 1
            else "weak",
            "structure_break_detected": self._detect_recent_structure_break(data),
            "trend_direction": trend,
            "coherence_factor": max(0.1, min(1.0, 0.5 + agreement + steadiness)),
        }

    def _adapt_fvg_config_to_conditions(self, conditions: dict[str, Any]) -> dict[str, float]:
        """Return what is wanted of gaps under such conditions.

        Examples
        --------
        >>> calm = {"volatility_pips": 8.0, "momentum_pips": 0.0, "momentum_direction": "neutral",
        ...         "session": "london", "kill_zone_active": True}
        >>> PatternDetector()._adapt_fvg_config_to_conditions(calm)["min_gap_pips"]
        1.7
        """
        sign = {"bullish": 1.0, "bearish": -1.0}.get(conditions["momentum_direction"], 0.0)
        wanted = desk.adapted(
            np.array([conditions["volatility_pips"]], np.float64),
            np.array([conditions["momentum_pips"]], np.float64),
            np.array([sign]),
            np.array([conditions["session"]]),
            np.array([conditions["kill_zone_active"]], bool),
        )
        return {name: values.item() for name, values in wanted.items()}

    def _detect_recent_structure_break(self, data: pd.DataFrame) -> bool:
        """Return whether the last three candles exceed the seven before by 0.05 %.

        Examples
        --------
        >>> import pandas as pd
        >>> rising = pd.DataFrame({"high": [1.10] * 9 + [1.11], "low": [1.09] * 10})
        >>> PatternDetector()._detect_recent_structure_break(rising)
        True
        """
        if len(data) < 10:
            return False
        bars = read(data, ("high", "low"), last=10, tolerant=self._tolerant)
        high, low = bars.high[:], bars.low[:]
        return bool(
            np.nanmax(high) > 1.0005 * np.nanmax(high[:7]) or np.nanmin(low) < 0.9995 * np.nanmin(low[:7])
        )

    def _detect_false_breakout_v6(self, data: pd.DataFrame) -> tuple[float, BreakoutType, float]:
        """Return the score, kind and price of a false breakout; there never is one.

        Examples
        --------
        >>> import pandas as pd
        >>> PatternDetector()._detect_false_breakout_v6(pd.DataFrame({"close": [1.1] * 20}))
        (0.4, <BreakoutType.NO_BREAKOUT: 'no_breakout'>, 1.1)
        """
        if len(data) < 20:
            return 0.0, BreakoutType.NO_BREAKOUT, 0.0
        bars = read(data, ("close",), last=20, tolerant=self._tolerant)
        return 0.4, BreakoutType.NO_BREAKOUT, float(bars.close[-1])

    def _get_current_session(self) -> SessionType:
        """Return the session of signals by the clock.

        Examples
        --------
        >>> PatternDetector(clock=lambda: datetime(2025, 9, 1, 20))._get_current_session().value
        'new_york'
        """
        return desk.SESSIONS[int(desk.session_of(np.array([self._clock().hour]))[0])]

    # Revision of strengths

    def _detect_institutional_flow(self, signal: PatternSignal, data: Any = None) -> float:
        """Return the share of large orders that a signal's own fields stand for.

        Examples
        --------
        >>> detector = PatternDetector()
        >>> signal = PatternSignal(PatternType.ORDER_BLOCK, TradingDirection.BUY, PatternConfidence.MEDIUM, 80.0,
        ...                        datetime(2025, 9, 1), "EURUSD", "M15", (1.1, 1.101), 1.099, 1.104)
        >>> round(detector._detect_institutional_flow(signal), 3)
        0.9
        """
        return float(_flow_of([signal])[0])

    def _enhance_with_smart_money_analysis(
        self, patterns: list[PatternSignal], data: Any = None, symbol: str = "", timeframe: str = ""
    ) -> list[PatternSignal]:
        """Revise the strengths of signals in place, by their own fields and the clock's hour, and return them.

        Examples
        --------
        >>> detector = PatternDetector(clock=lambda: datetime(2025, 9, 1, 5))
        >>> signal = PatternSignal(PatternType.ORDER_BLOCK, TradingDirection.BUY, PatternConfidence.MEDIUM, 80.0,
        ...                        datetime(2025, 9, 1), "EURUSD", "M15", (1.1, 1.101), 1.099, 1.104)
        >>> [revised] = detector._enhance_with_smart_money_analysis([signal])
        >>> round(revised.strength, 3), revised.confidence.name
        (90.0, 'HIGH')
        """
        kinds = [signal.pattern_type for signal in patterns]
        tricks = (PatternType.LIQUIDITY_GRAB, PatternType.JUDAS_SWING)
        shares = desk.smart_money_share(
            np.array([kind in tricks for kind in kinds], bool),
            np.array([kind is PatternType.SILVER_BULLET for kind in kinds], bool),
            np.array([signal.risk_reward_ratio for signal in patterns], np.float64),
            _sessions_of(patterns),
            np.full(len(patterns), self._clock().hour),
            _flow_of(patterns),
        )
        strengths, confidences = desk.revised(_strengths_of(patterns), shares)
        rows = zip(patterns, shares.tolist(), strengths.tolist(), confidences.tolist(), strict=True)
        for signal, share, strength, confidence in rows:
            signal.strength, signal.confidence = strength, desk.CONFIDENCES[confidence]
            signal.analysis_id = ""
            signal.confluences = [*signal.confluences, desk.RESCORED_TAG]
            signal.raw_data = signal.raw_data | {"smart_money_data": {"confidence": share}}
        return patterns

    def _with_other_timeframes(
        self, signals: list[PatternSignal], symbol: str, timeframe: str
    ) -> list[PatternSignal]:
        """Raise the strength of signals that stored higher timeframes do not contradict."""
        stored = self._multi_tf_data.get(symbol, {})
        if not stored or timeframe not in TIMEFRAMES:
            return signals
        higher = TIMEFRAMES[TIMEFRAMES.index(timeframe) + 1 :][:ENHANCED_TIMEFRAMES]
        frames = [stored[name] for name in higher if name in stored and len(stored[name]) >= 20]
        hook = getattr(self._smart_money, "enhance_pattern_with_smart_money", None)
        for signal in signals:
            factor = 1.0
            for frame in frames:
                trend = self._trend_around(frame, signal.timestamp)
                if trend in ("NEUTRAL", _trend_wanted(signal)):
                    factor += 0.2
                if hook is not None:
                    factor += float(hook(signal, frame) or 0.0)
            signal.strength = min(100.0, signal.strength * factor)
        return signals

    def _trend_around(self, frame: pd.DataFrame, stamp: datetime) -> str:
        """The trend over the last five of the rows from ten before a time to four after."""
        distances = np.asarray(times(frame, what="a higher timeframe") - stamp)
        nearest = int(np.argmin(np.abs(distances)))
        bars = read(frame.iloc[max(nearest - 10, 0) : nearest + 5], ("high", "low"), last=5, tolerant=True)
        if bars.high[-1] > bars.high[0] and bars.low[-1] > bars.low[0]:
            return "BULLISH"
        if bars.high[-1] < bars.high[0] and bars.low[-1] < bars.low[0]:
            return "BEARISH"
        return "NEUTRAL"

    # Structure

    def _detect_swing_points_for_bos(
        self, candles: pd.DataFrame, window: int = SWING_WIDTH
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the bars that no other within ``window`` bars reaches, as ``highs`` and ``lows``.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1, 2, 5, 2, 1.0], "low": [0, 1, 3, 1, 0.0]})
        >>> PatternDetector()._detect_swing_points_for_bos(candles, 2)
        {'highs': [{'index': 2, 'price': 5.0, 'timestamp': 2}], 'lows': []}
        """
        if len(candles) < 2 * window + 1:
            return {"highs": [], "lows": []}
        bars = read(candles, ("high", "low"), tolerant=self._tolerant)
        found = SWINGS(bars, left=window, right=window)
        labels = Labels(candles.index)
        highs, lows = found[found.side > 0], found[found.side < 0]
        return {
            "highs": labels.swings(highs.bar.tolist(), highs.price.tolist()),
            "lows": labels.swings(lows.bar.tolist(), lows.price.tolist()),
        }

    def detect_bos(self, market_data: dict[str, Any], structure_data: Any = None) -> dict[str, Any]:
        """Return whether the last close breaks the last swing high or low.

        Parameters
        ----------
        market_data : dict
            ``candles``, a frame with ``open``, ``high``, ``low`` and ``close``, and optionally ``symbol`` and
            ``timeframe``.
        structure_data : optional
            Not read.

        Returns
        -------
        dict
            ``status`` is ``BOS_DETECTED``, ``NO_BOS_CONFIRMED`` (``patterns`` then holds what was not confirmed),
            ``INSUFFICIENT_DATA`` or ``NO_DATA``; further keys ``detected``, ``best_pattern``, ``signal``,
            ``confidence`` and ``swing_analysis``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.

        Examples
        --------
        >>> PatternDetector().detect_bos({"candles": None})["status"]
        'NO_DATA'
        """
        candles = market_data.get("candles")
        if candles is None or len(candles) == 0:
            return nothing_broken("NO_DATA", "there are no candles")
        symbol, timeframe = market_data.get("symbol", "UNKNOWN"), market_data.get("timeframe", "M15")
        if self.low_mem:
            single = {name: np.float32 for name in OHLC if name in candles.columns}
            candles = candles.iloc[-LOW_MEMORY_ROWS:].astype(single)
        size = len(candles)
        hits, bars = Hits({"bar": np.empty(0, np.int64)}), None
        if size > 2 * SWING_WIDTH:
            bars = read(candles, OHLC, tolerant=self._tolerant)
            hits = BREAKS(bars, size - 1, size, width=SWING_WIDTH)
        if not len(hits):
            return nothing_broken("INSUFFICIENT_DATA", "there are not two swing highs and two swing lows")
        return self._break_answers(candles, bars, symbol, timeframe, 0).of(hits)[0]

    def _break_answers(
        self, candles: pd.DataFrame, bars: Any, symbol: str, timeframe: str, window: int
    ) -> BreakAnswers:
        return BreakAnswers(
            Labels(candles.index),
            bars,
            symbol,
            timeframe,
            history=self._choch_history,
            window=window,
            low_mem=self.low_mem,
        )

    def _history_of_breaks(
        self, candles: pd.DataFrame, symbol: str, timeframe: str, window: int
    ) -> History[dict[str, Any]]:
        size = len(candles)
        bars = read(candles, OHLC, tolerant=self._tolerant)
        hits = BREAKS(bars, first_asked(size, window), size, window=window, width=SWING_WIDTH)
        answers = self._break_answers(candles, bars, symbol, timeframe, window)
        return History(hits[hits.direction != 0], answers.of)

    def _detect_choch_single_tf(
        self, candles: pd.DataFrame | None, symbol: str, timeframe: str, mode: str = "full"
    ) -> dict[str, Any]:
        """Return the last change of character of a frame; ``{"detected": False, "reason": …}`` without any.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=1000)[0].to_pandas()
        >>> PatternDetector()._detect_choch_single_tf(candles, "EURUSD", "M15")["trend_change"]
        'BULLISH -> BEARISH'
        """
        size = 0 if candles is None else len(candles)
        if candles is None or size < 10:
            return {"detected": False, "reason": "there are fewer than 10 candles"}
        bars = read(candles, ("high", "low", "close"), tolerant=self._tolerant)
        hits = CHANGES(bars, size - 1, size, **self._change_settings(symbol, timeframe))
        found = changes_of_character(hits, bars, Labels(candles.index), timeframe, pip_size(symbol))
        return next(found, {"detected": False, "reason": "the swings show no change of character"})

    def choch_events(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN"
    ) -> Hits:
        """Return every candle that changes character, once all swings up to it are known.

        Parameters
        ----------
        candles : DataFrame
            Columns ``high``, ``low`` and ``close``, oldest row first.
        symbol, timeframe : str
            Decide how far a close must exceed a level.

        Returns
        -------
        Hits
            Columns of :data:`~ict_kernels.detectors.engine.breaks.CHANGE_EVENTS`; of events in a row that break the
            same level, all are there.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=1000)[0].to_pandas()
        >>> events = PatternDetector().choch_events(candles, "EURUSD", "M15")
        >>> bool((events.confirmed == events.bar + 6).all())
        True
        """
        bars = read(candles, ("high", "low", "close"), tolerant=self._tolerant)
        return CHANGE_EVENTS(bars, **self._change_settings(symbol, timeframe))

    def _change_settings(self, symbol: str, timeframe: str) -> dict[str, Any]:
        return {
            "width": CHARACTER_WIDTH,
            "distance": min_break(timeframe, pip_size(symbol)),
            "lag": CHARACTER_WIDTH if self._strict else 0,
        }

    def _history_of_changes(
        self, candles: pd.DataFrame, symbol: str, timeframe: str, window: int
    ) -> History[dict[str, Any]]:
        size, pip = len(candles), pip_size(symbol)
        bars = read(candles, ("high", "low", "close"), tolerant=self._tolerant)
        settings = self._change_settings(symbol, timeframe)
        hits = CHANGES(bars, first_asked(size, window), size, window=window, **settings)
        labels = Labels(candles.index)
        return History(
            hits, lambda rows: list(changes_of_character(rows, bars, labels, timeframe, pip, window))
        )

    # Several timeframes

    def detect_choch(
        self, symbol: str, timeframes: Iterable[str] | None = None, mode: str = "auto"
    ) -> dict[str, Any]:
        """Fetch ten days of several timeframes and return how their last changes of character go together.

        Parameters
        ----------
        symbol : str
        timeframes : iterable of str, optional
            By default H4, M15 and M5.
        mode : str, default "auto"
            Noted in the answer.

        Returns
        -------
        dict
            Keys ``detected``, ``overall_confidence``, ``primary_signal``, ``alignment_score``,
            ``trend_change_confirmed``, ``signals`` by timeframe, ``timeframes_analyzed``, ``symbol``, ``mode`` and
            ``timestamp``.

        Examples
        --------
        >>> PatternDetector().detect_choch("EURUSD")["detected"]
        False
        """
        frames = self._fetched_frames(symbol, timeframes)
        answers = {
            name: self._detect_choch_single_tf(frame, symbol, name, mode) for name, frame in frames.items()
        }
        found = {name: answer for name, answer in answers.items() if answer["detected"]}
        return combined_changes(found) | {
            "symbol": symbol,
            "mode": mode,
            "signals": found,
            "timeframes_analyzed": list(frames),
            "timestamp": self._clock(),
        }

    def detect_bos_multi_timeframe(
        self, symbol: str, timeframes: Iterable[str] | None = None, mode: str = "auto"
    ) -> dict[str, Any]:
        """Fetch ten days of several timeframes and return how far their breaks of structure agree.

        Parameters
        ----------
        symbol : str
        timeframes : iterable of str, optional
            By default H4, M15 and M5. H4 counts by the mean of its last ten closes beside the ten before.
        mode : str, default "auto"
            ``auto`` becomes ``full`` if all timeframes could be fetched, else ``minimal``.

        Returns
        -------
        dict
            Keys ``detected``, ``signals`` (a pattern of :meth:`detect_bos` each, with its ``timeframe``),
            ``alignment``, ``timeframes_analyzed``, ``symbol``, ``mode`` and ``timestamp``.

        Examples
        --------
        >>> PatternDetector().detect_bos_multi_timeframe("EURUSD")["mode"]
        'minimal'
        """
        wanted = list(timeframes or CRITICAL_TIMEFRAMES)
        frames = self._fetched_frames(symbol, wanted)
        found = []
        for name, frame in frames.items():
            pattern = self._break_of(frame, symbol, name)
            if pattern is not None:
                found.append(pattern | {"timeframe": name})
        if mode == "auto":
            mode = "full" if len(frames) == len(wanted) else "minimal"
        return {
            "detected": bool(found),
            "signals": found,
            "alignment": self._evaluate_multi_tf_alignment(found),
            "timeframes_analyzed": list(frames),
            "symbol": symbol,
            "mode": mode,
            "timestamp": self._clock(),
        }

    def _break_of(self, frame: pd.DataFrame, symbol: str, timeframe: str) -> dict[str, Any] | None:
        if timeframe != "H4":
            answer = self.detect_bos({"candles": frame, "symbol": symbol, "timeframe": timeframe})
            pattern: dict[str, Any] | None = answer["best_pattern"]
            return pattern
        bars = read(frame, ("close",), last=20, tolerant=self._tolerant)
        return bias_break(list(bars.close[:]), float(bars.close[-1]), frame.index[-1])

    def _evaluate_multi_tf_alignment(self, signals: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return how far patterns point the same way.

        Examples
        --------
        >>> both = [{"direction": "BULLISH", "strength": 80.0}] * 2
        >>> PatternDetector()._evaluate_multi_tf_alignment(both)["score"]
        0.8
        """
        return alignment(signals)

    def _fetched_frames(self, symbol: str, timeframes: Iterable[str] | None) -> dict[str, pd.DataFrame]:
        frames = {name: self._fetch(symbol, name, FETCHED_DAYS) for name in timeframes or CRITICAL_TIMEFRAMES}
        return {name: frame for name, frame in frames.items() if frame is not None}

    def _fetch(self, symbol: str, timeframe: str, days: int) -> pd.DataFrame | None:
        """The candles of some days, if there is anything to fetch them from."""
        manager = self._data_manager or engine_data_manager()
        count = max(days * 1440 // MINUTES.get(timeframe.upper(), 15), 1)
        for name in ("get_direct_market_data", "get_candles", "get_historical_data"):
            fetch: Callable[[str, str, int], Any] | None = getattr(manager, name, None)
            if fetch is not None:
                candles = fetch(symbol, timeframe, count)
                if candles is not None and len(candles):
                    frame: pd.DataFrame = candles
                    return frame
        self._log.warning(f"no candles of {symbol} {timeframe} could be fetched")
        return None

    def _fetch_all(self, symbol: str, timeframe: str, days: int) -> pd.DataFrame | None:
        """The candles to look at; those of the other timeframes are stored."""
        data = self._fetch(symbol, timeframe, days)
        if data is not None and self.config["use_multi_timeframe"]:
            others = [name for name in self.config["secondary_timeframes"] if name != timeframe]
            frames = {name: self._fetch(symbol, name, days) for name in others}
            self._multi_tf_data[symbol] = {name: frame for name, frame in frames.items() if frame is not None}
        return data

    # State

    def get_detected_patterns(self) -> list[PatternSignal]:
        """Return the signals of the last call of :meth:`detect_patterns`.

        Examples
        --------
        >>> PatternDetector().get_detected_patterns()
        []
        """
        return list(self._detected)

    def get_performance_metrics(self) -> dict[str, Any]:
        """Return how often :meth:`detect_patterns` was called, what it found, and how long the last call took.

        Examples
        --------
        >>> PatternDetector().get_performance_metrics()
        {'total_analyses': 0, 'patterns_found': 0, 'last_analysis_time': 0.0}
        """
        return {
            "total_analyses": self._analyses,
            "patterns_found": self._found,
            "last_analysis_time": self._last_seconds,
        }

    def get_pattern_summary(self) -> dict[str, Any]:
        """Return the number, kinds and mean strength of the signals of the last call.

        Examples
        --------
        >>> PatternDetector().get_pattern_summary()
        {'total_patterns': 0, 'by_type': {}, 'by_direction': {}, 'average_strength': 0.0}
        """
        kinds = [signal.pattern_type.value for signal in self._detected]
        sides = [signal.direction.value for signal in self._detected]
        strengths = [signal.strength for signal in self._detected]
        return {
            "total_patterns": len(kinds),
            "by_type": {kind: kinds.count(kind) for kind in kinds},
            "by_direction": {side: sides.count(side) for side in sides},
            "average_strength": sum(strengths) / len(strengths) if strengths else 0.0,
        }

    def get_multi_timeframe_data(self, symbol: str) -> dict[str, pd.DataFrame]:
        """Return copies of the frames that a call without candles stored.

        Examples
        --------
        >>> PatternDetector().get_multi_timeframe_data("EURUSD")
        {}
        """
        return {name: frame.copy() for name, frame in self._multi_tf_data.get(symbol, {}).items()}

    def is_trading_ready(self) -> bool:
        """Return whether the detector can work: always, since all it needs is handed in.

        Examples
        --------
        >>> PatternDetector().is_trading_ready()
        True
        """
        return True

    def require_trading_ready(self) -> bool:
        """Return True, or raise if the detector cannot work.

        Raises
        ------
        RuntimeError
            If a subclass says that it is not ready.

        Examples
        --------
        >>> PatternDetector().require_trading_ready()
        True
        """
        if not self.is_trading_ready():
            raise RuntimeError("the detector is not ready; hand in what it needs")
        return True


def _numeric(data: pd.DataFrame) -> pd.DataFrame:
    """The frame with prices that are texts or objects turned into numbers, or into NaN."""
    import pandas as pd

    names = [name for name in (*OHLC, "volume") if name in data.columns and data[name].ndim == 1]
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(data[name])]
    if not texts:
        return data
    return data.assign(**{name: pd.to_numeric(data[name], errors="coerce") for name in texts})


def _block_records(blocks: Hits, labels: pd.Index) -> Iterable[dict[str, Any]]:
    ratios = blocks.body / blocks.mean
    grades = np.where(blocks.touched >= 0, TESTED, 0)
    strengths = desk.block_strength(ratios, grades).tolist()
    rows = blocks.rows("bar", "direction", "touched", "top", "bottom", "body")
    for (bar, direction, touched, top, bottom, body), ratio, strength in zip(
        rows, ratios.tolist(), strengths, strict=True
    ):
        yield {
            "type": "bullish" if direction > 0 else "bearish",
            "high": top,
            "low": bottom,
            "timestamp": labels[bar],
            "strength": strength,
            "tested": touched >= 0,
            "impulse_size": body,
            "avg_size_ratio": ratio,
            "candle_index": bar,
        }


def _basic_records(blocks: Hits, labels: pd.Index) -> Iterable[dict[str, Any]]:
    for bar, direction, top, bottom in blocks.rows("bar", "direction", "top", "bottom"):
        yield {
            "type": "bullish" if direction > 0 else "bearish",
            "high": top,
            "low": bottom,
            "timestamp": labels[bar],
            "strength": BASIC_STRENGTH,
            "tested": False,
            "basic_detection": True,
        }


def _complete(bars: Any, middle: int) -> bool:
    """Neither NaN in the three candles of a gap, nor zero where it is measured."""
    columns = [bars.open, bars.high, bars.low, bars.close, *([bars.volume] if len(bars.volume) else [])]
    cells = [column[bar] for column in columns for bar in (middle - 1, middle, middle + 1)]
    ends = [column[bar] for column in (bars.high, bars.low) for bar in (middle - 1, middle + 1)]
    return not any(cell != cell for cell in cells) and 0 not in (*ends, bars.open[middle], bars.close[middle])


def _mean(values: Any) -> float:
    return float(np.nanmean(values))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _trend(close: Any) -> str:
    """The mean of five closes beside that of ten."""
    recent, usual = _mean(close[-5:]), _mean(close[-10:])
    return "bullish" if recent > usual * 1.001 else "bearish" if recent < usual * 0.999 else "sideways"


def _trend_wanted(signal: PatternSignal) -> str:
    return "BULLISH" if signal.direction is TradingDirection.BUY else "BEARISH"


def _sessions_of(signals: Sequence[PatternSignal]) -> desk.I64:
    return np.array([desk.SESSIONS.index(signal.session) for signal in signals], np.int64)


def _strengths_of(signals: Sequence[PatternSignal]) -> desk.F64:
    return np.array([signal.strength for signal in signals], np.float64)


def _flow_of(signals: Sequence[PatternSignal]) -> desk.F64:
    tags = np.array([len(signal.confluences) for signal in signals], np.int64)
    return desk.institutional_flow(_sessions_of(signals), _strengths_of(signals), tags)


def get_pattern_detector(config: dict[str, Any] | None = None, **collaborators: Any) -> PatternDetector:
    """Return a new detector.

    Parameters
    ----------
    config : dict, optional
    **collaborators
        The other arguments of :class:`PatternDetector`.

    Returns
    -------
    PatternDetector

    Examples
    --------
    >>> get_pattern_detector({"min_confidence": 60}).config["min_confidence"]
    60
    """
    return PatternDetector(config, **collaborators)


def get_ict_trading_symbols(*, symbols: Sequence[str] = SYMBOLS) -> list[str]:
    """Return the symbols to trade: those of the engine's table of symbols, or the ones handed in.

    Examples
    --------
    >>> get_ict_trading_symbols()[:2]
    ['EURUSD', 'GBPUSD']
    """
    return list(symbols)


def get_ict_critical_symbols(*, symbols: Sequence[str] = CRITICAL_SYMBOLS) -> list[str]:
    """Return the symbols that matter most.

    Examples
    --------
    >>> get_ict_critical_symbols(symbols=["EURUSD"])
    ['EURUSD']
    """
    return list(symbols)


def get_ict_critical_timeframes(*, timeframes: Sequence[str] = CRITICAL_TIMEFRAMES) -> list[str]:
    """Return the timeframes that matter most.

    Examples
    --------
    >>> get_ict_critical_timeframes()
    ['H4', 'M15', 'M5']
    """
    return list(timeframes)


def get_analysis_ready_symbols(max_symbols: int = 6, *, symbols: Sequence[str] = SYMBOLS) -> list[str]:
    """Return the first symbols to trade.

    Examples
    --------
    >>> get_analysis_ready_symbols(2)
    ['EURUSD', 'GBPUSD']
    """
    return list(symbols)[:max_symbols]
