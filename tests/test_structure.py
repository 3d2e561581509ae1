"""Examples worked out by hand: structure breaks, trend, displacements, market structure shifts, CISD."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.helpers import Prices, bodies, load_engine, ohlc, rows

both_sides = pytest.mark.parametrize("side", [1, -1])
PIVOTS = {"left": 1, "right": 1, "ties": "first"}
BREAK = "bar confirmed direction kind level origin"
DISPLACEMENT = "bar confirmed direction body atr ratio leaves_gap"
SHIFT = "bar confirmed direction level origin displacement_bar"
CISD = "bar confirmed direction run_end level"
BOS, CHOCH = 0, 1


@pytest.fixture(params=["compiled", "reference"])
def engine(request: pytest.FixtureRequest) -> Any:
    return load_engine(request.param)


# Structure breaks

UP_DOWN_UP: Prices = [
    (10, 20, 0, 10),
    (10, 40, 1, 10),  # swing high 40, confirmed at 2
    (10, 30, 2, 10),
    (10, 50, 3, 40),  # a wick above 40, a close at it
    (40, 60, 4, 45),  # a close above 40; swing high 60, confirmed at 5
    (45, 50, 2, 45),  # swing low 2, confirmed at 6
    (45, 50, 3, 45),
    (45, 46, 1, 1),  # a close below 2
    (1, 70, 0, 65),  # a close above 60
]


@both_sides
@pytest.mark.parametrize(("by", "first"), [("close", 4), ("wick", 3)])
def test_bos_then_choch_both_ways(engine: Any, side: int, by: str, first: int) -> None:
    events = engine.structure_breaks(ohlc(UP_DOWN_UP, side), by=by, swings=PIVOTS)
    assert rows(events, BREAK, side) == [
        (first, first, 1, BOS, 40.0, 1),
        (7, 7, -1, CHOCH, 2.0, 5),
        (8, 8, 1, CHOCH, 60.0, 4),
    ]


@both_sides
def test_trend_after_each_bar(engine: Any, side: int) -> None:
    after = engine.trend(ohlc(UP_DOWN_UP, side), by="close", swings=PIVOTS)
    assert after.dtype == np.int8
    assert (after * side).tolist() == [0, 0, 0, 0, 1, 1, 1, -1, 1]


@both_sides
def test_a_lower_swing_high_replaces_a_higher_one(engine: Any, side: int) -> None:
    prices = [
        (10, 20, 0, 10),
        (10, 50, 1, 10),  # 50: never broken, for it is replaced
        (10, 30, 2, 10),
        (10, 40, 3, 10),  # 40
        (10, 30, 4, 10),
        (10, 45, 5, 42),  # above 40
        (42, 56, 6, 55),  # above 40 again, and above 50
    ]
    events = engine.structure_breaks(ohlc(prices, side), by="close", swings=PIVOTS)
    assert rows(events, BREAK, side) == [(5, 5, 1, BOS, 40.0, 3)]


@both_sides
def test_swings_of_the_bar_are_registered_before_its_breaks(engine: Any, side: int) -> None:
    prices = [
        (10, 20, 0, 10),
        (10, 40, 1, 10),
        (10, 30, 2, 10),
        (10, 50, 3, 10),  # the next bar confirms 50 ...
        (10, 46, 4, 45),  # ... and closes above 40, which is active no more
    ]
    candles = ohlc(prices, side)
    assert len(engine.structure_breaks(candles, by="close", swings=PIVOTS)) == 0
    assert rows(engine.structure_breaks(candles, by="wick", swings=PIVOTS), "bar level", side) == [(3, 40.0)]


@both_sides
def test_two_breaks_with_the_trend_are_both_bos(engine: Any, side: int) -> None:
    prices = [
        (10, 20, 0, 10),
        (10, 30, 1, 10),  # 30
        (10, 20, 2, 10),
        (10, 40, 3, 35),  # above 30; swing high 40
        (35, 38, 4, 35),
        (35, 50, 5, 45),  # above 40
    ]
    events = engine.structure_breaks(ohlc(prices, side), by="close", swings=PIVOTS)
    assert rows(events, BREAK, side) == [(3, 3, 1, BOS, 30.0, 1), (5, 5, 1, BOS, 40.0, 3)]


def outside_bar(close: float) -> Prices:
    """Bar 1 is a swing high (15) and a swing low (5); the wicks of bar 3 break both."""
    return [(10, 12, 8, 10), (10, 15, 5, 10), (10, 12, 8, 10), (10, 16, 4, close)]


@both_sides
def test_wicks_break_both_sides_of_a_bullish_bar(engine: Any, side: int) -> None:
    events = engine.structure_breaks(ohlc(outside_bar(close=11), side), by="wick", swings=PIVOTS)
    assert rows(events, BREAK, side) == [(3, 3, -1, BOS, 5.0, 1), (3, 3, 1, CHOCH, 15.0, 1)]


@both_sides
def test_wicks_break_both_sides_of_a_bearish_bar(engine: Any, side: int) -> None:
    candles = ohlc(outside_bar(close=9), side)
    events = engine.structure_breaks(candles, by="wick", swings=PIVOTS)
    assert rows(events, BREAK, side) == [(3, 3, 1, BOS, 15.0, 1), (3, 3, -1, CHOCH, 5.0, 1)]
    after = engine.trend(candles, by="wick", swings=PIVOTS)
    assert (after * side).tolist() == [0, 0, 0, -1]


@both_sides
def test_a_doji_without_a_trend_only_uses_both_levels_up(engine: Any, side: int) -> None:
    # Bar 4 is beyond bar 3, which therefore is no swing.
    candles = ohlc([*outside_bar(close=10), (10, 17, 3, 11)], side)
    assert len(engine.structure_breaks(candles, by="wick", swings=PIVOTS)) == 0
    assert engine.trend(candles, by="wick", swings=PIVOTS).tolist() == [0] * 5


@both_sides
@pytest.mark.parametrize(("close", "trend"), [(11, 1), (9, -1)])
def test_a_doji_breaks_against_the_trend_first(engine: Any, side: int, close: float, trend: int) -> None:
    # Bar 3 sets the trend and is the next swing high (16) and low (4); the doji at 5 breaks both.
    candles = ohlc([*outside_bar(close), (10, 12, 8, 10), (10, 17, 3, 10)], side)
    events = engine.structure_breaks(candles, by="wick", swings=PIVOTS)
    level = {1: 16.0, -1: 4.0}
    assert rows(events, BREAK, side)[2:] == [
        (5, 5, -trend, CHOCH, level[-trend], 3),
        (5, 5, trend, CHOCH, level[trend], 3),
    ]


def test_closes_inside_break_neither_side(engine: Any) -> None:
    assert len(engine.structure_breaks(ohlc(outside_bar(close=11)), by="close", swings=PIVOTS)) == 0


# Displacements

BURSTS: Prices = [
    (10, 11, 9, 10),  # TR 2
    (10, 11, 9, 10),  # TR 2, ATR(2) 2
    (10, 14, 10, 13),  # body 3 of 4; TR 4, ATR 3
    (13, 18, 13, 17),  # body 4 of 5, low 13 above the high 11 of bar 1; TR 5, ATR 4
    (17, 18, 8, 9),  # body 8 of 10
    (9, 13, 8, 9),  # high 13 is not below the low 13 of bar 3
]


@both_sides
def test_displacements_and_the_gap_they_leave(engine: Any, side: int) -> None:
    events = engine.displacements(ohlc(BURSTS, side), length=2, body_atr=1.5, body_ratio=0.6)
    assert rows(events, DISPLACEMENT, side) == [(2, 2, 1, 3.0, 2.0, 0.75, 3), (4, 4, -1, 8.0, 4.0, 0.8, -1)]


@both_sides
@pytest.mark.parametrize(
    ("body_atr", "body_ratio", "bars"),
    [
        (1.0, 0.6, [2, 3, 4]),
        (1.5, 0.75, [2, 4]),
        (1.5, 0.8, [4]),
        (2.0, 0.6, [4]),
        (2.1, 0.6, []),
        (0.0, 0.0, [2, 3, 4]),  # a doji never is one
    ],
)
def test_displacement_bounds_are_reached_by_equality(
    engine: Any, side: int, body_atr: float, body_ratio: float, bars: list[int]
) -> None:
    events = engine.displacements(ohlc(BURSTS, side), length=2, body_atr=body_atr, body_ratio=body_ratio)
    assert events.bar.tolist() == bars


@both_sides
def test_an_undefined_atr_rejects_a_displacement_unless_its_multiple_is_zero(engine: Any, side: int) -> None:
    candles = ohlc(BURSTS, side)
    assert len(engine.displacements(candles, length=14, body_atr=0.001, body_ratio=0.6)) == 0
    events = engine.displacements(candles, length=14, body_atr=0.0, body_ratio=0.6)
    assert events.bar.tolist() == [2, 3, 4]
    assert all(math.isnan(value) for value in events.atr)


@both_sides
def test_atr_starts_at_bar_length_minus_one(engine: Any, side: int) -> None:
    # With length 3 the first ATR is that of bar 2: (2 + 2 + 4) / 3; bar 2 itself has none before it.
    events = engine.displacements(ohlc(BURSTS, side), length=3, body_atr=1.5, body_ratio=0.6)
    assert rows(events, "bar atr") == [(3, 8 / 3), (4, (8 / 3 * 2 + 5) / 3)]


@both_sides
def test_true_range_reaches_to_the_last_close(engine: Any, side: int) -> None:
    # TR 1, then 11 - 1 = 10 although bar 1 is 1 tall.
    prices = [(1, 1, 0, 1), (10, 11, 10, 10), (10, 15, 10, 15)]
    events = engine.displacements(ohlc(prices, side), length=2, body_atr=0.5, body_ratio=0.6)
    assert rows(events, "bar body atr") == [(2, 5.0, 5.5)]


def test_the_first_bar_may_displace_but_leaves_no_gap(engine: Any) -> None:
    events = engine.displacements(ohlc(bodies([(1, 2), (9, 9)])), length=14, body_atr=0.0, body_ratio=0.6)
    assert rows(events, "bar direction leaves_gap") == [(0, 1, -1)]


# Market structure shifts

ANY_BURST = {"length": 14, "body_atr": 0.0}
SHIFT_DOWN: Prices = [
    (50, 51, 49, 50),
    (50, 51, 40, 50),  # swing low 40
    (50, 51, 45, 50),
    (50, 51, 30, 30),  # BOS down
    (30, 60, 30, 59),  # swing high 60, the origin; rises by 29 of 30
]


@both_sides
@pytest.mark.parametrize(("body_ratio", "displacement"), [(0.6, 8), (0.9, 7)])
def test_the_latest_displacement_of_the_leg(
    engine: Any, side: int, body_ratio: float, displacement: int
) -> None:
    prices = [
        *SHIFT_DOWN,
        (59, 59, 20, 21),
        (21, 22, 20, 21),  # the lowest low, for the second time: the leg starts here
        (21, 40, 21, 40),  # 19 of 19
        (40, 70, 40, 65),  # 25 of 30; above 60
    ]
    events = engine.market_structure_shifts(
        ohlc(prices, side),
        variant="displacement",
        breaks={"by": "close", "swings": PIVOTS},
        displacements={**ANY_BURST, "body_ratio": body_ratio},
    )
    assert rows(events, SHIFT, side) == [(8, 8, 1, 60.0, 4, displacement)]


@both_sides
@pytest.mark.parametrize(("low", "displacement"), [(20.0, -1), (20.5, 5)])
def test_the_leg_starts_at_the_latest_lowest_low(
    engine: Any, side: int, low: float, displacement: int
) -> None:
    prices = [
        *SHIFT_DOWN,
        (22, 59, 20, 58),  # rises by 36 of 39
        (58, 58, low, 21),  # with low 20 the leg starts here, after both bullish displacements
        (21, 40, 21, 30),  # 9 of 19
        (30, 70, 30, 65),  # 35 of 40; above 60
    ]
    settings = {
        "breaks": {"by": "close", "swings": PIVOTS},
        "displacements": {**ANY_BURST, "body_ratio": 0.9},
    }
    candles = ohlc(prices, side)
    expected = [(8, 8, 1, 60.0, 4, displacement)]
    assert rows(engine.market_structure_shifts(candles, variant="choch", **settings), SHIFT, side) == expected
    found = engine.market_structure_shifts(candles, variant="displacement", **settings)
    assert rows(found, SHIFT, side) == (expected if displacement >= 0 else [])


@both_sides
def test_only_choch_breaks_shift_the_structure(engine: Any, side: int) -> None:
    events = engine.market_structure_shifts(
        ohlc(UP_DOWN_UP, side),
        variant="choch",
        breaks={"by": "close", "swings": PIVOTS},
        displacements={"length": 1, "body_atr": 1.0, "body_ratio": 0.6},
    )
    # Bar 7: 44 against the range 47 of bar 6. Bar 8: 64 against the 45 of bar 7.
    assert rows(events, SHIFT, side) == [(7, 7, -1, 2.0, 5, -1), (8, 8, 1, 60.0, 4, 8)]


@both_sides
def test_two_shifts_of_one_bar_keep_the_order_of_the_breaks(engine: Any, side: int) -> None:
    candles = ohlc([*outside_bar(close=11), (10, 12, 8, 10), (10, 17, 3, 10)], side)
    events = engine.market_structure_shifts(
        candles,
        variant="choch",
        breaks={"by": "wick", "swings": PIVOTS},
        displacements={**ANY_BURST, "body_ratio": 0.6},
    )
    assert rows(events, "bar direction", side) == [(3, 1), (5, -1), (5, 1)]


# Changes in the state of delivery


@both_sides
@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([(10, 9), (9, 7), (7, 8), (8, 11)], [(0, 3, 1, 1, 10.0)], id="above the first open"),
        pytest.param(
            [(10, 9), (9, 7), (7, 10), (10, 10), (10, 12)], [(0, 4, 1, 1, 10.0)], id="a close at the level"
        ),
        pytest.param([(10, 9), (9, 7), (7, 11), (11, 9), (9, 12)], [(0, 2, 1, 1, 10.0)], id="once per run"),
        pytest.param([(10, 9), (9, 9), (9, 8), (8, 12)], [], id="a doji ends the run"),
        pytest.param(
            [(10, 9), (9, 8), (8, 8), (12, 11), (11, 7)],
            [(0, 3, 1, 1, 10.0)],
            id="the first bar of a newer run is tested",
        ),
        pytest.param(
            [(10, 9), (9, 8), (8, 8), (10, 9), (13, 12)],
            [],
            id="the second bar of a newer run replaces first",
        ),
        pytest.param(
            [(10, 9), (9, 8), (8, 8), (10, 9), (13, 12), (12, 11), (11, 11)],
            [(3, 6, 1, 5, 10.0)],
            id="bars of the run itself are not tested",
        ),
        pytest.param([(10, 9), (9, 8), (8, 7), (7, 6)], [], id="a run without an end"),
    ],
)
def test_cisd_of_two_bars(
    engine: Any, side: int, pairs: list[tuple[float, float]], expected: list[tuple[Any, ...]]
) -> None:
    events = engine.cisd(ohlc(bodies(pairs), side), min_run=2, require_sweep=False)
    assert rows(events, CISD, side) == expected


@both_sides
@pytest.mark.parametrize(
    ("min_run", "expected"),
    [
        (1, [(2, 4, 1, 3, 9.0)]),  # the run at 2 has replaced that at 0
        (2, [(2, 4, 1, 3, 9.0)]),
        (3, []),
    ],
)
def test_cisd_and_the_length_of_the_run(
    engine: Any, side: int, min_run: int, expected: list[tuple[Any, ...]]
) -> None:
    candles = ohlc(bodies([(10, 9), (9, 9), (9, 8), (8, 7), (7, 12)]), side)
    assert rows(engine.cisd(candles, min_run=min_run, require_sweep=False), CISD, side) == expected


# Few bars


@pytest.mark.parametrize("n", range(6))
def test_few_flat_bars_have_no_structure(engine: Any, n: int) -> None:
    candles = ohlc([(1, 2, 0, 1)] * n)
    assert len(engine.structure_breaks(candles, by="wick", swings=PIVOTS)) == 0
    assert engine.trend(candles, by="wick", swings=PIVOTS).tolist() == [0] * n
    assert len(engine.displacements(candles, length=2, body_atr=0.0, body_ratio=0.0)) == 0
    assert len(engine.market_structure_shifts(candles, variant="choch")) == 0
    assert len(engine.cisd(candles, min_run=1, require_sweep=False)) == 0
