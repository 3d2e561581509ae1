"""Equal extremes, impulses, and closes near or beyond a level."""

from __future__ import annotations

from ...kernels.engine import levels as kernels
from ...reference.engine import levels as twins
from ._rule import Rule

EQUAL_LEVELS = Rule(
    "equal_levels",
    kernels.equal_levels,
    twins.equal_levels,
    kernels.EqualLevelsParams,
    ints="bar confirmed touches",
    floats="price",
)
"""Highs (``side=1``) or lows (-1) that others of the ``before`` and ``after`` bars around equal to ``tolerance``.

``touches`` counts the bar itself too. Bars that are short of neighbours, and the very last that is not, are no hits.
"""

IMPULSES = Rule(
    "impulses",
    kernels.impulses,
    twins.impulses,
    kernels.ImpulsesParams,
    ints="bar confirmed side",
    floats="price",
)
"""Every ``step``-th bar whose next ``ahead`` bars leave it by more than a share of its high or its low.

``price`` is its low for an impulse upwards (``side=1``), which comes first, and its high for one downwards (-1).
"""

CLOSE_BEYOND = Rule(
    "close_beyond",
    kernels.close_beyond,
    twins.close_beyond,
    kernels.CloseBeyondParams,
    ints="bar confirmed",
    floats="close",
    rate=1.0,
)
"""The first close from each bar on that is above (``side=1``) or below (-1) a level, at bar ``confirmed``."""

CLOSE_NEAR = Rule(
    "close_near",
    kernels.close_near,
    twins.close_near,
    kernels.CloseNearParams,
    ints="bar confirmed",
    floats="volume",
    rate=1.0,
)
"""Closes within a share ``tolerance`` of a level, with their volume."""
