"""Bars of mostly wick that the price then leaves in the direction of their body."""

from __future__ import annotations

import math
from typing import Any

from ._common import Bars, Row, cells


def rejection_blocks(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for bar in range(max(start, params.lead), min(stop, len(bars.close) - params.later)):
        block = _bullish(bars, bar, params) or _bearish(bars, bar, params)
        if block is not None:
            following = {"confirmed": bar + params.later, "loud": _loud(bars, bar, params)}
            found.append({"bar": bar, **following, "top": bars.high[bar], "bottom": bars.low[bar], **block})
    return found


def _bullish(bars: Bars, bar: int, params: Any) -> Row | None:
    body = bars.close[bar] - bars.open[bar]
    if body > 0 and _mostly_wick(bars, bar, body, params):
        least = params.above * bars.high[bar]
        reached = max(_later_closes(bars, bar, params), default=-math.inf)
        if reached > least:
            return {"direction": 1, "reached": reached, "body": body}
    return None


def _bearish(bars: Bars, bar: int, params: Any) -> Row | None:
    body = bars.open[bar] - bars.close[bar]
    if body > 0 and _mostly_wick(bars, bar, body, params):
        most = params.below * bars.low[bar]
        reached = min(_later_closes(bars, bar, params), default=math.inf)
        if reached < most:
            return {"direction": -1, "reached": reached, "body": body}
    return None


def _mostly_wick(bars: Bars, bar: int, body: float, params: Any) -> bool:
    return bool(bars.high[bar] - bars.low[bar] > params.wick * body)


def _later_closes(bars: Bars, bar: int, params: Any) -> list[float]:
    closes = cells(bars.close, bar + 1, bar + 1 + params.later)
    return [close for close in closes if not math.isnan(close)]


def _loud(bars: Bars, bar: int, params: Any) -> int:
    """How many of the later bars have not much less volume, or more."""
    if not len(bars.volume):
        return int(params.unmeasured)
    least = params.loud * bars.volume[bar]
    return sum(volume > least for volume in cells(bars.volume, bar + 1, bar + 1 + params.later))
