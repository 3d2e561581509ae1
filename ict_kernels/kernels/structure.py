"""Breaks of structure, displacement and changes in the state of delivery."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._atr import atr_is_defined, update_atr
from ._feeds import rows_until
from ._jit import helper, kernel
from ._out import last_id, log_change, new_row, out_has_room
from ._types import ATR_VALUE, BAR, CONFIRMED, DIRECTION, OWN, OWN_FLOATS, OWN_INTS, ROWS, Shape
from .swings import SWING_LEVEL

BOS, CHOCH = 0, 1


class StructureBreaksParams(NamedTuple):
    by: int


BY_CLOSE, BY_WICK = 0, 1
# Columns of the rows. LEG is the bar from which the leg that breaks the level sets out.
BREAK_KIND, BREAK_ORIGIN, BREAK_LEG = OWN, OWN + 1, OWN + 2
BREAK_LEVEL = 0
# Own cells of the state. Those of the active high come first, then those of the low, negated.
TREND = OWN_INTS
ORIGIN = OWN_INTS + 1
LEG = OWN_INTS + 3
LEVEL = OWN_FLOATS
EXTREME = OWN_FLOATS + 2


def structure_breaks_shape(params: StructureBreaksParams) -> Shape:
    return Shape(row_ints=3, row_floats=1, own_ints=5, own_floats=4)


@helper
def _follow_leg(side, t, trough, state):
    """Let the leg towards the active level set out from bar ``t`` where that is its latest extreme."""
    if trough <= state.floats[EXTREME + side]:
        state.floats[EXTREME + side] = trough
        state.ints[LEG + side] = t


@helper
def _emit_break(side, t, state, out):
    direction = 1 - 2 * side
    n = new_row(state, out, t, t, direction)
    out.ints[n, BREAK_KIND] = CHOCH if state.ints[TREND] == -direction else BOS
    out.ints[n, BREAK_ORIGIN] = state.ints[ORIGIN + side] - 1
    out.ints[n, BREAK_LEG] = state.ints[LEG + side]
    out.floats[n, BREAK_LEVEL] = direction * state.floats[LEVEL + side]
    state.ints[TREND] = direction
    state.ints[ORIGIN + side] = 0


@kernel
def structure_breaks(bars, start, stop, base, params, feeds, state, out):
    """Price beyond the active swing high or low; the first against the trend is a change of character."""
    swings = feeds[0]
    row = rows_until(swings, 0, start - 1)
    for t in range(start, stop):
        if not out_has_room(out, 2, 0):
            return t
        k = t - base
        open_, high, low, close = bars.open[k], bars.high[k], bars.low[k], bars.close[k]
        _follow_leg(0, t, low, state)
        _follow_leg(1, t, -high, state)
        while row < swings.ints.shape[0] and swings.ints[row, CONFIRMED] == t:
            side = 0 if swings.ints[row, DIRECTION] > 0 else 1
            origin = swings.ints[row, BAR]
            # A cell of 0 says that there is no active level, so a fresh state can be all zeros.
            state.ints[ORIGIN + side] = origin + 1
            state.floats[LEVEL + side] = swings.floats[row, SWING_LEVEL] * (1 - 2 * side)
            state.floats[EXTREME + side] = np.inf
            for bar in range(origin, t + 1):
                _follow_leg(side, bar, bars.low[bar - base] if side == 0 else -bars.high[bar - base], state)
            row += 1
        up = high if params.by == BY_WICK else close
        down = low if params.by == BY_WICK else close
        breaks_up = state.ints[ORIGIN] > 0 and up > state.floats[LEVEL]
        breaks_down = state.ints[ORIGIN + 1] > 0 and -down > state.floats[LEVEL + 1]
        if breaks_up and breaks_down:
            body = 1 if close > open_ else (-1 if close < open_ else state.ints[TREND])
            if body == 0:
                state.ints[ORIGIN] = 0
                state.ints[ORIGIN + 1] = 0
            else:
                against = 1 if body > 0 else 0
                _emit_break(against, t, state, out)
                _emit_break(1 - against, t, state, out)
        elif breaks_up:
            _emit_break(0, t, state, out)
        elif breaks_down:
            _emit_break(1, t, state, out)
    return stop


class TrendParams(NamedTuple):
    pass


def trend_shape(params: TrendParams) -> Shape:
    return Shape(row_ints=1, own_ints=1)


@kernel
def trend(bars, start, stop, base, params, feeds, state, out):
    """Direction of the latest structure break after each bar."""
    breaks = feeds[0]
    row = rows_until(breaks, 0, start - 1)
    for t in range(start, stop):
        if not out_has_room(out, 1, 0):
            return t
        last = rows_until(breaks, row, t)
        if last > row:
            state.ints[OWN_INTS] = breaks.ints[last - 1, DIRECTION]
            row = last
        out.ints[out.used[ROWS], 0] = state.ints[OWN_INTS]
        out.used[ROWS] += 1
    return stop


class DisplacementsParams(NamedTuple):
    length: int
    body_atr: float
    body_ratio: float


BODY, ATR, RATIO = 0, 1, 2  # columns of the rows' floats
LEAVES_GAP = 0
PENDING = OWN_INTS  # direction of the displacement at the bar before, 0 for none


def displacements_shape(params: DisplacementsParams) -> Shape:
    return Shape(row_floats=3, stages=1, own_ints=1)


@kernel
def displacements(bars, start, stop, base, params, feeds, state, out):
    """Candles with a body that is large against the average range and against their own."""
    for t in range(start, stop):
        if not out_has_room(out, 1, 1):
            return t
        k = t - base
        open_, high, low, close = bars.open[k], bars.high[k], bars.low[k], bars.close[k]
        pending = state.ints[PENDING]
        if pending != 0 and t >= 2:
            if (pending > 0 and low > bars.high[k - 2]) or (pending < 0 and high < bars.low[k - 2]):
                log_change(out, last_id(state), LEAVES_GAP, t)
        direction = 0
        body = abs(close - open_)
        defined = atr_is_defined(params.length, state)
        if close != open_ and body >= params.body_ratio * (high - low):
            if params.body_atr == 0 or (defined and body >= params.body_atr * state.floats[ATR_VALUE]):
                direction = 1 if close > open_ else -1
                n = new_row(state, out, t, t, direction)
                out.floats[n, BODY] = body
                out.floats[n, ATR] = state.floats[ATR_VALUE] if defined else np.nan
                out.floats[n, RATIO] = body / (high - low)
        state.ints[PENDING] = direction
        update_atr(t, high, low, bars.close[k - 1] if t > 0 else close, params.length, state)
    return stop


class MarketStructureShiftsParams(NamedTuple):
    variant: int


VARIANT_CHOCH, VARIANT_DISPLACEMENT = 0, 1
SHIFT_ORIGIN, SHIFT_DISPLACEMENT, SHIFT_SWEEP = OWN, OWN + 1, OWN + 2
SHIFT_LEVEL = 0
LATEST = OWN_INTS  # one past the bar of the latest displacement up, then down


def market_structure_shifts_shape(params: MarketStructureShiftsParams) -> Shape:
    return Shape(row_ints=3, row_floats=1, own_ints=2)


@kernel
def market_structure_shifts(bars, start, stop, base, params, feeds, state, out):
    """Changes of character, by themselves or with displacement in the leg that broke the level."""
    breaks, displacements_ = feeds[0], feeds[1]
    row = rows_until(breaks, 0, start - 1)
    displaced = rows_until(displacements_, 0, start - 1)
    for t in range(start, stop):
        if not out_has_room(out, 2, 0):
            return t
        while displaced < displacements_.ints.shape[0] and displacements_.ints[displaced, CONFIRMED] == t:
            side = 0 if displacements_.ints[displaced, DIRECTION] > 0 else 1
            state.ints[LATEST + side] = displacements_.ints[displaced, BAR] + 1
            displaced += 1
        while row < breaks.ints.shape[0] and breaks.ints[row, CONFIRMED] == t:
            direction = breaks.ints[row, DIRECTION]
            displacement_bar = state.ints[LATEST + (0 if direction > 0 else 1)] - 1
            if displacement_bar < breaks.ints[row, BREAK_LEG]:
                displacement_bar = -1
            keep = params.variant == VARIANT_CHOCH or displacement_bar >= 0
            if keep and breaks.ints[row, BREAK_KIND] == CHOCH:
                n = new_row(state, out, t, t, direction)
                out.ints[n, SHIFT_ORIGIN] = breaks.ints[row, BREAK_ORIGIN]
                out.ints[n, SHIFT_DISPLACEMENT] = displacement_bar
                out.ints[n, SHIFT_SWEEP] = -1  # nothing sweeps yet
                out.floats[n, SHIFT_LEVEL] = breaks.floats[row, BREAK_LEVEL]
            row += 1
    return stop


class CisdParams(NamedTuple):
    min_run: int


RUN_END = OWN
CISD_LEVEL = 0
# Own cells of the state: those of down-close runs come first, then those of up-close runs, in the side's own sign.
RUN_LENGTH = OWN_INTS
RUN_FIRST = OWN_INTS + 2
PENDING_FIRST = OWN_INTS + 4  # one past the bar, 0 for none
PENDING_END = OWN_INTS + 6
RUN_OPEN = OWN_FLOATS
PENDING_LEVEL = OWN_FLOATS + 2


def cisd_shape(params: CisdParams) -> Shape:
    return Shape(row_ints=1, row_floats=1, own_ints=8, own_floats=4)


@helper
def _follow_run(side, t, open_, close, min_run, state):
    """Take in a bar, in the side's own sign; returns whether it closes above the pending run's level."""
    ints, floats = state.ints, state.floats
    if close < open_:
        if ints[RUN_LENGTH + side] == 0:
            ints[RUN_FIRST + side] = t
            floats[RUN_OPEN + side] = open_
        ints[RUN_LENGTH + side] += 1
    else:
        ints[RUN_LENGTH + side] = 0
    closes_above = False
    if ints[RUN_LENGTH + side] >= min_run:
        ints[PENDING_FIRST + side] = ints[RUN_FIRST + side] + 1
        ints[PENDING_END + side] = t
        floats[PENDING_LEVEL + side] = floats[RUN_OPEN + side]
    else:
        closes_above = ints[PENDING_FIRST + side] > 0 and close > floats[PENDING_LEVEL + side]
    return closes_above


@helper
def _emit_cisd(side, t, state, out):
    direction = 1 - 2 * side
    n = new_row(state, out, state.ints[PENDING_FIRST + side] - 1, t, direction)
    out.ints[n, RUN_END] = state.ints[PENDING_END + side]
    out.floats[n, CISD_LEVEL] = direction * state.floats[PENDING_LEVEL + side]
    state.ints[PENDING_FIRST + side] = 0


@kernel
def cisd(bars, start, stop, base, params, feeds, state, out):
    """The first close back beyond the open at which a run of candles against it began."""
    for t in range(start, stop):
        if not out_has_room(out, 2, 0):
            return t
        open_, close = bars.open[t - base], bars.close[t - base]
        up = _follow_run(0, t, open_, close, params.min_run, state)
        down = _follow_run(1, t, -open_, -close, params.min_run, state)
        earlier = 1 if state.ints[PENDING_FIRST + 1] < state.ints[PENDING_FIRST] else 0
        for side in (earlier, 1 - earlier):
            if (up and side == 0) or (down and side == 1):
                _emit_cisd(side, t, state, out)
    return stop
