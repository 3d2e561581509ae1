"""Liquidity voids: moves over a few bars that little volume carried."""

from __future__ import annotations

from ...kernels.engine import imbalances as kernels
from ...reference.engine import imbalances as twins
from ._rule import Rule

IMBALANCES = Rule(
    "imbalances",
    kernels.imbalances,
    twins.imbalances,
    kernels.ImbalancesParams,
    ints="bar confirmed",
    floats="price begun move top bottom ratio",
)
"""Bars that close more than ``threshold`` away from the close ``span`` bars earlier, on a falling volume.

The bar's volume must be below ``quiet`` times the mean of the ``span`` bars before; ``ratio`` is its share of that
mean. With ``relative=1`` the move is measured as a share of the earlier close, ``begun``. ``top`` and ``bottom``
span all bars of the move. At least ``later`` bars must follow. Without volume there is nothing.
"""
