"""How candles come in: columns from anywhere are told apart, read, checked and converted, one at a time."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, tzinfo
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ict_kernels.errors import CandleError, NaiveTimeWarning, ParameterError
from ict_kernels.kernels._types import F64, I64
from ict_kernels.timeframes import Timeframe, canonical, infer, nanoseconds, zone

if TYPE_CHECKING:
    import pyarrow as pa

OnError: TypeAlias = Literal["raise", "drop"]
"""What happens to bad rows: an error names them, or they are left out and listed in ``Candles.dropped``."""

PRICES: Final = ("open", "high", "low", "close")
COLUMNS: Final = ("time", *PRICES, "volume")

_PACKAGE: Final = str(Path(__file__).parent / "_")[:-1]
_PART: Final = 1 << 16  # texts read as times at once


# ---------------------------------------------------------------------- checks


class _Faults:
    """What is wrong with which rows."""

    def __init__(self, rows: int) -> None:
        self.bad: NDArray[np.bool_] = np.zeros(rows, np.bool_)
        self._found: list[tuple[str, NDArray[np.intp], Sequence[object] | None]] = []

    def add(self, reason: str, where: NDArray[np.bool_], values: Any = None) -> None:
        """Record the rows where something is wrong, with the values to quote."""
        rows = np.flatnonzero(where)
        if rows.size:
            self._found.append((reason, rows, values))
            self.bad |= where

    def message(self, written: I64) -> str:
        """List each fault with its number of rows and the first of them."""
        lines = [self._line(reason, rows, values, written) for reason, rows, values in self._found]
        remedy = 'correct these rows, or pass on_error="drop" to leave them out'
        return f"{'; '.join(lines)}. Rows count from 0; {remedy}."

    def dropped(self) -> pd.DataFrame | None:
        """Return the bad rows with the first reason of each."""
        if not self._found:
            return None
        reasons = np.full(len(self.bad), "", dtype=object)
        for reason, rows, _ in reversed(self._found):
            reasons[rows] = reason
        return pd.DataFrame(
            {"row": np.flatnonzero(self.bad), "reason": pd.Series(reasons[self.bad], dtype=object)}
        )

    @staticmethod
    def _line(reason: str, rows: NDArray[np.intp], values: Any, written: I64) -> str:
        shown = ", ".join(_row(int(row), written, values) for row in rows[:3])
        more = ", ..." if rows.size > 3 else ""
        return f"{reason} in {rows.size:,} row{'' if rows.size == 1 else 's'}: {shown}{more}"


def shown(time: np.int64) -> str:
    return str(np.datetime64(int(time), "ns").astype("M8[s]")).replace("T", " ")


def _row(row: int, written: I64, values: Any) -> str:
    """Describe a row by its number, its time and the value at fault."""
    notes = [] if pd.isna(np.datetime64(int(written[row]), "ns")) else [shown(written[row])]
    notes += [] if values is None else [repr(value) if isinstance(value := values[row], str) else str(value)]
    return f"{row} ({', '.join(notes)})" if notes else str(row)


class Checked(NamedTuple):
    """Columns that are known to be clean, contiguous and nobody else's; `numbers` by name."""

    time: I64
    numbers: dict[str, Any]
    symbol: str
    timeframe: str
    dropped: pd.DataFrame | None


def checked(
    columns: dict[str, Any],
    *,
    symbol: str,
    timeframe: Timeframe | None,
    tz: str | tzinfo | None,
    on_error: OnError,
    hint: str = "",
) -> Checked:
    """
    Check columns and bring them into the form of candles: the one boundary that everything passes.

    Columns are taken out of the dict, so that each one's memory can be given up once it is converted. `hint` is a
    timeframe that is likely, but not certain, as the name of a file may err.
    """
    if on_error not in ("raise", "drop"):
        raise ParameterError(f'on_error must be "raise" or "drop", not {on_error!r}')
    if not isinstance(symbol, str):
        raise ParameterError(f"symbol must be a str, not {type(symbol).__name__}")
    given = "" if timeframe is None else canonical(timeframe)
    _complete(columns)
    faults = _Faults(len(columns["time"]))
    time, written = _instants(columns.pop("time"), None if tz is None else zone(tz), faults)
    numbers: dict[str, Any] = {name: _numbers(name, columns.pop(name), faults) for name in PRICES}
    numbers["volume"] = _volume(columns, faults)
    _check_bars(numbers, faults)
    _check_order(time, faults)
    if faults.bad.any():
        if on_error == "raise":
            raise CandleError(faults.message(written))
        time = time[~faults.bad]
        numbers = {name: values[~faults.bad] for name, values in numbers.items()}
    name = given or _plausible(hint, infer(time))
    return Checked(time, numbers, symbol, name, faults.dropped())


