"""Wicks through the levels that many stops lie behind, and how often a level was respected."""

from __future__ import annotations

import math
from typing import Any

from ._common import Bars, Row
from .swings import swings

VOLUME_BARS = 20
BEYOND = 0.001  # of the level, how far a reversal has to go


def round_levels(price: float) -> list[float]:
    """Return the round prices around a price, ascending, but for those within 0.1 % of it."""
    step = 0.01 if price < 10 else 0.1 if price < 100 else 1.0
    base = int(price / step) * step
    levels = [base + k * step for k in range(-2, 3)]
    return [level for level in levels if price == 0 or abs(level - price) / price > 0.001]


def stop_hunts(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    asked = range(max(start, params.lookback), min(stop, len(bars.high) - params.reversal))
    levels = _levels(bars, params) if asked else []
    found = []
    for bar in asked:
        high, low, close = bars.high[bar], bars.low[bar], bars.close[bar]
        for level, above in levels:
            hunt = _hunt(high, low, close, level, above)
            if hunt is None or hunt["spike"] < _smallest_spike(bars, bar, params):
                continue
            back = _reversal(bars, bar, level, above, params.reversal)
            if back is None:
                continue
            reversal = bars.low[back] if above else bars.high[back]
            size = hunt["extreme"] - reversal if above else reversal - hunt["extreme"]
            found.append(
                {"bar": bar, "confirmed": back, "level": level, **hunt, "reversal": reversal, "size": size}
                | {"volume_ratio": _volume_ratio(bars, bar)}
            )
    return found


def _levels(bars: Bars, params: Any) -> list[tuple[float, bool]]:
    """Return swing highs, swing lows and round prices, each with whether stops of shorts lie above it."""
    n, last = len(bars.high), bars.close[-1]
    recent = swings(bars, n - params.lookback, n, params)
    highs = [(swing["price"], True) for swing in recent if swing["side"] == 1]
    lows = [(swing["price"], False) for swing in recent if swing["side"] == -1]
    return highs + lows + [(level, level > last) for level in round_levels(last)]


def _hunt(high: float, low: float, close: float, level: float, above: bool) -> Row | None:
    """Return the spike if the wick went through the level and the close came back over half of it."""
    if above and high > level:
        spike = high - level
        return {"side": -1, "extreme": high, "spike": spike} if close < level + 0.5 * spike else None
    if not above and low < level:
        spike = level - low
        return {"side": 1, "extreme": low, "spike": spike} if close > level - 0.5 * spike else None
    return None


def _reversal(bars: Bars, bar: int, level: float, above: bool, within: int) -> int | None:
    for later in range(bar + 1, min(bar + within, len(bars.high) - 1) + 1):
        if above and bars.low[later] < level - BEYOND * level:
            return later
        if not above and bars.high[later] > level + BEYOND * level:
            return later
    return None


def _smallest_spike(bars: Bars, bar: int, params: Any) -> float:
    if params.atr == 0 or bar < params.atr - 1:
        return float(params.spike)
    half = 0.5 * _average_true_range(bars, bar, params.atr)
    return half if half > params.spike else float(params.spike)


def _average_true_range(bars: Bars, bar: int, period: int) -> float:
    total = 0.0
    for at in range(bar - period + 1, bar + 1):
        total += _true_range(bars, at)
    return total / period


def _true_range(bars: Bars, bar: int) -> float:
    """Return the largest of the ranges that are numbers."""
    high, low = bars.high[bar], bars.low[bar]
    ranges = [high - low]
    if bar > 0:
        ranges += [abs(high - bars.close[bar - 1]), abs(low - bars.close[bar - 1])]
    return max((size for size in ranges if not math.isnan(size)), default=math.nan)


def _volume_ratio(bars: Bars, bar: int) -> float:
    if len(bars.volume) == 0 or bar < VOLUME_BARS - 1:
        return 1.0
    total = 0.0
    for at in range(bar - VOLUME_BARS + 1, bar + 1):
        total += bars.volume[at]
    average, volume = total / VOLUME_BARS, bars.volume[bar]
    return volume / average if volume > 0 and average > 0 else 1.0


def true_range(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    return [
        {"bar": bar, "confirmed": bar, "average": _average_true_range(bars, bar, params.period)}
        for bar in range(max(start, params.period - 1), min(stop, len(bars.high)))
    ]


def level_touches(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    extremes = bars.high if params.side > 0 else bars.low
    reach = params.tolerance * params.level
    found = []
    for bar in range(start, min(stop, len(extremes))):
        if abs(extremes[bar] - params.level) <= reach:
            close = bars.close[bar]
            bounced = close < params.level - reach if params.side > 0 else close > params.level + reach
            found.append({"bar": bar, "confirmed": bar, "bounced": int(bounced)})
    return found
