"""Structure breaks, displacements, market structure shifts and CISD, in plain Python."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from operator import gt

import numpy as np
import numpy.typing as npt

from ict_kernels.reference._common import (
    NEVER,
    Bars,
    Columns,
    Row,
    atr,
    build_table,
    events,
    first_at,
    on_both_sides,
)

BOS, CHOCH = 0, 1


def structure_breaks(bars: Bars, *, by: str, swings: Columns) -> Columns:
    """Find breaks of structure (BOS, `kind` 0) and changes of character (CHoCH, `kind` 1).

    At most one swing high and one swing low are active; a newly confirmed swing replaces the active one of
    its side whatever its level, from its bar of confirmation on. A close (`by="wick"`: a high) above the
    active high is a bullish break and uses the level up. It is a CHoCH when the trend was bearish, else a
    BOS; the trend then is bullish. `bar` and `confirmed` are the breaking bar, `origin` the swing's.

    When one bar breaks both sides (only wicks can) the order is that of `sides_in_order`.

    Parameters
    ----------
    bars
        The candles.
    by
        `"close"` or `"wick"`: what must pass the level.
    swings
        The table of `swings`.
    """
    above = {"close": bars.close, "wick": bars.high}[by]
    below = {"close": bars.close, "wick": bars.low}[by]
    colours = [int(c > o) - int(c < o) for o, c in zip(bars.open, bars.close, strict=True)]
    confirmed_at: dict[int, list[Row]] = defaultdict(list)
    for swing in events(swings):
        confirmed_at[swing["confirmed"]].append(swing)

    rows: list[Row] = []
    active: dict[int, Row] = {}
    trend_now = 0
    for t in range(len(bars.close)):
        for swing in confirmed_at[t]:
            active[swing["direction"]] = swing
        up = 1 in active and above[t] > active[1]["level"]
        down = -1 in active and below[t] < active[-1]["level"]
        for direction in sides_in_order(up, down, colours[t], trend_now):
            rows.append(
                {
                    "bar": t,
                    "confirmed": t,
                    "direction": direction,
                    "kind": CHOCH if trend_now == -direction else BOS,
                    "level": active[direction]["level"],
                    "origin": active[direction]["bar"],
                }
            )
            trend_now = direction
        if up:
            del active[1]
        if down:
            del active[-1]
    rule = {"kind": np.int8, "level": np.float64, "origin": np.int64}
    return build_table(rows, rule, keep_rule_order=True)


def sides_in_order(up: bool, down: bool, colour: int, trend_now: int) -> list[int]:
    """Give the directions of the breaks of one bar, in their order.

    When both sides break, the one against the body comes first; on a doji the one against the trend; on a
    doji without a trend neither is a break.
    """
    if up and down:
        first = -colour or -trend_now
        return [first, -first] if first else []
    return [1] if up else [-1] if down else []


def trend(bars: Bars, *, structure_breaks: Columns) -> Columns:
    """Give the trend after each bar: the direction of the latest structure break, 0 before the first.

    Parameters
    ----------
    bars
        The candles.
    structure_breaks
        The table of `structure_breaks`.
    """
    values: npt.NDArray[np.int8] = np.zeros(len(bars.close), dtype=np.int8)
    for row in events(structure_breaks):
        values[row["bar"] :] = row["direction"]
    return {"trend": values}


@np.errstate(over="ignore", invalid="ignore")
def displacements(bars: Bars, *, length: int, body_atr: float, body_ratio: float) -> Columns:
    """Find displacement candles: bodies that are large against the ATR and against their own range.

    Bar `t` with `|c-o| >= body_atr * ATR[t-1]`, `|c-o| >= body_ratio * (h-l)` and `c != o`. `atr` is
    `ATR[t-1]` and `ratio` the body over the range. `leaves_gap` is `t + 1` when `t` is the middle bar of a
    fair value gap of any size in the same direction (`l[t+1] > h[t-1]`).

    An undefined ATR rejects, unless `body_atr` is 0: then `atr` is NaN.

    Parameters
    ----------
    bars
        The candles.
    length
        Length of the ATR.
    body_atr
        Smallest body, in multiples of the ATR.
    body_ratio
        Smallest body, as a part of the range.
    """

    def bullish(side: Bars) -> list[Row]:
        n = len(side.close)
        average = atr(side.high, side.low, side.close, length)
        body = side.close - side.open
        height = side.high - side.low
        rows = []
        for t in range(n):
            before = average[t - 1] if t else np.nan
            large = body_atr == 0 or body[t] >= body_atr * before
            if not (body[t] > 0 and large and body[t] >= body_ratio * height[t]):
                continue
            gap = 0 < t < n - 1 and side.low[t + 1] > side.high[t - 1]
            rows.append(
                {
                    "bar": t,
                    "confirmed": t,
                    "direction": 1,
                    "body": body[t],
                    "atr": before,
                    "ratio": body[t] / height[t],
                    "leaves_gap": t + 1 if gap else NEVER,
                }
            )
        return rows

    rule = {"body": np.float64, "atr": np.float64, "ratio": np.float64}
    return build_table(on_both_sides(bullish, bars), rule, ("leaves_gap",))


def market_structure_shifts(
    bars: Bars, *, variant: str, sweep_lookback: int, breaks: Columns, displacements: Columns
) -> Columns:
    """Find market structure shifts: CHoCH breaks with more behind them.

    `variant="choch"` asks nothing more; `"displacement"` asks for a displacement of the same direction in
    the leg, which for a bullish break at `t` goes from the lowest low in `[origin, t]` (the latest of equal
    ones) to `t`, both included; `"sweep"` for a liquidity sweep of the same direction confirmed in
    `[t - sweep_lookback, t]`; `"sweep_displacement"` for both. `displacement_bar` and `sweep_bar` are the
    latest of each in every variant, -1 if none.

    Liquidity sweeps are not part of this reference: there are none, so that `sweep_bar` is -1 and the
    variants that ask for one give no rows. Shifts of one bar keep the order of the breaks.

    Parameters
    ----------
    bars
        The candles.
    variant
        `"choch"`, `"displacement"`, `"sweep"` or `"sweep_displacement"`.
    sweep_lookback
        Bars back to look for a sweep.
    breaks
        The table of `structure_breaks`.
    displacements
        The table of `displacements`.
    """
    needs_displacement = {"choch": False, "displacement": True, "sweep": False, "sweep_displacement": True}
    needs_sweep = {"choch": False, "displacement": False, "sweep": True, "sweep_displacement": True}
    rows = []
    for row in events(breaks):
        if row["kind"] != CHOCH:
            continue
        start = leg_start(bars, row["direction"], row["origin"], row["bar"])
        displacement = latest_bar(displacements, row["direction"], start, row["bar"])
        sweep = NEVER
        if needs_displacement[variant] and displacement == NEVER:
            continue
        if needs_sweep[variant] and sweep == NEVER:
            continue
        rows.append(
            {
                "bar": row["bar"],
                "confirmed": row["bar"],
                "direction": row["direction"],
                "level": row["level"],
                "origin": row["origin"],
                "displacement_bar": displacement,
                "sweep_bar": sweep,
            }
        )
    rule = {"level": np.float64, "origin": np.int64, "displacement_bar": np.int64, "sweep_bar": np.int64}
    return build_table(rows, rule, keep_rule_order=True)


def leg_start(bars: Bars, direction: int, first: int, last: int) -> int:
    """Find the bar of the lowest low (bearish: highest high) in `[first, last]`, the latest of equal ones."""
    depth = bars.low if direction > 0 else -bars.high
    return last - int(np.argmin(depth[first : last + 1][::-1]))


def latest_bar(table: Columns, direction: int, first: int, last: int) -> int:
    """Find the latest `bar` of a table's rows of one direction within `[first, last]`, -1 if none."""
    within = (table["direction"] == direction) & (table["bar"] >= first) & (table["bar"] <= last)
    return int(table["bar"][within].max(initial=NEVER))


