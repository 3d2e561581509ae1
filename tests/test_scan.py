"""Scans: the same tables as one call at a time, whatever the batches, threads, failures and inputs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import weakref
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ict_kernels as ict
from ict_kernels.candles import Candles
from ict_kernels.errors import CandleError, NaiveTimeWarning, OutputError, ParameterError
from ict_kernels.scan import ScanResult, scan

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
FEW = ("swings", "fair_value_gaps", "trend")

scan_module: Any = sys.modules["ict_kernels.scan"]  # the package may export the function by the same name


def market(*symbols: str, bars: int = 400) -> list[Candles]:
    return ict.sample_market(symbols or ("EURUSD", "GBPUSD"), bars=bars)


def csv(folder: Path, candles: Candles, name: str = "") -> Path:
    """Write candles to a file that is named after them."""
    path = folder / (name or f"{candles.symbol}_{candles.timeframe}.csv")
    candles.to_pandas().to_csv(path)
    return path


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def assert_equal_tables(found: Any, expected: Any) -> None:
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected, strict=True)
    else:
        assert found == expected


# ---------------------------------------------------------------------- the tables


@pytest.mark.parametrize("workers", [1, 2])
def test_tables_are_those_of_the_public_functions(workers: int) -> None:
    series = market()
    result = scan(series, "all", ["15min", "1h"], workers=workers)
    expected = [candles.resample(name) for candles in series for name in ("15min", "1h")]
    assert [(row.symbol, row.timeframe, row.bars) for row in result.series] == [
        (candles.symbol, candles.timeframe, len(candles)) for candles in expected
    ]
    for name, entry in ict.detectors().items():
        for found, candles in zip(result.events(name), expected, strict=True):
            assert_equal_tables(found, entry.function(candles))


def test_parameters_reach_the_detector() -> None:
    wide = ict.detector("swings", left=5, right=5)
    (candles,) = market("EURUSD")
    result = scan(candles, ["swings", wide, "swings"])
    assert [row.spec for row in result.summary] == [ict.detector("swings"), wide]
    assert result.events(wide) == [ict.swings(candles, left=5, right=5)]
    assert len(result.events("swings")) == 2


def test_nothing_given_is_the_built_in_market() -> None:
    assert [row.symbol for row in scan(detectors="trend").series] == ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"]


@pytest.mark.parametrize("bars", range(6))
def test_short_series(bars: int, tmp_path: Path) -> None:
    (candles,) = market("EURUSD", bars=bars)
    result = scan([candles], FEW, ["15min", "1h"], tmp_path)
    for name in FEW:
        assert len(pd.read_parquet(tmp_path / name)) == sum(
            count.events for count in result.counts if count.spec.name == name
        )
    kept = scan([candles], FEW)
    assert kept.events("swings") == [ict.swings(candles)]


def test_files_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD_15M.csv"
    path.write_text("time,open,high,low,close\n")
    result = scan(path, FEW, ["15min", "1h"])
    assert [row.bars for row in result.series] == [0, 0]
    assert [row.events for row in result.summary] == [0, 0, 0]
    assert [row.last for row in result.summary] == [None, None, None]


def test_batches_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = market("AAA", "BBB", "CCC", "DDD", "EEE")
    whole = scan(series, FEW, ["15min", "1h"], tmp_path / "whole")
    monkeypatch.setattr(scan_module, "BATCH_BARS", 900)
    parts = scan(series, FEW, ["15min", "1h"], tmp_path / "parts")
    assert parts.counts == whole.counts
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


# ---------------------------------------------------------------------- datasets


def test_datasets_hold_what_was_found(tmp_path: Path) -> None:
    series = market()
    result = scan(series, "all", ["15min", "1h"], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(ict.detectors())
    for row in result.summary:
        frame = pd.read_parquet(tmp_path / row.detector)
        assert len(frame) == row.events
        for candles in (each.resample(name) for each in series for name in ("15min", "1h")):
            part = frame[(frame.symbol == candles.symbol) & (frame.timeframe == candles.timeframe)]
            expected = row.spec.entry.function(candles)
            if isinstance(expected, np.ndarray):
                np.testing.assert_array_equal(part[row.detector], expected)
            else:
                expected = expected.to_pandas(times=True)
                pd.testing.assert_frame_equal(part[list(expected)].reset_index(drop=True), expected)


def test_equal_files_from_another_run_and_other_workers(tmp_path: Path) -> None:
    runs = [(tmp_path / "a", 1), (tmp_path / "b", 2), (tmp_path / "b", 2)]
    results = [scan(market(), FEW, ["15min", "4h"], out, workers=workers) for out, workers in runs]
    assert files(tmp_path / "a") == files(tmp_path / "b") != {}
    assert results[0].counts == results[1].counts == results[2].counts


def test_two_parameter_sets_do_not_share_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"swings\(left=2.*swings\(left=5.*two folders"):
        scan(market(), ["swings", ict.detector("swings", left=5)], out=tmp_path)


def test_written_tables_are_not_kept(tmp_path: Path) -> None:
    result = scan(market(), "swings", out=tmp_path / "events")
    with pytest.raises(ParameterError, match=r"read_parquet\('.*events/swings'\)"):
        result.events("swings")


# ---------------------------------------------------------------------- failures


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder of datasets from an earlier scan."""
    out = tmp_path / "events"
    scan(market("EURUSD"), "swings", out=out)
    return out


