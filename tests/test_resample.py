"""Coarser candles, against a grouping written independently."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ict_kernels.candles import Candles
from ict_kernels.errors import CandleError, ParameterError
from ict_kernels.kernels._types import F64
from ict_kernels.market import sample_market
from ict_kernels.resample import resample
from ict_kernels.timeframes import nanoseconds

NAMES = ("time", "open", "high", "low", "close", "volume")
ZONES = [
    "UTC",
    "Europe/Athens",
    "America/New_York",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
]


def hourly(start: str, bars: int, minutes: int = 60) -> Candles:
    """Candles without gaps whose prices and volumes tell the bars apart."""
    time = np.datetime64(start, "ns").astype(np.int64) + np.arange(bars) * minutes * 60_000_000_000
    number = np.arange(bars, dtype=np.float64)
    close: F64 = 100.0 + np.mod(number, 17.0)
    wick: F64 = np.mod(number, 3.0)
    volume: F64 = number + 1.0
    return Candles._trusted(
        time, close - 0.5, close + 1.0 + wick, close - 1.0, close, volume, "X",
        {60: "1h", 15: "15min", 30: "30min"}[minutes],
    )  # fmt: skip


def opening(instant: int, timeframe: str, tz: str) -> int:
    """The start of the bin of one instant, by the calendar of the standard library."""
    where, length = ZoneInfo(tz), nanoseconds(timeframe)
    local = datetime.fromtimestamp(instant // 10**9, timezone.utc).astimezone(where)
    days = {"1W": local.weekday()}.get(timeframe, 0)
    midnight = datetime.combine(local.date() - timedelta(days=days), datetime.min.time())
    # The first instant whose local time is at or after midnight, found by trying.
    moment = midnight.replace(tzinfo=timezone.utc) - timedelta(hours=15)
    while moment.astimezone(where).replace(tzinfo=None) < midnight:
        moment += timedelta(minutes=15)
    start = int(moment.timestamp()) * 10**9
    return start if length >= nanoseconds("1D") else start + (instant - start) // length * length


def grouped(candles: Candles, timeframe: str, tz: str) -> pd.DataFrame:
    frame = candles.to_pandas().reset_index(drop=True)
    bins = [opening(int(instant), timeframe, tz) for instant in candles.time]
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return frame.groupby(np.array(bins)).agg(how)


@given(
    st.sampled_from(["2023-03-08T05:00", "2023-10-25T22:30", "2018-11-01", "2024-04-24T13:00", "2024-10-30"]),
    st.integers(1, 120),
    st.sampled_from(["1h", "2h", "4h", "7h", "1D", "1W"]),
    st.sampled_from(ZONES),
    st.randoms(use_true_random=False),
)
def test_resample_is_a_grouping(start: str, bars: int, timeframe: str, tz: str, random: Random) -> None:
    whole = hourly(start, bars)
    kept = np.array([random.random() < 0.8 for _ in range(bars)])
    columns: dict[str, Any] = {name: getattr(whole, name)[kept] for name in NAMES}
    candles = Candles._trusted(**columns, symbol="X", timeframe="1h")
    got = resample(candles, timeframe, tz=tz, partial=True)
    want = grouped(candles, timeframe, tz)
    assert got.time.tolist() == want.index.tolist()
    for name in want:
        assert getattr(got, str(name)).tolist() == want[name].tolist()
    assert got.timeframe == timeframe
    assert got.symbol == "X"


def test_the_last_bar_is_dropped_until_it_is_finished() -> None:
    candles = hourly("2024-01-01", 8)
    assert len(resample(candles, "4h")) == 2
    assert len(resample(candles[:7], "4h")) == 1
    assert len(resample(candles[:7], "4h", partial=True)) == 2
    assert len(resample(candles[:3], "4h")) == 0


@pytest.mark.parametrize(("bars", "whole"), [(22, 0), (23, 1), (24, 1)])
def test_a_short_day_is_finished_after_23_hours(bars: int, whole: int) -> None:
    candles = hourly("2024-03-30T22:00", bars)
    assert len(resample(candles, "1D", tz="Europe/Athens")) == whole


def test_the_odd_bar_of_a_long_day_ends_at_midnight() -> None:
    candles = hourly("2024-10-26T21:00", 25)  # Athens goes back at 4 on this day
    bars = resample(candles, "4h", tz="Europe/Athens")
    assert np.diff(bars.time).tolist() == [nanoseconds("4h")] * 6
    assert len(bars) == 7
    assert bars.volume[-1] == candles.volume[-1]


def test_weeks_begin_on_monday() -> None:
    weeks = resample(hourly("2024-01-03", 24 * 20), "1W", tz="America/New_York", partial=True)
    local = pd.DatetimeIndex(weeks.time.view("M8[ns]")).tz_localize("UTC").tz_convert("America/New_York")
    assert set(local.day_of_week) == {0}
    assert set(local.hour) == {0}


@given(st.integers(0, 400), st.sampled_from(["30min", "1h", "4h", "1D"]))
def test_finished_bars_never_change(bars: int, timeframe: str) -> None:
    candles = hourly("2024-03-08", 400, minutes=15)
    late, early = (c.resample(timeframe, tz="America/New_York") for c in (candles, candles[:bars]))
    assert early == late[: len(early)]


def test_same_timeframe_is_the_same_candles() -> None:
    candles = sample_market(["EURUSD"], bars=1_000)[0]
    assert resample(candles, "M15") == candles


def test_two_steps_are_one() -> None:
    candles = sample_market(["EURUSD"], bars=5_000)[0]
    assert candles.resample("1h").resample("1D") == candles.resample("1D")


def test_nothing_to_resample() -> None:
    assert len(resample(hourly("2024-01-01", 0), "4h")) == 0


@pytest.mark.parametrize(
    ("timeframe", "message"), [("30min", "finer"), ("90min", "no multiple"), ("soon", "not a timeframe")]
)
def test_impossible_timeframes(timeframe: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        resample(hourly("2024-01-01", 10), timeframe)


def test_unknown_source_and_zone() -> None:
    one = hourly("2024-01-01", 1)
    bare = Candles._trusted(one.time, one.open, one.high, one.low, one.close, one.volume, "X", "")
    with pytest.raises(ParameterError, match="no timeframe"):
        resample(bare, "4h")
    with pytest.raises(CandleError, match="unknown time zone"):
        resample(one, "4h", tz="Mars")
