"""One request: what of it is there already, what is worth reading, and what has to be computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Final

from ..candles import Candles
from ..fold import Emitted, as_columns
from ..kernels._types import State
from ..registry import Spec, per_registry, with_feeds
from ._format import EntryError, unpacked
from ._keys import Key, key_of
from ._plan import Choice
from ._tables import Cost, Entry, PackedStates, Table, advance, lineage

if TYPE_CHECKING:
    from ._cache import Cache
    from ._costs import CostModel
    from ._store import Stored

__all__ = ["Lookup", "closure", "computed", "continued", "opened"]

_TRIES: Final = 32  # tables of fewer candles that are compared with those asked for
_FAR: Final = 4  # times that continuing must be cheaper than computing to be chosen without a look at files


@per_registry
def closure(specs: tuple[Spec, ...]) -> tuple[Spec, ...]:
    """Detectors and all that feed them, each once."""
    return tuple(with_feeds(specs))


class Lookup:
    """The tables of some detectors over some candles.

    Parameters
    ----------
    cache : Cache
    specs : tuple of Spec
    candles : Candles
    workers : int
        Threads that compute.
    patient : bool, default False
        Whether to wait while too much is waiting to be written.
    counted_as : str, optional
        What tables that are there count as, by default as hits in memory or in files.
    """

    def __init__(
        self,
        cache: Cache,
        specs: tuple[Spec, ...],
        candles: Candles,
        workers: int,
        *,
        patient: bool = False,
        counted_as: str = "",
    ) -> None:
        self.cache = cache
        self.specs = specs
        self.candles = candles
        self.workers = workers
        self.patient = patient
        self._memory_hits = counted_as or "memory_hits"
        self._disk_hits = counted_as or "disk_hits"
        digest = candles.digest
        self.keys = {spec: key_of(spec, candles, digest) for spec in specs}
        self.found: dict[Spec, Entry] = {}
        self._agrees: dict[tuple[int, str], bool] = {}
        self._too_old: set[Spec] = set()

    @property
    def missing(self) -> tuple[Spec, ...]:
        """Detectors whose table is not there yet."""
        return tuple(spec for spec in self.specs if spec not in self.found)

    # --- what there is -----------------------------------------------------------------------------------------

    def look_in_memory(self) -> bool:
        """Take what memory holds; whether that is everything."""
        began = perf_counter()
        hits = self.in_memory(self.cache.level.get)
        if hits:
            self.found.update(hits)
            self.cache.credit_preloads(self.keys[spec] for spec in hits)
            saved = _saved(hits.values(), self.cache.costs) - (perf_counter() - began)
            self.cache.count(**{self._memory_hits: len(hits)}, saved_seconds=saved)
        return len(self.found) == len(self.specs)

    def in_memory(self, get: Callable[[Key], Entry | None]) -> dict[Spec, Entry]:
        """What memory holds of the missing tables; `get` is that of the level, or one that does not count as a use."""
        entries = ((spec, get(self.keys[spec])) for spec in self.missing)
        return {spec: entry for spec, entry in entries if entry and self._is_young(spec, entry)}

    def plan(self) -> dict[Spec, Choice]:
        """Decide where what is missing comes from: the cheapest of taking what there is, computing, or some of both."""
        missing = self.missing
        costs, bars = self.cache.costs, len(self.candles)
        alone = {spec: costs.computing(lineage(spec), bars) for spec in missing}
        there = {spec: choice for spec in missing if (choice := self._there(spec, alone[spec])) is not None}
        sources = {(choice.in_memory, choice.bars) for choice in there.values()}
        if len(there) == len(missing) and len(sources) == 1 and all(in_memory for in_memory, _ in sources):
            return there  # to continue what memory holds, all together, is never slower than to compute everything
        worth = {spec for spec, choice in there.items() if choice.seconds < costs.computing((spec,), bars)}
        options = (set(there), worth, set[Spec]())
        taken = min(options, key=lambda some: self._cost(some, there, missing)) if there else worth
        return {spec: self._choice(spec, there.get(spec), spec in taken, alone[spec]) for spec in missing}

    def _cost(self, taken: set[Spec], there: Mapping[Spec, Choice], missing: Sequence[Spec]) -> float:
        """Seconds of taking some tables and computing the rest, what feeds several computed once."""
        costs, bars = self.cache.costs, len(self.candles)
        taking = 0.0
        together: defaultdict[int, list[Spec]] = defaultdict(list)
        for spec in taken:
            taking += there[spec].seconds
            if there[spec].action == "prefix":
                taking -= costs.computing(lineage(spec), bars - there[spec].bars)
                together[there[spec].bars].append(spec)
        for start, specs in together.items():
            taking += costs.computing(closure(tuple(specs)), bars - start)
        rest = closure(tuple(spec for spec in missing if spec not in taken))
        return taking + costs.computing(rest, bars)

    def _choice(self, spec: Spec, there: Choice | None, taken: bool, alone: float) -> Choice:
        if there is None:
            reason = (
                "its table is too old"
                if spec in self._too_old
                else "there is no table to read or to continue"
            )
            return Choice("compute", None, False, 0, alone, alone, reason)
        if taken:
            together = "" if there.seconds < alone else "; cheaper together with the others"
            return there._replace(reason=there.reason + together)
        how = "reading" if there.action == "disk" else "continuing"
        reason = f"{how} a table would take {there.seconds * 1e3:.2f} ms"
        return Choice("compute", there.source, there.in_memory, 0, alone, alone, reason)

    def _there(self, spec: Spec, alone: float) -> Choice | None:
        """The file of a table, or the best that can be continued; no file is looked for that could not be better."""
        cache, key = self.cache, self.keys[spec]
        best = self._continuing(spec, cache.level.prefixes(key), True, alone)
        if best is not None and _FAR * best.seconds < alone:
            return best
        stored = cache.store.find(key)
        if stored is not None and self._is_young(spec, stored):
            seconds = cache.costs.reading(spec.entry, key.bars, cache.settings.compression_enabled)
            return Choice("disk", key, False, key.bars, seconds, alone, f"its file has {stored.size:,} bytes")
        other = self._continuing(spec, cache.store.prefixes(key), False, alone)
        return min(filter(None, (best, other)), key=lambda choice: choice.seconds, default=None)

    def _is_young(self, spec: Spec, found: Entry | Stored) -> bool:
        """Whether something that was found is not too old to be used."""
        too_old = self.cache.is_too_old(found.created)
        if too_old:
            self._too_old.add(spec)
        return not too_old

    def _begins_with(self, key: Key) -> bool:
        """Whether the candles begin with those of a shorter table."""
        asked = key.bars, key.digest
        if asked not in self._agrees:
            self._agrees[asked] = self.candles.begins_with(key.bars, key.digest)
        return self._agrees[asked]

    def _continuing(self, spec: Spec, shorter: Iterable[Key], in_memory: bool, alone: float) -> Choice | None:
        """The first of some tables that is there, young, and continued by the candles."""
        cache = self.cache
        for source in islice(shorter, _TRIES):
            if not self._begins_with(source):
                continue
            found = cache.level.peek(source) if in_memory else cache.store.find(source)
            if found is not None and self._is_young(spec, found):
                new = len(self.candles) - source.bars
                seconds = cache.costs.computing(lineage(spec), new)
                if not in_memory:
                    compressed = cache.settings.compression_enabled
                    seconds += cache.costs.reading(spec.entry, source.bars, compressed)
                return Choice(
                    "prefix", source, in_memory, source.bars, seconds, alone, f"{new:,} candles are new"
                )
        return None

    # --- carrying it out ---------------------------------------------------------------------------------------

    def carry_out(self, plan: Mapping[Spec, Choice]) -> None:
        """Read, continue and compute until nothing is missing."""
        began = perf_counter()
        read: dict[Spec, Entry] = {}
        shorter: defaultdict[int, dict[Spec, Entry]] = defaultdict(dict)
        for spec, choice in plan.items():
            entry = self._source(spec, choice)
            if entry is not None and choice.action == "disk":
                read[spec] = entry
                self.cache.level.put(self.keys[spec], entry)
            elif entry is not None:
                shorter[choice.bars][spec] = entry
        self.found.update(read)
        if read or shorter:
            to_go_on = [entry for group in shorter.values() for entry in group.values()]
            saved = _saved(read.values(), self.cache.costs, to_go_on)
            self.cache.count(**{self._disk_hits: len(read)}, saved_seconds=saved - (perf_counter() - began))
        for group in shorter.values():
            self._continue(group, plan)
        if self.missing:
            self._compute(plan)

    def _source(self, spec: Spec, choice: Choice) -> Entry | None:
        """The table to take or to continue, if it is still there and sound."""
        cache = self.cache
        if choice.source is None or choice.action == "compute":
            return None
        entry = cache.level.get(choice.source) or cache.read(choice.source, spec)
        if entry is None or choice.action == "disk":
            return entry
        return opened(entry, choice.source, cache)

    def _continue(self, sources: Mapping[Spec, Entry], plan: Mapping[Spec, Choice]) -> None:
        for spec, entry in continued(sources, self.candles, self.workers, self.cache).items():
            source = plan[spec].source
            self.found[spec] = self._keep(spec, entry, source)
        self.cache.credit_preloads(
            choice.source for spec in sources if (choice := plan[spec]).source is not None
        )
        self.cache.count(prefix_hits=len(sources))

    def _keep(self, spec: Spec, entry: Entry, continues: Key | None = None) -> Entry:
        market = self.candles.symbol, self.candles.timeframe
        return self.cache.keep(self.keys[spec], spec, entry, market, continues, patient=self.patient)

    def _compute(self, plan: Mapping[Spec, Choice]) -> None:
        missing = self.missing
        declined = {spec: choice.source for spec in missing if (choice := plan[spec]).action == "compute"}
        for spec, entry in computed(missing, self.candles, self.workers, self.cache).items():
            source = declined.get(spec)
            if source is not None and not plan[spec].in_memory:
                entry = replace(entry, saved=source.bars)  # that much is in a file already
            self.found[spec] = self._keep(spec, entry)
        self.cache.count(
            computed=len(missing),
            skipped=sum(source is not None for source in declined.values()),
            too_old=len(self._too_old.intersection(missing)),
        )


def opened(entry: Entry, key: Key, cache: Cache) -> Entry | None:
    """A table ready to be continued; None if the states in its file are not sound."""
    if not isinstance(entry.states, PackedStates):
        return entry
    try:
        return replace(entry, states=unpacked(entry.states))
    except EntryError:
        cache.mistrust(key)
        return None


def computed(specs: tuple[Spec, ...], candles: Candles, workers: int, cache: Cache) -> dict[Spec, Entry]:
    """Tables from the first candle on."""

    def consume(spec: Spec, emitted: Emitted) -> Table | None:
        return _public(spec, emitted) if spec in specs else None

    return _made(specs, candles, 0, {}, consume, {}, workers, cache)


def continued(
    sources: Mapping[Spec, Entry], candles: Candles, workers: int, cache: Cache
) -> dict[Spec, Entry]:
    """Tables after more candles; `sources` are of equally many, with which the candles begin."""
    states: dict[Spec, State] = {}
    for entry in sources.values():
        states |= unpacked(entry.states)

    def consume(spec: Spec, emitted: Emitted) -> Table | None:
        source = sources.get(spec)
        return None if source is None else source.table.continued(spec, emitted)

    start = next(iter(sources.values())).bars
    return _made(tuple(sources), candles, start, states, consume, sources, workers, cache)


def _made(
    specs: tuple[Spec, ...],
    candles: Candles,
    start: int,
    states: Mapping[Spec, State],
    consume: Callable[[Spec, Emitted], Table | None],
    sources: Mapping[Spec, Entry],
    workers: int,
    cache: Cache,
) -> dict[Spec, Entry]:
    bars = len(candles)
    loaded = {spec for spec in closure(specs) if cache.costs.is_loaded(spec)}
    tables, after, seconds = advance(specs, candles.bars, start, states, consume, workers)
    cost: dict[Spec, Cost] = {}
    for spec, took in seconds.items():
        if spec in loaded:
            cache.costs.computed(spec, bars - start, took)
            cost[spec] = Cost(took, 0.0)
        else:
            usual = min(took, cache.costs.computing((spec,), bars - start, loading=False))
            cost[spec] = Cost(usual, took - usual)
    cache.count(computing_seconds=sum(seconds.values()))
    for spec, earlier in _costs_of(sources.values()).items():
        # Many short steps take longer than the one that a hit saves.
        at_once = cache.costs.computing((spec,), bars, loading=False)
        computing = min(earlier.computing + cost[spec].computing, at_once)
        cost[spec] = Cost(computing, earlier.loading + cost[spec].loading)
    now = cache.clock()
    entries = {}
    for spec in specs:
        line = lineage(spec)
        costs = {each: cost[each] for each in line}
        saved = sources[spec].saved if sources else 0
        entries[spec] = Entry(tables[spec], {each: after[each] for each in line}, bars, now, costs, saved)
    return entries


def _public(spec: Spec, emitted: Emitted) -> Table:
    columns = as_columns(spec, [emitted])
    return Table({column.name: columns[column.name] for column in spec.entry.columns if not column.internal})


def _saved(whole: Iterable[Entry], costs: CostModel, to_go_on: Iterable[Entry] = ()) -> float:
    """Seconds that computing these took, what feeds several counted once.

    Loading kernels, where that is still to be done, is saved by whole tables only: who goes on needs the kernels.
    """
    there, needed = _costs_of(whole), _costs_of(to_go_on)
    unloaded = (spec for spec in there if spec not in needed and not costs.is_loaded(spec))
    return sum(there[spec].loading for spec in unloaded) + sum(
        cost.computing for cost in (there | needed).values()
    )


def _costs_of(entries: Iterable[Entry]) -> dict[Spec, Cost]:
    return {spec: cost for entry in entries for spec, cost in entry.costs.items()}
