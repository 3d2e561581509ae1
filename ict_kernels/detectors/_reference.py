"""The slow twins under the public functions' names: same call, same table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from ..candles import Candles
from ..kernels._types import Bars
from ..registry import Spec, detectors, entry
from ._run import check_candles, wrap_for

__all__ = ["Reference", "reference", "twin_columns"]

Table = dict[str, NDArray[Any]]


def twin_columns(spec: Spec, bars: Bars, known: dict[Spec, Table] | None = None) -> Table:
    """Columns of a detector by its twin, fed by the twins of what feeds it."""
    known = {} if known is None else known
    if spec not in known:
        arguments: dict[str, Any] = {}
        if spec.entry.companion_of:
            arguments[spec.entry.companion_of] = twin_columns(spec.feeds[0], bars, known)
        else:
            for name, value in spec.values:
                arguments[name] = twin_columns(value, bars, known) if isinstance(value, Spec) else value
        known[spec] = spec.entry.twin(bars, **arguments)
    return known[spec]


class Reference:
    """Every detector, by its plain Python twin.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(bars=400)[0]
    >>> ict.reference.swings(candles, left=3) == ict.swings(candles, left=3)
    True
    """

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in detectors():
            raise AttributeError(f"there is no detector {name!r}; there are {', '.join(detectors())}")

        def run(candles: Candles, **parameters: Any) -> Any:
            spec = entry(name).configure(parameters)
            columns = twin_columns(spec, check_candles(name, candles).bars)
            return wrap_for(candles, spec, columns)

        run.__name__ = name
        run.__doc__ = f"Plain Python twin of :func:`ict_kernels.{name}`."
        return run

    def __dir__(self) -> list[str]:
        return list(detectors())


reference = Reference()
