"""The blocks that every kernel takes, so that batch, stream, panel and cache are each written once.

A kernel is a fold over bars that can be resumed::

    reached = kernel(bars, start, stop, base, params, feeds, state, out)

It handles bars ``start <= t < stop``, of which bar ``t`` lies at index ``t - base`` of the columns in ``bars``;
``feeds`` holds what its upstream detectors emitted for those bars. It returns ``stop``, or the first bar for which
a buffer lacks room (``out.used[FULL]`` names the buffer); that bar is then untouched, and the caller grows the
buffer and calls again with ``start=reached``. Rows are known by sequence ids that count from 0 over the whole life
of a series, never by their place in a buffer, so a drained row leaves nothing dangling.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class Bars(NamedTuple):
    """Read-only, C-contiguous price columns; index 0 is bar number ``base``."""

    open: F64
    high: F64
    low: F64
    close: F64


class State(NamedTuple):
    """All that a kernel remembers between two calls.

    ``ints`` and ``floats`` have a fixed length and begin with the cells named below. The other blocks grow by rows:
    ``zone_*`` hold the live zones (see ``_zones``), ``memory_*`` remembered upstream rows (see ``_memory``).
    """

    ints: I64
    floats: F64
    zone_ints: I64
    zone_floats: F64
    memory_ints: I64
    memory_floats: F64


class Out(NamedTuple):
    """What a call emits: new rows (``ints`` and ``floats``, a line each) and the change log (id, column, bar)."""

    used: I64
    ints: I64
    floats: F64
    log: I64


class Feed(NamedTuple):
    """What an upstream detector emitted: rows in order of ``confirmed``, changes in order of bar."""

    ints: I64
    floats: F64
    log: I64


class Shape(NamedTuple):
    """How large a kernel's blocks are: own cells of the state, own columns of its rows, stages of its life cycle."""

    row_ints: int = 0
    row_floats: int = 0
    stages: int = 0
    own_ints: int = 0
    own_floats: int = 0
    zones: bool = False
    memory_ints: int = 0
    memory_floats: int = 0


# Cells of ``State.ints``.
NEXT_ID = 0
ZONES_USED = 1  # slots ever taken; those of closed zones are chained from ZONES_FREE
ZONES_FREE = 2
ZONES_LIVE = 3
MEMORY_HEAD = 4  # remembered rows are memory_*[MEMORY_HEAD:MEMORY_USED]
MEMORY_USED = 5
MEMORY_DEAD = 6
ATR_COUNT = 7
ROOTS = 8  # the slot on top of each heap, -1 when it is empty
HEAPS = 8
OWN_INTS = ROOTS + HEAPS

# Cells of ``State.floats``.
BEST = 0  # the key at each heap's root, -inf when it is empty
ATR_VALUE = HEAPS
OWN_FLOATS = HEAPS + 1

# Cells of ``Out.used``, and the values of its cell FULL.
ROWS = 0
CHANGES = 1
FULL = 2
NEEDED = 3
OUT_CELLS = 4
FULL_ROWS, FULL_CHANGES, FULL_ZONES, FULL_MEMORY = 1, 2, 3, 4

# Columns of ``Out.ints`` and ``Feed.ints`` that every detector has, and of the change log.
BAR, CONFIRMED, DIRECTION, OWN = 0, 1, 2, 3
CHANGE_CELL, CHANGE_BAR, CHANGE_CELLS = 0, 1, 2
# A life cycle cell is one number, since the log is the widest block of all: id * CELL_COLUMNS + column.
CELL_COLUMNS = 16
