"""Fair value gaps, what becomes of them, and volume imbalances, in plain Python."""

from __future__ import annotations

from operator import ge, le, lt

import numpy as np

from ict_kernels.reference._common import (
    NEVER,
    Bars,
    Columns,
    Floats,
    Row,
    atr,
    body_high,
    body_low,
    build_table,
    events,
    first_at,
    on_both_sides,
)

ZONE = {"top": np.float64, "bottom": np.float64}


@np.errstate(over="ignore", invalid="ignore")
def fair_value_gaps(
    bars: Bars, *, min_size: float, min_atr: float, length: int, middle: str, by: str
) -> Columns:
    """Find fair value gaps: three candles of which the first and the third do not overlap.

    Bullish with middle bar `i` when `l[i+1] > h[i-1]`: the zone from `bottom = h[i-1]` to `top = l[i+1]`,
    confirmed at `i + 1`. Kept when `size = top - bottom` is at least `min_size` and at least
    `min_atr * ATR[i]`; `middle="colour"` also asks `c[i] > o[i]`, `"beyond"` asks `c[i] > h[i-1]`.

    Later the low (`by="close"`: the close) reaches the top (`touched`), the middle (`half`) and the bottom
    (`filled`); a close passes the bottom (`inverted`); strictly after that a high is back at the bottom
    (`retested`, by the wick whatever `by` is).

    An undefined ATR rejects, unless `min_atr` is 0.

    Parameters
    ----------
    bars
        The candles.
    min_size
        Smallest height, in price.
    min_atr
        Smallest height, in multiples of the ATR.
    length
        Length of the ATR.
    middle
        What is asked of the middle candle: `"any"`, `"colour"` or `"beyond"`.
    by
        `"wick"` or `"close"`: what has to reach the zone.
    """

    def bullish(side: Bars) -> list[Row]:
        average = atr(side.high, side.low, side.close, length)
        reach = {"wick": side.low, "close": side.close}[by]
        rows = []
        for i in range(1, len(side.close) - 1):
            bottom, top = side.high[i - 1], side.low[i + 1]
            size = top - bottom
            tall = size >= min_size and (min_atr == 0 or size >= min_atr * average[i])
            if top > bottom and tall and middle_agrees(side, i, middle):
                rows.append(gap_row(side, reach, i, top, bottom))
        return rows

    life = ("touched", "half", "filled", "inverted", "retested")
    return build_table(on_both_sides(bullish, bars), {**ZONE, "size": np.float64}, life)


def middle_agrees(bars: Bars, i: int, middle: str) -> bool:
    """Tell whether the middle candle of a bullish gap is as asked."""
    agrees = {
        "any": True,
        "colour": bars.close[i] > bars.open[i],
        "beyond": bars.close[i] > bars.high[i - 1],
    }
    return bool(agrees[middle])


def gap_row(bars: Bars, reach: Floats, i: int, top: float, bottom: float) -> Row:
    """Describe a bullish gap with middle bar `i`, and its life."""
    mid = 0.5 * bottom + 0.5 * top
    inverted = first_at(bars.close, lt, bottom, after=i + 1)
    return {
        "bar": i,
        "confirmed": i + 1,
        "direction": 1,
        "top": top,
        "bottom": bottom,
        "size": top - bottom,
        "touched": first_at(reach, le, top, after=i + 1),
        "half": first_at(reach, le, mid, after=i + 1),
        "filled": first_at(reach, le, bottom, after=i + 1),
        "inverted": inverted,
        "retested": NEVER if inverted == NEVER else first_at(bars.high, ge, bottom, after=inverted),
    }


def inverse_fair_value_gaps(bars: Bars, *, gaps: Columns) -> Columns:
    """Find inverse fair value gaps: gaps that a close went through, now of the other direction.

    One row per inverted gap: `bar` and zone of the gap, `confirmed` = its `inverted`. A bearish one is
    `touched` by the first later high at or above its bottom (the gap's `retested`) and `broken` by the first
    later close above its top.

    Parameters
    ----------
    bars
        The candles.
    gaps
        The table of `fair_value_gaps`.
    """

    def bullish(side: Bars, table: Columns) -> list[Row]:
        return [
            {
                "bar": gap["bar"],
                "confirmed": gap["inverted"],
                "direction": 1,
                "top": gap["top"],
                "bottom": gap["bottom"],
                "touched": first_at(side.low, le, gap["top"], after=gap["inverted"]),
                "broken": first_at(side.close, lt, gap["bottom"], after=gap["inverted"]),
            }
            for gap in events(table)
            if gap["direction"] == -1 and gap["inverted"] != NEVER
        ]

    return build_table(on_both_sides(bullish, bars, gaps), ZONE, ("touched", "broken"))


