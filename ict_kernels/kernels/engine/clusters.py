"""Levels that lie close to each other. Not rules over bars: they take levels, which need not come from candles."""

from __future__ import annotations

from .._jit import helper, kernel


@helper
def _clashing(level, levels, accepted, count, tolerance):
    """Which of the accepted comes first among those within reach, else -1."""
    for at in range(count):
        if abs(levels[accepted[at]] - level) <= tolerance:
            return at
    return -1


@kernel
def keep_strongest(levels, strengths, kinds, tolerance, accepted, counts, kept):
    """Mark in ``kept`` the levels that stay when each in turn is held against those accepted before.

    A level is held against the first accepted one of its kind within ``tolerance``: it takes its place if it is
    strictly stronger, and is dropped otherwise. ``accepted`` has a row of notes for each kind, as long as ``levels``,
    and ``counts``, all zero, a cell for each.
    """
    for i in range(levels.size):
        row, count = accepted[kinds[i]], counts[kinds[i]]
        at = _clashing(levels[i], levels, row, count, tolerance)
        if at >= 0:
            if not strengths[i] > strengths[row[at]]:
                kept[i] = False
                continue
            kept[row[at]] = False
            for later in range(at, count - 1):
                row[later] = row[later + 1]
            count -= 1
        kept[i] = True
        row[count] = i
        counts[kinds[i]] = count + 1


@kernel
def count_near(levels, tolerance, counts):
    """Write for each of ascending ``levels`` how many others lie within ``tolerance``; NaN come last and have none."""
    first, last = 0, 0
    for i in range(levels.size):
        if levels[i] != levels[i]:
            counts[i] = 0
            continue
        while levels[i] - levels[first] > tolerance:
            first += 1
        last = max(last, i)
        while last + 1 < levels.size and levels[last + 1] - levels[i] <= tolerance:
            last += 1
        counts[i] = last - first
