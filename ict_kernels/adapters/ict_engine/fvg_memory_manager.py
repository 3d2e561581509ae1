"""A memory of fair value gaps with the interface of the ICT Engine's ``analysis.fvg_memory_manager``.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 11: ``min_gap_size_pips`` and ``fill_tolerance_pips`` depend on the hour of construction, and nothing is filtered by
  them; ``max_fvgs_per_symbol`` is not enforced.
* 11: only gaps of H4, H1, M15 and M5 are kept; others are refused with an empty identifier.
* 11: sessions are named by the local hour of the call, not by the candle; how long a gap took to be filled is counted
  by the clock too, from the call that added it to the one that changed it.
* 11: a pip is 0.01 where the symbol contains JPY and 0.0001 else, for gold too.
* 11: success probability, reaction strength, reliability and tests are constants.
* 11: all of the file is written anew at every change; :meth:`FVGMemoryManager.batch` writes it once for many.

Differences, on purpose: without ``memory_path`` nothing is written, where the original writes into its own tree; the
file is written under a temporary name and renamed, and its layout is this module's own; a damaged file raises a
:class:`~ict_kernels.errors.StateError` and is left untouched, and gaps without usable prices raise a
:class:`~ict_kernels.errors.ParameterError`, where the original goes on without them; duplicates are found by a table
and not by comparing with every gap.

Examples
--------
>>> memory = FVGMemoryManager()
>>> number = memory.add_fvg("EURUSD", "M15", {"type": "bullish", "high": 1.5, "low": 1.25, "timestamp": "10:30"})
>>> memory.update_fvg_status(number, "partially_filled", 40.0)
True
>>> [(gap["gap_size_pips"], gap["status"]) for gap in memory.get_active_fvgs("EURUSD")]
[(2500.0, 'partially_filled')]
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ...errors import ParameterError, StateError
from ...states import write_whole
from ._collaborators import Clock, Log, now, utc_now

__all__ = ["FVGMemoryManager"]

FILE_NAME = "fvg_memory_persistent.json"
TIMEFRAMES = ("H4", "H1", "M15", "M5")
ACTIVE = ("unfilled", "partially_filled")
VERSION = 1

# By the first hour after them: what counts as a gap, and as filled, in pips.
_TOLERANCES = ((8, 0.8, 0.2), (13, 1.80625, 0.5), (18, 1.955, 0.5), (24, 1.0, 0.2))

_KINDS: dict[str, type | tuple[type, ...]] = {
    "fvg_id": str,
    "symbol": str,
    "timeframe": str,
    "creation_timestamp": str,
    "candle_time": str,
    "fvg_type": str,
    "high_price": (int, float),
    "low_price": (int, float),
    "gap_size_pips": (int, float),
    "status": str,
    "fill_percentage": (int, float),
    "fill_timestamp": (str, type(None)),
    "fill_duration_hours": (int, float, type(None)),
}
"""What the fields of an entry that this module reads again must hold."""

_Key = tuple[str, str, str, float, float, str]


class FVGMemoryManager:
    """Keeps gaps, what became of them, and how many were filled.

    Parameters
    ----------
    memory_path : str or path, optional
        Folder of the file ``fvg_memory_persistent.json``, which is read now and written at every change. By default
        everything is kept in memory only.
    clock : callable, default the host's local time
        Decides the settings, once, and the sessions.
    utc_clock : callable, default the time in UTC
        Stamps entries.
    logger : object, optional
        Takes what is refused: ``warning(message, component)``, or a :class:`logging.Logger`.

    Attributes
    ----------
    config : dict
        ``max_fvgs_per_symbol`` 500, ``max_age_days`` 30, ``cleanup_frequency_hours`` 24, and ``min_gap_size_pips`` and
        ``fill_tolerance_pips`` by the hour. Only ``max_age_days`` is acted upon.

    Raises
    ------
    StateError
        If the file is there but damaged; it is left as it is.

    Notes
    -----
    One object may be used from many threads, but one file from one object only.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = FVGMemoryManager(folder).add_fvg("EURUSD", "H1", {"high": 1.102, "low": 1.1})
    ...     len(FVGMemoryManager(folder).get_active_fvgs())
    1
    """

    def __init__(
        self,
        memory_path: str | os.PathLike[str] | None = None,
        *,
        clock: Clock = now,
        utc_clock: Clock = utc_now,
        logger: Any = None,
    ) -> None:
        self._clock, self._utc_clock = clock, utc_clock
        self._log = Log("fvg_memory", logger)
        self._path = None if memory_path is None else Path(memory_path) / FILE_NAME
        self._lock = threading.RLock()
        self._batches, self._changed = 0, False
        self.config = _settings(clock())
        self._entries: dict[str, dict[str, Any]] = {}
        self._by_key: dict[_Key, str] = {}
        for entry in _read(self._path):
            self._keep(entry)

    def add_fvg(self, symbol: str, timeframe: str, fvg_data: Mapping[str, Any]) -> str:
        """Keep a gap, and return its identifier; that of the gap kept already if it is the same.

        Parameters
        ----------
        symbol : str
        timeframe : {"H4", "H1", "M15", "M5"}
        fvg_data : dict
            Keys ``high`` and ``low``, and ``fvg_id``, ``type`` (``bullish`` if missing) and ``timestamp`` where they
            are there.

        Returns
        -------
        str
            Empty for another timeframe.

        Raises
        ------
        ParameterError
            If ``high`` or ``low`` is missing or no finite number.
        OutputError
            If the file cannot be written; the gap is kept in memory.

        Examples
        --------
        >>> memory = FVGMemoryManager()
        >>> memory.add_fvg("EURUSD", "M15", {"fvg_id": "first", "high": 1.102, "low": 1.1})
        'first'
        >>> memory.add_fvg("EURUSD", "M15", {"high": 1.102, "low": 1.1}), memory.add_fvg("EURUSD", "M1", {})
        ('first', '')
        """
        if timeframe not in TIMEFRAMES:
            self._log.warning(f"gaps of {timeframe} are not kept, only those of {', '.join(TIMEFRAMES)}")
            return ""
        with self._lock:
            entry = self._entry(symbol, timeframe, fvg_data)
            known = self._known(entry)
            if known is not None:
                return known
            self._keep(entry)
            self._save()
            return str(entry["fvg_id"])

    def store_fvg(self, fvg_data: Mapping[str, Any], symbol: str, timeframe: str) -> str:
        """Do the same as :meth:`add_fvg`.

        Parameters
        ----------
        fvg_data : dict
        symbol, timeframe : str

        Returns
        -------
        str

        Raises
        ------
        ParameterError, OutputError
            As :meth:`add_fvg`.

        Examples
        --------
        >>> FVGMemoryManager().store_fvg({"fvg_id": "first", "high": 1.102, "low": 1.1}, "EURUSD", "M15")
        'first'
        """
        return self.add_fvg(symbol, timeframe, fvg_data)

    def update_fvg_status(self, fvg_id: str, new_status: str, fill_percentage: float = 0.0) -> bool:
        """Note what became of a gap, and when it first was not ``unfilled`` any more.

        Parameters
        ----------
        fvg_id : str
        new_status : str
            ``unfilled``, ``partially_filled`` and ``filled`` are counted by :meth:`get_fvg_statistics`.
        fill_percentage : float, default 0.0

        Returns
        -------
        bool
            Whether there is such a gap.

        Raises
        ------
        ParameterError
            If ``fill_percentage`` is no finite number.
        OutputError
            If the file cannot be written; the change is kept in memory.

        Examples
        --------
        >>> FVGMemoryManager().update_fvg_status("none", "filled", 100.0)
        False
        """
        share = _finite(fill_percentage, "fill_percentage")
        with self._lock:
            entry = self._entries.get(fvg_id)
            if entry is None:
                return False
            if new_status != "unfilled" and entry["fill_timestamp"] is None:
                moment = self._utc_clock()
                entry["fill_timestamp"] = moment.isoformat()
                entry["fill_duration_hours"] = _age(entry, moment) / timedelta(hours=1)
            entry["status"], entry["fill_percentage"] = new_status, share
            self._save()
            return True

    def get_active_fvgs(
        self, symbol: str | None = None, timeframe: str | None = None
    ) -> list[dict[str, Any]]:
        """Return copies of the gaps that are ``unfilled`` or ``partially_filled``, in the order in which they came.

        Parameters
        ----------
        symbol, timeframe : str, optional
            All by default.

        Returns
        -------
        list of dict

        Examples
        --------
        >>> FVGMemoryManager().get_active_fvgs("EURUSD", "M15")
        []
        """
        with self._lock:
            return [
                deepcopy(entry) for entry in self._selected(symbol, timeframe) if entry["status"] in ACTIVE
            ]

    def get_fvg_statistics(self, symbol: str | None = None, timeframe: str | None = None) -> dict[str, Any]:
        """Return how many gaps there are, and how many were filled, and how fast.

        Parameters
        ----------
        symbol, timeframe : str, optional
            All by default.

        Returns
        -------
        dict
            Keys ``total_fvgs``, ``filled_fvgs``, ``partially_filled_fvgs``, ``unfilled_fvgs``,
            ``avg_fill_time_hours`` and ``success_rate`` (filled of all); without a symbol also ``by_symbol``, the same
            for each.

        Examples
        --------
        >>> FVGMemoryManager().get_fvg_statistics("EURUSD")["success_rate"]
        0.0
        """
        with self._lock:
            selected = self._selected(symbol, timeframe)
            statistics = _statistics(selected)
            if symbol is None:
                groups: dict[str, list[dict[str, Any]]] = {}
                for entry in selected:
                    groups.setdefault(entry["symbol"], []).append(entry)
                statistics["by_symbol"] = {name: _statistics(group) for name, group in groups.items()}
            return statistics

    def cleanup_old_fvgs(self) -> int:
        """Forget the gaps that were added more than ``max_age_days`` ago, and return how many.

        Returns
        -------
        int

        Raises
        ------
        OutputError
            If the file cannot be written; they are forgotten nevertheless.

        Examples
        --------
        >>> FVGMemoryManager().cleanup_old_fvgs()
        0
        """
        with self._lock:
            oldest, moment = timedelta(days=self.config["max_age_days"]), self._utc_clock()
            old = [entry for entry in self._entries.values() if _age(entry, moment) > oldest]
            for entry in old:
                del self._entries[entry["fvg_id"]]
                self._by_key.pop(_key(entry), None)
            if old:
                self._save()
            return len(old)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Within it changes are not written one by one, but once at the end.

        Raises
        ------
        OutputError
            At the end, if the file cannot be written.

        Examples
        --------
        >>> memory = FVGMemoryManager()
        >>> with memory.batch():
        ...     for step in range(3):
        ...         _ = memory.add_fvg("EURUSD", "M15", {"high": 1.102 + step, "low": 1.1 + step})
        >>> memory.get_fvg_statistics()["total_fvgs"]
        3
        """
        with self._lock:
            self._batches += 1
        try:
            yield
        finally:
            with self._lock:
                self._batches -= 1
                if self._changed:
                    self._save()

    def _entry(self, symbol: str, timeframe: str, data: Mapping[str, Any]) -> dict[str, Any]:
        high, low = (_finite(data.get(name), f"fvg_data[{name!r}]") for name in ("high", "low"))
        return {
            "fvg_id": str(data.get("fvg_id") or self._new_id(symbol, timeframe)),
            "symbol": symbol,
            "timeframe": timeframe,
            "creation_timestamp": self._utc_clock().isoformat(),
            "candle_time": _text(data.get("timestamp", "")),
            "fvg_type": str(data.get("type", "bullish")),
            "high_price": high,
            "low_price": low,
            "gap_size_pips": abs(high - low) * (100 if "JPY" in symbol else 10000),
            "status": "unfilled",
            "fill_percentage": 0.0,
            "fill_timestamp": None,
            "fill_duration_hours": None,
            "session_created": _session(self._clock()),
            "market_context": {},
            "confluence_factors": [],
            "performance_metrics": {
                "success_probability": 0.5,
                "reaction_strength": 0.5,
                "reliability": 0.7,
                "tests": 0,
            },
            "notes": "",
        }

    def _new_id(self, symbol: str, timeframe: str) -> str:
        number = len(self._entries) + 1
        while f"FVG_{symbol}_{timeframe}_{number}" in self._entries:
            number += 1
        return f"FVG_{symbol}_{timeframe}_{number}"

    def _known(self, entry: Mapping[str, Any]) -> str | None:
        number = str(entry["fvg_id"])
        return number if number in self._entries else self._by_key.get(_key(entry))

    def _keep(self, entry: dict[str, Any]) -> None:
        self._entries[entry["fvg_id"]] = entry
        self._by_key[_key(entry)] = entry["fvg_id"]

    def _selected(self, symbol: str | None, timeframe: str | None) -> list[dict[str, Any]]:
        return [
            entry
            for entry in self._entries.values()
            if symbol in (None, entry["symbol"]) and timeframe in (None, entry["timeframe"])
        ]

    def _save(self) -> None:
        self._changed = True
        if self._batches:
            return
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            content = {"version": VERSION, "fvgs": list(self._entries.values())}
            write_whole(self._path, json.dumps(content, indent=1, allow_nan=False).encode())
        self._changed = False


