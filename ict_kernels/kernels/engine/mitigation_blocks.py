"""Blocks that the price may come back to, and how far it has, asked at every bar of the last 30 bars."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel, routine
from ._types import BAR, CONFIRMED, OWN

LEAST_ROWS, WINDOW = 40, 30
MOST_BLOCKS, INTS, FLOATS = 5, 3, 3  # and what is noted of each
REACH = 5
LEAST_REJECTIONS = 2
NEAR_PIPS, DRIFT_PIPS = 5.0, 5.0
LEAST_GAP, MOST_GAP = 3.0, 20.0
BREAKER, DEMAND, SUPPLY, GAP = 0, 1, 2, 3
BREAKER_QUALITY, GAP_QUALITY = 0.8, 0.6


class BlocksParams(NamedTuple):
    kind: int = 0  # breaker, demand zone, supply zone
    per_unit: float = 10000.0


class MitigationsParams(NamedTuple):
    per_unit: float = 10000.0
    price: float = 0.0  # the close of the asking bar if 0
    grabs: int = 0  # liquidity grabs near each block's origin
    lookback: int = 20
    min_pips: float = 5.0
    max_pips: float = 50.0
    full: float = 0.8
    volume_spike: float = 1.5
    quality_weight: float = 0.25
    strength_weight: float = 0.20
    volume_weight: float = 0.15
    institutional_weight: float = 0.15
    timing_weight: float = 0.10
    structure_weight: float = 0.15
    smart_bonus: float = 0.15
    gap_bonus: float = 0.10
    breaker_bonus: float = 0.12
    min_confidence: float = 70.0


@helper
def _breaker(bars, t):
    """1 or -1 where a close beyond the bar before is not taken back by the next; else 0."""
    if (
        bars.close[t] > bars.high[t - 1]
        and bars.close[t] > bars.open[t]
        and bars.low[t + 1] > bars.low[t - 1]
    ):
        return 1
    if (
        bars.close[t] < bars.low[t - 1]
        and bars.close[t] < bars.open[t]
        and bars.high[t + 1] < bars.high[t - 1]
    ):
        return -1
    return 0


@helper
def _breaker_edges(bars, t, side):
    if side > 0:
        return bars.high[t], bars.low[t - 1]
    return bars.high[t - 1], bars.low[t]


@helper
def _rejections(bars, kind, t, per_unit):
    """How many bars around ``t`` end at its low and close up (demand), or at its high and close down (supply)."""
    near = NEAR_PIPS / per_unit
    rejections = 0
    if kind == DEMAND:
        for other in range(t - REACH, t + REACH + 1):
            close_by = abs(bars.low[other] - bars.low[t]) <= near
            rejections += int(close_by & (bars.close[other] > bars.open[other]))
    else:
        for other in range(t - REACH, t + REACH + 1):
            close_by = abs(bars.high[other] - bars.high[t]) <= near
            rejections += int(close_by & (bars.close[other] < bars.open[other]))
    return rejections


@helper
def _zone_quality(rejections):
    return min(0.4 + 0.15 * rejections, 0.9)


@helper
def _put_block(t, confirmed, side, rejections, high, low, quality, found, out):
    if found < out.ints.shape[0]:
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = confirmed
        out.ints[found, OWN] = side
        out.ints[found, OWN + 1] = rejections
        out.floats[found, 0] = high
        out.floats[found, 1] = low
        out.floats[found, 2] = quality
    return found + 1


@kernel
def blocks(bars, start, stop, params, out):
    found = 0
    bars_there = bars.close.size
    if params.kind == BREAKER:
        rejections, quality = 0, BREAKER_QUALITY
        for t in range(max(start, 2), min(stop, bars_there - 2)):
            side = _breaker(bars, t)
            if side != 0:
                high, low = _breaker_edges(bars, t, side)
                found = _put_block(t, t + 2, side, rejections, high, low, quality, found, out)
        return found
    side = 1 if params.kind == DEMAND else -1
    for t in range(max(start, REACH), min(stop, bars_there - REACH)):
        rejections = _rejections(bars, params.kind, t, params.per_unit)
        if rejections >= LEAST_REJECTIONS:
            quality = _zone_quality(rejections)
            found = _put_block(t, t + REACH, side, rejections, bars.high[t], bars.low[t], quality, found, out)
    return found


@helper
def _gap(bars, t, per_unit):
    """Direction and edges of a gap around bar ``t`` that is neither too small nor too large; else 0."""
    side, high, low = 0, 0.0, 0.0
    if bars.high[t - 1] < bars.low[t + 1] and bars.close[t] > bars.open[t]:
        side, high, low = 1, bars.low[t + 1], bars.high[t - 1]
    elif bars.low[t - 1] > bars.high[t + 1] and bars.close[t] < bars.open[t]:
        side, high, low = -1, bars.low[t - 1], bars.high[t + 1]
    pips = (high - low) * per_unit
    if not (pips >= LEAST_GAP and pips <= MOST_GAP):
        side = 0
    return side, high, low


@routine
def _rank(kind, side, t, high, low, quality, kept, params, out):
    """Note a block of the right size among the best five, after those of equal quality."""
    pips = (high - low) * params.per_unit
    if not (pips >= params.min_pips and pips <= params.max_pips):
        return kept
    at = kept
    while at > 0 and out.work_floats[FLOATS * (at - 1) + 2] < quality:
        at -= 1
    if at == MOST_BLOCKS:
        return kept
    kept = min(kept + 1, MOST_BLOCKS)
    for row in range(kept - 1, at, -1):
        for column in range(INTS):
            out.work_ints[INTS * row + column] = out.work_ints[INTS * (row - 1) + column]
        for column in range(FLOATS):
            out.work_floats[FLOATS * row + column] = out.work_floats[FLOATS * (row - 1) + column]
    out.work_ints[INTS * at] = kind
    out.work_ints[INTS * at + 1] = side
    out.work_ints[INTS * at + 2] = t
    out.work_floats[FLOATS * at] = high
    out.work_floats[FLOATS * at + 1] = low
    out.work_floats[FLOATS * at + 2] = quality
    return kept


@routine
def _best_blocks(bars, t, params, out):
    """Note the best blocks of the window that ends at ``t``; return how many there are."""
    first, last = t + 1 - WINDOW, t
    kept = 0
    for at in range(first + 2, last - 1):
        side = _breaker(bars, at)
        if side != 0:
            high, low = _breaker_edges(bars, at, side)
            kept = _rank(BREAKER, side, at, high, low, BREAKER_QUALITY, kept, params, out)
    for kind in range(DEMAND, SUPPLY + 1):
        side = 1 if kind == DEMAND else -1
        for at in range(first + REACH, last + 1 - REACH):
            rejections = _rejections(bars, kind, at, params.per_unit)
            if rejections >= LEAST_REJECTIONS:
                quality = _zone_quality(rejections)
                kept = _rank(kind, side, at, bars.high[at], bars.low[at], quality, kept, params, out)
    for at in range(first + 1, last):
        side, high, low = _gap(bars, at, params.per_unit)
        if side != 0:
            kept = _rank(GAP, side, at, high, low, GAP_QUALITY, kept, params, out)
    return kept


@helper
def _change(bars, t):
    change = bars.close[t] - bars.close[t - 1]
    return change if change == change else 0.0


@helper
def _approach(bars, t, per_unit):
    """How fast the price moved over the last ten bars; added in the order in which NumPy adds ten numbers."""
    left = _change(bars, t - 8) + (_change(bars, t - 7) + _change(bars, t - 6))
    right = (_change(bars, t - 5) + _change(bars, t - 4)) + (_change(bars, t - 3) + _change(bars, t - 2))
    mean = (left + right + _change(bars, t - 1) + _change(bars, t)) / 10.0
    return min(abs(mean) / (DRIFT_PIPS / per_unit), 1.0)


@helper
def _rejection(bars, t):
    """The share of three of the last five bars that have a wick of more than twice their body."""
    count = 0
    for other in range(t - 4, t + 1):
        body = abs(bars.close[other] - bars.open[other])
        above = bars.high[other] - max(bars.open[other], bars.close[other])
        below = min(bars.open[other], bars.close[other]) - bars.low[other]
        if body > 0.0 and max(above, below) / body > 2.0:
            count += 1
    return min(count / 3.0, 1.0)


@helper
def _mean(values, t, count):
    """The mean of the last values up to bar ``t`` without NaN."""
    total, counted = 0.0, 0
    for other in range(t + 1 - count, t + 1):
        if values[other] == values[other]:
            total += values[other]
            counted += 1
    return total / counted if counted > 0 else math.nan


@helper
def _volume(bars, t, params):
    """Score and intensity of the last five bars' volume."""
    score, intensity = 0.6, 0.0
    if bars.volume.size > 0:
        usual = _mean(bars.volume, t, 20)
        ratio = _mean(bars.volume, t, 5) / usual if usual > 0.0 else 0.0
        score = 0.4
        if ratio >= params.volume_spike:
            intensity = min((ratio - 1.0) / 2.0, 1.0)
            score = 0.6 + 0.4 * intensity
    return score, intensity


