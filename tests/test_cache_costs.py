"""What is worth it, what a cache says it would do, and what it counts."""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

import ict_kernels as ict
from ict_kernels.cache import Stats, _cache, _lookup, _tables
from ict_kernels.cache._costs import CostModel
from ict_kernels.cache._keys import Key
from ict_kernels.cache._stats import add_usage, read_usage
from ict_kernels.cache._tables import Cost, Entry
from ict_kernels.registry import Spec, with_feeds
from tests import cache_helpers
from tests.cache_helpers import (
    ALL,
    Eager,
    Reluctant,
    Ticks,
    any_spec,
    assert_same,
    eager,
    entry_files,
    fresh,
    key_for,
    sample,
    snapshot,
)

unsynced = cache_helpers.unsynced


# --- what is worth it -----------------------------------------------------------------------------------------------


def test_a_file_that_takes_longer_to_read_is_left_alone(tmp_path: Path) -> None:
    market = sample(500)
    with eager(tmp_path) as cache:
        cache.run(ALL, market)
    with eager(tmp_path) as cache:
        cache.costs = Reluctant(write=False)
        for spec, choice in cache.explain(ALL, market).choices.items():
            assert (choice.action, choice.source) == ("compute", key_for(spec, market))
        for spec, result in cache.run(ALL, market).items():
            assert_same(result, fresh(spec, market))
        stats = cache.stats()
        assert (stats.computed, stats.skipped, stats.disk_hits) == (len(ALL), len(ALL), 0)
        assert (stats.bytes_read, stats.stored, stats.not_stored) == (0, 0, len(ALL))


def test_so_few_candles_that_looking_takes_as_long_are_computed(tmp_path: Path) -> None:
    with ict.Cache(tmp_path) as cache:
        ict.swings(sample(2))  # its kernel is loaded
        for n in (0, 1, 2):
            assert cache.explain("swings", sample(n)).choices[ict.detector("swings")].action == "compute"
            assert_same(cache.events("swings", sample(n)), ict.swings(sample(n)))
        assert cache.stats().computed == 3
        assert cache.stats().memory_entries == 0
    assert not entry_files(tmp_path)


def test_explaining_is_no_use(tmp_path: Path) -> None:
    """What was used least recently goes first as before."""
    market = sample(300)
    with eager(tmp_path) as cache:
        for name in ("swings", "fair_value_gaps", "cisd"):
            cache.events(name, market[:299])
        before = cache.level.keys()
        for n in (299, 300):
            actions = {choice.action for choice in cache.explain(ALL[:3], market[:n]).choices.values()}
            assert actions & {"memory", "prefix"}
            assert cache.level.keys() == before


measured = st.tuples(st.integers(1, 10**6), st.floats(0, 100))


@given(
    st.lists(measured, max_size=10),
    st.lists(measured, max_size=10),
    st.lists(st.integers(0, 10**7), min_size=2, max_size=5).map(sorted),
    st.booleans(),
)
def test_estimates_rise_with_the_work(
    ran: list[tuple[int, float]], moved: list[tuple[int, float]], amounts: list[int], compressed: bool
) -> None:
    costs, spec = CostModel(), ict.detector("swings")
    for bars, seconds in ran:
        costs.computed(spec, bars, seconds)
    for size, seconds in moved:
        costs.read(spec.entry, size, compressed, seconds)
        costs.written(size, compressed, seconds)
    line = with_feeds([ict.detector("structure_breaks")])
    estimates: list[Callable[[int], float]] = [
        lambda amount: costs.computing([spec], amount),
        lambda amount: costs.computing(line, amount),
        lambda amount: costs.reading(spec.entry, amount, compressed),
        lambda amount: costs.writing(amount, compressed),
    ]
    for estimate in estimates:
        made = [estimate(amount) for amount in amounts]
        assert made == sorted(made)
        assert np.isfinite(made).all()
        assert min(made) >= 0
    for bars in amounts:
        assert costs.computing(line, bars) >= max(costs.computing([each], bars) for each in line)
        loading = costs.computing(line, bars, loading=True)
        assert loading >= costs.computing(line, bars, loading=False)


