"""Many series at once: one thread takes a bin of whole series, dealt out by cost."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import _jit
from ._jit import overload, prange
from ._types import I64, Bars, Feed, Out, State


class Plan(NamedTuple):
    """Where each series lies in the end-to-end blocks, and which thread takes it.

    ``start``, ``stop`` and ``reached`` are bar numbers, one a series. Every ``*_at`` has one entry more than there are
    series. Feeds, a line each, lie in the blocks of the panel that emitted them, which has room between its series:
    hence their ``*_from`` and ``*_to``. ``order[bins[b]:bins[b + 1]]`` are the series of bin ``b``.
    """

    start: I64
    stop: I64
    reached: I64
    bars_at: I64
    zones_at: I64
    memory_at: I64
    rows_at: I64
    changes_at: I64
    feed_rows_from: I64
    feed_rows_to: I64
    feed_changes_from: I64
    feed_changes_to: I64
    order: I64
    bins: I64


def cut_feeds(blocks, plan, i, which):
    """Feeds of series ``i``, from the flat tuple of all feeds' blocks: a parallel loop takes no nested ones."""
    return tuple(
        Feed(
            blocks[3 * f][plan.feed_rows_from[f, i] : plan.feed_rows_to[f, i]],
            blocks[3 * f + 1][plan.feed_rows_from[f, i] : plan.feed_rows_to[f, i]],
            blocks[3 * f + 2][plan.feed_changes_from[f, i] : plan.feed_changes_to[f, i]],
        )
        for f in range(len(blocks) // 3)
    )


@overload(cut_feeds)
def _cut_feeds(blocks, plan, i, which):
    if len(blocks) == 0:
        return lambda blocks, plan, i, which: ()

    def cut(blocks, plan, i, which):
        a, b = plan.feed_rows_from[which, i], plan.feed_rows_to[which, i]
        c, d = plan.feed_changes_from[which, i], plan.feed_changes_to[which, i]
        first = Feed(blocks[0][a:b], blocks[1][a:b], blocks[2][c:d])
        return (first,) + cut_feeds(blocks[3:], plan, i, which + 1)  # noqa: RUF005 (Numba knows no unpacking)

    return cut


def kernel(bars, start, stop, base, params, feeds, state, out):
    """Stands for the serial kernel that a panel is made for."""
    raise NotImplementedError


def _panel(plan, bars, params, blocks, state, out):
    """Run the serial kernel over every series of the plan; ``plan.reached`` says how far each came."""
    # Numba loses what a parallel loop assigns through an attribute of a named tuple.
    reached = plan.reached
    for b in prange(plan.bins.size - 1):
        for j in range(plan.bins[b], plan.bins[b + 1]):
            i = plan.order[j]
            n, m = plan.bars_at[i], plan.bars_at[i + 1]
            z, y = plan.zones_at[i], plan.zones_at[i + 1]
            h, g = plan.memory_at[i], plan.memory_at[i + 1]
            r, q = plan.rows_at[i], plan.rows_at[i + 1]
            c, d = plan.changes_at[i], plan.changes_at[i + 1]
            reached[i] = kernel(
                Bars(bars.open[n:m], bars.high[n:m], bars.low[n:m], bars.close[n:m]),
                plan.start[i],
                plan.stop[i],
                np.int64(0),  # a literal would be compiled for apart
                params,
                cut_feeds(blocks, plan, i, 0),
                State(
                    state.ints[i],
                    state.floats[i],
                    state.zone_ints[z:y],
                    state.zone_floats[z:y],
                    state.memory_ints[h:g],
                    state.memory_floats[h:g],
                ),
                Out(out.used[i], out.ints[r:q], out.floats[r:q], out.log[c:d]),
            )


@functools.cache
def panel_of(serial: Callable[..., int]) -> Callable[..., None]:
    """The panel of a serial kernel."""
    return _jit.panel(_panel, serial)