@helper
def _returned(side, high, low, price):
    """How deep the price stands in the block, from 0 to 1, and how strong that makes the return."""
    part, strength = 0.0, 0.0
    if low < high and low <= price and price <= high:
        part = ((high - price) if side > 0 else (price - low)) / (high - low)
        strength = 0.7 + 0.3 * part
    elif (price < low) if side > 0 else (price > high):
        part, strength = 1.0, 1.0
    return part, strength


@helper
def _institutional(kind, quality, part, params):
    score = 0.5
    for _ in range(params.grabs):
        score += 0.2
    if quality > 0.8:
        score += 0.2
    if kind == BREAKER:
        score += 0.2
    if kind == GAP:
        score += 0.1
    if part >= 0.7:
        score += 0.1
    return min(score, 1.0)


@helper
def _confidence(kind, quality, strength, volume, institutional, part, params):
    structure = 0.9 if kind == BREAKER else 0.7 if kind == GAP else 0.6
    total = 100.0 * (
        params.quality_weight * quality
        + params.strength_weight * strength
        + params.volume_weight * volume
        + params.institutional_weight * institutional
        + params.timing_weight * 0.8
        + params.structure_weight * structure
    )
    if institutional > 0.8:
        total += 100.0 * params.smart_bonus
    if kind == GAP:
        total += 100.0 * params.gap_bonus
    if kind == BREAKER:
        total += 100.0 * params.breaker_bonus
    if part >= params.full:
        total += 8.0
    return min(total, 95.0)


