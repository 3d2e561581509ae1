"""Candles: built from anything, checked once, immutable ever after."""

from __future__ import annotations

import copy
import csv
import pickle
import warnings
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ict_kernels.candles import BLOCK, Candles
from ict_kernels.errors import CandleError, NaiveTimeWarning, ParameterError
from ict_kernels.market import sample_market

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NAMES = ("time", "open", "high", "low", "close", "volume")
LONG = sample_market(["EURUSD"], bars=3 * BLOCK + 100)[0]
UTC: dict[str, Any] = {"tz": "UTC"}

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="real candles are not part of the package")


def frame(rows: int = 4, **changes: Any) -> pd.DataFrame:
    """A good frame, or one with some columns changed."""
    times = pd.date_range("2024-01-02", periods=rows, freq="15min", tz="UTC").as_unit("ns")
    columns: dict[str, Any] = {
        "time": times,
        "open": 1.5,
        "high": 2.0,
        "low": 1.0,
        "close": 1.25,
        "volume": 7,
    }
    return pd.DataFrame({**columns, **changes})


def relabelled(candles: Candles, symbol: str, timeframe: str) -> Candles:
    """The same data under other names, with nothing remembered."""
    columns: dict[str, Any] = {name: getattr(candles, name).copy() for name in NAMES}
    return Candles._trusted(**columns, symbol=symbol, timeframe=timeframe)


def refused(what: str, **changes: Any) -> None:
    with pytest.raises(CandleError, match=what):
        Candles.from_pandas(frame(**changes), **UTC)


# ---------------------------------------------------------------------- sources


def test_every_source_gives_the_same_candles(tmp_path: Path) -> None:
    table = LONG[:500].to_pandas()
    want = Candles.from_pandas(table, symbol="EURUSD")
    assert want == LONG[:500]
    named: dict[str, Any] = {"symbol": "EURUSD"}
    table.to_csv(tmp_path / "EURUSD_15M.csv")
    table.to_parquet(tmp_path / "EURUSD_15M.parquet")
    arrays = [getattr(want, name) for name in NAMES]
    assert Candles.from_pandas(table.reset_index(), **named) == want
    assert Candles.from_polars(want.to_polars(), **named) == want
    assert Candles.from_arrow(want.to_arrow(), **named) == want
    assert Candles.from_arrow(want.to_arrow().to_batches()[0], **named) == want
    assert Candles.from_arrow(pa.Table.from_pandas(table), **named) == want
    assert Candles.from_numpy(*arrays, **named) == want
    assert Candles.from_numpy(*(column.tolist() for column in arrays), **named) == want
    assert Candles.from_csv(tmp_path / "EURUSD_15M.csv") == want
    assert Candles.from_parquet(str(tmp_path / "EURUSD_15M.parquet")) == want


def test_metatrader_rates() -> None:
    dtype = [
        ("time", "<i8"),
        *((name, "<f8") for name in NAMES[1:5]),
        ("tick_volume", "<u8"),
        ("spread", "<i4"),
        ("real_volume", "<u8"),
    ]
    rates = np.array([(1704153600 + 900 * i, 1.5, 2.0, 1.0, 1.25, 7, 1, 0) for i in range(4)], dtype=dtype)
    assert Candles.from_numpy(rates) == Candles.from_pandas(frame())
    athens = Candles.from_numpy(rates, tz="Europe/Athens")
    assert (rates["time"] * 10**9 - athens.time == 7_200 * 10**9).all()
    with pytest.raises(CandleError, match="do not pass open"):
        Candles.from_numpy(rates, [1.0])
    with pytest.raises(CandleError, match="missing column close; found"):
        Candles.from_numpy(rates[["time", "open", "high", "low"]])


@pytest.mark.parametrize(
    "dtype", ["f4", "i4", "u2", ">f8", ">i4", "longdouble", "Float64", "Int64", object, "str", "string"]
)
def test_dtypes_of_prices(dtype: Any) -> None:
    prices = pd.DataFrame({"open": [2, 3], "high": [4, 5], "low": [1, 2], "close": [3, 4]}).astype(dtype)
    candles = Candles.from_numpy([0, 60], *(prices[name] for name in prices))
    assert [candles.open.tolist(), candles.close.tolist()] == [[2.0, 3.0], [3.0, 4.0]]


