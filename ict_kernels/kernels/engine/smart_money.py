"""Six looks at the last candles of a window, and the three best signals of them."""

import math
from typing import NamedTuple

import numpy as np

from .._jit import helper, kernel, routine
from ._types import BAR, CONFIRMED, OWN, Out
from .swing_zones import PRICE, ZERO, SwingZonesParams, make_way, mean, zones_at

MOST = 3
TAIL, LEVELS, RECENT, CLOSES, SPIKES = 20, 15, 5, 10, 8  # the last bars that each look takes in
NEAR = 0.0005

SWEEP, BOS, CHOCH, MANIPULATION, FLOW = map(np.int64, range(5))  # no literals, as ZERO is none
ENTRY_OFFSETS = (0.0005, 0.0003, 0.0002, 0.0002, 0.0003)
STOP_OFFSETS = (0.0015, 0.0020, 0.0010, 0.0005, 0.0012)
REWARDS = (2.0, 2.5, 1.5, 2.0, 2.2)
CONFIDENCES = (75.0, 85.0, 70.0, 72.0, 68.0)
CONFIDENCE_GAINS = (15.0, 10.0, 12.0, 18.0, 12.0)  # per unit of health
CONFIDENCE_LIMITS = (95.0, 95.0, 90.0, 92.0, 88.0)
STRENGTHS = (70.0, 80.0, 65.0, 68.0, 65.0)
STRENGTH_GAINS = (20.0, 15.0, 20.0, 22.0, 25.0)

# Columns of hits.
KIND, DIRECTION, POSITION, STRUCTURE, BLOCK, BUSY, TIMELY = range(OWN, OWN + 7)
LEVEL, ENTRY, STOP, TARGET, CONFIDENCE, PROBABILITY, STRENGTH, REWARD, QUALITY, SIZE, VOLUME_CHANGE = range(
    11
)

# Room for notes: candidates (kind, direction, position; level, entry from, stop from, size, volume change), then
# zones as SWING_ZONES gives them.
CANDIDATES, CANDIDATE_INTS, CANDIDATE_FLOATS = 2 * LEVELS + 13, 3, 5
ZONES, ZONE_INTS, ZONE_FLOATS = 5, 5, 9
NOTE_INTS = CANDIDATES * CANDIDATE_INTS
NOTE_FLOATS = CANDIDATES * CANDIDATE_FLOATS
WORK = (NOTE_INTS + ZONES * ZONE_INTS, NOTE_FLOATS + ZONES * ZONE_FLOATS)


class SmartMoneyParams(NamedTuple):
    lookback: int = 30
    window: int = 200
    manipulation: int = 1
    strict: int = 0  # whether confluences never lower a confidence
    zones: int = 1  # whether zones nearby count; the next five are those of SWING_ZONES
    zone_lookback: int = 25
    zone_gate: int = 1
    zone_pips: float = 10000.0
    zone_max_pips: float = 50.0
    zone_min_confidence: float = 70.0
    price: float = math.nan  # NaN: the close of the bar that asks
    health: float = 1.0
    min_confidence: float = 70.0
    min_strength: float = 60.0
    # What earlier calls left behind; NaN: no such swing.
    structure: int = 0
    high: float = math.nan
    high_before: float = math.nan
    low: float = math.nan
    low_before: float = math.nan


@helper
def _peak(prices, sign, i):
    price = sign * prices[i]
    return (
        price > sign * prices[i - 1]
        and price > sign * prices[i + 1]
        and price > sign * prices[i - 2]
        and price > sign * prices[i + 2]
    )


@routine
def _latest_two(prices, sign, first, t, newest, before):
    """Return the newest swing and the one before, given those of earlier calls."""
    found = 0
    for i in range(t - 2, max(first, t + 1 - TAIL) + 1, -1):
        if _peak(prices, sign, i):
            found += 1
            if found == 2:
                return newest, prices[i]
            newest, before = prices[i], newest
    return newest, before


@helper
def _structure(high, high_before, low, low_before, structure):
    if not (math.isnan(high_before) or math.isnan(low_before)):
        structure = 0
        if high > high_before and low > low_before:
            structure = 1
        elif high < high_before and low < low_before:
            structure = -1
    return structure


