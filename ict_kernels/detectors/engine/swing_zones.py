"""Zones of supply and demand at swings, as the engine's enhanced order blocks are."""

from __future__ import annotations

from ...kernels.engine import swing_zones as kernels
from ...reference.engine import swing_zones as twins
from ._rule import Rule

SWING_ZONES = Rule(
    "swing_zones",
    kernels.swing_zones,
    twins.swing_zones,
    kernels.SwingZonesParams,
    ints="bar confirmed position side quality",
    floats="price entry stop target distance_pips risk_reward confidence average recent",
    rate=2.5,
)
"""Zones that a call at the close of ``bar`` finds among the ``lookback`` candles before it.

A zone is the candle at ``position`` whose low no candle within four reaches (side 1, demand), or whose high (side -1,
supply). Each bar that asks sees only the last ``window`` candles, and sees nothing while there are fewer than
``lookback``; the last five are no candidates. ``quality`` goes from 0 (low) to 3 (premium).

The ``most`` best come first: by the alphabet of the names of the qualities (``strict=1``: best quality first), then
nearest, then most confident. ``most=0`` gives all in order of position. ``average`` and ``recent`` are mean volumes of
the window and of its last five candles, NaN without volume.
"""
