"""Putting the accelerated classes into a running engine, and taking them out: on a small engine made here."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ict_kernels.adapters.ict_engine import (
    MODULES,
    ORIGINALS,
    fair_value_gaps,
    install,
    installed,
    original,
    pattern_confluence_engine,
    uninstall,
)
from ict_kernels.adapters.ict_engine._install import with_collaborators
from ict_kernels.adapters.ict_engine.liquidity_grab_enterprise import LiquidityGrabDetectorEnterprise
from ict_kernels.errors import ParameterError

GAPS = "smart_money_concepts.fair_value_gaps"
CONFLUENCE = "analysis.pattern_confluence_engine"
CHOSEN = ["fair_value_gaps", "pattern_confluence_engine"]

SOURCES = {
    f"{GAPS}": """
from enum import Enum
from datetime import datetime

class FVGStatus(Enum):
    ACTIVE = "ACTIVE"

class FairValueGapDetector:
    def __init__(self, config=None):
        self.config = config
    def detect_fair_value_gaps(self, candles, symbol, timeframe):
        return ["slow"]

class Helper:
    pass

FVGDirection = "BULLISH"

def get_fvg_detector():
    return FairValueGapDetector()
""",
    CONFLUENCE: """
from smart_money_concepts.fair_value_gaps import FairValueGapDetector

class PatternConfluenceEngine:
    detector = FairValueGapDetector
""",
    "engine_user": """
from smart_money_concepts.fair_value_gaps import FairValueGapDetector as Detector, get_fvg_detector

def scan(candles):
    return Detector().detect_fair_value_gaps(candles, "EURUSD", "M15")
""",
}
NOON = datetime(2024, 3, 5, 12, 0)
CANDLES = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A running engine: its folder is on the path, none of its modules is loaded."""
    for name, source in SOURCES.items():
        path = (tmp_path / "01-CORE").joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    monkeypatch.syspath_prepend(tmp_path / "01-CORE")
    importlib.invalidate_caches()
    before = set(sys.modules)
    yield tmp_path
    uninstall()
    tops = ("smart_money_concepts", "analysis", "engine_user")
    for name in set(sys.modules) - before:
        if name.split(".")[0] in tops:
            del sys.modules[name]


def load(name: str) -> Any:
    return importlib.import_module(name)


def names(entries: list[Any]) -> list[str]:
    return [entry.name for entry in entries]


def test_loaded_modules_are_replaced(engine: Path) -> None:
    gaps, user = load(GAPS), load("engine_user")
    slow = gaps.FairValueGapDetector
    assert user.scan(CANDLES) == ["slow"]
    report = install(engine, modules=CHOSEN)
    assert gaps.FairValueGapDetector is fair_value_gaps.FairValueGapDetector
    assert user.Detector is fair_value_gaps.FairValueGapDetector
    assert user.get_fvg_detector is fair_value_gaps.get_fvg_detector
    assert [gap.candle_index for gap in user.scan(CANDLES)] == [1]
    assert original(f"{GAPS}.FairValueGapDetector") is slow
    assert slow().detect_fair_value_gaps(CANDLES, "EURUSD", "M15") == ["slow"]
    assert names(report.replaced) == ["FVGStatus", "FairValueGapDetector", "get_fvg_detector"]


def test_what_is_kept_is_named_with_the_reason(engine: Path) -> None:
    load(GAPS)
    report = install(engine, modules=["fair_value_gaps", "order_blocks"])
    reasons = {entry.name: entry.reason for entry in report.kept}
    assert reasons["FVGDirection"] == "not a class or function"
    assert reasons["FairValueGap"] == "the engine's module has no such name"
    assert reasons["Helper"] == "no counterpart here"
    assert reasons["*"] == "the engine has no such module"
    assert "datetime" not in reasons
    assert f"kept      {GAPS}.Helper: no counterpart here" in str(report)


