"""What may go wrong around the cache: no wrong table, no crash, and what was lost is computed anew and counted."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

import ict_kernels as ict
from ict_kernels.cache import _format, _store
from ict_kernels.cache._format import EntryError
from ict_kernels.cache._keys import Key, parse_name
from ict_kernels.cache._lookup import computed
from ict_kernels.cache._store import ZstdStore
from ict_kernels.cache._tables import Table
from ict_kernels.candles import Candles
from ict_kernels.errors import CacheWarning
from ict_kernels.registry import Spec
from ict_kernels.states import write_whole
from tests import cache_helpers
from tests.cache_helpers import (
    HEAD,
    Change,
    Clock,
    arrays_of,
    assert_same,
    bits,
    changed,
    eager,
    entry_files,
    forged,
    fresh,
    header_of,
    key_for,
    renamed,
    sample,
    sampled,
    sealed,
    snapshot,
    states_forged,
)
from tests.processes import output_of

unsynced = cache_helpers.unsynced  # what that takes is tested in processes of their own
SPEC = ict.detector("fair_value_gaps")
MARKET = sample(220)
SHORTER = MARKET[:200]
FORMS = pytest.mark.parametrize("compressed", [True, False], ids=["compressed", "raw"])


@lru_cache
def packed(*, compressed: bool = True, market: Candles = MARKET, spec: Spec = SPEC) -> bytes:
    """The file of a table, as the cache writes it."""
    with eager("nowhere", compression_enabled=compressed) as cache:
        entry = computed((spec,), market, 1, cache)[spec]
    return _format.pack(
        key_for(spec, market), spec, entry, market=(market.symbol, market.timeframe), compressed=compressed
    )


def place_of(cache: ict.Cache, spec: Spec = SPEC, market: Candles = MARKET) -> Path:
    """Where a table's file belongs."""
    return Path(cache.store.path(key_for(spec, market)))


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# --- damaged files ------------------------------------------------------------------------------------------------


def check_damage(folder: Path, damaged: list[bytes], market: Candles = MARKET) -> None:
    """Put each content in the place of a table's file; ask for what it should be, and for what continues it."""
    with eager(folder, write=False) as cache:
        for place, content in enumerate(damaged, 1):
            cache.level.clear()
            put(place_of(cache, market=market), content)
            assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
            assert cache.stats().damaged == place, f"damage {place - 1} was not seen"
            assert not entry_files(folder)
        stats = cache.stats()
        assert (stats.computed, stats.read_errors) == (len(damaged), 0)
    aside = list((folder / "damaged").iterdir())
    assert 0 < len(aside) <= 16
    assert {path.read_bytes() for path in aside} <= set(damaged)


