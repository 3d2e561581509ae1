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

# Own cells of the state: two rings of bars, highs then lows, each with its first place and length.
FIRST, LENGTH, RING = 0, 1, 2


def swings_shape(params: SwingsParams) -> Shape:
    ring = params.left + params.right + 1
    return Shape(row_floats=1, stages=2, own_ints=2 * (RING + ring), zones=True)


@helper
def _slide(prices, sign, t, base, window, ints, at):  # type: ignore[no-untyped-def]
    """Slide a window of bars on to bar ``t``; the ring keeps those that no later bar in it exceeds, oldest first."""
    first, length = ints[at + FIRST], ints[at + LENGTH]
    if length > 0 and ints[at + RING + first] <= t - window:
        first = first + 1 if first + 1 < window else 0
        length -= 1
    price = sign * prices[t - base]
    while length > 0:
        last = first + length - 1
        last = last - window if last >= window else last
        if sign * prices[ints[at + RING + last] - base] >= price:
            break
        length -= 1
    free = first + length
    free = free - window if free >= window else free
    ints[at + RING + free] = t
    ints[at + FIRST] = first
    ints[at + LENGTH] = length + 1


@helper
def _is_swing(prices, bar, base, window, ties, ints, at):  # type: ignore[no-untyped-def]
    """Whether ``bar`` is the window's first extreme (``ties="first"``), or its only one (``"strict"``)."""
    first = ints[at + FIRST]
    found = ints[at + RING + first] == bar
    if found and ties == TIES_STRICT and ints[at + LENGTH] > 1:
        second = first + 1 if first + 1 < window else 0
        found = prices[ints[at + RING + second] - base] != prices[bar - base]
    return found


@helper
def _emit(level, side, direction, bar, t, state, out):  # type: ignore[no-untyped-def]
    n = new_row(state, out, bar, t, direction)
    out.floats[n, SWING_LEVEL] = level
    open_zone(state, side, last_id(state), level, level, SWING_LEVELS, SWING_CHANNELS)


@kernel
def swings(bars, start, stop, base, params, feeds, state, out):  # type: ignore[no-untyped-def]
    """Bars that stand out over their neighbours; swept by a wick beyond the level, broken by a close beyond it."""
    window = params.left + params.right + 1
    highs, lows = OWN_INTS, OWN_INTS + RING + window
    for t in range(start, stop):
        if not has_room(state, out, 2, 2):
            return t
        k = t - base
        advance_zones(
            t, bars.open[k], bars.high[k], bars.low[k], bars.close[k], state, out, SWING_LEVELS, SWING_CHANNELS
        )
        _slide(bars.high, 1.0, t, base, window, state.ints, highs)
        _slide(bars.low, -1.0, t, base, window, state.ints, lows)
        if t >= window - 1:
            bar = t - params.right
            if _is_swing(bars.high, bar, base, window, params.ties, state.ints, highs):
                _emit(bars.high[bar - base], 1, 1, bar, t, state, out)
            if _is_swing(bars.low, bar, base, window, params.ties, state.ints, lows):
                _emit(bars.low[bar - base], 0, -1, bar, t, state, out)
    return stop
