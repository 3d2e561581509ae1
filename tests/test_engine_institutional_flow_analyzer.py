"""The engine's institutional flow analyzer: its constant answers, its killzones and its thresholds."""

from __future__ import annotations

import logging
from dataclasses import fields
from datetime import datetime, timezone
from typing import Any

import pytest

from ict_kernels.adapters.ict_engine.institutional_flow_analyzer import (
    ActiveKillzone,
    InstitutionalFlowAnalyzer,
    InstitutionalFlowResult,
    KillzoneStatus,
    create_institutional_flow_analyzer,
)
from ict_kernels.errors import ParameterError

MORNING = datetime(2022, 10, 11, 9, 30)


def analyzer(moment: datetime = MORNING) -> InstitutionalFlowAnalyzer:
    return InstitutionalFlowAnalyzer(clock=lambda: moment)


def at(clock: str) -> ActiveKillzone:
    return analyzer().get_active_killzone(datetime.fromisoformat(f"2022-10-11T{clock}"))


# ---- flow ------------------------------------------------------------------------------------


@pytest.mark.parametrize("market_data", [{}, {"direction": "bullish", "strength": 1.0}])
def test_flow_is_neutral(market_data: dict[str, Any]) -> None:
    assert analyzer().analyze_institutional_flow(market_data) == InstitutionalFlowResult(
        direction="neutral",
        strength=0.5,
        confidence=0.5,
        manipulation_score=0.0,
        volume_profile={"institutional_volume": 0, "retail_volume": 0, "volume_ratio": 1},
        liquidity_levels=[],
        timestamp="2022-10-11T09:30:00",
        session_context="london_killzone",
    )


def test_a_hundred_results_are_kept_and_ten_looked_at() -> None:
    one = analyzer()
    results = [one.analyze_institutional_flow({}) for _ in range(101)]
    assert len(one.flow_history) == 100
    assert one.flow_history[0] is results[1]
    for result in results[:91]:
        result.direction, result.strength = "bullish", 1.0
    assert one.get_flow_statistics() == {
        "total_analyses": 100,
        "analyzed": 10,
        "average_strength": 0.5,
        "average_confidence": 0.5,
        "average_manipulation_score": 0.0,
        "directions": {"neutral": 10},
        "dominant_direction": "neutral",
    }


def test_statistics_of_nothing() -> None:
    assert analyzer().get_flow_statistics()["analyzed"] == 0
    assert analyzer().get_flow_statistics()["dominant_direction"] == "neutral"


def test_results_share_nothing() -> None:
    one = analyzer()
    one.analyze_institutional_flow({}).volume_profile["volume_ratio"] = 9
    assert one.analyze_institutional_flow({}).volume_profile["volume_ratio"] == 1


# ---- killzones -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "zone", "status", "remaining"),
    [
        ("00:00", "Asian", "active", "03:00"),
        ("01:00", "Asian", "peak", "02:00"),
        ("02:00", "Asian", "peak", "01:00"),
        ("02:01", "Asian", "active", "00:59"),
        ("03:00", "Asian", "active", "00:00"),
        ("08:00", "London", "active", "03:00"),
        ("09:10", "London", "peak", "01:50"),
        ("11:00", "London", "active", "00:00"),
        ("13:59", "New_York", "active", "02:01"),
        ("14:00", "New_York", "peak", "02:00"),
        ("16:00:59", "New_York", "active", "00:00"),
    ],
)
def test_inside_a_killzone(clock: str, zone: str, status: str, remaining: str) -> None:
    found = at(clock)
    assert (found.active_zone, found.status.value, found.time_remaining) == (zone, status, remaining)
    assert (found.session_strength, found.optimal_trading_window) == (0.75, True)
    assert (found.next_zone, found.time_until_next) == (None, None)


def test_killzone_times() -> None:
    found = at("09:10")
    assert (found.start_time, found.end_time, found.peak_time) == ("08:00", "11:00", "09:30")


@pytest.mark.parametrize(
    ("clock", "zone", "until"),
    [
        ("03:01", "London", "04:59"),
        ("11:30", "New_York", "01:30"),
        ("16:01", "Asian", "Unknown"),
        ("20:30", "Asian", "Unknown"),
    ],
)
def test_between_killzones(clock: str, zone: str, until: str) -> None:
    assert at(clock) == ActiveKillzone(
        "None", KillzoneStatus.INACTIVE, "", "", "", "", 0.0, False, zone, until
    )


def test_killzones_go_by_utc() -> None:
    one = InstitutionalFlowAnalyzer(
        clock=lambda: datetime(2022, 10, 11, 20),
        utc_clock=lambda: datetime(2022, 10, 11, 14, tzinfo=timezone.utc),
    )
    assert one.get_active_killzone().active_zone == "New_York"


# ---- manipulation ----------------------------------------------------------------------------


def signs(hour: int = 12, **values: Any) -> list[tuple[str, str, float]]:
    found = analyzer(datetime(2022, 10, 11, hour)).detect_manipulation_patterns(values)
    return [(sign["type"], sign["severity"], sign["confidence"]) for sign in found]


SPIKE = ("spike_reversal", "high", 0.85)
VOLUME = ("volume_manipulation", "medium", 0.72)
HOUR = ("time_based_manipulation", "medium", 0.68)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"price_spike": 21, "quick_reversal": True}, [SPIKE]),
        ({"price_spike": 20, "quick_reversal": True}, []),
        ({"price_spike": 99}, []),
        ({"price_change_percent": -0.31, "volume_ratio": 0.79}, [VOLUME]),
        ({"price_change_percent": 0.3, "volume_ratio": 0.1}, []),
        ({"price_change_percent": 0.4, "volume_ratio": 0.8}, []),
        ({"price_change_percent": 0.4}, []),
    ],
)
def test_manipulation(values: dict[str, Any], expected: list[Any]) -> None:
    assert signs(**values) == expected


def test_manipulation_by_the_local_hour() -> None:
    quiet = [hour for hour in range(24) if signs(hour, price_change_percent=-0.21) == [HOUR]]
    assert quiet == [0, 1, 2, 3, 4, 5, 22, 23]
    assert signs(2, price_change_percent=0.2) == []


def test_all_signs_at_once() -> None:
    values = {"price_spike": 30, "quick_reversal": True, "price_change_percent": 0.5, "volume_ratio": 0.5}
    assert signs(23, **values) == [SPIKE, VOLUME, HOUR]
    [sign] = analyzer().detect_manipulation_patterns({"price_spike": 30, "quick_reversal": True})
    assert set(sign) == {"type", "severity", "description", "confidence", "timestamp"}
    assert sign["timestamp"] == "2022-10-11T09:30:00"


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(ParameterError, match=r"market_data\['price_spike'\] is 'big'; give a number"):
        analyzer().detect_manipulation_patterns({"price_spike": "big"})


# ---- interface -------------------------------------------------------------------------------


def test_factory_and_names() -> None:
    logger = logging.getLogger("ours")
    assert create_institutional_flow_analyzer(logger).logger is logger
    assert [status.value for status in KillzoneStatus] == ["active", "approaching", "inactive", "peak"]
    assert [field.name for field in fields(InstitutionalFlowResult)] == [
        "direction",
        "strength",
        "confidence",
        "manipulation_score",
        "volume_profile",
        "liquidity_levels",
        "timestamp",
        "session_context",
    ]
    assert [field.name for field in fields(ActiveKillzone)] == [
        "active_zone",
        "status",
        "start_time",
        "end_time",
        "peak_time",
        "time_remaining",
        "session_strength",
        "optimal_trading_window",
        "next_zone",
        "time_until_next",
    ]
