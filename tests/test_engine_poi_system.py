"""Points of interest of the system: golden outputs, row by row, by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._frames import read, row_by_row
from ict_kernels.adapters.ict_engine.poi_system import (
    POI,
    POIDetector,
    POISignificance,
    POIStatus,
    POISystem,
    POIType,
    get_poi_system,
)
from ict_kernels.detectors.engine.clusters import count_near, keep_strongest
from ict_kernels.detectors.engine.poi_levels import LIQUIDITY_POOLS, SWING_LEVELS
from ict_kernels.errors import CandleError
from ict_kernels.reference.engine import clusters as twins
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

NOON = datetime(2025, 9, 1, 12)
DETECTIONS = [
    "_detect_order_block_pois",
    "_detect_fvg_pois",
    "_detect_swing_point_pois",
    "_detect_session_level_pois",
    "_detect_liquidity_pool_pois",
    "_detect_fibonacci_pois",
    "_detect_psychological_level_pois",
]


def noon() -> datetime:
    return NOON


def system(
    frame: pd.DataFrame | None = None, config: dict[str, Any] | None = None, **options: Any
) -> POISystem:
    class Manager:
        def get_candles(self, symbol: str, timeframe: str, count: int) -> pd.DataFrame | None:
            return frame

    return POISystem(config, clock=noon, data_manager=Manager(), **options)


def flat(rows: int, price: float = 1.02) -> pd.DataFrame:
    columns = {"open": price, "high": price + 0.01, "low": price - 0.01, "close": price}
    index = pd.date_range("2025-09-01", periods=rows, freq="15min")
    return pd.DataFrame({name: [value] * rows for name, value in columns.items()}, index=index)


def detected(name: str, frame: pd.DataFrame, **options: Any) -> list[POI]:
    found: list[POI] = getattr(system(**options), name)(frame, "EURUSD", "M15")
    return found


@pytest.mark.parametrize("name", ["", "_points", "_order_blocks", "_fvg", "_swings", "_liquidity"])
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(f"poi_system{name}", monkeypatch)


@settings(max_examples=30)
@given(frame=engine_frames(), strict=st.booleans())
def test_row_by_row_finds_the_same(frame: pd.DataFrame, strict: bool) -> None:
    def everything() -> list[Any]:
        detector = system(frame, strict=strict)
        parts = [getattr(detector, name)(frame, "EURUSD", "M15") for name in DETECTIONS]
        return [parts, detector.detect_pois(), detector.detect_points_of_interest(frame)]

    found = everything()
    with row_by_row():
        assert everything() == found


def test_row_by_row_finds_the_same_in_real_candles() -> None:
    frame = real_frame(300)
    found = system(frame).detect_pois()
    assert len(found) > 10
    with row_by_row():
        assert system(frame).detect_pois() == found


# --- the seven kinds ---


def test_an_order_block_field_by_field() -> None:
    frame = flat(21)
    frame.loc[frame.index[5:10], "close"] = 1.021
    frame.loc[frame.index[10], "close"] = 1.0217
    [found] = detected("_detect_order_block_pois", frame)
    assert found == POI(
        poi_type=POIType.ORDER_BLOCK,
        price_level=(1.03 + 1.01) / 2,
        price_zone=(1.01, 1.03),
        timestamp=frame.index[10],
        symbol="EURUSD",
        timeframe="M15",
        significance=POISignificance.HIGH,
        status=POIStatus.ACTIVE,
        strength=found.strength,
        market_structure="bullish_order_block",
        confluences=["bullish_impulse", "tested_zone"],
        created_at=NOON,
        expiry_time=NOON + timedelta(hours=72),
    )
    assert found.strength == pytest.approx(70 + 10 * 1.7)
    assert isinstance(found.timestamp, pd.Timestamp)


@pytest.mark.parametrize(("close", "strength"), [(1.0214, None), (1.0217, 87), (1.0245, 95), (1.0175, 95)])
def test_order_block_strengths(close: float, strength: float | None) -> None:
    frame = flat(21)
    frame.loc[frame.index[5:10], "close"] = 1.021
    frame.loc[frame.index[10], "close"] = close
    found = detected("_detect_order_block_pois", frame)
    assert [poi.strength for poi in found] == ([] if strength is None else [pytest.approx(strength)])


def test_an_order_block_after_still_bars_is_strongest() -> None:
    frame = flat(21)
    frame.loc[frame.index[10], "close"] = 1.0199
    [found] = detected("_detect_order_block_pois", frame)
    assert (found.strength, found.market_structure) == (95.0, "bearish_order_block")


def test_an_order_block_must_be_tested() -> None:
    frame = flat(21)
    frame.loc[frame.index[10], "close"] = 1.0219
    frame.iloc[11:] += 0.05
    frame.loc[frame.index[20], "low"] = 1.03
    assert len(detected("_detect_order_block_pois", frame)) == 1
    frame.loc[frame.index[20], "low"] = 1.0300001
    assert detected("_detect_order_block_pois", frame) == []


@pytest.mark.parametrize("row", [9, 11])
def test_order_blocks_have_ten_bars_on_each_side(row: int) -> None:
    frame = flat(21)
    frame.loc[frame.index[row], "close"] = 1.0219
    assert detected("_detect_order_block_pois", frame) == []


def gap(size: float, close: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "open": [0.9, 1.0, 1.1],
            "high": [1.0, 1.1, 1.2],
            "low": [0.8, 0.9, 1.0 + size],
            "close": [0.9, close, 1.1],
        }
    )


@pytest.mark.parametrize(
    ("size", "close", "strength"),
    [(0.0002, 1.05, None), (0.0004, 1.05, 64), (0.0031, 1.05, 85), (0.0004, 1.0, None), (0.0004, 0.95, None)],
)
def test_gaps(size: float, close: float, strength: float | None) -> None:
    found = detected("_detect_fvg_pois", gap(size, close))
    assert [poi.strength for poi in found] == ([] if strength is None else [pytest.approx(strength)])
    if found:
        [poi] = found
        assert (poi.price_zone, poi.timestamp) == ((1.0, 1.0 + size), 1)
        assert (poi.market_structure, poi.significance.value) == ("bullish_fvg", "medium")
        assert poi.expiry_time == NOON + timedelta(hours=24)


def test_a_falling_gap() -> None:
    frame = (3 - gap(0.001, 1.05)).rename(columns={"high": "low", "low": "high"})
    [poi] = detected("_detect_fvg_pois", frame)
    assert poi.market_structure == "bearish_fvg"


def spiked(rows: int, at: dict[int, float]) -> pd.DataFrame:
    frame = flat(rows)
    for row, high in at.items():
        frame.loc[frame.index[row], "high"] = high
    return frame


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ({}, [(80.0, "high")]),
        ({1: 1.06}, [(70.0, "medium")]),  # within 48 bars
        ({1: 1.05}, [(80.0, "high")]),  # as high as the session is enough
        ({0: 1.06}, [(80.0, "high")]),  # 49 bars ago
        ({44: 1.05}, []),
        ({54: 1.05}, []),
        ({43: 1.06}, [(70.0, "medium")]),
    ],
)
def test_swing_highs(others: dict[int, float], found: list[tuple[float, str]]) -> None:
    frame = spiked(60, {49: 1.05} | others)
    swings = [poi for poi in detected("_detect_swing_point_pois", frame) if poi.timestamp == frame.index[49]]
    assert [(poi.strength, poi.significance.value) for poi in swings] == found
    for poi in swings:
        assert poi.poi_type is POIType.SWING_HIGH
        assert poi.price_zone == (1.05 - 0.0005, 1.05 + 0.0005)
        assert ("session_high" in poi.confluences) == (poi.strength == 80)
        assert poi.market_structure == "resistance_level"
        assert poi.expiry_time == NOON + timedelta(hours=168)


def test_a_bar_may_be_both_swings() -> None:
    frame = spiked(11, {5: 1.05})
    frame.loc[frame.index[5], "low"] = 1.0
    found = detected("_detect_swing_point_pois", frame)
    assert [poi.poi_type for poi in found] == [POIType.SWING_HIGH, POIType.SWING_LOW]
    assert found[1].market_structure == "support_level"
    assert "session_low" in found[1].confluences


def test_session_levels() -> None:
    frame = spiked(60, {11: 1.9, 12: 1.5})
    high, low = detected("_detect_session_level_pois", frame)
    assert (high.price_level, low.price_level) == (1.5, 1.01)
    assert (high.poi_type, low.poi_type) == (POIType.SESSION_HIGH, POIType.SESSION_LOW)
    assert (high.strength, high.significance, high.timestamp) == (75.0, POISignificance.HIGH, NOON)
    assert high.price_zone == (1.5 - 0.0002, 1.5 + 0.0002)


def test_pools_come_in_plateaus() -> None:
    frame = flat(24)
    found = detected("_detect_liquidity_pool_pois", frame)
    assert [poi.market_structure for poi in found] == ["bearish_liquidity_pool"] * 4 + [
        "bullish_liquidity_pool"
    ] * 4
    assert [poi.timestamp for poi in found[:4]] == list(frame.index[10:14])
    assert {poi.strength for poi in found} == {85.0}
    assert found[0].price_zone == (1.03 - 0.0005, 1.03 + 0.0005)
    assert found[0].expiry_time == NOON + timedelta(hours=48)


def test_pools_by_count() -> None:
    frame = flat(41)
    frame["high"] = 1.03 + 0.01 * np.arange(41)  # every extreme of its own
    found = detected("_detect_liquidity_pool_pois", frame)
    assert all(poi.market_structure == "bullish_liquidity_pool" for poi in found)
    frame.loc[frame.index[23], "high"] = frame["high"].iloc[22]  # bars 20 and 21 now have the same extreme
    found = [
        poi for poi in detected("_detect_liquidity_pool_pois", frame) if "bearish" in poi.market_structure
    ]
    assert [(poi.timestamp, poi.strength) for poi in found] == [(frame.index[row], 75.0) for row in (20, 21)]


def test_pools_look_ten_back_and_nine_ahead() -> None:
    frame = flat(60)
    even = LIQUIDITY_POOLS(read(frame, ("high", "low")))
    assert even.bar.tolist() == [bar for bar in range(10, 50) for _ in "hl"]
    assert even.alike[even.side > 0].tolist() == [18, 19] + [20] * 37 + [19]  # extremes from 2 to 57
    frame.loc[frame.index[32] :, "high"] = 2.0  # so that the extremes step up at bar 30
    stepped = LIQUIDITY_POOLS(read(frame, ("high", "low")))
    highs = stepped[stepped.side > 0]
    assert highs.alike[(highs.bar == 29) | (highs.bar == 30)].tolist() == [11, 10]
    assert highs.confirmed[0] == 21


def test_fibonacci_levels() -> None:
    frame = flat(130)
    frame.loc[frame.index[29], "high"] = 9.0
    frame.loc[frame.index[30], ["high", "low"]] = [2.0, 1.0]
    found = detected("_detect_fibonacci_pois", frame)
    assert [poi.price_level for poi in found] == [
        2.0 - 1.0 * part for part in (0.236, 0.382, 0.5, 0.618, 0.786)
    ]
    assert [poi.strength for poi in found] == [65, 65, 70, 75, 75]
    assert {poi.significance for poi in found} == {POISignificance.MEDIUM}


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (1.2, [(1.20, 80.0, "medium"), (1.2, 65.0, "low")]),
        (1.0425, [(1.05, 72.5, "medium")]),
        (1.0590, [(1.05, 71.0, "medium")]),
        (1.0601, []),
        (1.0251, [(1.025, 65.0, "low")]),
        (1.0270, [(1.025, 65.0, "low")]),
        (3.0, [(3.0, 65.0, "low")]),
    ],
)
def test_psychological_levels(price: float, expected: list[tuple[float, float, str]]) -> None:
    frame = flat(1, price)
    found = detected("_detect_psychological_level_pois", frame)
    levels = [(poi.price_level, round(poi.strength, 9), poi.significance.value) for poi in found]
    assert levels == expected
    assert system()._detect_psychological_level_pois(frame, "GBPUSD", "M15") == []


@pytest.mark.parametrize(
    ("name", "rows"),
    [*zip(DETECTIONS[:6], (19, 2, 10, 23, 19, 29), strict=True), (DETECTIONS[6], 0)],
)
def test_too_little_data_is_not_looked_at(name: str, rows: int) -> None:
    assert detected(name, pd.DataFrame(index=range(rows))) == []
    with pytest.raises(CandleError):
        detected(name, pd.DataFrame(index=range(rows + 1)))


@pytest.mark.parametrize("name", DETECTIONS)
def test_nan_raises_unless_tolerated(name: str) -> None:
    frame = real_frame(120)
    frame.loc[frame.index[[60, 61, 119]], ["high", "low", "close"]] = np.nan
    with pytest.raises(CandleError, match="NaN"):
        detected(name, frame)
    found = detected(name, frame, tolerant=True)
    with row_by_row():
        assert detected(name, frame, tolerant=True) == found
    assert not any(np.isnan([poi.price_level, *poi.price_zone]).any() for poi in found)


# --- weeding and ranking ---


levels = st.lists(st.integers(0, 40).map(lambda step: 1 + step / 4096), max_size=60)


@settings(max_examples=200)
@given(levels=levels, data=st.data())
def test_clusters_equal_their_twins(levels: list[float], data: st.DataObject) -> None:
    n = len(levels)
    strengths = data.draw(st.lists(st.sampled_from([60.0, 70.0, 80.0]), min_size=n, max_size=n))
    kinds = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    tolerance = data.draw(st.sampled_from([0.0, 1 / 4096, 0.001, 3 / 4096, 1.0]))
    kept = keep_strongest(levels, strengths, kinds, tolerance)
    assert kept.tolist() == twins.keep_strongest(levels, strengths, kinds, tolerance)
    assert count_near(levels, tolerance).tolist() == twins.count_near(levels, tolerance)


def test_clusters_by_hand() -> None:
    # The second replaces the first; the third then is held against the second, which is too far away.
    assert keep_strongest([1.0, 1.5, 0.5], [1, 2, 1], [0, 0, 0], 0.5).tolist() == [False, True, True]
    # As strong is not stronger; another kind is another matter.
    assert keep_strongest([1.0, 1.0, 1.0], [1, 1, 1], [0, 0, 1], 0.0).tolist() == [True, False, True]
    # Only the first accepted within reach is replaced.
    assert keep_strongest([1.0, 2.0, 1.5], [1, 1, 2], [0, 0, 0], 0.5).tolist() == [False, True, True]
    assert keep_strongest([], [], [], 0.5).tolist() == []
    assert count_near([np.nan, 1.0, np.nan, 1.0], 0.5).tolist() == [0, 1, 0, 1]
    assert count_near([], 0.5).tolist() == []


def test_the_pipeline_equals_its_steps() -> None:
    """Weeded, weighed and ranked record by record, as the description says."""
    frame = real_frame(500)
    for strict in (False, True):
        found = system(frame, strict=strict).detect_pois("EURUSD", "M15")
        pois: list[POI] = []
        for name in DETECTIONS:
            for poi in getattr(system(), name)(frame, "EURUSD", "M15"):
                near = [old for old in pois if old.poi_type is poi.poi_type]
                near = [old for old in near if abs(old.price_level - poi.price_level) <= 0.0010]
                if near and poi.strength > near[0].strength:
                    pois = [old for old in pois if old is not near[0]]
                if not near or poi.strength > near[0].strength:
                    pois.append(poi)
        close = [
            [
                other
                for other in pois
                if other is not poi and abs(other.price_level - poi.price_level) <= 0.0020
            ]
            for poi in pois
        ]
        steps = {POISignificance.LOW: POISignificance.MEDIUM, POISignificance.MEDIUM: POISignificance.HIGH}
        for poi, others in zip(pois, close, strict=True):
            poi.strength += min(5 * len(others), 15)
            poi.confluences += dict.fromkeys(f"confluence_with_{other.poi_type.value}" for other in others)
            if len(others) >= 2:
                poi.significance = steps.get(poi.significance, poi.significance)
        ranks = ["low", "medium", "high"] if strict else ["high", "low", "medium"]
        pois.sort(key=lambda poi: (ranks.index(poi.significance.value), poi.strength), reverse=True)
        assert found == pois[:50]


def test_strict_ranks_by_significance() -> None:
    frame = pd.DataFrame({name: [1.048] for name in ("open", "high", "low", "close")})
    config = {"enable_psychological_levels": True}
    loose = [poi.significance.value for poi in system(real_frame(300), config).detect_pois("X")]
    mended = [poi.significance.value for poi in system(real_frame(300), config, strict=True).detect_pois("X")]
    assert loose == sorted(loose, reverse=True)
    assert mended == sorted(mended, key=["high", "medium", "low"].index)
    assert [poi.price_level for poi in system(frame).detect_pois()] == [1.05]


@pytest.mark.parametrize(
    ("setting", "poi_type"),
    [
        ("enable_order_blocks", POIType.ORDER_BLOCK),
        ("enable_fair_value_gaps", POIType.FAIR_VALUE_GAP),
        ("enable_swing_points", POIType.SWING_HIGH),
        ("enable_session_levels", POIType.SESSION_HIGH),
        ("enable_liquidity_pools", POIType.LIQUIDITY_POOL),
        ("enable_fibonacci_levels", POIType.FIBONACCI_LEVEL),
        ("enable_psychological_levels", POIType.PSYCHOLOGICAL_LEVEL),
    ],
)
def test_kinds_can_be_left_out(setting: str, poi_type: POIType) -> None:
    frame, kinds = real_frame(300), POISystem.kinds()
    frame[["open", "high", "low", "close"]] += 1.05 - frame["close"].iloc[-1]

    def types(config: dict[str, Any]) -> set[POIType]:
        return {kinds[kind][0] for kind in POISystem(config).events(frame).kind.tolist()}

    assert poi_type in types({})
    assert poi_type not in types({setting: False})


def test_settings_take_effect() -> None:
    frame = real_frame(300)
    assert len(system(frame, {"max_active_pois": 3}).detect_pois()) == 3
    strong = system(frame, {"min_poi_strength": 85.0}).detect_pois()
    assert {poi.poi_type for poi in strong} <= {
        POIType.ORDER_BLOCK,
        POIType.LIQUIDITY_POOL,
        POIType.FAIR_VALUE_GAP,
    }
    few = system(frame, {"proximity_threshold": 1.0, "max_active_pois": 1000}).detect_pois()
    assert len({poi.poi_type for poi in few}) == len(few)


def test_events_are_what_the_detections_find() -> None:
    frame = real_frame(300)
    hits = system().events(frame)
    pois = [poi for name in DETECTIONS for poi in detected(name, frame)]
    assert [poi.price_level for poi in pois] == hits.level.tolist()
    assert [poi.poi_type for poi in pois] == [POISystem.kinds()[kind][0] for kind in hits.kind.tolist()]
    assert [poi.strength for poi in pois] == hits.strength.tolist()


# --- where candles come from, and where points go ---


def test_candles_come_from_the_manager() -> None:
    asked: list[tuple[Any, ...]] = []

    class Manager:
        def get_historical_data(self, *arguments: Any) -> None:
            asked.append(arguments)

    assert POISystem(data_manager=Manager()).detect_pois("GBPUSD", "H1", 2) == []
    assert asked == [("GBPUSD", "H1", 48)]
    assert POISystem().detect_pois() == []
    assert system(pd.DataFrame()).detect_pois() == []


def test_points_are_kept_until_they_expire() -> None:
    moment = [NOON]
    frame = real_frame(300)

    class Manager:
        def get_candles(self, symbol: str, timeframe: str, count: int) -> pd.DataFrame:
            return frame

    detector = POISystem(clock=lambda: moment[0], data_manager=Manager())
    found = detector.detect_pois()
    assert detector.get_active_pois() == found
    assert detector.detect_pois() == found
    assert detector.active_pois == found * 2  # as the original collects them
    moment[0] += timedelta(hours=72)
    left = detector.get_active_pois()
    assert {poi.poi_type for poi in left} <= {POIType.SWING_HIGH, POIType.SWING_LOW}
    assert len(detector.historical_pois) + len(left) == 2 * len(found)
    assert {poi.status for poi in detector.historical_pois} == {POIStatus.EXPIRED}
    metrics = detector.get_performance_metrics()
    assert (metrics["total_analyses"], metrics["total_pois_detected"]) == (2, 2 * len(found))


def test_reading_what_is_kept() -> None:
    detector = system()
    for level, poi_type in ((1.1, POIType.SWING_HIGH), (1.1015, POIType.SWING_LOW), (1.2, POIType.SWING_LOW)):
        detector.active_pois.append(POI(poi_type, level, (level, level), NOON, "EURUSD", "M15"))
    assert [poi.price_level for poi in detector.get_active_pois(POIType.SWING_LOW)] == [1.1015, 1.2]
    assert [poi.price_level for poi in detector.get_pois_near_price(1.1010)] == [1.1015, 1.1]
    assert detector.get_pois_near_price(1.1010, 0.0001) == []
    summary = detector.get_poi_summary()
    assert summary["by_type"] == {"swing_high": 1, "swing_low": 2}
    assert (summary["total_active"], summary["average_strength"]) == (3, 70.0)


def test_points_of_a_frame() -> None:
    frame = real_frame(200)
    found = system().detect_points_of_interest(frame)
    parts = [poi for name in DETECTIONS[:3] for poi in detected(name, frame)]
    assert found == [
        {
            "type": poi.poi_type.value,
            "price": 0.0,
            "strength": poi.strength,
            "significance": poi.significance.value,
            "timestamp": poi.timestamp.isoformat(),
            "is_valid": True,
            "confidence": 0.6,
        }
        for poi in parts
    ]
    mended = system(strict=True).detect_points_of_interest(frame)
    assert [poi["price"] for poi in mended] == [poi.price_level for poi in parts]


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2025-09-01", periods=60, freq="15min", tz="Europe/Vienna"),
        pd.date_range("2025-09-01 00:00:00.5", periods=60, freq="15min"),
        pd.date_range("2025-09-01", periods=60, freq="15min").astype(object),
    ],
)
def test_times_are_written_as_they_are(index: pd.Index[Any]) -> None:
    frame = real_frame(60).set_axis(index)
    found = system().detect_points_of_interest(frame)
    parts = [poi for name in DETECTIONS[:3] for poi in detected(name, frame)]
    assert [poi["timestamp"] for poi in found] == [poi.timestamp.isoformat() for poi in parts]


def test_points_need_times() -> None:
    assert system().detect_points_of_interest(real_frame(60).reset_index(drop=True)) == []
    assert system().detect_points_of_interest(pd.DataFrame()) == []


def test_points_of_a_list() -> None:
    candles: list[dict[str, Any]] = [{"high": 1.1, "low": 1.0} for _ in range(200)]
    for row in range(4, 200, 4):
        candles[row] = {"high": 1.2, "low": 0.9, "timestamp": f"bar {row}"}
    found = system().detect_points_of_interest(candles)
    assert len(found) == 10
    assert found[:2] == [
        {
            "type": kind,
            "price": price,
            "strength": 0.7,
            "significance": "medium",
            "timestamp": "bar 4",
            "is_valid": True,
            "confidence": 0.65,
        }
        for kind, price in (("swing_high", 1.2), ("swing_low", 0.9))
    ]
    assert system().detect_points_of_interest(candles[:9]) == []
    with pytest.raises(CandleError, match="high"):
        system().detect_points_of_interest([{"low": 1.0}] * 10)


# --- names ---


def test_names_of_the_original() -> None:
    assert POIDetector is POISystem
    assert isinstance(get_poi_system(), POISystem)
    assert get_poi_system({"max_active_pois": 2}, clock=noon).config["max_active_pois"] == 2
    assert len(POIType) == 17
    assert [status.name for status in POIStatus] == [
        "ACTIVE",
        "TESTED",
        "PARTIALLY_MITIGATED",
        "FULLY_MITIGATED",
        "INVALIDATED",
        "EXPIRED",
    ]
    assert list(POI.__dataclass_fields__) == [
        "poi_type",
        "price_level",
        "price_zone",
        "timestamp",
        "symbol",
        "timeframe",
        "significance",
        "status",
        "strength",
        "session_context",
        "market_structure",
        "confluences",
        "created_at",
        "last_tested",
        "expiry_time",
        "test_count",
        "max_tests",
        "reaction_strength",
        "hold_time",
        "success_rate",
        "analysis_id",
        "notes",
        "related_pois",
        "metadata",
    ]


def test_records_share_nothing() -> None:
    one, other, *_ = detected("_detect_liquidity_pool_pois", flat(24))
    one.confluences.append("x")
    one.related_pois.append("y")
    one.add_metadata("z", 1)
    assert "x" not in other.confluences
    assert (other.related_pois, other.get_metadata("z")) == ([], None)


def test_rules_say_when_a_hit_is_known() -> None:
    assert "prefix" in SWING_LEVELS.laws
    assert "prefix" not in LIQUIDITY_POOLS.laws
