"""Reading ahead: what is predicted, what is read, and that nobody has to wait for it."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ict_kernels as ict
from ict_kernels.cache import _preload
from ict_kernels.cache._costs import CostModel
from ict_kernels.cache._keys import spec_id
from ict_kernels.cache._preload import AnalysisContext, SmartCachePreloader, _chances, _Visit
from ict_kernels.candles import Candles
from ict_kernels.config import CacheOptimization

PATIENCE = 30.0  # seconds until a test gives up
SETTINGS = CacheOptimization(cache_ttl_seconds=10**8)
EURUSD, GBPUSD, USDJPY, XAUUSD = ict.sample_market(bars=5_000)
MARKETS = [EURUSD, GBPUSD, USDJPY, XAUUSD]
AFTER_EURUSD = AnalysisContext("EURUSD", "15min")


class Clock:
    def __init__(self, now: float = 1.7e9) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[ict.Cache]:
    """Reading and writing count as free, so that no decision depends on this machine."""
    monkeypatch.setattr(CostModel, "is_tiny", lambda *_: False)
    monkeypatch.setattr(CostModel, "reading", lambda *_: 0.0)
    monkeypatch.setattr(CostModel, "worth_writing", lambda *_: True)
    with ict.Cache(tmp_path, SETTINGS, clock=clock) as made:
        yield made


@pytest.fixture
def preloader(cache: ict.Cache) -> Iterator[SmartCachePreloader]:
    with SmartCachePreloader(cache) as made:
        yield made


def ask(cache: ict.Cache, *markets: Candles, detectors: Any = "swings") -> None:
    for candles in markets:
        cache.run(detectors, candles)


def on_disk_only(cache: ict.Cache) -> None:
    cache.flush()
    cache.level.clear()


def symbols(preloader: SmartCachePreloader, context: AnalysisContext | None = None) -> list[str]:
    return [request.symbol for request in preloader.predict_next_requests(context)]


# --- predicting -------------------------------------------------------------------------------------------------------


def test_a_repeating_workload_is_predicted(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, *MARKETS, *MARKETS)
    for candles in [*MARKETS, *MARKETS]:
        expected = symbols(preloader)[0]
        ask(cache, candles)
        assert expected == candles.symbol


def test_timeframes_are_markets_of_their_own(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    hourly = EURUSD.resample("1h")
    ask(cache, EURUSD, hourly, GBPUSD, EURUSD)
    [first, *_] = preloader.predict_next_requests()
    assert (first.symbol, first.timeframe) == ("EURUSD", "1h")


def test_nothing_is_predicted_of_nothing(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    assert preloader.predict_next_requests() == []
    assert preloader.predict_next_requests(AFTER_EURUSD) == []
    assert not preloader.preload_predictive_cache()
    ask(cache, EURUSD, EURUSD)
    assert preloader.predict_next_requests() == []


def test_the_hour_of_the_day_counts(cache: ict.Cache, preloader: SmartCachePreloader, clock: Clock) -> None:
    """After EURUSD each of the two comes as often, but one in the morning and one in the afternoon."""
    morning, afternoon = 8 * 3600.0, 15 * 3600.0
    for day in range(3):
        clock.now = day * 86_400 + morning
        ask(cache, EURUSD, GBPUSD)
        clock.now = day * 86_400 + afternoon
        ask(cache, EURUSD, USDJPY)
    for hour, likeliest in ((morning, "GBPUSD"), (afternoon, "USDJPY")):
        clock.now = 9 * 86_400 + hour
        assert symbols(preloader, AFTER_EURUSD)[0] == likeliest
        assert symbols(preloader, AnalysisContext("EURUSD", "15min", hour))[0] == likeliest


def test_detectors_are_those_asked_for_last(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, GBPUSD, detectors="cisd")
    ask(cache, EURUSD)
    ask(cache, GBPUSD, detectors="swings")
    ask(cache, GBPUSD, detectors=["displacements", "swings"])
    ask(cache, EURUSD)
    [request] = preloader.predict_next_requests()
    assert [spec.name for spec in request.detectors] == ["swings", "displacements"]


def test_what_is_unlikely_is_left_out(cache: ict.Cache) -> None:
    with SmartCachePreloader(cache, least_probability=0.5) as preloader:
        ask(cache, *MARKETS, *MARKETS, EURUSD)
        assert symbols(preloader) == ["GBPUSD"]


def test_history_is_bounded(cache: ict.Cache) -> None:
    with SmartCachePreloader(cache, history=2) as preloader:
        ask(cache, *MARKETS)
        assert symbols(preloader) == ["USDJPY"]


VISITS = st.lists(
    st.builds(_Visit, st.tuples(st.sampled_from("ABCD"), st.just("1h")), st.integers(0, 23), st.just(())),
    max_size=30,
)


@given(VISITS, st.sampled_from("ABCDE"), st.integers(0, 23))
def test_probabilities_add_up(visits: list[_Visit], current: str, hour: int) -> None:
    chances = _chances(visits, (current, "1h"), hour)
    assert set(chances) == {visit.market for visit in visits} - {(current, "1h")}
    assert all(chance > 0 for chance in chances.values())
    assert not chances or sum(chances.values()) == pytest.approx(1.0)


@given(VISITS, st.sampled_from("BCD"), st.integers(0, 23))
def test_what_was_seen_once_more_is_likelier(visits: list[_Visit], later: str, hour: int) -> None:
    visits = [_Visit(("A", "1h"), hour, ()), *visits]
    again = [*visits, _Visit(("A", "1h"), hour, ()), _Visit((later, "1h"), hour, ())]
    market = later, "1h"
    before = _chances(visits, ("A", "1h"), hour).get(market, 0.0)
    assert _chances(again, ("A", "1h"), hour)[market] >= before - 1e-12


def test_equally_likely_ones_are_ordered_by_name(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, XAUUSD, USDJPY, GBPUSD, EURUSD)
    assert symbols(preloader, AnalysisContext("", "")) == ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"]


# --- reading ahead ----------------------------------------------------------------------------------------------------


def test_what_is_predicted_is_in_memory_by_then(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD, detectors=["swings", "fair_value_gaps"])
    on_disk_only(cache)
    assert (preloader.hit_rate, preloader.waste_rate) == (0.0, 0.0)
    assert preloader.preload_predictive_cache()
    preloader.flush()
    before = cache.stats()
    assert (before.preloaded, before.memory_entries) == (2, 2)
    found = cache.run(["swings", "fair_value_gaps"], GBPUSD)
    since = cache.stats() - before
    assert (since.memory_hits, since.preload_hits, since.disk_hits, since.computed) == (2, 2, 0, 0)
    assert (preloader.hit_rate, preloader.waste_rate) == (1.0, 0.0)
    assert found[ict.detector("swings")] == ict.swings(GBPUSD)


def test_the_newest_table_is_read(cache: ict.Cache, preloader: SmartCachePreloader, clock: Clock) -> None:
    for moment, candles in enumerate((GBPUSD[:4_990], GBPUSD[1_000:], EURUSD)):
        clock.now += moment
        ask(cache, candles)
        cache.flush()
    on_disk_only(cache)
    preloader.preload_predictive_cache()
    preloader.flush()
    assert [key.digest for key in cache.level.keys()] == [GBPUSD[1_000:].digest]  # noqa: SIM118


def test_a_prefix_that_is_continued_counts_as_hit(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, EURUSD, GBPUSD[:4_999], EURUSD)
    on_disk_only(cache)
    preloader.preload_predictive_cache()
    preloader.flush()
    ask(cache, GBPUSD)
    assert (cache.stats().prefix_hits, preloader.hit_rate) == (1, 1.0)


def test_what_memory_holds_is_not_read_again(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    """Nor what it holds of more candles, which have no file."""
    ask(cache, EURUSD, GBPUSD[:4_999])
    cache.flush()
    ask(cache, GBPUSD, EURUSD)
    cache.flush()
    [shorter] = [key for key in cache.level.keys() if key.bars == 4_999]  # noqa: SIM118
    cache.level.drop(shorter)
    preloader.preload_predictive_cache()
    preloader.flush()
    assert cache.stats().preloaded == 0


def test_what_was_never_written_is_left_out(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    cache.store.clear()
    assert preloader.preload_predictive_cache()
    preloader.flush()
    assert (cache.stats().preloaded, preloader.errors, preloader.last_error) == (0, 0, None)


def test_tables_that_had_to_go_unused_are_wasted(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    preloader.preload_predictive_cache()
    preloader.flush()
    cache.level.limit = cache.level.bytes * 8 // 5  # room for one table, not for two
    ask(cache, USDJPY)
    assert (preloader.hit_rate, preloader.waste_rate) == (0.0, 1.0)


def test_rates_count_what_was_read_before(cache: ict.Cache) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    for file in cache.store.get_items():
        cache.load_ahead(file.key, ict.detector("swings"))
    with SmartCachePreloader(cache) as preloader:
        ask(cache, EURUSD)
        assert (preloader.hit_rate, preloader.waste_rate) == (0.5, 0.0)
        cache.level.clear()
        assert (preloader.hit_rate, preloader.waste_rate) == (0.5, 0.5)


def memory_left(cache: ict.Cache, size: int) -> None:
    cache.level.limit = cache.level.bytes + size


def file_sizes(cache: ict.Cache) -> list[int]:
    """Of the tables of GBPUSD, as they are read."""
    files = {file.key.spec: file.size for file in cache.store.get_items() if file.key.digest == GBPUSD.digest}
    return [files[spec_id(ict.detector(name))] for name in THREE]


def test_what_memory_has_no_room_for_is_not_read(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD, detectors=THREE)
    on_disk_only(cache)
    ask(cache, EURUSD, detectors=THREE)
    before = cache.stats()
    memory_left(cache, 10 * min(file_sizes(cache)) - 1)
    preloader.preload_predictive_cache()
    preloader.flush()
    assert cache.stats().bytes_read == before.bytes_read
    memory_left(cache, 10 * min(file_sizes(cache)))
    preloader.preload_predictive_cache()
    preloader.flush()
    assert (cache.stats() - before).preloaded == 1  # only the smallest


def test_what_was_read_and_found_no_room_ends_the_round(
    cache: ict.Cache, preloader: SmartCachePreloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_preload, "_UNPACKED", {True: 0, False: 0})
    ask(cache, EURUSD, GBPUSD, EURUSD, detectors=THREE)
    on_disk_only(cache)
    ask(cache, EURUSD, detectors=THREE)
    memory_left(cache, 0)
    before = cache.stats()
    preloader.preload_predictive_cache()
    preloader.flush()
    since = cache.stats() - before
    assert (since.preloaded, since.bytes_read) == (0, file_sizes(cache)[0])
    assert (preloader.waste_rate, cache.ahead) == (0.0, set())


def test_what_is_too_old_is_not_read(cache: ict.Cache, preloader: SmartCachePreloader, clock: Clock) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    clock.now += 2 * SETTINGS.cache_ttl_seconds
    preloader.preload_predictive_cache()
    preloader.flush()
    assert cache.stats().bytes_read == 0


THREE = ("swings", "fair_value_gaps", "displacements")


@pytest.mark.parametrize(("bounds", "read"), [({"max_entries": 2}, 2), ({"max_bytes": 1}, 0), ({}, 3)])
def test_reading_ahead_is_bounded(cache: ict.Cache, bounds: dict[str, int], read: int) -> None:
    with SmartCachePreloader(cache, **bounds) as preloader:
        ask(cache, EURUSD, GBPUSD, EURUSD, detectors=THREE)
        on_disk_only(cache)
        for _ in range(2):
            preloader.preload_predictive_cache()
            preloader.flush()
        assert cache.stats().preloaded == read


def test_what_was_used_makes_room(cache: ict.Cache) -> None:
    with SmartCachePreloader(cache, max_entries=1) as preloader:
        ask(cache, EURUSD, GBPUSD, EURUSD, GBPUSD)
        on_disk_only(cache)
        for candles in (EURUSD, GBPUSD):
            preloader.preload_predictive_cache()
            preloader.flush()
            ask(cache, candles)
        assert (cache.stats().preload_hits, preloader.hit_rate) == (2, 1.0)


# --- never in the way -------------------------------------------------------------------------------------------------


@contextmanager
def request_running(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """A request that runs until the block ends; the semaphore counts how often that was waited for in vain."""
    begun, end, waited = threading.Event(), threading.Event(), threading.Semaphore(0)
    entries, wait = cache._entries, cache.wait_until_idle

    def held(*arguments: Any) -> Any:
        begun.set()
        assert end.wait(PATIENCE)
        return entries(*arguments)

    def watched(timeout: float | None = None) -> bool:
        idle = wait(timeout)
        if not idle:
            waited.release()
        return idle

    monkeypatch.setattr(cache, "_entries", held)
    monkeypatch.setattr(cache, "wait_until_idle", watched)
    request = threading.Thread(target=ask, args=(cache, EURUSD))
    request.start()
    try:
        assert begun.wait(PATIENCE)
        yield waited
    finally:
        end.set()
        request.join()


def test_nothing_is_read_while_a_request_is_running(
    cache: ict.Cache, preloader: SmartCachePreloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    with request_running(cache, monkeypatch) as waited:
        assert preloader.preload_predictive_cache()
        assert all(waited.acquire(timeout=PATIENCE) for _ in range(2))
        assert cache.stats().preloaded == 0
    preloader.flush()
    assert cache.stats().preloaded == 1


def test_few_calls_wait(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with SmartCachePreloader(cache, max_waiting=1) as preloader:
        ask(cache, EURUSD, GBPUSD, EURUSD)
        on_disk_only(cache)
        with request_running(cache, monkeypatch) as waited:
            assert preloader.preload_predictive_cache()
            assert waited.acquire(timeout=PATIENCE)
            assert preloader.preload_predictive_cache()
            assert not preloader.preload_predictive_cache()


def test_closing_waits_for_no_request(
    cache: ict.Cache, preloader: SmartCachePreloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    with request_running(cache, monkeypatch) as waited:
        preloader.preload_predictive_cache()
        assert waited.acquire(timeout=PATIENCE)
        assert preloader.preload_predictive_cache()
        preloader.close()
        assert cache.stats().preloaded == 0
    preloader.flush()
    assert not [thread for thread in threading.enumerate() if thread.name == "ict-kernels-preload"]


def test_a_closed_one_neither_looks_on_nor_reads(cache: ict.Cache) -> None:
    preloader = SmartCachePreloader(cache)
    ask(cache, EURUSD, GBPUSD, EURUSD)
    preloader.stop()
    preloader.close()
    ask(cache, USDJPY)
    assert cache.listeners == []
    assert symbols(preloader) == ["GBPUSD"]
    assert not preloader.preload_predictive_cache()


def test_failures_are_counted_and_not_printed(
    cache: ict.Cache,
    preloader: SmartCachePreloader,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> bool:
        raise RuntimeError("no more")

    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    with monkeypatch.context() as patched:
        patched.setattr(cache, "load_ahead", fail)
        preloader.preload_predictive_cache()
        preloader.flush()
    assert (preloader.errors, cache.stats().preloaded) == (1, 0)
    assert preloader.last_error == "RuntimeError: no more"
    preloader.preload_predictive_cache()
    preloader.flush()
    assert (preloader.errors, cache.stats().preloaded) == (1, 1)
    assert capfd.readouterr() == ("", "")


def test_damaged_files_are_no_failure(cache: ict.Cache, preloader: SmartCachePreloader) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    for file in cache.store.get_items():
        Path(cache.store.path(file.key)).write_bytes(b"junk")
    preloader.preload_predictive_cache()
    preloader.flush()
    assert (preloader.errors, cache.stats().damaged, cache.stats().preloaded) == (0, 1, 0)


def test_looking_on_never_fails_a_request(tmp_path: Path) -> None:
    """Nor does a clock that is none, which a small request needs for nothing else."""
    few = EURUSD[:50]
    expected = ict.swings(few)  # loads the kernel, without which the request would not be small
    with ict.Cache(tmp_path, clock=lambda: float("nan")) as cache, SmartCachePreloader(cache) as preloader:
        found = cache.events("swings", few)
    assert found == expected
    assert (preloader.errors, preloader.last_error) == (1, "ValueError: cannot convert float NaN to integer")


def test_it_says_what_it_does(
    cache: ict.Cache, preloader: SmartCachePreloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins = f"<SmartCachePreloader {cache.location}: "
    assert repr(preloader) == begins + "0 tables read ahead, 0% asked for, idle>"
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    with request_running(cache, monkeypatch) as waited:
        preloader.preload_predictive_cache()
        assert waited.acquire(timeout=PATIENCE)
        assert repr(preloader).endswith(", reading>")
    preloader.flush()
    ask(cache, GBPUSD)
    assert repr(preloader) == begins + "1 tables read ahead, 100% asked for, idle>"
    preloader.close()
    assert repr(preloader).endswith(", closed>")


# --- forked processes -------------------------------------------------------------------------------------------------

forking = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="processes are not forked here"
)
threads_are_known = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def in_child(check: Callable[[], None]) -> None:
    """Fail if a forked process ends with an error, or not at all."""
    child = multiprocessing.get_context("fork").Process(target=check)
    child.start()
    child.join(PATIENCE)
    if child.exitcode is None:
        child.kill()
        child.join()
    assert child.exitcode == 0


@forking
@threads_are_known
def test_forked_processes_look_on_and_read_anew(
    cache: ict.Cache, preloader: SmartCachePreloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    on_disk_only(cache)
    cache.close()

    def check() -> None:
        assert repr(preloader).endswith(": 0 tables read ahead, 0% asked for, idle>")
        preloader.flush()
        assert symbols(preloader) == ["GBPUSD"]
        ask(cache, GBPUSD)
        assert symbols(preloader) == ["EURUSD"]
        assert preloader.preload_predictive_cache()
        preloader.flush()
        ask(cache, EURUSD)
        assert (cache.stats().preload_hits, preloader.hit_rate) == (1, 1.0)
        preloader.close()
        assert cache.listeners == []

    preloader.preload_predictive_cache()
    preloader.flush()
    with cache._foreground():
        assert preloader.preload_predictive_cache(AnalysisContext("GBPUSD", "15min"))
        in_child(check)
    assert cache.listeners == [preloader._observe]


@forking
@threads_are_known
def test_locks_held_by_others_are_free_in_forked_processes(
    cache: ict.Cache, preloader: SmartCachePreloader
) -> None:
    def check() -> None:
        ask(cache, EURUSD, GBPUSD)
        assert symbols(preloader) == ["EURUSD"]
        preloader.preload_predictive_cache()
        preloader.close()

    with preloader._starting, preloader._history._lock:
        in_child(check)


@forking
@threads_are_known
def test_closed_ones_are_closed_in_forked_processes(cache: ict.Cache) -> None:
    preloader = SmartCachePreloader(cache)
    ask(cache, EURUSD, GBPUSD)
    preloader.close()

    def check() -> None:
        assert cache.listeners == []
        assert not preloader.preload_predictive_cache()
        preloader.flush()

    in_child(check)


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["EURUSD", "", EURUSD, {}])
@pytest.mark.parametrize("method", ["predict_next_requests", "preload_predictive_cache"])
def test_what_is_no_context_is_named_at_once(
    cache: ict.Cache, preloader: SmartCachePreloader, method: str, context: Any
) -> None:
    ask(cache, EURUSD, GBPUSD, EURUSD)
    expected = (
        rf"{method} takes an AnalysisContext, not {type(context).__name__}; make one with AnalysisContext\("
    )
    with pytest.raises(ict.ParameterError, match=expected):
        getattr(preloader, method)(context)
    preloader.flush()
    assert preloader.errors == 0


@pytest.mark.parametrize("spelt", ["M15", "15m", "15min", timedelta(minutes=15)])
def test_timeframes_may_be_written_in_any_way(
    cache: ict.Cache, preloader: SmartCachePreloader, spelt: Any
) -> None:
    ask(cache, *MARKETS, EURUSD)
    context = AnalysisContext("EURUSD", spelt)
    assert context == AFTER_EURUSD
    assert preloader.predict_next_requests(context) == preloader.predict_next_requests()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("EURUSD", "often"), "'often' is not a timeframe: write it as"),
        (("EURUSD", None), "None is not a timeframe"),
        ((EURUSD, "15min"), r"AnalysisContext\.symbol takes a str, not Candles"),
        (("EURUSD", "15min", "now"), "time='now' is not a number of seconds since 1970"),
        (("EURUSD", "15min", float("inf")), "time=inf is not a number of seconds since 1970"),
    ],
)
def test_mistakes_in_a_context_are_named(arguments: Any, message: str) -> None:
    with pytest.raises(ict.ParameterError, match=message):
        AnalysisContext(*arguments)


@pytest.mark.parametrize("folder", ["folder", None, ict.Cache])
def test_what_is_no_cache_is_named(folder: Any) -> None:
    expected = (
        rf"SmartCachePreloader takes a Cache, not {type(folder).__name__}; open one with ict_kernels\.Cache"
    )
    with pytest.raises(ict.ParameterError, match=expected):
        SmartCachePreloader(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_entries": 0}, "max_entries=0 is not a whole number of at least 1"),
        ({"max_bytes": -1}, "max_bytes=-1 is not a whole number"),
        ({"max_waiting": 0}, "max_waiting=0 is not a whole number"),
        ({"history": 0}, "history=0 is not a whole number"),
        ({"history": 2.5}, "history=2.5 is not a whole number"),
        ({"max_entries": "64"}, "max_entries='64' is not a whole number"),
        ({"least_probability": 1.5}, "least_probability=1.5 is not from 0 to 1"),
        ({"least_probability": "0.5"}, "least_probability='0.5' is not from 0 to 1"),
    ],
)
def test_mistakes_are_named(cache: ict.Cache, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ict.ParameterError, match=message):
        SmartCachePreloader(cache, **arguments)
    assert cache.listeners == []
