"""Market structure of the last candles, with the interface of the ICT Engine's ``market_structure.engine``.

The engine takes candles as dicts and looks at the last few of them: at what the last candle breaks, whether it is an
order block, and at the gaps just behind it. :meth:`MarketStructureEngine.evaluate_history` asks the same at every
candle of a history in one scan.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 7: a break of structure needs no swing and no close: a high or low beyond five candles will do, both on one candle
  too.
* 7: a change of character knows no trend; a close beyond the two candles before will do.
* 7: the order block is always the last candle itself, with a confidence of always 0.55.
* 7: a gap whose middle candle touches the nearer edge, the usual one, is passed over.

Differences, on purpose: an order block's ``id`` and the keys of :meth:`~MarketStructureEngine.analyze_multi_timeframe`
are worded anew; a candle without ``open`` is no order block; prices that are no numbers, or NaN, raise a
:class:`~ict_kernels.errors.CandleError` (``tolerant=True`` lets NaN pass).

Examples
--------
>>> candles = [{"high": 1.2, "low": 1.1, "close": 1.15}, {"high": 1.3, "low": 1.2, "close": 1.25},
...            {"high": 1.5, "low": 1.2, "close": 1.4, "time": "09:30"}]
>>> MarketStructureEngine().detect_choch(candles)
[{'type': 'CHOCH_BULL', 'price': 1.4, 'time': '09:30'}]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ...detectors.engine import Hits
from ...detectors.engine.structure_turns import STRUCTURE_TURNS
from ...errors import CandleError
from ...kernels.engine._types import EngineBars
from ._collaborators import Clock, Log, now
from ._frames import NOTHING, read, reads_rows
from ._history import History, first_asked

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MarketStructureEngine", "MarketStructureResult"]

VERSION = "1.0"
SEEN = 20
FEWEST = 3
CONFIDENCE = 0.55

_NEEDED = ("high", "low", "close")
_CHOCH, _BOS, _BLOCK, _GAP = range(4)
_BULLISH, _BEARISH = ("BULL", "UP"), ("BEAR", "DOWN")
_TYPES = {
    (_CHOCH, 1): "CHOCH_BULL",
    (_CHOCH, -1): "CHOCH_BEAR",
    (_BOS, 1): "BOS_UP",
    (_BOS, -1): "BOS_DOWN",
    (_BLOCK, 1): "BULL",
    (_BLOCK, -1): "BEAR",
    (_GAP, 1): "FVG_BULL",
    (_GAP, -1): "FVG_BEAR",
}

Event = dict[str, Any]
Candles = Sequence[Mapping[str, Any]]


@dataclass
class MarketStructureResult:
    """All that one analysis found.

    Attributes
    ----------
    timestamp : str
        When it was made, in ISO form.
    choch_events, bos_events, order_blocks, fvg_zones : list of dict
    market_bias : str or None
        ``BULLISH``, ``BEARISH``, ``NEUTRAL`` for both, None for neither.
    meta : dict
        ``version``, ``candles_used``, ``mtf_used`` and ``generated``.

    Examples
    --------
    >>> MarketStructureResult("EURUSD", "M15", "2025-09-01T10:30:00").to_dict()["fvg_zones"]
    []
    """

    symbol: str
    timeframe: str
    timestamp: str
    choch_events: list[Event] = field(default_factory=list)
    bos_events: list[Event] = field(default_factory=list)
    order_blocks: list[Event] = field(default_factory=list)
    fvg_zones: list[Event] = field(default_factory=list)
    multi_timeframe_context: dict[str, Any] = field(default_factory=dict)
    market_bias: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as a dict of their own.

        Returns
        -------
        dict

        Examples
        --------
        >>> MarketStructureResult("EURUSD", "M15", "").to_dict()["symbol"]
        'EURUSD'
        """
        return asdict(self)


