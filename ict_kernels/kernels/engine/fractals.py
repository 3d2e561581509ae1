"""Swings with the strength, volume, trend and volatility around them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN
from .swings import _stands_out

AROUND = 20
MAX_STRENGTH = 0.2
UNKNOWN = 0.5
SLOW, FAST = 20, 10


class FractalsParams(NamedTuple):
    left: int = 3
    right: int = 2
    ties: int = 0
    min_strength: float = 1e-6


# A running sum as pandas keeps it: the sum, what rounding lost on the way in and on the way out, the last value and
# how often it came in a row, and the number of values. Only the same steps decide near ties of two means alike.


@helper
def _entered(state, value):
    total, lost_in, lost_out, last, alike, count = state
    if value != value:
        return state
    step = value - lost_in
    raised = total + step
    lost_in = raised - total - step
    alike = alike + 1 if value == last else 1
    return raised, lost_in, lost_out, value, alike, count + 1


@helper
def _left(state, value):
    total, lost_in, lost_out, last, alike, count = state
    if value != value:
        return state
    step = -value - lost_out
    lowered = total + step
    lost_out = lowered - total - step
    return lowered, lost_in, lost_out, last, alike, count - 1


@helper
def _mean(state, window):
    total, _, _, last, alike, count = state
    if count < window:
        return np.nan
    return last if alike >= count else total / count


@helper
def _strength(prices, sign, t):
    """Return the distance from the mean of the bars around, or 0 if one of those reaches further."""
    price, total, count = prices[t], 0.0, 0
    if price != price:
        return 0.0
    for bar in range(max(0, t - AROUND), min(prices.size, t + AROUND)):
        other = prices[bar]
        if sign * other > sign * price:
            return 0.0
        if other == other:
            total += other
            count += 1
    mean = total / count
    share = abs(price - mean) / mean
    if share < MAX_STRENGTH:
        return share
    return MAX_STRENGTH


@helper
def _volume_factor(bars, t, mean):
    if not mean > 0:
        return UNKNOWN
    return min(bars.volume[t] / mean, 2.0) / 2


@helper
def _volatility_factor(mean_range, mean_close):
    factor = 10 * mean_range / mean_close
    return min(factor, 0.8) if factor > 0.2 else 0.2


@helper
def _put(t, side, price, strength, factors, bars, params, found, out):
    volume, trend, volatility = factors
    confidence = 0.5 * strength + 0.3 * volume + 0.2 * ((trend + volatility) / 2)
    if found < out.ints.shape[0]:
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = max(min(t + AROUND, bars.high.size) - 1, t + params.right)
        out.ints[found, OWN] = side
        out.floats[found, 0] = price
        out.floats[found, 1] = strength
        out.floats[found, 2] = volume
        out.floats[found, 3] = trend
        out.floats[found, 4] = volatility
        out.floats[found, 5] = max(0.0, min(1.0, confidence))
    return found + 1


@kernel
def fractals(bars, start, stop, params, out):
    found, size = 0, bars.high.size
    nothing = (0.0, 0.0, 0.0, np.nan, 0, 0)
    slow, fast, ranges, volumes = nothing, nothing, nothing, nothing
    measured = bars.volume.size > 0
    for t in range(min(stop, size)):
        if t >= FAST:
            fast = _left(fast, bars.close[t - FAST])
        if t >= SLOW:
            slow = _left(slow, bars.close[t - SLOW])
            ranges = _left(ranges, bars.high[t - SLOW] - bars.low[t - SLOW])
        fast = _entered(fast, bars.close[t])
        slow = _entered(slow, bars.close[t])
        ranges = _entered(ranges, bars.high[t] - bars.low[t])
        if measured:
            if t >= SLOW:
                volumes = _left(volumes, bars.volume[t - SLOW])
            volumes = _entered(volumes, bars.volume[t])
        if t < max(start, params.left) or t >= size - params.right:
            continue
        high = _strength(bars.high, 1.0, t) if _stands_out(bars.high, 1.0, t, params) else -np.inf
        low = _strength(bars.low, -1.0, t) if _stands_out(bars.low, -1.0, t, params) else -np.inf
        if not (high >= params.min_strength or low >= params.min_strength):
            continue
        factors = (UNKNOWN, UNKNOWN, UNKNOWN)
        if measured:
            factors = (_volume_factor(bars, t, _mean(volumes, SLOW)), UNKNOWN, UNKNOWN)
        if t >= SLOW:
            mean_close = _mean(slow, SLOW)
            trend = 0.7 if _mean(fast, FAST) > mean_close else 0.3
            factors = (factors[0], trend, _volatility_factor(_mean(ranges, SLOW), mean_close))
        if high >= params.min_strength:
            found = _put(t, 1, bars.high[t], high, factors, bars, params, found, out)
        if low >= params.min_strength:
            found = _put(t, -1, bars.low[t], low, factors, bars, params, found, out)
    return found
