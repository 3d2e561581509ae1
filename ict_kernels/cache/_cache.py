"""Tables that were computed before: found by the hash of the data, whole or as far as the candles agree."""

from __future__ import annotations

import os
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Condition, Lock
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from .._intake import warn_outside
from ..candles import Candles
from ..config import CacheOptimization, load_config
from ..detectors._run import check_candles, compute_tables
from ..errors import CacheWarning, OutputError, ParameterError
from ..registry import Spec, as_spec, detector
from . import _format
from ._costs import CostModel
from ._format import EntryError
from ._keys import Key, is_ours, key_of
from ._lookup import Lookup, closure, computed, continued, opened
from ._memory import MemoryLevel
from ._plan import Choice, Explanation
from ._stats import Stats, add_usage
from ._tables import Entry
from ._writer import Writer

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._store import Stored, ZstdStore
    from ._upkeep import Cleared, Compacted, Info, Problem, Progress

__all__ = ["Cache", "default_location"]

LOCATION: Final = "ICT_KERNELS_CACHE_DIR"
_LOCKS: Final = 64
_WAITING: Final = (
    4  # part of the bound of memory, one of so many, that tables may hold that wait to be written
)
_FULL: Final = 0.9  # part of the limits that is left after files were removed for room

Listener = Callable[[tuple[Spec, ...], Candles], object]


def default_location() -> Path:
    """Folder of the cache: what ``ICT_KERNELS_CACHE_DIR`` names, else ``ict-kernels`` in the user's caches."""
    named = os.environ.get(LOCATION)
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ict-kernels"


