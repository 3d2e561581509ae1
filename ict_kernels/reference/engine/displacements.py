"""Fast moves: windows that travel far and steadily, and what else they show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from ._common import Bars, Row

GAP, LEVELS, SHIFT = range(3)


class _Window(NamedTuple):
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]


def displacements(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for last in range(max(start, params.width), min(stop, len(bars.close))):
        first = last - params.width
        if abs(float(bars.close[last]) - float(bars.open[first])) / params.pip < params.min_pips:
            continue
        window = _window(bars, first, last)
        momentum = _momentum(window, params)
        if not momentum < params.min_momentum:
            found.append({"bar": last, "confirmed": last, "momentum": momentum, **_measures(window, params)})
    return found


def window_marks(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    lasts = range(max(start, params.width), min(stop, len(bars.high)))
    windows = ((last, _window(bars, last - params.width, last)) for last in lasts)
    return [{"bar": last, "confirmed": last} for last, window in windows if _shows(window, params.mark)]


def _shows(window: _Window, mark: int) -> bool:
    if mark == GAP:
        return has_gap(window.high, window.low)
    if mark == LEVELS:
        return _has_equal(window.high) or _has_equal(window.low)
    return _shifts(window)


def _window(bars: Bars, first: int, last: int) -> _Window:
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return _Window(*([float(value) for value in column[first : last + 1]] for column in columns))


def _mean(values: Iterable[float]) -> float:
    total, count = 0.0, 0
    for value in values:
        if not math.isnan(value):
            total += value
            count += 1
    return total / count if count else math.nan


def _changes(values: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(values)]


def _rises(window: _Window) -> bool:
    return window.close[-1] > window.open[0]


def _consistency(window: _Window) -> float:
    changes = _changes(window.close)
    along = [change > 0 if _rises(window) else change < 0 for change in changes]
    return along.count(True) / len(along)


def _momentum(window: _Window, params: Any) -> float:
    mean = _mean(window.close)
    squares = 0.0
    closes = [close for close in window.close if not math.isnan(close)]
    for close in closes:
        squares += (close - mean) * (close - mean)
    spread = math.sqrt(squares / (len(closes) - 1))
    velocity = abs(_mean(_changes(window.close))) / spread if spread else 0.0
    score = 0.4 * velocity + 0.3 * _volume_score(window, params) + 0.3 * _consistency(window)
    return 1.0 if score > 1 else score


def _volume_score(window: _Window, params: Any) -> float:
    if params.measured >= 0:
        return 1.0 if params.measured else 0.5
    mean = _mean(window.volume)
    return min(1.0, max(window.volume) / mean) if mean > 0 else 0.5


def _measures(window: _Window, params: Any) -> Row:
    bodies = [abs(close - open_) for open_, close in zip(window.open, window.close, strict=True)]
    spike, level = _volumes(window, params.spike)
    uppers, lowers = _wicks(window)
    ranges = _true_ranges(window)
    mean_range = _mean(ranges)
    shares = [
        body / max(high - low, 1e-9) for body, high, low in zip(bodies, window.high, window.low, strict=True)
    ]
    wicks = [
        (upper + lower) / max(body, 0.0001) for body, upper, lower in zip(bodies, uppers, lowers, strict=True)
    ]
    return {
        "direction": 1 if _rises(window) else -1,
        "spike": spike,
        "large": max(bodies) > 2 * _mean(bodies),
        "wick": any(max(u, d) > body for body, u, d in zip(bodies, uppers, lowers, strict=True)),
        "level": level,
        "gap": has_gap(window.high, window.low),
        "equal": _has_equal(window.high) or _has_equal(window.low),
        "shift": _shifts(window),
        "start": window.open[0],
        "end": window.close[-1],
        "volatility": min(1.0, ranges[-1] / mean_range) if mean_range else 0.5,
        "wicks": _mean(wicks),
        "imbalance": _correlation(_changes(window.close), _changes(window.volume)),
        "true_range": mean_range,
        "body_share": max(0.0, min(5.0, _mean(shares))),
        "consistency": _consistency(window),
    }


def _volumes(window: _Window, spike: float) -> tuple[bool, int]:
    if not window.volume:
        return True, 0
    mean, last = _mean(window.volume), window.volume[-1]
    level = [last > mean, last > 1.5 * mean, last > 2 * mean].count(True)
    return max(window.volume) > spike * mean, level


def _wicks(window: _Window) -> tuple[list[float], list[float]]:
    candles = list(zip(window.open, window.high, window.low, window.close, strict=True))
    uppers = [high - max(open_, close) for open_, high, _, close in candles]
    lowers = [min(open_, close) - low for open_, _, low, close in candles]
    return uppers, lowers


def _true_ranges(window: _Window) -> list[float]:
    """Return the true ranges of all bars but the first, which has none before it."""
    candles = zip(window.high[1:], window.low[1:], window.close, strict=False)
    return [max(high - low, abs(high - before), abs(low - before)) for high, low, before in candles]


def has_gap(high: list[float], low: list[float]) -> bool:
    """Whether some bar lies clear of both its neighbours, on the same side."""
    return any(
        all(low[t] > high[other] for other in (t - 1, t + 1))
        or all(high[t] < low[other] for other in (t - 1, t + 1))
        for t in range(1, len(high) - 1)
    )


def _has_equal(prices: list[float]) -> bool:
    return any(
        abs(later - earlier) <= 0.0005 for at, earlier in enumerate(prices) for later in prices[at + 2 :]
    )


def _correlation(xs: list[float], ys: list[float]) -> float:
    if not ys:
        return 0.0
    x_mean, y_mean = _mean(xs), _mean(ys)
    xx = yy = xy = 0.0
    for x, y in zip(xs, ys, strict=True):
        xx += (x - x_mean) * (x - x_mean)
        yy += (y - y_mean) * (y - y_mean)
        xy += (x - x_mean) * (y - y_mean)
    norm = math.sqrt(xx) * math.sqrt(yy)
    return max(-1.0, min(1.0, xy / norm)) if norm > 0 else 0.0


def _shifts(window: _Window) -> bool:
    mean = _mean(_true_ranges(window))
    if len(window.close) < 10 or not mean > 0:
        return False
    interior = range(1, len(window.close) - 1)
    highs = [window.high[t] for t in interior if window.high[t] > max(window.high[t - 1], window.high[t + 1])]
    lows = [window.low[t] for t in interior if window.low[t] < min(window.low[t - 1], window.low[t + 1])]
    if len(highs) < 1 or len(lows) < 1:
        return False
    close, buffer = window.close[-1], 1.2 * mean
    small = abs(close - window.open[-1]) < 0.8 * mean
    falls = len(lows) >= 2 and close < lows[-1] - buffer
    rises = len(highs) >= 2 and close > highs[-1] + buffer
    if small:
        falls = falls and close < lows[-1] - 1.5 * buffer
        rises = rises and close > highs[-1] + 1.5 * buffer
    return falls or rises
