"""Displacements with the interface of the ICT Engine's ``ict_engine.displacement_detector_enterprise``.

A displacement is a fast move that nearly all closes follow. The detector looks at every window of 17 candles and
measures what else it shows: large bodies and volumes, gaps, equal levels, a shift of structure.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 10.2: each window that qualifies gives a signal, so that one move gives a run of them.
* 10.2: the last candle is never the end of a window (``strict=True`` lets it be).
* 10.2: frames of 50 to 63 candles are looked at in shorter windows, of a quarter of the frame.
* 10.3: a volume counts in full wherever there is any; a perfectly even trend is rejected, since speed is measured
  against the spread of the closes.
* 10.5, 10.8: targets, small bodies and equal levels are measured in price units, whatever the symbol.
* 10.7: the gap is a candle clear of both neighbours, not the usual gap between three candles.
* 10.6, 10.8: sessions and kill zones go by the hour of the index as it stands, whatever its time zone.
* 10.8: memory, success rate and session optimisation are constants.
* 10.9: the shift of structure looks for no higher low and no lower high.
* 10.10: ``ml_score`` is a fixed formula with nothing learned in it, in price units; a high one alone reports a shift of
  structure.
* 10.1: ``max_time_window`` is not used.

Differences, on purpose: pandas 3 does not stop it, on which the original raises as soon as a window qualifies;
missing columns (``volume`` is needed) and NaN raise a :class:`~ict_kernels.errors.CandleError` (``tolerant=True``
lets NaN pass, which means and extremes skip); the history of CHoCHs is handed in and looked up at the end of the
move.

Examples
--------
>>> import numpy as np
>>> import pandas as pd
>>> close = np.append(1.1 + 1e-5 * np.arange(60), [1.1066, 1.1065])
>>> candles = pd.DataFrame({"open": np.append(1.1, close[:-1]), "close": close, "volume": 100.0},
...                        index=pd.date_range("2025-09-01", periods=62, freq="15min"))
>>> candles["high"], candles["low"] = candles[["open", "close"]].T.max(), candles[["open", "close"]].T.min()
>>> [signal] = DisplacementDetectorEnterprise().detect_displacement(candles, "EURUSD", "M15")
>>> signal.displacement_type, round(signal.displacement_pips), signal.confluence_factors
('BULLISH_DISPLACEMENT', 62, ['displacement_momentum', 'institutional_candle', 'killzone_timing'])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits
from ...detectors.engine.displacements import DISPLACEMENTS, GAP, LEVELS, SHIFT, WINDOW_MARKS
from ...errors import CandleError, ParameterError
from ...kernels.engine._types import EngineBars
from ._collaborators import ChochHistory, Log
from ._frames import OHLC, read, times

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "PIP_SIZES",
    "DisplacementDetectorEnterprise",
    "DisplacementSignal",
    "create_displacement_detector_enterprise",
]

PIP_SIZES: Mapping[str, float] = MappingProxyType(
    {"EURUSD": 1e-4, "GBPUSD": 1e-4, "USDCHF": 1e-4, "AUDUSD": 1e-4, "USDJPY": 0.01, "XAUUSD": 0.01}
)
"""The pips of the engine's symbol configuration."""

FEWEST = 50
WIDEST = 16
SHORTEST, SHORTEST_SHIFT = 3, 10
STRONG_PIPS = 75
SUCCESS = 0.5
OPTIMIZATION = "LONDON_NY"

