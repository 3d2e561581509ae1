"""The candle of a swing as a zone of supply or demand, seen from later bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ._common import Bars, Row, cells

QUALITIES = ("low", "medium", "high", "premium")


def swing_zones(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for bar in range(start, stop):
        first = max(0, bar + 1 - params.window)
        zones = zones_at(bars, bar, params)
        if zones and len(bars.volume):
            average, recent = (
                mean(bars.volume, first, bar + 1),
                mean(bars.volume, max(first, bar - 4), bar + 1),
            )
        else:
            average = recent = math.nan
        found += [{**zone, "average": average, "recent": recent} for zone in zones]
    return found


def zones_at(bars: Bars, bar: int, params: Any) -> list[Row]:
    """What a call at the close of ``bar`` on the last ``window`` candles finds, the best ``most`` of them."""
    first, stop = max(0, bar + 1 - params.window), bar + 1
    if stop - first < params.lookback:
        return []
    price = bars.close[bar] if math.isnan(params.price) else params.price
    zones = []
    for position in range(max(first + 5, stop - params.lookback), stop - 5):
        lows, highs = (cells(prices, position - 4, position + 5) for prices in (bars.low, bars.high))
        low, high = lows.pop(4), highs.pop(4)
        if not any(other <= low for other in lows):
            zones += _zone(bars, position, first, price, 1, params)
        if not any(other >= high for other in highs):
            zones += _zone(bars, position, first, price, -1, params)
    zones = [{"bar": bar, "confirmed": bar, **zone} for zone in zones]
    return sorted(zones, key=_order(params.strict))[: params.most] if params.most else zones


def _order(strict: bool) -> Any:
    def key(zone: Row) -> tuple[Any, float, float]:
        quality: Any = -zone["quality"] if strict else QUALITIES[zone["quality"]]
        return quality, zone["distance_pips"], -zone["confidence"]

    return key


def _zone(bars: Bars, position: int, first: int, price: float, side: int, params: Any) -> list[Row]:
    if params.gate and len(bars.volume):
        around = mean(bars.volume, position - 5, position + 5)
        if bars.volume[position] < 0.8 * around:
            return []
    high, low = bars.high[position], bars.low[position]
    entry, extreme = (high, low) if side > 0 else (low, high)
    stop = extreme - side * 0.2 * (high - low)
    risk = abs(entry - stop)
    target = entry + 2 * (1 + (params.health - 0.5)) * (entry - stop)
    zone = {
        "position": position,
        "side": side,
        "price": extreme,
        "entry": entry,
        "stop": stop,
        "target": target,
        "distance_pips": abs(price - entry) * params.pips,
        "risk_reward": abs(target - entry) / risk if risk else 0.0,
        "confidence": min(95.0, 65 + _volume_boost(bars.volume, position, first) + 20 * params.health),
    }
    worth_it = (
        zone["distance_pips"] <= params.max_pips
        and zone["confidence"] >= params.min_confidence
        and zone["risk_reward"] >= 1.5
    )
    return [{**zone, "quality": _quality(zone, params.health)}] if worth_it else []


def _volume_boost(volume: Sequence[float], position: int, first: int) -> float:
    usual = mean(volume, max(first, position - 10), position) if len(volume) else 0.0
    if not usual:
        return 0.0
    ratio = volume[position] / usual
    return next((boost for above, boost in ((2.0, 15.0), (1.5, 10.0), (1.2, 5.0)) if ratio > above), 0.0)


def _quality(zone: Row, health: float) -> int:
    score = 0.4 * zone["confidence"] + 30 * health
    score += 0.2 * min(100.0, 20 * zone["risk_reward"])
    score += 0.1 * max(0.0, 100 - zone["distance_pips"])
    return sum(score >= least for least in (60, 75, 90))


def mean(values: Sequence[float], start: int, stop: int) -> float:
    """The mean of ``values[start:stop]``, NaN left out; added one by one, as the kernel does."""
    total, count = 0.0, 0
    for value in cells(values, start, stop):
        if not math.isnan(value):
            total += value
            count += 1
    return total / count if count else math.nan