def test_odd_arrays() -> None:
    wide = np.arange(8.0)[::-2]
    frozen = np.array([7.0, 5.0, 3.0, 1.0])
    frozen.flags.writeable = False
    times = np.arange(4, dtype=">i8") * 60 + 1_704_153_600
    candles = Candles.from_numpy(
        times,
        wide,
        frozen,
        frozen.astype("f4"),
        np.array([Decimal(x) for x in "7531"]),
        pl.Series([1, 2, 3, 4]),
    )
    assert candles.open.tolist() == candles.close.tolist() == frozen.tolist()
    assert all(getattr(candles, name).flags.c_contiguous for name in NAMES)
    float32 = np.array([0.1], dtype=np.float32)
    assert Candles.from_numpy([0], *[float32] * 4).open[0] == float(np.float32(0.1))


@pytest.mark.parametrize(
    "dtype", [pd.ArrowDtype(pa.float32()), pd.ArrowDtype(pa.decimal128(5, 2)), pd.ArrowDtype(pa.string())]
)
def test_arrow_backed_frames(dtype: Any) -> None:
    arrow = (
        frame()
        .astype(dict.fromkeys(NAMES[1:5], dtype))
        .astype({"time": pd.ArrowDtype(pa.timestamp("us", tz="UTC"))})
    )
    assert Candles.from_pandas(arrow) == Candles.from_pandas(frame())


@pytest.mark.parametrize(
    ("real", "tick", "want"),
    [
        ([0, 3, 0, 0], [1] * 4, [0, 3, 0, 0]),
        ([0] * 4, [1, 2, 3, 4], [1, 2, 3, 4]),
        (None, [5] * 4, [5] * 4),
        (None, None, [0] * 4),
        ([0] * 4, None, [0] * 4),
    ],
)
def test_volume(real: Any, tick: Any, want: list[int]) -> None:
    extra = {name: values for name, values in (("Real_Volume", real), ("<TICKVOL>", tick)) if values}
    assert Candles.from_pandas(frame().drop(columns="volume").assign(**extra)).volume.tolist() == want


@pytest.mark.parametrize("name", ["Time", "<DATE>", "DateTime", "Gmt time", " timestamp ", "open_time"])
def test_names_of_the_time(name: str) -> None:
    table = frame().rename(columns={"time": name, "open": "Open", "high": "<HIGH>", "low": " LOW"})
    assert Candles.from_pandas(table) == Candles.from_pandas(frame())
    assert Candles.from_pandas(table.set_index(name)) == Candles.from_pandas(frame())


def test_an_index_of_times_is_the_time() -> None:
    table = frame().set_index("time").rename_axis(None).assign(Date="today", time="now")
    assert Candles.from_pandas(table) == Candles.from_pandas(frame())


@pytest.mark.parametrize("extra", ["Close", "<OPEN>", "TickVol2", "timestamp"])
def test_two_columns_of_one_name(extra: str) -> None:
    table = frame().assign(**{extra: 1.0})
    if extra == "TickVol2":
        assert len(Candles.from_pandas(table)) == 4
        return
    with pytest.raises(CandleError, match="two columns for the"):
        Candles.from_pandas(table)
    with pytest.raises(CandleError, match="two columns for the"):
        Candles.from_arrow(pa.Table.from_pandas(table))


@pytest.mark.parametrize("build", [Candles.from_pandas, Candles.from_polars, Candles.from_arrow])
def test_wrong_kind_of_table(build: Callable[[Any], Candles]) -> None:
    with pytest.raises(CandleError, match="not dict"):
        build({"open": [1.0]})


