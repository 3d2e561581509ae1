"""Levels that stops gather behind, and closes back across them, asked at every bar of the last bars alone."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel, routine
from ._types import BAR, CONFIRMED, OWN

LEAST_ROWS = 30
HUNT_BARS = 10
TOUCH_BARS = 20
NEAR_PIPS = 2.0
MOST_LEVELS = 8
HIGHEST, LOWEST, SWING_HIGH, SWING_LOW = 0, 1, 2, 3


class LevelsParams(NamedTuple):
    periods: int = 30
    per_unit: float = 10000.0


class GrabsParams(NamedTuple):
    periods: int = 30
    per_unit: float = 10000.0
    price: float = 0.0  # the close of the asking bar if 0
    blocks: int = 0  # order blocks near the level
    min_pips: float = 3.0
    max_pips: float = 15.0
    reversal_pips: float = 8.0
    reversal_bars: int = 3
    volume_spike: float = 1.8
    institutional: float = 0.75
    hunt_weight: float = 0.30
    reversal_weight: float = 0.25
    volume_weight: float = 0.20
    institutional_weight: float = 0.15
    density_weight: float = 0.10
    smart_bonus: float = 0.12
    min_confidence: float = 72.0


@helper
def _furthest(prices, sign, first, stop):
    """Where the highest price (sign 1) or the lowest (sign -1) stands first; NaN is passed over."""
    at = first
    for t in range(first + 1, stop):
        if sign * prices[t] > sign * prices[at] or prices[at] != prices[at]:
            at = t
    return at


@helper
def _three_swings(prices, sign, first, stop):
    """The last three bars beyond two neighbours on each side, oldest first; -1 where there are fewer."""
    one, two, three = -1, -1, -1
    for t in range(first + 2, stop - 2):
        price = sign * prices[t]
        if (
            price > sign * prices[t - 1]
            and price > sign * prices[t + 1]
            and price > sign * prices[t - 2]
            and price > sign * prices[t + 2]
        ):
            one, two, three = two, three, t
    return one, two, three


@helper
def _add_level(prices, kind, at, levels, out):
    if at < 0:
        return levels
    out.work_ints[2 * levels] = kind
    out.work_ints[2 * levels + 1] = at
    out.work_floats[levels] = prices[at]
    return levels + 1


@routine
def _map_levels(bars, t, periods, out):
    """Note kind, bar and price of each level of the bars up to ``t``; return how many there are."""
    first, stop = max(t + 1 - periods, 0), t + 1
    up, down = 1.0, -1.0
    levels = _add_level(bars.high, HIGHEST, _furthest(bars.high, up, first, stop), 0, out)
    levels = _add_level(bars.low, LOWEST, _furthest(bars.low, down, first, stop), levels, out)
    for at in _three_swings(bars.high, up, first, stop):
        levels = _add_level(bars.high, SWING_HIGH, at, levels, out)
    for at in _three_swings(bars.low, down, first, stop):
        levels = _add_level(bars.low, SWING_LOW, at, levels, out)
    return levels


@helper
def _touches(bars, t, level, params):
    first = max(t + 1 - min(params.periods, TOUCH_BARS), 0)
    near = NEAR_PIPS / params.per_unit
    touches = 0
    for other in range(first, t + 1):
        if abs(bars.high[other] - level) <= near or abs(bars.low[other] - level) <= near:
            touches += 1
    return touches


@kernel
def liquidity_levels(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, 0), min(stop, bars.high.size)):
        levels = _map_levels(bars, t, params.periods, out)
        for at in range(levels):
            if found < out.ints.shape[0]:
                level = out.work_floats[at]
                out.ints[found, BAR] = t
                out.ints[found, CONFIRMED] = t
                out.ints[found, OWN] = out.work_ints[2 * at]
                out.ints[found, OWN + 1] = out.work_ints[2 * at + 1]
                out.ints[found, OWN + 2] = _touches(bars, t, level, params)
                out.floats[found, 0] = level
            found += 1
    return found


@helper
def _weight(kind):
    return 0.9 if kind <= LOWEST else 0.7


@routine
def _hunted(bars, t, level, params):
    """The direction that a close back across the level speaks for, by the first such bar; 0 without one."""
    for other in range(max(t + 1 - HUNT_BARS, 0), t + 1):
        above = (bars.high[other] - level) * params.per_unit
        if (
            bars.high[other] > level
            and bars.close[other] < level
            and above >= params.min_pips
            and above <= params.max_pips
        ):
            return -1
        below = (level - bars.low[other]) * params.per_unit
        if (
            bars.low[other] < level
            and bars.close[other] > level
            and below >= params.min_pips
            and below <= params.max_pips
        ):
            return 1
    return 0


@helper
def _best_hunt(bars, t, levels, params, out):
    """The heaviest hunted level, the first of equals, and its direction."""
    best, side, heaviest = -1, 0, 0.0
    for at in range(levels):
        weight = _weight(out.work_ints[2 * at])
        if weight > heaviest:
            hunted = _hunted(bars, t, out.work_floats[at], params)
            if hunted != 0:
                best, side, heaviest = at, hunted, weight
    return best, side, heaviest


@helper
def _mean(values, t, count):
    """The mean of the last values up to bar ``t`` without NaN."""
    total, counted = 0.0, 0
    for other in range(max(t + 1 - count, 0), t + 1):
        if values[other] == values[other]:
            total += values[other]
            counted += 1
    return total / counted if counted > 0 else math.nan


@helper
def _volume(bars, t, params):
    """Score and intensity of the last three bars' volume."""
    score, intensity = 0.5, 0.0
    if bars.volume.size > 0:
        usual = _mean(bars.volume, t, 20)
        if usual != 0.0:
            ratio = _mean(bars.volume, t, 3) / usual
            score = 0.3
            if ratio >= params.volume_spike:
                intensity = min((ratio - 1.0) / 2.0, 1.0)
                score = 0.5 + 0.5 * intensity
    return score, intensity


