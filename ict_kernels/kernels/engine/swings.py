"""Bars that stand out over their neighbours, by the engine's comparisons."""

from __future__ import annotations

from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN


class SwingsParams(NamedTuple):
    left: int = 5
    right: int = 5
    ties: int = 0  # whether neighbours may be equal


@helper
def _stands_out(prices, sign, t, params):
    """No neighbour disqualifies bar ``t``; NaN disqualifies nothing and is not disqualified."""
    price = sign * prices[t]
    for lag in range(1, max(params.left, params.right) + 1):
        if lag <= params.left:
            other = sign * prices[t - lag]
            if other > price or (params.ties == 0 and other == price):
                return False
        if lag <= params.right:
            other = sign * prices[t + lag]
            if other > price or (params.ties == 0 and other == price):
                return False
    return True


@helper
def _put(t, side, price, right, found, out):
    if found < out.ints.shape[0]:
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = t + right
        out.ints[found, OWN] = side
        out.floats[found, 0] = price
    return found + 1


@kernel
def swings(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, params.left), min(stop, bars.high.size - params.right)):
        if _stands_out(bars.high, 1.0, t, params):
            found = _put(t, 1, bars.high[t], params.right, found, out)
        if _stands_out(bars.low, -1.0, t, params):
            found = _put(t, -1, bars.low[t], params.right, found, out)
    return found
