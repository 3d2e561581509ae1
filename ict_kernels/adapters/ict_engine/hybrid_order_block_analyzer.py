"""Rated supply and demand zones with the interface of the engine's ``ict_engine.patterns.hybrid_order_block_analyzer``.

The zones of :mod:`.simple_order_blocks`, of which the first three good ones are "validated": their confidence, volume
and distance are put into a second formula.

Known defects of the original, reproduced here (section 11.2 of the interface notes):

* The validation looks at nothing but the block's own numbers: the enterprise detector has none of the methods that
  are looked for, and the formula that stands in for it is always taken.
* ``STRONG_BUY`` cannot be reached, since it wants a risk-reward ratio of 2.5 and every block has 2.
* Whether a ratio "of at least 2" is met depends on the last bit where entry and target straddle a power of two.
* A zone of supply is recommended as ``BUY`` too.
* ``parallel_validation`` changes nothing.

Differences, on purpose: see :mod:`.simple_order_blocks`; besides, the keys of ``enterprise_result``, of
:meth:`HybridOrderBlockAnalyzer.analyze_single_symbol` and of the statistics are named anew.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=300)[0].to_pandas()
>>> analyzer = HybridOrderBlockAnalyzer()
>>> results = analyzer.analyze_order_blocks(candles, candles["close"].iloc[-1], "EURUSD", "M15")
>>> sum(result.enterprise_validated for result in results) <= 3
True
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits
from ...errors import ParameterError
from ._collaborators import Log
from ._history import History
from .simple_order_blocks import BasicOrderBlock, SimpleOrderBlockDetector

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HybridOrderBlockAnalyzer", "HybridOrderBlockResult"]

RECOMMENDATIONS = ("AVOID", "ANALYZE", "BUY", "STRONG_BUY")
STRENGTHS = ("LOW", "MEDIUM", "HIGH", "VERY_HIGH")
HIGH = STRENGTHS.index("HIGH")

_DEFAULTS: dict[str, Any] = {
    "simple_config": {},
    "enterprise_threshold": 70,
    "max_enterprise_validations": 3,
    "parallel_validation": True,
    "basic_weight": 0.3,
    "enterprise_weight": 0.7,
    "max_confidence": 98,
    "recommendation_thresholds": {
        "STRONG_BUY": {"confidence": 85, "risk_reward": 2.5, "distance": 15},
        "BUY": {"confidence": 75, "risk_reward": 2.0, "distance": 25},
        "ANALYZE": {"confidence": 65, "risk_reward": 1.5},
    },
    "basic_recommendation_thresholds": {
        "BUY": {"confidence": 80, "risk_reward": 2.0, "distance": 20},
        "ANALYZE": {"confidence": 70, "risk_reward": 1.8},
    },
}

Flags = NDArray[np.bool_]
I64 = NDArray[np.int64]


@dataclass
class HybridOrderBlockResult:
    """One zone and what is thought of it.

    Attributes
    ----------
    basic_block : BasicOrderBlock
    enterprise_result : dict or None
        Of a validated block: ``confidence``, ``strength`` (``VERY_HIGH``, ``HIGH``, ``MEDIUM`` or ``LOW``),
        ``mitigation_probability`` and ``method``.
    detection_time_ms : float
        What the detection of all zones took; 0 in a history.
    validation_time_ms : float or None
        What the validation took; None for a block that was not validated.
    recommendation : {"STRONG_BUY", "BUY", "ANALYZE", "AVOID"}
    optimized_entry, optimized_stop, optimized_target : float or None
        Levels of a validated block.

    Examples
    --------
    >>> block = BasicOrderBlock("demand_zone", 1.1, 85.0, 4.0, 90, True, None, "EURUSD", "M15",
    ...                         1.1005, 1.0998, 1.1019, 2.0)
    >>> HybridOrderBlockResult(block).recommendation
    'AVOID'
    """

    basic_block: BasicOrderBlock
    enterprise_result: dict[str, Any] | None = None
    enterprise_validated: bool = False
    detection_time_ms: float = 0.0
    validation_time_ms: float | None = None
    hybrid_confidence: float = 0.0
    recommendation: str = "AVOID"
    optimized_entry: float | None = None
    optimized_stop: float | None = None
    optimized_target: float | None = None


class HybridOrderBlockAnalyzer:
    """Rates the zones of a :class:`SimpleOrderBlockDetector`.

    Parameters
    ----------
    config : dict, optional
        Overrides of the defaults: ``simple_config`` {} (for the detector), ``enterprise_threshold`` 70,
        ``max_enterprise_validations`` 3, ``basic_weight`` 0.3, ``enterprise_weight`` 0.7, ``max_confidence`` 98,
        ``recommendation_thresholds`` and ``basic_recommendation_thresholds`` (by recommendation, the least
        ``confidence`` and ``risk_reward`` and the greatest ``distance``).
    logger, tolerant, strict
        As for :class:`SimpleOrderBlockDetector`.

    Attributes
    ----------
    config : dict
        All settings, defaults included; read at each call.
    simple_detector : SimpleOrderBlockDetector
        Finds the zones.

    Examples
    --------
    >>> HybridOrderBlockAnalyzer({"max_enterprise_validations": 1}).config["enterprise_threshold"]
    70
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.config: dict[str, Any] = _DEFAULTS | (config or {})
        self.simple_detector = SimpleOrderBlockDetector(
            self.config["simple_config"], logger=logger, tolerant=tolerant, strict=strict
        )
        self._log = Log("hybrid_order_block_analyzer", logger)
        self._calls = self._blocks = self._validated = 0

    def analyze_order_blocks(
        self, data: pd.DataFrame, current_price: float, symbol: str, timeframe: str
    ) -> list[HybridOrderBlockResult]:
        """Return the zones near a price, the most trusted first.

        Parameters
        ----------
        data, current_price, symbol, timeframe
            As for :meth:`SimpleOrderBlockDetector.detect_basic_order_blocks`.

        Returns
        -------
        list of HybridOrderBlockResult
            By ``hybrid_confidence`` downwards, then by distance.

        Raises
        ------
        CandleError, ParameterError
            As there, or if a setting is of the wrong kind.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=19)[0].to_pandas()
        >>> HybridOrderBlockAnalyzer().analyze_order_blocks(candles, 1.1, "EURUSD", "M15")
        []
        """
        started = time.perf_counter()
        blocks = self.simple_detector.detect_basic_order_blocks(data, current_price, symbol, timeframe)
        detected = time.perf_counter()
        self._calls += 1
        if not blocks:
            return []
        rated, order = self._rated(_columns(blocks))
        times = 1e3 * (detected - started), 1e3 * (time.perf_counter() - detected)
        self._blocks += len(blocks)
        self._validated += int(rated.validated.sum())
        self._log.debug(f"{len(blocks)} zones on {symbol} {timeframe} rated")
        return _results([blocks[at] for at in order.tolist()], rated[order], times)

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN", *, window: int = 200
    ) -> History[HybridOrderBlockResult]:
        """Return what a call at every candle would have found, with its close as the current price.

        Parameters
        ----------
        candles, symbol, timeframe, window
            As for :meth:`SimpleOrderBlockDetector.evaluate_history`.

        Returns
        -------
        History
            Its columns and ``validated``, ``enterprise`` (confidence), ``strength`` (0 ``LOW`` to 3
            ``VERY_HIGH``), ``mitigation``, ``hybrid``, ``recommendation`` (0 ``AVOID`` to 3 ``STRONG_BUY``) and
            ``optimized_entry``. Positions count from the beginning of ``candles``; the times are 0.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
        >>> history = HybridOrderBlockAnalyzer().evaluate_history(candles)
        >>> bool((history.hybrid <= 98).all())
        True
        """
        zones = self.simple_detector.evaluate_history(candles, symbol, timeframe, window=window)
        rated, order = self._rated(zones.hits)

        def build(hits: Hits) -> list[HybridOrderBlockResult]:
            return _results(History(hits, zones._build).records(), hits, (0.0, 0.0))

        return History(rated[order], build)

    def get_top_opportunities(
        self, results: Iterable[HybridOrderBlockResult], limit: int = 3
    ) -> list[HybridOrderBlockResult]:
        """Return the most trusted of the results that are recommended to buy.

        Parameters
        ----------
        results : iterable of HybridOrderBlockResult
        limit : int, default 3

        Returns
        -------
        list of HybridOrderBlockResult
        """
        wanted = [result for result in results if result.recommendation in ("STRONG_BUY", "BUY")]
        return sorted(wanted, key=lambda result: -result.hybrid_confidence)[:limit]

    def analyze_single_symbol(
        self, symbol: str, timeframe: str, data: pd.DataFrame, current_price: float
    ) -> dict[str, Any]:
        """Return the analysis of one symbol with a summary.

        Parameters
        ----------
        symbol, timeframe, data, current_price
            As for :meth:`analyze_order_blocks`.

        Returns
        -------
        dict
            ``symbol``, ``timeframe``, ``current_price``, ``total_blocks``, ``validated_blocks``, ``results``,
            ``top_opportunities`` and ``recommendation``, that of the most trusted block, else ``AVOID``.
        """
        results = self.analyze_order_blocks(data, current_price, symbol, timeframe)
        return {
            "symbol": symbol,
            "timeframe": timeframe,
            "current_price": current_price,
            "total_blocks": len(results),
            "validated_blocks": sum(result.enterprise_validated for result in results),
            "results": results,
            "top_opportunities": self.get_top_opportunities(results),
            "recommendation": results[0].recommendation if results else "AVOID",
        }

    def get_performance_stats(self) -> dict[str, Any]:
        """Return what has been rated so far.

        Returns
        -------
        dict
            ``total_analyses`` (calls), ``blocks_analyzed``, ``enterprise_validations`` and ``simple_detector``, its
            statistics.
        """
        return {
            "total_analyses": self._calls,
            "blocks_analyzed": self._blocks,
            "enterprise_validations": self._validated,
            "simple_detector": self.simple_detector.get_performance_stats(),
        }

    def _rated(self, zones: Hits) -> tuple[Hits, I64]:
        """Return zones with their ratings, and the positions that put them into the order of the results."""
        config, confidence, distance = self.config, zones.confidence, zones.distance
        busy = zones.busy != 0
        good = confidence >= config["enterprise_threshold"]
        validated = good & (_count_before(good, zones.bar) < config["max_enterprise_validations"])

        near = 10 - distance / 2
        bonus = np.where(near > 0, near, 0.0)
        enterprise = np.minimum(config["max_confidence"], confidence + 10 * busy + bonus)
        strength = np.select([(confidence >= 85) & busy, confidence >= 75, confidence >= 65], [3, 2, 1], 0)
        mixed = config["basic_weight"] * confidence + config["enterprise_weight"] * enterprise
        hybrid = np.where(validated, np.minimum(config["max_confidence"], mixed), confidence)
        recommendation = np.where(
            validated,
            _recommended(config, "recommendation_thresholds", hybrid, zones),
            _recommended(config, "basic_recommendation_thresholds", confidence, zones),
        )
        halfway = np.where(strength == HIGH, (zones.edge + zones.entry) / 2, zones.entry)
        rated = Hits(
            zones.columns
            | {
                "validated": validated.astype(np.int64),
                "enterprise": enterprise,
                "strength": strength.astype(np.int64),
                "mitigation": np.minimum(0.95, confidence / 100 + 0.1 * busy),
                "hybrid": hybrid,
                "recommendation": recommendation.astype(np.int64),
                "optimized_entry": halfway,
            }
        )
        return rated, np.lexsort((distance, -hybrid, zones.bar))


