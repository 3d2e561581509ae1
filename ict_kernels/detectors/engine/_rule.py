"""What a rule of the engine is, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ...kernels.engine._types import EngineBars, Out

__all__ = ["Hits", "Rule"]

LAWS = ("twin", "chunks", "prefix")


class Hits:
    """Hits of a rule as equally long arrays, which are attributes too.

    Attributes
    ----------
    columns : dict of str to array
        int64 or float64 arrays of one element a hit.

    Examples
    --------
    >>> hits = Hits({"bar": np.array([3, 8]), "price": np.array([1.5, 1.25])})
    >>> len(hits), float(hits.price.max()), list(hits.rows())
    (2, 1.5, [(3, 1.5), (8, 1.25)])
    """

    __slots__ = ("columns",)

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self.columns[name]
        except KeyError:
            raise AttributeError(f"no column {name!r} among {', '.join(self.columns)}") from None

    def __getitem__(self, rows: Any) -> Hits:
        """Return the hits that a slice, a mask or an array of positions selects."""
        return Hits({name: column[rows] for name, column in self.columns.items()})

    def rows(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield a tuple of Python numbers a hit, of the named columns or of all."""
        chosen = names or tuple(self.columns)
        return zip(*(self.columns[name].tolist() for name in chosen), strict=True)


@dataclass(frozen=True)
class Rule:
    """A rule of the engine.

    Parameters
    ----------
    name : str
    kernel, twin : callable
        ``kernel(bars, start, stop, params, out) -> found`` and ``twin(bars, start, stop, params) -> rows``.
    params : type of NamedTuple
        Its fields are ``int`` or ``float`` and have defaults.
    ints, floats : str
        The columns of each kind; ``ints`` begins with ``bar confirmed``.
    laws : tuple of {"twin", "chunks", "prefix"}
        ``twin``: kernel and twin agree. ``chunks``: asked part by part it answers the same. ``prefix``: what is
        confirmed before bar m does not change with the bars from m on.
    rate : float, default 0.25
        Hits a bar to make room for at first.
    work : callable, optional
        ``work(params, bars) -> (ints, floats)``: room for the kernel's own notes. None by default.

    Examples
    --------
    >>> from ict_kernels.detectors.engine.gaps import GAPS
    >>> GAPS.name, GAPS.laws
    ('gaps', ('twin', 'chunks', 'prefix'))
    """

    name: str
    kernel: Callable[..., int]
    twin: Callable[..., list[dict[str, Any]]]
    params: type[Any]
    ints: str
    floats: str = ""
    laws: tuple[str, ...] = LAWS
    rate: float = 0.25
    work: Callable[[Any, int], tuple[int, int]] = lambda params, bars: (0, 0)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, those of whole numbers first."""
        return (*self.ints.split(), *self.floats.split())

    @cached_property
    def _kinds(self) -> dict[str, type[int] | type[float]]:
        """What each parameter is converted to, since another type would be compiled apart."""
        return {name: float if kind is float else int for name, kind in get_type_hints(self.params).items()}

    @cached_property
    def _defaults(self) -> Any:
        defaults = self.params._field_defaults
        return self.params(**{name: kind(defaults[name]) for name, kind in self._kinds.items()})

    def given(self, **values: Any) -> Any:
        """Return the kernel's parameters.

        Raises
        ------
        ParameterError
            If there is no such parameter, or its value is no number.
        """
        try:
            return self._defaults._replace(
                **{name: self._kinds[name](value) for name, value in values.items()}
            )
        except KeyError as error:
            raise ParameterError(
                f"{self.name} has no parameter {error}; it has {', '.join(self._kinds)}"
            ) from None
        except (TypeError, ValueError) as error:
            raise ParameterError(f"a parameter of {self.name} is not a number: {error}") from error

    def __call__(self, bars: Any, start: int = 0, stop: int | None = None, /, **values: Any) -> Hits:
        """Ask the rule at bars ``start`` to ``stop`` (all by default).

        ``bars`` are columns (:class:`EngineBars`), for the kernel, or anything else with those attributes, for the
        twin.
        """
        params = self.given(**values)
        if stop is None:
            stop = max(len(bars.open), len(bars.high), len(bars.low), len(bars.close))
        if not isinstance(bars, EngineBars):
            return self.hits(self.twin(bars, start, stop, params))
        return self._scan(_read_only(bars), start, stop, params)

    def _scan(self, bars: EngineBars, start: int, stop: int, params: Any) -> Hits:
        notes = self.work(params, stop)
        work = np.empty(notes[0], np.int64), np.empty(notes[1])
        room = int(self.rate * max(stop - start, 0)) + 16
        ints, floats = self.ints.split(), self.floats.split()
        while True:
            out = Out(np.empty((room, len(ints)), np.int64), np.empty((room, len(floats))), *work)
            found = self.kernel(bars, start, stop, params, out)
            if found <= room:
                break
            room = found
        columns: dict[str, NDArray[Any]] = {name: out.ints[:found, i] for i, name in enumerate(ints)}
        columns |= {name: out.floats[:found, i] for i, name in enumerate(floats)}
        return Hits(columns)

    def hits(self, rows: list[dict[str, Any]]) -> Hits:
        """Return a twin's rows as columns."""
        columns: dict[str, NDArray[Any]] = {
            name: np.array([row[name] for row in rows], np.int64) for name in self.ints.split()
        }
        columns |= {name: np.array([row[name] for row in rows], np.float64) for name in self.floats.split()}
        return Hits(columns)


def _read_only(bars: EngineBars) -> EngineBars:
    """Return the columns as kernels are compiled for them: what may be written to is another type to Numba."""
    if not any(column.flags.writeable for column in bars):
        return bars
    views = [np.ascontiguousarray(column).view() for column in bars]
    for view in views:
        view.setflags(write=False)
    return EngineBars._make(views)
