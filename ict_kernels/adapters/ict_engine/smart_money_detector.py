"""Smart money signals with the interface of the ICT Engine's ``smart_money_concepts.smart_money_detector``.

Looks at the last candles for swept equal levels, breaks of structure, changes of character, manipulation and flow that
price and volume disagree about, and returns the three best signals.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 4.1: ``INDUCEMENT`` is never given; ``timestamp`` is the moment of detection, and a record does not say which candle
  it rests on; :meth:`SmartMoneyDetector.events` does.
* 4.2: ``liquidity_threshold``, ``bos_validation_period``, ``choch_confirmation_period``, ``health_weight`` and
  ``max_detection_latency_ms`` change nothing.
* 4.3.1: swings persist from call to call, whatever the symbol, and the same ones are appended again; two equal
  neighbours in the list make the structure ranging.
* 4.3.2: a level counts as swept even if the candles beyond it came first, or make the level themselves. All distances
  are absolute prices, so that gold and yen pairs are measured in the wrong unit.
* 4.3.3: breaks of structure are looked for against the structure only, where they are changes of character.
* 4.3.4: every turn of the last closes counts, against the mean of only three changes.
* 4.3.7: a confluence can lower the confidence: with volume to 95, by the hour to 92. The hour is that of the host's
  clock and not of the candle.

``strict=True`` lets no confluence lower a confidence, and looks for order blocks strictly.

Differences, on purpose: bad candles raise a :class:`~ict_kernels.errors.CandleError`; nothing is printed or written;
``detection_latency_ms`` stays 0; texts, such as the values of ``manipulation_type``, are worded anew.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
>>> detector = SmartMoneyDetector(clock=lambda: datetime(2025, 9, 1, 3, 0))
>>> signals = detector.detect_smart_money_signals(candles, candles.close.iloc[-1], "EURUSD", "M15")
>>> [(signal.signal_type.name, signal.direction, signal.confidence) for signal in signals[:1]]
[('LIQUIDITY_SWEEP', 'bearish', 98.0)]
>>> history = SmartMoneyDetector().evaluate_history(candles, "EURUSD", "M15")
>>> len(history.at(399).records())
3
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from ...detectors.engine import Hits
from ...detectors.engine.smart_money import SMART_MONEY, SMART_MONEY_LOOKS
from ._collaborators import Clock, Log, now
from ._frames import OHLC, clock_minutes, read, times
from ._history import History, first_asked
from .order_blocks import EnhancedOrderBlockDetector, Health, health_of, price_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LiquidityType",
    "MarketStructure",
    "SmartMoneyDetector",
    "SmartMoneySignal",
    "SmartMoneySignalType",
]

KEPT_SWINGS = 10
TAIL = 20

_DEFAULTS: dict[str, Any] = {
    "lookback_period": 30,
    "min_confidence": 70,
    "min_strength": 60,
    "liquidity_threshold": 0.8,
    "bos_validation_period": 5,
    "choch_confirmation_period": 3,
    "enable_manipulation_detection": True,
    "health_weight": 0.4,
    "min_health_score": 0.6,
    "max_detection_latency_ms": 300,
    "enable_order_block_confluence": True,
}


class SmartMoneySignalType(Enum):
    """What a signal says; ``INDUCEMENT`` is never given.

    Examples
    --------
    >>> SmartMoneySignalType.BOS.value
    'break_of_structure'
    """

    BOS = "break_of_structure"
    CHOCH = "change_of_character"
    LIQUIDITY_SWEEP = "liquidity_sweep"
    INDUCEMENT = "inducement"
    MANIPULATION = "manipulation"
    INSTITUTIONAL_FLOW = "institutional_flow"


class MarketStructure(Enum):
    """Where the swings go.

    Examples
    --------
    >>> [structure.value for structure in MarketStructure]
    ['bullish', 'bearish', 'ranging', 'transition']
    """

    BULLISH = "bullish"
    BEARISH = "bearish"
    RANGING = "ranging"
    TRANSITION = "transition"


class LiquidityType(Enum):
    """Where orders rest.

    Examples
    --------
    >>> LiquidityType.EQUAL_HIGHS.value
    'equal_highs'
    """

    BUY_SIDE = "buy_side_liquidity"
    SELL_SIDE = "sell_side_liquidity"
    EQUAL_HIGHS = "equal_highs"
    EQUAL_LOWS = "equal_lows"


_SWEEP, _BOS, _CHOCH, _MANIPULATION, _FLOW = range(5)
_TRANSITION = MarketStructure.TRANSITION
_SWEPT = {"bearish": LiquidityType.EQUAL_HIGHS.value, "bullish": LiquidityType.EQUAL_LOWS.value}
_KINDS = (
    SmartMoneySignalType.LIQUIDITY_SWEEP,
    SmartMoneySignalType.BOS,
    SmartMoneySignalType.CHOCH,
    SmartMoneySignalType.MANIPULATION,
    SmartMoneySignalType.INSTITUTIONAL_FLOW,
)
_BIASES = ("", "strong_", "weak_", "manipulation_", "institutional_")
_DIRECTIONS = {1: "bullish", -1: "bearish"}
_STRUCTURES = {1: MarketStructure.BULLISH, -1: MarketStructure.BEARISH, 0: MarketStructure.RANGING}
_CODES = {structure: code for code, structure in _STRUCTURES.items()}


@dataclass
class SmartMoneySignal:
    """One signal.

    Attributes
    ----------
    direction : {"bullish", "bearish"}
    confidence, strength : float
        0 to 100.
    price_level : float
        What was swept or broken, the close before a turn, the middle of a spike, or the current price.
    probability : float
        The confidence before confluences.
    liquidity_context : dict
        What the signal rests on; the keys depend on its type.
    timestamp : datetime
        The moment of detection.
    order_block_confluence, volume_confluence, time_confluence : bool
        Whether an order block nearby, the volume and the hour agreed.

    Examples
    --------
    >>> signal = SmartMoneySignal(SmartMoneySignalType.BOS, "bullish", 95.0, 95.0, 1.1, 1.1003, 1.098, 1.10605,
    ...                           2.5, 95.0)
    >>> signal.market_structure
    <MarketStructure.RANGING: 'ranging'>
    """

    signal_type: SmartMoneySignalType
    direction: str
    confidence: float
    strength: float
    price_level: float
    entry_price: float
    stop_loss: float
    take_profit: float
    risk_reward: float
    probability: float
    health_score: float = 0.0
    quality_score: float = 0.0
    liquidity_context: dict[str, Any] = field(default_factory=dict)
    market_structure: MarketStructure = MarketStructure.RANGING
    institutional_bias: str = "neutral"
    symbol: str = "UNKNOWN"
    timeframe: str = "UNKNOWN"
    timestamp: datetime = field(default_factory=now)
    detection_latency_ms: float = 0.0
    data_reliability: float = 1.0
    order_block_confluence: bool = False
    volume_confluence: bool = False
    time_confluence: bool = False


class SmartMoneyDetector:
    """Finds signals of smart money in the last candles.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults: ``lookback_period`` 30, ``min_confidence`` 70, ``min_strength`` 60,
        ``enable_manipulation_detection`` True, ``min_health_score`` 0.6, ``enable_order_block_confluence`` True;
        ``liquidity_threshold``, ``bos_validation_period``, ``choch_confirmation_period``, ``health_weight`` and
        ``max_detection_latency_ms`` change nothing. It is handed to :attr:`order_block_detector` too.
    health : float or callable, default 1.0
        How reliable the data feed is, 0 to 1, or what tells it at each call.
    clock : callable, default ``datetime.now``
        The time now. It stamps records, and its hour raises confidences from 8 to 17 and from 21 to 23.
    logger : object, optional
        Is told how many signals were found.
    tolerant : bool, default False
        Let NaN pass: comparisons with it are false, and means leave it out.
    strict : bool, default False
        No confluence lowers a confidence; order blocks are looked for strictly.

    Attributes
    ----------
    config : dict
        All settings, defaults included; read at each call.
    order_block_detector : EnhancedOrderBlockDetector
        Its settings decide which order blocks count as confluence.
    structure_highs, structure_lows : list of float
        The last ten swings that calls have seen, the newest last.
    current_structure : MarketStructure
        What they amount to.

    Notes
    -----
    :meth:`events` and :meth:`evaluate_history` change nothing.

    Examples
    --------
    >>> SmartMoneyDetector({"lookback_period": 50}).order_block_detector.config["lookback_period"]
    50
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        health: Health = 1.0,
        clock: Clock = now,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.config: dict[str, Any] = _DEFAULTS | (config or {})
        self.order_block_detector = EnhancedOrderBlockDetector(
            config, health=health, clock=clock, logger=logger, tolerant=tolerant, strict=strict
        )
        self.structure_highs: list[float] = []
        self.structure_lows: list[float] = []
        self.current_structure = MarketStructure.RANGING
        self._health = health
        self._clock = clock
        self._log = Log("smart_money_detector", logger)
        self._tolerant = tolerant
        self._strict = strict
        self._calls = self._found = 0

    def detect_smart_money_signals(
        self, data: pd.DataFrame, current_price: float, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN"
    ) -> list[SmartMoneySignal]:
        """Return the three best signals in the last candles.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low``, ``close`` and, if there is one, ``volume``; oldest row first.
        current_price : float
            Where the price stands.
        symbol, timeframe : str, optional
            Noted in the records.

        Returns
        -------
        list of SmartMoneySignal
            The best quality score first. Empty for fewer rows than ``lookback_period``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.
        ParameterError
            If the price or a setting is not a number.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0].to_pandas()
        >>> SmartMoneyDetector().detect_smart_money_signals(candles.head(29), 1.1)
        []
        """
        self._calls += 1
        moment, health = self._clock(), health_of(self._health)
        if not self._is_ready(len(data), health):
            return []
        bars = self._last(data, moment)
        hits = self._signals(bars, len(data), current_price, symbol, health)
        self._remember(bars)
        signals = _records(hits, repeat(moment), _Origin(symbol, timeframe, health))
        self._found += len(signals)
        self._log.debug(f"{len(signals)} signals on {symbol} {timeframe}")
        return signals

    def events(
        self, data: pd.DataFrame, current_price: float | None = None, *, symbol: str = "UNKNOWN"
    ) -> Hits:
        """Return what :meth:`detect_smart_money_signals` would find now as columns, without remembering swings.

        Parameters
        ----------
        data : DataFrame
        current_price : float, optional
            By default the last close.
        symbol : str, optional
            Matters to a strict detector only.

        Returns
        -------
        Hits
            Columns ``bar`` (the last candle), ``kind`` (0 sweep, 1 break of structure, 2 change of character,
            3 manipulation, 4 flow), ``direction`` (1 or -1), ``position`` (the candle the signal rests on),
            ``structure`` (1 bullish, -1 bearish, 0 ranging), ``block``, ``busy``, ``timely`` (confluences), ``level``,
            ``entry``, ``stop``, ``target``, ``confidence``, ``probability``, ``strength``, ``risk_reward``,
            ``quality``, ``size`` and ``volume_change`` (of turns, spikes and flow), in the order of the records.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0].to_pandas()
        >>> signals = SmartMoneyDetector().events(candles)
        >>> bool((signals.quality[1:] <= signals.quality[:-1]).all())
        True
        """
        health = health_of(self._health)
        if not self._is_ready(len(data), health):
            return SMART_MONEY.hits([])
        bars = self._last(data, self._clock())
        return self._signals(bars, len(data), current_price, symbol, health)

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN", *, window: int = 200
    ) -> History[SmartMoneySignal]:
        """Return what a fresh detector called at every candle would have found.

        Its clock is at the candle's time and the current price at its close. Swings persist from call to call, as
        they do in a detector that is called candle by candle.

        Parameters
        ----------
        candles : DataFrame
            As for :meth:`detect_smart_money_signals`, with times.
        symbol, timeframe : str, optional
            Noted in the records.
        window : int, default 200
            How many candles each call is given.

        Returns
        -------
        History
            The columns of :meth:`events`; ``position`` counts from the beginning of ``candles``.

        Raises
        ------
        CandleError
            Also if the candles have no times.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
        >>> history = SmartMoneyDetector().evaluate_history(candles)
        >>> bool((history.bar >= 199).all() and (history.position <= history.bar).all())
        True
        """
        rows, health = len(candles), health_of(self._health)
        hits = SMART_MONEY.hits([])
        if self._is_ready(rows, health):
            minute = clock_minutes(times(candles, what="the hour of a signal"))
            bars = read(candles, OHLC, volume=("volume",), tolerant=self._tolerant, minute=minute)
            settings = self._settings(symbol, health)
            hits = SMART_MONEY(bars, first_asked(rows, window), rows, window=window, **settings)

        def build(hits: Hits) -> list[SmartMoneySignal]:
            stamps = times(candles)[hits.bar].to_pydatetime().tolist() if len(hits) else []
            return _records(hits, stamps, _Origin(symbol, timeframe, health))

        return History(hits, build)

    def get_smart_money_stats(self) -> dict[str, Any]:
        """Return what has been found so far.

        Returns
        -------
        dict
            ``total_detections`` (calls), ``signals_found``, ``current_structure``, ``structure_highs`` and
            ``structure_lows`` (how many), ``health_score`` and a copy of ``config``.

        Examples
        --------
        >>> SmartMoneyDetector().get_smart_money_stats()["current_structure"]
        'ranging'
        """
        return {
            "total_detections": self._calls,
            "signals_found": self._found,
            "current_structure": self.current_structure.value,
            "structure_highs": len(self.structure_highs),
            "structure_lows": len(self.structure_lows),
            "health_score": health_of(self._health),
            "config": dict(self.config),
        }

    def _detect_liquidity_sweeps(
        self,
        data: pd.DataFrame,
        current_price: float | None = None,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
    ) -> list[SmartMoneySignal]:
        """Return all swept equal levels, as they are before confluences and filters."""
        return self._look(_SWEEP, data, current_price, symbol, timeframe)

    def _detect_break_of_structure(
        self,
        data: pd.DataFrame,
        current_price: float | None = None,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
    ) -> list[SmartMoneySignal]:
        """Return the break of the swings that calls have seen so far, if any, before confluences and filters."""
        return self._look(_BOS, data, current_price, symbol, timeframe)

    def _detect_change_of_character(
        self,
        data: pd.DataFrame,
        current_price: float | None = None,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
    ) -> list[SmartMoneySignal]:
        """Return all turns of the last closes, as they are before confluences and filters."""
        return self._look(_CHOCH, data, current_price, symbol, timeframe)

    def _detect_manipulation(
        self,
        data: pd.DataFrame,
        current_price: float | None = None,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
    ) -> list[SmartMoneySignal]:
        """Return all spikes, enabled or not, as they are before confluences and filters."""
        return self._look(_MANIPULATION, data, current_price, symbol, timeframe)

    def _detect_institutional_flow(
        self,
        data: pd.DataFrame,
        current_price: float | None = None,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
    ) -> list[SmartMoneySignal]:
        """Return price and volume going apart, if they do, before confluences and filters."""
        return self._look(_FLOW, data, current_price, symbol, timeframe)

    def _look(
        self, kind: int, data: pd.DataFrame, current_price: float | None, symbol: str, timeframe: str
    ) -> list[SmartMoneySignal]:
        """Return what one look alone finds; nothing is remembered."""
        rows, moment, health = len(data), self._clock(), health_of(self._health)
        if not rows:
            return []
        bars = self._last(data, moment)
        known = self._remembered() | self._price(bars, current_price)
        hits = SMART_MONEY_LOOKS(bars, rows - 1, rows, window=rows, health=health, **known)
        return _records(hits[hits.kind == kind], repeat(moment), _Origin(symbol, timeframe, health))

    def _is_ready(self, rows: int, health: float) -> bool:
        return (
            rows > 0 and rows >= self.config["lookback_period"] and health >= self.config["min_health_score"]
        )

    def _last(self, data: pd.DataFrame, moment: datetime) -> Any:
        minute = clock_minutes(moment, len(data))
        return read(data, OHLC, volume=("volume",), tolerant=self._tolerant, minute=minute)

    def _signals(self, bars: Any, rows: int, current_price: float | None, symbol: str, health: float) -> Hits:
        settings = self._settings(symbol, health) | self._remembered() | self._price(bars, current_price)
        return SMART_MONEY(bars, rows - 1, rows, window=rows, **settings)

    def _price(self, bars: Any, current_price: float | None) -> dict[str, float]:
        price = bars.close[-1] if current_price is None else current_price
        return {"price": price_of(price, self._tolerant)}

    def _remembered(self) -> dict[str, float]:
        """What earlier calls left behind, for the rule."""
        known: dict[str, float] = {"structure": _CODES[self.current_structure]}
        for name, swings in (("high", self.structure_highs), ("low", self.structure_lows)):
            known |= dict(zip((name, f"{name}_before"), reversed(swings), strict=False))
        return known

    def _settings(self, symbol: str, health: float) -> dict[str, Any]:
        """What the rule is told beside the price and earlier swings."""
        blocks = self.order_block_detector
        zones = blocks._settings(symbol, health)
        wanted = self.config["enable_order_block_confluence"] and blocks._is_healthy(health)
        return {
            "lookback": self.config["lookback_period"],
            "manipulation": self.config["enable_manipulation_detection"],
            "min_confidence": self.config["min_confidence"],
            "min_strength": self.config["min_strength"],
            "health": zones.pop("health"),
            "strict": zones.pop("strict"),
            "zones": wanted,
            **{f"zone_{name}": value for name, value in zones.items()},
        }

    def _remember(self, bars: Any) -> None:
        """Keep the swings of the last candles, once more at every call."""
        for swings, prices, sign in (
            (self.structure_highs, bars.high, 1.0),
            (self.structure_lows, bars.low, -1.0),
        ):
            swings += _peaks(prices[-TAIL:].tolist(), sign)
            del swings[:-KEPT_SWINGS]
        if len(self.structure_highs) < 2 or len(self.structure_lows) < 2:
            return
        (high_before, high), (low_before, low) = self.structure_highs[-2:], self.structure_lows[-2:]
        rising = high > high_before and low > low_before
        falling = high < high_before and low < low_before
        self.current_structure = _STRUCTURES[rising - falling]


