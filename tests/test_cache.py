"""The cache gives what computing gives, by whatever way it comes."""

from __future__ import annotations

import pickle
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

import ict_kernels as ict
from ict_kernels.cache import Stats
from ict_kernels.cache._costs import CostModel
from ict_kernels.cache._lookup import Lookup, computed
from ict_kernels.cache._tables import Table
from ict_kernels.candles import BLOCK, Candles
from ict_kernels.errors import ParameterError
from ict_kernels.registry import Spec
from tests import cache_helpers
from tests.cache_helpers import (
    ALL,
    PATIENCE,
    Clock,
    Eager,
    any_spec,
    arrays_of,
    as_candles,
    assert_same,
    bits,
    changed,
    eager,
    ends,
    entry_files,
    fresh,
    header_of,
    in_thread,
    key_for,
    parted,
    sample,
    settings,
    snapshot,
)
from tests.specs import specs
from tests.strategies import candles as adversarial

unsynced = cache_helpers.unsynced
LEVELS = pytest.mark.parametrize("write", [False, True], ids=["memory", "files"])


def lengths(n: int, most: int) -> st.SearchStrategy[list[int]]:
    """Rising lengths of a series that grows to `n` candles; from none there is nothing to continue."""
    some = st.lists(st.integers(min(1, n), n), max_size=most, unique=True)
    return some.map(lambda drawn: sorted({*drawn, n}))


# --- equality -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@examples(max_examples=30)
@given(data=st.data(), prices=adversarial())
def test_a_series_that_grows_is_continued_in_memory(name: str, data: st.DataObject, prices: Any) -> None:
    spec, market = data.draw(specs(name)), as_candles(prices)
    at = data.draw(lengths(len(market), 6) | st.just([*range(1, len(market) + 1)] or [0]))
    with tempfile.TemporaryDirectory() as folder, eager(folder, write=False) as cache:
        handed = []
        for n in at:
            result = cache.events(spec, market[:n])
            assert_same(result, fresh(spec, market[:n]))
            handed.append((n, result, bits(result)))
        stats = cache.stats()
        assert (stats.computed, stats.prefix_hits) == (1, len(at) - 1)
        for _, result, then in handed:
            assert bits(result) == then  # columns are shared with the tables that continue them
        for n in at[-2:]:  # of a series that grows the last two tables are kept
            assert_same(cache.events(spec, market[:n]), fresh(spec, market[:n]))
        assert cache.stats().memory_hits == len(at[-2:])


@pytest.mark.parametrize("name", ALL)
@examples(max_examples=12)
@given(data=st.data(), prices=adversarial(), compressed=st.booleans())
def test_a_series_that_grows_is_continued_from_files(
    name: str, data: st.DataObject, prices: Any, compressed: bool
) -> None:
    spec, market = data.draw(specs(name)), as_candles(prices)
    at = data.draw(lengths(len(market), 3))
    with tempfile.TemporaryDirectory() as folder:
        ways = []
        for n in at:
            with eager(folder, compression_enabled=compressed) as cache:
                assert_same(cache.events(spec, market[:n]), fresh(spec, market[:n]))
                ways.append((cache.stats().computed, cache.stats().prefix_hits))
        assert ways == [(1, 0)] + [(0, 1)] * (len(at) - 1)
        with eager(folder) as cache:
            for n in reversed(at):  # else what memory holds by then would be continued
                assert_same(cache.events(spec, market[:n]), fresh(spec, market[:n]))
            assert cache.stats().disk_hits == len(at)
            assert cache.stats().damaged == 0


@examples(max_examples=40)
@given(
    data=st.data(),
    asked=st.lists(any_spec, min_size=1, max_size=4),
    prices=adversarial(),
    costs=st.sampled_from([Eager, CostModel]),
)
def test_detectors_of_one_request_share_what_feeds_them(
    data: st.DataObject, asked: list[Spec], prices: Any, costs: type[CostModel]
) -> None:
    market = as_candles(prices)
    with tempfile.TemporaryDirectory() as folder:
        for n in data.draw(lengths(len(market), 3)):
            with eager(folder) as cache:
                cache.costs = costs()
                for some in data.draw(st.lists(st.lists(st.sampled_from(asked), max_size=4), max_size=2)):
                    cache.run(some, market[: data.draw(st.integers(0, n))])
                found = cache.run(asked, market[:n], workers=data.draw(st.sampled_from([1, 2])))
                assert list(found) == list(dict.fromkeys(asked))
                for spec, result in found.items():
                    assert_same(result, fresh(spec, market[:n]))


def altered(market: Candles, move: float) -> Candles:
    """The same candles, the last of which closed somewhere else."""
    last = len(market) - 1
    close = market.low[last] + move * (market.high[last] - market.low[last])
    return changed(market, "close", last, min(max(close, market.low[last]), market.high[last]))


