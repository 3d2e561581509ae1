"""The one place that decides how kernels are compiled and cached.

Numba's cache looks only at the file a function stands in: it misses a changed helper next door, two swapped fields
of a named tuple and every compile option. A hash of all kernel sources and options in each qualified name, which is
part of the cache's file name, makes every such change a miss.
"""

from __future__ import annotations

import functools
import hashlib
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import njit, prange
from numba.extending import overload

from ..errors import UncachedWarning

__all__ = ["JIT", "SOURCE_HASH", "helper", "kernel", "overload", "panel", "prange", "routine"]

F = TypeVar("F", bound=Callable[..., Any])

JIT = not numba.config.DISABLE_JIT
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False}
# Serial kernels write only into buffers they are handed, so they need no reference counting: what Numba leaves of it
# in a loop that passes named tuples to helpers cost 150 ns a bar against 60 without. A kernel that allocates does not
# compile.
_SERIAL: dict[str, Any] = {"_nrt": False}


def _source_hash(folder: Path, options: str) -> str:
    """Hash every kernel source below ``folder`` together with the compile options."""
    digest = hashlib.sha256(options.encode())
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


SOURCE_HASH = _source_hash(Path(__file__).parent, "")
BUILD_HASH = _source_hash(
    Path(__file__).parent,
    f"{_OPTIONS} {_SERIAL} boundscheck={numba.config.BOUNDSCHECK} numba={numba.__version__}",
)


@functools.cache
def _warn_uncached() -> None:
    warnings.warn(
        "no cache folder for compiled kernels can be written, so each process compiles its own; "
        "set NUMBA_CACHE_DIR to a private, writable folder",
        UncachedWarning,
        stacklevel=2,
    )


def _compile(function: F, **options: Any) -> F:
    function.__qualname__ = f"{function.__qualname__}_{BUILD_HASH}"
    try:
        compiled: F = njit(cache=True, **_OPTIONS, **options)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        _warn_uncached()
        compiled = njit(**_OPTIONS, **options)(function)
    return compiled


def kernel(function: F) -> F:
    """Compile a serial kernel: no interpreter lock, strict floats, one cached build."""
    return _compile(function, **_SERIAL)


def routine(function: F) -> F:
    """Compile a function that kernels call now and then."""
    return _compile(function, **_SERIAL)


def helper(function: F) -> F:
    """Compile a function that is pasted into the kernels that call it."""
    return _compile(function, inline="always", **_SERIAL)


def panel(template: Callable[..., Any], serial: Callable[..., Any]) -> Callable[..., Any]:
    """Instantiate the panel template for one serial kernel, under a name and with globals of its own."""
    name = getattr(serial, "py_func", serial).__name__
    scope = {**template.__globals__, "kernel": serial}
    copy = types.FunctionType(template.__code__, scope, f"{template.__name__}_{name}")
    copy.__qualname__ = f"{template.__qualname__}_{name}"
    copy.__module__ = template.__module__
    return _compile(copy, parallel=True)
