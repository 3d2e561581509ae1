"""Event tables as Parquet datasets, written so that readers never meet a half of one.

The layout is ``<out>/<detector>/symbol=<symbol>/timeframe=<timeframe>/part-0.parquet``, which pandas, polars, DuckDB,
Spark and Arrow read as one table a detector: ``pandas.read_parquet("events/swings")``. All files of a dataset have one
schema, those of series without events included, as a mixed one loses columns on reading. Symbols are percent-encoded
(``BTC%2FUSD``), which readers undo; what has no symbol or timeframe is filed under ``unknown``.

Files are first written to a hidden folder inside ``out`` and renamed into place once all of them are on disk.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from ..candles import Candles
from ..errors import OutputError
from ..events import Events
from ..registry import Spec

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Self

__all__ = ["DatasetWriter", "arrow_table", "partition"]

_ROWS: Final = 1 << 15  # in a slice that is converted and written at once
_UNKNOWN: Final = "unknown"
_PART: Final = "part-0.parquet"
_PREFIX, _SUFFIX = ".ict-kernels-", ".tmp"


def partition(symbol: str, timeframe: str) -> str:
    """The folder of a series inside a dataset.

    Parameters
    ----------
    symbol, timeframe : str
        Those of the candles; ``""`` becomes ``unknown``.

    Returns
    -------
    str
        Two levels of ``key=value``, values percent-encoded.

    Examples
    --------
    >>> partition("BTC/USD", "15min")
    'symbol=BTC%2FUSD/timeframe=15min'
    >>> partition("", "1h")
    'symbol=unknown/timeframe=1h'
    """
    named = {"symbol": symbol, "timeframe": timeframe}
    return "/".join(
        f"{key}={quote(value or _UNKNOWN, safe='', errors='backslashreplace')}"
        for key, value in named.items()
    )


def arrow_table(spec: Spec, table: Events | NDArray[Any], candles: Candles) -> pa.Table:
    """A detector's result as it is written.

    Parameters
    ----------
    spec : Spec
        The detector with its parameters.
    table : Events or ndarray
        What it found: events, or of a dense companion one value a bar.
    candles : Candles
        Where it found them.

    Returns
    -------
    pyarrow.Table
        Of events all columns, each column of positions followed by its instants ``<column>_time``; of a dense companion
        ``bar``, ``time`` and its values. The schema's metadata hold version, detector and, as JSON, parameters.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=300)[0]
    >>> arrow_table(ict.detector("swings"), ict.swings(candles), candles).column_names[:4]
    ['bar', 'bar_time', 'confirmed', 'confirmed_time']
    >>> arrow_table(ict.detector("trend"), ict.trend(candles), candles).column_names
    ['bar', 'time', 'trend']
    """
    found = table.to_arrow(times=True) if isinstance(table, Events) else _dense_table(spec, table, candles)
    return found.replace_schema_metadata(_metadata(spec))


def _dense_table(spec: Spec, values: NDArray[Any], candles: Candles, start: int = 0) -> pa.Table:
    import pyarrow as pa

    columns = {
        "bar": pa.array(np.arange(start, start + len(values), dtype=np.int64)),
        "time": pa.array(candles.time.view("M8[ns]"), pa.timestamp("ns", "UTC")),
        spec.entry.columns[0].name: pa.array(values),
    }
    return pa.table(columns)


def _metadata(spec: Spec) -> dict[str, str]:
    from ict_kernels import __version__  # here, as the package imports this module

    return {
        "ict_kernels.version": __version__,
        "ict_kernels.detector": spec.name,
        "ict_kernels.parameters": json.dumps(spec.parameters),
    }


class DatasetWriter:
    """Writes datasets all at once or not at all.

    Used as a context: what was written and committed stays; otherwise, on an error, an interruption or without a
    :meth:`commit`, everything is as it was before. What an earlier process left behind when it was killed is removed.

    A commit replaces the series that were written and leaves all others alone. It is a row of renames, each of which
    a reader sees as done or not done; if one fails, those before it are taken back.

    Parameters
    ----------
    out : path
        The folder of the datasets; made if need be.

    Raises
    ------
    OutputError
        If something cannot be written; the message names the path.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> import pandas as pd
    >>> candles = ict.sample_market(bars=300)[0]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with DatasetWriter(folder) as writer:
    ...         writer.write(ict.detector("swings"), ict.swings(candles), candles)
    ...         writer.commit()
    ...     frame = pd.read_parquet(f"{folder}/swings")
    >>> list(frame)[-4:]
    ['broken', 'broken_time', 'symbol', 'timeframe']
    """

    def __init__(self, out: str | PathLike[str]) -> None:
        self.out = Path(out).expanduser()
        self._parts: dict[str, Path] = {}  # where each file goes, and where it is until then
        self._numbers = itertools.count()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with _output_errors(self.out), contextlib.ExitStack() as stack:
            stack.callback(_remove_empty, _make_folder(self.out))
            _remove_stale(self.out)
            self._staging = stack.enter_context(_staging(self.out))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def write(self, spec: Spec, table: Events | NDArray[Any], candles: Candles) -> None:
        """Write a detector's result for one series to the hidden folder; several threads may do so at a time.

        Parameters
        ----------
        spec : Spec
        table : Events or ndarray
        candles : Candles
            As for :func:`arrow_table`; symbol and timeframe say where the file goes.

        Raises
        ------
        OutputError
            If there is no room, for instance.
        """
        part = f"{spec.name}/{partition(candles.symbol, candles.timeframe)}/{_PART}"
        with _output_errors(self.out / part):
            staged = self._staging / str(next(self._numbers))
            _write_parquet(staged, _arrow_slices(spec, table, candles))
            with staged.open("rb+") as file:
                os.fsync(file.fileno())
        self._parts[part] = staged

    def commit(self) -> None:
        """Rename everything written so far into place.

        Raises
        ------
        OutputError
            If a rename fails; those before it have then been taken back.
        """
        with contextlib.ExitStack() as undo:
            for part, staged in self._parts.items():
                with _output_errors(self.out / part):
                    _place(staged, self.out / part, undo)
            undo.pop_all()
        for part in self._parts:
            with _output_errors(self.out / part):
                _remove_other_parts(self.out / part)
        self._parts.clear()


def _place(staged: Path, target: Path, undo: contextlib.ExitStack) -> None:
    """Rename a file into place, and note how to take that back."""
    undo.callback(_remove_empty, _make_folder(target.parent))
    if target.exists():
        before = staged.with_suffix(".before")
        _link_or_copy(target, before)
        staged.replace(target)
        undo.callback(before.replace, target)
    else:
        staged.replace(target)
        undo.callback(target.unlink)


def _arrow_slices(spec: Spec, table: Events | NDArray[Any], candles: Candles) -> Iterator[pa.Table]:
    """A detector's result in slices, so that a large one isn't converted all at once; one without rows has one."""
    for start in range(0, max(len(table), 1), _ROWS):
        rows = slice(start, start + _ROWS)
        found = (
            table[rows].to_arrow(times=True)
            if isinstance(table, Events)
            else _dense_table(spec, table[rows], candles[rows], start)
        )
        yield found.replace_schema_metadata(_metadata(spec))


def _write_parquet(path: Path, slices: Iterator[pa.Table]) -> None:
    """Write a Parquet file; positions and instants, which nearly ascend, as packed differences: half as large."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(slices)
    packed = {
        name: "DELTA_BINARY_PACKED"
        for name, kind in zip(first.column_names, first.schema.types)
        if not pa.types.is_floating(kind)
    }
    # By Arrow itself, as it would take the interpreter lock for each of its many small writes to a Python file.
    with (
        pa.OSFile(str(path), "wb") as sink,
        pq.ParquetWriter(sink, first.schema, use_dictionary=False, column_encoding=packed) as writer,
    ):
        writer.write_table(first)
        for table in slices:
            writer.write_table(table)


