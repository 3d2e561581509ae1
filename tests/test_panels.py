"""Panels: many series at once, each as if it were alone, whatever the threads and however the process came to be."""

from __future__ import annotations

import dataclasses
import inspect
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import pytest

import ict_kernels as ict
from ict_kernels import fold, panels, registry
from ict_kernels.fold import Emitted, fold_batch
from ict_kernels.kernels import _types as k
from ict_kernels.kernels._types import Bars, Shape, State
from ict_kernels.panels import fold_many
from ict_kernels.registry import Entry, Spec, with_feeds
from tests.processes import output_of, run_python

pytestmark = pytest.mark.panel

ALL = [ict.detector(name) for name in ict.detectors()]
TREND = [ict.detector("trend")]
THREADS: int = numba.config.NUMBA_NUM_THREADS


@pytest.fixture(scope="module")
def market() -> Bars:
    bars: Bars = ict.sample_market(["EURUSD"], bars=900, seed=3)[0].bars
    return bars


def cut(bars: Bars, lengths: Sequence[int]) -> list[Bars]:
    """Pieces of these lengths, each from another place."""
    starts = [37 * i % (len(bars.open) - max(lengths)) for i in range(len(lengths))]
    return [Bars(*(column[a : a + n] for column in bars)) for a, n in zip(starts, lengths)]


def check(results: Sequence[Mapping[Spec, Emitted]], series: Sequence[Bars], specs: Sequence[Spec]) -> int:
    """Compare with each series alone; returns the number of rows."""
    assert len(results) == len(series)
    rows = 0
    for result, bars in zip(results, series):
        assert list(result) == with_feeds(specs)
        alone = fold_batch(specs, bars)
        for spec in with_feeds(specs):
            assert result[spec].first_id == 0
            for mine, theirs in zip(result[spec].feed, alone[spec].feed):
                np.testing.assert_array_equal(mine, theirs, err_msg=str(spec))
                assert mine.dtype == theirs.dtype
                assert not mine.flags.writeable
            rows += len(result[spec].feed.ints)
    return rows


# --- dealing --------------------------------------------------------------------------------------------------------


def bins_of(costs: Sequence[int], workers: int, todo: Sequence[int] | None = None) -> list[list[int]]:
    chosen = np.arange(len(costs)) if todo is None else np.array(todo, np.intp)
    order, bins = panels._dealt(chosen, np.array(costs, np.int64), workers)
    assert bins[0] == 0
    assert bins[-1] == len(order)
    return [order[a:b].tolist() for a, b in zip(bins, bins[1:])]


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 8])
def test_eight_long_series_in_front_are_spread_over_all_threads(workers: int) -> None:
    costs = [100_000] * 8 + [1_000] * 56
    bins = bins_of(costs, workers)
    assert sorted(i for one in bins for i in one) == list(range(64))
    loads = [sum(costs[i] for i in one) for one in bins]
    assert len(loads) == workers
    assert max(loads) <= sum(costs) / workers + (100_000 if 8 % workers else 1_000)


def test_no_thread_is_left_without_series_and_none_is_made_up() -> None:
    assert [len(one) for one in bins_of([5, 5, 5], 8)] == [1, 1, 1]
    assert [len(one) for one in bins_of([0] * 6, 3)] == [2, 2, 2]  # empty series count for something too
    assert bins_of([9, 1, 9, 1], 2, todo=[1, 3]) == [[1], [3]]


# --- each as if it were alone -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 64])
def test_uneven_series_come_back_in_their_order(market: Bars, workers: int) -> None:
    series = cut(market, [150] * 3 + [20] * 9 + [150, 0, 1, 77])
    assert check(fold_many(ALL, series, workers), series, ALL) > 500


def test_one_series_much_longer_than_all_others(market: Bars) -> None:
    series = cut(market, [10, 600, 10])
    check(fold_many(ALL, series, 2), series, ALL)


@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0], [0, 1, 2, 3, 4, 5] * 2, [5, 0], [40]], ids=str)
def test_short_and_empty_series(market: Bars, lengths: list[int]) -> None:
    series = cut(market, lengths) if lengths else []
    check(fold_many(ALL, series, 2), series, ALL)


def test_the_default_is_all_cores(market: Bars) -> None:
    series = cut(market, [60, 60])
    check(fold_many(TREND, series), series, TREND)


def test_without_detectors_there_is_nothing(market: Bars) -> None:
    assert fold_many([], cut(market, [20, 20])) == [{}, {}]


def test_feeds_are_computed_once_and_handed_out(market: Bars) -> None:
    [result, _] = fold_many(TREND, cut(market, [200, 200]), 2)
    assert [spec.name for spec in result] == ["swings", "structure_breaks", "trend"]
    assert len(result[TREND[0]].feed.ints) == 200


def test_results_stay_as_they_were(market: Bars) -> None:
    series = cut(market, [200, 200])
    first = fold_many(TREND, series, 2)
    fold_many(TREND, cut(market, [300, 300]), 2)
    check(first, series, TREND)


# --- growth -----------------------------------------------------------------------------------------------------------


def fresh_state_without_room(shape: Shape, zones: int = 0, memory: int = 0) -> State:
    return make_state(shape, zones, memory)


