"""Swing highs and lows."""

from __future__ import annotations

from typing import NamedTuple

from ._jit import helper, kernel
from ._out import last_id, new_row
from ._types import OWN_INTS, Shape
from ._zones import BELOW, CLOSE, WICK, advance_zones, has_room, open_zone


class SwingsParams(NamedTuple):
    left: int
    right: int
    ties: int


TIES_FIRST, TIES_STRICT = 0, 1
SWING_LEVEL = 0  # column of the rows' floats
SWING_LEVELS = (BELOW, BELOW)
SWING_CHANNELS = (WICK, CLOSE)

# Own cells of the state: two queues of bars, highs then lows, each between its first place and its end.
FIRST, END, QUEUE = 0, 1, 2


@helper
def _queue_cells(window):
    """Twice the window, so that moving the queue to the front costs a constant number of steps a bar."""
    return QUEUE + 2 * window


def swings_shape(params: SwingsParams) -> Shape:
    return Shape(
        row_floats=1, stages=2, own_ints=2 * _queue_cells(params.left + params.right + 1), zones=True
    )


@helper
def _slide(prices, sign, t, base, window, ints, at):
    """Slide a window of bars on to bar ``t``; the queue keeps those that no later bar in it exceeds, oldest first."""
    first, end = ints[at + FIRST], ints[at + END]
    queue = at + QUEUE
    price = sign * prices[t - base]
    while end > first and sign * prices[ints[queue + end - 1] - base] < price:
        end -= 1
    if end > first and ints[queue + first] <= t - window:
        first += 1
    if end == 2 * window:
        for place in range(end - first):
            ints[queue + place] = ints[queue + first + place]
        first, end = 0, end - first
    ints[queue + end] = t
    ints[at + FIRST] = first
    ints[at + END] = end + 1


@helper
def _is_swing(prices, bar, base, ties, ints, at):
    """Whether ``bar`` is the window's first extreme (``ties="first"``), or its only one (``"strict"``)."""
    first = at + QUEUE + ints[at + FIRST]
    found = ints[first] == bar
    if found and ties == TIES_STRICT:
        # Bar t stands behind every candidate, so there is a second place.
        found = prices[ints[first + 1] - base] != prices[bar - base]
    return found


@helper
def _emit(level, side, direction, bar, t, state, out):
    n = new_row(state, out, bar, t, direction)
    out.floats[n, SWING_LEVEL] = level
    open_zone(state, side, last_id(state), level, level, SWING_LEVELS, SWING_CHANNELS)


@kernel
def swings(bars, start, stop, base, params, feeds, state, out):
    """Bars that stand out over their neighbours; swept by a wick beyond the level, broken by a close beyond it."""
    window = params.left + params.right + 1
    highs, lows = OWN_INTS, OWN_INTS + _queue_cells(window)
    for t in range(start, stop):
        if not has_room(state, out, 2, 2):
            return t
        k = t - base
        advance_zones(
            t,
            bars.open[k],
            bars.high[k],
            bars.low[k],
            bars.close[k],
            state,
            out,
            SWING_LEVELS,
            SWING_CHANNELS,
        )
        _slide(bars.high, 1.0, t, base, window, state.ints, highs)
        _slide(bars.low, -1.0, t, base, window, state.ints, lows)
        if t >= window - 1:
            bar = t - params.right
            if _is_swing(bars.high, bar, base, params.ties, state.ints, highs):
                _emit(bars.high[bar - base], 1, 1, bar, t, state, out)
            if _is_swing(bars.low, bar, base, params.ties, state.ints, lows):
                _emit(bars.low[bar - base], 0, -1, bar, t, state, out)
    return stop
