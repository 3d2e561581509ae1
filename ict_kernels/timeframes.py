"""Timeframes by name: ``"15m"``, ``"M15"`` and ``"15min"`` are one and the same."""

from __future__ import annotations

import re
from datetime import timedelta, tzinfo
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ict_kernels.errors import CandleError, ParameterError
from ict_kernels.kernels._types import I64

__all__ = ["DAY", "WEEK", "Timeframe", "canonical", "from_stem", "infer", "nanoseconds", "zone"]

Timeframe: TypeAlias = "str | timedelta | np.timedelta64"
"""What is accepted wherever a timeframe is asked for."""

_SECOND: Final = 1_000_000_000
DAY: Final = 86_400 * _SECOND
WEEK: Final = 7 * DAY
_UNITS: Final = {"s": _SECOND, "min": 60 * _SECOND, "h": 3_600 * _SECOND, "D": DAY, "W": WEEK}
_SPELLINGS: Final = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "D"),
    **dict.fromkeys(("w", "week", "weeks"), "W"),
}
_NUMBER_FIRST: Final = re.compile(r"([1-9]\d{0,5}) ?([a-z]+)")
_UNIT_FIRST: Final = re.compile(r"([a-z]+)([1-9]\d{0,5})")
_EXAMPLES: Final = (
    'write it as "1min", "15min", "1h", "4h", "1D" or "1W" ("M15", "15m" and "H1" are understood too)'
)


def canonical(timeframe: Timeframe) -> str:
    """
    Give a timeframe its one canonical name.

    Parameters
    ----------
    timeframe : str or timedelta
        Such as ``"15min"``, ``"15m"``, ``"15M"``, ``"M15"``, ``"H4"``, ``"1d"``, ``"W1"`` or a
        ``pandas.Timedelta``. As in MetaTrader, ``M`` means minutes; months are not supported, since they have
        no fixed length.

    Returns
    -------
    str
        A number and the largest of the units ``s``, ``min``, ``h``, ``D``, ``W`` that fits.

    Raises
    ------
    ParameterError
        If `timeframe` is no timeframe.

    Examples
    --------
    >>> [canonical(text) for text in ("15M", "M15", "H4", "240min", "1d", "W1")]
    ['15min', '15min', '4h', '4h', '1D', '1W']
    """
    length = nanoseconds(timeframe)
    unit = next(unit for unit in reversed(_UNITS) if length % _UNITS[unit] == 0)
    return f"{length // _UNITS[unit]}{unit}"


def nanoseconds(timeframe: Timeframe) -> int:
    """
    Return the length of a timeframe in nanoseconds.

    Parameters
    ----------
    timeframe : str or timedelta
        Anything that `canonical` understands.

    Returns
    -------
    int
        The length; a day counts as 24 hours.

    Raises
    ------
    ParameterError
        If `timeframe` is no timeframe.

    Examples
    --------
    >>> nanoseconds("15min")
    900000000000
    """
    length = _parse(timeframe) if isinstance(timeframe, str) else _whole_seconds(timeframe)
    if length is None:
        raise ParameterError(f"{timeframe!r} is not a timeframe: {_EXAMPLES}")
    return length


def infer(time: I64) -> str | None:
    """
    Infer the timeframe from the opening instants: their commonest difference.

    Parameters
    ----------
    time : ndarray of int64
        Instants in nanoseconds, ascending.

    Returns
    -------
    str or None
        The canonical name; None for fewer than two instants, or if the difference is no number of seconds.

    Examples
    --------
    >>> import numpy as np
    >>> infer(np.array([0, 15, 30, 60, 75]) * 60_000_000_000)
    '15min'
    """
    if len(time) < 2:
        return None
    steps, counts = np.unique(np.diff(time), return_counts=True)
    step = int(steps[np.argmax(counts)])
    return canonical(np.timedelta64(step, "ns")) if step > 0 and step % _SECOND == 0 else None


def from_stem(stem: str) -> tuple[str, str] | None:
    """
    Read symbol and timeframe from the name of a file.

    Parameters
    ----------
    stem : str
        The file's name without folder and suffix: the symbol, then the timeframe, then anything, joined by
        ``_``, ``-`` or a blank.

    Returns
    -------
    tuple of (str, str) or None
        Symbol and canonical timeframe; None if the name has another form.

    Examples
    --------
    >>> from_stem("EURUSD_15M")
    ('EURUSD', '15min')
    >>> from_stem("EURUSD_M15_202210100000_202310020000")
    ('EURUSD', '15min')
    >>> from_stem("prices") is None
    True
    """
    parts = re.split(r"([_\- ])", stem)
    for place in range(2, len(parts), 2):
        length = _parse(parts[place]) if re.search(r"\d", parts[place]) else None
        symbol = "".join(parts[: place - 1])
        if length is not None and symbol:
            return symbol, canonical(parts[place])
    return None


def zone(tz: str | tzinfo) -> str | tzinfo:
    """
    Make sure that a time zone exists.

    Parameters
    ----------
    tz : str or tzinfo
        An IANA name such as ``"Europe/Athens"``, or a zone.

    Returns
    -------
    str or tzinfo
        What was given; names stay names, since pandas 2 is slow with `zoneinfo` zones.

    Raises
    ------
    CandleError
        If there is no zone of that name.

    Examples
    --------
    >>> zone("America/New_York")
    'America/New_York'
    """
    if isinstance(tz, tzinfo):
        return tz
    try:
        ZoneInfo(tz)
    except (KeyError, ValueError, OSError, TypeError):
        raise CandleError(
            f'unknown time zone {tz!r}: use an IANA name such as "Europe/Athens", "America/New_York" or "UTC"'
        ) from None
    return tz


def _parse(text: str) -> int | None:
    """Return the length in nanoseconds, or None if the text is no timeframe."""
    lowered = text.strip().lower()
    if match := _NUMBER_FIRST.fullmatch(lowered):
        count, unit = match.groups()
    elif match := _UNIT_FIRST.fullmatch(lowered):
        unit, count = match.groups()
    else:
        # A bare "m" could be a minute or a month.
        count, unit = "1", "" if lowered == "m" else lowered
    spelled = _SPELLINGS.get(unit)
    return None if spelled is None else int(count) * _UNITS[spelled]


def _whole_seconds(timeframe: timedelta | np.timedelta64) -> int | None:
    """Return the length in nanoseconds, or None if it is not a positive whole number of seconds."""
    if not isinstance(timeframe, (timedelta, np.timedelta64)) or pd.isna(timeframe):
        return None
    length = int(pd.Timedelta(timeframe).as_unit("ns").value)
    return length if length > 0 and length % _SECOND == 0 else None
