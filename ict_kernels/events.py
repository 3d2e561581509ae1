"""Event tables: equally long columns with a declared schema."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from .errors import ParameterError
from .registry import Column

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["Events"]

_SHOWN = 8  # rows that printing shows before it leaves some out


class Events:
    """What a detector found: one row an event, one column a fact, ordered by when it could first be known.

    Columns are attributes (``gaps.top``). Rows never change place and are never erased: later candles only append rows
    and fill in life cycle cells, which hold the bar at which something happened to the event and -1 while it has not.

    Parameters
    ----------
    detector : str
        Name of the detector.
    schema : sequence of Column
        The columns, in order.
    columns : mapping of str to ndarray
        One 1-D array a column, all of one length; they are held read-only.
    parameters : mapping, optional
        With what the detector was called.
    time : ndarray of int64 or callable, optional
        Opening instants of the candles, nanoseconds UTC, which turn positions into times; or what gives them when they
        are asked for.
    symbol, timeframe : str, optional
        Of the candles.

    Raises
    ------
    ValueError
        If columns are missing, of another dtype than declared, or not equally long.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=500)[0]
    >>> gaps = ict.fair_value_gaps(candles)
    >>> bool((gaps.confirmed == gaps.bar + 1).all())
    True
    >>> big = gaps[gaps.size > 0.0005]
    >>> len(big) < len(gaps)
    True
    """

    __slots__ = ("_columns", "_time", "detector", "parameters", "schema", "symbol", "timeframe")

    def __init__(
        self,
        detector: str,
        schema: tuple[Column, ...],
        columns: Mapping[str, NDArray[Any]],
        *,
        parameters: Mapping[str, Any] | None = None,
        time: NDArray[np.int64] | Callable[[], NDArray[np.int64]] | None = None,
        symbol: str = "",
        timeframe: str = "",
    ) -> None:
        self.detector = detector
        self.schema = tuple(schema)
        self.parameters = dict(parameters or {})
        self.symbol = symbol
        self.timeframe = timeframe
        self._time = time
        self._columns = {column.name: _checked(column, columns) for column in self.schema}
        lengths = {name: len(values) for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of {detector} differ in length: {lengths}")

    # --- reading -----------------------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self._columns)

    @property
    def life(self) -> tuple[str, ...]:
        """Names of the life cycle columns."""
        return tuple(column.name for column in self.schema if column.life)

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._columns:
            raise AttributeError(self._no_column(name))
        return self._columns[name]

    def _no_column(self, name: str) -> str:
        return f"{self.detector} has no column {name!r}; it has {', '.join(self.columns)}"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.columns]

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.records())

    @overload
    def __getitem__(self, key: str) -> NDArray[Any]: ...

    @overload
    def __getitem__(self, key: int | np.integer[Any]) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, key: slice | NDArray[Any] | list[Any]) -> Events: ...

    def __getitem__(self, key: Any) -> Any:
        """A column by name, a record by position, or the rows of a slice, mask or list of positions."""
        if isinstance(key, str):
            if key not in self._columns:
                raise KeyError(self._no_column(key))
            return self._columns[key]
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            return self[[key]].records()[0]
        if not isinstance(key, slice):
            key = np.asarray(key)
            if key.size == 0 and key.dtype != bool:
                key = key.astype(np.int64)  # an empty list is one of floats to NumPy
            if key.ndim != 1 or key.dtype.kind not in "biu":
                raise IndexError("rows are chosen by a position, a slice, a mask or a list of positions")
        return self._with({name: values[key] for name, values in self._columns.items()})

    def times(self, column: str = "bar") -> NDArray[np.datetime64]:
        """Instants of a column of positions.

        Parameters
        ----------
        column : str
            A column whose unit is the bar, such as ``"confirmed"`` or ``"filled"``.

        Returns
        -------
        ndarray of datetime64[ns]
            Opening instants in UTC; ``NaT`` where the position is -1.

        Raises
        ------
        ParameterError
            If the column holds no positions, or the table was made without times.
        """
        units = {declared.name: declared.unit for declared in self.schema}
        if units.get(column) != "bar":
            positions = ", ".join(name for name, unit in units.items() if unit == "bar")
            raise ParameterError(f"{column!r} holds no bar positions; these do: {positions}")
        time = self._time() if callable(self._time) else self._time
        if time is None:
            raise ParameterError("these events carry no times, as they were made without candles")
        positions_ = self._columns[column]
        instants = np.full(len(self), np.datetime64("NaT"), "datetime64[ns]")
        set_ = positions_ >= 0
        instants[set_] = time[positions_[set_]].view("datetime64[ns]")
        return instants

    def as_of(self, bar: int) -> Events:
        """The table as it stood at the close of a bar.

        Parameters
        ----------
        bar : int
            Position of the bar; rows confirmed later are left out, and what happened later is put back to -1.

        Returns
        -------
        Events

        Examples
        --------
        >>> import ict_kernels as ict
        >>> candles = ict.sample_market(bars=300)[0]
        >>> ict.swings(candles).as_of(99) == ict.swings(candles[:100])
        True
        """
        known = self._columns["confirmed"] <= bar
        rows = {name: values[known] for name, values in self._columns.items()}
        for name in self.life:
            rows[name] = np.where(rows[name] > bar, -1, rows[name])
        return self._with(rows)

    def _with(self, columns: Mapping[str, NDArray[Any]]) -> Events:
        return Events(
            self.detector,
            self.schema,
            columns,
            parameters=self.parameters,
            time=self._time,
            symbol=self.symbol,
            timeframe=self.timeframe,
        )

    def _over(self, time: NDArray[np.int64], parameters: Mapping[str, Any]) -> Events:
        """The same table with times and parameters of its own, without checking the columns again."""
        twin = object.__new__(Events)
        twin.detector, twin.schema, twin.parameters = self.detector, self.schema, dict(parameters)
        twin.symbol, twin.timeframe = self.symbol, self.timeframe
        twin._columns, twin._time = self._columns, time
        return twin

    # --- exporting ---------------------------------------------------------------------------------------------

    def _export(self, times: bool) -> dict[str, NDArray[Any]]:
        exported: dict[str, NDArray[Any]] = {}
        for column in self.schema:
            exported[column.name] = self._columns[column.name]
            if times and column.unit == "bar":
                exported[f"{column.name}_time"] = self.times(column.name)
        return exported

    def to_pandas(self, *, times: bool = False) -> pd.DataFrame:
        """As a pandas frame of its own memory.

        Parameters
        ----------
        times : bool, default False
            Whether to add a UTC time ``<column>_time`` behind each column of positions.
        """
        import pandas as pd

        columns = {name: values.copy() for name, values in self._export(times).items()}
        return pd.DataFrame(
            {
                name: pd.DatetimeIndex(values, tz="UTC") if values.dtype.kind == "M" else values
                for name, values in columns.items()
            }
        )

    def to_polars(self, *, times: bool = False) -> pl.DataFrame:
        """As a polars frame; ``times`` as in :meth:`to_pandas`."""
        import polars as pl

        frame = pl.DataFrame({name: values.copy() for name, values in self._export(times).items()})
        return frame.with_columns(pl.selectors.datetime().dt.replace_time_zone("UTC"))

    def to_arrow(self, *, times: bool = False) -> pa.Table:
        """As an Arrow table; ``times`` as in :meth:`to_pandas`."""
        import pyarrow as pa

        columns = {
            name: pa.array(values, pa.timestamp("ns", "UTC") if values.dtype.kind == "M" else None)
            for name, values in self._export(times).items()
        }
        return pa.table(columns)

    def records(self, *, times: bool = False) -> list[dict[str, Any]]:
        """As plain dicts, positions as integers.

        Parameters
        ----------
        times : bool, default False
            Whether to add the instants, as :class:`numpy.datetime64`, ``NaT`` where there is none.
        """
        columns = {
            name: list(values) if values.dtype.kind == "M" else values.tolist()
            for name, values in self._export(times).items()
        }
        return [dict(zip(columns, row)) for row in zip(*columns.values())]

    # --- comparing and showing -----------------------------------------------------------------------------------

    def difference(self, other: Events) -> str:
        """Where two tables differ first, in words; empty when they hold the same, NaN counting as equal.

        Examples
        --------
        >>> import ict_kernels as ict
        >>> candles = ict.sample_market(bars=300)[0]
        >>> ict.swings(candles).difference(ict.reference.swings(candles))
        ''
        """
        if self.columns != other.columns:
            return f"columns differ: {', '.join(self.columns)} against {', '.join(other.columns)}"
        for name in self.columns:
            mine, theirs = self._columns[name], other._columns[name]
            if mine.dtype != theirs.dtype:
                return f"dtype of {name!r} differs: {mine.dtype} against {theirs.dtype}"
        common = min(len(self), len(other))
        places = [
            _first_difference(self._columns[name], other._columns[name], common) for name in self.columns
        ]
        row, name = min(zip(places, self.columns), key=lambda place: place[0])
        if row < common:
            return f"row {row} differs first in {name!r}:\n  {self[row]}\n  {other[row]}"
        if len(self) != len(other):
            longer = self if len(self) > len(other) else other
            return f"{len(self)} rows against {len(other)}; the first of the surplus, row {common}: {longer[common]}"
        return ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Events):
            return NotImplemented
        return self.detector == other.detector and not self.difference(other)

    __hash__ = None  # type: ignore[assignment]

    def _title(self) -> str:
        market = " ".join(part for part in (self.symbol, self.timeframe) if part)
        return (
            f"{self.detector}{f' of {market}' if market else ''}: {len(self)} event{'s' * (len(self) != 1)}"
        )

    def _head_and_tail(self) -> pd.DataFrame:
        return self.to_pandas(times=False)

    def __repr__(self) -> str:
        if not len(self):
            return self._title()
        return f"{self._title()}\n{self._head_and_tail().to_string(max_rows=_SHOWN, show_dimensions=False)}"

    def _repr_html_(self) -> str:
        body = self._head_and_tail().to_html(max_rows=_SHOWN, show_dimensions=False)
        return f"<p><b>{html.escape(self._title())}</b></p>{body}"


def _checked(column: Column, columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    if column.name not in columns:
        raise ValueError(f"column {column.name!r} is missing")
    values = np.asarray(columns[column.name])
    if values.ndim != 1 or values.dtype != column.dtype:
        raise ValueError(
            f"column {column.name!r} must be 1-D {column.dtype}, not {values.ndim}-D {values.dtype}"
        )
    if not values.flags.writeable:
        return values
    view = values.view()
    view.flags.writeable = False
    return view


def _first_difference(mine: NDArray[Any], theirs: NDArray[Any], common: int) -> int:
    mine, theirs = mine[:common], theirs[:common]
    same = mine == theirs
    if mine.dtype.kind == "f":
        same |= np.isnan(mine) & np.isnan(theirs)
    return int(np.argmin(same)) if not same.all() else common
