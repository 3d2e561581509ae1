"""What the engine calls, detector by detector: made, called and walked the same way for the original and for ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CALLS", "SYMBOL", "TIMEFRAME", "Call", "Series"]

SYMBOL, TIMEFRAME = "EURUSD", "M15"
Kind = Literal["scan", "window"]
Module = Any
Detector = Any


@dataclass
class Series:
    """Candles in the shapes that detectors ask for, each made once and outside the timing."""

    frame: pd.DataFrame
    symbol: str = SYMBOL
    timeframe: str = TIMEFRAME

    @property
    def price(self) -> float:
        """The last close."""
        return float(self.frame["close"].iloc[-1])

    @cached_property
    def dicts(self) -> list[dict[str, Any]]:
        """A dict a candle."""
        rows = self.frame.reset_index().to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]

    @cached_property
    def stamped(self) -> pd.DataFrame:
        """The times as a column, rows numbered."""
        numbered = self.frame.reset_index(drop=True)
        numbered.insert(0, "timestamp", self.frame.index)
        return numbered

    def every(self, rule: str) -> pd.DataFrame:
        """Candles of a longer timeframe."""
        how: Any = {"open": "first", "high": "max", "low": "min", "close": "last"}
        how |= {"volume": "sum", "tick_volume": "sum"}
        return self.frame[list(how)].resample(rule).agg(how).dropna()

    @cached_property
    def pools(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Four hours, one hour, and the candles themselves."""
        return self.every("4h"), self.every("1h"), self.frame


@dataclass(frozen=True)
class Call:
    """One detection method.

    Attributes
    ----------
    name : str
    module : str
        Our module.
    kind : {"scan", "window"}
        Whether it looks at every candle of the frame, or at the last (or first) few.
    make : callable
        ``make(module, series) -> detector``; not timed.
    call : callable
        ``call(detector, series) -> records``.
    history : callable, optional
        ``history(detector, series, window) -> History``.
    window : int
        Candles that each call of the history sees.
    hour : str
        What the clock shows: an hour at which the detector is awake.
    said : callable
        ``said(detector, answer) -> records``: what a history holds of a single call's answer.
    """

    name: str
    module: str
    kind: Kind
    make: Callable[[Module, Series], Detector]
    call: Callable[[Detector, Series], Any]
    history: Callable[[Detector, Series, int], Any] | None = None
    window: int = 200
    hour: str = "10:30"
    said: Callable[[Detector, Any], list[Any]] = lambda detector, answer: list(answer)


def _of(name: str, *arguments: Any) -> Callable[[Module, Series], Detector]:
    return lambda module, series: getattr(module, name)(*arguments)


def _whole_frame(name: str, **config: Any) -> Callable[[Module, Series], Detector]:
    return lambda module, series: getattr(module, name)({"lookback_period": len(series.frame), **config})


def _on_frame(method: str) -> Callable[[Detector, Series], Any]:
    return lambda detector, s: getattr(detector, method)(s.frame)


def _named(method: str) -> Callable[[Detector, Series], Any]:
    return lambda detector, s: getattr(detector, method)(s.frame, s.symbol, s.timeframe)


def _priced(method: str) -> Callable[[Detector, Series], Any]:
    return lambda detector, s: getattr(detector, method)(s.frame, s.price, s.symbol, s.timeframe)


def _history(detector: Detector, series: Series, window: int) -> Any:
    return detector.evaluate_history(series.frame, series.symbol, series.timeframe, window=window)


def _history_of(method: str) -> Callable[[Detector, Series, int], Any]:
    return lambda detector, s, window: detector.evaluate_history(
        s.frame, s.symbol, s.timeframe, window=window, method=method
    )


def _last_blocks(detector: Detector, answer: bool) -> list[Any]:
    """Take the blocks that a call has left in the detector."""
    blocks = list(detector.detected_order_blocks)
    detector.detected_order_blocks.clear()
    return blocks


def _function(name: str) -> Callable[[Module, Series], Detector]:
    return lambda module, series: getattr(module, name)


def _loose_displacement(module: Module, series: Series) -> Detector:
    detector = module.DisplacementDetectorEnterprise()
    detector.momentum_threshold, detector.min_displacement_pips = 0.55, 25.0
    return detector


def _fed(name: str, *arguments: Any) -> Callable[[Module, Series], Detector]:
    """Hand the candles to a detector that fetches its own."""

    def make(module: Module, series: Series) -> Detector:
        detector = getattr(module, name)(*arguments)
        detector._get_market_data = lambda symbol, timeframe, days: series.frame
        return detector

    return make


def _pattern(method: str, alive: bool = True) -> Call:
    return Call(
        f"patterns {method.removeprefix('_detect_').replace('_', ' ')}",
        "pattern_detector",
        "window",
        _of("PatternDetector"),
        _named(method),
        _history_of(method) if alive else None,
    )


_PATTERNS = _of("PatternDetector")
_ANALYZER = _of("SmartMoneyAnalyzer")
_MITIGATION = _of("OrderBlockMitigationDetectorEnterprise")
_STRUCTURE = _of("MarketStructureAnalyzer", {"use_multi_timeframe": False})
_POI = _of("POISystem")

