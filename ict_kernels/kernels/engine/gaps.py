"""Three candles of which the outer two do not overlap."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN

PIPS = 10000


class GapsParams(NamedTuple):
    min_size: float = -math.inf
    min_pips: float = -math.inf
    max_pips: float = math.inf
    body: int = 0


@helper
def _fits(size, params):
    pips = size * PIPS
    return size >= params.min_size and pips >= params.min_pips and pips <= params.max_pips


@kernel
def gaps(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, 1), min(stop, bars.high.size - 1)):
        top, bottom, direction = bars.low[t + 1], bars.high[t - 1], 1
        if not (bottom < top and (params.body == 0 or bars.close[t] > bars.open[t])):
            top, bottom, direction = bars.low[t - 1], bars.high[t + 1], -1
            if not (top > bottom and (params.body == 0 or bars.close[t] < bars.open[t])):
                continue
        if not _fits(top - bottom, params):
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t + 1
            out.ints[found, OWN] = direction
            out.floats[found, 0] = top
            out.floats[found, 1] = bottom
        found += 1
    return found
