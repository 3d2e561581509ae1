"""Streams: pieces of any size, updates, bounded memory, and files that are damaged, foreign or forged."""

from __future__ import annotations

import ast
import json
import os
import pickle
import resource
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from numpy.typing import NDArray

import ict_kernels as ict
from ict_kernels import stream as stream_module
from ict_kernels.fold import check_state
from ict_kernels.kernels import _types as k
from ict_kernels.kernels._zones import ID, KEY, LEFT, RIGHT, STAGE
from ict_kernels.kernels.swings import END, FIRST, QUEUE
from ict_kernels.states import read_arrays, write_arrays
from tests.helpers import ohlc
from tests.processes import output_of

PACKAGE = Path(ict.__file__).parent
EVENTS = [name for name, entry in ict.detectors().items() if not entry.dense]
DENSE = [name for name, entry in ict.detectors().items() if entry.dense]
GAPS = "fair_value_gaps"


@pytest.fixture(scope="module")
def market() -> ict.Candles:
    candles: ict.Candles = ict.sample_market(["EURUSD"], bars=300)[0]
    return candles


def same(mine: Any, theirs: Any) -> bool:
    return bool(mine == theirs) if isinstance(mine, ict.Events) else np.array_equal(mine, theirs)


def detect(name: str, candles: ict.Candles) -> Any:
    return getattr(ict, name)(candles)


# --- extending ----------------------------------------------------------------------------------------------------


def test_one_candle_at_a_time(market: ict.Candles) -> None:
    stream = ict.Stream(list(ict.detectors()))
    for t in range(120):
        stream.extend(market[t : t + 1])
        assert len(stream) == t + 1
    for name in ict.detectors():
        assert same(stream.events(name), detect(name, market[:120]))


def test_no_candles_change_nothing(market: ict.Candles) -> None:
    stream = ict.Stream(["swings", "trend"])
    for at in (0, 50):
        update = stream.extend(market[at:at])
        assert len(update.new["swings"]) == len(update.new["trend"]) == len(update.changed["swings"].row) == 0
        assert update.new["trend"].dtype == np.int8
        stream.extend(market[at : at + 50])
    assert stream.events("swings") == ict.swings(market[:100])


def test_a_fresh_stream_holds_empty_tables() -> None:
    stream = ict.Stream(["swings", "trend"])
    assert len(stream) == 0
    assert len(stream.events("swings")) == len(stream.events("trend")) == 0
    assert repr(stream) == "<Stream of no market yet: swings, trend; 0 candles>"


def test_the_market_is_that_of_the_first_candles(market: ict.Candles) -> None:
    stream = ict.Stream("swings")
    stream.extend(market)
    assert (stream.symbol, stream.timeframe) == ("EURUSD", "15min")
    assert stream.events("swings").symbol == "EURUSD"
    assert repr(stream) == "<Stream of EURUSD 15min: swings; 300 candles>"


def later(candles: ict.Candles, symbol: str = "", timeframe: str = "") -> ict.Candles:
    names = ("time", "open", "high", "low", "close", "volume")
    columns = {name: getattr(candles, name) for name in names}
    made: ict.Candles = ict.Candles.from_numpy(
        **{**columns, "time": columns["time"].view("datetime64[ns]")},
        symbol=symbol or candles.symbol,
        timeframe=timeframe or candles.timeframe,
        tz="UTC",
    )
    return made


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda rest: later(rest, symbol="GBPUSD"),
            "the stream's symbol is 'EURUSD', that of the candles 'GBPUSD'",
        ),
        (
            lambda rest: later(rest, timeframe="1h"),
            "the stream's timeframe is '15min', that of the candles '1h'",
        ),
        (lambda rest: rest.to_pandas(), "Stream.extend takes Candles, not DataFrame"),
    ],
)
def test_candles_of_another_market_are_refused(
    market: ict.Candles, wrong: Callable[[ict.Candles], Any], message: str
) -> None:
    stream = ict.Stream(["swings", "trend"])
    stream.extend(market[:200])
    with pytest.raises(ict.CandleError, match=message):
        stream.extend(wrong(market[200:]))
    assert len(stream) == 200
    stream.extend(market[200:])
    assert stream.events("swings") == ict.swings(market)
    assert same(stream.events("trend"), ict.trend(market))


