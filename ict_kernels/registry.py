"""What a detector is. Everything that treats all detectors alike reads it here; it knows none by name.

A public function registers itself with :func:`register`. Its signature is the single declaration of its parameters:
annotations carry ranges, choices, units and feeds, so functions, streams, scans and the command share one check.
"""

from __future__ import annotations

import difflib
import inspect
import math
import numbers
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal, TypeVar, cast

import numpy as np

from .errors import ParameterError
from .kernels._panel import panel_of
from .kernels._types import Shape, State

__all__ = [
    "Column",
    "Count",
    "Entry",
    "FeedLike",
    "Feeds",
    "Multiple",
    "Only",
    "Parameter",
    "Price",
    "Range",
    "Spec",
    "detector",
    "detectors",
    "entry",
    "per_registry",
    "register",
    "with_feeds",
]

LAWS = ("no look-ahead", "chunks", "mirror", "scale", "twin")


F = TypeVar("F", bound=Callable[..., Any])

_ENTRIES: dict[str, Entry] = {}
_FORGET: list[Callable[[], None]] = []


def per_registry(function: F) -> F:
    """Remember a function's results until a detector is registered, anew perhaps, as cells of notebooks do."""
    remembered = lru_cache(maxsize=4096)(function)
    _FORGET.append(remembered.cache_clear)
    return cast(F, remembered)


@dataclass(frozen=True)
class Range:
    """Numbers a parameter accepts; ``unit="price"`` marks one that scales with prices."""

    low: float = -math.inf
    high: float = math.inf
    unit: str = ""


@dataclass(frozen=True)
class Feeds:
    """Marks a parameter that configures the detector upstream."""

    detector: str


@dataclass(frozen=True)
class Only:
    """The one value a parameter accepts as yet, and why."""

    value: object
    reason: str


@dataclass(frozen=True)
class Column:
    """One column of an event table.

    Parameters
    ----------
    name, meaning : str
    dtype : {"int64", "int8", "float64"}
    unit : {"bar", "price", "ratio", "code"}
    mirror : str
        What negating all prices does to it: ``"keep"``, ``"negate"``, or the name of the column it is negated and
        swapped with.
    life : bool
        Whether it holds the bar at which something later happened, -1 while it has not.
    internal : bool
        Whether only detectors downstream see it.
    """

    name: str
    meaning: str
    dtype: str = "int64"
    unit: str = "bar"
    mirror: str = "keep"
    life: bool = False
    internal: bool = False


