"""Columns of cached tables as bytes: what comes back, and what is refused."""

from __future__ import annotations

import copy
import json
import struct
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import ict_kernels as ict
from ict_kernels.cache._codec import decode, encode
from ict_kernels.fold import as_bars, as_columns, fold_batch

Columns = Mapping[str, NDArray[Any]]

INT64 = np.iinfo(np.int64)
POSITIONS = st.one_of(
    st.integers(-1, 300), st.integers(0, 10**6), st.sampled_from([-1, INT64.min, INT64.min + 1, INT64.max])
)
PRICES = st.one_of(
    st.integers(-(10**6), 10**6).map(lambda ticks: ticks / 1e5),
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, float("inf"), -float("inf"), 2.0**52, 2.0**53 + 2.0, 5e-324]),
)
# NaNs with a payload, and one that signals.
NANS = np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x7FF0000000000001], np.uint64).view(np.float64)


def array(dtype: str, elements: st.SearchStrategy[Any], rows: int) -> st.SearchStrategy[NDArray[Any]]:
    return hnp.arrays(dtype, rows, elements=elements, fill=st.nothing())


@st.composite
def tables(draw: st.DrawFn) -> dict[str, NDArray[Any]]:
    """Tables with some columns of each kind, `confirmed` anywhere among them or not at all."""
    rows = draw(st.sampled_from([0, 1, 2, 3, 7, 40]))
    kinds = {
        "position": array("int64", POSITIONS, rows),
        "int64": array("int64", st.integers(INT64.min, INT64.max), rows),
        "int8": array("int8", st.integers(-128, 127), rows),
        "price": array("float64", PRICES, rows),
        "decimal": array("float64", st.integers(-(10**6), 10**6).map(lambda ticks: ticks / 1e5), rows),
        "nan": array("float64", st.sampled_from(NANS.tolist()), rows),
        "bits": array("int64", st.integers(INT64.min, INT64.max), rows).map(lambda bits: bits.view("f8")),
        "2-D": hnp.arrays("int64", (rows, draw(st.integers(0, 3)))),
        "2-D floats": hnp.arrays("float64", (draw(st.integers(0, 3)), rows)),
    }
    names = draw(st.lists(st.sampled_from([*kinds]), max_size=8))
    columns = {f"{name} {place}": draw(kinds[name]) for place, name in enumerate(names)}
    floats = [values for values in columns.values() if values.dtype == np.float64 and values.ndim == 1]
    if len(floats) > 1 and draw(st.booleans()):
        with np.errstate(all="ignore"):
            columns["size"] = floats[-2] - floats[-1]
    if draw(st.booleans()):
        columns["confirmed"] = draw(kinds[draw(st.sampled_from(["position", "position", "price", "2-D"]))])
    return columns


def assert_same(mine: Columns, theirs: Columns) -> None:
    assert list(mine) == list(theirs)
    for name, values in theirs.items():
        assert (mine[name].dtype, mine[name].shape) == (values.dtype, values.shape), name
        assert mine[name].tobytes() == values.tobytes(), name
        assert mine[name].flags.aligned
        assert not mine[name].flags.writeable


def round_trip(columns: Columns, compressed: bool) -> tuple[dict[str, Any], bytes]:
    """Encode and decode, the declaration through a file's JSON."""
    declared, body = encode(columns, compressed=compressed)
    declared = json.loads(json.dumps(declared))
    assert_same(decode(declared, memoryview(body)), columns)
    return declared, body


def example() -> dict[str, NDArray[Any]]:
    """A table whose columns are kept in every way there is."""
    top = np.array([1.25, 1.5, 1.75, 2.0])
    bottom = np.array([1.1, 1.2, 1.3, 1.4])
    return {
        "bar": np.array([0, 3, 4, 299]),
        "confirmed": np.array([1, 4, 5, 300]),
        "direction": np.array([1, -1, 1, -1], np.int8),
        "top": top,
        "bottom": bottom,
        "size": top - bottom,
        "ratio": np.array([1 / 3, np.nan, -0.0, np.inf]),
        "broken": np.array([7, -1, 100, -1]),
        "state": np.arange(8).reshape(2, 4),
    }


# --- round trips --------------------------------------------------------------------------------------------------


@given(tables(), st.booleans())
def test_columns_come_back_bit_for_bit(columns: Columns, compressed: bool) -> None:
    round_trip(columns, compressed)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("columns", [{}, example(), {"a": NANS, "b": -NANS}], ids=["none", "example", "nan"])
def test_corner_cases_come_back(columns: Columns, compressed: bool) -> None:
    round_trip(columns, compressed)


