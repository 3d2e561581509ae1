"""The machine and the libraries that figures and reports were made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numba

from .fold import default_workers

__all__ = ["cpu", "threading_layer", "versions"]

_LIBRARIES = ("numba", "llvmlite", "numpy", "pandas", "pyarrow")


def cpu() -> str:
    """The processor's name.

    Examples
    --------
    >>> bool(cpu())
    True
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Versions of the package, of Python and of the libraries underneath.

    Examples
    --------
    >>> list(versions())[:3]
    ['ict_kernels', 'Python', 'numba']
    """
    from . import __version__

    found = {"ict_kernels": __version__, "Python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def threading_layer() -> str:
    """The layer that runs Numba's threads here, starting them if need be.

    Examples
    --------
    >>> threading_layer() in {"tbb", "omp", "workqueue"}
    True
    """
    numba.get_num_threads()  # launches the threads, before which the layer is not known
    return str(numba.threading_layer())


def describe_machine() -> dict[str, str]:
    """Processor, system, versions and threads, in words."""
    return {
        "cpu": f"{cpu()}, {default_workers()} cores available",
        "system": platform.platform(),
        "versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        "threads": f"{numba.config.NUMBA_NUM_THREADS} ({threading_layer()} layer)",
    }
