"""Looking after a cache: what it holds, whether that is whole, and making it small or empty."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError, ParameterError
from ..registry import Spec, detector
from ..states import write_whole
from ._format import HEAD, MAGIC, EntryError, check, pack, unpack, unpacked
from ._index import Index, Record, forget_index, read_unnoticed
from ._keys import FORMAT, Key, build_id, spec_id
from ._stats import Stats, forget_usage, read_usage, sum_usage
from ._tables import Entry

if TYPE_CHECKING:
    from ._cache import Cache

__all__ = [
    "Cleared",
    "Compacted",
    "Info",
    "Problem",
    "Progress",
    "Share",
    "clear",
    "compact",
    "info",
    "verify",
]

Progress = Callable[[int, int, str], object]
"""Told how many files are done, of how many, and which was the last."""


def _silent(done: int, total: int, label: str) -> None:
    pass


# --- what there is ----------------------------------------------------------------------------------------------


class Share(NamedTuple):
    """Part of a cache: files, their bytes, and the rows of their tables."""

    files: int
    bytes: int
    rows: int


@dataclass(frozen=True)
class Info:
    """What a cache holds, and how it was used.

    Attributes
    ----------
    location : Path
    files, bytes : int
        Of all tables on disk, those of other builds included.
    table_bytes : int
        Bytes of their columns as they are.
    max_bytes, max_files : int
        Limits on disk.
    ttl_seconds : int
        Seconds after which a table is dropped.
    by_detector, by_market : dict of str to Share
        Largest first; a market is its symbol and timeframe.
    other_builds : Share
        Files of other kernels or versions of the package, which this one leaves alone.
    unreadable : int
        Files whose header says nothing.
    damaged : int
        Files that were set aside.
    expired : int
        Files that are too old to be used.
    oldest, newest : float or None
        When the first and the last file were written, in seconds since 1970; None if there is none.
    usage : Stats
        Sum over all processes that have closed the cache.
    memory_bytes, memory_entries, max_memory_bytes : int
        What the level in memory holds, and may hold.
    """

    location: Path
    files: int
    bytes: int
    table_bytes: int
    max_bytes: int
    max_files: int
    ttl_seconds: int
    by_detector: dict[str, Share]
    by_market: dict[str, Share]
    other_builds: Share
    unreadable: int
    damaged: int
    expired: int
    oldest: float | None
    newest: float | None
    usage: Stats
    memory_bytes: int
    memory_entries: int
    max_memory_bytes: int

    @property
    def saving(self) -> float:
        """Percent by which files are smaller than the columns as they are, headers and states included."""
        return 100 * (1 - self.bytes / self.table_bytes) if self.table_bytes else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain values, saving included."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("by_detector", "by_market"):
            plain[name] = {part: share._asdict() for part, share in plain[name].items()}
        return plain | {
            "location": str(self.location),
            "other_builds": self.other_builds._asdict(),
            "usage": self.usage.to_dict(),
            "saving": self.saving,
        }


def info(cache: Cache) -> Info:
    """What :meth:`Cache.info` does."""
    cache.flush()
    index = Index.opened(cache.store)
    index.save()
    records = index.records
    readable = [each for each in records if each.readable]
    created = [each.created for each in records]
    limits = cache.settings
    return Info(
        location=cache.location,
        files=len(records),
        bytes=sum(each.size for each in records),
        table_bytes=sum(each.table_bytes for each in records),
        max_bytes=limits.max_cache_size.bytes,
        max_files=limits.max_cache_entries,
        ttl_seconds=limits.cache_ttl_seconds,
        by_detector=_shares(readable, lambda each: each.detector),
        by_market=_shares(readable, lambda each: f"{each.symbol} {each.timeframe}".strip()),
        other_builds=_share(each for each in records if each.key.build != build_id()),
        unreadable=len(records) - len(readable),
        damaged=len(cache.store.damaged()),
        expired=sum(map(cache.is_too_old, created)),
        oldest=min(created, default=None),
        newest=max(created, default=None),
        usage=read_usage(cache.location),
        memory_bytes=cache.level.bytes,
        memory_entries=len(cache.level),
        max_memory_bytes=cache.level.limit,
    )


def _share(records: Iterable[Record]) -> Share:
    listed = list(records)
    return Share(len(listed), sum(each.size for each in listed), sum(each.rows for each in listed))


def _shares(records: Iterable[Record], part: Callable[[Record], str]) -> dict[str, Share]:
    parts: dict[str, list[Record]] = {}
    for each in records:
        parts.setdefault(part(each), []).append(each)
    shares = {name: _share(listed) for name, listed in parts.items()}
    return dict(sorted(shares.items(), key=lambda each: each[1].bytes, reverse=True))


# --- whether it is whole ----------------------------------------------------------------------------------------


class Problem(NamedTuple):
    """A file that is not what it should be.

    Attributes
    ----------
    path : str
        Where it lay.
    reason : str
    set_aside : bool
        Whether it is out of the way now; if not, it could not be moved or not even be read.
    """

    path: str
    reason: str
    set_aside: bool


def verify(cache: Cache, progress: Progress | None = None) -> list[Problem]:
    """What :meth:`Cache.verify` does. Of other builds' files checksum and key are checked, of this one's everything."""
    cache.flush()
    records, tell = Index.opened(cache.store).records, progress or _silent
    problems = []
    for done, each in enumerate(records, 1):
        problem = _examined(cache, each.key)
        if problem is not None:
            problems.append(problem)
        tell(done, len(records), each.detector)
    return problems


def _examined(cache: Cache, key: Key) -> Problem | None:
    path = cache.store.path(key)
    try:
        _opened(_content(path), key)
    except FileNotFoundError:  # removed meanwhile
        return None
    except EntryError as error:
        cache.mistrust(key)
        return Problem(path, str(error), cache.store.find(key) is None)
    except MemoryError:
        return Problem(path, "it does not fit into memory", False)
    except OSError as error:
        return Problem(path, f"it cannot be read ({error.strerror or error})", False)
    return None


class _Opened(NamedTuple):
    """A file of this build, checked throughout."""

    spec: Spec
    entry: Entry
    market: tuple[str, str]


def _content(path: str) -> NDArray[np.uint8]:
    return np.frombuffer(read_unnoticed(path), np.uint8)


def _opened(content: NDArray[np.uint8], key: Key) -> _Opened | None:
    """Check a file as far as this build can; what it holds if that is everything.

    Raises
    ------
    EntryError
        If the file is not what it should be.
    """
    ours = key.build == build_id()
    if not ours and _has_another_format(content):
        return None
    header = check(content, key)
    if not ours:
        return None
    try:
        spec = detector(header["detector"], **header["parameters"])
        market = header["symbol"], header["timeframe"]
    except ParameterError:  # of a detector that other programs register
        return None
    except (KeyError, TypeError) as error:
        raise EntryError(f"its header is malformed ({error})") from error
    if spec_id(spec) != key.spec:
        raise EntryError("it is the table of another detector or of other parameters than its name says")
    entry = unpack(content, key, spec)
    unpacked(entry.states)
    return _Opened(spec, entry, market)


def _has_another_format(content: NDArray[np.uint8]) -> bool:
    """Whether a file has a format that this build knows nothing of."""
    if content.nbytes < HEAD.size:
        return False
    magic, version, _, _ = HEAD.unpack_from(content.data)
    return bool(magic == MAGIC and version != FORMAT)


# --- making it small --------------------------------------------------------------------------------------------


class Compacted(NamedTuple):
    """What compacting a cache did.

    Attributes
    ----------
    files_before, bytes_before, files_after, bytes_after : int
        Of all tables on disk.
    compressed : int
        Files that were rewritten.
    expired, evicted : int
        Files removed for age, and for room.
    leftovers : int
        Files removed that were set aside as damaged, or that killed writers left behind.
    """

    files_before: int
    bytes_before: int
    files_after: int
    bytes_after: int
    compressed: int
    expired: int
    evicted: int
    leftovers: int


def compact(cache: Cache, progress: Progress | None = None) -> Compacted:
    """What :meth:`Cache.compact` does."""
    store, limits = cache.store, cache.settings
    cache.flush()
    _demand_writable(store.root)
    before = store.get_items()
    leftovers = store.sweep() + store.clear_damaged()
    expired = store.enforce_store_limits(None, None, timedelta(seconds=limits.cache_ttl_seconds))
    compressed = _compress(cache, progress or _silent) if limits.compression_enabled else 0
    evicted = store.enforce_store_limits(limits.max_cache_size.bytes, limits.max_cache_entries)
    cache.count(expired=len(expired), evicted=len(evicted))
    forget_index(store.root)
    Index.opened(store).save()
    sum_usage(store.root)
    after = store.get_items()
    return Compacted(
        files_before=len(before),
        bytes_before=sum(each.size for each in before),
        files_after=len(after),
        bytes_after=sum(each.size for each in after),
        compressed=compressed,
        expired=len(expired),
        evicted=len(evicted),
        leftovers=leftovers,
    )


def _demand_writable(folder: Path) -> None:
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot change {folder}: you may not write there; ask for that, or name another folder"
        )


def _compress(cache: Cache, progress: Progress) -> int:
    """Rewrite this build's files that are not compressed; return how many."""
    records = Index.opened(cache.store).records
    raw = [each for each in records if each.readable and not each.compressed and each.key.build == build_id()]
    compressed = 0
    for done, each in enumerate(raw, 1):
        compressed += _compress_file(cache, each.key)
        progress(done, len(raw), each.detector)
    return compressed


