"""The level in memory: least recently used first out, by bytes."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from ._keys import Key
from ._tables import Entry

__all__ = ["MemoryLevel"]

_OVERHEAD = 6_000  # bytes of Python objects that an entry takes beside its data, about


class MemoryLevel:
    """Entries by key, of which those used last stay while their bytes fit.

    Arrays that several entries share (a table and its continuation, states of what feeds several) count once.

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
        self._holders: dict[int, tuple[NDArray[Any], int]] = {}
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

    def put(self, key: Key, entry: Entry, continues: Key | None = None) -> bool:
        """Keep an entry if it fits; the one that it continues goes before all others then."""
        if _OVERHEAD + sum(array.nbytes for array in entry.arrays) > self.limit:
            return False
        with self._lock:
            if key in self._entries:
                self._remove(key)
            self._entries[key] = entry
            self._prefixes[key[:3]][key] = None
            self.bytes += _OVERHEAD
            for array in entry.arrays:
                self._hold(array)
            if continues is not None and continues in self._entries:
                self._entries.move_to_end(continues, last=False)
            gone = list(self._overflowing())
        for each in gone:
            self._dropped(each)
        return True

    def drop(self, key: Key) -> None:
        """Give up an entry."""
        with self._lock:
            if key in self._entries:
                self._remove(key)

    def clear(self) -> None:
        """Give up all entries."""
        with self._lock:
            self._entries.clear()
            self._prefixes.clear()
            self._holders.clear()
            self.bytes = 0

    def keys(self) -> list[Key]:
        """Those of all entries, least recently used first."""
        with self._lock:
            return list(self._entries)

    def prefixes(self, key: Key) -> list[Key]:
        """Keys of shorter tables of the same detector and market, longest first."""
        with self._lock:
            shorter = [each for each in self._prefixes.get(key[:3], ()) if each.bars < key.bars]
        return sorted(shorter, key=lambda each: each.bars, reverse=True)

    def _overflowing(self) -> Iterator[Key]:
        while self.bytes > self.limit:
            key = next(iter(self._entries))
            self._remove(key)
            yield key

    def _remove(self, key: Key) -> None:
        entry = self._entries.pop(key)
        alike = self._prefixes[key[:3]]
        del alike[key]
        if not alike:
            del self._prefixes[key[:3]]
        self.bytes -= _OVERHEAD
        for array in entry.arrays:
            self._release(array)

    def _hold(self, array: NDArray[Any]) -> None:
        held, count = self._holders.get(id(array), (array, 0))
        self._holders[id(array)] = held, count + 1
        self.bytes += 0 if count else array.nbytes

    def _release(self, array: NDArray[Any]) -> None:
        held, count = self._holders.pop(id(array))
        if count > 1:
            self._holders[id(array)] = held, count - 1
        else:
            self.bytes -= array.nbytes
