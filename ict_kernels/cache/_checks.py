"""Refusing what is of another type or out of range, and saying what to give."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from reprlib import repr as shortened
from typing import Any

from ..errors import ParameterError

__all__ = ["check_number", "check_share", "check_type", "check_whole"]


def check_type(where: str, value: object, kind: type, remedy: str) -> None:
    """Refuse a value of another type."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise ParameterError(f"{where} takes {article} {kind.__name__}, not {type(value).__name__}; {remedy}")


def check_number(where: str, name: str, value: object, fits: Callable[[Any], bool], expected: str) -> None:
    """Refuse what is no number, and numbers that do not fit."""
    if not isinstance(value, Real) or not fits(value):
        raise ParameterError(f"{where}: {name}={shortened(value)} is not {expected}")


def check_share(where: str, name: str, value: object) -> None:
    """Refuse what is no number from 0 to 1."""
    check_number(where, name, value, lambda share: 0 <= share <= 1, "from 0 to 1")


def check_whole(where: str, name: str, value: object, least: int) -> None:
    """Refuse what is no whole number, and numbers below the least."""
    check_number(
        where,
        name,
        value,
        lambda number: number >= least and isinstance(number, Integral),
        f"a whole number of at least {least}",
    )
