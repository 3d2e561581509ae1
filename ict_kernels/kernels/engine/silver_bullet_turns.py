"""Two halves of ten bars that run against each other, in the hours of the silver bullet."""

from __future__ import annotations

from typing import NamedTuple

from .._jit import kernel
from ._types import BAR, CONFIRMED, OWN

HALF = 5


class SilverBulletTurnsParams(NamedTuple):
    window: int = 200
    least: int = 20


@kernel
def silver_bullet_turns(bars, start, stop, params, out):
    found = 0
    least = max(params.least, 2 * HALF)
    if params.window < least:
        return found
    for t in range(max(start, least - 1), min(stop, bars.close.size)):
        hour = bars.minute[t] // 60
        if hour != 10 and hour != 11 and hour != 14 and hour != 15:
            continue
        before = bars.close[t - HALF] - bars.close[t - 2 * HALF + 1]
        after = bars.close[t] - bars.close[t - HALF + 1]
        if not ((before > 0 and after < 0) or (before < 0 and after > 0)):
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t
            out.ints[found, OWN] = 1 if after > 0 else -1
            out.floats[found, 0] = bars.close[t]
        found += 1
    return found
