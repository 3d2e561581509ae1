"""What the last bar does to the few bars before it, asked at every bar."""

from __future__ import annotations

from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN

FEWEST = 3
BROKEN = 5
RANGES = 20
RECENT = 10
BODY = 0.7

CHOCH, BOS, BLOCK, GAP = 0, 1, 2, 3


class StructureTurnsParams(NamedTuple):
    window: int = 1000000000  # bars that each question sees


@helper
def _put(found, out, t, at, kind, direction, price, top, bottom):
    if found < out.ints.shape[0]:
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = t
        out.ints[found, OWN] = at
        out.ints[found, OWN + 1] = kind
        out.ints[found, OWN + 2] = direction
        out.floats[found, 0] = price
        out.floats[found, 1] = top
        out.floats[found, 2] = bottom
    return found + 1


@helper
def _extremes(bars, first, stop):
    """Return the highest high and the lowest low; a NaN is kept if it comes first, else passed over."""
    top, bottom = bars.high[first], bars.low[first]
    for bar in range(first + 1, stop):
        if bars.high[bar] > top:
            top = bars.high[bar]
        if bars.low[bar] < bottom:
            bottom = bars.low[bar]
    return top, bottom


@helper
def _choch(bars, t, found, out):
    top, bottom = _extremes(bars, t - 2, t)
    if bars.close[t] > top:
        found = _put(found, out, t, t, CHOCH, 1, bars.close[t], top, bottom)
    elif bars.close[t] < bottom:
        found = _put(found, out, t, t, CHOCH, -1, bars.close[t], top, bottom)
    return found


@helper
def _bos(bars, t, rows, found, out):
    top, bottom = _extremes(bars, t - min(BROKEN, rows - 1), t)
    if bars.high[t] > top:
        found = _put(found, out, t, t, BOS, 1, bars.high[t], top, bottom)
    if bars.low[t] < bottom:
        found = _put(found, out, t, t, BOS, -1, bars.low[t], top, bottom)
    return found


@helper
def _exceeds_median(bars, t, rows, size):
    """More than half of the ranges, and so the upper median, lie below ``size``."""
    ranges, smaller = 0, 0
    for bar in range(t + 1 - min(rows, RANGES), t + 1):
        if bars.high[bar] >= bars.low[bar]:
            ranges += 1
            smaller += bars.high[bar] - bars.low[bar] < size
    return smaller > ranges // 2


@helper
def _block(bars, t, rows, found, out):
    size = bars.high[t] - bars.low[t]
    if size > 0 and abs(bars.close[t] - bars.open[t]) >= BODY * size and _exceeds_median(bars, t, rows, size):
        direction = 1 if bars.close[t] > bars.open[t] else -1
        found = _put(found, out, t, t, BLOCK, direction, bars.close[t], bars.high[t], bars.low[t])
    return found


@helper
def _gaps(bars, t, rows, found, out):
    for third in range(t + 3 - min(rows, RECENT), t + 1):
        first, middle = third - 2, third - 1
        low, high = bars.low[middle], bars.high[middle]
        if bars.high[first] < bars.low[third] and not low <= bars.high[first] <= high:
            top, bottom = bars.low[third], bars.high[first]
            found = _put(found, out, t, middle, GAP, 1, bottom, top, bottom)
        if bars.low[first] > bars.high[third] and not low <= bars.high[third] <= high:
            top, bottom = bars.low[first], bars.high[third]
            found = _put(found, out, t, middle, GAP, -1, bottom, top, bottom)
    return found


@kernel
def structure_turns(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, 0), min(stop, bars.high.size)):
        rows = min(t + 1, params.window)
        if rows < FEWEST:
            continue
        found = _choch(bars, t, found, out)
        found = _bos(bars, t, rows, found, out)
        found = _block(bars, t, rows, found, out)
        found = _gaps(bars, t, rows, found, out)
    return found
