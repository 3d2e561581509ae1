"""Sweeps, breaks, turns, spikes and flow in the last candles, as the engine's smart money detector sees them."""

from __future__ import annotations

from ...kernels.engine import smart_money as kernels
from ...reference.engine import smart_money as twins
from ._rule import Rule

_INTS = "bar confirmed kind direction position structure block busy timely"
_FLOATS = "level entry stop target confidence probability strength risk_reward quality size volume_change"

SMART_MONEY = Rule(
    "smart_money",
    kernels.smart_money,
    twins.smart_money,
    kernels.SmartMoneyParams,
    ints=_INTS,
    floats=_FLOATS,
    laws=("twin", "prefix"),
    rate=3.0,
    work=lambda params, bars: kernels.WORK,
)
"""The at most three best signals that a call at the close of ``bar`` gives, best first.

``kind``: 0 sweep of equal levels, 1 break of structure, 2 change of character, 3 manipulation, 4 flow. ``structure``
(1 bullish, -1 bearish, 0 ranging) and the breaks rest on the swings that all calls since ``start`` have seen, and on
those of before that the parameters tell (``high`` is the newest, NaN for none), so that parts do not give the whole.
``block``, ``busy`` and ``timely`` tell whether a zone of SWING_ZONES, the volume and the hour agreed, which turned
``probability`` into ``confidence``. ``size`` is the
change of a turn, the range of a manipulation and the price momentum of flow, ``volume_change`` its volume momentum.
"""

SMART_MONEY_LOOKS = Rule(
    "smart_money_looks",
    kernels.smart_money_looks,
    twins.smart_money_looks,
    kernels.SmartMoneyParams,
    ints=_INTS,
    floats=_FLOATS,
    rate=8.0,
    work=lambda params, bars: kernels.WORK,
)
"""Everything that the looks of SMART_MONEY find at the close of ``bar``, in their order, before confluences.

Structure and swings are those that the parameters tell; nothing is left out or sorted, and ``quality`` is 0.
"""
