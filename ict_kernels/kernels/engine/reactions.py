"""Bars from which the next four bars move away, asked for the last twenty bars."""

from __future__ import annotations

from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN

KEPT = 20
FEWEST = 15
EDGE = 5
AFTER = 4


class ReactionsParams(NamedTuple):
    threshold: float = 0.001  # in ranges of the bar
    window: int = 1000000000  # bars that each question sees


@helper
def _reaction(bars, at, direction):
    """Return the mean distance of the following bars in ranges of the bar."""
    size = bars.high[at] - bars.low[at]
    total = 0.0
    if size <= 0:
        return total
    for later in range(at + 1, at + 1 + AFTER):
        if direction > 0:
            total += abs(bars.low[later] - bars.high[at]) / size
        else:
            total += abs(bars.high[later] - bars.low[at]) / size
    return total / AFTER


@kernel
def reactions(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, 0), min(stop, bars.high.size)):
        rows = min(t + 1, params.window)
        if rows < FEWEST:
            continue
        kept = min(rows, KEPT)
        for position in range(EDGE, kept - EDGE):
            at = t + 1 - kept + position
            direction = 1 if bars.close[at] > bars.open[at] else -1
            reaction = _reaction(bars, at, direction)
            if not reaction > params.threshold:
                continue
            if found < out.ints.shape[0]:
                out.ints[found, BAR] = t
                out.ints[found, CONFIRMED] = t
                out.ints[found, OWN] = at
                out.ints[found, OWN + 1] = position
                out.ints[found, OWN + 2] = direction
                out.floats[found, 0] = bars.high[at]
                out.floats[found, 1] = bars.low[at]
                out.floats[found, 2] = reaction
            found += 1
    return found
