"""Fair value gaps and what is built on them."""

from __future__ import annotations

from typing import NamedTuple

from ._atr import atr_is_defined, update_atr
from ._feeds import changes_until, rows_until
from ._jit import helper, kernel
from ._memory import (
    OWN_MEMORY,
    forget,
    forget_first,
    memory_has_room,
    recall,
    remember,
)
from ._out import last_id, new_row
from ._sort import sort_column
from ._types import (
    ATR_VALUE,
    BAR,
    CELL_COLUMNS,
    CHANGE_CELL,
    CONFIRMED,
    DIRECTION,
    MEMORY_HEAD,
    MEMORY_USED,
    OWN,
    OWN_INTS,
    ROWS,
    Shape,
)
from ._zones import (
    AT_BOTTOM,
    AT_MID,
    AT_TOP,
    BELOW,
    BODY,
    CLOSE,
    RETURN,
    WICK,
    advance_zones,
    has_room,
    open_zone,
)

ZONE_TOP, ZONE_BOTTOM, GAP_SIZE = 0, 1, 2  # columns of the rows' floats
ZONE_LEVELS = (AT_TOP, BELOW)
ZONE_CHANNELS = (WICK, CLOSE)


@helper
def _emit_zone(bar, t, direction, top, bottom, levels, channels, state, out):
    """Begin the row of a zone that price has to come back to, and watch it; returns the row's place."""
    n = new_row(state, out, bar, t, direction)
    out.floats[n, ZONE_TOP] = top
    out.floats[n, ZONE_BOTTOM] = bottom
    open_zone(state, 0 if direction > 0 else 1, last_id(state), top, bottom, levels, channels)
    return n


class FairValueGapsParams(NamedTuple):
    min_size: float
    min_atr: float
    length: int
    middle: int
    by: int


MIDDLE_ANY, MIDDLE_COLOUR, MIDDLE_BEYOND = 0, 1, 2
BY_WICK, BY_CLOSE = 0, 1
FILLED, INVERTED = 2, 3  # columns of the life cycle
GAP_LEVELS = (AT_TOP, AT_MID, AT_BOTTOM, BELOW, AT_BOTTOM)


def fair_value_gaps_shape(params: FairValueGapsParams) -> Shape:
    return Shape(row_floats=3, stages=5, zones=True)


@kernel
def fair_value_gaps(bars, start, stop, base, params, feeds, state, out):
    """Three candles whose first and last do not overlap; touched, half filled, filled, inverted, retested."""
    reach = CLOSE if params.by == BY_CLOSE else WICK
    channels = (reach, reach, reach, CLOSE, RETURN)
    for t in range(start, stop):
        if not has_room(state, out, 1, 5):
            return t
        k = t - base
        open_, high, low, close = bars.open[k], bars.high[k], bars.low[k], bars.close[k]
        advance_zones(t, open_, high, low, close, state, out, GAP_LEVELS, channels)
        direction, top, bottom = 0, 0.0, 0.0
        if t >= 2:
            if low > bars.high[k - 2]:
                direction, top, bottom = 1, low, bars.high[k - 2]
            elif high < bars.low[k - 2]:
                direction, top, bottom = -1, bars.low[k - 2], high
        if direction != 0:
            size = top - bottom
            keep = size >= params.min_size
            if params.min_atr > 0:
                keep = keep and atr_is_defined(params.length, state)
                keep = keep and size >= params.min_atr * state.floats[ATR_VALUE]
            if params.middle == MIDDLE_COLOUR:
                middle_close, middle_open = bars.close[k - 1], bars.open[k - 1]
                keep = keep and (middle_close > middle_open if direction > 0 else middle_close < middle_open)
            elif params.middle == MIDDLE_BEYOND:
                keep = keep and (bars.close[k - 1] > bottom if direction > 0 else bars.close[k - 1] < top)
            if keep:
                n = _emit_zone(t - 1, t, direction, top, bottom, GAP_LEVELS, channels, state, out)
                out.floats[n, GAP_SIZE] = size
        if params.min_atr > 0:
            update_atr(t, high, low, bars.close[k - 1] if t > 0 else close, params.length, state)
    return stop


