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
# Up to this many bars it is cheapest to compare a block of candidates with every neighbour, beyond it to carry the
# extremes of the window along, which costs the same for windows of any size.
SMALL_WINDOW = 32
BLOCK = 128
SWING_LEVEL = 0  # column of the rows' floats
SWING_LEVELS = (BELOW, BELOW)
SWING_CHANNELS = (WICK, CLOSE)

# Own cells of the state, for highs and then for lows: a queue of bars between its first place and its end; or, for
# small windows, a scratch block of marks.
FIRST, END, QUEUE = 0, 1, 2


def swings_shape(params: SwingsParams) -> Shape:
    # With room for twice the window, moving the queue to the front costs a constant number of steps a bar.
    window = params.left + params.right + 1
    cells = BLOCK if window <= SMALL_WINDOW else QUEUE + 2 * window
    return Shape(row_floats=1, stages=2, own_ints=2 * cells, zones=True)


@helper
def _slide(prices, sign, t, base, window, ints, at):
    """Slide a window of bars on to bar ``t``; the queue keeps those that no later bar in it exceeds, oldest first."""
    first, end = ints[at + FIRST], ints[at + END]
    queue = at + QUEUE
    price = sign * prices[t - base]
    if end > first and ints[queue + first] <= t - window:
        first += 1
    while end > first and sign * prices[ints[queue + end - 1] - base] < price:
        end -= 1
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
def _mark(prices, sign, first, count, base, params, marks):
    """Mark which bars stand out, of those confirmed at ``first`` and the ``count - 1`` bars after it.

    Neighbour by neighbour over all bars, since that loop has no branch to guess and is compiled to vectors.
    """
    candidates = prices[first - params.right - base :]
    for k in range(count):
        marks[k] = 1
    for lag in range(-params.left, params.right + 1):
        neighbours = prices[first - params.right - base + lag :]
        if lag < 0 or (lag > 0 and params.ties == TIES_STRICT):
            for k in range(count):
                marks[k] &= sign * candidates[k] > sign * neighbours[k]
        else:
            for k in range(count):
                marks[k] &= sign * candidates[k] >= sign * neighbours[k]


@helper
def _emit(level, side, direction, bar, t, state, out):
    n = new_row(state, out, bar, t, direction)
    out.floats[n, SWING_LEVEL] = level
    open_zone(state, side, last_id(state), level, level, SWING_LEVELS, SWING_CHANNELS)


@kernel
def swings(bars, start, stop, base, params, feeds, state, out):
    """Bars that stand out over their neighbours; swept by a wick beyond the level, broken by a close beyond it."""
    window = params.left + params.right + 1
    small = window <= SMALL_WINDOW
    highs, lows = OWN_INTS, (OWN_INTS + state.ints.size) // 2
    high_marks, low_marks = state.ints[highs : highs + BLOCK], state.ints[lows : lows + BLOCK]
    first_marked, marked = start, start
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
        bar = t - params.right
        is_high, is_low = False, False
        if not small:
            _slide(bars.high, 1.0, t, base, window, state.ints, highs)
            _slide(bars.low, -1.0, t, base, window, state.ints, lows)
            if t >= window - 1:
                is_high = _is_swing(bars.high, bar, base, params.ties, state.ints, highs)
                is_low = _is_swing(bars.low, bar, base, params.ties, state.ints, lows)
        elif t >= window - 1:
            if t >= marked:
                marked = min(t + BLOCK, stop)
                first_marked = t
                _mark(bars.high, 1.0, t, marked - t, base, params, high_marks)
                _mark(bars.low, -1.0, t, marked - t, base, params, low_marks)
            is_high = high_marks[t - first_marked] != 0
            is_low = low_marks[t - first_marked] != 0
        if is_high:
            _emit(bars.high[bar - base], 1, 1, bar, t, state, out)
        if is_low:
            _emit(bars.low[bar - base], 0, -1, bar, t, state, out)
    return stop
