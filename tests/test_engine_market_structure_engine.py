"""The engine's structure of the last candles: the original's answers, a row-by-row twin, hand-computed examples."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked
from ict_kernels.adapters.ict_engine.market_structure_engine import (
    MarketStructureEngine,
    MarketStructureResult,
)
from ict_kernels.errors import CandleError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

MORNING = datetime(2025, 9, 1, 10, 30)
ENGINE = MarketStructureEngine(clock=lambda: MORNING)


def candle(low: float, high: float, close: float | None = None, open_: float | None = None) -> dict[str, Any]:
    close = low if close is None else close
    return {"open": close if open_ is None else open_, "high": high, "low": low, "close": close}


def dicts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[Any] = frame.to_dict("records")
    return [{**row, "time": time} for time, row in zip(frame.index, rows, strict=True)]


def said(candles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    result = ENGINE.run_full_analysis("EURUSD", "M15", candles)
    return result.choch_events + result.bos_events + result.order_blocks + result.fvg_zones


@pytest.mark.parametrize("name", ["structure_engine", "structure_engine@walk"])
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


@pytest.mark.parametrize(
    ("close", "expected"), [(1.3, []), (1.31, ["CHOCH_BULL"]), (1.0, []), (0.99, ["CHOCH_BEAR"])]
)
def test_choch_compares_with_two_candles(close: float, expected: list[str]) -> None:
    candles = [candle(0.5, 2.0), candle(1.0, 1.2), candle(1.1, 1.3), candle(0.9, 1.4, close)]
    found = ENGINE.detect_choch(candles)
    assert [event["type"] for event in found] == expected
    assert all(
        event == {"type": event["type"], "price": close, "time": MORNING.isoformat()} for event in found
    )


def test_bos_compares_with_five_candles() -> None:
    before = [candle(0.5, 2.0), candle(1.0, 1.3), *[candle(1.1, 1.2)] * 4]
    assert ENGINE.detect_bos([*before, candle(1.0, 1.3)]) == []
    up, down = ENGINE.detect_bos([*before, candle(0.9, 1.4)])
    assert (up["type"], up["trigger"], down["type"], down["trigger"]) == ("BOS_UP", 1.4, "BOS_DOWN", 0.9)
    assert len(ENGINE.detect_bos([*before[1:3], candle(0.9, 1.4)])) == 2


def test_order_block_needs_body_and_range() -> None:
    small = [candle(1.0, 1.1)] * 11 + [candle(1.0, 1.5)] * 8
    [block] = ENGINE.identify_order_blocks([*small, candle(1.0, 1.25, close=1.25, open_=1.0)])
    assert block == {
        "id": block["id"],
        "type": "BULL",
        "price": 1.25,
        "high": 1.25,
        "low": 1.0,
        "confidence": 0.55,
        "time": MORNING.isoformat(),
    }
    bearish = ENGINE.identify_order_blocks([*small, candle(1.0, 1.25, close=1.0, open_=1.25)])
    assert bearish[0]["type"] == "BEAR"
    short_body = candle(1.0, 1.25, close=1.125, open_=1.0)
    assert ENGINE.identify_order_blocks([*small, short_body]) == []
    # Of 20 ranges the eleventh is the median: with one more large candle, that of the last candle itself.
    larger = [candle(1.0, 1.5), *small[1:]]
    assert ENGINE.identify_order_blocks([*larger, candle(1.0, 1.25, close=1.25, open_=1.0)]) == []
    beyond = [candle(1.0, 1.5), *small]
    assert len(ENGINE.identify_order_blocks([*beyond, candle(1.0, 1.25, close=1.25, open_=1.0)])) == 1


def test_gap_needs_a_middle_candle_clear_of_the_nearer_edge() -> None:
    clear = [candle(1.0, 1.1), candle(1.2, 1.3), candle(1.25, 1.4)]
    [gap] = ENGINE.detect_fair_value_gaps(clear)
    assert gap == {
        "type": "FVG_BULL",
        "start": 1.1,
        "end": 1.25,
        "mid_time": MORNING.isoformat(),
        "detected": True,
    }
    assert ENGINE.detect_fair_value_gaps([clear[0], candle(1.1, 1.3), clear[2]]) == []
    [bearish] = ENGINE.detect_fair_value_gaps([candle(1.3, 1.4), candle(1.0, 1.05), candle(1.1, 1.2)])
    assert (bearish["type"], bearish["start"], bearish["end"]) == ("FVG_BEAR", 1.2, 1.3)
    flat = [candle(1.3, 1.35)] * 8
    assert len(ENGINE.detect_fair_value_gaps([*clear, *flat[:7]])) == 1
    assert len(ENGINE.detect_fair_value_gaps([*clear, *flat])) == 0


def test_too_little_data() -> None:
    for candles in ([], [candle(1.0, 1.1)] * 2, [candle(1.0, 1.1)] * 3 + [{"high": 1.2, "low": 1.0}]):
        assert said(candles) == []
    assert (
        ENGINE.events(pd.DataFrame(columns=["open", "high", "low", "close"], dtype=float)).bar.tolist() == []
    )


def test_bad_prices() -> None:
    candles = [candle(1.0, 1.1), candle(1.0, math.nan), candle(1.0, 1.2)]
    with pytest.raises(CandleError, match=r"candle -2 .*'high'.*tolerant"):
        ENGINE.detect_bos(candles)
    with pytest.raises(CandleError, match="not a number"):
        ENGINE.detect_bos([candle(1.0, 1.1), candle(1.0, "x"), candle(1.0, 1.2)])  # type: ignore[arg-type]
    tolerant = MarketStructureEngine(tolerant=True)
    assert [event["type"] for event in tolerant.detect_bos([*candles, candle(1.0, 1.3)])] == ["BOS_UP"]


def test_candles_without_open_are_no_order_blocks() -> None:
    bare = [{"high": 1.1, "low": 1.0, "close": 1.0}] * 3 + [{"high": 1.5, "low": 1.0, "close": 1.5}]
    assert ENGINE.identify_order_blocks(bare) == []
    assert len(ENGINE.detect_choch(bare)) == 1


@pytest.mark.parametrize(
    ("types", "bias"),
    [
        ((["CHOCH_BULL"], ["BOS_UP"], ["BULL"]), "BULLISH"),
        (([], ["BOS_DOWN"], ["BEAR"]), "BEARISH"),
        ((["CHOCH_BEAR"], ["BOS_UP"], []), "NEUTRAL"),
        (([], [], []), None),
    ],
)
def test_bias(types: tuple[list[str], ...], bias: str | None) -> None:
    choch, bos, blocks = ([{"type": name} for name in names] for names in types)
    assert ENGINE.get_market_bias(choch, bos, blocks) == bias


def test_full_analysis() -> None:
    candles = [candle(1.1, 1.2)] * 3 + [candle(1.1, 1.3, close=1.3, open_=1.1)]
    result = ENGINE.run_full_analysis("EURUSD", "H1", candles, {"H4": candles, "D1": []})
    assert [field.name for field in fields(MarketStructureResult)] == list(result.to_dict())
    assert (result.symbol, result.timeframe, result.market_bias) == ("EURUSD", "H1", "BULLISH")
    assert result.multi_timeframe_context["confluence_score"] == 0.5
    assert result.meta["candles_used"] == 4
    assert result.meta["mtf_used"] is True
    assert result.timestamp == result.meta["generated"] == MORNING.isoformat()
    assert ENGINE.analyze_multi_timeframe({})["confluence_score"] == 0


def test_logging() -> None:
    class Told:
        messages: list[str] = []  # noqa: RUF012

        def info(self, message: str, component: str = "") -> None:
            self.messages.append(message)

    for wanted, count in ((False, 0), (True, 1)):
        MarketStructureEngine(wanted, logger=Told()).run_full_analysis("EURUSD", "M15", [])
        assert len(Told.messages) == count


@settings(max_examples=30)
@given(frame=engine_frames())
def test_rows_alone_give_the_same(frame: pd.DataFrame) -> None:
    candles = dicts(frame)
    expected = (
        said(candles),
        ENGINE.evaluate_history(frame).records(),
        ENGINE.evaluate_history(candles).records(),
    )
    with row_by_row():
        assert said(candles) == expected[0]
        assert ENGINE.evaluate_history(frame).records() == expected[1] == expected[2]
        assert ENGINE.evaluate_history(candles).records() == expected[2]


@settings(max_examples=30)
@given(frame=engine_frames(), window=st.integers(1, 30))
def test_history_is_every_call(frame: pd.DataFrame, window: int) -> None:
    candles = dicts(frame)
    history = ENGINE.evaluate_history(frame, window=window)
    bars, expected = [], []
    for bar in range(first_asked(len(frame), window), len(frame)):
        events = said(candles[max(0, bar + 1 - window) : bar + 1])
        bars += [bar] * len(events)
        expected += events
    assert history.bar.tolist() == bars
    assert history.records() == expected


def test_history_is_every_call_on_real_candles() -> None:
    frame = real_frame(700)
    candles = dicts(frame)
    history = ENGINE.evaluate_history(candles)
    assert len(history) > 400
    assert set(history.kind.tolist()) == {0, 1, 2, 3}
    assert history.records() == [event for bar in range(199, 700) for event in said(candles[: bar + 1])]


def test_times_come_from_wherever_they_are() -> None:
    frame = pd.DataFrame({name: np.array([1.0, 1.0, 2.0]) for name in ("open", "high", "low", "close")})
    assert ENGINE.evaluate_history(frame).records()[0]["time"] == 2
    stamped = frame.assign(time=["a", "b", "c"])
    assert ENGINE.evaluate_history(stamped).records()[0]["time"] == "c"
