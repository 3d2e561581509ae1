"""Scans through a cache: the same tables, what it did in the summary, and caches in other processes."""

from __future__ import annotations

import json
import multiprocessing
import re
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib.externals import loky
from typer.testing import CliRunner, Result

import ict_kernels as ict
from ict_kernels.cache import Stats, _cache
from ict_kernels.cache._keys import build_id
from ict_kernels.cache._lookup import Lookup
from ict_kernels.cache._stats import read_usage
from ict_kernels.candles import Candles
from ict_kernels.cli import _scan, app
from ict_kernels.errors import CacheWarning
from ict_kernels.scan import ScanResult, scan
from tests import cache_helpers
from tests.cache_helpers import ALL, PATIENCE, Eager, assert_same, eager, entry_files, fresh, sample, settings
from tests.processes import output_of

unsynced = cache_helpers.unsynced
TIMEFRAMES = ["15min", "1h"]
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY")
SWINGS = ict.detector("swings")

scan_module: Any = sys.modules["ict_kernels.scan"]  # the package may export the function by the same name


def market(bars: int = 300) -> list[Candles]:
    return ict.sample_market(SYMBOLS, bars=bars)


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def assert_equal_scans(cached: ScanResult, plain: ScanResult) -> None:
    assert (cached.series, cached.counts) == (plain.series, plain.counts)
    for spec in plain.specs:
        for mine, theirs in zip(cached.events(spec), plain.events(spec), strict=True):
            assert_same(mine, theirs)


def flushed_scan(cache: ict.Cache) -> ScanResult:
    result = scan(market(), cache=cache)
    cache.flush()
    return result


def kinds(result: ScanResult) -> tuple[int, int, int, int]:
    """Tables from memory, from files, continued and computed."""
    stats = result.cache
    assert stats is not None
    return stats.memory_hits, stats.disk_hits, stats.prefix_hits, stats.computed


# ---------------------------------------------------------------------- the tables


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_tables_are_those_of_a_scan_without_a_cache(tmp_path: Path, workers: int) -> None:
    plain = scan(market(), "all", TIMEFRAMES)
    everything = len(ALL) * len(plain.series)
    with eager(tmp_path) as cache:
        for expected in ((0, 0, 0, everything), (everything, 0, 0, 0)):
            result = scan(market(), "all", TIMEFRAMES, cache=cache, workers=workers)
            assert kinds(result) == expected
            assert_equal_scans(result, plain)
    with eager(tmp_path) as cache:
        result = scan(market(), "all", TIMEFRAMES, cache=cache, workers=workers)
        assert kinds(result) == (0, everything, 0, 0)
        assert_equal_scans(result, plain)


@pytest.mark.parametrize("in_memory", [True, False])
def test_grown_series_are_continued(tmp_path: Path, in_memory: bool) -> None:
    longer = market()
    with eager(tmp_path) as cache:
        scan([candles[:250] for candles in longer], cache=cache)
        if in_memory:
            result = scan(longer, cache=cache)
    if not in_memory:
        with eager(tmp_path) as cache:
            result = scan(longer, cache=cache)
    assert kinds(result) == (0, 0, len(ALL) * len(longer), 0)
    assert_equal_scans(result, scan(longer))


@pytest.mark.parametrize("workers", [1, 4])
def test_all_tables_are_written_however_few_may_wait(tmp_path: Path, workers: int) -> None:
    everything = len(ALL) * len(SYMBOLS)
    with eager(tmp_path / "scan", max_memory_size="1KB") as cache:
        scan(market(), cache=cache, workers=workers)
        cache.flush()
        stats = cache.stats()
    assert (stats.computed, stats.stored, stats.dropped) == (everything, everything, 0)
    assert len(entry_files(tmp_path / "scan")) == everything


def test_requests_that_are_not_patient_write_what_finds_room(tmp_path: Path) -> None:
    with eager(tmp_path, max_memory_size="1KB") as cache:
        cache.run(ALL, market()[0])
        cache.flush()
        stats = cache.stats()
    assert (stats.computed, stats.stored, stats.dropped) == (len(ALL), 0, len(ALL))
    assert not entry_files(tmp_path)