class Cache:
    """Event tables kept by the hash of the candles, in memory and in files.

    A table is found by detector, parameters, :attr:`Candles.digest`, kernel sources and version. Where candles were
    appended, the table of the longest prefix that is there is continued from its saved state; the result is that of a
    fresh computation, bit for bit. What would take longer to read than to compute is computed.

    Parameters
    ----------
    location : path, optional
        Folder of the files, made when the first is written; by default that of :func:`default_location`.
    settings : CacheOptimization, optional
        Bounds and compression; by default those of :func:`load_config`.
    clock : callable, default ``time.time``
        Seconds since 1970, by which entries age.

    Attributes
    ----------
    location : Path
    settings : CacheOptimization
    memory : joblib.Memory
        The frame of the files; its store, `store`, is the backend ``"zstd"``.
    level : MemoryLevel
        What memory holds.
    costs : CostModel
        What computing, reading and writing have been measured to cost.
    listeners : list of callable
        Told of each request: ``listen(specs, candles)``.

    Examples
    --------
    >>> import tempfile
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(["EURUSD"], bars=100_000)[0]
    >>> with tempfile.TemporaryDirectory() as folder, ict.Cache(folder) as cache:
    ...     gaps = cache.events("fair_value_gaps", candles[:99_999], min_size=0.0003)
    ...     longer = cache.events("fair_value_gaps", candles, min_size=0.0003)
    ...     stats = cache.stats()
    >>> longer == ict.fair_value_gaps(candles, min_size=0.0003)
    True
    >>> stats.computed, stats.prefix_hits
    (1, 1)
    """

    def __init__(
        self,
        location: str | os.PathLike[str] | None = None,
        settings: CacheOptimization | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        from joblib import Memory

        from ._store import BACKEND

        self.location = (default_location() if location is None else Path(location).expanduser()).absolute()
        self.settings = load_config().cache_optimization if settings is None else settings
        self.clock = clock
        self.memory = Memory(self.location, backend=BACKEND, verbose=0, backend_options={"clock": clock})
        self.store: ZstdStore = self.memory.store_backend
        self.costs = CostModel()
        self.listeners: list[Listener] = []
        self._begin()
        _CACHES.add(self)

    def _begin(self) -> None:
        """Set up what belongs to one process: what memory holds, counts, locks and the thread that writes."""
        limit = self.settings.max_memory_size.bytes
        waiting = limit // _WAITING
        self.level = MemoryLevel(limit - waiting, self._dropped)
        self._writer = Writer(waiting)
        self._counts: defaultdict[str, Any] = defaultdict(int)
        self._counting = Lock()
        self._locks = [Lock() for _ in range(_LOCKS)]
        self._idle = Condition(Lock())
        self._active = 0
        self.ahead: set[Key] = set()
        self._files: _Files | None = None
        self._trouble: str | None = ""
        self._closer = weakref.finalize(self, add_usage, self.location, self._counts)

    def _forked(self) -> None:
        """Begin anew in a child: locks may be held by threads that are not there, and the counts are the parent's."""
        self._closer.detach()
        self.listeners.clear()
        self.costs.forked()
        self.store.forked()
        self._begin()

    # --- tables ------------------------------------------------------------------------------------------------

    def events(self, what: str | Spec, candles: Candles, /, *, final: bool = True, **parameters: Any) -> Any:
        """The table of one detector, computed or read.

        Parameters
        ----------
        what : str or Spec
            Its name; or with its parameters, of which none may follow then.
        candles : Candles
        final : bool, default True
            Whether the last candle is finished. If not, what comes of it is computed and not kept, and the next
            request goes on from the candle before.
        **parameters
            Those of the detector, if it is given by name.

        Returns
        -------
        Events
            Equal to a fresh computation, bit for bit; of a dense companion an array.

        Raises
        ------
        CandleError
            If `candles` are none.
        ParameterError
            If the detector or a parameter does not exist or is out of its range, or parameters follow a detector that
            has its own.
        """
        if not isinstance(what, str) and parameters:
            raise ParameterError(
                f"Cache.events: {what} has its parameters already; give {', '.join(parameters)} to ict.detector, "
                "or name the detector by its text"
            )
        spec = detector(what, **parameters) if isinstance(what, str) else what
        return self.run([spec], candles, final=final)[spec]

    def run(
        self,
        detectors: str | Spec | Iterable[str | Spec],
        candles: Candles,
        *,
        workers: int = 1,
        final: bool = True,
    ) -> dict[Spec, Any]:
        """The tables of several detectors, which share what feeds them.

        Parameters
        ----------
        detectors : str, Spec or iterable of them
        candles : Candles
        workers : int, default 1
            Threads that compute.
        final : bool, default True
            As in :meth:`events`.

        Returns
        -------
        dict of Spec to Events
            Of dense companions to arrays.

        Raises
        ------
        CandleError, ParameterError
            As in :meth:`events`.
        """
        specs = _specs(detectors)
        check_candles("Cache.run", candles)
        if self._passes(specs, len(candles)):
            tables = self._at_once(specs, candles)
        else:
            with self._foreground():
                find = self._entries if final else self._unfinished
                found = find(specs, candles, workers)
            tables = {spec: found[spec].table.result(spec, candles) for spec in specs}
        self._warn()
        for listen in self.listeners:
            listen(specs, candles)
        return tables

    def _passes(self, specs: tuple[Spec, ...], bars: int) -> bool:
        """Whether a request is only computed: it is soon done, or made by kernels whose changes no key would show."""
        return self.costs.is_tiny(closure(specs), bars) or not all(map(is_ours, specs))

    def _at_once(self, specs: tuple[Spec, ...], candles: Candles) -> dict[Spec, Any]:
        """Compute without keeping anything."""
        began = perf_counter()
        tables = compute_tables(specs, candles)
        self.costs.computed_together(closure(specs), len(candles), perf_counter() - began)
        self.count(computed=len(specs))
        return tables

    def explain(self, detectors: str | Spec | Iterable[str | Spec], candles: Candles) -> Explanation:
        """Say where each table would come from now, and why, without computing, reading or keeping anything.

        Parameters
        ----------
        detectors : str, Spec or iterable of them
        candles : Candles

        Returns
        -------
        Explanation
            Printed, it is one line a detector.
        """
        specs = _specs(detectors)
        check_candles("Cache.explain", candles)
        bars = len(candles)
        if self._passes(specs, bars):
            seconds = self.costs.computing(closure(specs), bars)
            reason = (
                "looking would take as long"
                if all(map(is_ours, specs))
                else "its kernel is no part of this package"
            )
            return Explanation(
                dict.fromkeys(specs, Choice("compute", None, False, 0, seconds, seconds, reason))
            )
        lookup = Lookup(self, specs, candles, 1)
        lookup.found = lookup.in_memory()
        plan = lookup.plan()
        for spec in lookup.found:
            alone = self.costs.computing(closure((spec,)), bars)
            plan[spec] = Choice("memory", lookup.keys[spec], True, bars, 0.0, alone, "memory holds it")
        return Explanation({spec: plan[spec] for spec in specs})

    def _entries(self, specs: tuple[Spec, ...], candles: Candles, workers: int) -> dict[Spec, Entry]:
        lookup = Lookup(self, specs, candles, workers)
        if not lookup.look_in_memory():
            # Whoever asks for the same market meanwhile waits, and finds it in memory then.
            with self._lock(candles):
                if not lookup.look_in_memory():
                    lookup.carry_out(lookup.plan())
        return lookup.found

    def _unfinished(self, specs: tuple[Spec, ...], candles: Candles, workers: int) -> dict[Spec, Entry]:
        """Tables whose last candle may change: those of the candles before, continued and not kept."""
        before = candles[:-1]
        entries = self._entries(specs, before, workers)
        with self._lock(candles):
            sources = {
                spec: opened(entry, key_of(spec, before, before.digest), self)
                for spec, entry in entries.items()
            }
            sound = {spec: source for spec, source in sources.items() if source is not None}
            if len(sound) < len(specs):
                return computed(specs, candles, workers, self)
            return continued(sound, candles, workers, self)

    def _lock(self, candles: Candles) -> Lock:
        """The lock of a market, whose tables grow in place."""
        return self._locks[hash((candles.symbol, candles.timeframe)) % _LOCKS]

    # --- what lookups call -------------------------------------------------------------------------------------

    def is_too_old(self, created: float) -> bool:
        """Whether an entry's time is over; one from the future, left by a clock that jumped, counts as new."""
        return self.clock() - created > self.settings.cache_ttl_seconds

    def count(self, **amounts: float) -> None:
        """Add to the counts that :meth:`stats` gives."""
        with self._counting:
            for name, amount in amounts.items():
                self._counts[name] += amount

    def read(self, key: Key, spec: Spec) -> Entry | None:
        """Read a table from its file; None if it is not there, damaged or cannot be read."""
        began = perf_counter()
        try:
            content = self.store.load_item(key)
        except KeyError:
            return None
        except (OSError, MemoryError):
            self.count(read_errors=1)
            return None
        try:
            entry = _format.unpack(content, key, spec)
        except EntryError:
            self.mistrust(key)
            return None
        self.costs.read(spec.entry, key.bars, entry.compressed, perf_counter() - began)
        self.count(bytes_read=content.nbytes)
        return entry

    def mistrust(self, key: Key) -> None:
        """Set a file aside that is not what it should be."""
        self.level.drop(key)
        self.store.set_aside(key)
        self.count(damaged=1)

    def keep(
        self, key: Key, spec: Spec, entry: Entry, candles: Candles, continues: Key | None = None
    ) -> Entry:
        """Keep a table in memory, and in a file if that is worth it; return it as it is kept."""
        size, compressed = entry.table.nbytes, self.settings.compression_enabled
        if self.costs.worth_writing(spec, entry.bars, entry.bars - entry.saved, size, compressed):
            kept = replace(entry, saved=entry.bars)
            market = candles.symbol, candles.timeframe
            if self._writer.submit(lambda: self._write(key, spec, entry, market), size):
                entry = kept
            else:
                self.count(dropped=1)
        else:
            self.count(not_stored=1)
        self.level.put(key, entry, continues)
        return entry

    def credit_preloads(self, keys: Iterable[Key]) -> None:
        """Note which of the tables that were read ahead were of use."""
        if self.ahead:
            hits = self.ahead.intersection(keys)
            self.ahead -= hits
            self.count(preload_hits=len(hits))

    def _dropped(self, key: Key) -> None:
        if key in self.ahead:
            self.ahead.discard(key)
            self.count(preload_wasted=1)

    # --- writing -----------------------------------------------------------------------------------------------

    def _write(self, key: Key, spec: Spec, entry: Entry, market: tuple[str, str]) -> None:
        """Write a table's file, making room for it before."""
        began = perf_counter()
        compressed = self.settings.compression_enabled
        try:
            content = _format.pack(key, spec, entry, market=market, compressed=compressed)
            if not self._make_room(len(content)):
                self.count(not_stored=1)
                return
            self.store.dump_item(key, content, created=entry.created)
        except (OutputError, MemoryError) as error:
            self.count(write_errors=1)
            if self._trouble == "":
                self._trouble = str(error) or "a table to be written does not fit into memory"
            return
        self.costs.written(entry.table.nbytes, compressed, perf_counter() - began)
        self.count(stored=1, bytes_written=len(content))

    def _warn(self) -> None:
        """Say once that files cannot be written, to whoever asks for tables: the thread that writes has no caller."""
        if self._trouble:
            text, self._trouble = self._trouble, None
            warn_outside(f"{text}; tables are kept in memory only", CacheWarning)

    def _make_room(self, size: int) -> bool:
        """Remove files until one of so many bytes fits; False if it never will."""
        limit, most = self.settings.max_cache_size.bytes, self.settings.max_cache_entries
        if size > limit:
            return False
        if self._files is None or self._files.stale(limit, most):
            self._files = _Files.counted(self.store.get_items())
        if not self._files.has_room(size, limit, most):
            self._trim(int(limit * _FULL) - size, int(most * _FULL))
        self._files.add(size)
        return True

    def _trim(self, limit: int, most: int) -> None:
        """Remove what is too old, and what was used least recently until the rest is within limits."""
        age = timedelta(seconds=self.settings.cache_ttl_seconds)
        removed = self.store.enforce_store_limits(max(0, limit), max(0, most), age)
        expired = sum(self.is_too_old(each.created) for each in removed)
        self.count(evicted=len(removed) - expired, expired=expired)
        self._files = _Files.counted(self.store.get_items())

    # --- looking after it --------------------------------------------------------------------------------------

    def stats(self) -> Stats:
        """What the cache did since it was opened.

        Returns
        -------
        Stats
        """
        with self._counting:
            counts = dict(self._counts)
        held: dict[str, Any] = {"memory_bytes": self.level.bytes, "memory_entries": len(self.level)}
        return Stats(**counts | held)

    def info(self) -> Info:
        """What the cache holds on disk and in memory, and how it was used by all processes.

        Returns
        -------
        Info

        Examples
        --------
        >>> import tempfile
        >>> import ict_kernels as ict
        >>> candles = ict.sample_market(["EURUSD"], bars=100_000)[0]
        >>> with tempfile.TemporaryDirectory() as folder, ict.Cache(folder) as cache:
        ...     _ = cache.run(["swings", "fair_value_gaps"], candles)
        ...     found = cache.info()
        >>> found.files, sorted(found.by_detector), list(found.by_market)
        (2, ['fair_value_gaps', 'swings'], ['EURUSD 15min'])
        """
        from ._upkeep import info

        return info(self)

    def verify(self, progress: Progress | None = None) -> list[Problem]:
        """Read every file whole, and set aside what is damaged.

        Parameters
        ----------
        progress : callable, optional
            Told after each file how many are done, of how many, and its name.

        Returns
        -------
        list of Problem
        """
        from ._upkeep import verify

        return verify(self, progress)

    def compact(self, progress: Progress | None = None) -> Compacted:
        """Remove what is too old, too much or of no use, compress what is not, and make the index anew.

        Parameters
        ----------
        progress : callable, optional
            Told after each file that was to be compressed how many are done, of how many, and its detector.

        Returns
        -------
        Compacted

        Raises
        ------
        OutputError
            If the folder or a file cannot be written; the file stays as it was then.
        """
        from ._upkeep import compact

        return compact(self, progress)

    def clear(self) -> Cleared:
        """Remove all tables, in memory and on disk, of all versions; and nothing else that lies in the folder.

        Returns
        -------
        Cleared

        Raises
        ------
        OutputError
            If files cannot be removed.
        """
        from ._upkeep import clear

        return clear(self)

    def flush(self) -> None:
        """Wait until everything that is to be written is written."""
        self._writer.flush()
        self._warn()

    def close(self) -> None:
        """Write what is left to be written, and add what was counted to the folder's usage. May be called twice."""
        try:
            self._writer.close()
        finally:
            self._closer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.location, self.settings, self.clock)

    def __repr__(self) -> str:
        return (
            f"<Cache {self.location}: {len(self.level):,} tables, {self.level.bytes / 1e6:.1f} MB in memory>"
        )

    # --- foreground and background -----------------------------------------------------------------------------

    @contextmanager
    def _foreground(self) -> Iterator[None]:
        with self._idle:
            self._active += 1
        try:
            yield
        finally:
            with self._idle:
                self._active -= 1
                if not self._active:
                    self._idle.notify_all()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until no request is running; False if one still is after so many seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._active, timeout)

    def load_ahead(self, key: Key, spec: Spec) -> bool:
        """Read a table into memory before it is asked for; whether that was done."""
        if key in self.level:
            return False
        entry = self.read(key, spec)
        if entry is None or self.is_too_old(entry.created):
            return False
        self.ahead.add(key)
        if not self.level.put(key, entry, cold=True):
            self.ahead.discard(key)
            return False
        self.count(preloaded=1)
        return True


_CACHES: weakref.WeakSet[Cache] = weakref.WeakSet()


def _forked() -> None:
    for cache in list(_CACHES):
        cache._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _restored(location: Path, settings: CacheOptimization, clock: Callable[[], float]) -> Cache:
    return Cache(location, settings, clock=clock)


class _Files:
    """How many files and bytes there are, as far as this process knows."""

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.size = size
        self._counted = count, size

    @classmethod
    def counted(cls, items: list[Stored]) -> _Files:
        return cls(len(items), sum(each.size for each in items))

    def add(self, size: int) -> None:
        self.count += 1
        self.size += size

    def stale(self, limit: int, most: int) -> bool:
        """Whether so much was written since counting that others may have written as much."""
        count, size = self._counted
        return self.size - size > limit // 20 or self.count - count > most // 20

    def has_room(self, size: int, limit: int, most: int) -> bool:
        return self.size + size <= limit and self.count < most


def _specs(detectors: str | Spec | Iterable[str | Spec]) -> tuple[Spec, ...]:
    chosen = [detectors] if isinstance(detectors, (str, Spec)) else detectors
    return tuple(dict.fromkeys(map(as_spec, chosen)))
