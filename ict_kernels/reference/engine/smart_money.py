"""Six looks at the last candles of a window, and the three best signals of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from . import swing_zones
from ._common import Bars, Row

SWEEP, BOS, CHOCH, MANIPULATION, FLOW = range(5)
# By kind: offsets of entry and stop, reward; confidence, its gain by health and its limit; strength and its gain.
TERMS = {
    SWEEP: (0.0005, 0.0015, 2.0, 75, 15, 95, 70, 20),
    BOS: (0.0003, 0.0020, 2.5, 85, 10, 95, 80, 15),
    CHOCH: (0.0002, 0.0010, 1.5, 70, 12, 90, 65, 20),
    MANIPULATION: (0.0002, 0.0005, 2.0, 72, 18, 92, 68, 22),
    FLOW: (0.0003, 0.0012, 2.2, 68, 12, 88, 65, 25),
}


def smart_money(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    highs = [price for price in (params.high_before, params.high) if not math.isnan(price)]
    lows = [price for price in (params.low_before, params.low) if not math.isnan(price)]
    structure, found = params.structure, []
    for bar in range(start, stop):
        first = max(0, bar + 1 - params.window)
        if bar + 1 - first < params.lookback:
            continue
        highs = [*highs, *_peaks(bars.high, 1, first, bar)][-10:]
        lows = [*lows, *_peaks(bars.low, -1, first, bar)][-10:]
        structure = _structure(highs, lows, structure)
        price = bars.close[bar] if math.isnan(params.price) else params.price
        candidates = list(_candidates(bars, first, bar, price, structure, highs, lows, params))
        found += _best(bars, first, bar, structure, candidates, params)
    return found


def smart_money_looks(bars: Bars, start: int, stop: int, params: Any) -> list[Row]:
    highs = [price for price in (params.high_before, params.high) if not math.isnan(price)]
    lows = [price for price in (params.low_before, params.low) if not math.isnan(price)]
    plain = {"structure": params.structure, "block": 0, "busy": 0, "timely": 0}
    found = []
    for bar in range(start, stop):
        first = max(0, bar + 1 - params.window)
        price = bars.close[bar] if math.isnan(params.price) else params.price
        for candidate in _candidates(bars, first, bar, price, params.structure, highs, lows, params):
            signal = {"bar": bar, "confirmed": bar, **plain, **candidate}
            found.append({**signal, **_scores(signal, params), "quality": 0.0})
    return found


def _peaks(prices: Sequence[float], sign: int, first: int, bar: int) -> list[float]:
    """The swings among the last 20 bars, over two bars on either side."""
    peaks = []
    for at in range(max(first, bar - 19) + 2, bar - 1):
        around = (at - 2, at - 1, at + 1, at + 2)
        if all(sign * prices[at] > sign * prices[other] for other in around):
            peaks.append(prices[at])
    return peaks


def _structure(highs: list[float], lows: list[float], before: int) -> int:
    if len(highs) < 2 or len(lows) < 2:
        return before
    if highs[-1] > highs[-2] and lows[-1] > lows[-2]:
        return 1
    return -1 if highs[-1] < highs[-2] and lows[-1] < lows[-2] else 0


def _candidates(
    bars: Bars,
    first: int,
    bar: int,
    price: float,
    structure: int,
    highs: list[float],
    lows: list[float],
    params: Any,
) -> Iterator[Row]:
    yield from _sweeps(bars.high, 1, first, bar)
    yield from _sweeps(bars.low, -1, first, bar)
    if len(highs) >= 2 and len(lows) >= 2:
        recent = range(max(first, bar - 4), bar + 1)
        if structure == -1 and any(bars.high[at] > highs[-1] for at in recent):
            yield _candidate(BOS, 1, bar, highs[-1])
        if structure == 1 and any(bars.low[at] < lows[-1] for at in recent):
            yield _candidate(BOS, -1, bar, lows[-1])
    yield from _turns(bars.close, first, bar)
    if params.manipulation:
        yield from _spikes(bars, first, bar)
    yield from _flow(bars, first, bar, price)


def _candidate(
    kind: int, direction: int, position: int, level: float, size: float = math.nan, change: float = math.nan
) -> Row:
    found = {"kind": kind, "direction": direction, "position": position, "level": level}
    return {**found, "size": size, "volume_change": change, "entry_from": level, "stop_from": level}


def _sweeps(prices: Sequence[float], sign: int, first: int, bar: int) -> Iterator[Row]:
    """Prices of the last 15 bars that two bars share, if one of the last five goes beyond."""
    tail, seen = range(max(first, bar - 14), bar + 1), set()
    for at in tail:
        level = prices[at]
        shared = any(abs(prices[other] - level) <= 0.0005 for other in tail if other != at)
        if shared and level not in seen:
            seen.add(level)
            if any(sign * prices[late] > sign * level for late in range(max(first, bar - 4), bar + 1)):
                yield _candidate(SWEEP, -sign, at, level)


def _turns(close: Sequence[float], first: int, bar: int) -> Iterator[Row]:
    """Closes after which the price goes against the mean of the three moves before, by more than half of it."""
    for at in range(max(first, bar - 9) + 3, bar):
        moves = [close[at - lag + 1] - close[at - lag] for lag in (3, 2, 1)]
        mean, move = (moves[0] + moves[1] + moves[2]) / 3, close[at + 1] - close[at]
        if abs(move) > 0.5 * abs(mean) and ((mean > 0 > move) or (mean < 0 < move)):
            yield _candidate(CHOCH, 1 if move > 0 else -1, at, close[at], move)


def _spikes(bars: Bars, first: int, bar: int) -> Iterator[Row]:
    """Bars that tower over both neighbours and close against their own body."""
    for at in range(max(first, bar - 7) + 2, bar):
        high, low = bars.high[at], bars.low[at]
        size = high - low
        if any(size < 1.5 * (bars.high[other] - bars.low[other]) for other in (at - 1, at + 1)):
            continue
        rising = bars.close[at] > bars.open[at]
        if rising and bars.close[at] < low + 0.3 * size:
            found = _candidate(MANIPULATION, -1, at, (high + low) / 2, size)
            yield {**found, "entry_from": low, "stop_from": high}
        if not rising and bars.close[at] > high - 0.3 * size:
            found = _candidate(MANIPULATION, 1, at, (high + low) / 2, size)
            yield {**found, "entry_from": high, "stop_from": low}


def _flow(bars: Bars, first: int, bar: int, price: float) -> Iterator[Row]:
    """Price and volume of the last five bars going apart."""
    if not len(bars.volume):
        return
    moved, traded = _momentum(bars.close, first, bar), _momentum(bars.volume, first, bar)
    if abs(moved) > 0.001 and abs(traded) > 0.1 and (moved > 0 > traded or moved < 0 < traded):
        yield _candidate(FLOW, -1 if moved > 0 else 1, bar, price, moved, traded)


def _momentum(values: Sequence[float], first: int, bar: int) -> float:
    total = 0.0
    for at in range(max(first, bar - 5) + 1, bar + 1):
        change = _ratio(values[at], values[at - 1]) - 1
        if not math.isnan(change):
            total += change
    return total


def _ratio(value: float, base: float) -> float:
    """A quotient as IEEE 754 has it."""
    if base:
        return value / base
    return math.nan if not value or math.isnan(value) else math.copysign(math.inf, value)


def _best(bars: Bars, first: int, bar: int, structure: int, candidates: list[Row], params: Any) -> list[Row]:
    """The three candidates of the highest quality that are good enough, first come first served among equals."""
    if not candidates:
        return []
    common = {"bar": bar, "confirmed": bar, "structure": structure}
    common["busy"] = int(
        len(bars.volume) > 0
        and swing_zones.mean(bars.volume, max(first, bar - 2), bar + 1)
        > 1.2 * swing_zones.mean(bars.volume, first, bar + 1)
    )
    hour = bars.minute[bar] // 60 if len(bars.minute) else 0
    common["timely"] = int(8 <= hour <= 17 or 21 <= hour <= 23)
    zones = _zones(bars, bar, params)
    signals = []
    for candidate in candidates:
        near = any(abs(candidate["level"] - zone["price"]) < 0.0010 for zone in zones)
        signal = {**common, **candidate, "block": int(near)}
        signals.append({**signal, **_scores(signal, params)})
    good = [signal for signal in signals if _is_good_enough(signal, params)]
    return sorted(good, key=lambda signal: -signal["quality"])[:3]


def _zones(bars: Bars, bar: int, params: Any) -> list[Row]:
    if not params.zones:
        return []
    wanted = SimpleNamespace(
        lookback=params.zone_lookback,
        window=params.window,
        most=5,
        gate=params.zone_gate,
        strict=params.strict,
        price=params.price,
        health=params.health,
        pips=params.zone_pips,
        max_pips=params.zone_max_pips,
        min_confidence=params.zone_min_confidence,
    )
    return swing_zones.zones_at(bars, bar, wanted)


def _scores(signal: Row, params: Any) -> Row:
    terms = TERMS[signal["kind"]]
    entry = signal["entry_from"] + signal["direction"] * terms[0]
    stop = signal["stop_from"] - signal["direction"] * terms[1]
    target = entry + terms[2] * (entry - stop)
    reward = abs(target - entry) / abs(entry - stop) if entry != stop else 0.0
    strength = terms[6] + terms[7] * params.health
    probability = _probability(signal, terms, params.health)
    confidence = _confidence(probability, signal, params.strict)
    return {
        "entry": entry,
        "stop": stop,
        "target": target,
        "risk_reward": reward,
        "strength": strength,
        "confidence": confidence,
        "probability": probability,
        "quality": 0.4 * confidence + 0.3 * strength + 20 * params.health + reward,
    }


def _probability(signal: Row, terms: tuple[float, ...], health: float) -> float:
    extra = 0.0
    if signal["kind"] == FLOW:
        extra = min(20.0, 100 * (abs(signal["size"]) + abs(signal["volume_change"])))
    return min(terms[5], terms[3] + extra + terms[4] * health)


def _confidence(confidence: float, signal: Row, strict: bool) -> float:
    for flag, bonus, limit in (("block", 8, 98), ("busy", 5, 95), ("timely", 3, 92)):
        if signal[flag]:
            raised = min(limit, confidence + bonus)
            confidence = max(confidence, raised) if strict else raised
    return confidence


def _is_good_enough(signal: Row, params: Any) -> bool:
    return bool(
        signal["confidence"] >= params.min_confidence
        and signal["strength"] >= params.min_strength
        and signal["risk_reward"] >= 1.2
    )
