"""Blocks that the price may come back to, and how far it has, asked at every bar of the last 30 bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ._common import Bars, Row, cells

BREAKER, DEMAND, SUPPLY, GAP = range(4)


def blocks(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    find, margins, wait = (_breaker, (2, 2), 2) if params.kind == BREAKER else (_zone, (5, 5), 5)
    asked = range(max(start, margins[0]), min(stop, len(bars.close) - margins[1]))
    found = ((bar, find(bars, bar, params.kind, params)) for bar in asked)
    return [{"bar": bar, "confirmed": bar + wait, **block} for bar, block in found if block]


def _breaker(bars: Bars, bar: int, kind: int, params: Any) -> Row | None:
    before, after = bar - 1, bar + 1
    body = bars.close[bar] - bars.open[bar]
    block: Row = {"rejections": 0, "quality": 0.8}
    if bars.close[bar] > bars.high[before] and body > 0 and bars.low[after] > bars.low[before]:
        return block | {"side": 1, "high": bars.high[bar], "low": bars.low[before]}
    if bars.close[bar] < bars.low[before] and body < 0 and bars.high[after] < bars.high[before]:
        return block | {"side": -1, "high": bars.high[before], "low": bars.low[bar]}
    return None


def _zone(bars: Bars, bar: int, kind: int, params: Any) -> Row | None:
    side, prices = (1, bars.low) if kind == DEMAND else (-1, bars.high)
    rejections, level = 0, prices[bar]
    around = (cells(column, bar - 5, bar + 6) for column in (bars.open, bars.close, prices))
    for open_, close, price in zip(*around):
        away = side * (close - open_) > 0
        rejections += away and abs(price - level) <= 5 / params.per_unit
    if rejections < 2:
        return None
    quality = min(0.4 + 0.15 * rejections, 0.9)
    return {
        "side": side,
        "rejections": rejections,
        "high": bars.high[bar],
        "low": bars.low[bar],
        "quality": quality,
    }


def _gap(bars: Bars, bar: int, kind: int, params: Any) -> Row | None:
    body = bars.close[bar] - bars.open[bar]
    up = bars.low[bar + 1], bars.high[bar - 1]
    down = bars.low[bar - 1], bars.high[bar + 1]
    for side, (high, low) in ((1, up), (-1, down)):
        if high > low and side * body > 0 and 3 <= (high - low) * params.per_unit <= 20:
            return {"side": side, "high": high, "low": low, "quality": 0.6}
    return None


_KINDS: tuple[tuple[int, Callable[..., Row | None], int, int], ...] = (
    (BREAKER, _breaker, 2, 2),
    (DEMAND, _zone, 5, 5),
    (SUPPLY, _zone, 5, 5),
    (GAP, _gap, 1, 1),
)


def mitigations(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for asked in range(max(start, 39), min(stop, len(bars.close))):
        for block in _best(bars, asked, params):
            signal = _signal(bars, asked, block, params)
            if signal is not None and signal["confidence"] >= params.min_confidence:
                found.append({"bar": asked, "confirmed": asked, **signal})
    return found


def _best(bars: Bars, asked: int, params: Any) -> list[Row]:
    window = range(asked - 29, asked + 1)
    candidates = []
    for kind, find, before, after in _KINDS:
        for bar in window[before:-after]:
            block = find(bars, bar, kind, params)
            if (
                block
                and params.min_pips <= (block["high"] - block["low"]) * params.per_unit <= params.max_pips
            ):
                candidates.append({"kind": kind, "source": bar, **block})
    return sorted(candidates, key=lambda block: block["quality"], reverse=True)[:5]


def _signal(bars: Bars, asked: int, block: Row, params: Any) -> Row | None:
    kind, side, high, low = (block[name] for name in ("kind", "side", "high", "low"))
    price = params.price or bars.close[asked]
    depth, returned = _returned(side, high, low, price)
    approach, rejection = _approach(bars.close, asked, params), _rejection(bars, asked)
    strength = 0.6 * returned + 0.2 * approach + 0.2 * rejection
    if not strength >= 0.6:
        return None
    volume, intensity = _volume(bars.volume, asked, params)
    institutional = 0.5
    for gain, applies in (
        *((0.2, True) for _ in range(params.grabs)),
        (0.2, block["quality"] > 0.8),
        (0.2, kind == BREAKER),
        (0.1, kind == GAP),
        (0.1, depth >= 0.7),
    ):
        institutional += gain if applies else 0.0
    institutional = min(institutional, 1.0)
    structure = {BREAKER: 0.9, GAP: 0.7}.get(kind, 0.6)
    confidence = 100 * (
        params.quality_weight * block["quality"]
        + params.strength_weight * strength
        + params.volume_weight * volume
        + params.institutional_weight * institutional
        + params.timing_weight * 0.8
        + params.structure_weight * structure
    )
    confidence += 100 * params.smart_bonus * (institutional > 0.8)
    confidence += 100 * params.gap_bonus * (kind == GAP)
    confidence += 100 * params.breaker_bonus * (kind == BREAKER)
    confidence += 8 * (depth >= params.full)
    extreme, prices = (_highest, bars.high) if side > 0 else (_lowest, bars.low)
    return {
        **block,
        "price": price,
        "mitigation": depth,
        "strength": strength,
        "approach": approach,
        "rejection": rejection,
        "intensity": intensity,
        "institutional": institutional,
        "confidence": min(confidence, 95.0),
        "estimate": extreme(_last(prices, asked, params.lookback)),
    }


def _returned(side: int, high: float, low: float, price: float) -> tuple[float, float]:
    """Return how deep the price stands in the block and how strong that makes the return."""
    if low < high and low <= price <= high:
        depth = ((high - price) if side > 0 else (price - low)) / (high - low)
        return depth, 0.7 + 0.3 * depth
    through = price < low if side > 0 else price > high
    return (1.0, 1.0) if through else (0.0, 0.0)


def _approach(close: Sequence[float], asked: int, params: Any) -> float:
    steps = [close[bar] - close[bar - 1] for bar in range(asked - 8, asked + 1)]
    one, two, three, four, five, six, seven, eight, nine = (0.0 if math.isnan(s) else s for s in steps)
    # Ten numbers, the first of them 0, in the order in which NumPy adds them.
    total = ((0.0 + one) + (two + three)) + ((four + five) + (six + seven)) + eight + nine
    speed: float = abs(total / 10) / (5 / params.per_unit)
    return min(speed, 1.0)


def _rejection(bars: Bars, asked: int) -> float:
    count = 0
    for bar in range(asked - 4, asked + 1):
        first, last = bars.open[bar], bars.close[bar]
        body = abs(last - first)
        wicks = bars.high[bar] - max(first, last), min(first, last) - bars.low[bar]
        count += int(body > 0 and max(wicks) / body > 2)
    return min(count / 3, 1.0)


def _volume(volume: Sequence[float], asked: int, params: Any) -> tuple[float, float]:
    if not len(volume):
        return 0.6, 0.0
    usual, recent = _mean(_last(volume, asked, 20)), _mean(_last(volume, asked, 5))
    ratio = recent / usual if usual > 0 else 0.0
    if not ratio >= params.volume_spike:
        return 0.4, 0.0
    intensity = min((ratio - 1) / 2, 1.0)
    return 0.6 + 0.4 * intensity, intensity


def _last(values: Sequence[float], asked: int, count: int) -> list[float]:
    """Return the last values that are not NaN."""
    window = cells(values, max(asked + 1 - count, 0), asked + 1)
    return [value for value in window if not math.isnan(value)]


def _mean(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total / len(values) if values else math.nan


def _highest(values: list[float]) -> float:
    return max(values, default=math.nan)


def _lowest(values: list[float]) -> float:
    return min(values, default=math.nan)
