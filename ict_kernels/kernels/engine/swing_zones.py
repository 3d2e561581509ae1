"""The candle of a swing as a zone of supply or demand, seen from later bars."""

import math
from typing import NamedTuple

import numpy as np

from .._jit import helper, kernel, routine
from ._types import BAR, CONFIRMED, OWN
from .swings import SwingsParams, _stands_out

ZERO = np.int64(0)  # for a literal, every routine that is handed it would be compiled apart
SETTLED = 5  # bars at either end of the frame that are no candidates
NINE_BARS = SwingsParams(left=4, right=4, ties=0)
SIDE, QUALITY = OWN + 1, OWN + 2
PRICE, ENTRY, STOP, TARGET, DISTANCE, REWARD, CONFIDENCE, AVERAGE, RECENT = range(9)
LOW, MEDIUM, HIGH, PREMIUM = range(4)


class SwingZonesParams(NamedTuple):
    lookback: int = 25
    window: int = 200
    most: int = 5  # 0: all, in order of bars
    gate: int = 1  # whether thin volume disqualifies
    strict: int = 0  # whether the best quality comes first
    price: float = math.nan  # NaN: the close of the bar that asks
    health: float = 1.0
    pips: float = 10000.0  # per unit of price
    max_pips: float = 50.0
    min_confidence: float = 70.0


@routine
def mean(values, start, stop):
    """Return the mean, NaN left out, of ``values[start:stop]``; NaN without any."""
    total, count = 0.0, 0
    for i in range(start, stop):
        if not math.isnan(values[i]):
            total += values[i]
            count += 1
    return total / count if count > 0 else math.nan


@helper
def _boost(volume, first, i):
    if volume.size == 0:
        return 0.0
    usual = mean(volume, max(first, i - 10), i)
    boost = 0.0
    if usual != 0.0:
        ratio = volume[i] / usual
        if ratio > 2.0:
            boost = 15.0
        elif ratio > 1.5:
            boost = 10.0
        elif ratio > 1.2:
            boost = 5.0
    return boost


@helper
def _quality(confidence, health, reward, distance):
    score = 0.4 * confidence + 30 * health + 0.2 * min(100.0, 20 * reward) + 0.1 * max(0.0, 100 - distance)
    quality = LOW
    if score >= 90:
        quality = PREMIUM
    elif score >= 75:
        quality = HIGH
    elif score >= 60:
        quality = MEDIUM
    return quality


@helper
def _rank(quality, strict):
    """Place of a quality in the order: by its name, or strictly by what it means."""
    rank = PREMIUM - quality
    if strict == 0:
        rank = quality if quality == PREMIUM else (quality + 1) % 3
    return rank


@helper
def _precedes(quality, distance, confidence, out, line, strict):
    rank, other = _rank(quality, strict), _rank(out.ints[line, QUALITY], strict)
    if rank != other:
        return rank < other
    if distance != out.floats[line, DISTANCE]:
        return distance < out.floats[line, DISTANCE]
    return confidence > out.floats[line, CONFIDENCE]


@routine
def make_way(out, line, last):
    """Move the lines from ``line`` up to ``last`` down by one."""
    for below in range(last, line, -1):
        for column in range(out.ints.shape[1]):
            out.ints[below, column] = out.ints[below - 1, column]
        for column in range(out.floats.shape[1]):
            out.floats[below, column] = out.floats[below - 1, column]


@helper
def _line_for(quality, distance, confidence, params, out, base, kept):
    """Clear the line that a zone belongs on, among the ``kept`` ones from ``base`` on; -1 if there is no room."""
    room = out.ints.shape[0] - base
    place = min(kept, room)
    if params.most > 0:
        room = min(room, params.most)
        place = min(kept, room)
        while place > 0 and _precedes(quality, distance, confidence, out, base + place - 1, params.strict):
            place -= 1
    if place >= room:
        return -1
    make_way(out, base + place, base + min(kept, room - 1))
    return base + place


@routine
def _add_zone(bars, t, first, i, side, params, out, base, kept):
    """Add the zone of swing ``i`` to the ``kept`` lines from ``base`` on; return how many they are then."""
    volume = bars.volume
    if params.gate != 0 and volume.size > 0 and volume[i] < 0.8 * mean(volume, i - 5, i + 5):
        return kept
    height = bars.high[i] - bars.low[i]
    entry, extreme = (bars.high[i], bars.low[i]) if side > 0 else (bars.low[i], bars.high[i])
    stop = extreme - side * 0.2 * height
    target = entry + 2 * (1 + (params.health - 0.5)) * (entry - stop)
    price = bars.close[t] if math.isnan(params.price) else params.price
    distance, risk = abs(price - entry) * params.pips, abs(entry - stop)
    reward = 0.0 if risk == 0 else abs(target - entry) / risk
    confidence = min(95.0, 65 + _boost(volume, first, i) + 20 * params.health)
    if not (distance <= params.max_pips and confidence >= params.min_confidence and reward >= 1.5):
        return kept
    quality = _quality(confidence, params.health, reward, distance)
    line = _line_for(quality, distance, confidence, params, out, base, kept)
    if line >= 0:
        out.ints[line, BAR] = out.ints[line, CONFIRMED] = t
        out.ints[line, OWN], out.ints[line, SIDE], out.ints[line, QUALITY] = i, side, quality
        out.floats[line, PRICE], out.floats[line, ENTRY] = extreme, entry
        out.floats[line, STOP], out.floats[line, TARGET] = stop, target
        out.floats[line, DISTANCE], out.floats[line, REWARD] = distance, reward
        out.floats[line, CONFIDENCE] = confidence
    return kept + 1 if params.most == 0 else min(kept + 1, params.most)


@routine
def zones_at(bars, t, params, out, base):
    """Write the zones that bar ``t`` sees into the lines from ``base`` on; return how many there are."""
    first = max(0, t + 1 - params.window)
    kept = ZERO
    if t + 1 - first < params.lookback:
        return kept
    for i in range(max(first + SETTLED, t + 1 - params.lookback), t + 1 - SETTLED):
        for side in (1, -1):
            if _stands_out(bars.low if side > 0 else bars.high, -float(side), i, NINE_BARS):
                kept = _add_zone(bars, t, first, i, side, params, out, base, kept)
    return kept


@helper
def _note_volume(volume, t, first, out, base, kept):
    average, recent = math.nan, math.nan
    if volume.size > 0:
        average, recent = mean(volume, first, t + 1), mean(volume, max(first, t - 4), t + 1)
    for line in range(base, min(base + kept, out.ints.shape[0])):
        out.floats[line, AVERAGE], out.floats[line, RECENT] = average, recent


@kernel
def swing_zones(bars, start, stop, params, out):
    found = ZERO
    for t in range(start, stop):
        kept = zones_at(bars, t, params, out, found)
        if kept > 0:
            _note_volume(bars.volume, t, max(0, t + 1 - params.window), out, found, kept)
        found += kept
    return found