def flipped(content: bytes, position: int, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


@FORMS
@pytest.mark.parametrize("market", [MARKET, SHORTER], ids=["table", "prefix"])
def test_a_flipped_bit_anywhere(tmp_path: Path, compressed: bool, market: Candles) -> None:
    content = packed(compressed=compressed, market=market)
    places = [*range(HEAD.size), *sampled(len(content), 90)]
    check_damage(tmp_path, [flipped(content, place, place % 8) for place in places], market)


@FORMS
def test_every_bit_of_the_head_is_looked_at(tmp_path: Path, compressed: bool) -> None:
    for padding in range(0, 64, 4):  # the header ends at all distances from a multiple of 64 bytes
        market = renamed(MARKET, "S" * padding)
        key = key_for(SPEC, market)
        content = packed(compressed=compressed, market=market)
        array = as_array(content)
        _format.unpack(array, key, SPEC)
        for place in range(HEAD.size):
            for bit in range(8):
                array[place] ^= 1 << bit
                with pytest.raises(EntryError):
                    _format.unpack(array, key, SPEC)
                array[place] ^= 1 << bit


def as_array(content: bytes) -> Any:
    return np.frombuffer(bytearray(content), np.uint8)


@FORMS
@pytest.mark.parametrize("market", [MARKET, SHORTER], ids=["table", "prefix"])
def test_a_file_cut_off_anywhere(tmp_path: Path, compressed: bool, market: Candles) -> None:
    content = packed(compressed=compressed, market=market)
    check_damage(tmp_path, [content[:length] for length in sampled(len(content), 50)], market)


@FORMS
def test_a_file_with_more_behind_it(tmp_path: Path, compressed: bool) -> None:
    content = packed(compressed=compressed)
    check_damage(tmp_path, [content + more for more in (b"\0", b"\0" * 64, b"x", content)])


def test_a_file_of_something_else(tmp_path: Path) -> None:
    content = packed()
    others = [
        b"",
        b"\0" * len(content),
        b"ICTCACHE",
        HEAD.pack(b"ICTCACHE", 1, 2**32 - 1, bytes(16)),
        sealed(b"", b""),
        sealed(b"null", b""),
        sealed(b"[]", b""),
        sealed(b"[" * 100_000, b""),
        sealed(b"{}", b""),
        sealed(b"\xff\xfe", b""),
        packed(market=SHORTER),
        packed(spec=ict.detector("swings")),
        packed(spec=ict.detector("fair_value_gaps", by="close")),
    ]
    check_damage(tmp_path, others)


def test_a_damaged_file_is_replaced_by_a_sound_one(tmp_path: Path) -> None:
    content = packed()
    with eager(tmp_path) as cache:
        put(place_of(cache), content[:-1])
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        assert cache.stats().damaged == 1
    with eager(tmp_path) as cache:
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        assert (cache.stats().disk_hits, cache.stats().damaged) == (1, 0)


@pytest.mark.parametrize("market", [MARKET, SHORTER], ids=["table", "prefix"])
def test_a_folder_in_the_place_of_a_file(tmp_path: Path, market: Candles) -> None:
    with eager(tmp_path) as cache:
        place = place_of(cache, market=market)
        (place / "inside").mkdir(parents=True)
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        cache.flush()
        assert cache.stats().damaged == 1
        assert not place.is_dir()
    with eager(tmp_path) as cache:
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        assert cache.stats().disk_hits == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    with eager(tmp_path, write=False) as cache:
        place = place_of(cache)
        place.parent.mkdir(parents=True)
        os.mkfifo(place)
        done: list[Any] = []
        reader = threading.Thread(target=lambda: done.append(cache.events(SPEC, MARKET)), daemon=True)
        reader.start()
        reader.join(10)
        if not done:  # let the thread go on, which waits for a writer
            os.close(os.open(place, os.O_WRONLY | os.O_NONBLOCK))
        assert done
        assert_same(done[0], fresh(SPEC, MARKET))


@pytest.mark.parametrize("target", ["table", "elsewhere", "nowhere", "itself"])
def test_a_link_in_the_place_of_a_file(tmp_path: Path, target: str) -> None:
    folder, content = tmp_path / "cache", packed()
    put(tmp_path / "table", content)
    put(tmp_path / "elsewhere", b"mine")
    with eager(folder, write=False) as cache:
        place = place_of(cache)
        place.parent.mkdir(parents=True)
        place.symlink_to(place if target == "itself" else tmp_path / target)
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        cache.store.enforce_store_limits(0, 0)
        cache.store.clear()
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert (tmp_path / "table").read_bytes() == content


# --- forged files: a right checksum over lies -----------------------------------------------------------------------


def set_to(*values: Any, of: str) -> list[tuple[str, Change]]:
    """Changes of one field to each of some values."""

    def change(value: Any) -> Change:
        return lambda header: header.__setitem__(of, value)

    return [(f"{of}={str(value)[:40]}", change(value)) for value in values]


def dropped(field: str) -> tuple[str, Change]:
    return f"without {field}", lambda header: header.pop(field)


def in_form(form: str, field: str, value: Any, place: int = 0) -> tuple[str, Change]:
    def change(header: dict[str, Any]) -> None:
        header[form]["columns"][place][field] = value

    return f"{form} {place} {field}={str(value)[:40]}", change


NUMBERS: tuple[Any, ...] = (-1, 10**30, -(10**30), 2**63, 1.5, True, None, "1", [], math.nan, math.inf)
KEY = list(key_for(SPEC, MARKET))
HARMFUL: list[tuple[str, Change]] = [
    *set_to(None, 1, "x", [], KEY[:4], [*KEY[:3], 221, KEY[4]], [*KEY[:2], "../../x", *KEY[3:]], of="key"),
    *set_to(*NUMBERS, 0, 1, of="table_bytes"),
    *set_to(None, 1, [], {}, {"compressed": True, "columns": []}, of="table"),
    *set_to(None, 1, {}, [], [[1.0]], [[1.0, 2.0, 3.0]], [["x", "y"]], [[1.0, 2.0]] * 2, of="costs"),
    *set_to("x", None, [], {}, of="created"),
    *(dropped(field) for field in ("key", "table", "table_bytes", "costs", "created", "compressed")),
    *(in_form("table", "shape", [value]) for value in NUMBERS),
    *(in_form("table", "name", value) for value in ("confirmed", "../../x", None, 1)),
    *(in_form("table", "dtype", value) for value in ("object", "O", "float64", "int8", None)),
    *(in_form("table", "shape", value) for value in ([2**40], [2**62, 4], [], [[1]], None)),
    ("table columns in another order", lambda header: header["table"]["columns"].reverse()),
    ("table columns too few", lambda header: header["table"]["columns"].pop()),
]
HARMLESS: list[tuple[str, Change]] = [
    *set_to("../../x", "/etc/passwd", None, 5, ["x"], "x" * 5_000, "\0", of="detector"),
    *set_to("../../x", "/", None, {}, of="symbol"),
    *set_to("../../x", None, of="timeframe"),
    *set_to("../../x", None, {}, {"left": 10**30}, of="parameters"),
    *set_to("../../x", None, of="kernels"),
    *set_to("../../x", None, "9" * 5_000, of="version"),
    *set_to(*NUMBERS, of="rows"),
    *set_to(*NUMBERS, of="compressed"),
    *set_to(0, -1e300, 1e300, math.nan, math.inf, -math.inf, of="created"),
    *set_to([[math.nan, math.nan]], [[math.inf, 0.0]], [[-1e300, 1e300]], [[1e308, 1e308]], of="costs"),
]
STATES: list[tuple[str, Change]] = [
    *set_to(None, 1, [], {}, {"compressed": True, "columns": []}, of="states"),
    *(in_form("states", "shape", [value]) for value in NUMBERS),
    *(in_form("states", "shape", value, 2) for value in ([0, 9], [2**40, 9], [1], None)),
    *(in_form("states", "dtype", value) for value in ("object", "float64", "int8", None)),
    ("states in another order", lambda header: header["states"]["columns"].reverse()),
    ("states too few", lambda header: header["states"]["columns"].pop()),
]


def lies(some: list[tuple[str, Change]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "lie", [pytest.param(change, id=f"{place} {name}") for place, (name, change) in enumerate(some)]
    )


def check_counts(cache: ict.Cache) -> None:
    """What is counted stays a number, whatever a file says of itself."""
    counted = cache.stats().to_dict()
    assert all(math.isfinite(value) for value in counted.values()), counted
    json.dumps(counted, allow_nan=False)


@FORMS
@pytest.mark.parametrize("forge", [forged, states_forged])
def test_what_is_forged_without_a_lie_is_taken(
    tmp_path: Path, forge: Callable[[bytes, Change], bytes], compressed: bool
) -> None:
    content = forge(packed(compressed=compressed, market=SHORTER), lambda header: None)
    with eager(tmp_path, write=False) as cache:
        put(place_of(cache, market=SHORTER), content)
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        assert_same(cache.events(SPEC, SHORTER), fresh(SPEC, SHORTER))
        stats = cache.stats()
        assert (stats.prefix_hits, stats.disk_hits, stats.damaged) == (1, 1, 0)


@FORMS
@lies(HARMFUL)
def test_lies_about_a_table_are_seen(tmp_path: Path, lie: Change, compressed: bool) -> None:
    content = forged(packed(compressed=compressed), lie)
    with eager(tmp_path / "cache") as cache:
        put(place_of(cache), content)
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        assert cache.stats().damaged == 1
        check_counts(cache)
    assert os.listdir(tmp_path) == ["cache"]  # noqa: PTH208


@FORMS
@lies(HARMLESS)
def test_lies_about_what_nothing_depends_on_do_no_harm(tmp_path: Path, lie: Change, compressed: bool) -> None:
    content = forged(packed(compressed=compressed, market=SHORTER), lie)
    with eager(tmp_path / "cache") as cache:
        put(place_of(cache, market=SHORTER), content)
        assert_same(cache.events(SPEC, SHORTER), fresh(SPEC, SHORTER))
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        cache.store.enforce_store_limits(10**6, 10**6)
        cache.flush()
        check_counts(cache)
    assert os.listdir(tmp_path) == ["cache"]  # noqa: PTH208


@FORMS
@lies(STATES)
@pytest.mark.parametrize("final", [True, False])
def test_lies_about_states_are_seen_when_they_are_continued(
    tmp_path: Path, lie: Change, compressed: bool, final: bool
) -> None:
    content = states_forged(packed(compressed=compressed, market=SHORTER), lie)
    longer = MARKET[: len(SHORTER) + 1]
    with eager(tmp_path, write=False) as cache:
        put(place_of(cache, market=SHORTER), content)
        assert_same(cache.events(SPEC, longer, final=final), fresh(SPEC, longer))
        assert cache.stats().damaged == 1
        assert not entry_files(tmp_path)
        assert_same(cache.events(SPEC, SHORTER), fresh(SPEC, SHORTER))
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        check_counts(cache)


@examples(max_examples=150)
@given(
    position=st.integers(0, 10**6),
    length=st.integers(0, 30),
    value=st.text(max_size=8)
    | st.integers().map(str)
    | st.sampled_from(["{", "}", "null", "-1", "NaN", '"', "1e999"]),
    compressed=st.booleans(),
)
def test_any_change_of_the_header_gives_the_table_or_is_seen(
    position: int, length: int, value: str, compressed: bool
) -> None:
    content = packed(compressed=compressed)
    size = HEAD.unpack_from(content)[2]
    header, body = content[HEAD.size : HEAD.size + size].rstrip(), content[HEAD.size + size :]
    at = position % len(header)
    header = header[:at] + value.encode(errors="replace") + header[at + length :]
    try:
        entry = _format.unpack(as_array(sealed(header, body)), key_for(SPEC, MARKET), SPEC)
    except EntryError:
        return
    assert_like(entry.table.columns, fresh(SPEC, MARKET))


def assert_like(columns: dict[str, Any], table: Any) -> None:
    """Columns of the types and lengths of a table: lies about values behind a right checksum are beyond anyone."""
    assert {name: (values.dtype, values.ndim) for name, values in columns.items()} == {
        name: (values.dtype, values.ndim) for name, values in arrays_of(table).items()
    }
    assert len({len(values) for values in columns.values()}) == 1


# --- disks --------------------------------------------------------------------------------------------------------


def failing(number: int) -> Callable[..., Any]:
    """A call of the system that fails."""

    def fail(*arguments: Any, **more: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


no_space = failing(errno.ENOSPC)


def check_memory_only(cache: ict.Cache, requests: int = 3) -> None:
    """Ask for tables that cannot be written: they are right, and there is one warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(requests):
            market = MARKET[: len(SHORTER) + n]
            assert_same(cache.events(SPEC, market), fresh(SPEC, market))
            cache.flush()
        cache.close()
    assert [each.category for each in caught] == [CacheWarning]
    assert "kept in memory only" in str(caught[0].message)
    stats = cache.stats()
    assert (stats.write_errors, stats.stored) == (requests, 0)
    assert stats.requests == requests


@pytest.mark.parametrize("call", ["fsync", "replace", "open", "fdopen"])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    with eager(tmp_path) as cache:
        monkeypatch.setattr(os, call, no_space)
        check_memory_only(cache)
    monkeypatch.undo()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".jsonl"]


def test_a_full_disk_before_the_first_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with eager(tmp_path / "a" / "b") as cache:
        monkeypatch.setattr(os, "mkdir", no_space)
        check_memory_only(cache)
    assert not snapshot(tmp_path)


def test_a_disk_that_takes_nothing_back_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with eager(tmp_path) as cache:
        for name in ("fsync", "unlink"):
            monkeypatch.setattr(os, name, failing(errno.EROFS))
        check_memory_only(cache)


def test_a_folder_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with eager(tmp_path) as cache:
        for name in ("stat", "scandir", "listdir", "open", "mkdir"):
            monkeypatch.setattr(os, name, failing(errno.EACCES))
        check_memory_only(cache)
        monkeypatch.undo()


@pytest.mark.filterwarnings("ignore::ict_kernels.CacheWarning")
@pytest.mark.parametrize("seed", range(4))
def test_a_disk_that_fails_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    drawn = random.Random(seed)

    def sometimes(call: Callable[..., Any]) -> Callable[..., Any]:
        broken = failing(errno.EIO)
        return lambda *arguments, **more: (broken if drawn.random() < 0.15 else call)(*arguments, **more)

    with eager(tmp_path, max_cache_entries=5, max_memory_size="60KB") as cache:
        for name in ("fsync", "replace", "open", "mkdir", "unlink", "utime", "scandir", "listdir", "stat"):
            monkeypatch.setattr(os, name, sometimes(getattr(os, name)))
        for n in range(100, 200, 5):
            market = MARKET[: drawn.randrange(n, 200)]
            name = drawn.choice(["swings", "fair_value_gaps", "structure_breaks"])
            result = cache.events(name, market)
            cache.flush()
            assert_same(result, fresh(ict.detector(name), market))
        monkeypatch.undo()
        assert cache.stats().write_errors > 0
        for path in entry_files(tmp_path):
            check_file(path)


def check_file(path: Path) -> None:
    """A file with its final name holds what its name says."""
    key, content = key_of(path), path.read_bytes()
    header = header_of(content)
    spec = ict.detector(header["detector"], **header["parameters"])
    entry = _format.unpack(as_array(content), key, spec)
    assert bits_of(entry.table.columns) == bits(fresh(spec, MARKET[: key.bars]))


def bits_of(columns: dict[str, Any]) -> list[tuple[str, str, bytes]]:
    return [(name, values.dtype.str, values.tobytes()) for name, values in columns.items()]


def key_of(path: Path) -> Key:
    key = parse_name(path.parent.parent.name, path.parent.name, path.name)
    assert key is not None
    return key


LIMITED = """
import json, os, resource, warnings
import ict_kernels as ict
from tests.cache_helpers import assert_same, eager, fresh, sample
market, spec = sample(2_000), ict.detector("fair_value_gaps")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with eager(os.environ["FOLDER"], compression_enabled=False) as cache:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))
        for n in (1_800, 1_900, 2_000):
            assert_same(cache.events(spec, market[:n]), fresh(spec, market[:n]))
            cache.flush()
print(json.dumps([cache.stats().to_dict(), [each.category.__name__ for each in caught]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no limit of file sizes")
def test_files_that_the_system_cuts_off(tmp_path: Path) -> None:
    stats, caught = json.loads(output_of(LIMITED, FOLDER=tmp_path))
    assert (stats["write_errors"], stats["stored"], stats["computed"], stats["prefix_hits"]) == (3, 0, 1, 2)
    assert caught == ["CacheWarning"]
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".ict", ".tmp")]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    cache = eager(tmp_path / "file" / "cache")
    check_memory_only(cache)
    assert cache.explain(SPEC, MARKET).choices[SPEC].action == "prefix"
    assert not cache.store.get_items()
    cache.store.clear()
    cache.store.sweep()
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    content = packed()
    with eager(tmp_path) as cache:
        put(place_of(cache), content)
        folder = place_of(cache).parent
    folder.chmod(0o555)
    try:
        with eager(tmp_path) as cache:
            assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
            assert cache.stats().disk_hits == 1
            check_memory_only(cache)
    finally:
        folder.chmod(0o755)


def test_a_damaged_file_that_cannot_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed()
    with eager(tmp_path, write=False) as cache:
        put(place_of(cache), content[:-1])
        for name in ("replace", "unlink", "mkdir"):
            monkeypatch.setattr(os, name, no_space)
        for times in (1, 2):
            cache.level.clear()
            assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
            assert cache.stats().damaged == times


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE, errno.ESTALE])
def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    content = packed()

    with eager(tmp_path, write=False) as cache:
        put(place_of(cache), content)
        monkeypatch.setattr(os, "fstat", failing(number))
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        monkeypatch.undo()
        assert (cache.stats().read_errors, cache.stats().damaged) == (1, 0)
    assert entry_files(tmp_path)


