"""Do the forms of a detector agree? Compiled against plain Python, many series at once against one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .candles import Candles
from .detectors._reference import twin_columns
from .detectors.engine import Rule
from .fold import Emitted, as_columns, fold_batch
from .kernels._types import Bars
from .kernels.engine._types import EngineBars
from .panels import fold_many
from .registry import Spec

__all__ = ["engine_bars", "first_difference", "panel_difference", "rule_difference", "twin_difference"]

Table = Mapping[str, NDArray[Any]]


def first_difference(mine: Table, theirs: Table) -> str:
    """Where two tables differ first, in words; empty when they are equal, dtypes included.

    Parameters
    ----------
    mine, theirs : mapping of str to ndarray
        Columns by name; NaN equals NaN.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> first_difference({"bar": np.array([1, 2])}, {"bar": np.array([1, 3])})
    'bar[1] is 2, not 3'
    """
    if list(mine) != list(theirs):
        return f"columns are {', '.join(mine)}, not {', '.join(theirs)}"
    return next(filter(None, (_column_difference(name, mine[name], theirs[name]) for name in mine)), "")


def _column_difference(name: str, mine: NDArray[Any], theirs: NDArray[Any]) -> str:
    if mine.dtype != theirs.dtype:
        return f"{name} is {mine.dtype}, not {theirs.dtype}"
    if np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"):
        return ""
    common = min(len(mine), len(theirs))
    same = mine[:common] == theirs[:common]
    if mine.dtype.kind == "f":
        same |= np.isnan(mine[:common]) & np.isnan(theirs[:common])
    if same.all():
        return f"{len(mine)} rows, not {len(theirs)}"
    row = int(np.argmin(same))
    return f"{name}[{row}] is {mine[row]}, not {theirs[row]}"


def twin_difference(spec: Spec, bars: Bars) -> str:
    """Where a compiled detector differs from its plain Python twin, in words; empty when it does not."""
    twin = twin_columns(spec, bars)
    public = [column.name for column in spec.entry.columns if not column.internal]
    compiled = _columns(spec, fold_batch([spec], bars))
    return first_difference({name: compiled[name] for name in public}, {name: twin[name] for name in public})


def panel_difference(spec: Spec, series: Sequence[Bars]) -> str:
    """Where many series at once differ from one after the other, in words; empty when they do not."""
    for number, (bars, together) in enumerate(zip(series, fold_many([spec], series), strict=True)):
        difference = first_difference(_columns(spec, together), _columns(spec, fold_batch([spec], bars)))
        if difference:
            return f"series {number}: {difference}"
    return ""


def rule_difference(rule: Rule, bars: EngineBars) -> str:
    """Where a compiled rule of the engine differs from its plain Python twin, in words; empty when it does not."""
    twin = rule.hits(rule.twin(bars, 0, len(bars.close), rule.given()))
    return first_difference(rule(bars).columns, twin.columns)


def engine_bars(candles: Candles) -> EngineBars:
    """Candles as the engine's rules read them; the clock is that of the candles' times."""
    minute = candles.time // 60_000_000_000 % (24 * 60)
    minute.setflags(write=False)
    return EngineBars(candles.open, candles.high, candles.low, candles.close, candles.volume, minute)


def _columns(spec: Spec, found: Mapping[Spec, Emitted]) -> Table:
    return as_columns(spec, [found[spec]])
