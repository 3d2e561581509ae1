"""Driving kernels: a fold that keeps its state, grows its buffers, and hands on what was emitted.

A batch is one call from a fresh state, a stream is many; detectors that feed others go first.
"""

from __future__ import annotations

import numbers
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import numpy as np

from .errors import ParameterError, StateError
from .kernels import _types as k
from .kernels._memory import MEMORY_ALIVE
from .kernels._out import scatter_changes
from .kernels._types import F64, I64, Bars, Feed, Out, Shape, State
from .kernels._zones import CLOSED, ID, KEY, LEFT, RIGHT, STAGE, ZONE_FLOATS, ZONE_INTS
from .registry import Column, Spec, per_registry, with_feeds

__all__ = ["Emitted", "Fold", "as_bars", "as_columns", "fold_batch", "fresh_state"]

_SMALL = 1024  # slots and remembered rows that are not worth compacting


class Emitted(NamedTuple):
    """Rows and changes that one call emitted, trimmed and read-only; ``first_id`` is the id of row 0."""

    first_id: int
    feed: Feed


def as_bars(open_: Any, high: Any, low: Any, close: Any) -> Bars:
    """Prices in the one form that kernels are compiled for: contiguous, read-only float64."""
    return Bars(
        *(read_only(np.ascontiguousarray(column, np.float64)) for column in (open_, high, low, close))
    )


@per_registry
def own_params(spec: Spec) -> Any:
    """The kernel's named tuple of scalars."""
    return spec.entry.kernel_params(spec)


@per_registry
def own_shape(spec: Spec) -> Shape:
    """Sizes of the kernel's blocks for these parameters."""
    return spec.entry.shape(own_params(spec))


def empty_rows(shape: Shape, rows: int, dense: bool) -> tuple[I64, F64]:
    """Blocks for new rows."""
    head = 0 if dense else k.OWN
    return np.empty((rows, head + shape.row_ints), np.int64), np.empty((rows, shape.row_floats))


def fresh_state(shape: Shape, zones: int = 64, memory: int = 64) -> State:
    """The state before the first bar, with room for so many live zones and remembered rows."""
    ints = np.zeros(k.OWN_INTS + shape.own_ints, np.int64)
    ints[k.ROOTS : k.ROOTS + k.HEAPS] = -1
    ints[k.ZONES_FREE] = -1
    floats = np.zeros(k.OWN_FLOATS + shape.own_floats)
    floats[k.BEST : k.BEST + k.HEAPS] = -np.inf
    zones = zones if shape.zones else 0
    memory = memory if shape.memory_ints else 0
    return State(
        ints,
        floats,
        np.empty((zones, ZONE_INTS), np.int64),
        np.empty((zones, ZONE_FLOATS)),
        np.empty((memory, shape.memory_ints), np.int64),
        np.empty((memory, shape.memory_floats)),
    )


def _grown(block: Any, used: int, needed: int) -> Any:
    """A larger copy of the used part; what is beyond it costs no memory until it is written."""
    larger = np.empty((max(needed, 2 * block.shape[0], 64), *block.shape[1:]), block.dtype)
    larger[:used] = block[:used]
    return larger


def grow(state: State, out: Out) -> tuple[State, Out]:
    """Enlarge the buffer that a kernel asked for."""
    full, needed = int(out.used[k.FULL]), int(out.used[k.NEEDED])
    rows, changes = int(out.used[k.ROWS]), int(out.used[k.CHANGES])
    zones, memory = int(state.ints[k.ZONES_USED]), int(state.ints[k.MEMORY_USED])
    if full == k.FULL_ROWS:
        out = out._replace(ints=_grown(out.ints, rows, needed), floats=_grown(out.floats, rows, needed))
    elif full == k.FULL_CHANGES:
        out = out._replace(log=_grown(out.log, changes, needed))
    elif full == k.FULL_ZONES:
        state = state._replace(
            zone_ints=_grown(state.zone_ints, zones, needed),
            zone_floats=_grown(state.zone_floats, zones, needed),
        )
    else:
        state = state._replace(
            memory_ints=_grown(state.memory_ints, memory, needed),
            memory_floats=_grown(state.memory_floats, memory, needed),
        )
    return state, out


