"""What the reference implementations share: bars and their mirror image, ATR, searches, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]
"""A table: one array per column, all of the same length."""
Row = dict[str, Any]
"""One event: a value per column."""
Compare = Callable[[Any, Any], Any]
"""A comparison of the module `operator`: `gt`, `ge`, `lt`, `le`."""

NEVER = -1
NEGATED_COLUMNS = frozenset({"direction", "level", "top", "bottom"})
MIRROR_NAMES = {"top": "bottom", "bottom": "top"}
FIRST_CHUNK = 64


class Bars(Protocol):
    """Four equally long float64 arrays, oldest bar first."""

    @property
    def open(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...
    @property
    def low(self) -> Floats: ...
    @property
    def close(self) -> Floats: ...


class Ohlc(NamedTuple):
    """The plainest `Bars`."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


def mirror(bars: Bars) -> Ohlc:
    """Negate prices: rallies become declines, highs become lows.

    Negation is exact, so the bearish side of a rule is its bullish side on mirrored bars.
    """
    return Ohlc(-bars.open, -bars.low, -bars.high, -bars.close)


def mirror_columns(table: Mapping[str, Any]) -> dict[str, Any]:
    """Mirror one event or a whole table.

    The direction and the price columns are negated, `top` and `bottom` change places; positions, sizes
    and all else stay.
    """
    sources = {name: MIRROR_NAMES.get(name, name) for name in table}
    return {
        name: -table[source] if name in NEGATED_COLUMNS else table[source] for name, source in sources.items()
    }


def on_both_sides(find: Callable[..., list[Row]], bars: Bars, *tables: Columns) -> list[Row]:
    """Find the events of a rule written for the bullish side, and those of its mirror image.

    Parameters
    ----------
    find
        The bullish rule: `find(bars, *tables)` gives events with `direction` = +1.
    bars
        The candles.
    tables
        What feeds the rule.
    """
    mirrored = find(mirror(bars), *(mirror_columns(table) for table in tables))
    return find(bars, *tables) + [mirror_columns(row) for row in mirrored]


def body_high(bars: Bars) -> Floats:
    """Upper end of each body, `max(open, close)`."""
    return np.maximum(bars.open, bars.close)


def body_low(bars: Bars) -> Floats:
    """Lower end of each body, `min(open, close)`."""
    return np.minimum(bars.open, bars.close)


def true_range(high: Floats, low: Floats, close: Floats) -> list[float]:
    """Wilder's true range: `h-l` on the first bar, then `max(h-l, |h-c[t-1]|, |l-c[t-1]|)`."""
    # Python floats: IEEE double arithmetic like numpy's, without a warning where it overflows.
    h, l, c = high.tolist(), low.tolist(), close.tolist()  # noqa: E741
    first = [h[0] - l[0]] if h else []
    return first + [max(h[t] - l[t], abs(h[t] - c[t - 1]), abs(l[t] - c[t - 1])) for t in range(1, len(h))]


def atr(high: Floats, low: Floats, close: Floats, length: int) -> Floats:
    """Wilder's average true range, NaN before bar `length - 1`.

    Starts as the mean of the first `length` true ranges (summed in the order of the bars), then
    `(ATR[t-1] * (length-1) + TR[t]) / length`.
    """
    ranges = true_range(high, low, close)
    average = np.full(len(ranges), np.nan)
    if len(ranges) < length:
        return average
    total = 0.0
    for value in ranges[:length]:
        total += value
    current = total / length
    average[length - 1] = current
    for t in range(length, len(ranges)):
        current = (current * (length - 1) + ranges[t]) / length
        average[t] = current
    return average


def first_at(values: Floats, compare: Compare, level: float, after: int) -> int:
    """First bar later than `after` whose value compares true with `level`, -1 if none.

    `first_at(bars.high, gt, level, after=t)` is the first bar after `t` with a high above `level`.
    """
    start, size = after + 1, FIRST_CHUNK
    while start < len(values):
        hits = np.flatnonzero(compare(values[start : start + size], level))
        if len(hits):
            return start + int(hits[0])
        start, size = start + size, size * 2
    return NEVER


def build_table(
    rows: Iterable[Row],
    rule: Mapping[str, type[Any]],
    life: Iterable[str] = (),
    *,
    keep_rule_order: bool = False,
) -> Columns:
    """Sort events and turn them into columns.

    Rows are sorted by `confirmed`, then `bar`, then the order in which they come (`keep_rule_order`) or
    else bullish before bearish, then `origin`.

    Parameters
    ----------
    rows
        The events.
    rule
        The rule's own columns and their types.
    life
        The life cycle columns, int64.
    keep_rule_order
        Whether the rule itself orders the events of one bar.
    """

    def place(row: Row) -> tuple[int, ...]:
        if keep_rule_order:
            return row["confirmed"], row["bar"]
        return row["confirmed"], row["bar"], -row["direction"], row.get("origin", 0)

    ordered = sorted(rows, key=place)
    types: dict[str, type[Any]] = {"bar": np.int64, "confirmed": np.int64, "direction": np.int8}
    types |= rule
    types |= dict.fromkeys(life, np.int64)
    return {name: np.array([row[name] for row in ordered], dtype=kind) for name, kind in types.items()}


def events(table: Columns) -> list[Row]:
    """Split a table into its rows, as Python numbers."""
    values = [column.tolist() for column in table.values()]
    return [dict(zip(table, row, strict=True)) for row in zip(*values, strict=True)]