_METALS = frozenset({"XAUUSD", "GOLD", "XAU"})
_KILLZONE_HOURS = (8, 9, 15, 16)
_PROFILES = ("NORMAL", "ABOVE_AVERAGE", "HIGH", "EXPLOSIVE")
_SESSIONS = tuple(
    "LONDON_OPEN" if 6 <= hour <= 10 else "NY_OPEN" if 13 <= hour <= 17 else
    "ASIA_OPEN" if 21 <= hour <= 23 else "OVERLAP_SESSION"
    for hour in range(24)
)  # fmt: skip
_REFERENCE_PIPS = {
    "M1": 3, "M5": 8, "M15": 20, "M30": 30, "H1": 45, "H2": 60, "H3": 80, "H4": 100, "H6": 140, "H8": 180,
    "H12": 220, "D1": 150, "W1": 350, "MN1": 800,
}  # fmt: skip
_FACTORS = ("institutional_volume", "institutional_candle", "killzone_timing", "fair_value_gaps")

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass
class DisplacementSignal:
    """One window that moved far and steadily.

    Attributes
    ----------
    displacement_type : str
        ``BULLISH_DISPLACEMENT`` or ``BEARISH_DISPLACEMENT``.
    start_price, end_price : float
        The first open and the last close of the window.
    timestamp : datetime
        Label of the window's last candle.
    momentum_score : float
        0 to 1.
    target_estimation : float
        Two to three times the move further on.
    confluence_factors : list of str
    sic_stats : dict
        ``volatility_percentile``, ``volume_profile``, ``market_session``, ``displacement_strength``,
        ``choch_bonus`` and ``choch_success_rate``.
    liquidity_cleared : float
        Mean of wicks over bodies.
    order_flow_imbalance : float
        Correlation of the changes of close and volume.
    ml_score, ml_confidence : float
        A fixed logistic formula, 0 to 1.

    Examples
    --------
    >>> from datetime import datetime
    >>> signal = DisplacementSignal("BULLISH_DISPLACEMENT", 1.1, 1.106, 60.0, "M15", datetime(2025, 9, 1), 0.8,
    ...                             True, 1.124, ["displacement_momentum"])
    >>> signal.market_structure_shift
    False
    """

    displacement_type: str
    start_price: float
    end_price: float
    displacement_pips: float
    timeframe_detected: str
    timestamp: Any
    momentum_score: float
    institutional_signature: bool
    target_estimation: float
    confluence_factors: list[str]
    memory_enhanced: bool = False
    historical_success_rate: float = 0.0
    session_optimization: str = ""
    sic_stats: dict[str, Any] = field(default_factory=dict)
    sluc_integration: bool = False
    liquidity_cleared: float = 0.0
    order_flow_imbalance: float = 0.0
    relative_equal_highs_lows: bool = False
    fair_value_gap_created: bool = False
    market_structure_shift: bool = False
    ml_score: float = 0.0
    ml_confidence: float = 0.0


