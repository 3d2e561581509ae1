"""A built-in market: seeded, made-up candles that look like the real thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ict_kernels.candles import Candles
from ict_kernels.errors import ParameterError
from ict_kernels.kernels._types import F64, I64
from ict_kernels.timeframes import DAY, WEEK, Timeframe, canonical, nanoseconds

__all__ = ["SYMBOLS", "sample_market"]

SYMBOLS: Final = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")
"""The symbols of `sample_market` unless others are named."""


class _Quote(NamedTuple):
    """What a symbol's prices are like."""

    price: float
    digits: int
    daily: float  # standard deviation of a day's logarithmic return
    dollar: float  # correlation with the common factor, a falling dollar


_QUOTES: Final = {
    "EURUSD": _Quote(1.1, 5, 0.005, 0.8),
    "GBPUSD": _Quote(1.27, 5, 0.006, 0.75),
    "USDJPY": _Quote(141.0, 3, 0.006, -0.6),
    "XAUUSD": _Quote(2063.0, 2, 0.010, 0.45),
}
_UNKNOWN: Final = _Quote(1.0, 5, 0.006, 0.5)

_STEPS: Final = np.sqrt(
    np.array([0.02, 0.245, 0.245, 0.245, 0.245])
)  # a bar's path; the opening gap is small
_CHUNK: Final = 1 << 15  # bars made at a time, so that memory stays bounded
_HALF_DAY: Final = DAY // 2
_BUSY: Final = 0.45  # standard deviation of the logarithm of volatility
_WICK: Final = 0.5  # how far ticks stray from a bar's path, in its volatility
# How lively each hour is by New York's clock: quiet nights, London from 3, New York from 8, a late lull.
_HOURS: Final = np.array(
    [
        *(0.55, 0.6, 0.9, 1.4, 1.35, 1.15, 1.0, 1.15, 1.6, 1.7, 1.65, 1.35),
        *(1.05, 0.95, 0.95, 0.85, 0.7, 0.35, 0.4, 0.6, 0.7, 0.65, 0.55, 0.5),
    ]
)