@pytest.mark.parametrize("speed", [1e-9, 1e-7, 1e-5])
def test_estimates_follow_what_is_measured(speed: float) -> None:
    costs, spec = CostModel(), ict.detector("fair_value_gaps")
    for _ in range(150):
        costs.computed(spec, 500_000, 500_000 * speed)
        costs.read(spec.entry, 10**8, True, 10**8 * speed)
        costs.written(10**8, False, 10**8 * speed)
    assert costs.computing([spec], 500_000, loading=False) == pytest.approx(500_000 * speed, rel=0.1)
    assert costs.reading(spec.entry, 10**8, True) == pytest.approx(10**8 * speed, rel=0.1)
    assert costs.writing(10**8, False) == pytest.approx(10**8 * speed, rel=0.1)
    other = CostModel()
    assert costs.reading(spec.entry, 10**8, False) == other.reading(spec.entry, 10**8, False)
    swings = [ict.detector("swings")]
    assert costs.computing(swings, 1_000) == other.computing(swings, 1_000)


def test_one_slow_call_does_not_turn_the_estimate() -> None:
    costs, spec = CostModel(), ict.detector("fair_value_gaps")
    for _ in range(30):
        costs.computed(spec, 100_000, 5e-3)
    before = costs.computing([spec], 100_000, loading=False)
    costs.computed(spec, 100_000, 50e-3)
    assert costs.computing([spec], 100_000, loading=False) < before + 0.3 * (50e-3 - before)


def test_what_is_dear_to_compute_is_worth_writing_and_what_is_written_already_is_not() -> None:
    costs, spec = CostModel(), ict.detector("fair_value_gaps")
    costs.computed(spec, 100_000, 5e-3)
    assert costs.worth_writing(spec, 100_000, 100_000, 1_000_000, True)
    assert not costs.worth_writing(spec, 100_000, 1, 1_000_000, True)
    assert not costs.worth_writing(spec, 100_000, 100_000, 10**12, True)


# --- what it would do -----------------------------------------------------------------------------------------------


COUNTED = {"memory": "memory_hits", "disk": "disk_hits", "prefix": "prefix_hits", "compute": "computed"}


@examples(max_examples=60)
@given(
    data=st.data(),
    before=st.lists(st.tuples(any_spec, st.sampled_from([0, 60, 100, 150])), max_size=4),
    now=st.lists(any_spec, min_size=1, max_size=2),
    costs=st.sampled_from([Eager, Reluctant, CostModel]),
)
def test_what_is_explained_is_what_is_done(
    data: st.DataObject, before: list[tuple[Spec, int]], now: list[Spec], costs: type[CostModel]
) -> None:
    market = sample(150)
    asked = [*now, *(spec for spec, _ in before)]
    with tempfile.TemporaryDirectory() as folder:
        with eager(folder) as cache:
            for spec, n in before:
                cache.events(spec, market[:n])
        with eager(folder) as cache:
            for spec, n in data.draw(
                st.lists(st.sampled_from(before), max_size=3) if before else st.just([])
            ):
                cache.events(spec, market[:n])
            cache.flush()
            cache.costs = costs()
            held, counted = set(cache.level.keys()), cache.stats()
            found = sorted(cache.store.get_items())
            explained = cache.explain(asked, market)
            assert (set(cache.level.keys()), cache.stats()) == (held, counted)
            assert sorted(cache.store.get_items()) == found
            assert len(str(explained).splitlines()) == len(set(asked)) == len(explained.choices)
            for spec, result in cache.run(asked, market).items():
                assert_same(result, fresh(spec, market))
            done = cache.stats() - counted
            actions: list[str] = [choice.action for choice in explained.choices.values()]
            assert {action: getattr(done, name) for action, name in COUNTED.items()} == {
                action: actions.count(action) for action in COUNTED
            }


def test_what_is_explained_of_an_unfinished_candle_is_what_is_done(tmp_path: Path) -> None:
    market = sample(300)
    with eager(tmp_path) as cache:
        actions = []
        for end in (200, 201, 202):
            [choice] = cache.explain("swings", market[:end], final=False).choices.values()
            cache.run("swings", market[:end], final=False)
            actions.append((choice.action, choice.bars))
    assert actions == [("compute", 0), ("prefix", 199), ("prefix", 200)]


# --- counts ---------------------------------------------------------------------------------------------------------


def test_every_table_asked_for_counts_once(tmp_path: Path) -> None:
    market, asked = sample(1_200), 0
    for _ in range(2):
        with eager(tmp_path) as cache:
            before = asked
            for n in (1_000, 1_000, 1_100, 1_200):
                cache.run(ALL, market[:n])
                asked += len(ALL)
            assert cache.stats().requests == asked - before
    usage = read_usage(tmp_path)
    assert usage.requests == asked
    assert usage.computed == len(ALL)
    assert min(usage.memory_hits, usage.disk_hits, usage.prefix_hits) >= len(ALL)
    assert usage.hit_rate == 1 - 10 / asked


