"""The cache: what it gives equals what computing gives, by whatever way it comes, and it stays within its bounds."""

from __future__ import annotations

import ast
import gc
import json
import os
import pickle
import shutil
import tempfile
import tracemalloc
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray

import ict_kernels as ict
from ict_kernels import registry
from ict_kernels.cache import Stats, _format
from ict_kernels.cache import _cache as cache_module
from ict_kernels.cache._costs import CostModel
from ict_kernels.cache._keys import Key, build_id, is_ours, parse_name, spec_id
from ict_kernels.cache._lookup import Lookup, computed
from ict_kernels.cache._memory import _OVERHEAD, MemoryLevel
from ict_kernels.cache._stats import add_usage, read_usage
from ict_kernels.cache._store import ZstdStore
from ict_kernels.cache._tables import Cost, Entry, Table
from ict_kernels.cache._writer import Writer
from ict_kernels.candles import BLOCK, Candles
from ict_kernels.errors import CacheWarning, ParameterError
from ict_kernels.kernels._types import State
from ict_kernels.registry import Parameter, Spec, with_feeds
from tests.cache_helpers import (
    ALL,
    Clock,
    Eager,
    Reluctant,
    arrays_of,
    as_candles,
    assert_same,
    bits,
    changed,
    eager,
    entry_files,
    fresh,
    header_of,
    key_for,
    renamed,
    sample,
    sealed,
    settings,
    snapshot,
)
from tests.processes import ROOT, output_of
from tests.specs import specs
from tests.strategies import candles as adversarial

any_spec = st.sampled_from(ALL).flatmap(specs)