def test_the_constructor_points_to_the_others() -> None:
    with pytest.raises(TypeError, match="from_pandas"):
        Candles([1.0])


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", NAMES[:5])
def test_missing_column(name: str) -> None:
    with pytest.raises(CandleError, match=f"missing column {name}; found: .*volume"):
        Candles.from_pandas(frame().drop(columns=name))


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("open", [1.5, np.nan, 1.5, 1.5], r"open is NaN in 1 row: 1 \(2024-01-02 00:15:00\)"),
        ("close", [1.5, None, "1.5", 1.5], r"close is NaN in 1 row: 1"),
        ("high", [np.inf, 2, 2, 2], r"high is infinite in 1 row: 0"),
        ("low", [1, 1, 1, -np.inf], r"low is infinite in 1 row: 3"),
        ("low", [1, 1, 3.0, 1], r"high < low in 1 row: 2 \(2024-01-02 00:30:00\)"),
        ("open", [0.5, 3, 1.5, 0.5], r"open outside \[low, high\] in 3 rows: 0 \(.*\), 1 \(.*\), 3 "),
        (
            "close",
            [2.5] * 4,
            r"close outside \[low, high\] in 4 rows: 0 \(.*\), 1 \(.*\), 2 \([^)]*\), \.\.\.",
        ),
        ("close", [1, "x", 1, ""], r"close is not a number in 2 rows: 1 \(2024-01-02 00:15:00, 'x'\)"),
        ("volume", [1, -1, 0, 0], r"volume is negative in 1 row: 1"),
        ("volume", [1, np.nan, 0, 0], r"volume is NaN in 1 row: 1"),
        ("volume", [1, np.inf, 0, 0], r"volume is infinite in 1 row: 1"),
    ],
)
def test_bad_rows(column: str, values: list[Any], what: str) -> None:
    refused(what + r'.*on_error="drop"', **{column: values})
    changes: dict[str, Any] = {column: values}
    kept = Candles.from_pandas(frame(**changes), on_error="drop")
    assert 0 <= len(kept) == 4 - len(kept.dropped) < 4


@pytest.mark.parametrize(
    "values", [[True] * 4, pd.date_range("2024", periods=4), [1j] * 4, pd.Categorical(list("abcd"))]
)
def test_columns_that_are_no_numbers(values: Any) -> None:
    refused("column open is not numeric: its dtype is", open=values)


def test_time_faults() -> None:
    t = pd.date_range("2024-01-02", periods=5, freq="h", tz="UTC")
    refused(r"time is missing in 1 row: 1\.", time=[t[0], pd.NaT, t[2], t[3]])
    refused(r"time out of order in 2 rows: 1 \(2024-01-02 01:00:00\), 3", time=t[[2, 1, 3, 0]])
    refused(r"time doubled in 1 row: 2 \(2024-01-02 01:00:00\)", time=t[[0, 1, 1, 2]])
    refused("time is not a time: its dtype is bool", time=[True] * 4)
    refused("time is not a time", time=[[1], [2], [3], [4]])
    refused("time is not a time", time=pd.to_timedelta([1, 2, 3, 4]))
    refused(
        "time cannot be read in 1 row: 1", time=[1_704_153_600, 1_704_153_600.5, 1_704_153_602, 1_704_153_603]
    )
    refused("unknown layout", time=["01/02/2024"] * 4)
    refused("time cannot be read", time=np.array(["3000-01-01"] * 4, dtype="M8[s]"))


def test_several_faults_are_all_named() -> None:
    refused("open is NaN.*; high < low", open=[np.nan, 1.5, 1.5, 1.5], low=[1, 3, 1, 1])


def test_shapes() -> None:
    with pytest.raises(CandleError, match="equally long, not open 2, high 1"):
        Candles.from_numpy([0, 1], [1, 1], [1], [1, 1], [1, 1])
    with pytest.raises(CandleError, match=r"1-D, not of shape open \(1, 2\)"):
        Candles.from_numpy([0, 1], [[1, 1]], [1, 1], [1, 1], [1, 1])
    with pytest.raises(CandleError, match="1-D"):
        Candles.from_numpy(0, 1, 1, 1, 1)
    with pytest.raises(CandleError, match="ragged"):
        Candles.from_numpy([0, 1], [[1], [1, 2]], [1, 1], [1, 1], [1, 1])
    with pytest.raises(CandleError, match="missing column high, low, close; found: open, time"):
        Candles.from_numpy([0, 1], [1, 1])


