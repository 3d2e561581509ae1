"""Liquidity levels and grabs as the engine's detector sees them at each bar."""

from __future__ import annotations

from ...kernels.engine import liquidity_grabs as kernels
from ...reference.engine import liquidity_grabs as twins
from ._rule import Rule

LIQUIDITY_LEVELS = Rule(
    "liquidity_levels",
    kernels.liquidity_levels,
    twins.liquidity_levels,
    kernels.LevelsParams,
    ints="bar confirmed kind source touches",
    floats="level",
    rate=8.0,
    work=lambda params, bars: (2 * kernels.MOST_LEVELS, kernels.MOST_LEVELS),
)
"""At each bar, the levels of the last ``periods`` bars: highest, lowest, last three swing highs and swing lows.

``kind`` counts these four from 0; ``source`` is the bar a level comes from; ``touches`` counts those of the last 20
bars whose high or low lies within 2 pips of it. A swing is strictly beyond two bars on each side.
"""

LIQUIDITY_GRABS = Rule(
    "liquidity_grabs",
    kernels.liquidity_grabs,
    twins.liquidity_grabs,
    kernels.GrabsParams,
    ints="bar confirmed side kind source touches",
    floats="level price hunt reversal speed intensity institutional density confidence estimate",
    work=lambda params, bars: (2 * kernels.MOST_LEVELS, kernels.MOST_LEVELS),
)
"""Bars at which the last ten bars hold a wick through a level that closed back, confident enough to report.

``side`` is the direction to trade in. Asked only from the 30th bar on; ``price`` other than 0 stands for the close of
every asking bar, and ``blocks`` is how many order blocks lie near the level.
"""
