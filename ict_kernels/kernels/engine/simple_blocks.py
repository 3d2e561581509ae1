"""Swings near the price as supply and demand zones, with a score and levels to trade."""

from typing import NamedTuple

from .._jit import helper, kernel
from ._types import BAR, CONFIRMED, OWN

REACH = 3  # bars on each side that make a swing
MARGIN = 5  # bars at both ends of the frame that are no candidates
BASELINE = 10  # bars whose mean volume is compared with
LEAST_REWARD = 1.5


class SimpleBlocksParams(NamedTuple):
    window: int = 200
    lookback: int = 20
    fixed: int = 0
    price: float = 0.0
    pips: float = 10000.0
    body: int = 0
    max_distance: float = 30.0
    min_confidence: float = 72.0
    max_confidence: float = 90.0
    base: float = 40.0
    wick_points: float = 20.0
    volume_ratio: float = 1.2
    volume_points: float = 10.0
    distance_points: float = 20.0
    demand_entry: float = 0.25
    demand_stop: float = 0.1
    supply_entry: float = 0.25
    supply_stop: float = 0.1
    reward: float = 2.0


@helper
def _swings(prices, sign, i):
    """No neighbour reaches bar ``i``; NaN disqualifies nothing and is not disqualified."""
    price = sign * prices[i]
    for lag in range(1, REACH + 1):
        if sign * prices[i - lag] >= price or sign * prices[i + lag] >= price:
            return False
    return True


@helper
def _busy(volume, first, i, ratio):
    """Bar ``i`` trades ``ratio`` times the mean of the bars before it, NaN left out."""
    if volume.size == 0:
        return False
    total, count = 0.0, 0
    for j in range(max(first, i - BASELINE), i):
        if volume[j] == volume[j]:
            total += volume[j]
            count += 1
    if count == 0 or total == 0:
        return count > 0 and volume[i] > 0
    return volume[i] / (total / count) >= ratio


@helper
def _put(bars, t, first, i, side, params, found, out):
    sign = float(side)
    high, low, close = bars.high[i], bars.low[i], bars.close[i]
    edge = low if side > 0 else high
    distance = abs((params.price if params.fixed else bars.close[t]) - edge) * params.pips
    if distance > params.max_distance:
        return found
    busy = _busy(bars.volume, first, i, params.volume_ratio)

    inner = sign * min(sign * close, sign * bars.open[i]) if params.body else close
    wick = sign * (inner - edge) / (abs(close - bars.open[i]) + 1 / params.pips)
    confidence = params.base + params.wick_points * wick
    if busy:
        confidence += params.volume_points
    if params.distance_points - distance > 0:
        confidence += params.distance_points - distance
    if not confidence < params.max_confidence:
        confidence = params.max_confidence

    size = high - low
    inward = params.demand_entry if side > 0 else params.supply_entry
    outward = params.demand_stop if side > 0 else params.supply_stop
    entry = edge + sign * (inward * size)
    stop = edge - sign * (outward * size)
    target = entry + params.reward * (entry - stop)
    risk_reward = 0.0 if entry == stop else abs(target - entry) / abs(entry - stop)
    if confidence < params.min_confidence or risk_reward < LEAST_REWARD:
        return found

    if found < out.ints.shape[0]:
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = t
        out.ints[found, OWN] = i
        out.ints[found, OWN + 1] = side
        out.ints[found, OWN + 2] = busy
        out.floats[found, 0] = edge
        out.floats[found, 1] = distance
        out.floats[found, 2] = confidence
        out.floats[found, 3] = entry
        out.floats[found, 4] = stop
        out.floats[found, 5] = target
        out.floats[found, 6] = risk_reward
    return found + 1


@kernel
def simple_blocks(bars, start, stop, params, out):
    found = 0
    for t in range(start, min(stop, bars.high.size)):
        rows = min(t + 1, params.window)
        if rows < params.lookback:
            continue
        first = t + 1 - rows
        for i in range(first + max(MARGIN, rows - params.lookback), t + 1 - MARGIN):
            demand, supply = _swings(bars.low, -1.0, i), _swings(bars.high, 1.0, i)
            for side in range(1, -2, -2):
                if demand if side > 0 else supply:
                    found = _put(bars, t, first, i, side, params, found, out)
    return found
