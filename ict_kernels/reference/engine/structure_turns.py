"""What the last bar does to the few bars before it, asked at every bar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._common import Bars, Row

CHOCH, BOS, BLOCK, GAP = range(4)


def structure_turns(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found: list[Row] = []
    for asked in range(max(start, 0), min(stop, len(bars.high))):
        rows = range(max(0, asked + 1 - params.window), asked + 1)
        if len(rows) >= 3:
            turns = (*_choch(bars, rows), *_bos(bars, rows), *_block(bars, rows), *_gaps(bars, rows))
            found += [{"bar": asked, "confirmed": asked, **turn} for turn in turns]
    return found


def _turn(kind: int, direction: int, at: int, price: float, top: float, bottom: float) -> Row:
    return {"candle": at, "kind": kind, "direction": direction, "price": price, "top": top, "bottom": bottom}


def _choch(bars: Bars, rows: range) -> Iterator[Row]:
    last, before = rows[-1], rows[-3:-1]
    close = bars.close[last]
    top, bottom = _extremes(bars, before)
    if close > top:
        yield _turn(CHOCH, 1, last, close, top, bottom)
    elif close < bottom:
        yield _turn(CHOCH, -1, last, close, top, bottom)


def _bos(bars: Bars, rows: range) -> Iterator[Row]:
    last, before = rows[-1], rows[-6:-1]
    top, bottom = _extremes(bars, before)
    if bars.high[last] > top:
        yield _turn(BOS, 1, last, bars.high[last], top, bottom)
    if bars.low[last] < bottom:
        yield _turn(BOS, -1, last, bars.low[last], top, bottom)


def _extremes(bars: Bars, rows: range) -> tuple[float, float]:
    return max(bars.high[row] for row in rows), min(bars.low[row] for row in rows)


def _block(bars: Bars, rows: range) -> Iterator[Row]:
    last = rows[-1]
    high, low, close = bars.high[last], bars.low[last], bars.close[last]
    body = close - bars.open[last]
    ranges = sorted(bars.high[row] - bars.low[row] for row in rows[-20:] if bars.high[row] >= bars.low[row])
    if high > low and abs(body) >= 0.7 * (high - low) and high - low > ranges[len(ranges) // 2]:
        yield _turn(BLOCK, 1 if body > 0 else -1, last, close, high, low)


def _gaps(bars: Bars, rows: range) -> Iterator[Row]:
    recent = rows[-10:]
    for first, middle, third in zip(recent, recent[1:], recent[2:], strict=False):
        for direction, top, bottom, edge in (
            (1, bars.low[third], bars.high[first], bars.high[first]),
            (-1, bars.low[first], bars.high[third], bars.high[third]),
        ):
            if top > bottom and not bars.low[middle] <= edge <= bars.high[middle]:
                yield _turn(GAP, direction, middle, bottom, top, bottom)
