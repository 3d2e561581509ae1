"""Breaks of structure and changes of character: closes beyond earlier swings."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel, routine
from ._types import BAR, CONFIRMED, OWN
from .swings import SwingsParams, _stands_out

MOMENTUM_BARS = 10
EARLIEST_CHANGE = 10


class BreaksParams(NamedTuple):
    window: int = 0  # bars a question looks at; 0 for all up to the asking one
    width: int = 5  # bars at each side that a swing stands out over
    distance: float = 0.0005  # between close and level, at least
    momentum: float = 0.001  # above which it counts twice


class ChangesParams(NamedTuple):
    window: int = 0
    width: int = 6
    distance: float = 0.0008  # between close and level, more than
    lag: int = 0  # bars that a swing must be older than the change


class ChangeEventsParams(NamedTuple):
    width: int = 6
    distance: float = 0.0008
    lag: int = 0


@helper
def first_bar(t, window):
    return max(t + 1 - window, 0) if window > 0 else 0


@routine
def list_swings(bars, first, stop, width, out):
    """Write the bars of highs and lows into the two halves of ``work_ints``; return how many there are."""
    params = SwingsParams(width, width, 0)
    highs, lows, half = 0, 0, out.work_ints.size // 2
    for t in range(first + width, stop - width):
        if _stands_out(bars.high, 1.0, t, params):
            out.work_ints[highs] = t
            highs += 1
        if _stands_out(bars.low, -1.0, t, params):
            out.work_ints[half + lows] = t
            lows += 1
    return highs, lows


@helper
def _past(at, count, offset, limit, out):
    """Move a place in a half of the list past the bars up to ``limit``."""
    while at < count and out.work_ints[offset + at] <= limit:
        at += 1
    return at


@helper
def _momentum(bars, t, direction, params):
    before = bars.close[max(t + 1 - MOMENTUM_BARS, 0)]
    change = direction * (bars.close[t] - before) / before
    return 0.5 + (0.3 if change > 0.0 else 0.0) + (0.2 if change > params.momentum else 0.0)


@helper
def _confirms(bars, t, direction, level, params):
    """Far enough, and two of the last three bodies point that way."""
    bodies = 0
    for lag in range(3):
        if direction * bars.close[t - lag] > direction * bars.open[t - lag]:
            bodies += 1
    return bodies >= 2 and abs(bars.close[t] - level) >= params.distance


@helper
def _put_break(bars, t, counts, swings, params, found, out):
    """The question at bar ``t``, whose last two highs and last two lows are ``swings``."""
    h1, h2, l1, l2 = swings
    close, direction, confirms, level, before, momentum = bars.close[t], 0, 0, math.nan, math.nan, math.nan
    if close > bars.high[h1] and bars.high[h1] > bars.high[h2]:
        direction, level, before = 1, bars.high[h1], bars.high[h2]
    elif close < bars.low[l1] and bars.low[l1] < bars.low[l2]:
        direction, level, before = -1, bars.low[l1], bars.low[l2]
    if direction != 0:
        momentum = _momentum(bars, t, direction, params)
        confirms = 1 if _confirms(bars, t, direction, level, params) else 0
    if found < out.ints.shape[0]:
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = t
        out.ints[found, OWN] = direction
        out.ints[found, OWN + 1] = confirms
        out.ints[found, OWN + 2] = counts[0]
        out.ints[found, OWN + 3] = counts[1]
        out.ints[found, OWN + 4] = h1
        out.ints[found, OWN + 5] = h2
        out.ints[found, OWN + 6] = l1
        out.ints[found, OWN + 7] = l2
        out.floats[found, 0] = level
        out.floats[found, 1] = before
        out.floats[found, 2] = close
        out.floats[found, 3] = momentum
    return found + 1


@kernel
def breaks(bars, start, stop, params, out):
    found, width, half = 0, params.width, out.work_ints.size // 2
    counts = list_swings(bars, first_bar(start, params.window), stop, width, out)
    h, h_from, low, low_from = 0, 0, 0, 0
    for t in range(start, stop):
        first = first_bar(t, params.window) + width
        h = _past(h, counts[0], 0, t - width, out)
        low = _past(low, counts[1], half, t - width, out)
        h_from = _past(h_from, h, 0, first - 1, out)
        low_from = _past(low_from, low, half, first - 1, out)
        if h - h_from < 2 or low - low_from < 2:
            continue
        highs = out.work_ints[h - 1], out.work_ints[h - 2]
        lows = out.work_ints[half + low - 1], out.work_ints[half + low - 2]
        found = _put_break(bars, t, (h - h_from, low - low_from), highs + lows, params, found, out)
    return found


@helper
def _change_at(bars, k, h, low, half, params, out):
    """The direction in which bar ``k`` changes character, 0 if it does not.

    ``h`` and ``low`` count the highs and lows up to it; there are three or more of each.
    """
    h3, h2, h1 = out.work_ints[h - 3], out.work_ints[h - 2], out.work_ints[h - 1]
    l3, l2, l1 = out.work_ints[half + low - 3], out.work_ints[half + low - 2], out.work_ints[half + low - 1]
    highs, lows = bars.high, bars.low
    falls = highs[h2] < highs[h3] and lows[l2] < lows[l3]
    rises = highs[h2] > highs[h3] and lows[l2] > lows[l3]
    if falls and lows[l1] > lows[l2] and bars.close[k] > highs[h2] + params.distance:
        return 1
    if rises and highs[h1] < highs[h2] and bars.close[k] < lows[l2] - params.distance:
        return -1
    return 0


@helper
def _put_change(bars, t, confirmed, k, direction, h, low, half, found, out):
    if found < out.ints.shape[0]:
        h2, h1 = out.work_ints[h - 2], out.work_ints[h - 1]
        l2, l1 = out.work_ints[half + low - 2], out.work_ints[half + low - 1]
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = confirmed
        out.ints[found, OWN] = k
        out.ints[found, OWN + 1] = direction
        out.ints[found, OWN + 2] = h1
        out.ints[found, OWN + 3] = h2
        out.ints[found, OWN + 4] = l1
        out.ints[found, OWN + 5] = l2
        out.floats[found, 0] = bars.close[k]
        out.floats[found, 1] = bars.high[h2] if direction > 0 else bars.low[l2]
        out.floats[found, 2] = bars.high[h1] if direction > 0 else bars.low[l1]
    return found + 1


@kernel
def changes(bars, start, stop, params, out):
    found, width, half = 0, params.width, out.work_ints.size // 2
    counts = list_swings(bars, first_bar(start, params.window), stop, width, out)
    known_h, h_from, known_low, low_from = 0, 0, 0, 0
    for t in range(start, stop):
        first = first_bar(t, params.window)
        known_h = _past(known_h, counts[0], 0, t - width, out)
        known_low = _past(known_low, counts[1], half, t - width, out)
        h_from = _past(h_from, known_h, 0, first + width - 1, out)
        low_from = _past(low_from, known_low, half, first + width - 1, out)
        h, low, k = known_h, known_low, t
        while k >= first + EARLIEST_CHANGE:
            while h > h_from and out.work_ints[h - 1] > k - params.lag:
                h -= 1
            while low > low_from and out.work_ints[half + low - 1] > k - params.lag:
                low -= 1
            if h - h_from < 3 or low - low_from < 3:
                break
            direction = _change_at(bars, k, h, low, half, params, out)
            if direction != 0:
                found = _put_change(bars, t, t, k, direction, h, low, half, found, out)
                break
            k -= 1
    return found


@kernel
def change_events(bars, start, stop, params, out):
    found, width, half = 0, params.width, out.work_ints.size // 2
    size = min(bars.close.size, stop + width)
    counts = list_swings(bars, 0, size, width, out)
    h, low = 0, 0
    for k in range(max(start, EARLIEST_CHANGE), size - width):
        h = _past(h, counts[0], 0, k - params.lag, out)
        low = _past(low, counts[1], half, k - params.lag, out)
        if h < 3 or low < 3:
            continue
        direction = _change_at(bars, k, h, low, half, params, out)
        if direction != 0:
            found = _put_change(bars, k, k + width, k, direction, h, low, half, found, out)
    return found