def _plausible(hint: str, inferred: str | None) -> str:
    """Choose between a likely timeframe and that of the data, which may have gaps but is never too fine."""
    if inferred is None or (hint and nanoseconds(hint) <= nanoseconds(inferred)):
        return hint
    return inferred


def _complete(columns: dict[str, Any]) -> None:
    """Make the columns 1-D sequences of one length, or say which are missing or misshapen."""
    all_there(columns, columns)
    for name in columns:
        columns[name] = _sequence(columns[name])
    deep = [f"{name} {values.shape}" for name, values in columns.items() if values.ndim != 1]
    if deep:
        raise CandleError(f"columns must be 1-D, not of shape {', '.join(deep)}")
    if len({len(values) for values in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        raise CandleError(f"columns must be equally long, not {lengths}")
    if "date" in columns:
        columns["time"] = _joined(columns.pop("date"), columns["time"])


def _sequence(values: Any) -> Any:
    """Return a Series, or an array of plain dtype; both have a shape, a length and a dtype."""
    if isinstance(values, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray, np.ma.MaskedArray)):
        return pd.Series(values).reset_index(drop=True) if values.ndim == 1 else values
    try:
        array = np.asarray(values)
    except ValueError:
        raise CandleError("columns must be 1-D sequences of values, not ragged nested ones") from None
    return array.astype(array.dtype.newbyteorder("="), copy=False)  # pandas takes only native byte order


def _joined(dates: Any, clocks: Any) -> pd.Series[Any]:
    """Join a column of dates with one of times of day."""
    day = pd.Series(dates)
    if pd.api.types.is_datetime64_any_dtype(day.dtype):
        day = day.dt.strftime("%Y-%m-%d")
    joined = day.astype(str).str.strip() + " " + pd.Series(clocks).astype(str).str.strip()
    return joined.where(day.notna().to_numpy(), None)


def _volume(columns: dict[str, Any], faults: _Faults) -> F64:
    """Choose the real volume if there is any, else the tick volume, else zeros."""
    real = _numbers("volume", columns.pop("volume"), faults) if "volume" in columns else None
    if (real is None or not real.any()) and "tick_volume" in columns:
        return _numbers("tick_volume", columns.pop("tick_volume"), faults)
    return np.zeros(len(faults.bad)) if real is None else real


def _numbers(name: str, values: Any, faults: _Faults) -> F64:
    """Return a fresh float64 column; what is no finite number is a fault."""
    kind = values.dtype.kind if isinstance(values, np.ndarray) else ""
    numbers: F64
    if kind and kind in "fiu":
        with np.errstate(over="ignore"):  # a long double may become infinite, and is then a fault
            # Adding zero copies, and makes -0.0 the same as 0.0 for the digest.
            numbers = np.add(values, 0.0, dtype=np.float64)
        unreadable = np.zeros(len(numbers), np.bool_)
    else:
        numbers, unreadable = _parsed_numbers(name, pd.Series(values))
        faults.add(f"{name} is not a number", unreadable, values)
    faults.add(f"{name} is NaN", np.isnan(numbers) & ~unreadable)
    faults.add(f"{name} is infinite", np.isinf(numbers))
    return numbers


def _parsed_numbers(name: str, series: pd.Series[Any]) -> tuple[F64, NDArray[np.bool_]]:
    """Read numbers from extension arrays, objects and text; also return where there are none."""
    types = pd.api.types
    if types.is_numeric_dtype(series.dtype):
        if types.is_bool_dtype(series.dtype) or types.is_complex_dtype(series.dtype):
            raise CandleError(f"column {name} is not numeric: its dtype is {series.dtype}")
        parsed = series
    elif types.is_object_dtype(series.dtype) or types.is_string_dtype(series.dtype):
        parsed = pd.to_numeric(series.astype(object), errors="coerce")
    else:
        raise CandleError(f"column {name} is not numeric: its dtype is {series.dtype}")
    numbers = np.add(parsed.to_numpy(dtype=np.float64, na_value=np.nan), 0.0)
    return numbers, np.isnan(numbers) & series.notna().to_numpy()


def _check_bars(numbers: Mapping[str, F64], faults: _Faults) -> None:
    """Record bars that contradict themselves; comparisons with NaN are false, so none is recorded twice."""
    low, high = numbers["low"], numbers["high"]
    inverted = high < low
    faults.add("high < low", inverted)
    for name in ("open", "close"):
        outside = (numbers[name] < low) | (numbers[name] > high)
        faults.add(f"{name} outside [low, high]", outside & ~inverted)
    faults.add("volume is negative", numbers["volume"] < 0.0)


def _check_order(time: I64, faults: _Faults) -> None:
    """Record good rows that are not later than every good row before them."""
    if not faults.bad.any() and (time[1:] > time[:-1]).all():
        return
    rows = np.flatnonzero(~faults.bad)
    kept = time[rows]
    latest = np.maximum.accumulate(kept)[:-1]
    backward, doubled = np.zeros((2, len(time)), np.bool_)
    backward[rows[1:]] = kept[1:] < latest
    doubled[rows[1:]] = kept[1:] == latest
    faults.add("time out of order", backward)
    faults.add("time doubled", doubled)


# ---------------------------------------------------------------------- names of columns

_ALIASES: Final = {
    **{name: name for name in PRICES},
    **dict.fromkeys(
        ("datetime", "date_time", "timestamp", "gmt_time", "utc_time", "local_time", "open_time"), "time"
    ),
    **dict.fromkeys(("volume", "vol", "real_volume", "realvolume", "realvol"), "volume"),
    **dict.fromkeys(("tick_volume", "tickvolume", "tickvol", "tick_vol"), "tick_volume"),
    "time": "clock",
    "date": "date",
}


def find_roles(names: Iterable[object]) -> dict[str, int]:
    """
    Find the column for each role: the prices, volumes, and the time, or a date together with a time of day.

    Raises
    ------
    CandleError
        If two columns claim the same role.
    """
    found: dict[str, tuple[int, object]] = {}
    for place, name in enumerate(names):
        role = _role(name)
        if role in found:
            raise CandleError(
                f"two columns for the {role}: {found[role][1]!r} and {name!r}; rename or remove one"
            )
        if role:
            found[role] = place, name
    if "time" in found and (extra := found.get("date", found.get("clock"))):
        raise CandleError(
            f"two columns for the time: {extra[1]!r} and {found['time'][1]!r}; rename or remove one"
        )
    roles = {role: place for role, (place, _) in found.items()}
    if "clock" in roles:
        roles["time"] = roles.pop("clock")
    elif "date" in roles:
        roles["time"] = roles.pop("date")
    return roles


def _role(name: object) -> str:
    return _ALIASES.get(re.sub(r"[\s_]+", "_", str(name).strip().strip("<>").lower()), "")


def pandas_columns(frame: pd.DataFrame) -> dict[str, Any]:
    """Pick the columns by role."""
    return {
        role: frame.index if place is None else frame.iloc[:, place] for role, place in _places(frame).items()
    }


def _places(frame: pd.DataFrame) -> dict[str, int | None]:
    """Find the column for each role, None for the index; a DatetimeIndex is the time, whatever columns are called."""
    names: list[object] = list(frame.columns)
    indexed = isinstance(frame.index, pd.DatetimeIndex)
    if indexed:
        names = [None if _role(name) in ("time", "clock", "date") else name for name in names]
    places: dict[str, int | None] = {**find_roles(names)}
    if indexed or ("time" not in places and _role(frame.index.name) in ("time", "clock", "date")):
        places["time"] = None
    all_there(places, names)
    return places


def arrow_columns(schema: pa.Schema, read: Callable[[str], pa.Table | pa.RecordBatch]) -> dict[str, Any]:
    """Pick the columns as pandas would see them, and read only those, one at a time."""
    find_roles(schema.names)  # to_pandas would fail obscurely on doubled names
    described = (schema.pandas_metadata or {}).get("index_columns", ())
    index = [name for name in described if isinstance(name, str)]
    fields = [name for name in schema.names if name not in index]
    columns: dict[str, Any] = {}
    for role, place in _places(schema.empty_table().to_pandas()).items():
        frame = read(index[0] if place is None else fields[place]).to_pandas()
        columns[role] = frame.index if place is None else frame.iloc[:, 0]
    return columns


def all_there(columns: Iterable[str], names: Iterable[object]) -> None:
    """Make sure that no column is missing, or name those that the source has."""
    missing = [name for name in COLUMNS[:-1] if name not in columns]
    if missing:
        found = ", ".join(str(name) for name in names if name is not None) or "none"
        raise CandleError(
            f"missing column {', '.join(missing)}; found: {found} "
            "(upper or lower case does not matter; the time may be called time, date, datetime or timestamp)"
        )


# ---------------------------------------------------------------------- times

_NAT: Final = np.iinfo(np.int64).min
_EPOCHS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))  # below this size: nanoseconds in one
_ZONED: Final = re.compile(r"\d(Z|[+-]\d\d:?\d\d)$")
_DATES: Final = ("%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d")
_CLOCKS: Final = ("", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H%M", "%H%M%S")


def _instants(values: Any, tz: str | tzinfo | None, faults: _Faults) -> tuple[I64, I64]:
    """Return the instants in UTC, and the times as they are written in the input, both in nanoseconds."""
    series = pd.Series(values)
    numbers = _epoch_numbers(series)
    index = _datetimes(series) if numbers is None else _epochs(numbers)
    faults.add("time is missing", series.isna().to_numpy())
    faults.add("time cannot be read", index.isna() & series.notna().to_numpy(), series)
    written = index.asi8.copy()
    if index.tz is not None:
        return written, written
    if tz is not None:
        return _localised(written, tz, faults), written
    if numbers is None and len(series):
        warn_naive(
            'times name no zone and are read as UTC: pass tz="UTC", or their zone as in tz="Europe/Athens"'
        )
    return written, written


_notes: Final[ContextVar[list[str] | None]] = ContextVar("_notes", default=None)


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect this thread's warnings of naive times, for the caller to complete and to give."""
    notes: list[str] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def warn_naive(message: str) -> None:
    """Warn at the first frame outside this package, unless warnings are collected."""
    notes = _notes.get()
    if notes is not None:
        notes.append(message)
        return
    warn_outside(message, NaiveTimeWarning)


def warn_outside(message: str, category: type[Warning]) -> None:
    """Warn at the first frame outside this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _epoch_numbers(series: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return the series as numbers if it holds epochs, else None."""
    if pd.api.types.is_bool_dtype(series.dtype):
        raise CandleError("time is not a time: its dtype is bool")
    if pd.api.types.is_numeric_dtype(series.dtype):
        return series
    first = _first(series)
    if isinstance(first, (int, np.integer)) or (
        isinstance(first, str) and re.fullmatch(r"\d{9,10}|\d{12,19}", first.strip())
    ):
        return pd.to_numeric(series.astype(object), errors="coerce")
    return None


def _epochs(series: pd.Series[Any]) -> pd.DatetimeIndex:
    """Read whole numbers as seconds, milli-, micro- or nanoseconds since 1970, by the size of the largest."""
    numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
    good = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < 2.0**63)
    whole = series.where(good, 0).to_numpy(dtype=np.int64)
    size = int(np.abs(whole).max(initial=0))
    scale = next((scale for limit, scale in _EPOCHS if size < limit), 1)
    return pd.DatetimeIndex(
        np.where(good & (np.abs(whole) <= 2**63 // scale - 1), whole * scale, _NAT).view("M8[ns]")
    )


def _datetimes(series: pd.Series[Any]) -> pd.DatetimeIndex:
    """Read times of any dtype but numbers; zoned ones in UTC, NaT where they cannot be read."""
    first = _first(series)
    if isinstance(first, str):
        zoned = bool(_ZONED.search(first.strip()))
        layout = "ISO8601" if zoned else _layout(first.strip())
        # By parts, since pandas makes an object of each text.
        parts = [
            _index(pd.to_datetime(part.str.strip(), format=layout, errors="coerce", utc=zoned))
            for part in _parts(series)
        ]
        return pd.DatetimeIndex(parts[0].append(parts[1:]))
    if first is not None and not isinstance(first, (date, np.datetime64)):
        raise CandleError(f"time is not a time: it holds {type(first).__name__}")
    return _index(series)


def _parts(series: pd.Series[Any]) -> Iterator[pd.Series[Any]]:
    """Cut a series that is not empty into some of bounded size."""
    return (series.iloc[start : start + _PART] for start in range(0, len(series), _PART))


def _first(series: pd.Series[Any]) -> object:
    """Return the first entry that is not missing, None if there is none."""
    place = series.first_valid_index()
    return None if place is None else series.loc[place]


def _index(values: pd.Series[Any]) -> pd.DatetimeIndex:
    """Convert to UTC if zoned, and to nanoseconds, which reach from 1678 to 2261."""
    try:
        index = pd.DatetimeIndex(pd.to_datetime(values))
        return (index if index.tz is None else index.tz_convert("UTC")).as_unit("ns")
    except (ValueError, TypeError, OverflowError) as error:
        raise CandleError(f"time cannot be read: {error}") from None


def _layout(first: str) -> str:
    """Return the strptime format of a time such as 2024.01.31 13:45."""
    for day, clock, joint in product(_DATES, _CLOCKS, " T"):
        layout = f"{day}{joint}{clock}" if clock else day
        if re.fullmatch(re.sub("%.", _digits, re.escape(layout)), first):
            return layout
    raise CandleError(
        f"time {first!r} has an unknown layout: write 2024-01-31 13:45:00, 2024.01.31 13:45, "
        "31.01.2024 13:45, 20240131 134500 or an epoch"
    )


def _digits(directive: re.Match[str]) -> str:
    return {"%Y": r"\d{4}", "%f": r"\d{1,9}"}.get(directive[0], r"\d\d")


def _localised(written: I64, tz: str | tzinfo, faults: _Faults) -> I64:
    """Convert wall clock times of a zone to UTC; the order of rows tells apart hours that occur twice."""
    wall = pd.DatetimeIndex(written.view("M8[ns]"))
    first_pass, second_pass = (
        wall.tz_localize(tz, ambiguous=np.full(len(wall), summer), nonexistent="NaT").as_unit("ns").asi8
        for summer in (True, False)
    )
    faults.add(f"time does not exist in {tz}", (first_pass == _NAT) & (written != _NAT))
    repeated = first_pass != second_pass
    if not repeated.any():
        return first_pass.copy()
    second, unknown = _second_pass(written, repeated)
    faults.add(f"time is ambiguous in {tz}", unknown)
    return np.where(second, second_pass, first_pass)


def _second_pass(written: I64, repeated: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which rows of repeated hours come after the clock went back, and which ones cannot be told."""
    inside = repeated & np.append(False, repeated[:-1])
    back = inside & np.append(False, np.diff(written) <= 0)
    runs = np.cumsum(repeated & ~inside)
    backs = np.bincount(runs, weights=back, minlength=int(runs[-1]) + 1)
    so_far = np.cumsum(back) - np.append(0, np.cumsum(backs))[runs]
    return repeated & (so_far > 0), repeated & (backs[runs] == 0)