@examples(max_examples=60)
@given(
    asked=st.lists(any_spec, min_size=1, max_size=3),
    prices=adversarial(min_size=1, max_size=40),
    moves=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=3),
    start=st.integers(0, 39),
)
def test_an_unfinished_candle_is_never_kept(
    asked: list[Spec], prices: Any, moves: list[float], start: int
) -> None:
    market = as_candles(prices)
    with tempfile.TemporaryDirectory() as folder, eager(folder) as cache:
        handed = []
        finished = {key_for(spec, market[:n]) for spec in asked for n in range(len(market) + 1)}
        for n in range(min(start, len(market)), len(market) + 1):
            for now in [altered(market[:n], move) for move in moves] if n else []:
                found = cache.run(asked, now, final=False)
                for spec, result in found.items():
                    assert_same(result, fresh(spec, now))
                    handed.append((result, bits(result)))
            assert finished.issuperset(cache.level.keys())
            for spec, result in cache.run(asked, market[:n]).items():
                assert_same(result, fresh(spec, market[:n]))
        cache.flush()
        assert finished.issuperset(item.key for item in cache.store.get_items())
        assert all(bits(result) == then for result, then in handed)


def test_the_candle_that_was_unfinished_is_continued_when_it_is_finished(tmp_path: Path) -> None:
    spec, market = ict.detector("structure_breaks"), sample(3_000)
    with eager(tmp_path) as cache:
        for n in (2_998, 2_999):
            for move in (0.0, 1.0):
                now = altered(market[:n], move)
                assert_same(cache.events(spec, now, final=False), fresh(spec, now))
            assert_same(cache.events(spec, market[:n]), fresh(spec, market[:n]))
        stats = cache.stats()
    assert stats.computed == 1
    assert stats.prefix_hits >= 2


@LEVELS
def test_growth_over_the_ends_of_blocks(tmp_path: Path, write: bool) -> None:
    market = sample(BLOCK + 210)
    asked = [ict.detector(name) for name in ALL]
    at = [
        BLOCK - 2,
        BLOCK - 1,
        BLOCK,
        BLOCK + 1,
        BLOCK + 8,
        BLOCK + 108,
        BLOCK + 109,
        BLOCK + 209,
        BLOCK + 210,
    ]
    at = at[::2] if write else at
    handed = []
    cache = eager(tmp_path, write=write)
    for n in at:
        if write:
            cache.close()
            cache = eager(tmp_path)
        for spec, result in cache.run(asked, market[:n]).items():
            assert_same(result, fresh(spec, market[:n]))
            handed.append((result, bits(result)))
        if n > at[0]:
            stats = cache.stats()
            assert stats.prefix_hits == len(asked) * (1 if write else at.index(n))
    cache.close()
    assert all(bits(result) == then for result, then in handed)


@LEVELS
def test_candles_that_part_are_continued_each_on_its_own(tmp_path: Path, write: bool) -> None:
    spec, trunk = ict.detector("fair_value_gaps"), sample(400)
    branches = [parted(trunk, place) for place in (250, 300, 350)]
    with eager(tmp_path, write=write) as cache:
        handed = []
        for n in (240, 260, 310, 360, 400):
            for market in (trunk, *branches):
                result = cache.events(spec, market[:n])
                assert_same(result, fresh(spec, market[:n]))
                handed.append((result, bits(result)))
                if write:
                    forget_memory(cache)
        stats = cache.stats()
        assert (stats.computed, stats.prefix_hits) == (1, 2 + 3 + 4 + 4)
        assert (stats.memory_hits, stats.disk_hits) == ((0, 6) if write else (6, 0))
    assert all(bits(result) == then for result, then in handed)


@pytest.mark.parametrize("name", ALL)
def test_few_candles(tmp_path: Path, name: str) -> None:
    market = sample(5)
    for costs in (CostModel(), Eager()):
        with eager(tmp_path) as cache:
            cache.costs = costs
            for n in (0, 1, 2, 3, 4, 5):
                for final in (True, False):
                    spec = ict.detector(name)
                    assert_same(cache.events(name, market[:n], final=final), fresh(spec, market[:n]))


# --- which table is continued ---------------------------------------------------------------------------------------


def forget_memory(cache: ict.Cache) -> None:
    """Go on as another process would, by what lies in files."""
    cache.flush()
    cache.level.clear()


def continued_bars(cache: ict.Cache, market: Candles, write: bool) -> int:
    """Candles of the table that is continued, in memory or from a file."""
    if write:
        forget_memory(cache)
    spec = ict.detector("fair_value_gaps")
    choice, before = cache.explain(spec, market).choices[spec], cache.stats()
    assert_same(cache.events(spec, market), fresh(spec, market))
    assert (choice.action, choice.in_memory) == ("prefix", not write)
    assert (cache.stats() - before).prefix_hits == 1
    return choice.bars