def read_only(block: Any) -> Any:
    """A view that nothing can be written through."""
    view = block.view()
    view.flags.writeable = False
    return view


def emitted(first_id: int, out: Out) -> Emitted:
    """The used part of the buffers."""
    rows, changes = int(out.used[k.ROWS]), int(out.used[k.CHANGES])
    return Emitted(
        first_id,
        Feed(read_only(out.ints[:rows]), read_only(out.floats[:rows]), read_only(out.log[:changes])),
    )


class Fold:
    """One detector's run over one series, which can be resumed and saved."""

    def __init__(self, spec: Spec, state: State | None = None) -> None:
        self.spec = spec
        self.shape = own_shape(spec)
        self.params = own_params(spec)
        self.lookback = spec.entry.lookback(spec)
        self.state = fresh_state(self.shape) if state is None else state

    def advance(self, bars: Bars, start: int, stop: int, base: int, feeds: Sequence[Feed]) -> Emitted:
        """Fold bars ``start <= t < stop``, of which bar ``t`` lies at ``t - base``, and return what they emit."""
        entry = self.spec.entry
        count = stop - start
        rows = count if entry.dense else 16 + int(count * entry.rate)
        ints, floats = empty_rows(self.shape, rows, entry.dense)
        live = int(
            self.state.ints[k.ZONES_LIVE]
        )  # any bar may change all of them, and kernels ask for that much
        log = np.empty(((rows + live) * self.shape.stages, k.CHANGE_CELLS), np.int64)
        out = Out(np.zeros(k.OUT_CELLS, np.int64), ints, floats, log)
        first_id = int(self.state.ints[k.NEXT_ID])
        inputs = tuple(feeds)
        while True:
            start = entry.kernel(bars, start, stop, base, self.params, inputs, self.state, out)
            if start == stop:
                return emitted(first_id, out)
            self.state, out = grow(self.state, out)


def changed_cells(log: I64) -> tuple[I64, I64, I64]:
    """Row ids, life cycle columns and bars of a change log."""
    return (*np.divmod(log[:, k.CHANGE_CELL], k.CELL_COLUMNS), log[:, k.CHANGE_BAR].copy())


def as_columns(spec: Spec, parts: Sequence[Emitted]) -> dict[str, np.ndarray[Any, Any]]:
    """Columns of the event table, internal ones included, from everything that a fold emitted, in order."""
    feed = join_feeds(spec, parts)
    life = np.full((own_shape(spec).stages, len(feed.ints)), -1, np.int64)
    scatter_changes(feed.log, parts[0].first_id if parts else 0, life)
    lives = iter(life)
    return {
        column.name: np.ascontiguousarray(next(lives) if values is None else values, dtype=column.dtype)
        for column, values in fields_of(spec, feed)
    }


def fields_of(spec: Spec, feed: Feed) -> Iterator[tuple[Column, np.ndarray[Any, Any] | None]]:
    """The columns of a detector, in order, each with what the rows hold of it; of life cycle columns None."""
    ints, floats = iter(feed.ints.T), iter(feed.floats.T)
    for column in spec.entry.columns:
        yield column, None if column.life else next(floats if column.dtype == "float64" else ints)


def join_feeds(spec: Spec, parts: Sequence[Emitted]) -> Feed:
    """All that a fold emitted, in order, as one feed."""
    if len(parts) == 1:
        return parts[0].feed
    blanks = (*empty_rows(own_shape(spec), 0, spec.entry.dense), np.empty((0, k.CHANGE_CELLS), np.int64))
    return Feed(
        *(read_only(np.concatenate(blocks)) for blocks in zip(blanks, *(part.feed for part in parts)))
    )