def test_options() -> None:
    with pytest.raises(ParameterError, match="on_error"):
        Candles.from_pandas(frame(), on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="not a timeframe"):
        Candles.from_pandas(frame(), timeframe="soon")
    with pytest.raises(ParameterError, match="symbol"):
        Candles.from_pandas(frame(), symbol=5)  # type: ignore[arg-type]
    with pytest.raises(CandleError, match="unknown time zone 'Mars'"):
        Candles.from_pandas(frame(), tz="Mars")


def test_nothing_is_valid_too() -> None:
    for empty in (frame(0), frame().iloc[:0], pd.DataFrame({name: [] for name in NAMES})):
        candles = Candles.from_pandas(empty, symbol="X", timeframe="1h")
        assert (len(candles), candles.timeframe, len(candles.dropped)) == (0, "1h", 0)
    assert Candles.from_pandas(frame(0)).timeframe == ""
    assert repr(candles) == "<Candles X 1h: 0 bars>"


# ---------------------------------------------------------------------- dropping


def test_drop_lists_what_and_why() -> None:
    t = pd.date_range("2024-01-02", periods=6, freq="h", tz="UTC")
    table = frame(6, time=t[[0, 5, 2, 2, 4, 5]], high=[2, 0, 2, 2, 2, np.nan])
    candles = Candles.from_pandas(table, on_error="drop")
    assert candles.time.tolist() == t[[0, 2, 4]].as_unit("ns").asi8.tolist()
    assert candles.dropped.to_numpy().tolist() == [[1, "high < low"], [3, "time doubled"], [5, "high is NaN"]]
    copied = candles.dropped
    copied["row"] = 0
    assert candles.dropped["row"].tolist() == [1, 3, 5]
    assert candles[:2].dropped.empty
    assert list(candles[:2].dropped) == ["row", "reason"]


@given(st.lists(st.integers(0, 30), max_size=20), st.data())
def test_dropping_keeps_a_good_ascending_series(times: list[int], data: st.DataObject) -> None:
    lows = data.draw(st.lists(st.sampled_from([1.0, np.nan, 3.0]), min_size=len(times), max_size=len(times)))
    want: list[int] = []
    for time, low in zip(times, lows, strict=True):
        if low == 1.0 and (not want or time > want[-1]):
            want.append(time)
    two = np.full(len(times), 2.0)
    kept = Candles.from_numpy(
        np.array(times, dtype=np.int64), two, two, np.array(lows, dtype=float), two, on_error="drop"
    )
    assert kept.time.tolist() == [time * 10**9 for time in want]
    assert len(kept) + len(kept.dropped) == len(times)


# ---------------------------------------------------------------------- times


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("kind", ["i8", "datetime", "object", "str"])
def test_units(unit: str, kind: str) -> None:
    times = frame()["time"].dt.tz_localize(None).to_numpy().astype(f"M8[{unit}]")
    given = {
        "i8": times.astype("i8"),
        "datetime": times,
        "object": times.astype("i8").astype(object),
        "str": times.astype("i8").astype(str),
    }[kind]
    assert Candles.from_pandas(frame(time=given), **UTC) == Candles.from_pandas(frame())


@pytest.mark.parametrize(
    "layout",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y.%m.%d %H:%M",
        "%Y/%m/%d %H:%M:%S.%f",
        "%d.%m.%Y %H:%M:%S.%f",
        "%Y%m%d %H%M%S",
        "%Y%m%d %H%M",
        "%Y-%m-%d %H:%M:%S%z",
        "%Y-%m-%dT%H:%M:%SZ",
        " %Y-%m-%d %H:%M:%S ",
    ],
)
def test_layouts(layout: str) -> None:
    table = frame(time=frame()["time"].dt.strftime(layout))
    assert Candles.from_pandas(table, **UTC) == Candles.from_pandas(frame())


def test_text_of_another_layout_is_named() -> None:
    refused(
        r"time cannot be read in 1 row: 2 \('soon'\)", time=["2024-01-02", "2024-01-03", "soon", "2024-01-05"]
    )


