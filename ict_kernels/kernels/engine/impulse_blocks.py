"""Order blocks: bars whose body is large beside the bodies before it."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN


class ImpulseBlocksParams(NamedTuple):
    lookback: int = 10  # bodies before it, fewer at the beginning
    ratio: float = 1.5
    later: int = 10  # bars after it that there must be, and among which the first touch is looked for
    touch: int = 1  # 0 not looked for, 1 noted, 2 required
    above: float = 1.001  # times the high, up to which a later low touches
    below: float = 0.999  # times the low, down to which a later high touches
    still: int = 0  # whether bodies before it may all be zero


@helper
def mean_body(bars, start, stop):
    """NaN is skipped; NaN if nothing is left."""
    total, count = 0.0, 0
    for t in range(start, stop):
        body = abs(bars.close[t] - bars.open[t])
        if body == body:
            total += body
            count += 1
    return total / count if count > 0 else math.nan


@helper
def is_impulse(body, mean, params):
    return body > params.ratio * mean and (mean > 0.0 or (params.still == 1 and mean == 0.0))


@helper
def first_touch(bars, t, params):
    """The first of the later bars that comes back to bar ``t``, else -1."""
    upper, lower = params.above * bars.high[t], params.below * bars.low[t]
    for later in range(t + 1, t + 1 + params.later):
        if bars.low[later] <= upper and bars.high[later] >= lower:
            return later
    return -1


@kernel
def impulse_blocks(bars, start, stop, params, out):
    found = 0
    for t in range(start, min(stop, bars.close.size - params.later)):
        body = abs(bars.close[t] - bars.open[t])
        mean = mean_body(bars, max(t - params.lookback, 0), t)
        if not is_impulse(body, mean, params):
            continue
        touched = first_touch(bars, t, params) if params.touch > 0 else -1
        if params.touch == 2 and touched < 0:
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t + params.later
            out.ints[found, OWN] = 1 if bars.close[t] > bars.open[t] else -1
            out.ints[found, OWN + 1] = touched
            out.floats[found, 0] = bars.high[t]
            out.floats[found, 1] = bars.low[t]
            out.floats[found, 2] = body
            out.floats[found, 3] = mean
        found += 1
    return found
