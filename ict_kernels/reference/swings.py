"""Swing highs and lows, in plain Python."""

from __future__ import annotations

from operator import ge, gt

import numpy as np

from ict_kernels.reference._common import Bars, Columns, Floats, Row, build_table, first_at, on_both_sides


def swings(bars: Bars, *, left: int, right: int, ties: str) -> Columns:
    """Find swing highs (+1) and swing lows (-1).

    Bar `i` is a swing high when its high is above the highs of the `left` bars before, and not below
    (`ties="first"`) or above (`ties="strict"`) those of the `right` bars after. It is confirmed at
    `i + right`; `swept` by the first later high above its level, `broken` by the first later close above.

    All `left + right` neighbours must exist: no bar at either end is judged by fewer. A bar may be both a
    swing high and a swing low; the high comes first.

    Parameters
    ----------
    bars
        The candles.
    left, right
        Bars compared before and after.
    ties
        `"first"`: of equal highs the first is the swing; `"strict"`: none.
    """

    def swing_highs(side: Bars) -> list[Row]:
        return [
            {
                "bar": i,
                "confirmed": i + right,
                "direction": 1,
                "level": side.high[i],
                "swept": first_at(side.high, gt, side.high[i], after=i + right),
                "broken": first_at(side.close, gt, side.high[i], after=i + right),
            }
            for i in range(left, len(side.high) - right)
            if is_swing_high(side.high, i, left, right, ties)
        ]

    rows = on_both_sides(swing_highs, bars)
    return build_table(rows, {"level": np.float64}, ("swept", "broken"))


def is_swing_high(high: Floats, i: int, left: int, right: int, ties: str) -> bool:
    """Tell whether bar `i` tops its neighbours, by the rule of `swings`."""
    tops = {"first": ge, "strict": gt}[ties]
    before, after = high[i - left : i], high[i + 1 : i + 1 + right]
    return bool(np.all(high[i] > before)) and bool(np.all(tops(high[i], after)))