CALLS: tuple[Call, ...] = (
    # ---- over the whole frame
    Call(
        "fair value gaps",
        "fair_value_gaps",
        "scan",
        _of("FairValueGapDetector"),
        _named("detect_fair_value_gaps"),
    ),
    Call(
        "enhanced order blocks, whole frame",
        "order_blocks",
        "scan",
        _whole_frame("EnhancedOrderBlockDetector", max_distance_pips=1e9),
        _priced("detect_enhanced_order_blocks"),
    ),
    Call(
        "simple order blocks, whole frame",
        "simple_order_blocks",
        "scan",
        _whole_frame("SimpleOrderBlockDetector", max_distance_pips=1e9, min_confidence=-1e9),
        _priced("detect_basic_order_blocks"),
    ),
    Call(
        "ict patterns",
        "ict_pattern_detector",
        "scan",
        _of("ICTPatternDetector", {"symbol": SYMBOL}),
        lambda detector, s: detector.detect_patterns(s.frame, s.timeframe),
    ),
    Call("swing points", "pattern_detector", "scan", _PATTERNS, _on_frame("_detect_swing_points_for_bos")),
    Call(
        "break of structure",
        "pattern_detector",
        "scan",
        _PATTERNS,
        lambda detector, s: detector.detect_bos(
            {"candles": s.frame, "symbol": s.symbol, "timeframe": s.timeframe}
        ),
        _history_of("detect_bos"),
        said=lambda detector, answer: [answer] if answer["patterns"] else [],
    ),
    Call(
        "change of character",
        "pattern_detector",
        "scan",
        _PATTERNS,
        lambda detector, s: detector._detect_choch_single_tf(s.frame, s.symbol, s.timeframe, "full"),
        _history_of("_detect_choch_single_tf"),
        said=lambda detector, answer: [answer] if answer["detected"] else [],
    ),
    Call(
        "market structure",
        "market_structure_analyzer",
        "scan",
        _fed("MarketStructureAnalyzer", {"use_multi_timeframe": False}),
        lambda detector, s: detector.analyze_market_structure(s.symbol, s.timeframe),
    ),
    Call(
        "market structure swings",
        "market_structure_analyzer",
        "scan",
        _STRUCTURE,
        _on_frame("_detect_swing_points"),
    ),
    Call(
        "market structure gaps",
        "market_structure_analyzer",
        "scan",
        _STRUCTURE,
        _on_frame("_detect_fair_value_gaps"),
    ),
    Call(
        "fractal swings",
        "fractal_analyzer_enterprise",
        "scan",
        _of("FractalAnalyzerEnterprise", SYMBOL, TIMEFRAME),
        _on_frame("_detect_significant_swings_enterprise"),
    ),
    Call(
        "fractal range",
        "fractal_analyzer_enterprise",
        "scan",
        _of("FractalAnalyzerEnterprise", SYMBOL, TIMEFRAME),
        lambda detector, s: detector.detect_fractal_with_memory(s.frame, s.price),
    ),
    Call(
        "displacement",
        "displacement_detector_enterprise",
        "scan",
        _of("DisplacementDetectorEnterprise"),
        _named("detect_displacement"),
    ),
    Call(
        "displacement, loose",
        "displacement_detector_enterprise",
        "scan",
        _loose_displacement,
        _named("detect_displacement"),
    ),
    *(
        Call(
            f"mitigation {what.replace('_', ' ')}",
            "order_block_mitigation_enterprise",
            "scan",
            _MITIGATION,
            _on_frame(f"_identify_{what}_enterprise"),
        )
        for what in ("breaker_blocks", "demand_zones", "supply_zones", "fair_value_gaps")
    ),
    Call("stop hunts", "smart_money_analyzer", "scan", _ANALYZER, _on_frame("detect_stop_hunts")),
    Call(
        "analyzer swings",
        "smart_money_analyzer",
        "scan",
        _ANALYZER,
        lambda detector, s: (detector._find_swing_highs(s.frame), detector._find_swing_lows(s.frame)),
    ),
    Call(
        "breaker blocks",
        "smart_money_analyzer",
        "scan",
        _ANALYZER,
        lambda detector, s: detector.find_breaker_blocks(s.stamped),
    ),
    Call("killzones", "smart_money_analyzer", "scan", _ANALYZER, _on_frame("analyze_killzones")),
    *(
        Call(
            f"poi {what.replace('_', ' ')}",
            "poi_detector_adapted",
            "scan",
            _function(f"detectar_{what}"),
            lambda function, s: function(s.frame, s.timeframe),
        )
        for what in ("order_blocks", "fair_value_gaps", "breaker_blocks", "imbalances")
    ),
    Call(
        "poi all",
        "poi_detector_adapted",
        "scan",
        _of("POIDetector"),
        lambda detector, s: detector.find_all_pois(s.frame, s.timeframe, s.price),
    ),
    Call(
        "poi dashboard",
        "poi_detector_adapted",
        "scan",
        _of("POIDetector"),
        lambda detector, s: detector.find_dashboard_pois(s.frame, s.timeframe, s.price),
    ),
    Call(
        "poi system",
        "poi_system",
        "scan",
        _fed("POISystem"),
        lambda detector, s: detector.detect_pois(s.symbol, s.timeframe),
    ),
    Call("poi system points", "poi_system", "scan", _POI, _on_frame("detect_points_of_interest")),
    *(
        Call(
            f"poi system {what.replace('_', ' ')}", "poi_system", "scan", _POI, _named(f"_detect_{what}_pois")
        )
        for what in ("order_block", "fvg", "swing_point", "liquidity_pool")
    ),
    Call(
        "pattern confluence",
        "pattern_confluence_engine",
        "scan",
        _of("PatternConfluenceEngine"),
        _named("analyze_confluence"),
    ),
    # ---- over a capped window
    Call(
        "enhanced order blocks",
        "order_blocks",
        "window",
        _of("EnhancedOrderBlockDetector"),
        _priced("detect_enhanced_order_blocks"),
        _history,
    ),
    Call(
        "simple order blocks",
        "simple_order_blocks",
        "window",
        _of("SimpleOrderBlockDetector"),
        _priced("detect_basic_order_blocks"),
        _history,
    ),
    Call(
        "hybrid order blocks",
        "order_blocks_integration",
        "window",
        _of("OrderBlocksPatternDetector"),
        lambda detector, s: detector.detect_patterns(s.frame, s.symbol, s.timeframe, s.price),
    ),
    Call(
        "ict order blocks",
        "ict_pattern_detector",
        "window",
        _of("ICTPatternDetector", {"symbol": SYMBOL}),
        _on_frame("_find_order_blocks"),
    ),
    Call(
        "ict silver bullet",
        "ict_pattern_detector",
        "window",
        _of("ICTPatternDetector", {"symbol": SYMBOL}),
        _named("_detect_silver_bullet"),
        _history,
    ),
    Call(
        "patterns",
        "pattern_detector",
        "window",
        _PATTERNS,
        _named("detect_patterns"),
        _history_of("detect_patterns"),
        500,
    ),
    _pattern("_detect_silver_bullet"),
    _pattern("_detect_judas_swing", alive=False),
    _pattern("_detect_liquidity_grab"),
    _pattern("_detect_optimal_trade_entry"),
    _pattern("_detect_order_blocks"),
    _pattern("_detect_fair_value_gaps"),
    Call(
        "patterns find order blocks", "pattern_detector", "window", _PATTERNS, _on_frame("_find_order_blocks")
    ),
    Call(
        "patterns find fair value gaps",
        "pattern_detector",
        "window",
        _PATTERNS,
        _on_frame("_find_fair_value_gaps"),
    ),
    Call(
        "market structure order blocks",
        "market_structure_analyzer",
        "window",
        _STRUCTURE,
        _on_frame("_detect_order_blocks"),
        _history,
        said=_last_blocks,
    ),
    Call(
        "judas swing",
        "judas_swing_enterprise",
        "window",
        _of("JudasSwingDetectorEnterprise"),
        _named("detect_judas_swing_patterns"),
        _history,
        hour="14:00",
    ),
    Call(
        "liquidity grab",
        "liquidity_grab_enterprise",
        "window",
        _of("LiquidityGrabDetectorEnterprise"),
        _named("detect_liquidity_grab_patterns"),
        _history,
    ),
    Call(
        "liquidity grab levels",
        "liquidity_grab_enterprise",
        "window",
        _of("LiquidityGrabDetectorEnterprise"),
        _on_frame("_map_liquidity_levels_enterprise"),
    ),
    Call(
        "order block mitigation",
        "order_block_mitigation_enterprise",
        "window",
        _MITIGATION,
        _named("detect_order_block_mitigation_patterns"),
        _history,
    ),
    Call(
        "silver bullet",
        "silver_bullet_enterprise",
        "window",
        _of("SilverBulletDetectorEnterprise"),
        _named("detect_silver_bullet_patterns"),
        _history,
    ),
    Call(
        "pattern analyzer",
        "pattern_analyzer_enterprise",
        "window",
        _of("PatternAnalyzerEnterprise"),
        lambda detector, s: (
            detector.analysis_cache.clear(),
            detector.analyze_patterns(s.symbol, s.timeframe, s.frame),
        ),
    ),
    Call(
        "liquidity pools",
        "smart_money_analyzer",
        "window",
        _ANALYZER,
        lambda detector, s: detector.detect_liquidity_pools(*s.pools, s.price),
    ),
    Call(
        "smart money signals",
        "smart_money_detector",
        "window",
        _of("SmartMoneyDetector"),
        _priced("detect_smart_money_signals"),
        _history,
    ),
    Call(
        "structure engine",
        "market_structure_engine",
        "window",
        _of("MarketStructureEngine"),
        lambda detector, s: detector.run_full_analysis(s.symbol, s.timeframe, s.dicts),
        _history,
        said=lambda detector, r: [*r.choch_events, *r.bos_events, *r.order_blocks, *r.fvg_zones],
    ),
)