def _compress_file(cache: Cache, key: Key) -> bool:
    path = Path(cache.store.path(key))
    try:
        content = _content(str(path))
        found = path.stat()
        opened = _opened(content, key)
        if opened is None:
            return False
        packed = pack(key, opened.spec, opened.entry, market=opened.market, compressed=True)
    except EntryError:
        cache.mistrust(key)
        return False
    except (OSError, MemoryError):
        return False
    write_whole(path, packed, follow=False, times=(found.st_atime_ns, found.st_mtime_ns))
    return True


# --- making it empty --------------------------------------------------------------------------------------------


class Cleared(NamedTuple):
    """What clearing a cache removed.

    Attributes
    ----------
    files, bytes : int
        Of tables.
    leftovers : int
        Files that were set aside as damaged.
    """

    files: int
    bytes: int
    leftovers: int


def clear(cache: Cache) -> Cleared:
    """What :meth:`Cache.clear` does."""
    cache.flush()
    before, damaged = cache.store.get_items(), cache.store.damaged()
    cache.level.clear()
    cache.store.clear()
    forget_index(cache.location)
    forget_usage(cache.location)
    there = {(each.key, each.created) for each in cache.store.get_items()}  # and not written meanwhile
    left = sum((each.key, each.created) in there for each in before)
    if left:
        raise OutputError(
            f"cannot remove {left:,} of {len(before):,} files below {cache.location}: you may not write there, or "
            "other programs hold them"
        )
    return Cleared(len(before), sum(each.size for each in before), len(damaged))
