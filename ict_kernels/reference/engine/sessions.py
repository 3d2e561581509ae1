"""What the candles of one time of day have in common, and how much they vary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ._common import Bars, Row, cells


def sessions(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    hours = [bars.minute[bar] // 60 for bar in range(start, min(stop, len(bars.minute)))]
    columns = [cells(column) for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)]
    found = []
    for zone in range(6):
        mask = getattr(params, f"zone{zone}")
        rows = [start + at for at, hour in enumerate(hours) if mask >> int(hour) & 1]
        if rows:
            chosen = [[column[bar] for bar in rows] if column else [] for column in columns]
            last = {"bar": rows[-1], "confirmed": rows[-1]}
            counts = {"zone": zone, "rows": len(rows), "breaks": _breaks(bars, rows, params)}
            found.append({**last, **counts, **_statistics(*chosen)})
    return found


def _statistics(
    opens: Sequence[float],
    highs: Sequence[float],
    lows: Sequence[float],
    closes: Sequence[float],
    volumes: Sequence[float],
) -> Row:
    return {
        "bullish": len([1 for open_, close in zip(opens, closes) if close > open_]),
        "range": _mean([high - low for high, low in zip(highs, lows)]),
        "volume": _mean(volumes),
        "volatility": _deviation([abs(close - open_) for open_, close in zip(opens, closes)]),
    }


def _breaks(bars: Bars, rows: Sequence[int], params: Any) -> int:
    """Count candles, from the third, beyond the one before them by more than a share of the price."""
    found = 0
    for before, bar in zip(rows[1:], rows[2:]):
        higher = bars.high[bar] > params.up * bars.high[before]
        found += higher or bars.low[bar] < params.down * bars.low[before]
    return found


def _mean(values: Sequence[float]) -> float:
    """Return the mean of what is a number."""
    numbers = [value for value in values if not math.isnan(value)]
    total = 0.0
    for number in numbers:
        total += number
    return total / len(numbers) if numbers else math.nan


def _deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation of what is a number."""
    numbers, mean = [value for value in values if not math.isnan(value)], _mean(values)
    squares = 0.0
    for number in numbers:
        squares += (number - mean) * (number - mean)
    return math.sqrt(squares / (len(numbers) - 1)) if len(numbers) > 1 else math.nan


def volatility(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for bar in range(max(start, params.period - 1), min(stop, len(bars.high))):
        window = range(bar - params.period + 1, bar + 1)
        deviation = _spread([bars.high[at] for at in window])
        found.append({"bar": bar, "confirmed": bar, "value": deviation / _average(bars.close, window)})
    return found


def _average(prices: Sequence[float], window: range) -> float:
    """Return the mean over a window; NaN if any of it is."""
    total = 0.0
    for at in window:
        total += prices[at]
    return total / len(window)


def _spread(values: Sequence[float]) -> float:
    """Return the sample standard deviation; NaN if any value is."""
    if any(math.isnan(value) for value in values):
        return math.nan
    return _deviation(values)
