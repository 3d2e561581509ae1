"""Fair value gaps as the engine's detectors look for them; only edges, no life cycle."""

from __future__ import annotations

from ...kernels.engine import gaps as kernels
from ...reference.engine import gaps as twins
from ._rule import Rule

GAPS = Rule(
    "gaps",
    kernels.gaps,
    twins.gaps,
    kernels.GapsParams,
    ints="bar confirmed direction",
    floats="top bottom",
)
"""Bars whose neighbours do not overlap: ``low[t+1] > high[t-1]``, or else ``high[t+1] < low[t-1]``.

``min_size`` is a price difference, ``min_pips`` and ``max_pips`` count 0.0001; ``body=1`` also wants bar t to close
in the direction of the gap.
"""
