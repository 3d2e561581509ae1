"""What the original returned, held against our adapters: the harness's own calls, made in this process."""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import json
import math
import sys
import types
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ict_kernels.adapters.ict_engine import ORIGINALS, _collaborators

SHARED = Path(__file__).resolve().parents[2] / "shared"
GOLDEN = SHARED / "golden" / "EURUSD_15M"
HARNESS = SHARED / "tools" / "engine_harness.py"
CANDLES = SHARED / "data" / "EURUSD_15M.csv"
EXACT = ("index", "time", "type", "direction", "top", "bottom", "price", "bar")
OURS = {original: f"ict_kernels.adapters.ict_engine.{ours}" for ours, original in ORIGINALS.items()}


class FrozenClock:
    """Stands in for the class `datetime` where adapters read the clock."""

    def __init__(self) -> None:
        self.moment = datetime(2022, 1, 1)

    def set(self, moment: datetime) -> None:
        self.moment = moment

    def now(self, tz: timezone | None = None) -> datetime:
        return self.moment if tz is None else self.moment.replace(tzinfo=tz)


@cache
def harness() -> Any:
    """The program that made the golden outputs, as a module."""
    if not HARNESS.exists():
        pytest.skip("the shared golden outputs are not here")
    spec = importlib.util.spec_from_file_location("engine_harness", HARNESS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def golden_candles() -> pd.DataFrame:
    frame: pd.DataFrame = harness().load_csv(pd, CANDLES)
    return frame.iloc[:3000]


@cache
def golden_records(name: str) -> dict[int, list[dict[str, Any]]]:
    """What the original returned, by number of rows."""
    index = json.loads((GOLDEN / "index.json").read_text())
    found: dict[int, list[dict[str, Any]]] = {int(n): [] for n in index[name]["counts"]}
    path = GOLDEN / f"{name}.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt") as lines:
            for line in lines:
                record = json.loads(line)
                found[record["n"]].append(record)
    assert {n: len(records) for n, records in found.items()} == {
        int(n): count for n, count in index[name]["counts"].items()
    }
    return found


def ours(entry: Any) -> Any:
    """The harness's entry, made to import our modules where it asks for the engine's."""
    adapter = entry(types.SimpleNamespace())

    def module(name: str) -> Any:
        if name == "data_management.mt5_data_manager":
            return sys.modules.setdefault(name, types.ModuleType(name))
        return importlib.import_module(OURS[name])

    adapter.mod = module
    return adapter


def detections(name: str, n: int, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What our adapter returns where the harness calls it, in the harness's form."""
    tool, walking = harness(), name.endswith("@walk")
    entry = tool.REGISTRY[name.removesuffix("@walk")]
    clock = FrozenClock()
    monkeypatch.setattr(_collaborators, "datetime", clock)
    monkeypatch.delenv("ICT_DISABLE_HEAVY_INIT", raising=False)
    for variable, value in entry.env.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setitem(sys.modules, "data_management.mt5_data_manager", types.ModuleType("manager"))
    adapter, candles = ours(entry), golden_candles().iloc[:n]
    frame = tool.Frame(candles, pd, "float")
    clock.set(tool.clock_for("auto", entry.hour, frame.times[-1]))
    if walking:
        walk = tool.Walk(adapter, _Held(clock), pd, entry.window or 200, 1, "float")
        found: list[dict[str, Any]] = walk.run(candles)[2]
        return found
    detector = adapter.make()
    argument = adapter.prepare(detector, frame)
    records: list[dict[str, Any]] = adapter.norm(adapter.call(detector, argument, frame), detector, frame)
    return records


class _Held:
    """The frozen clock as the harness's walk sets it."""

    def __init__(self, clock: FrozenClock) -> None:
        self._clock = clock

    @property
    def value(self) -> datetime:
        return self._clock.moment

    def set(self, moment: datetime) -> None:
        self._clock.set(moment)


def differences(expected: Any, actual: Any, path: str = "", exact: bool = False) -> Iterator[str]:
    """Where two records differ: exactly, or floats beyond a relative 1e-9."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected.keys() | actual.keys():
            yield from differences(
                expected.get(key), actual.get(key), f"{path}.{key}", not path and key in EXACT
            )
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for at, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(one, other, f"{path}[{at}]", exact)
    elif not _same(expected, actual, exact):
        yield f"{path}: {actual!r} where the original has {expected!r}"


def _same(expected: Any, actual: Any, exact: bool) -> bool:
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (expected, actual))
    if numbers and not exact:
        return math.isclose(expected, actual, rel_tol=1e-9, abs_tol=1e-15)
    return bool(expected == actual)


def check_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Assert that our adapter returns what the original returned, at every size there is.

    Parameters
    ----------
    name
        A name of the golden outputs, `fvg` or `order_blocks_simple@walk` say.
    """
    if not GOLDEN.exists():
        pytest.skip("the shared golden outputs are not here")
    for n, expected in golden_records(name).items():
        found = json.loads(json.dumps(detections(name, n, monkeypatch)))
        bare = [{key: r[key] for key in r if key not in ("detector", "n", "seq")} for r in expected]
        assert len(found) == len(bare), (
            f"{name}, {n} rows: {len(found)} records, the original has {len(bare)}"
        )
        for at, (one, other) in enumerate(zip(bare, found, strict=True)):
            assert list(differences(one, other)) == [], f"{name}, {n} rows, record {at}"