@pytest.mark.parametrize(
    "times",
    [
        [datetime(2024, 1, day, tzinfo=timezone.utc) for day in (2, 3)],
        [date(2024, 1, day) for day in (2, 3)],
        [pd.Timestamp(2024, 1, day) for day in (2, 3)],
        [datetime(2024, 1, day, 2, tzinfo=timezone(timedelta(hours=2))) for day in (2, 3)],
        np.array(["2024-01-02", "2024-01-03"], dtype="M8[D]"),
        ["20240102", "20240103"],
    ],
)
def test_objects(times: Any) -> None:
    candles = Candles.from_pandas(frame(2, time=pd.Series(times, dtype=object)), **UTC)
    assert candles.time.tolist() == pd.to_datetime(["2024-01-02", "2024-01-03"]).as_unit("ns").asi8.tolist()


@pytest.mark.parametrize("day", [pd.to_datetime(["2024-01-02"] * 4), ["2024.01.02"] * 4])
def test_date_and_time(day: Any) -> None:
    table = frame(time=["00:00", "00:15", "00:30", "00:45"]).assign(date=day)
    assert Candles.from_pandas(table, **UTC) == Candles.from_pandas(frame())


def test_zones_become_utc() -> None:
    athens = frame(time=frame()["time"].dt.tz_convert("Europe/Athens"))
    naive = frame(time=athens["time"].dt.tz_localize(None))
    assert Candles.from_pandas(athens, tz="Asia/Tokyo") == Candles.from_pandas(frame())
    assert Candles.from_pandas(naive, tz="Europe/Athens") == Candles.from_pandas(frame())


def test_naive_times_warn_at_the_caller(tmp_path: Path) -> None:
    naive = frame(time=frame()["time"].dt.tz_localize(None))
    path = tmp_path / "a.csv"
    naive.to_csv(path)
    builders: list[Callable[[], Candles]] = [
        lambda: Candles.from_pandas(naive),
        lambda: Candles.from_csv(path),
        lambda: Candles.from_polars(pl.from_pandas(naive)),
    ]
    for build in builders:
        with pytest.warns(NaiveTimeWarning, match='tz="UTC"') as caught:
            assert build() == Candles.from_pandas(frame())
        assert [warning.filename for warning in caught] == [__file__]


def hours(*clock: str) -> Candles:
    times = [f"2024-10-27 {time}" for time in clock]
    return Candles.from_numpy(times, *[np.ones(len(times))] * 4, tz="Europe/Athens")


def test_the_hour_that_occurs_twice_is_told_by_order() -> None:
    candles = hours("02:30", "03:00", "03:30", "03:00", "03:30", "04:00")
    assert set(np.diff(candles.time)) == {1_800 * 10**9}
    assert set(np.diff(hours("02:00", "03:00", "03:00", "04:00").time)) == {3_600 * 10**9}
    with pytest.raises(CandleError, match=r"ambiguous in Europe/Athens in 2 rows: 1 \(2024-10-27 03:00:00\)"):
        hours("02:30", "03:00", "03:30", "04:00")


@given(
    st.sampled_from([5, 15, 30, 60]), st.sampled_from(["Europe/Athens", "America/New_York", "America/Havana"])
)
def test_localising_undoes_the_wall_clock(minutes: int, tz: str) -> None:
    utc = pd.date_range("2022-06-01", "2024-06-01", freq=f"{minutes}min", tz="UTC").as_unit("ns")
    wall = utc.tz_convert(tz).tz_localize(None)
    assert np.array_equal(Candles.from_numpy(wall, *[np.ones(len(utc))] * 4, tz=tz).time, utc.asi8)


