"""Two halves of ten bars that run against each other, in the hours of the silver bullet."""

from __future__ import annotations

from typing import Any

from ._common import Bars, Row

HOURS = (10, 11, 14, 15)


def silver_bullet_turns(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found: list[Row] = []
    for bar in range(start, min(stop, len(bars.close))):
        rows = min(bar + 1, params.window)
        if rows < max(params.least, 10) or bars.minute[bar] // 60 not in HOURS:
            continue
        last = [bars.close[at] for at in range(bar - 9, bar + 1)]
        earlier, later = last[4] - last[0], last[9] - last[5]
        if earlier < 0 < later:
            found.append({"bar": bar, "confirmed": bar, "direction": 1, "price": last[9]})
        elif later < 0 < earlier:
            found.append({"bar": bar, "confirmed": bar, "direction": -1, "price": last[9]})
    return found
