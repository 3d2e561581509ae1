"""The level in memory: least recently used first out, by bytes."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from threading import Lock
from typing import Any

from ._keys import Key, continues
from ._tables import Entry, size_of

__all__ = ["MemoryLevel"]

_NONE: dict[Key, None] = {}
_BARS = attrgetter("bars")
_FEW = 32  # of many tables of a series, the longest are those that others continue
_OVERHEAD = 6_000  # bytes of Python objects that an entry takes beside its data, about


class MemoryLevel:
    """Entries by key, of which those used last stay while their bytes fit.

    What several entries share (columns of a table and its continuation, states of what feeds several) counts once.

    Parameters
    ----------
    limit : int
        Bytes. An entry that is larger by itself is not kept.
    dropped : callable, optional
        Told the key of every entry that has to go.
    """

    def __init__(self, limit: int, dropped: Callable[[Key], object] = lambda key: None) -> None:
        self.limit = limit
        self.bytes = 0
        self._dropped = dropped
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._prefixes: defaultdict[tuple[str, str, str], dict[Key, None]] = defaultdict(dict)
        self._before: dict[Key, Key] = {}
        self._held: dict[int, list[Any]] = {}  # what entries share, by how many, and its bytes
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def get(self, key: Key) -> Entry | None:
        """The entry, which counts as used now."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def peek(self, key: Key) -> Entry | None:
        """The entry, which does not count as used."""
        return self._entries.get(key)

    def put(self, key: Key, entry: Entry, before_it: Key | None = None, *, cold: bool = False) -> bool:
        """Keep an entry if it fits; a cold one, and the one that it continues, go before all others then.

        What that one continued itself goes at once: of a series that grows the last two tables are kept.
        """
        with self._lock:
            if key in self._entries:
                self._remove(key)
            before = self.bytes
            self.bytes += _OVERHEAD
            self._hold(entry.parts)
            self._entries[key] = entry
            self._prefixes[key[:3]][key] = None
            if self.bytes - before > self.limit:  # nothing else has to go for what does not fit by itself
                self._remove(key)
                return False
            if cold:
                self._entries.move_to_end(key, last=False)
            if before_it is not None and before_it in self._entries:
                self._entries.move_to_end(before_it, last=False)
                self._before[key] = before_it
                older = self._before.pop(before_it, None)
                if older is not None and older in self._entries:
                    self._remove(older)
            gone = list(self._overflowing())
        for each in gone:
            self._dropped(each)
        return key not in gone

    def drop(self, key: Key) -> None:
        """Give up an entry."""
        with self._lock:
            if key not in self._entries:
                return
            self._remove(key)
        self._dropped(key)

    def clear(self) -> None:
        """Give up all entries."""
        with self._lock:
            gone = list(self._entries)
            self._entries.clear()
            self._prefixes.clear()
            self._before.clear()
            self._held.clear()
            self.bytes = 0
        for key in gone:
            self._dropped(key)

    def keys(self) -> list[Key]:
        """Those of all entries, least recently used first."""
        with self._lock:
            return list(self._entries)

    def prefixes(self, key: Key) -> list[Key]:
        """Keys of shorter tables of the same detector and market, a few of the longest, longest first."""
        with self._lock:
            shorter = [each for each in self._prefixes.get(key[:3], _NONE) if continues(key, each)]
        return sorted(shorter, key=_BARS, reverse=True)[:_FEW]

    def _overflowing(self) -> Iterator[Key]:
        while self.bytes > self.limit and self._entries:
            key = next(iter(self._entries))
            self._remove(key)
            yield key

    def _remove(self, key: Key) -> None:
        entry = self._entries.pop(key)
        self._before.pop(key, None)
        alike = self._prefixes[key[:3]]
        del alike[key]
        if not alike:
            del self._prefixes[key[:3]]
        self.bytes -= _OVERHEAD
        self._release(entry.parts)

    def _hold(self, parts: Iterable[Any]) -> None:
        all_held = self._held
        for part in parts:
            held = all_held.get(id(part))
            if held is None:
                size = size_of(part)
                all_held[id(part)] = [part, 1, size]
                self.bytes += size
            else:
                held[1] += 1

    def _release(self, parts: Iterable[Any]) -> None:
        all_held = self._held
        for part in parts:
            held = all_held.get(id(part))
            if held is None:  # whoever held it was interrupted
                continue
            held[1] -= 1
            if not held[1]:
                del all_held[id(part)]
                self.bytes -= held[2]
