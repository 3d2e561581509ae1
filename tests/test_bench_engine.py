"""The benchmark of the engine's interfaces: that it proves before it times, and can time an engine itself."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ict_kernels.adapters.ict_engine import fair_value_gaps
from ict_kernels.bench import EngineOptions, run_engine
from ict_kernels.bench._engine import Moment, Ours, engine_frame
from ict_kernels.bench._engine_calls import CALLS, Series
from ict_kernels.cli import app
from ict_kernels.detectors.engine.gaps import GAPS
from ict_kernels.errors import ParameterError
from ict_kernels.market import sample_market
from tests.engine_tree import write_tree

FEW = ("fair value gaps", "swing points", "liquidity grab levels", "ict silver bullet")
TINY = EngineOptions(sizes=(600,), rounds=1, only=FEW, parts=("scans", "windows", "histories"))


def table(report: Any, name: str) -> list[dict[str, Any]]:
    [found] = [table for table in report.tables if table.name == name]
    return list(found.rows)


def test_equal_records_are_timed() -> None:
    report = run_engine(TINY)
    assert report.failures == []
    assert report.checked == 5
    assert [row["detector"] for row in table(report, "scans")] == ["fair value gaps", "swing points"]
    assert [row["detector"] for row in table(report, "windows")] == [
        *("ict silver bullet", "liquidity grab levels")
    ]
    assert [row["detector"] for row in table(report, "histories")] == ["ict silver bullet"]
    assert [row["size"] for row in table(report, "means")] == ["600", "all sizes"] * 2
    assert all(row["ratio"] == row["rows_ms"] / row["adapter_ms"] for row in table(report, "scans"))


def test_wrong_records_are_named_and_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = GAPS
    wrong = dataclasses.replace(rule, twin=lambda *asked: rule.twin(*asked)[::2])
    monkeypatch.setattr(fair_value_gaps, "GAPS", wrong)
    report = run_engine(TINY)
    assert report.failures == ["fair value gaps, 600 candles: records differ"]
    assert [row["detector"] for row in table(report, "scans")] == ["swing points"]
    assert "1 results differ, these were not timed" in report.conclusion


def test_every_call_can_be_made() -> None:
    """All of them on one frame; what they find is compared elsewhere."""
    series = Series(engine_frame(sample_market(["EURUSD"], bars=300)[0]))
    for call in CALLS:
        call.call(call.make(Ours(call.module, Moment()), series), series)


def test_names_of_calls_differ() -> None:
    assert len({call.name for call in CALLS}) == len(CALLS)


def test_an_engine_is_timed_in_a_process_of_its_own(tmp_path: Path) -> None:
    """The engine here is a tree of modules that import our adapters."""
    engine = write_tree(tmp_path / "engine")
    before = sorted(engine.rglob("*"))
    told: list[str] = []
    options = EngineOptions(sizes=(600,), rounds=1, only=FEW[:2], parts=("scans",), engine=engine)
    report = run_engine(options, told.append)
    assert report.failures == []
    assert [column.title for column in report.tables[0].columns][4] == "original ms"
    # Both are our adapters, so one can't be a hundred times the other.
    assert all(0.01 < row["ratio"] < 100 for row in table(report, "scans"))
    assert "the original, in a process of its own" in told
    assert sorted(engine.rglob("*")) == before


def test_an_engine_that_fails_is_left_out(tmp_path: Path) -> None:
    engine = write_tree(tmp_path / "engine")
    (engine / "01-CORE" / "analysis" / "pattern_detector.py").write_text("raise OSError('no terminal')\n")
    told: list[str] = []
    options = EngineOptions(sizes=(600,), rounds=1, only=FEW[:2], parts=("scans",), engine=engine)
    run_engine(options, told.append)
    assert "the original: swing points: OSError('no terminal')" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only": ("zebra",)}, "no call begins with 'zebra'; there are fair value gaps, enhanced"),
        ({"sizes": (100,)}, "sizes must be at least 600 candles"),
        ({"parts": ("shapes",)}, "there is no part 'shapes'; there are scans, windows, histories, memory"),
        ({"sizes": (10_000_000,)}, r"has 200,000 candles; give smaller --sizes"),
    ],
)
def test_what_cannot_be_measured_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        EngineOptions(**options)


def test_no_engine_there(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="holds no folder 01-CORE"):
        run_engine(dataclasses.replace(TINY, engine=tmp_path))


def test_command(tmp_path: Path) -> None:
    command = ["bench", "--suite", "engine", "--quick", "--detectors", "swing points", "--parts", "scans"]
    done = CliRunner().invoke(app, [*command, "--json", "-", "--no-progress"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [row["detector"] for row in found["tables"]["scans"]["rows"]] == ["swing points"]
    assert found["checked"] == 1