def test_datasets_are_those_of_a_scan_without_a_cache(tmp_path: Path) -> None:
    plain = scan(market(), "all", TIMEFRAMES, tmp_path / "plain")
    with eager(tmp_path / "cache") as cache:
        for out in (tmp_path / "first", tmp_path / "second"):
            result = scan(market(), "all", TIMEFRAMES, out, cache=cache, workers=2)
            assert result.counts == plain.counts
            assert files(out) == files(tmp_path / "plain") != {}


def test_batches_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "BATCH_BARS", 1)
    with eager(tmp_path) as cache:
        assert_equal_scans(scan(market(), cache=cache), scan(market()))


@pytest.mark.parametrize("bars", range(4))
def test_short_series(tmp_path: Path, bars: int) -> None:
    candles = sample(bars)
    with eager(tmp_path) as cache:
        for _ in range(2):
            assert_equal_scans(scan(candles, cache=cache), scan(candles))


# ---------------------------------------------------------------------- what the cache did


def test_only_what_was_done_meanwhile_is_counted(tmp_path: Path) -> None:
    with eager(tmp_path) as cache:
        cache.events("trend", market()[0])
        result = scan(market()[0], ["trend", "swings"], cache=cache)
    assert kinds(result) == (1, 0, 0, 1)
    assert result.cache is not None
    assert result.cache.hit_rate == 0.5


def test_counts_as_plain_values(tmp_path: Path) -> None:
    with eager(tmp_path) as cache:
        plain = json.loads(json.dumps(scan(market(), "trend", cache=cache).to_dict()))
    assert (plain["cache"]["computed"], plain["cache"]["hit_rate"]) == (3, 0.0)
    assert scan(market(), "trend").to_dict()["cache"] is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with eager(tmp_path / "file") as cache:
        with pytest.warns(CacheWarning, match="tables are kept in memory only"):
            result = flushed_scan(cache)
        assert cache.stats().write_errors == cache.stats().computed == len(ALL) * len(SYMBOLS)
    assert_equal_scans(result, scan(market()))


def test_an_error_leaves_datasets_alone_and_no_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(market()[:1], "swings", out=tmp_path / "out")
    before = files(tmp_path / "out")

    def fail(specs: Any, candles: Candles, **options: Any) -> Any:
        if candles.symbol == SYMBOLS[-1]:
            raise MemoryError
        return usual(specs, candles, **options)

    with eager(tmp_path / "cache") as cache:
        usual = cache.run
        monkeypatch.setattr(cache, "run", fail)
        with pytest.raises(MemoryError):
            scan(market(), out=tmp_path / "out", cache=cache, workers=2)
    assert files(tmp_path / "out") == before
    assert not [each for each in threading.enumerate() if each.name.startswith("ict-kernels-scan")]


def test_written_tables_are_given_up_series_by_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def watched(specs: Any, candles: Candles, **options: Any) -> Any:
        alive.append(sum(ref() is not None for ref in made))
        tables = usual(specs, candles, **options)
        made.extend(
            weakref.ref(each if isinstance(each, np.ndarray) else each.confirmed) for each in tables.values()
        )
        return tables

    series = ict.sample_market(("AAA", "BBB", "CCC", "DDD", "EEE"), bars=300)
    with eager(tmp_path / "cache", write=False, max_memory_size="1KB") as cache:
        usual = cache.run
        monkeypatch.setattr(cache, "run", watched)
        scan(series, out=tmp_path / "out", cache=cache, workers=1)
    assert len(made) == len(ALL) * len(series)
    assert max(alive) <= 2  # the last table of the series before is being written, another waits
    assert not any(ref() is not None for ref in made)


