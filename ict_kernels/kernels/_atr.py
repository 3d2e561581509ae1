"""Wilder's average true range, carried from bar to bar in the order of its definition."""

from __future__ import annotations

from ._jit import helper
from ._types import ATR_COUNT, ATR_VALUE


@helper
def update_atr(t, high, low, previous_close, length, state):
    """Take in bar ``t``; ``previous_close`` is not looked at for bar 0."""
    true_range = high - low
    if t > 0:
        true_range = max(true_range, abs(high - previous_close), abs(low - previous_close))
    count = state.ints[ATR_COUNT]
    if count < length:
        total = state.floats[ATR_VALUE] + true_range
        state.ints[ATR_COUNT] = count + 1
        state.floats[ATR_VALUE] = total / length if count + 1 == length else total
    else:
        state.floats[ATR_VALUE] = (state.floats[ATR_VALUE] * (length - 1) + true_range) / length


@helper
def atr_is_defined(length, state):
    """Whether ``length`` bars have been taken in, so that the cell ``ATR_VALUE`` holds the average."""
    return state.ints[ATR_COUNT] >= length