@routine
def _note(kind, direction, position, level, size, volume_change, notes, noted):
    notes.ints[noted, 0], notes.ints[noted, 1], notes.ints[noted, 2] = kind, direction, position
    notes.floats[noted, 0] = notes.floats[noted, 1] = notes.floats[noted, 2] = level
    notes.floats[noted, 3], notes.floats[noted, 4] = size, volume_change
    return noted + 1


@routine
def _highest(prices, sign, start, stop):
    highest = -math.inf
    for i in range(start, stop):
        highest = max(highest, sign * prices[i]) if prices[i] == prices[i] else highest
    return sign * highest


@routine
def _is_new_level(prices, start, stop, i):
    """Whether another bar comes near the price of bar ``i``, and no earlier one has the very same."""
    near = False
    for j in range(start, stop):
        if j < i and prices[j] == prices[i]:
            return False
        near = near or (j != i and abs(prices[j] - prices[i]) <= NEAR)
    return near


@routine
def _sweeps(prices, sign, first, t, notes, noted):
    start, edge = max(first, t + 1 - LEVELS), _highest(prices, sign, max(first, t + 1 - RECENT), t + 1)
    for i in range(start, t + 1):
        if sign * edge > sign * prices[i] and _is_new_level(prices, start, t + 1, i):
            noted = _note(SWEEP, -int(sign), i, prices[i], math.nan, math.nan, notes, noted)
    return noted


@routine
def _breaks(bars, first, t, structure, high, low, notes, noted):
    start = max(first, t + 1 - RECENT)
    if structure < 0 and _highest(bars.high, 1.0, start, t + 1) > high:
        noted = _note(BOS, -structure, t, high, math.nan, math.nan, notes, noted)
    if structure > 0 and _highest(bars.low, -1.0, start, t + 1) < low:
        noted = _note(BOS, -structure, t, low, math.nan, math.nan, notes, noted)
    return noted


@routine
def _turns(close, first, t, notes, noted):
    for i in range(max(first, t + 1 - CLOSES) + 3, t):
        before = (
            (close[i - 2] - close[i - 3]) + (close[i - 1] - close[i - 2]) + (close[i] - close[i - 1])
        ) / 3
        change = close[i + 1] - close[i]
        if (before > 0 and change < -0.5 * abs(before)) or (before < 0 and change > 0.5 * abs(before)):
            noted = _note(CHOCH, 1 if change > 0 else -1, i, close[i], change, math.nan, notes, noted)
    return noted


@routine
def _spikes(bars, first, t, notes, noted):
    for i in range(max(first, t + 1 - SPIKES) + 2, t):
        high, low = bars.high[i], bars.low[i]
        size = high - low
        if size < 1.5 * (bars.high[i - 1] - bars.low[i - 1]) or size < 1.5 * (
            bars.high[i + 1] - bars.low[i + 1]
        ):
            continue
        direction = 0
        if bars.close[i] > bars.open[i]:
            direction = -1 if bars.close[i] < low + 0.3 * size else 0
        elif bars.close[i] > high - 0.3 * size:
            direction = 1
        if direction != 0:
            noted = _note(MANIPULATION, direction, i, (high + low) / 2, size, math.nan, notes, noted)
            notes.floats[noted - 1, 1] = high if direction > 0 else low
            notes.floats[noted - 1, 2] = low if direction > 0 else high
    return noted


@routine
def _momentum(values, first, t):
    """Return the sum of the last five relative changes, NaN left out."""
    total = 0.0
    for i in range(max(first, t - RECENT) + 1, t + 1):
        base = values[i - 1]
        change = values[i] / base - 1 if base != 0 else float(values[i]) * math.inf
        if not math.isnan(change):
            total += change
    return total


@routine
def _flow(bars, first, t, price, notes, noted):
    if bars.volume.size == 0:
        return noted
    moved, traded = _momentum(bars.close, first, t), _momentum(bars.volume, first, t)
    if abs(moved) > 0.001 and abs(traded) > 0.1 and (moved > 0) != (traded > 0):
        noted = _note(FLOW, -1 if moved > 0 else 1, t, price, moved, traded, notes, noted)
    return noted


