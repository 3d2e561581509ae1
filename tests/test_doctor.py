"""The doctor: what it reports, and that it notices a broken detector."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ict_kernels as ict
from ict_kernels import registry
from ict_kernels.detectors.engine import gaps, rules
from ict_kernels.detectors.engine.gaps import GAPS
from ict_kernels.doctor import Check, diagnose
from ict_kernels.selfcheck import first_difference, panel_difference, twin_difference
from ict_kernels.warmup import Warmed, warmup

BARS = ict.sample_market(["EURUSD"], bars=200)[0].bars


@pytest.fixture
def broken_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Swings whose twin is one tick off."""
    entry = ict.detectors()["swings"]

    def wrong(*arguments: Any, **parameters: Any) -> dict[str, Any]:
        table = entry.twin(*arguments, **parameters)
        return table | {"level": table["level"] + 0.00001}

    monkeypatch.setitem(registry._ENTRIES, "swings", dataclasses.replace(entry, twin=wrong))


def test_a_sound_installation() -> None:
    found = diagnose(bars=200)
    assert found.ok
    assert [check.detector for check in found.checks] == [
        *ict.detectors(),
        *(f"engine/{name}" for name in rules()),
    ]
    assert found.versions["ict_kernels"] == ict.__version__
    assert found.threading_layer in {"tbb", "omp", "workqueue"}
    assert found.cores >= 1


def test_everything_can_be_written_as_json() -> None:
    found = diagnose(bars=50).to_dict()
    assert json.loads(json.dumps(found)) == found


@pytest.mark.compiled
def test_the_cache_folder_is_the_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = diagnose(bars=50).cache
    assert Path(cache.folder).is_dir()
    assert cache.writable
    assert cache.files > 0
    assert cache.bytes > 0


def test_a_wrong_detector_is_noticed(broken_twin: None) -> None:
    seen: list[Check] = []
    found = diagnose(bars=200, progress=seen.append)
    assert not found.ok
    assert seen == found.checks
    (wrong,) = [check for check in found.checks if check.detector == "swings"]
    assert wrong.problem.startswith("level[0] is ")


def test_a_detector_that_raises_does_not_end_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **parameters: Any) -> dict[str, Any]:
        raise ZeroDivisionError("by zero")

    entry = dataclasses.replace(ict.detectors()["cisd"], twin=broken)
    monkeypatch.setitem(registry._ENTRIES, "cisd", entry)
    problems = {check.detector: check.problem for check in diagnose(bars=50).checks}
    assert problems["cisd"] == "ZeroDivisionError: by zero"
    assert problems["swings"] == ""


def test_variables_that_matter_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICT_KERNELS_CONFIG", "somewhere.json")
    assert diagnose(bars=50).environment["ICT_KERNELS_CONFIG"] == "somewhere.json"


@pytest.mark.parametrize(
    ("mine", "theirs", "difference"),
    [
        ([1.0, np.nan], [1.0, np.nan], ""),
        ([1.0, 2.0], [1.0, np.nan], "x[1] is 2.0, not nan"),
        ([1.0], [1.0, 2.0], "1 rows, not 2"),
        ([1.0], [1], "x is float64, not int64"),
    ],
)
def test_differences_in_words(mine: list[float], theirs: list[float], difference: str) -> None:
    assert first_difference({"x": np.array(mine)}, {"x": np.array(theirs)}) == difference


def test_other_columns_are_a_difference() -> None:
    assert first_difference({"x": np.zeros(1)}, {"y": np.zeros(1)}) == "columns are x, not y"


@pytest.mark.parametrize("name", list(ict.detectors()))
def test_forms_agree(name: str) -> None:
    assert twin_difference(ict.detector(name), BARS) == ""


@pytest.mark.panel
@pytest.mark.parametrize("name", list(ict.detectors()))
def test_panels_agree(name: str) -> None:
    series = [candles.bars for candles in ict.sample_market(bars=150)]
    assert panel_difference(ict.detector(name), series) == ""


@pytest.mark.panel
def test_warmup_tells_of_every_kernel() -> None:
    told: list[Warmed] = []
    done = warmup(progress=told.append)
    assert told == done
    assert [(warmed.detector, warmed.form) for warmed in done] == [
        *((name, form) for name in ict.detectors() for form in ("serial", "panel")),
        *((name, "engine") for name in rules()),
    ]


def test_a_wrong_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = dataclasses.replace(GAPS, twin=lambda *asked: GAPS.twin(*asked)[1:])
    monkeypatch.setattr(gaps, "GAPS", wrong)
    (check,) = [check for check in diagnose(bars=200).checks if check.problem]
    assert check.detector == "engine/gaps"


def test_warmup_in_part() -> None:
    assert {warmed.form for warmed in warmup(panels=False)} == {"serial", "engine"}
    assert {warmed.form for warmed in warmup(panels=False, engine=False)} == {"serial"}
