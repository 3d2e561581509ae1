"""The part of Numba that ict_kernels uses; decorated functions keep their types."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from . import config as config
from . import core as core
from . import extending as extending

__version__: str

_F = TypeVar("_F", bound=Callable[..., Any])

@overload
def njit(function: _F, /) -> _F: ...
@overload
def njit(
    *,
    boundscheck: bool | None = ...,
    cache: bool = ...,
    error_model: str = ...,
    fastmath: bool | set[str] = ...,
    inline: str = ...,
    nogil: bool = ...,
    parallel: bool = ...,
    _nrt: bool = ...,
) -> Callable[[_F], _F]: ...
@overload
def prange(stop: int, /) -> range: ...
@overload
def prange(start: int, stop: int, step: int = ..., /) -> range: ...
def get_num_threads() -> int: ...
def set_num_threads(n: int, /) -> None: ...
def threading_layer() -> str: ...
