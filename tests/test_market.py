"""The built-in market: the same every time, and like the real one where it matters."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ict_kernels.candles import Candles
from ict_kernels.errors import ParameterError
from ict_kernels.market import SYMBOLS, sample_market
from ict_kernels.timeframes import infer


def returns(candles: Candles) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.diff(np.log(candles.close))


def new_york(candles: Candles) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(candles.to_pandas().index).tz_convert("America/New_York")


@pytest.mark.parametrize("timeframe", ["1min", "15min", "1h", "4h", "1D", "1W"])
@pytest.mark.parametrize("start", ["2024-01-01", "2023-03-11T13:07", "2022-10-29"])
def test_candles_pass_the_boundary(timeframe: str, start: str) -> None:
    for candles in sample_market(bars=300, timeframe=timeframe, start=start):
        assert len(candles) == 300
        assert candles.timeframe == timeframe
        assert infer(candles.time) == timeframe
        assert Candles.from_pandas(candles.to_pandas(), symbol=candles.symbol, timeframe=timeframe) == candles
        assert candles.volume.min() >= 1.0


def test_same_seed_same_market() -> None:
    assert sample_market(bars=500, seed=3) == sample_market(bars=500, seed=3)
    assert sample_market(bars=500, seed=3)[0] != sample_market(bars=500, seed=4)[0]


def test_symbols_and_length_do_not_matter() -> None:
    alone = sample_market(["USDJPY"], bars=2_000)[0]
    assert sample_market(bars=3_000)[2][:2_000] == alone
    assert sample_market(["USDJPY"], bars=1)[0] == alone[:1]


def test_ticks_and_ties() -> None:
    for candles, digits in zip(sample_market(bars=20_000), (5, 5, 3, 2), strict=True):
        assert np.array_equal(candles.close, np.round(candles.close, digits))
        assert (candles.high[1:] == candles.high[:-1]).any()


def test_the_market_closes_for_the_weekend() -> None:
    candles = sample_market(["EURUSD"], bars=5_000)[0]
    local = new_york(candles)
    hour = local.day_of_week * 24 + local.hour
    assert not ((hour >= 4 * 24 + 17) & (hour < 6 * 24 + 17)).any()
    steps = pd.Series(candles.time).diff().dropna()
    assert sorted(set(steps // 60_000_000_000)) == [
        15,
        48 * 60 - 60 + 15,
        48 * 60 + 15,
    ]  # one weekend loses an hour


def test_volatility_clusters_and_follows_the_sessions() -> None:
    candles = sample_market(["EURUSD"], bars=20_000)[0]
    size = np.abs(returns(candles))
    days = pd.Series(size).rolling(96).mean().dropna().to_numpy()
    assert np.corrcoef(days[96:], days[:-96])[0, 1] > 0.1
    hour = new_york(candles).hour[1:]
    assert size[(hour >= 8) & (hour < 11)].mean() > 2 * size[(hour >= 17) & (hour < 19)].mean()
    spread = candles.high - candles.low
    assert np.corrcoef(spread, candles.volume)[0, 1] > 0.5


def test_symbols_are_correlated_through_the_dollar() -> None:
    correlation = np.corrcoef([returns(candles) for candles in sample_market(bars=10_000)])
    assert correlation[0, 1] > 0.4
    assert correlation[0, 2] < -0.2
    assert correlation[0, 3] > 0.15


def test_a_million_bars_take_seconds() -> None:
    before = time.perf_counter()
    assert len(sample_market(["EURUSD"], bars=1_000_000, timeframe="1min")[0]) == 1_000_000
    assert time.perf_counter() - before < 10.0


def test_names() -> None:
    assert [candles.symbol for candles in sample_market(bars=5)] == list(SYMBOLS)
    crosses = sample_market(["CADJPY", "NZDCAD"], bars=5)
    assert crosses[0].close[0] > 100.0 > crosses[1].close[0]
    digests = {hashlib.sha256(candles.close.tobytes()).hexdigest() for candles in crosses}
    assert len(digests) == 2


def test_no_bars() -> None:
    assert [len(candles) for candles in sample_market(bars=0)] == [0] * 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"bars": -1},
        {"seed": -1},
        {"start": "soon"},
        {"symbols": "EURUSD"},
        {"timeframe": "soon"},
        {"start": "NaT"},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        sample_market(**wrong)