# --- a folder that goes away ----------------------------------------------------------------------------------------


def test_a_folder_removed_between_requests(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    with eager(folder) as cache:
        for n in (200, 210, 220):
            assert_same(cache.events(SPEC, MARKET[:n]), fresh(SPEC, MARKET[:n]))
            cache.flush()
            assert len(entry_files(folder)) == 1
            shutil.rmtree(folder)
            cache.level.clear()
        assert (cache.stats().computed, cache.stats().write_errors) == (3, 0)
    assert not folder.exists()  # there is nothing to add counts to


def test_a_folder_removed_while_a_table_waits_to_be_written(tmp_path: Path) -> None:
    folder, go_on = tmp_path / "cache", threading.Event()
    with eager(folder) as cache:
        assert_same(cache.events(SPEC, SHORTER), fresh(SPEC, SHORTER))
        cache.flush()
        cache._writer.submit(go_on.wait, 0)
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        shutil.rmtree(folder)
        go_on.set()
    with eager(folder) as cache:
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        assert cache.stats().disk_hits == 1


def test_an_empty_folder_swept_away_just_before_a_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[int] = []

    def late(path: Path, content: bytes, **more: Any) -> None:
        if not swept:
            swept.append(cache.store.sweep())
        write_whole(path, content, **more)

    monkeypatch.setattr(_store, "write_whole", late)
    with eager(tmp_path) as cache:
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        cache.flush()
        assert (cache.stats().stored, cache.stats().write_errors) == (1, 0)
    assert swept


def test_a_folder_removed_while_a_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    with eager(folder) as cache:
        monkeypatch.setattr(os, "fsync", lambda file: shutil.rmtree(folder))
        check_memory_only(cache)
    monkeypatch.undo()
    with eager(folder) as cache:
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        assert cache.stats().computed == 1


@pytest.mark.parametrize("when", ["find", "load_item", "prefixes", "_note_use"])
@pytest.mark.parametrize("market", [MARKET, SHORTER], ids=["table", "prefix"])
def test_a_folder_removed_while_a_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, market: Candles
) -> None:
    folder, content = tmp_path / "cache", packed(market=market)
    call = getattr(ZstdStore, when)

    def and_gone(store: ZstdStore, *arguments: Any) -> Any:
        found = call(store, *arguments) if when != "load_item" else None
        shutil.rmtree(folder, ignore_errors=True)
        return call(store, *arguments) if when == "load_item" else found

    with eager(folder, write=False) as cache:
        put(place_of(cache, market=market), content)
        monkeypatch.setattr(ZstdStore, when, and_gone)
        assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
        assert cache.stats().requests == 1
        assert cache.stats().damaged == 0


