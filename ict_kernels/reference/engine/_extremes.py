"""Highest and lowest prices of some bars."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ._common import Bars


def highest(prices: Iterable[float]) -> float:
    """Return the highest price that is not NaN."""
    return max((price for price in prices if not math.isnan(price)), default=math.nan)


def lowest(prices: Iterable[float]) -> float:
    """Return the lowest price that is not NaN."""
    return min((price for price in prices if not math.isnan(price)), default=math.nan)


def level(bars: Bars, bar: int, direction: int, lookback: int) -> float:
    """Return the extreme of the last bars in a direction; the close without one."""
    before = range(max(0, bar + 1 - max(lookback, 1)), bar + 1)
    if direction > 0:
        return highest(bars.high[at] for at in before)
    if direction < 0:
        return lowest(bars.low[at] for at in before)
    return bars.close[bar]