HEAD = (
    Column("bar", "where the event sits"),
    Column("confirmed", "the bar at whose close it can first be known"),
    Column("direction", "+1 bullish (of levels: a high), -1 bearish (a low)", "int8", "code", "negate"),
)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a detector, as read off its function's signature."""

    name: str
    default: Any
    kind: Literal["int", "float", "bool", "choice", "feed"]
    choices: tuple[str, ...] = ()
    range: Range = field(default_factory=Range)
    feed: str = ""
    only: Only | None = None

    @property
    def allowed(self) -> str:
        """The values it accepts, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        if self.kind == "bool":
            return "True or False"
        if self.kind == "feed":
            return f"a dict of {self.feed} parameters, or ict.detector({self.feed!r}, ...)"
        noun = "a whole number" if self.kind == "int" else "a number"
        low = "" if self.range.low == -math.inf else f" of at least {self.range.low:g}"
        high = "" if self.range.high == math.inf else f" and at most {self.range.high:g}"
        return noun + low + high

    def check(self, owner: str, value: Any) -> Any:
        """Return the canonical value, or raise :class:`ParameterError`."""
        checked = _CHECKS[self.kind](self, value)
        if checked is None:
            raise ParameterError(f"{owner}: {self.name}={value!r} is not {self.allowed}")
        if self.only is not None and checked != self.only.value:
            raise ParameterError(f"{owner}: {self.name}={value!r} {self.only.reason}")
        return checked

    def code(self, value: Any) -> int | float:
        """The number a kernel takes for a canonical value."""
        if self.kind == "choice":
            return self.choices.index(value)
        return float(value) if self.kind == "float" else int(value)


def _check_number(parameter: Parameter, value: Any) -> int | float | None:
    whole = parameter.kind == "int"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond all floats
        return None
    if not math.isfinite(number) or not parameter.range.low <= number <= parameter.range.high:
        return None
    exact: Any = value
    if whole and exact != int(exact):
        return None
    return int(exact) if whole else number


def _check_choice(parameter: Parameter, value: Any) -> str | None:
    return next((choice for choice in parameter.choices if isinstance(value, str) and value == choice), None)


def _check_bool(parameter: Parameter, value: Any) -> bool | None:
    return bool(value) if isinstance(value, (bool, np.bool_)) else None


def _check_feed(parameter: Parameter, value: Any) -> Spec | None:
    if isinstance(value, Spec):
        return value if value.name == parameter.feed else None
    if value is None or isinstance(value, Mapping):
        return entry(parameter.feed).configure(value or {})
    return None


_CHECKS: dict[str, Callable[[Parameter, Any], Any]] = {
    "int": _check_number,
    "float": _check_number,
    "bool": _check_bool,
    "choice": _check_choice,
    "feed": _check_feed,
}


@dataclass(frozen=True)
class Spec:
    """A detector with all its parameters, those of what feeds it included.

    Equal configurations are equal and hash alike, so a scan or a stream computes each of them once.
    """

    name: str
    values: tuple[tuple[str, Any], ...]

    @property
    def entry(self) -> Entry:
        """The registry's entry of the detector."""
        return entry(self.name)

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by name; those of upstream detectors as nested dicts."""
        return {name: value.parameters if isinstance(value, Spec) else value for name, value in self.values}

    @cached_property
    def feeds(self) -> tuple[Spec, ...]:
        """What feeds the detector, in the order of its parameters."""
        if self.entry.companion_of:
            return (Spec(self.entry.companion_of, self.values),)
        return tuple(value for _, value in self.values if isinstance(value, Spec))

    def feed(self, name: str) -> Spec:
        """One upstream detector, by the name of its parameter."""
        found: Spec = dict(self.values)[name]
        return found

    # Detectors are looked up in dicts many times a request, and hashing all the parameters each time would rule it.
    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.values))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Spec], tuple[Any, ...]]:
        return Spec, (self.name, self.values)  # hashes of text differ between processes

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.parameters.items())})"


Sound = Callable[[Spec, Mapping[Spec, State], int], bool]


@dataclass(frozen=True)
class Entry:
    """All that is known of a detector.

    Attributes
    ----------
    name, family : str
    function : callable
        The public function, whose docstring is the detector's documentation.
    kernel : callable
        The compiled fold over one series.
    params : type
        Named tuple of scalars that the kernel takes.
    shape : callable
        ``shape(params)`` gives the sizes of the kernel's blocks.
    twin : callable
        The plain Python reference.
    columns : tuple of Column
        The event table, in order, internal columns included.
    parameters : dict of str to Parameter
    lookback : callable
        ``lookback(spec)``: how many bars before the new ones the kernel looks at.
    cost : float
        Measured nanoseconds a bar, upstream detectors not included; balances work.
    rate : float
        Rows a bar to make room for at first.
    companion_of : str
        For a dense companion (one value a bar): the detector whose parameters it takes.
    laws : tuple of str
        The laws that hold for it.
    sound : callable
        ``sound(spec, states, bars)``: whether the kernel's own cells in a saved state, after so many bars, point only
        to what is there.
    """

    name: str
    family: str
    function: Callable[..., Any]
    kernel: Callable[..., int]
    params: type[Any]
    shape: Callable[[Any], Shape]
    twin: Callable[..., dict[str, Any]]
    columns: tuple[Column, ...]
    parameters: dict[str, Parameter]
    lookback: Callable[[Spec], int]
    cost: float
    rate: float
    companion_of: str
    laws: tuple[str, ...]
    sound: Sound

    @property
    def dense(self) -> bool:
        """Whether it gives one value a bar instead of events."""
        return bool(self.companion_of)

    @property
    def panel(self) -> Callable[..., None]:
        """The compiled fold over many series."""
        return panel_of(self.kernel)

    @property
    def summary(self) -> str:
        """First line of its documentation."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def life(self) -> tuple[str, ...]:
        """Names of the life cycle columns, in the order in which kernels number them."""
        return tuple(column.name for column in self.columns if column.life)

    def kernel_params(self, spec: Spec) -> Any:
        """The kernel's named tuple of scalars, each coerced to its declared type."""
        values = dict(spec.values)
        return self.params(*(self.parameters[name].code(values[name]) for name in self.params._fields))

    def configure(self, parameters: Mapping[str, Any]) -> Spec:
        """Check parameters, fill in defaults, and make the result comparable."""
        for name in parameters:
            if name not in self.parameters:
                raise ParameterError(
                    f"{self.name} has no parameter {name!r}{_did_you_mean(name, self.parameters)}; "
                    f"it takes {', '.join(self.parameters) or 'none'}"
                )
        values = tuple(
            (name, parameter.check(self.name, parameters.get(name, parameter.default)))
            for name, parameter in self.parameters.items()
        )
        return _the_one(Spec(self.name, values))


