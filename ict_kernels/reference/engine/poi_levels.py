"""Levels where orders are thought to rest: swings, and prices that short-term extremes keep returning to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ._common import Bars, Row, cells


def swing_levels(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for bar in range(max(start, params.left), min(stop, len(bars.high) - params.right)):
        for side, prices, farthest in ((1, bars.high, max), (-1, bars.low, min)):
            if not _stands_out(prices, side, bar, farthest, params):
                continue
            session = _numbers(prices, max(bar - params.session, 0), bar + 1)
            found.append(
                {
                    "bar": bar,
                    "confirmed": bar + params.right,
                    "side": side,
                    "session": int(prices[bar] == farthest(session)),
                    "price": prices[bar],
                }
            )
    return found


def _stands_out(
    prices: Sequence[float], side: int, bar: int, farthest: Callable[..., float], params: Any
) -> bool:
    """Whether the bar is beyond all numbers on its left and on its right, of which there must be some."""
    price = prices[bar]
    for first, stop in ((bar - params.left, bar), (bar + 1, bar + 1 + params.right)):
        if not side * price > side * farthest(_numbers(prices, first, stop), default=math.nan):
            return False
    return True


def _numbers(prices: Sequence[float], start: int, stop: int) -> list[float]:
    return [price for price in cells(prices, start, stop) if not math.isnan(price)]


def liquidity_pools(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    asked = range(max(start, params.reach), min(stop, len(bars.high) - params.reach))
    compared = range(asked.start - params.reach, asked.stop + params.reach)
    highest = {bar: _extreme(bars.high, bar, max, params) for bar in compared}
    lowest = {bar: _extreme(bars.low, bar, min, params) for bar in compared}
    for bar in asked:
        for side, extremes in ((1, highest), (-1, lowest)):
            around = [extremes[other] for other in range(bar - params.reach, bar + params.reach)]
            alike = sum(abs(extreme - extremes[bar]) <= params.tolerance for extreme in around)
            if alike >= params.least:
                found.append(
                    {
                        "bar": bar,
                        "confirmed": bar + params.reach - 1 + params.half,
                        "side": side,
                        "alike": alike,
                        "price": extremes[bar],
                    }
                )
    return found


def _extreme(prices: Sequence[float], bar: int, farthest: Callable[..., float], params: Any) -> float:
    """The farthest price around a bar, NaN where the frame ends or one of them is NaN."""
    if not params.half <= bar < len(prices) - params.half:
        return math.nan
    around = [prices[other] for other in range(bar - params.half, bar + params.half + 1)]
    return math.nan if any(math.isnan(price) for price in around) else farthest(around)