@helper
def _is_busy(volume, first, t):
    return volume.size > 0 and mean(volume, max(first, t - 2), t + 1) > 1.2 * mean(volume, first, t + 1)


@helper
def _is_time(minute, t):
    hour = minute[t] // 60 if minute.size > 0 else 0
    return 8 <= hour <= 17 or hour >= 21


@routine
def _zones(bars, t, params, zones):
    if params.zones == 0:
        return ZERO
    wanted = SwingZonesParams(
        params.zone_lookback,
        params.window,
        ZONES,
        params.zone_gate,
        params.strict,
        params.price,
        params.health,
        params.zone_pips,
        params.zone_max_pips,
        params.zone_min_confidence,
    )
    return zones_at(bars, t, wanted, zones, ZERO)


@helper
def _is_near_zone(level, zones, kept):
    near = 0
    for line in range(kept):
        if abs(level - zones.floats[line, PRICE]) < 0.0010:
            near += 1
    return near > 0


@helper
def _raised(confidence, bonus, limit, strict):
    raised = min(limit, confidence + bonus)
    if strict != 0:
        raised = max(confidence, raised)
    return raised


@helper
def _confidence(kind, size, volume_change, params):
    extra = 0.0
    if kind == FLOW:
        extra = min(20.0, 100 * (abs(size) + abs(volume_change)))
    return min(CONFIDENCE_LIMITS[kind], CONFIDENCES[kind] + extra + CONFIDENCE_GAINS[kind] * params.health)


@helper
def _line_for(quality, out, base, kept):
    """Clear the line that a signal belongs on, behind its equals; -1 if there is no room."""
    room = min(out.ints.shape[0] - base, MOST)
    place = min(kept, room)
    while place > 0 and quality > out.floats[base + place - 1, QUALITY]:
        place -= 1
    if place >= room:
        return -1
    make_way(out, base + place, base + min(kept, room - 1))
    return base + place


@helper
def _terms(notes, k, params):
    """Return entry, stop, target, reward, strength and probability of candidate ``k``."""
    kind, direction = notes.ints[k, 0], notes.ints[k, 1]
    entry = notes.floats[k, 1] + direction * ENTRY_OFFSETS[kind]
    stop = notes.floats[k, 2] - direction * STOP_OFFSETS[kind]
    target = entry + REWARDS[kind] * (entry - stop)
    risk = abs(entry - stop)
    reward = 0.0 if risk == 0 else abs(target - entry) / risk
    strength = STRENGTHS[kind] + STRENGTH_GAINS[kind] * params.health
    probability = _confidence(kind, notes.floats[k, 3], notes.floats[k, 4], params)
    return entry, stop, target, reward, strength, probability


@helper
def _write(notes, k, terms, near, confidence, quality, out, line):
    out.ints[line, KIND], out.ints[line, DIRECTION] = notes.ints[k, 0], notes.ints[k, 1]
    out.ints[line, POSITION], out.ints[line, BLOCK] = notes.ints[k, 2], near
    out.floats[line, LEVEL], out.floats[line, ENTRY] = notes.floats[k, 0], terms[0]
    out.floats[line, STOP], out.floats[line, TARGET] = terms[1], terms[2]
    out.floats[line, CONFIDENCE], out.floats[line, PROBABILITY] = confidence, terms[5]
    out.floats[line, STRENGTH] = terms[4]
    out.floats[line, REWARD], out.floats[line, QUALITY] = terms[3], quality
    out.floats[line, SIZE], out.floats[line, VOLUME_CHANGE] = notes.floats[k, 3], notes.floats[k, 4]


@helper
def _stamp(t, structure, busy, timely, out, line):
    out.ints[line, BAR] = out.ints[line, CONFIRMED] = t
    out.ints[line, STRUCTURE], out.ints[line, BUSY], out.ints[line, TIMELY] = structure, busy, timely