def compact_state(state: State, only_if_sparse: bool = False) -> State:
    """The same state without free slots, so that it is no larger than what is still open.

    With ``only_if_sparse`` a state whose blocks are in good use is returned as it is.
    """
    ints = state.ints
    live = int(ints[k.ZONES_LIVE])
    kept_rows = int(ints[k.MEMORY_USED] - ints[k.MEMORY_HEAD] - ints[k.MEMORY_DEAD])
    in_use = len(state.zone_ints) <= 4 * live + _SMALL and len(state.memory_ints) <= 8 * kept_rows + _SMALL
    if only_if_sparse and in_use:
        return state
    ints = ints.copy()
    used = slice(int(ints[k.ZONES_USED]))
    zones, zone_floats = state.zone_ints[used], state.zone_floats[used]
    kept = zones[:, STAGE] != CLOSED
    moved = np.append(np.cumsum(kept) - 1, -1)  # index -1, no slot, stays -1
    zones = zones[kept]
    zones[:, LEFT], zones[:, RIGHT] = moved[zones[:, LEFT]], moved[zones[:, RIGHT]]
    roots = slice(k.ROOTS, k.ROOTS + k.HEAPS)
    ints[roots] = moved[ints[roots]]
    ints[k.ZONES_USED], ints[k.ZONES_FREE] = live, -1
    remembered = slice(int(ints[k.MEMORY_HEAD]), int(ints[k.MEMORY_USED]))
    memory = state.memory_ints[remembered]
    alive = memory[:, MEMORY_ALIVE] != 0 if memory.shape[1] else np.zeros(0, bool)
    ints[k.MEMORY_HEAD], ints[k.MEMORY_USED], ints[k.MEMORY_DEAD] = 0, kept_rows, 0
    return State(
        ints, state.floats, zones, zone_floats[kept], memory[alive], state.memory_floats[remembered][alive]
    )


def check_state(shape: Shape, state: State) -> State:
    """Refuse a state whose blocks do not fit the kernel or do not hang together, which would be read out of bounds."""
    blank = fresh_state(shape)
    for name, mine, theirs in zip(State._fields, state, blank):
        if mine.dtype != theirs.dtype or mine.ndim != theirs.ndim or mine.shape[1:] != theirs.shape[1:]:
            raise StateError(f"the state's {name} do not fit the kernel")
    if len(state.ints) != len(blank.ints) or len(state.floats) != len(blank.floats):
        raise StateError("the state's cells do not fit the kernel")
    if not _zones_hang_together(shape, state) or not _memory_hangs_together(state):
        raise StateError("the state does not hang together")
    return state


def _zones_hang_together(shape: Shape, state: State) -> bool:
    ints, zones, slots = state.ints, state.zone_ints, len(state.zone_ints)
    counted = slots == len(state.zone_floats) == ints[k.ZONES_USED] == ints[k.ZONES_LIVE]
    if not counted or ints[k.ZONES_FREE] != -1:
        return False
    roots = ints[k.ROOTS : k.ROOTS + k.HEAPS]
    links = np.concatenate([zones[:, LEFT], zones[:, RIGHT], roots])
    # Every slot is linked to exactly once, so that no path from a root can come round to where it was.
    if (links < -1).any() or not np.array_equal(np.sort(links[links >= 0]), np.arange(slots)):
        return False
    best = np.append(state.zone_floats[:, KEY], -np.inf)[roots]  # root -1, an empty heap, is the last
    stages, known = zones[:, STAGE], zones[:, ID]
    return bool(
        np.array_equal(state.floats[k.BEST : k.BEST + k.HEAPS], best)
        and ((stages >= 0) & (stages < shape.stages)).all()
        and ((known >= 0) & (known < ints[k.NEXT_ID])).all()
    )


def _memory_hangs_together(state: State) -> bool:
    ints, memory = state.ints, state.memory_ints
    counted = len(memory) == len(state.memory_floats) == ints[k.MEMORY_USED]
    dense = ints[k.MEMORY_HEAD] == ints[k.MEMORY_DEAD] == 0
    return bool(counted and dense and (not len(memory) or memory[:, MEMORY_ALIVE].all()))


def check_feed(spec: Spec, feed: Feed, rows: int) -> Feed:
    """Refuse saved rows and changes that do not fit the detector, which would be written out of bounds."""
    shape = own_shape(spec)
    blanks = (*empty_rows(shape, 0, spec.entry.dense), np.empty((0, k.CHANGE_CELLS), np.int64))
    for mine, theirs in zip(feed, blanks):
        if mine.dtype != theirs.dtype or mine.ndim != 2 or mine.shape[1] != theirs.shape[1]:
            raise StateError(f"the rows of {spec.name} do not fit the detector")
    ids, columns, _ = changed_cells(feed.log)
    inside = ((ids >= 0) & (ids < rows) & (columns >= 0) & (columns < shape.stages)).all()
    if not inside or not len(feed.ints) == len(feed.floats) == rows:
        raise StateError(f"the rows of {spec.name} do not hang together")
    return feed


