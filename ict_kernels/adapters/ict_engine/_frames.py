"""From the frames that the engine passes to the columns that rules read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ...errors import CandleError
from ...kernels.engine._types import EngineBars

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NOTHING",
    "OHLC",
    "RowByRow",
    "as_bars",
    "clock_minutes",
    "column",
    "read",
    "reads_rows",
    "row_by_row",
    "times",
]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

OHLC = ("open", "high", "low", "close")
_PRICES = frozenset(OHLC)
NOTHING = np.empty(0)
_NO_MINUTES = np.empty(0, np.int64)
for _empty in (NOTHING, _NO_MINUTES):
    _empty.setflags(write=False)
_NO_BARS = EngineBars(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, _NO_MINUTES)

reads_rows: ContextVar[bool] = ContextVar("reads_rows", default=False)


@contextmanager
def row_by_row() -> Iterator[None]:
    """Let adapters read frames row by row, with the rules in plain Python, as the engine itself does.

    For comparing and timing only: the same results, hundreds of times slower.

    Examples
    --------
    >>> import pandas as pd
    >>> from ict_kernels.adapters.ict_engine.fair_value_gaps import FairValueGapDetector
    >>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
    >>> with row_by_row():
    ...     len(FairValueGapDetector().events(candles))
    1
    """
    token = reads_rows.set(True)
    try:
        yield
    finally:
        reads_rows.reset(token)


class _Rows:
    """The last rows of a frame, each taken out whole when it is read, as the engine does; the last two are kept."""

    def __init__(self, frame: pd.DataFrame, length: int) -> None:
        self.frame, self.length, self.first = frame, length, len(frame) - length
        self._kept: dict[int, Any] = {}

    def __getitem__(self, at: int) -> Any:
        row = self._kept.get(at)
        if row is None:
            if len(self._kept) == 2:
                del self._kept[next(iter(self._kept))]
            row = self._kept[at] = self.frame.iloc[self.first + at]
        return row


class _Cells:
    """One column of those rows."""

    def __init__(self, rows: _Rows, name: str) -> None:
        self._rows, self._name = rows, name

    def __len__(self) -> int:
        return self._rows.length

    def __getitem__(self, at: Any) -> Any:
        rows = self._rows
        if isinstance(at, slice):
            start, stop, step = at.indices(rows.length)
            cells = rows.frame[self._name].iloc[rows.first + start : rows.first + max(start, stop) : step]
            return cells.to_numpy(np.float64)
        if not -rows.length <= at < rows.length:
            raise IndexError(at)
        return float(rows[at % rows.length][self._name])


class RowByRow:
    """A frame with the attributes of :class:`EngineBars`, of which every cell is looked up when it is read."""

    def __init__(
        self, frame: pd.DataFrame, names: Sequence[str], volume: str | None, last: int | None, minute: I64
    ) -> None:
        rows = _Rows(frame, len(frame) if last is None else min(last, len(frame)))
        for name in _PRICES:
            cells: Any = _Cells(rows, name) if name in names else NOTHING
            setattr(self, name, cells)
        self.volume: Any = _Cells(rows, volume) if volume else NOTHING
        self.minute = minute


def read(
    frame: pd.DataFrame,
    names: Sequence[str] = OHLC,
    *,
    volume: Sequence[str] = (),
    last: int | None = None,
    tolerant: bool = False,
    minute: I64 | None = None,
) -> EngineBars:
    """Return the named columns of a frame's last rows as a rule reads them.

    Parameters
    ----------
    frame : DataFrame
        It is not modified.
    names : sequence of {"open", "high", "low", "close"}
        The price columns that are needed; the others are left empty.
    volume : sequence of str, optional
        Columns that may hold the volume; the first of them that exists is taken, and without any it is left empty.
    last : int, optional
        How many of the last rows to take; all by default.
    tolerant : bool, default False
        Whether NaN may pass.
    minute : int64 array, optional
        The minute of the day at each of the rows taken.

    Returns
    -------
    EngineBars
        Within :func:`row_by_row` its stand-in that looks every cell up in the frame.

    Raises
    ------
    CandleError
        If a price column is missing, doubled or not numeric, or if a column that is read holds NaN.
    """
    measured = next((name for name in volume if name in frame.columns), None)
    minutes = _NO_MINUTES if minute is None else minute
    wanted = {name: column(frame, name, last=last, tolerant=tolerant) for name in names}
    amounts = NOTHING if measured is None else column(frame, measured, last=last, tolerant=tolerant)
    if reads_rows.get():
        return cast("EngineBars", RowByRow(frame, names, measured, last, minutes))
    return _NO_BARS._replace(**wanted, volume=amounts, minute=minutes)


def as_bars(**columns: NDArray[Any]) -> EngineBars:
    """Return arrays as the columns that rules read; those that are not given are empty."""
    for name, values in columns.items():
        columns[name] = np.ascontiguousarray(values, np.int64 if name == "minute" else np.float64).view()
        columns[name].setflags(write=False)
    return _NO_BARS._replace(**columns)


def column(frame: pd.DataFrame, name: str, *, last: int | None = None, tolerant: bool = False) -> F64:
    """Return a column of the last rows as read-only float64.

    Raises
    ------
    CandleError
        If it is missing, doubled or not numeric, or holds NaN and that is not tolerated.
    """
    if name not in frame.columns:
        raise CandleError(f"candles have no column {name!r} but {list(frame.columns)}; name it in lower case")
    values = frame[name]
    if values.ndim != 1:
        raise CandleError(f"candles have {values.shape[1]} columns {name!r}; keep one")
    try:
        numbers = values.to_numpy()
        if numbers.dtype != np.float64:
            numbers = values.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise CandleError(f"column {name!r} is not numeric ({error}); convert it") from error
    if last is not None:
        numbers = numbers[max(len(numbers) - last, 0) :]
    numbers = np.ascontiguousarray(numbers).view()
    numbers.setflags(write=False)
    if not tolerant and np.isnan(numbers.sum()):
        _refuse_nan(name, numbers, len(frame))
    return cast("F64", numbers)


def _refuse_nan(name: str, numbers: F64, rows: int) -> None:
    """Raise if there is NaN; an infinite sum of numbers may be NaN too."""
    missing = np.flatnonzero(np.isnan(numbers))
    if not missing.size:
        return
    positions = (missing[:5] + rows - len(numbers)).tolist()
    listed = ", ".join(map(str, positions)) + (", …" if missing.size > 5 else "")
    raise CandleError(
        f"column {name!r} is NaN in {missing.size} of {numbers.size} rows (positions {listed}); "
        "drop or fill those rows, or construct the detector with tolerant=True"
    )


def times(frame: pd.DataFrame, *, what: str = "this") -> pd.DatetimeIndex:
    """Return the times of a frame's rows: its index, or else its column ``time`` or ``timestamp``.

    Raises
    ------
    CandleError
        If it has none.
    """
    import pandas as pd

    if isinstance(frame.index, pd.DatetimeIndex):
        return frame.index
    for name in ("time", "timestamp"):
        if name in frame.columns:
            return pd.DatetimeIndex(frame[name])
    raise CandleError(f"{what} needs times; give the candles a DatetimeIndex or a column 'time'")


def clock_minutes(clock: pd.DatetimeIndex | datetime, bars: int = 1) -> I64:
    """Return the minute of the day at each bar: of these times, or of this one moment."""
    if isinstance(clock, datetime):
        minutes = np.full(bars, clock.hour * 60 + clock.minute, np.int64)
    else:
        minutes = np.asarray(clock.hour * 60 + clock.minute, np.int64)
    minutes.setflags(write=False)
    return minutes
