"""Datasets: what readers get, and that they never meet a half of one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import ict_kernels as ict
from ict_kernels.candles import Candles
from ict_kernels.errors import OutputError
from ict_kernels.io.datasets import DatasetWriter, arrow_table, partition

SWINGS = ict.detector("swings")
TREND = ict.detector("trend")


def market(symbol: str = "EURUSD", bars: int = 300) -> Candles:
    return ict.sample_market([symbol], bars=bars)[0]


def put(out: Path, *series: Candles) -> None:
    """Write and commit the swings of some series."""
    with DatasetWriter(out) as writer:
        for candles in series:
            writer.write(SWINGS, ict.swings(candles), candles)
        writer.commit()


def files(out: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


# ---------------------------------------------------------------------- what readers get


def test_pandas_reads_back_every_column(tmp_path: Path) -> None:
    candles = market()
    put(tmp_path, candles)
    frame = pd.read_parquet(tmp_path / "swings")
    expected = ict.swings(candles).to_pandas(times=True)
    pd.testing.assert_frame_equal(frame[list(expected)], expected)
    assert set(frame) - set(expected) == {"symbol", "timeframe"}
    assert set(frame.symbol) == {"EURUSD"}
    assert set(frame.timeframe) == {"15min"}
    assert str(frame.bar_time.dtype) == "datetime64[ns, UTC]"


@pytest.mark.parametrize("empty", ["AAA", "ZZZ"], ids=["first", "last"])
def test_a_series_without_events_takes_no_column_away(tmp_path: Path, empty: str) -> None:
    quiet, lively = market(empty, bars=0), market()
    put(tmp_path, quiet, lively)
    frame = pd.read_parquet(tmp_path / "swings")
    assert list(frame) == [*ict.swings(lively).to_pandas(times=True), "symbol", "timeframe"]
    assert len(frame) == len(ict.swings(lively)) > 0
    assert len({pq.read_schema(path) for path in tmp_path.rglob("*.parquet")}) == 1


def test_polars_reads_the_same(tmp_path: Path) -> None:
    put(tmp_path, market("EURUSD"), market("BTC/USD"))
    frame = pl.read_parquet(f"{tmp_path}/swings/**/*.parquet", hive_partitioning=True)
    assert set(frame["symbol"]) == {"EURUSD", "BTC/USD"}
    assert len(frame) == len(pd.read_parquet(tmp_path / "swings"))


@pytest.mark.parametrize(
    "symbol", ["BTC/USD", "../up", ".", "EUR USD", "50%", "=", "_x", "Ünï", "日経", "a\nb"]
)
def test_any_symbol_is_one_folder_and_reads_back(tmp_path: Path, symbol: str) -> None:
    put(tmp_path, market(symbol))
    assert len(list(tmp_path.glob("swings/symbol=*/timeframe=15min/part-0.parquet"))) == 1
    assert set(pd.read_parquet(tmp_path / "swings").symbol) == {symbol}


def test_candles_without_names_are_filed_as_unknown() -> None:
    assert partition("", "") == "symbol=unknown/timeframe=unknown"


def test_names_that_are_no_text_are_escaped() -> None:
    assert partition("\udcff", "1h") == "symbol=%5Cudcff/timeframe=1h"


@pytest.mark.parametrize("bars", [0, 300])
def test_a_dense_companion_has_one_row_a_bar(bars: int) -> None:
    candles = market(bars=bars)
    written = arrow_table(TREND, ict.trend(candles), candles)
    assert written.column_names == ["bar", "time", "trend"]
    assert [str(kind) for kind in written.schema.types] == ["int64", "timestamp[ns, tz=UTC]", "int8"]
    np.testing.assert_array_equal(written["trend"].to_numpy(), ict.trend(candles))
    np.testing.assert_array_equal(written["time"].to_numpy().view(np.int64), candles.time)


def test_metadata_say_what_was_computed(tmp_path: Path) -> None:
    candles, spec = market(), ict.detector("structure_breaks", by="wick", swings={"left": 3})
    with DatasetWriter(tmp_path) as writer:
        writer.write(spec, ict.structure_breaks(candles, by="wick", swings={"left": 3}), candles)
        writer.commit()
    metadata = pq.read_schema(next(tmp_path.rglob("*.parquet"))).metadata
    assert metadata[b"ict_kernels.version"].decode() == ict.__version__
    assert metadata[b"ict_kernels.detector"] == b"structure_breaks"
    assert json.loads(metadata[b"ict_kernels.parameters"]) == spec.parameters


# ---------------------------------------------------------------------- all or nothing


def test_a_commit_replaces_its_series_and_leaves_others_alone(tmp_path: Path) -> None:
    put(tmp_path, market("EURUSD"), market("GBPUSD"))
    before = files(tmp_path)
    other = tmp_path / "swings" / partition("EURUSD", "15min") / "part-7.parquet"
    shutil.copy(other.with_name("part-0.parquet"), other)
    put(tmp_path, market("EURUSD", bars=500))
    after = files(tmp_path)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == [
        f"swings/{partition('EURUSD', '15min')}/part-0.parquet"
    ]


def test_nothing_is_visible_without_a_commit(tmp_path: Path) -> None:
    out = tmp_path / "new" / "events"
    with DatasetWriter(out) as writer:
        writer.write(SWINGS, ict.swings(market()), market())
        assert [path.name[0] for path in out.iterdir()] == ["."]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_everything_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    put(tmp_path, market())
    before = files(tmp_path)

    def fail() -> None:
        with DatasetWriter(tmp_path) as writer:
            writer.write(SWINGS, ict.swings(market(bars=500)), market(bars=500))
            raise error

    with pytest.raises(error):
        fail()
    assert files(tmp_path) == before


@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_a_failed_rename_takes_back_those_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    put(tmp_path, market("AAA"))
    (tmp_path / "trend").write_text("in the way")
    before = files(tmp_path)
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError))
    with DatasetWriter(tmp_path) as writer:
        for candles in (market("AAA", bars=500), market("BBB")):
            writer.write(SWINGS, ict.swings(candles), candles)
        writer.write(TREND, ict.trend(market()), market())
        with pytest.raises(OutputError, match="trend"):
            writer.commit()
    assert files(tmp_path) == before
    assert not (tmp_path / "swings" / "symbol=BBB").exists()


def test_what_a_killed_process_left_is_removed_but_not_what_is_in_use(tmp_path: Path) -> None:
    left = tmp_path / ".ict-kernels-left.tmp"
    left.mkdir()
    (left / "0").write_text("half a file")
    with DatasetWriter(tmp_path) as writer:
        writer.write(SWINGS, ict.swings(market()), market())
        put(tmp_path, market("GBPUSD"))
        writer.commit()
    assert set(pd.read_parquet(tmp_path / "swings").symbol) == {"EURUSD", "GBPUSD"}
    assert [path.name for path in tmp_path.iterdir()] == ["swings"]


# ---------------------------------------------------------------------- folders that cannot be written


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
@pytest.mark.parametrize(
    "out", ["/dev/full", "/dev/full/events", "/proc/events", "/proc/self/nothing/events"]
)
def test_a_place_that_is_no_folder_is_named(out: str) -> None:
    with pytest.raises(OutputError, match=out), DatasetWriter(out):
        pass


def test_a_file_in_the_place_of_the_folder_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "events"
    out.write_text("precious")
    with pytest.raises(OutputError, match=r"events: it exists and is no folder"), DatasetWriter(out):
        pass
    assert out.read_text() == "precious"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"), DatasetWriter(tmp_path):
        pass


FILL = """
import sys
import ict_kernels as ict
from ict_kernels.io.datasets import DatasetWriter