class InverseFairValueGapsParams(NamedTuple):
    pass


# Columns of the memory.
GAP_BAR, GAP_DIRECTION, GAP_CONFIRMED, GAP_FILLED = OWN_MEMORY, OWN_MEMORY + 1, OWN_MEMORY + 2, OWN_MEMORY + 3
SEEN = OWN_INTS  # how many gaps were fed so far, which is the id of the next one


def inverse_fair_value_gaps_shape(params: InverseFairValueGapsParams) -> Shape:
    return Shape(row_floats=2, stages=2, own_ints=1, zones=True, memory_ints=OWN_MEMORY + 4, memory_floats=2)


@helper
def _remember_gap(gaps, row, state):
    place = remember(state, state.ints[SEEN])
    state.ints[SEEN] += 1
    state.memory_ints[place, GAP_BAR] = gaps.ints[row, BAR]
    state.memory_ints[place, GAP_DIRECTION] = gaps.ints[row, DIRECTION]
    state.memory_ints[place, GAP_CONFIRMED] = gaps.ints[row, CONFIRMED]
    state.memory_ints[place, GAP_FILLED] = -1
    state.memory_floats[place, ZONE_TOP] = gaps.floats[row, ZONE_TOP]
    state.memory_floats[place, ZONE_BOTTOM] = gaps.floats[row, ZONE_BOTTOM]


@kernel
def inverse_fair_value_gaps(bars, start, stop, base, params, feeds, state, out):
    """A gap that price closed beyond turns round, and works against it."""
    gaps = feeds[0]
    row = rows_until(gaps, 0, start - 1)
    change = changes_until(gaps, 0, start - 1)
    for t in range(start, stop):
        last_row, last_change = rows_until(gaps, row, t), changes_until(gaps, change, t)
        if not has_room(state, out, last_change - change, 2):
            return t
        if not memory_has_room(state, out, last_row - row):
            return t
        k = t - base
        advance_zones(
            t, bars.open[k], bars.high[k], bars.low[k], bars.close[k], state, out, ZONE_LEVELS, ZONE_CHANNELS
        )
        first = out.used[ROWS]
        inverted = 0
        for change in range(change, last_change):
            if gaps.log[change, CHANGE_CELL] % CELL_COLUMNS == INVERTED:
                out.ints[first + inverted, BAR] = gaps.log[change, CHANGE_CELL] // CELL_COLUMNS
                inverted += 1
        change = last_change
        # Ids count in the order of the gaps' bars; the log has them in the order of their levels.
        sort_column(out.ints, BAR, first, first + inverted)
        for n in range(first, first + inverted):
            place = recall(state, out.ints[n, BAR])
            _emit_zone(
                state.memory_ints[place, GAP_BAR],
                t,
                -state.memory_ints[place, GAP_DIRECTION],
                state.memory_floats[place, ZONE_TOP],
                state.memory_floats[place, ZONE_BOTTOM],
                ZONE_LEVELS,
                ZONE_CHANNELS,
                state,
                out,
            )
            forget(state, place)
        for row in range(row, last_row):
            _remember_gap(gaps, row, state)
        row = last_row
    return stop


class BalancedPriceRangesParams(NamedTuple):
    max_bars: int


RANGE_OTHER = OWN


def balanced_price_ranges_shape(params: BalancedPriceRangesParams) -> Shape:
    return Shape(
        row_ints=1,
        row_floats=2,
        stages=2,
        own_ints=1,
        zones=True,
        memory_ints=OWN_MEMORY + 4,
        memory_floats=2,
    )


