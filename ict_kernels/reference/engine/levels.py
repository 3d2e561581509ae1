"""Prices that come back: equal extremes, impulses away from a candle, closes at and beyond a level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ._common import Bars, Row, cells


def equal_levels(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    prices = cells(bars.high if params.side > 0 else bars.low)
    found = []
    for bar in range(max(start, params.before), min(stop, len(prices) - params.after - 1)):
        price = prices[bar]
        others = [at for at in range(bar - params.before, bar + params.after + 1) if at != bar]
        touches = 1 + len([at for at in others if abs(prices[at] - price) <= params.tolerance])
        if touches >= params.touches:
            found.append(
                {"bar": bar, "confirmed": bar + params.after + 1, "touches": touches, "price": price}
            )
    return found


def impulses(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found, later = [], max(params.ahead, params.last)
    for bar in range(params.first, min(stop, len(bars.high) - later), params.step):
        if bar < start:
            continue
        high, low = bars.high[bar], bars.low[bar]
        hit = {"bar": bar, "confirmed": bar + later}
        next_bars = range(bar + 1, bar + params.ahead + 1)
        if any(bars.high[at] > params.up * high for at in next_bars):
            found.append({**hit, "side": 1, "price": low})
        if any(bars.low[at] < params.down * low for at in next_bars):
            found.append({**hit, "side": -1, "price": high})
    return found


def close_beyond(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for bar in range(start, min(stop, len(bars.close))):
        at = _first_beyond(bars.close, bar, params)
        if at is not None:
            found.append({"bar": bar, "confirmed": at, "close": bars.close[at]})
    return found


def _first_beyond(closes: Sequence[float], bar: int, params: Any) -> int | None:
    for at in range(bar, len(closes)):
        if (closes[at] > params.level) if params.side > 0 else (closes[at] < params.level):
            return at
    return None


def close_near(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    closes = cells(bars.close)
    volumes = cells(bars.volume) if len(bars.volume) else [math.nan] * len(closes)
    level, tolerance = params.level, params.tolerance
    return [
        {"bar": bar, "confirmed": bar, "volume": volumes[bar]}
        for bar in range(start, min(stop, len(closes)))
        if level and abs(closes[bar] - level) / level <= tolerance
    ]
