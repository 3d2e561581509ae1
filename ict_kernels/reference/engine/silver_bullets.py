"""Structure and momentum at a bar's close, weighed by the time of day."""

from __future__ import annotations

from typing import Any

from ._common import Bars, Row
from ._extremes import highest, level, lowest

LONDON, NEW_YORK, LONDON_CLOSE, ASIAN = range(4)
HOURS = {LONDON: (3, 5), NEW_YORK: (10, 11), LONDON_CLOSE: (10, 11), ASIAN: (20, 22)}
WEIGHTS = {LONDON: 1.15, NEW_YORK: 1.10, LONDON_CLOSE: 1.05, ASIAN: 0.95}


def silver_bullets(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    asked = range(max(start, 19), min(stop, len(bars.close)))
    found = [_bullet(bars, bar, params) for bar in asked]
    return [row for row in found if row is not None]


def _bullet(bars: Bars, bar: int, params: Any) -> Row | None:
    zone, timing = _timing(bars, bar, params)
    if timing < 0.5:
        return None
    direction = _trend(bars, bar)
    if direction == 0 and not params.neutral:
        return None
    structure = 0.8 if direction else 0.5
    if params.displaced:
        structure = min(structure + 0.2, 1.0)
    alignment = _alignment([bars.close[at] for at in range(max(0, bar + 1 - params.lookback), bar + 1)])
    confidence = _confidence(timing, structure, alignment, params)
    if confidence < params.min_confidence:
        return None
    return {
        "bar": bar,
        "confirmed": bar,
        "zone": zone,
        "direction": direction,
        "price": params.price or bars.close[bar],
        "timing": timing,
        "structure": structure,
        "alignment": alignment,
        "confidence": confidence,
        "level": level(bars, bar, direction, params.level_lookback),
    }


def _timing(bars: Bars, bar: int, params: Any) -> tuple[int, float]:
    if params.timing >= 0:
        return params.zone, params.timing
    if len(bars.minute) == 0:
        return LONDON, 0.0
    hour, minute = divmod(int(bars.minute[bar]), 60)
    chosen, best = LONDON, 0.0
    for zone in HOURS:
        score = _score(zone, hour, minute)
        if score > best:
            chosen, best = zone, min(score, 1.0)
    return chosen, best


def _score(zone: int, hour: int, minute: int) -> float:
    first, last = HOURS[zone]
    if first <= hour <= last:
        return (0.85 + 0.15 * minute / 60) * WEIGHTS[zone]
    if hour == first - 1:
        return (0.4 + minute / 150) * WEIGHTS[zone]
    if hour == last + 1:
        return (0.3 - minute / 200) * WEIGHTS[zone]
    return 0.0


def _trend(bars: Bars, bar: int) -> int:
    """Compare the five bars that end here with the five that end four bars earlier."""
    later, earlier = range(bar - 4, bar + 1), range(bar - 8, bar - 3)
    high, high_before = (highest(bars.high[at] for at in part) for part in (later, earlier))
    low, low_before = (lowest(bars.low[at] for at in part) for part in (later, earlier))
    if high > high_before and low > low_before:
        return 1
    if high < high_before and low < low_before:
        return -1
    return 0


def _alignment(closes: list[float]) -> float:
    moves = list(zip(closes, closes[1:], strict=False))
    ups = sum(after > before for before, after in moves)
    downs = sum(after < before for before, after in moves)
    return max(ups, downs) / (ups + downs) if ups + downs else 0.5


def _confidence(timing: float, structure: float, alignment: float, params: Any) -> float:
    points: float = 100.0 * (
        params.timing_weight * timing
        + params.structure_weight * structure
        + params.confluence_weight * params.confluence
        + 0.10 * alignment
        + params.memory_weight * params.memory
    )
    if timing > 0.8 and structure > 0.7:
        points += 5.0
    if params.confluence > 0.7 and params.memory > 0.7:
        points += 3.0
    return min(98.0, points)
