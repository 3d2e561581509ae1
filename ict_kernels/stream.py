"""Candles as they come: the same kernels, resumed, give exactly what the batch gives."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .candles import Candles
from .detectors._run import check_candles, wrap
from .errors import CandleError, ParameterError, StateError
from .fold import (
    Emitted,
    Fold,
    as_columns,
    changed_cells,
    check_feed,
    check_state,
    compact_state,
    join_feeds,
    run_in_order,
)
from .kernels import _types as k
from .kernels._jit import SOURCE_HASH
from .kernels._types import F64, I64, Bars, Feed, State
from .registry import Spec, as_specs, detector, with_feeds
from .states import read_arrays, write_arrays

__all__ = ["Changes", "Stream", "Update"]


class Changes(NamedTuple):
    """Life cycle cells that were set: the row (counted from the stream's first), the column, the bar."""

    row: I64
    column: NDArray[np.str_]
    bar: I64


@dataclass(frozen=True)
class Update:
    """What an extension brought.

    Attributes
    ----------
    new : dict of str to Events or ndarray
        Rows confirmed by the new candles, their life cycle as it stands after them; of dense companions the new values.
    changed : dict of str to Changes
        Every life cycle cell that the new candles set, in rows old and new.
    """

    new: dict[str, Any]
    changed: dict[str, Changes]


class Stream:
    """Detectors that are fed candles bit by bit.

    Whatever the pieces, the events are those of one call over all candles, bit for bit.

    Parameters
    ----------
    detectors : str, Spec, or iterable of these
        Names, or configurations made by :func:`ict_kernels.detector`.
    symbol, timeframe : str, optional
        Of the candles to come; by default those of the first ones.
    keep : bool, default True
        Whether to keep all events, for :meth:`events`. Without, memory stays bounded by what is still open, and events
        are had from the updates alone.

    Raises
    ------
    ParameterError
        If a detector or parameter does not exist or is out of its range.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=600)[0]
    >>> stream = ict.Stream(["fair_value_gaps", ict.detector("swings", left=3, right=3)])
    >>> update = stream.extend(candles[:500])
    >>> update = stream.extend(candles[500:])
    >>> stream.events("swings") == ict.swings(candles, left=3, right=3)
    True
    """

    def __init__(
        self,
        detectors: str | Spec | Iterable[str | Spec],
        *,
        symbol: str = "",
        timeframe: str = "",
        keep: bool = True,
    ) -> None:
        self.specs = as_specs(detectors)
        if not self.specs:
            raise ParameterError("a stream needs at least one detector")
        self.symbol = symbol
        self.timeframe = timeframe
        self.keep = keep
        self._folds = {spec: Fold(spec) for spec in with_feeds(self.specs)}
        self._bars = 0
        self._tail = Bars(*(np.empty(0) for _ in Bars._fields))
        self._last_time: int | None = None
        self._times: list[I64] = []
        self._parts: dict[Spec, list[Emitted]] = {spec: [] for spec in self.specs}

    def __len__(self) -> int:
        """How many candles it has been fed."""
        return self._bars

    def __repr__(self) -> str:
        market = " ".join(part for part in (self.symbol, self.timeframe) if part)
        return f"<Stream of {market or 'no market yet'}: {', '.join(self._names())}; {self._bars:,} candles>"

    def extend(self, candles: Candles) -> Update:
        """Take in the next candles.

        Parameters
        ----------
        candles : Candles
            Later than all before; any number, 0 included.

        Returns
        -------
        Update
            The new rows and the changed cells.

        Raises
        ------
        CandleError
            If they are of another market, or not later than those before; the stream is unchanged then.
        """
        self._check_next(check_candles("Stream.extend", candles))
        start, stop = self._bars, self._bars + len(candles)
        bars = Bars(*(np.concatenate(pair) for pair in zip(self._tail, candles.bars)))
        base = stop - len(bars.open)

        def step(spec: Spec, feeds: tuple[Feed, ...]) -> Emitted:
            fold = self._folds[spec]
            first = max(0, start - fold.lookback)
            seen = _read_only(bars, first - base)
            return fold.advance(seen, start, stop, first, feeds)

        emitted = run_in_order(self.specs, step)
        self._remember(candles, bars, stop)
        update = self._update(emitted)
        for spec in self.specs:
            if self.keep and (len(emitted[spec].feed.ints) or len(emitted[spec].feed.log)):
                self._parts[spec].append(_owned(emitted[spec]))
        for fold in self._folds.values():
            fold.state = compact_state(fold.state, only_if_sparse=True)
        return update

    def _check_next(self, candles: Candles) -> None:
        for name in ("symbol", "timeframe"):
            mine, theirs = getattr(self, name), getattr(candles, name)
            if mine != theirs and (self._bars or (mine and theirs)):
                raise CandleError(f"the stream's {name} is {mine!r}, that of the candles {theirs!r}")
        if len(candles) and self._last_time is not None and int(candles.time[0]) <= self._last_time:
            last = np.datetime64(self._last_time, "ns")
            raise CandleError(
                f"the first of the new candles, {candles.time[0].view('datetime64[ns]')}, is not later than the "
                f"stream's last, {last}; leave out the candles it already had"
            )

    def _remember(self, candles: Candles, bars: Bars, stop: int) -> None:
        self._bars = stop
        if len(candles):
            self.symbol, self.timeframe = candles.symbol, candles.timeframe
            self._last_time = int(candles.time[-1])
        kept = max(0, len(bars.open) - max(fold.lookback for fold in self._folds.values()))
        self._tail = Bars(*(column[kept:].copy() for column in bars))
        if self.keep:
            self._times.append(candles.time)

    def _names(self) -> dict[str, Spec]:
        """Detectors by name; by full configuration where two share a name."""
        names = [spec.name for spec in self.specs]
        return {spec.name if names.count(spec.name) == 1 else str(spec): spec for spec in self.specs}

    def _find(self, what: str | Spec) -> Spec:
        spec = what if isinstance(what, Spec) else self._names().get(what)
        if spec not in self.specs:
            raise ParameterError(
                f"the stream has no detector {str(what)!r}; it has {', '.join(self._names())}"
            )
        return spec

    def _table(self, spec: Spec, parts: Sequence[Emitted]) -> Any:
        return wrap(
            spec,
            as_columns(spec, parts),
            time=self._time if self.keep else None,
            symbol=self.symbol,
            timeframe=self.timeframe,
        )

    def _update(self, emitted: dict[Spec, Emitted]) -> Update:
        new, changed = {}, {}
        for name, spec in self._names().items():
            first, feed = emitted[spec]
            rows, cells, bars = changed_cells(feed.log)
            fresh = feed.log[rows >= first]
            new[name] = self._table(spec, [Emitted(first, feed._replace(log=fresh))])
            columns = np.array(spec.entry.life or ("",))
            changed[name] = Changes(rows, columns[cells], bars)
        return Update(new, changed)

    def _time(self) -> I64:
        if len(self._times) != 1:
            self._times = [np.concatenate([np.empty(0, np.int64), *self._times])]
        return self._times[0]

    def events(self, what: str | Spec) -> Any:
        """All events of a detector so far.

        Parameters
        ----------
        what : str or Spec
            One of the stream's detectors.

        Returns
        -------
        Events
            Equal to one call over all candles; an array for a dense companion.

        Raises
        ------
        ParameterError
            If the stream has no such detector, or keeps no events.
        """
        spec = self._find(what)
        if not self.keep:
            raise ParameterError(
                "this stream keeps no events (keep=False): take them from the updates of extend"
            )
        return self._table(spec, self._parts[spec])

    # --- saving ------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the stream to a file, which appears whole or not at all.

        Parameters
        ----------
        path : path

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        arrays: list[NDArray[Any]] = [*self._tail]
        for fold in self._folds.values():
            arrays += compact_state(fold.state)
        if self.keep:
            arrays.append(self._time())
            for spec in self.specs:
                arrays += join_feeds(spec, self._parts[spec])
        header = {
            "kind": "stream",
            "kernels": SOURCE_HASH,
            "detectors": [{"name": spec.name, "parameters": spec.parameters} for spec in self.specs],
            "symbol": self.symbol,
            "timeframe": self.timeframe,
            "keep": self.keep,
            "bars": self._bars,
            "last_time": self._last_time,
        }
        write_arrays(path, header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Stream:
        """Read a stream that :meth:`save` wrote, to go on where it stood.

        Parameters
        ----------
        path : path

        Returns
        -------
        Stream

        Raises
        ------
        StateError
            If the file is damaged, foreign, or made by other kernels: feed a new stream the candles then.
        """
        header, arrays = read_arrays(path)
        if header.get("kind") != "stream":
            raise StateError(f"{path} holds no stream")
        if header.get("kernels") != SOURCE_HASH:
            raise StateError(f"{path} was made by other kernels than these: feed a new stream the candles")
        try:
            return cls._restored(header, arrays)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StateError(f"{path} is malformed ({error}): feed a new stream the candles") from error

    @classmethod
    def _restored(cls, header: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> Stream:
        specs = [detector(one["name"], **one["parameters"]) for one in header["detectors"]]
        stream = cls(specs, symbol=header["symbol"], timeframe=header["timeframe"], keep=header["keep"])
        left = iter(arrays)
        stream._bars, stream._last_time = bars, last = header["bars"], header["last_time"]
        if type(bars) is not int or (last is not None and type(last) is not int):
            raise StateError("its number of candles or their last time is not whole")
        stream._tail = Bars(*islice(left, len(Bars._fields)))
        tail = min(bars, max(fold.lookback for fold in stream._folds.values()))
        if any(column.shape != (tail,) or column.dtype != np.float64 for column in stream._tail):
            raise StateError("its last candles are not those that the detectors look back at")
        for fold in stream._folds.values():
            fold.state = check_state(fold.shape, State(*islice(left, len(State._fields))))
        states = {spec: fold.state for spec, fold in stream._folds.items()}
        if not all(spec.entry.sound(spec, states, bars) for spec in states):
            raise StateError("the detectors' states do not fit each other or the candles")
        if stream.keep:
            stream._times = [*islice(left, 1)]
            if stream._time().shape != (bars,) or stream._time().dtype != np.int64:
                raise StateError("its times are not those of its candles")
            for spec in stream.specs:
                rows = bars if spec.entry.dense else int(stream._folds[spec].state.ints[k.NEXT_ID])
                feed = Feed(*islice(left, len(Feed._fields)))
                stream._parts[spec] = [Emitted(0, check_feed(spec, feed, rows))]
        if any(True for _ in left):
            raise StateError("it holds more arrays than the stream has")
        return stream


def _read_only(bars: Bars, first: int) -> Bars:
    columns: list[F64] = [column[first:] for column in bars]
    for column in columns:
        column.flags.writeable = False
    return Bars(*columns)


def _owned(part: Emitted) -> Emitted:
    """A copy that does not hold on to the buffers it was cut from."""
    ints, floats, log = part.feed
    return Emitted(part.first_id, Feed(ints.copy(), floats.copy(), log.copy()))
