"""Hypothesis strategies for adversarial candles.

An example is a compact description: a few regimes, four bytes a bar, and a price scale. The bytes become
moves in whole ticks, so that zero bytes are the plainest candles and examples shrink towards them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

Floats = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]


class Ohlc(NamedTuple):
    """Prices of equally many candles, contiguous float64."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


class Shape(NamedTuple):
    """One candle in ticks: opening gap from the last close, body, and how far the wicks go beyond."""

    gap: int
    body: int
    upper: int
    lower: int


def zigzag(byte: int, size: int) -> int:
    """Map a byte to -size ... size, small bytes to small values: 0, 1, -1, 2, -2, ..."""
    code = byte % (2 * size + 1)
    return (code + 1) // 2 * (1 if code % 2 else -1)


def rarely(byte: int, value: int) -> int:
    """`value` for a quarter of the bytes, else 0."""
    return value if byte % 4 == 3 else 0


# A regime makes the bar's shape from its four bytes, its place in the regime and the last close.


def walk(b: Sequence[int], place: int, last: int) -> Shape:
    """Random walk on ticks, sometimes with a gap."""
    return Shape(rarely(b[0], zigzag(b[0] // 4, 3)), zigzag(b[1], 3), b[2] % 4, b[3] % 4)


def grid(b: Sequence[int], place: int, last: int) -> Shape:
    """Prices drawn anew from six values: ties, gaps and fills all the time."""
    opening, closing = b[0] % 6, b[1] % 6
    return Shape(opening - last, closing - opening, b[2] % 2, b[3] % 2)


def flat(b: Sequence[int], place: int, last: int) -> Shape:
    """One price, now and then a wick of one tick."""
    return Shape(0, 0, rarely(b[2], 1), rarely(b[3], 1))


def open_rally(b: Sequence[int], place: int, last: int) -> Shape:
    """Leave a bullish gap at nearly every bar that nothing ever fills."""
    return Shape(b[0] % 2, 3 + b[1] % 3, b[2] % 2, b[3] % 2)


def open_decline(b: Sequence[int], place: int, last: int) -> Shape:
    """Mirror the open rally."""
    return Shape(-(b[0] % 2), -3 - b[1] % 3, b[2] % 2, b[3] % 2)


def saw(b: Sequence[int], place: int, last: int) -> Shape:
    """Alternate rises and falls of nearly the same size."""
    size = 3 + rarely(b[1], 1)
    return Shape(0, size if place % 2 else -size, b[2] % 2, b[3] % 2)


def jumps(b: Sequence[int], place: int, last: int) -> Shape:
    """Small bodies with wide spaces between, some of them spanned by wicks."""
    return Shape(zigzag(b[0], 6), zigzag(b[1], 1), b[2] % 8, b[3] % 8)


def dojis(b: Sequence[int], place: int, last: int) -> Shape:
    """Open equals close, wicks of all sizes."""
    return Shape(rarely(b[0], zigzag(b[0] // 4, 2)), 0, b[2] % 6, b[3] % 6)


def outside(b: Sequence[int], place: int, last: int) -> Shape:
    """Quiet bars, every few of them one whose wicks break both sides."""
    reach = 4 + b[0] % 4 if place % 5 == 4 else 0
    return Shape(0, zigzag(b[1], 1), reach + b[2] % 3, reach + b[3] % 3)


def bursts(b: Sequence[int], place: int, last: int) -> Shape:
    """Quiet bars, and a quarter of them displacements without wicks."""
    burst = rarely(b[0], 12 if b[1] % 2 else -12)
    return Shape(0, burst or zigzag(b[1], 1), 0 if burst else b[2] % 2, 0 if burst else b[3] % 2)


def swell(b: Sequence[int], place: int, last: int) -> Shape:
    """Waves of four rising and four falling bars: gaps left, filled, inverted, retested; long runs."""
    rise = 2 + b[1] % 4
    return Shape(zigzag(b[0], 1), rise if place % 8 < 4 else -rise, b[2] % 2, b[3] % 2)


def runs(b: Sequence[int], place: int, last: int) -> Shape:
    """Make runs of two or three down-closes and one large up-close, or the other way round."""
    side = 1 if place % 14 < 7 else -1
    back = place % (3 + b[3] % 2) == 0
    return Shape(0, side * (4 + b[1] % 3 if back else -1 - b[1] % 3), b[2] % 3, b[3] % 3)


Regime = Callable[[Sequence[int], int, int], Shape]
REGIMES: tuple[Regime, ...] = (
    walk,
    grid,
    flat,
    open_rally,
    open_decline,
    saw,
    jumps,
    dojis,
    outside,
    bursts,
    swell,
    runs,
)


def in_ticks(payload: bytes, regimes: Sequence[Regime]) -> tuple[Ticks, Ticks, Ticks, Ticks]:
    """Draw the candles: four bytes each, the regimes one after the other over equal stretches."""
    n = len(payload) // 4
    prices = np.zeros((n, 4), dtype=np.int64)
    last = 0
    for t in range(n):
        shape = regimes[t * len(regimes) // n](payload[4 * t : 4 * t + 4], t, last)
        opening = last + shape.gap
        last = opening + shape.body
        prices[t] = opening, max(opening, last) + shape.upper, min(opening, last) - shape.lower, last
    opens, highs, lows, closes = (np.ascontiguousarray(column) for column in prices.T)
    return opens, highs, lows, closes


# A scale turns ticks into prices. It never decreases, so that highs and lows stay where they belong.

Scale = Callable[[Ticks], Floats]


def linear(base: float, step: float) -> Scale:
    """Scale by `base + step * ticks`, never a negative zero."""
    return lambda ticks: np.asarray(base + step * ticks + 0.0, dtype=np.float64)


def exponential(ticks: Ticks) -> Floats:
    """Let every tick multiply by 2**16: neighbouring candles differ by many magnitudes."""
    exponents = np.minimum(np.abs(ticks) * 16 - 1000, 996)
    sizes = np.ldexp(1.0, exponents.astype(np.int32))
    return np.asarray(np.where(ticks == 0, 0.0, np.sign(ticks) * sizes), dtype=np.float64)


TICK_SCALES: tuple[Scale, ...] = (linear(0, 1), linear(100, 1), linear(-1000, 1), linear(0, 0.25))
SCALES: tuple[Scale, ...] = (
    *TICK_SCALES,
    linear(1.1, 1e-4),
    linear(-37.63, 0.01),
    linear(0, 0.1),
    linear(1e15, 1),
    linear(-1e15, 0.125),
    linear(0, 5e-324),
    linear(1e-307, 5e-324),
    linear(0, 1e-300),
    linear(0, 1e297),
    linear(1e300, 1e285),
    exponential,
)


@st.composite
def _candles(draw: st.DrawFn, min_size: int, max_size: int, scales: Sequence[Scale]) -> Ohlc:
    n = draw(st.integers(min_size, max_size))
    regimes = draw(st.lists(st.sampled_from(REGIMES), min_size=1, max_size=4))
    scale = draw(st.sampled_from(scales))
    payload = draw(st.binary(min_size=4 * n, max_size=4 * n))
    return Ohlc(*(scale(ticks) for ticks in in_ticks(payload, regimes)))


def candles(min_size: int = 0, max_size: int = 80) -> st.SearchStrategy[Ohlc]:
    """Adversarial candles: finite, with high and low around open and close.

    Parameters
    ----------
    min_size, max_size
        Fewest and most candles.
    """
    return _candles(min_size, max_size, SCALES)


def tick_candles(min_size: int = 0, max_size: int = 80) -> st.SearchStrategy[Ohlc]:
    """Candles whose prices are moderate multiples of 1/4: exact under sums and powers of two.

    Parameters
    ----------
    min_size, max_size
        Fewest and most candles.
    """
    return _candles(min_size, max_size, TICK_SCALES)


def cuts(n: int) -> st.SearchStrategy[list[int]]:
    """Cut `n` bars into chunks: the positions of the cuts, rising, strictly between 0 and `n`.

    No cut at all and a cut after every bar are among them, as are chunks of one bar anywhere.
    """
    if n < 2:
        return st.just([])
    some = st.lists(st.integers(1, n - 1), max_size=8, unique=True).map(sorted)
    return some | st.just(list(range(1, n)))