make_state = fold.fresh_state


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every buffer starts as small as it may be."""
    small = {name: dataclasses.replace(entry, rate=0.0) for name, entry in ict.detectors().items()}
    monkeypatch.setattr(registry, "_ENTRIES", small)
    monkeypatch.setattr(panels, "_ZONES", 0)
    monkeypatch.setattr(panels, "fresh_state", fresh_state_without_room)
    monkeypatch.setattr(fold, "fresh_state", fresh_state_without_room)


def test_every_buffer_grows_without_a_trace(
    market: Bars, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = cut(market, [300, 0, 5, 280, 300, 150])
    expected = [fold_batch(ALL, bars) for bars in series]
    request.getfixturevalue("no_room")
    grown: set[int] = set()
    calls = 0
    enlarge, grow = panels._Ragged.grown, fold.grow

    def in_panels(self: Any, full: Any, needed: Any, used: Any) -> Any:
        nonlocal calls
        if full.any():
            grown.add(calls % 4)
        calls += 1
        return enlarge(self, full, needed, used)

    monkeypatch.setattr(panels._Ragged, "grown", in_panels)
    results = fold_many(ALL, series, 2)
    assert grown == {0, 1, 2, 3}  # rows, changes, zones, memory

    alone: set[int] = set()

    def in_series(state: Any, out: Any) -> Any:
        alone.add(int(out.used[k.FULL]))
        return grow(state, out)

    monkeypatch.setattr(fold, "grow", in_series)
    check(results, series, ALL)
    assert alone == {k.FULL_ROWS, k.FULL_CHANGES, k.FULL_ZONES, k.FULL_MEMORY}
    for result, before in zip(results, expected):
        for spec in ALL:
            assert all(np.array_equal(*pair) for pair in zip(result[spec].feed, before[spec].feed))


def test_streams_grow_without_a_trace(no_room: None) -> None:
    candles = ict.sample_market(["EURUSD"], bars=300)[0]
    stream = ict.Stream(list(ict.detectors()))
    for start in range(0, 300, 90):
        stream.extend(candles[start : start + 90])
    assert stream.events("inverse_fair_value_gaps") == ict.reference.inverse_fair_value_gaps(candles)
    assert stream.events("balanced_price_ranges") == ict.reference.balanced_price_ranges(candles)
    assert stream.events("swings") == ict.reference.swings(candles)


# --- threads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", sorted({1, THREADS}))
@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_threads_is_given_back(market: Bars, threads: int, workers: int) -> None:
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        fold_many(TREND, cut(market, [50, 50]), workers)
        assert numba.get_num_threads() == threads
    finally:
        numba.set_num_threads(before)


def test_the_number_of_threads_is_given_back_after_an_error(
    market: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        assert numba.get_num_threads() == 1
        raise MemoryError("in the middle of it")

    before = numba.get_num_threads()
    monkeypatch.setattr(Entry, "panel", property(lambda entry: fail))
    with pytest.raises(MemoryError, match="in the middle of it"):
        fold_many(TREND, cut(market, [50, 50]), 1)
    assert numba.get_num_threads() == before
    monkeypatch.undo()
    series = cut(market, [50, 50])
    check(fold_many(TREND, series, 1), series, TREND)  # and the lock is free again


def test_only_one_panel_runs_at_a_time(market: Bars, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    count = threading.Lock()
    panel_of = inspect.getattr_static(Entry, "panel").fget

    def counted(entry: Entry) -> Any:
        def run(*arguments: Any) -> None:
            nonlocal inside, most
            with count:
                inside += 1
                most = max(most, inside)
            panel_of(entry)(*arguments)
            with count:
                inside -= 1

        return run

    monkeypatch.setattr(Entry, "panel", property(counted))
    lots = [cut(market, [90 + i, 90, 90]) for i in range(6)]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda lot: fold_many(TREND, lot, 2), lots))
    assert most == 1
    for result, lot in zip(results, lots):
        check(result, lot, TREND)


PREPARE = """
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
import numba, numpy as np
import ict_kernels as ict
from ict_kernels.fold import fold_batch
from ict_kernels.panels import fold_many

specs = [ict.detector("trend")]
series = [candles.bars for candles in ict.sample_market(bars=2_000)]
expected = [fold_batch(specs, bars)[specs[0]].feed.ints for bars in series]

def right():
    found = fold_many(specs, series, 2)
    return all(np.array_equal(one[specs[0]].feed.ints, alone) for one, alone in zip(found, expected, strict=True))
"""

IN_CHILDREN = """
for _ in range(2):
    child = os.fork()
    if child == 0:
        os._exit(0 if right() else 3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

THREADED = """
ready = threading.Barrier(2)

def meet(_):
    ready.wait()
    return [right() for _ in range(20)]

with ThreadPoolExecutor(2) as pool:
    answers = list(pool.map(meet, range(2)))
print(all(all(one) for one in answers), numba.threading_layer())
"""

NESTED = """
with ThreadPoolExecutor(2) as pool:
    print(pool.submit(lambda: pool.submit(right).result()).result())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
@pytest.mark.parametrize("before", ["", "assert right()\n"], ids=["before", "after"])
def test_a_child_forked_before_or_after_the_first_panel_lives(before: str) -> None:
    code = PREPARE + before + IN_CHILDREN + "print(right())"
    assert output_of(code, PYTHONWARNINGS="ignore").split() == ["0", "0", "True"]


def test_a_child_forked_while_a_panel_runs_finds_the_lock_free() -> None:
    code = PREPARE + "from ict_kernels.panels import _guard\nassert right()\nwith _guard.lock:\n    if True:"
    code += IN_CHILDREN.replace("\n", "\n        ")
    assert output_of(code, PYTHONWARNINGS="ignore").split() == ["0", "0"]


@pytest.mark.compiled
@pytest.mark.parametrize("layer", ["workqueue", "omp", "tbb"])
def test_two_threads_may_ask_for_panels_at_once(layer: str) -> None:
    done = run_python(PREPARE + THREADED, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS=2)
    if "No threading layer could be loaded" in done.stderr:
        pytest.skip(f"there is no {layer} here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", layer]


def test_panels_may_be_asked_for_from_within_a_pool() -> None:
    assert output_of(PREPARE + NESTED).split() == ["True"]
