"""Many series at once, by panels: one parallel loop over whole series, dealt to the threads by cost.

Only one panel runs at a time. It takes all threads anyhow, and on Numba's ``workqueue`` layer two at once would abort
the process. A child that was forked after a panel ran would die in its first one under OpenMP, so it goes without.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from .fold import Emitted, default_workers, emitted, empty_rows, fold_batch, fresh_state, own_shape, read_only
from .kernels import _types as k
from .kernels._jit import JIT
from .kernels._panel import Plan
from .kernels._types import I64, Bars, Out, State
from .registry import Spec, with_feeds

__all__ = ["fold_many"]

_ZONES = 1024  # live zones a series to begin with; growing costs a round over all series, unused room nothing
_UNEVEN = 1.25  # a series that is longer than an even share by this factor is not left to one thread


class _Guard:
    """Whether panels may run here, and the lock that lets one run at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.used = False
        self.forked = False

    def after_fork(self) -> None:
        self.lock = threading.Lock()
        self.forked = self.forked or self.used


_guard = _Guard()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_guard.after_fork)


def fold_many(
    specs: Iterable[Spec],
    series: Sequence[Bars],
    workers: int | None = None,
    consume: Callable[[int, Spec, Emitted], Any] | None = None,
) -> list[dict[Spec, Any]]:
    """Run detectors, and all upstream of them, over many series.

    Parameters
    ----------
    specs : iterable of Spec
    series : sequence of Bars
    workers : int, optional
        Threads; by default the cores that this process may run on.
    consume : callable, optional
        ``consume(i, spec, emitted)`` makes of what a detector emitted for series ``i`` what is returned in its place,
        perhaps in another thread. The rows are given up as soon as no detector downstream waits for them, so memory
        stays small. By default the rows themselves are returned.

    Returns
    -------
    list of dict of Spec to Emitted
        One a series, in their order.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> from ict_kernels.panels import fold_many
    >>> swings = ict.detector("swings")
    >>> results = fold_many([swings], [market.bars for market in ict.sample_market(bars=500)])
    >>> len(results[0][swings].feed.ints) == len(ict.swings(ict.sample_market(bars=500)[0]))
    True
    """
    ordered = with_feeds(specs)
    workers = default_workers() if workers is None else workers
    total = sum(len(bars.open) for bars in series)
    longest = max((len(bars.open) for bars in series), default=0)
    made: Callable[[int, Spec, Emitted], Any] = consume or (lambda i, spec, emitted: emitted)
    if len(series) < 2 or _guard.forked or longest * workers > total * _UNEVEN:
        return [
            fold_batch(ordered, bars, workers, functools.partial(made, i)) for i, bars in enumerate(series)
        ]
    panel = _Panel(series, workers)
    held: dict[Spec, _Laid] = {}
    waiting = Counter(feed for spec in ordered for feed in spec.feeds)
    results: list[dict[Spec, Any]] = [{} for _ in series]
    for spec in ordered:
        held[spec] = panel.run(spec, [held[feed] for feed in spec.feeds])
        for i, result in enumerate(results):
            result[spec] = made(i, spec, held[spec].emitted(i))
        waiting.subtract(spec.feeds)
        held = {kept: laid for kept, laid in held.items() if waiting[kept]}
    return results


@contextmanager
def _threads(workers: int) -> Iterator[None]:
    """Lend Numba's threads to one panel, and give back the caller's setting."""
    with _guard.lock:
        _guard.used = True
        before = numba.get_num_threads()
        numba.set_num_threads(workers)
        try:
            yield
        finally:
            numba.set_num_threads(before)


class _Ragged:
    """Blocks of several series, laid end to end."""

    def __init__(self, sizes: I64, blanks: Sequence[NDArray[Any]]) -> None:
        self.at = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.blocks = [np.empty((self.at[-1], *blank.shape[1:]), blank.dtype) for blank in blanks]

    @property
    def sizes(self) -> I64:
        return np.diff(self.at)

    def cut(self, i: int, used: int) -> list[NDArray[Any]]:
        return [block[self.at[i] : self.at[i] + used] for block in self.blocks]

    def grown(self, full: NDArray[np.bool_], needed: I64, used: I64) -> _Ragged:
        """Copies with more room for those series that are full; themselves where none is."""
        if not full.any():
            return self
        sizes = np.where(full, np.maximum(2 * self.sizes, needed), self.sizes)
        larger = _Ragged(sizes, self.blocks)
        for i, count in enumerate(used):
            for new, old in zip(larger.cut(i, count), self.cut(i, count)):
                new[:] = old
        return larger


class _Laid(NamedTuple):
    """What a panel emitted for all series, as it lies in the panel's blocks."""

    rows: _Ragged
    changes: _Ragged
    used: I64

    def emitted(self, i: int) -> Emitted:
        used = self.used[i]
        return emitted(0, Out(used, *self.rows.cut(i, used[k.ROWS]), *self.changes.cut(i, used[k.CHANGES])))


