"""What the four detectors of advanced patterns have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits, Rule
from ...errors import ParameterError
from ._collaborators import ChochHistory, Clock, Log, now, pip_size
from ._frames import clock_minutes, read, times
from ._history import History, first_asked

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AdvancedDetector",
    "ClockDetector",
    "PipDetector",
    "Question",
    "TradingDirection",
    "block_price",
    "given",
    "moved",
]

GIVEN = ("current_price", "detected_order_blocks", "market_structure_context")
MOST_CONFIDENCE = 95.0
PIP = 0.0001


class TradingDirection(Enum):
    """Which way to trade.

    Examples
    --------
    >>> TradingDirection("buy")
    <TradingDirection.BUY: 'buy'>
    """

    BUY = "buy"
    SELL = "sell"
    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Question:
    """What is the same for all candles that are asked."""

    symbol: str
    timeframe: str


class Remembered(NamedTuple):
    """What a history says, one element a signal; ``target`` is NaN where it knows none."""

    bonus: NDArray[np.float64]
    success: NDArray[np.float64]
    target: NDArray[np.float64]


class _Signal(Protocol):
    narrative: str


S = TypeVar("S", bound=_Signal)


class AdvancedDetector(Generic[S]):
    """Asks one rule, at the last candle or at all, and makes signals of its hits.

    Parameters
    ----------
    memory_system : object, optional
    logger : object, optional
        The engine's logger or one of the standard library; by default nothing is said.
    clock : callable, default ``datetime.now``
    history : ChochHistory, optional
        Earlier changes of character; none by default.
    tolerant : bool, default False
        Let NaN pass.
    strict : bool, default False
    """

    _source: ClassVar[str]
    _defaults: ClassVar[Mapping[str, Any]]
    _rule: ClassVar[Rule]
    _row: ClassVar[Any]
    _columns: ClassVar[Sequence[str]] = ("high", "low", "close")
    _volume: ClassVar[Sequence[str]] = ("volume",)
    _least_rows: ClassVar[int]

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
        self.memory_system = memory_system
        self.logger = logger
        self.config: dict[str, Any] = dict(self._defaults)
        self._clock = clock
        self._history = ChochHistory() if history is None else history
        self._tolerant = tolerant
        self._strict = strict
        self._log = Log(self._source, logger)

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN", *, window: int = 200
    ) -> History[S]:
        """Return what a call at every candle would have said, its close being the price and its time the clock's.

        Parameters
        ----------
        candles : DataFrame
            As for a single call. Records, and detectors that ask for the time of day, also need a DatetimeIndex or a
            column ``time``.
        symbol, timeframe : str, optional
            Noted in the signals.
        window : int, default 200
            How many candles each call is given.

        Returns
        -------
        History
            Columns ``bar``, ``price``, ``confidence`` and those that the class lists.

        Raises
        ------
        CandleError
            As for a single call, and for candles without times where they are needed.

        Examples
        --------
        >>> from ict_kernels.adapters.ict_engine.silver_bullet_enterprise import SilverBulletDetectorEnterprise
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
        >>> history = SilverBulletDetectorEnterprise().evaluate_history(candles, "EURUSD", "M15")
        >>> bool((history.confidence >= 75).all()), len(history.records()) == len(history)
        (True, True)
        """
        rows, asked = len(candles), self._question(symbol, timeframe)
        if min(rows, window) < self._least_rows:
            return self._past(candles, self._rule.hits([]), asked)
        found = self._rule(
            self._bars(candles), first_asked(rows, window), rows, **self._settings(asked, window)
        )
        return self._past(candles, found, asked)

    def _past(self, candles: pd.DataFrame, found: Hits, asked: Any) -> History[S]:
        # Records are built later, when the caller's frame may have other times.
        seen = candles.copy(deep=False)

        def build(hits: Hits) -> list[S]:
            return self._records(hits, asked, self._moments(seen, hits))

        return History(self._completed(found, asked), build)

    def _question(self, symbol: str, timeframe: str) -> Any:
        return Question(symbol, timeframe)

    def _bars(self, candles: pd.DataFrame) -> Any:
        """Return all candles of a history."""
        return self._read(candles)

    def _moments(self, candles: pd.DataFrame, hits: Hits) -> list[datetime]:
        moments: list[datetime] = times(candles, what="records()")[hits.bar].to_pydatetime().tolist()
        return moments

    def _read(self, frame: pd.DataFrame, **options: Any) -> Any:
        return read(frame, self._columns, volume=self._volume, tolerant=self._tolerant, **options)

    def _settings(self, asked: Any, window: int) -> dict[str, Any]:
        """Return the rule's parameters."""
        raise NotImplementedError

    def _completed(self, found: Hits, asked: Any) -> Hits:
        """Add what depends on more than candles; drop what is not sure enough then."""
        raise NotImplementedError

    def _signal(self, row: Any, asked: Any, moment: datetime, similar: int) -> S:
        raise NotImplementedError

    def _records(self, hits: Hits, asked: Any, moments: Iterable[datetime]) -> list[S]:
        similar = self._similar(asked)
        # The moments may go on forever.
        rows = zip(hits.rows(*self._row._fields), moments, strict=False)
        return [self._signal(self._row._make(row), asked, moment, similar) for row, moment in rows]

    def _said(self, hits: Hits, asked: Any, moment: datetime) -> list[S]:
        """Return the signals of one call, and say them."""
        signals = self._records(hits, asked, repeat(moment))
        for signal in signals:
            self._log.info(signal.narrative)
        return signals

    def _remembers(self) -> bool:
        """Whether the history of CHoCHs is asked."""
        return bool(self.config["use_choch_memory"])

    def _similar(self, asked: Any) -> int:
        """Return how many CHoCHs the history knows."""
        return len(self._history.similar(asked.symbol, asked.timeframe)) if self._remembers() else 0

    def _room(self, asked: Any) -> Any:
        """Return what the history of CHoCHs may still add to a confidence."""
        return self.config["choch_confidence_max_bonus"] if self._similar(asked) else 0

    def _remembered(self, asked: Any, levels: NDArray[Any], directions: NDArray[Any]) -> Remembered:
        """Ask the history of CHoCHs about the levels of signals."""
        about, count = (asked.symbol, asked.timeframe), len(levels)
        most, known = self.config["choch_confidence_max_bonus"], self._history
        past = Remembered(np.zeros(count), np.zeros(count), np.full(count, np.nan))
        if self._similar(asked):
            pairs = zip(levels.tolist(), directions.tolist(), strict=True)
            for at, (level, direction) in enumerate(pairs):
                past.bonus[at] = max(-most, min(most, known.bonus(*about, level)))
                past.success[at] = known.success_rate(*about, level)
                if direction:
                    way = "BULLISH" if direction > 0 else "BEARISH"
                    expected = known.predict_target(*about, way, level)
                    past.target[at] = np.nan if expected is None else expected
        return past