class DisplacementDetectorEnterprise:
    """Finds displacements.

    Parameters
    ----------
    pip_sizes : mapping, default PIP_SIZES
        Pips by symbol. For other symbols a pip is 0.01 with ``JPY`` in the name and for gold, else 0.0001.
    history : ChochHistory, optional
        Earlier changes of character; they move targets. None by default, as the engine is shipped.
    logger : object, optional
        The engine's logger, or one of the standard library. None by default.
    tolerant : bool, default False
        Let NaN pass.
    strict : bool, default False
        Let the last candle end a window too.

    Attributes
    ----------
    min_displacement_pips, momentum_threshold : float
        50 and 0.7; what a window must reach. Read at each call, like the next.
    institutional_volume_threshold : float
        1.5; mean volumes that make a volume stand out.
    max_time_window : int
        240; not used.

    Examples
    --------
    >>> DisplacementDetectorEnterprise().min_displacement_pips
    50.0
    """

    def __init__(
        self,
        *,
        pip_sizes: Mapping[str, float] = PIP_SIZES,
        history: ChochHistory | None = None,
        logger: Any = None,
        tolerant: bool = False,
        strict: bool = False,
    ) -> None:
        self.min_displacement_pips = 50.0
        self.max_time_window = 240
        self.institutional_volume_threshold = 1.5
        self.momentum_threshold = 0.7
        self._pip_sizes = pip_sizes
        self._history = history or ChochHistory()
        self._log = Log("displacement", logger)
        self._tolerant = tolerant
        self._strict = strict

    def detect_displacement(
        self, data: pd.DataFrame, symbol: str = "EURUSD", timeframe: str = "M15"
    ) -> list[DisplacementSignal]:
        """Return a signal for each window that moved far and steadily.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low``, ``close`` and ``volume``, and a DatetimeIndex. It is not modified.
        symbol, timeframe : str
            They decide the pip and what counts as a large range.

        Returns
        -------
        list of DisplacementSignal
            In order of the window's end. Empty for fewer than 50 rows.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant, or if there are
            no times.
        ParameterError
            If one of the attributes is not a number.

        Examples
        --------
        >>> import pandas as pd
        >>> DisplacementDetectorEnterprise().detect_displacement(pd.DataFrame({"close": [1.1]}))
        []
        """
        hits = self.events(data, symbol, timeframe)
        self._log.info(f"{symbol} {timeframe}: {len(hits)} windows")
        return self._records(hits, data, symbol, timeframe) if len(hits) else []

    def events(self, data: pd.DataFrame, symbol: str = "EURUSD", timeframe: str = "M15") -> Hits:
        """Return the same as :meth:`detect_displacement` as columns only.

        Parameters
        ----------
        data : DataFrame
            Columns ``open``, ``high``, ``low``, ``close`` and ``volume``. It is not modified.
        symbol, timeframe : str
            They decide the pip and what counts as a large range.

        Returns
        -------
        Hits
            Columns ``bar`` (the window's last candle), ``direction``, ``start``, ``end``, ``pips``, ``target``,
            ``momentum`` and what else was measured.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.
        ParameterError
            If one of the attributes is not a number.

        Examples
        --------
        >>> import pandas as pd
        >>> len(DisplacementDetectorEnterprise().events(pd.DataFrame({"close": [1.1]})))
        0
        """
        pip = self._pip(symbol)
        if len(data) < FEWEST:
            return _measured(DISPLACEMENTS.hits([]), pip, timeframe)
        bars = read(data, volume=("volume",), tolerant=self._tolerant)
        if not len(bars.volume):
            raise CandleError(
                f"candles have no column 'volume' but {list(data.columns)}; displacements need it"
            )
        width, stop = min(WIDEST, len(data) // 4), len(data) - (not self._strict)
        parts = [
            DISPLACEMENTS(
                bars,
                start,
                end,
                width=width,
                pip=pip,
                min_pips=self._number("min_displacement_pips"),
                min_momentum=self._number("momentum_threshold"),
                spike=self._number("institutional_volume_threshold"),
                measured=measured,
            )
            for start, end, measured in _ticks(data, bars, width, stop, self._tolerant)
        ]
        return _measured(_joined(parts), pip, timeframe)

    def _detect_potential_gaps(self, window: pd.DataFrame) -> bool:
        """Return whether some candle lies clear of both its neighbours, on the same side."""
        return self._shows(window, GAP, ("high", "low"), SHORTEST)

    def _detect_equal_highs_lows(self, window: pd.DataFrame) -> bool:
        """Return whether two highs, or two lows, at least two candles apart lie within 0.0005."""
        return self._shows(window, LEVELS, ("high", "low"), SHORTEST)

    def _detect_structure_shift(self, window: pd.DataFrame) -> bool:
        """Return whether the last close lies clear beyond the last swing, which the score does not force here."""
        return self._shows(window, SHIFT, OHLC, SHORTEST_SHIFT)

    def _shows(self, window: pd.DataFrame, mark: int, names: Sequence[str], fewest: int) -> bool:
        rows = len(window)
        if rows < fewest:
            return False
        bars = read(window, names, tolerant=self._tolerant)
        return len(WINDOW_MARKS(bars, rows - 1, rows, width=rows - 1, mark=mark)) > 0

    def _pip(self, symbol: str) -> float:
        known = self._pip_sizes.get(symbol)
        if known is not None:
            return known
        return 0.01 if "JPY" in symbol or symbol in _METALS else 1e-4

    def _number(self, name: str) -> float:
        try:
            return float(getattr(self, name))
        except (TypeError, ValueError) as error:
            raise ParameterError(f"{name} is {getattr(self, name)!r}; set it to a number") from error

    def _records(
        self, hits: Hits, data: pd.DataFrame, symbol: str, timeframe: str
    ) -> list[DisplacementSignal]:
        labels = times(data, what="a displacement")[hits.bar]
        hours = labels.hour
        bonus, success = self._remembered(hits, symbol, timeframe)
        targets = hits.target * (1 + bonus / 500)
        flags = np.stack([hits.spike, hits.large, np.isin(hours, _KILLZONE_HOURS), hits.gap], axis=1)
        columns = (
            labels.tolist(),
            hours.tolist(),
            targets.tolist(),
            flags.tolist(),
            bonus.tolist(),
            success.tolist(),
            hits.institutional.astype(bool).tolist(),
            hits.equal.astype(bool).tolist(),
            hits.gap.astype(bool).tolist(),
            hits.shift.astype(bool).tolist(),
            hits.rows(
                "direction", "start", "end", "pips", "momentum", "level", "volatility", "wicks", "imbalance",
                "ml_score", "ml_confidence",
            ),
        )  # fmt: skip
        return [_signal(timeframe, *row) for row in zip(*columns, strict=True)]

    def _remembered(self, hits: Hits, symbol: str, timeframe: str) -> tuple[F64, F64]:
        """Return the bonus and the success rate of each hit, which are 0 without any history."""
        if not self._history.similar(symbol, timeframe):
            return np.zeros(len(hits)), np.zeros(len(hits))
        levels = hits.end.tolist()
        bonus = [self._history.bonus(symbol, timeframe, level) for level in levels]
        success = [self._history.success_rate(symbol, timeframe, level) for level in levels]
        return np.array(bonus), np.array(success)


def create_displacement_detector_enterprise() -> DisplacementDetectorEnterprise:
    """Return a detector with the defaults.

    Returns
    -------
    DisplacementDetectorEnterprise

    Examples
    --------
    >>> create_displacement_detector_enterprise().momentum_threshold
    0.7
    """
    return DisplacementDetectorEnterprise()


def _ticks(
    data: pd.DataFrame, bars: EngineBars, width: int, stop: int, tolerant: bool
) -> Iterator[tuple[int, int, int]]:
    """Yield the stretches of windows, and whether volume counts for their momentum.

    The original asks the column ``tick_volume`` for that, if there is one, and ``volume`` for everything else. All
    it can learn there is whether a window has any.
    """
    if "tick_volume" not in data.columns:
        yield width, stop, -1
        return
    ticks = read(data, (), volume=("tick_volume",), tolerant=tolerant).volume[:]
    if np.array_equal(ticks, bars.volume[:]):
        yield width, stop, -1
        return
    before = np.concatenate([[0], np.cumsum(ticks > 0)])
    some = before[width + 1 : stop + 1] > before[: stop - width]
    edges = [0, *(np.flatnonzero(some[1:] != some[:-1]) + 1).tolist(), len(some)]
    for start, end in zip(edges, edges[1:], strict=False):
        yield width + start, width + end, int(some[start])


def _joined(parts: list[Hits]) -> Hits:
    if len(parts) == 1:
        return parts[0]
    return Hits({name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns})


def _measured(hits: Hits, pip: float, timeframe: str) -> Hits:
    """Add what follows from the measures: pips, target, signature, the logistic score and its verdict."""
    move = np.abs(hits.end - hits.start)
    reach = np.where(move > 0.0100, 2.0, np.where(move > 0.0075, 2.5, 3.0)) * move
    body_share = hits.body_share
    score = 1.2 * np.clip(hits.true_range / 0.002, 0, 1.5) + 0.8 * body_share
    score = score + 0.5 * (hits.consistency - 0.5) + 0.4 * hits.gap - 0.6
    probability = 1 / (1 + np.exp(-score))
    large = pip * _REFERENCE_PIPS.get(timeframe, 20)
    confidence = 0.5 * np.minimum(1, hits.true_range / large) + 0.5 * np.minimum(1, body_share)
    forced = (probability >= 0.8) & (confidence >= 0.6)
    return Hits(
        {
            **hits.columns,
            "shift": np.where(forced, 1, hits.shift),
            "institutional": hits.spike & (hits.large | hits.wick),
            "pips": move / pip,
            "target": np.where(hits.direction > 0, hits.end + reach, hits.end - reach),
            "ml_score": probability,
            "ml_confidence": confidence,
        }
    )


def _signal(
    timeframe: str,
    label: Any,
    hour: int,
    target: float,
    flags: list[int],
    bonus: float,
    success: float,
    institutional: bool,
    equal: bool,
    gap: bool,
    shift: bool,
    measures: tuple[Any, ...],
) -> DisplacementSignal:
    direction, start, end, pips, momentum, level, volatility, wicks, imbalance, score, confidence = measures
    return DisplacementSignal(
        "BULLISH_DISPLACEMENT" if direction > 0 else "BEARISH_DISPLACEMENT",
        start,
        end,
        pips,
        timeframe,
        label,
        momentum,
        institutional,
        target,
        ["displacement_momentum", *(name for name, flag in zip(_FACTORS, flags, strict=True) if flag)],
        True,
        SUCCESS,
        OPTIMIZATION,
        {
            "volatility_percentile": volatility,
            "volume_profile": _PROFILES[level],
            "market_session": _SESSIONS[hour],
            "displacement_strength": "STRONG" if pips > STRONG_PIPS else "MODERATE",
            "choch_bonus": bonus,
            "choch_success_rate": success,
        },
        False,
        wicks,
        imbalance,
        equal,
        gap,
        shift,
        score,
        confidence,
    )
