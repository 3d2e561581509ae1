"""Candles: the one input of every detector, checked once, here, and never again."""

from __future__ import annotations

import csv
import html
import io
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, tzinfo
from itertools import product
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, NoReturn, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ict_kernels.errors import CandleError, NaiveTimeWarning, ParameterError
from ict_kernels.kernels._types import F64, I64, Bars
from ict_kernels.timeframes import Timeframe, canonical, from_stem, infer, nanoseconds, zone

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

__all__ = ["BLOCK", "Candles", "OnError"]

OnError: TypeAlias = Literal["raise", "drop"]
"""What happens to bad rows: an error names them, or they are left out and listed in ``Candles.dropped``."""

BLOCK: Final = 4096
"""Bars in a block of the chained digest."""

_PRICES: Final = ("open", "high", "low", "close")
_COLUMNS: Final = ("time", *_PRICES, "volume")
_PACKAGE: Final = str(Path(__file__).parent / "_")[:-1]


class Candles:
    """
    Immutable open, high, low, close and volume of one symbol on one timeframe.

    Candles are built by `from_pandas`, `from_polars`, `from_arrow`, `from_numpy`, `from_csv` and
    `from_parquet`, which check everything, so that nothing that takes candles has to check again. They own
    their data: later changes of what they were built from do not reach them.

    Attributes
    ----------
    time : ndarray of int64
        Opening instants, nanoseconds UTC, strictly ascending.
    open, high, low, close : ndarray of float64
        Finite prices with ``low <= open, close <= high``.
    volume : ndarray of float64
        The real volume where the source has any, else the tick volume, else zeros.
    symbol : str
        The symbol, ``""`` if unknown.
    timeframe : str
        The canonical timeframe, such as ``"15min"``, ``""`` if unknown.

    Examples
    --------
    >>> candles = Candles.from_numpy(
    ...     np.array(["2024-01-02T00:00", "2024-01-02T00:15", "2024-01-02T00:30"], dtype="M8[s]"),
    ...     open=[1.0, 1.1, 1.2], high=[1.2, 1.3, 1.3], low=[0.9, 1.0, 1.1], close=[1.1, 1.2, 1.1],
    ...     symbol="EURUSD", tz="UTC",
    ... )
    >>> candles
    <Candles EURUSD 15min: 3 bars, 2024-01-02 00:00:00 .. 2024-01-02 00:30:00 UTC>
    >>> candles[1:].high
    array([1.3, 1.3])
    """

    __slots__ = ("__weakref__", "_chain", "_dropped", *_COLUMNS, "symbol", "timeframe")

    time: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    symbol: str
    timeframe: str
    _chain: tuple[str, ...]
    _dropped: pd.DataFrame | None

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError(
            "use Candles.from_pandas, from_polars, from_arrow, from_numpy, from_csv or from_parquet"
        )

    # ------------------------------------------------------------------ building

    @classmethod
    def from_pandas(
        cls,
        frame: pd.DataFrame,
        *,
        symbol: str = "",
        timeframe: Timeframe | None = None,
        tz: str | tzinfo | None = None,
        on_error: OnError = "raise",
    ) -> Candles:
        """
        Build candles from a pandas frame.

        Parameters
        ----------
        frame : DataFrame
            Columns open, high, low, close and perhaps a volume, in any order and case (``Open``,
            ``<OPEN>``); other columns are ignored. The time is a DatetimeIndex if there is one, else a column
            ``time``, ``date``, ``datetime`` or ``timestamp``, or a ``date`` and a ``time``. Whole numbers are
            epoch seconds, milli-, micro- or nanoseconds, told apart by their size.
        symbol : str, optional
            The symbol.
        timeframe : str or timedelta, optional
            The timeframe, such as ``"15min"``; by default the commonest difference of the times.
        tz : str or tzinfo, optional
            The zone of times that name none, for instance a broker's ``"Europe/Athens"``. Epochs are then
            taken for that zone's wall clock, as MetaTrader counts them. By default such times are UTC, with a
            warning unless they are epochs.
        on_error : {"raise", "drop"}, default "raise"
            Whether bad rows are an error or left out and listed in `dropped`.

        Returns
        -------
        Candles
            The checked candles.

        Raises
        ------
        CandleError
            If a column is missing or a row is bad: not a number, infinite, ``high < low``, open or close
            outside ``[low, high]``, a negative volume, a time that is missing, doubled or out of order.

        Examples
        --------
        >>> frame = pd.DataFrame({"Open": [1.0], "High": [2.0], "Low": [0.5], "Close": [1.5]},
        ...                      index=pd.DatetimeIndex(["2024-01-02"], tz="UTC"))
        >>> Candles.from_pandas(frame, timeframe="D1")
        <Candles 1D: 1 bar, 2024-01-02 00:00:00 .. 2024-01-02 00:00:00 UTC>
        """
        if not isinstance(frame, pd.DataFrame):
            raise CandleError(f"from_pandas takes a pandas DataFrame, not {type(frame).__name__}")
        columns = _pandas_columns(frame)
        return _checked(columns, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error)

    @classmethod
    def from_polars(
        cls,
        frame: pl.DataFrame,
        *,
        symbol: str = "",
        timeframe: Timeframe | None = None,
        tz: str | tzinfo | None = None,
        on_error: OnError = "raise",
    ) -> Candles:
        """
        Build candles from a polars frame; columns and options as in `from_pandas`.

        Examples
        --------
        >>> import polars as pl
        >>> frame = pl.DataFrame(
        ...     {"time": [1704153600], "open": [1.0], "high": [2.0], "low": [0.5], "close": [1.5]})
        >>> Candles.from_polars(frame, timeframe="1h")
        <Candles 1h: 1 bar, 2024-01-02 00:00:00 .. 2024-01-02 00:00:00 UTC>
        """
        import polars as pl

        if not isinstance(frame, pl.DataFrame):
            raise CandleError(f"from_polars takes a polars DataFrame, not {type(frame).__name__}")
        return cls.from_arrow(frame.to_arrow(), symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error)

    @classmethod
    def from_arrow(
        cls,
        table: pa.Table | pa.RecordBatch,
        *,
        symbol: str = "",
        timeframe: Timeframe | None = None,
        tz: str | tzinfo | None = None,
        on_error: OnError = "raise",
    ) -> Candles:
        """
        Build candles from an Arrow table; columns and options as in `from_pandas`.

        Examples
        --------
        >>> import pyarrow as pa
        >>> table = pa.table(
        ...     {"time": [1704153600], "open": [1.0], "high": [2.0], "low": [0.5], "close": [1.5]})
        >>> Candles.from_arrow(table, symbol="EURUSD", timeframe="1h")
        <Candles EURUSD 1h: 1 bar, 2024-01-02 00:00:00 .. 2024-01-02 00:00:00 UTC>
        """
        import pyarrow as pa

        if not isinstance(table, (pa.Table, pa.RecordBatch)):
            raise CandleError(f"from_arrow takes a pyarrow Table or RecordBatch, not {type(table).__name__}")
        _roles(table.schema.names)  # to_pandas would fail obscurely on doubled names
        frame = table.to_pandas()
        return cls.from_pandas(frame, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error)

    @classmethod
    def from_numpy(
        cls,
        time: ArrayLike,
        open: ArrayLike | None = None,  # noqa: A002
        high: ArrayLike | None = None,
        low: ArrayLike | None = None,
        close: ArrayLike | None = None,
        volume: ArrayLike | None = None,
        *,
        symbol: str = "",
        timeframe: Timeframe | None = None,
        tz: str | tzinfo | None = None,
        on_error: OnError = "raise",
    ) -> Candles:
        """
        Build candles from arrays, or from the one structured array of MetaTrader 5's ``copy_rates_*``.

        Parameters
        ----------
        time : array_like
            Opening times, or a structured array with all the columns; then nothing else may be given.
        open, high, low, close : array_like
            Prices of any real dtype, byte order and stride.
        volume : array_like, optional
            Zeros by default.
        symbol, timeframe, tz, on_error
            As in `from_pandas`.

        Examples
        --------
        >>> rates = np.array([(1704153600, 1.0, 2.0, 0.5, 1.5, 42, 3, 0)], dtype=[
        ...     ("time", "<i8"), ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"),
        ...     ("tick_volume", "<u8"), ("spread", "<i4"), ("real_volume", "<u8")])
        >>> Candles.from_numpy(rates, timeframe="1h", tz="Europe/Athens")
        <Candles 1h: 1 bar, 2024-01-01 22:00:00 .. 2024-01-01 22:00:00 UTC>
        """
        given = {"open": open, "high": high, "low": low, "close": close, "volume": volume}
        columns: dict[str, Any] = {name: values for name, values in given.items() if values is not None}
        if isinstance(time, np.ndarray) and time.dtype.names:
            if columns:
                raise CandleError(
                    f"a structured array holds every column; do not pass {', '.join(columns)} as well"
                )
            columns = {
                role: time[time.dtype.names[place]] for role, place in _roles(time.dtype.names).items()
            }
        else:
            columns["time"] = time
        return _checked(columns, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error)

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike[str],
        *,
        symbol: str = "",
        timeframe: Timeframe | None = None,
        tz: str | tzinfo | None = None,
        on_error: OnError = "raise",
    ) -> Candles:
        r"""
        Build candles from a text file, MetaTrader's exports included.

        Parameters
        ----------
        path : str or path
            A file with columns as in `from_pandas`, parted by comma, semicolon or tab. Without a header the
            columns are time (or date and time), open, high, low, close, volume. Dates are ``2024-01-31``,
            ``2024.01.31``, ``2024/01/31``, ``31.01.2024`` or ``20240131``.
        symbol, timeframe : optional
            Taken from a file name such as ``EURUSD_15M.csv`` when not given.
        tz, on_error
            As in `from_pandas`.

        Raises
        ------
        CandleError
            If the file cannot be read as candles; the message begins with its path.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "EURUSD_H1.csv")
        ...     _ = path.write_text("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n"
        ...                         "2024.01.02\t00:00:00\t1.0\t2.0\t0.5\t1.5\t42\n")
        ...     Candles.from_csv(path, tz="Europe/Athens")
        <Candles EURUSD 1h: 1 bar, 2024-01-01 22:00:00 .. 2024-01-01 22:00:00 UTC>
        """
        return _from_file(
            Path(path), _csv_columns, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error
        )

    @classmethod
    def from_parquet(
        cls,
        path: str | PathLike[str],
        *,
        symbol: str = "",
        timeframe: Timeframe | None = None,
        tz: str | tzinfo | None = None,
        on_error: OnError = "raise",
    ) -> Candles:
        """
        Build candles from a Parquet file; columns as in `from_pandas`, names and errors as in `from_csv`.

        Examples
        --------
        >>> import tempfile
        >>> frame = pd.DataFrame(
        ...     {"time": [1704153600], "open": [1.0], "high": [2.0], "low": [0.5], "close": [1.5]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "EURUSD_H1.parquet")
        ...     frame.to_parquet(path)
        ...     Candles.from_parquet(path)
        <Candles EURUSD 1h: 1 bar, 2024-01-02 00:00:00 .. 2024-01-02 00:00:00 UTC>
        """
        return _from_file(
            Path(path), _parquet_columns, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error
        )

    @classmethod
    def _trusted(
        cls,
        time: I64,
        open: F64,  # noqa: A002
        high: F64,
        low: F64,
        close: F64,
        volume: F64,
        symbol: str,
        timeframe: str,
        *,
        chain: tuple[str, ...] = (),
        dropped: pd.DataFrame | None = None,
    ) -> Candles:
        """
        Wrap columns that are known to be clean, contiguous and nobody else's, without a check or a copy.

        `chain` holds digests of leading full blocks that are already known.
        """
        candles = object.__new__(cls)
        put = object.__setattr__
        for name, column in zip(_COLUMNS, (time, open, high, low, close, volume), strict=True):
            view = column.view()
            view.flags.writeable = False
            put(candles, name, view)
        put(candles, "symbol", symbol)
        put(candles, "timeframe", timeframe)
        put(candles, "_chain", chain)
        put(candles, "_dropped", dropped)
        return candles

    # ------------------------------------------------------------------ reading

    @property
    def bars(self) -> Bars:
        """
        The price columns as kernels take them.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=10)[0]
        >>> candles.bars.high is candles.high
        True
        """
        return Bars(open=self.open, high=self.high, low=self.low, close=self.close)

    @property
    def dropped(self) -> pd.DataFrame:
        """
        The rows that ``on_error="drop"`` left out: position in the input (``row``) and cause (``reason``).

        Examples
        --------
        >>> candles = Candles.from_numpy([0, 60, 60], *[[1.0, 1.0, 1.0]] * 4, on_error="drop")
        >>> candles.dropped
           row        reason
        0    2  time doubled
        """
        return _no_rows() if self._dropped is None else self._dropped.copy()

    @property
    def block_digests(self) -> tuple[str, ...]:
        """
        The chained digests of the full blocks of `BLOCK` bars.

        Each one stands for everything up to the end of its block, so that candles which continue others begin
        with the others' digests.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=10_000)[0]
        >>> candles[:5_000].block_digests == candles.block_digests[:1]
        True
        """
        chain = list(self._chain)
        for block in range(len(chain), len(self) // BLOCK):
            chain.append(self._link(chain[-1] if chain else "", block * BLOCK, (block + 1) * BLOCK))
        if len(chain) > len(self._chain):
            object.__setattr__(self, "_chain", tuple(chain))
        return self._chain

    @property
    def digest(self) -> str:
        """
        A fingerprint of data, symbol and timeframe: 32 hexadecimal digits, continued by `append`.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0]
        >>> candles[:60].append(candles[60:]).digest == candles.digest
        True
        """
        blocks = self.block_digests
        tail = len(blocks) * BLOCK
        if blocks and tail == len(self):
            return blocks[-1]
        return self._link(blocks[-1] if blocks else "", tail, len(self))

    def _link(self, before: str, start: int, stop: int) -> str:
        """Digest the bars from start to stop onto the chain that ends with `before`."""
        from xxhash import xxh3_128

        link = xxh3_128((before or f"{self.symbol}\0{self.timeframe}").encode())
        for name in _COLUMNS:
            link.update(getattr(self, name)[start:stop])
        return link.hexdigest()

    # ------------------------------------------------------------------ deriving

    def append(self, other: Candles) -> Candles:
        """
        Return these candles continued by others.

        Parameters
        ----------
        other : Candles
            Later candles of the same symbol and timeframe.

        Returns
        -------
        Candles
            New candles; block digests known so far are kept.

        Raises
        ------
        CandleError
            If symbol or timeframe differ, or `other` does not begin after the last bar.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0]
        >>> candles[:60].append(candles[60:]) == candles
        True
        """
        for name in ("symbol", "timeframe"):
            mine, others = getattr(self, name), getattr(other, name)
            if mine != others:
                raise CandleError(f"cannot append candles of another {name}: {others!r} to {mine!r}")
        if len(self) and len(other) and other.time[0] <= self.time[-1]:
            raise CandleError(
                f"cannot append candles that begin at {_instant(other.time[0])}, not after the last bar, "
                f"{_instant(self.time[-1])}: slice off the bars that overlap"
            )
        columns: dict[str, Any] = {
            name: np.concatenate((getattr(self, name), getattr(other, name))) for name in _COLUMNS
        }
        return self._trusted(**columns, symbol=self.symbol, timeframe=self.timeframe, chain=self._chain)

    def resample(
        self, timeframe: Timeframe, *, tz: str | tzinfo | None = None, partial: bool = False
    ) -> Candles:
        """
        Return the same candles on a coarser timeframe; see `ict_kernels.resample.resample`.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> sample_market(["EURUSD"], bars=96)[0].resample("4h")
        <Candles EURUSD 4h: 6 bars, 2024-01-01 00:00:00 .. 2024-01-01 20:00:00 UTC>
        """
        from ict_kernels.resample import resample

        return resample(self, timeframe, tz=tz, partial=partial)

    def to_pandas(self) -> pd.DataFrame:
        """
        Return a pandas frame with a UTC DatetimeIndex named ``time``; the data are copied.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> list(sample_market(["EURUSD"], bars=10)[0].to_pandas())
        ['open', 'high', 'low', 'close', 'volume']
        """
        index = pd.DatetimeIndex(self.time.view("M8[ns]").copy(), name="time").tz_localize("UTC")
        return pd.DataFrame({name: getattr(self, name) for name in _COLUMNS[1:]}, index=index, copy=True)

    def to_arrow(self) -> pa.Table:
        """
        Return an Arrow table with a UTC timestamp column ``time``.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> sample_market(["EURUSD"], bars=10)[0].to_arrow().num_rows
        10
        """
        import pyarrow as pa

        time = pa.array(self.time.view("M8[ns]"), type=pa.timestamp("ns")).cast(pa.timestamp("ns", tz="UTC"))
        return pa.table({"time": time, **{name: pa.array(getattr(self, name)) for name in _COLUMNS[1:]}})

    def to_polars(self) -> pl.DataFrame:
        """
        Return a polars frame with a UTC datetime column ``time``.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> sample_market(["EURUSD"], bars=10)[0].to_polars().shape
        (10, 6)
        """
        import polars as pl

        return pl.DataFrame(self.to_arrow())

    # ------------------------------------------------------------------ protocols

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice) -> Candles:
        if not isinstance(rows, slice):
            raise TypeError(f"candles are sliced, candles[a:b], not indexed by {type(rows).__name__}")
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise CandleError(
                f"candles are sliced with step 1, not {step}: use resample for a coarser timeframe"
            )
        chain = self._chain[: max(stop, 0) // BLOCK] if start == 0 else ()
        columns: dict[str, Any] = {name: getattr(self, name)[start:stop] for name in _COLUMNS}
        return self._trusted(**columns, symbol=self.symbol, timeframe=self.timeframe, chain=chain)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Candles):
            return NotImplemented
        return (self.symbol, self.timeframe) == (other.symbol, other.timeframe) and all(
            # By their bits, as the digest sees them, so that equal candles have equal hashes.
            np.array_equal(getattr(self, name).view(np.int64), getattr(other, name).view(np.int64))
            for name in _COLUMNS
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Callable[..., Candles], tuple[Any, ...]]:
        parts = (*_COLUMNS, "symbol", "timeframe")
        return _restored, ({name: getattr(self, name) for name in parts}, self._chain, self._dropped)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"candles are immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"candles are immutable: cannot delete {name!r}")

    def __repr__(self) -> str:
        return f"<Candles {self._summary()}>"

    def _repr_html_(self) -> str:
        table: str = self.to_pandas().to_html(max_rows=10, notebook=True)
        return f"<p><strong>{html.escape(self._summary())}</strong></p>{table}"

    def _summary(self) -> str:
        name = " ".join(filter(None, (self.symbol, self.timeframe))) or "unnamed"
        bars = f"{name}: {len(self):,} bar{'' if len(self) == 1 else 's'}"
        return f"{bars}, {_instant(self.time[0])} .. {_instant(self.time[-1])} UTC" if len(self) else bars


