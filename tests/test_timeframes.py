"""Timeframes by name."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ict_kernels.errors import CandleError, ParameterError
from ict_kernels.timeframes import canonical, from_stem, infer, nanoseconds, zone

MINUTE = 60_000_000_000


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("1min", "1min"), ("1m", "1min"), ("1M", "1min"), ("M1", "1min"), ("m5", "5min"), ("5 min", "5min"),
        ("15min", "15min"), ("15m", "15min"), ("15M", "15min"), ("M15", "15min"), (" 15min ", "15min"),
        ("30MIN", "30min"), ("60min", "1h"), ("90min", "90min"), ("240m", "4h"), ("h", "1h"),
        ("1h", "1h"), ("1H", "1h"), ("H1", "1h"), ("h4", "4h"), ("4hours", "4h"), ("24h", "1D"),
        ("D1", "1D"), ("1d", "1D"), ("D", "1D"), ("7D", "1W"), ("W1", "1W"), ("1w", "1W"),
        ("1week", "1W"), ("30s", "30s"),
        (pd.Timedelta("15min"), "15min"), (timedelta(hours=4), "4h"), (np.timedelta64(1, "D"), "1D"),
    ],
)  # fmt: skip
def test_canonical(spelled: Any, name: str) -> None:
    assert canonical(spelled) == name


@pytest.mark.parametrize(
    "nonsense",
    ["", "M", "m", "15", "0min", "-5min", "1.5h", "MN1", "1month", "fast", "15min!", "٣min", 15, None, 1.5,
     timedelta(0), timedelta(seconds=-60), pd.Timedelta("1ms"), pd.NaT, np.timedelta64("NaT")],
)  # fmt: skip
def test_nonsense_is_refused_with_examples(nonsense: Any) -> None:
    with pytest.raises(ParameterError, match=r'not a timeframe: write it as "1min", "15min"'):
        canonical(nonsense)


@given(st.integers(1, 10_000), st.sampled_from(["s", "min", "h", "D", "W"]))
def test_canonical_keeps_the_length_and_is_its_own_canonical_form(count: int, unit: str) -> None:
    name = canonical(f"{count}{unit}")
    assert (
        nanoseconds(name)
        == nanoseconds(f"{count}{unit}")
        == pd.Timedelta(f"{count}{unit}").as_unit("ns").value
    )
    assert canonical(name) == name


def test_infer_takes_the_commonest_difference() -> None:
    minutes = np.array([0, 15, 30, 90, 105, 2_000, 2_015], dtype=np.int64)
    assert infer(minutes * MINUTE) == "15min"


@pytest.mark.parametrize("time", [[], [5], [0, 1], [0, 1_500_000_000], [7, 7, 7]])
def test_infer_gives_up(time: list[int]) -> None:
    assert infer(np.array(time, dtype=np.int64)) is None


@pytest.mark.parametrize(
    ("stem", "found"),
    [
        ("EURUSD_15M", ("EURUSD", "15min")), ("EURUSD_M15_202210100000_202310020000", ("EURUSD", "15min")),
        ("EURUSD-H1", ("EURUSD", "1h")), ("EUR_USD_4h", ("EUR_USD", "4h")), ("US30 D1", ("US30", "1D")),
        ("EURUSD.a_1m", ("EURUSD.a", "1min")),
        ("EURUSD", None), ("prices", None), ("_15M", None), ("15M", None), ("EURUSD_daily", None),
        ("a_d", None), ("", None),
    ],
)  # fmt: skip
def test_from_stem(stem: str, found: tuple[str, str] | None) -> None:
    assert from_stem(stem) == found


def test_zone() -> None:
    assert str(zone("Europe/Athens")) == "Europe/Athens"
    assert zone(timezone.utc) is timezone.utc


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "Europe", "../etc/passwd", 5])
def test_unknown_zone(name: Any) -> None:
    with pytest.raises(CandleError, match="unknown time zone"):
        zone(name)
