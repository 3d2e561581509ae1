"""Candles: the one input of every detector, checked once, here, and never again."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import tzinfo
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ict_kernels._files import checked_file, csv_columns, parquet_columns
from ict_kernels._intake import (
    COLUMNS,
    Checked,
    OnError,
    arrow_columns,
    checked,
    find_roles,
    pandas_columns,
    shown,
)
from ict_kernels.errors import CandleError
from ict_kernels.kernels._types import F64, I64, Bars
from ict_kernels.timeframes import Timeframe

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

__all__ = ["BLOCK", "Candles", "OnError"]

BLOCK: Final = 4096
"""Bars in a block of the chained digest."""


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

    __slots__ = ("__weakref__", "_before", "_chain", "_digest", "_dropped", *COLUMNS, "symbol", "timeframe")

    time: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    symbol: str
    timeframe: str
    _chain: tuple[str, ...]
    _digest: str
    _before: tuple[int, str]
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
        return cls._from_checked(
            checked(pandas_columns(frame), symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error)
        )

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
        columns = arrow_columns(table.schema, lambda name: table.select([name]))
        return cls._from_checked(
            checked(columns, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error)
        )

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
            places = find_roles(time.dtype.names)
            columns = {role: time[time.dtype.names[place]] for role, place in places.items()}
        else:
            columns["time"] = time
        return cls._from_checked(
            checked(columns, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error)
        )

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
        return cls._from_checked(
            checked_file(
                Path(path), csv_columns, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error
            )
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
        return cls._from_checked(
            checked_file(
                Path(path), parquet_columns, symbol=symbol, timeframe=timeframe, tz=tz, on_error=on_error
            )
        )

    @classmethod
    def _from_checked(cls, found: Checked) -> Candles:
        return cls._trusted(
            found.time,
            **found.numbers,
            symbol=found.symbol,
            timeframe=found.timeframe,
            dropped=found.dropped,
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
        for name, column in zip(COLUMNS, (time, open, high, low, close, volume), strict=True):
            view = column.view()
            view.flags.writeable = False
            put(candles, name, view)
        put(candles, "symbol", symbol)
        put(candles, "timeframe", timeframe)
        put(candles, "_chain", chain)
        put(candles, "_digest", "")
        put(candles, "_before", (0, ""))
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
        if not self._digest:
            blocks = self.block_digests
            tail = len(blocks) * BLOCK
            whole = blocks and tail == len(self)
            digest = blocks[-1] if whole else self._link(blocks[-1] if blocks else "", tail, len(self))
            object.__setattr__(self, "_digest", digest)
        return self._digest

    def _link(self, before: str, start: int, stop: int) -> str:
        """Digest the bars from start to stop onto the chain that ends with `before`."""
        from xxhash import xxh3_128

        link = xxh3_128((before or f"{self.symbol}\0{self.timeframe}").encode("utf-8", "surrogatepass"))
        for name in COLUMNS:
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
                f"cannot append candles that begin at {shown(other.time[0])}, not after the last bar, "
                f"{shown(self.time[-1])}: slice off the bars that overlap"
            )
        columns: dict[str, Any] = {
            name: np.concatenate((getattr(self, name), getattr(other, name))) for name in COLUMNS
        }
        longer = self._trusted(**columns, symbol=self.symbol, timeframe=self.timeframe, chain=self._chain)
        object.__setattr__(longer, "_before", (len(self), self._digest))
        return longer

    def begins_with(self, bars: int, digest: str) -> bool:
        """
        Whether the first bars are those of other candles, of which only number and digest are known.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=100)[0]
        >>> candles.begins_with(60, candles[:60].digest), candles.begins_with(61, candles[:60].digest)
        (True, False)
        """
        if self._before == (bars, digest):  # they were appended to those
            return True
        return bars <= len(self) and self[:bars].digest == digest

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
        return pd.DataFrame({name: getattr(self, name) for name in COLUMNS[1:]}, index=index, copy=True)

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
        return pa.table({"time": time, **{name: pa.array(getattr(self, name)) for name in COLUMNS[1:]}})

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
        columns: dict[str, Any] = {name: getattr(self, name)[start:stop] for name in COLUMNS}
        return self._trusted(**columns, symbol=self.symbol, timeframe=self.timeframe, chain=chain)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Candles):
            return NotImplemented
        return (self.symbol, self.timeframe) == (other.symbol, other.timeframe) and all(
            # By their bits, as the digest sees them, so that equal candles have equal hashes.
            np.array_equal(getattr(self, name).view(np.int64), getattr(other, name).view(np.int64))
            for name in COLUMNS
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Callable[..., Candles], tuple[Any, ...]]:
        parts = (*COLUMNS, "symbol", "timeframe")
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
        return f"{bars}, {shown(self.time[0])} .. {shown(self.time[-1])} UTC" if len(self) else bars


def _restored(parts: dict[str, Any], chain: tuple[str, ...], dropped: pd.DataFrame | None) -> Candles:
    """Rebuild candles from what `Candles.__reduce__` gave, read-only again."""
    return Candles._trusted(**parts, chain=chain, dropped=dropped)


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"row": np.empty(0, np.int64), "reason": pd.Series([], dtype=object)})
