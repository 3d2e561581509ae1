"""Compiling every kernel ahead of its first use."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

from .fold import as_columns, fold_batch
from .market import sample_market
from .panels import fold_many
from .registry import Spec, detector, detectors

__all__ = ["Warmed", "warmup"]

_BARS = 200


class Warmed(NamedTuple):
    """One kernel made ready.

    Attributes
    ----------
    detector : str
    form : {"serial", "panel"}
    seconds : float
        How long it took; upstream detectors that were not ready yet included.
    """

    detector: str
    form: str
    seconds: float


def warmup(
    *, panels: bool = True, progress: Callable[[Warmed], object] = lambda warmed: None
) -> list[Warmed]:
    """Compile what is not in the cache of kernels yet, so that no first call has to.

    One kernel after the other: processes that compile at the same time can lose each other's entries of Numba's
    cache. Meant for the build of a container, with ``NUMBA_CACHE_DIR`` set to a folder that the running process finds
    again.

    Parameters
    ----------
    panels : bool, default True
        Whether to compile the kernels for many series at once too, which takes longer.
    progress : callable, optional
        Called with each result as it comes.

    Returns
    -------
    list of Warmed

    Examples
    --------
    >>> [warmed.form for warmed in warmup(panels=False)][:2]
    ['serial', 'serial']
    """
    done = []
    for name in detectors():
        for form in ("serial", "panel") if panels else ("serial",):
            start = perf_counter()
            _FORMS[form](detector(name))
            done.append(Warmed(name, form, perf_counter() - start))
            progress(done[-1])
    return done


def _serial(spec: Spec) -> None:
    bars = sample_market(["EURUSD"], bars=_BARS)[0].bars
    as_columns(spec, [fold_batch([spec], bars)[spec]])


def _panel(spec: Spec) -> None:
    fold_many([spec], [candles.bars for candles in sample_market(bars=_BARS)])


_FORMS: dict[str, Callable[[Spec], None]] = {"serial": _serial, "panel": _panel}