@pytest.fixture(scope="module", autouse=True)
def unsynced() -> Iterator[None]:
    """Leave it to the system when files reach the disk: nothing here loses its power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


def lengths(n: int, most: int) -> st.SearchStrategy[list[int]]:
    """Rising lengths of a series that grows to `n` candles; from none there is nothing to continue."""
    some = st.lists(st.integers(min(1, n), n), max_size=most, unique=True)
    return some.map(lambda drawn: sorted({*drawn, n}))


# --- equality -----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("write", [False, True], ids=["memory", "files"])
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


def test_candles_that_part_are_continued_each_on_its_own(tmp_path: Path) -> None:
    spec, trunk = ict.detector("fair_value_gaps"), sample(400)
    branches = [changed(trunk, "volume", place, 5.0) for place in (250, 300, 350)]
    with eager(tmp_path, write=False) as cache:
        handed = []
        for n in (240, 260, 310, 360, 400):
            for market in (trunk, *branches):
                result = cache.events(spec, market[:n])
                assert_same(result, fresh(spec, market[:n]))
                handed.append((result, bits(result)))
        assert cache.stats().computed == 1
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


@pytest.mark.parametrize("name", ["trend", "swings"])
def test_what_is_handed_out_cannot_be_written_to(tmp_path: Path, name: str) -> None:
    market = sample(300)
    with eager(tmp_path) as cache:
        for _ in ("computed", "in memory"):
            for values in arrays_of(cache.events(name, market)).values():
                with pytest.raises(ValueError, match="read-only"):
                    values[:1] = 1
    with eager(tmp_path) as cache:
        for values in arrays_of(cache.events(name, market)).values():
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
    with pytest.raises(ict.ParameterError, match="no folder's name"):
        ict.Cache("")


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


# --- keys ---------------------------------------------------------------------------------------------------------


def other_value(parameter: Parameter, value: Any) -> Any:
    """A value that is allowed and not this one."""
    if parameter.kind == "choice":
        return next(choice for choice in parameter.choices if choice != value)
    if parameter.kind == "feed":
        name = next(iter(value.entry.parameters))
        changed_feed = other_value(value.entry.parameters[name], dict(value.values)[name])
        return value.entry.configure({**value.parameters, name: changed_feed})
    return (
        not value
        if parameter.kind == "bool"
        else (value + parameter.range.high) / 2
        if value and (parameter.kind == "float" and parameter.range.high <= 1)
        else value + 1
    )


def parameters_that_vary() -> list[Any]:
    return [
        pytest.param(name, parameter, id=f"{name} {parameter.name}")
        for name, entry in ict.detectors().items()
        for parameter in entry.parameters.values()
        if parameter.only is None
    ]


@pytest.mark.parametrize(("name", "parameter"), parameters_that_vary())
def test_every_parameter_is_part_of_the_key(name: str, parameter: Parameter) -> None:
    spec = ict.detector(name)
    value = dict(spec.values)[parameter.name]
    other = ict.detector(name, **{parameter.name: other_value(parameter, value)})
    assert spec_id(other) != spec_id(spec)
    assert spec_id(ict.detector(name, **{parameter.name: value})) == spec_id(spec)


def test_detectors_with_equal_parameters_have_keys_of_their_own() -> None:
    assert len({spec_id(ict.detector(name)) for name in ALL}) == len(ALL)


def test_one_and_one_point_zero_are_one_key(tmp_path: Path) -> None:
    market = sample(300)
    with eager(tmp_path) as cache:
        for left, body in ((1, 1), (1.0, 1.0), (np.int32(1), np.float32(1))):
            cache.events("swings", market, left=left)
            cache.events("displacements", market, body_ratio=body)
        assert cache.stats().computed == 2
        assert cache.stats().memory_hits == 4


def one_bit(market: Candles) -> Candles:
    return changed(market, "close", 100, float(np.nextafter(market.close[100], market.open[100] + 1e-9)))


CHANGES: dict[str, Any] = {
    "symbol": lambda market: renamed(market, "GBPUSD"),
    "timeframe": lambda market: renamed(market, "EURUSD", "1h"),
    "price": one_bit,
    "time": lambda market: changed(market, "time", 0, market.time[0] - 1),
    "last time": lambda market: changed(market, "time", -1, market.time[-1] + 1),
    "volume": lambda market: changed(market, "volume", 150, market.volume[150] + 1),
}


@pytest.mark.parametrize("what", CHANGES)
def test_other_candles_miss(tmp_path: Path, what: str) -> None:
    spec, market = ict.detector("fair_value_gaps"), sample(300)
    other = CHANGES[what](market)
    with eager(tmp_path) as cache:
        cache.events(spec, market)
    with eager(tmp_path) as cache:
        assert_same(cache.events(spec, other), fresh(spec, other))
        assert_same(cache.events(spec, market), fresh(spec, market))
        stats = cache.stats()
        assert (stats.computed, stats.disk_hits, stats.prefix_hits) == (1, 1, 0)
    assert len(entry_files(tmp_path)) == 2


def test_names_that_look_like_paths_are_hashed(tmp_path: Path) -> None:
    market = sample(100)
    for symbol in ("../../up", "/root", "a/b", "", ".", "..", "nul\0", "ü" * 300, "\ud800"):
        named = renamed(market, symbol, "../1h")
        with eager(tmp_path / "cache") as cache:
            assert_same(cache.events("swings", named), ict.swings(named))
    assert snapshot(tmp_path) == {"cache", *(f"cache/{path}" for path in snapshot(tmp_path / "cache"))}
    assert len(entry_files(tmp_path / "cache")) == 9


@given(st.text(max_size=30) | st.from_regex(r"[0-9a-f]{1,4}-[0-9]{1,5}-[0-9a-f]{1,4}\.ict"))
def test_a_name_is_read_as_a_key_only_if_the_key_has_that_name(name: str) -> None:
    key = parse_name("build", "series", name)
    assert key is None or key.name == name


def test_builds_differ_by_kernels_and_version() -> None:
    assert (
        len({build_id(), build_id("other kernels"), build_id(version="0.0.0"), build_id("other", "0")}) == 4
    )


SCAN = """
import json, os
import ict_kernels as ict
from tests.cache_helpers import Eager
market = ict.sample_market(["EURUSD"], bars=80)[0]
with ict.Cache(os.environ["FOLDER"]) as cache:
    cache.costs = Eager()
    found = [cache.events(name, market) for name in ("fair_value_gaps", "swings")]
    assert found == [ict.fair_value_gaps(market), ict.swings(market)]