# --- writers that are killed ----------------------------------------------------------------------------------------

KILLED = """
import json, os, random, signal, time, warnings
from pathlib import Path
import ict_kernels as ict
from ict_kernels.cache import _format
from ict_kernels.cache._lookup import computed
from tests import test_cache_faults as faults
from tests.cache_helpers import Clock, assert_same, eager, entry_files, fresh, key_for

folder, drawn = Path(os.environ["FOLDER"]), random.Random(5)
specs = [ict.detector(name) for name in ("fair_value_gaps", "swings", "structure_breaks")]
markets = [faults.MARKET[:n] for n in (180, 190, 200, 220)]
for spec in specs:
    fresh(spec, faults.MARKET)
with eager(folder / "none") as cache:
    ready = [
        (key_for(spec, market), _format.pack(
            key_for(spec, market), spec, computed((spec,), market, 1, cache)[spec],
            market=(market.symbol, market.timeframe), compressed=place % 2 == 0))
        for place, market in enumerate(markets) for spec in specs
    ]

def write_files():
    store = eager(folder, clock=time.time).store
    while True:
        for key, content in drawn.sample(ready, len(ready)):
            store.dump_item(key, content)
            if drawn.random() < 0.2:
                store.clear_item(key)

def fill_cache():
    while True:
        with eager(folder, clock=time.time, max_cache_entries=6) as cache:
            for market in markets:
                cache.run(specs, market)

left = kills = 0
for kill in range(220):
    drawn.seed(kill)
    child = os.fork()
    if not child:
        try:
            (fill_cache if kill % 2 else write_files)()
        finally:
            os._exit(1)
    time.sleep(drawn.random() * 0.02)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    kills += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    temporary = list(folder.glob("*/*/.*.tmp"))
    left += len(temporary)
    for path in entry_files(folder):
        faults.check_file(path)
    clock = Clock(time.time())
    store = eager(folder, clock=clock).store
    assert store.sweep() == 0, "what may still be written is left alone"
    clock.now += 3_600
    assert store.sweep() == len(temporary)
    assert not list(folder.rglob("*.tmp"))
with eager(folder) as cache:
    for market in markets:
        for spec, result in cache.run(specs, market).items():
            assert_same(result, fresh(spec, market))
    counted = cache.stats().to_dict()
print(json.dumps({"kills": kills, "left": left, "files": len(entry_files(folder)), **counted}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no forks")
def test_a_writer_killed_at_any_moment(tmp_path: Path) -> None:
    counted = json.loads(output_of(KILLED, FOLDER=tmp_path))
    assert counted["kills"] >= 200
    assert counted["left"] > 0, "some were killed amid a file"
    assert counted["files"] >= 12
    assert counted["damaged"] == 0


# --- many at once ---------------------------------------------------------------------------------------------------

NAMES = ("fair_value_gaps", "swings", "structure_breaks", "trend")


class Crowd:
    """Overlapping requests for growing series, and the answers."""

    def __init__(self, bars: int = 260) -> None:
        self.specs = [ict.detector(name) for name in NAMES]
        self.markets = [sample(bars, symbol) for symbol in ("EURUSD", "GBPUSD")]
        self.lengths = range(bars - 60, bars + 1, 4)
        self.answers = {
            (spec, market.symbol, n): bits(fresh(spec, market[:n]))
            for spec in self.specs
            for market in self.markets
            for n in self.lengths
        }

    def ask(self, cache: ict.Cache, seed: int, times: int) -> int:
        """Ask for random tables, clear and trim now and then; how many were asked for."""
        drawn, asked, start = random.Random(seed), 0, 0
        handed: list[tuple[Any, Any]] = []
        for _ in range(times):
            start = min(start + drawn.randrange(2), len(self.lengths) - 3)
            n, market = self.lengths[start + drawn.randrange(3)], drawn.choice(self.markets)
            some = drawn.sample(self.specs, drawn.randint(1, 3))
            for spec, result in cache.run(some, market[:n], final=drawn.random() < 0.6).items():
                handed.append((result, self.answers[spec, market.symbol, n]))
            asked += len(some)
            self.disturb(cache, drawn)
        for result, answer in handed:
            assert bits(result) == answer
        return asked

    def disturb(self, cache: ict.Cache, drawn: random.Random) -> None:
        chance = drawn.random()
        if chance < 0.03:
            cache.store.clear()
        elif chance < 0.06:
            cache.level.clear()
        elif chance < 0.1:
            cache.store.enforce_store_limits(10_000, 3)
        elif chance < 0.12:
            cache.store.sweep()
        elif chance < 0.15:
            cache.explain(self.specs, self.markets[0])


LIMITS: dict[str, Any] = {"max_memory_size": "150KB", "max_cache_size": "60KB", "max_cache_entries": 12}


def in_threads(count: int, job: Callable[[int], object]) -> None:
    """Run a job in threads that begin together and change places as often as can be."""
    together, failures = threading.Barrier(count), []

    def run(place: int) -> None:
        together.wait()
        try:
            job(place)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    if failures:
        raise failures[0]


@pytest.mark.filterwarnings("ignore::ict_kernels.CacheWarning")
def test_eight_threads_on_one_cache(tmp_path: Path) -> None:
    crowd, asked = Crowd(), [0] * 8
    with eager(tmp_path, **LIMITS) as cache:

        def job(place: int) -> None:
            asked[place] = crowd.ask(cache, place, 60)

        in_threads(8, job)
        cache.flush()
        stats = cache.stats()
        assert stats.requests == sum(asked)
        assert stats.damaged == 0
        assert 0 <= cache.level.bytes <= cache.level.limit
        assert min(stats.memory_hits, stats.prefix_hits, stats.computed) > 0
        while held := cache.level.keys():
            cache.level.drop(held[0])
        assert cache.level.bytes == 0


@pytest.mark.filterwarnings("ignore::ict_kernels.CacheWarning")
def test_eight_threads_with_a_cache_each_on_one_folder(tmp_path: Path) -> None:
    crowd = Crowd()
    damaged = []

    def job(place: int) -> None:
        with eager(tmp_path, **LIMITS) as cache:
            crowd.ask(cache, place, 25)
        damaged.append(cache.stats().damaged)

    in_threads(8, job)
    assert damaged == [0] * 8


def test_threads_that_look_at_one_unfinished_candle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [ict.detector(name) for name in ("trend", "volume_imbalances", "fair_value_gaps")]
    width = MARKET.high.max() - MARKET.low.min()
    with_room = Table._with_room

    def slowly(*arguments: Any, **more: Any) -> Any:
        buffer = with_room(*arguments, **more)
        time.sleep(1e-3)  # another thread may look for room now
        return buffer

    handed: list[tuple[Any, Any]] = []
    with eager(tmp_path, write=False) as cache:
        cache.run(asked, MARKET[:199])
        cache.run(asked, MARKET[:200])  # has room for more
        monkeypatch.setattr(Table, "_with_room", slowly)

        def job(place: int) -> None:
            for last in (200, 201, 202):
                now = MARKET[: last + 1]
                for name in ("open", "high", "low", "close"):  # each thread's candle leaves a gap of its own
                    now = changed(now, name, last, getattr(now, name)[last] + (place + 1) * width)
                for spec, result in cache.run(asked, now, final=False).items():
                    handed.append((result, fresh(spec, now)))

        in_threads(8, job)
    for mine, theirs in handed:
        assert_same(mine, theirs)


CROWDED = """
import json, os, warnings
from tests.cache_helpers import eager
from tests.test_cache_faults import LIMITS, Crowd
warnings.simplefilter("ignore")
crowd, folder, failed, children = Crowd(), os.environ["FOLDER"], 0, []
for place in range(8):
    child = os.fork()
    if not child:
        code = 1
        try:
            with eager(folder, **LIMITS) as cache:
                crowd.ask(cache, place, 60)
            code = 2 if cache.stats().damaged else 0
        finally:
            os._exit(code)
    children.append(child)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no forks")
