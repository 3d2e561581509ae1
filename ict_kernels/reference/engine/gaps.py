"""Three candles of which the outer two do not overlap."""

from __future__ import annotations

from typing import Any

from ._common import Bars, Row


def gaps(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for middle in range(max(start, 1), min(stop, len(bars.high) - 1)):
        gap = _bullish(bars, middle, params.body) or _bearish(bars, middle, params.body)
        if gap is not None and _large_enough(gap["top"] - gap["bottom"], params):
            found.append({"bar": middle, "confirmed": middle + 1, **gap})
    return found


def _bullish(bars: Bars, middle: int, body: bool) -> Row | None:
    bottom, top = bars.high[middle - 1], bars.low[middle + 1]
    if top > bottom and (not body or bars.close[middle] > bars.open[middle]):
        return {"direction": 1, "top": top, "bottom": bottom}
    return None


def _bearish(bars: Bars, middle: int, body: bool) -> Row | None:
    top, bottom = bars.low[middle - 1], bars.high[middle + 1]
    if top > bottom and (not body or bars.close[middle] < bars.open[middle]):
        return {"direction": -1, "top": top, "bottom": bottom}
    return None


def _large_enough(size: float, params: Any) -> bool:
    return bool(size >= params.min_size and params.min_pips <= size * 10000 <= params.max_pips)
