"""What a cache did, counted; and the sum of it over all processes, a line a process."""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock
from typing import Any

from ._files import open_plain, read_plain

__all__ = ["Counts", "Stats", "add_usage", "forget_usage", "read_usage", "sum_usage"]

_FILE = "ict-kernels-usage.jsonl"
_SUMMING = "ict-kernels-usage.*.jsonl"  # being summed up, or left by whoever was stopped at it
_LONG = 1 << 16  # bytes
_MOST = 2.0**53  # of what one process counts; more is no count, and NaN is not less either


@dataclass(frozen=True)
class Stats:
    """Counts since a cache was opened; a table asked for counts once.

    Attributes
    ----------
    memory_hits, disk_hits : int
        Tables that were there whole, in memory or in a file.
    prefix_hits : int
        Tables continued from those of fewer candles.
    computed : int
        Tables computed from the first candle on.
    skipped : int
        Of the computed ones, those that were in a file or could have been continued, where the cost model found
        computing faster.
    too_old : int
        Tables that were there, but not used for their age.
    preloaded, preload_hits, preload_wasted : int
        Files read ahead into memory; those of them that were asked for, and those that had to go before.
    stored, not_stored : int
        Files written; tables not written since that would not pay.
    dropped : int
        Tables not written since too much was waiting to be written.
    evicted, expired : int
        Files removed for room, or for age.
    damaged : int
        Files that failed their checks, and were set aside and computed anew.
    read_errors, write_errors : int
        Files that the system would not read or write.
    bytes_read, bytes_written : int
    saved_seconds : float
        Computing that hits made unnecessary, as measured when it was done, less what looking and reading took.
    computing_seconds : float
        Spent computing.
    memory_bytes, memory_entries : int
        What the level in memory holds now.

    Examples
    --------
    >>> Stats(memory_hits=3, computed=1).hit_rate
    0.75
    """

    memory_hits: int = 0
    disk_hits: int = 0
    prefix_hits: int = 0
    computed: int = 0
    skipped: int = 0
    too_old: int = 0
    preloaded: int = 0
    preload_hits: int = 0
    preload_wasted: int = 0
    stored: int = 0
    not_stored: int = 0
    dropped: int = 0
    evicted: int = 0
    expired: int = 0
    damaged: int = 0
    read_errors: int = 0
    write_errors: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    saved_seconds: float = 0.0
    computing_seconds: float = 0.0
    memory_bytes: int = 0
    memory_entries: int = 0

    @property
    def hits(self) -> int:
        """Tables that were not computed from the first candle on."""
        return self.memory_hits + self.disk_hits + self.prefix_hits

    @property
    def requests(self) -> int:
        """Tables asked for."""
        return self.hits + self.computed

    @property
    def hit_rate(self) -> float:
        """Part of the tables asked for that were hits; 0 if none was asked for."""
        return self.hits / self.requests if self.requests else 0.0

    def __sub__(self, earlier: Stats) -> Stats:
        """What was counted since; what memory holds stays as it is."""
        now = {each.name: getattr(self, each.name) for each in fields(self)}
        return Stats(**{name: value - getattr(earlier, name) * _adds_up(name) for name, value in now.items()})

    def to_dict(self) -> dict[str, Any]:
        """As plain values, hit rate included."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"hit_rate": self.hit_rate}


def _adds_up(name: str) -> bool:
    return not name.startswith("memory_") or name == "memory_hits"


_SUMMED = tuple(each.name for each in fields(Stats) if _adds_up(each.name))


class Counts:
    """What one cache counts, from any thread, and how much of that its folder has been told."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now: defaultdict[str, Any] = defaultdict(int)
        self._told: dict[str, Any] = {}

    def add(self, amounts: Mapping[str, float]) -> None:
        """Count."""
        with self._lock:
            for name, amount in amounts.items():
                self._now[name] += amount

    def now(self) -> dict[str, Any]:
        """All counts so far."""
        with self._lock:
            return dict(self._now)

    def tell(self, folder: Path) -> None:
        """Add what the folder has not been told to its usage."""
        with self._lock:
            now, told = dict(self._now), self._told
            self._told = now
        add_usage(folder, {name: count - told.get(name, 0) for name, count in now.items()})


def add_usage(folder: Path, counts: Mapping[str, float]) -> None:
    """Append counts to a folder's file, if the folder is there; a long file becomes one line."""
    path = folder / _FILE
    with suppress(OSError):
        if folder.is_dir():
            _append(path, counts)
            if path.stat().st_size > _LONG:
                sum_usage(folder)


def _append(path: Path, counts: Mapping[str, float]) -> None:
    line = {name: counts[name] for name in _SUMMED if counts.get(name)}
    if line:
        file = open_plain(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            # One call, so that lines of processes don't mix, and on a line of its own, whatever was cut off before.
            os.write(file, b"\n" + json.dumps(line).encode() + b"\n")
        finally:
            os.close(file)


def read_usage(folder: Path) -> Stats:
    """Sum of what all processes counted; lines that cannot be read are left out."""
    return Stats(**_sums(_files(folder)))


def sum_usage(folder: Path) -> None:
    """Make one line of all; what other processes append meanwhile stays beside it."""
    path = folder / _FILE
    with suppress(OSError):
        # Whoever appends from now on does so to a new file.
        summing = path.rename(path.with_suffix(f".{secrets.token_hex(8)}.jsonl"))
        _append(path, _sums([summing]))
        summing.unlink()


def _files(folder: Path) -> list[Path]:
    return [folder / _FILE, *folder.glob(_SUMMING)]


def _sums(paths: Iterable[Path]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for path in paths:
        with suppress(OSError):
            for line in read_plain(path).splitlines():
                with suppress(ValueError, AttributeError, RecursionError):
                    for name, value in json.loads(line).items():
                        if name in _SUMMED and type(value) in (int, float) and abs(value) < _MOST:
                            sums[name] += value
    return sums


def forget_usage(folder: Path) -> None:
    """Begin to count anew."""
    for path in _files(folder):
        with suppress(OSError):
            path.unlink()
