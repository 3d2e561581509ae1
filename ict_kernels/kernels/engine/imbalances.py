"""Moves over a few bars that little volume carried."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED


class ImbalancesParams(NamedTuple):
    threshold: float = 0.0  # that the move must exceed
    relative: int = 0  # whether the move is measured as a share of where it began
    span: int = 5  # bars over which a move is measured
    quiet: float = 0.7  # times the mean volume of the move's other bars that the last bar's must stay below
    later: int = 5  # bars that must follow, though none is looked at


@helper
def _mean_volume(bars, start, stop):
    """NaN is skipped; NaN if nothing is left."""
    total, count = 0.0, 0
    for t in range(start, stop):
        if bars.volume[t] == bars.volume[t]:
            total += bars.volume[t]
            count += 1
    return total / count if count > 0 else math.nan


@helper
def _farthest(prices, sign, start, stop):
    """NaN is skipped; NaN if nothing is left."""
    farthest = math.nan
    for t in range(start, stop):
        price = sign * prices[t]
        if price == price and not price <= farthest:
            farthest = price
    return sign * farthest


@kernel
def imbalances(bars, start, stop, params, out):
    found = 0
    last = min(stop, min(bars.close.size, bars.volume.size) - params.later)
    for t in range(max(start, params.span), last):
        begun = bars.close[t - params.span]
        move = abs(bars.close[t] - begun)
        if not (move / begun if params.relative == 1 else move) > params.threshold:
            continue
        usual = _mean_volume(bars, t - params.span, t)
        if not bars.volume[t] < params.quiet * usual:
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t + params.later
            out.floats[found, 0] = bars.close[t]
            out.floats[found, 1] = begun
            out.floats[found, 2] = move
            out.floats[found, 3] = _farthest(bars.high, 1.0, t - params.span, t + 1)
            out.floats[found, 4] = _farthest(bars.low, -1.0, t - params.span, t + 1)
            out.floats[found, 5] = bars.volume[t] / usual if usual != 0.0 else 1.0
        found += 1
    return found