def balanced_price_ranges(bars: Bars, *, max_bars: int, gaps: Columns) -> Columns:
    """Find balanced price ranges: where a gap overlaps an earlier one of the opposite direction.

    The later gap is confirmed at most `max_bars` bars after the earlier, which was not `filled` before bar
    `b - 1` of the later gap's middle bar `b`, and the overlap has a height: it is the zone. `bar`,
    `confirmed` and `direction` are the later gap's, `other` the earlier one's `bar`. One row per later gap,
    with the latest of the earlier gaps that qualify.

    A bullish one is `touched` by the first later low at or below its top and `broken` by the first later
    close below its bottom.

    Parameters
    ----------
    bars
        The candles.
    max_bars
        Most bars between the two confirmations.
    gaps
        The table of `fair_value_gaps`.
    """

    def bullish(side: Bars, table: Columns) -> list[Row]:
        found = events(table)
        rows = []
        for position, later in enumerate(found):
            if later["direction"] == 1:
                earlier = balancing_gap(found, position, max_bars)
                if earlier is not None:
                    rows.append(balanced_row(side, earlier, later))
        return rows

    rows = on_both_sides(bullish, bars, gaps)
    return build_table(rows, {**ZONE, "other": np.int64}, ("touched", "broken"))


def balancing_gap(found: list[Row], position: int, max_bars: int) -> Row | None:
    """Find the latest earlier gap that makes a balanced price range with the one at `position`."""
    later = found[position]
    for k in range(position - 1, -1, -1):
        earlier = found[k]
        if later["confirmed"] - earlier["confirmed"] > max_bars:
            return None
        opposite = earlier["direction"] == -later["direction"]
        open_still = earlier["filled"] == NEVER or earlier["filled"] >= later["bar"] - 1
        overlaps = max(earlier["bottom"], later["bottom"]) < min(earlier["top"], later["top"])
        if opposite and open_still and overlaps:
            return earlier
    return None


def balanced_row(bars: Bars, earlier: Row, later: Row) -> Row:
    """Describe a bullish balanced price range, and its life."""
    top, bottom = min(earlier["top"], later["top"]), max(earlier["bottom"], later["bottom"])
    return {
        "bar": later["bar"],
        "confirmed": later["confirmed"],
        "direction": 1,
        "top": top,
        "bottom": bottom,
        "other": earlier["bar"],
        "touched": first_at(bars.low, le, top, after=later["confirmed"]),
        "broken": first_at(bars.close, lt, bottom, after=later["confirmed"]),
    }


@np.errstate(over="ignore")
def volume_imbalances(bars: Bars, *, min_size: float) -> Columns:
    """Find volume imbalances: neighbouring bodies with a space between them that the wicks overlap.

    Bullish at `t` when `body_low[t] > body_high[t-1]` while `l[t] <= h[t-1]`: the zone from
    `body_high[t-1]` to `body_low[t]`, at least `min_size` tall, confirmed at once. `touched` by the first
    later low at or below the top, `filled` by the first later body that reaches the bottom.

    Parameters
    ----------
    bars
        The candles.
    min_size
        Smallest height, in price.
    """

    def bullish(side: Bars) -> list[Row]:
        upper, lower = body_high(side), body_low(side)
        rows = []
        for t in range(1, len(side.close)):
            bottom, top = upper[t - 1], lower[t]
            if top > bottom and side.low[t] <= side.high[t - 1] and top - bottom >= min_size:
                rows.append(
                    {
                        "bar": t,
                        "confirmed": t,
                        "direction": 1,
                        "top": top,
                        "bottom": bottom,
                        "touched": first_at(side.low, le, top, after=t),
                        "filled": first_at(lower, le, bottom, after=t),
                    }
                )
        return rows

    return build_table(on_both_sides(bullish, bars), ZONE, ("touched", "filled"))
