"""Moves over a few bars that little volume carried."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ._common import Bars, Row


def imbalances(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found: list[Row] = []
    if not len(bars.volume):
        return found
    for bar in range(max(start, params.span), min(stop, len(bars.close) - params.later)):
        first = bar - params.span
        move = abs(bars.close[bar] - bars.close[first])
        usual = _mean(_numbers(bars.volume[t] for t in range(first, bar)))
        if not (_measured(move, bars.close[first], params) > params.threshold):
            continue
        if not (bars.volume[bar] < params.quiet * usual):
            continue
        found.append(
            {
                "bar": bar,
                "confirmed": bar + params.later,
                "price": bars.close[bar],
                "begun": bars.close[first],
                "move": move,
                "top": max(_numbers(bars.high[t] for t in range(first, bar + 1)), default=math.nan),
                "bottom": min(_numbers(bars.low[t] for t in range(first, bar + 1)), default=math.nan),
                "ratio": bars.volume[bar] / usual if usual else 1.0,
            }
        )
    return found


def _measured(move: float, begun: float, params: Any) -> float:
    """The move itself, or its share of where it began; never too small to divide by nothing."""
    if not params.relative:
        return move
    if begun:
        return move / begun
    return math.inf if move > 0 else math.nan


def _numbers(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _mean(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total / len(values) if values else math.nan
