"""Files of candles: text as brokers write it, and Parquet, read in pieces so that little is held at a time."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from ict_kernels._intake import (
    PRICES,
    Checked,
    OnError,
    all_there,
    arrow_columns,
    checked,
    find_roles,
    noted,
    warn_naive,
)
from ict_kernels.errors import CandleError
from ict_kernels.timeframes import Timeframe, from_stem

if TYPE_CHECKING:
    import pyarrow as pa

_TEXTS: Final = ("time", "date")
_BLOCK: Final = 1 << 22  # characters parsed at once


def checked_file(
    path: Path,
    read: Callable[[Path], dict[str, Any]],
    *,
    symbol: str,
    timeframe: Timeframe | None,
    tz: str | tzinfo | None,
    on_error: OnError,
) -> Checked:
    """Read a file and check it; messages begin with its path, and its name says what is not given."""
    path = path.expanduser()
    named_symbol, hint = from_stem(path.stem) or ("", "")
    with noted() as notes, _about(path):
        found = checked(
            read(path),
            symbol=symbol or named_symbol,
            timeframe=timeframe,
            tz=tz,
            on_error=on_error,
            hint=hint,
        )
    for note in notes:
        warn_naive(f"{path}: {note}")
    return found


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Let errors begin with the path."""
    try:
        yield
    except CandleError as error:
        raise CandleError(f"{path}: {error}") from error.__cause__
    except OSError as error:
        raise CandleError(f"{path}: {error.strerror or error}") from error


def parquet_columns(path: Path) -> dict[str, Any]:
    """Read the columns of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as source:
        try:
            file = pq.ParquetFile(source)
            return arrow_columns(file.schema_arrow, lambda name: file.read(columns=[name]))
        except pa.ArrowException as error:
            raise CandleError(f"not a Parquet file ({error})") from error


def csv_columns(path: Path) -> dict[str, Any]:
    """Read the columns of a text file: times and dates as text, all others as numbers where they are."""
    with _text(path) as text:
        header = _Header.sniff(text)
        parsed = [header.parse(block) for block in _blocks(header.begun, text)]
    # Taken out one by one, so that each column's blocks can be given up once they are joined.
    return {role: _end_to_end([cells.pop(role) for cells in parsed]) for role in header.roles}


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """Open a text file, which is UTF-8 or, by MetaTrader, UTF-16."""
    with path.open("rb") as file:
        encoding = "utf-16" if file.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            yield io.TextIOWrapper(file, encoding, newline="")
        except UnicodeDecodeError:
            raise CandleError("not a text file") from None


def _blocks(begun: str, text: TextIO) -> Iterator[bytes]:
    """Cut the rest of a text, of which something was read already, into blocks of whole lines."""
    while block := begun + text.read(_BLOCK):
        block += text.readline()
        begun = ""
        if block.strip():
            yield _without_nul(block).encode()


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise CandleError("not a text file")
    return text


class _Header(NamedTuple):
    """How a text file is laid out; `begun` is the first row if there is no header."""

    delimiter: str
    begun: str
    width: int
    roles: dict[str, int]

    @classmethod
    def sniff(cls, text: TextIO) -> _Header:
        """Tell delimiter and columns from the first line that is not blank, and take it from the text."""
        first = next((line for line in iter(text.readline, "") if line.strip()), "")
        line = _without_nul(first).strip()
        if not line:
            raise CandleError("the file is empty")
        delimiter = max(",;\t", key=line.count)
        names = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        if re.match(r"\d", names[0].strip()):
            return cls(delimiter, first, len(names), _unnamed_roles(names))
        roles = find_roles(names)
        all_there(roles, names)
        return cls(delimiter, "", len(names), roles)

    def parse(self, block: bytes) -> dict[str, Any]:
        """Parse some rows; numbers are arrays, of text where one of them is none, so that it can be quoted."""
        import pyarrow as pa

        try:
            table = self._table(block, pa.float64())
        except pa.ArrowInvalid:
            try:
                table = self._table(block, pa.string())
            except pa.ArrowInvalid as error:
                raise CandleError(f"cannot be read as a table ({error})") from error
        columns = {role: table[str(place)] for role, place in self.roles.items()}
        return {role: cells if role in _TEXTS else _numeric(cells) for role, cells in columns.items()}

    def _table(self, block: bytes, numbers: pa.DataType) -> pa.Table:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        types = {str(place): pa.string() if role in _TEXTS else numbers for role, place in self.roles.items()}
        return arrow_csv.read_csv(
            io.BytesIO(block),
            read_options=arrow_csv.ReadOptions(column_names=[str(place) for place in range(self.width)]),
            parse_options=arrow_csv.ParseOptions(delimiter=self.delimiter),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(types), column_types=types, strings_can_be_null=True
            ),
        )


def _unnamed_roles(cells: Sequence[str]) -> dict[str, int]:
    """Return the roles of a file without header from its first row."""
    apart = len(cells) > 1 and re.fullmatch(r"\s*\d\d?:\d\d(:\d\d)?\s*", cells[1])
    order = ("date", "time", *PRICES, "volume") if apart else ("time", *PRICES, "volume")
    if len(cells) < len(order) - 1:
        raise CandleError(
            f"no header, and {len(cells)} columns instead of {', '.join(order[:-1])} and perhaps a volume"
        )
    return {role: place for place, role in enumerate(order[: len(cells)])}


def _numeric(cells: pa.ChunkedArray[Any]) -> NDArray[Any]:
    """Return numbers, or all as it is written if one of them is none."""
    import pyarrow as pa

    try:
        return cells.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return cells.to_numpy()


def _end_to_end(parts: Sequence[Any]) -> Any:
    """Join what the blocks of a file hold in one column."""
    import pyarrow as pa

    if not parts or isinstance(parts[0], np.ndarray):
        return np.concatenate([np.empty(0), *parts])
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks]).to_pandas()
