"""The engine's premium and discount: what the original returned, a row-by-row twin, and hand-computed examples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine.premium_discount_analyzer import PremiumDiscountAnalyzer
from ict_kernels.errors import CandleError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames


class Model:
    """Answers with what it was asked."""

    def predict_proba(self, rows: list[list[float]]) -> Any:
        return np.array(rows)


def test_golden(monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden("premium_discount", monkeypatch)


@pytest.mark.parametrize(
    ("close", "state", "distance"),
    [(1.75, "premium", 0.25), (1.25, "discount", -0.25), (1.5, "equilibrium", 0.0), (3.0, "premium", 1.5)],
)
def test_states(close: float, state: str, distance: float) -> None:
    analyzer, prices = PremiumDiscountAnalyzer(), {"high": 2.0, "low": 1.0, "close": close}
    assert analyzer.analyze_market_state(prices) == {
        "state": state,
        "equilibrium": 1.5,
        "distance": distance,
        "range_high": 2.0,
        "range_low": 1.0,
        "close": close,
    }
    assert analyzer.is_premium_zone(prices) == (state == "premium")
    assert analyzer.is_discount_zone(prices) == (state == "discount")
    assert analyzer.get_equilibrium(prices) == 1.5


@pytest.mark.parametrize("missing", ["high", "low", "close"])
@pytest.mark.parametrize("absent", [True, False])
def test_missing_data(missing: str, absent: bool) -> None:
    prices: dict[str, Any] = {"high": 2.0, "low": 1.0, "close": 1.5, missing: None}
    if absent:
        del prices[missing]
    analyzer = PremiumDiscountAnalyzer()
    assert analyzer.analyze_market_state(prices) == {"state": "unknown", "reason": "missing_data"}
    assert analyzer.get_equilibrium(prices) is None
    assert not analyzer.is_premium_zone(prices)
    assert not analyzer.is_discount_zone(prices)


def test_zero_range() -> None:
    prices = {"high": 1.0, "low": 1.0, "close": 2.0}
    expected = {"state": "unknown", "reason": "zero_range"}
    assert PremiumDiscountAnalyzer().analyze_market_state(prices) == expected


def test_model_is_asked() -> None:
    prices = {"high": 2.0, "low": 1.0, "close": 1.75}
    found = PremiumDiscountAnalyzer(Model()).analyze_market_state(prices)
    assert found["ml_score"] == [[2.0, 1.0, 1.75, 1.5, 0.25]]
    assert "ml_score" not in PremiumDiscountAnalyzer(object()).analyze_market_state(prices)


def test_not_a_number() -> None:
    prices = {"high": 2.0, "low": 1.0, "close": math.nan}
    with pytest.raises(CandleError, match=r"'close'.*tolerant"):
        PremiumDiscountAnalyzer().analyze_market_state(prices)
    assert PremiumDiscountAnalyzer(tolerant=True).analyze_market_state(prices)["state"] == "equilibrium"
    with pytest.raises(CandleError, match="give a number"):
        PremiumDiscountAnalyzer().analyze_market_state({"high": "x", "low": 1.0, "close": 1.0})


@settings(max_examples=30)
@given(frame=engine_frames())
def test_history_is_every_candle(frame: pd.DataFrame) -> None:
    analyzer = PremiumDiscountAnalyzer(Model())
    rows: list[Any] = frame.to_dict("records")
    expected = [analyzer.analyze_market_state(row) for row in rows]
    assert analyzer.evaluate_history(frame).records() == expected
    with row_by_row():
        assert analyzer.evaluate_history(frame).records() == expected


def test_frames_are_checked() -> None:
    frame = pd.DataFrame({"high": [2.0, math.nan], "low": 1.0, "close": 1.5})
    with pytest.raises(CandleError, match="'high' is NaN"):
        PremiumDiscountAnalyzer().events(frame)
    assert PremiumDiscountAnalyzer(tolerant=True).events(frame).state.tolist() == [0, 0]