print(json.dumps({"package": ict.__file__, **cache.stats().to_dict()}))
"""


def test_a_change_of_any_kernel_file_misses_and_a_change_elsewhere_hits(tmp_path: Path) -> None:
    package, folder = tmp_path / "copy" / "ict_kernels", tmp_path / "cache"
    shutil.copytree(
        ROOT / "ict_kernels", package, ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
    )

    def scan() -> tuple[int, int]:
        """Tables computed and read by a process that runs the copy."""
        printed = output_of(SCAN, folder=package.parent, FOLDER=folder, PYTHONPATH=ROOT, NUMBA_DISABLE_JIT=1)
        stats = json.loads(printed)
        assert Path(stats["package"]).parent == package
        return stats["computed"], stats["disk_hits"]

    def edit(file: str, text: str = "\n# another line\n", old: str = "") -> str:
        path = package / file
        source = path.read_text()
        path.write_text(source.replace(old, text, 1) if old else source + text)
        return source

    assert scan() == (2, 0)
    first = {path: path.read_bytes() for path in entry_files(folder)}
    edit("io/sources.py")
    edit("detectors/gaps.py")
    assert scan() == (0, 2)
    zones = edit("kernels/_zones.py")  # imported by the kernels of the gaps, not by those of the swings
    assert scan() == (2, 0)
    (package / "kernels" / "_zones.py").write_text(zones)
    assert scan() == (0, 2)
    edit("__init__.py", '__version__ = "0.0.dev"', f'__version__ = "{ict.__version__}"')
    assert scan() == (2, 0)
    assert scan() == (0, 2)
    assert len(entry_files(folder)) == 6
    assert {path: path.read_bytes() for path in first} == first


# --- joblib -------------------------------------------------------------------------------------------------------


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


# --- nothing is unpickled -----------------------------------------------------------------------------------------


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


# --- the level in memory ------------------------------------------------------------------------------------------


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


# --- files --------------------------------------------------------------------------------------------------------


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


# --- what is worth it ---------------------------------------------------------------------------------------------


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


# --- counts -------------------------------------------------------------------------------------------------------


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


def test_counts_are_plain_values_that_subtract() -> None:
    early, late = (
        Stats(memory_hits=3, computed=1, memory_bytes=7),
        Stats(memory_hits=5, computed=4, memory_bytes=9),
    )
    assert late - early == Stats(memory_hits=2, computed=3, memory_bytes=9)
    assert json.loads(json.dumps(late.to_dict())) == late.to_dict()
    assert Stats().hit_rate == 0.0


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


# --- what a request may meet ----------------------------------------------------------------------------------------


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


def test_a_table_in_memory_that_is_too_old_is_not_continued(tmp_path: Path) -> None:
    clock, market = Clock(), sample(300)
    with eager(tmp_path, write=False, clock=clock, cache_ttl_seconds=60) as cache:
        cache.events("swings", market[:299])
        clock.now += 100
        assert_same(cache.events("swings", market), ict.swings(market))
        assert (cache.stats().computed, cache.stats().prefix_hits) == (2, 0)


def test_a_detector_whose_kernel_is_not_ours_is_only_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key would show that its kernel was changed."""
    market = sample(300)
    known = registry.entry("swings")

    def kernel(*blocks: Any) -> int:
        return known.kernel(*blocks)

    monkeypatch.setitem(registry._ENTRIES, "swings", replace(known, kernel=kernel))
    is_ours.cache_clear()  # type: ignore[attr-defined]
    try:
        with eager(tmp_path) as cache:
            for name in ("swings", "structure_breaks"):
                for _ in range(2):
                    assert_same(cache.events(name, market), getattr(ict, name)(market))
            assert {choice.action for choice in cache.explain("swings", market).choices.values()} == {
                "compute"
            }
            cache.flush()
            assert (cache.stats().computed, cache.stats().memory_entries) == (4, 0)
        assert not entry_files(tmp_path)
    finally:
        is_ours.cache_clear()  # type: ignore[attr-defined]


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


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files as Linux shows them")
def test_folders_in_the_place_of_files_leave_nothing_open(tmp_path: Path) -> None:
    with eager(tmp_path) as cache:
        key = key_for(ict.detector("swings"), sample(300))
        Path(cache.store.path(key)).mkdir(parents=True)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            assert len(cache.store.load_item(key)) == 0
        assert len(list(Path("/proc/self/fd").iterdir())) == before


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
