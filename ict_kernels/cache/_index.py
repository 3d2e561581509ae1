"""What the files of a store hold, known without opening each of them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..errors import OutputError
from ..states import write_whole
from ._codec import DTYPES
from ._files import open_plain, read_plain
from ._format import HEAD, MAGIC, MALFORMED
from ._keys import FORMAT, Key

if TYPE_CHECKING:
    from ._store import Stored, ZstdStore

__all__ = ["Index", "Record", "forget_index", "read_unnoticed"]

_FILE: Final = "ict-kernels-index.json"
_VERSION: Final = 1
_BEGINNING: Final = 1 << 16  # bytes of a file that its header surely fits into
_LIMIT: Final = 2.0**53  # of numbers, so that sums of them stay exact


class Record(NamedTuple):
    """What is known of a file.

    Attributes
    ----------
    key : Key
    size : int
        Bytes of the file.
    created, last_access : float
        When it was written and last used, in seconds since 1970.
    detector : str
    parameters : dict
    symbol, timeframe : str
    version : str
        Of the package that wrote it.
    rows : int
    seconds : float
        What computing it took, with all that feeds it.
    table_bytes : int
        Bytes of the table's columns as they are.
    compressed : bool
    readable : bool
        Whether it has a header of this format; otherwise what a header says is empty.
    """

    key: Key
    size: int
    created: float
    last_access: float
    detector: str = ""
    parameters: dict[str, Any] = {}  # noqa: RUF012 nobody writes to it
    symbol: str = ""
    timeframe: str = ""
    version: str = ""
    rows: int = 0
    seconds: float = 0.0
    table_bytes: int = 0
    compressed: bool = False
    readable: bool = False


class Index:
    """Records of all files of a store, kept in a file of its own that is made anew when it is lost or malformed.

    It serves upkeep and forecasts only: whatever it says, a table is read from its own file, and checked.

    Parameters
    ----------
    store : ZstdStore
    records : iterable of Record
    changed : bool
        Whether they are not those that its file holds.
    """

    def __init__(self, store: ZstdStore, records: Iterable[Record], changed: bool) -> None:
        self.records = tuple(records)
        self._path = store.root / _FILE
        self._changed = changed

    @classmethod
    def opened(cls, store: ZstdStore) -> Index:
        """The index as the store is now: files that it does not know are looked into."""
        known = _read(store.root / _FILE)
        files = store.get_items()
        # What could not be read may be readable now.
        kept = {
            each.key: record._replace(last_access=each.last_access)
            for each in files
            if (record := known.get(each.key)) is not None
            and record.readable
            and (record.size, record.created) == (each.size, each.created)
        }
        records = (kept.get(each.key) or _described(store, each) for each in files)
        found = [record for record in records if record is not None]
        return cls(store, found, changed=len(kept) != len(found) or len(found) != len(known))

    def save(self) -> None:
        """Write the index if it changed; a folder that cannot be written goes without."""
        if self._changed:
            with suppress(OutputError, RecursionError):
                content = json.dumps({"version": _VERSION, "records": self.records}).encode()
                write_whole(self._path, content, follow=False)
                self._changed = False


def forget_index(folder: Path) -> None:
    """Remove a folder's index, and what writers of it that were killed left behind."""
    for path in (folder / _FILE, *folder.glob(f".{_FILE}.*.tmp")):
        with suppress(OSError):
            path.unlink()


def read_unnoticed(path: str, size: int = -1) -> bytes:
    """The beginning of a file, or all of it, which does not count as a use."""
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        content = file.read(size)
        if os.utime in os.supports_fd:
            with suppress(OSError):
                os.utime(file.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))
    return content


def _described(store: ZstdStore, file: Stored) -> Record | None:
    """What a file's header says; None if the file is gone."""
    try:
        header = _header(read_unnoticed(store.path(file.key), _BEGINNING))
        record = Record(
            *file,
            detector=header["detector"],
            parameters=header["parameters"],
            symbol=header["symbol"],
            timeframe=header["timeframe"],
            version=header["version"],
            rows=header["rows"],
            seconds=sum(computing for computing, _ in header["costs"]),
            table_bytes=_table_bytes(header),
            compressed=header["compressed"],
            readable=True,
        )
        if header["key"] == list(file.key) and _is_sound(record):
            return record
    except FileNotFoundError:
        return None
    except (OSError, *MALFORMED):
        pass
    return Record(*file)


def _header(content: bytes) -> dict[str, Any]:
    """A file's header, whose checksum stays unchecked."""
    magic, version, size, _ = HEAD.unpack_from(content)
    if magic != MAGIC or version != FORMAT:
        raise ValueError("it is no cached table of this format")
    header: dict[str, Any] = json.loads(content[HEAD.size : HEAD.size + size])
    return header


def _table_bytes(header: dict[str, Any]) -> int:
    columns = header["table"]["columns"]
    return sum(DTYPES[column["dtype"]].itemsize * math.prod(column["shape"]) for column in columns)


def _read(path: Path) -> dict[Key, Record]:
    """The records of an index's file; none if it is not what was written."""
    try:
        content = json.loads(read_plain(path))
        if content["version"] != _VERSION:
            return {}
        records = [Record(Key(*key), *rest) for key, *rest in content["records"]]
        return {record.key: record for record in records} if all(map(_is_sound, records)) else {}
    except (OSError, *MALFORMED):
        return {}


def _is_sound(record: Record) -> bool:
    """Whether all fields are of their types and in range."""
    build, series, spec, bars, digest, begin = record.key
    texts = (
        build,
        series,
        spec,
        digest,
        begin,
        record.detector,
        record.symbol,
        record.timeframe,
        record.version,
    )
    counts = (bars, record.size, record.rows, record.table_bytes)
    seconds = (record.created, record.last_access, record.seconds)
    return (
        {*map(type, texts)} == {str}
        and {*map(type, counts)} == {int}
        and {*map(type, seconds)} <= {int, float}
        and {type(record.compressed), type(record.readable)} == {bool}
        and type(record.parameters) is dict
        and 0 <= min(counts) <= max(counts) < _LIMIT
        and all(abs(number) < _LIMIT for number in seconds)
    )