@contextlib.contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    """Let errors of the file system name the path that the caller knows."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder, and return those that were made, innermost first."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, "it exists and is no folder") from None
    return made


def _remove_empty(folders: list[Path]) -> None:
    """Remove those of the folders that are empty."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _remove_other_parts(kept: Path) -> None:
    """Remove what other writers split the series into, as it has been replaced."""
    for path in kept.parent.glob("part-*.parquet"):
        if path != kept:
            path.unlink(missing_ok=True)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # not every file system has hard links
        shutil.copy2(source, target)


# A folder that is written to is locked, so that one whose process was killed can be told from one in use: the system
# drops the lock with the process. Without locks (Windows, some network drives) left folders stay.


@contextlib.contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A hidden folder for files that are not finished, removed at the end."""
    folder, handle = _locked_folder(out)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _unlock(handle)


def _locked_folder(out: Path) -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(_SUFFIX, _PREFIX, out))
        handle = _lock(folder, wait=True)
        if folder.exists():  # no other process took it for a left one before it was locked
            return folder, handle
        _unlock(handle)


def _remove_stale(out: Path) -> None:
    """Remove the hidden folders of processes that are no more."""
    for folder in out.glob(f"{_PREFIX}*{_SUFFIX}"):
        handle = _lock(folder)
        if handle is not None:
            shutil.rmtree(folder, ignore_errors=True)
            _unlock(handle)


def _lock(folder: Path, *, wait: bool = False) -> int | None:
    """Lock a folder and return the handle that holds the lock; None if it is locked, gone, or cannot be locked."""
    if fcntl is None:
        return None
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _unlock(handle)
        return None
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)
