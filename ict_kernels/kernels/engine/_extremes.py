"""Highest and lowest prices of some bars."""

from __future__ import annotations

from .._jit import routine


@routine
def extreme(prices, sign, start, stop):
    """Return the highest (sign 1) or lowest (sign -1) price that is not NaN, if there is any."""
    best = prices[start]
    for t in range(start + 1, stop):
        if sign * prices[t] > sign * best or best != best:
            best = prices[t]
    return best


@routine
def level(bars, t, direction, lookback):
    """Return the extreme of the last bars in a direction; the close without one."""
    start = max(0, t + 1 - max(lookback, 1))
    price = bars.close[t]
    if direction > 0:
        price = extreme(bars.high, 1.0, start, t + 1)
    elif direction < 0:
        price = extreme(bars.low, -1.0, start, t + 1)
    return price
