"""Bars that stand out over their neighbours, by the engine's comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from operator import ge, gt, le, lt
from typing import Any

from ._common import Bars, Row


def swings(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    disqualifies_high, disqualifies_low = (gt, lt) if params.ties else (ge, le)
    for bar in range(max(start, params.left), min(stop, len(bars.high) - params.right)):
        if not _exceeded(bars.high, bar, params, disqualifies_high):
            found.append({"bar": bar, "confirmed": bar + params.right, "side": 1, "price": bars.high[bar]})
        if not _exceeded(bars.low, bar, params, disqualifies_low):
            found.append({"bar": bar, "confirmed": bar + params.right, "side": -1, "price": bars.low[bar]})
    return found


def _exceeded(prices: Sequence[float], bar: int, params: Any, disqualifies: Any) -> bool:
    """Whether any neighbour disqualifies the bar; comparisons with NaN are false."""
    price = prices[bar]
    neighbours = range(bar - params.left, bar + params.right + 1)
    return any(disqualifies(prices[neighbour], price) for neighbour in neighbours if neighbour != bar)
