"""Levels where orders are thought to rest: swings, and prices that short-term extremes keep returning to."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN


class SwingLevelsParams(NamedTuple):
    left: int = 5
    right: int = 5
    session: int = 48  # bars before it that an extreme of the session must not stay behind


class LiquidityPoolsParams(NamedTuple):
    half: int = 2  # bars on each side that a short-term extreme is taken over
    reach: int = 10  # bars before, and as many from the bar itself on, that are compared with it
    tolerance: float = 0.0005
    least: int = 2  # how many must be as high, the bar itself included


@helper
def _farthest(prices, sign, start, stop):
    """NaN is skipped; NaN if nothing is left."""
    farthest = math.nan
    for t in range(start, stop):
        price = sign * prices[t]
        if price == price and not price <= farthest:
            farthest = price
    return farthest


@helper
def _swings(prices, sign, t, params):
    price = sign * prices[t]
    for s in range(t - params.left, t):
        if sign * prices[s] >= price:
            return False
    for s in range(t + 1, t + 1 + params.right):
        if sign * prices[s] >= price:
            return False
    # NaN is no neighbour: without any on one side there is nothing to stand out over.
    before = _farthest(prices, sign, t - params.left, t)
    return price > before and price > _farthest(prices, sign, t + 1, t + 1 + params.right)


@helper
def _put_swing(prices, side, t, params, found, out):
    if found < out.ints.shape[0]:
        session = _farthest(prices, float(side), max(t - params.session, 0), t + 1)
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = t + params.right
        out.ints[found, OWN] = side
        out.ints[found, OWN + 1] = 1 if float(side) * prices[t] >= session else 0
        out.floats[found, 0] = prices[t]
    return found + 1


@kernel
def swing_levels(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, params.left), min(stop, bars.high.size - params.right)):
        if _swings(bars.high, 1.0, t, params):
            found = _put_swing(bars.high, 1, t, params, found, out)
        if _swings(bars.low, -1.0, t, params):
            found = _put_swing(bars.low, -1, t, params, found, out)
    return found


@helper
def _extreme(prices, sign, t, half):
    """The farthest price around ``t``; NaN if any of them is."""
    farthest = sign * prices[t - half]
    for s in range(t - half + 1, t + half + 1):
        price = sign * prices[s]
        if price > farthest or price != price:
            farthest = price
    return sign * farthest


@helper
def _alike(extremes, t, first, stop, tolerance):
    count = 0
    for s in range(first, stop):
        if abs(extremes[s] - extremes[t]) <= tolerance:
            count += 1
    return count


@helper
def _put_pool(side, level, count, t, params, found, out):
    if count < params.least:
        return found
    if found < out.ints.shape[0]:
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = t + params.reach - 1 + params.half
        out.ints[found, OWN] = side
        out.ints[found, OWN + 1] = count
        out.floats[found, 0] = level
    return found + 1


@kernel
def liquidity_pools(bars, start, stop, params, out):
    found, n, half, reach = 0, bars.high.size, params.half, params.reach
    first, last = max(start, reach), min(stop, n - reach)
    middle = out.work_floats.size // 2
    highest, lowest = out.work_floats[:middle], out.work_floats[middle:]
    for t in range(max(first - reach, half), min(last + reach - 1, n - half)):
        highest[t] = _extreme(bars.high, 1.0, t, half)
        lowest[t] = _extreme(bars.low, -1.0, t, half)
    for t in range(max(first, half), min(last, n - half)):
        begin, end = max(t - reach, half), min(t + reach, n - half)
        count = _alike(highest, t, begin, end, params.tolerance)
        found = _put_pool(1, highest[t], count, t, params, found, out)
        count = _alike(lowest, t, begin, end, params.tolerance)
        found = _put_pool(-1, lowest[t], count, t, params, found, out)
    return found