class ClockDetector(AdvancedDetector[S]):
    """A detector that asks for the time of day."""

    def _minutes(self, clock: pd.DatetimeIndex) -> NDArray[np.int64]:
        return clock_minutes(clock)

    def _bars(self, candles: pd.DataFrame) -> Any:
        return self._read(candles, minute=self._minutes(times(candles, what="evaluate_history")))

    def _moments(self, candles: pd.DataFrame, hits: Hits) -> list[datetime]:
        return super()._moments(candles, hits) if len(hits) else []


class PipDetector(AdvancedDetector[S]):
    """A detector whose distances are in pips; a strict one measures them by symbol and asks the history of CHoCHs."""

    def events(
        self,
        data: pd.DataFrame,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
        current_price: float = 0.0,
    ) -> Hits:
        """Return what a call at the last candle finds as columns, without building a record.

        Parameters
        ----------
        data : DataFrame
        symbol, timeframe : str, optional
            Matter to a strict detector only.
        current_price : float, default 0.0
            0 is the last close.

        Returns
        -------
        Hits
            The columns of :meth:`evaluate_history`.

        Examples
        --------
        >>> import pandas as pd
        >>> from ict_kernels.adapters.ict_engine.liquidity_grab_enterprise import LiquidityGrabDetectorEnterprise
        >>> len(LiquidityGrabDetectorEnterprise().events(pd.DataFrame()))
        0
        """
        asked = self._question(symbol, timeframe)
        if len(data) < self._least_rows:
            return self._completed(self._rule.hits([]), asked)
        return self._asked(data, asked, current_price, ())

    def _detected(
        self,
        data: pd.DataFrame,
        symbol: str,
        timeframe: str,
        current_price: float,
        given: Sequence[Mapping[str, Any]] | None,
    ) -> list[S]:
        """Return the signals at the last candle."""
        if len(data) < self._least_rows:
            return []
        asked = self._question(symbol, timeframe)
        found = self._asked(data, asked, current_price, given or ())
        return self._said(found, asked, self._clock())

    def _asked(
        self, data: pd.DataFrame, asked: Question, current_price: float, given: Sequence[Mapping[str, Any]]
    ) -> Hits:
        """Ask at the last candle."""
        raise NotImplementedError

    def _pip(self, symbol: str) -> float:
        return pip_size(symbol) if self._strict else PIP

    def _remembers(self) -> bool:
        return bool(self._strict) and super()._remembers()

    def _weighed(self, found: Hits, asked: Question, smart: NDArray[np.bool_]) -> Hits:
        """Add who trades and what the history of CHoCHs says; drop what is not sure enough then."""
        past, confidence = self._remembered(asked, found.estimate, found.side), found.confidence
        if past.bonus.any():
            confidence = np.clip(confidence + past.bonus, 0.0, MOST_CONFIDENCE)
        added = {
            "confidence": confidence,
            "smart": smart.astype(np.int64),
            "bonus": past.bonus,
            "success": past.success,
        }
        return Hits(found.columns | added)[confidence >= self.config["min_confidence"]]


def given(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return those keywords of ``detect`` that a detector knows."""
    return {name: kwargs[name] for name in GIVEN if name in kwargs}


def moved(found: Hits, rows: int, read_rows: int) -> Hits:
    """Return hits among the last candles as hits among all of them."""
    return Hits(
        found.columns
        | {name: found.columns[name] + rows - read_rows for name in ("bar", "confirmed", "source")}
    )


def block_price(block: Mapping[str, Any], at: int) -> float:
    """Return the price of an order block, or else its low.

    Raises
    ------
    ParameterError
        If it has neither.
    """
    price = block.get("price") or block.get("low")
    if price is None:
        raise ParameterError(f"detected_order_blocks[{at}] has neither 'price' nor 'low' but {sorted(block)}")
    return float(price)
