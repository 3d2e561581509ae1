"""Swings as the engine's fractals rate them."""

from __future__ import annotations

from ...kernels.engine import fractals as kernels
from ...reference.engine import fractals as twins
from ._rule import Rule

FRACTALS = Rule(
    "fractals",
    kernels.fractals,
    twins.fractals,
    kernels.FractalsParams,
    ints="bar confirmed side",
    floats="price strength volume trend volatility confidence",
    laws=("twin", "chunks"),
)
"""Swings of ``left`` and ``right`` bars whose price is the extreme of 20 bars back and 19 ahead.

``strength`` is the distance from the mean of those bars, as a share of it and at most 0.2; below ``min_strength`` a
swing is dropped. ``volume`` compares with the mean of 20 bars, ``trend`` is 0.7 where the mean close of 10 bars lies
above that of 20, else 0.3, ``volatility`` is the mean range of 20 bars in tenths of their mean close; each is 0.5
where it cannot be known yet.

A swing is given before its 19 bars ahead are there, with those that are: what ``confirmed`` lies within stays.
"""