def test_a_market_given_beforehand_is_held_to(market: ict.Candles) -> None:
    with pytest.raises(ict.CandleError, match="symbol is 'GBPUSD', that of the candles 'EURUSD'"):
        ict.Stream("swings", symbol="GBPUSD").extend(market)
    ict.Stream("swings", symbol="EURUSD", timeframe="15min").extend(market)


@pytest.mark.parametrize("start", [0, 150, 199])
def test_candles_that_are_not_later_are_refused(market: ict.Candles, start: int) -> None:
    stream = ict.Stream("swings")
    stream.extend(market[:200])
    with pytest.raises(
        ict.CandleError, match=r"is not later than the stream's last, 2.*leave out the candles it already"
    ):
        stream.extend(market[start : start + 30])
    stream.extend(market[200:])
    assert stream.events("swings") == ict.swings(market)


def test_the_pieces_may_be_written_over_afterwards() -> None:
    prices = [(10.0, 12.0, 9.0, 11.0), (11.0, 15.0, 10.0, 14.0), (14.0, 16.0, 13.0, 15.0)] * 20
    whole = ohlc(prices)
    stream = ict.Stream([GAPS, "swings"])
    for start in range(0, len(prices), 3):
        piece = ohlc(prices[: start + 3])[start:]
        stream.extend(piece)
        for column in piece.bars:
            (column if column.base is None else column.base).flags.writeable = True
            column.flags.writeable = True
            column[:] = np.nan
    assert stream.events(GAPS) == ict.fair_value_gaps(whole)
    assert stream.events("swings") == ict.swings(whole)


# --- updates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize("name", EVENTS)
def test_updates_add_up_to_the_batch(market: ict.Candles, name: str, size: int) -> None:
    stream = ict.Stream(name, keep=False)
    rows: list[dict[str, Any]] = []
    for start in range(0, len(market), size):
        update = stream.extend(market[start : start + size])
        changed = update.changed[name]
        assert ((changed.bar >= start) & (changed.bar < start + size)).all()
        old = len(rows)
        rows += update.new[name].records()
        for row, column, bar in zip(*changed, strict=True):
            if row < old:
                assert rows[row][column] == -1
                rows[row][column] = int(bar)
            assert rows[row][column] == bar  # new rows come with their life cycle as it stands
    assert rows == detect(name, market).records()


def test_dense_companions_bring_their_new_values(market: ict.Candles) -> None:
    stream = ict.Stream("trend", keep=False)
    updates = [stream.extend(market[start : start + 45]) for start in range(0, 300, 45)]
    assert np.array_equal(np.concatenate([update.new["trend"] for update in updates]), ict.trend(market))
    assert all(len(update.changed["trend"].row) == 0 for update in updates)


def test_updates_stay_as_they_were(market: ict.Candles) -> None:
    stream = ict.Stream("swings")
    first = stream.extend(market[:150])
    before = first.new["swings"].records(), first.changed["swings"].row.tolist()
    stream.extend(market[150:])
    assert (first.new["swings"].records(), first.changed["swings"].row.tolist()) == before


def test_two_configurations_of_one_detector_are_told_apart(market: ict.Candles) -> None:
    wide = ict.detector("swings", left=5, right=5)
    stream = ict.Stream(["swings", wide, wide, GAPS])
    update = stream.extend(market)
    assert list(update.new) == [str(ict.detector("swings")), str(wide), GAPS]
    assert stream.events(wide) == stream.events(str(wide)) == ict.swings(market, left=5, right=5)
    assert stream.events(ict.detector("swings")) == ict.swings(market)
    with pytest.raises(
        ict.ParameterError, match=r"no detector 'swings'; it has swings\(left=2.*swings\(left=5"
    ):
        stream.events("swings")


