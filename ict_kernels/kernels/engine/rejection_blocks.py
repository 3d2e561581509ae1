"""Bars of mostly wick that the price then leaves in the direction of their body."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN


class RejectionBlocksParams(NamedTuple):
    lead: int = 10  # bars that must come before
    later: int = 5  # bars after it, in which the price leaves
    wick: float = 2.0  # times the body that the range must exceed
    above: float = 1.001  # times the high that a later close must exceed
    below: float = 0.999  # times the low that a later close must undercut
    loud: float = 0.8  # times the bar's volume that a later bar's must exceed to count
    unmeasured: int = 3  # the count without volume


@helper
def _farthest_close(bars, sign, t, later):
    """NaN is skipped."""
    farthest = -math.inf
    for s in range(t + 1, t + 1 + later):
        if sign * bars.close[s] > farthest:
            farthest = sign * bars.close[s]
    return sign * farthest


@helper
def _loud_bars(bars, t, params):
    if bars.volume.size == 0:
        return params.unmeasured
    count = 0
    for s in range(t + 1, t + 1 + params.later):
        if bars.volume[s] > params.loud * bars.volume[t]:
            count += 1
    return count


@kernel
def rejection_blocks(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, params.lead), min(stop, bars.close.size - params.later)):
        body = bars.close[t] - bars.open[t]
        direction = 1 if body > 0.0 else -1
        if not (body != 0.0 and bars.high[t] - bars.low[t] > params.wick * abs(body)):
            continue
        left = _farthest_close(bars, float(direction), t, params.later)
        if direction == 1 and not left > params.above * bars.high[t]:
            continue
        if direction == -1 and not left < params.below * bars.low[t]:
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t + params.later
            out.ints[found, OWN] = direction
            out.ints[found, OWN + 1] = _loud_bars(bars, t, params)
            out.floats[found, 0] = bars.high[t]
            out.floats[found, 1] = bars.low[t]
            out.floats[found, 2] = left
            out.floats[found, 3] = abs(body)
        found += 1
    return found