def _settings(moment: datetime) -> dict[str, Any]:
    smallest, tolerance = next(pips for until, *pips in _TOLERANCES if moment.hour < until)
    return {
        "max_fvgs_per_symbol": 500,
        "max_age_days": 30,
        "cleanup_frequency_hours": 24,
        "min_gap_size_pips": smallest,
        "fill_tolerance_pips": tolerance,
    }


def _finite(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ParameterError(f"{name} is {value!r}; give it a finite number")
    return number


def _text(moment: Any) -> str:
    return str(moment.isoformat()) if hasattr(moment, "isoformat") else str(moment)


def _session(moment: datetime) -> str:
    return "asian" if moment.hour < 8 else "london" if moment.hour < 16 else "newyork"


def _key(entry: Mapping[str, Any]) -> _Key:
    """What two records of the same gap have in common."""
    digits = 3 if "JPY" in entry["symbol"] else 6
    return (
        entry["symbol"],
        entry["timeframe"],
        entry["fvg_type"],
        round(entry["high_price"], digits),
        round(entry["low_price"], digits),
        entry["candle_time"],
    )


def _age(entry: Mapping[str, Any], moment: datetime) -> timedelta:
    return moment - datetime.fromisoformat(entry["creation_timestamp"])


def _statistics(entries: list[dict[str, Any]]) -> dict[str, Any]:
    statuses = [entry["status"] for entry in entries]
    hours = [entry["fill_duration_hours"] for entry in entries if entry["fill_duration_hours"] is not None]
    filled = statuses.count("filled")
    return {
        "total_fvgs": len(entries),
        "filled_fvgs": filled,
        "partially_filled_fvgs": statuses.count("partially_filled"),
        "unfilled_fvgs": statuses.count("unfilled"),
        "avg_fill_time_hours": sum(hours) / len(hours) if hours else 0.0,
        "success_rate": filled / len(entries) if entries else 0.0,
    }


def _read(path: Path | None) -> list[dict[str, Any]]:
    """Return the entries of a file, none if there is no file yet."""
    if path is None or not path.exists():
        return []
    try:
        content = json.loads(path.read_bytes(), parse_constant=_refuse)
        if content["version"] != VERSION:
            raise ValueError(f"its version is {content['version']}, not {VERSION}")
        return [_checked(entry) for entry in content["fvgs"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StateError(f"{path} cannot be used ({error}); mend it or move it away") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _checked(entry: dict[str, Any]) -> dict[str, Any]:
    for name, kind in _KINDS.items():
        if not isinstance(entry[name], kind) or isinstance(entry[name], bool):
            raise TypeError(f"{name} is {entry[name]!r}")
    datetime.fromisoformat(entry["creation_timestamp"])
    return entry