{limit}
try:
    with DatasetWriter(sys.argv[1]) as writer:
        for symbol in ("AAA", "BBB", "CCC", "DDD"):
            candles = ict.sample_market([symbol], bars=5_000)[0]
            writer.write(ict.detector("swings"), ict.swings(candles), candles)
        writer.commit()
except ict.OutputError as error:
    print(error)
"""


def fill(out: Path, limit: str = "", *, before: tuple[str, ...] = ()) -> str:
    """Write more than there is room for in a process of its own, and return what it says."""
    program = FILL.format(limit=limit)
    command = [*before, sys.executable, "-c", program, str(out)]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_files_over_the_limit_of_the_system_are_an_output_error(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    put(tmp_path, market("AAA"))
    before = files(tmp_path)
    assert resource.RLIMIT_FSIZE is not None
    said = fill(tmp_path, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))")
    assert "File too large" in said
    assert str(tmp_path / "swings") in said
    assert files(tmp_path) == before


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    alone = ("unshare", "--mount", "--map-root-user")
    disk = f"mount -t tmpfs -o size=64k tmpfs {tmp_path}"
    if (
        shutil.which("unshare") is None
        or subprocess.run([*alone, "sh", "-c", disk], capture_output=True, check=False).returncode
    ):
        pytest.skip("may not mount a small disk")
    script = f'{disk}; "$@"; ls -A {tmp_path}'
    said = fill(tmp_path / "events", before=(*alone, "sh", "-c", script, "sh"))
    assert said.startswith(f"cannot write {tmp_path}/events/swings/symbol=")
    assert said.endswith("No space left on device\n")
