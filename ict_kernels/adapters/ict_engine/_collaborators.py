"""What the engine's detectors take from their surroundings: clock, memory, history, logger, data.

All of it is handed in. What stands here are the defaults: the clock of the host, memories in the state in which the
engine is shipped, a logger that says nothing, and the data manager of an engine that is already running.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Protocol

__all__ = [
    "ChochHistory",
    "Clock",
    "Log",
    "Logger",
    "MarketMemory",
    "UnifiedMemory",
    "engine_data_manager",
    "heavy_parts_wanted",
    "now",
    "pip_size",
    "utc_now",
]

Clock = Callable[[], datetime]

_SILENT = logging.getLogger("ict_kernels.ict_engine")
_SILENT.addHandler(logging.NullHandler())


def now() -> datetime:
    """Return the local time of the host, naive, as the engine reads it."""
    return datetime.now()


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(timezone.utc)


def heavy_parts_wanted() -> bool:
    """Whether detectors get a memory by default: not under ``ICT_DISABLE_HEAVY_INIT=1``."""
    return os.environ.get("ICT_DISABLE_HEAVY_INIT") != "1"


def pip_size(symbol: str) -> float:
    """Return 0.01 for symbols that end in JPY, else 0.0001, as the engine's history of CHoCHs does."""
    return 0.01 if symbol.upper().endswith("JPY") else 0.0001


class MarketMemory(Protocol):
    """What a memory handed to a detector must offer; it may also have ``store_pattern(description)``."""

    def assess_market_confidence(self, description: dict[str, Any], /) -> float:
        """Rate what is described from 0 to 1."""


class UnifiedMemory:
    """The engine's unified memory as it answers in its fresh state.

    ``round(min(1, 0.5 + 0.05 * level + 0.3 * quality), 3)``, so 0.9 for what says nothing of its quality.

    Parameters
    ----------
    level : int, default 5
        The experience, ``trader_experience_level``, that the engine is shipped with.

    Examples
    --------
    >>> UnifiedMemory().assess_market_confidence({"pattern_type": "FVG"})
    0.9
    """

    def __init__(self, level: int = 5) -> None:
        self.trader_experience_level = level

    def assess_market_confidence(self, description: dict[str, Any], /) -> float:
        """Rate what is described from 0 to 1."""
        quality = float(description.get("quality", 0.5))
        return round(min(1.0, 0.5 + 0.05 * self.trader_experience_level + 0.3 * quality), 3)


class ChochHistory:
    """Earlier changes of character and what became of them.

    Parameters
    ----------
    records : iterable of mapping, optional
        Each with ``symbol``, ``timeframe``, ``direction``, ``break_level``, ``target_level`` and ``outcome``
        (``SUCCESS``, ``FAILED`` or ``PENDING``). None by default; the engine ships only pending ones.

    Notes
    -----
    Near a level are records of the same symbol and timeframe whose ``break_level`` lies within 50 pips of it.

    Examples
    --------
    >>> won = {"symbol": "EURUSD", "timeframe": "M15", "direction": "BULLISH", "break_level": 1.1,
    ...        "target_level": 1.12, "outcome": "SUCCESS"}
    >>> history = ChochHistory([won, won, won])
    >>> history.bonus("EURUSD", "M15", 1.1010), history.success_rate("EURUSD", "M15", 1.1010)
    (20.0, 100.0)
    >>> history.bonus("EURUSD", "H4", 1.1010)
    0.0
    """

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.records = list(records)

    def similar(self, symbol: str, timeframe: str) -> list[Mapping[str, Any]]:
        """Return all records of a symbol and timeframe."""
        return [r for r in self.records if r["symbol"] == symbol and r["timeframe"] == timeframe]

    def near(self, symbol: str, timeframe: str, level: float) -> list[Mapping[str, Any]]:
        """Return the records near a level."""
        reach = 50 * pip_size(symbol)
        return [r for r in self.similar(symbol, timeframe) if abs(r["break_level"] - level) <= reach]

    def success_rate(self, symbol: str, timeframe: str, level: float) -> float:
        """Return the share, in percent, of successes among the settled records near a level; 0 without any."""
        settled = [r["outcome"] for r in self.near(symbol, timeframe, level) if r["outcome"] != "PENDING"]
        return 100.0 * settled.count("SUCCESS") / len(settled) if settled else 0.0

    def bonus(self, symbol: str, timeframe: str, level: float) -> float:
        """Return what the history adds to a confidence from 0 to 100: -20 to 20, 0 for fewer than 3 settled."""
        near = self.near(symbol, timeframe, level)
        if sum(r["outcome"] != "PENDING" for r in near) < 3:
            return 0.0
        return max(-20.0, min(20.0, 0.4 * (self.success_rate(symbol, timeframe, level) - 50.0)))

    def predict_target(
        self, symbol: str, timeframe: str, direction: str, level: float, default: float | None = None
    ) -> float | None:
        """Return the mean target of the records near a level in a direction."""
        near = self.near(symbol, timeframe, level)
        targets = [r["target_level"] for r in near if r["direction"].upper() == direction.upper()]
        return sum(targets) / len(targets) if targets else default


class Logger(Protocol):
    """The engine's loggers: one message and the component that says it."""

    def info(self, message: str, component: str = "", /) -> object: ...
    def warning(self, message: str, component: str = "", /) -> object: ...
    def error(self, message: str, component: str = "", /) -> object: ...
    def debug(self, message: str, component: str = "", /) -> object: ...


class Log:
    """Says things to whatever logger was handed in, the engine's or the standard library's.

    Without one they go to the standard library's logger ``ict_kernels.ict_engine``, which stays silent until the
    user gives it, or the root, a handler.

    Examples
    --------
    >>> class Engine:
    ...     def warning(self, message, component=""):
    ...         print(component, message)
    >>> Log("structure", Engine()).warning("no candles")
    structure no candles
    >>> Log("structure").warning("nobody listens")
    """

    def __init__(self, component: str, logger: Any = None) -> None:
        self._component, self._logger = component, _SILENT if logger is None else logger

    def _say(self, level: str, message: str) -> None:
        if isinstance(self._logger, logging.Logger | logging.LoggerAdapter):
            getattr(self._logger, level)("%s: %s", self._component, message)
        else:
            getattr(self._logger, level)(message, self._component)

    def info(self, message: str) -> None:
        """Say what happened."""
        self._say("info", message)

    def warning(self, message: str) -> None:
        """Say what may be wrong."""
        self._say("warning", message)

    def error(self, message: str) -> None:
        """Say what went wrong."""
        self._say("error", message)

    def debug(self, message: str) -> None:
        """Say what only a developer wants to know."""
        self._say("debug", message)


def engine_data_manager(modules: Sequence[str] = ("data_management.mt5_data_manager",)) -> Any:
    """Return the data manager of an engine that this process has loaded already, else None."""
    for name in modules:
        make = getattr(sys.modules.get(name), "get_mt5_manager", None)
        if make is not None:
            return make()
    return None
