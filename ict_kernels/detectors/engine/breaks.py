"""Breaks of structure and changes of character by earlier swings."""

from __future__ import annotations

from ...kernels.engine import breaks as kernels
from ...reference.engine import breaks as twins
from ._rule import Rule

_CHANGE_INTS = "bar confirmed change direction high previous_high low previous_low"
_CHANGE_FLOATS = "close level target"

BREAKS = Rule(
    "breaks",
    kernels.breaks,
    twins.breaks,
    kernels.BreaksParams,
    ints="bar confirmed direction confirms highs lows high previous_high low previous_low",
    floats="level previous close momentum",
    rate=1.0,
    work=lambda params, bars: (2 * bars, 0),
)
"""The last two swing highs and lows at every bar that has them, and whether its close breaks structure.

The close above the last high, itself above the one before, is ``direction`` 1, the mirror image -1, anything else 0
(``level``, ``previous`` and ``momentum`` are then NaN). ``confirms`` says whether the close is at least ``distance``
away from the level and two of the last three bodies point that way. ``momentum`` is 0.5, plus 0.3 if the last ten
closes went that way, plus 0.2 if by more than the parameter of that name, as a ratio. ``highs`` and ``lows`` count
the swings, ``high`` to ``previous_low`` are the bars of the last ones; a swing stands out over ``width`` bars at each
side, all among the ``window`` bars that end at the asking one (0: all up to it).
"""

CHANGES = Rule(
    "changes",
    kernels.changes,
    twins.changes,
    kernels.ChangesParams,
    ints=_CHANGE_INTS,
    floats=_CHANGE_FLOATS,
    work=lambda params, bars: (2 * bars, 0),
)
"""The last change of character that is seen at every bar, if there is one: it happened at bar ``change``.

Counted back from a bar, let three highs and three lows both fall, except that the last low is above the one before:
a close more than ``distance`` above the last but one high is a change to ``direction`` 1; the mirror image -1.
``level`` is the price broken, ``target`` the last high (or low). Swings count as soon as they are there, although they
stand out only ``width`` bars later; with ``lag=width`` they count from then on. ``window`` as in :data:`BREAKS`.
"""

CHANGE_EVENTS = Rule(
    "change_events",
    kernels.change_events,
    twins.change_events,
    kernels.ChangeEventsParams,
    ints=_CHANGE_INTS,
    floats=_CHANGE_FLOATS,
    work=lambda params, bars: (2 * (bars + params.width), 0),
)
"""Every bar that changes character as in :data:`CHANGES`, ``confirmed`` once all swings up to it are known."""
