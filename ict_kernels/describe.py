"""What a detector finds, takes and gives, read off the registry."""

from __future__ import annotations

import inspect
import math
import textwrap
from dataclasses import dataclass
from typing import Any

from .registry import Column, Entry, Parameter, entry

__all__ = ["Description", "describe"]

_SECTIONS = {
    "Parameters",
    "Returns",
    "Raises",
    "Notes",
    "Examples",
    "See Also",
    "References",
    "Warns",
    "Yields",
}


@dataclass(frozen=True)
class Description:
    """What is known of a detector.

    Attributes
    ----------
    name, family : str
    summary : str
        The first line of its documentation.
    rule : str
        What it finds, exactly.
    notes : str
    parameters : list of dict
        ``name``, ``default``, ``allowed`` (in words), ``kind``, ``minimum``, ``maximum``, ``choices``, ``unit``.
    columns : list of dict
        ``name``, ``dtype``, ``unit``, ``meaning``, and whether it belongs to the life cycle (``life``).
    feeds : list of str
        The detectors upstream.
    laws : list of str
        The laws that hold for it, proven by property tests.
    cost : float
        Measured nanoseconds a bar, upstream detectors not included.
    """

    name: str
    family: str
    summary: str
    rule: str
    notes: str
    parameters: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    feeds: list[str]
    laws: list[str]
    cost: float

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return dict(vars(self))

    def __str__(self) -> str:
        return "\n\n".join(
            [
                f"{self.name} ({self.family}): {self.summary}",
                self.rule,
                "Parameters\n"
                + _lines((p["name"], f"{p['default']!r}", p["allowed"]) for p in self.parameters),
                "Columns\n" + _lines((c["name"], c["dtype"], c["unit"], c["meaning"]) for c in self.columns),
                *([self.notes] if self.notes else []),
                f"Fed by: {', '.join(self.feeds) or 'candles alone'}\n"
                f"Laws: {', '.join(self.laws)}\n"
                f"Cost: about {self.cost:g} ns a bar",
            ]
        )


def _lines(rows: Any) -> str:
    table = [tuple(row) for row in rows]
    if not table:
        return "  none"
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def describe(name: str) -> Description:
    """Describe a detector.

    Parameters
    ----------
    name : str
        As in ``ict.detectors()``.

    Returns
    -------
    Description
        Prints as text; ``to_dict()`` gives plain data.

    Raises
    ------
    ParameterError
        If there is no such detector.

    Examples
    --------
    >>> describe("swings").parameters[0]["default"]
    2
    >>> describe("structure_breaks").feeds
    ['swings']
    """
    found = entry(name)
    sections = _sections(inspect.getdoc(found.function) or "")
    return Description(
        name=found.name,
        family=found.family,
        summary=found.summary,
        rule=sections.get("", "").partition("\n")[2].strip(),
        notes=sections.get("Notes", ""),
        parameters=[_parameter(parameter) for parameter in found.parameters.values()],
        columns=[_column(column) for column in found.columns if not column.internal],
        feeds=_feeds(found),
        laws=list(found.laws),
        cost=found.cost,
    )


def _feeds(found: Entry) -> list[str]:
    if found.companion_of:
        return [found.companion_of]
    return [parameter.feed for parameter in found.parameters.values() if parameter.kind == "feed"]


def _sections(document: str) -> dict[str, str]:
    """The sections of a numpydoc text by heading; what stands before the first one has the heading ``""``."""
    lines = document.splitlines()
    found: dict[str, list[str]] = {"": []}
    heading = ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line in _SECTIONS and set(below) == {"-"}:
            heading = line
            found[heading] = []
        elif not (set(line) == {"-"} and not found[heading]):
            found[heading].append(line)
    return {name: textwrap.dedent("\n".join(body)).strip() for name, body in found.items()}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    low, high = parameter.range.low, parameter.range.high
    return {
        "name": parameter.name,
        "default": parameter.default,
        "kind": parameter.kind,
        "allowed": parameter.allowed,
        "minimum": None if math.isinf(low) else low,
        "maximum": None if math.isinf(high) else high,
        "choices": list(parameter.choices),
        "unit": parameter.range.unit,
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "dtype": column.dtype,
        "unit": column.unit,
        "meaning": column.meaning,
        "life": column.life,
    }
