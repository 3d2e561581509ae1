"""Breaks, changes of character, order blocks and gaps of the last few bars, by the market structure engine."""

from __future__ import annotations

from ...kernels.engine import structure_turns as kernels
from ...reference.engine import structure_turns as twins
from ._rule import Rule

STRUCTURE_TURNS = Rule(
    "structure_turns",
    kernels.structure_turns,
    twins.structure_turns,
    kernels.StructureTurnsParams,
    ints="bar confirmed candle kind direction",
    floats="price top bottom",
    rate=1,
)
"""At every bar that sees three bars or more, in this order:

* kind 0, change of character: it closes beyond the two bars before;
* kind 1, break of structure: its high, its low or both lie beyond the five bars before;
* kind 2, order block: its body is at least 0.7 of a range above the (upper) median of the last 20;
* kind 3, gaps among the last ten bars whose middle bar, ``candle``, does not touch the nearer edge.

``top`` and ``bottom`` are what was broken, the block, or the edges of the gap; ``price`` is the close, the extreme
that broke out, the close, or the lower edge. ``window`` limits the bars that each question sees.
"""
