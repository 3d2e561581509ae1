"""The cache's level in memory: within its limit at every step, least recently used first out."""

from __future__ import annotations

import gc
import tracemalloc
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import ict_kernels as ict
from ict_kernels.cache._keys import Key
from ict_kernels.cache._memory import _OVERHEAD, MemoryLevel
from ict_kernels.cache._tables import Entry, Table
from ict_kernels.kernels._types import State
from ict_kernels.registry import Spec
from tests import cache_helpers
from tests.cache_helpers import (
    ALL,
    eager,
    sample,
)

unsynced = cache_helpers.unsynced


def root_of(array: NDArray[Any]) -> Any:
    """What owns an array's memory."""
    owner: Any = array
    while isinstance(owner, (np.ndarray, memoryview)):
        base = owner.base if isinstance(owner, np.ndarray) else owner.obj
        if base is None:
            break
        owner = base
    return owner


def blocks_of(entry: Entry) -> Iterator[NDArray[Any]]:
    for part in entry.parts:
        if isinstance(part, State):
            yield from part
        else:
            yield part if isinstance(part, np.ndarray) else part.data


def held_bytes(level: MemoryLevel) -> int:
    """What all entries of a level keep from being freed."""
    owners = {}
    for entry in level._entries.values():
        for block in blocks_of(entry):
            owner = root_of(block)
            owners[id(owner)] = owner.nbytes if isinstance(owner, np.ndarray) else len(owner)
    return sum(owners.values())


def watch(cache: ict.Cache) -> list[int]:
    """Check the level in memory after each entry that is put there; the bytes seen."""
    put, seen = cache.level.put, []

    def watched(*arguments: Any, **more: Any) -> bool:
        kept = put(*arguments, **more)
        assert cache.level.bytes <= cache.level.limit
        assert held_bytes(cache.level) <= cache.level.limit
        seen.append(cache.level.bytes)
        return kept

    cache.level.put = watched  # type: ignore[method-assign]
    return seen


@pytest.mark.parametrize("limit", ["1KB", "100KB", "600KB", "2MB"])
def test_memory_stays_within_its_limit_at_every_step(tmp_path: Path, limit: str) -> None:
    markets = [sample(3_000, symbol) for symbol in ("EURUSD", "GBPUSD")]
    for _ in ("written", "read"):
        with eager(tmp_path, max_memory_size=limit) as cache:
            seen = watch(cache)
            for n in (2_000, 2_001, 2_100, 2_600, 3_000):
                for market in markets:
                    cache.run(ALL, market[:n], final=n != 2_600)
            assert len(seen) >= 4 * 2 * len(ALL)
            assert cache.stats().memory_bytes == cache.level.bytes <= cache.level.limit


def table_of(size: int) -> Table:
    return Table({"a": np.zeros(size, np.int8)})


def states_of(size: int) -> dict[Spec, State]:
    blocks: list[Any] = [np.zeros(size, np.int8), *(np.zeros(0) for _ in range(5))]
    return {ict.detector("swings"): State(*blocks)}


def entry_of(table: Table, states: dict[Spec, State]) -> Entry:
    return Entry(table, states, 1, 0.0, {})


def numbered(number: int) -> Key:
    return Key("build", "series", "spec", number, "digest")


actions = st.tuples(
    st.sampled_from(["put", "put", "continue", "get", "drop"]),
    st.integers(0, 9),
    st.integers(0, 5),
    st.integers(0, 5),
)


@given(st.lists(actions, max_size=40))
def test_the_least_recently_used_go_first(drawn: list[tuple[str, int, int, int]]) -> None:
    sizes = (10, 2_000, 9_000, 15_000, 15_000, 30_000)
    tables, states = [table_of(size) for size in sizes], [states_of(size) for size in sizes]
    gone: list[Key] = []
    level = MemoryLevel(60_000, gone.append)
    model: OrderedDict[Key, Entry] = OrderedDict()
    continued: dict[Key, Key] = {}

    def forget(key: Key | None) -> None:
        if key is not None:
            model.pop(key, None)
            continued.pop(key, None)

    for action, number, table, state in drawn:
        key = numbered(number)
        gone.clear()
        if action in ("put", "continue"):
            entry = entry_of(tables[table], states[state])
            continues = numbered(number - 1) if action == "continue" else None
            kept = level.put(key, entry, continues)
            forget(key)
            held = {id(part) for each in model.values() for part in (each.table, each.states)}
            own = sizes[table] * (id(tables[table]) not in held) + sizes[state] * (
                id(states[state]) not in held
            )
            if own + _OVERHEAD > level.limit:
                assert not kept
                assert not gone
                continue
            model[key] = entry
            if continues is not None and continues in model:
                model.move_to_end(continues, last=False)
                continued[key] = continues
                forget(continued.pop(continues, None))  # the last two of a series that grows are kept
            assert gone == list(model)[: len(gone)]
            assert kept == (key not in gone)
            for each in gone:
                forget(each)
        elif action == "get":
            assert level.get(key) is model.get(key)
            if key in model:
                model.move_to_end(key)
        else:
            level.drop(key)
            forget(key)
        assert level.keys() == list(model)
        assert held_bytes(level) <= level.bytes <= level.limit
        shorter = {each for each in model if each.bars < 5}
        found = level.prefixes(numbered(5))
        assert set(found) <= shorter
        assert len(set(found)) == min(4, len(shorter))
    for key in list(model):
        level.drop(key)
    assert (level.bytes, len(level), list(level.prefixes(numbered(99)))) == (0, 0, [])


@pytest.mark.parametrize("part", ["table", "states"])
def test_an_entry_beyond_the_limit_makes_nothing_else_go(part: str) -> None:
    level = MemoryLevel(100_000)
    level.put(numbered(1), entry_of(table_of(10), states_of(10)))
    large = entry_of(
        table_of(200_000 if part == "table" else 10), states_of(200_000 if part == "states" else 10)
    )
    assert not level.put(numbered(2), large)
    assert level.keys() == [numbered(1)]


def test_what_entries_share_counts_once() -> None:
    table, level = table_of(50_000), MemoryLevel(100_000)
    for number in range(5):
        assert level.put(numbered(number), entry_of(table, states_of(10)))
    for number in range(5):
        assert len(level) == 5 - number
        assert 50_000 <= level.bytes <= level.limit
        level.drop(numbered(number))
    assert level.bytes == 0


def test_memory_that_is_held_is_memory_that_is_counted(tmp_path: Path) -> None:
    """Within a tenth: what Python's objects take is estimated."""
    markets = [ict.sample_market(["EURUSD"], bars=6_000, seed=seed)[0] for seed in range(6)]
    for write in (True, False):
        with eager(tmp_path, write=write, max_memory_size="4MB") as cache:
            cache.run(ALL, markets[0])
            cache.flush()
            cache.level.clear()
            gc.collect()
            tracemalloc.start()
            try:
                for market in markets:
                    cache.run(ALL, market)
                cache.flush()
                gc.collect()
                assert tracemalloc.get_traced_memory()[0] <= 1.1 * cache.settings.max_memory_size
            finally:
                tracemalloc.stop()
