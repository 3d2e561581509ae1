"""What the signals of the engine's pattern detector are made of, at the last of some bars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ._common import Bars, Row
from .impulse_blocks import impulse_blocks

_NAMES = ("open", "high", "low", "close")


class _Impulse(NamedTuple):
    lookback: int = 10
    ratio: float = 1.5
    later: int = 10
    touch: int = 1
    above: float = 1.001
    below: float = 0.999
    still: int = 0


_LARGER_THAN_BEFORE = _Impulse(lookback=1, later=1, touch=0, still=1)


class _Column:
    """Some cells of another column."""

    def __init__(self, cells: Sequence[Any], first: int, length: int) -> None:
        self._cells, self._first, self._length = cells, first, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, at: int) -> Any:
        if not 0 <= at < self._length:
            raise IndexError(at)
        return self._cells[self._first + at]


class _Part:
    """Some bars, as if there were no others."""

    def __init__(self, bars: Bars, first: int, stop: int) -> None:
        self._bars, self.first, self.length = bars, first, stop - first
        for name in (*_NAMES, "volume"):
            cells = getattr(bars, name)
            setattr(self, name, _Column(cells, first, stop - first if len(cells) else 0))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def last(self, length: int) -> _Part:
        stop = self.first + self.length
        return _Part(self._bars, max(self.first, stop - length), stop)


def pattern_signals(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for asked in range(start, stop):
        first = max(asked + 1 - params.window, 0) if params.window else 0
        size = params.part or asked + 1 - first
        for number, begin in enumerate(range(first, asked + 1, size)):
            part = _Part(bars, begin, min(begin + size, asked + 1))
            head = {"bar": asked, "confirmed": asked, "part": number, "close": part.close[part.length - 1]}
            if params.kinds & 1 and bars.minute[asked] // 60 in (10, 11, 14, 15):
                found += [{**head, "kind": 1, **fact} for fact in _silver_bullet(part, params)]
            for kind, facts in _DETECTORS.items():
                if params.kinds & kind:
                    found += [{**head, "kind": kind, **fact} for fact in facts(part, params)]
    return found


_NO_MORE = {"grade": 0, "gap": 0, "ratio": math.nan, "volatility": math.nan, "momentum": math.nan}


def _usable(part: _Part, params: Any) -> bool:
    """At least nine tenths of each price column are numbers."""
    if not params.tolerant:
        return True
    columns = (getattr(part, name) for name in _NAMES)
    missing = [len([1 for bar in range(part.length) if math.isnan(column[bar])]) for column in columns]
    return max(missing) <= 0.1 * part.length


def _blocks(part: _Part, params: Any) -> list[Row]:
    """All order blocks; if there is none, three basic ones."""
    if part.length < 10 or not _usable(part, params):
        return []
    subset = part.last(200)
    found = impulse_blocks(subset, 5, min(subset.length, params.blocks), _Impulse())
    basic = not found and subset.length >= 20
    if basic:
        found = impulse_blocks(subset, max(1, subset.length - 20), subset.length, _LARGER_THAN_BEFORE)[:3]
    return [
        {
            **_NO_MORE,
            "direction": block["direction"],
            "source": subset.first + block["bar"],
            "low": block["bottom"],
            "high": block["top"],
            "grade": 2 if basic else int(block["touched"] >= 0),
            "ratio": math.nan if basic else block["body"] / block["mean"],
        }
        for block in found
    ]


def _gaps(part: _Part, params: Any) -> list[Row]:
    if part.length < 3 or not _usable(part, params):
        return []
    subset = part.last(200)
    stop = min(subset.length - 2 + params.newest, params.gaps)
    found = []
    for middle in range(1, stop):
        gap = _gap(subset, middle)
        if gap is not None and gap["high"] - gap["low"] >= params.min_gap:
            found.append({**_NO_MORE, **gap, "source": subset.first + middle, "gap": 1})
    return found


def _gap(bars: _Part, middle: int) -> Row | None:
    before, after = middle - 1, middle + 1
    cells = [getattr(bars, name)[bar] for bar in (before, middle, after) for name in _NAMES]
    cells += [bars.volume[bar] for bar in (before, middle, after) if len(bars.volume)]
    ends = [column[bar] for column in (bars.high, bars.low) for bar in (before, after)]
    if any(map(math.isnan, cells)) or 0 in (*ends, bars.open[middle], bars.close[middle]):
        return None
    if bars.high[before] < bars.low[after] and bars.close[middle] > bars.open[middle]:
        return {"direction": 1, "low": bars.high[before], "high": bars.low[after]}
    if bars.low[before] > bars.high[after] and bars.close[middle] < bars.open[middle]:
        return {"direction": -1, "low": bars.high[after], "high": bars.low[before]}
    return None


def _silver_bullet(part: _Part, params: Any) -> list[Row]:
    """The last order block."""
    blocks = _blocks(part, params) if part.length >= 20 else []
    return [{**block, "gap": int(bool(_gaps(part, params)))} for block in blocks[-1:]]


def _liquidity_grabs(part: _Part, params: Any) -> Iterable[Row]:
    """The first bar beyond the level, for each side, of which the close two bars later is back."""
    n = part.length
    if n < 20:
        return
    for direction, prices in ((-1, part.high), (1, part.low)):
        level = _level(prices, -direction)
        for bar in range(n - 15, n - 3):
            beyond = -direction * prices[bar] > -direction * level
            if beyond and -direction * part.close[bar + 2] < -direction * level:
                price = prices[bar]
                yield {
                    **_NO_MORE,
                    "direction": direction,
                    "source": part.first + bar,
                    "low": price,
                    "high": price,
                }
                break


def _level(prices: Sequence[float], sign: int) -> float:
    """The extreme of the extremes of ten bars that end at the bars 20 to 11 from the end."""
    n = len(prices)
    extremes = []
    for end in range(max(n - 20, 9), n - 10):
        ten = [prices[bar] for bar in range(end - 9, end + 1)]
        if not any(map(math.isnan, ten)):
            extremes.append(max(ten) if sign > 0 else min(ten))
    if not extremes:
        return math.nan
    return max(extremes) if sign > 0 else min(extremes)


def _optimal_trade_entry(part: _Part, params: Any) -> Iterable[Row]:
    if part.length < 30:
        return
    last = range(part.length - 20, part.length)
    highs = [part.high[bar] for bar in last if not math.isnan(part.high[bar])]
    lows = [part.low[bar] for bar in last if not math.isnan(part.low[bar])]
    if not highs or not lows:
        return
    high, low, close = max(highs), min(lows), part.close[part.length - 1]
    size = high - low
    if high - 0.786 * size <= close <= high - 0.618 * size:
        direction = 1 if close < (high + low) / 2 else -1
        gap = int(bool(_gaps(part.last(10), params)))
        yield {**_NO_MORE, "direction": direction, "source": -1, "low": low, "high": high, "gap": gap}


def _order_blocks(part: _Part, params: Any) -> list[Row]:
    return _blocks(part, params)[-2:]


def _fair_value_gaps(part: _Part, params: Any) -> list[Row]:
    volatility, momentum, n = 8.0, 0.0, part.length
    if n >= 20:
        ranges = [part.high[bar] - part.low[bar] for bar in range(n - 20, n)]
        ranges = [size for size in ranges if not math.isnan(size)]
        total = 0.0
        for size in ranges:
            total += size
        volatility = max(1.0, total / len(ranges) * 10000.0) if ranges else 1.0
        momentum = (part.close[n - 1] - part.close[n - 20]) * 10000.0
    return [{**gap, "volatility": volatility, "momentum": momentum} for gap in _gaps(part, params)[-2:]]


_DETECTORS = {2: _liquidity_grabs, 4: _optimal_trade_entry, 8: _order_blocks, 16: _fair_value_gaps}
