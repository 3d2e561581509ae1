"""Coarser candles from finer ones."""

from __future__ import annotations

from datetime import tzinfo

import numpy as np
import pandas as pd

from ict_kernels.candles import Candles
from ict_kernels.errors import ParameterError
from ict_kernels.kernels._types import I64
from ict_kernels.timeframes import DAY, WEEK, Timeframe, canonical, nanoseconds, zone

__all__ = ["resample"]


def resample(
    candles: Candles, timeframe: Timeframe, tz: str | tzinfo | None = None, partial: bool = False
) -> Candles:
    """
    Resample candles to a coarser timeframe.

    Bars are labelled by their opening instant. Bars of less than a day are counted, in elapsed time, from the
    local midnight, so that a day on which the clock changes ends with a shorter or an additional bar; longer
    ones begin at a local midnight, weeks on Monday. There are no bars for spans without candles.

    Parameters
    ----------
    candles : Candles
        Candles of a known timeframe.
    timeframe : str or timedelta
        The coarser timeframe; below a day a multiple of the candles' own.
    tz : str or tzinfo, optional
        The zone of days and weeks, UTC by default.
    partial : bool, default False
        Whether to keep the last bar even if the candles end before it does.

    Returns
    -------
    Candles
        Coarser candles of the same symbol.

    Raises
    ------
    ParameterError
        If the candles' timeframe is unknown, finer than `timeframe` or no divisor of it.

    Examples
    --------
    >>> from ict_kernels.market import sample_market
    >>> candles = sample_market(["EURUSD"], bars=98)[0]
    >>> resample(candles, "1h")
    <Candles EURUSD 1h: 24 bars, 2024-01-01 00:00:00 .. 2024-01-01 23:00:00 UTC>
    >>> len(resample(candles, "1h", partial=True))
    25
    """
    source, target = _lengths(candles, timeframe)
    where = zone("UTC" if tz is None else tz)
    name = canonical(timeframe)
    if len(candles) == 0:
        return Candles._trusted(
            candles.time,
            candles.open,
            candles.high,
            candles.low,
            candles.close,
            candles.volume,
            candles.symbol,
            name,
        )
    opening, end = _bins(candles.time, target, where)
    first = np.flatnonzero(np.append(True, opening[1:] != opening[:-1]))
    last = np.append(first[1:], len(candles)) - 1
    bars = Candles._trusted(
        opening[first],
        candles.open[first],
        np.maximum.reduceat(candles.high, first),
        np.minimum.reduceat(candles.low, first),
        candles.close[last],
        np.add.reduceat(candles.volume, first),
        candles.symbol,
        name,
    )
    finished = int(candles.time[-1]) + source >= end
    return bars if partial or finished else bars[:-1]


def _lengths(candles: Candles, timeframe: Timeframe) -> tuple[int, int]:
    """Return the lengths of the candles' and of the new timeframe in nanoseconds."""
    if not candles.timeframe:
        raise ParameterError('the candles have no timeframe: build them with timeframe="15min", say')
    source, target = nanoseconds(candles.timeframe), nanoseconds(timeframe)
    if target < source:
        raise ParameterError(f"cannot resample {candles.timeframe} to {canonical(timeframe)}, which is finer")
    if target < DAY and target % source:
        raise ParameterError(
            f"cannot resample {candles.timeframe} to {canonical(timeframe)}, which is no multiple"
        )
    return source, target


def _bins(time: I64, target: int, where: str | tzinfo) -> tuple[I64, int]:
    """Return for each instant the opening of its bin, and the end of the last bin."""
    wall = pd.DatetimeIndex(time.view("M8[ns]")).tz_localize("UTC").tz_convert(where).tz_localize(None)
    day = wall.as_unit("ns").asi8 // DAY
    if target < DAY:
        midnight = _spread(day, where)
        opening = midnight + (time - midnight) // target * target
        return opening, min(int(opening[-1]) + target, int(_midnights(day[-1:] + 1, where)[0]))
    days = target // DAY
    # Day 0 of the Unix epoch was a Thursday; weeks begin three days earlier.
    shift = 3 if target % WEEK == 0 else 0
    begin = (day + shift) // days * days - shift
    return _spread(begin, where), int(_midnights(begin[-1:] + days, where)[0])


def _spread(day: I64, where: str | tzinfo) -> I64:
    """Return the local midnight of each of the ascending days, looking each day up once."""
    new = np.append(True, day[1:] != day[:-1])
    midnights: I64 = _midnights(day[new], where)[np.cumsum(new) - 1]
    return midnights


def _midnights(day: I64, where: str | tzinfo) -> I64:
    """Return the first instants of local days, which are counted from 1970."""
    wall = pd.DatetimeIndex((day * DAY).view("M8[ns]"))
    first = np.ones(len(day), np.bool_)  # the first of two midnights, where the clock goes back at one
    instants: I64 = wall.tz_localize(where, ambiguous=first, nonexistent="shift_forward").as_unit("ns").asi8
    return instants
