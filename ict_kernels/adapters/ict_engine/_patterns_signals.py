"""Levels and scores of the engine's pattern signals, from the zones that the rule finds.

All on columns, so that one look and a history of looks are computed the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits
from ...detectors.engine.patterns import (
    BASIC,
    FAIR_VALUE_GAP,
    LIQUIDITY_GRAB,
    OPTIMAL_TRADE_ENTRY,
    ORDER_BLOCK,
    SILVER_BULLET,
    TESTED,
)
from ._patterns_types import PatternConfidence, PatternSignal, PatternType, SessionType, TradingDirection

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

SESSIONS = tuple(SessionType)
CONFIDENCES = tuple(PatternConfidence)
LONDON, NEW_YORK, ASIAN = (SESSIONS.index(session) for session in SESSIONS[:3])
MEDIUM, HIGH, VERY_HIGH = range(1, 4)

BLOCK_STRENGTH = 0.4  # of a basic one
RESCORED_TAG = "Smart Money Analysis v6.0"
MAX_HOLD_TIME = timedelta(hours=2)

_TYPES = {
    SILVER_BULLET: PatternType.SILVER_BULLET,
    LIQUIDITY_GRAB: PatternType.LIQUIDITY_GRAB,
    OPTIMAL_TRADE_ENTRY: PatternType.OPTIMAL_TRADE_ENTRY,
    ORDER_BLOCK: PatternType.ORDER_BLOCK,
    FAIR_VALUE_GAP: PatternType.FAIR_VALUE_GAP,
}
_PREFIXES = {
    SILVER_BULLET: "SB",
    LIQUIDITY_GRAB: "LG",
    OPTIMAL_TRADE_ENTRY: "OTE",
    ORDER_BLOCK: "OB",
    FAIR_VALUE_GAP: "FVG",
}
_TAGS: dict[int, tuple[str, ...]] = {
    SILVER_BULLET: ("order_block", "timing_window"),
    LIQUIDITY_GRAB: ("liquidity_sweep", "immediate_reversal"),
    OPTIMAL_TRADE_ENTRY: ("fibonacci_retracement", "ote_zone"),
    ORDER_BLOCK: ("institutional_orders", "price_reaction"),
    FAIR_VALUE_GAP: ("price_imbalance", "gap_fill_probability"),
}
_TAGGED_WITH_GAP = (SILVER_BULLET, OPTIMAL_TRADE_ENTRY)
_STORIES = {
    SILVER_BULLET: "order block in a silver bullet hour",
    LIQUIDITY_GRAB: "stops taken beyond the recent extreme, price back within two candles",
    OPTIMAL_TRADE_ENTRY: "price in the retracement zone of the last 20 candles",
    ORDER_BLOCK: "candle with an outsized body",
    FAIR_VALUE_GAP: "gap between the candles before and after an impulse",
}


def session_of(hours: I64) -> I64:
    """Return the session of signals by the hour, as a position in :data:`SESSIONS`."""
    london, new_york = (hours >= 8) & (hours <= 17), (hours >= 13) & (hours <= 22)
    return np.where(london, LONDON, np.where(new_york, NEW_YORK, ASIAN))


def block_strength(ratio: F64, grade: I64) -> F64:
    """Return the strength, from 0 to 1, of order blocks with a ratio of body to mean body."""
    noted = np.minimum(1.0, np.minimum(ratio / 3.0, 1.0) + np.where(grade == TESTED, 0.3, 0.1) + 0.2)
    return np.where(grade == BASIC, BLOCK_STRENGTH, noted)


def market_session(hours: I64) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    """Return the session that gaps are judged by, and whether it is in its kill zone."""
    asian = (hours >= 21) | (hours <= 6)
    names = np.select(
        [asian, (hours >= 8) & (hours <= 12), (hours >= 13) & (hours <= 16), (hours >= 17) & (hours <= 20)],
        ["asian", "london", "overlap", "new_york"],
        "transition",
    )
    alert = (hours >= 2) & (hours <= 6) | (hours >= 8) & (hours <= 19)
    return names, alert


def adapted(
    volatility: F64, momentum: F64, direction: F64, session: NDArray[np.str_], kill_zone: NDArray[np.bool_]
) -> dict[str, F64]:
    """Return what is wanted of gaps in a market: the smallest, and by how much levels and scores change.

    ``volatility`` and ``momentum`` are in pips, ``direction`` is the sign of the momentum or 0.
    """
    calm, quiet = volatility < 5, (volatility >= 5) & (volatility < 7)
    wild, lively = volatility > 15, (volatility > 12) & (volatility <= 15)
    regimes = [calm, quiet, wild, lively]
    gap = np.select(
        regimes,
        [
            np.maximum(0.8, volatility * 0.2),
            np.maximum(1.2, volatility * 0.25),
            np.minimum(5.0, volatility * 0.4),
            np.minimum(4.0, volatility * 0.3),
        ],
        2.0,
    )
    stop = np.select(regimes, [0.7, 0.8, 1.4, 1.2], 1.0)
    tolerance = np.select(regimes, [0.2, 0.3, 0.9, 0.7], 0.5)
    strength = np.select(regimes, [0.9, 1.0, 1.2, 1.0], 1.0)

    falling, rising = (direction < 0) & (abs(momentum) > 1.5), (direction > 0) & (momentum > 1.5)
    fast = abs(momentum) > 3
    moves = [falling & fast, falling, rising & fast, rising]
    target = np.select(moves, [0.7, 0.8, 1.3, 1.2], 1.0)
    score = np.select(moves, [-0.08, -0.05, 0.08, 0.05], 0.0)
    tolerance = tolerance * np.select(moves, [0.7, 0.8, 1.2, 1.1], 1.0)

    overlap, asian = session == "overlap", session == "asian"
    gap = np.where(kill_zone, gap * 0.85, gap)
    score = np.where(kill_zone, score + 0.05, score)
    strength = np.where(kill_zone, strength * 1.1, strength)
    stop = np.where(kill_zone & (session == "london"), stop * 1.1, stop)
    target = np.where(kill_zone & (session == "new_york"), target * 1.1, target)
    strength = np.where(kill_zone & overlap, strength * 1.2, strength)
    gap = np.where(asian, gap * 0.7, gap)
    tolerance = np.where(asian, tolerance * 0.8, tolerance)
    stop = np.where(asian, stop * 0.9, stop)
    gap = np.where(overlap, gap * 0.9, gap)
    strength = np.where(overlap, strength * 1.15, strength)
    score = np.where(overlap, score + 0.03, score)
    return {
        "min_gap_pips": np.clip(gap, 0.5, 6.0),
        "volatility_factor": np.clip(stop, 0.5, 2.0),
        "momentum_factor": np.clip(target, 0.5, 2.0),
        "score_adjustment": score,
        "fill_tolerance_pips": np.clip(tolerance, 0.1, 1.2),
        "strength_multiplier": np.clip(strength, 0.7, 1.5),
    }


class _Desk:
    """Turns zones of each kind into levels and scores."""

    def __init__(self, hours: I64, pips: float) -> None:
        self._hours, self._pips = hours, pips

    def columns(self, kind: int, zones: Hits, rows: NDArray[np.bool_]) -> Columns:
        make: dict[int, Callable[[Hits, I64], Columns]] = {
            SILVER_BULLET: self._silver_bullet,
            LIQUIDITY_GRAB: self._liquidity_grab,
            OPTIMAL_TRADE_ENTRY: self._optimal_trade_entry,
            ORDER_BLOCK: self._order_block,
            FAIR_VALUE_GAP: self._fair_value_gap,
        }
        return make[kind](zones[rows], self._hours[rows])

    @staticmethod
    def _silver_bullet(zones: Hits, hours: I64) -> Columns:
        sign, close = zones.direction, zones.close
        score = 75.0 + 10.0 * zones.gap + np.where(hours == 10, 5.0, 0.0)
        return {
            "entry_low": zones.low,
            "entry_high": zones.high,
            "stop_loss": np.where(sign > 0, zones.low - 0.0020, zones.high + 0.0020),
            "take_profit_1": close + sign * 0.0040,
            "take_profit_2": close + sign * 0.0070,
            "strength": score,
            "probability": score,
            "confidence": np.where(score >= 80, HIGH, MEDIUM),
            "session": np.full(len(zones), LONDON),
        }

    @staticmethod
    def _liquidity_grab(zones: Hits, hours: I64) -> Columns:
        sign, close = zones.direction, zones.close
        return {
            "entry_low": close - 0.0008,
            "entry_high": close + 0.0008,
            "stop_loss": np.where(sign > 0, zones.low - 0.0010, zones.high + 0.0010),
            "take_profit_1": close + sign * 0.0050,
            "strength": np.full(len(zones), 85.0),
            "probability": np.full(len(zones), 90.0),
            "confidence": np.full(len(zones), VERY_HIGH),
            "session": session_of(hours),
        }

    @staticmethod
    def _optimal_trade_entry(zones: Hits, hours: I64) -> Columns:
        buys, size = zones.direction > 0, zones.high - zones.low
        score = 68.0 + 5.0 * zones.gap
        return {
            "entry_low": zones.high - 0.786 * size,
            "entry_high": zones.high - 0.618 * size,
            "stop_loss": np.where(buys, zones.low - 0.0015, zones.high + 0.0015),
            "take_profit_1": np.where(buys, zones.high, zones.low),
            "take_profit_2": np.where(buys, zones.high + 0.618 * size, zones.low - 0.618 * size),
            "strength": np.minimum(score, 88.0),
            "probability": score,
            "confidence": np.where(score >= 75, HIGH, MEDIUM),
            "session": session_of(hours),
        }

    @staticmethod
    def _order_block(zones: Hits, hours: I64) -> Columns:
        sign = zones.direction
        score = 65.0 + block_strength(zones.ratio, zones.grade) * 15.0
        return {
            "entry_low": zones.low,
            "entry_high": zones.high,
            "stop_loss": np.where(sign > 0, zones.low - 0.0010, zones.high + 0.0010),
            "take_profit_1": zones.close + sign * 0.0030,
            "strength": np.minimum(score, 82.0),
            "probability": score,
            "confidence": np.full(len(zones), MEDIUM),
            "session": session_of(hours),
        }

    def _fair_value_gap(self, zones: Hits, hours: I64) -> Columns:
        sign, size = zones.direction, zones.high - zones.low
        momentum, (session, kill_zone) = zones.momentum, market_session(hours)
        trend = np.where(abs(momentum) > 0.5, np.sign(momentum), 0.0)
        wanted = adapted(zones.volatility, momentum, trend, session, kill_zone)
        score = 60.0 + 10.0 + 100.0 * wanted["score_adjustment"]
        score = score + np.where(kill_zone, 5.0, 0.0) - np.where(zones.volatility < 6, 5.0, 0.0) + 8.0
        margin = size * 0.2 * wanted["volatility_factor"]
        return {
            "entry_low": zones.low,
            "entry_high": zones.high,
            "stop_loss": np.where(sign > 0, zones.low - margin, zones.high + margin),
            "take_profit_1": zones.close + sign * (size * (1.5 * wanted["momentum_factor"])),
            "strength": np.minimum(score, 78.0),
            "probability": score,
            "confidence": np.full(len(zones), MEDIUM),
            "session": session_of(hours),
            "kept": size * self._pips >= wanted["min_gap_pips"],
        }


_FLOATS = (
    "entry_low",
    "entry_high",
    "stop_loss",
    "take_profit_1",
    "take_profit_2",
    "strength",
    "probability",
)


def signals(zones: Hits, hours: I64, symbol: str, min_confidence: float) -> Hits:
    """Return the signals that zones make, in the same order.

    Order blocks, gaps and optimal trade entries are dropped if they score less than ``min_confidence``.
    """
    columns: Columns = {name: np.full(len(zones), np.nan) for name in _FLOATS}
    columns |= {name: np.zeros(len(zones), np.int64) for name in ("confidence", "session")}
    columns["kept"] = np.ones(len(zones), bool)
    desk = _Desk(hours, 100.0 if "JPY" in symbol else 10000.0)
    for kind in _TYPES:
        rows = zones.kind == kind
        if rows.any():
            for name, values in desk.columns(kind, zones, rows).items():
                columns[name][rows] = values
    weak = (zones.kind >= OPTIMAL_TRADE_ENTRY) & ~(columns["probability"] >= min_confidence)
    middle = (columns["entry_low"] + columns["entry_high"]) / 2
    risk = abs(middle - columns["stop_loss"])
    reward = abs(columns["take_profit_1"] - middle)
    columns["risk_reward_ratio"] = np.divide(reward, risk, out=np.zeros(len(zones)), where=risk != 0)
    kept = columns.pop("kept") & ~weak
    same = {
        name: zones.columns[name]
        for name in ("bar", "confirmed", "part", "kind", "direction", "source", "gap")
    }
    return Hits(same | columns)[kept]


def institutional_flow(session: I64, strength: F64, confluences: I64) -> F64:
    """Return the share of large orders that a signal's own fields stand for."""
    active = (session == LONDON) | (session == NEW_YORK)
    return np.minimum(
        1.0,
        0.5
        + np.where(active, 0.2, 0.0)
        + np.where(strength > 75, 0.2, 0.0)
        + np.where(confluences > 2, 0.1, 0.0),
    )


