"""What the engine's plan asks for and gets: analyses, and what is known of their markets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from ...cache._checks import check_share, check_type, check_whole
from ...cache._keys import series_id
from ...cache._plan import Action
from ...cache._preload import market_timeframe
from ...candles import Candles
from ...detectors._run import check_candles
from ...errors import ParameterError
from ...reference._common import atr
from ...registry import Spec

__all__ = ["AnalysisRequest", "AnalysisResult", "CachedAnalysis", "MarketContext"]

_ATR: Final = 14  # bars of Wilder's average
_SETTLED: Final = 8 * _ATR  # bars after which an average hardly depends on where it began
_SESSIONS: Final = {"London": ZoneInfo("Europe/London"), "New York": ZoneInfo("America/New_York")}
_OPEN: Final = range(8, 17)  # hours of the local clock, Monday to Friday


@dataclass(frozen=True)
class MarketContext:
    """What the market is like.

    Parameters
    ----------
    volatility : float, default 0.5
        Part of the latest bars whose average true range was lower than the last one's: 0 calm, 1 wild.
    sessions : tuple of str, default ()
        Which of ``"London"`` and ``"New York"`` are open, by their own clocks from 8:00 to 17:00, Monday to Friday. A
        lone name counts as one.
    final : bool, default True
        Whether the last candle is finished.
    symbol, timeframe : str, optional
        The market; without them the context is that of all markets. However the timeframe is written, it is kept as
        candles have it.
    unfinished : str, default ""
        Digest of the candles whose last one is not finished.

    Raises
    ------
    ParameterError
        If the volatility is not from 0 to 1, a session or the timeframe does not exist, or only one of symbol and
        timeframe is given.

    Examples
    --------
    >>> MarketContext(volatility=0.9, sessions=("London", "New York")).activity
    1.0
    >>> MarketContext(symbol="EURUSD", timeframe="M15").timeframe
    '15min'
    """

    volatility: float = 0.5
    sessions: tuple[str, ...] = ()
    final: bool = True
    symbol: str | None = None
    timeframe: str | None = None
    unfinished: str = ""

    def __post_init__(self) -> None:
        check_share("MarketContext", "volatility", self.volatility)
        object.__setattr__(self, "sessions", _known(self.sessions))
        if (self.symbol is None) is not (self.timeframe is None):
            raise ParameterError(
                f"MarketContext: symbol={self.symbol!r} and timeframe={self.timeframe!r} name no market; give both, "
                "or neither for all markets"
            )
        if self.timeframe is not None:
            check_type("MarketContext.symbol", self.symbol, str, "give that of the candles")
            object.__setattr__(self, "timeframe", market_timeframe(self.timeframe))

    @classmethod
    def of(cls, candles: Candles, final: bool = True, *, window: int = 200) -> MarketContext:
        """Read it off candles.

        Parameters
        ----------
        candles : Candles
        final : bool, default True
            Whether the last candle is finished.
        window : int, default 200
            Bars among which the last one's average true range (Wilder's, 14 bars) is ranked. With fewer than two
            averages the volatility is 0.5.

        Returns
        -------
        MarketContext

        Raises
        ------
        CandleError
            If `candles` are none.
        ParameterError
            If the window is no whole number of at least 2.

        Examples
        --------
        >>> import ict_kernels as ict
        >>> candles = ict.sample_market(["EURUSD"], bars=60, start="2024-01-02")[0]  # until 14:45 UTC
        >>> MarketContext.of(candles).sessions
        ('London', 'New York')
        """
        check_candles("MarketContext.of", candles)
        check_whole("MarketContext.of", "window", window, 2)
        return cls(
            volatility=_volatility(candles, window),
            sessions=_open_sessions(int(candles.time[-1])) if len(candles) else (),
            final=final,
            symbol=candles.symbol,
            timeframe=candles.timeframe,
            unfinished="" if final else candles.digest,
        )

    @property
    def activity(self) -> float:
        """Part of the sessions that are open: 0, 0.5 or 1."""
        return len(set(self.sessions)) / len(_SESSIONS)

    def applies_to(self, series: str) -> bool:
        """Whether this is the context of a market, given by its hash."""
        return self.symbol is None or series == series_id(self.symbol, self.timeframe or "")


def _known(sessions: str | Iterable[str]) -> tuple[str, ...]:
    """Names of sessions, each of which there is."""
    lone = isinstance(sessions, str) or not isinstance(sessions, Iterable)
    names: tuple[Any, ...] = (sessions,) if lone else tuple(sessions)
    for name in names:
        if name not in tuple(_SESSIONS):
            raise ParameterError(
                f"MarketContext: there is no session {name!r}; there are {', '.join(_SESSIONS)}"
            )
    return names


def _volatility(candles: Candles, window: int) -> float:
    recent = candles[-min(len(candles), window + _SETTLED) :]
    averages = atr(recent.high, recent.low, recent.close, _ATR)[-window:]
    averages = averages[~np.isnan(averages)]
    if len(averages) < 2:
        return 0.5
    return float(np.count_nonzero(averages[:-1] < averages[-1])) / (len(averages) - 1)


def _open_sessions(instant: int) -> tuple[str, ...]:
    """Sessions that are open at an instant, in nanoseconds since 1970."""
    utc = datetime.fromtimestamp(instant // 1_000_000_000, timezone.utc)
    local = {name: utc.astimezone(zone) for name, zone in _SESSIONS.items()}
    return tuple(name for name, now in local.items() if now.weekday() < 5 and now.hour in _OPEN)


@dataclass(frozen=True)
class AnalysisRequest:
    """What is to be analysed.

    Parameters
    ----------
    candles : Candles
    strategy : {"confluence_analysis", "pattern_detection", "market_structure"}
        It decides which tables are asked for by default, whether they are kept, and how soon they go.
    detectors : tuple of str or Spec, optional
        By default all that the strategy covers, with their default parameters.
    final : bool, default True
        Whether the last candle is finished.

    Raises
    ------
    CandleError
        If `candles` are none.
    ParameterError
        If the strategy is no text. Which ones there are, the engine knows.
    """

    candles: Candles
    strategy: str = "confluence_analysis"
    detectors: tuple[str | Spec, ...] = ()
    final: bool = True

    def __post_init__(self) -> None:
        check_candles("AnalysisRequest", self.candles)
        check_type("AnalysisRequest.strategy", self.strategy, str, "detectors go to detectors=")


@dataclass(frozen=True, kw_only=True)
class AnalysisResult:
    """What an analysis found, and what it takes.

    Attributes
    ----------
    tables : dict of Spec to Events
        Of dense companions arrays; empty where only the costs are known.
    actions : dict of Spec to {"memory", "disk", "prefix", "compute"}
        Where each table came from.
    computing : float
        Seconds of computing all from the first candle on, estimated from what the cache has measured.
    reading : float
        Seconds of reading, and of continuing what is shorter, likewise.
    final : bool
        Whether the last candle is finished.
    seconds : float
        What it took this time.
    kept : bool
        Whether the cache was given the result to keep.
    """

    tables: Mapping[Spec, Any] = field(default_factory=dict)
    actions: Mapping[Spec, Action] = field(default_factory=dict)
    computing: float
    reading: float
    final: bool = True
    seconds: float = 0.0
    kept: bool = False


@dataclass(frozen=True, kw_only=True)
class CachedAnalysis(AnalysisResult):
    """An analysis that is kept.

    Attributes
    ----------
    created : float
        When its oldest part was made, in seconds since 1970.
    """

    created: float