@per_registry
def _the_one(spec: Spec) -> Spec:
    """The first of equal configurations, so that looking one up compares no parameters."""
    return spec


Price = Annotated[float, Range(low=0.0, unit="price")]
Multiple = Annotated[float, Range(low=0.0)]
Count = Annotated[int, Range(low=1, high=10**9)]
FeedLike = Mapping[str, Any] | Spec | None


def _read_parameter(name: str, default: Any, hint: Any) -> Parameter:
    base, *marks = typing.get_args(hint) if typing.get_origin(hint) is Annotated else (hint,)
    for mark in marks:
        if isinstance(mark, Feeds):
            return Parameter(name, default, "feed", feed=mark.detector)
    only = next((mark for mark in marks if isinstance(mark, Only)), None)
    span = next((mark for mark in marks if isinstance(mark, Range)), Range())
    if typing.get_origin(base) is Literal:
        return Parameter(name, default, "choice", choices=typing.get_args(base), only=only)
    kind: Any = base.__name__
    return Parameter(name, default, kind, range=span, only=only)


def _read_parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    hints = typing.get_type_hints(function, include_extras=True)
    return {
        name: _read_parameter(name, parameter.default, hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def register(
    *,
    kernel: Callable[..., int],
    params: type[Any],
    shape: Callable[[Any], Shape],
    twin: Callable[..., dict[str, Any]],
    columns: Iterable[Column],
    lookback: Callable[[Spec], int] = lambda spec: 0,
    cost: float,
    rate: float,
    companion_of: str = "",
    laws: tuple[str, ...] = LAWS,
    sound: Sound = lambda spec, states, bars: True,
) -> Callable[[F], F]:
    """Register the decorated public function as a detector; see :class:`Entry` for the parameters."""

    def decorate(function: F) -> F:
        name = function.__name__
        for forget in _FORGET:
            forget()
        _ENTRIES[name] = Entry(
            name=name,
            family=function.__module__.rpartition(".")[2],
            function=function,
            kernel=kernel,
            params=params,
            shape=shape,
            twin=twin,
            columns=tuple(columns) if companion_of else (*HEAD, *columns),
            parameters=_read_parameters(function),
            lookback=lookback,
            cost=cost,
            rate=rate,
            companion_of=companion_of,
            laws=laws,
            sound=sound,
        )
        return function

    return decorate


def _did_you_mean(name: object, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def detectors() -> dict[str, Entry]:
    """All detectors by name, in the order of the catalogue.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> ict.detectors()["swings"].life
    ('swept', 'broken')
    """
    return dict(_ENTRIES)


def entry(name: str) -> Entry:
    """The entry of one detector; unknown names raise :class:`ParameterError`."""
    if not isinstance(name, str) or name not in _ENTRIES:
        raise ParameterError(
            f"there is no detector {name!r}{_did_you_mean(name, _ENTRIES)}; there are {', '.join(_ENTRIES)}"
        )
    return _ENTRIES[name]


def detector(name: str, /, **parameters: Any) -> Spec:
    """A detector with its parameters, for streams, scans and whatever it feeds.

    Parameters
    ----------
    name : str
        Its name, as in ``ict.detectors()``.
    **parameters
        Those of the public function; what is left out has its default.

    Returns
    -------
    Spec
        Comparable and hashable; equal however it was written (``1`` or ``1.0``).

    Raises
    ------
    ParameterError
        If the detector or a parameter does not exist, or a value is out of its range.

    Examples
    --------
    >>> import ict_kernels as ict
    >>> ict.detector("swings", left=3)
    Spec(name='swings', values=(('left', 3), ('right', 2), ('ties', 'first')))
    """
    return entry(name).configure(parameters)


def as_specs(what: str | Spec | Iterable[str | Spec]) -> tuple[Spec, ...]:
    """Detectors given by name or configured already, one or several of them or ``"all"``, each once."""
    if isinstance(what, str) and what == "all":
        what = detectors()
    elif isinstance(what, (str, Spec)) or not isinstance(what, Iterable):
        what = (what,)
    return tuple(dict.fromkeys([each if isinstance(each, Spec) else detector(each) for each in what]))


def with_feeds(specs: Iterable[Spec]) -> list[Spec]:
    """These detectors and all that feed them, each once, upstream first."""
    ordered: dict[Spec, None] = {}

    def visit(spec: Spec) -> None:
        for upstream in spec.feeds:
            visit(upstream)
        ordered.setdefault(spec)

    for spec in specs:
        visit(spec)
    return list(ordered)
