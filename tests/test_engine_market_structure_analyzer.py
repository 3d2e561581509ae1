"""The engine's market structure: what the original returned, a row-by-row twin, and hand-computed examples."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.adapters.ict_engine import market_structure_analyzer
from ict_kernels.adapters.ict_engine._frames import row_by_row
from ict_kernels.adapters.ict_engine._history import first_asked, trailing
from ict_kernels.adapters.ict_engine.market_structure_analyzer import (
    FairValueGap,
    MarketStructureAnalyzer,
    MarketStructureSignal,
    OrderBlock,
    StructureType,
    SwingPoint,
    TradingDirection,
    get_market_structure_analyzer,
)
from ict_kernels.errors import CandleError, ParameterError
from tests.engine_golden import check_golden
from tests.engine_strategies import engine_frames, real_frame

MORNING = datetime(2025, 9, 1, 10, 30)
GOLDEN = [
    "market_structure",
    "market_structure_mtf",
    "market_structure_swings",
    "market_structure_fvg",
    "market_structure_order_blocks",
    "market_structure_order_blocks@walk",
]


class Manager:
    """Hands out one frame for every timeframe that it knows."""

    def __init__(self, candles: pd.DataFrame | None, timeframes: tuple[str, ...] = ()) -> None:
        self.candles, self.timeframes = candles, timeframes
        self.asked: list[tuple[str, str, int]] = []

    def get_candles(self, symbol: str, timeframe: str, count: int) -> pd.DataFrame | None:
        self.asked.append((symbol, timeframe, count))
        return self.candles if timeframe in self.timeframes else None


def analyzer(config: dict[str, Any] | None = None, **given_: Any) -> MarketStructureAnalyzer:
    return MarketStructureAnalyzer(config, **{"clock": lambda: MORNING, **given_})


def flat(high: list[float], low: list[float], **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"open": low, "high": high, "low": low, "close": high} | columns)


def swings(prices: list[float], kind: str) -> list[SwingPoint]:
    return [SwingPoint(at, price, MORNING, kind, 1.0, True) for at, price in enumerate(prices)]


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, monkeypatch)


def test_swings_are_strict() -> None:
    high = [1.0, 1.1, 1.2, 1.1, 1.0, 1.2, 1.2, 1.0]
    index = pd.date_range("2025-09-01", periods=8, freq="h")
    highs, lows = analyzer({"swing_window": 1})._detect_swing_points(flat(high, high).set_index(index))
    assert highs == [SwingPoint(2, 1.2, index[2], "high", 1.0, True)]
    assert lows == [SwingPoint(4, 1.0, index[4], "low", 1.0, True)]


def test_swings_without_times_get_the_time_now() -> None:
    high = [1.0, 1.1, 1.0]
    [swing], _ = analyzer({"swing_window": 1})._detect_swing_points(flat(high, high))
    assert swing.timestamp == MORNING


@pytest.mark.parametrize(
    ("highs", "lows", "expected"),
    [
        ([1.0, 1.25], [0.5, 0.75], (0.8, StructureType.BOS_BULLISH, 1.0, 1.5)),
        ([1.0, 1.25], [0.5, 0.5], (0.7, StructureType.CHOCH_BULLISH, 0.5, 1.25)),
        ([1.25, 1.0], [0.75, 0.5], (0.8, StructureType.BOS_BEARISH, 0.75, 0.25)),
        ([1.0, 1.0], [0.75, 0.5], (0.7, StructureType.CHOCH_BEARISH, 1.0, 0.5)),
        ([1.25, 1.0], [0.5, 0.75], (0.0, StructureType.CONSOLIDATION, 0.0, 0.0)),
        ([1.0, 1.0], [0.995, 0.995], (0.4, StructureType.CONSOLIDATION, 1.0, 0.995)),
        ([1.0], [0.5, 0.75], (0.0, StructureType.CONSOLIDATION, 0.0, 0.0)),
    ],
)
def test_structure_change(
    highs: list[float], lows: list[float], expected: tuple[float, StructureType, float, float]
) -> None:
    change = analyzer()._detect_structure_change(
        pd.DataFrame(), swings(highs, "high"), swings(lows, "low"), 1.0
    )
    assert change == expected


def test_momentum_counts_rising_closes() -> None:
    frame = pd.DataFrame({"open": 1.0, "close": [0.5] * 5 + [2.0] * 3 + [1.0] * 2 + [0.5] * 5})
    bullish, bearish = StructureType.BOS_BULLISH, StructureType.CHOCH_BEARISH
    assert analyzer()._analyze_momentum(frame, bullish) == 0.3
    assert analyzer()._analyze_momentum(frame, bearish) == 0.7
    assert analyzer()._analyze_momentum(frame, StructureType.CONSOLIDATION) == 0.5
    assert analyzer()._analyze_momentum(frame[:4], bullish) == 0.5


@pytest.mark.parametrize(
    ("volume", "expected"), [([1.0] * 9 + [3.0], 1.25), ([1.0] * 10, 0.5), ([0.0] * 10, 0.5)]
)
def test_volume(volume: list[float], expected: float) -> None:
    assert analyzer()._analyze_volume_structure(pd.DataFrame({"volume": volume})) == min(1.0, expected)
    assert analyzer()._analyze_volume_structure(pd.DataFrame({"close": volume})) == 0.5


def test_gaps_reach_the_minimum() -> None:
    frame = flat([1.0, 1.1, 1.3, 1.3], [0.9, 1.0, 1.25, 1.2])
    found = analyzer({"fvg_min_gap": 0.25})
    assert found._detect_fair_value_gaps(frame) is True
    [gap] = found.detected_fvgs
    assert (gap.fvg_type.value, gap.high_price, gap.low_price, gap.origin_candle) == (
        "bullish_fvg",
        1.25,
        1.0,
        1,
    )
    assert gap.timestamp == MORNING
    stricter = analyzer({"fvg_min_gap": 0.2501})
    assert stricter._detect_fair_value_gaps(frame) is False
    assert stricter.detected_fvgs == []
    assert analyzer()._detect_fair_value_gaps(frame[:2]) is False


def test_only_the_last_records_stay() -> None:
    rising = np.arange(40) / 8 + 1
    found = analyzer()
    for _ in range(2):
        assert found._detect_fair_value_gaps(flat(list(rising + 0.01), list(rising)))
        assert found._detect_order_blocks(flat(list(rising + 0.01), list(rising)))
    assert [gap.origin_candle for gap in found.detected_fvgs] == list(range(19, 39))
    assert [block.origin_candle for block in found.detected_order_blocks] == list(range(5, 15))
    state = found.get_current_structure_state()
    assert (state["detected_fvgs"], state["detected_order_blocks"]) == (20, 10)


def test_order_block_by_hand() -> None:
    high, low = [2.0] * 16, [1.0] * 16
    high[6:10] = [4.0, 3.5, 3.0, 2.5]
    low[6:10] = [3.0, 2.5, 2.25, 2.25]
    found = analyzer()
    assert found._detect_order_blocks(flat(high, low))
    block = found.detected_order_blocks[0]
    # Lows of 3, 2.5, 2.25 and 2.25 lie 1, 0.5, 0.25 and 0.25 above the high of a range of 1.
    assert (block.origin_candle, block.ob_type.value, block.reaction_strength) == (5, "bullish_ob", 0.5)
    assert (block.high_price, block.low_price) == (2.0, 1.0)
    assert not analyzer({"ob_reaction_threshold": 1e9})._detect_order_blocks(flat(high, low))
    assert not analyzer()._detect_order_blocks(flat(high[:14], low[:14]))


def test_strict_counts_in_the_frame() -> None:
    frame = real_frame(300)
    plain, strict = analyzer(), analyzer(strict=True)
    assert plain._detect_order_blocks(frame) == strict._detect_order_blocks(frame)
    origins = [block.origin_candle for block in plain.detected_order_blocks]
    assert [block.origin_candle for block in strict.detected_order_blocks] == [280 + at for at in origins]


@pytest.mark.parametrize(
    ("timeframe", "there", "kind", "expected"),
    [
        ("M15", ("M5", "M30", "H1", "H4"), StructureType.BOS_BULLISH, 0.869119),
        ("M15", ("M5", "M30", "H1", "H4"), StructureType.CHOCH_BEARISH, 0.883876),
        ("M15", ("H4",), StructureType.BOS_BULLISH, 0.8 * (0.62825 * 1.054 + 0.05)),
        ("M15", (), StructureType.BOS_BULLISH, 0.4),
        ("MN1", ("H4",), StructureType.BOS_BULLISH, 0.4),
    ],
)
def test_confluence_is_a_constant(
    timeframe: str, there: tuple[str, ...], kind: StructureType, expected: float
) -> None:
    found = analyzer(data_manager=Manager(real_frame(60), there))
    score = found._analyze_multi_timeframe_confluence("EURUSD", timeframe, kind)
    assert score == pytest.approx(expected, abs=1e-6)


def test_confluence_without_a_manager_that_answers() -> None:
    class Broken:
        def get_candles(self, *asked: Any) -> pd.DataFrame:
            raise OSError("no terminal")

    kind = StructureType.BOS_BULLISH
    assert analyzer()._analyze_multi_timeframe_confluence("EURUSD", "M15", kind) == 0.5
    broken = analyzer(data_manager=Broken())
    assert broken._analyze_multi_timeframe_confluence("EURUSD", "M15", kind) == 0.5


def zigzag() -> pd.DataFrame:
    """Two higher highs and two higher lows."""
    legs = [(1.00, 1.10), (1.10, 1.05), (1.05, 1.15), (1.15, 1.10), (1.10, 1.13)]
    close = np.concatenate([np.linspace(a, b, 12, endpoint=False) for a, b in legs])
    index = pd.date_range("2025-09-01", periods=len(close), freq="15min")
    prices = {"open": close - 0.001, "high": close + 0.001, "low": close - 0.002, "close": close}
    return pd.DataFrame(prices | {"volume": 1.0}, index=index)


def test_analysis_by_hand() -> None:
    manager = Manager(zigzag(), ("M15",))
    found = analyzer({"use_multi_timeframe": False}, data_manager=manager)
    signal = found.analyze_market_structure("EURUSD", "M15", lookback_days=2)
    assert manager.asked == [("EURUSD", "M15", 192)]
    assert signal is not None
    assert (signal.structure_type, signal.direction) == (StructureType.BOS_BULLISH, TradingDirection.BUY)
    assert signal.confidence == pytest.approx(100 * (0.6 * 0.8 + 0.15 * 1 + 0.15 * 0.5 + 0.1 * 0.5))
    assert [swing.index for swing in signal.swing_highs] == [12, 36]
    assert signal.break_level == signal.swing_highs[0].price
    assert signal.timestamp == MORNING
    assert found.structure_history == [signal]
    assert found.get_current_structure_state()["current_trend"] == "BUY"
    assert found.get_performance_metrics()["average_confidence"] == signal.confidence


@pytest.mark.parametrize("config", [{"min_confidence": 99.0}, {"swing_window": 20}])
def test_no_signal(config: dict[str, Any]) -> None:
    found = analyzer(config, data_manager=Manager(zigzag(), ("M15",)))
    assert found.analyze_market_structure("EURUSD") is None
    assert found.structure_history == []


def test_too_little_data() -> None:
    assert analyzer(data_manager=Manager(zigzag()[:49], ("M15",))).analyze_market_structure("EURUSD") is None
    assert analyzer(data_manager=object()).analyze_market_structure("EURUSD") is None
    assert analyzer().analyze_market_structure("EURUSD") is None
    assert analyzer()._detect_swing_points(pd.DataFrame()) == ([], [])


def test_attributes_are_read_at_each_call() -> None:
    found = analyzer({"swing_window": 20})
    found.swing_window = 1
    high = [1.0, 1.1, 1.0]
    assert len(found._detect_swing_points(flat(high, high))[0]) == 1


def test_factory_and_settings() -> None:
    made = get_market_structure_analyzer({"fvg_min_gap": 0.5})
    assert (made.min_confidence, made.fvg_min_gap) == (70.0, 0.5)
    assert get_market_structure_analyzer().fvg_min_gap == 0.0005
    with pytest.raises(ParameterError, match="swing_window"):
        MarketStructureAnalyzer({"swing_window": "five"})


def test_field_names() -> None:
    assert [field.name for field in fields(FairValueGap)] == [
        "fvg_type", "high_price", "low_price", "origin_candle", "filled_percentage", "is_mitigated",
        "mitigation_candle", "narrative", "timestamp",
    ]  # fmt: skip
    assert [field.name for field in fields(OrderBlock)] == [
        "ob_type", "high_price", "low_price", "origin_candle", "reaction_strength", "is_tested", "test_count",
        "narrative", "timestamp",
    ]  # fmt: skip
    assert [field.name for field in fields(MarketStructureSignal)] == [
        "structure_type", "confidence", "direction", "break_level", "target_level", "narrative", "timestamp",
        "timeframe", "confluence_score", "fvg_present", "order_block_present", "swing_highs", "swing_lows",
        "sic_stats",
    ]  # fmt: skip
    assert set(market_structure_analyzer.__all__) >= {"FVGType", "OrderBlockType", "SwingPoint"}


def test_not_a_number() -> None:
    frame = real_frame(60)
    frame.loc[frame.index[30], "high"] = math.nan
    with pytest.raises(CandleError, match=r"'high' is NaN.*30"):
        analyzer()._detect_swing_points(frame)
    highs, _ = analyzer(tolerant=True)._detect_swing_points(frame)
    assert 30 in [swing.index for swing in highs]


def records(frame: pd.DataFrame) -> Any:
    found = analyzer({"swing_window": 2, "use_multi_timeframe": False}, data_manager=Manager(frame, ("M15",)))
    signal = found.analyze_market_structure("EURUSD")
    present = found._detect_fair_value_gaps(frame), found._detect_order_blocks(frame)
    history = found.evaluate_history(frame, window=30).records()
    return signal and asdict(signal), present, found.detected_fvgs, found.detected_order_blocks, history


@settings(max_examples=30)
@given(frame=engine_frames())
def test_rows_alone_give_the_same(frame: pd.DataFrame) -> None:
    expected = records(frame)
    with row_by_row():
        assert records(frame) == expected


def added(frame: pd.DataFrame, strict: bool) -> list[OrderBlock]:
    class Watched(list[OrderBlock]):
        def append(self, block: OrderBlock) -> None:
            seen.append(block)
            super().append(block)

    seen: list[OrderBlock] = []
    found = analyzer(clock=lambda: frame.index[-1], strict=strict)
    found.detected_order_blocks = Watched()
    found._detect_order_blocks(frame)
    return seen


@settings(max_examples=30)
@given(frame=engine_frames(), window=st.integers(10, 40), strict=st.booleans())
def test_history_is_every_call(frame: pd.DataFrame, window: int, strict: bool) -> None:
    asked = range(first_asked(len(frame), window), len(frame))
    expected = [block for bar in asked for block in added(trailing(frame, bar, window), strict)]
    assert analyzer(strict=strict).evaluate_history(frame, window=window).records() == expected
