"""Swing highs and lows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from ..candles import Candles
from ..events import Events
from ..kernels import swings as kernels
from ..kernels._types import OWN_INTS, State
from ..reference import swings as reference
from ..registry import Column, Count, Spec, register
from ._run import detect

__all__ = ["swings"]


def _queues_are_sound(spec: Spec, states: Mapping[Spec, State], bars: int) -> bool:
    """Whether both queues, of windows that have them, lie within their cells and hold bars within the look-back."""
    window = 1 + int(spec.parameters["left"]) + int(spec.parameters["right"])
    if window <= kernels.SMALL_WINDOW:
        return True
    for queue in np.split(states[spec].ints[OWN_INTS:], 2):
        first, end = queue[kernels.FIRST], queue[kernels.END]
        if not 0 <= first <= end <= 2 * window:
            return False
        held = queue[kernels.QUEUE + first : kernels.QUEUE + end]
        if ((held < max(0, bars - window)) | (held >= bars)).any():
            return False
    return True


@register(
    kernel=kernels.swings,
    params=kernels.SwingsParams,
    shape=kernels.swings_shape,
    twin=reference.swings,
    columns=[
        Column("level", "the high or low itself", "float64", "price", "negate"),
        Column("swept", "first bar that trades beyond the level", life=True),
        Column("broken", "first bar that closes beyond the level", life=True),
    ],
    lookback=lambda spec: int(spec.parameters["left"] + spec.parameters["right"]),
    cost=35.0,
    rate=0.3,
    sound=_queues_are_sound,
)
def swings(
    candles: Candles, *, left: Count = 2, right: Count = 2, ties: Literal["first", "strict"] = "first"
) -> Events:
    """Swing highs and lows, with the bars that sweep and break them.

    Bar ``i`` is a swing high when its high exceeds those of the ``left`` bars before it and, of the ``right`` bars
    after it, none exceeds it (``ties="first"``) or even equals it (``ties="strict"``). A low is the mirror image. A bar
    may be both. A bar with fewer neighbours than asked for is no swing.

    Parameters
    ----------
    candles : Candles
    left, right : int, default 2
        Bars before and after; at least 1. 1 is the three-candle swing, 2 Williams' fractal.
    ties : {"first", "strict"}, default "first"
        Whether a later equal high leaves the first one a swing.

    Returns
    -------
    Events
        ``bar`` (the extreme), ``confirmed`` (``bar + right``), ``direction`` (+1 high, -1 low), ``level``;
        life cycle ``swept`` (first later bar with ``high > level``), ``broken`` (first with ``close > level``).

    Raises
    ------
    ParameterError
        If a parameter is out of its range.

    Notes
    -----
    ICT uses three candles, Williams five, LuxAlgo 5 and 50 bars a side. Time does not depend on ``left`` and
    ``right``: the extremes of the window are carried from bar to bar.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=1_000)[0]
    >>> highs = ict.swings(candles, left=5, right=5)
    >>> bool((highs.confirmed == highs.bar + 5).all())
    True
    """
    return detect("swings", candles, left=left, right=right, ties=ties)
