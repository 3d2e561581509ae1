"""Order blocks: bars whose body is large beside the bodies before it."""

from __future__ import annotations

import math
from typing import Any

from ._common import Bars, Row


def impulse_blocks(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for bar in range(start, min(stop, len(bars.close) - params.later)):
        body = abs(bars.close[bar] - bars.open[bar])
        usual = usual_body(bars, max(bar - params.lookback, 0), bar)
        if not exceeds(body, usual, params):
            continue
        touched = touch(bars, bar, params) if params.touch else None
        if touched is None and params.touch == 2:
            continue
        found.append(
            {
                "bar": bar,
                "confirmed": bar + params.later,
                "direction": 1 if bars.close[bar] > bars.open[bar] else -1,
                "touched": -1 if touched is None else touched,
                "top": bars.high[bar],
                "bottom": bars.low[bar],
                "body": body,
                "mean": usual,
            }
        )
    return found


def usual_body(bars: Bars, start: int, stop: int) -> float:
    """Mean of the bodies that are not NaN, NaN without any."""
    bodies = [abs(bars.close[bar] - bars.open[bar]) for bar in range(start, stop)]
    bodies = [body for body in bodies if not math.isnan(body)]
    total = 0.0
    for body in bodies:
        total += body
    return total / len(bodies) if bodies else math.nan


def exceeds(body: float, usual: float, params: Any) -> bool:
    """Whether a body is an impulse beside the usual one."""
    comparable = usual > 0 or (params.still and usual == 0)
    return bool(comparable and body > params.ratio * usual)


def touch(bars: Bars, bar: int, params: Any) -> int | None:
    """The first of the later bars that overlaps the bar's range, widened by the two factors."""
    for later in range(bar + 1, bar + 1 + params.later):
        if (
            bars.low[later] <= params.above * bars.high[bar]
            and bars.high[later] >= params.below * bars.low[bar]
        ):
            return later
    return None
