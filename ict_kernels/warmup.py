"""Compiling every kernel ahead of its first use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import NamedTuple

from .detectors.engine import Rule, rules
from .fold import as_columns, fold_batch
from .market import sample_market
from .panels import fold_many
from .registry import Spec, detector, detectors
from .selfcheck import engine_bars

__all__ = ["Warmed", "warmup"]

_BARS = 200


class Warmed(NamedTuple):
    """One kernel made ready.

    Attributes
    ----------
    detector : str
        Or the rule of the ICT Engine.
    form : {"serial", "panel", "engine"}
    seconds : float
        How long it took; upstream detectors that were not ready yet included.
    """

    detector: str
    form: str
    seconds: float


def warmup(
    *,
    panels: bool = True,
    engine: bool = True,
    progress: Callable[[Warmed], object] = lambda warmed: None,
) -> list[Warmed]:
    """Compile what is not in the cache of kernels yet, so that no first call has to.

    One kernel after the other: processes that compile at the same time can lose each other's entries of Numba's
    cache. Meant for the build of a container, with ``NUMBA_CACHE_DIR`` set to a folder that the running process finds
    again.

    Parameters
    ----------
    panels : bool, default True
        Whether to compile the kernels for many series at once too, which takes longer.
    engine : bool, default True
        Whether to compile the rules behind the ICT Engine's interfaces too.
    progress : callable, optional
        Called with each result as it comes.

    Returns
    -------
    list of Warmed

    Examples
    --------
    >>> [warmed.form for warmed in warmup(panels=False, engine=False)][:2]
    ['serial', 'serial']
    """
    forms = {"serial": _serial} | ({"panel": _panel} if panels else {})
    work: list[tuple[str, str, Callable[[], None]]] = [
        (name, form, partial(ready, detector(name))) for name in detectors() for form, ready in forms.items()
    ]
    if engine:
        work += [(name, "engine", partial(_rule, rule)) for name, rule in rules().items()]
    done = []
    for name, form, ready in work:
        start = perf_counter()
        ready()
        done.append(Warmed(name, form, perf_counter() - start))
        progress(done[-1])
    return done


def _serial(spec: Spec) -> None:
    bars = sample_market(["EURUSD"], bars=_BARS)[0].bars
    as_columns(spec, [fold_batch([spec], bars)[spec]])


def _panel(spec: Spec) -> None:
    fold_many([spec], [candles.bars for candles in sample_market(bars=_BARS)])


def _rule(rule: Rule) -> None:
    rule(engine_bars(sample_market(["EURUSD"], bars=_BARS)[0]))