def test_a_bad_file_leaves_datasets_alone(
    tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        scan_module, "BATCH_BARS", 1
    )  # so that the first file is written before the second is read
    good, bad = (csv(tmp_path, candles) for candles in market("EURUSD", "ZZZ", bars=500))
    bad.write_text(bad.read_text().replace(",1.", ",-", 1))
    before = files(written)
    with pytest.raises(CandleError, match=r"ZZZ_15min\.csv: "):
        scan([good, bad], FEW, out=written)
    assert files(written) == before
    assert [path.name for path in written.iterdir()] == ["swings"]
    assert scan([good, bad], FEW, out=written, on_error="drop").series[1].dropped == 1


@pytest.mark.parametrize("when", [1, 3])
def test_an_interruption_leaves_datasets_alone(
    written: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    monkeypatch.setattr(scan_module, "BATCH_BARS", 1)
    before = files(written)
    seen: list[str] = []

    def interrupt(done: int, total: int, label: str) -> None:
        seen.append(label)
        if len(seen) == when:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        scan(market("EURUSD", "GBPUSD", "USDJPY", bars=500), FEW, out=written, progress=interrupt)
    assert files(written) == before
    assert [path.name for path in written.iterdir()] == ["swings"]


def test_a_killed_scan_leaves_nothing_that_readers_see(written: Path) -> None:
    before = files(written)
    program = f"""
import os, signal
import ict_kernels as ict
from ict_kernels.scan import scan
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
scan(ict.sample_market(["EURUSD", "GBPUSD"], bars=500), "swings", out={str(written)!r}, progress=kill)
"""
    killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = [path for path in written.iterdir() if path.name.startswith(".ict-kernels-")]
    assert len(left) == 1
    assert {name: data for name, data in files(written).items() if not name.startswith(".")} == before
    assert set(pd.read_parquet(written / "swings").symbol) == {"EURUSD"}
    scan(market("GBPUSD"), "swings", out=written)
    assert [path.name for path in written.iterdir()] == ["swings"]
    assert set(pd.read_parquet(written / "swings").symbol) == {"EURUSD", "GBPUSD"}


def test_an_unwritable_folder_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("")
    with pytest.raises(OutputError, match="events"):
        scan(csv(tmp_path, market()[0]), "swings", out=tmp_path / "events")


def test_no_threads_are_left(tmp_path: Path) -> None:
    import threading

    with pytest.raises(CandleError):
        scan([*market(), *market()], FEW, out=tmp_path)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ict-kernels")]


# ---------------------------------------------------------------------- inputs


def names(result: ScanResult) -> list[str]:
    return [f"{row.symbol} {row.timeframe}".strip() for row in result.series]


def test_files_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = market("AAA", "BBB", "CCC", "DDD")
    csv(tmp_path, series[0])
    csv(tmp_path, series[1], "BBB_15min.TXT")
    series[2].to_pandas().to_csv(tmp_path / "CCC_15min.tsv", sep="\t")
    series[3].to_pandas().to_parquet(tmp_path / "DDD_15min.parquet")
    (tmp_path / "notes.md").write_text("no candles")
    (tmp_path / ".hidden_15min.csv").write_text("no candles")
    monkeypatch.setenv("HOME", str(tmp_path))
    everything = [f"{symbol} 15min" for symbol in ("AAA", "BBB", "CCC", "DDD")]
    assert names(scan(tmp_path, "trend")) == everything
    assert names(scan("~", "trend")) == everything
    assert names(scan("~/*", "trend")) == everything
    assert names(scan(["~/CCC*", f"{tmp_path}/**/*"], "trend")) == [
        everything[2],
        *everything[:2],
        everything[3],
    ]


def test_frames_and_candles() -> None:
    first, second, third = market("AAA", "BBB", "CCC")
    frame = first.to_pandas()
    assert names(scan(frame, "trend")) == ["15min"]
    hourly = second.resample("1h")
    given: list[Any] = [frame, pl.DataFrame(hourly.to_arrow()), third.resample("4h").to_arrow(), third, third]
    assert names(scan(given, "trend")) == ["15min", "1h", "4h", "CCC 15min"]


@pytest.mark.parametrize(
    ("sources", "error", "message"),
    [
        ("{}/*.csv", CandleError, r"\*.csv: no .csv, .txt, .tsv, .parquet file there"),
        ("{}", CandleError, "no .csv, .txt, .tsv, .parquet file there"),
        ("{}/missing.csv", CandleError, "missing.csv: there is no such file"),
        ("{}/notes.md", CandleError, "notes.md: not a file of candles"),
        ([], ParameterError, "the list of inputs is empty"),
        (7, ParameterError, "int is no input"),
        ([7], ParameterError, "input 1 is a int"),
    ],
)
def test_inputs_that_are_none(tmp_path: Path, sources: Any, error: type[Exception], message: str) -> None:
    (tmp_path / "notes.md").write_text("")
    with pytest.raises(error, match=message):
        scan(sources.format(tmp_path) if isinstance(sources, str) else sources)


def test_a_bad_frame_is_named() -> None:
    with pytest.raises(CandleError, match="input 2: missing column"):
        scan([*market("EURUSD"), pd.DataFrame({"time": [1]})], "trend")


def test_two_inputs_of_one_name(tmp_path: Path) -> None:
    (candles,) = market("EURUSD")
    path, copy = csv(tmp_path, candles), csv(tmp_path, candles, "EURUSD_M15_copy.csv")
    with pytest.raises(
        CandleError, match=r"EURUSD_15min.csv and .*EURUSD_M15_copy.csv are both EURUSD 15min"
    ):
        scan([path, copy], "trend")
    with pytest.raises(
        CandleError, match=r"input 1 \(EURUSD 15min\) and input 2 \(EURUSD 1h\) are both EURUSD 1h"
    ):
        scan([candles, candles.resample("1h")], "trend", "1h")


def test_a_finer_timeframe_is_an_error() -> None:
    with pytest.raises(ParameterError, match=r"input 1 \(EURUSD 15min\): cannot resample 15min to 5min"):
        scan(market("EURUSD"), "trend", ["1h", "5min"])


def test_timeframes_by_any_name_are_scanned_once() -> None:
    result = scan(market("EURUSD"), "trend", ["M15", "15min", timedelta(hours=1), "60m"])
    assert names(result) == ["EURUSD 15min", "EURUSD 1h"]
    assert names(scan(market("EURUSD"), "trend", timedelta(hours=4))) == ["EURUSD 4h"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detectors": []}, "no detector to run"),
        ({"detectors": "swing"}, "did you mean 'swings'"),
        ({"timeframes": []}, "no timeframe to scan"),
        ({"timeframes": "soon"}, "'soon' is not a timeframe"),
        ({"workers": 0}, "workers=0"),
        ({"workers": True}, "workers=True"),
        ({"cache": "tables"}, r"give ict\.Cache\(folder\)"),
        ({"tz": "Nowhere/Land"}, "unknown time zone"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises((ParameterError, CandleError), match=message):
        scan(market(), **options)


def test_times_without_zone(tmp_path: Path) -> None:
    (candles,) = market("EURUSD")
    path = tmp_path / "EURUSD_15M.csv"
    candles.to_pandas().tz_localize(None).to_csv(path)
    with pytest.warns(NaiveTimeWarning, match=r"EURUSD_15M\.csv: times name no zone") as caught:
        scan(path, "trend")
    assert [warning.filename for warning in caught] == [__file__]
    assert scan(path, "trend", tz="UTC").counts == scan(candles, "trend").counts
    athens = scan(path, "trend", tz="Europe/Athens").summary[0].last
    assert athens is not None
    assert athens.time == candles.time[-1:].view("M8[ns]")[0] - np.timedelta64(2, "h")


# ---------------------------------------------------------------------- the result


def test_summary_counts_what_is_open_and_what_came_last() -> None:
    series = market()
    result = scan(series, ["swings", "structure_breaks", "trend"], ["15min", "1h"])
    swings, breaks, trend = result.summary
    tables = result.events("swings")
    assert swings.events == sum(map(len, tables))
    assert swings.open == sum(int((table["broken"] < 0).sum()) for table in tables)
    assert breaks.open is trend.open is None
    assert trend.events == result.bars
    latest = max(tables, key=lambda table: table.times("confirmed")[-1])
    assert swings.last is not None
    assert swings.last == (
        latest.symbol,
        latest.timeframe,
        latest.times("confirmed")[-1],
        latest.direction[-1],
    )
    assert sum(row.seconds for row in result.summary) == pytest.approx(result.seconds.compute)


def test_events_by_symbol_and_timeframe() -> None:
    result = scan(market(), ["swings"], ["15min", "1h"])
    assert [(each.symbol, each.timeframe) for each in result.events("swings", timeframe="H1")] == [
        ("EURUSD", "1h"),
        ("GBPUSD", "1h"),
    ]
    assert len(result.events("swings", "EURUSD")) == 2
    with pytest.raises(ParameterError, match="'USDJPY' was not scanned; these were: EURUSD 15min"):
        result.events("swings", "USDJPY")
    with pytest.raises(ParameterError, match="trend was not scanned; these were: swings"):
        result.events("trend")


def test_result_as_plain_values(tmp_path: Path) -> None:
    result = scan(market("EURUSD"), FEW, ["15min", "1h"], tmp_path)
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain == result.to_dict()
    assert plain["series"][1] == {"symbol": "EURUSD", "timeframe": "1h", "bars": 100, "dropped": 0}
    assert plain["summary"][0]["detector"] == "swings"
    assert plain["summary"][0]["parameters"] == ict.detector("swings").parameters
    assert pd.Timestamp(plain["summary"][0]["last"]["time"]).tz is not None
    assert len(plain["counts"]) == 6
    assert repr(result).startswith("<ScanResult: 2 series, 500 bars, 3 detectors, ")


# ---------------------------------------------------------------------- progress and imports


def test_progress_counts_up_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "BATCH_BARS", 1)
    paths = [csv(tmp_path, candles) for candles in market("AAA", "BBB", "CCC")]
    calls: list[tuple[int, int, str]] = []
    result = scan(paths, "trend", ["15min", "1h"], progress=lambda *call: calls.append(call))
    assert [label for _, _, label in calls] == names(result)
    assert [done for done, _, _ in calls] == list(np.cumsum([row.bars for row in result.series]))
    assert calls[-1][:2] == (result.bars, result.bars)
    assert all(done <= total < 2 * result.bars for done, total, _ in calls)


def test_the_progress_bar_leaves_standard_output_alone(capfd: pytest.CaptureFixture[str]) -> None:
    scan(market(), "trend", progress=True)
    assert capfd.readouterr().out == ""


def test_importing_brings_in_no_progress_bar() -> None:
    program = "import sys, ict_kernels.scan; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


# ---------------------------------------------------------------------- memory


def peak(program: str) -> float:
    """Megabytes that a process took at most."""
    measured = f"{program}\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    done = subprocess.run(
        [sys.executable, "-c", measured], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return int(done.stdout) / (1e6 if sys.platform == "darwin" else 1e3)


def test_written_tables_are_given_up_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def watched(spec: Any, parts: Any, candles: Candles) -> Any:
        found = make(spec, parts, candles)
        alive.append(sum(ref() is not None for ref in made))
        made.append(weakref.ref(found if isinstance(found, np.ndarray) else found.confirmed))
        return found

    make = scan_module.table
    monkeypatch.setattr(scan_module, "table", watched)
    monkeypatch.setattr(scan_module, "LONG", 1)
    scan(market(), out=tmp_path, workers=2)
    assert len(made) == 2 * len(ict.detectors())
    assert max(alive) == 0
    assert not any(ref() is not None for ref in made)


@pytest.mark.compiled
def test_a_long_scan_keeps_no_tables(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    program = f"""
import ict_kernels as ict
from ict_kernels.scan import scan
scan(ict.sample_market(["EURUSD"], bars=300_000), out={str(tmp_path)!r}, workers=2)
"""
    scan(market("EURUSD", bars=1_000), out=tmp_path, workers=2)  # compiling takes memory as well
    assert peak(program) - peak("import ict_kernels.scan") < 190.0


# ---------------------------------------------------------------------- real candles


@pytest.mark.skipif(not DATA.is_dir(), reason="the real candles are not here")
def test_real_candles(tmp_path: Path) -> None:
    result = scan(
        [DATA / "EURUSD_15M.csv", f"{DATA}/GBP*.csv"], FEW, ["15min", "1h"], tmp_path, tz="Europe/Athens"
    )
    assert names(result) == ["EURUSD 15min", "EURUSD 1h", "GBPUSD 15min", "GBPUSD 1h"]
    candles = Candles.from_csv(DATA / "GBPUSD_1M.csv").resample("1h")
    frame = pd.read_parquet(
        tmp_path / "swings", filters=[("symbol", "=", "GBPUSD"), ("timeframe", "=", "1h")]
    )
    expected = ict.swings(candles).to_pandas(times=True)
    pd.testing.assert_frame_equal(frame[list(expected)], expected)