def smart_money_share(
    manipulates: NDArray[np.bool_],
    silver: NDArray[np.bool_],
    reward: F64,
    session: I64,
    hours: I64,
    flow: F64,
) -> F64:
    """Return the confidence, from 0 to 1, that revises strengths."""
    maker = 0.5 + np.where(manipulates, 0.3, np.where(silver, 0.2, 0.0)) + np.where(reward > 2, 0.1, 0.0)
    london, new_york = (hours == 10) | (hours == 11), (hours == 14) | (hours == 15)
    asian = (hours == 1) | (hours == 2)
    matching = london & (session == LONDON) | new_york & (session == NEW_YORK)
    zone = np.where(london | new_york | asian, np.where(matching, 0.9, 0.8), 0.0)
    return np.minimum(1.0, 0.5 + 0.15 + 0.3 * flow + 0.2 * np.minimum(1.0, maker) + 0.3 * zone)


def revised(strength: F64, share: F64) -> tuple[F64, I64]:
    """Return the strengths half way to a share, and their confidences."""
    strength = (strength + 100.0 * share) / 2
    return strength, np.where(strength >= 80, HIGH, np.where(strength >= 70, MEDIUM, 0))


def rescored(found: Hits, hours: I64) -> Hits:
    """Return signals with the strengths revised."""
    tags = 2 + np.where(np.isin(found.kind, _TAGGED_WITH_GAP), found.gap, 0)
    share = smart_money_share(
        found.kind == LIQUIDITY_GRAB,
        found.kind == SILVER_BULLET,
        found.risk_reward_ratio,
        found.session,
        hours,
        institutional_flow(found.session, found.strength, tags),
    )
    strength, confidence = revised(found.strength, share)
    return Hits(found.columns | {"strength": strength, "confidence": confidence, "smart_money": share})


