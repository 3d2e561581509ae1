"""Order-block patterns with the interface of the engine's ``ict_engine.patterns.order_blocks_integration``.

The rated zones of :mod:`.hybrid_order_block_analyzer` as dictionaries.

Known defects of the original, reproduced here (section 11.3 of the interface notes):

* All of :mod:`.simple_order_blocks` and :mod:`.hybrid_order_block_analyzer`.
* ``session_context`` and ``analysis_id`` come from the clock of the host and not from the candles.

Differences, on purpose: bad input raises instead of giving an empty list; patterns are stored in a memory that is
handed in, and in no file; the contents of ``session_context``, ``analysis_id``, ``enterprise_data`` and of the
statistics are worded anew; ``config`` is that of the analyzer.

Examples
--------
>>> from ict_kernels.market import sample_market
>>> candles = sample_market(["EURUSD"], bars=300)[0].to_pandas()
>>> patterns = OrderBlocksPatternDetector().detect_patterns(candles, "EURUSD", "M15")
>>> {pattern["pattern_type"] for pattern in patterns} <= {"order_block"}
True
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...detectors.engine import Hits
from ._collaborators import Clock, Log, now
from ._frames import read, times
from ._history import History
from .hybrid_order_block_analyzer import HybridOrderBlockAnalyzer, HybridOrderBlockResult

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OrderBlocksPatternDetector", "create_order_blocks_detector"]

NAME = "OrderBlocksPatternDetector"


class OrderBlocksPatternDetector:
    """Finds rated order blocks and gives them as dictionaries.

    Parameters
    ----------
    config : dict, optional
        For the :class:`HybridOrderBlockAnalyzer`.
    clock : callable, default the host's local time
        The time now, in ``session_context`` and ``analysis_id``.
    memory : object, optional
        Its ``store_pattern(pattern)`` is called with every pattern found.
    logger, tolerant, strict
        As for :class:`~.simple_order_blocks.SimpleOrderBlockDetector`.

    Attributes
    ----------
    hybrid_analyzer : HybridOrderBlockAnalyzer

    Examples
    --------
    >>> OrderBlocksPatternDetector({"enterprise_threshold": 80}).hybrid_analyzer.config["enterprise_threshold"]
    80
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        *,
        clock: Clock = now,
        memory: Any = None,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.config: dict[str, Any] = dict(config or {})
        self.hybrid_analyzer = HybridOrderBlockAnalyzer(
            self.config, logger=logger, tolerant=tolerant, strict=strict
        )
        self._clock = clock
        self._memory = memory
        self._log = Log("order_blocks_integration", logger)
        self._tolerant = tolerant
        self.reset_stats()

    def detect_patterns(
        self, data: pd.DataFrame, symbol: str, timeframe: str, current_price: float | None = None
    ) -> list[dict[str, Any]]:
        """Return the order blocks near a price, the most trusted first.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low``, ``close`` and, for the confirmation, ``volume``; oldest row first.
        symbol, timeframe : str
            Noted in the patterns.
        current_price : float, optional
            By default the last close.

        Returns
        -------
        list of dict
            Keys ``pattern_type`` (``order_block``), ``sub_type`` (``demand_zone`` or ``supply_zone``), ``symbol``,
            ``timeframe``, ``timestamp`` (the candle's label), ``confidence``, ``basic_confidence``,
            ``enterprise_validated``, ``recommendation``, ``price``, ``entry_price``, ``stop_loss``,
            ``take_profit``, ``risk_reward``, ``distance_pips``, ``volume_confirmation``, ``candle_index``,
            ``detection_time_ms``, ``validation_time_ms``, ``session_context``, ``detector``, ``analysis_id`` and
            ``enterprise_data``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.
        ParameterError
            If the price or a setting is not a number.

        Examples
        --------
        >>> import pandas as pd
        >>> OrderBlocksPatternDetector().detect_patterns(pd.DataFrame(), "EURUSD", "M15")
        []
        """
        self._calls += 1
        if len(data) == 0:
            return []
        if current_price is None:
            current_price = read(data, ("close",), last=1, tolerant=self._tolerant).close[-1]
        results = self.hybrid_analyzer.analyze_order_blocks(data, current_price, symbol, timeframe)
        moment = self._clock()
        patterns = [_pattern(result, at, moment) for at, result in enumerate(results)]
        self._remember(patterns)
        return patterns

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN", *, window: int = 200
    ) -> History[dict[str, Any]]:
        """Return what a call at every candle would have found, with the clock and the price at that candle.

        Parameters
        ----------
        candles : DataFrame
            As for :meth:`detect_patterns`, with times.
        symbol, timeframe : str, optional
            Noted in the patterns.
        window : int, default 200
            How many candles each call is given.

        Returns
        -------
        History
            Columns as of :meth:`HybridOrderBlockAnalyzer.evaluate_history`. Positions count from the beginning of
            ``candles``; the times that the calls took are 0. Nothing is stored or counted.

        Examples
        --------
        >>> from ict_kernels.market import sample_market
        >>> candles = sample_market(["EURUSD"], bars=400)[0].to_pandas()
        >>> history = OrderBlocksPatternDetector().evaluate_history(candles, "EURUSD", "M15")
        >>> len(history.records()) == len(history)
        True
        """
        results = self.hybrid_analyzer.evaluate_history(candles, symbol, timeframe, window=window)

        def build(hits: Hits) -> list[dict[str, Any]]:
            asked = hits.bar.tolist()
            moments = times(candles)[hits.bar].to_pydatetime().tolist() if asked else []
            numbered = _numbers(asked)
            built = History(hits, results._build).records()
            return [_pattern(*row) for row in zip(built, numbered, moments, strict=True)]

        return History(results.hits, build)

    def get_performance_stats(self) -> dict[str, Any]:
        """Return what has been found so far.

        Returns
        -------
        dict
            ``total_detections`` (calls), ``patterns_found``, ``enterprise_validated`` and ``hybrid_analyzer``, its
            statistics.
        """
        return {
            "total_detections": self._calls,
            "patterns_found": self._found,
            "enterprise_validated": self._validated,
            "hybrid_analyzer": self.hybrid_analyzer.get_performance_stats(),
        }

    def reset_stats(self) -> None:
        """Count this detector's calls and patterns from 0 again."""
        self._calls = self._found = self._validated = 0

    def _remember(self, patterns: list[dict[str, Any]]) -> None:
        self._found += len(patterns)
        self._validated += sum(pattern["enterprise_validated"] for pattern in patterns)
        self._log.debug(f"{len(patterns)} patterns")
        if self._memory is not None:
            for pattern in patterns:
                self._memory.store_pattern(pattern)


