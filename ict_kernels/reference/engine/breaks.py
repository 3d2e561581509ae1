"""Breaks of structure and changes of character: closes beyond earlier swings."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ._common import Bars, Row
from .swings import swings


class _Width(NamedTuple):
    left: int
    right: int
    ties: int = 0


class _Swings:
    """The highs and lows of a series, and which of them a question knows."""

    def __init__(self, bars: Bars, stop: int, width: int) -> None:
        found = swings(bars, 0, stop, _Width(width, width))
        self._width = width
        self._bars = {side: [swing["bar"] for swing in found if swing["side"] == side] for side in (1, -1)}

    def among(self, side: int, first: int, last: int) -> list[int]:
        """Those that stand out over bars between the first and the last."""
        return [bar for bar in self._bars[side] if first + self._width <= bar <= last - self._width]


def _first(asked: int, window: int) -> int:
    return max(asked + 1 - window, 0) if window else 0


def breaks(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    known = _Swings(bars, stop, params.width)
    for asked in range(start, stop):
        first = _first(asked, params.window)
        highs, lows = known.among(1, first, asked), known.among(-1, first, asked)
        if len(highs) < 2 or len(lows) < 2:
            continue
        hit = {
            "bar": asked,
            "confirmed": asked,
            "highs": len(highs),
            "lows": len(lows),
            "high": highs[-1],
            "previous_high": highs[-2],
            "low": lows[-1],
            "previous_low": lows[-2],
            "close": bars.close[asked],
        }
        found.append(hit | _break(bars, asked, hit, params))
    return found


def _break(bars: Bars, asked: int, hit: Row, params: Any) -> Row:
    close = bars.close[asked]
    last_high, high = bars.high[hit["high"]], bars.high[hit["previous_high"]]
    last_low, low = bars.low[hit["low"]], bars.low[hit["previous_low"]]
    if close > last_high > high:
        direction, level, previous = 1, last_high, high
    elif close < last_low < low:
        direction, level, previous = -1, last_low, low
    else:
        nothing = math.nan
        return {"direction": 0, "confirms": 0, "level": nothing, "previous": nothing, "momentum": nothing}
    bodies = [bars.close[bar] - bars.open[bar] for bar in (asked - 2, asked - 1, asked)]
    agree = len([body for body in bodies if direction * body > 0])
    return {
        "direction": direction,
        "confirms": int(agree >= 2 and abs(close - level) >= params.distance),
        "level": level,
        "previous": previous,
        "momentum": _momentum(direction, close, bars.close[max(asked - 9, 0)], params.momentum),
    }


def _momentum(direction: int, close: float, before: float, strong: float) -> float:
    change = direction * (close - before) / before
    if change > strong:
        return 0.5 + 0.3 + 0.2
    return 0.5 + 0.3 if change > 0 else 0.5


def changes(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    known = _Swings(bars, stop, params.width)
    for asked in range(start, stop):
        first = _first(asked, params.window)
        highs, lows = known.among(1, first, asked), known.among(-1, first, asked)
        for bar in range(asked, first + 9, -1):
            change = _change(bars, bar, highs, lows, params)
            if change is not None:
                found.append({"bar": asked, "confirmed": asked, **change})
                break
    return found


def change_events(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    stop = min(stop, len(bars.close) - params.width)
    known = _Swings(bars, stop + params.width, params.width)
    highs, lows = (known.among(side, 0, stop + params.width) for side in (1, -1))
    for bar in range(max(start, 10), stop):
        change = _change(bars, bar, highs, lows, params)
        if change is not None:
            found.append({"bar": bar, "confirmed": bar + params.width, **change})
    return found


def _change(bars: Bars, bar: int, highs: list[int], lows: list[int], params: Any) -> Row | None:
    """What happens at a bar beside the last three highs and lows up to it."""
    highs = [high for high in highs if high <= bar - params.lag][-3:]
    lows = [low for low in lows if low <= bar - params.lag][-3:]
    if len(highs) < 3 or len(lows) < 3:
        return None
    close = bars.close[bar]
    h3, h2, h1 = (bars.high[high] for high in highs)
    l3, l2, l1 = (bars.low[low] for low in lows)
    if h2 < h3 and l2 < l3 and l1 > l2 and close > h2 + params.distance:
        direction, level, target = 1, h2, h1
    elif h2 > h3 and l2 > l3 and h1 < h2 and close < l2 - params.distance:
        direction, level, target = -1, l2, l1
    else:
        return None
    return {
        "change": bar,
        "direction": direction,
        "high": highs[-1],
        "previous_high": highs[-2],
        "low": lows[-1],
        "previous_low": lows[-2],
        "close": close,
        "level": level,
        "target": target,
    }
