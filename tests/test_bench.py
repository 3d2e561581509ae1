"""The benchmark: that it proves before it times, and that its figures mean what they say. Nothing is timed here."""

from __future__ import annotations

import dataclasses
import gc
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import ict_kernels as ict
from ict_kernels import bench, panels, registry, selfcheck
from ict_kernels.bench import Case, Options, _detectors, _processes, limits
from ict_kernels.bench._market import SHAPES, cut, load, shaped, tiled
from ict_kernels.bench._report import Column, Report, Table, Target
from ict_kernels.bench._timing import Timing, interleaved
from ict_kernels.cli import app

pytestmark = pytest.mark.panel

FEW = (ict.detector("swings"), ict.detector("structure_breaks"))
TINY = Options(sizes=(1_000,), rounds=1, detectors=FEW, parts=("detectors",), check=True, twin_bars=200)


@pytest.fixture
def wrong_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Swings whose twin misses the last row."""
    entry = ict.detectors()["swings"]

    def wrong(*arguments: Any, **parameters: Any) -> dict[str, Any]:
        return {name: values[:-1] for name, values in entry.twin(*arguments, **parameters).items()}

    monkeypatch.setitem(registry._ENTRIES, "swings", dataclasses.replace(entry, twin=wrong))


def silent(text: str) -> None:
    pass


# ---------------------------------------------------------------------- proof before timing


def test_equal_results_are_timed() -> None:
    report = bench.run(TINY)
    assert report.failures == []
    assert report.checked == 2
    assert [row["detector"] for row in report.tables[0].rows] == ["swings", "structure_breaks"]


def test_a_wrong_result_is_caught_and_nothing_is_timed(wrong_twin: None) -> None:
    report = bench.run(TINY)
    assert report.failures
    assert report.failures[0].startswith("swings, 1,000 bars, serial against twin")
    assert report.tables == []


def test_a_wrong_panel_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_twice(*arguments: Any, **keywords: Any) -> Any:
        found = panels.fold_many(*arguments, **keywords)
        return [found[0]] * len(found)

    monkeypatch.setattr(selfcheck, "fold_many", first_twice)
    failures = bench.run(TINY).failures
    assert any("serial against panel: series 1" in failure for failure in failures)


def test_a_failed_check_exits_with_1(wrong_twin: None) -> None:
    arguments = ["bench", "--quick", "--check", "--parts", "growth", "--detectors", "swings"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "nothing was timed" in result.stdout


def test_without_check_only_times(wrong_twin: None) -> None:
    report = bench.run(dataclasses.replace(TINY, check=False))
    assert report.conclusion.startswith("results not checked")
    assert len(report.tables) == 1


# ---------------------------------------------------------------------- timings


def test_forms_take_turns() -> None:
    calls: list[str] = []
    forms = {name: lambda name=name: calls.append(name) for name in "abc"}
    times = interleaved(forms, rounds=3)
    assert "".join(calls) == "abc" + "abc" + "bca" + "cab"
    assert all(timing.minimum <= timing.median for timing in times.values())


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_rests_meanwhile(enabled: bool) -> None:
    before = gc.isenabled()
    seen: list[bool] = []
    try:
        gc.enable() if enabled else gc.disable()
        interleaved({"form": lambda: seen.append(gc.isenabled())}, rounds=2)
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if before else gc.disable()
    assert seen[1:] == [False, False]


def test_figures_are_per_bar_of_each_form(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {
        "copy": 1e-6,
        "scan": 2e-6,
        "alone": 5e-6,
        "with feeds": 1e-5,
        "call": 2e-5,
        "panel": 1e-5,
        "twin": 1e-2,
    }
    monkeypatch.setattr(
        _detectors,
        "interleaved",
        lambda forms, rounds: {name: Timing(2 * seconds[name], seconds[name]) for name in forms},
    )
    case = Case(ict.detector("structure_breaks"), tiled(TINY.source, 1_000), twin_bars=200)
    row = _detectors._speed_row(case, rounds=1)
    assert row["call"] == pytest.approx(20.0)
    assert row["call_median"] == pytest.approx(40.0)
    assert row["alone"] == pytest.approx(5.0)
    assert row["of_copy"] == pytest.approx(0.05)
    assert row["of_scan"] == pytest.approx(0.1)
    assert row["rate"] == pytest.approx(50.0)
    assert row["twin"] == pytest.approx(1e-2 / 200 * 1e9)
    assert row["speedup"] == pytest.approx(50_000 / 20)
    assert row["verdict"] == "ok"


# ---------------------------------------------------------------------- cases and markets


@pytest.mark.parametrize("spec", FEW, ids=lambda spec: spec.name)
def test_a_case_alone_gives_what_it_gives_with_feeds(spec: registry.Spec) -> None:
    case = Case(spec, tiled(TINY.source, 1_500), twin_bars=300)
    alone, together = case.alone(), case.with_feeds()[spec]
    for mine, theirs in zip(alone.feed, together.feed, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert case.length("twin") == 300
    assert case.length("panel") == 16 * 93
    assert ("alone" in case.forms) is bool(spec.feeds)


def test_the_limits_read_every_column() -> None:
    candles = tiled(TINY.source, 1_000)
    for limit in limits(candles).values():
        limit()


def test_tiling_repeats_the_prices() -> None:
    source = TINY.source[:300]
    candles = tiled(source, 1_000)
    assert len(candles) == 1_000
    np.testing.assert_array_equal(candles.high[300:600], source.high)


def test_cuts_follow_each_other() -> None:
    candles = tiled(TINY.source, 1_000)
    pieces = cut(candles, [100, 50, 850])
    np.testing.assert_array_equal(np.concatenate([piece.close for piece in pieces]), candles.close)


def test_data_come_from_a_file(tmp_path: Path) -> None:
    frame = ict.sample_market(["EURUSD"], bars=50)[0].to_pandas()
    frame.to_csv(tmp_path / "EURUSD_15M.csv")
    frame.to_parquet(tmp_path / "EURUSD_15M.parquet")
    first, second = (load(tmp_path / f"EURUSD_15M.{suffix}", seed=7) for suffix in ("csv", "parquet"))
    np.testing.assert_array_equal(first.close, second.close)


def test_a_trend_leaves_every_gap_open_and_one_bar_fills_them() -> None:
    still, filled = (ict.fair_value_gaps(shaped(shape, 700)) for shape in ("trend", "filled"))
    assert len(still) > 300
    assert (still.direction == 1).all()
    assert (still.filled == -1).all()
    assert (filled.filled[filled.direction == 1] == 699).all()


def test_a_trend_leaves_every_swing_low_unbroken() -> None:
    lows = ict.swings(shaped("trend", 700))
    assert (lows.broken[lows.direction == -1] == -1).all()
    assert (lows.direction == -1).sum() > 80


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spec", FEW, ids=lambda spec: spec.name)
def test_shapes_are_computed_right(shape: str, spec: registry.Spec) -> None:
    assert Case(spec, shaped(shape, 400), twin_bars=400).check() == []


# ---------------------------------------------------------------------- options and report


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": ("detector",)}, "there is no part 'detector'"),
        ({"sizes": ()}, "at least 1,000 bars"),
        ({"sizes": (10,)}, "at least 1,000 bars"),
        ({"rounds": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ict.ParameterError, match=message):
        Options(**changes)


@pytest.mark.parametrize(
    ("target", "value", "cells"),
    [
        (Target(0.04, least=True, format=".0%"), 0.04, {"target": "≥ 4%", "verdict": "ok"}),
        (Target(0.04, least=True, format=".0%"), 0.039, {"target": "≥ 4%", "verdict": "MISS"}),
        (Target(1.3, least=False), 1.3, {"target": "≤ 1.3", "verdict": "ok"}),
        (Target(1.3, least=False), 1.31, {"target": "≤ 1.3", "verdict": "MISS"}),
    ],
)
def test_targets(target: Target, value: float, cells: dict[str, str]) -> None:
    assert target.judge(value) == cells


def test_a_report_in_every_format() -> None:
    columns = (Column("what", "what"), Column("ratio", "ratio", ".2f"), Column("verdict", ""))
    rows = [{"what": "a", "ratio": 1.234, "verdict": "ok"}, {"what": "b", "verdict": "MISS", "hidden": 5}]
    report = Report({"cpu": "abacus"}, tables=[Table("name", "Title", columns, rows)])
    assert report.misses == 1
    assert (
        "| what | ratio |  |\n| --- | --: | --- |\n| a | 1.23 | ok |\n| b |  | MISS |" in report.to_markdown()
    )
    assert json.loads(report.to_json())["tables"]["name"]["rows"] == rows


def test_every_part_in_process() -> None:
    parts = ("detectors", "growth", "shapes", "panels")
    report = bench.run(dataclasses.replace(TINY, parts=parts, check=False, detectors=FEW[:1]))
    assert [table.name for table in report.tables] == list(parts)
    assert {"cpu", "system", "versions", "threads", "data", "date"} <= set(report.machine)
    assert len(report.tables[2].rows) == len(SHAPES)


def test_memory_is_measured_in_a_process_of_its_own() -> None:
    (row,) = _processes.memory(TINY, silent).rows
    assert 0 < row["before"] <= row["after"]


def test_whole_processes() -> None:
    table = _processes.imports(TINY, silent)
    assert [row["theirs"] for row in table.rows] == ["import numba, pandas", "import of its libraries"]


def test_command_writes_files_and_standard_output(tmp_path: Path) -> None:
    json_file, markdown = tmp_path / "figures.json", tmp_path / "figures.md"
    arguments = ["bench", "--quick", "--parts", "growth", "--detectors", "cisd"]
    done = CliRunner().invoke(app, [*arguments, "--json", str(json_file), "--markdown", str(markdown)])
    assert done.exit_code == 0
    assert "Growth with length" in done.stdout
    assert "growth" in json.loads(json_file.read_text())["tables"]
    assert "### Growth with length" in markdown.read_text()
    done = CliRunner().invoke(app, [*arguments, "--json", "-"])
    assert "growth" in json.loads(done.stdout)["tables"]


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)])
def test_missed_targets_matter_if_strict(
    strict: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_detectors, "_GROWTH", Target(-1.0, least=False))
    arguments = ["bench", "--quick", "--parts", "growth", "--detectors", "cisd", *strict]
    assert CliRunner().invoke(app, arguments).exit_code == code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "many"], "cannot read 'many' as sizes"),
        (["--sizes", "10"], "at least 1,000"),
        (["--parts", "all"], "there is no part 'all'"),
        (["--data", "none.csv", "--quick"], "none.csv"),
    ],
)
def test_bad_options_exit_with_2(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
