"""Stop hunts, and how strong the levels are that they go for."""

from __future__ import annotations

from typing import Any

from ...kernels.engine import stop_hunts as kernels
from ...reference.engine import stop_hunts as twins
from ._rule import Rule


def _room(params: Any, bars: int) -> tuple[int, int]:
    """Two swings a bar at the most, and five round prices."""
    levels = 2 * max(min(params.lookback, bars), 0) + 5
    return levels, levels


STOP_HUNTS = Rule(
    "stop_hunts",
    kernels.stop_hunts,
    twins.stop_hunts,
    kernels.StopHuntsParams,
    ints="bar confirmed side",
    floats="level extreme spike reversal size volume_ratio",
    laws=("twin", "chunks"),
    work=_room,
)
"""Wicks of at least ``spike`` through a level, taken back at once, and by 0.1 % beyond the level within ``reversal``.

Levels are the swings of the frame's last ``lookback`` bars and the round prices around its last close, whichever
bar is asked: they are known at the end of the frame only. ``side`` is -1 for a hunt above a level, 1 for one below
it; ``confirmed`` is the bar of the reversal, and does not count what the levels see of the future. A spike must
also be half of the ``atr``-bar average true range. One bar gives a hit per level.
"""

TRUE_RANGE = Rule(
    "true_range",
    kernels.true_range,
    twins.true_range,
    kernels.TrueRangeParams,
    ints="bar confirmed",
    floats="average",
    rate=1.0,
)
"""The mean true range of the last ``period`` bars, at each bar that has so many."""

LEVEL_TOUCHES = Rule(
    "level_touches",
    kernels.level_touches,
    twins.level_touches,
    kernels.LevelTouchesParams,
    ints="bar confirmed bounced",
)
"""Bars whose high (``side=1``) or low (-1) comes within a share ``tolerance`` of a level.

``bounced`` is 1 where the close is back beyond that share on the inner side.
"""