def _restored(parts: dict[str, Any], chain: tuple[str, ...], dropped: pd.DataFrame | None) -> Candles:
    """Rebuild candles from what `Candles.__reduce__` gave, read-only again."""
    return Candles._trusted(**parts, chain=chain, dropped=dropped)


def _instant(time: np.int64) -> str:
    return str(np.datetime64(int(time), "ns").astype("M8[s]")).replace("T", " ")


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"row": np.empty(0, np.int64), "reason": pd.Series([], dtype=object)})


# ---------------------------------------------------------------------- the boundary


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


def _row(row: int, written: I64, values: Any) -> str:
    """Describe a row by its number, its time and the value at fault."""
    notes = [] if pd.isna(np.datetime64(int(written[row]), "ns")) else [_instant(written[row])]
    notes += [] if values is None else [repr(value) if isinstance(value := values[row], str) else str(value)]
    return f"{row} ({', '.join(notes)})" if notes else str(row)


def _checked(
    columns: Mapping[str, Any],
    *,
    symbol: str,
    timeframe: Timeframe | None,
    tz: str | tzinfo | None,
    on_error: OnError,
    hint: str = "",
) -> Candles:
    """
    Build candles from unchecked columns: the one boundary that everything passes.

    `hint` is a timeframe that is likely, but not certain, as the name of a file may err.
    """
    if on_error not in ("raise", "drop"):
        raise ParameterError(f'on_error must be "raise" or "drop", not {on_error!r}')
    if not isinstance(symbol, str):
        raise ParameterError(f"symbol must be a str, not {type(symbol).__name__}")
    given = "" if timeframe is None else canonical(timeframe)
    columns = _complete(columns)
    faults = _Faults(len(columns["time"]))
    time, written = _instants(columns["time"], None if tz is None else zone(tz), faults)
    numbers: dict[str, Any] = {name: _numbers(name, columns[name], faults) for name in _PRICES}
    numbers["volume"] = _volume(columns, faults)
    _check_bars(numbers, faults)
    _check_order(time, faults)
    if faults.bad.any():
        if on_error == "raise":
            raise CandleError(faults.message(written))
        time = time[~faults.bad]
        numbers = {name: values[~faults.bad] for name, values in numbers.items()}
    name = given or _plausible(hint, infer(time))
    return Candles._trusted(time, **numbers, symbol=symbol, timeframe=name, dropped=faults.dropped())


