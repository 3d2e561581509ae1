"""Points of interest of the function style: golden outputs, row by row, by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ict_kernels.adapters.ict_engine import poi_detector_adapted as poi
from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.detectors.engine.imbalances import IMBALANCES
from ict_kernels.detectors.engine.rejection_blocks import REJECTION_BLOCKS
from ict_kernels.errors import CandleError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

NOON = datetime(2025, 9, 1, 12)


def noon() -> datetime:
    return NOON


def flat(rows: int = 20, price: float = 1.0) -> pd.DataFrame:
    """Bars that rise and fall a tenth of a percent and close where they opened."""
    columns = {"open": price, "high": price + 0.001, "low": price - 0.001, "close": price, "volume": 100.0}
    return pd.DataFrame({name: [value] * rows for name, value in columns.items()})


def set_bar(frame: pd.DataFrame, row: int, **values: float) -> None:
    for name, value in values.items():
        frame.loc[row, name] = value


def rising_block() -> pd.DataFrame:
    """One order block, at bar 12, left by the close of bar 15."""
    frame = flat()
    set_bar(frame, 12, close=1.0001)
    set_bar(frame, 15, open=1.003, high=1.004, low=1.002, close=1.003, volume=90)
    return frame


def mirrored(frame: pd.DataFrame) -> pd.DataFrame:
    turned = 2 - frame[["open", "low", "high", "close"]]
    turned.columns = pd.Index(["open", "high", "low", "close"])
    return turned.assign(volume=frame["volume"])


@pytest.mark.parametrize(
    "name", ["poi_order_blocks", "poi_fvg", "poi_breakers", "poi_imbalances", "poi_all", "poi_dashboard"]
)
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


@settings(max_examples=30)
@given(frame=engine_frames())
@pytest.mark.parametrize("strict", [False, True])
def test_row_by_row_finds_the_same(strict: bool, frame: pd.DataFrame) -> None:
    detector = poi.POIDetector(clock=noon, strict=strict)
    found = detector.find_all_pois(frame, "M15")
    with row_by_row():
        assert detector.find_all_pois(frame, "M15") == found


def test_row_by_row_finds_the_same_in_real_candles() -> None:
    frame = real_frame(400)
    found = poi.detectar_todos_los_pois(frame, clock=noon)
    with row_by_row():
        assert poi.detectar_todos_los_pois(frame, clock=noon) == found
    assert all(found[name] for name in ("order_blocks", "fair_value_gaps", "imbalances"))


# --- order blocks and breakers ---


def test_an_order_block_field_by_field() -> None:
    assert poi.detectar_order_blocks(rising_block(), "H1", clock=noon) == [
        {
            "id": f"BULLISH_OB_H1_{int(NOON.timestamp())}",
            "type": "BULLISH_OB",
            "price": 1.0,
            "score": 80,
            "confidence": 0.95,
            "timeframe": "H1",
            "created_at": "2025-09-01T12:00:00",
            "mitigated": False,
            "broken": False,
            "range_high": 1.001,
            "range_low": 0.999,
            "volume": 100.0,
            "formation_strength": 1.0001 - 1.0,
            "index": 12,
        }
    ]


def test_a_falling_order_block_is_left_below_its_low() -> None:
    [block] = poi.detectar_order_blocks(mirrored(rising_block()), clock=noon)
    assert (block["type"], block["index"]) == ("BEARISH_OB", 12)
    assert block["range_low"] == pytest.approx(0.999)


@pytest.mark.parametrize(
    ("row", "values"),
    [
        (15, {"close": 1.002}),  # not 0.1 % above the high
        (12, {"close": 1.0}),  # no body
        (12, {"close": 1.0011, "high": 1.0011}),  # less than two bodies high
        (12, {"close": 1 + 2**-10, "low": 1.0, "high": 1 + 2**-9}),  # exactly two
    ],
)
def test_what_is_no_order_block(row: int, values: dict[str, float]) -> None:
    frame = rising_block()
    set_bar(frame, row, **values)
    assert poi.detectar_order_blocks(frame) == []


@pytest.mark.parametrize(("moved", "found"), [(-3, []), (-2, [10]), (2, [14]), (3, [])])
def test_order_blocks_lie_between_bar_10_and_the_last_five(moved: int, found: list[int]) -> None:
    frame = rising_block()
    frame = frame.iloc[np.roll(np.arange(len(frame)), moved)].reset_index(drop=True)
    assert [block["index"] for block in poi.detectar_order_blocks(frame)] == found


@pytest.mark.parametrize(
    ("loud", "confidence"), [(0, 0.5), (1, 0.6), (2, 0.7), (3, 0.8), (4, 0.9), (5, 0.95)]
)
def test_confidence_counts_later_bars_of_volume(loud: int, confidence: float) -> None:
    frame = rising_block()
    frame.loc[13:17, "volume"] = [81.0] * loud + [80.0] * (5 - loud)
    assert poi.detectar_order_blocks(frame)[0]["confidence"] == pytest.approx(confidence)


def test_without_volume_three_bars_count() -> None:
    [block] = poi.detectar_order_blocks(rising_block().drop(columns="volume"))
    assert (block["confidence"], block["volume"]) == (0.8, 0)


def test_a_breaker_has_closes_on_both_sides_of_its_edge() -> None:
    frame = rising_block()
    assert poi.detectar_breaker_blocks(frame) == []
    set_bar(frame, 19, close=0.99, low=0.99)
    [breaker] = poi.detectar_breaker_blocks(frame, "H1", clock=noon)
    assert breaker["type"] == "BULLISH_BREAKER"
    assert (breaker["score"], breaker["confidence"]) == (90, pytest.approx(0.855))
    assert breaker["original_ob"] == f"BULLISH_OB_H1_{int(NOON.timestamp())}"
    assert breaker["breaker_confirmation"] is True
    assert "index" not in breaker
    [turned] = poi.detectar_breaker_blocks(mirrored(frame))
    assert turned["type"] == "BEARISH_BREAKER"


@pytest.mark.parametrize(("row", "count"), [(14, 1), (13, 0)])
def test_breakers_look_at_ten_closes(row: int, count: int) -> None:
    frame = pd.concat([rising_block(), flat(4)], ignore_index=True)
    set_bar(frame, row, close=0.99, low=0.99)
    assert len(poi.detectar_order_blocks(frame)) == 1
    assert len(poi.detectar_breaker_blocks(frame)) == count


# --- gaps and imbalances ---


def test_gaps_have_no_minimum() -> None:
    frame = pd.DataFrame({"high": [1.0, 1.1, 1.2], "low": [0.9, 1.0, 1.00001]})
    [gap] = poi.detectar_fair_value_gaps(frame)
    assert (gap["type"], gap["score"], gap["index"]) == ("BULLISH_FVG", 55, 1)
    assert gap["gap_size"] == 1.00001 - 1.0
    assert gap["price"] == (1.00001 + 1.0) / 2


@pytest.mark.parametrize(
    ("pips", "score", "confidence"), [(3.5, 62, 0.575), (8.5, 72, 0.8), (12.6, 80, 0.8), (100, 80, 0.8)]
)
def test_gap_scores(pips: float, score: int, confidence: float) -> None:
    frame = pd.DataFrame({"high": [1.0, 1.1, 1.2], "low": [0.9, 1.0, 1.0 + pips / 10000]})
    [gap] = poi.detectar_fair_value_gaps(frame)
    assert (gap["score"], gap["confidence"]) == (score, pytest.approx(confidence))


def leap() -> pd.DataFrame:
    """A leap of 2 % at bar 10 on little volume."""
    frame = flat(20)
    frame.loc[10:, ["open", "high", "low", "close"]] += 0.02
    frame.loc[10:, "volume"] = 60.0
    return frame


def test_imbalances_by_hand() -> None:
    first, *others = poi.detectar_imbalances(leap(), "M5", clock=noon)
    assert first["type"] == "LIQUIDITY_VOID"
    assert (first["index"], first["price"], first["score"]) == (10, 1.02, 65)
    assert (first["range_high"], first["range_low"]) == (pytest.approx(1.021), 0.999)
    assert (first["confidence"], first["volume_ratio"]) == (0.6, 0.6)
    assert first["price_change_magnitude"] == pytest.approx(0.02)
    assert [void["index"] for void in others] == [11]  # 60 of 92 is below 0.7, 60 of 84 is not


def test_imbalances_need_volume_and_ten_bars() -> None:
    assert poi.detectar_imbalances(leap().drop(columns="volume")) == []
    assert poi.detectar_imbalances(leap().iloc[:9].drop(columns="close")) == []


def test_strict_imbalances_compare_like_with_like() -> None:
    frame = leap() * 1000
    frame["volume"] /= 1000
    frame.loc[::2, "close"] += 4
    frame.loc[10, "close"] = 1000 * 1.002
    assert 10 in [void["index"] for void in poi.detectar_imbalances(frame)]
    assert 10 not in [void["index"] for void in poi.detectar_imbalances(frame, strict=True)]


def test_the_threshold_is_twice_the_deviation_of_all_changes() -> None:
    frame = real_frame(300)
    threshold = 2 * frame["close"].pct_change().std()
    found = poi.detectar_imbalances(frame)
    assert found
    assert min(void["price_change_magnitude"] for void in found) > threshold


def test_zero_prices_and_volumes_raise_no_warning() -> None:
    frame = leap()
    frame.loc[3:6, ["open", "high", "low", "close"]] = 0.0
    frame.loc[:, "volume"] = 0.0
    assert isinstance(poi.detectar_todos_los_pois(frame), dict)


# --- rules ---


def test_rules_say_when_a_hit_is_known() -> None:
    bars = real_frame(300)
    blocks = poi.POIDetector().events(bars)
    assert (blocks["order_blocks"].confirmed == blocks["order_blocks"].bar + 5).all()
    assert (blocks["fair_value_gaps"].confirmed == blocks["fair_value_gaps"].bar + 1).all()
    assert (blocks["breaker_blocks"].confirmed == 299).all()
    assert "prefix" in REJECTION_BLOCKS.laws
    assert "prefix" in IMBALANCES.laws


# --- what comes in ---


@pytest.mark.parametrize(
    "detect",
    [
        poi.detectar_order_blocks,
        poi.detectar_fair_value_gaps,
        poi.detectar_breaker_blocks,
        poi.detectar_imbalances,
    ],
)
def test_short_frames_are_not_looked_at(detect: Callable[..., list[Any]]) -> None:
    assert detect(pd.DataFrame()) == []
    assert detect(pd.DataFrame({"something": [1, 2]})) == []


def test_nan_raises_unless_tolerated() -> None:
    frame = rising_block()
    frame.loc[3, ["high", "low", "close", "volume"]] = np.nan
    for detect in (poi.detectar_order_blocks, poi.detectar_fair_value_gaps, poi.detectar_imbalances):
        with pytest.raises(CandleError, match="NaN"):
            detect(frame)
    assert [block["index"] for block in poi.detectar_order_blocks(frame, tolerant=True)] == [12]
    found = poi.detectar_todos_los_pois(frame, clock=noon, tolerant=True)
    with row_by_row():
        assert poi.detectar_todos_los_pois(frame, clock=noon, tolerant=True) == found


@pytest.mark.parametrize("row", [12, 14, 15])
def test_nan_around_an_order_block_compares_false(row: int) -> None:
    frame = rising_block()
    frame.loc[row, "close"] = np.nan
    found = [block["index"] for block in poi.detectar_order_blocks(frame, tolerant=True)]
    assert found == ([12] if row == 14 else [])


def test_frames_are_not_changed() -> None:
    frame = rising_block()
    before = frame.copy()
    poi.POIDetector().find_dashboard_pois(frame, "M15", 1.0)
    pd.testing.assert_frame_equal(frame, before)


# --- all together ---


def test_everything_is_the_four_parts_in_order() -> None:
    frame = real_frame(500)
    options: dict[str, Any] = {"clock": noon}
    parts = {
        "order_blocks": poi.detectar_order_blocks(frame, **options),
        "fair_value_gaps": poi.detectar_fair_value_gaps(frame, **options),
        "breaker_blocks": poi.detectar_breaker_blocks(frame, **options),
        "imbalances": poi.detectar_imbalances(frame, **options),
    }
    found = poi.detectar_todos_los_pois(frame, "M15", 1.1, **options)
    summary = found.pop("resumen")
    assert found == parts
    total = sum(map(len, parts.values()))
    assert summary == {
        "total_pois": total,
        "por_tipo": {name: len(pois) for name, pois in parts.items()},
        "timeframe": "M15",
        "tiempo_procesamiento": "2025-09-01T12:00:00",
        "densidad_pois": total / 500,
    }
    together = poi.POIDetector(clock=noon).find_all_pois(frame, "M15")
    assert together == [one for pois in parts.values() for one in pois]
    events = poi.POIDetector().events(frame)
    assert {name: len(hits) for name, hits in events.items()} == summary["por_tipo"]


def test_summary_of_nothing() -> None:
    empty = {"total": 0, "by_type": {}, "avg_score": 0.0, "types_detected": []}
    assert poi.POIDetector().get_poi_summary([]) == empty
    assert poi.detectar_todos_los_pois(pd.DataFrame())["resumen"]["densidad_pois"] == 0.0


# --- scores ---


def point(poi_type: str = "BULLISH_OB", price: float = 1.1, **extra: Any) -> dict[str, Any]:
    return poi.crear_poi_estructura(
        poi_type, price, 80, 0.8, extra.pop("timeframe", "M15"), clock=noon, **extra
    )


def score(one: dict[str, Any], moment: datetime = NOON, **market: Any) -> int:
    return poi.calcular_puntaje_poi(one, SimpleNamespace(**market), None, clock=lambda: moment)[0]


# Strength 50 -> 10, M15 -> 11, freshness -> 10, context -> 2.
BARE = 33


@pytest.mark.parametrize(
    ("pips", "points"), [(0, 25), (9.9, 25), (10.1, 20), (20.1, 15), (50.1, 10), (100.1, 5), (5000, 5)]
)
def test_proximity(pips: float, points: int) -> None:
    assert score(point(), current_price=1.1 + pips / 10000) == BARE + points


@pytest.mark.parametrize(
    ("timeframe", "points"),
    [("D1", 15), ("H4", 13), ("H1", 12), ("M15", 11), ("M30", 10), ("M5", 9), ("M1", 6), ("W1", 7)],
)
def test_timeframes(timeframe: str, points: int) -> None:
    assert score(point(timeframe=timeframe)) == BARE - 11 + points


@pytest.mark.parametrize(("hours", "points"), [(0, 10), (1, 10), (1.1, 8), (6.1, 6), (24.1, 4), (72.1, 2)])
def test_freshness(hours: float, points: int) -> None:
    assert score(point(), NOON + timedelta(hours=hours)) == BARE - 10 + points


def test_freshness_of_odd_stamps() -> None:
    assert score(point() | {"created_at": None}) == BARE - 10
    assert score(point() | {"created_at": NOON}) == BARE
    zoned = NOON.replace(tzinfo=timezone.utc)
    assert score(point() | {"created_at": zoned.isoformat()}, zoned + timedelta(hours=2)) == BARE - 2


@pytest.mark.parametrize(
    ("extra", "gain"),
    [
        ({"formation_strength": 0.0003}, -10),
        ({"formation_strength": 100}, 10),
        ({"volume": 9_999.0}, 0),
        ({"volume": 10_000.0}, 1),
        ({"volume": 1e9}, 10),
        ({"confirmation_candles": 1}, 3),
        ({"confirmation_candles": 9}, 15),
    ],
)
def test_other_parts(extra: dict[str, Any], gain: int) -> None:
    assert score(point(**extra)) == BARE + gain


@pytest.mark.parametrize(
    ("bias", "gain"), [("BULLISH", 2), ("bullish", 2), ("BEARISH", 0), ("", 0), (None, 0)]
)
def test_bias(bias: str | None, gain: int) -> None:
    assert score(point(), h4_bias=bias) == BARE + gain
    assert score(point("LIQUIDITY_VOID"), h4_bias=bias) == BARE


def test_scores_stay_within_100_and_give_their_parts() -> None:
    full = point(formation_strength=1e6, volume=1e9)
    found, reasons = poi.calcular_puntaje_poi(full, SimpleNamespace(current_price=1.1), None, clock=noon)
    assert found == 100
    assert [reason.split()[0] for reason in reasons] == [
        "proximity",
        "strength",
        "timeframe",
        "volume",
        "freshness",
        "context",
    ]
    assert score(point(formation_strength=-1e6)) == 0


def test_another_configuration() -> None:
    weights = dict.fromkeys(poi.POI_SCORING_CONFIG["SCORING_WEIGHTS"], 0) | {"proximity": 50}
    config = poi.POI_SCORING_CONFIG | {"SCORING_WEIGHTS": weights}
    market = SimpleNamespace(current_price=1.1)
    assert poi.calcular_puntaje_poi(point(), market, config)[0] == 50


def test_dashboard_ranks_by_score_then_distance() -> None:
    near, nearer, weak = point(price=1.1009), point(price=1.1001), point(price=1.1000, formation_strength=0)
    broken = point(price=1.2) | {"broken": True, "range_high": 1.3}
    market = SimpleNamespace(current_price=1.1, pois={"M15": [near, weak], "H1": [nearer, broken]})
    found = poi.encontrar_pois_multiples_para_dashboard(market, 1.1, clock=noon)
    assert [one["price"] for one in found] == [1.1001, 1.1009, 1.1, 1.2]
    assert [one["quality"] for one in found] == ["C", "C", "C", "D"]
    assert [one["status"] for one in found] == ["ACTIVO", "ACTIVO", "ACTIVO", "ROTO"]
    assert found[3]["range_high"] == 1.3
    assert len(poi.encontrar_pois_multiples_para_dashboard(market, 1.1, 2, clock=noon)) == 2


def test_the_best_of_all() -> None:
    good, better = point(price=1.1009), point(price=1.1001)
    market = SimpleNamespace(current_price=1.1, pois={"M15": [good, better]})
    found = poi.encontrar_poi_de_alta_probabilidad(market, 1.1, clock=noon)
    assert found is not None
    assert (found["poi"], found["alternatives"], found["quality_tier"]) == (better, [good], "C")
    assert set(found) == {"poi", "quality_tier", "trading_recommendation", "risk_assessment", "alternatives"}
    far = SimpleNamespace(current_price=2.0, pois={"M15": [good]})
    assert poi.encontrar_poi_de_alta_probabilidad(far, 2.0, clock=noon) is None


def test_superior_points_are_intact() -> None:
    pois = [point(price=1.1 + step / 10000, formation_strength=100) for step in range(5)]
    pois[0]["broken"] = pois[1]["mitigated"] = True
    market = SimpleNamespace(current_price=1.1, pois={"M15": [*pois, point()]})
    found = poi.obtener_pois_superiores_cercanos(market, 1.1, clock=noon)
    assert found is not None
    assert found["total_superior_pois"] == 3
    assert [one["poi"] for one in found["closest_pois"]] == pois[2:]
    assert (found["average_score"], found["nearest_distance"]) == (68.0, pytest.approx(0.0002))
    assert poi.obtener_pois_superiores_cercanos(SimpleNamespace(pois={"M15": pois[:2]}), 1.1) is None


@pytest.mark.parametrize(
    ("poi_type", "close", "broken"),
    [
        ("BULLISH_OB", 0.999 * 1.0 - 1e-9, True),
        ("BULLISH_OB", 0.999 * 1.0, False),
        ("BEARISH_OB", 1.001 * 1.1 + 1e-9, True),
        ("LIQUIDITY_VOID", 1.001 * 1.1 + 1e-9, True),
        ("BEARISH_OB", 1.001 * 1.1, False),
        ("BEARISH_OB", 0.5, False),
    ],
)
def test_what_the_price_left_behind_is_broken(poi_type: str, close: float, broken: bool) -> None:
    one = point(poi_type, range_high=1.1, range_low=1.0)
    market = SimpleNamespace(pois={"M15": [one, point()]})
    frame = pd.DataFrame({"close": [np.nan, close]})
    assert poi.invalidar_pois_obsoletos(market, frame) == int(broken)
    assert one["broken"] is broken
    assert poi.invalidar_pois_obsoletos(market, frame) == 0
    assert poi.invalidar_pois_obsoletos(market, frame.iloc[:0]) == 0


def test_names_of_the_original() -> None:
    assert list(poi.POI_TYPES) == [
        "BULLISH_OB",
        "BEARISH_OB",
        "BULLISH_FVG",
        "BEARISH_FVG",
        "BULLISH_BREAKER",
        "BEARISH_BREAKER",
        "LIQUIDITY_VOID",
        "PRICE_IMBALANCE",
    ]
    assert sum(poi.POI_SCORING_CONFIG["SCORING_WEIGHTS"].values()) == 100