def _columns(blocks: list[BasicOrderBlock]) -> Hits:
    """Return the numbers of one call's blocks that the rating looks at."""
    return Hits(
        {
            "bar": np.zeros(len(blocks), np.int64),
            "busy": np.array([block.volume_confirmation for block in blocks], np.int64),
            "edge": np.array([block.price for block in blocks], np.float64),
            "distance": np.array([block.distance_pips for block in blocks], np.float64),
            "confidence": np.array([block.confidence for block in blocks], np.float64),
            "entry": np.array([block.entry_price for block in blocks], np.float64),
            "risk_reward": np.array([block.risk_reward for block in blocks], np.float64),
        }
    )


def _count_before(chosen: Flags, bar: I64) -> I64:
    """Return how many of the earlier zones of the same asking candle are chosen."""
    before: I64 = np.cumsum(chosen) - chosen
    first = np.searchsorted(bar, bar)
    return np.asarray(before - before[first], np.int64)


def _recommended(config: Mapping[str, Any], name: str, confidence: Any, zones: Hits) -> NDArray[Any]:
    """Return the position among the recommendations of the highest one whose thresholds are met."""
    thresholds = config[name]
    level = np.zeros(len(zones), np.int64)
    for at, recommendation in enumerate(RECOMMENDATIONS):
        if recommendation not in thresholds:
            continue
        limits = thresholds[recommendation]
        try:
            met = (confidence >= limits["confidence"]) & (zones.risk_reward >= limits["risk_reward"])
        except KeyError as error:
            raise ParameterError(f"config[{name!r}][{recommendation!r}] has no key {error}") from None
        if "distance" in limits:
            met &= zones.distance <= limits["distance"]
        level[met] = at
    return level


def _results(
    blocks: list[BasicOrderBlock], rated: Hits, times: tuple[float, float]
) -> list[HybridOrderBlockResult]:
    """Build the results of rated blocks, which are in their order already."""
    names = (
        "validated",
        "enterprise",
        "strength",
        "mitigation",
        "hybrid",
        "recommendation",
        "optimized_entry",
    )
    results = []
    for block, (validated, enterprise, strength, mitigation, hybrid, recommendation, entry) in zip(
        blocks, rated.rows(*names), strict=True
    ):
        if not validated:
            results.append(
                HybridOrderBlockResult(
                    block, None, False, times[0], None, hybrid, RECOMMENDATIONS[recommendation]
                )
            )
            continue
        results.append(
            HybridOrderBlockResult(
                block,
                {
                    "confidence": enterprise,
                    "strength": STRENGTHS[strength],
                    "mitigation_probability": mitigation,
                    "method": "formula",
                },
                True,
                *times,
                hybrid,
                RECOMMENDATIONS[recommendation],
                entry,
                block.stop_loss,
                block.take_profit,
            )
        )
    return results