def sample_market(
    symbols: Sequence[str] = SYMBOLS,
    bars: int = 24_000,
    timeframe: Timeframe = "15min",
    seed: int = 7,
    start: str = "2024-01-01",
) -> list[Candles]:
    """
    Make up candles that behave like currencies: same arguments, same candles.

    Volatility clusters and follows the London and New York sessions; the market closes from Friday 17:00 to
    Sunday 17:00 New York time and reopens with a gap; prices move in ticks, so that equal highs and lows
    occur; symbols are correlated through the dollar. A symbol's candles depend neither on the other symbols
    nor, bar by bar, on how many are asked for.

    Parameters
    ----------
    symbols : sequence of str
        Any names; those of `SYMBOLS` come with their own price, ticks and volatility.
    bars : int
        Bars for each symbol.
    timeframe : str or timedelta
        The timeframe of the candles.
    seed : int
        Another seed, another market.
    start : str
        The first bar opens at or after this instant, UTC.

    Returns
    -------
    list of Candles
        One for each symbol, in order.

    Raises
    ------
    ParameterError
        If `bars` or `seed` is negative, or `start` is no date.

    Examples
    --------
    >>> sample_market(["EURUSD", "GBPUSD"], bars=500)
    [<Candles EURUSD 15min: 500 bars, 2024-01-01 00:00:00 .. 2024-01-08 04:45:00 UTC>,
     <Candles GBPUSD 15min: 500 bars, 2024-01-01 00:00:00 .. 2024-01-08 04:45:00 UTC>]
    """
    if isinstance(symbols, str):
        raise ParameterError(f"symbols must be a sequence of names, such as [{symbols!r}], not one str")
    if bars < 0 or seed < 0:
        raise ParameterError(f"bars and seed must not be negative: bars={bars}, seed={seed}")
    name, length = canonical(timeframe), nanoseconds(timeframe)
    time = _open_hours(_first_bar(start, length), bars, length)
    dollar = _Draws(seed, "dollar")
    tapes = [_Tape(symbol, seed, bars, length) for symbol in symbols]
    for begin in range(0, bars, _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        stretch = _stretch(time, chunk, length, dollar)
        for tape in tapes:
            tape.extend(chunk, stretch)
    return [Candles._trusted(time, **tape.columns, symbol=tape.symbol, timeframe=name) for tape in tapes]


class _Shocks(NamedTuple):
    """Independent standard normal numbers, bar by bar."""

    path: F64
    wick: F64
    gap: F64
    volatility: F64
    volume: F64


class _Draws:
    """A stream of shocks, drawn bar by bar, so that the first bars do not depend on how many follow."""

    def __init__(self, seed: int, name: str) -> None:
        self.generator = np.random.default_rng([seed, crc32(name.encode())])

    def next(self, bars: int) -> _Shocks:
        steps = len(_STEPS)
        draws = self.generator.standard_normal((bars, 2 * steps + 1))
        return _Shocks(draws[:, :steps], draws[:, steps:-3], draws[:, -3], draws[:, -2], draws[:, -1])


def _first_bar(start: str, length: int) -> int:
    """Return the first instant of the timeframe's grid from the start on; weeks begin on Monday."""
    try:
        stamp = pd.to_datetime([start], utc=True).as_unit("ns")
    except (ValueError, TypeError) as error:
        raise ParameterError(f'start must be a date such as "2024-01-01", not {start!r}') from error
    if stamp.hasnans:
        raise ParameterError(f"start must be a date, not {start!r}")
    instant = int(stamp.asi8[0])
    shift = 3 * DAY if length % WEEK == 0 else 0
    return -(-(instant + shift) // length) * length - shift


def _open_hours(first: int, bars: int, length: int) -> I64:
    """Return the first instants of the grid at which the market is open."""
    if length % WEEK == 0:
        return first + length * np.arange(bars, dtype=np.int64)
    time, filled = np.empty(bars, np.int64), 0
    while filled < bars:
        grid = first + length * np.arange(min(_CHUNK, 2 * (bars - filled) + 8), dtype=np.int64)
        opened = grid[_is_open(grid)][: bars - filled]
        time[filled : filled + len(opened)] = opened
        filled += len(opened)
        first = int(grid[-1]) + length
    return time


def _is_open(time: I64) -> NDArray[np.bool_]:
    """Tell when the market is open: from Sunday to Friday, 17:00 by New York's clock."""
    wall = _wall_clock(time)
    weekday = (wall // DAY + 3) % 7
    evening = wall % DAY >= 17 * DAY // 24
    closed: NDArray[np.bool_] = (weekday == 5) | ((weekday == 4) & evening) | ((weekday == 6) & ~evening)
    return ~closed


def _wall_clock(time: I64) -> I64:
    """Return New York's wall clock as nanoseconds since its 1970."""
    utc = pd.DatetimeIndex(time.view("M8[ns]")).tz_localize("UTC")
    wall: I64 = utc.tz_convert("America/New_York").tz_localize(None).as_unit("ns").asi8
    return wall


def _liveliness(time: I64, length: int) -> F64:
    """Return how lively the hour of each bar is; a day evens out."""
    if length >= DAY:
        return np.ones(len(time))
    return _HOURS[_wall_clock(time) % DAY // (DAY // 24)]


class _Stretch(NamedTuple):
    """What all symbols share over some bars."""

    dollar: _Shocks
    lively: F64
    gap: NDArray[np.bool_]


def _stretch(time: I64, chunk: slice, length: int, dollar: _Draws) -> _Stretch:
    bars = time[chunk]
    before = time[chunk.start - 1] if chunk.start else bars[0] - length
    gap = np.diff(bars, prepend=before) > max(length, DAY)
    return _Stretch(dollar.next(len(bars)), _liveliness(bars, length), gap)


class _Bars(NamedTuple):
    """Columns of some bars."""

    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64


class _Tape:
    """A symbol's columns while they are made, chunk by chunk."""

    def __init__(self, symbol: str, seed: int, bars: int, length: int) -> None:
        self.symbol = symbol
        self.length = length
        self.quote = _quote(symbol)
        self.draws = _Draws(seed, symbol)
        self.columns: dict[str, Any] = {name: np.empty(bars) for name in _Bars._fields}
        self.clusters = _Clusters(length)
        self.reached = 0.0  # the logarithm of the last price

    def extend(self, chunk: slice, stretch: _Stretch) -> None:
        """Make the next bars."""
        own = self.draws.next(len(stretch.lively))
        for name, values in self._bars(own, stretch)._asdict().items():
            self.columns[name][chunk] = values

    def _bars(self, own: _Shocks, stretch: _Stretch) -> _Bars:
        quote, (dollar, lively, gap) = self.quote, stretch
        day = np.sqrt(self.length / DAY)
        alone = np.sqrt(1.0 - quote.dollar**2)
        clusters = self.clusters.next(0.7 * dollar.volatility + 0.7 * own.volatility)
        volatility = quote.daily * day * lively * np.exp(clusters)
        steps = (quote.dollar * dollar.path + alone * own.path) * _STEPS * volatility[:, None]
        steps[:, 0] += np.where(gap, 0.4 * quote.daily * (quote.dollar * dollar.gap + alone * own.gap), 0.0)
        steps[0, 0] += self.reached
        path = np.cumsum(steps).reshape(steps.shape)
        self.reached = path[-1, -1]
        path[:, 1:-1] += _WICK * volatility[:, None] * own.wick
        prices = np.round(quote.price * np.exp(path), quote.digits)
        high, low = prices.max(axis=1), prices.min(axis=1)
        spread = (high - low) / (prices[:, 0] * quote.daily)
        volume = np.ceil((20.0 + 4_000.0 * day * spread) * np.exp(0.3 * own.volume))
        return _Bars(prices[:, 0], high, low, prices[:, -1], volume)


def _quote(symbol: str) -> _Quote:
    """Return what a symbol is like; unknown ones are currencies."""
    default = _UNKNOWN._replace(price=150.0, digits=3) if "JPY" in symbol else _UNKNOWN
    return _QUOTES.get(symbol, default)


class _Clusters:
    """The logarithm of volatility: autoregressive, its memory halves in half a day or eight bars."""

    def __init__(self, length: int) -> None:
        self.keep = 0.5 ** (1.0 / max(_HALF_DAY / length, 8.0))
        self.level: float | None = None

    def next(self, shocks: F64) -> F64:
        """Go on by some bars."""
        gain = np.sqrt(1.0 - self.keep**2) / (1.0 - self.keep)
        drive = gain * shocks
        if self.level is None:
            drive[0] /= gain  # begin in the steady state
            self.level = drive[0]
        smooth = pd.Series(np.append(self.level, drive)).ewm(alpha=1.0 - self.keep, adjust=False)
        level: F64 = smooth.mean().to_numpy()[1:]
        self.level = level[-1]
        return _BUSY * level - 0.5 * _BUSY**2
