"""How fast it is, measured fairly: every form of every detector, in turns, after proof that all agree."""

from __future__ import annotations

from collections.abc import Callable

from ..machine import describe_machine
from . import _cache, _detectors, _engine, _panels, _processes
from ._cache_options import CACHE_PARTS, CacheOptions
from ._cases import Case, limits
from ._engine import ENGINE_PARTS, EngineOptions
from ._options import PARTS, Options
from ._report import Report, Table

__all__ = [
    "CACHE_PARTS",
    "ENGINE_PARTS",
    "PARTS",
    "CacheOptions",
    "Case",
    "EngineOptions",
    "Options",
    "Report",
    "Table",
    "cases",
    "limits",
    "run",
    "run_cache",
    "run_engine",
]

Say = Callable[[str], None]

cases = _detectors.cases

_MEASURES: dict[str, Callable[[Options, Say], Table]] = {
    "detectors": _detectors.detectors,
    "growth": _detectors.growth,
    "shapes": _detectors.shapes,
    "panels": _panels.panels,
    "imports": _processes.imports,
    "memory": _processes.memory,
}


def run(options: Options | None = None, say: Say = lambda text: None) -> Report:
    """Run the benchmark.

    Parameters
    ----------
    options : Options, optional
        What to measure.
    say : callable, optional
        Told what is being done.

    Returns
    -------
    Report
        Tables with targets. If the check finds a difference, ``failures`` says which, and nothing is timed.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> options = Options(sizes=(1_000,), rounds=1, detectors=(ict.detector("cisd"),), parts=("detectors",))
    >>> run(options).tables[0].rows[0]["detector"]
    'cisd'
    """
    options = options or Options()
    report = Report(_header(options))
    if options.check:
        _check(options, report, say)
    if not report.failures:
        report.tables.extend(_MEASURES[part](options, say) for part in PARTS if part in options.parts)
        if options.first_call:
            report.tables.append(_processes.first_calls(options, say))
    return report


def run_engine(options: EngineOptions | None = None, say: Say = lambda text: None) -> Report:
    """Compare and time the engine's interfaces on kernels against reading frames row by row.

    Parameters
    ----------
    options : EngineOptions, optional
        What to measure.
    say : callable, optional
        Told what is being done.

    Returns
    -------
    Report
        Tables with targets; ``failures`` says whose records differ, which are not timed.

    Examples
    --------
    >>> options = EngineOptions(sizes=(600,), rounds=1, only=("swing points",), parts=("scans",))
    >>> run_engine(options).tables[0].rows[0]["ratio"] > 1
    True
    """
    options = options or EngineOptions()
    return _engine.measure(options, _header(options), say)


def run_cache(options: CacheOptions | None = None, say: Say = lambda text: None) -> Report:
    """Compare and time the cache against computing, and weigh its files.

    Parameters
    ----------
    options : CacheOptions, optional
        What to measure.
    say : callable, optional
        Told what is being done.

    Returns
    -------
    Report
        Tables, the last of which holds the targets; ``failures`` says which tables differ, which are not timed.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> options = CacheOptions(sizes=(1_000,), rounds=1, detectors=(ict.detector("swings"),), parts=("sizes",))
    >>> row = run_cache(options).tables[0].rows[0]
    >>> row["compressed"] < row["raw"]
    True
    """
    options = options or CacheOptions()
    return _cache.measure(options, _header(options), say)


def _header(options: Options | EngineOptions | CacheOptions) -> dict[str, str]:
    from datetime import datetime, timezone

    date = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return describe_machine() | {"data": options.origin, "date": date, "rounds": str(options.rounds)}


def _check(options: Options, report: Report, say: Say) -> None:
    for case in cases(options):
        say(f"checking {case.spec.name}, {case.bars:,} bars")
        report.failures.extend(case.check())
        report.checked += 1
