"""What a scan reads: files, patterns, folders, candles and frames, each known before it is read."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from ..candles import Candles, OnError
from ..errors import CandleError, ParameterError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["Input", "Inputs", "Source", "expand"]

Input: TypeAlias = "str | PathLike[str] | Candles | pd.DataFrame | pl.DataFrame | pa.Table"
"""One input: a file, a folder, a pattern of file names, candles, or a frame of candles."""

Inputs: TypeAlias = "Input | Iterable[Input]"


class _Format(NamedTuple):
    """How files of one kind are read, and about how many bytes a bar takes in them."""

    read: Callable[..., Candles]
    bytes_per_bar: int


_TEXT: Final = _Format(Candles.from_csv, 60)
_FORMATS: Final[dict[str, _Format]] = {
    ".csv": _TEXT,
    ".txt": _TEXT,
    ".tsv": _TEXT,
    ".parquet": _Format(Candles.from_parquet, 24),
}
_FRAMES: Final[dict[str, Callable[..., Candles]]] = {
    "pandas": Candles.from_pandas,
    "polars": Candles.from_polars,
    "pyarrow": Candles.from_arrow,
}

_TAKEN: Final = "give paths, patterns, Candles, or pandas, polars or Arrow frames"


@dataclass(frozen=True, eq=False)
class Source:
    """One series that can be read.

    Attributes
    ----------
    label : str
        What messages call it: the path of a file, else its place among the inputs.
    bars : int
        Its number of bars; of a file about that number, by its size.
    read : callable
        ``read()`` returns the candles; errors name the source.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> source = expand(ict.sample_market(["EURUSD"], bars=100))[0]
    >>> source.label, source.bars
    ('input 1 (EURUSD 15min)', 100)
    >>> len(source.read())
    100
    """

    label: str
    bars: int
    read: Callable[[], Candles]


def expand(inputs: Inputs, *, tz: str | tzinfo | None = None, on_error: OnError = "raise") -> list[Source]:
    """List the series that inputs stand for, in their order, without reading any.

    Parameters
    ----------
    inputs : input or iterable of inputs
        Paths of ``.csv``, ``.txt``, ``.tsv`` or ``.parquet`` files; folders and patterns such as
        ``"~/data/**/*.csv"``, which stand for all such files in them, sorted; candles; pandas, polars or Arrow
        frames. What occurs twice is listed once.
    tz : str or tzinfo, optional
        The zone of times that name none.
    on_error : {"raise", "drop"}, default "raise"
        Whether bad rows are an error or left out.

    Returns
    -------
    list of Source

    Raises
    ------
    CandleError
        If there is no such file, its suffix is none of those above, or a folder or pattern holds no such file.
    ParameterError
        If there is no input, or one of another type.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("EURUSD_1H.csv", "GBPUSD_1H.csv", "notes.md"):
    ...         _ = Path(folder, name).write_text("")
    ...     [Path(source.label).name for source in expand([f"{folder}/*", f"{folder}/EURUSD_1H.csv"])]
    ['EURUSD_1H.csv', 'GBPUSD_1H.csv']
    """
    listed: dict[object, Source] = {}
    for place, given in enumerate(_each(inputs), start=1):
        if isinstance(given, (str, PathLike)):
            for path in _files(Path(given)):
                listed.setdefault(path.resolve(), _file_source(path, tz, on_error))
        else:
            listed.setdefault(id(given), _memory_source(given, f"input {place}", tz, on_error))
    if not listed:
        raise ParameterError("there is nothing to read: the list of inputs is empty")
    return list(listed.values())


def _each(inputs: Inputs) -> Iterator[Any]:
    if isinstance(inputs, (str, PathLike, Candles)) or _builder(inputs):
        yield inputs
    elif isinstance(inputs, Iterable):
        yield from inputs
    else:
        raise ParameterError(f"{type(inputs).__name__} is no input: {_TAKEN}")


def _builder(frame: object) -> Callable[..., Candles] | None:
    """What makes candles of a frame, told by the library it is from, since that may not be installed."""
    return _FRAMES.get(type(frame).__module__.partition(".")[0])


def _memory_source(given: Any, label: str, tz: str | tzinfo | None, on_error: OnError) -> Source:
    if isinstance(given, Candles):
        name = " ".join(filter(None, (given.symbol, given.timeframe)))
        return Source(f"{label} ({name})" if name else label, len(given), lambda: given)
    build = _builder(given)
    if build is None:
        raise ParameterError(f"{label} is a {type(given).__name__}: {_TAKEN}")
    return Source(
        label, len(given), partial(_labelled, label, partial(build, given, tz=tz, on_error=on_error))
    )


def _labelled(label: str, read: Callable[[], Candles]) -> Candles:
    try:
        return read()
    except CandleError as error:
        raise CandleError(f"{label}: {error}") from error


def _file_source(path: Path, tz: str | tzinfo | None, on_error: OnError) -> Source:
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise CandleError(f"{path}: not a file of candles; these can be read: {', '.join(_FORMATS)}")
    return Source(
        str(path),
        path.stat().st_size // kind.bytes_per_bar,
        partial(kind.read, path, tz=tz, on_error=on_error),
    )


def _files(given: Path) -> list[Path]:
    """The files that a path, a folder or a pattern stands for."""
    path = given.expanduser()
    if path.is_dir():
        return _readable(given, path.iterdir())
    if path.exists():
        return [path]
    if glob.has_magic(str(path)):
        return _readable(given, map(Path, glob.glob(str(path), recursive=True)))
    raise CandleError(f"{given}: there is no such file")


def _readable(given: Path, paths: Iterable[Path]) -> list[Path]:
    """Those that are files of candles, sorted; a pattern such as ``data/*`` may well match others."""
    found = sorted(
        path
        for path in paths
        if path.suffix.lower() in _FORMATS and not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise CandleError(f"{given}: no {', '.join(_FORMATS)} file there")
    return found
