"""Examples worked out by hand: fair value gaps and what becomes of them, volume imbalances."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import Prices, load_engine, ohlc, rows

both_sides = pytest.mark.parametrize("side", [1, -1])
GAP = "bar confirmed direction top bottom size"
GAP_LIFE = "touched half filled inverted retested"
INVERSE = "bar confirmed direction top bottom touched broken"
RANGE = "bar confirmed direction top bottom other touched broken"
IMBALANCE = "bar confirmed direction top bottom touched filled"
ANY_GAP: dict[str, Any] = {"min_size": 0.0, "min_atr": 0.0, "length": 14, "middle": "any", "by": "wick"}


@pytest.fixture(params=["compiled", "reference"])
def engine(request: pytest.FixtureRequest) -> Any:
    return load_engine(request.param)


# Fair value gaps

LIFE: Prices = [
    (10, 12, 9, 11),
    (11, 18, 11, 17),  # the middle of the gap 12-16
    (17, 20, 16, 19),
    (19, 20, 16, 18),  # low 16: touched
    (18, 18, 14, 15),  # low 14: half; close below 16
    (15, 16, 11, 13),  # low below 12: filled; close below 14
    (13, 14, 10, 11),  # close below 12: inverted, its high above 12 is no retest
    (11, 11.5, 9, 10),
    (10, 12, 9, 11),  # high 12: retested
    (11, 16, 11, 16),  # close at the top 16
    (16, 18, 12, 17),  # close above the top
]


@both_sides
def test_a_gap_of_three_candles(engine: Any, side: int) -> None:
    events = engine.fair_value_gaps(ohlc(LIFE[:3], side), **ANY_GAP)
    assert rows(events, GAP, side) == [(1, 2, 1, 16.0, 12.0, 4.0)]
    assert rows(events, GAP_LIFE, side) == [(-1, -1, -1, -1, -1)]


@both_sides
@pytest.mark.parametrize(("by", "life"), [("wick", (3, 4, 5, 6, 8)), ("close", (4, 5, 6, 6, 8))])
def test_the_life_of_a_gap(engine: Any, side: int, by: str, life: tuple[int, ...]) -> None:
    events = engine.fair_value_gaps(ohlc(LIFE, side), **{**ANY_GAP, "by": by})
    assert rows(events, GAP, side) == [(1, 2, 1, 16.0, 12.0, 4.0)]
    assert rows(events, GAP_LIFE, side) == [life]


@both_sides
def test_one_bar_may_do_all_but_retest(engine: Any, side: int) -> None:
    events = engine.fair_value_gaps(ohlc([*LIFE[:3], (19, 19, 5, 6)], side), **ANY_GAP)
    assert rows(events, GAP_LIFE, side)[0] == (3, 3, 3, 3, -1)


@both_sides
def test_a_close_at_the_bottom_fills_but_does_not_invert(engine: Any, side: int) -> None:
    events = engine.fair_value_gaps(ohlc([*LIFE[:3], (19, 19, 12, 12)], side), **ANY_GAP)
    assert rows(events, GAP_LIFE, side)[0] == (3, 3, 3, -1, -1)


@both_sides
def test_candles_that_meet_leave_no_gap(engine: Any, side: int) -> None:
    candles = ohlc([(10, 12, 9, 11), (11, 18, 11, 17), (17, 20, 12, 19)], side)
    assert len(engine.fair_value_gaps(candles, **ANY_GAP)) == 0


@both_sides
@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"min_size": 4.0}, 1),
        ({"min_size": 4.5}, 0),
        # TR 3 and 7: ATR(2) at the middle bar is 5
        ({"min_atr": 0.8, "length": 2}, 1),
        ({"min_atr": 0.85, "length": 2}, 0),
        ({"min_atr": 0.5, "length": 1}, 1),  # 7
        ({"min_atr": 0.6, "length": 1}, 0),
        ({"min_atr": 0.001, "length": 3}, 0),  # no ATR yet
        ({"min_atr": 0.0, "length": 3}, 1),
    ],
)
def test_small_gaps_are_dropped(engine: Any, side: int, settings: dict[str, Any], count: int) -> None:
    assert len(engine.fair_value_gaps(ohlc(LIFE[:3], side), **{**ANY_GAP, **settings})) == count


@both_sides
@pytest.mark.parametrize(
    ("middle_bar", "kept"),
    [
        ((11, 18, 11, 17), {"any", "colour", "beyond"}),
        ((18, 18, 11, 13), {"any", "beyond"}),  # falls, closes above 12
        ((15, 18, 11, 15), {"any", "beyond"}),  # a doji above 12
        ((11, 18, 11, 12), {"any", "colour"}),  # rises, closes at 12
        ((18, 18, 11, 11), {"any"}),
    ],
)
@pytest.mark.parametrize("middle", ["any", "colour", "beyond"])
def test_what_is_asked_of_the_middle_candle(
    engine: Any, side: int, middle_bar: tuple[float, float, float, float], kept: set[str], middle: str
) -> None:
    candles = ohlc([LIFE[0], middle_bar, LIFE[2]], side)
    assert len(engine.fair_value_gaps(candles, **{**ANY_GAP, "middle": middle})) == (middle in kept)


@both_sides
def test_a_rally_leaves_gap_after_gap(engine: Any, side: int) -> None:
    prices = [(10 * i, 10 * i + 6, 10 * i - 1, 10 * i + 5) for i in range(5)]
    events = engine.fair_value_gaps(ohlc(prices, side), **ANY_GAP)
    # low 10 (i + 1) - 1 above high 10 (i - 1) + 6
    assert rows(events, GAP, side) == [(i, i + 1, 1, 10 * i + 9.0, 10 * i - 4.0, 13.0) for i in range(1, 4)]


# Inverse fair value gaps


@both_sides
def test_an_inverted_gap_turns_round(engine: Any, side: int) -> None:
    events = engine.inverse_fair_value_gaps(ohlc(LIFE, side), gaps=ANY_GAP)
    assert rows(events, INVERSE, side) == [(1, 6, -1, 16.0, 12.0, 8, 10)]


@both_sides
def test_a_filled_gap_is_not_inverted(engine: Any, side: int) -> None:
    assert len(engine.inverse_fair_value_gaps(ohlc(LIFE[:6], side), gaps=ANY_GAP)) == 0


@both_sides
def test_inverse_gaps_come_in_order_of_inversion(engine: Any, side: int) -> None:
    prices = [(10 * i, 10 * i + 6, 10 * i - 1, 10 * i + 5) for i in range(4)]  # gaps 6-19 and 16-29
    fall = [(35, 35, 14, 15), (15, 36, 4, 5)]  # below 16, then below 6
    events = engine.inverse_fair_value_gaps(ohlc([*prices, *fall], side), gaps=ANY_GAP)
    assert rows(events, "bar confirmed direction", side) == [(2, 4, -1), (1, 5, -1)]


# Balanced price ranges

DOWN_GAP: Prices = [(20, 21, 18, 19), (19, 19, 11, 12), (12, 14, 10, 11)]  # 14-18, middle bar 1


@both_sides
@pytest.mark.parametrize(("max_bars", "count"), [(20, 1), (2, 1), (1, 0)])
def test_overlapping_gaps_balance(engine: Any, side: int, max_bars: int, count: int) -> None:
    prices = [
        *DOWN_GAP,
        (11, 17, 11, 16),  # the middle of the gap 14-15
        (16, 19, 15, 18),
        (18, 19, 15, 16),  # low 15: touched
        (16, 17, 13, 14),  # close at the bottom 14
        (14, 15, 12, 13),  # close below
    ]
    events = engine.balanced_price_ranges(ohlc(prices, side), max_bars=max_bars, gaps=ANY_GAP)
    assert rows(events, RANGE, side) == [(3, 4, 1, 15.0, 14.0, 1, 5, 7)] * count


@both_sides
def test_the_middle_bar_may_fill_the_earlier_gap(engine: Any, side: int) -> None:
    candles = ohlc([*DOWN_GAP, (11, 18, 11, 16), (16, 19, 15, 18)], side)
    events = engine.balanced_price_ranges(candles, max_bars=20, gaps=ANY_GAP)
    assert rows(events, RANGE, side) == [(3, 4, 1, 15.0, 14.0, 1, -1, -1)]


@both_sides
@pytest.mark.parametrize(
    ("high", "expected"),
    [
        (18, []),  # fills 14-18 two bars before the middle of the later gap
        (17, [(5, 6, 1, 16.0, 15.0, 1, -1, -1)]),
    ],
)
def test_a_gap_filled_before_does_not_balance(
    engine: Any, side: int, high: float, expected: list[tuple[Any, ...]]
) -> None:
    prices = [*DOWN_GAP, (11, high, 11, 12), (12, 15, 11, 14), (14, 18, 14, 17), (17, 19, 16, 18)]
    events = engine.balanced_price_ranges(ohlc(prices, side), max_bars=20, gaps=ANY_GAP)
    assert rows(events, RANGE, side) == expected


@both_sides
def test_gaps_that_only_meet_do_not_balance(engine: Any, side: int) -> None:
    candles = ohlc([*DOWN_GAP, (11, 18, 11, 12), (12, 20, 12, 19), (19, 21, 19, 20)], side)
    gaps = engine.fair_value_gaps(candles, **ANY_GAP)
    assert rows(gaps, "bar direction top bottom", side) == [(1, -1, 18.0, 14.0), (4, 1, 19.0, 18.0)]
    assert len(engine.balanced_price_ranges(candles, max_bars=20, gaps=ANY_GAP)) == 0


TWO_DOWN_GAPS: Prices = [
    (30, 31, 28, 29),
    (29, 29, 21, 22),  # the middle of 24-28
    (22, 24, 20, 21),  # the middle of 20-21
    (20, 20, 11, 12),  # the middle of 14-20
    (12, 14, 10, 11),
]


@both_sides
def test_of_several_earlier_gaps_the_latest_balances(engine: Any, side: int) -> None:
    candles = ohlc([*TWO_DOWN_GAPS, (11, 26, 11, 25), (25, 27, 25, 26)], side)  # 14-25 overlaps all three
    events = engine.balanced_price_ranges(candles, max_bars=20, gaps=ANY_GAP)
    assert rows(events, RANGE, side) == [(5, 6, 1, 20.0, 14.0, 3, -1, -1)]


@both_sides
@pytest.mark.parametrize(("max_bars", "count"), [(5, 2), (4, 1)])
def test_an_older_gap_balances_when_the_latest_do_not_overlap(
    engine: Any, side: int, max_bars: int, count: int
) -> None:
    prices = [
        *TWO_DOWN_GAPS,
        (11, 22, 11, 21),  # the middle of 14-21
        (21, 26, 21, 25),  # the middle of 22-25, confirmed five bars after 24-28
        (25, 27, 25, 26),
    ]
    events = engine.balanced_price_ranges(ohlc(prices, side), max_bars=max_bars, gaps=ANY_GAP)
    expected = [(5, 6, 1, 20.0, 14.0, 3, -1, -1), (6, 7, 1, 25.0, 24.0, 1, -1, -1)]
    assert rows(events, RANGE, side) == expected[:count]


@both_sides
def test_gaps_of_one_direction_do_not_balance(engine: Any, side: int) -> None:
    candles = ohlc(TWO_DOWN_GAPS, side)
    assert len(engine.fair_value_gaps(candles, **ANY_GAP)) == 3
    assert len(engine.balanced_price_ranges(candles, max_bars=20, gaps=ANY_GAP)) == 0


# Volume imbalances


@both_sides
@pytest.mark.parametrize(("min_size", "count"), [(0.0, 1), (1.0, 1), (1.5, 0)])
def test_the_life_of_a_volume_imbalance(engine: Any, side: int, min_size: float, count: int) -> None:
    prices = [
        (10, 13, 9, 11),
        (12, 15, 12, 14),  # 11-12 between the bodies
        (14, 15, 10, 13),  # low below: touched, no fill by the wick
        (13, 13, 10, 11),  # the body reaches 11
    ]
    events = engine.volume_imbalances(ohlc(prices, side), min_size=min_size)
    assert rows(events, IMBALANCE, side) == [(1, 1, 1, 12.0, 11.0, 2, 3)] * count


@both_sides
@pytest.mark.parametrize(
    ("first", "count"),
    [
        ((10, 13, 9, 11), 1),
        ((11, 13, 9, 10), 1),  # the colour does not matter
        ((10, 12, 9, 11), 1),  # the wicks just meet
        ((10, 11.5, 9, 11), 0),  # a real gap
        ((10, 13, 9, 12), 0),  # the bodies meet
    ],
)
def test_wicks_overlap_where_bodies_do_not(
    engine: Any, side: int, first: tuple[float, float, float, float], count: int
) -> None:
    assert len(engine.volume_imbalances(ohlc([first, (12, 15, 12, 14)], side), min_size=0.0)) == count


# Few bars


@pytest.mark.parametrize("n", range(6))
def test_few_flat_bars_have_no_gaps(engine: Any, n: int) -> None:
    candles = ohlc([(1, 2, 0, 1)] * n)
    assert len(engine.fair_value_gaps(candles, **ANY_GAP)) == 0
    assert len(engine.inverse_fair_value_gaps(candles, gaps=ANY_GAP)) == 0
    assert len(engine.balanced_price_ranges(candles, max_bars=20, gaps=ANY_GAP)) == 0
    assert len(engine.volume_imbalances(candles, min_size=0.0)) == 0


@pytest.mark.parametrize("n", range(3))
def test_a_gap_takes_three_bars(engine: Any, n: int) -> None:
    assert len(engine.fair_value_gaps(ohlc(LIFE[:n]), **ANY_GAP)) == 0