@helper
def _extreme(prices, sign, t, count):
    """The furthest of the last prices; NaN is passed over."""
    most = prices[max(t + 1 - count, 0)]
    for other in range(max(t + 1 - count, 0), t + 1):
        if sign * prices[other] > sign * most or most != most:
            most = prices[other]
    return most


@kernel
def mitigations(bars, start, stop, params, out):
    found = 0
    up, down = 1.0, -1.0
    for t in range(max(start, LEAST_ROWS - 1), min(stop, bars.close.size)):
        kept = _best_blocks(bars, t, params, out)
        if kept == 0:
            continue
        price = bars.close[t] if params.price == 0.0 else params.price
        approach = _approach(bars, t, params.per_unit)
        rejection = _rejection(bars, t)
        volume, intensity = _volume(bars, t, params)
        for row in range(kept):
            kind, side = out.work_ints[INTS * row], out.work_ints[INTS * row + 1]
            high, low = out.work_floats[FLOATS * row], out.work_floats[FLOATS * row + 1]
            quality = out.work_floats[FLOATS * row + 2]
            part, returned = _returned(side, high, low, price)
            strength = 0.6 * returned + 0.2 * approach + 0.2 * rejection
            if not strength >= 0.6:
                continue
            institutional = _institutional(kind, quality, part, params)
            confidence = _confidence(kind, quality, strength, volume, institutional, part, params)
            if not confidence >= params.min_confidence:
                continue
            if found < out.ints.shape[0]:
                out.ints[found, BAR] = t
                out.ints[found, CONFIRMED] = t
                out.ints[found, OWN] = side
                out.ints[found, OWN + 1] = kind
                out.ints[found, OWN + 2] = out.work_ints[INTS * row + 2]
                out.floats[found, 0] = high
                out.floats[found, 1] = low
                out.floats[found, 2] = price
                out.floats[found, 3] = quality
                out.floats[found, 4] = part
                out.floats[found, 5] = strength
                out.floats[found, 6] = approach
                out.floats[found, 7] = rejection
                out.floats[found, 8] = intensity
                out.floats[found, 9] = institutional
                out.floats[found, 10] = confidence
                if side > 0:
                    out.floats[found, 11] = _extreme(bars.high, up, t, params.lookback)
                else:
                    out.floats[found, 11] = _extreme(bars.low, down, t, params.lookback)
            found += 1
    return found
