"""Tables that were computed before: found by the hash of the data, whole or as far as the candles agree."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Condition, Lock, RLock
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .._intake import warn_outside
from ..candles import Candles
from ..config import LOCATION_VARIABLE, CacheOptimization, load_config
from ..detectors._run import check_candles, compute_tables
from ..errors import CacheWarning, OutputError, ParameterError
from ..fold import as_workers
from ..registry import Spec, as_specs, detector
from . import _format
from ._costs import CostModel
from ._format import EntryError
from ._keys import Key, by_origin, key_of
from ._lookup import Lookup, closure, computed, continued, opened
from ._memory import MemoryLevel
from ._plan import Choice, Explanation
from ._room import Room
from ._stats import Counts, Stats
from ._tables import Entry, size_of
from ._writer import Writer

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._store import Stored, ZstdStore
    from ._upkeep import Cleared, Compacted, Info, Problem, Progress

__all__ = ["Cache", "default_location"]

_LOCKS: Final = 64
# Parts of the bound of memory: for tables, and for those that wait to be written; the rest is for packing one of them.
_TABLES: Final = 0.7
_WAITING: Final = 0.2

Listener = Callable[[tuple[Spec, ...], Candles], object]


def default_location() -> Path:
    """Folder of the cache: what ``ICT_KERNELS_CACHE_DIR`` names, else ``ict-kernels`` in the user's caches."""
    named = os.environ.get(LOCATION_VARIABLE)
    if named:
        return _folder(named)
    return _folder(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ict-kernels"


def _folder(named: str | os.PathLike[str]) -> Path:
    if not os.fspath(named) or "\0" in str(named):
        raise ParameterError(
            f"{named!r} is no folder's name; give one for the cache, or None for the usual one"
        )
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError as error:  # who has no home directory has no caches there either
        raise ParameterError(
            f"cannot tell where {named} is ({error}); name a folder for the cache, by {LOCATION_VARIABLE} for instance"
        ) from error


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
    ahead : set of Key
        Tables that were read before they were asked for, and still are to be.

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

        self.location = default_location() if location is None else _folder(location)
        self.settings = _checked(settings)
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
        self.level = MemoryLevel(int(_TABLES * limit), self._dropped)
        self._writer = Writer(int(_WAITING * limit))
        self._counts = Counts()
        self._locks = [Lock() for _ in range(_LOCKS)]
        self._idle = Condition(Lock())
        self._active = 0
        self.ahead: set[Key] = set()
        self._going_ahead = RLock()
        self._room = Room(self.store, self.settings, self._removed)
        self._trouble: str | None = ""
        self._closer = weakref.finalize(self, self._counts.tell, self.location)

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
                f"or the detector as {what.name!r}"
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
        patient: bool = False,
    ) -> dict[Spec, Any]:
        """The tables of several detectors, which share what feeds them.

        Parameters
        ----------
        detectors : str, Spec or iterable of them
            ``"all"`` are all that are registered.
        candles : Candles
        workers : int, default 1
            Threads that compute.
        final : bool, default True
            As in :meth:`events`.
        patient : bool, default False
            Whether to wait while too much is waiting to be written, as work on many series should. If not, tables
            that find no room there are kept in memory only.

        Returns
        -------
        dict of Spec to Events
            Of dense companions to arrays.

        Raises
        ------
        CandleError, ParameterError
            As in :meth:`events`.
        """
        specs = as_specs(detectors)
        check_candles("Cache.run", candles)
        if workers != 1:
            workers = as_workers(workers)
        _check_final(final)
        known, foreign = by_origin(specs)
        tables = self._known(known, candles, workers, final, patient) if known else {}
        if foreign:
            tables |= self._at_once(foreign, candles)
            tables = {spec: tables[spec] for spec in specs}
        if self._trouble:
            self._warn()
        for listen in self.listeners:
            listen(specs, candles)
        return tables

    def _known(
        self, specs: tuple[Spec, ...], candles: Candles, workers: int, final: bool, patient: bool
    ) -> dict[Spec, Any]:
        """Tables made by this package's kernels; others are only computed, as no key would show that theirs changed."""
        if self.costs.is_tiny(closure(specs), len(candles)):
            return self._at_once(specs, candles)
        with self._foreground():
            find = self._entries if final else self._unfinished
            found = find(specs, candles, workers, patient)
        return {spec: found[spec].table.result(spec, candles) for spec in specs}

    def _at_once(self, specs: tuple[Spec, ...], candles: Candles) -> dict[Spec, Any]:
        """Compute without keeping anything."""
        began = perf_counter()
        tables = compute_tables(specs, candles)
        seconds = perf_counter() - began
        self.costs.computed_together(closure(specs), len(candles), seconds)
        self.count(computed=len(specs), computing_seconds=seconds)
        return tables

    def explain(
        self, detectors: str | Spec | Iterable[str | Spec], candles: Candles, *, final: bool = True
    ) -> Explanation:
        """Say where each table would come from now, and why, without computing, reading or keeping anything.

        Parameters
        ----------
        detectors : str, Spec or iterable of them
            As in :meth:`run`.
        candles : Candles
        final : bool, default True
            Whether the last candle is finished. If not, it says where the tables of those before would come from,
            from which :meth:`run` goes on.

        Returns
        -------
        Explanation
            Printed, it is one line a detector.

        Raises
        ------
        CandleError, ParameterError
            As in :meth:`events`.
        """
        specs = as_specs(detectors)
        check_candles("Cache.explain", candles)
        _check_final(final)
        if not final:
            candles = candles[:-1]
        known, foreign = by_origin(specs)
        choices = self._explained(known, candles)
        for spec in foreign:
            seconds = self.costs.computing(closure((spec,)), len(candles))
            reason = "its kernel is no part of this package"
            choices[spec] = Choice("compute", None, False, 0, seconds, seconds, reason)
        return Explanation({spec: choices[spec] for spec in specs})

    def _explained(self, specs: tuple[Spec, ...], candles: Candles) -> dict[Spec, Choice]:
        bars = len(candles)
        if self.costs.is_tiny(closure(specs), bars):
            seconds = self.costs.computing(closure(specs), bars)
            return dict.fromkeys(
                specs, Choice("compute", None, False, 0, seconds, seconds, "looking would take as long")
            )
        lookup = Lookup(self, specs, candles, 1)
        lookup.found = lookup.in_memory(self.level.peek)
        plan = lookup.plan()
        for spec in lookup.found:
            alone = self.costs.computing(closure((spec,)), bars)
            plan[spec] = Choice("memory", lookup.keys[spec], True, bars, 0.0, alone, "memory holds it")
        return plan

    def _entries(
        self,
        specs: tuple[Spec, ...],
        candles: Candles,
        workers: int,
        patient: bool,
        counted_as: str = "",
    ) -> dict[Spec, Entry]:
        lookup = Lookup(self, specs, candles, workers, patient=patient, counted_as=counted_as)
        if not lookup.look_in_memory():
            # Whoever asks for the same market meanwhile waits, and finds it in memory then.
            with self._lock(candles):
                if not lookup.look_in_memory():
                    lookup.carry_out(lookup.plan())
        return lookup.found

    def _unfinished(
        self, specs: tuple[Spec, ...], candles: Candles, workers: int, patient: bool
    ) -> dict[Spec, Entry]:
        """Tables whose last candle may change: those of the candles before, continued and not kept."""
        before = candles[:-1]
        entries = self._entries(specs, before, workers, patient, counted_as="prefix_hits")
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
        self._counts.add(amounts)

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
        self,
        key: Key,
        spec: Spec,
        entry: Entry,
        market: tuple[str, str],
        continues: Key | None = None,
        *,
        patient: bool = False,
    ) -> Entry:
        """Keep a table in memory, and in a file if that is worth it; return it as it is kept."""
        size, compressed = entry.table.nbytes, self.settings.compression_enabled
        if self.costs.worth_writing(spec, entry.bars, entry.bars - entry.saved, size, compressed):
            kept = replace(entry, saved=entry.bars)
            held = sum(map(size_of, entry.parts))
            if self._writer.submit(lambda: self._write(key, spec, entry, market), held, patient=patient):
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
            with self._going_ahead:
                hits = self.ahead.intersection(keys)
                self.ahead -= hits
            self.count(preload_hits=len(hits))

    def _dropped(self, key: Key) -> None:
        if key in self.ahead:
            with self._going_ahead:
                wasted = key in self.ahead
                self.ahead.discard(key)
            self.count(preload_wasted=int(wasted))

    # --- writing -----------------------------------------------------------------------------------------------

    def _write(self, key: Key, spec: Spec, entry: Entry, market: tuple[str, str]) -> None:
        """Write a table's file, making room for it before."""
        began = perf_counter()
        compressed = self.settings.compression_enabled
        try:
            content = _format.pack(key, spec, entry, market=market, compressed=compressed)
            if not self._room.make(len(content)):
                self.count(not_stored=1)
                return
            self.store.dump_item(key, content, created=entry.created)
        except (OutputError, MemoryError) as error:
            self.count(write_errors=1)
            if self._trouble == "":
                self._trouble = _reason(error)
            return
        self.costs.written(entry.table.nbytes, compressed, perf_counter() - began)
        self.count(stored=1, bytes_written=len(content))

    def _warn(self) -> None:
        """Say once that files cannot be written, to whoever asks for tables: the thread that writes has no caller."""
        if self._trouble:
            text, self._trouble = self._trouble, None
            warn_outside(
                f"the cache cannot write below {self.location} ({text}), so tables are kept in memory only; "
                "see to it, or name another folder",
                CacheWarning,
            )

    def _removed(self, files: list[Stored]) -> None:
        expired = sum(self.is_too_old(each.created) for each in files)
        self.count(evicted=len(files) - expired, expired=expired)

    # --- looking after it --------------------------------------------------------------------------------------

    def stats(self) -> Stats:
        """What the cache did since it was opened.

        Returns
        -------
        Stats
        """
        held: dict[str, Any] = {"memory_bytes": self.level.bytes, "memory_entries": len(self.level)}
        return Stats(**self._counts.now() | held)

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
        """Write what is left to be written, and add what was counted to the folder's usage.

        The cache may be used again afterwards, and closed again.
        """
        try:
            self._writer.close()
        finally:
            self._counts.tell(self.location)

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
        with self._going_ahead:
            if not self.level.put(key, entry, cold=True):
                return False
            self.ahead.add(key)
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


def _reason(error: OutputError | MemoryError) -> str:
    cause = error.__cause__
    return (isinstance(cause, OSError) and cause.strerror) or str(error) or "out of memory"


def _checked(settings: CacheOptimization | None) -> CacheOptimization:
    if settings is None:
        return load_config().cache_optimization
    if not isinstance(settings, CacheOptimization):
        raise ParameterError(
            f"Cache: settings are a {type(settings).__name__}; give a CacheOptimization of ict_kernels.config, "
            "or None for those of the configuration"
        )
    return settings


def _check_final(final: object) -> None:
    if not isinstance(final, (bool, np.bool_)):
        raise ParameterError(
            f"final={final!r} says nothing; give True if the last candle is finished, or False"
        )
