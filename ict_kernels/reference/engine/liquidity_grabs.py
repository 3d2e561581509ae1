"""Levels that stops gather behind, and closes back across them, asked at every bar of the last bars alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ._common import Bars, Row

WEIGHTS = (0.9, 0.9, 0.7, 0.7)
PREVIOUS = (0, 1)


def liquidity_levels(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    return [
        {"bar": asked, "confirmed": asked, **level}
        for asked in range(max(start, 0), min(stop, len(bars.high)))
        for level in _levels(bars, asked, params)
    ]


def _levels(bars: Bars, asked: int, params: Any) -> list[Row]:
    window = range(max(asked + 1 - params.periods, 0), asked + 1)
    highs, lows = ({bar: prices[bar] for bar in window} for prices in (bars.high, bars.low))
    sources = [
        [_first_extreme(highs, max)],
        [_first_extreme(lows, min)],
        [bar for bar in window[2:-2] if all(highs[bar] > highs[bar + lag] for lag in (-2, -1, 1, 2))][-3:],
        [bar for bar in window[2:-2] if all(lows[bar] < lows[bar + lag] for lag in (-2, -1, 1, 2))][-3:],
    ]
    levels = []
    for kind, found in enumerate(sources):
        for source in found:
            level = (highs, lows, highs, lows)[kind][source]
            near = 2 / params.per_unit
            touches = [
                bar
                for bar in window[-20:]
                if abs(highs[bar] - level) <= near or abs(lows[bar] - level) <= near
            ]
            levels.append({"kind": kind, "source": source, "touches": len(touches), "level": level})
    return levels


def _first_extreme(prices: dict[int, float], extreme: Any) -> int:
    """Return where the extreme is met first; NaN counts only if there is nothing else."""
    known = {bar: price for bar, price in prices.items() if not math.isnan(price)}
    if not known:
        return min(prices)
    most = extreme(known.values())
    return next(bar for bar, price in known.items() if price == most)


def liquidity_grabs(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    for asked in range(max(start, 29), min(stop, len(bars.close))):
        grab = _grab(bars, asked, params)
        if grab is not None and grab["confidence"] >= params.min_confidence:
            found.append({"bar": asked, "confirmed": asked, **grab})
    return found


def _grab(bars: Bars, asked: int, params: Any) -> Row | None:
    levels = _levels(bars, asked, params)
    hunts = [(level, _hunt(bars, asked, level["level"], params)) for level in levels]
    hunted = [(level, side) for level, side in hunts if side]
    if not hunted:
        return None
    level, side = max(hunted, key=lambda pair: WEIGHTS[pair[0]["kind"]])
    price = params.price or bars.close[asked]
    previous = level["kind"] in PREVIOUS
    hunt = 0.7 + 0.3 * WEIGHTS[level["kind"]]
    reversal, pips = _reversal(bars, asked, side, price, params)
    volume, intensity = _volume(bars.volume, asked, params)
    institutional = 0.5
    for gain, applies in (
        *((0.2, True) for _ in range(params.blocks)),
        (0.2, level["touches"] >= 3),
        (0.1, previous),
    ):
        institutional += gain if applies else 0.0
    institutional = min(institutional, 1.0)
    density = min(2 / len(levels) + 0.3 * previous, 1.0)
    confidence = 100 * (
        params.hunt_weight * hunt
        + params.reversal_weight * reversal
        + params.volume_weight * volume
        + params.institutional_weight * institutional
        + params.density_weight * density
    )
    confidence += 100 * params.smart_bonus * (institutional > 0.8)
    confidence += 7 * (hunt > 0.8 and reversal > 0.7)
    confidence += 5 * (volume > 0.7 and density > 0.6)
    return {
        **level,
        "side": side,
        "price": price,
        "hunt": hunt,
        "reversal": reversal,
        "speed": pips / params.per_unit,
        "intensity": intensity,
        "institutional": institutional,
        "density": density,
        "confidence": min(confidence, 95.0),
        "estimate": _extreme(bars.high, asked, 30, max) if side > 0 else _extreme(bars.low, asked, 30, min),
    }


def _hunt(bars: Bars, asked: int, level: float, params: Any) -> int:
    """Return 1 if stops below the level were taken first, -1 if above, 0 if none."""
    for bar in range(max(asked - 9, 0), asked + 1):
        high, low, close = bars.high[bar], bars.low[bar], bars.close[bar]
        above, below = (high - level) * params.per_unit, (level - low) * params.per_unit
        if close < level < high and params.min_pips <= above <= params.max_pips:
            return -1
        if low < level < close and params.min_pips <= below <= params.max_pips:
            return 1
    return 0


def _reversal(bars: Bars, asked: int, side: int, price: float, params: Any) -> tuple[float, float]:
    if side > 0:
        pips = (price - _extreme(bars.low, asked, params.reversal_bars, min)) * params.per_unit
    else:
        pips = (_extreme(bars.high, asked, params.reversal_bars, max) - price) * params.per_unit
    if not pips >= params.reversal_pips:
        return 0.0, 0.0
    return min(pips / (2 * params.reversal_pips), 1.0), pips


def _extreme(prices: Sequence[float], asked: int, count: int, extreme: Any) -> float:
    window = {bar: prices[bar] for bar in range(max(asked + 1 - count, 0), asked + 1)}
    return window[_first_extreme(window, extreme)]


def _volume(volume: Sequence[float], asked: int, params: Any) -> tuple[float, float]:
    usual = _mean(volume, asked, 20) if len(volume) else 0.0
    if usual == 0:
        return 0.5, 0.0
    ratio = _mean(volume, asked, 3) / usual
    if not ratio >= params.volume_spike:
        return 0.3, 0.0
    intensity = min((ratio - 1) / 2, 1.0)
    return 0.5 + 0.5 * intensity, intensity


def _mean(values: Sequence[float], asked: int, count: int) -> float:
    """Return the mean of the last values that are not NaN."""
    known = [values[bar] for bar in range(max(asked + 1 - count, 0), asked + 1)]
    known = [value for value in known if not math.isnan(value)]
    total = 0.0
    for value in known:
        total += value
    return total / len(known) if known else math.nan
