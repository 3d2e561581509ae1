"""Order blocks by how far the bars after them move away."""

from __future__ import annotations

from ...kernels.engine import reactions as kernels
from ...reference.engine import reactions as twins
from ._rule import Rule

REACTIONS = Rule(
    "reactions",
    kernels.reactions,
    twins.reactions,
    kernels.ReactionsParams,
    ints="bar confirmed candle position direction",
    floats="high low reaction",
    rate=10,
)
"""At every bar: which of the last 20 bars, the outer five on both sides aside, the next four moved away from.

``reaction`` is the mean distance of the lows from a rising bar's high, or of the highs from another bar's low, in
ranges of that bar; it must exceed ``threshold``. ``candle`` is the block's bar, ``position`` its place among those last
bars. Nothing is found where fewer than 15 bars, or a ``window`` of fewer, are seen.
"""
