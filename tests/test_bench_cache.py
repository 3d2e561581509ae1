"""The benchmark of the cache: that it proves before it times, and that its figures mean what they say."""

from __future__ import annotations

import dataclasses
import json
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ict_kernels as ict
from ict_kernels.bench import CacheOptions, Report, _cache, _cache_workload, run_cache
from ict_kernels.bench._cache_workload import Analysis, analyses
from ict_kernels.cache import Cache
from ict_kernels.cache._costs import CostModel
from ict_kernels.candles import Candles
from ict_kernels.cli import app
from ict_kernels.config import ByteSize, CacheOptimization
from ict_kernels.errors import ParameterError
from ict_kernels.registry import Spec

FEW = (ict.detector("swings"), ict.detector("trend"))
TINY = CacheOptions(sizes=(1_000,), rounds=1, detectors=FEW, bars=300, visits=1)


def only(*parts: str) -> CacheOptions:
    return dataclasses.replace(TINY, parts=parts)


def rows(report: Report, name: str) -> list[dict[str, Any]]:
    [found] = [table for table in report.tables if table.name == name]
    return [dict(row) for row in found.rows]


@pytest.fixture
def files_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cost model to which computing is dear and a file costs nothing."""
    monkeypatch.setattr(
        CostModel, "computing", lambda self, specs, bars, **loading: sum(1e-6 * bars for _ in specs)
    )
    for name in ("reading", "writing"):
        monkeypatch.setattr(CostModel, name, lambda *_: 0.0)


class Forgetful(Cache):
    """Loses the last row of every table."""

    def run(self, *asked: Any, **how: Any) -> dict[Spec, Any]:
        return {spec: found[:-1] for spec, found in super().run(*asked, **how).items()}


@pytest.fixture
def candles_file(tmp_path: Path) -> Path:
    path = tmp_path / "EURUSD_15M.csv"
    candles = ict.sample_market(["EURUSD"], bars=1_200, seed=3)[0]
    candles.to_pandas().reset_index().to_csv(path, index=False)
    return path


# ---------------------------------------------------------------------- ways to tables


def test_equal_tables_are_timed() -> None:
    report = run_cache(only("tables"))
    assert report.failures == []
    assert report.checked == 3
    times = rows(report, "tables")
    assert [row["detector"] for row in times] == ["swings", "trend", "together"]
    ratios = ("memory_x", "compressed_x", "raw_x", "one_x", "hundred_x")
    for row, told in zip(times, rows(report, "ratios"), strict=True):
        assert row["memory_x"] == row["computing_ms"] / row["memory_ms"]
        assert row["one_x"] == row["afresh_median_ms"] / row["one_median_ms"]
        assert all(row["computing_ms"] <= row["computing_median_ms"] for row in times)
        assert [told[ratio] for ratio in ratios] == [row[ratio] for ratio in ratios]
    [least] = rows(report, "goals")
    assert least["value"] == min(row[ratio] for row in times for ratio in ratios)


@pytest.mark.usefixtures("files_are_free")
def test_ways_are_what_they_are_called() -> None:
    """A way is taken in the proof, in the untimed round and in every timed one, each by two detectors."""
    options = dataclasses.replace(only("tables"), rounds=2)
    assert rows(run_cache(options), "tables")[2]["choices"] == {
        "memory": {"memory": 8},
        "compressed": {"disk": 8},
        "raw": {"disk": 8},
        "one": {"prefix": 8},
        "hundred": {"prefix": 8},
    }


def test_what_was_computed_after_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CostModel, "reading", lambda *_: 1.0)
    row = rows(run_cache(only("tables")), "ratios")[0]
    assert "compressed file 100%, raw file 100%" in row["anyway"]


def test_wrong_tables_are_named_and_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cache, "Cache", Forgetful)
    report = run_cache(only("tables"))
    assert report.failures[0] == "swings, 1,000 candles, memory: tables differ"
    assert len(report.failures) == 3 * 5  # joblib's are right
    assert rows(report, "tables") == []
    assert [table.name for table in report.tables] == ["tables", "ratios"]


def test_preparations_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count()
    monkeypatch.setattr(_cache, "perf_counter", lambda: next(clock))

    def prepare() -> None:
        for _ in range(9):
            next(clock)

    timed = _cache._Timed(lambda: next(clock), prepare)
    timed()
    timed()
    assert timed.timing(rounds=1) == (2, 2)


def test_targets_are_those_of_all_detectors_together() -> None:
    ways = {"memory": 90.0, "compressed": 2.0, "raw": 9.0, "one": 30.0, "hundred": 7.0}
    fast = {f"{way}_x": ratio for way, ratio in ways.items()}
    slow = fast | {"detector": "swings", "bars": 100_000, "raw_x": 0.5}
    [memory, compressed, raw, one, least] = _cache._judged(
        [slow, fast | {"detector": "all", "bars": 100_000}, fast | {"detector": "all", "bars": 15_000}]
    )
    assert [each["value"] for each in (memory, compressed, raw, one)] == [90.0, 2.0, 9.0, 30.0]
    assert [each["verdict"] for each in (memory, compressed, raw, one)] == ["MISS", "ok", "ok", "ok"]
    assert least["figure"].startswith("least of all ways and rows (raw file, swings at 100,000)")
    assert (least["value"], least["verdict"]) == (0.5, "MISS")


def test_long_series_are_for_all_detectors_together() -> None:
    options = CacheOptions()
    assert list(options.groups_at(1_000_000)) == ["all"]
    assert list(options.groups_at(100_000)) == [*ict.detectors(), "all"]


# ---------------------------------------------------------------------- candles


def test_candles_of_a_file_are_never_repeated(candles_file: Path) -> None:
    options = dataclasses.replace(TINY, sizes=(1_000, 2_000), data=candles_file)
    held = Candles.from_csv(candles_file, tz="UTC")
    assert options.series(1_000) == held[-1_200:]  # less than what it would grow by
    assert len(options.series(2_000)) == 2_000 + options.growth
    assert [options.origin_of(size) for size in options.sizes] == ["EURUSD_15M.csv", "built-in"]
    assert options.untiled == [1_000]
    assert TINY.untiled == [1_000]


def test_a_file_that_is_hardly_long_enough(candles_file: Path) -> None:
    """The series that grows begins with fewer candles then."""
    options = dataclasses.replace(only("tables"), detectors=FEW[:1], sizes=(1_200,), data=candles_file)
    report = run_cache(options)
    assert report.failures == []
    assert [(row["bars"], row["candles"]) for row in rows(report, "tables")] == [(1_200, "EURUSD_15M.csv")]


# ---------------------------------------------------------------------- sizes


@pytest.mark.usefixtures("files_are_free")
def test_files_are_weighed_whole(tmp_path: Path) -> None:
    each, other, together = rows(run_cache(only("sizes")), "sizes")
    assert together["compressed"] == each["compressed"] + other["compressed"]
    assert each["saved"] == 100 - 100 * each["compressed"] / each["columns"]
    with Cache(tmp_path) as cache:
        cache.run(FEW[0], TINY.series(1_000)[-1_000:])
        cache.flush()
        [file] = cache.store.get_items()
    # Costs stand in the header, as many digits as they have.
    assert abs(file.size - each["compressed"]) <= 128


def test_codecs_compress_the_same_bytes() -> None:
    codecs = rows(run_cache(only("sizes")), "codecs")
    assert {row["kept"] for row in codecs} == {"distances", "as they are"}
    plain, *packed = (row for row in codecs if row["kept"] == "distances")
    assert (plain["codec"], plain["encode"]) == ("none", None)
    assert all(row["bytes"] < plain["bytes"] and row["decode"] > 0 for row in packed)


# ---------------------------------------------------------------------- workload


def test_a_visit_asks_four_times_by_each_strategy() -> None:
    options = CacheOptions(bars=300, visits=2)
    asked = list(analyses(options))
    assert len(asked) == 2 * 8 * 4 * 3
    names = ["pattern detection", "market structure", "confluence"]
    assert [each.strategy for each in asked[:3]] == names
    families = [{spec.entry.family for spec in each.specs} for each in asked[:3]]
    assert families == [{"gaps"}, {"swings", "structure"}, {"gaps", "swings", "structure"}]
    first = [
        each for each in asked[::3] if each.candles.symbol == "EURUSD" and each.candles.timeframe == "1h"
    ]
    visits = [[(len(each.candles), each.final) for each in first[at : at + 4]] for at in (0, 4)]
    assert visits == [
        [(300, True), (300, True), (305, True), (306, False)],
        [(305, True), (305, True), (310, True), (311, False)],
    ]
    assert first[4].candles[:305] == first[2].candles


def test_workload_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CostModel, "is_tiny", lambda *_: False)
    report = run_cache(only("workload"))
    assert report.failures == []
    default, small = rows(report, "workload")
    assert default["requests"] == 8 * 4 * 2  # nothing of these detectors is a pattern
    assert default["tables"] == 8 * 4 * (2 + 2)
    found = default["memory_hits"] + default["disk_hits"] + default["prefix_hits"]
    assert default["hit_rate"] == 100 * found / default["tables"]
    assert small["bound"] == pytest.approx(default["peak"] / 2, abs=1e-6)
    assert min(small["peak"], small["asking"], small["computing"]) > 0
    figures = [(row["figure"].split(":")[1], row["verdict"]) for row in rows(report, "goals")]
    assert figures[0] == (" memory at most, MB", "ok")


class Hoarding(Cache):
    """Keeps 4 MB a request that its level in memory knows nothing of."""

    def run(self, *asked: Any, **how: Any) -> dict[Spec, Any]:
        self.hoard = [*getattr(self, "hoard", ()), bytes(4_000_000)]
        return super().run(*asked, **how)


def test_memory_is_measured_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cache_workload, "Cache", Hoarding)
    monkeypatch.setattr(_cache_workload, "analyses", lambda options: islice(analyses(options), 30))
    report = run_cache(only("workload"))
    assert report.failures == []
    assert rows(report, "workload")[0]["peak"] == pytest.approx(4 * 30, rel=0.02)
    assert rows(report, "goals")[0]["verdict"] == "MISS"


def test_what_candles_and_answers_hold_is_not_the_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CostModel, "is_tiny", lambda *_: True)  # so that nothing is kept
    options = dataclasses.replace(TINY, bars=20_000, detectors=FEW[1:])
    one = 20_000 * 6 * 8
    candles = list(_cache_workload._traced(options, None))
    assert min(candles[-8:]) > 8 * one
    assert _cache_workload._peak(options, CacheOptimization(), candles) < one


def test_tables_that_could_not_be_written_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for files between requests."""
    monkeypatch.setattr(CostModel, "is_tiny", lambda *_: False)
    monkeypatch.setattr(CostModel, "worth_writing", lambda *_: True)
    assert _cache_workload._answered(TINY, CacheOptimization())["dropped"] == 0
    tight = CacheOptimization(max_memory_size=ByteSize(4_000))
    row = _cache_workload._answered(TINY, tight)
    assert 0 < row["dropped"] <= row["tables"]
    [shown] = [column for column in _cache_workload._table([], TINY).columns if column.key == "dropped"]
    assert shown.title == "dropped"


