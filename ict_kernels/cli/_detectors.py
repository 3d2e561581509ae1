"""Detectors as the shell gives them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ParameterError

if TYPE_CHECKING:
    from ..registry import Spec

__all__ = ["Detectors", "parse_detectors"]

Detectors = Annotated[
    str,
    typer.Option(
        "--detectors",
        metavar="LIST",
        help='Names, with parameters in brackets: "swings(left=3),trend"; or all.',
    ),
]


def parse_detectors(text: str) -> list[Spec]:
    """Read detectors as the shell gives them.

    Parameters
    ----------
    text : str
        Names, with parameters or without, parted by commas; ``"all"`` are all of them. Values are Python literals;
        words need no quotes.

    Returns
    -------
    list of Spec

    Raises
    ------
    ParameterError
        If the text cannot be read, or a detector, parameter or value does not exist.

    Examples
    --------
    >>> [str(spec) for spec in parse_detectors("swings(left=3, ties=strict), cisd")][0]
    "swings(left=3, right=2, ties='strict')"
    """
    from ..registry import detector, detectors

    if text.strip() == "all":
        return [detector(name) for name in detectors()]
    try:
        parsed = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unreadable(text) from None
    if not isinstance(parsed, ast.List) or not parsed.elts:
        raise _unreadable(text)
    return [detector(name, **values) for name, values in (_read_call(node, text) for node in parsed.elts)]


def _unreadable(text: str) -> ParameterError:
    return ParameterError(
        f"cannot read {text!r} as detectors; write names with parameters, as in "
        '"swings(left=3,right=3),fair_value_gaps(min_size=0.0003)"'
    )


def _read_call(node: ast.expr, text: str) -> tuple[str, dict[str, Any]]:
    """A name, or a call of a name with keywords alone."""
    if isinstance(node, ast.Name):
        return node.id, {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        raise _unreadable(text)
    return node.func.id, {_keyword(part, text): _read_value(part.value, text) for part in node.keywords}


def _keyword(part: ast.keyword, text: str) -> str:
    if part.arg is None:
        raise _unreadable(text)
    return part.arg


def _read_value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Name):
        return node.id
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise _unreadable(text) from None