@pytest.mark.parametrize("confirmed", [[0, INT64.max, INT64.min, -1], [5, 5, 5, 5], [-1, -1, -1, -1]])
@pytest.mark.parametrize(
    "other", [[-1, -1, -1, -1], [INT64.min, INT64.max, -1, 0], [4, -1, 5, 6], [INT64.min, -1, -1, -1]]
)
def test_distances_may_wrap_around(confirmed: list[int], other: list[int]) -> None:
    round_trip({"life": np.array(other), "confirmed": np.array(confirmed)}, compressed=True)


def test_strided_columns_come_back() -> None:
    block = np.arange(60).reshape(10, 6)
    round_trip(
        {"a": block[:, 1], "b": block[::2, 2] / 100, "c": block.T, "d": block[::-1, 0]}, compressed=True
    )


@pytest.fixture(scope="module")
def detected() -> dict[str, dict[str, NDArray[Any]]]:
    candles = ict.sample_market(["EURUSD"], bars=3_000)[0]
    specs = [ict.detector(name) for name in ict.detectors()]
    emitted = fold_batch(specs, as_bars(candles.open, candles.high, candles.low, candles.close))
    return {spec.name: as_columns(spec, [emitted[spec]]) for spec in specs}


@pytest.mark.parametrize("name", ict.detectors())
@pytest.mark.parametrize("compressed", [False, True])
def test_tables_of_detectors_come_back(detected: Mapping[str, Columns], name: str, compressed: bool) -> None:
    round_trip(detected[name], compressed)


def test_compressed_tables_are_small(detected: Mapping[str, Columns]) -> None:
    sizes = [
        [len(encode(columns, compressed=compressed)[1]) for columns in detected.values()]
        for compressed in (True, False)
    ]
    assert sum(sizes[0]) < 0.15 * sum(sizes[1])


def test_each_column_is_kept_as_its_values_ask_for() -> None:
    declared, _ = round_trip(example(), compressed=True)
    of = {column["name"]: (column.get("of", []), column.get("width", 0)) for column in declared["columns"]}
    assert of == {
        "bar": (["confirmed"], 1),
        "confirmed": ([], 2),
        "direction": ([], 0),
        "top": ([], 1),
        "bottom": ([], 1),
        "size": (["top", "bottom"], 0),
        "ratio": ([], 0),
        "broken": (["confirmed"], 1),
        "state": ([], 0),
    }


def test_raw_columns_are_views_at_multiples_of_64_bytes() -> None:
    declared, body = encode(example(), compressed=False)
    block = np.frombuffer(body, np.uint8)
    for values in decode(declared, body).values():
        assert np.shares_memory(values, block)
        assert (values.ctypes.data - block.ctypes.data) % 64 == 0


def test_raw_columns_from_an_odd_address_are_aligned_copies() -> None:
    declared, body = encode(example(), compressed=False)
    shifted = np.empty(len(body) + 9, np.uint8)
    start = (1 - shifted.ctypes.data) % 8
    shifted[start : start + len(body)] = np.frombuffer(body, np.uint8)
    assert_same(decode(declared, shifted.data[start : start + len(body)]), example())


def test_compressed_columns_hold_nothing_but_themselves() -> None:
    for values in decode(*encode(example(), compressed=True)).values():
        assert values.base is None


