"""Prices that come back: equal extremes, impulses away from a candle, closes at and beyond a level."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import kernel
from ._types import BAR, CONFIRMED, OWN


class EqualLevelsParams(NamedTuple):
    side: int = 1
    tolerance: float = 0.0005
    before: int = 10
    after: int = 4
    touches: int = 2


class ImpulsesParams(NamedTuple):
    first: int = 5
    step: int = 10
    ahead: int = 3
    last: int = 5  # bars at the end that are not asked
    up: float = 1.001
    down: float = 0.999


class CloseBeyondParams(NamedTuple):
    level: float = 0.0
    side: int = 1


class CloseNearParams(NamedTuple):
    level: float = 1.1
    tolerance: float = 0.001


@kernel
def equal_levels(bars, start, stop, params, out):
    prices = bars.high if params.side > 0 else bars.low
    found = 0
    for t in range(max(start, params.before), min(stop, prices.size - params.after - 1)):
        touches = 1
        for at in range(t - params.before, t + params.after + 1):
            if at != t and abs(prices[at] - prices[t]) <= params.tolerance:
                touches += 1
        if touches < params.touches:
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t + params.after + 1
            out.ints[found, OWN] = touches
            out.floats[found, 0] = prices[t]
        found += 1
    return found


@kernel
def impulses(bars, start, stop, params, out):
    skipped = max(start - params.first + params.step - 1, 0) // params.step
    first, later = params.first + skipped * params.step, max(params.ahead, params.last)
    found = 0
    for t in range(first, min(stop, bars.high.size - later), params.step):
        top, bottom = -math.inf, math.inf
        for at in range(t + 1, t + params.ahead + 1):
            if bars.high[at] > top:
                top = bars.high[at]
            if bars.low[at] < bottom:
                bottom = bars.low[at]
        for side in (1, -1):
            if side > 0 and not top > params.up * bars.high[t]:
                continue
            if side < 0 and not bottom < params.down * bars.low[t]:
                continue
            if found < out.ints.shape[0]:
                out.ints[found, BAR] = t
                out.ints[found, CONFIRMED] = t + later
                out.ints[found, OWN] = side
                out.floats[found, 0] = bars.low[t] if side > 0 else bars.high[t]
            found += 1
    return found


@kernel
def close_beyond(bars, start, stop, params, out):
    found = 0
    for t in range(start, min(stop, bars.close.size)):
        for at in range(t, bars.close.size):
            close = bars.close[at]
            if close > params.level if params.side > 0 else close < params.level:
                if found < out.ints.shape[0]:
                    out.ints[found, BAR] = t
                    out.ints[found, CONFIRMED] = at
                    out.floats[found, 0] = close
                found += 1
                break
    return found


@kernel
def close_near(bars, start, stop, params, out):
    found = 0
    for t in range(start, min(stop, bars.close.size)):
        if abs(bars.close[t] - params.level) / params.level <= params.tolerance:
            if found < out.ints.shape[0]:
                out.ints[found, BAR] = t
                out.ints[found, CONFIRMED] = t
                out.floats[found, 0] = bars.volume[t] if bars.volume.size > 0 else math.nan
            found += 1
    return found
