"""Order blocks by impulse as the engine's detectors look for them."""

from __future__ import annotations

from ...kernels.engine import impulse_blocks as kernels
from ...reference.engine import impulse_blocks as twins
from ._rule import Rule

IMPULSE_BLOCKS = Rule(
    "impulse_blocks",
    kernels.impulse_blocks,
    twins.impulse_blocks,
    kernels.ImpulseBlocksParams,
    ints="bar confirmed direction touched",
    floats="top bottom body mean",
)
"""Bars with a body above ``ratio`` times the mean of the ``lookback`` bodies before (fewer at the beginning).

At least ``later`` bars must follow. ``touched`` is the first of them with ``low <= above * top`` and
``high >= below * bottom``, else -1; it is not looked for with ``touch=0``, and required with ``touch=2``. A mean of
zero disqualifies, unless ``still=1``. ``direction`` is that of the body; ``top`` and ``bottom`` are high and low.

Its variants are:

* order blocks of ``analysis.pattern_detector``: the defaults, start 5, stop 80; their fallback: ``lookback=1,
  later=1, touch=0, still=1``
* those of ``ict_engine.pattern_detector``: ``lookback=5, later=2, touch=0, still=1``, start 5, stop 50
* those of ``analysis.poi_system``: ``lookback=5, touch=2, above=1, below=1, still=1``, start 10
"""