class _Origin(NamedTuple):
    """What all records of a call share."""

    symbol: str
    timeframe: str
    health: float


def _peaks(prices: list[float], sign: float) -> list[float]:
    signed = [sign * price for price in prices]
    fives = zip(signed, signed[1:], signed[2:], signed[3:], signed[4:], strict=False)
    return [sign * c for a, b, c, d, e in fives if c > a and c > b and c > d and c > e]


def _records(hits: Hits, stamps: Iterable[datetime], origin: _Origin) -> list[SmartMoneySignal]:
    kinds, levels = hits.kind.tolist(), hits.level.tolist()
    directions = list(map(_DIRECTIONS.__getitem__, hits.direction.tolist()))
    structures = list(map(_STRUCTURES.__getitem__, hits.structure.tolist()))
    sizes, changes = hits.size.tolist(), hits.volume_change.tolist()
    return list(
        map(
            SmartMoneySignal,
            map(_KINDS.__getitem__, kinds),
            directions,
            hits.confidence.tolist(),
            hits.strength.tolist(),
            levels,
            hits.entry.tolist(),
            hits.stop.tolist(),
            hits.target.tolist(),
            hits.risk_reward.tolist(),
            hits.probability.tolist(),
            repeat(origin.health),
            hits.quality.tolist(),
            map(_context, kinds, directions, structures, levels, sizes, changes),
            (_TRANSITION if kind == _BOS else known for kind, known in zip(kinds, structures, strict=True)),
            (_BIASES[kind] + direction for kind, direction in zip(kinds, directions, strict=True)),
            repeat(origin.symbol),
            repeat(origin.timeframe),
            stamps,
            repeat(0.0),
            repeat(origin.health),
            map(bool, hits.block.tolist()),
            map(bool, hits.busy.tolist()),
            map(bool, hits.timely.tolist()),
        )
    )


def _context(
    kind: int, direction: str, structure: MarketStructure, level: float, size: float, volume_change: float
) -> dict[str, Any]:
    """Return what a signal rests on; all of it is in the columns."""
    if kind == _SWEEP:
        return {"type": _SWEPT[direction], "level": level, "sweep_confirmed": True}
    if kind == _BOS:
        return {"break_level": level, "previous_structure": structure.value}
    if kind == _CHOCH:
        return {"momentum_change": size, "change_level": level}
    if kind == _MANIPULATION:
        return {"manipulation_type": f"{direction}_spike", "spike_range": size}
    divergence = abs(size) + abs(volume_change)
    return {"price_momentum": size, "volume_momentum": volume_change, "divergence_strength": divergence}