def test_an_hour_that_does_not_exist() -> None:
    times = ["2024-03-31 02:30", "2024-03-31 03:30", "2024-03-31 04:00"]
    with pytest.raises(
        CandleError, match=r"time does not exist in Europe/Athens in 1 row: 1 \(2024-03-31 03:30:00\)"
    ):
        Candles.from_numpy(times, *[np.ones(3)] * 4, tz="Europe/Athens")
    kept = Candles.from_numpy(times, *[np.ones(3)] * 4, tz="Europe/Athens", on_error="drop")
    assert kept.dropped["row"].tolist() == [1]


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_metatrader_text(tmp_path: Path, separator: str, encoding: str) -> None:
    text = (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2024.01.02\t00:00:00\t1.5\t2.0\t1.0\t1.25\t7\t0\t3\n2024.01.02\t00:15:00\t1.5\t2.0\t1.0\t1.25\t7\t0\t3\n"
    )
    path = tmp_path / "GBPUSD_M15_202401020000_202401020015.csv"
    path.write_text(text.replace("\t", separator), encoding=encoding)
    want = Candles.from_pandas(frame(2), symbol="GBPUSD", timeframe="15min")
    assert Candles.from_csv(path, **UTC) == want


@pytest.mark.parametrize(
    "line",
    [
        "2024.01.02,00:{:02}, 1.5,2.0,1.0,1.25,7",
        "2024-01-02 00:{:02},1.5,2.0,1.0,1.25,7,extra",
        "20240102 00{:02}00;1.5;2.0;1.0;1.25;7",
    ],
)
def test_text_without_header(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n\n" + "\n".join(line.format(minute) for minute in (0, 15, 30, 45)) + "\n\n")
    assert Candles.from_csv(path, **UTC) == Candles.from_pandas(frame())


def test_the_name_of_a_file_is_only_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD_1H.csv"
    frame().to_csv(path)
    found = Candles.from_csv(path)
    assert (found.symbol, found.timeframe) == ("EURUSD", "15min")  # an hour cannot be right
    found = Candles.from_csv(path, symbol="X", timeframe="4h")
    assert (found.symbol, found.timeframe) == ("X", "4h")
    frame().to_csv(tmp_path / "EURUSD_1M.csv")
    assert Candles.from_csv(tmp_path / "EURUSD_1M.csv").timeframe == "1min"
    frame().to_csv(tmp_path / "prices.csv")
    assert Candles.from_csv(tmp_path / "prices.csv").symbol == ""


def test_types_do_not_depend_on_how_a_file_begins(tmp_path: Path) -> None:
    rows = 60_000
    closes = np.where(np.arange(rows) < rows - 2, "1", "1.5")
    closes[-1] = "x"
    lines = [f"{1_704_153_600 + 60 * row},1,2,1,{close}" for row, close in enumerate(closes)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["time,open,high,low,close", *lines]))
    candles = Candles.from_csv(path, on_error="drop")
    assert candles.close[-1] == 1.5
    assert candles.dropped.to_numpy().tolist() == [[rows - 1, "close is not a number"]]


