"""Fast moves: windows that travel far and steadily, and what else they show."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel, routine
from ._types import BAR, CONFIRMED, OWN

EQUAL = 0.0005
SMALLEST_BODY = 0.0001
SMALLEST_RANGE = 1e-9
SHORTEST_SHIFT = 10
GAP, LEVELS, SHIFT = range(3)


class DisplacementsParams(NamedTuple):
    width: int = 16  # bars from the first to the last of a window
    pip: float = 0.0001
    min_pips: float = -math.inf
    min_momentum: float = -math.inf
    spike: float = 1.5
    measured: int = (
        -1
    )  # whether volume counts for momentum: as the column says (-1), nowhere (0), everywhere (1)


class WindowMarksParams(NamedTuple):
    width: int = 16
    mark: int = LEVELS


# NaN is passed over by means and extremes, as pandas does, and makes comparisons false.


@helper
def _mean(values, first, last):
    total, count = 0.0, 0
    for t in range(first, last + 1):
        if values[t] == values[t]:
            total += values[t]
            count += 1
    return total / count


@helper
def _largest(values, first, last):
    top = -math.inf
    for t in range(first, last + 1):
        if values[t] > top:
            top = values[t]
    return top


@helper
def _velocity(close, first, last):
    """Return the mean change of the closes in standard deviations of the closes."""
    mean = _mean(close, first, last)
    changes, change_count, squares, count = 0.0, 0, 0.0, 0
    for t in range(first, last + 1):
        if close[t] == close[t]:
            squares += (close[t] - mean) * (close[t] - mean)
            count += 1
        if t > first and close[t] - close[t - 1] == close[t] - close[t - 1]:
            changes += close[t] - close[t - 1]
            change_count += 1
    spread = math.sqrt(squares / (count - 1))
    return abs(changes / change_count) / spread if spread != 0 else 0.0


@helper
def _volume_score(bars, first, last, params):
    if params.measured >= 0:
        return 1.0 if params.measured == 1 else 0.5
    if bars.volume.size == 0:
        return 0.5
    mean = _mean(bars.volume, first, last)
    return min(1.0, _largest(bars.volume, first, last) / mean) if mean > 0 else 0.5


@helper
def _consistency(bars, first, last):
    """Return the share of closes that go on in the direction of the window."""
    rises = bars.close[last] > bars.open[first]
    along = 0
    for t in range(first + 1, last + 1):
        change = bars.close[t] - bars.close[t - 1]
        along += change > 0 if rises else change < 0
    return along / (last - first)


@helper
def _true_range(bars, t):
    """Return how far a bar reached from the close before, at least its range; NaN is passed over."""
    size = bars.high[t] - bars.low[t]
    upward, downward = abs(bars.high[t] - bars.close[t - 1]), abs(bars.low[t] - bars.close[t - 1])
    size = upward if upward > size or size != size else size
    return downward if downward > size or size != size else size


@routine
def _mean_true_range(bars, first, last):
    """Return the mean true range of the bars that have one before them in the window."""
    total, count = 0.0, 0
    for t in range(first + 1, last + 1):
        size = _true_range(bars, t)
        if size == size:
            total += size
            count += 1
    return total / count


@routine
def _candles(bars, first, last):
    """Return the largest and the mean body, whether a wick exceeds its body, and the mean shares of both."""
    top, bodies, wick, wicks, shares, count = -math.inf, 0.0, 0, 0.0, 0.0, 0
    for t in range(first, last + 1):
        body = abs(bars.close[t] - bars.open[t])
        upper = bars.high[t] - max(bars.open[t], bars.close[t])
        lower = min(bars.open[t], bars.close[t]) - bars.low[t]
        size = bars.high[t] - bars.low[t]
        if upper > body or lower > body:
            wick = 1
        if body + upper + lower != body + upper + lower:
            continue
        top = max(top, body)
        bodies += body
        wicks += (upper + lower) / max(body, SMALLEST_BODY)
        shares += body / max(size, SMALLEST_RANGE)
        count += 1
    return top, bodies / count, wick, wicks / count, max(0.0, min(5.0, shares / count))


@routine
def _imbalance(bars, first, last):
    """Return the correlation between the changes of close and volume; 0 where there is none."""
    closes, volumes, count = 0.0, 0.0, 0
    for t in range(first + 1, last + 1):
        x, y = bars.close[t] - bars.close[t - 1], bars.volume[t] - bars.volume[t - 1]
        if x + y == x + y:
            closes += x
            volumes += y
            count += 1
    xx, yy, xy = 0.0, 0.0, 0.0
    for t in range(first + 1, last + 1):
        x, y = bars.close[t] - bars.close[t - 1], bars.volume[t] - bars.volume[t - 1]
        if x + y == x + y:
            x, y = x - closes / count, y - volumes / count
            xx += x * x
            yy += y * y
            xy += x * y
    norm = math.sqrt(xx) * math.sqrt(yy)
    return max(-1.0, min(1.0, xy / norm)) if norm > 0 else 0.0


@routine
def _has_equal(prices, first, last):
    for t in range(first, last + 1):
        for other in range(t + 2, last + 1):
            if abs(prices[other] - prices[t]) <= EQUAL:
                return True
    return False


@routine
def _has_gap(bars, first, last):
    """Some bar lies clear of both its neighbours, on the same side."""
    for t in range(first + 1, last):
        if bars.low[t] > bars.high[t - 1] and bars.low[t] > bars.high[t + 1]:
            return True
        if bars.high[t] < bars.low[t - 1] and bars.high[t] < bars.low[t + 1]:
            return True
    return False


@routine
def _shifts(bars, first, last, mean):
    """The last close lies clear beyond the last swing of the window."""
    if last - first + 1 < SHORTEST_SHIFT or not mean > 0:
        return False
    highs, lows, top, bottom = 0, 0, 0.0, 0.0
    for t in range(first + 1, last):
        if bars.high[t] > bars.high[t - 1] and bars.high[t] > bars.high[t + 1]:
            highs, top = highs + 1, bars.high[t]
        if bars.low[t] < bars.low[t - 1] and bars.low[t] < bars.low[t + 1]:
            lows, bottom = lows + 1, bars.low[t]
    close, buffer = bars.close[last], 1.2 * mean
    falls = lows >= 2 and highs >= 1 and close < bottom - buffer
    rises = highs >= 2 and lows >= 1 and close > top + buffer
    if abs(close - bars.open[last]) < 0.8 * mean:
        falls = falls and close < bottom - 1.5 * buffer
        rises = rises and close > top + 1.5 * buffer
    return falls or rises


@routine
def _volume_level(bars, first, last, spike):
    """Return whether some volume stands out, and how far the last one does: 0 to 3."""
    if bars.volume.size == 0:
        return 1, 0
    mean, now = _mean(bars.volume, first, last), bars.volume[last]
    level = 3 if now > 2 * mean else 2 if now > 1.5 * mean else 1 if now > mean else 0
    return (1 if _largest(bars.volume, first, last) > spike * mean else 0), level


@routine
def _put(bars, first, t, momentum, params, found, out):
    largest, body, wick, wicks, shares = _candles(bars, first, t)
    spike, level = _volume_level(bars, first, t, params.spike)
    mean_range = _mean_true_range(bars, first, t)
    out.ints[found, BAR] = t
    out.ints[found, CONFIRMED] = t
    out.ints[found, OWN] = 1 if bars.close[t] > bars.open[first] else -1
    out.ints[found, OWN + 1] = spike
    out.ints[found, OWN + 2] = 1 if largest > 2 * body else 0
    out.ints[found, OWN + 3] = wick
    out.ints[found, OWN + 4] = level
    out.ints[found, OWN + 5] = 1 if _has_gap(bars, first, t) else 0
    out.ints[found, OWN + 6] = 1 if _has_equal(bars.high, first, t) or _has_equal(bars.low, first, t) else 0
    out.ints[found, OWN + 7] = 1 if _shifts(bars, first, t, mean_range) else 0
    out.floats[found, 0] = bars.open[first]
    out.floats[found, 1] = bars.close[t]
    out.floats[found, 2] = momentum
    out.floats[found, 3] = min(1.0, _true_range(bars, t) / mean_range) if mean_range != 0 else 0.5
    out.floats[found, 4] = wicks
    out.floats[found, 5] = _imbalance(bars, first, t) if bars.volume.size > 0 else 0.0
    out.floats[found, 6] = mean_range
    out.floats[found, 7] = shares
    out.floats[found, 8] = _consistency(bars, first, t)


@kernel
def displacements(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, params.width), min(stop, bars.close.size)):
        first = t - params.width
        if abs(bars.close[t] - bars.open[first]) / params.pip < params.min_pips:
            continue
        along = _consistency(bars, first, t)
        momentum = 0.4 * _velocity(bars.close, first, t)
        momentum = momentum + 0.3 * _volume_score(bars, first, t, params) + 0.3 * along
        momentum = 1.0 if momentum > 1 else momentum
        if momentum < params.min_momentum:
            continue
        if found < out.ints.shape[0]:
            _put(bars, first, t, momentum, params, found, out)
        found += 1
    return found


@routine
def _shows(bars, first, last, mark):
    if mark == GAP:
        return _has_gap(bars, first, last)
    if mark == LEVELS:
        return _has_equal(bars.high, first, last) or _has_equal(bars.low, first, last)
    return last > first and _shifts(bars, first, last, _mean_true_range(bars, first, last))


@kernel
def window_marks(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, params.width), min(stop, bars.high.size)):
        if not _shows(bars, t - params.width, t, params.mark):
            continue
        if found < out.ints.shape[0]:
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t
        found += 1
    return found
