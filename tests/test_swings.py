"""Examples worked out by hand: swings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.helpers import highs, load_engine, ohlc, rows

both_sides = pytest.mark.parametrize("side", [1, -1])
ALL = "bar confirmed direction level swept broken"


@pytest.fixture(params=["compiled", "reference"])
def engine(request: pytest.FixtureRequest) -> Any:
    return load_engine(request.param)


@both_sides
def test_three_candle_swing(engine: Any, side: int) -> None:
    events = engine.swings(ohlc(highs([1, 2, 1]), side), left=1, right=1, ties="first")
    assert rows(events, ALL, side) == [(1, 2, 1, 2.0, -1, -1)]


def test_column_types(engine: Any) -> None:
    events = engine.swings(ohlc(highs([1, 2, 1])), left=1, right=1, ties="first")
    for name in ("bar", "confirmed", "swept", "broken"):
        assert getattr(events, name).dtype == np.int64
    assert events.direction.dtype == np.int8
    assert events.level.dtype == np.float64


@both_sides
@pytest.mark.parametrize(
    ("values", "ties", "bars"),
    [
        ([1, 3, 3, 1], "first", [1]),
        ([1, 3, 3, 1], "strict", []),
        ([1, 3, 3, 3, 1], "first", [1]),
        ([1, 3, 3, 3, 1], "strict", []),
        ([1, 3, 1, 3, 1], "first", [1, 3]),
        ([1, 3, 1, 3, 1], "strict", [1, 3]),
        ([2, 2, 2, 2], "first", []),
    ],
)
def test_ties_among_neighbours(
    engine: Any, side: int, values: list[float], ties: str, bars: list[int]
) -> None:
    events = engine.swings(ohlc(highs(values), side), left=1, right=1, ties=ties)
    assert events.bar.tolist() == bars


@both_sides
@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        # highs 5 1 3 2 4 2 1
        (1, 1, [(2, 3), (4, 5)]),
        (2, 1, [(4, 5)]),
        (1, 2, [(4, 6)]),
        (3, 1, [(4, 5)]),
        (4, 2, []),
        (3, 3, []),
    ],
)
def test_left_and_right(
    engine: Any, side: int, left: int, right: int, expected: list[tuple[int, int]]
) -> None:
    candles = ohlc(highs([5, 1, 3, 2, 4, 2, 1]), side)
    events = engine.swings(candles, left=left, right=right, ties="first")
    assert rows(events, "bar confirmed") == expected


@both_sides
def test_a_far_tie_counts_too(engine: Any, side: int) -> None:
    candles = ohlc(highs([1, 1, 3, 2, 3, 1, 1]), side)
    assert engine.swings(candles, left=2, right=2, ties="first").bar.tolist() == [2]
    assert engine.swings(candles, left=2, right=2, ties="strict").bar.tolist() == []
    assert engine.swings(candles, left=1, right=1, ties="strict").bar.tolist() == [2, 4]


def test_a_bar_both_high_and_low_gives_the_high_first(engine: Any) -> None:
    candles = ohlc([(0, 1, -1, 0), (0, 3, -2, 0), (0, 1, -1, 0)])
    events = engine.swings(candles, left=1, right=1, ties="first")
    assert rows(events, "bar confirmed direction level") == [(1, 2, 1, 3.0), (1, 2, -1, -2.0)]


def test_highs_and_lows_in_order_of_confirmation(engine: Any) -> None:
    candles = ohlc([(5, 6, 4, 5), (7, 8, 6, 7), (3, 4, 2, 3), (5, 6, 4, 5), (4, 5, 3, 4)])
    events = engine.swings(candles, left=1, right=1, ties="first")
    assert rows(events, "bar direction level") == [(1, 1, 8.0), (2, -1, 2.0), (3, 1, 6.0)]


@both_sides
def test_life_needs_more_than_the_level(engine: Any, side: int) -> None:
    candles = ohlc(
        [
            (0, 1, 0, 0),
            (0, 2, 0, 0),  # the swing, level 2
            (0, 1, 0, 0),
            (0, 2, 0, 2),  # reaches the level, closes at it
            (0, 3, 0, 2),  # swept
            (0, 4, 0, 3),  # broken
        ],
        side,
    )
    events = engine.swings(candles, left=1, right=1, ties="first")
    assert rows(events, ALL, side) == [(1, 2, 1, 2.0, 4, 5)]


@both_sides
def test_one_bar_may_sweep_and_break(engine: Any, side: int) -> None:
    events = engine.swings(ohlc([*highs([1, 2, 1]), (0, 3, 0, 3)], side), left=1, right=1, ties="first")
    assert rows(events, "swept broken", side) == [(3, 3)]


@pytest.mark.parametrize("n", range(6))
@pytest.mark.parametrize(("left", "right"), [(1, 1), (2, 2), (5, 5)])
def test_few_or_flat_bars_have_no_swing(engine: Any, n: int, left: int, right: int) -> None:
    assert len(engine.swings(ohlc([(1, 2, 0, 1)] * n), left=left, right=right, ties="first")) == 0
