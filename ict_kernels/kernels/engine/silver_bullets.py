"""Structure and momentum at a bar's close, weighed by the time of day."""

from typing import NamedTuple

from .._jit import helper, kernel, routine
from ._extremes import extreme, level
from ._types import BAR, CONFIRMED, OWN

# First and last hour, and weight.
ZONES = ((3, 5, 1.15), (10, 11, 1.10), (10, 11, 1.05), (20, 22, 0.95))
ACTIVE, APPROACHING, ENDED, OUTSIDE = 0, 1, 2, 3

ROWS = 20


class SilverBulletsParams(NamedTuple):
    timing: float = -1.0  # negative: by the clock
    zone: int = 0  # unless by the clock
    price: float = 0.0  # 0: the close
    confluence: float = 0.3
    memory: float = 0.5
    displaced: int = 0
    neutral: int = 1
    lookback: int = 20
    level_lookback: int = 20
    timing_weight: float = 0.35
    structure_weight: float = 0.25
    confluence_weight: float = 0.25
    memory_weight: float = 0.15
    min_confidence: float = 75.0


@routine
def killzone(minute):
    """Return the zone that a minute of the day belongs to most, its place in it, and the score."""
    hour, past = minute // 60, minute % 60
    zone, place, best = 0, OUTSIDE, 0.0
    for candidate in range(len(ZONES)):
        first, last, weight = ZONES[candidate]
        where, score = OUTSIDE, 0.0
        if first <= hour <= last:
            where, score = ACTIVE, (0.85 + 0.15 * past / 60) * weight
        elif hour == first - 1:
            where, score = APPROACHING, (0.4 + past / 150) * weight
        elif hour == last + 1:
            where, score = ENDED, (0.3 - past / 200) * weight
        if score > best:
            zone, place, best = candidate, where, min(score, 1.0)
    return zone, place, best


@helper
def _trend(bars, t):
    """Whether both extremes of the last five bars lie above (1) or below (-1) those of the five around the fifth."""
    high, earlier_high = extreme(bars.high, 1.0, t - 4, t + 1), extreme(bars.high, 1.0, t - 8, t - 3)
    low, earlier_low = extreme(bars.low, -1.0, t - 4, t + 1), extreme(bars.low, -1.0, t - 8, t - 3)
    direction = 0
    if high > earlier_high and low > earlier_low:
        direction = 1
    elif high < earlier_high and low < earlier_low:
        direction = -1
    return direction


@helper
def _alignment(close, start, stop):
    """Share of the more frequent direction among the moves from close to close."""
    ups = downs = 0
    for t in range(start + 1, stop):
        if close[t] > close[t - 1]:
            ups += 1
        elif close[t] < close[t - 1]:
            downs += 1
    share = 0.5
    if ups + downs > 0:
        share = max(ups, downs) / (ups + downs)
    return share


@helper
def _confidence(timing, structure, alignment, params):
    weighed = (
        params.timing_weight * timing
        + params.structure_weight * structure
        + params.confluence_weight * params.confluence
        + 0.10 * alignment
        + params.memory_weight * params.memory
    )
    confidence = 100.0 * weighed
    if timing > 0.8 and structure > 0.7:
        confidence += 5.0
    if params.confluence > 0.7 and params.memory > 0.7:
        confidence += 3.0
    return min(98.0, confidence)


@kernel
def silver_bullets(bars, start, stop, params, out):
    found = 0
    if params.timing < 0 and bars.minute.size == 0:
        return found
    for t in range(max(start, ROWS - 1), min(stop, bars.close.size)):
        zone, timing = params.zone, params.timing
        if timing < 0:
            zone, _, timing = killzone(bars.minute[t])
        if timing < 0.5:
            continue
        direction = _trend(bars, t)
        if direction == 0 and params.neutral == 0:
            continue
        structure = 0.5 if direction == 0 else 0.8
        if params.displaced != 0:
            structure = min(structure + 0.2, 1.0)
        alignment = _alignment(bars.close, max(0, t + 1 - params.lookback), t + 1)
        confidence = _confidence(timing, structure, alignment, params)
        if not confidence >= params.min_confidence:
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t
            out.ints[found, OWN] = zone
            out.ints[found, OWN + 1] = direction
            out.floats[found, 0] = params.price if params.price != 0 else bars.close[t]
            out.floats[found, 1] = timing
            out.floats[found, 2] = structure
            out.floats[found, 3] = alignment
            out.floats[found, 4] = confidence
            out.floats[found, 5] = level(bars, t, direction, params.level_lookback)
        found += 1
    return found
