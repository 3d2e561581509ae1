"""Levels that lie close to each other: which to keep, and how many support each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels.engine import clusters as kernels

__all__ = ["count_near", "keep_strongest"]


def keep_strongest(
    levels: ArrayLike, strengths: ArrayLike, kinds: ArrayLike, tolerance: float
) -> NDArray[np.bool_]:
    """Return which levels stay when each in turn is held against those accepted before.

    A level is held against the first accepted one of its kind within ``tolerance``: it takes its place if it is
    strictly stronger, and is dropped otherwise.

    Parameters
    ----------
    levels, strengths : array of float
    kinds : array of int
        From 0 up.
    tolerance : float
        The largest difference between levels that are the same.

    Returns
    -------
    bool array

    Examples
    --------
    >>> keep_strongest([1.10, 1.1005, 1.12, 1.10], [70, 80, 70, 60], [0, 0, 0, 1], 0.001).tolist()
    [False, True, True, True]
    """
    prices, kind = _floats(levels), np.ascontiguousarray(kinds, np.int64)
    number = int(kind.max()) + 1 if kind.size else 0
    accepted, kept = np.empty((number, len(prices)), np.int64), np.empty(len(prices), np.bool_)
    counts = np.zeros(number, np.int64)
    kernels.keep_strongest(prices, _floats(strengths), kind, float(tolerance), accepted, counts, kept)
    return kept


def count_near(levels: ArrayLike, tolerance: float) -> NDArray[np.int64]:
    """Return how many others lie within ``tolerance`` of each level.

    Parameters
    ----------
    levels : array of float
        In any order.
    tolerance : float

    Returns
    -------
    int64 array

    Examples
    --------
    >>> count_near([1.10, 1.13, 1.1015, 1.103], 0.002).tolist()
    [1, 0, 2, 1]
    """
    prices = _floats(levels)
    order = np.argsort(prices, kind="stable")
    counts, sorted_counts = np.empty(len(prices), np.int64), np.empty(len(prices), np.int64)
    kernels.count_near(prices[order], float(tolerance), sorted_counts)
    counts[order] = sorted_counts
    return counts


def _floats(values: Any) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, np.float64)