LEFT = {"nothing": 0, "memory": 199, "the last but one in memory": 198, "files": 199}


@pytest.mark.parametrize("left", LEFT)
def test_tables_of_an_unfinished_candle_count_once_as_continued(tmp_path: Path, left: str) -> None:
    """Those of the candles before are no hits of their own."""
    market, asked = sample(200), ["structure_breaks", "swings", "fair_value_gaps"]
    with eager(tmp_path) as cache:
        if LEFT[left]:
            cache.run(asked, market[: LEFT[left]])
        if left == "files":
            cache.flush()
            cache.level.clear()
        before = cache.stats()
        cache.run(asked, market, final=False)
        done = cache.stats() - before
        cache.run(asked, market, final=False)
        again = cache.stats() - before - done
    expected = (len(asked), 0) if left == "nothing" else (0, len(asked))
    assert (done.computed, done.prefix_hits) == expected
    assert (again.computed, again.prefix_hits) == (0, len(asked))
    for each in (done, again):
        assert (each.requests, each.memory_hits, each.disk_hits) == (len(asked), 0, 0)


def at_known_speed(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the cost model expect 10 ms a candle, and measure 2 s whatever a detector does."""
    known = Known()
    known._loaded.update(ALL)
    monkeypatch.setattr(cache, "costs", known)
    for module in (_cache, _lookup, _tables):
        monkeypatch.setattr(module, "perf_counter", Ticks(1.0))


class Known(Eager):
    """Costs of computing that are proportional to the candles."""

    def __init__(self) -> None:
        super().__init__(write=False)

    def computing(self, specs: Iterable[Spec], bars: int, *, loading: bool | None = None) -> float:
        return sum(0.01 * bars for _ in specs)


def test_a_hit_saves_what_computing_took_less_the_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = sample(300)
    with eager(tmp_path) as cache:
        at_known_speed(cache, monkeypatch)
        cache.run(["structure_breaks", "swings"], market)
        assert cache.stats().saved_seconds == 0
        cache.run(["structure_breaks", "swings"], market)
        assert cache.stats().saved_seconds == pytest.approx(2 * 2 - 1)  # what feeds several counts once
        cache.events("structure_breaks", market)
        assert cache.stats().saved_seconds == pytest.approx(2 * (2 * 2 - 1))
        assert cache.stats().memory_hits == 3


def test_loading_a_kernel_is_saved_where_it_is_still_to_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, market = ict.detector("swings"), sample(300)
    with eager(tmp_path) as cache:
        at_known_speed(cache, monkeypatch)
        cache.events(spec, market)
        key = key_for(spec, market)
        entry = cache.level.get(key)
        assert entry is not None
        cache.level.put(key, replace(entry, costs={spec: Cost(10.0, 5.0)}))
        for loaded, saved in ((True, 10), (False, 15)):
            monkeypatch.setattr(cache.costs, "is_loaded", lambda spec, loaded=loaded: loaded)
            before = cache.stats()
            cache.events(spec, market)
            assert (cache.stats() - before).saved_seconds == pytest.approx(saved - 1)


def test_a_series_that_grew_saves_what_computing_it_at_once_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not what its many short steps took, each of which is mostly what any call takes."""
    spec, market = ict.detector("structure_breaks"), sample(300)
    with eager(tmp_path) as cache:
        at_known_speed(cache, monkeypatch)
        saved = []
        for n in range(50, 301):
            cache.events(spec, market[:n])
            if n in (50, 250, 300):
                before = cache.stats()
                cache.events(spec, market[:n])
                saved.append((cache.stats() - before).saved_seconds)
    assert saved == pytest.approx([2 * 2 - 1, 2 * 2.5 - 1, 2 * 3 - 1])


def test_computing_is_timed_whichever_way_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market = sample(300)
    with eager(tmp_path) as cache:
        at_known_speed(cache, monkeypatch)
        spent = []
        for n, final in ((250, True), (299, True), (299, True), (300, False)):
            before = cache.stats()
            cache.run(["structure_breaks", "fair_value_gaps"], market[:n], final=final)
            spent.append((cache.stats() - before).computing_seconds)
        assert spent == [6, 6, 0, 6]  # three detectors, one of which feeds another, each 2 s
        monkeypatch.setattr(cache.costs, "is_tiny", lambda specs, bars: True)
        before = cache.stats()
        cache.events("trend", market)
        assert (cache.stats() - before).computing_seconds == 1  # not timed one by one


def test_counts_are_plain_values_that_subtract() -> None:
    early, late = (
        Stats(memory_hits=3, computed=1, memory_bytes=7),
        Stats(memory_hits=5, computed=4, memory_bytes=9),
    )
    assert late - early == Stats(memory_hits=2, computed=3, memory_bytes=9)
    assert json.loads(json.dumps(late.to_dict())) == late.to_dict()
    assert Stats().hit_rate == 0.0


def test_what_goes_on_saves_computing_but_no_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, market = ict.detector("structure_breaks"), sample(300)
    with eager(tmp_path) as cache:
        cache.events(spec, market[:200])
        cache.events(spec, market[:250])
    for asked, loading in ((market[:200], 2.0), (market[:300], 0.0), (market[:250], 2.0)):
        with eager(tmp_path) as cache:
            monkeypatch.setattr(cache.costs, "is_loaded", lambda spec: False)

            def read(key: Key, spec: Spec, cache: ict.Cache = cache) -> Entry | None:
                entry = type(cache).read(cache, key, spec)
                return entry and replace(entry, costs=dict.fromkeys(entry.costs, Cost(10.0, 1.0)))

            monkeypatch.setattr(cache, "read", read)
            cache.events(spec, asked)
            assert cache.stats().saved_seconds == pytest.approx(20 + loading, abs=0.5)


# --- usage of all processes -----------------------------------------------------------------------------------------


def test_usage_is_summed_up_by_compacting(tmp_path: Path) -> None:
    market = sample(300)
    for _ in range(3):
        with eager(tmp_path) as cache:
            cache.events("swings", market)
    add_usage(tmp_path, {"computed": 4, "saved_seconds": -2.5})
    before = read_usage(tmp_path)
    with eager(tmp_path) as cache:
        cache.compact()
    path = tmp_path / "ict-kernels-usage.jsonl"
    assert len([line for line in path.read_text().splitlines() if line]) == 1
    assert read_usage(tmp_path) == before
    assert before.computed == 5
    assert not list(tmp_path.glob("ict-kernels-usage.*.jsonl"))
    # Whoever was stopped while summing up has lost nothing.
    path.rename(tmp_path / "ict-kernels-usage.0123.jsonl")
    assert read_usage(tmp_path) == before
    with eager(tmp_path) as cache:
        cache.clear()
    assert not snapshot(tmp_path)


def test_what_was_counted_is_told_once(tmp_path: Path) -> None:
    market = sample(300)
    cache = eager(tmp_path)
    for n in (200, 250, 300):
        cache.run(["swings", "trend"], market[:n])
        for _ in range(2):
            cache.close()
            assert read_usage(tmp_path).requests == cache.stats().requests
    counted = cache.stats().to_dict()
    assert (counted["computed"], counted["prefix_hits"], counted["stored"]) == (2, 4, 6)
    del cache
    gc.collect()
    for name, total in read_usage(tmp_path).to_dict().items():
        if name not in ("memory_bytes", "memory_entries"):
            assert total == pytest.approx(counted[name]), name


def test_a_long_file_of_usage_becomes_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ict-kernels-usage.jsonl"
    line = b'\n{"computed": 1, "stored": 2}\n'
    path.write_bytes(line * (60_000 // len(line)))
    lines = path.read_bytes().count(b"{")
    for length in (lines + 1, lines + 2):
        add_usage(tmp_path, {"computed": 1})
        assert path.read_bytes().count(b"{") == length
    with path.open("ab") as file:
        file.write(line * (6_000 // len(line)))
        lines += 6_000 // len(line)
    add_usage(tmp_path, {"computed": 1})
    assert path.read_bytes().count(b"{") == 1
    assert snapshot(tmp_path) == {path.name}
    usage = read_usage(tmp_path)
    assert (usage.computed, usage.stored) == (lines + 3, 2 * lines)


def test_usage_is_summed_over_processes_and_survives_lines_that_are_none(tmp_path: Path) -> None:
    market = sample(300)
    for _ in range(3):
        with eager(tmp_path) as cache:
            cache.events("swings", market)
    with (tmp_path / "ict-kernels-usage.jsonl").open("ab") as file:
        file.write(
            b'{"computed": 5\n[1]\n"x"\nnull\n\xff\xfe\n{"computed": "many", "unknown": 1}\n' + b"[" * 9_000
        )
    usage = read_usage(tmp_path)
    assert (usage.computed, usage.disk_hits, usage.stored) == (1, 2, 1)
