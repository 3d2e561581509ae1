"""From candles and parameters to events, for every detector alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..candles import Candles
from ..errors import CandleError
from ..events import Events
from ..fold import Emitted, as_columns, fold_batch, read_only
from ..registry import Spec, entry

__all__ = ["compute_tables", "detect", "detect_dense", "table", "wrap", "wrap_for"]


def wrap(
    spec: Spec,
    columns: dict[str, NDArray[Any]],
    *,
    time: NDArray[np.int64] | Callable[[], NDArray[np.int64]] | None,
    symbol: str,
    timeframe: str,
) -> Any:
    """Columns as the public result: an event table, internal columns left out, or one value a bar."""
    if spec.entry.dense:
        return read_only(next(iter(columns.values())))
    return Events(
        spec.name,
        tuple(column for column in spec.entry.columns if not column.internal),
        columns,
        parameters=spec.parameters,
        time=time,
        symbol=symbol,
        timeframe=timeframe,
    )


def table(spec: Spec, parts: Sequence[Emitted], candles: Candles) -> Events | NDArray[np.int8]:
    """What a fold emitted over these candles as the public result."""
    found: Events | NDArray[np.int8] = wrap_for(candles, spec, as_columns(spec, parts))
    return found


def wrap_for(candles: Candles, spec: Spec, columns: dict[str, NDArray[Any]]) -> Any:
    """Columns as the public result for these candles."""
    return wrap(spec, columns, time=candles.time, symbol=candles.symbol, timeframe=candles.timeframe)


def check_candles(owner: str, candles: object) -> Candles:
    """Refuse anything but :class:`Candles`, saying how to make them."""
    if not isinstance(candles, Candles):
        raise CandleError(
            f"{owner} takes Candles, not {type(candles).__name__}; "
            "make them with Candles.from_pandas(frame), from_csv(path), from_numpy(...)"
        )
    return candles


def compute_tables(specs: Iterable[Spec], candles: Candles) -> dict[Spec, Any]:
    """Tables of several detectors, which share what feeds them, in one thread."""
    specs = tuple(specs)

    def consume(spec: Spec, emitted: Emitted) -> Any:
        return table(spec, [emitted], candles) if spec in specs else None

    made = fold_batch(specs, candles.bars, 1, consume)
    return {spec: made[spec] for spec in specs}


def _run(name: str, candles: Candles, parameters: dict[str, Any]) -> Any:
    spec = entry(name).configure(parameters)
    emitted = fold_batch([spec], check_candles(name, candles).bars)
    return table(spec, [emitted[spec]], candles)


def detect(name: str, candles: Candles, **parameters: Any) -> Events:
    """Run a detector and whatever feeds it over all candles."""
    events: Events = _run(name, candles, parameters)
    return events


def detect_dense(name: str, candles: Candles, **parameters: Any) -> NDArray[np.int8]:
    """Run a dense companion: one value a bar."""
    values: NDArray[np.int8] = _run(name, candles, parameters)
    return values