@routine
def _add_signal(notes, k, near, busy, timely, params, out, base, kept):
    """Score candidate ``k`` and put it among the ``kept`` lines from ``base`` on; return how many they are then."""
    terms = _terms(notes, k, params)
    reward, strength, confidence = terms[3], terms[4], terms[5]
    if near:
        confidence = _raised(confidence, 8.0, 98.0, params.strict)
    if busy:
        confidence = _raised(confidence, 5.0, 95.0, params.strict)
    if timely:
        confidence = _raised(confidence, 3.0, 92.0, params.strict)
    if not (confidence >= params.min_confidence and strength >= params.min_strength and reward >= 1.2):
        return kept
    quality = 0.4 * confidence + 0.3 * strength + 20 * params.health + reward
    line = _line_for(quality, out, base, kept)
    if line >= 0:
        _write(notes, k, terms, near, confidence, quality, out, line)
    return min(kept + 1, MOST)


@routine
def _best(bars, first, t, structure, notes, noted, params, zones, out, base):
    """Write the best of the candidates into the lines from ``base`` on; return how many there are."""
    kept = ZERO
    busy, timely = _is_busy(bars.volume, first, t), _is_time(bars.minute, t)
    known = _zones(bars, t, params, zones)
    for k in range(noted):
        near = _is_near_zone(notes.floats[k, 0], zones, known)
        kept = _add_signal(notes, k, near, busy, timely, params, out, base, kept)
    for line in range(base, min(base + kept, out.ints.shape[0])):
        _stamp(t, structure, busy, timely, out, line)
    return kept


@routine
def _candidates(bars, first, t, price, structure, high, low, params, notes):
    """Note what each look finds; return how much that is."""
    noted = _sweeps(bars.high, 1.0, first, t, notes, ZERO)
    noted = _sweeps(bars.low, -1.0, first, t, notes, noted)
    noted = _breaks(bars, first, t, structure, high, low, notes, noted)
    noted = _turns(bars.close, first, t, notes, noted)
    if params.manipulation != 0:
        noted = _spikes(bars, first, t, notes, noted)
    return _flow(bars, first, t, price, notes, noted)


@helper
def _room(ints, floats):
    """Return the room for candidates."""
    return Out(
        ints[:NOTE_INTS].reshape((CANDIDATES, CANDIDATE_INTS)),
        floats[:NOTE_FLOATS].reshape((CANDIDATES, CANDIDATE_FLOATS)),
        ints[:0],
        floats[:0],
    )


@kernel
def smart_money_looks(bars, start, stop, params, out):
    notes, found = _room(out.work_ints, out.work_floats), ZERO
    swings = params.high + params.high_before + params.low + params.low_before
    structure = ZERO if math.isnan(swings) else params.structure
    for t in range(start, stop):
        first = max(0, t + 1 - params.window)
        price = bars.close[t] if math.isnan(params.price) else params.price
        noted = _candidates(bars, first, t, price, structure, params.high, params.low, params, notes)
        for k in range(noted):
            line = found + k
            if line < out.ints.shape[0]:
                terms = _terms(notes, k, params)
                _write(notes, k, terms, ZERO, terms[5], 0.0, out, line)
                _stamp(t, params.structure, ZERO, ZERO, out, line)
        found += noted
    return found


@kernel
def smart_money(bars, start, stop, params, out):
    ints, floats = out.work_ints, out.work_floats
    notes = _room(ints, floats)
    zones = Out(
        ints[NOTE_INTS:].reshape((ZONES, ZONE_INTS)),
        floats[NOTE_FLOATS:].reshape((ZONES, ZONE_FLOATS)),
        ints[:0],
        floats[:0],
    )
    high, high_before, low, low_before = params.high, params.high_before, params.low, params.low_before
    structure, found = params.structure, ZERO
    for t in range(start, stop):
        first = max(0, t + 1 - params.window)
        if t + 1 - first < params.lookback:
            continue
        high, high_before = _latest_two(bars.high, 1.0, first, t, high, high_before)
        low, low_before = _latest_two(bars.low, -1.0, first, t, low, low_before)
        structure = _structure(high, high_before, low, low_before, structure)
        price = bars.close[t] if math.isnan(params.price) else params.price
        breakable = 0 if math.isnan(high_before) or math.isnan(low_before) else structure
        noted = _candidates(bars, first, t, price, breakable, high, low, params, notes)
        if noted > 0:
            found += _best(bars, first, t, structure, notes, noted, params, zones, out, found)
    return found