def test_only_a_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("time,open,high,low,close")
    assert len(Candles.from_csv(tmp_path / "x.csv")) == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"PK\x03\x04\0", "not a text file"),
        (b"hello world\nagain\n", "missing column time, open, high, low, close; found: hello world"),
        (b"time,open,high,low,Close,CLOSE\n1,1,1,1,1,1\n", "two columns for the close"),
        (b"time,open,high,low,close\n1,1,1,1,1\n2,1,1,1\n", "cannot be read as a table"),
        (b"1,2\n", "no header, and 2 columns"),
        (b"time,open,high,low,close\nsoon,1,1,1,1\n", "time 'soon' has an unknown layout"),
        (
            b"time,open,high,low,close\n2024-01-02,one,1,1,1\n",
            r"open is not a number in 1 row: 0 \(2024-01-02 00:00:00, 'one'\)",
        ),
    ],
)
def test_files_that_are_no_candles(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(content)
    with pytest.raises(CandleError, match=rf"prices\.csv: {what}"):
        Candles.from_csv(path, **UTC)
    with pytest.raises(CandleError, match=r"prices\.csv: not a Parquet file"):
        Candles.from_parquet(path)


@pytest.mark.parametrize("build", [Candles.from_csv, Candles.from_parquet])
def test_no_file(build: Callable[[Path], Candles], tmp_path: Path) -> None:
    with pytest.raises(CandleError, match=r"nowhere\.csv: No such file"):
        build(tmp_path / "nowhere.csv")
    with pytest.raises(CandleError, match=r"Is a directory|Permission denied"):
        build(tmp_path)


@needs_data
def test_a_real_metatrader_export() -> None:
    path = DATA / "EURUSD_15M.csv"
    candles = Candles.from_csv(path, tz="Europe/Athens")
    assert (
        repr(candles) == "<Candles EURUSD 15min: 24,424 bars, 2022-10-09 21:00:00 .. 2023-10-02 03:45:00 UTC>"
    )
    with path.open() as file:
        rows = list(csv.DictReader(file))
    for name in ("Open", "High", "Low", "Close"):
        assert getattr(candles, name.lower()).tolist() == [float(row[name]) for row in rows]
    assert candles.volume.tolist() == [float(row["Tickvol"]) for row in rows]


@needs_data
def test_a_real_file_in_utc() -> None:
    candles = Candles.from_csv(DATA / "GBPUSD_1M.csv")
    assert (
        repr(candles) == "<Candles GBPUSD 1min: 30,117 bars, 2012-02-01 00:00:00 .. 2012-03-01 00:00:00 UTC>"
    )
    assert not candles.volume.any()


# ---------------------------------------------------------------------- own and immutable


def test_later_changes_of_the_source_do_not_reach_candles() -> None:
    table = frame().set_index("time")
    candles = Candles.from_pandas(table)
    before = candles.digest
    table.loc[:, :] = 9.0
    table.iloc[0, 0] = -1.0
    assert (Candles.from_pandas(frame()) == candles, candles[:].digest) == (True, before)
    arrays = [np.arange(1.0, 5.0) for _ in range(4)]
    times = np.arange(4) + 1_704_153_600 * 10**9
    volume = np.ones(4)
    prices: dict[str, Any] = dict(zip(NAMES[1:5], arrays, strict=True))
    copied = Candles.from_numpy(times, volume=volume, **prices)
    for array in (times, *arrays, volume):
        assert not any(np.shares_memory(array, getattr(copied, name)) for name in NAMES)
        assert array.flags.writeable
    naive = frame()["time"].dt.tz_localize(None).to_numpy()
    assert not np.shares_memory(naive, Candles.from_pandas(frame(time=naive), **UTC).time)


def test_nothing_can_be_written() -> None:
    candles = LONG[:10]
    for name in NAMES:
        array = getattr(candles, name)
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
        with pytest.raises(AttributeError, match="immutable"):
            setattr(candles, name, array)
    with pytest.raises(AttributeError, match="immutable"):
        del candles.symbol
    with pytest.raises(AttributeError):
        candles.note = "x"
    table = candles.to_pandas()
    table.iloc[0, 0] = 0.0
    assert candles.open[0] != 0.0


@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        lambda c: pickle.loads(pickle.dumps(c)),
        lambda c: pickle.loads(pickle.dumps(c, 2)),
    ],
)
def test_copies_are_candles_again(again: Callable[[Candles], Candles]) -> None:
    candles = Candles.from_pandas(frame(high=[2, 2, 0, 2]), symbol="X", on_error="drop")
    twin = again(candles)
    assert twin == candles
    assert twin.digest == candles.digest
    assert twin.dropped.equals(candles.dropped)
    assert not any(getattr(twin, name).flags.writeable for name in NAMES)
    assert len(pickle.dumps(LONG[:10])) < 2_000


def test_slices_are_views() -> None:
    part = LONG[5:9]
    assert len(part) == 4
    assert np.shares_memory(part.close, LONG.close)
    assert part.close.tolist() == LONG.close[5:9].tolist()
    assert (part.symbol, part.timeframe) == ("EURUSD", "15min")
    assert len(LONG[-3:]) == 3
    assert len(LONG[9:5]) == len(LONG[10**9 :]) == 0
    with pytest.raises(CandleError, match="step 1, not 2"):
        LONG[::2]
    with pytest.raises(CandleError, match="step 1, not -1"):
        LONG[::-1]
    with pytest.raises(TypeError, match="not indexed by int"):
        LONG[0]  # type: ignore[index]