def cisd(bars: Bars, *, min_run: int, require_sweep: bool) -> Columns:
    """Find changes in the state of delivery: closes back above where a run of down-closes opened.

    A run is `min_run` or more down-close bars (`c < o`; a doji ends it) in a row, its level the open of its
    first bar. The first close above the level after the run's last bar is a bullish CISD, once per run:
    `bar` = first bar of the run, `run_end` its last, `confirmed` the closing bar. A newer run replaces the
    older at its `min_run`-th bar, before that bar's close is tested. So closes of a run's own bars are never
    tested once it is long enough, while the first `min_run - 1` bars of a newer run, and all other bars, are
    tested against the older run's level.

    `require_sweep` asks for a liquidity sweep inside the run. Liquidity sweeps are not part of this
    reference: there are none, so that it gives no rows.

    Parameters
    ----------
    bars
        The candles.
    min_run
        Fewest bars of a run.
    require_sweep
        Whether the run must take liquidity.
    """

    def bullish(side: Bars) -> list[Row]:
        rows = []
        n = len(side.close)
        runs = [*down_close_runs(side, min_run), (n, n)]
        for (first, last), (newer, _) in pairwise(runs):
            level = side.open[first]
            replaced = newer + min_run - 1
            closing = first_at(side.close[:replaced], gt, level, after=last)
            if closing != NEVER:
                rows.append(
                    {
                        "bar": first,
                        "confirmed": closing,
                        "direction": 1,
                        "run_end": last,
                        "level": level,
                    }
                )
        return rows

    found = [] if require_sweep else on_both_sides(bullish, bars)
    return build_table(found, {"run_end": np.int64, "level": np.float64})


def down_close_runs(bars: Bars, min_run: int) -> list[tuple[int, int]]:
    """Find the first and last bar of each maximal run of at least `min_run` down-close bars."""
    down = np.concatenate(([False], bars.close < bars.open, [False]))
    firsts = np.flatnonzero(~down[:-1] & down[1:]).tolist()
    ends = np.flatnonzero(down[:-1] & ~down[1:]).tolist()
    return [(first, end - 1) for first, end in zip(firsts, ends, strict=True) if end - first >= min_run]
