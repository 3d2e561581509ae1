"""Candles to measure on: real or made-up ones at any length, and the shapes that hurt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..candles import Candles
from ..kernels._types import F64
from ..market import sample_market

__all__ = ["SHAPES", "cut", "load", "shaped", "tiled"]

SHAPES = {
    "trend": "rises in steps, every zone below stays open",
    "flat": "one price throughout",
    "saw": "between the same two prices for ever",
    "filled": "as trend, then one bar that fills every zone",
}

_BUILT_IN_BARS = 200_000
_LEG = (1.0, 1.0, 1.0, 1.0, 1.0, -0.2, -0.2, -0.2)  # the pullback leaves a swing low and fills no gap
_STEPS = {"flat": (0.0,), "saw": (1.0, 1.0, 1.0, -1.0, -1.0, -1.0)}
_WICK = 0.1


def load(data: Path | None, seed: int) -> Candles:
    """Candles of a CSV or Parquet file, or of the built-in market.

    Times without a zone count as UTC: here only their order matters.
    """
    if data is None:
        return sample_market(["EURUSD"], bars=_BUILT_IN_BARS, seed=seed)[0]
    read = Candles.from_parquet if data.suffix == ".parquet" else Candles.from_csv
    return read(data, tz="UTC")


def _minutes(symbol: str, *prices: F64) -> Candles:
    """One-minute candles without holes, which leaves room for any length in 64-bit nanoseconds."""
    time = np.datetime64("1990-01-01", "ns") + np.arange(len(prices[0])) * np.timedelta64(60, "s")
    return Candles.from_numpy(time, *prices, symbol=symbol, timeframe="1min", tz="UTC")


def tiled(source: Candles, bars: int) -> Candles:
    """The source's prices over and over, up to a number of bars."""
    repeated = (np.resize(column, bars) for column in (source.open, source.high, source.low, source.close))
    return _minutes(source.symbol, *repeated)


def cut(candles: Candles, lengths: list[int]) -> list[Candles]:
    """Consecutive pieces of the given lengths."""
    ends = np.cumsum(lengths)
    return [candles[int(end) - length : int(end)] for end, length in zip(ends, lengths, strict=True)]


def shaped(shape: str, bars: int) -> Candles:
    """Candles of one of the `SHAPES`.

    Parameters
    ----------
    shape : {"trend", "flat", "saw", "filled"}
    bars : int

    Returns
    -------
    Candles
    """
    close = 100.0 + np.cumsum(np.resize(_STEPS.get(shape, _LEG), bars))
    opens = np.concatenate([[100.0], close[:-1]])[:bars]
    wick = 0.0 if shape == "flat" else _WICK
    high = np.maximum(opens, close) + wick
    low = np.minimum(opens, close) - np.where(close < opens, 2 * wick, wick)
    if shape == "filled" and bars:
        low[-1] = close[-1] = 1.0
    return _minutes(shape, opens, high, low, close)
