"""Swings with the strength, volume, trend and volatility around them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ._common import Bars, Row
from .swings import swings


def fractals(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    found = []
    means = None
    for swing in swings(bars, start, stop, params):
        at, side = swing["bar"], swing["side"]
        strength = _strength(bars.high if side > 0 else bars.low, at, side)
        if not strength >= params.min_strength:
            continue
        means = means or _means(bars, stop)
        volume, trend, volatility = _factors(bars, at, means)
        confidence = 0.5 * strength + 0.3 * volume + 0.2 * ((trend + volatility) / 2)
        known = max(min(at + 20, len(bars.high)) - 1, swing["confirmed"])
        measures = {"strength": strength, "volume": volume, "trend": trend, "volatility": volatility}
        found.append({**swing, "confirmed": known, **measures, "confidence": max(0.0, min(1.0, confidence))})
    return found


def _strength(prices: Sequence[float], at: int, side: int) -> float:
    """Return the distance of an extremum of the bars around from their mean; 0 for any other bar."""
    around = [float(price) for price in prices[max(0, at - 20) : min(len(prices), at + 20)]]
    around = [price for price in around if not math.isnan(price)]
    price = float(prices[at])
    if math.isnan(price) or price != (max(around) if side > 0 else min(around)):
        return 0.0
    total = 0.0
    for other in around:
        total += other
    mean = total / len(around)
    return min(abs(price - mean) / mean, 0.2) if mean else 0.2


def _factors(bars: Bars, at: int, means: dict[str, list[float]]) -> tuple[float, float, float]:
    volume = trend = volatility = 0.5
    if len(bars.volume) and means["volume"][at] > 0:
        volume = min(float(bars.volume[at]) / means["volume"][at], 2.0) / 2
    if at >= 20:
        trend = 0.7 if means["fast"][at] > means["slow"][at] else 0.3
        factor = 10 * means["range"][at] / means["slow"][at] if means["slow"][at] else math.inf
        volatility = min(factor, 0.8) if factor > 0.2 else 0.2
    return volume, trend, volatility


def _means(bars: Bars, stop: int) -> dict[str, list[float]]:
    rows = range(min(stop, len(bars.high)))
    closes = [float(bars.close[row]) for row in rows]
    return {
        "fast": rolling_mean(closes, 10),
        "slow": rolling_mean(closes, 20),
        "range": rolling_mean([float(bars.high[row]) - float(bars.low[row]) for row in rows], 20),
        "volume": rolling_mean((float(bars.volume[row]) for row in rows if len(bars.volume)), 20),
    }


def rolling_mean(values: Iterable[float], window: int) -> list[float]:
    """Return the means that pandas' ``rolling(window).mean()`` gives: a sum that carries on what rounding lost."""
    values = list(values)
    means, total, lost_in, lost_out = [], 0.0, 0.0, 0.0
    for at, value in enumerate(values):
        if at >= window and not math.isnan(values[at - window]):
            step = -values[at - window] - lost_out
            total, lost_out = total + step, total + step - total - step
        if not math.isnan(value):
            step = value - lost_in
            total, lost_in = total + step, total + step - total - step
        last = [other for other in values[max(0, at + 1 - window) : at + 1] if not math.isnan(other)]
        if len(last) < window:
            means.append(math.nan)
        else:
            means.append(value if set(last) == {value} else total / window)
    return means