@helper
def _overlapping_gap(bar, direction, top, bottom, state):
    """Place of the latest remembered gap of the other direction, unfilled before ``bar - 1``, that overlaps."""
    place = state.ints[MEMORY_USED] - 1
    while place >= state.ints[MEMORY_HEAD]:
        filled = state.memory_ints[place, GAP_FILLED]
        opposite = state.memory_ints[place, GAP_DIRECTION] != direction
        above = min(top, state.memory_floats[place, ZONE_TOP])
        below = max(bottom, state.memory_floats[place, ZONE_BOTTOM])
        if opposite and (filled < 0 or filled >= bar - 1) and below < above:
            return place
        place -= 1
    return -1


@kernel
def balanced_price_ranges(bars, start, stop, base, params, feeds, state, out):
    """The overlap of two opposite gaps that follow each other closely."""
    gaps = feeds[0]
    row = rows_until(gaps, 0, start - 1)
    change = changes_until(gaps, 0, start - 1)
    for t in range(start, stop):
        last_row, last_change = rows_until(gaps, row, t), changes_until(gaps, change, t)
        if not has_room(state, out, last_row - row, 2):
            return t
        if not memory_has_room(state, out, last_row - row):
            return t
        k = t - base
        advance_zones(
            t, bars.open[k], bars.high[k], bars.low[k], bars.close[k], state, out, ZONE_LEVELS, ZONE_CHANNELS
        )
        while (
            state.ints[MEMORY_HEAD] < state.ints[MEMORY_USED]
            and state.memory_ints[state.ints[MEMORY_HEAD], GAP_CONFIRMED] < t - params.max_bars
        ):
            forget_first(state)
        for change in range(change, last_change):
            if gaps.log[change, CHANGE_CELL] % CELL_COLUMNS == FILLED:
                place = recall(state, gaps.log[change, CHANGE_CELL] // CELL_COLUMNS)
                if place >= 0:
                    state.memory_ints[place, GAP_FILLED] = t
        change = last_change
        for row in range(row, last_row):
            bar, direction = gaps.ints[row, BAR], gaps.ints[row, DIRECTION]
            top, bottom = gaps.floats[row, ZONE_TOP], gaps.floats[row, ZONE_BOTTOM]
            place = _overlapping_gap(bar, direction, top, bottom, state)
            if place >= 0:
                other = state.memory_ints[place, GAP_BAR]
                top = min(top, state.memory_floats[place, ZONE_TOP])
                bottom = max(bottom, state.memory_floats[place, ZONE_BOTTOM])
                n = _emit_zone(bar, t, direction, top, bottom, ZONE_LEVELS, ZONE_CHANNELS, state, out)
                out.ints[n, RANGE_OTHER] = other
            _remember_gap(gaps, row, state)
        row = last_row
    return stop


class VolumeImbalancesParams(NamedTuple):
    min_size: float


IMBALANCE_LEVELS = (AT_TOP, AT_BOTTOM)
IMBALANCE_CHANNELS = (WICK, BODY)


def volume_imbalances_shape(params: VolumeImbalancesParams) -> Shape:
    return Shape(row_floats=2, stages=2, zones=True)


@kernel
def volume_imbalances(bars, start, stop, base, params, feeds, state, out):
    """Two candles whose bodies leave a gap that their wicks bridge."""
    for t in range(start, stop):
        if not has_room(state, out, 1, 2):
            return t
        k = t - base
        open_, high, low, close = bars.open[k], bars.high[k], bars.low[k], bars.close[k]
        advance_zones(t, open_, high, low, close, state, out, IMBALANCE_LEVELS, IMBALANCE_CHANNELS)
        if t >= 1:
            direction, top, bottom = 0, 0.0, 0.0
            before_high = max(bars.open[k - 1], bars.close[k - 1])
            before_low = min(bars.open[k - 1], bars.close[k - 1])
            if min(open_, close) > before_high and low <= bars.high[k - 1]:
                direction, top, bottom = 1, min(open_, close), before_high
            elif max(open_, close) < before_low and high >= bars.low[k - 1]:
                direction, top, bottom = -1, before_low, max(open_, close)
            if direction != 0 and top - bottom >= params.min_size:
                _emit_zone(t, t, direction, top, bottom, IMBALANCE_LEVELS, IMBALANCE_CHANNELS, state, out)
    return stop
