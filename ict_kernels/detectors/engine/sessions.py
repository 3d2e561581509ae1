"""Statistics of the candles of one time of day, and of rolling windows."""

from __future__ import annotations

from ...kernels.engine import sessions as kernels
from ...reference.engine import sessions as twins
from ._rule import Rule

SESSIONS = Rule(
    "sessions",
    kernels.sessions,
    twins.sessions,
    kernels.SessionsParams,
    ints="bar confirmed zone rows bullish breaks",
    floats="range volume volatility",
    laws=("twin",),
    rate=0.0,
    work=lambda params, bars: (kernels.RUN * max(bars, 0), 0),
)
"""One hit for each of up to six zones of the day that has bars, at the last of them.

A zone is given as a mask: bit h stands for the hour h. ``range``, ``volume`` and ``volatility`` are the mean range,
the mean volume and the sample deviation of the bodies, without what is NaN; ``breaks`` counts bars beyond the zone's
bar before them by more than a share of the price.
"""

VOLATILITY = Rule(
    "volatility",
    kernels.volatility,
    twins.volatility,
    kernels.VolatilityParams,
    ints="bar confirmed",
    floats="value",
    rate=1.0,
)
"""Sample deviation of the last ``period`` highs over the mean of as many closes."""
