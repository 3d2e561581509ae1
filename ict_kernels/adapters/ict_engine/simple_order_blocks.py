"""Supply and demand zones with the interface of the ICT Engine's ``ict_engine.patterns.simple_order_blocks``.

A zone is a swing low (demand) or a swing high (supply) among the last candles and near the price, with a score and
levels to trade it.

Known defects of the original, reproduced here (section 11.1 of the interface notes):

* A pip is 0.0001 for every symbol, so that gold and yen pairs are measured in the wrong unit.
* The wick is measured from the close, so that it includes the body of a candle that closes away from the edge.
* Of the ``lookback_period`` candles the newest five are never looked at.
* The target is always twice the risk, up to rounding, so that the test of the risk-reward ratio only drops candles
  without a range.

``strict=True`` mends the first two: a pip is 0.01 for symbols that end in JPY, and the wick ends at the body.

Differences, on purpose: no folder is made and no report is written (replace ``_save_organized_results`` to get all
blocks of a call), nothing is printed, NaN raises a :class:`~ict_kernels.errors.CandleError` unless ``tolerant=True``
lets it pass (NaN disqualifies no swing, and is one itself; its zones come last). What
:meth:`SimpleOrderBlockDetector.get_performance_stats` counts is worded anew.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=300)[0].to_pandas()
>>> detector = SimpleOrderBlockDetector()
>>> blocks = detector.detect_basic_order_blocks(candles, candles["close"].iloc[-1], "EURUSD", "M15")
>>> all(block.distance_pips <= 30 and block.confidence >= 72 for block in blocks)
True
>>> history = detector.evaluate_history(candles, "EURUSD", "M15")
>>> [block for block in history.records() if block.candle_index == 299]
[]
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from ...detectors.engine import Hits
from ...detectors.engine.simple_blocks import SIMPLE_BLOCKS
from ...detectors.engine.swings import SWINGS
from ...errors import ParameterError
from ._collaborators import Log, pip_size
from ._frames import OHLC, read
from ._history import History, first_asked

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BasicOrderBlock", "SimpleOrderBlockDetector"]

LIMIT = 5
BASELINE = 10  # candles before the oldest candidate that its volume is compared with
REACH = 3
TYPES = {1: "demand_zone", -1: "supply_zone"}

_DEFAULTS: dict[str, Any] = {
    "lookback_period": 20,
    "max_distance_pips": 30,
    "min_confidence": 72,
    "volume_threshold": 1.2,
    "max_confidence": 90,
    "base_confidence": 40,
    "wick_confidence_multiplier": 20,
    "volume_confidence_bonus": 10,
    "distance_penalty_threshold": 20,
    "demand_entry_offset": 0.25,
    "demand_stop_offset": 0.1,
    "supply_entry_offset": 0.25,
    "supply_stop_offset": 0.1,
    "risk_reward_ratio": 2.0,
}
_PARAMETERS = dict(
    zip(
        _DEFAULTS,
        (
            *("lookback", "max_distance", "min_confidence", "volume_ratio", "max_confidence", "base"),
            *("wick_points", "volume_points", "distance_points"),
            *("demand_entry", "demand_stop", "supply_entry", "supply_stop", "reward"),
        ),
        strict=True,
    )
)


@dataclass
class BasicOrderBlock:
    """One zone.

    Attributes
    ----------
    type : {"demand_zone", "supply_zone"}
    price : float
        The low of a demand candle, the high of a supply candle.
    confidence : float
        0 to 90.
    distance_pips : float
        From the current price to ``price``.
    candle_index : int
        Position in the frame.
    volume_confirmation : bool
        Whether the candle traded 1.2 times the mean of the ten before.
    timestamp : object
        The candle's label in the frame's index.

    Examples
    --------
    >>> block = BasicOrderBlock("demand_zone", 1.1, 85.0, 4.0, 90, True, None, "EURUSD", "M15",
    ...                         1.1005, 1.0998, 1.1019, 2.0)
    >>> block.entry_price
    1.1005
    """

    type: str
    price: float
    confidence: float
    distance_pips: float
    candle_index: int
    volume_confirmation: bool
    timestamp: Any
    symbol: str
    timeframe: str
    entry_price: float
    stop_loss: float
    take_profit: float
    risk_reward: float


class SimpleOrderBlockDetector:
    """Finds supply and demand zones near the price.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults: ``lookback_period`` 20, ``max_distance_pips`` 30, ``min_confidence`` 72,
        ``volume_threshold`` 1.2, ``max_confidence`` 90, ``base_confidence`` 40, ``wick_confidence_multiplier`` 20,
        ``volume_confidence_bonus`` 10, ``distance_penalty_threshold`` 20, ``demand_entry_offset`` and
        ``supply_entry_offset`` 0.25, ``demand_stop_offset`` and ``supply_stop_offset`` 0.1, ``risk_reward_ratio`` 2.
    logger : object, optional
        Is told how many zones were found.
    tolerant : bool, default False
        Let NaN pass.
    strict : bool, default False
        Measure pips by symbol, and the wick from the body.

    Attributes
    ----------
    config : dict
        All settings, defaults included; read at each call.

    Examples
    --------
    >>> SimpleOrderBlockDetector({"min_confidence": 80}).config["min_confidence"]
    80
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.config: dict[str, Any] = _DEFAULTS | (config or {})
        self._log = Log("simple_order_blocks", logger)
        self._tolerant = tolerant
        self._strict = strict
        self._calls = self._found = self._kept = 0

    def detect_basic_order_blocks(
        self, data: pd.DataFrame, current_price: float, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN"
    ) -> list[BasicOrderBlock]:
        """Return the five best zones near a price, the nearest first.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low``, ``close`` and, for the confirmation, ``volume``; oldest row first.
        current_price : float
            Where the price stands.
        symbol, timeframe : str, optional
            Noted in the records.

        Returns
        -------
        list of BasicOrderBlock
            By distance, then by confidence downwards; empty for fewer rows than ``lookback_period``.

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
        >>> SimpleOrderBlockDetector().detect_basic_order_blocks(candles.head(19), 1.1)
        []
        """
        hits = self.events(data, current_price, symbol=symbol)
        blocks = _records(hits, data, symbol, timeframe)
        if blocks:
            self._save_organized_results(blocks, symbol, timeframe, current_price)
        self._calls += 1
        self._found += len(blocks)
        self._kept += min(len(blocks), LIMIT)
        self._log.debug(f"{len(blocks)} zones on {symbol} {timeframe}")
        return blocks[:LIMIT]

    def events(
        self, data: pd.DataFrame, current_price: float | None = None, *, symbol: str = "UNKNOWN"
    ) -> Hits:
        """Return all zones near a price as columns, those beyond the best five included.

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
            Columns ``bar`` (the last candle), ``candle``, ``side`` (1 demand, -1 supply), ``busy`` (whether the
            volume confirms), ``edge``, ``distance``, ``confidence``, ``entry``, ``stop``, ``target`` and
            ``risk_reward``, in the order of the records.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0].to_pandas()
        >>> zones = SimpleOrderBlockDetector({"min_confidence": 0, "max_distance_pips": 1e6}).events(candles)
        >>> bool((zones.distance[1:] >= zones.distance[:-1]).all())
        True
        """
        lookback, rows = self._lookback(), len(data)
        if rows < lookback:
            return SIMPLE_BLOCKS.hits([])
        last = min(rows, max(lookback, 0) + BASELINE)
        bars = read(data, OHLC, volume=("volume",), last=last, tolerant=self._tolerant)
        price = bars.close[last - 1] if current_price is None else self._price(current_price)
        hits = SIMPLE_BLOCKS(
            bars, last - 1, last, window=last, fixed=1, price=price, **self._settings(symbol)
        )
        return _ranked(_moved(hits, rows - last))

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN", *, window: int = 200
    ) -> History[BasicOrderBlock]:
        """Return what a call at every candle would have found, with its close as the current price.

        Parameters
        ----------
        candles : DataFrame
            As for :meth:`detect_basic_order_blocks`.
        symbol, timeframe : str, optional
            Noted in the records.
        window : int, default 200
            How many candles each call is given.

        Returns
        -------
        History
            The columns of :meth:`events`; ``candle``, and ``candle_index`` of the records, count from the beginning
            of ``candles``.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
        >>> history = SimpleOrderBlockDetector().evaluate_history(candles)
        >>> bool((history.bar >= 199).all() and (history.candle <= history.bar - 5).all())
        True
        """
        rows = len(candles)

        def build(hits: Hits) -> list[BasicOrderBlock]:
            return _records(hits, candles, symbol, timeframe)

        if rows == 0:
            return History(SIMPLE_BLOCKS.hits([]), build)
        bars = read(candles, OHLC, volume=("volume",), tolerant=self._tolerant)
        first = first_asked(rows, window)
        hits = SIMPLE_BLOCKS(bars, first, rows, window=window, **self._settings(symbol))
        return History(_best(_ranked(hits), LIMIT), build)

    def get_nearest_blocks(
        self, blocks: Iterable[BasicOrderBlock], current_price: float, limit: int = 3
    ) -> list[BasicOrderBlock]:
        """Return the blocks nearest to a price.

        Parameters
        ----------
        blocks : iterable of BasicOrderBlock
        current_price : float
        limit : int, default 3

        Returns
        -------
        list of BasicOrderBlock
        """
        return sorted(blocks, key=lambda block: abs(block.price - current_price))[:limit]

    def filter_high_confidence(
        self, blocks: Iterable[BasicOrderBlock], min_confidence: float = 75
    ) -> list[BasicOrderBlock]:
        """Return the blocks of at least a confidence, in their order.

        Parameters
        ----------
        blocks : iterable of BasicOrderBlock
        min_confidence : float, default 75

        Returns
        -------
        list of BasicOrderBlock
        """
        return [block for block in blocks if block.confidence >= min_confidence]

    def get_performance_stats(self) -> dict[str, Any]:
        """Return what has been found so far.

        Returns
        -------
        dict
            ``total_detections`` (calls), ``blocks_found``, ``blocks_returned`` and a copy of ``config``.
        """
        return {
            "total_detections": self._calls,
            "blocks_found": self._found,
            "blocks_returned": self._kept,
            "config": dict(self.config),
        }

    def _is_swing_low(self, data: pd.DataFrame, index: int) -> bool:
        """Whether no low of three candles on each side is as low."""
        return self._is_swing(data, index, -1)

    def _is_swing_high(self, data: pd.DataFrame, index: int) -> bool:
        """Whether no high of three candles on each side is as high."""
        return self._is_swing(data, index, 1)

    def _is_swing(self, data: pd.DataFrame, index: int, side: int) -> bool:
        bars = read(data, ("high", "low"), tolerant=self._tolerant)
        return side in SWINGS(bars, index, index + 1, left=REACH, right=REACH).side

    def _save_organized_results(
        self, blocks: Sequence[BasicOrderBlock], symbol: str, timeframe: str, current_price: float
    ) -> None:
        """Take all blocks of a call that found any, before the first five are chosen; does nothing by default."""

    def _lookback(self) -> int:
        return int(self._setting("lookback_period"))

    def _price(self, current_price: Any) -> float:
        if not isinstance(current_price, numbers.Real) or math.isnan(current_price):
            if self._tolerant and isinstance(current_price, numbers.Real):
                return math.nan
            raise ParameterError(f"current_price is {current_price!r}; give the price as a number")
        return float(current_price)

    def _setting(self, name: str) -> float:
        value = self.config[name]
        if not isinstance(value, numbers.Real):
            raise ParameterError(f"config[{name!r}] is {value!r}; give the detector a number")
        return float(value)

    def _settings(self, symbol: str) -> dict[str, float]:
        """What the rule is told beside the price."""
        settings = {parameter: self._setting(name) for name, parameter in _PARAMETERS.items()}
        if self._strict:
            settings |= {"pips": 1 / pip_size(symbol), "body": 1}
        return settings


