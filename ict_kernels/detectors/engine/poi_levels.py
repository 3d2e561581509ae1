"""Levels that the engine's system of points of interest watches."""

from __future__ import annotations

from ...kernels.engine import poi_levels as kernels
from ...reference.engine import poi_levels as twins
from ._rule import Rule

SWING_LEVELS = Rule(
    "swing_levels",
    kernels.swing_levels,
    twins.swing_levels,
    kernels.SwingLevelsParams,
    ints="bar confirmed side session",
    floats="price",
)
"""Bars whose high (side 1) or low (side -1) is beyond all of ``left`` before and ``right`` after.

Unlike :data:`.swings.SWINGS` a bar of NaN is none. ``session`` tells whether none of the last ``session`` bars before
is farther either. A bar that is both gives its high first.
"""

LIQUIDITY_POOLS = Rule(
    "liquidity_pools",
    kernels.liquidity_pools,
    twins.liquidity_pools,
    kernels.LiquidityPoolsParams,
    ints="bar confirmed side alike",
    floats="price",
    laws=("twin", "chunks"),
    rate=2.0,
    work=lambda params, bars: (0, 2 * (bars + params.reach)),
)
"""Bars around which highs (side 1) or lows (side -1) have been, and will be, much the same.

Every bar has a short-term extreme, that of itself and ``half`` bars on each side. ``alike`` counts those of the
``reach`` bars before and of the ``reach`` from the bar itself on that lie within ``tolerance``; ``least`` make a pool.
Near the end of the frame bars that lack ``half`` on each side do not count, so that later bars can add to a count.
A bar that is both gives its high first.
"""