def create_order_blocks_detector(
    config: dict[str, Any] | None = None,
    *,
    clock: Clock = now,
    memory: Any = None,
    logger: Any = None,
    tolerant: bool = False,
    strict: bool = False,
) -> OrderBlocksPatternDetector:
    """Return a new detector.

    Parameters
    ----------
    config, clock, memory, logger, tolerant, strict
        As for :class:`OrderBlocksPatternDetector`.

    Returns
    -------
    OrderBlocksPatternDetector

    Examples
    --------
    >>> create_order_blocks_detector().get_performance_stats()["patterns_found"]
    0
    """
    return OrderBlocksPatternDetector(
        config, clock=clock, memory=memory, logger=logger, tolerant=tolerant, strict=strict
    )


def _numbers(bars: Iterable[int]) -> list[int]:
    """Number the patterns of each asking candle from 0."""
    numbers: list[int] = []
    last, at = None, 0
    for bar in bars:
        at = at + 1 if bar == last else 0
        last = bar
        numbers.append(at)
    return numbers


def _session(moment: datetime) -> str:
    hour = moment.hour
    if 13 <= hour < 16:
        return "OVERLAP"
    if 8 <= hour < 16:
        return "LONDON"
    return "NEW_YORK" if 16 <= hour < 22 else "ASIAN"


def _pattern(result: HybridOrderBlockResult, number: int, moment: datetime) -> dict[str, Any]:
    block = result.basic_block
    return {
        "pattern_type": "order_block",
        "sub_type": block.type,
        "symbol": block.symbol,
        "timeframe": block.timeframe,
        "timestamp": block.timestamp,
        "confidence": result.hybrid_confidence,
        "basic_confidence": block.confidence,
        "enterprise_validated": result.enterprise_validated,
        "recommendation": result.recommendation,
        "price": block.price,
        "entry_price": result.optimized_entry or block.entry_price,
        "stop_loss": result.optimized_stop or block.stop_loss,
        "take_profit": result.optimized_target or block.take_profit,
        "risk_reward": block.risk_reward,
        "distance_pips": block.distance_pips,
        "volume_confirmation": block.volume_confirmation,
        "candle_index": block.candle_index,
        "detection_time_ms": result.detection_time_ms,
        "validation_time_ms": result.validation_time_ms,
        "session_context": {"session": _session(moment), "hour": moment.hour},
        "detector": NAME,
        "analysis_id": f"OB_{block.symbol}_{block.timeframe}_{moment:%Y%m%d_%H%M%S}_{number}",
        "enterprise_data": result.enterprise_result,
    }
