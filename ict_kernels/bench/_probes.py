"""What takes a process of its own; run as ``python -m ict_kernels.bench._probes NAME ARGUMENT``."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from ict_kernels.fold import fold_batch
from ict_kernels.market import sample_market
from ict_kernels.registry import detector, with_feeds

__all__ = ["PROBES"]

_MEGABYTE = 1e6


def first_calls(names: str) -> dict[str, float]:
    """Seconds of each detector's first call; a kernel is charged to the first that needs it."""
    bars = sample_market(["EURUSD"], bars=1_000)[0].bars
    seconds = {}
    for spec in with_feeds(detector(name) for name in names.split(",")):
        start = perf_counter()
        fold_batch([spec], bars)
        seconds[spec.name] = perf_counter() - start
    return seconds


def peak_memory(path: str) -> dict[str, float]:
    """Megabytes resident at most, after the imports and after a scan of a file, by all detectors, into datasets."""
    from ict_kernels.scan import scan

    before = _peak()
    with tempfile.TemporaryDirectory() as folder:
        scan([path], out=folder, tz="UTC")
    return {"before": before, "after": _peak()}


def engine_memory(series: str) -> dict[str, float]:
    """Megabytes resident at most, after the imports and after every engine call on so many series."""
    from ict_kernels.bench._engine import Moment, Ours, engine_frame
    from ict_kernels.bench._engine_calls import CALLS, Series

    modules = {call.module: Ours(call.module, Moment()) for call in CALLS}
    before = _peak()
    symbols = ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"]
    market = [
        (timeframe, candles)
        for timeframe, length in (("M15", "15min"), ("H1", "1h"))
        for candles in sample_market(symbols, bars=15_000, timeframe=length)
    ]
    for timeframe, candles in market[: int(series)]:
        taken = Series(engine_frame(candles), candles.symbol, timeframe)
        for call in CALLS:
            call.call(call.make(modules[call.module], taken), taken)
    return {"before": before, "after": _peak()}


def _peak() -> float:
    """Megabytes resident at most so far.

    On Linux, ``ru_maxrss`` of a process also counts its parent as it was when the process began, ``VmHWM`` does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / _MEGABYTE
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEGABYTE


PROBES: dict[str, Callable[[str], dict[str, Any]]] = {
    "first_calls": first_calls,
    "peak_memory": peak_memory,
    "engine_memory": engine_memory,
}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](sys.argv[2])))
