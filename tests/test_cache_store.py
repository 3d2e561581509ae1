"""The cache's files: a store of joblib's that unpickles nothing, stays within its limits and follows no links."""

from __future__ import annotations

import ast
import os
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

import ict_kernels as ict
from ict_kernels.cache import _cache as cache_module
from ict_kernels.cache._keys import Key
from ict_kernels.cache._stats import read_usage
from ict_kernels.cache._store import ZstdStore
from ict_kernels.candles import Candles
from ict_kernels.errors import CacheWarning
from tests import cache_helpers
from tests.cache_helpers import (
    ALL,
    Clock,
    Reluctant,
    assert_same,
    eager,
    ends,
    entry_files,
    fresh,
    in_thread,
    key_for,
    sample,
    sealed,
    snapshot,
)

unsynced = cache_helpers.unsynced


# --- joblib ---------------------------------------------------------------------------------------------------------


def plus_one(number: int) -> int:
    return number + 1


def test_the_store_is_registered_with_joblib(tmp_path: Path) -> None:
    with ict.Cache(tmp_path / "a") as cache:
        assert isinstance(cache.memory, joblib.Memory)
        assert isinstance(cache.memory.store_backend, ZstdStore)
        assert cache.store is cache.memory.store_backend
    assert isinstance(joblib.Memory(tmp_path / "b", backend="zstd", verbose=0).store_backend, ZstdStore)


def test_functions_of_others_are_refused(tmp_path: Path) -> None:
    function = joblib.Memory(tmp_path / "folder", backend="zstd", verbose=0).cache(plus_one)
    for _ in range(2):
        with pytest.raises(TypeError, match="joblib's default store"):
            function(1)
    assert not snapshot(tmp_path)


@pytest.mark.parametrize("item", [plus_one, {"a": 1}, bytearray(b"a"), np.zeros(3), None])
def test_only_packed_tables_are_taken(tmp_path: Path, item: object) -> None:
    with ict.Cache(tmp_path) as cache:
        key = key_for(ict.detector("swings"), sample(10))
        with pytest.raises(TypeError, match="keeps the tables of"):
            cache.store.dump_item(key, item)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="keeps the tables of"):
            cache.store.dump_item(("function", "arguments"), b"")  # type: ignore[arg-type]
    assert not snapshot(tmp_path)


def test_nothing_of_joblibs_own_lies_in_the_folder(tmp_path: Path) -> None:
    market = sample(300)
    with eager(tmp_path) as cache:
        cache.run(ALL, market)
        cache.flush()
        assert len(entry_files(tmp_path)) == len(ALL)
        key = key_for(ict.detector("swings"), market)
        cache.store.store_metadata(key, {"duration": 1.0})
        cache.store.store_cached_func_code(["function"], "def function(): ...")
        cache.store.clear_path(["function"])
        cache.store.clear_path(key.call_id[:1])
        assert len(entry_files(tmp_path)) == len(ALL)
        assert cache.store.get_metadata(key) == {}
        with pytest.raises(OSError, match="keeps no sources"):
            cache.store.get_cached_func_code(["function"])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".ict", ".jsonl"}
    for path in files:
        content = path.read_bytes()
        assert content.startswith(b"ICTCACHE" if path.suffix == ".ict" else b"\n{")


# --- nothing is unpickled -------------------------------------------------------------------------------------------


