"""Strategies that draw detectors with parameters from the registry, so a new entry is tested once it is registered."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

import ict_kernels as ict
from ict_kernels.registry import Parameter, Spec

MULTIPLES = (0.0, 0.25, 0.5, 1.0, 1.5, 3.0)


def values(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Draw a value of a parameter, its default included, small numbers that make a difference on few bars."""
    if parameter.only is not None:
        return st.just(parameter.only.value)
    if parameter.kind == "feed":
        return specs(parameter.feed)
    if parameter.kind == "choice":
        return st.sampled_from(parameter.choices)
    if parameter.kind == "bool":
        return st.booleans()
    low, high = parameter.range.low, parameter.range.high
    if parameter.kind == "int":
        first = int(low) if math.isfinite(low) else -6
        last = int(min(high, first + 30))
        return st.just(parameter.default) | st.integers(first, min(first + 6, last)) | st.just(last)
    return st.sampled_from([parameter.default, *(value for value in MULTIPLES if low <= value <= high)])


def specs(name: str) -> st.SearchStrategy[Spec]:
    """Draw a detector with all its parameters, those of what feeds it included."""
    drawn = {key: values(parameter) for key, parameter in ict.detectors()[name].parameters.items()}
    return st.fixed_dictionaries(drawn).map(lambda parameters: ict.detector(name, **parameters))


def scaled(spec: Spec, factor: float) -> Spec:
    """The same detector with all absolute price parameters multiplied."""
    parameters = {}
    for name, value in spec.values:
        if isinstance(value, Spec):
            value = scaled(value, factor)
        elif spec.entry.parameters[name].range.unit == "price":
            value = value * factor
        parameters[name] = value
    return ict.detector(spec.name, **parameters)
