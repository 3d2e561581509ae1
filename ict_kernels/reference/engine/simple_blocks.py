"""Swings near the price as supply and demand zones, with a score and levels to trade."""

from __future__ import annotations

import math
from typing import Any

from ._common import Bars, Row, cells


def simple_blocks(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for asking in range(start, min(stop, len(bars.high))):
        first = max(0, asking + 1 - params.window)
        rows = asking + 1 - first
        if rows < params.lookback:
            continue
        price = params.price if params.fixed else bars.close[asking]
        oldest = max(5, rows - params.lookback)
        for bar in range(first + oldest, first + rows - 5):
            for side in (1, -1):
                if _is_swing(bars, bar, side):
                    zone = _zone(bars, bar, side, first, price, params)
                    if _kept(zone, params):
                        found.append({"bar": asking, "confirmed": asking, **zone})
    return found


def _is_swing(bars: Bars, bar: int, side: int) -> bool:
    """A low below, or a high above, those of three bars on each side."""
    neighbours = (bar - 3, bar - 2, bar - 1, bar + 1, bar + 2, bar + 3)
    if side > 0:
        return not any(bars.low[other] <= bars.low[bar] for other in neighbours)
    return not any(bars.high[other] >= bars.high[bar] for other in neighbours)


def _zone(bars: Bars, bar: int, side: int, first: int, price: float, params: Any) -> Row:
    open_, high, low, close = bars.open[bar], bars.high[bar], bars.low[bar], bars.close[bar]
    size = high - low
    if side > 0:
        edge, wick = low, (min(close, open_) if params.body else close) - low
        entry, stop = low + params.demand_entry * size, low - params.demand_stop * size
        target = entry + params.reward * (entry - stop)
    else:
        edge, wick = high, high - (max(close, open_) if params.body else close)
        entry, stop = high - params.supply_entry * size, high + params.supply_stop * size
        target = entry - params.reward * (stop - entry)
    distance = abs(price - edge) * params.pips
    busy = _is_busy(bars, bar, first, params.volume_ratio)
    score = params.base + params.wick_points * (wick / (abs(close - open_) + 1 / params.pips))
    score += params.volume_points if busy else 0
    score += max(0, params.distance_points - distance)
    return {
        "candle": bar,
        "side": side,
        "busy": busy,
        "edge": edge,
        "distance": distance,
        "confidence": min(params.max_confidence, score),
        "entry": entry,
        "stop": stop,
        "target": target,
        "risk_reward": 0.0 if entry == stop else abs(target - entry) / abs(entry - stop),
    }


def _is_busy(bars: Bars, bar: int, first: int, ratio: float) -> bool:
    if not len(bars.volume):
        return False
    total, count = 0.0, 0
    for volume in cells(bars.volume, max(first, bar - 10), bar):
        if not math.isnan(volume):
            total += volume
            count += 1
    if not count or math.isnan(bars.volume[bar]):
        return False
    mean = total / count
    if mean == 0:
        return bars.volume[bar] > 0
    return bool(bars.volume[bar] / mean >= ratio)


def _kept(zone: Row, params: Any) -> bool:
    """NaN passes."""
    return not (
        zone["distance"] > params.max_distance
        or zone["confidence"] < params.min_confidence
        or zone["risk_reward"] < 1.5
    )
