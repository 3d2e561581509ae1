"""What takes fresh processes: importing, the command from the shell, first calls, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..candles import Candles
from ..market import sample_market
from ._market import tiled
from ._options import Options
from ._report import NO_TARGET, VERDICT, Column, Table, Target
from ._timing import interleaved

__all__ = ["first_calls", "imports", "memory", "probe"]

Run = Callable[[], object]

_LIBRARIES = "import numba, numpy, pandas, pyarrow.csv, pyarrow.parquet, rich.table, typer"
_SCAN_BARS = 24_000
_IMPORT = Target(1.3, least=False)
_SCAN = Target(3.0, least=False)
_MEMORY = Target(400.0, least=False)
_MEMORY_BARS = 1_000_000  # results of longer series take their own room


def _python(*arguments: str, cache: Path | None = None) -> str:
    """Run a fresh interpreter and return what it writes."""
    environment = dict(os.environ) if cache is None else os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def probe(name: str, argument: str, cache: Path | None = None) -> dict[str, Any]:
    """Run one of `_probes` in a process of its own and return its answer."""
    written = _python("-m", "ict_kernels.bench._probes", name, argument, cache=cache)
    answer: dict[str, Any] = json.loads(written)
    return answer


def _command(statement: str) -> Run:
    return lambda: _python("-c", statement)


def _write(candles: Candles, path: Path) -> Path:
    frame = candles.to_pandas().reset_index()
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def _row(ours: str, theirs: str, forms: Mapping[str, Run], rounds: int, target: Target) -> dict[str, Any]:
    times = interleaved(forms, rounds)
    ratio = times["ours"].minimum / times["theirs"].minimum
    return {
        "ours": ours,
        "theirs": theirs,
        "ours_ms": times["ours"].minimum * 1e3,
        "ours_median_ms": times["ours"].median * 1e3,
        "theirs_ms": times["theirs"].minimum * 1e3,
        "theirs_median_ms": times["theirs"].median * 1e3,
        "ratio": ratio,
        **target.judge(ratio),
    }


def imports(options: Options, say: Callable[[str], None]) -> Table:
    """Time fresh interpreters against ones that import the same libraries, in turns."""
    say("imports in fresh interpreters")
    ours, theirs = "import ict_kernels", "import numba, pandas"
    forms: dict[str, Run] = {"ours": _command(ours), "theirs": _command(theirs)}
    rows = [_row(ours, theirs, forms, options.rounds, _IMPORT)]
    say("scans from the shell")
    with tempfile.TemporaryDirectory() as folder:
        path = _write(sample_market(["EURUSD"], bars=_SCAN_BARS)[0], Path(folder, "EURUSD_15M.csv"))
        command = ("-m", "ict_kernels", "scan", str(path), "--tz", "UTC", "--quiet")
        forms = {"ours": lambda: _python(*command), "theirs": _command(_LIBRARIES)}
        ours, theirs = f"ict-kernels scan of {_SCAN_BARS:,} bars", "import of its libraries"
        rows.append(_row(ours, theirs, forms, options.rounds, _SCAN))
    columns = (
        Column("ours", "process"),
        Column("theirs", "against"),
        Column("ours_ms", "ms", ",.0f"),
        Column("theirs_ms", "against ms", ",.0f"),
        Column("ratio", "ratio", ".2f"),
        *VERDICT,
    )
    return Table("imports", "Whole processes", columns, rows)


def first_calls(options: Options, say: Callable[[str], None]) -> Table:
    """Time first calls in a fresh process, with an empty cache of kernels and with a filled one."""
    say("first calls: compiling everything anew")
    names = ",".join(spec.name for spec in options.detectors)
    with tempfile.TemporaryDirectory() as folder:
        cold = probe("first_calls", names, Path(folder))
        warm = probe("first_calls", names, Path(folder))
    rows = [{"detector": name, "cold": cold[name], "warm": warm[name] * 1e3} for name in cold]
    columns = (
        Column("detector", "detector"),
        Column("cold", "compiling s", ".2f"),
        Column("warm", "from the cache ms", ".1f"),
    )
    return Table(
        "first_calls", "First call in a fresh process, what feeds it being there already", columns, rows
    )


def memory(options: Options, say: Callable[[str], None]) -> Table:
    """Measure the peak memory of a scan by all detectors in a process of its own."""
    say("peak memory")
    with tempfile.TemporaryDirectory() as folder:
        path = str(_write(tiled(options.source, options.largest), Path(folder, "EURUSD_1M.parquet")))
        probe("peak_memory", path)  # compiles what is not in the cache yet, which takes memory of its own
        peak = probe("peak_memory", path)
    judged = _MEMORY.judge(peak["after"]) if options.largest <= _MEMORY_BARS else NO_TARGET
    row = {"bars": options.largest, **peak, **judged}
    columns = (
        Column("bars", "bars", ",d"),
        Column("before", "imports MB", ",.0f"),
        Column("after", "after the scan MB", ",.0f"),
        *VERDICT,
    )
    return Table("memory", "Peak memory of a scan by all detectors", columns, [row])