def test_what_only_feeds_is_not_handed_out(market: ict.Candles) -> None:
    stream = ict.Stream("structure_breaks")
    assert list(stream.extend(market).new) == ["structure_breaks"]
    with pytest.raises(ict.ParameterError, match=r"no detector 'swings'; it has structure_breaks$"):
        stream.events("swings")


def test_streams_without_detectors_or_events_say_so(market: ict.Candles) -> None:
    with pytest.raises(ict.ParameterError, match="at least one detector"):
        ict.Stream([])
    stream = ict.Stream("swings", keep=False)
    stream.extend(market)
    with pytest.raises(ict.ParameterError, match=r"keep=False.*take them from the updates"):
        stream.events("swings")


# --- memory ---------------------------------------------------------------------------------------------------------


@pytest.mark.compiled
def test_streams_without_events_hold_what_is_open_and_no_more() -> None:
    candles = ict.sample_market(["EURUSD"], bars=60_000)[0]
    stream = ict.Stream(list(ict.detectors()), keep=False)
    rows = 0
    for start in range(0, len(candles), 500):
        update = stream.extend(candles[start : start + 500])
        rows += sum(len(update.new[name]) for name in EVENTS)
        slots = 0
        for fold in stream._folds.values():
            live = int(fold.state.ints[k.ZONES_LIVE])
            remembered = int(fold.state.ints[k.MEMORY_USED] - fold.state.ints[k.MEMORY_HEAD])
            assert len(fold.state.zone_ints) == len(fold.state.zone_floats) <= 4 * live + 1_024
            assert len(fold.state.memory_ints) <= 8 * remembered + 1_024
            slots += len(fold.state.zone_ints) + len(fold.state.memory_ints)
    assert rows > 50_000
    assert slots < rows / 4
    assert max(len(column) for column in stream._tail) <= max(
        fold.lookback for fold in stream._folds.values()
    )
    assert stream._times == []
    assert all(parts == [] for parts in stream._parts.values())


@pytest.mark.compiled
def test_slots_of_closed_zones_are_given_back() -> None:
    """A trend that leaves all its gaps open, then one bar that closes every one of them, twice."""
    trend = [(10.0 * t, 10.0 * t + 5, 10.0 * t - 1, 10.0 * t + 4) for t in range(1, 6_000)]
    crash = [(0.0, 60_000.0, -1.0, -1.0), (-1.0, 60_000.0, -1.0, 60_000.0)]
    market = ohlc(trend + crash + trend[:600])
    stream = ict.Stream(GAPS, keep=False)
    state = next(iter(stream._folds.values()))
    stream.extend(market[:5_999])
    assert state.state.ints[k.ZONES_LIVE] == 5_997
    for start in range(5_999, len(market), 50):
        stream.extend(market[start : start + 50])
    assert state.state.ints[k.ZONES_LIVE] < 700
    assert len(state.state.zone_ints) < 4 * 700 + 1_024


# --- saving and loading -----------------------------------------------------------------------------------------------


@pytest.fixture
def saved(market: ict.Candles, tmp_path: Path) -> Path:
    stream = ict.Stream(["swings", "inverse_fair_value_gaps", "trend"])
    stream.extend(market[:120])
    path = tmp_path / "stream"
    stream.save(path)
    return path


@pytest.mark.parametrize("keep", [True, False])
def test_a_loaded_stream_goes_on(market: ict.Candles, tmp_path: Path, keep: bool) -> None:
    wide = ict.detector("structure_breaks", by="wick", swings={"left": 4})
    stream = ict.Stream([wide, "trend", GAPS], keep=keep)
    stream.extend(market[:200])
    stream.save(tmp_path / "stream")
    loaded = ict.Stream.load(str(tmp_path / "stream"))
    assert repr(loaded) == repr(stream)
    assert (loaded.specs, loaded.keep, len(loaded)) == (stream.specs, keep, 200)
    with pytest.raises(ict.CandleError, match="not later than"):
        loaded.extend(market[199:])
    mine, theirs = loaded.extend(market[200:]), stream.extend(market[200:])
    for name in mine.new:
        assert same(mine.new[name], theirs.new[name])
        assert all(np.array_equal(*pair) for pair in zip(mine.changed[name], theirs.changed[name]))
    if keep:
        assert loaded.events(GAPS) == ict.fair_value_gaps(market)
        assert (
            loaded.events(GAPS).times("filled").tolist()
            == ict.fair_value_gaps(market).times("filled").tolist()
        )
        assert same(loaded.events("trend"), ict.trend(market))


