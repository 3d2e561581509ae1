"""Bars from which the next four bars move away, asked for the last twenty bars."""

from __future__ import annotations

from typing import Any

from ._common import Bars, Row


def reactions(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for asked in range(max(start, 0), min(stop, len(bars.high))):
        seen = min(asked + 1, params.window)
        rows = range(asked + 1 - min(seen, 20), asked + 1)
        if len(rows) < 15:
            continue
        for position, at in list(enumerate(rows))[5:-5]:
            block = _block(bars, at)
            if block["reaction"] > params.threshold:
                found.append({"bar": asked, "confirmed": asked, "candle": at, "position": position, **block})
    return found


def _block(bars: Bars, at: int) -> Row:
    high, low = bars.high[at], bars.low[at]
    bullish = bars.close[at] > bars.open[at]
    distances = [
        abs(bars.low[later] - high) if bullish else abs(bars.high[later] - low)
        for later in range(at + 1, at + 5)
    ]
    reaction = 0.0
    if not high - low <= 0:
        for distance in distances:
            reaction += distance / (high - low)
    return {"direction": 1 if bullish else -1, "high": high, "low": low, "reaction": reaction / 4}
