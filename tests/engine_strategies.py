"""Candles and parameters for the engine's rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from ict_kernels.kernels.engine._types import EngineBars
from ict_kernels.market import sample_market
from tests.strategies import REGIMES, in_ticks, linear

# Prices as brokers quote them, and coarse ones, on which ties and thresholds are met exactly.
ENGINE_SCALES = (
    linear(0.97, 1e-5),
    linear(1.1, 1e-4),
    linear(1.1, 5e-4),
    linear(1.0, 2e-3),
    linear(150, 0.01),
    linear(2000, 0.25),
    linear(1e12, 1),
)

PARAMETERS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "gaps": {
        "min_size": st.sampled_from([0.0, 0.0003, 0.0005]),
        "min_pips": st.sampled_from([0.0, 3.0]),
        "max_pips": st.sampled_from([10.0, 20.0]),
        "body": st.integers(0, 1),
    },
    "liquidity_grabs": {
        "periods": st.sampled_from([5, 30, 40]),
        "per_unit": st.sampled_from([10000.0, 100.0]),
        "price": st.sampled_from([0.0, 1.1]),
        "blocks": st.integers(0, 2),
        "reversal_bars": st.integers(1, 5),
        "min_confidence": st.sampled_from([-1e9, 60.0]),
    },
    "liquidity_levels": {"periods": st.integers(1, 40), "per_unit": st.sampled_from([10000.0, 100.0])},
    "mitigation_blocks": {"kind": st.integers(0, 2), "per_unit": st.sampled_from([10000.0, 100.0, 100000.0])},
    "mitigations": {
        "per_unit": st.sampled_from([10000.0, 100.0, 100000.0]),
        "price": st.sampled_from([0.0, 1.1]),
        "grabs": st.integers(0, 2),
        "lookback": st.integers(1, 30),
        "min_pips": st.sampled_from([0.0, 5.0]),
        "max_pips": st.sampled_from([50.0, 1e9]),
        "min_confidence": st.sampled_from([-1e9, 60.0]),
    },
    "imbalances": {
        "threshold": st.sampled_from([0.0, 0.0005, 0.001]),
        "relative": st.integers(0, 1),
        "span": st.integers(1, 6),
        "quiet": st.sampled_from([0.5, 0.7, 1.5]),
        "later": st.integers(0, 5),
    },
    "liquidity_pools": {
        "half": st.integers(0, 3),
        "reach": st.integers(1, 10),
        "tolerance": st.sampled_from([0.0, 0.0005, 0.002]),
        "least": st.integers(1, 4),
    },
    "rejection_blocks": {
        "lead": st.integers(0, 10),
        "later": st.integers(1, 6),
        "wick": st.sampled_from([0.5, 1.0, 2.0]),
        "above": st.sampled_from([1.0, 1.0001, 1.001]),
        "below": st.sampled_from([1.0, 0.9999, 0.999]),
        "loud": st.sampled_from([0.5, 0.8, 1.0]),
    },
    "swing_levels": {"left": st.integers(1, 6), "right": st.integers(1, 6), "session": st.integers(0, 48)},
    "reactions": {
        "window": st.sampled_from([1, 14, 15, 18, 30]),
        "threshold": st.sampled_from([-1.0, 0.0, 0.001, 0.5, 1.0]),
    },
    "structure_turns": {"window": st.integers(0, 25)},
    "fractals": {
        "left": st.integers(0, 6),
        "right": st.integers(0, 6),
        "ties": st.integers(0, 1),
        "min_strength": st.sampled_from([0.0, 1e-6, 1e-3]),
    },
    "displacements": {
        "width": st.integers(5, 16),
        "min_pips": st.sampled_from([0.0, 25.0, 50.0]),
        "min_momentum": st.sampled_from([0.0, 0.55, 0.7]),
        "measured": st.integers(-1, 1),
    },
    "window_marks": {"width": st.integers(0, 20), "mark": st.integers(0, 2)},
    "swings": {"left": st.integers(0, 6), "right": st.integers(0, 6), "ties": st.integers(0, 1)},
    "silver_bullets": {
        "timing": st.sampled_from([-1.0, 0.4, 0.81, 1.0]),
        "zone": st.integers(0, 3),
        "price": st.sampled_from([0.0, 1.1]),
        "confluence": st.sampled_from([0.0, 0.71, 1.0]),
        "memory": st.sampled_from([0.5, 0.71, 1.0]),
        "displaced": st.integers(0, 1),
        "neutral": st.integers(0, 1),
        "lookback": st.sampled_from([0, 1, 2, 30]),
        "level_lookback": st.sampled_from([0, 1, 30]),
        "min_confidence": st.sampled_from([0.0, 60.0]),
    },
    "judas_swings": {
        "timing": st.sampled_from([-1.0, 0.0, 1.0]),
        "session": st.integers(0, 3),
        "price": st.sampled_from([0.0, 1.1]),
        "inverted": st.integers(0, 1),
        "lookback": st.sampled_from([-20, 0, 10, 40]),
        "level_lookback": st.sampled_from([0, 1, 30]),
        "min_break": st.sampled_from([0.0, 1.0]),
        "max_break": st.sampled_from([10.0, 1e12]),
        "min_reversal": st.sampled_from([0.0, 5.0]),
        "volume_factor": st.sampled_from([0.5, 1.0]),
        "min_points": st.sampled_from([0.0, 60.0]),
    },
    "breaks": {
        "window": st.sampled_from([0, 30]),
        "width": st.integers(1, 3),
        "distance": st.sampled_from([0.0, 0.0005]),
        "momentum": st.sampled_from([0.0, 0.001]),
    },
    "changes": {
        "window": st.sampled_from([0, 40]),
        "width": st.integers(0, 3),
        "distance": st.sampled_from([0.0, 0.0008]),
        "lag": st.integers(0, 3),
    },
    "change_events": {
        "width": st.integers(0, 3),
        "distance": st.sampled_from([0.0, 0.0008]),
        "lag": st.integers(0, 3),
    },
    "pattern_signals": {
        "window": st.sampled_from([0, 40, 60]),
        "part": st.sampled_from([0, 30, 35]),
        "kinds": st.integers(0, 31),
        "min_gap": st.sampled_from([0.0, 0.0003, 0.0005]),
        "blocks": st.sampled_from([20, 80, 200]),
        "gaps": st.sampled_from([20, 100, 200]),
        "newest": st.integers(0, 1),
        "tolerant": st.integers(0, 1),
    },
    "impulse_blocks": {
        "lookback": st.sampled_from([1, 5]),
        "later": st.sampled_from([1, 2, 5]),
        "touch": st.integers(0, 2),
        "above": st.sampled_from([1.0, 0.999]),
        "below": st.sampled_from([1.0, 1.001]),
        "still": st.integers(0, 1),
    },
    "simple_blocks": {
        "window": st.sampled_from([15, 22, 40]),
        "lookback": st.sampled_from([10, 20, 40]),
        "fixed": st.integers(0, 1),
        "price": st.sampled_from([0.97, 1.1]),
        "pips": st.sampled_from([100.0, 10000.0]),
        "body": st.integers(0, 1),
        "max_distance": st.sampled_from([3.0, 300.0, 1e9]),
        "min_confidence": st.sampled_from([-1e9, 60.0, 72.0]),
        "supply_entry": st.sampled_from([0.25, 0.0]),
        "reward": st.sampled_from([1.5, 2.0]),
    },
    "silver_bullet_turns": {
        "window": st.sampled_from([5, 19, 20, 40]),
        "least": st.sampled_from([0, 10, 20]),
    },
    "stop_hunts": {
        "lookback": st.sampled_from([0, 12, 50, 200]),
        "spike": st.sampled_from([0.0, 0.0005, 0.01]),
        "reversal": st.integers(0, 6),
        "atr": st.sampled_from([0, 3]),
    },
    "true_range": {"period": st.integers(1, 15)},
    "level_touches": {
        "level": st.sampled_from([0.97, 1.1, 150.0, 2000.0]),
        "side": st.sampled_from([1, -1]),
        "tolerance": st.sampled_from([0.0, 0.002, 0.05]),
    },
    "sessions": {
        "zone0": st.integers(0, 2**24 - 1),
        "zone3": st.sampled_from([1, 0xF000, 2**24 - 1]),
        "zone5": st.integers(0, 2**24 - 1),
        "up": st.sampled_from([1.0, 1.0001]),
        "down": st.sampled_from([1.0, 0.9999]),
    },
    "volatility": {"period": st.integers(2, 12)},
    "equal_levels": {
        "side": st.sampled_from([1, -1]),
        "tolerance": st.sampled_from([0.0, 0.0005, 1.0]),
        "before": st.integers(0, 12),
        "after": st.integers(0, 5),
        "touches": st.integers(1, 4),
    },
    "impulses": {
        "first": st.integers(0, 7),
        "step": st.integers(1, 10),
        "ahead": st.integers(1, 6),
        "last": st.integers(0, 6),
        "up": st.sampled_from([1.0, 1.001]),
        "down": st.sampled_from([1.0, 0.999]),
    },
    "close_beyond": {
        "level": st.sampled_from([0.97, 1.1, 1.105, 150.0, 2000.0]),
        "side": st.sampled_from([1, -1]),
    },
    "close_near": {
        "level": st.sampled_from([0.97, 1.1, 150.0, 2000.0]),
        "tolerance": st.sampled_from([0.0, 0.001, 0.05]),
    },
    "swing_zones": {
        "lookback": st.sampled_from([1, 12, 30, 60]),
        "window": st.sampled_from([20, 45, 200]),
        "most": st.integers(0, 3),
        "gate": st.integers(0, 1),
        "strict": st.integers(0, 1),
        "price": st.sampled_from([1.0, 1.1, 150.0]),
        "health": st.sampled_from([0.6, 0.9, 1.0]),
        "pips": st.sampled_from([100.0, 10000.0]),
        "max_pips": st.sampled_from([20.0, 1e18]),
        "min_confidence": st.sampled_from([0.0, 86.0]),
    },
    "smart_money": {
        "lookback": st.sampled_from([1, 5, 12, 60]),
        "window": st.sampled_from([4, 25, 45]),
        "manipulation": st.integers(0, 1),
        "strict": st.integers(0, 1),
        "zones": st.integers(0, 1),
        "zone_lookback": st.sampled_from([12, 40]),
        "zone_gate": st.integers(0, 1),
        "zone_max_pips": st.just(1e18),
        "zone_min_confidence": st.sampled_from([0.0, 86.0]),
        "price": st.sampled_from([1.0, 1.1, 150.0]),
        "health": st.sampled_from([0.6, 0.9]),
        "min_confidence": st.sampled_from([0.0, 92.0]),
        "min_strength": st.sampled_from([0.0, 85.0]),
        "structure": st.integers(-1, 1),
        "high": st.sampled_from([0.98, 1.1, 151.0]),
        "low": st.sampled_from([0.96, 1.09, 149.0]),
    },
    "smart_money_looks": {
        "window": st.sampled_from([1, 4, 25, 45]),
        "manipulation": st.integers(0, 1),
        "price": st.sampled_from([1.0, 1.1, 150.0]),
        "health": st.sampled_from([0.6, 0.9]),
        "structure": st.integers(-1, 1),
        "high": st.sampled_from([0.98, 1.1, 151.0]),
        "high_before": st.sampled_from([0.98, 1.1]),
        "low": st.sampled_from([0.96, 1.09, 149.0]),
        "low_before": st.sampled_from([0.96, 1.09]),
    },
}
"""What the laws vary, by rule; a rule that is not here is tried with its defaults."""


def _read_only(column: Any) -> Any:
    column = np.ascontiguousarray(column)
    column.setflags(write=False)
    return column


@st.composite
def engine_bars(draw: st.DrawFn, min_size: int = 0, max_size: int = 120) -> EngineBars:
    """Adversarial candles with volume, or without any, and a clock that starts anywhere in the day."""
    n = draw(st.integers(min_size, max_size))
    regimes = draw(st.lists(st.sampled_from(REGIMES), min_size=1, max_size=4))
    scale = draw(st.sampled_from(ENGINE_SCALES))
    prices = in_ticks(draw(st.binary(min_size=4 * n, max_size=4 * n)), regimes)
    amounts = np.frombuffer(draw(st.binary(min_size=n, max_size=n)), np.uint8).astype(np.float64)
    volume = amounts if draw(st.booleans()) else np.empty(0)
    minute = (draw(st.integers(0, 1439)) + 15 * np.arange(n, dtype=np.int64)) % 1440
    return EngineBars._make(_read_only(column) for column in (*map(scale, prices), volume, minute))


@st.composite
def engine_frames(draw: st.DrawFn, min_size: int = 0, max_size: int = 120) -> pd.DataFrame:
    """The same as a frame with a naive DatetimeIndex of 15 minutes."""
    bars = draw(engine_bars(min_size, max_size))
    day = pd.Timestamp("2022-10-10")
    start = day + pd.Timedelta(minutes=int(bars.minute[0])) if len(bars.minute) else day
    index = pd.date_range(start, periods=len(bars.close), freq="15min", name="time")
    columns = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    if len(bars.volume):
        columns |= {"volume": bars.volume.copy(), "tick_volume": bars.volume.copy()}
    return pd.DataFrame(columns, index=index)


def real_bars(n: int) -> EngineBars:
    """The first candles of the built-in market, of 15 minutes."""
    candles = sample_market(["EURUSD"], bars=n)[0]
    minute = candles.time // 60_000_000_000 % 1440
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume, minute)
    return EngineBars._make(map(_read_only, columns))


def real_frame(n: int) -> pd.DataFrame:
    """The same as a frame."""
    bars = real_bars(n)
    index = pd.DatetimeIndex(sample_market(["EURUSD"], bars=n)[0].time, name="time")
    columns = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns | {"tick_volume": columns["volume"]}, index=index)
