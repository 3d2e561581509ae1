"""Fast, steady moves over a window of bars, with what the engine's displacement detector measures in them."""

from __future__ import annotations

from ...kernels.engine import displacements as kernels
from ...reference.engine import displacements as twins
from ._rule import Rule

GAP, LEVELS, SHIFT = kernels.GAP, kernels.LEVELS, kernels.SHIFT

DISPLACEMENTS = Rule(
    "displacements",
    kernels.displacements,
    twins.displacements,
    kernels.DisplacementsParams,
    ints="bar confirmed direction spike large wick level gap equal shift",
    floats="start end momentum volatility wicks imbalance true_range body_share consistency",
)
"""Windows of ``width`` + 1 bars that end at ``bar``, move ``min_pips`` and have a momentum of ``min_momentum``.

The move goes from the first open, ``start``, to the last close, ``end``. ``momentum`` weighs the speed of the closes,
the volume and ``consistency``, the share of closes in the direction of the move. Flags: ``spike``, a volume of
``spike`` times the mean; ``large``, a body of twice the mean; ``wick``, one longer than its body; ``gap``, a bar
clear of both neighbours; ``equal``, two highs or two lows within 0.0005; ``shift``, a close clear beyond the last
swing. ``level`` counts how many of 1, 1.5 and 2 mean volumes the last one exceeds. ``volatility`` is the last true
range in mean ones (``true_range``), at most 1; ``wicks`` and ``body_share`` are means of wicks over body and body over
range; ``imbalance`` correlates the changes of close and volume.
"""

WINDOW_MARKS = Rule(
    "window_marks",
    kernels.window_marks,
    twins.window_marks,
    kernels.WindowMarksParams,
    ints="bar confirmed",
    rate=1.0,
)
"""Windows of ``width`` + 1 bars that end at ``bar`` and show ``mark``: GAP, equal LEVELS or a SHIFT, as above.

The first two read highs and lows only.
"""
