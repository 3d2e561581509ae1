"""What the signals of the engine's pattern detector are made of."""

from __future__ import annotations

from ...kernels.engine import patterns as kernels
from ...kernels.engine.patterns import (
    BASIC,
    FAIR_VALUE_GAP,
    LIQUIDITY_GRAB,
    OPTIMAL_TRADE_ENTRY,
    ORDER_BLOCK,
    SILVER_BULLET,
    TESTED,
)
from ...reference.engine import patterns as twins
from ._rule import Rule

__all__ = [
    "BASIC",
    "FAIR_VALUE_GAP",
    "LIQUIDITY_GRAB",
    "OPTIMAL_TRADE_ENTRY",
    "ORDER_BLOCK",
    "PATTERN_SIGNALS",
    "SILVER_BULLET",
    "TESTED",
]

PATTERN_SIGNALS = Rule(
    "pattern_signals",
    kernels.pattern_signals,
    twins.pattern_signals,
    kernels.PatternSignalsParams,
    ints="bar confirmed part kind direction source grade gap",
    floats="low high close ratio volatility momentum",
    rate=10.0,
)
"""The zones that a look at the last ``window`` bars (0: all) would make signals of, at every bar.

The bars are cut into parts of ``part`` (0: one part), from the front, each looked at by itself; ``close`` is the last
one of the part. By ``kind``, of which ``kinds`` is the sum, in the order in which they come:

* 1, silver bullet: the last order block, in the hours 10, 11, 14 and 15; ``gap`` says whether there is a gap
* 2, liquidity grab: the price beyond the extremes of the bars 29 to 11 from the end, back two bars later
* 4, optimal trade entry: low and high of the last 20 bars, the close 61.8 % to 78.6 % below the high; ``gap`` says
  whether there is one in the last 10
* 8, order blocks: the last two; ``grade`` 1 if touched later, 2 if basic, with ``ratio`` of body to mean body else
* 16, fair value gaps: the last two, with the mean range and the change over 20 bars in pips

Blocks are :data:`~ict_kernels.detectors.engine.impulse_blocks.IMPULSE_BLOCKS` among bars 5 to ``blocks`` of the last
200, or else the first three of the last 20 bars with 1.5 times the body before. Gaps are :data:`GAPS
<ict_kernels.detectors.engine.gaps.GAPS>` with ``body=1`` of at least ``min_gap``, their middles among bars 1 to
``gaps`` of the last 200, without the last possible one unless ``newest=1``.
"""
