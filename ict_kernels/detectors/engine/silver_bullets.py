"""Silver bullets as the engine looks for them, at the close of every bar."""

from __future__ import annotations

from ...kernels.engine import silver_bullets as kernels
from ...reference.engine import silver_bullets as twins
from ._rule import Rule

SILVER_BULLETS = Rule(
    "silver_bullets",
    kernels.silver_bullets,
    twins.silver_bullets,
    kernels.SilverBulletsParams,
    ints="bar confirmed zone direction",
    floats="price timing structure alignment confidence level",
)
"""Bars, from the twentieth on, at whose close time of day, swing structure and momentum weigh enough.

``zone`` counts London, New York, London close and Asia; it and ``timing`` follow ``bars.minute`` unless ``timing`` is
given. ``direction`` 0 is neither way, which ``neutral=0`` leaves out. ``confluence`` and ``memory`` are what order
blocks and a memory contribute, 0 to 1; ``displaced`` says that the market has just moved far. ``price`` 0 is the close.
``confidence`` is before any history of CHoCHs; ``level`` is the extreme of ``level_lookback`` bars in the direction.
"""
