"""What the signals of the engine's pattern detector are made of, at the last of some bars."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._jit import helper, kernel, routine
from ._extremes import extreme
from ._types import BAR, CONFIRMED, OWN
from .breaks import first_bar
from .impulse_blocks import ImpulseBlocksParams, first_touch, is_impulse, mean_body

SILVER_BULLET, LIQUIDITY_GRAB, OPTIMAL_TRADE_ENTRY, ORDER_BLOCK, FAIR_VALUE_GAP = 1, 2, 4, 8, 16
FRESH, TESTED, BASIC = 0, 1, 2

SUBSET = 200  # the last bars, among which blocks and gaps are looked for
RECENT = 20
DEEP = 30
PIPS = 10000.0
MISSING_ALLOWED = 0.1

_IMPULSE = ImpulseBlocksParams()
_LARGER = ImpulseBlocksParams(lookback=1, later=1, touch=0, still=1)


class PatternSignalsParams(NamedTuple):
    window: int = 0  # bars a question looks at; 0 for all up to the asking one
    part: int = 0  # bars that are looked at apart from the others; 0 for all together
    kinds: int = 31  # the sum of those asked for
    min_gap: float = 0.0005
    blocks: int = 80  # of the subset, how many bars from its beginning may be order blocks
    gaps: int = 100  # and how many the middles of gaps
    newest: int = 0  # whether the gap that the last three bars make counts
    tolerant: int = 0  # whether there may be NaN


@helper
def _is_number(price):
    return price == price


@helper
def _missing(prices, start, stop):
    count = 0
    for t in range(start, stop):
        if prices[t] != prices[t]:
            count += 1
    return count > MISSING_ALLOWED * (stop - start)


@routine
def _usable(bars, start, stop, params):
    """At least nine tenths of each price column are numbers."""
    if params.tolerant == 0:
        return True
    return not (
        _missing(bars.open, start, stop)
        or _missing(bars.high, start, stop)
        or _missing(bars.low, start, stop)
        or _missing(bars.close, start, stop)
    )


@helper
def _body(bars, t):
    return abs(bars.close[t] - bars.open[t])


@routine
def _larger_than_before(bars, first, stop):
    """The last two of the first three bars, among the last 20, with a larger body than the one before."""
    newest, older, count = -1, -1, 0
    for t in range(max(first + 1, stop - RECENT), stop - 1):
        if count < 3 and is_impulse(_body(bars, t), _body(bars, t - 1), _LARGER):
            newest, older, count = t, newest, count + 1
    return newest, older


@routine
def _last_blocks(bars, start, stop, params):
    """The last two order blocks, the last one first, -1 for none; and whether they are basic ones."""
    newest, older = -1, -1
    if stop - start < 10 or not _usable(bars, start, stop, params):
        return newest, older, False
    first = max(start, stop - SUBSET)
    for t in range(min(stop - 10, first + params.blocks) - 1, first + 4, -1):
        if is_impulse(_body(bars, t), mean_body(bars, max(first, t - _IMPULSE.lookback), t), _IMPULSE):
            if newest >= 0:
                older = t
                break
            newest = t
    if newest >= 0 or stop - first < RECENT:
        return newest, older, False
    newest, older = _larger_than_before(bars, first, stop)
    return newest, older, True


@routine
def gap_at(bars, t, params):
    """The direction of the gap around bar ``t``, 0 if there is none."""
    direction, size = 0, math.nan
    if bars.high[t - 1] < bars.low[t + 1] and bars.close[t] > bars.open[t]:
        direction, size = 1, bars.low[t + 1] - bars.high[t - 1]
    elif bars.low[t - 1] > bars.high[t + 1] and bars.close[t] < bars.open[t]:
        direction, size = -1, bars.low[t - 1] - bars.high[t + 1]
    if direction == 0 or not size >= params.min_gap or bars.open[t] == 0.0 or bars.close[t] == 0.0:
        return 0
    total = 0.0
    for near in range(t - 1, t + 2):
        total += bars.open[near] + bars.high[near] + bars.low[near] + bars.close[near]
        if bars.volume.size > 0:
            total += bars.volume[near]
        if near != t and (bars.high[near] == 0.0 or bars.low[near] == 0.0):
            return 0
    return direction if _is_number(total) else 0


@helper
def _apart(bars, t):
    """A cheap test that most bars fail."""
    return bars.high[t - 1] < bars.low[t + 1] or bars.low[t - 1] > bars.high[t + 1]


@routine
def _last_gaps(bars, start, stop, params):
    """The middles of the last two gaps, the last one first, -1 for none."""
    newest, older = -1, -1
    if stop - start < 3 or not _usable(bars, start, stop, params):
        return newest, older
    first = max(start, stop - SUBSET)
    for t in range(min(stop - 2 + params.newest, first + params.gaps) - 1, first, -1):
        if _apart(bars, t) and gap_at(bars, t, params) != 0:
            if newest >= 0:
                older = t
                break
            newest = t
    return newest, older


@routine
def _reference(prices, sign, start, stop, params):
    """The extreme of the ten-bar extremes that end at the bars 20 to 11 from the end; NaN without any."""
    if params.tolerant == 0:
        return extreme(prices, sign, max(start, stop - 29), stop - 10)
    best = math.nan
    for end in range(max(stop - RECENT, start + 9), stop - 10):
        whole = True
        for t in range(end - 9, end + 1):
            whole = whole and _is_number(prices[t])
        if whole:
            one = extreme(prices, sign, end - 9, end + 1)
            if not sign * one <= sign * best:
                best = one
    return best


@routine
def _grab(bars, prices, sign, start, stop, params):
    """The first bar beyond the reference of which the close two bars later is back; -1 for none."""
    level = _reference(prices, sign, start, stop, params)
    for t in range(stop - 15, stop - 3):
        if sign * prices[t] > sign * level and sign * bars.close[t + 2] < sign * level:
            return t
    return -1


@routine
def _volatility(bars, stop):
    """The mean range of the last 20 bars in pips."""
    total, count = 0.0, 0
    for t in range(stop - RECENT, stop):
        size = bars.high[t] - bars.low[t]
        if _is_number(size):
            total += size
            count += 1
    return max(1.0, total / count * PIPS) if count > 0 else 1.0


@helper
def _put(t, facts, prices, found, out):
    """``facts``: part, kind, direction, source, grade, gap; ``prices``: low, high, close, and three more."""
    if found < out.ints.shape[0]:
        out.ints[found, BAR] = t
        out.ints[found, CONFIRMED] = t
        for i in range(6):
            out.ints[found, OWN + i] = facts[i]
            out.floats[found, i] = prices[i]
    return found + 1


@helper
def _put_block(bars, t, stop, part, kind, block, basic, gap, found, out):
    """An order block of the part with that number and first bar; its ratio is NaN if it is a basic one."""
    ratio, grade = math.nan, BASIC
    if not basic:
        first = max(stop - SUBSET, part[1])
        mean = mean_body(bars, max(first, block - _IMPULSE.lookback), block)
        ratio = _body(bars, block) / mean
        grade = TESTED if first_touch(bars, block, _IMPULSE) >= 0 else FRESH
    direction = 1 if bars.close[block] > bars.open[block] else -1
    facts = part[0], kind, direction, block, grade, gap
    prices = bars.low[block], bars.high[block], bars.close[stop - 1], ratio, math.nan, math.nan
    return _put(t, facts, prices, found, out)


@routine
def _silver_bullet(bars, t, part, start, stop, params, found, out):
    hour = bars.minute[t] // 60
    if stop - start < RECENT or not (hour == 10 or hour == 11 or hour == 14 or hour == 15):
        return found
    newest, _, basic = _last_blocks(bars, start, stop, params)
    if newest < 0:
        return found
    gap = 1 if _last_gaps(bars, start, stop, params)[0] >= 0 else 0
    return _put_block(bars, t, stop, (part, start), SILVER_BULLET, newest, basic, gap, found, out)


@routine
def _liquidity_grab(bars, t, part, start, stop, params, found, out):
    if stop - start < RECENT:
        return found
    for direction in (-1, 1):
        prices = bars.high if direction < 0 else bars.low
        spike = _grab(bars, prices, -1.0 * direction, start, stop, params)
        if spike >= 0:
            facts = part, LIQUIDITY_GRAB, direction, spike, 0, 0
            zone = prices[spike], prices[spike], bars.close[stop - 1], math.nan, math.nan, math.nan
            found = _put(t, facts, zone, found, out)
    return found


@routine
def _optimal_trade_entry(bars, t, part, start, stop, params, found, out):
    if stop - start < DEEP:
        return found
    high = extreme(bars.high, 1.0, stop - RECENT, stop)
    low = extreme(bars.low, -1.0, stop - RECENT, stop)
    close = bars.close[stop - 1]
    if not (high - 0.786 * (high - low) <= close and close <= high - 0.618 * (high - low)):
        return found
    gap = 1 if _last_gaps(bars, stop - 10, stop, params)[0] >= 0 else 0
    direction = 1 if close < (high + low) / 2 else -1
    facts = part, OPTIMAL_TRADE_ENTRY, direction, -1, 0, gap
    return _put(t, facts, (low, high, close, math.nan, math.nan, math.nan), found, out)


@routine
def _order_blocks(bars, t, part, start, stop, params, found, out):
    newest, older, basic = _last_blocks(bars, start, stop, params)
    if older >= 0:
        found = _put_block(bars, t, stop, (part, start), ORDER_BLOCK, older, basic, 0, found, out)
    if newest >= 0:
        found = _put_block(bars, t, stop, (part, start), ORDER_BLOCK, newest, basic, 0, found, out)
    return found


@routine
def _fair_value_gaps(bars, t, part, start, stop, params, found, out):
    newest, older = _last_gaps(bars, start, stop, params)
    if newest < 0:
        return found
    close, volatility, momentum = bars.close[stop - 1], 8.0, 0.0
    if stop - start >= RECENT:
        volatility = _volatility(bars, stop)
        momentum = (close - bars.close[stop - RECENT]) * PIPS
    for middle in (older, newest):
        if middle >= 0:
            direction = gap_at(bars, middle, params)
            low = bars.high[middle - 1] if direction > 0 else bars.high[middle + 1]
            high = bars.low[middle + 1] if direction > 0 else bars.low[middle - 1]
            facts = part, FAIR_VALUE_GAP, direction, middle, 0, 1
            found = _put(t, facts, (low, high, close, math.nan, volatility, momentum), found, out)
    return found


@kernel
def pattern_signals(bars, start, stop, params, out):
    found = 0
    for t in range(start, stop):
        first, part = first_bar(t, params.window), 0
        size = params.part if params.part > 0 else t + 1 - first
        for begin in range(first, t + 1, size):
            end = min(begin + size, t + 1)
            if params.kinds & SILVER_BULLET:
                found = _silver_bullet(bars, t, part, begin, end, params, found, out)
            if params.kinds & LIQUIDITY_GRAB:
                found = _liquidity_grab(bars, t, part, begin, end, params, found, out)
            if params.kinds & OPTIMAL_TRADE_ENTRY:
                found = _optimal_trade_entry(bars, t, part, begin, end, params, found, out)
            if params.kinds & ORDER_BLOCK:
                found = _order_blocks(bars, t, part, begin, end, params, found, out)
            if params.kinds & FAIR_VALUE_GAP:
                found = _fair_value_gaps(bars, t, part, begin, end, params, found, out)
            part += 1
    return found
