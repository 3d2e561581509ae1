"""Sorting in place, since a kernel may not allocate."""

from __future__ import annotations

from ._jit import helper, routine


@helper
def _swap(block, column, i, j):
    value = block[i, column]
    block[i, column] = block[j, column]
    block[j, column] = value


@helper
def _sift_down(block, column, start, root, size):
    """Let the root of a heap sink to its place."""
    while 2 * root + 1 < size:
        child = 2 * root + 1
        if child + 1 < size and block[start + child, column] < block[start + child + 1, column]:
            child += 1
        if block[start + root, column] >= block[start + child, column]:
            break
        _swap(block, column, start + root, start + child)
        root = child


@routine
def sort_column(block, column, start, stop):
    """Sort ``block[start:stop, column]``, other columns left alone: heapsort, unless it is in order or in reverse."""
    size = stop - start
    rises = 0
    for i in range(start, stop - 1):
        rises += block[i, column] < block[i + 1, column]
    if rises == 0:
        for i in range(size // 2):
            _swap(block, column, start + i, stop - 1 - i)
    elif rises < size - 1:
        for root in range(size // 2 - 1, -1, -1):
            _sift_down(block, column, start, root, size)
        for last in range(size - 1, 0, -1):
            _swap(block, column, start, start + last)
            _sift_down(block, column, start, 0, last)
