"""Tables on disk: a store of joblib's that keeps one checked file a table, and neither pickles nor runs anything."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import Lock
from time import time
from typing import Any, NamedTuple, NoReturn

import numpy as np
from joblib import StoreBackendBase, register_store_backend
from numpy.typing import NDArray

from ..errors import OutputError
from ..states import write_whole
from ._keys import SUFFIX, Key, continues, parse_name

__all__ = ["BACKEND", "Stored", "ZstdStore"]

BACKEND = "zstd"
DAMAGED = "damaged"
_HASH = re.compile("[0-9a-f]{16}")  # names of the folders of builds and markets; others are not ours
_LEFT = re.compile(rf"\..*{re.escape(SUFFIX)}\..*\.tmp")  # what a writer that is killed leaves behind
# A pipe in a file's place is not to be waited for.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_KEPT_DAMAGED = 16  # files that may be looked into later
_MINUTE = 60.0
_STALE = 600.0  # seconds after which a temporary file belongs to no writer any more


class Stored(NamedTuple):
    """A file of the store: its key, bytes, and when it was written and last used, in seconds since 1970."""

    key: Key
    size: int
    created: float
    last_access: float


class ZstdStore(StoreBackendBase):  # type: ignore[misc]
    """One file a table below ``<location>/<build>/<market>/``, written whole or not at all.

    Registered with joblib as ``"zstd"``; items are the bytes that :mod:`._format` lays out and checks. Of joblib's own
    habits it keeps none that would hurt: no pickle, no folder of metadata a call, and no wiping of everything when
    a function's body changes, since the hash of all kernel sources is part of every key.
    """

    def configure(
        self, location: str, verbose: int = 0, backend_options: dict[str, Any] | None = None
    ) -> None:
        """Look at a folder, which need not exist yet."""
        self.location = location
        self.root = Path(location)
        self.verbose = verbose
        self.clock = (backend_options or {}).get("clock", time)
        self.forked()

    def forked(self) -> None:
        """Begin anew in a child: what is being read in its parent is not being read here."""
        self._lock = Lock()
        self._reading: Counter[Key] = Counter()
        self._listings: dict[tuple[str, str], tuple[int, dict[str, list[Key]]]] = {}

    # --- items -------------------------------------------------------------------------------------------------

    def path(self, key: Key) -> str:
        """Where a table lies."""
        return os.path.join(self.location, *key.call_id)  # noqa: PTH118 a Path takes five times as long

    def load_item(
        self, call_id: Key, verbose: int = 0, timestamp: float | None = None, metadata: object = None
    ) -> NDArray[np.uint8]:
        """Read a file into memory of its own, so that nothing that happens to it later shows.

        What lies there and is no file, a folder or a pipe, reads as an empty one, which fails its checks.

        Raises
        ------
        KeyError
            If there is none.
        OSError
            If it cannot be read.
        """
        with self._being_read(call_id):
            try:
                file = os.open(self.path(call_id), _READ)
            except (FileNotFoundError, NotADirectoryError):
                raise KeyError(call_id) from None
            try:
                found = os.fstat(file)
                if not stat.S_ISREG(found.st_mode):
                    return np.empty(0, np.uint8)
                content = _whole(file, found.st_size)
                self._note_use(file, found)
            finally:
                os.close(file)
            return content

    def _note_use(self, file: int, found: os.stat_result) -> None:
        """Set when a file was used last, to the minute: file systems are often told not to do it by themselves."""
        now = self.clock()
        if abs(now - found.st_atime) > _MINUTE and os.utime in os.supports_fd:
            with suppress(OSError):
                os.utime(file, ns=(int(now * 1e9), found.st_mtime_ns))

    @contextmanager
    def _being_read(self, key: Key) -> Iterator[None]:
        with self._lock:
            self._reading[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._reading[key] -= 1
                if not self._reading[key]:
                    del self._reading[key]

    def dump_item(self, call_id: Key, item: bytes, verbose: int = 0, created: float | None = None) -> None:
        """Write a file: under another name, synced, then renamed; its age counts from `created`, by default now.

        Raises
        ------
        OutputError
            If it cannot be written; nothing half-written is left then.
        TypeError
            If the item is anything but a packed table.
        """
        if not isinstance(call_id, Key) or not isinstance(item, bytes):
            raise TypeError(
                "the store 'zstd' keeps the tables of ict_kernels.Cache only; "
                "memoize functions of your own with joblib's default store"
            )
        path = Path(self.path(call_id))
        try:
            self._write(path, item, created)
        except OutputError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            self._write(path, item, created)  # its folder was removed meanwhile, by a sweep or by somebody

    def _write(self, path: Path, item: bytes, created: float | None) -> None:
        # Below a link files would lie where no limit counts them.
        for folder in (path.parent.parent, path.parent):
            if os.path.islink(folder):  # noqa: PTH114 that of a Path may fail
                raise OutputError(f"cannot write {path}: {folder} is a link, and has to be a folder")
        with suppress(OSError):  # writing says what is wrong
            path.parent.mkdir(parents=True, exist_ok=True)
        now = self.clock()
        times = int(now * 1e9), int((now if created is None else created) * 1e9)
        write_whole(path, item, follow=False, times=times)  # a link in a table's place may lead anywhere

    def contains_item(self, call_id: Key) -> bool:
        """Whether there is such a file."""
        return isinstance(call_id, Key) and self.find(call_id) is not None

    def find(self, key: Key) -> Stored | None:
        """What a file takes and how old it is; None if there is none."""
        try:
            found = os.stat(self.path(key))  # noqa: PTH116
        except OSError:
            return None
        return Stored(key, found.st_size, found.st_mtime, found.st_atime)

    def clear_item(self, call_id: Key) -> bool:
        """Remove a file; whether it is gone."""
        try:
            os.unlink(self.path(call_id))  # noqa: PTH108
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def set_aside(self, key: Key) -> None:
        """Move a file that is not what it should be out of the way, to be looked into; or remove it."""
        folder, path = self.root / DAMAGED, Path(self.path(key))
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            if len(self.damaged()) < _KEPT_DAMAGED or path.is_dir():
                path.replace(folder / f"{secrets.token_hex(8)}-{key.name}")
                return
        self.clear_item(key)

    # --- what there is -----------------------------------------------------------------------------------------

    def prefixes(self, key: Key) -> list[Key]:
        """Keys of shorter tables of the same detector and market, longest first."""
        shorter = [
            each for each in self._listing(key.build, key.series).get(key.spec, ()) if continues(key, each)
        ]
        return sorted(shorter, key=lambda each: each.bars, reverse=True)

    def _listing(self, build: str, series: str) -> dict[str, list[Key]]:
        """A market's tables by detector, listed anew when its folder has changed."""
        folder = self.root / build / series
        try:
            changed = folder.stat().st_mtime_ns
            known = self._listings.get((build, series))
            if known is not None and known[0] == changed:
                return known[1]
            found: dict[str, list[Key]] = {}
            for name in os.listdir(folder):  # noqa: PTH208
                key = parse_name(build, series, name)
                if key is not None:
                    found.setdefault(key.spec, []).append(key)
        except OSError:
            return {}
        self._listings[build, series] = changed, found
        return found

    def get_items(self) -> list[Stored]:
        """All files of all builds."""
        return list(self._walk())

    def _walk(self) -> Iterator[Stored]:
        for folder in self._folders():
            with suppress(OSError), os.scandir(folder) as files:
                for file in files:
                    key = parse_name(folder.parent.name, folder.name, file.name)
                    if key is not None and file.is_file(follow_symlinks=False):
                        with suppress(OSError):
                            found = file.stat(follow_symlinks=False)
                            yield Stored(key, found.st_size, found.st_mtime, found.st_atime)

    def _folders(self) -> list[Path]:
        """Those of all markets of all builds."""
        return [market for build in _below(self.root) for market in _below(build)]

    # --- limits ------------------------------------------------------------------------------------------------

    def enforce_store_limits(
        self, bytes_limit: int | None, items_limit: int | None = None, age_limit: timedelta | None = None
    ) -> list[Stored]:
        """Remove what is too old, then what was used least recently, until the rest fits; and return it.

        What is being read stays. A file from the future, left by a clock that jumped, counts as new.
        """
        oldest = -np.inf if age_limit is None else self.clock() - age_limit.total_seconds()
        items = sorted(self.get_items(), key=lambda each: (each.created >= oldest, each.last_access))
        size, count = sum(each.size for each in items), len(items)
        removed: list[Stored] = []
        for each in items:
            over = (bytes_limit is not None and size > bytes_limit) or (
                items_limit is not None and count > items_limit
            )
            unused = each.key not in self._reading
            if (over or each.created < oldest) and unused and self.clear_item(each.key):
                size, count = size - each.size, count - 1
                removed.append(each)
        return removed

    def sweep(self) -> int:
        """Remove what writers that were killed left behind, and empty folders; return how many files."""
        return self._remove(lambda file: _LEFT.fullmatch(file.name) is not None and self._is_stale(file))

    def _is_stale(self, file: Path) -> bool:
        return bool(abs(self.clock() - file.stat().st_mtime) > _STALE)

    def _remove(self, unwanted: Callable[[Path], bool]) -> int:
        """Remove files from the folders of markets, and these if they are empty then; return how many files."""
        removed = 0
        for folder in self._folders():
            for file in _files(folder):
                with suppress(OSError):
                    if unwanted(file):
                        file.unlink()
                        removed += 1
            for empty in (folder, folder.parent):
                with suppress(OSError):
                    empty.rmdir()
        return removed

    def clear_location(self, location: str) -> None:
        """Remove a folder of the store."""
        shutil.rmtree(location, ignore_errors=True)

    def clear(self) -> None:
        """Remove all tables, and nothing else that may lie in the folder."""
        self._remove(_is_ours)
        self.clear_damaged()
        self._listings.clear()

    def damaged(self) -> list[Path]:
        """Files that were set aside."""
        return list((self.root / DAMAGED).glob(f"*{SUFFIX}"))

    def clear_damaged(self) -> int:
        """Remove what was set aside; return how many files."""
        removed = 0
        for path in self.damaged():
            with suppress(OSError):
                path.unlink()
                removed += 1
        with suppress(OSError):
            (self.root / DAMAGED).rmdir()
        return removed

    # --- what joblib would do for functions of any kind ----------------------------------------------------------

    def create_location(self, location: str) -> None:
        """Make no folder before there is something to write."""

    def get_metadata(self, call_id: object) -> dict[str, Any]:
        """Nothing: what there is to know stands in each file's header."""
        return {}

    def store_metadata(self, call_id: object, metadata: object) -> None:
        """Write no folder of metadata."""

    def store_cached_func_code(self, call_id: object, func_code: str | None = None) -> None:
        """Write no source: the hash of all kernels is part of each key."""

    def get_cached_func_code(self, call_id: object) -> NoReturn:
        """Say that there is none."""
        raise FileNotFoundError(f"{self.location} keeps no sources")

    def get_cached_func_info(self, call_id: object) -> dict[str, str]:
        """Where the store is."""
        return {"location": self.location}

    def clear_path(self, call_id: object) -> None:
        """Keep everything: a function whose body changed is no reason to wipe its results."""

    _open_item = staticmethod(open)
    _item_exists = staticmethod(os.path.exists)
    _move_item = staticmethod(os.replace)


def _whole(file: int, size: int) -> NDArray[np.uint8]:
    """The bytes of an open file, which systems hand out by 2 GiB at most."""
    content = np.empty(size, np.uint8)
    with os.fdopen(file, "rb", buffering=0, closefd=False) as stream:
        read = 0
        while read < size and (more := stream.readinto(content[read:].data)):
            read += more
    return content[:read]


def _below(folder: Path) -> list[Path]:
    try:
        return [
            path
            for path in folder.iterdir()
            if _HASH.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
        ]
    except OSError:
        return []


def _is_ours(file: Path) -> bool:
    key = parse_name(file.parent.parent.name, file.parent.name, file.name)
    return key is not None or _LEFT.fullmatch(file.name) is not None


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


register_store_backend(BACKEND, ZstdStore)