class _Panel:
    """A batch of series, laid end to end once for all detectors."""

    def __init__(self, series: Sequence[Bars], workers: int) -> None:
        self.lengths: I64 = np.array([len(bars.open) for bars in series], np.int64)
        self.at: I64 = np.concatenate([[0], np.cumsum(self.lengths)])
        with ThreadPoolExecutor(workers) as pool:  # copying holds no interpreter lock
            self.bars = Bars(*pool.map(_end_to_end, zip(*series)))
        self.workers = min(workers, numba.config.NUMBA_NUM_THREADS) if JIT else 1

    def run(self, spec: Spec, feeds: Sequence[_Laid]) -> _Laid:
        """Fold every series, growing what is full and going on with those that asked for it."""
        count, shape, entry = len(self.lengths), own_shape(spec), spec.entry
        blank = fresh_state(shape, _ZONES, _ZONES)
        ints, floats = np.tile(blank.ints, (count, 1)), np.tile(blank.floats, (count, 1))
        used = np.zeros((count, k.OUT_CELLS), np.int64)
        capacity = self.lengths if entry.dense else 16 + (self.lengths * entry.rate).astype(np.int64)
        rows = _Ragged(capacity, empty_rows(shape, 0, entry.dense))
        changes = _Ragged(capacity * shape.stages, [np.empty((0, k.CHANGE_CELLS), np.int64)])
        zones = _Ragged(np.full(count, len(blank.zone_ints)), [blank.zone_ints, blank.zone_floats])
        memory = _Ragged(np.full(count, len(blank.memory_ints)), [blank.memory_ints, blank.memory_floats])
        fed, places = _as_feeds(feeds, count)
        reached = np.zeros(count, np.int64)
        todo = np.arange(count)
        while todo.size:
            order, bins = _dealt(todo, self.lengths - reached, self.workers)
            plan = Plan(
                reached.copy(),
                self.lengths,
                reached,
                self.at,
                zones.at,
                memory.at,
                rows.at,
                changes.at,
                *places,
                order,
                bins,
            )
            state = State(ints, floats, *zones.blocks, *memory.blocks)
            out = Out(used, *rows.blocks, *changes.blocks)
            with _threads(self.workers):
                entry.panel(plan, self.bars, entry.kernel_params(spec), fed, state, out)
            unfinished = reached < self.lengths
            full, needed = np.where(unfinished, used[:, k.FULL], 0), used[:, k.NEEDED]
            if unfinished.any():
                rows = rows.grown(full == k.FULL_ROWS, needed, used[:, k.ROWS])
                changes = changes.grown(full == k.FULL_CHANGES, needed, used[:, k.CHANGES])
                zones = zones.grown(full == k.FULL_ZONES, needed, ints[:, k.ZONES_USED])
                memory = memory.grown(full == k.FULL_MEMORY, needed, ints[:, k.MEMORY_USED])
            todo = np.flatnonzero(unfinished)
        return _Laid(rows, changes, used)


def _end_to_end(blocks: Iterable[NDArray[Any]]) -> NDArray[Any]:
    joined: NDArray[Any] = read_only(np.concatenate(list(blocks)))
    return joined


def _as_feeds(
    feeds: Sequence[_Laid], count: int
) -> tuple[tuple[NDArray[Any], ...], tuple[I64, I64, I64, I64]]:
    """Blocks of what feeds a panel, as they lie, and where in them the rows and changes of each series are."""
    blocks = tuple(read_only(block) for feed in feeds for block in (*feed.rows.blocks, *feed.changes.blocks))
    rows_from, rows_to = _places([(feed.rows, feed.used[:, k.ROWS]) for feed in feeds], count)
    changes_from, changes_to = _places([(feed.changes, feed.used[:, k.CHANGES]) for feed in feeds], count)
    return blocks, (rows_from, rows_to, changes_from, changes_to)


def _places(feeds: Sequence[tuple[_Ragged, I64]], count: int) -> tuple[I64, I64]:
    first: I64 = np.array([ragged.at[:-1] for ragged, _ in feeds], np.int64).reshape(-1, count)
    return first, first + np.array([used for _, used in feeds], np.int64).reshape(-1, count)


def _dealt(todo: NDArray[np.intp], costs: I64, workers: int) -> tuple[I64, I64]:
    """Deal series into one bin a thread, the longest first, each to the bin with the least work.

    A parallel loop cuts its range by position, so eight long series in front would all land on one thread.
    """
    bins: list[list[int]] = [[] for _ in range(min(workers, len(todo)))]
    load = [0] * len(bins)
    for i in sorted(todo.tolist(), key=lambda i: -int(costs[i])):
        lightest = load.index(min(load))
        bins[lightest].append(i)
        load[lightest] += int(costs[i]) + 1
    order = np.array([i for one in bins for i in one], np.int64)
    return order, np.cumsum([0, *(len(one) for one in bins)]).astype(np.int64)
