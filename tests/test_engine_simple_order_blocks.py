"""The engine's simple order blocks: what the original returned, rows, history, and hand-computed examples."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked, trailing
from ict_kernels.adapters.ict_engine.simple_order_blocks import BasicOrderBlock, SimpleOrderBlockDetector
from ict_kernels.detectors.engine.simple_blocks import SIMPLE_BLOCKS
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

EVERYTHING = {"max_distance_pips": 1e9, "min_confidence": -1e9}
CONFIGS: list[dict[str, Any]] = [
    {},
    EVERYTHING,
    {"lookback_period": 40, "min_confidence": 60},
    {"lookback_period": 12, "supply_entry_offset": 0.5, "risk_reward_ratio": 1.5, "volume_threshold": 0.9},
]


@pytest.mark.parametrize(
    "name", ["order_blocks_simple", "order_blocks_simple_full", "order_blocks_simple@walk"]
)
def test_original(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


# ---- hand-computed -----------------------------------------------------------------------------


def flat(rows: int = 20, level: float = 1.1) -> pd.DataFrame:
    """Candles without swings, since equal neighbours disqualify."""
    prices = {"open": level, "high": level + 0.0005, "low": level - 0.0005, "close": level}
    frame = pd.DataFrame(prices, index=pd.date_range("2025-09-01", periods=rows, freq="15min"), dtype=float)
    frame["volume"] = 100.0
    return frame


def with_low(at: int = 10, rows: int = 20) -> pd.DataFrame:
    """A swing low of 1.0990 whose candle opens at 1.1000 and closes at 1.1002."""
    candles = flat(rows)
    candles.loc[candles.index[at], ["low", "close"]] = 1.0990, 1.1002
    return candles


def detect(
    candles: pd.DataFrame, price: float = 1.1, symbol: str = "EURUSD", **options: Any
) -> list[BasicOrderBlock]:
    return SimpleOrderBlockDetector(**options).detect_basic_order_blocks(candles, price, symbol, "M15")


def test_demand() -> None:
    [block] = detect(with_low())
    assert (block.type, block.price, block.candle_index) == ("demand_zone", 1.0990, 10)
    assert block.timestamp == pd.Timestamp("2025-09-01 02:30")
    assert block.distance_pips == pytest.approx(10)
    # 40 + 20 * 12 / (2 + 1) pips of wick and body + (20 - 10) for the distance, at most 90
    assert block.confidence == 90
    assert block.volume_confirmation is False
    assert block.entry_price == pytest.approx(1.0990 + 0.25 * 0.0015)
    assert block.stop_loss == pytest.approx(1.0990 - 0.1 * 0.0015)
    assert block.take_profit == pytest.approx(1.0990 + 0.25 * 0.0015 + 2 * 0.35 * 0.0015)
    assert block.risk_reward == pytest.approx(2)
    assert (block.symbol, block.timeframe) == ("EURUSD", "M15")


def test_supply_mirrors_demand() -> None:
    low, mirrored = with_low(), with_low()
    for name, other in (("open", "open"), ("high", "low"), ("low", "high"), ("close", "close")):
        mirrored[name] = 2.2 - low[other]
    [block] = detect(mirrored)
    [demand] = detect(low)
    assert block.type == "supply_zone"
    assert block.price == pytest.approx(2.2 - demand.price)
    assert block.confidence == pytest.approx(demand.confidence)
    assert block.entry_price == pytest.approx(2.2 - demand.entry_price)
    assert block.stop_loss == pytest.approx(2.2 - demand.stop_loss)
    assert block.take_profit == pytest.approx(2.2 - demand.take_profit)


def test_confidence_adds_up() -> None:
    candles = with_low()
    candles.loc[candles.index[10], "close"] = 1.0992  # body 8, wick 2 pips
    [block] = detect(candles, price=1.1005, config=EVERYTHING)
    assert block.confidence == pytest.approx(40 + 20 * 2 / 9 + 5)
    candles.loc[candles.index[10], "volume"] = 120.0
    [block] = detect(candles, price=1.1005, config=EVERYTHING)
    assert block.volume_confirmation is True
    assert block.confidence == pytest.approx(40 + 20 * 2 / 9 + 10 + 5)
    assert detect(candles, price=1.1005) == []


@pytest.mark.parametrize(("volume", "confirmed"), [(120.0, True), (119.0, False)])
def test_volume_confirms_from_the_ratio_on(volume: float, confirmed: bool) -> None:
    candles = with_low()
    candles.loc[candles.index[10], "volume"] = volume
    assert [block.volume_confirmation for block in detect(candles)] == [confirmed]


def test_volume_of_nothing() -> None:
    candles = with_low()
    candles["volume"] = 0.0
    assert [block.volume_confirmation for block in detect(candles)] == [False]
    candles.loc[candles.index[10], "volume"] = 1.0
    assert [block.volume_confirmation for block in detect(candles)] == [True]


def test_without_volume_nothing_is_confirmed() -> None:
    [block] = detect(with_low().drop(columns="volume"))
    assert block.volume_confirmation is False


@pytest.mark.parametrize(("price", "found"), [(1.1019, 1), (1.1021, 0), (1.0971, 1), (1.0959, 0)])
def test_distance(price: float, found: int) -> None:
    assert len(detect(with_low(), price=price)) == found


@pytest.mark.parametrize(("at", "found"), [(4, 0), (5, 1), (14, 1), (15, 0)])
def test_candidates(at: int, found: int) -> None:
    assert len(detect(with_low(at))) == found


@pytest.mark.parametrize(("at", "found"), [(29, 0), (30, 1), (44, 1), (45, 0)])
def test_candidates_of_a_longer_frame(at: int, found: int) -> None:
    blocks = detect(with_low(at, rows=50))
    assert [block.candle_index for block in blocks] == [at] * found


@pytest.mark.parametrize("neighbour", [7, 9, 11, 13])
def test_a_neighbour_as_low_disqualifies(neighbour: int) -> None:
    candles = with_low()
    candles.loc[candles.index[neighbour], "low"] = 1.0990
    assert detect(candles) == []


def test_a_distant_candle_does_not_disqualify() -> None:
    candles = with_low()
    candles.loc[candles.index[[6, 14]], "low"] = 1.0990
    assert 10 in [block.candle_index for block in detect(candles)]


def test_candles_without_a_range_are_dropped() -> None:
    candles = flat()
    candles.loc[candles.index[10], ["open", "high", "low", "close"]] = 1.0980
    assert detect(candles, config=EVERYTHING) == []


def test_order_and_limit() -> None:
    blocks = detect(real_frame(400), price=1.1, config={"lookback_period": 300, **EVERYTHING})
    assert len(blocks) == 5
    keys = [(block.distance_pips, -block.confidence) for block in blocks]
    assert keys == sorted(keys)


def test_ties_go_by_confidence_and_then_by_position() -> None:
    candles = flat(40)
    for at, close in ((12, 1.1002), (17, 1.0994), (22, 1.1002)):
        candles.loc[candles.index[at], ["low", "close"]] = 1.0990, close
    blocks = detect(candles, config={"lookback_period": 40, **EVERYTHING})
    assert [block.candle_index for block in blocks] == [12, 22, 17]


# ---- laws --------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(frame=engine_frames(), config=st.sampled_from(CONFIGS), strict=st.booleans())
def test_row_by_row(frame: pd.DataFrame, config: dict[str, Any], strict: bool) -> None:
    def found() -> list[BasicOrderBlock]:
        price = float(frame["close"].iloc[-1]) if len(frame) else 1.0
        return detect(frame, price, config=config, strict=strict)

    at_once = found()
    with row_by_row():
        assert found() == at_once


def called(
    detector: SimpleOrderBlockDetector, frame: pd.DataFrame, window: int
) -> list[tuple[int, BasicOrderBlock]]:
    """What calls at every candle return, positions counted from the beginning of the frame."""
    found = []
    for bar in range(first_asked(len(frame), window), len(frame)):
        given_ = trailing(frame, bar, window)
        for block in detector.detect_basic_order_blocks(given_, given_["close"].iloc[-1], "EURUSD", "M15"):
            first = bar + 1 - len(given_)
            found.append((bar, replace(block, candle_index=block.candle_index + first)))
    return found


def check_history(frame: pd.DataFrame, window: int, **options: Any) -> int:
    detector = SimpleOrderBlockDetector(**options)
    history = detector.evaluate_history(frame, "EURUSD", "M15", window=window)
    assert list(zip(history.bar.tolist(), history.records(), strict=True)) == called(detector, frame, window)
    return len(history)


@settings(max_examples=30, deadline=None)
@given(
    frame=engine_frames(max_size=60),
    config=st.sampled_from(CONFIGS),
    window=st.sampled_from([12, 20, 25, 45]),
    strict=st.booleans(),
)
def test_history(frame: pd.DataFrame, config: dict[str, Any], window: int, strict: bool) -> None:
    check_history(frame, window, config=config, strict=strict)


def test_history_of_real_candles() -> None:
    assert check_history(real_frame(330), 200) > 50


def test_history_row_by_row() -> None:
    def records() -> list[BasicOrderBlock]:
        return SimpleOrderBlockDetector().evaluate_history(real_frame(90), window=60).records()

    at_once = records()
    assert at_once
    with row_by_row():
        assert records() == at_once


def test_history_of_nothing() -> None:
    assert SimpleOrderBlockDetector().evaluate_history(flat(0)).records() == []
    assert SimpleOrderBlockDetector().evaluate_history(pd.DataFrame()).records() == []


def test_all_kept_zones_are_ranked_before_five_are_taken() -> None:
    hits = SimpleOrderBlockDetector({"lookback_period": 300, **EVERYTHING}).events(real_frame(300), 1.1)
    blocks = detect(real_frame(300), 1.1, config={"lookback_period": 300, **EVERYTHING})
    assert len(hits) > 5
    assert [block.candle_index for block in blocks] == hits.candle[:5].tolist()
    assert set(hits.bar.tolist()) == {299}


# ---- input -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 19])
def test_too_little(rows: int) -> None:
    assert detect(with_low().head(rows)) == []
    assert len(SimpleOrderBlockDetector().events(with_low().head(rows))) == 0


def test_empty_frame() -> None:
    assert detect(pd.DataFrame()) == []


def test_rows_before_the_last_thirty_do_not_matter() -> None:
    candles = with_low(40, rows=50)
    candles.loc[candles.index[:20], "low"] = np.nan
    assert len(detect(candles)) == 1


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_nan_raises(name: str) -> None:
    candles = with_low()
    candles.loc[candles.index[12], name] = np.nan
    with pytest.raises(CandleError, match=f"column '{name}' is NaN in 1 of 20 rows"):
        detect(candles)


def test_tolerated_nan_candle_is_both_zones() -> None:
    candles = flat()
    candles.loc[candles.index[10], ["open", "high", "low", "close"]] = np.nan
    blocks = detect(candles, tolerant=True)
    assert [(block.type, block.candle_index, block.confidence) for block in blocks] == [
        ("demand_zone", 10, 90),
        ("supply_zone", 10, 90),
    ]
    with row_by_row():
        assert [block.type for block in detect(candles, tolerant=True)] == ["demand_zone", "supply_zone"]


def test_tolerated_nan_volume_is_left_out() -> None:
    candles = with_low()
    candles.loc[candles.index[5], "volume"] = np.nan
    candles.loc[candles.index[10], "volume"] = 120.0
    assert detect(candles, tolerant=True)[0].volume_confirmation is True
    candles.loc[candles.index[:10], "volume"] = np.nan
    assert detect(candles, tolerant=True)[0].volume_confirmation is False


@pytest.mark.parametrize("price", [float("nan"), "1.1"])
def test_price_must_be_a_number(price: Any) -> None:
    with pytest.raises(ParameterError, match="give the price as a number"):
        SimpleOrderBlockDetector().detect_basic_order_blocks(flat(), price)


def test_tolerated_nan_price_is_near_everything() -> None:
    [block] = detect(with_low(), price=np.nan, tolerant=True)
    assert np.isnan(block.distance_pips)


def test_missing_column() -> None:
    with pytest.raises(CandleError, match="no column 'open'"):
        detect(with_low().drop(columns="open"))


def test_setting_must_be_a_number() -> None:
    with pytest.raises(ParameterError, match=r"config\['risk_reward_ratio'\] is 'two'"):
        detect(with_low(), config={"risk_reward_ratio": "two"})


def test_frame_is_not_modified() -> None:
    candles = with_low()
    before = candles.copy()
    detect(candles)
    pd.testing.assert_frame_equal(candles, before)


def test_labels_of_any_index() -> None:
    [block] = detect(with_low().reset_index(drop=True))
    assert block.timestamp == 10


# ---- strict ------------------------------------------------------------------------------------


def test_strict_pips_go_by_the_symbol() -> None:
    candles = with_low() * 100
    assert detect(candles, 110.0, "USDJPY") == []
    [block] = detect(candles, 110.0, "USDJPY", strict=True)
    assert block.distance_pips == pytest.approx(10)
    [other] = detect(with_low(), 1.1, "EURUSD", strict=True)
    assert block.confidence == pytest.approx(other.confidence)


def test_strict_wick_ends_at_the_body() -> None:
    candles = with_low()
    candles.loc[candles.index[10], ["open", "close"]] = 1.0992, 1.1002  # wick 2, body 10 pips
    [loose] = detect(candles, config=EVERYTHING)
    [strict] = detect(candles, config=EVERYTHING, strict=True)
    assert loose.confidence == pytest.approx(40 + 20 * 12 / 11 + 10)
    assert strict.confidence == pytest.approx(40 + 20 * 2 / 11 + 10)


# ---- interface ---------------------------------------------------------------------------------


def test_names() -> None:
    assert " ".join(field.name for field in fields(BasicOrderBlock)) == (
        "type price confidence distance_pips candle_index volume_confirmation timestamp symbol timeframe "
        "entry_price stop_loss take_profit risk_reward"
    )
    signature = inspect.signature(SimpleOrderBlockDetector.detect_basic_order_blocks)
    assert list(signature.parameters) == ["self", "data", "current_price", "symbol", "timeframe"]
    assert signature.parameters["symbol"].default == signature.parameters["timeframe"].default == "UNKNOWN"
    assert SimpleOrderBlockDetector().config == {
        "lookback_period": 20,
        "max_distance_pips": 30,
        "min_confidence": 72,
        "volume_threshold": 1.2,
        "max_confidence": 90,
        "base_confidence": 40,
        "wick_confidence_multiplier": 20,
        "volume_confidence_bonus": 10,
        "distance_penalty_threshold": 20,
        "demand_entry_offset": 0.25,
        "demand_stop_offset": 0.1,
        "supply_entry_offset": 0.25,
        "supply_stop_offset": 0.1,
        "risk_reward_ratio": 2.0,
    }


def test_rule_has_the_same_defaults() -> None:
    detector = SimpleOrderBlockDetector()
    assert SIMPLE_BLOCKS.given(**detector._settings("EURUSD")) == SIMPLE_BLOCKS.given()


def test_config_is_read_at_each_call() -> None:
    detector = SimpleOrderBlockDetector()
    detector.config["max_distance_pips"] = 5
    assert detector.detect_basic_order_blocks(with_low(), 1.1) == []


def test_report_gets_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = SimpleOrderBlockDetector({"lookback_period": 200, **EVERYTHING})
    kept: list[Any] = []
    monkeypatch.setattr(
        detector, "_save_organized_results", lambda blocks, *rest: kept.append((blocks, rest))
    )
    five = detector.detect_basic_order_blocks(real_frame(200), 1.1, "EURUSD", "M15")
    [(blocks, rest)] = kept
    assert len(blocks) > 5 == len(five)
    assert blocks[:5] == five
    assert rest == ("EURUSD", "M15", 1.1)
    detector.detect_basic_order_blocks(flat(200), 1.1)
    assert len(kept) == 1


def test_swings() -> None:
    detector, candles = SimpleOrderBlockDetector(), with_low()
    assert detector._is_swing_low(candles, 10)
    assert not detector._is_swing_high(candles, 10)
    assert not detector._is_swing_low(candles, 11)
    candles.loc[candles.index[10], "high"] = 1.2
    assert detector._is_swing_low(candles, 10)
    assert detector._is_swing_high(candles, 10)


def test_choices() -> None:
    detector = SimpleOrderBlockDetector({"lookback_period": 200, **EVERYTHING})
    blocks = detector.detect_basic_order_blocks(real_frame(200), 1.1)
    nearest = detector.get_nearest_blocks(reversed(blocks), blocks[0].price, limit=2)
    assert nearest[0].price == blocks[0].price
    assert len(nearest) == 2
    assert len(detector.get_nearest_blocks(blocks, 1.1)) == 3
    sure = [replace(blocks[0], confidence=75.0), replace(blocks[0], confidence=74.9)]
    assert detector.filter_high_confidence(sure) == sure[:1]
    assert detector.filter_high_confidence(sure, min_confidence=70) == sure


def test_statistics() -> None:
    detector = SimpleOrderBlockDetector()
    detector.detect_basic_order_blocks(with_low(), 1.1)
    detector.detect_basic_order_blocks(flat(), 1.1)
    stats = detector.get_performance_stats()
    assert (stats["total_detections"], stats["blocks_found"], stats["blocks_returned"]) == (2, 1, 1)
    stats["config"]["min_confidence"] = 0
    assert detector.config["min_confidence"] == 72


def test_nothing_is_printed_but_said(capfd: pytest.CaptureFixture[str]) -> None:
    said = []

    class Engine:
        def debug(self, message: str, component: str = "", /) -> None:
            said.append(f"{component}: {message}")

    detect(with_low(), logger=Engine())
    assert said == ["simple_order_blocks: 1 zones on EURUSD M15"]
    assert capfd.readouterr() == ("", "")
