"""Event tables: their schema, reading, exports, comparison and looks."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import ict_kernels as ict
from ict_kernels import Events
from ict_kernels.registry import Column

MINUTE = 60_000_000_000
SCHEMA = (
    Column("bar", "where"),
    Column("confirmed", "when it is known"),
    Column("direction", "which way", "int8", "code", "negate"),
    Column("level", "how high", "float64", "price", "negate"),
    Column("broken", "what ended it", life=True),
)
EVENTS = [name for name, entry in ict.detectors().items() if not entry.dense]


def columns(rows: int = 3) -> dict[str, NDArray[Any]]:
    """Up to three rows, of which the first is broken at bar 4 and the second knows no level."""
    return {
        "bar": np.array([0, 1, 3])[:rows],
        "confirmed": np.array([2, 3, 4])[:rows],
        "direction": np.array([1, -1, 1], np.int8)[:rows],
        "level": np.array([1.5, math.nan, 2.5])[:rows],
        "broken": np.array([4, -1, 5])[:rows],
    }


def events(changed: Mapping[str, NDArray[Any]] | None = None, **options: Any) -> Events:
    options.setdefault("time", np.arange(6) * MINUTE)
    return Events("levels", SCHEMA, {**columns(), **(changed or {})}, **options)


def at(*bars: int) -> list[Any]:
    """Instants of bars, in UTC."""
    return [pd.Timestamp(bar * MINUTE, tz="UTC") if bar >= 0 else pd.NaT for bar in bars]


# --- making -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("bar", np.array([0, 1, 3], np.int32), "column 'bar' must be 1-D int64, not 1-D int32"),
        ("direction", np.array([1, -1, 1]), "column 'direction' must be 1-D int8, not 1-D int64"),
        ("level", np.array([1, 2, 3]), "column 'level' must be 1-D float64, not 1-D int64"),
        ("level", np.zeros((3, 1)), "column 'level' must be 1-D float64, not 2-D float64"),
        ("broken", np.array([4, -1]), "differ in length: .*'bar': 3.*'broken': 2"),
    ],
)
def test_columns_that_break_the_schema_are_refused_by_name(
    name: str, values: NDArray[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        events({name: values})


def test_a_missing_column_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="column 'level' is missing"):
        Events("levels", SCHEMA, {name: values for name, values in columns().items() if name != "level"})


def test_columns_without_a_place_in_the_schema_are_left_out() -> None:
    table = events({"internal": np.zeros(3)})
    assert table.columns == ("bar", "confirmed", "direction", "level", "broken")
    assert table.life == ("broken",)


# --- reading ------------------------------------------------------------------------------------------------------


def test_columns_are_attributes_and_items() -> None:
    table = events()
    assert table.bar.tolist() == table["bar"].tolist() == [0, 1, 3]
    assert table.direction.dtype == np.int8
    assert len(table) == 3


def test_unknown_columns_are_answered_with_the_known_ones() -> None:
    table = events()
    with pytest.raises(AttributeError, match="levels has no column 'top'; it has bar, confirmed, direction"):
        _ = table.top
    with pytest.raises(KeyError, match="levels has no column 'top'; it has bar, confirmed, direction"):
        _ = table["top"]
    assert not hasattr(table, "_top")


@pytest.mark.parametrize("name", ["detector", "columns", "_time", "__class__"])
def test_attributes_that_are_no_columns_are_no_items(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        _ = events()[name]


def test_columns_cannot_be_written() -> None:
    table = events()
    for name in table.columns:
        with pytest.raises(ValueError, match="read-only"):
            table[name][0] = 0
    assert table == events()


def test_making_a_table_leaves_the_arrays_of_the_caller_writable() -> None:
    mine = columns()
    Events("levels", SCHEMA, mine)
    assert all(values.flags.writeable for values in mine.values())


def test_records_by_position() -> None:
    first = {"bar": 0, "confirmed": 2, "direction": 1, "level": 1.5, "broken": 4}
    last = {"bar": 3, "confirmed": 4, "direction": 1, "level": 2.5, "broken": 5}
    table = events()
    assert table[0] == table[np.int64(-3)] == first
    assert table[-1] == table[2] == last
    assert [type(value) for value in first.values()] == [type(value) for value in table[0].values()]
    assert [record["bar"] for record in table] == [0, 1, 3]


@pytest.mark.parametrize("position", [3, -4])
def test_positions_beyond_the_table_are_refused(position: int) -> None:
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 3"):
        _ = events()[position]


@pytest.mark.parametrize(
    ("rows", "bars"),
    [
        (slice(1, None), [1, 3]),
        (slice(None, None, -1), [3, 1, 0]),
        ([2, 0], [3, 0]),
        ([-1], [3]),
        ([], []),
        (np.array([], np.int64), []),
        (np.array([True, False, True]), [0, 3]),
        ([False, False, False], []),
        (np.array([1], np.uint8), [1]),
    ],
)
def test_rows_of_slices_masks_and_lists(rows: Any, bars: list[int]) -> None:
    table = events(symbol="EURUSD", timeframe="1min", parameters={"left": 1})[rows]
    assert table.bar.tolist() == bars
    assert table.columns == events().columns
    assert (table.symbol, table.timeframe, table.parameters) == ("EURUSD", "1min", {"left": 1})
    assert table.times("bar").tolist() == [bar * MINUTE for bar in bars]


@pytest.mark.parametrize(
    "rows",
    [
        0.5,
        [0.5],
        None,
        True,
        np.True_,
        np.array(1.0),
        np.zeros((1, 1), np.int64),
        [[True, False, True]],
        ["bar"],
    ],
)
def test_whatever_chooses_no_rows_is_refused(rows: Any) -> None:
    with pytest.raises(IndexError, match="a position, a slice, a mask or a list of positions"):
        _ = events()[rows]


@pytest.mark.parametrize("length", [1, 2, 4])
def test_masks_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(IndexError, match="size of axis is 3"):
        _ = events()[np.ones(length, bool)]


def test_a_mask_may_come_as_a_series() -> None:
    mask: Any = pd.Series([False, True, True])
    assert events()[mask].bar.tolist() == [1, 3]


def test_completion_knows_the_columns() -> None:
    assert {"bar", "broken", "to_pandas", "as_of"} <= set(dir(events()))


def test_a_copy_is_equal() -> None:
    assert copy.copy(events()) == events()
    assert copy.deepcopy(events()) == events()


@pytest.mark.parametrize("name", EVENTS)
def test_no_column_hides_behind_an_attribute(name: str) -> None:
    taken = set(dir(Events))
    assert not taken & {column.name for column in ict.detectors()[name].columns}


# --- times and prefixes -------------------------------------------------------------------------------------------


def test_times_of_positions() -> None:
    instants = events().times("broken")
    assert instants.dtype == "datetime64[ns]"
    assert instants.astype(np.int64).tolist() == [4 * MINUTE, np.iinfo(np.int64).min, 5 * MINUTE]
    assert events().times().tolist() == [0, MINUTE, 3 * MINUTE]


@pytest.mark.parametrize("column", ["level", "direction", "top"])
def test_times_of_what_holds_no_positions_are_refused(column: str) -> None:
    with pytest.raises(ict.ParameterError, match=f"'{column}' holds no bar.*: bar, confirmed, broken$"):
        events().times(column)


def test_events_without_candles_know_no_times() -> None:
    table = events(time=None)
    with pytest.raises(ict.ParameterError, match="no times"):
        table.times()
    with pytest.raises(ict.ParameterError, match="no times"):
        table.to_pandas(times=True)
    assert table.to_pandas().equals(events().to_pandas())


@pytest.mark.parametrize(
    ("bar", "bars", "broken"),
    [
        (1, [], []),
        (2, [0], [-1]),
        (3, [0, 1], [-1, -1]),
        (4, [0, 1, 3], [4, -1, -1]),
        (9, [0, 1, 3], [4, -1, 5]),
    ],
)
def test_as_of_leaves_out_what_came_later(bar: int, bars: list[int], broken: list[int]) -> None:
    table = events().as_of(bar)
    assert table.bar.tolist() == bars
    assert table.broken.tolist() == broken
    assert table.broken.dtype == np.int64


@pytest.mark.parametrize("name", EVENTS)
def test_as_of_is_detection_on_the_prefix(name: str) -> None:
    candles = ict.sample_market(bars=400)[0]
    detect: Callable[..., Events] = getattr(ict, name)
    whole = detect(candles)
    for bar in (-1, 0, 99, 250, 399, 10_000):
        assert not whole.as_of(bar).difference(detect(candles[: bar + 1]))


# --- exports ------------------------------------------------------------------------------------------------------

DTYPES = {"bar": "int64", "confirmed": "int64", "direction": "int8", "level": "float64", "broken": "int64"}
WITH_TIMES = ["bar", "bar_time", "confirmed", "confirmed_time", "direction", "level", "broken", "broken_time"]


def test_to_pandas() -> None:
    frame = events().to_pandas()
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == DTYPES
    assert frame["broken"].tolist() == [4, -1, 5]
    assert list(frame.index) == [0, 1, 2]


def test_to_pandas_with_times() -> None:
    frame = events().to_pandas(times=True)
    assert list(frame.columns) == WITH_TIMES
    assert str(frame["broken_time"].dtype) == "datetime64[ns, UTC]"
    assert frame["broken_time"].tolist() == at(4, -1, 5)
    assert frame["confirmed_time"].tolist() == at(2, 3, 4)


def test_to_pandas_takes_no_other_column_for_a_time() -> None:
    schema = (*SCHEMA, Column("best_time", "a share", "float64", "ratio"))
    table = Events("levels", schema, {**columns(), "best_time": np.ones(3)}, time=np.arange(6) * MINUTE)
    assert table.to_pandas(times=True)["best_time"].tolist() == [1.0, 1.0, 1.0]


def test_to_arrow() -> None:
    table = events().to_arrow()
    kinds = {"float64": pa.float64(), "int64": pa.int64(), "int8": pa.int8()}
    assert dict(zip(table.schema.names, table.schema.types)) == {
        name: kinds[kind] for name, kind in DTYPES.items()
    }
    assert table["broken"].to_pylist() == [4, -1, 5]


def test_to_arrow_with_times() -> None:
    table = events().to_arrow(times=True)
    assert table.schema.names == WITH_TIMES
    assert table.schema.field("broken_time").type == pa.timestamp("ns", "UTC")
    assert table["broken_time"].null_count == 1
    assert table["broken_time"].cast(pa.int64()).to_pylist() == [4 * MINUTE, None, 5 * MINUTE]


def test_to_polars() -> None:
    pl = pytest.importorskip("polars")
    frame = events().to_polars(times=True)
    assert frame.columns == WITH_TIMES
    assert frame.schema["direction"] == pl.Int8
    assert frame.schema["broken_time"] == pl.Datetime("ns", "UTC")
    assert frame["broken_time"].dt.timestamp("ns").to_list() == [4 * MINUTE, None, 5 * MINUTE]
    assert events().to_polars().columns == list(DTYPES)


def test_records() -> None:
    record = events().records(times=True)[0]
    assert list(record) == WITH_TIMES
    assert record["broken_time"] == np.datetime64(4 * MINUTE, "ns")
    assert np.isnat(events().records(times=True)[1]["broken_time"])
    assert "broken_time" not in events().records()[0]


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("bars", [0, 1, 2])
def test_empty_tables_of_every_detector_keep_their_schema(name: str, times: bool, bars: int) -> None:
    table = getattr(ict, name)(ict.sample_market(bars=10)[0][:bars])
    declared = {column.name: column.dtype for column in ict.detectors()[name].columns if not column.internal}
    assert len(table) == 0
    assert {key: str(table[key].dtype) for key in table.columns} == declared
    frame = table.to_pandas(times=times)
    assert {key: str(frame[key].dtype) for key in declared} == declared
    assert table.to_arrow(times=times).schema.names == list(frame.columns)
    assert table.to_polars(times=times).columns == list(frame.columns)
    assert all(str(frame[key].dtype) == "datetime64[ns, UTC]" for key in set(frame.columns) - set(declared))
    assert table.records(times=times) == []
    assert table.as_of(5) == table


def test_frames_have_memory_of_their_own() -> None:
    table = events()
    frame, lazy = table.to_pandas(), table.to_polars()
    frame.loc[:, "bar"] = 9
    frame.loc[:, "level"] = 9.0
    lazy[0, "level"] = 9.0
    assert table == events()
    assert not np.shares_memory(table.to_pandas()["level"].to_numpy(), table.level)


def test_exports_take_no_part_in_later_writes_of_the_caller() -> None:
    mine = columns()
    table = Events("levels", SCHEMA, mine)
    frame, lazy, records = table.to_pandas(), table.to_polars(), table.records()
    mine["bar"][:] = 9
    assert (
        frame["bar"].tolist() == lazy["bar"].to_list() == [record["bar"] for record in records] == [0, 1, 3]
    )


# --- comparing ----------------------------------------------------------------------------------------------------


def test_equal_tables_with_nan() -> None:
    assert events() == events()
    assert events().difference(events()) == ""
    with pytest.raises(TypeError, match="unhashable"):
        hash(events())


def test_tables_of_other_detectors_and_other_things_are_unequal() -> None:
    assert events() != Events("others", SCHEMA, columns())
    assert events() != columns()
    assert events() != 3


def test_the_difference_names_the_first_row_and_column() -> None:
    other = events({"level": np.array([1.5, 2.0, 9.0]), "broken": np.array([4, -1, -1])})
    words = events().difference(other)
    assert events() != other
    assert words.startswith("row 1 differs first in 'level':\n")
    assert "nan" in words
    assert "2.0" in words


def test_the_earliest_row_wins_over_the_earlier_column() -> None:
    other = events({"bar": np.array([0, 1, 2]), "broken": np.array([3, -1, 5])})
    assert events().difference(other).startswith("row 0 differs first in 'broken'")


def test_within_a_row_the_first_column_wins() -> None:
    other = events({"bar": np.array([0, 2, 3]), "confirmed": np.array([2, 2, 4])})
    assert events().difference(other).startswith("row 1 differs first in 'bar'")


@pytest.mark.parametrize("turned", [False, True])
def test_the_difference_in_length_shows_the_surplus(turned: bool) -> None:
    pair = [events(), events()[:2]]
    mine, theirs = reversed(pair) if turned else pair
    words = mine.difference(theirs)
    assert words.startswith(f"{len(mine)} rows against {len(theirs)}; the first of the surplus, row 2: ")
    assert "'level': 2.5" in words


def test_the_difference_in_columns_and_dtypes() -> None:
    fewer = Events("levels", SCHEMA[:-1], columns())
    assert (
        events()
        .difference(fewer)
        .startswith("columns differ: bar, confirmed, direction, level, broken against")
    )
    single = (*SCHEMA[:3], Column("level", "how high", "int64", "price"), SCHEMA[4])
    other = Events("levels", single, {**columns(), "level": np.array([1, 2, 3])})
    assert events().difference(other) == "dtype of 'level' differs: float64 against int64"


def test_infinities_and_signed_zeros_compare_as_numbers() -> None:
    mine = events({"level": np.array([np.inf, -np.inf, 0.0])})
    assert mine == events({"level": np.array([np.inf, -np.inf, -0.0])})
    assert mine != events({"level": np.array([np.inf, np.inf, 0.0])})


# --- looks --------------------------------------------------------------------------------------------------------


def test_printing_an_empty_table_is_one_line() -> None:
    assert repr(events(symbol="EURUSD", timeframe="15min")[:0]) == "levels of EURUSD 15min: 0 events"


def test_printing_short_tables_shows_every_row() -> None:
    lines = repr(events()).splitlines()
    assert lines[0] == "levels: 3 events"
    assert lines[1].split() == ["bar", "confirmed", "direction", "level", "broken"]
    assert lines[4].split() == ["2", "3", "4", "1", "2.5", "5"]
    assert len(lines) == 5
    assert repr(events()[:1]).startswith("levels: 1 event\n")


def long_table() -> Events:
    rows = np.arange(1_000)
    direction = np.ones(1_000, np.int8)
    level = np.full(1_000, 0.5)
    names = ("bar", "confirmed", "direction", "level", "broken")
    return Events("levels", SCHEMA, dict(zip(names, (rows, rows, direction, level, rows))), symbol="<b>&")


def test_printing_long_tables_leaves_rows_out() -> None:
    lines = repr(long_table()).splitlines()
    assert lines[0] == "levels of <b>&: 1000 events"
    assert lines[2].split()[0] == "0"
    assert lines[-1].split()[0] == "999"
    assert len(lines) == 11


def test_notebooks_show_a_table_with_the_market_escaped() -> None:
    page = long_table()._repr_html_()
    assert page.startswith("<p><b>levels of &lt;b&gt;&amp;: 1000 events</b></p>")
    assert page.count("<tr") == 10
    assert "<th>broken</th>" in events()[:0]._repr_html_()
    assert events()._repr_html_().count("<tr") == 4
