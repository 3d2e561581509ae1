"""Breaks of structure, displacement and changes in the state of delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from ..candles import Candles
from ..events import Events
from ..kernels import structure as kernels
from ..kernels._types import NEXT_ID, State
from ..reference import structure as reference
from ..registry import Column, Count, FeedLike, Feeds, Multiple, Only, Range, Spec, register
from ._run import detect, detect_dense

__all__ = ["cisd", "displacements", "market_structure_shifts", "structure_breaks", "trend"]

_LEVEL = Column("level", "the level that was closed or traded beyond", "float64", "price", "negate")
_ORIGIN = Column("origin", "bar of the broken swing")
_NO_SWEEPS = "needs liquidity_sweeps, which this version does not have yet; use {}"


def _swing_confirmation(spec: Spec) -> int:
    return int(spec.feed("swings").parameters["right"])


@register(
    kernel=kernels.structure_breaks,
    params=kernels.StructureBreaksParams,
    shape=kernels.structure_breaks_shape,
    twin=reference.structure_breaks,
    columns=[
        Column("kind", "0 break of structure (BOS), 1 change of character (CHoCH)", "int8", "code"),
        _LEVEL,
        _ORIGIN,
        Column("leg", "bar from which the breaking leg sets out", internal=True),
    ],
    lookback=_swing_confirmation,
    cost=15.0,
    rate=0.15,
)
def structure_breaks(
    candles: Candles,
    *,
    by: Literal["close", "wick"] = "close",
    swings: Annotated[FeedLike, Feeds("swings")] = None,
) -> Events:
    """Breaks of structure (BOS) and changes of character (CHoCH).

    There is at most one active swing high: a newly confirmed one replaces it, whatever its level, and once broken there
    is none until the next confirmation; likewise the low. A bar that closes beyond an active level, after the swings
    confirmed at that bar are registered, breaks it. The break is a CHoCH when the trend, which is the direction of the
    break before, was against it, else a BOS.

    With ``by="wick"`` one bar may break both sides: the side against the candle's body then comes first; on a doji the
    side against the trend; on a doji without a trend neither counts, but both levels are used up.

    Parameters
    ----------
    candles : Candles
    by : {"close", "wick"}, default "close"
        What has to get beyond the level.
    swings : dict or Spec, optional
        Parameters of the :func:`swings` that feed it.

    Returns
    -------
    Events
        ``bar`` = ``confirmed`` (the breaking bar), ``direction``, ``kind`` (0 BOS, 1 CHoCH), ``level``, ``origin`` (bar
        of the broken swing).

    Raises
    ------
    ParameterError
        If a parameter does not exist or is out of its range.

    Notes
    -----
    The field disagrees on close or wick, hence ``by``; ICT's own lectures ask for a close.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=2_000)[0]
    >>> breaks = ict.structure_breaks(candles, by="wick", swings={"left": 5, "right": 5})
    >>> set(breaks.kind.tolist()) <= {0, 1}
    True
    """
    return detect("structure_breaks", candles, by=by, swings=swings)


@register(
    kernel=kernels.trend,
    params=kernels.TrendParams,
    shape=kernels.trend_shape,
    twin=reference.trend,
    columns=[Column("trend", "direction of the latest structure break", "int8", "code", "negate")],
    cost=5.0,
    rate=1.0,
    companion_of="structure_breaks",
)
def trend(
    candles: Candles,
    *,
    by: Literal["close", "wick"] = "close",
    swings: Annotated[FeedLike, Feeds("swings")] = None,
) -> NDArray[np.int8]:
    """Trend after each bar: the direction of the latest structure break.

    The dense companion of :func:`structure_breaks`, whose parameters it takes.

    Parameters
    ----------
    candles : Candles
    by : {"close", "wick"}, default "close"
    swings : dict or Spec, optional
        As in :func:`structure_breaks`.

    Returns
    -------
    ndarray of int8
        One value a bar: +1, -1, or 0 before the first break.

    Raises
    ------
    ParameterError
        If a parameter does not exist or is out of its range.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=500)[0]
    >>> len(ict.trend(candles)) == len(candles)
    True
    """
    return detect_dense("trend", candles, by=by, swings=swings)


def _pending_is_sound(spec: Spec, states: Mapping[Spec, State], bars: int) -> bool:
    """Whether there is a row that may still turn out to leave a gap, where one is waited for."""
    ints = states[spec].ints
    return bool(ints[kernels.PENDING] == 0 or ints[NEXT_ID] > 0)


@register(
    kernel=kernels.displacements,
    params=kernels.DisplacementsParams,
    shape=kernels.displacements_shape,
    twin=reference.displacements,
    columns=[
        Column("body", "distance between open and close", "float64", "price"),
        Column("atr", "average true range before the bar", "float64", "price"),
        Column("ratio", "body over range", "float64", "ratio"),
        Column("leaves_gap", "the next bar, when the candle is the middle of a fair value gap", life=True),
    ],
    lookback=lambda spec: 2,
    cost=15.0,
    rate=0.15,
    sound=_pending_is_sound,
)
def displacements(
    candles: Candles,
    *,
    length: Count = 14,
    body_atr: Multiple = 1.5,
    body_ratio: Annotated[float, Range(0.0, 1.0)] = 0.6,
) -> Events:
    """Displacement: candles whose body is large against the average range and against their own range.

    Bar ``t`` with ``|close-open| >= body_atr * ATR[t-1]``, ``|close-open| >= body_ratio * (high-low)`` and
    ``close != open``.

    Parameters
    ----------
    candles : Candles
    length : int, default 14
        Bars of Wilder's average true range; at least 1.
    body_atr : float, default 1.5
        Least body in average true ranges; 0 asks for none, and then the first ``length`` bars qualify too.
    body_ratio : float, default 0.6
        Least share of the candle's range that the body takes, 0 to 1.

    Returns
    -------
    Events
        ``bar`` = ``confirmed``, ``direction``, ``body`` (price), ``atr`` (``ATR[t-1]``, NaN while undefined),
        ``ratio``; life cycle ``leaves_gap`` (``bar + 1`` when the bar is the middle of a fair value gap of its
        direction, of whatever size).

    Raises
    ------
    ParameterError
        If a parameter is out of its range.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=1_000)[0]
    >>> large = ict.displacements(candles, body_atr=2.0)
    >>> bool((large.body >= 2.0 * large.atr).all())
    True
    """
    return detect("displacements", candles, length=length, body_atr=body_atr, body_ratio=body_ratio)


@register(
    kernel=kernels.market_structure_shifts,
    params=kernels.MarketStructureShiftsParams,
    shape=kernels.market_structure_shifts_shape,
    twin=reference.market_structure_shifts,
    columns=[
        _LEVEL,
        _ORIGIN,
        Column("displacement_bar", "latest displacement in the breaking leg, -1 for none"),
        Column("sweep_bar", "latest liquidity sweep before it, -1 for none"),
    ],
    cost=4.0,
    rate=0.05,
)
def market_structure_shifts(
    candles: Candles,
    *,
    variant: Literal["choch", "displacement"] = "displacement",
    sweep_lookback: Count = 20,
    breaks: Annotated[FeedLike, Feeds("structure_breaks")] = None,
    displacements: Annotated[FeedLike, Feeds("displacements")] = None,
) -> Events:
    """Market structure shifts (MSS): changes of character that come with displacement.

    CHoCH breaks that satisfy ``variant``: ``"choch"`` asks nothing more; ``"displacement"`` that some bar of the
    breaking leg is a displacement in its direction. The leg runs from the lowest low between the broken swing high and
    the breaking bar (the latest of equal ones) to the breaking bar, both included; mirrored for lows.

    Parameters
    ----------
    candles : Candles
    variant : {"choch", "displacement"}, default "displacement"
        The variants that ask for a sweep come with liquidity sweeps.
    sweep_lookback : int, default 20
        How many bars back a sweep may have been confirmed; without effect until liquidity sweeps exist.
    breaks, displacements : dict or Spec, optional
        Parameters of the :func:`structure_breaks` and :func:`displacements` that feed it.

    Returns
    -------
    Events
        ``bar`` = ``confirmed`` (the breaking bar), ``direction``, ``level``, ``origin`` (bar of the broken swing),
        ``displacement_bar`` (the latest displacement of the leg, -1 for none, looked up in every variant),
        ``sweep_bar`` (-1 until liquidity sweeps exist).

    Raises
    ------
    ParameterError
        If a parameter does not exist or is out of its range.

    Notes
    -----
    Writers use MSS for the CHoCH itself, for one after a sweep, or for one with displacement: hence ``variant``.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=3_000)[0]
    >>> shifts = ict.market_structure_shifts(candles, breaks={"swings": {"left": 3, "right": 3}})
    >>> bool((shifts.displacement_bar >= 0).all())
    True
    """
    return detect(
        "market_structure_shifts",
        candles,
        variant=variant,
        sweep_lookback=sweep_lookback,
        breaks=breaks,
        displacements=displacements,
    )


@register(
    kernel=kernels.cisd,
    params=kernels.CisdParams,
    shape=kernels.cisd_shape,
    twin=reference.cisd,
    columns=[
        Column("run_end", "last bar of the run"),
        Column("level", "open of the run's first bar", "float64", "price", "negate"),
    ],
    cost=12.0,
    rate=0.2,
)
def cisd(
    candles: Candles,
    *,
    min_run: Count = 2,
    require_sweep: Annotated[bool, Only(False, _NO_SWEEPS.format("require_sweep=False"))] = False,
) -> Events:
    """Changes in the state of delivery (CISD): a close back beyond the open at which a run began.

    A run is at least ``min_run`` consecutive down-close bars (``close < open``), its level the open of the first. The
    first close above the level after the run's last bar is a bullish CISD, once a run. A newer run replaces an older
    one at its ``min_run``-th bar, before that bar's close is tested. Runs of up-close bars are the mirror image.

    Parameters
    ----------
    candles : Candles
    min_run : int, default 2
        Least number of bars in a run; at least 1.
    require_sweep : bool, default False
        Only False, until liquidity sweeps exist.

    Returns
    -------
    Events
        ``bar`` (first of the run), ``confirmed`` (the closing bar), ``direction``, ``run_end`` (last of the run),
        ``level``.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=1_000)[0]
    >>> changes = ict.cisd(candles, min_run=3)
    >>> bool((changes.run_end - changes.bar >= 2).all())
    True
    """
    return detect("cisd", candles, min_run=min_run, require_sweep=require_sweep)
