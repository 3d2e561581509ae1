"""Is this installation sound? Versions, threads, the cache of compiled kernels, and every detector put to the proof."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numba

from .detectors.engine import rules
from .fold import default_workers
from .kernels._jit import BUILD_HASH
from .machine import cpu, threading_layer, versions
from .market import sample_market
from .registry import detector, detectors
from .selfcheck import engine_bars, rule_difference, twin_difference

__all__ = ["CacheFolder", "Check", "Diagnosis", "diagnose"]


class Check(NamedTuple):
    """A detector, or a rule of the ICT Engine, put to the proof: compiled against its plain Python twin.

    Attributes
    ----------
    detector : str
        Rules are called ``engine/gaps``, say.
    problem : str
        What went wrong, empty when nothing did.
    seconds : float
    """

    detector: str
    problem: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return not self.problem


class CacheFolder(NamedTuple):
    """Where compiled kernels are kept.

    Attributes
    ----------
    folder : str
        Empty when kernels are not kept.
    writable : bool
    files, bytes : int
    """

    folder: str
    writable: bool
    files: int
    bytes: int


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found.

    Attributes
    ----------
    versions : dict of str to str
    cpu : str
    cores : int
        That this process may run on.
    threads : int
        Most threads that Numba starts.
    threading_layer : str
    environment : dict of str to str
        Variables that change how kernels are compiled, kept or run.
    cache : CacheFolder
    checks : list of Check
    """

    versions: dict[str, str]
    cpu: str
    cores: int
    threads: int
    threading_layer: str
    environment: dict[str, str]
    cache: CacheFolder
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Whether every detector passed."""
        return all(check.ok for check in self.checks)

    @property
    def advice(self) -> list[str]:
        """What could be better, in words."""
        return [text for applies, text in _ADVICE.items() if applies(self)]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        checks = [{"detector": check.detector, "ok": check.ok, **check._asdict()} for check in self.checks]
        plain = asdict(self) | {"cache": self.cache._asdict(), "checks": checks}
        return {"ok": self.ok, **plain, "advice": self.advice}


_ADVICE: dict[Callable[[Diagnosis], bool], str] = {
    lambda found: bool(numba.config.DISABLE_JIT): (
        "NUMBA_DISABLE_JIT is set: kernels run as plain Python, some hundred times slower"
    ),
    lambda found: not numba.config.DISABLE_JIT and not found.cache.writable: (
        "compiled kernels cannot be kept: set NUMBA_CACHE_DIR to a private, writable folder"
    ),
    lambda found: found.threading_layer == "workqueue": (
        "Numba's workqueue layer runs one panel at a time; an OpenMP or TBB runtime is better"
    ),
    lambda found: found.threads < found.cores: "NUMBA_NUM_THREADS leaves cores unused",
}


def diagnose(bars: int = 600, progress: Callable[[Check], object] = lambda check: None) -> Diagnosis:
    """Look at the installation and prove every detector on the built-in market.

    Parameters
    ----------
    bars : int, default 600
        Bars to prove each detector on.
    progress : callable, optional
        Called with each check as it comes; kernels that are not in the cache yet are compiled.

    Returns
    -------
    Diagnosis

    Examples
    --------
    >>> diagnose(bars=50).ok
    True
    """
    candles = sample_market(["EURUSD"], bars=bars)[0]
    proofs: dict[str, Callable[[], str]] = {
        name: partial(twin_difference, detector(name), candles.bars) for name in detectors()
    }
    for name, rule in rules().items():
        proofs[f"engine/{name}"] = partial(rule_difference, rule, engine_bars(candles))
    checks = []
    for name, proof in proofs.items():
        checks.append(_checked(name, proof))
        progress(checks[-1])
    return Diagnosis(
        versions=versions(),
        cpu=cpu(),
        cores=default_workers(),
        threads=int(numba.config.NUMBA_NUM_THREADS),
        threading_layer=threading_layer(),
        environment=_environment(),
        cache=_cache_folder(),
        checks=checks,
    )


def _checked(name: str, proof: Callable[[], str]) -> Check:
    start = perf_counter()
    try:
        problem = proof()
    except Exception as error:  # noqa: BLE001 (a broken compiler must not keep the other checks from running)
        problem = f"{type(error).__name__}: {error}"
    return Check(name, problem, perf_counter() - start)


def _environment() -> dict[str, str]:
    prefixes = ("NUMBA_", "ICT_KERNELS_", "OMP_", "KMP_")
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(prefixes)}


def kernels_are_cached() -> bool:
    """Whether an earlier process compiled kernels of this build, or none are compiled at all.

    Examples
    --------
    >>> from ict_kernels.doctor import kernels_are_cached
    >>> isinstance(kernels_are_cached(), bool)
    True
    """
    folder = _cache_folder().folder
    return not folder or any(Path(folder).glob(f"*{BUILD_HASH}*.nbi"))


def _cache_folder() -> CacheFolder:
    kernel: Any = next(iter(detectors().values())).kernel
    path = getattr(getattr(kernel, "stats", None), "cache_path", None)
    if path is None:
        return CacheFolder("", False, 0, 0)
    folder = Path(path)
    sizes = [file.stat().st_size for file in folder.glob("*.nb[ic]")]
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return CacheFolder(str(folder), os.access(existing, os.W_OK), len(sizes), sum(sizes))
