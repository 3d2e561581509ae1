"""Looking after a cache: its index, what it says of itself, and what verifying, compacting and clearing change."""

from __future__ import annotations

import itertools
import json
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ict_kernels as ict
from ict_kernels.cache import _index, _upkeep
from ict_kernels.cache._costs import CostModel
from ict_kernels.cache._format import HEAD, check, pack, sealed, unpack
from ict_kernels.cache._index import Index, Record
from ict_kernels.cache._keys import Key, build_id, key_of
from ict_kernels.cache._lookup import computed
from ict_kernels.cache._store import Stored
from ict_kernels.cache._tables import Entry
from ict_kernels.cache._upkeep import clear, compact, info, verify
from ict_kernels.candles import Candles
from ict_kernels.config import ByteSize, CacheOptimization
from ict_kernels.errors import OutputError
from ict_kernels.registry import Spec

OTHER_BUILD = "0123456789abcdef"
SWINGS, GAPS, TREND = ict.detector("swings"), ict.detector("fair_value_gaps"), ict.detector("trend")
EURUSD, XAUUSD = ict.sample_market(["EURUSD", "XAUUSD"], bars=800)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _short_series_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CostModel, "is_tiny", lambda model, specs, bars: False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> ict.Cache:
    return opened(tmp_path / "cache", clock)


def opened(folder: Path, clock: Clock, **limits: Any) -> ict.Cache:
    return ict.Cache(folder, CacheOptimization(**limits), clock=clock)


def put(
    cache: ict.Cache,
    spec: Spec = SWINGS,
    candles: Candles = EURUSD,
    *,
    compressed: bool = True,
    build: str = "",
    **forged: Any,
) -> tuple[Key, Entry]:
    """Write the file of a table, whatever the cost model thinks of it; `forged` replaces parts of its header."""
    entry = computed((spec,), candles, 1, cache)[spec]
    key = key_of(spec, candles, candles.digest)._replace(build=build or build_id())
    content = pack(key, spec, entry, market=(candles.symbol, candles.timeframe), compressed=compressed)
    cache.store.dump_item(key, with_header(content, key, **forged) if forged else content)
    return key, entry


def with_header(content: bytes, key: Key, /, **changes: Any) -> bytes:
    """The file with another header, under a checksum that fits."""
    header = check(np.frombuffer(content, np.uint8), key)
    body = content[header.pop("body") :]
    text = json.dumps(header | changes).encode()
    text += b" " * (-(HEAD.size + len(text)) % 64)
    return sealed(len(text), text + body)


def file_of(cache: ict.Cache, key: Key) -> Path:
    return Path(cache.store.path(key))


def flip(path: Path, at: int = -1) -> None:
    """Change a byte of a file, which stays as old as it is."""
    content, times = bytearray(path.read_bytes()), path.stat()
    content[at] ^= 0x10
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def listed(cache: ict.Cache) -> set[Stored]:
    return set(cache.store.get_items())


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------------- the index


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("spec", [SWINGS, TREND], ids=str)
def test_a_record_says_what_the_header_says(cache: ict.Cache, spec: Spec, compressed: bool) -> None:
    key, entry = put(cache, spec, compressed=compressed)
    (record,) = Index.opened(cache.store).records
    (file,) = cache.store.get_items()
    columns = entry.table.columns.values()
    assert record == Record(
        *file,
        detector=spec.name,
        parameters=spec.parameters,
        symbol="EURUSD",
        timeframe="15min",
        version=ict.__version__,
        rows=entry.table.rows,
        seconds=sum(cost.computing for cost in entry.costs.values()),
        table_bytes=sum(column.nbytes for column in columns),
        compressed=compressed,
        readable=True,
    )
    assert record.key == key


def test_a_saved_index_spares_opening_files(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache)
    put(cache, GAPS, XAUUSD)
    index = Index.opened(cache.store)
    index.save()
    monkeypatch.setattr(_index, "read_unnoticed", None)
    assert Index.opened(cache.store).records == index.records


