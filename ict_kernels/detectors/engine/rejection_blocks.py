"""Order blocks by rejection: bars of mostly wick that the price then leaves."""

from __future__ import annotations

from ...kernels.engine import rejection_blocks as kernels
from ...reference.engine import rejection_blocks as twins
from ._rule import Rule

REJECTION_BLOCKS = Rule(
    "rejection_blocks",
    kernels.rejection_blocks,
    twins.rejection_blocks,
    kernels.RejectionBlocksParams,
    ints="bar confirmed direction loud",
    floats="top bottom reached body",
)
"""Bars with a range above ``wick`` times the body, left by one of the ``later`` closes in the body's direction.

A rising bar is left above ``above`` times its high, a falling one below ``below`` times its low; ``reached`` is the
farthest of those closes. ``loud`` counts the later bars whose volume exceeds ``loud`` times the bar's own, and is
``unmeasured`` where there is no volume. At least ``lead`` bars must come before.
"""