def test_a_fresh_stream_is_saved_like_any_other(market: ict.Candles, tmp_path: Path) -> None:
    ict.Stream(["swings", "cisd"], symbol="EURUSD").save(tmp_path / "stream")
    stream = ict.Stream.load(tmp_path / "stream")
    stream.extend(market)
    assert stream.events("cisd") == ict.cisd(market)


def test_saving_leaves_the_stream_as_it_is(market: ict.Candles, tmp_path: Path) -> None:
    stream = ict.Stream(GAPS)
    for start in range(0, 300, 30):
        stream.extend(market[start : start + 30])
        stream.save(tmp_path / "stream")
    assert stream.events(GAPS) == ict.fair_value_gaps(market)
    assert [path.name for path in tmp_path.iterdir()] == ["stream"]


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    for name, content in {
        "empty": b"",
        "short": b"ICTSTATE",
        "text": b"time,open\n" * 40,
        "npy": b"\x93NUMPY",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ict.StateError, match=f"{name} is no saved state"):
            ict.Stream.load(tmp_path / name)
    with pytest.raises(ict.StateError, match=r"cannot read .*missing: No such file"):
        ict.Stream.load(tmp_path / "missing")
    with pytest.raises(ict.StateError, match=r"cannot read .*: Is a directory"):
        ict.Stream.load(tmp_path)


def test_truncated_files_are_refused(saved: Path) -> None:
    content = saved.read_bytes()
    for length in {*range(64), *range(64, len(content), 37), len(content) - 1}:
        saved.write_bytes(content[:length])
        with pytest.raises(ict.StateError):
            ict.Stream.load(saved)


def test_lengthened_files_are_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(ict.StateError, match="damaged"):
        ict.Stream.load(saved)


def test_flipped_bytes_are_refused_wherever_they_are(saved: Path) -> None:
    content = saved.read_bytes()
    header = range(struct.calcsize(HEAD))
    for at in {*header, *range(len(header), len(content), 29), len(content) - 1}:
        for bit in (1, 128):
            flipped = bytearray(content)
            flipped[at] ^= bit
            saved.write_bytes(flipped)
            with pytest.raises(ict.StateError):
                ict.Stream.load(saved)


def test_files_of_other_versions_and_kernels_are_refused(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[:8] + b"\x02\x00" + content[10:])
    with pytest.raises(ict.StateError, match=r"format version 2, .*anew from candles"):
        ict.Stream.load(saved)
    saved.write_bytes(content)
    monkeypatch.setattr(stream_module, "SOURCE_HASH", "0" * 16)
    with pytest.raises(
        ict.StateError, match="made by other kernels than these: feed a new stream the candles"
    ):
        ict.Stream.load(saved)


# --- forged files: the checksum is right, the content is not ----------------------------------------------------------

HEAD = "<8sHI16s"


def forge(path: Path, text: bytes, body: bytes) -> None:
    checksum = xxhash.xxh3_128(text + body).digest()
    path.write_bytes(struct.pack(HEAD, b"ICTSTATE", 1, len(text), checksum) + text + body)


def taken_apart(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    at = struct.calcsize(HEAD)
    size = struct.unpack_from(HEAD, content)[2]
    header: dict[str, Any] = json.loads(content[at : at + size])
    return header, content[at + size :]


class Planted:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (self.trace, "w"))


