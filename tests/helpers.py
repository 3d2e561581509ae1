"""Small helpers of the tests: candles from a list of prices, tables as lists of tuples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import ict_kernels as ict
from ict_kernels.candles import Candles

Prices = Sequence[tuple[float, float, float, float]]

ENGINES = {"compiled": ict, "reference": ict.reference}
NEGATED = {"direction", "level", "top", "bottom"}
SWAPPED = {"top": "bottom", "bottom": "top"}


def load_engine(name: str) -> Any:
    """Import the module whose functions are the compiled detectors or their reference twins."""
    return ENGINES[name]


def ohlc(prices: Prices, side: int = 1) -> Candles:
    """Make one-minute candles of (open, high, low, close); `side=-1` turns them upside down."""
    table = np.array(prices, dtype=np.float64).reshape(-1, 4)
    if side < 0:
        table = 0.0 - table[:, [0, 2, 1, 3]]
    opens, highs, lows, closes = (np.ascontiguousarray(column) for column in table.T)
    return Candles.from_numpy(
        time=np.datetime64("2024-01-02T00:00", "ns") + np.arange(len(table)) * np.timedelta64(60, "s"),
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        symbol="TEST",
        timeframe="1min",
        tz="UTC",
    )


def bodies(pairs: Sequence[tuple[float, float]]) -> Prices:
    """Make candles without wicks of (open, close)."""
    return [(o, max(o, c), min(o, c), c) for o, c in pairs]


def highs(values: Sequence[float]) -> Prices:
    """Make candles of which only the highs differ; there is no swing low among them."""
    return [(0, value, 0, 0) for value in values]


def rows(events: Any, names: str, side: int = 1) -> list[tuple[Any, ...]]:
    """Read the named columns row by row; `side=-1` turns the answer for upside-down candles back."""
    return list(zip(*(column(events, name, side) for name in names.split()), strict=True))


def column(events: Any, name: str, side: int = 1) -> list[Any]:
    """Read one column, as `rows` does."""
    if side > 0:
        return list(getattr(events, name).tolist())
    values = getattr(events, SWAPPED.get(name, name))
    return list((-values if name in NEGATED else values).tolist())
