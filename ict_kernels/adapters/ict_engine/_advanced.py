"""What the silver bullet and the Judas swing ask of order blocks and of the history of CHoCHs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ._collaborators import ChochHistory

__all__ = ["Remembered", "block_price", "remembered"]


def block_price(block: Mapping[str, Any], at: int) -> float:
    """Return the price of an order block, or else its low.

    Raises
    ------
    ParameterError
        If it has neither.
    """
    price = block.get("price") or block.get("low")
    if price is None:
        raise ParameterError(f"detected_order_blocks[{at}] has neither 'price' nor 'low' but {sorted(block)}")
    return float(price)


class Remembered(NamedTuple):
    """What a history says, one element a signal; ``target`` is NaN where it knows none."""

    bonus: NDArray[np.float64]
    success: NDArray[np.float64]
    target: NDArray[np.float64]


def remembered(
    history: ChochHistory,
    symbol: str,
    timeframe: str,
    levels: Iterable[float],
    directions: Iterable[int],
    most: float,
) -> Remembered:
    """Ask a history about the levels of signals; ``most`` is what it may add to a confidence, or take from it."""
    pairs = list(zip(levels, directions, strict=True))
    bonus, success, target = np.zeros(len(pairs)), np.zeros(len(pairs)), np.full(len(pairs), np.nan)
    if history.similar(symbol, timeframe):
        for at, (level, direction) in enumerate(pairs):
            bonus[at] = max(-most, min(most, history.bonus(symbol, timeframe, level)))
            success[at] = history.success_rate(symbol, timeframe, level)
            if direction:
                way = "BULLISH" if direction > 0 else "BEARISH"
                expected = history.predict_target(symbol, timeframe, way, level)
                target[at] = np.nan if expected is None else expected
    return Remembered(bonus, success, target)