@LEVELS
def test_the_longest_table_is_continued(tmp_path: Path, write: bool) -> None:
    spec, market = ict.detector("fair_value_gaps"), sample(401)
    with eager(tmp_path, write=write) as cache:
        for n in (*range(180, 140, -1), 400, *range(140, 100, -1)):
            cache.events(spec, market[:n])
        assert continued_bars(cache, market, write) == 400


@LEVELS
def test_a_longer_table_that_is_too_old_hides_no_younger_one(tmp_path: Path, write: bool) -> None:
    clock, spec, market = Clock(), ict.detector("fair_value_gaps"), sample(401)
    with eager(tmp_path, write=write, clock=clock, cache_ttl_seconds=60) as cache:
        cache.events(spec, market[:400])
        clock.now += 100
        cache.events(spec, market[:300])
        assert continued_bars(cache, market, write) == 300


@LEVELS
def test_longer_tables_of_candles_that_parted_hide_no_shorter_one(tmp_path: Path, write: bool) -> None:
    """The last candles are revised now and then."""
    spec, market = ict.detector("fair_value_gaps"), sample(401)
    with eager(tmp_path, write=write) as cache:
        for n in range(400, 390, -1):
            cache.events(spec, parted(market, 290, times=1 + n / 1e4)[:n])
        cache.events(spec, market[:280])
        assert continued_bars(cache, market, write) == 280