def test_a_workload_answered_wrongly_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cache_workload, "Cache", Forgetful)
    monkeypatch.setattr(_cache_workload, "analyses", lambda options: islice(analyses(options), 4))
    report = run_cache(only("workload"))
    assert report.failures == [
        "workload, market structure of EURUSD 15min: tables differ",
        "workload, confluence of EURUSD 15min: tables differ",
    ]
    assert rows(report, "workload") == []


def test_a_bound_that_is_exceeded_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cache_workload, "_peak", lambda options, bounds, candles: 2 * 10**8)
    goals = rows(run_cache(only("workload")), "goals")
    assert [row["verdict"] for row in goals if "memory at most" in row["figure"]] == ["MISS", "MISS"]


def test_analyses_are_named() -> None:
    [candles] = ict.sample_market(["XAUUSD"], bars=10, timeframe="1h")
    assert str(Analysis("market structure", FEW, candles, True)) == "market structure of XAUUSD 1h"


# ---------------------------------------------------------------------- options, command


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": ("shapes",)}, "there is no part 'shapes'; there are tables, sizes, workload"),
        ({"rounds": 0}, "rounds must be at least 1, not 0"),
        ({"bars": 3}, "bars must be at least 10, not 3"),
        ({"visits": 0}, "visits must be at least 1, not 0"),
        ({"sizes": (), "rounds": 7}, "sizes must be above 909 candles"),
        (
            {"sizes": (900,), "rounds": 7},
            "sizes must be above 909 candles, the growth of a series in 7 rounds",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        CacheOptions(**options)


def test_command(tmp_path: Path) -> None:
    command = ["bench", "--suite", "cache", "--quick", "--detectors", "swings", "--parts", "sizes,tables"]
    to = ["--sizes", "1_000", "--markdown", str(tmp_path / "figures.md"), "--json", "-", "--no-progress"]
    done = CliRunner().invoke(app, [*command, *to])
    assert done.exit_code == 0, done.output
    tables = json.loads(done.stdout)["tables"]
    assert list(tables) == ["tables", "ratios", "sizes", "codecs", "goals"]
    assert [row["detector"] for row in tables["sizes"]["rows"]] == ["swings"]
    assert "### Ways to tables, median milliseconds of each" in (tmp_path / "figures.md").read_text()