class MarketStructureEngine:
    """Finds changes of character, breaks of structure, order blocks and gaps at the last candle.

    Parameters
    ----------
    enable_logging : bool, default True
        Whether ``logger`` is told anything.
    clock : callable, default ``datetime.now``
        The time now: it stamps results, and events of candles without ``time``.
    logger : object, optional
        The engine's logger, or one of the standard library. None by default.
    tolerant : bool, default False
        Let NaN prices pass: comparisons with them are false.

    Examples
    --------
    >>> MarketStructureEngine().detect_bos([])
    []
    """

    def __init__(
        self,
        enable_logging: bool = True,
        *,
        clock: Clock = now,
        logger: Any = None,
        tolerant: bool = False,
    ) -> None:
        self.enable_logging = enable_logging
        self._clock = clock
        self._log = Log("market structure", logger if enable_logging else None)
        self._tolerant = tolerant

    def detect_choch(self, candles: Candles) -> list[Event]:
        """Return the change of character at the last candle: a close beyond the two candles before.

        Parameters
        ----------
        candles : sequence of mapping
            ``high``, ``low``, ``close`` and, if known, ``open`` and ``time``; oldest first.

        Returns
        -------
        list of dict
            None or one, with ``type`` (``CHOCH_BULL`` or ``CHOCH_BEAR``), ``price`` (the close) and ``time``.

        Raises
        ------
        CandleError
            If a price is missing or not a number, or NaN and the engine is not tolerant.

        Examples
        --------
        >>> candles = [{"high": 1.2, "low": 1.1, "close": 1.15}] * 2 + [{"high": 1.2, "low": 1.0, "close": 1.05}]
        >>> [event["type"] for event in MarketStructureEngine().detect_choch(candles)]
        ['CHOCH_BEAR']
        """
        return self._of_kind(candles, _CHOCH)

    def detect_bos(self, candles: Candles) -> list[Event]:
        """Return the breaks of structure at the last candle: a high, a low or both beyond the five candles before.

        Parameters
        ----------
        candles : sequence of mapping
            As for :meth:`detect_choch`.

        Returns
        -------
        list of dict
            Up to two, with ``type`` (``BOS_UP``, then ``BOS_DOWN``), ``trigger`` (the high or low) and ``time``.

        Raises
        ------
        CandleError
            If a price is missing or not a number, or NaN and the engine is not tolerant.

        Examples
        --------
        >>> candles = [{"high": 1.2, "low": 1.1, "close": 1.15}] * 2 + [{"high": 1.3, "low": 1.0, "close": 1.15}]
        >>> [event["trigger"] for event in MarketStructureEngine().detect_bos(candles)]
        [1.3, 1.0]
        """
        return self._of_kind(candles, _BOS)

    def identify_order_blocks(self, candles: Candles) -> list[Event]:
        """Return the last candle if its body is large for its range and its range large for the last 20.

        Parameters
        ----------
        candles : sequence of mapping
            As for :meth:`detect_choch`, with ``open``.

        Returns
        -------
        list of dict
            None or one, with ``id``, ``type`` (``BULL`` or ``BEAR``), ``price`` (the close), ``high``, ``low``,
            ``confidence`` and ``time``.

        Raises
        ------
        CandleError
            If a price is missing or not a number, or NaN and the engine is not tolerant.

        Examples
        --------
        >>> small = {"open": 1.1, "high": 1.12, "low": 1.1, "close": 1.11}
        >>> large = {"open": 1.1, "high": 1.2, "low": 1.1, "close": 1.19, "time": "09:30"}
        >>> [block["type"] for block in MarketStructureEngine().identify_order_blocks([small, small, large])]
        ['BULL']
        """
        return self._of_kind(candles, _BLOCK)

    def detect_fair_value_gaps(self, candles: Candles) -> list[Event]:
        """Return the gaps among the last ten candles whose middle candle does not touch the nearer edge.

        Parameters
        ----------
        candles : sequence of mapping
            As for :meth:`detect_choch`.

        Returns
        -------
        list of dict
            With ``type`` (``FVG_BULL`` or ``FVG_BEAR``), ``start`` and ``end`` (the lower and the upper edge),
            ``mid_time`` and ``detected``; oldest first.

        Raises
        ------
        CandleError
            If a price is missing or not a number, or NaN and the engine is not tolerant.

        Examples
        --------
        >>> candles = [{"high": 1.1, "low": 1.0, "close": 1.0}, {"high": 1.3, "low": 1.2, "close": 1.2},
        ...            {"high": 1.5, "low": 1.4, "close": 1.4}]
        >>> [(gap["start"], gap["end"]) for gap in MarketStructureEngine().detect_fair_value_gaps(candles)]
        [(1.1, 1.4)]
        """
        return self._of_kind(candles, _GAP)

    def analyze_multi_timeframe(self, contexts: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return how many timeframes show a change of character and a break of structure.

        Parameters
        ----------
        contexts : mapping
            By timeframe, candles as for :meth:`detect_choch`.

        Returns
        -------
        dict
            ``timeframes`` (by timeframe, its ``choch`` and ``bos``) and ``confluence_score``: the share of all
            that could be there, from 0 to 1.

        Raises
        ------
        CandleError
            If a price is missing or not a number, or NaN and the engine is not tolerant.

        Examples
        --------
        >>> rising = [{"high": 1.2, "low": 1.1, "close": 1.15}] * 2 + [{"high": 1.3, "low": 1.2, "close": 1.3}]
        >>> MarketStructureEngine().analyze_multi_timeframe({"H1": rising, "H4": []})["confluence_score"]
        0.5
        """
        found = {}
        for timeframe, candles in (contexts or {}).items():
            choch, bos, _, _ = self._sorted(candles)
            found[timeframe] = {"choch": choch, "bos": bos}
        shown = sum(bool(events) for each in found.values() for events in each.values())
        return {"timeframes": found, "confluence_score": shown / (2 * len(found)) if found else 0.0}

    def get_market_bias(
        self, choch: Sequence[Event], bos: Sequence[Event], obs: Sequence[Event]
    ) -> str | None:
        """Return the side that all events are on.

        Parameters
        ----------
        choch, bos, obs : sequence of dict
            Events with a ``type``.

        Returns
        -------
        str or None
            ``BULLISH``, ``BEARISH``, ``NEUTRAL`` if both sides occur, None if neither does.

        Examples
        --------
        >>> MarketStructureEngine().get_market_bias([{"type": "CHOCH_BULL"}], [{"type": "BOS_DOWN"}], [])
        'NEUTRAL'
        """
        types = [str(event["type"]) for events in (choch, bos, obs) for event in events]
        bullish = any(kind.endswith(_BULLISH) for kind in types)
        bearish = any(kind.endswith(_BEARISH) for kind in types)
        if bullish and bearish:
            return "NEUTRAL"
        return "BULLISH" if bullish else "BEARISH" if bearish else None

    def run_full_analysis(
        self,
        symbol: str,
        timeframe: str,
        candles: Candles,
        mtf_context: Mapping[str, Any] | None = None,
    ) -> MarketStructureResult:
        """Return all that the last candle shows.

        Parameters
        ----------
        symbol, timeframe : str
            Noted in the result.
        candles : sequence of mapping
            As for :meth:`detect_choch`.
        mtf_context : mapping, optional
            As for :meth:`analyze_multi_timeframe`.

        Returns
        -------
        MarketStructureResult

        Raises
        ------
        CandleError
            If a price is missing or not a number, or NaN and the engine is not tolerant.

        Examples
        --------
        >>> candles = [{"high": 1.2, "low": 1.1, "close": 1.15}] * 2 + [{"high": 1.3, "low": 1.2, "close": 1.3}]
        >>> MarketStructureEngine().run_full_analysis("EURUSD", "M15", candles).market_bias
        'BULLISH'
        """
        moment = self._clock().isoformat()
        chochs, breaks, blocks, zones = self._sorted(candles)
        self._log.info(f"{symbol} {timeframe}: {len(chochs)} changes of character, {len(breaks)} breaks")
        return MarketStructureResult(
            symbol,
            timeframe,
            moment,
            chochs,
            breaks,
            blocks,
            zones,
            self.analyze_multi_timeframe(mtf_context) if mtf_context else {},
            self.get_market_bias(chochs, breaks, blocks),
            {
                "version": VERSION,
                "candles_used": len(candles),
                "mtf_used": bool(mtf_context),
                "generated": moment,
            },
        )

    def events(self, candles: pd.DataFrame | Candles, *, window: int = 200) -> Hits:
        """Return what every candle showed when it was the last, as columns only.

        Parameters
        ----------
        candles : DataFrame or sequence of mapping
            A frame has columns ``open``, ``high``, ``low`` and ``close``. It is not modified.
        window : int, default 200
            How many candles each question sees.

        Returns
        -------
        Hits
            Columns ``bar`` (the last candle), ``candle`` (that of the event), ``kind`` (0 change of character,
            1 break of structure, 2 order block, 3 gap), ``direction``, ``price``, ``top``, ``bottom``.

        Raises
        ------
        CandleError
            If a price is missing or not a number, or NaN and the engine is not tolerant.

        Examples
        --------
        >>> candles = [{"high": 1.2, "low": 1.1, "close": 1.15}] * 2 + [{"high": 1.3, "low": 1.2, "close": 1.3}]
        >>> MarketStructureEngine().events(candles).kind.tolist()
        [0, 1]
        """
        bars = self._frame(candles) if hasattr(candles, "columns") else self._bars(candles)
        return STRUCTURE_TURNS(bars, first_asked(len(candles), window), window=window)

    def evaluate_history(
        self,
        candles: pd.DataFrame | Candles,
        symbol: str = "UNKNOWN",
        timeframe: str = "UNKNOWN",
        *,
        window: int = 200,
    ) -> History[Event]:
        """Return what the four detectors would have said at every candle, on the trailing window.

        Parameters
        ----------
        candles : DataFrame or sequence of mapping
            A frame has columns ``open``, ``high``, ``low`` and ``close``. It is not modified.
        symbol, timeframe : str
            Not used; other detectors note them in their records.
        window : int, default 200
            How many candles each question sees.

        Returns
        -------
        History
            The columns of :meth:`events`; its records are the dicts of :meth:`detect_choch`, :meth:`detect_bos`,
            :meth:`identify_order_blocks` and :meth:`detect_fair_value_gaps`, in this order.

        Raises
        ------
        CandleError
            If a price is missing or not a number, or NaN and the engine is not tolerant.

        Examples
        --------
        >>> candles = [{"high": 1.2, "low": 1.1, "close": 1.15, "time": "09:30"}] * 3
        >>> history = MarketStructureEngine().evaluate_history([*candles, *candles, candles[0] | {"low": 1.0}])
        >>> history.bar.tolist(), history.records()
        ([6], [{'type': 'BOS_DOWN', 'trigger': 1.0, 'time': '09:30'}])
        """
        return History(self.events(candles, window=window), lambda hits: self._events(candles, hits))

    def _of_kind(self, candles: Candles, kind: int) -> list[Event]:
        return self._sorted(candles)[kind]

    def _sorted(self, candles: Candles) -> tuple[list[Event], list[Event], list[Event], list[Event]]:
        """Return what the last candle shows, by kind."""
        hits = self._hits(candles)
        found: tuple[list[Event], list[Event], list[Event], list[Event]] = ([], [], [], [])
        for kind, event in zip(hits.kind.tolist(), self._events(candles, hits), strict=True):
            found[kind].append(event)
        return found

    def _hits(self, candles: Candles) -> Hits:
        """Return what the last candle shows, with positions among all candles."""
        last = candles[-1] if len(candles) >= FEWEST else {}
        if any(last.get(name) is None for name in _NEEDED):
            return STRUCTURE_TURNS(self._bars(()))
        bars, cut = self._bars(candles[-SEEN:]), max(len(candles) - SEEN, 0)
        hits = STRUCTURE_TURNS(bars, len(bars.high) - 1)
        hits.columns["bar"] += cut
        hits.columns["candle"] += cut
        return hits

    def _frame(self, candles: Any) -> EngineBars:
        return read(candles, ("open", *_NEEDED), tolerant=self._tolerant)

    def _bars(self, candles: Any) -> EngineBars:
        open_, high, low, close = (self._column(candles, name) for name in ("open", *_NEEDED))
        if reads_rows.get():
            return cast("EngineBars", _Dicts(candles))
        return EngineBars(open_, high, low, close, NOTHING, np.empty(0, np.int64))

    def _column(self, candles: Candles, name: str) -> Any:
        other = "close" if name == "open" else name
        try:
            column = np.array([candle.get(name, candle.get(other)) for candle in candles], np.float64)
        except (TypeError, ValueError) as error:
            raise CandleError(f"candles have {name!r} that is not a number ({error})") from error
        if not self._tolerant and np.isnan(column).any():
            row = int(np.isnan(column).argmax()) - len(column)
            raise CandleError(
                f"candle {row} from the end has no {name!r}, or NaN; drop it, or construct the engine with "
                "tolerant=True"
            )
        column.setflags(write=False)
        return column

    def _events(self, candles: pd.DataFrame | Candles, hits: Hits) -> list[Event]:
        if not len(hits):
            return []
        stamps = self._stamps(candles, hits.candle)
        names = ("kind", "direction", "price", "top", "bottom")
        return [_event(time, *row) for time, row in zip(stamps, hits.rows(*names), strict=True)]

    def _stamps(self, candles: Any, at: Any) -> list[Any]:
        """Return the times of the candles at these positions; now, in ISO form, where a candle has none."""
        if not hasattr(candles, "columns"):
            times = [candles[position].get("time") for position in at.tolist()]
        elif "time" in candles.columns:
            times = candles["time"].iloc[at].tolist()
        else:
            times = candles.index[at].tolist()
        if None not in times:
            return times
        moment = self._clock().isoformat()
        return [moment if time is None else time for time in times]


class _Dicts:
    """Candles with the attributes of :class:`EngineBars`, looked up in the dicts when they are read."""

    def __init__(self, candles: Candles) -> None:
        self.open: Any = _Cells(candles, "open", "close")
        self.high: Any = _Cells(candles, "high", "high")
        self.low: Any = _Cells(candles, "low", "low")
        self.close: Any = _Cells(candles, "close", "close")
        self.volume: Any = NOTHING
        self.minute: Any = NOTHING


class _Cells:
    def __init__(self, candles: Candles, name: str, other: str) -> None:
        self._candles, self._name, self._other = candles, name, other

    def __len__(self) -> int:
        return len(self._candles)

    def __getitem__(self, at: int) -> float:
        candle = self._candles[at]
        return float(candle.get(self._name, candle.get(self._other)))


def _event(time: Any, kind: int, direction: int, price: float, top: float, bottom: float) -> Event:
    name = _TYPES[kind, direction]
    if kind == _CHOCH:
        return {"type": name, "price": price, "time": time}
    if kind == _BOS:
        return {"type": name, "trigger": price, "time": time}
    if kind == _GAP:
        return {"type": name, "start": bottom, "end": top, "mid_time": time, "detected": True}
    return {
        "id": f"OB_{name}_{time}",
        "type": name,
        "price": price,
        "high": top,
        "low": bottom,
        "confidence": CONFIDENCE,
        "time": time,
    }