def _plausible(hint: str, inferred: str | None) -> str:
    """Choose between a likely timeframe and that of the data, which may have gaps but is never too fine."""
    if inferred is None or (hint and nanoseconds(hint) <= nanoseconds(inferred)):
        return hint
    return inferred


def _complete(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns as 1-D sequences of one length, or say which are missing or misshapen."""
    _all_there(columns, columns)
    arrays = {name: _sequence(values) for name, values in columns.items()}
    deep = [f"{name} {values.shape}" for name, values in arrays.items() if values.ndim != 1]
    if deep:
        raise CandleError(f"columns must be 1-D, not of shape {', '.join(deep)}")
    if len({len(values) for values in arrays.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in arrays.items())
        raise CandleError(f"columns must be equally long, not {lengths}")
    if "date" in arrays:
        arrays["time"] = _joined(arrays.pop("date"), arrays["time"])
    return arrays


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


def _volume(columns: Mapping[str, Any], faults: _Faults) -> F64:
    """Choose the real volume if there is any, else the tick volume, else zeros."""
    real = _numbers("volume", columns["volume"], faults) if "volume" in columns else None
    if (real is None or not real.any()) and "tick_volume" in columns:
        return _numbers("tick_volume", columns["tick_volume"], faults)
    return np.zeros(len(columns["time"])) if real is None else real


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
    **{name: name for name in _PRICES},
    **dict.fromkeys(
        ("datetime", "date_time", "timestamp", "gmt_time", "utc_time", "local_time", "open_time"), "time"
    ),
    **dict.fromkeys(("volume", "vol", "real_volume", "realvolume", "realvol"), "volume"),
    **dict.fromkeys(("tick_volume", "tickvolume", "tickvol", "tick_vol"), "tick_volume"),
    "time": "clock",
    "date": "date",
}


def _roles(names: Iterable[object]) -> dict[str, int]:
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


def _pandas_columns(frame: pd.DataFrame) -> dict[str, Any]:
    """Pick the columns by role; a DatetimeIndex is the time, whatever the columns are called."""
    names: list[object] = list(frame.columns)
    indexed = isinstance(frame.index, pd.DatetimeIndex)
    if indexed:
        names = [None if _role(name) in ("time", "clock", "date") else name for name in names]
    columns: dict[str, Any] = {role: frame.iloc[:, place] for role, place in _roles(names).items()}
    if indexed or ("time" not in columns and _role(frame.index.name) in ("time", "clock", "date")):
        columns["time"] = frame.index
    _all_there(columns, names)
    return columns


def _all_there(columns: Iterable[str], names: Iterable[object]) -> None:
    """Make sure that no column is missing, or name those that the source has."""
    missing = [name for name in _COLUMNS[:-1] if name not in columns]
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
        _warn_naive()
    return written, written


def _warn_naive() -> None:
    """Warn at the first frame outside this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    message = 'times name no zone and are read as UTC: pass tz="UTC", or their zone as in tz="Europe/Athens"'
    warnings.warn(message, NaiveTimeWarning, stacklevel=level)


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
        text = series.str.strip()
        zoned = bool(_ZONED.search(first.strip()))
        layout = "ISO8601" if zoned else _layout(first.strip())
        return _index(pd.to_datetime(text, format=layout, errors="coerce", utc=zoned))
    if first is not None and not isinstance(first, (date, np.datetime64)):
        raise CandleError(f"time is not a time: it holds {type(first).__name__}")
    return _index(series)


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


# ---------------------------------------------------------------------- files


def _from_file(
    path: Path,
    read: Callable[[Path], Mapping[str, Any]],
    *,
    symbol: str,
    timeframe: Timeframe | None,
    tz: str | tzinfo | None,
    on_error: OnError,
) -> Candles:
    """Read a file and check it; errors begin with its path, and its name says what is not given."""
    path = path.expanduser()
    named_symbol, hint = from_stem(path.stem) or ("", "")
    with _about(path):
        return _checked(
            read(path),
            symbol=symbol or named_symbol,
            timeframe=timeframe,
            tz=tz,
            on_error=on_error,
            hint=hint,
        )


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Let errors begin with the path."""
    try:
        yield
    except CandleError as error:
        raise CandleError(f"{path}: {error}") from error.__cause__
    except OSError as error:
        raise CandleError(f"{path}: {error.strerror or error}") from error


def _parquet_columns(path: Path) -> Mapping[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as file:
        try:
            table = pq.ParquetFile(file).read()
        except pa.ArrowException as error:
            raise CandleError(f"not a Parquet file ({error})") from error
    _roles(table.schema.names)
    return _pandas_columns(table.to_pandas())


def _csv_columns(path: Path) -> Mapping[str, Any]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text = _utf8(path.read_bytes())
    header = _Header.sniff(text)
    names = [str(place) for place in range(header.width)]
    kept = {role: str(place) for role, place in header.roles.items()}
    body = text[header.size :]
    if not body.strip():
        return {role: [] for role in kept}
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(body),
            # One block, since the types of columns are inferred from the first.
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=min(len(body) + 1, 2**31 - 1)),
            parse_options=arrow_csv.ParseOptions(delimiter=header.delimiter),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(kept.values()),
                column_types={kept[role]: pa.string() for role in ("time", "date") if role in kept},
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowException as error:
        raise CandleError(f"cannot be read as a table ({error})") from error
    return {role: table[name].to_pandas() for role, name in kept.items()}


def _utf8(data: bytes) -> bytes:
    """Return a text file's content as UTF-8 without a byte order mark; MetaTrader also writes UTF-16."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise CandleError("not a text file")
    return text.encode()


class _Header(NamedTuple):
    """How a text file is laid out."""

    delimiter: str
    size: int
    width: int
    roles: dict[str, int]

    @classmethod
    def sniff(cls, text: bytes) -> _Header:
        """Tell delimiter, size of the header, and columns from the first line that is not blank."""
        blank = len(text) - len(text.lstrip())
        end = text.find(b"\n", blank) + 1 or len(text)
        line = text[blank:end].decode().strip()
        if not line:
            raise CandleError("the file is empty")
        delimiter = max(",;\t", key=line.count)
        names = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        if re.match(r"\d", names[0].strip()):
            return cls(delimiter, 0, len(names), _unnamed_roles(names))
        roles = _roles(names)
        _all_there(roles, names)
        return cls(delimiter, end, len(names), roles)


def _unnamed_roles(cells: Sequence[str]) -> dict[str, int]:
    """Return the roles of a file without header from its first row."""
    apart = len(cells) > 1 and re.fullmatch(r"\s*\d\d?:\d\d(:\d\d)?\s*", cells[1])
    order = ("date", "time", *_PRICES, "volume") if apart else ("time", *_PRICES, "volume")
    if len(cells) < len(order) - 1:
        raise CandleError(
            f"no header, and {len(cells)} columns instead of {', '.join(order[:-1])} and perhaps a volume"
        )
    return {role: place for place, role in enumerate(order[: len(cells)])}