@pytest.mark.compiled
def test_a_second_process_loads_no_kernels(tmp_path: Path) -> None:
    program = f"""
import ict_kernels as ict
from ict_kernels.scan import scan
with ict.Cache({str(tmp_path)!r}) as cache:
    result = scan(ict.sample_market(["EURUSD"], bars=5_000), cache=cache)
print(result.cache.hit_rate, sum(bool(spec.entry.kernel.overloads) for spec in result.specs))
"""
    assert output_of(program) == f"0.0 {len(ALL)}\n"
    assert output_of(program) == "1.0 0\n"


# ---------------------------------------------------------------------- the command


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return written(tmp_path, sample(300))


def written(folder: Path, candles: Candles) -> Path:
    path = folder / "EURUSD_15M.csv"
    candles.to_pandas().to_csv(path)
    return path


@pytest.fixture
def eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read whatever is there, however fast computing is."""
    monkeypatch.setattr(_cache, "CostModel", Eager)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["scan", *map(str, arguments)], prog_name="ict-kernels")
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def cache_line(*arguments: object) -> str:
    return run(*arguments).stdout.splitlines()[-1]


@pytest.mark.usefixtures("eagerly")
def test_the_summary_says_what_the_cache_did(csv: Path, tmp_path: Path) -> None:
    given = csv, "--cache-dir", tmp_path / "tables"
    assert re.fullmatch(r"cache: 0 of 10 tables found \(0%\); 10 written, \d+\.\d kB", cache_line(*given))
    assert len(entry_files(tmp_path / "tables")) == len(ALL)
    assert re.fullmatch(
        r"cache: 10 of 10 tables found \(100%\): 0 in memory, 10 on disk, 0 continued; "
        r"\d+\.\d\d s (of computing saved|longer than computing)",
        cache_line(*given),
    )
    written(tmp_path, sample(310))
    assert "0 in memory, 0 on disk, 1 continued" in cache_line(*given, "--detectors", "swings")


@pytest.mark.parametrize(
    ("stats", "line"),
    [
        (Stats(), "cache: 0 of 0 tables found (0%)"),
        (
            Stats(
                memory_hits=1_000,
                prefix_hits=2,
                computed=1,
                saved_seconds=1.234,
                stored=3,
                bytes_written=2_000_000,
            ),
            "cache: 1,002 of 1,003 tables found (99%): 1,000 in memory, 0 on disk, 2 continued; "
            "1.23 s of computing saved; 3 written, 2.0 MB",
        ),
        (
            Stats(disk_hits=1, saved_seconds=-0.001),
            "cache: 1 of 1 table found (100%): 0 in memory, 1 on disk, 0 continued; 0.00 s of computing saved",
        ),
        (
            Stats(disk_hits=1, saved_seconds=-0.25),
            "cache: 1 of 1 table found (100%): 0 in memory, 1 on disk, 0 continued; 0.25 s longer than computing",
        ),
    ],
)
def test_the_line_about_the_cache(stats: Stats, line: str) -> None:
    assert _scan._totals(ScanResult([], cache=stats)).splitlines()[1:] == [line]


@pytest.mark.usefixtures("eagerly")
def test_json_says_what_the_cache_did(csv: Path, tmp_path: Path) -> None:
    given = csv, "--detectors", "swings,trend", "--json"
    cached = *given, "--cache-dir", tmp_path / "tables"
    first, second, plain = (json.loads(run(*each).stdout) for each in (cached, cached, given))
    assert (first["cache"]["stored"], first["cache"]["hit_rate"]) == (2, 0.0)
    assert (second["cache"]["disk_hits"], second["cache"]["hit_rate"]) == (2, 1.0)
    assert plain["cache"] is None
    assert first["counts"] == second["counts"] == plain["counts"]


@pytest.mark.usefixtures("eagerly")
def test_the_folder_is_the_usual_one(csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICT_KERNELS_CACHE_DIR", str(tmp_path / "usual"))
    run(csv, "--detectors", "swings")
    assert not (tmp_path / "usual").exists()
    line = cache_line(csv, "--detectors", "swings", "--cache")
    assert line.startswith("cache: 0 of 1 table found (0%); 1 written")
    assert len(entry_files(tmp_path / "usual")) == 1
    assert read_usage(tmp_path / "usual").stored == 1


@pytest.mark.usefixtures("eagerly")
def test_a_folder_that_cannot_be_written_is_one_line(csv: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / build_id()).touch()  # in place of the folder that the tables would lie in
    result = run(csv, "--cache-dir", folder, "--quiet")
    assert result.stdout == ""
    assert result.stderr.startswith("warning: ")
    assert str(folder) in result.stderr
    assert "tables are kept in memory only" in result.stderr
    assert result.stderr.count("\n") == 1


# ---------------------------------------------------------------------- other processes

forking = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="processes are not forked here"
)
threads_are_known = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def swings_in_child(cache: ict.Cache, candles: Candles) -> None:
    """End with an error if a forked process does not find what the function finds."""

    def find() -> None:
        with cache:
            assert_same(cache.events(SWINGS, candles), fresh(SWINGS, candles))

    child = multiprocessing.get_context("fork").Process(target=find)
    child.start()
    child.join(PATIENCE)
    if child.exitcode is None:
        child.kill()
        child.join()
    assert child.exitcode == 0


@forking
@threads_are_known
def test_forked_processes_read_and_write(tmp_path: Path) -> None:
    known, new = ict.sample_market(("EURUSD", "GBPUSD"), bars=300)
    with eager(tmp_path) as cache:
        cache.events(SWINGS, known)
        cache.flush()
        swings_in_child(cache, known)
        assert len(entry_files(tmp_path)) == 1
        swings_in_child(cache, new)
        assert len(entry_files(tmp_path)) == 2
        assert_same(cache.events(SWINGS, new), fresh(SWINGS, new))
        assert cache.stats().disk_hits == 1


@forking
@threads_are_known
def test_forked_processes_count_their_own_requests_only(tmp_path: Path) -> None:
    known, new = ict.sample_market(("EURUSD", "GBPUSD"), bars=300)
    with eager(tmp_path) as cache:
        cache.events(SWINGS, known)
        cache.flush()
        swings_in_child(cache, known)
        swings_in_child(cache, new)
    usage = read_usage(tmp_path)
    assert (usage.hits, usage.computed, usage.stored) == (1, 2, 2)


@forking
@threads_are_known
def test_processes_forked_while_a_request_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    candles = sample(300)
    computing, finish = threading.Event(), threading.Event()

    def carry_out(self: Lookup, plan: Any) -> None:
        if threading.current_thread() is busy:
            computing.set()
            finish.wait()
        usual(self, plan)

    usual = Lookup.carry_out
    monkeypatch.setattr(Lookup, "carry_out", carry_out)
    with eager(tmp_path) as cache:
        busy = threading.Thread(target=cache.events, args=(SWINGS, candles))
        busy.start()
        try:
            assert computing.wait(PATIENCE)
            swings_in_child(cache, candles)
        finally:
            finish.set()
            busy.join()


def test_spawned_processes_share_the_folder(tmp_path: Path) -> None:
    candles = sample(3_000)
    with ict.Cache(tmp_path, settings(max_memory_size="1MB")) as cache:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(cache.events, (SWINGS, candles)) == fresh(SWINGS, candles)
            assert pool.apply(getattr, (cache, "settings")) == cache.settings
            pool.close()
            pool.join()
        assert cache.stats().requests == 0
    assert_found(tmp_path, candles)


def test_workers_of_joblib_share_the_folder(tmp_path: Path) -> None:
    candles = sample(3_000)
    with ict.Cache(tmp_path) as cache, loky.get_reusable_executor(1) as pool:
        assert pool.submit(cache.events, SWINGS, candles).result(PATIENCE) == fresh(SWINGS, candles)
    assert_found(tmp_path, candles)


def assert_found(folder: Path, candles: Candles) -> None:
    """Another process has left the table in the folder."""
    with eager(folder) as cache:
        assert_same(cache.events(SWINGS, candles), fresh(SWINGS, candles))
        assert cache.stats().disk_hits == 1
