"""Fair value gaps and what is built on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np

from ..candles import Candles
from ..events import Events
from ..kernels import gaps as kernels
from ..kernels._memory import MEMORY_ID
from ..kernels._types import State
from ..kernels._zones import ID, STAGE
from ..reference import gaps as reference
from ..registry import Column, Count, FeedLike, Feeds, Multiple, Price, Spec, register
from ._run import detect

__all__ = ["balanced_price_ranges", "fair_value_gaps", "inverse_fair_value_gaps", "volume_imbalances"]

_TOP = Column("top", "upper edge", "float64", "price", "bottom")
_BOTTOM = Column("bottom", "lower edge", "float64", "price", "top")
_TOUCHED = Column("touched", "first bar that trades into the zone", life=True)
_BROKEN = Column("broken", "first bar that closes beyond the far edge", life=True)


@register(
    kernel=kernels.fair_value_gaps,
    params=kernels.FairValueGapsParams,
    shape=kernels.fair_value_gaps_shape,
    twin=reference.fair_value_gaps,
    columns=[
        _TOP,
        _BOTTOM,
        Column("size", "top less bottom", "float64", "price"),
        Column("touched", "first bar that reaches the near edge", life=True),
        Column("half", "first bar that reaches the middle (consequent encroachment)", life=True),
        Column("filled", "first bar that reaches the far edge", life=True),
        Column("inverted", "first bar that closes beyond the far edge", life=True),
        Column("retested", "first bar after that which comes back to the far edge", life=True),
    ],
    lookback=lambda spec: 2,
    cost=55.0,
    rate=0.3,
)
def fair_value_gaps(
    candles: Candles,
    *,
    min_size: Price = 0.0,
    min_atr: Multiple = 0.0,
    length: Count = 14,
    middle: Literal["any", "colour", "beyond"] = "any",
    by: Literal["wick", "close"] = "wick",
) -> Events:
    """Fair value gaps (FVG) with their whole life cycle.

    A bullish gap has middle bar ``i`` when ``low[i+1] > high[i-1]``: the zone between the two. It is kept when its
    size is at least ``min_size`` and at least ``min_atr`` times ``ATR[i]``. A bearish gap is the mirror image.

    Parameters
    ----------
    candles : Candles
    min_size : float, default 0.0
        Least size, in price.
    min_atr : float, default 0.0
        Least size in average true ranges; where that is not defined yet, any multiple but 0 rejects.
    length : int, default 14
        Bars of Wilder's average true range; at least 1.
    middle : {"any", "colour", "beyond"}, default "any"
        What the middle candle must do: nothing, close in the gap's direction (``close > open``), or close beyond the
        first candle (``close[i] > high[i-1]``).
    by : {"wick", "close"}, default "wick"
        Which price has to reach a level for ``touched``, ``half`` and ``filled``.

    Returns
    -------
    Events
        ``bar`` (the middle), ``confirmed`` (``bar + 1``), ``direction``, ``top``, ``bottom``, ``size``; life cycle, for
        bullish gaps at later bars: ``touched`` (price ``<= top``), ``half`` (``<= mid``), ``filled`` (``<= bottom``),
        ``inverted`` (close ``< bottom``), ``retested`` (after ``inverted``: ``high >= bottom``).

    Raises
    ------
    ParameterError
        If a parameter does not exist or is out of its range.

    Notes
    -----
    The field disagrees on whether the middle candle must have the gap's colour, or close beyond the first one (ICT asks
    for neither), hence ``middle``; and on filling by wick or close, hence ``by``.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=1_000)[0]
    >>> gaps = ict.fair_value_gaps(candles, min_size=0.0003)
    >>> still_open = gaps[gaps.filled == -1]
    >>> bool((still_open.size >= 0.0003).all())
    True
    """
    return detect(
        "fair_value_gaps", candles, min_size=min_size, min_atr=min_atr, length=length, middle=middle, by=by
    )


def _gaps_are_remembered(spec: Spec, states: Mapping[Spec, State], bars: int) -> bool:
    """Whether every gap that may still be inverted is remembered, in order of id."""
    gaps, memory = states[spec.feed("gaps")], states[spec].memory_ints[:, MEMORY_ID]
    waiting = gaps.zone_ints[gaps.zone_ints[:, STAGE] <= kernels.INVERTED, ID]
    return bool((np.diff(memory) > 0).all() and np.isin(waiting, memory).all())


@register(
    kernel=kernels.inverse_fair_value_gaps,
    params=kernels.InverseFairValueGapsParams,
    shape=kernels.inverse_fair_value_gaps_shape,
    twin=reference.inverse_fair_value_gaps,
    columns=[_TOP, _BOTTOM, _TOUCHED, _BROKEN],
    cost=55.0,
    rate=0.3,
    sound=_gaps_are_remembered,
)
def inverse_fair_value_gaps(
    candles: Candles, *, gaps: Annotated[FeedLike, Feeds("fair_value_gaps")] = None
) -> Events:
    """Inverse fair value gaps (IFVG): gaps that price closed beyond, turned round.

    One row for each inverted gap: the same zone with the direction flipped, known from the close that inverted it.

    Parameters
    ----------
    candles : Candles
    gaps : dict or Spec, optional
        Parameters of the :func:`fair_value_gaps` that feed it.

    Returns
    -------
    Events
        ``bar`` (the gap's middle), ``confirmed`` (the gap's ``inverted``), ``direction``, ``top``, ``bottom``; life
        cycle, for bearish ones at later bars: ``touched`` (``high >= bottom``), ``broken`` (``close > top``).

    Raises
    ------
    ParameterError
        If a parameter does not exist or is out of its range.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=1_000)[0]
    >>> inverse = ict.inverse_fair_value_gaps(candles)
    >>> len(inverse) == int((ict.fair_value_gaps(candles).inverted >= 0).sum())
    True
    """
    return detect("inverse_fair_value_gaps", candles, gaps=gaps)


@register(
    kernel=kernels.balanced_price_ranges,
    params=kernels.BalancedPriceRangesParams,
    shape=kernels.balanced_price_ranges_shape,
    twin=reference.balanced_price_ranges,
    columns=[_TOP, _BOTTOM, Column("other", "bar of the earlier gap"), _TOUCHED, _BROKEN],
    cost=35.0,
    rate=0.05,
)
def balanced_price_ranges(
    candles: Candles, *, max_bars: Count = 20, gaps: Annotated[FeedLike, Feeds("fair_value_gaps")] = None
) -> Events:
    """Balanced price ranges (BPR): the overlap of two opposite fair value gaps that follow each other closely.

    The later gap is confirmed at most ``max_bars`` bars after the earlier one, which was not filled before the bar
    ahead of the later's middle, and the two overlap with positive height. Of several earlier gaps the latest counts, so
    there is one row a later gap.

    Parameters
    ----------
    candles : Candles
    max_bars : int, default 20
        Most bars between the two confirmations; at least 1. Time is proportional to it where gaps are dense.
    gaps : dict or Spec, optional
        Parameters of the :func:`fair_value_gaps` that feed it.

    Returns
    -------
    Events
        ``bar``, ``confirmed`` and ``direction`` of the later gap, ``top`` and ``bottom`` of the overlap, ``other`` (bar
        of the earlier gap); life cycle, for bullish ones at later bars: ``touched`` (``low <= top``), ``broken``
        (``close < bottom``).

    Raises
    ------
    ParameterError
        If a parameter does not exist or is out of its range.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=2_000)[0]
    >>> ranges = ict.balanced_price_ranges(candles)
    >>> bool((ranges.top > ranges.bottom).all())
    True
    """
    return detect("balanced_price_ranges", candles, max_bars=max_bars, gaps=gaps)


@register(
    kernel=kernels.volume_imbalances,
    params=kernels.VolumeImbalancesParams,
    shape=kernels.volume_imbalances_shape,
    twin=reference.volume_imbalances,
    columns=[
        _TOP,
        _BOTTOM,
        _TOUCHED,
        Column("filled", "first bar whose body reaches the far edge", life=True),
    ],
    lookback=lambda spec: 1,
    cost=25.0,
    rate=0.3,
)
def volume_imbalances(candles: Candles, *, min_size: Price = 0.0) -> Events:
    """Volume imbalances: two candles whose bodies leave a gap that their wicks bridge.

    Bullish at bar ``t`` when ``min(open, close)[t] > max(open, close)[t-1]`` while ``low[t] <= high[t-1]``: the zone
    between the two bodies. A bearish one is the mirror image.

    Parameters
    ----------
    candles : Candles
    min_size : float, default 0.0
        Least size, in price.

    Returns
    -------
    Events
        ``bar`` = ``confirmed``, ``direction``, ``top``, ``bottom``; life cycle, for bullish ones at later bars:
        ``touched`` (``low <= top``), ``filled`` (``min(open, close) <= bottom``).

    Raises
    ------
    ParameterError
        If the parameter is out of its range.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=1_000)[0]
    >>> imbalances = ict.volume_imbalances(candles, min_size=0.0001)
    >>> bool((imbalances.top - imbalances.bottom >= 0.0001).all())
    True
    """
    return detect("volume_imbalances", candles, min_size=min_size)