def run_in_order(
    specs: Iterable[Spec],
    step: Callable[[Spec, tuple[Feed, ...]], Emitted],
    workers: int = 1,
    consume: Callable[[Spec, Emitted], Any] | None = None,
) -> dict[Spec, Any]:
    """Run a step for each detector and all upstream of it, feeding what was emitted downstream.

    With several workers, detectors that do not wait for each other run at the same time, the longest chains first:
    serial kernels hold no interpreter lock. ``consume`` makes of each detector's rows what is returned in their
    place, and the rows are given up as soon as no detector downstream waits for them.
    """
    ordered = with_feeds(specs)
    held = _Held(ordered)
    results: dict[Spec, Any] = {}

    def run(spec: Spec, feeds: tuple[Feed, ...]) -> tuple[Emitted, Any]:
        emitted = step(spec, feeds)
        del feeds
        return emitted, emitted if consume is None else consume(spec, emitted)

    if workers <= 1 or len(ordered) == 1:
        for spec in ordered:
            emitted, results[spec] = run(spec, held.feeds(spec))
            held.add(spec, emitted)
            del emitted
        return results
    waiting = sorted(ordered, key=_urgency(ordered), reverse=True)
    running: dict[Future[tuple[Emitted, Any]], Spec] = {}
    with ThreadPoolExecutor(workers) as pool:
        while waiting or running:
            for spec in [spec for spec in waiting if held.ready(spec)]:
                waiting.remove(spec)
                running[pool.submit(run, spec, held.feeds(spec))] = spec
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                spec = running.pop(future)
                emitted, results[spec] = future.result()
                held.add(spec, emitted)
                del emitted, future
    return {spec: results[spec] for spec in ordered}


class _Held:
    """What was emitted and some detector downstream still waits for."""

    def __init__(self, ordered: Sequence[Spec]) -> None:
        self.rows: dict[Spec, Emitted] = {}
        self.waiting = Counter(feed for spec in ordered for feed in spec.feeds)

    def add(self, spec: Spec, emitted: Emitted) -> None:
        if self.waiting[spec]:
            self.rows[spec] = emitted

    def ready(self, spec: Spec) -> bool:
        return all(feed in self.rows for feed in spec.feeds)

    def feeds(self, spec: Spec) -> tuple[Feed, ...]:
        """Hand on what feeds a detector, giving up what no other waits for."""
        feeds = tuple(self.rows[feed].feed for feed in spec.feeds)
        for feed in spec.feeds:
            self.waiting[feed] -= 1
            if not self.waiting[feed]:
                del self.rows[feed]
        return feeds


def _urgency(ordered: Sequence[Spec]) -> Callable[[Spec], float]:
    """Cost of the longest chain of detectors that waits for each one, itself included."""
    costs: dict[Spec, float] = {}
    for spec in reversed(ordered):
        downstream = [costs[other] for other in ordered if spec in other.feeds]
        costs[spec] = spec.entry.cost + max(downstream, default=0.0)
    return costs.__getitem__


def fold_batch(
    specs: Iterable[Spec],
    bars: Bars,
    workers: int = 1,
    consume: Callable[[Spec, Emitted], Any] | None = None,
) -> dict[Spec, Any]:
    """Run detectors and all upstream of them over a whole series; ``consume`` as in :func:`run_in_order`."""
    n = len(bars.open)

    def step(spec: Spec, feeds: tuple[Feed, ...]) -> Emitted:
        return Fold(spec).advance(bars, 0, n, 0, feeds)

    return run_in_order(specs, step, workers, consume)


def as_workers(workers: int | None) -> int:
    """A number of threads, by default :func:`default_workers`."""
    if workers is None:
        return default_workers()
    if isinstance(workers, bool) or not isinstance(workers, numbers.Integral) or workers < 1:
        raise ParameterError(f"workers={workers!r} is not a whole number of at least 1")
    return int(workers)


def default_workers() -> int:
    """Threads to use when the caller does not say: the cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
