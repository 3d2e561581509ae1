"""Tables that can be continued: what a cache keeps of a detector, and how it goes on from there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..candles import Candles
from ..detectors._run import wrap
from ..events import Events
from ..fold import Emitted, Fold, changed_cells, compact_state, fields_of, run_in_order
from ..kernels import _types as k
from ..kernels._types import Bars, Feed, State
from ..registry import Spec, per_registry, with_feeds

__all__ = ["Cost", "Entry", "PackedStates", "Table", "advance", "lineage", "size_of"]

_ROOM = 64  # rows of spare room, at least
# A thread's own time, so that waiting for another one that loads a kernel is no work; on Windows it is too coarse.
_own_time = perf_counter if sys.platform == "win32" else thread_time


class _Buffer:
    """An array of which the first rows are taken; tables that look at them never see what is appended behind."""

    __slots__ = ("data", "used")

    def __init__(self, data: NDArray[Any], used: int) -> None:
        self.data = data
        self.used = used

    @property
    def nbytes(self) -> int:
        """Spare room included."""
        return self.data.nbytes


class Table:
    """Public columns of one length, which share their rows with the tables they continue.

    Rows are appended in place behind those that an earlier table looks at; a life cycle column of which a cell was
    set is copied instead. Only one table at a time may be made out of another (the cache's lock sees to it).

    Parameters
    ----------
    columns : mapping of str to ndarray
        Not written to any more.
    """

    __slots__ = ("_buffers", "_events", "_row_bytes", "rows")

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self.rows = len(next(iter(columns.values())))
        self._row_bytes = sum(column.itemsize for column in columns.values())
        self._buffers = {name: _Buffer(column, self.rows) for name, column in columns.items()}
        self._events: Events | None = None

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns by name, read-only."""
        columns = {name: buffer.data[: self.rows] for name, buffer in self._buffers.items()}
        for column in columns.values():
            column.flags.writeable = False
        return columns

    def result(self, spec: Spec, candles: Candles) -> Any:
        """The public result over these candles: an event table; of a dense companion its only column."""
        if spec.entry.dense:
            return next(iter(self.columns.values()))
        if self._events is None:
            market = {"symbol": candles.symbol, "timeframe": candles.timeframe}
            self._events = wrap(spec, self.columns, time=None, **market)
        return self._events._over(candles.time, spec.parameters)

    @property
    def nbytes(self) -> int:
        """Bytes of the columns, spare room not included."""
        return self.rows * self._row_bytes

    @property
    def buffers(self) -> Iterable[_Buffer]:
        """What takes memory, which tables may share."""
        return self._buffers.values()

    def continued(self, spec: Spec, part: Emitted) -> Table:
        """The table after what a fold emitted next."""
        new, log = len(part.feed.ints), part.feed.log
        if not new and not len(log):
            return self
        ids, cells, bars = changed_cells(log)
        overwritten = set(cells[ids < part.first_id].tolist())
        longer = object.__new__(Table)
        longer.rows = self.rows + new
        longer._row_bytes = self._row_bytes
        longer._buffers = {}
        longer._events = None
        lives = iter(range(len(spec.entry.life)))
        for column, fresh in fields_of(spec, part.feed):
            life = next(lives) if fresh is None else None
            if column.internal:
                continue
            buffer = self._buffers[column.name]
            if new or life in overwritten:
                buffer = self._with_room(buffer, longer.rows, copy=life in overwritten)
                buffer.data[self.rows : longer.rows] = -1 if fresh is None else fresh
                buffer.used = longer.rows
                if life is not None:
                    mine = cells == life
                    buffer.data[ids[mine]] = bars[mine]
            longer._buffers[column.name] = buffer
        return longer

    def _with_room(self, buffer: _Buffer, rows: int, copy: bool) -> _Buffer:
        if not copy and buffer.used == self.rows and rows <= len(buffer.data) and buffer.data.flags.writeable:
            return buffer
        larger = np.empty(rows + rows // 8 + _ROOM, buffer.data.dtype)
        larger[: self.rows] = buffer.data[: self.rows]
        return _Buffer(larger, self.rows)


class Cost(NamedTuple):
    """Seconds of computing, and of loading the kernel where that came first."""

    computing: float
    loading: float


@dataclass(frozen=True)
class PackedStates:
    """States as they lie in a file: few entries that are read are ever continued."""

    packed: NDArray[np.uint8]
    unpack: Callable[[], Mapping[Spec, State]]


@dataclass(frozen=True, eq=False)
class Entry:
    """What is kept of one detector over some candles.

    Attributes
    ----------
    table : Table
    states : mapping of Spec to State, or PackedStates
        Of the detector and of all that feed it, after the last bar: by these it can be continued.
    bars : int
        How many candles.
    created : float
        When it was made, in seconds since 1970.
    costs : mapping of Spec to Cost
        What computing the detector and each that feeds it took.
    saved : int
        Bars of the longest part of it that is on disk.
    compressed : bool
        Whether the file it was read from is; of what was computed False.
    """

    table: Table
    states: Mapping[Spec, State] | PackedStates
    bars: int
    created: float
    costs: Mapping[Spec, Cost]
    saved: int = 0
    compressed: bool = False

    @property
    def parts(self) -> list[_Buffer | State | NDArray[Any]]:
        """What takes memory; other entries may share it."""
        if isinstance(self.states, PackedStates):
            return [*self.table.buffers, self.states.packed]
        return [*self.table.buffers, *self.states.values()]


def size_of(part: _Buffer | State | NDArray[Any]) -> int:
    """Bytes of one part of an entry."""
    if not isinstance(part, State):
        return part.nbytes
    own, zones = part.ints.nbytes + part.floats.nbytes, part.zone_ints.nbytes + part.zone_floats.nbytes
    return own + zones + part.memory_ints.nbytes + part.memory_floats.nbytes


@per_registry
def lineage(spec: Spec) -> tuple[Spec, ...]:
    """A detector and all that feed it, upstream first."""
    return tuple(with_feeds([spec]))


def advance(
    specs: Iterable[Spec],
    bars: Bars,
    start: int,
    states: Mapping[Spec, State],
    consume: Callable[[Spec, Emitted], Any],
    workers: int = 1,
) -> tuple[dict[Spec, Any], dict[Spec, State], dict[Spec, float]]:
    """Run detectors and all upstream over bars ``start`` to the end.

    Parameters
    ----------
    specs : iterable of Spec
    bars : Bars
        All candles, those before `start` included.
    start : int
        Bars that `states` have seen.
    states : mapping of Spec to State
        Of the detectors and of all upstream; none of them if `start` is 0. They are not written to.
    consume : callable
        Makes of each detector's emitted rows what is returned.
    workers : int, default 1
        Threads.

    Returns
    -------
    dict of Spec to anything, dict of Spec to State, dict of Spec to float
        What `consume` made, the states after the last bar, and the seconds that each detector took.
    """
    stop = len(bars.open)
    folds = {spec: Fold(spec, _copied(states[spec]) if start else None) for spec in with_feeds(specs)}
    seconds: dict[Spec, float] = {}
    now = _own_time if workers > 1 else perf_counter

    def step(spec: Spec, feeds: tuple[Feed, ...]) -> Emitted:
        began = now()
        fold = folds[spec]
        first = max(0, start - fold.lookback)
        emitted = fold.advance(Bars(*(column[first:] for column in bars)), start, stop, first, feeds)
        seconds[spec] = now() - began
        return emitted

    def finish(spec: Spec, emitted: Emitted) -> Any:
        began = now()
        made = consume(spec, emitted)
        seconds[spec] += now() - began
        return made

    made = run_in_order(folds, step, workers, finish)
    return (
        made,
        {spec: compact_state(fold.state, only_if_sparse=True) for spec, fold in folds.items()},
        seconds,
    )


def _copied(state: State) -> State:
    """A state to go on from: what was ever taken of its blocks, with room for a few bars."""
    zones, memory = int(state.ints[k.ZONES_USED]), int(state.ints[k.MEMORY_USED])
    blocks: list[Any] = [state.ints.copy(), state.floats.copy()]
    for block, used in zip(state[2:], (zones, zones, memory, memory)):
        copy = np.empty((2 * used + _ROOM if len(block) else 0, block.shape[1]), block.dtype)
        copy[:used] = block[:used]
        blocks.append(copy)
    return State(*blocks)