def _moved(hits: Hits, by: int) -> Hits:
    """Return hits of the last rows by their positions in the whole frame."""
    positions = {name: hits.columns[name] + by for name in ("bar", "confirmed", "candle")}
    return Hits({**hits.columns, **positions})


def _ranked(hits: Hits) -> Hits:
    """Return the zones of each asking candle in the order of a stable sort by distance and confidence."""
    return hits[np.lexsort((-hits.confidence, hits.distance, hits.bar))]


def _best(hits: Hits, limit: int) -> Hits:
    """Return the first zones of each asking candle."""
    rank = np.arange(len(hits)) - np.searchsorted(hits.bar, hits.bar)
    return hits[rank < limit]


def _records(hits: Hits, frame: pd.DataFrame, symbol: str, timeframe: str) -> list[BasicOrderBlock]:
    if not len(hits):
        return []
    return list(
        map(
            BasicOrderBlock,
            map(TYPES.__getitem__, hits.side.tolist()),
            hits.edge.tolist(),
            hits.confidence.tolist(),
            hits.distance.tolist(),
            hits.candle.tolist(),
            hits.busy.astype(np.bool_).tolist(),
            frame.index[hits.candle].tolist(),
            repeat(symbol),
            repeat(timeframe),
            hits.entry.tolist(),
            hits.stop.tolist(),
            hits.target.tolist(),
            hits.risk_reward.tolist(),
        )
    )