def test_an_unchanged_index_is_not_written_again(cache: ict.Cache) -> None:
    put(cache)
    Index.opened(cache.store).save()
    written = (cache.location / "ict-kernels-index.json").stat().st_mtime_ns
    os.utime(cache.location / "ict-kernels-index.json", (0, 0))
    Index.opened(cache.store).save()
    assert (cache.location / "ict-kernels-index.json").stat().st_mtime_ns == 0 != written


def test_the_index_follows_the_files(cache: ict.Cache, clock: Clock) -> None:
    key, _ = put(cache)
    gone, _ = put(cache, GAPS)
    Index.opened(cache.store).save()
    cache.store.clear_item(gone)
    clock.now += 120
    new, _ = put(cache, TREND)
    cache.store.load_item(key)
    index = Index.opened(cache.store)
    assert {record.key: record.last_access for record in index.records} == {key: clock.now, new: clock.now}
    index.save()
    assert Index.opened(cache.store).records == index.records


def test_a_file_written_anew_is_looked_into_again(cache: ict.Cache) -> None:
    key, _ = put(cache)
    Index.opened(cache.store).save()
    put(cache, compressed=False)
    (record,) = Index.opened(cache.store).records
    assert record.key == key
    assert not record.compressed


class Payload:
    """What makes a file if it is ever unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("unpickled"),)


MALFORMED = {
    "empty": b"",
    "no JSON": b"\xff\x00",
    "null": b"null",
    "a list": b"[]",
    "no records": b'{"version": 1}',
    "of another version": b'{"version": 2, "records": []}',
    "nested deeply": b"[" * 100_000,
    "a pickle": pickle.dumps(Payload()),
    "records that are none": b'{"version": 1, "records": [[]]}',
    "a long number": b'{"version": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_index_is_made_anew(
    cache: ict.Cache, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(cache)
    index = Index.opened(cache.store)
    (cache.location / "ict-kernels-index.json").write_bytes(content)
    again = Index.opened(cache.store)
    assert again.records == index.records
    again.save()
    assert json.loads((cache.location / "ict-kernels-index.json").read_bytes())["version"] == 1
    assert not Path("unpickled").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(Record._fields) - 1), JSON)
def test_whatever_an_index_says_it_lists_the_files_there_are(
    cache: ict.Cache, field: int, value: object
) -> None:
    put(cache)
    Index.opened(cache.store).save()
    path = cache.location / "ict-kernels-index.json"
    content = json.loads(path.read_bytes())
    content["records"][0][field] = value
    path.write_text(json.dumps(content))
    index = Index.opened(cache.store)
    assert {Stored(*record[:4]) for record in index.records} == listed(cache)
    json.dumps(info(cache).to_dict(), allow_nan=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["rows", "costs", "table", "symbol", "parameters", "compressed", "key"]), JSON)
def test_a_forged_header_is_an_unreadable_one_or_a_sound_one(cache: ict.Cache, part: str, value: Any) -> None:
    put(cache, **{part: value})
    (record,) = Index.opened(cache.store).records
    assert Stored(*record[:4]) in listed(cache)
    json.dumps(info(cache).to_dict(), allow_nan=False)


@pytest.mark.parametrize("size", [0, 5, 40, 200])
def test_a_file_cut_short_is_unreadable(cache: ict.Cache, size: int) -> None:
    key, _ = put(cache)
    os.truncate(file_of(cache, key), size)
    (file,) = cache.store.get_items()
    assert Index.opened(cache.store).records == (Record(*file),)


def test_looking_is_no_use(cache: ict.Cache, clock: Clock) -> None:
    put(cache)
    before = listed(cache)
    clock.now += 60
    info(cache)
    assert verify(cache) == []
    assert listed(cache) == before


def test_a_file_removed_meanwhile_has_no_record(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = put(cache)
    ghosts = cache.store.get_items()
    cache.store.clear_item(key)
    monkeypatch.setattr(cache.store, "get_items", lambda: ghosts)
    assert Index.opened(cache.store).records == ()


def test_a_file_removed_while_verifying_is_no_problem(
    cache: ict.Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = put(cache)

    def remove_first(path: str) -> bytes:
        cache.store.clear_item(key)
        return _index.read_unnoticed(path)

    monkeypatch.setattr(_upkeep, "read_unnoticed", remove_first)
    assert verify(cache) == []
    assert cache.stats().damaged == 0


# ---------------------------------------------------------------------- info


def test_info_adds_up(cache: ict.Cache, clock: Clock) -> None:
    entries = {spec: put(cache, spec) for spec in (SWINGS, TREND)}
    began = clock.now
    clock.now += 60
    entries[GAPS] = put(cache, GAPS, XAUUSD)
    other, _ = put(cache, build=OTHER_BUILD)
    sizes = {each.key: each.size for each in cache.store.get_items()}
    found = info(cache)
    assert (found.files, found.bytes) == (4, sum(sizes.values()))
    key, entry = entries[SWINGS]
    assert found.by_detector["swings"] == (2, sizes[key] + sizes[other], 2 * entry.table.rows)
    assert set(found.by_detector) == {"swings", "trend", "fair_value_gaps"}
    assert {market: share.files for market, share in found.by_market.items()} == {
        "EURUSD 15min": 3,
        "XAUUSD 15min": 1,
    }
    assert found.other_builds == (1, sizes[other], entry.table.rows)
    assert (found.oldest, found.newest) == (began, clock.now)
    assert (found.max_files, found.max_bytes, found.ttl_seconds) == (10_000, 200_000_000, 3600)
    assert (found.unreadable, found.damaged) == (0, 0)
    assert found.saving == pytest.approx(100 * (1 - found.bytes / found.table_bytes))


def test_info_lists_the_largest_first(cache: ict.Cache) -> None:
    for spec in (SWINGS, GAPS, TREND):
        put(cache, spec, compressed=False)
    shares = [share.bytes for share in info(cache).by_detector.values()]
    assert shares == sorted(shares, reverse=True)


def test_info_counts_what_was_set_aside_and_what_has_no_header(cache: ict.Cache) -> None:
    for spec in (SWINGS, GAPS, TREND):
        put(cache, spec)
    first, second, _ = sorted(listed(cache))
    cache.store.set_aside(first.key)
    flip(file_of(cache, second.key), at=0)
    found = info(cache)
    assert (found.files, found.damaged, found.unreadable) == (2, 1, 1)


def test_info_sums_the_usage_of_closed_caches(cache: ict.Cache, clock: Clock) -> None:
    with cache:
        cache.events("swings", EURUSD)
        cache.events("swings", EURUSD)
        found = info(cache)
        assert (found.memory_entries, found.memory_bytes) == (1, cache.level.bytes)
        put(cache)
    assert info(opened(cache.location, clock)).usage.requests == found.usage.requests + 2


def test_info_of_no_folder_makes_none(cache: ict.Cache) -> None:
    found = info(cache)
    assert (found.files, found.bytes, found.saving, found.oldest) == (0, 0, 0.0, None)
    assert found.to_dict()["location"] == str(cache.location)
    assert not cache.location.exists()


# ---------------------------------------------------------------------- verify


def test_whole_files_are_no_problem(cache: ict.Cache) -> None:
    for spec in map(ict.detector, ict.detectors()):
        put(cache, spec)
        put(cache, spec, XAUUSD, compressed=False)
    put(cache, build=OTHER_BUILD)
    before = listed(cache)
    told: list[tuple[int, int, str]] = []
    assert verify(cache, lambda *progress: told.append(progress)) == []
    assert listed(cache) == before
    assert [done for done, _, _ in told] == [*range(1, len(before) + 1)]
    assert {total for _, total, _ in told} == {len(before)}


@pytest.mark.parametrize("build", [build_id(), OTHER_BUILD], ids=["ours", "another"])
@pytest.mark.parametrize("at", [0, 12, 30, 300, -1])
def test_a_flipped_byte_is_found(cache: ict.Cache, build: str, at: int) -> None:
    good, _ = put(cache)
    bad, _ = put(cache, GAPS, build=build)
    flip(file_of(cache, bad), at)
    (problem,) = verify(cache)
    assert problem.path == str(file_of(cache, bad))
    assert problem.set_aside
    assert {each.key for each in cache.store.get_items()} == {good}
    assert info(cache).damaged == cache.stats().damaged == 1
    assert verify(cache) == []


FORGED = {
    "parameters": ({"parameters": {"left": 7, "right": 2, "ties": "first"}}, "other parameters"),
    "detector": ({"detector": "fair_value_gaps", "parameters": {}}, "another detector"),
    "costs": ({"costs": []}, "its table is malformed"),
    "no parameters": ({"parameters": None}, "its header is malformed"),
    "another key": ({"key": []}, "another request"),
}


@pytest.mark.parametrize(("changes", "reason"), FORGED.values(), ids=FORGED.keys())
def test_a_forged_header_is_found(cache: ict.Cache, changes: dict[str, Any], reason: str) -> None:
    put(cache, **changes)
    (problem,) = verify(cache)
    assert reason in problem.reason
    assert cache.store.get_items() == []


def test_states_of_another_table_are_found(cache: ict.Cache) -> None:
    key, entry = put(cache)
    _, shorter = put(cache, candles=EURUSD[:400])
    content = pack(key, SWINGS, replace(entry, states=shorter.states), market=("EURUSD", ""), compressed=True)
    cache.store.dump_item(key, content)
    (problem,) = verify(cache)
    assert "its states are malformed" in problem.reason


def test_what_other_programs_write_is_left_to_them(cache: ict.Cache) -> None:
    put(cache, detector="of_a_plugin")
    later, _ = put(cache, GAPS, build=OTHER_BUILD)
    path = file_of(cache, later)
    magic, version, *rest = HEAD.unpack_from(path.read_bytes())
    path.write_bytes(HEAD.pack(magic, version + 1, *rest) + path.read_bytes()[HEAD.size :])
    assert verify(cache) == []
    assert len(cache.store.get_items()) == 2


def test_a_file_that_cannot_be_read_stays(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache)

    def refuse(path: str) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(_upkeep, "read_unnoticed", refuse)
    (problem,) = verify(cache)
    assert (problem.reason, problem.set_aside) == ("it cannot be read (Permission denied)", False)
    assert len(cache.store.get_items()) == 1
    assert cache.stats().damaged == 0


# ---------------------------------------------------------------------- compact


def test_compacting_compresses_and_keeps_the_rest(cache: ict.Cache, clock: Clock) -> None:
    key, entry = put(cache, compressed=False)
    other, _ = put(cache, compressed=False, build=OTHER_BUILD)
    small, _ = put(cache, GAPS)
    clock.now += 60
    before = {each.key: each for each in cache.store.get_items()}
    told: list[tuple[int, int, str]] = []
    done = compact(cache, lambda *progress: told.append(progress))
    after = {each.key: each for each in cache.store.get_items()}
    assert (done.files_before, done.files_after, done.compressed) == (3, 3, 1)
    assert (done.bytes_before, done.bytes_after) == tuple(
        sum(each.size for each in files.values()) for files in (before, after)
    )
    assert told == [(1, 1, "swings")]
    assert (after[other], after[small]) == (before[other], before[small])
    assert after[key] == before[key]._replace(size=after[key].size)
    assert after[key].size < before[key].size
    read = unpack(cache.store.load_item(key), key, SWINGS)
    assert read.compressed
    assert (read.created, read.costs) == (entry.created, entry.costs)
    for name, column in entry.table.columns.items():
        np.testing.assert_array_equal(read.table.columns[name], column)
    assert verify(cache) == []
    assert compact(cache).compressed == 0


def test_without_compression_files_stay_raw(cache: ict.Cache, clock: Clock) -> None:
    put(cache, compressed=False)
    before = listed(cache)
    assert compact(opened(cache.location, clock, compression_enabled=False)).compressed == 0
    assert listed(cache) == before


@pytest.mark.parametrize("call", [1, 2], ids=["while writing", "before the end"])
def test_an_interrupted_rewrite_loses_nothing(
    cache: ict.Cache, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    put(cache, compressed=False)
    before = files_below(cache.location)
    rename, calls = Path.replace, itertools.count(1)

    def interrupt(path: Path, target: Path) -> Path:
        if next(calls) == call:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            compact(cache)
    assert files_below(cache.location) == before
    assert verify(cache) == []


def test_a_full_disk_is_said(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache, compressed=False)
    before = files_below(cache.location)

    def fail(path: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        with pytest.raises(OutputError, match="No space left"):
            compact(cache)
    assert files_below(cache.location) == before
    assert verify(cache) == []


def test_damaged_raw_files_are_set_aside(cache: ict.Cache) -> None:
    key, _ = put(cache, compressed=False)
    flip(file_of(cache, key))
    done = compact(cache)
    assert (done.compressed, done.files_after) == (0, 0)
    assert info(cache).damaged == 1


def test_what_is_too_old_goes(cache: ict.Cache, clock: Clock) -> None:
    put(cache)
    clock.now += 3_601
    young, _ = put(cache, GAPS)
    done = compact(cache)
    assert (done.expired, done.evicted, done.files_after) == (1, 0, 1)
    assert [each.key for each in cache.store.get_items()] == [young]
    assert cache.stats().expired == 1


def test_what_was_used_least_recently_goes_for_room(cache: ict.Cache, clock: Clock) -> None:
    used, _ = put(cache)
    for spec in (GAPS, TREND):
        clock.now += 120
        put(cache, spec)
    clock.now += 120
    cache.store.load_item(used)
    tight = opened(cache.location, clock, max_cache_entries=1)
    assert compact(tight).evicted == 2
    assert [each.key for each in cache.store.get_items()] == [used]
    tighter = opened(cache.location, clock, max_cache_size=ByteSize("1KB"))
    assert compact(tighter).files_after == 0


def test_leftovers_and_what_was_set_aside_go(cache: ict.Cache, clock: Clock) -> None:
    key, _ = put(cache)
    bad, _ = put(cache, GAPS)
    cache.store.set_aside(bad)
    leftover = file_of(cache, key).with_name(f".{key.name}.x.tmp")
    leftover.write_bytes(b"half")
    os.utime(leftover, (clock.now - 7_200, clock.now - 7_200))
    assert compact(cache).leftovers == 2
    assert files_below(cache.location) == {file_of(cache, key), cache.location / "ict-kernels-index.json"}
    assert not (cache.location / "damaged").exists()


def test_compacting_makes_the_index_anew(cache: ict.Cache) -> None:
    put(cache)
    index = Index.opened(cache.store)
    index.save()
    path = cache.location / "ict-kernels-index.json"
    true = path.read_text()
    path.write_text(true.replace("EURUSD", "GBPUSD"))
    compact(cache)
    assert path.read_text() == true


def test_compacting_no_folder_makes_none(cache: ict.Cache) -> None:
    done = compact(cache)
    assert (done.files_before, done.files_after) == (0, 0)
    assert not cache.location.exists()


def test_a_folder_that_may_not_be_written_is_named(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # modes mean nothing to root
    with pytest.raises(OutputError, match=cache.location.name):
        compact(cache)


# ---------------------------------------------------------------------- clear


def test_clearing_removes_all_but_foreign_files(cache: ict.Cache, clock: Clock) -> None:
    foreign = {cache.location / name for name in ("notes.txt", "a.tmp", "mine/here/b.tmp", "damaged/c.txt")}
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    cache.events("swings", EURUSD)
    cache.close()
    cache = opened(cache.location, clock)
    cache.events("swings", EURUSD)
    put(cache)
    put(cache, build=OTHER_BUILD)
    bad, _ = put(cache, GAPS)
    cache.store.set_aside(bad)
    info(cache)
    size = sum(each.size for each in cache.store.get_items())
    assert clear(cache) == (2, size, 1)
    assert files_below(cache.location) == foreign
    assert len(cache.level) == 0
    assert info(cache).usage.requests == 0


def test_clearing_no_folder_makes_none(cache: ict.Cache) -> None:
    assert clear(cache) == (0, 0, 0)
    assert not cache.location.exists()


def test_files_that_cannot_be_removed_are_said(cache: ict.Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match=f"1 of 1 files below .*{cache.location.name}"):
        clear(cache)
