"""Turns in the hours of the silver bullet."""

from __future__ import annotations

from ...kernels.engine import silver_bullet_turns as kernels
from ...reference.engine import silver_bullet_turns as twins
from ._rule import Rule

SILVER_BULLET_TURNS = Rule(
    "silver_bullet_turns",
    kernels.silver_bullet_turns,
    twins.silver_bullet_turns,
    kernels.SilverBulletTurnsParams,
    ints="bar confirmed direction",
    floats="price",
    rate=0.1,
)
"""Bars from 10:00 to 11:59 and 14:00 to 15:59 whose last five closes run against the five before.

``direction`` is that of the last five. A call that is given fewer than ``least`` bars finds nothing.
"""
