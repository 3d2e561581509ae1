"""Wicks through the levels that many stops lie behind, and how often a level was respected."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._jit import helper, kernel, routine
from ._types import BAR, CONFIRMED, OWN
from .swings import _stands_out


class StopHuntsParams(NamedTuple):
    lookback: int = 50
    spike: float = 0.0015
    reversal: int = 5
    atr: int = 14  # bars of the average true range that a spike must be half of; 0: it need not
    left: int = 5
    right: int = 5
    ties: int = 0


class LevelTouchesParams(NamedTuple):
    level: float = 1.1
    side: int = 1
    tolerance: float = 0.002


class TrueRangeParams(NamedTuple):
    period: int = 14


@helper
def _true_range(bars, t):
    size = bars.high[t] - bars.low[t]
    if t > 0:
        before = bars.close[t - 1]
        for other in (abs(bars.high[t] - before), abs(bars.low[t] - before)):
            if not size >= other and other == other:
                size = other
    return size


@routine
def _average_true_range(bars, t, period):
    if t < period - 1:
        return math.nan
    total = 0.0
    for at in range(t - period + 1, t + 1):
        total += _true_range(bars, at)
    return total / period


@routine
def _smallest_spike(bars, t, params):
    if params.atr > 0:
        half = 0.5 * _average_true_range(bars, t, params.atr)
        if half > params.spike:
            return half
    return params.spike


@routine
def _volume_ratio(volume, t, period):
    if t < period - 1 or t >= volume.size:
        return 1.0
    total = 0.0
    for at in range(t - period + 1, t + 1):
        total += volume[at]
    average = total / period
    if volume[t] > 0 and average > 0:
        return volume[t] / average
    return 1.0


@routine
def _put_levels(bars, params, out):
    """Write the levels of the frame and their sides: 1 above the price, so that the hunt is bearish, or -1."""
    prices, sides, n, count = out.work_floats, out.work_ints, bars.high.size, 0
    first = max(params.left, n - params.lookback)
    for side in (1, -1):
        series = bars.high if side > 0 else bars.low
        for t in range(first, n - params.right):
            if _stands_out(series, float(side), t, params):
                prices[count], sides[count] = series[t], side
                count += 1
    last = bars.close[n - 1]
    step = 0.01 if last < 10 else (0.1 if last < 100 else 1.0)
    base = np.trunc(last / step) * step
    for k in range(-2, 3):
        level = base + k * step
        if abs(level - last) / last > 0.001:
            prices[count], sides[count] = level, 1 if level > last else -1
            count += 1
    return count


@helper
def _is_spike(high, low, close, level, side):
    if side > 0:
        return high > level and close < level + 0.5 * (high - level)
    return low < level and close > level - 0.5 * (level - low)


@helper
def _first_reversal(bars, t, level, side, params):
    """The first later bar that trades beyond the level on the inner side, or -1."""
    for at in range(t + 1, min(t + params.reversal, bars.high.size - 1) + 1):
        if side > 0:
            if bars.low[at] < level - 0.001 * level:
                return at
        elif bars.high[at] > level + 0.001 * level:
            return at
    return -1


@kernel
def stop_hunts(bars, start, stop, params, out):
    begin, end = max(start, params.lookback), min(stop, bars.high.size - params.reversal)
    if begin >= end:
        return 0
    levels = _put_levels(bars, params, out)
    found = 0
    for t in range(begin, end):
        high, low, close = bars.high[t], bars.low[t], bars.close[t]
        # A wick shorter than half a spike hunts no level; the slack is far above what rounding can do.
        wick = 0.5 * params.spike - 1e-9 * (abs(high) + abs(low) + abs(close))
        if high - close <= wick and close - low <= wick:
            continue
        smallest = math.nan
        for k in range(levels):
            level, side = out.work_floats[k], out.work_ints[k]
            if not _is_spike(high, low, close, level, side):
                continue
            spike = high - level if side > 0 else level - low
            if smallest != smallest:
                smallest = _smallest_spike(bars, t, params)
            if not spike >= smallest:
                continue
            reversal = _first_reversal(bars, t, level, side, params)
            if reversal < 0:
                continue
            if found < out.ints.shape[0]:
                out.ints[found, BAR] = t
                out.ints[found, CONFIRMED] = reversal
                out.ints[found, OWN] = -side
                extreme = high if side > 0 else low
                back = bars.low[reversal] if side > 0 else bars.high[reversal]
                out.floats[found, 0] = level
                out.floats[found, 1] = extreme
                out.floats[found, 2] = spike
                out.floats[found, 3] = back
                out.floats[found, 4] = extreme - back if side > 0 else back - extreme
                out.floats[found, 5] = _volume_ratio(bars.volume, t, 20)
            found += 1
    return found


@kernel
def true_range(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, params.period - 1), min(stop, bars.high.size)):
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t
            out.floats[found, 0] = _average_true_range(bars, t, params.period)
        found += 1
    return found


@kernel
def level_touches(bars, start, stop, params, out):
    reach = params.tolerance * params.level
    extremes = bars.high if params.side > 0 else bars.low
    found = 0
    for t in range(start, min(stop, extremes.size)):
        if not abs(extremes[t] - params.level) <= reach:
            continue
        if params.side > 0:
            bounced = bars.close[t] < params.level - reach
        else:
            bounced = bars.close[t] > params.level + reach
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t
            out.ints[found, OWN] = 1 if bounced else 0
        found += 1
    return found