def test_eight_processes_on_one_folder(tmp_path: Path) -> None:
    assert json.loads(output_of(CROWDED, FOLDER=tmp_path)) == [0] * 8
    usage = ict.cache._stats.read_usage(tmp_path)
    assert usage.requests > 8 * 60
    assert usage.damaged == 0
    for path in entry_files(tmp_path):
        key = key_of(path)
        _format.check(as_array(path.read_bytes()), key)


# --- clocks that jump -----------------------------------------------------------------------------------------------

moments = st.one_of(
    st.floats(-1e6, 1e6),
    st.sampled_from([0.0, -1e9, 1e9, 4e9, 1e11, 1e13, -1e13]),
)


@examples(max_examples=60)
@given(st.lists(st.tuples(moments, st.sampled_from([180, 200, 220]), st.booleans()), min_size=1, max_size=8))
def test_a_clock_that_jumps(
    tmp_path_factory: pytest.TempPathFactory, jumps: list[tuple[float, int, bool]]
) -> None:
    folder, clock = tmp_path_factory.mktemp("clock"), Clock()
    start = clock.now
    cache = eager(folder, clock=clock, cache_ttl_seconds=3_600, max_cache_entries=2)
    for jump, n, reopened in jumps:
        clock.now = start + jump if abs(jump) < 1e7 else jump
        if reopened:
            cache.close()
            cache = eager(folder, clock=clock, cache_ttl_seconds=3_600, max_cache_entries=2)
        assert_same(cache.events(SPEC, MARKET[:n]), fresh(SPEC, MARKET[:n]))
        cache.flush()
        cache.store.sweep()
        assert len(entry_files(folder)) <= 2
    cache.close()
    shutil.rmtree(folder)


def test_what_a_clock_made_old_is_computed_again_and_what_comes_from_the_future_is_kept(
    tmp_path: Path,
) -> None:
    clock = Clock()
    start = clock.now
    ways = []
    for now in (start, start + 5_000, start + 10_000, start - 10**6, start + 8_000):
        clock.now = now
        with eager(tmp_path, clock=clock, cache_ttl_seconds=3_600) as cache:
            assert_same(cache.events(SPEC, MARKET), fresh(SPEC, MARKET))
            ways.append("computed" if cache.stats().computed else "read")
    assert ways == ["computed", "computed", "computed", "read", "read"]
