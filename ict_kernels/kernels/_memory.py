"""Upstream rows that a fed kernel still needs, found by their sequence id however long ago they were drained.

Rows are remembered in order of id and forgotten in any order. The block is compacted when it is full, and the caller
keeps it at least half empty then, so both cost a constant number of steps on average.
"""

from __future__ import annotations

from ._jit import helper, routine
from ._out import ask_for
from ._types import FULL_MEMORY, MEMORY_DEAD, MEMORY_HEAD, MEMORY_USED

# Columns that every memory has.
MEMORY_ID, MEMORY_ALIVE, OWN_MEMORY = 0, 1, 2


@helper
def memory_has_room(state, out, rows):
    """Whether ``rows`` more rows would leave the block half empty after compaction."""
    kept = state.ints[MEMORY_USED] - state.ints[MEMORY_HEAD] - state.ints[MEMORY_DEAD]
    if 2 * (kept + rows) > state.memory_ints.shape[0]:
        return ask_for(out, FULL_MEMORY, 2 * (kept + rows))
    return True


@routine
def _compact(state):
    ints, memory_ints, memory_floats = state.ints, state.memory_ints, state.memory_floats
    kept = 0
    for row in range(ints[MEMORY_HEAD], ints[MEMORY_USED]):
        if memory_ints[row, MEMORY_ALIVE] != 0:
            for column in range(memory_ints.shape[1]):
                memory_ints[kept, column] = memory_ints[row, column]
            for column in range(memory_floats.shape[1]):
                memory_floats[kept, column] = memory_floats[row, column]
            kept += 1
    ints[MEMORY_HEAD] = 0
    ints[MEMORY_USED] = kept
    ints[MEMORY_DEAD] = 0


@helper
def remember(state, identity):
    """Begin a remembered row and return its place."""
    if state.ints[MEMORY_USED] == state.memory_ints.shape[0]:
        _compact(state)
    row = state.ints[MEMORY_USED]
    state.ints[MEMORY_USED] = row + 1
    state.memory_ints[row, MEMORY_ID] = identity
    state.memory_ints[row, MEMORY_ALIVE] = 1
    return row


@helper
def recall(state, identity):
    """Place of the remembered row with that id, -1 when it was forgotten."""
    low = state.ints[MEMORY_HEAD]
    end = state.ints[MEMORY_USED]
    high = end
    while low < high:
        middle = (low + high) // 2
        if state.memory_ints[middle, MEMORY_ID] < identity:
            low = middle + 1
        else:
            high = middle
    found = low < end and state.memory_ints[low, MEMORY_ID] == identity
    return low if found and state.memory_ints[low, MEMORY_ALIVE] != 0 else -1


@helper
def forget(state, row):
    """Give up a remembered row."""
    state.memory_ints[row, MEMORY_ALIVE] = 0
    state.ints[MEMORY_DEAD] += 1


@helper
def forget_first(state):
    """Give up the oldest remembered row."""
    state.ints[MEMORY_HEAD] += 1
