"""What the candles of one time of day have in common, and how much they vary."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._jit import helper, kernel, routine
from ._types import BAR, CONFIRMED, OWN

ZONES = 6
RUN = 3  # notes a run: first bar, bar behind the last, bit of the hour


class SessionsParams(NamedTuple):
    zone0: int = 0xFFFFFF  # bit h: the hour h of the day belongs to it
    zone1: int = 0
    zone2: int = 0
    zone3: int = 0
    zone4: int = 0
    zone5: int = 0
    up: float = 1.001
    down: float = 0.999


class VolatilityParams(NamedTuple):
    period: int = 10


@routine
def _mask(params, zone):
    if zone < 3:
        return params.zone0 if zone == 0 else (params.zone1 if zone == 1 else params.zone2)
    return params.zone3 if zone == 3 else (params.zone4 if zone == 4 else params.zone5)


@routine
def _find_runs(minutes, start, stop, params, runs):
    """Note the stretches of bars of one hour, so that zones pass over the others a stretch at a time."""
    wanted = params.zone0 | params.zone1 | params.zone2 | params.zone3 | params.zone4 | params.zone5
    count, last = 0, -1
    for t in range(start, stop):
        hour = minutes[t] // 60
        if hour != last:
            last = hour
            if wanted >> hour & 1:
                runs[RUN * count], runs[RUN * count + 1] = t, t
                runs[RUN * count + 2] = 1 << hour
                count += 1
        if wanted >> hour & 1:
            runs[RUN * count - 2] = t + 1
    return count


@helper
def _breaks(bars, before, t, params):
    """Without a branch, like all that is as likely as not."""
    above = bars.high[t] > params.up * bars.high[before]
    below = bars.low[t] < params.down * bars.low[before]
    return int(above | below)


@helper
def _body_deviation(bars, runs, count, mask, mean, bodies):
    squares = 0.0
    for run in range(count):
        if runs[RUN * run + 2] & mask:
            for t in range(runs[RUN * run], runs[RUN * run + 1]):
                off = abs(bars.close[t] - bars.open[t]) - mean
                if off == off:
                    squares += off * off
    return np.sqrt(squares / (bodies - 1)) if bodies > 1 else math.nan


@routine
def _zone(bars, zone, mask, runs, count, params, found, out):
    rows = ranges = bodies = volumes = bullish = breaks = 0
    range_sum = body_sum = volume_sum = 0.0
    before = -1
    for run in range(count):
        if not runs[RUN * run + 2] & mask:
            continue
        for t in range(runs[RUN * run], runs[RUN * run + 1]):
            size, body = bars.high[t] - bars.low[t], bars.close[t] - bars.open[t]
            if size == size:
                ranges += 1
                range_sum += size
            if body == body:
                bodies += 1
                body_sum += abs(body)
            bullish += int(bars.close[t] > bars.open[t])
            if bars.volume.size > 0 and bars.volume[t] == bars.volume[t]:
                volumes += 1
                volume_sum += bars.volume[t]
            if rows > 1:
                breaks += _breaks(bars, before, t, params)
            rows += 1
            before = t
    if rows == 0:
        return found
    if found < out.ints.shape[0]:
        out.ints[found, BAR] = before
        out.ints[found, CONFIRMED] = before
        out.ints[found, OWN] = zone
        out.ints[found, OWN + 1] = rows
        out.ints[found, OWN + 2] = bullish
        out.ints[found, OWN + 3] = breaks
        mean = body_sum / bodies if bodies > 0 else math.nan
        out.floats[found, 0] = range_sum / ranges if ranges > 0 else math.nan
        out.floats[found, 1] = volume_sum / volumes if volumes > 0 else math.nan
        out.floats[found, 2] = _body_deviation(bars, runs, count, mask, mean, bodies)
    return found + 1


@kernel
def sessions(bars, start, stop, params, out):
    runs = out.work_ints
    count = _find_runs(bars.minute, start, min(stop, bars.minute.size), params, runs)
    found = 0
    for zone in range(ZONES):
        found = _zone(bars, zone, _mask(params, zone), runs, count, params, found, out)
    return found


@kernel
def volatility(bars, start, stop, params, out):
    found = 0
    for t in range(max(start, params.period - 1), min(stop, bars.high.size)):
        if found < out.ints.shape[0]:
            highs = closes = squares = 0.0
            for at in range(t - params.period + 1, t + 1):
                highs += bars.high[at]
                closes += bars.close[at]
            mean = highs / params.period
            for at in range(t - params.period + 1, t + 1):
                squares += (bars.high[at] - mean) * (bars.high[at] - mean)
            out.ints[found, BAR] = t
            out.ints[found, CONFIRMED] = t
            out.floats[found, 0] = np.sqrt(squares / (params.period - 1)) / (closes / params.period)
        found += 1
    return found