# ---------------------------------------------------------------------- identity


def test_equality_and_hash() -> None:
    one, two = Candles.from_pandas(frame()), Candles.from_pandas(frame())
    assert one == two
    assert {one: 1}[two] == 1
    assert one != Candles.from_pandas(frame(), symbol="X")
    assert one != Candles.from_pandas(frame(), timeframe="1h")
    assert one != Candles.from_pandas(frame(close=1.26))
    assert one != one[:3]
    assert one != "candles"
    zero = frame(low=-1.0, close=0.0)
    assert Candles.from_pandas(zero).digest == Candles.from_pandas(zero.assign(close=-0.0)).digest


@given(st.lists(st.integers(0, len(LONG)), max_size=5), st.booleans())
def test_appending_equals_having_it_all(cuts: list[int], digest_between: bool) -> None:
    edges = [0, *sorted(cuts), len(LONG)]
    grown = LONG[:0]
    for start, stop in pairwise(edges):
        grown = grown.append(LONG[start:stop])
        if digest_between:
            assert grown.digest == relabelled(LONG[:stop], "EURUSD", "15min").digest
    assert grown == LONG
    assert (grown.digest, grown.block_digests) == (LONG.digest, LONG.block_digests)


@given(st.integers(0, len(LONG)), st.integers(0, len(LONG)))
def test_digests_of_a_prefix_are_a_prefix(short: int, start: int) -> None:
    prefix = LONG[:short]
    assert prefix.block_digests == LONG.block_digests[: short // BLOCK]
    assert (prefix.digest == LONG.digest) == (short == len(LONG))
    assert (LONG[start:].digest == LONG.digest) == (start == 0)


def test_each_value_counts_in_the_digest() -> None:
    seen = {LONG[:10].digest, LONG[:9].digest, LONG[:0].digest}
    for name in NAMES:
        columns: dict[str, Any] = {n: getattr(LONG, n)[:10].copy() for n in NAMES}
        columns[name][3] += 1
        seen.add(Candles._trusted(**columns, symbol="EURUSD", timeframe="15min").digest)
    seen.add(relabelled(LONG[:10], "GBPUSD", "15min").digest)
    seen.add(relabelled(LONG[:10], "EURUSD", "1h").digest)
    assert len(seen) == 11
    assert all(len(digest) == 32 for digest in seen)


def test_digests_hold_between_releases() -> None:
    candles = Candles.from_numpy([0, 60], [1, 2], [3, 4], [0, 1], [2, 3], symbol="X")
    assert candles.digest == "0089cea757e5cb57fe6cc00347bebc4c"


def test_append_refuses_what_does_not_continue() -> None:
    with pytest.raises(CandleError, match=r"begin at .* not after the last bar"):
        LONG[:10].append(LONG[9:20])
    other = sample_market(["GBPUSD"], bars=20)[0]
    with pytest.raises(CandleError, match="another symbol: 'GBPUSD' to 'EURUSD'"):
        LONG[:10].append(other[10:])
    with pytest.raises(CandleError, match="another timeframe"):
        LONG[:10].append(LONG[16:].resample("1h"))


# ---------------------------------------------------------------------- out again


def test_tables_out() -> None:
    candles = LONG[:10]
    table = candles.to_pandas()
    assert (table.index.name, str(table.index.dtype)) == ("time", "datetime64[ns, UTC]")
    assert candles.to_polars().schema["time"] == pl.Datetime("ns", "UTC")
    assert candles.to_arrow().schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert (
        candles.to_polars()["close"].to_list()
        == table["close"].tolist()
        == candles.to_arrow()["close"].to_pylist()
    )
    assert candles.bars.low is candles.low


def test_html_is_escaped() -> None:
    text = Candles.from_pandas(frame(30), symbol="<b>")._repr_html_()
    assert "&lt;b&gt; 15min: 30 bars" in text
    assert text.count("<tr") < 15


def test_no_warning_without_need() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Candles.from_pandas(frame())
        Candles.from_pandas(frame(0), timeframe="1h")
