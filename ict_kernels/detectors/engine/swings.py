"""Swing highs and lows by the engine's comparisons."""

from __future__ import annotations

from ...kernels.engine import swings as kernels
from ...reference.engine import swings as twins
from ._rule import Rule

SWINGS = Rule(
    "swings",
    kernels.swings,
    twins.swings,
    kernels.SwingsParams,
    ints="bar confirmed side",
    floats="price",
)
"""Bars whose high (side 1) or low (side -1) no bar of ``left`` before and ``right`` after reaches.

An equal neighbour disqualifies, unless ``ties=1``. A bar that is both gives its high first.
"""
