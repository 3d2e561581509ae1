"""What a kernel emits: rows and changes, with room made sure of before each bar."""

from __future__ import annotations

from ._jit import helper, kernel
from ._types import (
    BAR,
    CELL_COLUMNS,
    CHANGE_BAR,
    CHANGE_CELL,
    CHANGES,
    CONFIRMED,
    DIRECTION,
    FULL,
    FULL_CHANGES,
    FULL_ROWS,
    NEEDED,
    NEXT_ID,
    ROWS,
)


@helper
def ask_for(out, buffer, size):
    """Note which buffer must grow, and how far; returns False, the answer to "is there room?"."""
    out.used[FULL] = buffer
    out.used[NEEDED] = size
    return False


@helper
def out_has_room(out, rows, changes):
    """Whether so many more rows and changes would fit."""
    needed_rows = out.used[ROWS] + rows
    needed_changes = out.used[CHANGES] + changes
    if needed_rows > out.ints.shape[0]:
        return ask_for(out, FULL_ROWS, needed_rows)
    if needed_changes > out.log.shape[0]:
        return ask_for(out, FULL_CHANGES, needed_changes)
    return True


@helper
def new_row(state, out, bar, confirmed, direction):
    """Begin a row and return its place in ``out``; its sequence id is ``last_id(state)`` from then on."""
    n = out.used[ROWS]
    out.used[ROWS] = n + 1
    out.ints[n, BAR] = bar
    out.ints[n, CONFIRMED] = confirmed
    out.ints[n, DIRECTION] = direction
    state.ints[NEXT_ID] += 1
    return n


@helper
def last_id(state):
    """Sequence id of the latest row."""
    return state.ints[NEXT_ID] - 1


@helper
def log_change(out, identity, column, t):
    """Note that bar ``t`` set a life cycle column of the row with that id."""
    n = out.used[CHANGES]
    out.log[n, CHANGE_CELL] = identity * CELL_COLUMNS + column
    out.log[n, CHANGE_BAR] = t
    out.used[CHANGES] = n + 1


@kernel
def scatter_changes(log, first_id, life):
    """Write a change log into life cycle columns, a line each, of which place 0 is the row ``first_id``."""
    for n in range(log.shape[0]):
        cell = log[n, CHANGE_CELL]
        life[cell % CELL_COLUMNS, cell // CELL_COLUMNS - first_id] = log[n, CHANGE_BAR]
