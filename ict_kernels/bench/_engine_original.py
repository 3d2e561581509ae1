"""Timing the original engine, when a user has it, in a process and a copy of its own.

Run as ``python -m ict_kernels.bench._engine_original``; nothing of the engine is imported into the benchmark.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..adapters.ict_engine import ORIGINALS
from ..errors import ParameterError
from ._engine_calls import CALLS, Call, Series
from ._timing import repeated

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["original_seconds"]

_ROUNDS, _ENOUGH = 3, 2.0
_LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__")


def original_seconds(
    engine: Path | None,
    calls: Sequence[Call],
    frame: pd.DataFrame,
    sizes: Sequence[int],
    say: Callable[[str], None],
) -> dict[tuple[str, int], float]:
    """Seconds that the original takes for each call and size; empty without an engine.

    Raises
    ------
    ParameterError
        If there is no engine, or it could not be run.
    """
    if engine is None:
        return {}
    if not (engine / "01-CORE").is_dir():
        raise ParameterError(f"{engine} holds no folder 01-CORE; give the root of the engine's checkout")
    say("the original, in a process of its own")
    with tempfile.TemporaryDirectory() as folder:
        # It writes logs and reports next to its sources.
        copy = Path(shutil.copytree(engine, Path(folder, "engine"), ignore=_LEFT_OUT))
        candles, answer = Path(folder, "candles.parquet"), Path(folder, "seconds.json")
        frame.to_parquet(candles)
        asked = {"calls": [call.name for call in calls], "sizes": list(sizes)}
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(copy), str(candles), str(answer), json.dumps(asked)],
            cwd=copy,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(filter(None, [_here(), os.environ.get("PYTHONPATH")]))},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not answer.exists():
            raise ParameterError(f"the engine in {engine} could not be run: {done.stderr.strip()[-500:]}")
        measured = json.loads(answer.read_text())
    for failure in measured["failures"]:
        say(f"the original: {failure}")
    return {(name, size): seconds for name, size, seconds in measured["seconds"]}


def _here() -> str:
    """The folder that this package is imported from."""
    return str(Path(__file__).resolve().parents[2])


def _main(engine: str, candles: str, answer: str, asked: str) -> None:
    import pandas as pd

    wanted: dict[str, Any] = json.loads(asked)
    sys.path[:0] = [str(Path(engine, "01-CORE")), engine]
    frame = pd.read_parquet(candles)
    seconds: list[tuple[str, int, float]] = []
    failures: list[str] = []
    for call in (call for call in CALLS if call.name in wanted["calls"]):
        try:
            module = importlib.import_module(ORIGINALS[call.module])
            for size in wanted["sizes"]:
                fresh = partial(_fresh, call, module, frame.iloc[:size])
                timing = repeated(call.call, _ROUNDS, prepare=fresh, enough=_ENOUGH)
                seconds.append((call.name, size, timing.minimum))
        except Exception as error:  # noqa: BLE001 (somebody else's program, of which the rest still counts)
            failures.append(f"{call.name}: {error!r}")
    Path(answer).write_text(json.dumps({"seconds": seconds, "failures": failures}))


def _fresh(call: Call, module: Any, frame: pd.DataFrame) -> tuple[Any, Series]:
    """A detector that remembers nothing, and candles that no call has written to."""
    series = Series(frame.copy())
    return call.make(module, series), series


if __name__ == "__main__":
    _main(*sys.argv[1:])
