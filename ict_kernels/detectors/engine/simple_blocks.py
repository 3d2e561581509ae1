"""Supply and demand zones of the engine's simple order-block detector."""

from __future__ import annotations

from ...kernels.engine import simple_blocks as kernels
from ...reference.engine import simple_blocks as twins
from ._rule import Rule

SIMPLE_BLOCKS = Rule(
    "simple_blocks",
    kernels.simple_blocks,
    twins.simple_blocks,
    kernels.SimpleBlocksParams,
    ints="bar confirmed candle side busy",
    floats="edge distance confidence entry stop target risk_reward",
    rate=2.0,
)
"""Swings among the last ``lookback`` bars that a call at bar t, given the last ``window``, keeps as zones.

Each ``candle`` whose low (side 1, demand) or high (-1, supply) stands out over three bars on each side, in order of
the candles, demand first. ``distance`` from the price, the close of bar t or with ``fixed=1`` ``price``, counts
``pips`` to a unit of price. ``body=1`` measures the wick from the body and not from the close.
"""
