"""Writing behind: what waits to be written, and who waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

import ict_kernels as ict
from ict_kernels.cache import _format, _writer
from ict_kernels.cache._writer import Writer
from ict_kernels.errors import CacheWarning
from tests import cache_helpers
from tests.cache_helpers import (
    PATIENCE,
    assert_same,
    eager,
    ends,
    entry_files,
    in_thread,
    sample,
)

unsynced = cache_helpers.unsynced


class Gate:
    """Holds up a cache's writing until it is opened, and shows when somebody waits for that."""

    def __init__(self, cache: ict.Cache, patch: pytest.MonkeyPatch) -> None:
        self.opened = threading.Event()
        self.reached = threading.Semaphore(0)
        self.cache = cache
        dump = cache.store.dump_item

        def late(*arguments: Any, **more: Any) -> None:
            assert self.opened.wait(PATIENCE)
            dump(*arguments, **more)

        def watched(jobs: Collection[Future[None]]) -> Any:
            self.reached.release()
            return wait(jobs)

        patch.setattr(cache.store, "dump_item", late)
        patch.setattr(_writer, "wait", watched)

    def begin(self, job: Callable[[], object]) -> threading.Thread:
        """Do something in a thread until it waits for what is to be written, or is done without."""

        def run() -> None:
            job()
            self.reached.release()

        thread = in_thread(run)
        assert self.reached.acquire(timeout=PATIENCE)
        return thread

    def files(self) -> int:
        return len(entry_files(self.cache.location))


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Of a cache with one table, whose file is not written before the gate is opened."""
    with eager(tmp_path) as cache:
        gate = Gate(cache, monkeypatch)
        cache.events("swings", sample(300))
        yield gate
        gate.opened.set()


def test_all_who_flush_wait_until_the_files_are_there(gate: Gate) -> None:
    seen: list[int] = []

    def flush() -> None:
        gate.cache.flush()
        seen.append(gate.files())

    threads = [gate.begin(flush) for _ in range(3)]
    gate.opened.set()
    assert all(map(ends, threads))
    assert seen == [1, 1, 1]


def test_whoever_flushes_after_an_interrupted_flush_waits_too(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(jobs: object) -> None:
        monkeypatch.setattr(_writer, "wait", opening)
        raise KeyboardInterrupt

    def opening(jobs: Collection[Future[None]]) -> None:
        if jobs:
            gate.opened.set()
        wait(jobs)

    monkeypatch.setattr(_writer, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gate.cache.flush()
    assert gate.files() == 0
    gate.cache.flush()
    assert gate.files() == 1


def test_clearing_while_another_thread_flushes_leaves_no_file(gate: Gate) -> None:
    threads = [gate.begin(gate.cache.flush), gate.begin(gate.cache.clear)]
    gate.opened.set()
    assert all(map(ends, threads))
    assert gate.files() == 0
    gate.cache.flush()
    assert gate.files() == 0


def waiting_for_room(
    writer: Writer, size: int, order: list[str], patch: pytest.MonkeyPatch
) -> threading.Thread:
    """A thread that submits a job patiently, once it waits for room, or did not have to."""
    reached, wait_for = threading.Event(), writer._changed.wait_for

    def watched(*arguments: Any) -> Any:
        reached.set()
        return wait_for(*arguments)

    def submit() -> None:
        taken = writer.submit(lambda: order.append("run"), size, patient=True)
        order.append("taken" if taken else "refused")
        reached.set()

    patch.setattr(writer._changed, "wait_for", watched)
    thread = in_thread(submit)
    assert reached.wait(PATIENCE)
    return thread


@pytest.mark.parametrize("size", [600, 5_000], ids=["fits beside others", "fits alone"])
def test_a_patient_job_waits_for_room(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, opened, order = Writer(1_000), threading.Event(), list[str]()

    def first() -> None:
        assert opened.wait(PATIENCE)
        order.append("first")

    assert writer.submit(first, 500)
    assert not writer.submit(lambda: None, 501)
    thread = waiting_for_room(writer, size, order, monkeypatch)
    assert order == []
    opened.set()
    assert ends(thread)
    writer.close()
    assert order[0] == "first"
    assert sorted(order[1:]) == ["run", "taken"]


@pytest.mark.parametrize("size", [500, 5_000], ids=["fits", "is beyond the limit"])
def test_a_patient_job_that_is_alone_is_taken_at_once(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, order = Writer(1_000), list[str]()
    assert ends(waiting_for_room(writer, size, order, monkeypatch))
    writer.close()
    assert sorted(order) == ["run", "taken"]


def test_a_job_that_just_fits_is_taken_without_waiting() -> None:
    writer, opened = Writer(1_000), threading.Event()
    assert writer.submit(lambda: opened.wait(PATIENCE), 500)
    assert writer.submit(lambda: None, 500)
    assert not writer.submit(lambda: None, 1)
    opened.set()
    writer.close()
    assert writer.submit(lambda: None, 1_000)
    writer.close()


def test_the_last_words_of_a_process_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the main thread has ended nothing can be written behind; requests of other threads go on."""
    market = sample(300)
    with eager(tmp_path) as cache:

        def refuse(*_: Any) -> None:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

        monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
        assert_same(cache.events("swings", market), ict.swings(market))
        assert cache.stats().dropped == 1
        monkeypatch.undo()
        assert_same(cache.events("trend", market), ict.trend(market))
        cache.flush()
        assert cache.stats().stored == 1


@pytest.mark.parametrize("awaited", [False, True])
def test_a_table_that_does_not_fit_into_memory_to_be_written_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, awaited: bool
) -> None:
    def refuse(*_: Any, **more: Any) -> bytes:
        raise MemoryError

    monkeypatch.setattr(_format, "pack", refuse)

    def ask(cache: ict.Cache) -> None:
        cache.events("swings", sample(300))
        if awaited:
            cache._writer.flush()
        cache.flush()

    with eager(tmp_path) as cache, pytest.warns(CacheWarning, match="out of memory"):
        ask(cache)
    assert cache.stats().write_errors == 1


def test_what_fails_unexpectedly_is_told_and_the_thread_ends(tmp_path: Path) -> None:
    writer = Writer(1_000)

    def fail() -> None:
        raise ZeroDivisionError

    assert writer.submit(fail, 600)
    assert writer.submit(lambda: None, 100)
    with pytest.raises(ZeroDivisionError):
        writer.close()
    assert writer._waiting == 0
    assert writer.submit(lambda: None, 1_000)
    writer.close()
    assert not writer.submit(lambda: None, 1_001)
