"""Room on disk: what lies there stays within its limits, other processes' files included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..config import CacheOptimization
    from ._store import Stored, ZstdStore

__all__ = ["Room"]

_FULL: Final = 0.9  # part of the limits that is left after files were removed for room
_UNSEEN: Final = 20  # one of so many parts of the limits may be written before files are counted anew


class Room:
    """The limits of a store, and how much of them is taken, as far as this process knows.

    Parameters
    ----------
    store : ZstdStore
    settings : CacheOptimization
    removed : callable
        Told of files that had to go.
    """

    def __init__(
        self, store: ZstdStore, settings: CacheOptimization, removed: Callable[[list[Stored]], object]
    ) -> None:
        self._store = store
        self._bytes_limit = settings.max_cache_size.bytes
        self._items_limit = settings.max_cache_entries
        self._age_limit = timedelta(seconds=settings.cache_ttl_seconds)
        self._removed = removed
        self._counted: tuple[int, int] | None = None

    def make(self, size: int) -> bool:
        """Remove files until one of so many bytes fits, and count it; False if it does not fit."""
        if size > self._bytes_limit:
            return False
        if self._counted is None or self._is_stale(*self._counted):
            self._store.sweep()
            self._count()
        if not self._fits(size):
            self._trim(size)
            if not self._fits(size):
                return False
        self._bytes += size
        self._items += 1
        return True

    def _count(self) -> None:
        found = self._store.get_items()
        self._bytes, self._items = self._counted = sum(each.size for each in found), len(found)

    def _is_stale(self, size: int, items: int) -> bool:
        """Whether so much was written since counting that others may have written as much."""
        return (
            self._bytes - size > self._bytes_limit // _UNSEEN
            or self._items - items > self._items_limit // _UNSEEN
        )

    def _fits(self, size: int) -> bool:
        return self._bytes + size <= self._bytes_limit and self._items < self._items_limit

    def _trim(self, size: int) -> None:
        """Remove what is too old, and what was used least recently until a file fits and some more."""
        bytes_left = max(0, int(self._bytes_limit * _FULL) - size)
        items_left = max(0, int(self._items_limit * _FULL))
        self._removed(self._store.enforce_store_limits(bytes_left, items_left, self._age_limit))
        self._count()
