"""A break beyond an old swing that has been taken back, within the first hours of a session."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import ge, le
from typing import Any

from ._common import Bars, Row
from ._extremes import level

LONDON, NEW_YORK, ASIAN, FRANKFURT = range(4)


def judas_swings(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    asked = range(max(start, 19), min(stop, len(bars.close)))
    found = [_judas(bars, bar, params) for bar in asked]
    return [row for row in found if row is not None]


def _judas(bars: Bars, bar: int, params: Any) -> Row | None:
    session, timing = _timing(bars, bar, params)
    if session is None:
        return None
    window = range(max(0, bar + 1 - max(params.lookback + 10, 5)), bar + 1)
    swing_high, swing_low = _swing(bars.high, window, ge), _swing(bars.low, window, le)
    swing = _swing_score(swing_high, swing_low, _mean(bars.high[at] - bars.low[at] for at in window))
    price = params.price or bars.close[bar]
    broken = _broken(bars, bar, swing_high, swing_low, price, params)
    if swing < 0.5 or broken is None:
        return None
    tag, extreme = broken
    back = (price - extreme) * 10000 if tag > 0 else (extreme - price) * 10000
    reversal = min(back / 20, 1.0) if back >= params.min_reversal else 0.0
    spike = _spikes(bars.volume, bar, params.volume_factor)
    points = _points(timing, swing, reversal, spike, params)
    if points < params.min_points:
        return None
    direction = -tag if params.inverted else tag
    return {
        "bar": bar,
        "confirmed": bar,
        "session": session,
        "direction": direction,
        "spike": int(spike),
        "price": price,
        "extreme": extreme,
        "swing_high": swing_high,
        "swing_low": swing_low,
        "timing": timing,
        "swing": swing,
        "reversal": reversal,
        "points": points,
        "level": level(bars, bar, direction, params.level_lookback),
    }


def _timing(bars: Bars, bar: int, params: Any) -> tuple[int | None, float]:
    if params.timing >= 0:
        return params.session, params.timing
    windows = {
        LONDON: (params.london_start, params.london_end),
        NEW_YORK: (params.newyork_start, params.newyork_end),
        FRANKFURT: (params.frankfurt_start, params.frankfurt_end),
        ASIAN: (params.asian_start, params.asian_end),
    }
    minutes = bars.minute[bar : bar + 1]
    inside = [
        name for name, (first, last) in windows.items() for minute in minutes if first <= minute <= last
    ]
    return (inside[0], 1.0) if inside else (None, 0.0)


def _swing(prices: Sequence[float], window: range, reaches: Any) -> float:
    """Price of the oldest bar that reaches all of the two bars on either side, else of the third bar."""
    for bar in window[2:-2]:
        near = (prices[at] for at in range(bar - 2, bar + 3))
        if not math.isnan(prices[bar]) and all(reaches(prices[bar], p) for p in near if not math.isnan(p)):
            return prices[bar]
    return prices[window[2]]


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    total = 0.0
    for value in known:
        total += value
    return total / len(known) if known else math.nan


def _swing_score(high: float, low: float, height: float) -> float:
    """Distance of the swings against three times the usual height of a bar, from 0.3 to 1."""
    distance = abs(high - low)
    if height == 0:
        return 1.0 if distance > 0 else 0.3
    score = distance / (3 * height)
    return 0.3 if math.isnan(score) else min(max(score, 0.3), 1.0)


def _broken(
    bars: Bars, bar: int, swing_high: float, swing_low: float, price: float, params: Any
) -> tuple[int, float] | None:
    """Return which way the break is expected to turn, and how far it went."""
    last = range(bar - 9, bar + 1)
    above = [bars.high[at] for at in last if bars.high[at] > swing_high]
    if above and _fits((max(above) - swing_high) * 10000, params) and price < swing_high:
        return -1, max(above)
    below = [bars.low[at] for at in last if bars.low[at] < swing_low]
    if below and _fits((swing_low - min(below)) * 10000, params) and price > swing_low:
        return 1, min(below)
    return None


def _fits(pips: float, params: Any) -> bool:
    return bool(params.min_break <= pips <= params.max_break)


def _spikes(volume: Sequence[float], bar: int, factor: float) -> bool:
    if len(volume) <= bar:
        return False
    recent, usual = (_mean(volume[at] for at in range(bar + 1 - n, bar + 1)) for n in (5, 20))
    return recent > factor * usual


def _points(timing: float, swing: float, reversal: float, spike: bool, params: Any) -> float:
    points: float = 100.0 * (
        params.timing_weight * timing
        + params.swing_weight * swing
        + params.break_weight * 0.8
        + params.reversal_weight * reversal
    )
    if spike:
        points += 5.0
    if reversal > 0.6:
        points += 8.0
    return points