def test_modules_that_come_later_are_replaced(engine: Path) -> None:
    report = install(engine, modules=CHOSEN)
    assert not report.replaced
    assert "FairValueGapDetector" in names(report.pending)
    assert load("engine_user").Detector is fair_value_gaps.FairValueGapDetector
    # What another of our modules replaces stays ours where the engine imports it from there.
    engine_class = load(CONFLUENCE).PatternConfluenceEngine
    assert engine_class is pattern_confluence_engine.PatternConfluenceEngine
    assert "FairValueGapDetector" in names(installed().replaced)
    assert not installed().pending


def test_uninstall_restores_everything(engine: Path) -> None:
    gaps, user = load(GAPS), load("engine_user")
    before = {**vars(gaps)}, {**vars(user)}
    install(engine, modules=CHOSEN)
    later = load(CONFLUENCE)
    uninstall()
    assert (vars(gaps), vars(user)) == before
    assert later.PatternConfluenceEngine.__module__ == CONFLUENCE
    assert len(installed()) == 0
    assert not any(type(finder).__module__.startswith("ict_kernels") for finder in sys.meta_path)
    with pytest.raises(ParameterError, match="is not replaced"):
        original(f"{GAPS}.FairValueGapDetector")


def test_what_somebody_else_replaced_is_left(engine: Path) -> None:
    gaps = load(GAPS)
    install(engine, modules=CHOSEN)
    gaps.FairValueGapDetector = mine = type("Mine", (), {})
    report = uninstall()
    assert gaps.FairValueGapDetector is mine
    assert names(report.kept) == ["FairValueGapDetector"]
    assert gaps.FVGStatus.__module__ == GAPS


def test_collaborators_reach_the_detectors(engine: Path) -> None:
    class Memory:
        def assess_market_confidence(self, description: dict[str, Any], /) -> float:
            return 0.1

    user = load("engine_user")
    # A memory doubts small gaps more in quiet hours, so that the hour has to be said.
    install(engine, modules=CHOSEN, memory=Memory(), clock=lambda: NOON, logger=None, nothing_takes_this=1)
    assert user.Detector.__name__ == "FairValueGapDetector"
    assert isinstance(user.Detector(), fair_value_gaps.FairValueGapDetector)
    assert isinstance(user.Detector()._memory, Memory)
    assert user.Detector(memory=None)._memory is None
    assert user.scan(CANDLES)[0].metadata["memory_enhanced"] is True


def test_collaborators_that_the_original_takes_by_position(engine: Path) -> None:
    wired = with_collaborators(LiquidityGrabDetectorEnterprise, {"memory": "kept", "logger": "ours"})
    seen = [(d.memory_system, d._log._logger) for d in (wired(), wired("mine"), wired(logger="mine"))]
    assert seen == [("kept", "ours"), ("mine", "ours"), ("kept", "mine")]


def test_foreign_modules_are_left_alone(
    engine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A module of the same name that is not the engine's stays as it is, and says so."""
    elsewhere = tmp_path / "elsewhere" / "smart_money_concepts"
    elsewhere.mkdir(parents=True)
    (elsewhere / "fair_value_gaps.py").write_text("class FairValueGapDetector: ...")
    monkeypatch.syspath_prepend(elsewhere.parent)
    importlib.invalidate_caches()
    foreign = load(GAPS).FairValueGapDetector
    install(engine, modules=CHOSEN)
    assert load(GAPS).FairValueGapDetector is foreign


def test_mistakes_are_named(engine: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="holds no folder 01-CORE; give the root"):
        install(tmp_path / "01-CORE")
    with pytest.raises(ParameterError, match="no module gaps; there are fair_value_gaps, order_blocks"):
        install(engine, modules=["gaps"])
    install(engine, modules=CHOSEN)
    with pytest.raises(ParameterError, match=r"installed already, in .*; call uninstall\(\) first"):
        install(engine)


def test_every_module_can_be_installed(engine: Path) -> None:
    report = install(engine)
    assert {entry.module for entry in report} == set(ORIGINALS.values())


def test_modules_lists_every_class() -> None:
    for name, listed in MODULES.items():
        module = load(f"ict_kernels.adapters.ict_engine.{name}")
        public = [item for item in module.__all__ if inspect.isclass(getattr(module, item))]
        assert list(listed) == public
    assert MODULES.keys() == ORIGINALS.keys()
