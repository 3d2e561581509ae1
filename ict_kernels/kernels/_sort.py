"""Sorting in place, since a kernel may not allocate."""

from __future__ import annotations

from ._jit import routine


@routine
def sort_column(block, column, start, stop):  # type: ignore[no-untyped-def]
    """Heapsort of ``block[start:stop, column]``, other columns left alone."""
    size = stop - start
    for end in range(size + size // 2, 1, -1):
        if end > size:  # build the heap, from its last parent up
            root, last = end - size - 1, size
        else:  # move the largest behind the heap
            last = end - 1
            root = 0
            largest = block[start, column]
            block[start, column] = block[start + last, column]
            block[start + last, column] = largest
        while 2 * root + 1 < last:
            child = 2 * root + 1
            if child + 1 < last and block[start + child, column] < block[start + child + 1, column]:
                child += 1
            if block[start + root, column] >= block[start + child, column]:
                break
            value = block[start + root, column]
            block[start + root, column] = block[start + child, column]
            block[start + child, column] = value
            root = child