def test_windows_of_one_market_do_not_hide_the_table_that_is_continued(tmp_path: Path) -> None:
    market = sample(600)
    for write in (False, True):
        with eager(tmp_path / str(write), write=write) as cache:
            cache.events("swings", market[:500])
            for start in range(1, 12):
                cache.events("swings", market[start : 590 + start // 2])
            cache.flush()
            if write:
                cache.level.clear()
            assert_same(cache.events("swings", market), ict.swings(market))
            assert cache.stats().prefix_hits == 1


def test_tables_of_unlike_lengths_in_memory_are_not_continued_one_by_one(tmp_path: Path) -> None:
    """Each continuation would run what feeds it over nearly all candles again."""
    market = sample(4_000)
    cache = ict.Cache(tmp_path)
    specs = [ict.detector(name) for name in ALL]
    for spec in specs:
        cache.costs._loaded.add(spec.name)
    with cache:
        lookups = Lookup(cache, tuple(specs), market, 1)
        for bars, spec in enumerate(specs, 100):
            key = key_for(spec, market[:bars])
            cache.level.put(key, computed((spec,), market[:bars], 1, cache)[spec])
        plan = lookups.plan()
        assert {choice.action for choice in plan.values()} == {"compute"}


@pytest.mark.parametrize("final", [True, False])
def test_tables_of_one_market_are_continued_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, final: bool
) -> None:
    """They append to the same rows, of which each has to find out what the others have taken."""
    spec, market = ict.detector("fair_value_gaps"), sample(201)
    mine, theirs = parted(market, 200, 1.1), parted(market, 200, 0.9)
    go_on, handed, with_room = threading.Event(), {}, Table._with_room

    class Watched:
        """A lock that shows when somebody has to wait for it."""

        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __enter__(self) -> None:
            if not self.lock.acquire(blocking=False):
                go_on.set()
                self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    def other() -> None:
        handed["theirs"] = cache.events(spec, theirs, final=final)
        go_on.set()

    def pause(*arguments: Any, **more: Any) -> Any:
        buffer = with_room(*arguments, **more)
        if buffer.data.dtype.kind == "f":  # prices, which are not the same
            monkeypatch.setattr(Table, "_with_room", with_room)
            threads.append(in_thread(other))
            assert go_on.wait(PATIENCE)
        return buffer

    threads: list[threading.Thread] = []
    with eager(tmp_path, write=False) as cache:
        monkeypatch.setattr(cache, "_locks", [Watched() for _ in cache._locks])
        for n in (150, 200):  # the second has room for more
            cache.events(spec, market[:n])
        monkeypatch.setattr(Table, "_with_room", pause)
        handed["mine"] = cache.events(spec, mine, final=final)
        assert [*map(ends, threads)] == [True]
    assert_same(handed["mine"], fresh(spec, mine))
    assert_same(handed["theirs"], fresh(spec, theirs))


def test_a_table_in_memory_that_is_too_old_is_not_continued(tmp_path: Path) -> None:
    clock, market = Clock(), sample(300)
    with eager(tmp_path, write=False, clock=clock, cache_ttl_seconds=60) as cache:
        cache.events("swings", market[:299])
        clock.now += 100
        assert_same(cache.events("swings", market), ict.swings(market))
        assert (cache.stats().computed, cache.stats().prefix_hits) == (2, 0)


# --- what is asked for and handed out -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trend", "swings"])
def test_what_is_handed_out_cannot_be_written_to(tmp_path: Path, name: str) -> None:
    spec, market, handed = ict.detector(name), sample(300), []
    fresh(spec, market)  # loads the kernels, which would be worth a file by itself
    with ict.Cache(tmp_path) as cache:
        handed.append(cache.events(spec, market[:2]))  # too few to be looked for
    with eager(tmp_path) as cache:
        for n, final in ((299, True), (299, True), (300, False), (300, True)):
            handed.append(cache.events(spec, market[:n], final=final))
        forget_memory(cache)
        handed.append(cache.events(spec, market))
        stats = cache.stats()
        assert (stats.computed, stats.memory_hits, stats.prefix_hits, stats.disk_hits) == (1, 1, 2, 1)
    for result in handed:
        for values in arrays_of(result).values():
            with pytest.raises(ValueError, match="read-only"):
                values[:1] = 1


def test_what_is_asked_for_wrongly_is_refused(tmp_path: Path) -> None:
    with ict.Cache(tmp_path) as cache:
        with pytest.raises(ict.CandleError, match="takes Candles"):
            cache.events("swings", [1.0, 2.0])  # type: ignore[arg-type]
        with pytest.raises(ict.ParameterError, match="swing"):
            cache.events("swing", sample(10))
        with pytest.raises(ict.ParameterError, match="lefft"):
            cache.events("swings", sample(10), lefft=3)
        for what in (5, None, [b"swings"], ["swings", 1.0]):
            with pytest.raises(ict.ParameterError, match="there is no detector"):
                cache.run(what, sample(10))  # type: ignore[arg-type]
        for workers in (0, -1, 1.5, "2"):
            with pytest.raises(ict.ParameterError, match="workers="):
                cache.run("swings", sample(10), workers=workers)  # type: ignore[arg-type]
        for call in (cache.run, cache.explain):
            with pytest.raises(ict.ParameterError, match="final='no'"):
                call("swings", sample(10), final="no")  # type: ignore[arg-type]
        assert cache.run([], sample(10)) == {}
    assert not snapshot(tmp_path)
    with pytest.raises(ict.ParameterError, match="settings are a dict"):
        ict.Cache(tmp_path, {"max_cache_size": "1MB"})  # type: ignore[arg-type]
    for name in ("", "a\0b"):
        with pytest.raises(ict.ParameterError, match="no folder's name"):
            ict.Cache(name)


def test_who_has_no_home_has_to_name_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        if str(path).startswith("~"):
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.setattr(Path, "expanduser", homeless)
    monkeypatch.delenv("ICT_KERNELS_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for location in (None, "~nobody/tables"):
        with pytest.raises(ict.ParameterError, match="name a folder for the cache"):
            ict.Cache(location)
    assert ict.Cache(tmp_path).location == tmp_path


def test_all_detectors_by_one_word(tmp_path: Path) -> None:
    with eager(tmp_path) as cache:
        tables = cache.run("all", sample(200))
    assert [spec.name for spec in tables] == list(ALL)


def test_parameters_after_a_detector_that_has_its_own_are_refused(tmp_path: Path) -> None:
    with (
        eager(tmp_path) as cache,
        pytest.raises(ParameterError, match="has its parameters already; give left"),
    ):
        cache.events(ict.detector("swings"), sample(50), left=9)


def test_parameters_that_are_handed_out_are_nobody_elses(tmp_path: Path) -> None:
    market = sample(300)
    with eager(tmp_path) as cache:
        first = cache.events("structure_breaks", market)
        first.parameters["swings"]["left"] = 99
        assert cache.events("structure_breaks", market).parameters == ict.structure_breaks(market).parameters


def test_a_cache_may_be_closed_twice_and_used_again(tmp_path: Path) -> None:
    market = sample(300)
    cache = eager(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            assert_same(cache.events("swings", market), ict.swings(market))
            cache.close()
            cache.close()
    assert len(entry_files(tmp_path)) == 1
    assert header_of(entry_files(tmp_path)[0].read_bytes())["symbol"] == "EURUSD"


def test_a_cache_travels_as_its_folder_and_settings(tmp_path: Path) -> None:
    with eager(tmp_path, max_cache_entries=3) as cache:
        cache.events("swings", sample(300))
        with pickle.loads(pickle.dumps(cache)) as other:
            assert (other.location, other.settings) == (cache.location, cache.settings)
            assert other.settings == settings(max_cache_entries=3)
            assert other.stats() == Stats()
