"""Judas swings as the engine looks for them, at the close of every bar."""

from __future__ import annotations

from ...kernels.engine import judas_swings as kernels
from ...reference.engine import judas_swings as twins
from ._rule import Rule

JUDAS_SWINGS = Rule(
    "judas_swings",
    kernels.judas_swings,
    twins.judas_swings,
    kernels.JudasSwingsParams,
    ints="bar confirmed session direction spike",
    floats="price extreme swing_high swing_low timing swing reversal points level",
)
"""Bars, from the twentieth on, at whose close a break of the last ten bars beyond a swing has been taken back.

The swings are the oldest of the last ``lookback + 10`` bars. ``session`` counts London, New York, Asia and Frankfurt;
it follows ``bars.minute`` and the windows (first and last minute of the day) unless ``timing`` is given. ``direction``
is that of the break itself, or with ``inverted=0`` that of its reversal. ``points`` are the confidence before what
order blocks and a history of CHoCHs add; ``min_break``, ``max_break`` and ``min_reversal`` count 0.0001. ``price`` 0 is
the close.
"""