@helper
def _reversal(bars, t, side, price, params):
    """Score and reach, in pips, of the way back from the last bars' extreme."""
    first = max(t + 1 - params.reversal_bars, 0)
    if side > 0:
        down = -1.0
        pips = (price - bars.low[_furthest(bars.low, down, first, t + 1)]) * params.per_unit
    else:
        up = 1.0
        pips = (bars.high[_furthest(bars.high, up, first, t + 1)] - price) * params.per_unit
    if pips >= params.reversal_pips:
        return min(pips / (2.0 * params.reversal_pips), 1.0), pips
    return 0.0, 0.0


@helper
def _institutional(kind, touches, params):
    score = 0.5
    for _ in range(params.blocks):
        score += 0.2
    if touches >= 3:
        score += 0.2
    if kind <= LOWEST:
        score += 0.1
    return min(score, 1.0)


@helper
def _confidence(hunt, reversal, volume, institutional, density, params):
    total = 100.0 * (
        params.hunt_weight * hunt
        + params.reversal_weight * reversal
        + params.volume_weight * volume
        + params.institutional_weight * institutional
        + params.density_weight * density
    )
    if institutional > 0.8:
        total += 100.0 * params.smart_bonus
    if hunt > 0.8 and reversal > 0.7:
        total += 7.0
    if volume > 0.7 and density > 0.6:
        total += 5.0
    return min(total, 95.0)


@helper
def _estimate(bars, t, side):
    """The furthest price of the last bars on the side the signal looks at."""
    first = max(t + 1 - LEAST_ROWS, 0)
    if side > 0:
        up = 1.0
        return bars.high[_furthest(bars.high, up, first, t + 1)]
    down = -1.0
    return bars.low[_furthest(bars.low, down, first, t + 1)]


@kernel
def liquidity_grabs(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, LEAST_ROWS - 1), min(stop, bars.close.size)):
        levels = _map_levels(bars, t, params.periods, out)
        best, side, weight = _best_hunt(bars, t, levels, params, out)
        if best < 0:
            continue
        level, kind = out.work_floats[best], out.work_ints[2 * best]
        price = bars.close[t] if params.price == 0.0 else params.price
        touches = _touches(bars, t, level, params)
        hunt = 0.7 + 0.3 * weight
        reversal, pips = _reversal(bars, t, side, price, params)
        volume, intensity = _volume(bars, t, params)
        institutional = _institutional(kind, touches, params)
        density = min(2.0 / levels + (0.3 if kind <= LOWEST else 0.0), 1.0)
        confidence = _confidence(hunt, reversal, volume, institutional, density, params)
        if not confidence >= params.min_confidence:
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t
            out.ints[found, OWN] = side
            out.ints[found, OWN + 1] = kind
            out.ints[found, OWN + 2] = out.work_ints[2 * best + 1]
            out.ints[found, OWN + 3] = touches
            out.floats[found, 0] = level
            out.floats[found, 1] = price
            out.floats[found, 2] = hunt
            out.floats[found, 3] = reversal
            out.floats[found, 4] = pips / params.per_unit
            out.floats[found, 5] = intensity
            out.floats[found, 6] = institutional
            out.floats[found, 7] = density
            out.floats[found, 8] = confidence
            out.floats[found, 9] = _estimate(bars, t, side)
        found += 1
    return found