def strongest(found: Hits, limit: int) -> Hits:
    """Return the strongest signals of each bar where there are more than the limit, in their order elsewhere."""
    _, at, counts = np.unique(found.bar, return_index=True, return_counts=True)
    many = np.repeat(counts > limit, counts)
    order = np.lexsort((np.where(many, -found.strength, 0.0), found.bar))
    rank = np.arange(len(found)) - np.repeat(at, counts)
    return found[order[rank < limit]]


def records(
    found: Hits, symbol: str, timeframe: str, stamps: Sequence[datetime], data_tag: bool
) -> list[PatternSignal]:
    """Return the records of signals, of which ``stamps`` says when each was made."""
    buy, sell = TradingDirection.BUY, TradingDirection.SELL
    names = ("kind", "direction", "gap", "confidence", "session", *_FLOATS, "risk_reward_ratio")
    shares = found.smart_money.tolist() if data_tag else repeat(None, len(found))
    made = []
    for row, share, stamp in zip(found.rows(*names), shares, stamps, strict=True):
        (
            kind,
            direction,
            gap,
            confidence,
            session,
            low,
            high,
            stop,
            target,
            second,
            strength,
            chance,
            reward,
        ) = row
        tags = [*_TAGS[kind], "fvg"] if gap and kind in _TAGGED_WITH_GAP else list(_TAGS[kind])
        raw: dict[str, Any] = {}
        identity = f"{_PREFIXES[kind]}_{symbol}_{int(stamp.timestamp())}"
        if share is not None:
            tags.append(RESCORED_TAG)
            raw["smart_money_data"] = {"confidence": share}
            identity = ""
        made.append(
            PatternSignal(
                _TYPES[kind],
                buy if direction > 0 else sell,
                CONFIDENCES[confidence],
                strength,
                stamp,
                symbol,
                timeframe,
                (low, high),
                stop,
                target,
                None if second != second else second,
                reward,
                chance,
                SESSIONS[session],
                _STORIES[kind],
                tags,
                "close beyond the stop",
                None,
                "MEDIUM",
                MAX_HOLD_TIME if kind == LIQUIDITY_GRAB else None,
                identity,
                raw,
            )
        )
    return made
