"""A break beyond an old swing that has been taken back, within the first hours of a session."""

import math
from typing import NamedTuple

from .._jit import helper, kernel, routine
from ._extremes import extreme, level
from ._types import BAR, CONFIRMED, OWN

PIPS = 10000
LONDON, NEW_YORK, ASIAN, FRANKFURT = 0, 1, 2, 3

ROWS = 20
BREAK_ROWS = 10
FAKE_SCORE = 0.8
SETTLED = 20.0  # pips back from the break that make the reversal certain


class JudasSwingsParams(NamedTuple):
    timing: float = -1.0  # negative: by the clock
    session: int = 0  # unless by the clock
    price: float = 0.0  # 0: the close
    inverted: int = 1
    lookback: int = 20
    level_lookback: int = 20
    min_break: float = 5.0
    max_break: float = 25.0
    min_reversal: float = 10.0
    volume_factor: float = 1.5
    timing_weight: float = 0.30
    swing_weight: float = 0.25
    break_weight: float = 0.25
    reversal_weight: float = 0.20
    min_points: float = 70.0
    london_start: int = 420
    london_end: int = 480
    newyork_start: int = 810
    newyork_end: int = 870
    frankfurt_start: int = 360
    frankfurt_end: int = 420
    asian_start: int = 0
    asian_end: int = 60


@helper
def _session(minute, params):
    session = -1
    if params.london_start <= minute <= params.london_end:
        session = LONDON
    elif params.newyork_start <= minute <= params.newyork_end:
        session = NEW_YORK
    elif params.frankfurt_start <= minute <= params.frankfurt_end:
        session = FRANKFURT
    elif params.asian_start <= minute <= params.asian_end:
        session = ASIAN
    return session


@routine
def _swing(prices, sign, start, stop):
    """Return the price of the oldest bar that no bar of two each side exceeds, else of the third bar."""
    for t in range(start + 2, stop - 2):
        price = prices[t]
        if price == price and extreme(prices, sign, t - 2, t + 3) == price:
            return price
    return prices[start + 2]


@routine
def _height(bars, start, stop):
    """Mean height of bars."""
    total, count = 0.0, 0
    for t in range(start, stop):
        height = bars.high[t] - bars.low[t]
        if height == height:
            total += height
            count += 1
    return total / count if count > 0 else math.nan


@routine
def _amount(volume, start, stop):
    """Mean volume of bars."""
    total, count = 0.0, 0
    for t in range(start, stop):
        if volume[t] == volume[t]:
            total += volume[t]
            count += 1
    return total / count if count > 0 else math.nan


@routine
def _swing_score(distance, height):
    """Distance of the swings against three usual bars, from 0.3 to 1; NaN counts as none."""
    score = 0.3
    if height == 0:
        score = 1.0 if distance > 0 else 0.3
    elif distance / (3 * height) > score:
        score = min(distance / (3 * height), 1.0)
    return score


@helper
def _fits(pips, params):
    return params.min_break <= pips and pips <= params.max_break


@routine
def _break(bars, t, price, swing_high, swing_low, params):
    """Return the side on which the last bars went too far (0: none), and how far."""
    top = extreme(bars.high, 1.0, t + 1 - BREAK_ROWS, t + 1)
    bottom = extreme(bars.low, -1.0, t + 1 - BREAK_ROWS, t + 1)
    side, furthest = 0, price
    if top > swing_high and _fits((top - swing_high) * PIPS, params) and price < swing_high:
        side, furthest = 1, top
    elif bottom < swing_low and _fits((swing_low - bottom) * PIPS, params) and price > swing_low:
        side, furthest = -1, bottom
    return side, furthest


@helper
def _reversal(pips, params):
    return min(pips / SETTLED, 1.0) if pips >= params.min_reversal else 0.0


@helper
def _points(timing, swing, reversal, spike, params):
    weighed = (
        params.timing_weight * timing
        + params.swing_weight * swing
        + params.break_weight * FAKE_SCORE
        + params.reversal_weight * reversal
    )
    return 100.0 * weighed + (5.0 if spike else 0.0) + (8.0 if reversal > 0.6 else 0.0)


@kernel
def judas_swings(bars, start, stop, params, out):
    found = 0
    if params.timing < 0 and bars.minute.size == 0:
        return found
    for t in range(max(start, ROWS - 1), min(stop, bars.close.size)):
        session, timing = params.session, params.timing
        if timing < 0:
            session, timing = _session(bars.minute[t], params), 1.0
        if session < 0:
            continue
        first = max(0, t + 1 - max(params.lookback + 10, 5))
        swing_high = _swing(bars.high, 1.0, first, t + 1)
        swing_low = _swing(bars.low, -1.0, first, t + 1)
        swing = _swing_score(abs(swing_high - swing_low), _height(bars, first, t + 1))
        if swing < 0.5:
            continue
        price = params.price if params.price != 0 else bars.close[t]
        side, furthest = _break(bars, t, price, swing_high, swing_low, params)
        if side == 0:
            continue
        pips = (furthest - price) * PIPS if side > 0 else (price - furthest) * PIPS
        reversal = _reversal(pips, params)
        spike = bars.volume.size > t and _amount(bars.volume, t - 4, t + 1) > params.volume_factor * _amount(
            bars.volume, t + 1 - ROWS, t + 1
        )
        points = _points(timing, swing, reversal, spike, params)
        if not points >= params.min_points:
            continue
        if found < out.ints.shape[0]:
            direction = side if params.inverted != 0 else -side
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t
            out.ints[found, OWN] = session
            out.ints[found, OWN + 1] = direction
            out.ints[found, OWN + 2] = 1 if spike else 0
            out.floats[found, 0] = price
            out.floats[found, 1] = furthest
            out.floats[found, 2] = swing_high
            out.floats[found, 3] = swing_low
            out.floats[found, 4] = timing
            out.floats[found, 5] = swing
            out.floats[found, 6] = reversal
            out.floats[found, 7] = points
            out.floats[found, 8] = level(bars, t, direction, params.level_lookback)
        found += 1
    return found
