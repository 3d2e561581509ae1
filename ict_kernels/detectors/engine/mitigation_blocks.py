"""Blocks as the engine's mitigation detector looks for them, and the returns of the price to them."""

from __future__ import annotations

from ...kernels.engine import mitigation_blocks as kernels
from ...reference.engine import mitigation_blocks as twins
from ._rule import Rule

MITIGATION_BLOCKS = Rule(
    "mitigation_blocks",
    kernels.blocks,
    twins.blocks,
    kernels.BlocksParams,
    ints="bar confirmed side rejections",
    floats="high low quality",
    rate=0.8,
)
"""Breaker blocks (``kind=0``), demand zones (1) or supply zones (2).

A breaker closes beyond the bar before in the direction of its body, and the next bar keeps clear of that bar's other
end. A zone is a bar around which at least two of eleven bars have their low (demand) or high (supply) within 5 pips
of its own and close away from it; they are the ``rejections``.
"""

MITIGATIONS = Rule(
    "mitigations",
    kernels.mitigations,
    twins.mitigations,
    kernels.MitigationsParams,
    ints="bar confirmed side kind source",
    floats=(
        "high low price quality mitigation strength approach rejection intensity institutional confidence estimate"
    ),
    rate=2.5,
    work=lambda params, bars: (
        kernels.MOST_BLOCKS * kernels.INTS,
        kernels.MOST_BLOCKS * kernels.FLOATS,
    ),
)
"""At each bar, returns of the price to the best five blocks of the last 30 bars, confident enough to report.

``kind`` is 0 breaker, 1 demand, 2 supply, 3 gap; ``source`` is the block's bar. Asked only from the 40th bar on;
``price`` other than 0 stands for the close of every asking bar, and ``grabs`` is how many liquidity grabs lie near
the origin of each block.
"""