def test_threads_do_not_disturb_each_other(detected: Mapping[str, Columns]) -> None:
    columns = detected["swings"]
    done = []

    def work() -> None:
        for _ in range(20):
            round_trip(columns, compressed=True)
        done.append(True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4


@pytest.mark.parametrize(
    "values",
    [np.zeros(3, np.int32), np.zeros(3, ">i8"), np.zeros(3, bool), np.zeros((1, 1, 1)), np.array(1.0)],
    ids=["int32", "byte order", "bool", "3-D", "0-D"],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_other_arrays_are_refused_by_name(values: NDArray[Any], compressed: bool) -> None:
    with pytest.raises(TypeError, match="column 'odd' is"):
        encode({"odd": values}, compressed=compressed)


# --- damage and lies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
def test_every_truncation_and_extension_is_refused(compressed: bool) -> None:
    declared, body = encode(example(), compressed=compressed)
    for wrong in (*(body[:length] for length in range(len(body))), body + b"\0", body + body):
        with pytest.raises(ValueError, match="the block is"):
            decode(declared, wrong)


@pytest.mark.parametrize("compressed", [False, True])
def test_flipped_bits_give_columns_or_a_value_error(compressed: bool) -> None:
    declared, body = encode(example(), compressed=compressed)
    shapes = {name: values.shape for name, values in example().items()}
    refused = 0
    for bit in range(0, 8 * len(body), 3):
        damaged = bytearray(body)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            columns = decode(declared, bytes(damaged))
        except ValueError:
            refused += 1
        else:
            assert {name: values.shape for name, values in columns.items()} == shapes
    assert refused > 0 if compressed else refused == 0


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(body: bytes) -> None:
    declared, _ = encode(example(), compressed=True)
    with pytest.raises(ValueError, match="the block is"):
        decode(declared, body)


@pytest.mark.parametrize("power", [20, 36, 46, 62])
def test_a_frame_that_lies_about_its_size_takes_no_memory(power: int) -> None:
    empty = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << power) + b"\1\0\0"
    column = {"name": "a", "dtype": "int8", "shape": [1 << power]}
    with pytest.raises(ValueError, match="not of the declared size"):
        decode({"compressed": True, "columns": [column]}, empty)


LIES: list[tuple[Any, list[Any]]] = [
    ("name", [None, 1, [], {}, "confirmed"]),
    ("dtype", ["float32", "O", "<i8", None, 8, [], {}]),
    ("shape", [None, 4, "4", {"4": 1}, [True], [4.0], ["4"], [None], [[4]]]),
    ("shape", [[], [0], [5], [-1], [2, -2], [1, 2, 2], [2**40], [10**30], [2**62, 0]]),
    (
        "of",
        [
            None,
            1,
            "confirmed",
            [1],
            [[]],
            ["nothing"],
            ["broken"],
            ["state"],
            ["direction"],
            ["ratio"],
            ["top"],
        ],
    ),
    ("of", [["confirmed", "confirmed"], ["top", "top", "top"]]),
    ("width", [3, 16, -1, True, 1.0, "1", None]),
    ("decimals", [1, 9, -1, 10**30, True, 1.0, None]),
    ("first", [2**63, -(2**63) - 1, True, 0.5, "1", None]),
    ("unset", [2**63, -(2**63) - 1, False, 0.5, "1"]),
    ("unknown", [1]),
    (1, [1]),
]


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in LIES for value in values])
def test_lies_about_a_column_are_refused(field: str, value: Any) -> None:
    declared, body = encode(example(), compressed=True)
    broken = next(column for column in declared["columns"] if column["name"] == "broken")
    broken[field] = value
    with pytest.raises(ValueError, match="declar"):
        decode(declared, body)


def leaves() -> st.SearchStrategy[Any]:
    names = st.sampled_from([*example()])
    numbers = st.one_of(st.integers(-3, 9), st.integers())
    return st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=3), names, numbers)


@given(
    st.integers(0, len(example()) - 1),
    st.sampled_from(["name", "dtype", "shape", "of", "width", "decimals", "first", "unset"]),
    st.one_of(
        leaves(), st.lists(leaves(), max_size=3), st.dictionaries(st.text(max_size=2), leaves(), max_size=2)
    ),
    st.booleans(),
)
def test_any_lie_gives_columns_or_a_value_error(place: int, field: str, value: Any, compressed: bool) -> None:
    declared, body = encode(example(), compressed=compressed)
    declared = copy.deepcopy(declared)
    declared["columns"][place][field] = value
    try:
        columns = decode(declared, body)
    except ValueError:
        return
    assert len(columns) == len(example())
    assert not any(values.flags.writeable for values in columns.values())


@pytest.mark.parametrize(
    "declared",
    [None, 1, [], "ab", {}, {"compressed": True}, {"columns": []}, {"compressed": 1, "columns": []}],
    ids=str,
)
def test_declarations_of_another_form_are_refused(declared: Any) -> None:
    with pytest.raises(ValueError, match="declar"):
        decode(declared, b"")


@pytest.mark.parametrize("columns", [None, 1, "a", {"a": 1}, [None], [[]], [{}]], ids=str)
def test_columns_declared_in_another_form_are_refused(columns: Any) -> None:
    with pytest.raises(ValueError, match="declaration is malformed"):
        decode({"compressed": False, "columns": columns}, b"")


def test_doubled_names_are_refused() -> None:
    declared, body = encode({"a": np.zeros(8)}, compressed=False)
    declared["columns"] *= 2
    with pytest.raises(ValueError, match="doubles a name"):
        decode(declared, body + body)


def test_columns_of_each_other_are_refused() -> None:
    pair = [{"name": a, "dtype": "int64", "shape": [64], "width": 1, "of": [b]} for a, b in ("ab", "ba")]
    with pytest.raises(ValueError, match="malformed"):
        decode({"compressed": True, "columns": pair}, b"")


def test_raw_blocks_hold_plain_columns_only() -> None:
    declared = {"compressed": False, "columns": [{"name": "a", "dtype": "int64", "shape": [64], "width": 1}]}
    with pytest.raises(ValueError, match="column 'a' is declared as none is ever kept"):
        decode(declared, bytes(64))
