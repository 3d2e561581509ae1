"""Live zones: what price has still to do to each, answered in logarithmic time however many are open.

A zone passes through a chain of stages, one life cycle column each, in the order of the columns. A stage waits for a
price (its *channel*) to come down to a level of the zone; so all zones that wait for the same price sit in one heap
with the highest level on top, and a bar pops exactly those it reaches. Zones that wait for rising prices are kept
negated on side 1, where the same code serves them.

The heaps are skew heaps woven through one block of slots. A zone that becomes the new top costs one step to insert
and to remove, so trends, which leave thousands of zones open, are as cheap as quiet markets.
"""

from __future__ import annotations

import numpy as np

from ._jit import helper, routine
from ._out import ask_for, log_change, out_has_room
from ._types import (
    BEST,
    FULL_ZONES,
    ROOTS,
    ZONES_FREE,
    ZONES_LIVE,
    ZONES_USED,
)

# Columns of the slots.
ID, STAGE, LEFT, RIGHT, ZONE_INTS = 0, 1, 2, 3, 4
KEY, TOP, BOTTOM, ZONE_FLOATS = 0, 1, 2, 3

CLOSED = -1  # stage of a free slot

# Channels: which price has to come down to the level. RETURN is the opposite wick coming back up to it.
RETURN, WICK, CLOSE, BODY, CHANNELS = 0, 1, 2, 3, 4

# Levels of a zone. BELOW is passed only by a price strictly beyond the bottom.
AT_TOP, AT_MID, AT_BOTTOM, BELOW = 0, 1, 2, 3


@routine
def _merge(zone_ints, zone_floats, a, b):
    """Join two skew heaps, -1 being the empty one; returns the new root."""
    if a < 0:
        return b
    if b < 0:
        return a
    if zone_floats[a, KEY] < zone_floats[b, KEY]:
        a, b = b, a
    root = a
    while True:
        child = zone_ints[a, RIGHT]
        zone_ints[a, RIGHT] = zone_ints[a, LEFT]
        if child < 0:
            zone_ints[a, LEFT] = b
            return root
        if zone_floats[child, KEY] < zone_floats[b, KEY]:
            child, b = b, child
        zone_ints[a, LEFT] = child
        a = child


@helper
def _key(level, channel, top, bottom):
    if level == AT_TOP:
        price = top
    elif level == AT_MID:
        price = 0.5 * bottom + 0.5 * top
    elif level == AT_BOTTOM:
        price = bottom
    else:
        # A price is strictly below the bottom exactly when it is at or below the next smaller number.
        price = np.nextafter(bottom, -np.inf)
    return -price if channel == RETURN else price


@helper
def _push(state, heap, slot):
    ints, floats, zone_ints, zone_floats = state.ints, state.floats, state.zone_ints, state.zone_floats
    zone_ints[slot, LEFT] = -1
    zone_ints[slot, RIGHT] = -1
    root = _merge(zone_ints, zone_floats, slot, ints[ROOTS + heap])
    ints[ROOTS + heap] = root
    floats[BEST + heap] = zone_floats[root, KEY]


@helper
def _pop(state, heap):
    ints, floats, zone_ints, zone_floats = state.ints, state.floats, state.zone_ints, state.zone_floats
    slot = ints[ROOTS + heap]
    root = _merge(zone_ints, zone_floats, zone_ints[slot, LEFT], zone_ints[slot, RIGHT])
    ints[ROOTS + heap] = root
    floats[BEST + heap] = zone_floats[root, KEY] if root >= 0 else -np.inf
    return slot


@helper
def _price(side, channel, open_, high, low, close):
    """The price a channel watches, in the side's own sign, where reaching always means coming down."""
    if channel == CLOSE:
        price = close
    elif channel == BODY:
        price = min(open_, close) if side == 0 else max(open_, close)
    else:
        price = low if (channel == WICK) == (side == 0) else high
    rising = (side == 1) != (channel == RETURN)
    return -price if rising else price


@helper
def open_zone(state, side, identity, top, bottom, levels, channels):
    """Start watching a zone, whose edges are given in prices; it can be reached from the next bar on."""
    ints, zone_ints, zone_floats = state.ints, state.zone_ints, state.zone_floats
    slot = ints[ZONES_FREE]
    if slot >= 0:
        ints[ZONES_FREE] = zone_ints[slot, LEFT]
    else:
        slot = ints[ZONES_USED]
        ints[ZONES_USED] = slot + 1
    ints[ZONES_LIVE] += 1
    upper = top if side == 0 else -bottom
    lower = bottom if side == 0 else -top
    zone_ints[slot, ID] = identity
    zone_ints[slot, STAGE] = 0
    zone_floats[slot, TOP] = upper
    zone_floats[slot, BOTTOM] = lower
    zone_floats[slot, KEY] = _key(levels[0], channels[0], upper, lower)
    _push(state, side * CHANNELS + channels[0], slot)


@helper
def _settle(t, side, channel, price, open_, high, low, close, state, out, levels, channels):
    """Pop every zone that the price reaches and carry it through all the stages that this bar completes."""
    heap = side * CHANNELS + channel
    while state.floats[BEST + heap] >= price:
        slot = _pop(state, heap)
        stage = state.zone_ints[slot, STAGE]
        top = state.zone_floats[slot, TOP]
        bottom = state.zone_floats[slot, BOTTOM]
        waiting = False
        while not waiting:
            log_change(out, state.zone_ints[slot, ID], stage, t)
            stage += 1
            if stage == len(levels):
                break
            key = _key(levels[stage], channels[stage], top, bottom)
            # Only a later bar can come back to a zone.
            waiting = channels[stage] == RETURN or key < _price(
                side, channels[stage], open_, high, low, close
            )
        if waiting:
            state.zone_ints[slot, STAGE] = stage
            state.zone_floats[slot, KEY] = key
            _push(state, side * CHANNELS + channels[stage], slot)
        else:
            state.zone_ints[slot, STAGE] = CLOSED
            state.zone_ints[slot, LEFT] = state.ints[ZONES_FREE]
            state.ints[ZONES_FREE] = slot
            state.ints[ZONES_LIVE] -= 1


@helper
def _is_reached(open_, high, low, close, best):
    """Whether the bar reaches the top of any heap."""
    rising = best[CHANNELS + WICK] >= -high or best[CHANNELS + CLOSE] >= -close or best[RETURN] >= -high
    falling = best[WICK] >= low or best[CLOSE] >= close or best[CHANNELS + RETURN] >= low
    bodies = best[BODY] >= min(open_, close) or best[CHANNELS + BODY] >= -max(open_, close)
    return rising or falling or bodies


@helper
def advance_zones(t, open_, high, low, close, state, out, levels, channels):
    """Log what bar ``t`` does to the live zones.

    ``RETURN`` comes first, so that a zone that starts to wait for it in this bar is not looked at before the next.
    """
    if _is_reached(open_, high, low, close, state.floats):
        for heap in range(2 * CHANNELS):
            channel, side = heap // 2, heap % 2
            price = _price(side, channel, open_, high, low, close)
            _settle(t, side, channel, price, open_, high, low, close, state, out, levels, channels)


@helper
def has_room(state, out, rows, stages):
    """Whether ``rows`` new zones, and every change that the live ones could still undergo, would fit."""
    live = state.ints[ZONES_LIVE]
    if live + rows > state.zone_ints.shape[0]:
        return ask_for(out, FULL_ZONES, live + rows)
    return out_has_room(out, rows, live * stages)