class Bomb:
    """Unpickled it leaves a folder behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def planted(folder: Path, bomb: bytes, keys: list[Key]) -> list[Path]:
    """Put a pickle wherever a cache might look, those of joblib included."""
    names = [
        "ict-kernels-index.json",
        "ict-kernels-usage.jsonl",
        "output.pkl",
        "metadata.json",
        "func_code.py",
        "damaged/a.ict",
    ]
    paths = [folder / name for name in names]
    for key in keys:
        entry = folder.joinpath(*key.call_id)
        paths += [entry, entry.with_name("output.pkl"), entry.parent / "0" / "output.pkl"]
    paths.append(folder / "joblib" / "tests" / "plus_one" / "0" / "output.pkl")
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bomb)
    return paths


def disguises(bomb: bytes) -> dict[str, bytes]:
    """A pickle as it is, and behind a header that claims to be ours."""
    return {"plain": bomb, "behind a header": sealed(b"{}", bomb), "as a header": sealed(bomb, b"")}


@pytest.mark.parametrize("disguise", disguises(b""))
def test_a_planted_pickle_never_runs(tmp_path: Path, disguise: str) -> None:
    folder, crater = tmp_path / "cache", tmp_path / "crater"
    bomb = pickle.dumps(Bomb(crater))
    pickle.loads(bomb)
    assert crater.is_dir(), "what is planted would show if it ran"
    crater.rmdir()
    spec, market = ict.detector("fair_value_gaps"), sample(200)
    planted(folder, disguises(bomb)[disguise], [key_for(spec, market), key_for(spec, market[:150])])
    with eager(folder) as cache:
        cache.explain(spec, market)
        for n in (200, 150, 170):
            assert_same(cache.events(spec, market[:n]), fresh(spec, market[:n]))
        assert cache.stats().damaged == 2
        cache.flush()
        cache.store.get_items()
        cache.store.enforce_store_limits(None, 1, timedelta(days=1))
        cache.store.sweep()
        joblib.Memory(folder, backend="zstd", verbose=0).reduce_size(items_limit=0)
        cache.store.clear()
        assert not entry_files(folder)
    read_usage(folder)
    assert not crater.exists()


def test_the_cache_imports_nothing_that_unpickles_or_runs_what_it_reads() -> None:
    forbidden = {"pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "numpy_pickle", "copyreg"}
    called = {"eval", "exec", "compile", "__import__", "load_module"}
    for path in sorted(Path(cache_module.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [part for alias in node.names for part in alias.name.split(".")]
            elif isinstance(node, ast.ImportFrom):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            elif isinstance(node, ast.Attribute):
                names = [node.attr]
                loads = isinstance(node.value, ast.Name) and node.value.id in ("np", "joblib")
                assert not (loads and node.attr in ("load", "save", "dump", "fromregex")), path
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in called, path
            elif isinstance(node, ast.keyword):
                assert node.arg != "allow_pickle", path
            assert forbidden.isdisjoint(names), path


# --- limits ---------------------------------------------------------------------------------------------------------


def test_files_stay_within_bytes_and_entries(tmp_path: Path) -> None:
    clock = Clock()
    for limits in ({"max_cache_size": "60KB"}, {"max_cache_entries": 7}):
        folder = tmp_path / next(iter(limits))
        with eager(folder, clock=clock, **limits) as cache:
            for n in range(500, 2_000, 250):
                clock.now += 1
                cache.run(ALL, sample(n))
                cache.flush()
                files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
                assert 0 < sum(files) <= cache.settings.max_cache_size.bytes
                assert len(files) <= cache.settings.max_cache_entries
            assert cache.stats().evicted > 0


def test_files_written_by_others_count(tmp_path: Path) -> None:
    market = sample(1_000)
    with eager(tmp_path, max_cache_entries=10) as mine, eager(tmp_path, max_cache_entries=10) as theirs:
        for place, name in enumerate(ALL):
            cache = mine if place % 2 else theirs
            cache.run([name], market)
            cache.flush()
        for n in range(900, 1_000, 10):
            mine.events("swings", market[:n])
            mine.flush()
    assert len(entry_files(tmp_path)) <= 2 * 10  # each process looks again after a part of the limit only


def test_the_file_that_was_used_least_recently_goes_first(tmp_path: Path) -> None:
    clock, market = Clock(), sample(1_000)
    keys = {name: key_for(ict.detector(name), market) for name in ALL[:5]}
    with eager(tmp_path, clock=clock) as cache:
        for name in keys:
            clock.now += 10
            cache.events(name, market)
            cache.flush()
    with eager(tmp_path, clock=clock) as cache:
        clock.now += 10
        cache.events(ALL[0], market)
        assert cache.stats().disk_hits == 1
        removed = cache.store.enforce_store_limits(None, 2)
        assert [item.key for item in removed] == [keys[name] for name in ALL[1:4]]
        assert {item.key for item in cache.store.get_items()} == {keys[ALL[0]], keys[ALL[4]]}


def test_what_is_too_old_is_computed_anew(tmp_path: Path) -> None:
    clock, spec, market = Clock(), ict.detector("swings"), sample(500)
    with eager(tmp_path, clock=clock, cache_ttl_seconds=100) as cache:
        for later, expected in ((0, "computed"), (99, "memory_hits"), (2, "computed"), (50, "memory_hits")):
            clock.now += later
            before = cache.stats()
            assert_same(cache.events(spec, market), fresh(spec, market))
            assert getattr(cache.stats() - before, expected) == 1
            cache.flush()
    for later, expected in ((49, "disk_hits"), (2, "computed")):
        clock.now += later
        with eager(tmp_path, clock=clock, cache_ttl_seconds=100, max_cache_entries=1) as cache:
            assert_same(cache.events(spec, market), fresh(spec, market))
            assert getattr(cache.stats(), expected) == 1
    clock.now += 101
    with eager(tmp_path, clock=clock, cache_ttl_seconds=100) as cache:
        assert_same(cache.events(spec, market[:400]), fresh(spec, market[:400]))
        assert_same(cache.events(spec, sample(501)), fresh(spec, sample(501)))
        assert cache.stats().prefix_hits == 1  # of what was just computed, not of the file that is too old
        assert cache.stats().computed == 1
        removed = cache.store.enforce_store_limits(None, None, timedelta(seconds=100))
        assert [item.key for item in removed] == [key_for(spec, market)]


def test_what_is_being_read_is_never_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, market = ict.detector("swings"), sample(500)
    with eager(tmp_path) as cache:
        cache.run(ALL, market)
    with eager(tmp_path) as cache:
        note = cache.store._note_use
        left: list[Key] = []

        def trim(*arguments: Any) -> None:
            cache.store.enforce_store_limits(0, 0)
            left.extend(item.key for item in cache.store.get_items())
            note(*arguments)

        monkeypatch.setattr(cache.store, "_note_use", trim)
        assert_same(cache.events(spec, market), fresh(spec, market))
        assert left == [key_for(spec, market)]
        assert cache.stats().disk_hits == 1
        cache.store.enforce_store_limits(0, 0)
        assert not entry_files(tmp_path)


def test_what_is_too_old_is_counted_and_told(tmp_path: Path) -> None:
    clock, market = Clock(), sample(300)
    with eager(tmp_path, clock=clock, cache_ttl_seconds=60) as cache:
        cache.run(["swings", "cisd"], market)
        clock.now += 61
        for spec, choice in cache.explain(["swings", "trend"], market).choices.items():
            assert choice.reason == (
                "its table is too old"
                if spec.name == "swings"
                else "there is no table to read or to continue"
            )
        assert cache.stats().too_old == 0
        cache.run(["swings", "trend"], market)
        assert cache.stats().too_old == 1
    with eager(tmp_path, clock=clock, cache_ttl_seconds=60) as cache:
        assert cache.info().expired == 1
        cache.events("cisd", market)
        assert cache.stats().too_old == 1


def test_what_is_too_old_goes_before_what_was_used_least_recently(tmp_path: Path) -> None:
    clock = Clock()
    with eager(tmp_path, clock=clock, cache_ttl_seconds=1_000) as cache:
        old, new = sample(300), sample(300, "GBPUSD")
        cache.events("swings", old)
        cache.flush()
        clock.now += 900
        cache.events("swings", new)
        cache.flush()
        clock.now += 90
        cache.level.clear()
        cache.events("swings", old)  # used last
        clock.now += 20
        [removed] = cache.store.enforce_store_limits(None, 1, timedelta(seconds=1_000))
        assert removed.key == key_for(ict.detector("swings"), old)


def leftover(cache: ict.Cache, market: Candles, age: float) -> Path:
    """What a writer that was killed some seconds ago leaves beside a table."""
    key = key_for(ict.detector("swings"), market)
    path = Path(cache.store.path(key)).with_name(f".{key.name}.{age}.tmp")
    path.write_bytes(b"half")
    os.utime(path, (cache.clock() - age,) * 2)
    return path


def test_what_killed_writers_left_goes_when_files_are_counted(tmp_path: Path) -> None:
    market = sample(300)
    with eager(tmp_path, max_cache_entries=40) as cache:
        cache.events("swings", market[:200])
        cache.flush()  # counts for the first time
        old, young = leftover(cache, market, 7_200), leftover(cache, market, 60)
        cache.events("swings", market[:210])
        cache.flush()
        assert old.exists()
        for n in (220, 230, 240):  # more than a twentieth of what is allowed
            cache.events("swings", market[:n])
            cache.flush()
        assert not old.exists()
        old = leftover(cache, market, 7_200)
    with eager(tmp_path) as cache:
        cache.events("swings", market)
    assert not old.exists()
    assert young.exists()
    assert len(entry_files(tmp_path)) == 6


@pytest.mark.parametrize(
    "limits", [{"max_cache_size": "15KB"}, {"max_cache_entries": 3}], ids=["bytes", "files"]
)
def test_where_nothing_can_be_removed_nothing_is_written_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any]
) -> None:
    market = sample(600)
    with eager(tmp_path, **limits) as cache:
        monkeypatch.setattr(cache.store, "clear_item", lambda key: False)
        for start in range(12):
            result = cache.events("swings", market[start : start + 500])
            assert_same(result, ict.swings(market[start : start + 500]))
            cache.flush()
        files, stats = cache.store.get_items(), cache.stats()
        assert 0 < sum(each.size for each in files) <= cache.settings.max_cache_size.bytes
        assert 2 <= len(files) <= cache.settings.max_cache_entries
        assert (stats.stored, stats.stored + stats.not_stored) == (len(files), 12)
        assert (stats.evicted, stats.write_errors) == (0, 0)


# --- what others put into the folder --------------------------------------------------------------------------------


def test_files_of_others_by_common_names_are_left_alone(tmp_path: Path) -> None:
    mine = {name: f'{{"mine": "{name}"}}' for name in ("index.json", "usage.jsonl", "usage.0.jsonl")}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)
    with eager(tmp_path) as cache:
        cache.events("swings", sample(300))
        cache.info()
        cache.verify()
        cache.compact()
    with eager(tmp_path) as cache:
        cache.clear()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == mine


def test_a_link_in_a_tables_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    market, target = sample(300), tmp_path / "precious"
    target.write_text("of the user")
    with eager(tmp_path / "cache") as cache:
        cache.costs = Reluctant()
        path = Path(cache.store.path(key_for(ict.detector("swings"), market)))
        path.parent.mkdir(parents=True)
        path.symlink_to(target)
        cache.events("swings", market)
        cache.flush()
        assert target.read_text() == "of the user"
        assert not path.is_symlink()


def ask_twice(cache: ict.Cache, market: Candles) -> None:
    for _ in range(2):
        assert_same(cache.events("swings", market), ict.swings(market))
        cache.flush()


@pytest.mark.parametrize("level", ["build", "market"])
def test_nothing_is_written_below_a_folder_that_is_a_link(tmp_path: Path, level: str) -> None:
    """No limit would count what lies there."""
    market, elsewhere = sample(300), tmp_path / "elsewhere"
    elsewhere.mkdir()
    with eager(tmp_path / "cache") as cache:
        folder = Path(cache.store.path(key_for(ict.detector("swings"), market))).parent
        link = folder if level == "market" else folder.parent
        link.parent.mkdir(parents=True)
        link.symlink_to(elsewhere)
        with pytest.warns(CacheWarning, match="is a link, and has to be a folder"):
            ask_twice(cache, market)
        stats = cache.stats()
        assert (stats.write_errors, stats.stored, stats.memory_hits) == (1, 0, 1)
    assert not snapshot(elsewhere)
    assert link.is_symlink()


BESIDE = ("ict-kernels-index.json", "ict-kernels-usage.jsonl")


def look_after(cache: ict.Cache) -> None:
    """Do all that reads or writes the files beside the tables."""
    cache.events("swings", sample(300))
    cache.info()
    cache.close()
    cache.verify()
    cache.compact()
    cache.info()


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("there", [True, False], ids=["a file", "nothing"])
def test_a_link_beside_the_tables_is_not_followed(tmp_path: Path, name: str, there: bool) -> None:
    folder, target = tmp_path / "cache", tmp_path / "precious"
    folder.mkdir()
    if there:
        target.write_text('{"computed": 1000}')
    (folder / name).symlink_to(target)
    with eager(folder) as cache:
        look_after(cache)
        assert cache.info().usage.computed <= 1
        cache.clear()
    assert target.exists() == there
    assert not there or target.read_text() == '{"computed": 1000}'
    assert not snapshot(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("name", BESIDE)
def test_a_pipe_beside_the_tables_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with eager(tmp_path) as cache:
        thread = in_thread(lambda: look_after(cache))
        done = ends(thread)
        if not done:  # let the thread go on, which waits for a reader or a writer
            os.close(os.open(tmp_path / name, os.O_RDWR | os.O_NONBLOCK))
        assert done
        assert len(entry_files(tmp_path)) == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files as Linux shows them")
def test_folders_in_the_place_of_files_leave_nothing_open(tmp_path: Path) -> None:
    with eager(tmp_path) as cache:
        key = key_for(ict.detector("swings"), sample(300))
        Path(cache.store.path(key)).mkdir(parents=True)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            assert len(cache.store.load_item(key)) == 0
        assert len(list(Path("/proc/self/fd").iterdir())) == before
