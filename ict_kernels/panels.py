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
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from .fold import Emitted, default_workers, emitted, empty_rows, fold_batch, fresh_state, own_shape
from .kernels import _types as k
from .kernels._jit import JIT
from .kernels._panel import Plan
from .kernels._types import I64, Bars, Feed, Out, State
from .registry import Spec, with_feeds

__all__ = ["fold_many"]

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
    held: dict[Spec, list[Emitted]] = {}
    waiting = Counter(feed for spec in ordered for feed in spec.feeds)
    results: list[dict[Spec, Any]] = [{} for _ in series]
    for spec in ordered:
        emitted = panel.run(spec, [held[feed] for feed in spec.feeds])
        for i, rows in enumerate(emitted):
            results[i][spec] = made(i, spec, rows)
        held[spec] = emitted
        waiting.subtract(spec.feeds)
        held = {kept: rows for kept, rows in held.items() if waiting[kept]}
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
        """Copies with more room for those series that are full."""
        sizes = np.where(full, np.maximum(2 * self.sizes, needed), self.sizes)
        larger = _Ragged(sizes, self.blocks)
        for i, count in enumerate(used):
            for new, old in zip(larger.cut(i, count), self.cut(i, count)):
                new[:] = old
        return larger


class _Panel:
    """A batch of series, laid end to end once for all detectors."""

    def __init__(self, series: Sequence[Bars], workers: int) -> None:
        self.lengths: I64 = np.array([len(bars.open) for bars in series], np.int64)
        self.at: I64 = np.concatenate([[0], np.cumsum(self.lengths)])
        self.bars = Bars(*(_end_to_end([getattr(bars, name) for bars in series]) for name in Bars._fields))
        self.workers = min(workers, numba.config.NUMBA_NUM_THREADS) if JIT else 1

    def run(self, spec: Spec, feeds: Sequence[Sequence[Emitted]]) -> list[Emitted]:
        """Fold every series, growing what is full and going on with those that asked for it."""
        count, shape, entry = len(self.lengths), own_shape(spec), spec.entry
        blank = fresh_state(shape)
        ints, floats = np.tile(blank.ints, (count, 1)), np.tile(blank.floats, (count, 1))
        used = np.zeros((count, k.OUT_CELLS), np.int64)
        capacity = self.lengths if entry.dense else 16 + (self.lengths * entry.rate).astype(np.int64)
        rows = _Ragged(capacity, empty_rows(shape, 0, entry.dense))
        changes = _Ragged(capacity * shape.stages, [np.empty((0, k.CHANGE_CELLS), np.int64)])
        zones = _Ragged(np.full(count, len(blank.zone_ints)), [blank.zone_ints, blank.zone_floats])
        memory = _Ragged(np.full(count, len(blank.memory_ints)), [blank.memory_ints, blank.memory_floats])
        fed, feed_rows_at, feed_changes_at = _laid_out(feeds, count)
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
                feed_rows_at,
                feed_changes_at,
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
        return [
            emitted(
                0,
                Out(
                    used[i],
                    *rows.cut(i, used[i, k.ROWS]),
                    *changes.cut(i, used[i, k.CHANGES]),
                ),
            )
            for i in range(count)
        ]


def _end_to_end(blocks: Sequence[NDArray[Any]]) -> NDArray[Any]:
    joined = np.concatenate(blocks)
    joined.flags.writeable = False
    return joined


def _laid_out(feeds: Sequence[Sequence[Emitted]], count: int) -> tuple[tuple[NDArray[Any], ...], I64, I64]:
    """What each upstream detector emitted for all series, end to end, and where each series begins."""
    fed = tuple(
        _end_to_end([getattr(part.feed, name) for part in parts]) for parts in feeds for name in Feed._fields
    )
    rows_at = np.zeros((len(feeds), count + 1), np.int64)
    changes_at = np.zeros((len(feeds), count + 1), np.int64)
    for f, parts in enumerate(feeds):
        rows_at[f, 1:] = np.cumsum([len(part.feed.ints) for part in parts])
        changes_at[f, 1:] = np.cumsum([len(part.feed.log) for part in parts])
    return fed, rows_at, changes_at


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
