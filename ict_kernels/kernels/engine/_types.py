"""What every rule of the engine takes and gives.

A rule is a scan without memory::

    found = kernel(bars, start, stop, params, out)

It asks its question at every bar ``start <= t < stop``, looking at whatever other bars the rule looks at, and writes
a line into ``out`` for each hit, in order. It returns the number of hits, those beyond the room in ``out`` included,
so that the caller can make room and ask again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class EngineBars(NamedTuple):
    """Read-only, C-contiguous columns; one that a rule does not read, or that the frame lacks, is empty."""

    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    minute: I64  # of the day, as the clock shows it at each bar


class Out(NamedTuple):
    """Room for hits, a line each, and for notes of the rule's own that nobody else reads."""

    ints: I64
    floats: F64
    work_ints: I64
    work_floats: F64


# Columns of ``Out.ints`` that every rule has: where the hit sits, and the bar at whose close it can first be known.
BAR, CONFIRMED, OWN = 0, 1, 2
