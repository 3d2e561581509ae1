"""Reading what an upstream detector emitted, in lockstep with the bars."""

from __future__ import annotations

from ._jit import helper
from ._types import CHANGE_BAR, CONFIRMED


@helper
def rows_until(feed, row, t):
    """First row from ``row`` on that is confirmed after bar ``t``."""
    while row < feed.ints.shape[0] and feed.ints[row, CONFIRMED] <= t:
        row += 1
    return row


@helper
def changes_until(feed, change, t):
    """First change from ``change`` on that happened after bar ``t``."""
    while change < feed.log.shape[0] and feed.log[change, CHANGE_BAR] <= t:
        change += 1
    return change
