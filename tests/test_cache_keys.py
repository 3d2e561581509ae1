"""What a cached table is known by: any other candles, parameters, kernels or version miss."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ict_kernels as ict
from ict_kernels import registry
from ict_kernels.cache._keys import build_id, parse_name, spec_id
from ict_kernels.candles import Candles
from ict_kernels.registry import Parameter
from tests import cache_helpers
from tests.cache_helpers import (
    ALL,
    assert_same,
    changed,
    eager,
    entry_files,
    fresh,
    renamed,
    sample,
    snapshot,
)
from tests.processes import ROOT, output_of

unsynced = cache_helpers.unsynced


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


@pytest.fixture
def foreign_swings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Swings are found by a kernel of another package."""
    known = registry.entry("swings")

    def kernel(*blocks: Any) -> int:
        return known.kernel(*blocks)

    monkeypatch.setitem(registry._ENTRIES, "swings", replace(known, kernel=kernel))
    forget_detectors()
    yield
    forget_detectors()


def forget_detectors() -> None:
    for forget in registry._FORGET:
        forget()


@pytest.mark.usefixtures("foreign_swings")
def test_a_detector_whose_kernel_is_not_ours_is_only_computed(tmp_path: Path) -> None:
    """No key would show that its kernel was changed."""
    market = sample(300)
    with eager(tmp_path) as cache:
        for name in ("swings", "structure_breaks"):
            for _ in range(2):
                assert_same(cache.events(name, market), getattr(ict, name)(market))
        assert {choice.action for choice in cache.explain("swings", market).choices.values()} == {"compute"}
        cache.flush()
        assert (cache.stats().computed, cache.stats().memory_entries) == (4, 0)
    assert not entry_files(tmp_path)


@pytest.mark.usefixtures("foreign_swings")
def test_tables_of_our_kernels_are_kept_beside_those_of_others(tmp_path: Path) -> None:
    market, asked = sample(300), ["swings", "fair_value_gaps", "structure_breaks"]
    with eager(tmp_path) as cache:
        for _ in range(2):
            tables = cache.run(asked, market)
            assert [spec.name for spec in tables] == asked
            for spec, result in tables.items():
                assert_same(result, getattr(ict, spec.name)(market))
        stats = cache.stats()
        assert (stats.computed, stats.memory_hits, stats.memory_entries) == (3 + 2, 1, 1)
        explained = cache.explain(asked, market)
    assert {spec.name: choice.action for spec, choice in explained.choices.items()} == {
        "swings": "compute",
        "fair_value_gaps": "memory",
        "structure_breaks": "compute",
    }
    assert str(explained).count("its kernel is no part of this package") == 2
    assert len(entry_files(tmp_path)) == 1