def test_a_planted_pickle_is_never_executed(saved: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    planted = pickle.dumps(Planted(str(trace)))
    _, body = taken_apart(saved)
    for content in (planted, b"ICTSTATE" + planted):
        saved.write_bytes(content)
        with pytest.raises(ict.StateError):
            ict.Stream.load(saved)
    for text, rest in [(planted, body), (b"{}", planted), (json.dumps({"arrays": []}).encode(), planted)]:
        forge(saved, text, rest)
        with pytest.raises(ict.StateError):
            ict.Stream.load(saved)
    assert not trace.exists()
    pickle.loads(planted).close()
    assert trace.exists()


@pytest.mark.parametrize(
    "shape",
    [
        [2**62],
        [2**40, 2**40],
        [10**30],
        [2**33],
        [-1],
        [-1, -1],
        ["x"],
        [None],
        [1e400],
        [float("nan")],
        3,
        None,
    ],
    ids=str,
)
def test_absurd_sizes_are_refused(saved: Path, shape: Any) -> None:
    header, body = taken_apart(saved)
    header["arrays"][0]["shape"] = shape
    forge(saved, json.dumps(header).encode(), body)
    with pytest.raises(ict.StateError, match="malformed"):
        ict.Stream.load(saved)


def test_a_frame_that_announces_more_than_memory_is_refused(saved: Path) -> None:
    huge = 2**55
    frame = b"\x28\xb5\x2f\xfd" + b"\xc0\x00" + struct.pack("<Q", huge) + b"\x01\x00\x00"
    header, _ = taken_apart(saved)
    header["arrays"] = [{"dtype": "<i8", "shape": [huge // 8]}]
    forge(saved, json.dumps(header).encode(), frame)
    with pytest.raises(ict.StateError, match="malformed"):
        ict.Stream.load(saved)


@pytest.mark.parametrize("dtype", ["O", "|O", "<i4", ">i8", "|S8", "<U2", "<M8[ns]", 8, None])
def test_arrays_of_other_kinds_are_refused(saved: Path, dtype: Any) -> None:
    header, body = taken_apart(saved)
    header["arrays"][0]["dtype"] = dtype
    forge(saved, json.dumps(header).encode(), body)
    with pytest.raises(ict.StateError, match="malformed"):
        ict.Stream.load(saved)


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[]", b"3", b'{"arrays": {}}', b"[" * 100_000, b"\xff{}"], ids=len
)
def test_headers_that_are_none_are_refused(saved: Path, text: bytes) -> None:
    forge(saved, text, taken_apart(saved)[1])
    with pytest.raises(ict.StateError):
        ict.Stream.load(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "table"),
        ("kernels", None),
        ("detectors", []),
        ("detectors", "swings"),
        ("detectors", [{"name": "swings"}]),
        ("detectors", [{"name": "unheard_of", "parameters": {}}]),
        ("detectors", [{"name": "swings", "parameters": {"left": 0}}]),
        ("detectors", [{"name": "swings", "parameters": {"left": 3}}]),
        ("detectors", [{"name": "cisd", "parameters": {}}]),
        ("keep", False),
        ("bars", -1),
        ("bars", 119),
        ("bars", 120.0),
        ("bars", "120"),
        ("last_time", "now"),
        ("last_time", 0.5),
    ],
)
def test_headers_that_do_not_fit_their_arrays_are_refused(saved: Path, key: str, value: Any) -> None:
    header, body = taken_apart(saved)
    header[key] = value
    forge(saved, json.dumps(header).encode(), body)
    with pytest.raises(ict.StateError):
        ict.Stream.load(saved)


@pytest.mark.parametrize(
    "key", ["kind", "kernels", "detectors", "symbol", "timeframe", "keep", "bars", "last_time"]
)
def test_headers_that_lack_something_are_refused(saved: Path, key: str) -> None:
    header, body = taken_apart(saved)
    del header[key]
    forge(saved, json.dumps(header).encode(), body)
    with pytest.raises(ict.StateError):
        ict.Stream.load(saved)


def test_left_out_or_surplus_arrays_are_refused(saved: Path) -> None:
    header, arrays = read_arrays(saved)
    for changed in (arrays[:-1], arrays[1:], [], [*arrays, arrays[-1]]):
        write_arrays(saved, header, changed)
        with pytest.raises(ict.StateError):
            ict.Stream.load(saved)


Block = NDArray[Any]


@pytest.fixture
def gaps(market: ict.Candles, tmp_path: Path) -> Path:
    stream = ict.Stream(GAPS)
    stream.extend(market[:120])
    stream.save(tmp_path / "gaps")
    return tmp_path / "gaps"


# What the file of a stream of one detector holds, in order.
PLACES = ["open", "high", "low", "close", *k.State._fields, "time", "rows", "values", "log"]


def set_cell(column: Any, value: Any, row: Any = 0) -> Callable[[Block], Block]:
    def change(block: Block) -> Block:
        block[(row, column) if block.ndim > 1 else column] = value
        return block

    return change


def heaps_root(block: Block) -> int:
    return int(k.ROOTS + np.flatnonzero(block[k.ROOTS : k.ROOTS + k.HEAPS] >= 0)[0])


def twice_the_same_root(block: Block) -> Block:
    block[k.ROOTS : k.ROOTS + k.HEAPS] = block[heaps_root(block)]
    return block


FORGERIES: dict[str, tuple[str, Callable[[Block], Block]]] = {
    "left link beyond": ("zone_ints", set_cell(LEFT, 10**6)),
    "right link beyond": ("zone_ints", set_cell(RIGHT, 10**6)),
    "link to the slot after the last": ("zone_ints", lambda block: set_cell(LEFT, len(block))(block)),
    "link below none": ("zone_ints", set_cell(LEFT, -2)),
    "link to itself": ("zone_ints", set_cell(LEFT, 0)),
    "links that cut a heap off": ("zone_ints", set_cell(LEFT, -1, slice(None))),
    "stage beyond": ("zone_ints", set_cell(STAGE, 5)),
    "stage of a free slot": ("zone_ints", set_cell(STAGE, -1)),
    "id beyond": ("zone_ints", set_cell(ID, 10**9)),
    "id below": ("zone_ints", set_cell(ID, -1)),
    "root beyond": ("ints", lambda block: set_cell(heaps_root(block), 10**6)(block)),
    "root below none": ("ints", lambda block: set_cell(heaps_root(block), -5)(block)),
    "root lost": ("ints", lambda block: set_cell(heaps_root(block), -1)(block)),
    "root shared": ("ints", twice_the_same_root),
    "free slot": ("ints", set_cell(k.ZONES_FREE, 3)),
    "more slots than there are": ("ints", set_cell(k.ZONES_USED, 10**6)),
    "fewer live zones": ("ints", set_cell(k.ZONES_LIVE, 0)),
    "next id": ("ints", set_cell(k.NEXT_ID, 0)),
    "memory that is not there": ("ints", set_cell(k.MEMORY_USED, 5)),
    "memory before its head": ("ints", set_cell(k.MEMORY_HEAD, -5)),
    "cells missing": ("ints", lambda block: block[:-1]),
    "floats missing": ("floats", lambda block: block[:-1]),
    "best key of an empty heap": ("floats", set_cell(slice(k.BEST, k.BEST + k.HEAPS), 1e9)),
    "key that is not the best": ("zone_floats", set_cell(KEY, 1e9, slice(None))),
    "floats of fewer zones": ("zone_floats", lambda block: block[1:]),
    "narrow zones": ("zone_ints", lambda block: block[:, 1:].copy()),
    "zones of floats": ("zone_ints", lambda block: block.astype(np.float64)),
    "zones in a row": ("zone_ints", lambda block: block.ravel()),
    "memory that it has no use for": ("memory_ints", lambda block: np.zeros((1, 3), np.int64)),
    "times missing": ("time", lambda block: block[1:]),
    "times of floats": ("time", lambda block: block.astype(np.float64)),
    "last candles missing": ("close", lambda block: block[1:]),
    "last candles whole": ("close", lambda block: block.astype(np.int64)),
    "rows missing": ("rows", lambda block: block[1:]),
    "narrow rows": ("rows", lambda block: block[:, 1:].copy()),
    "values missing": ("values", lambda block: block[1:]),
    "change of a row beyond": ("log", set_cell(k.CHANGE_CELL, 10**6 * k.CELL_COLUMNS)),
    "change of a row below": ("log", set_cell(k.CHANGE_CELL, -k.CELL_COLUMNS)),
    "change of a column beyond": ("log", set_cell(k.CHANGE_CELL, 5)),
}


@pytest.mark.parametrize("forgery", list(FORGERIES))
def test_arrays_that_would_be_read_or_written_out_of_bounds_are_refused(gaps: Path, forgery: str) -> None:
    place, change = FORGERIES[forgery]
    header, arrays = read_arrays(gaps)
    at = PLACES.index(place)
    before = arrays[at].copy()
    arrays[at] = change(arrays[at])
    assert (
        before.shape != arrays[at].shape or before.dtype != arrays[at].dtype or (before != arrays[at]).any()
    )
    write_arrays(gaps, header, arrays)
    with pytest.raises(ict.StateError, match="malformed"):
        ict.Stream.load(gaps)


WIDE = ict.detector("swings", left=40, right=40)
"""Swings whose window is large enough to be carried along in queues: 81 bars."""


def forge_queue(path: Path, market: ict.Candles, side: int, change: Callable[[Block], None]) -> None:
    """Save a stream after 120 bars, with the queue of highs (side 0) or lows (1) changed."""
    stream = ict.Stream(WIDE)
    stream.extend(market[:120])
    stream.save(path)
    header, arrays = read_arrays(path)
    queue = np.split(arrays[4][k.OWN_INTS :], 2)[side]
    before = queue.copy()
    change(queue)
    assert (queue != before).any()
    write_arrays(path, header, arrays)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("cell", "value"),
    [(FIRST, -1), (FIRST, 2 * 81 + 1), (FIRST, 10**9), (END, -1), (END, 2 * 81 + 1), (END, 10**9)],
)
def test_queues_that_lead_out_of_the_state_are_refused(
    market: ict.Candles, tmp_path: Path, side: int, cell: int, value: int
) -> None:
    forge_queue(tmp_path / "swings", market, side, lambda queue: queue.__setitem__(cell, value))
    with pytest.raises(ict.StateError, match="do not fit each other or the candles"):
        ict.Stream.load(tmp_path / "swings")


@pytest.mark.parametrize("bar", [-1, 0, 120 - 81 - 1, 120, 10**9])
def test_queues_of_bars_that_are_not_looked_back_at_are_refused(
    market: ict.Candles, tmp_path: Path, bar: int
) -> None:
    forge_queue(tmp_path / "swings", market, 0, lambda queue: queue.__setitem__(QUEUE + queue[FIRST], bar))
    with pytest.raises(ict.StateError, match="do not fit each other or the candles"):
        ict.Stream.load(tmp_path / "swings")


def test_a_displacement_that_was_never_found_is_refused(market: ict.Candles, tmp_path: Path) -> None:
    stream = ict.Stream(ict.detector("displacements", body_atr=1e9), keep=False)
    stream.extend(market[:120])
    stream.save(tmp_path / "stream")
    header, arrays = read_arrays(tmp_path / "stream")
    arrays[4][k.OWN_INTS] = 1
    write_arrays(tmp_path / "stream", header, arrays)
    with pytest.raises(ict.StateError, match="do not fit each other or the candles"):
        ict.Stream.load(tmp_path / "stream")


def test_gaps_that_are_still_open_have_to_be_remembered(market: ict.Candles, tmp_path: Path) -> None:
    stream = ict.Stream("inverse_fair_value_gaps")
    stream.extend(market[:120])
    stream.save(tmp_path / "stream")
    header, arrays = read_arrays(tmp_path / "stream")
    ints, remembered, values = 4 + 6, 4 + 6 + 4, 4 + 6 + 5
    assert len(arrays[remembered]) > 1
    backwards = list(arrays)
    backwards[remembered], backwards[values] = arrays[remembered][::-1], arrays[values][::-1]
    forgotten = [array.copy() for array in arrays]
    forgotten[remembered], forgotten[values] = arrays[remembered][1:], arrays[values][1:]
    forgotten[ints][k.MEMORY_USED] -= 1
    for changed in (backwards, forgotten):
        write_arrays(tmp_path / "stream", header, changed)
        with pytest.raises(ict.StateError, match="do not fit each other or the candles"):
            ict.Stream.load(tmp_path / "stream")


def test_the_unforged_arrays_are_accepted(gaps: Path, market: ict.Candles) -> None:
    write_arrays(gaps, *read_arrays(gaps))
    stream = ict.Stream.load(gaps)
    stream.extend(market[120:])
    assert stream.events(GAPS) == ict.fair_value_gaps(market)


def test_states_are_checked_against_the_shape_of_their_detector() -> None:
    swings, breaks = (next(iter(ict.Stream(name)._folds.values())) for name in ("swings", GAPS))
    with pytest.raises(ict.StateError):
        check_state(swings.shape, breaks.state)


# --- where it can't be written ----------------------------------------------------------------------------------------


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.parametrize("name", ["missing/stream", "folder", "file/stream", "pipe"])
def test_places_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    os.mkfifo(tmp_path / "pipe")
    before = left_over(tmp_path)
    with pytest.raises(ict.OutputError, match=f"cannot write .*{name}: "):
        ict.Stream("swings").save(tmp_path / name)
    assert left_over(tmp_path) == before
    assert (tmp_path / "file").read_text() == "kept"
    assert (tmp_path / "pipe").is_fifo()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that may be read but not written; root, who may write everywhere, becomes nobody."""
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    yield folder
    os.seteuid(before)


def test_a_folder_without_permission(locked: Path) -> None:
    with pytest.raises(ict.OutputError, match=r"cannot write .*/locked/stream: Permission denied"):
        ict.Stream("swings").save(locked / "stream")


def test_a_link_stays_one(tmp_path: Path, market: ict.Candles) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "stream")
    ict.Stream("swings", symbol="EURUSD").save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert ict.Stream.load(tmp_path / "real" / "stream").symbol == "EURUSD"


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 1,000 bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_file_before(saved: Path, market: ict.Candles, full_disk: None) -> None:
    content = saved.read_bytes()
    assert len(content) > 1_000
    stream = ict.Stream(["swings", GAPS, "cisd"])
    stream.extend(market)
    with pytest.raises(ict.OutputError, match=r"cannot write .*stream: File too large"):
        stream.save(saved)
    with pytest.raises(ict.OutputError, match="File too large"):
        stream.save(saved.with_name("new"))
    assert left_over(saved.parent) == ["stream"]
    assert saved.read_bytes() == content


# --- nothing is ever unpickled ----------------------------------------------------------------------------------------

MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
UNPICKLERS = {"pickle", "_pickle", "cPickle", "shelve", "marshal", "dill", "cloudpickle"}


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_unpickles(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = imported(tree)
    assert not {name.partition(".")[0] for name in names} & UNPICKLERS
    assert not names & {"joblib.load", "joblib.numpy_pickle", "pandas.read_pickle"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in {"joblib.load", "pd.read_pickle", "np.lib.format.read_array"}
            assert node.attr != "read_pickle"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


def test_streams_are_loaded_where_there_is_no_unpickling(saved: Path) -> None:
    """In a process in which it fails once the compiled code, which is pickled, is there."""
    code = f"""
import pickle, _pickle
import ict_kernels as ict
path = {str(saved)!r}
ict.Stream.load(path)
def refuse(*_, **__): raise AssertionError("something is unpickled")
pickle.load = pickle.loads = pickle.Unpickler = _pickle.load = _pickle.loads = _pickle.Unpickler = refuse
print(len(ict.Stream.load(path)))
"""
    assert output_of(code) == "120\n"
