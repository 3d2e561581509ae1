"""What the machine allows: the yardstick that kernels are measured against."""

from __future__ import annotations

from ._jit import kernel


@kernel
def branchy_scan(bars, counts):
    """Read each price once and count higher, lower, inside and outside bars and their bodies' colours."""
    for t in range(1, bars.open.size):
        higher = bars.high[t] > bars.high[t - 1]
        lower = bars.low[t] < bars.low[t - 1]
        if higher and lower:
            counts[0] += 1
        elif higher:
            counts[1] += 1
        elif lower:
            counts[2] += 1
        else:
            counts[3] += 1
        if bars.close[t] > bars.open[t]:
            counts[4] += 1
