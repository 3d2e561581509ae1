"""The memory of fair value gaps: what it keeps, counts, writes, and refuses to read."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ict_kernels.adapters.ict_engine.fvg_memory_manager import FILE_NAME, FVGMemoryManager
from ict_kernels.errors import OutputError, ParameterError, StateError

GAP = {"type": "bearish", "high": 1.5, "low": 1.25, "timestamp": "2025-09-01T10:30:00"}


class Clock:
    def __init__(self, hour: int = 10) -> None:
        self.moment = datetime(2025, 9, 1, hour)

    def local(self) -> datetime:
        return self.moment

    def utc(self) -> datetime:
        return self.moment.replace(tzinfo=timezone.utc)

    def wait(self, **span: float) -> None:
        self.moment += timedelta(**span)


def manager(folder: Path | None = None, clock: Clock | None = None, **options: Any) -> FVGMemoryManager:
    clock = clock or Clock()
    return FVGMemoryManager(folder, clock=clock.local, utc_clock=clock.utc, **options)


def test_an_entry_field_by_field() -> None:
    memory = manager()
    number = memory.add_fvg("EURUSD", "M15", GAP)
    [entry] = memory.get_active_fvgs()
    metrics = entry.pop("performance_metrics")
    assert sorted(metrics.values()) == [0, 0.5, 0.5, 0.7]
    assert entry == {
        "fvg_id": number,
        "symbol": "EURUSD",
        "timeframe": "M15",
        "creation_timestamp": "2025-09-01T10:00:00+00:00",
        "candle_time": "2025-09-01T10:30:00",
        "fvg_type": "bearish",
        "high_price": 1.5,
        "low_price": 1.25,
        "gap_size_pips": 2500.0,
        "status": "unfilled",
        "fill_percentage": 0.0,
        "fill_timestamp": None,
        "fill_duration_hours": None,
        "session_created": "london",
        "market_context": {},
        "confluence_factors": [],
        "notes": "",
    }


@pytest.mark.parametrize(
    ("hour", "smallest", "tolerance", "session"),
    [
        (0, 0.8, 0.2, "asian"),
        (7, 0.8, 0.2, "asian"),
        (8, 1.80625, 0.5, "london"),
        (12, 1.80625, 0.5, "london"),
        (13, 1.955, 0.5, "london"),
        (16, 1.955, 0.5, "newyork"),
        (17, 1.955, 0.5, "newyork"),
        (18, 1.0, 0.2, "newyork"),
        (23, 1.0, 0.2, "newyork"),
    ],
)
def test_the_hour_sets_what_nobody_reads(hour: int, smallest: float, tolerance: float, session: str) -> None:
    memory = manager(clock=Clock(hour))
    assert memory.config == {
        "max_fvgs_per_symbol": 500,
        "max_age_days": 30,
        "cleanup_frequency_hours": 24,
        "min_gap_size_pips": smallest,
        "fill_tolerance_pips": tolerance,
    }
    assert memory.add_fvg("EURUSD", "M5", {"high": 1.000001, "low": 1.0})  # far too small, and kept
    assert memory.get_active_fvgs()[0]["session_created"] == session


def test_the_same_gap_is_kept_once() -> None:
    memory = manager()
    number = memory.add_fvg("EURUSD", "M15", GAP)
    assert memory.add_fvg("EURUSD", "M15", GAP) == number
    assert memory.store_fvg(GAP | {"high": 1.5000004, "fvg_id": "other"}, "EURUSD", "M15") == number
    assert memory.add_fvg("GBPUSD", "H4", {"fvg_id": number, "high": 9, "low": 8}) == number
    different = [
        memory.add_fvg("GBPUSD", "M15", GAP),
        memory.add_fvg("EURUSD", "H1", GAP),
        memory.add_fvg("EURUSD", "M15", GAP | {"type": "bullish"}),
        memory.add_fvg("EURUSD", "M15", GAP | {"high": 1.500001}),
        memory.add_fvg("EURUSD", "M15", GAP | {"timestamp": "later"}),
    ]
    assert len({number, *different}) == 6


def test_yen_pairs_have_coarser_pips() -> None:
    memory = manager()
    number = memory.add_fvg("USDJPY", "M15", {"high": 150.25, "low": 150.0})
    assert memory.add_fvg("USDJPY", "M15", {"high": 150.2501, "low": 150.0}) == number
    assert memory.get_active_fvgs()[0]["gap_size_pips"] == 25.0


def test_new_identifiers_avoid_those_taken() -> None:
    memory = manager()
    first = memory.add_fvg("EURUSD", "M15", {"high": 2, "low": 1})
    taken = first[:-1] + "2"
    other = manager()
    assert other.add_fvg("EURUSD", "M15", GAP | {"fvg_id": taken}) == taken
    assert other.add_fvg("EURUSD", "M15", {"high": 2, "low": 1}) not in ("", taken)


def test_times_of_any_kind() -> None:
    memory = manager()
    number = memory.add_fvg("EURUSD", "M15", GAP | {"timestamp": pd.Timestamp("2025-09-01 10:30")})
    assert memory.add_fvg("EURUSD", "M15", GAP) == number


@pytest.mark.parametrize("timeframe", ["M1", "D1", "m15", ""])
def test_other_timeframes_are_refused(timeframe: str) -> None:
    said: list[str] = []

    class Logger:
        def warning(self, message: str, component: str) -> None:
            said.append(component)

    assert manager(logger=Logger()).add_fvg("EURUSD", timeframe, GAP) == ""
    assert said == ["fvg_memory"]


@pytest.mark.parametrize("price", [None, "x", np.nan, np.inf])
def test_prices_must_be_numbers(price: Any) -> None:
    memory = manager()
    with pytest.raises(ParameterError, match="'low'"):
        memory.add_fvg("EURUSD", "M15", GAP | {"low": price})
    with pytest.raises(ParameterError, match="'high'"):
        memory.add_fvg("EURUSD", "M15", {"low": 1.0})
    with pytest.raises(ParameterError, match="fill_percentage"):
        memory.update_fvg_status("x", "filled", price)
    assert memory.get_active_fvgs() == []


def test_filling() -> None:
    clock = Clock()
    memory = manager(clock=clock)
    number = memory.add_fvg("EURUSD", "M15", GAP)
    assert memory.update_fvg_status(number, "unfilled", 0.0)
    assert memory.get_active_fvgs()[0]["fill_timestamp"] is None
    clock.wait(hours=1.5)
    assert memory.update_fvg_status(number, "partially_filled", 40.0)
    clock.wait(hours=10)
    assert memory.update_fvg_status(number, "partially_filled", 60.0)
    [entry] = memory.get_active_fvgs()
    assert (entry["fill_percentage"], entry["fill_duration_hours"]) == (60.0, 1.5)
    assert entry["fill_timestamp"] == "2025-09-01T11:30:00+00:00"
    assert memory.update_fvg_status(number, "filled", 100.0)
    assert memory.get_active_fvgs() == []
    assert not memory.update_fvg_status("none", "filled")


def test_what_is_handed_out_is_a_copy() -> None:
    memory = manager()
    memory.add_fvg("EURUSD", "M15", GAP)
    memory.get_active_fvgs()[0]["confluence_factors"].append("x")
    assert memory.get_active_fvgs()[0]["confluence_factors"] == []


def test_selection_and_statistics() -> None:
    clock = Clock()
    memory = manager(clock=clock)
    numbers = [
        memory.add_fvg(symbol, timeframe, GAP | {"high": high})
        for symbol in ("EURUSD", "GBPUSD")
        for timeframe in ("M15", "H1")
        for high in (2, 3)
    ]
    clock.wait(hours=2)
    memory.update_fvg_status(numbers[0], "filled", 100.0)
    clock.wait(hours=2)
    memory.update_fvg_status(numbers[1], "partially_filled", 50.0)
    assert len(memory.get_active_fvgs("EURUSD")) == 3
    assert len(memory.get_active_fvgs(timeframe="H1")) == 4
    assert len(memory.get_active_fvgs("EURUSD", "M15")) == 1
    expected = {
        "total_fvgs": 4,
        "filled_fvgs": 1,
        "partially_filled_fvgs": 1,
        "unfilled_fvgs": 2,
        "avg_fill_time_hours": 3.0,
        "success_rate": 0.25,
    }
    assert memory.get_fvg_statistics("EURUSD") == expected
    everything = memory.get_fvg_statistics()
    assert everything.pop("by_symbol")["EURUSD"] == expected
    assert (everything["total_fvgs"], everything["success_rate"]) == (8, 0.125)
    assert memory.get_fvg_statistics("EURUSD", "H1")["total_fvgs"] == 2
    assert memory.get_fvg_statistics("nothing")["success_rate"] == 0.0


def test_cleanup() -> None:
    clock = Clock()
    memory = manager(clock=clock)
    memory.add_fvg("EURUSD", "M15", GAP)
    clock.wait(days=30)
    young = memory.add_fvg("EURUSD", "H1", GAP)
    assert memory.cleanup_old_fvgs() == 0
    clock.wait(seconds=1)
    assert memory.cleanup_old_fvgs() == 1
    assert [entry["fvg_id"] for entry in memory.get_active_fvgs()] == [young]
    assert memory.add_fvg("EURUSD", "M15", GAP) != young
    assert len(memory.get_active_fvgs()) == 2


# --- files ---


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    manager().add_fvg("EURUSD", "M15", GAP)
    assert list(tmp_path.iterdir()) == []


def test_a_file_brings_everything_back(tmp_path: Path) -> None:
    clock, folder = Clock(), tmp_path / "a" / "b"
    memory = manager(folder, clock)
    assert not folder.exists()
    first = memory.add_fvg("EURUSD", "M15", GAP)
    memory.add_fvg("USDJPY", "H4", {"high": 150.5, "low": 150})
    clock.wait(hours=1)
    number: Any = np.float32(25)
    memory.update_fvg_status(first, "partially_filled", number)
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    again = manager(folder, clock)
    assert again.get_active_fvgs() == memory.get_active_fvgs()
    assert again.get_fvg_statistics() == memory.get_fvg_statistics()
    assert again.add_fvg("EURUSD", "M15", GAP) == first


def test_a_batch_is_written_once(tmp_path: Path) -> None:
    memory = manager(tmp_path)
    with memory.batch():
        memory.add_fvg("EURUSD", "M15", GAP)
        with memory.batch():
            memory.add_fvg("EURUSD", "H1", GAP)
        assert not (tmp_path / FILE_NAME).exists()
    written = (tmp_path / FILE_NAME).stat().st_mtime_ns
    assert len(manager(tmp_path).get_active_fvgs()) == 2
    with memory.batch():
        memory.add_fvg("EURUSD", "H1", GAP)  # known already
    assert (tmp_path / FILE_NAME).stat().st_mtime_ns == written


def test_a_batch_is_written_even_if_it_fails(tmp_path: Path) -> None:
    memory = manager(tmp_path)

    def fail() -> None:
        with memory.batch():
            memory.add_fvg("EURUSD", "M15", GAP)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert len(manager(tmp_path).get_active_fvgs()) == 1


def damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(StateError, match=FILE_NAME):
        manager(tmp_path)
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"fvgs": []}',
        b'{"version": 2, "fvgs": []}',
        b'{"version": 1}',
        b'{"version": 1, "fvgs": 3}',
        b'{"version": 1, "fvgs": [3]}',
        b'{"version": 1, "fvgs": [{}]}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    damaged(tmp_path, content)


@pytest.mark.parametrize(
    "change",
    [
        {"high_price": "1.5"},
        {"high_price": None},
        {"low_price": float("nan")},
        {"status": 1},
        {"fvg_id": True},
        {"creation_timestamp": "yesterday"},
        {"fill_duration_hours": "1"},
    ],
)
def test_a_damaged_entry_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    manager(tmp_path).add_fvg("EURUSD", "M15", GAP)
    content = json.loads((tmp_path / FILE_NAME).read_text())
    content["fvgs"][0] |= change
    damaged(tmp_path, json.dumps(content).encode())


def test_cut_anywhere_a_file_is_refused(tmp_path: Path) -> None:
    manager(tmp_path).add_fvg("EURUSD", "M15", GAP)
    content = (tmp_path / FILE_NAME).read_bytes()
    for length in range(0, len(content) - 1, 37):
        damaged(tmp_path, content[:length])


def test_what_cannot_be_written_is_kept_in_memory(tmp_path: Path) -> None:
    memory = manager(tmp_path)
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(OutputError):
        memory.add_fvg("EURUSD", "M15", GAP)
    (tmp_path / FILE_NAME).rmdir()
    memory.add_fvg("EURUSD", "H1", GAP)
    assert len(manager(tmp_path).get_active_fvgs()) == 2


def test_many_gaps_are_no_slower_than_few() -> None:
    memory = manager()
    for step in range(3000):
        memory.add_fvg("EURUSD", "M15", {"high": 1.5 + step, "low": 1.0 + step})
    assert memory.get_fvg_statistics()["total_fvgs"] == 3000
