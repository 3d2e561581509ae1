"""Institutional flow, killzones by the clock and signs of manipulation, as ``institutional_flow_analyzer`` gives them.

The module stands in for the ICT Engine's ``smart_money_concepts.institutional_flow_analyzer``. It reads no candles.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 6: the institutional flow is always neutral: the original asks its analyzer in a way that it cannot answer.
* 6: ``KillzoneStatus.APPROACHING`` is never assigned, and after the last zone of a day the next one's start is
  unknown.
* 6: every zone has a strength of 0.75 and counts as the best time to trade, to its last minute.
* 6: manipulation by the time of day goes by the local clock, killzones by UTC.

Differences, on purpose: values that are no numbers raise a :class:`~ict_kernels.errors.ParameterError`; texts, and
the keys of ``get_flow_statistics``, are our own.

Examples
--------
>>> from datetime import datetime
>>> zone = InstitutionalFlowAnalyzer().get_active_killzone(datetime(2025, 9, 1, 9, 10))
>>> zone.active_zone, zone.status.value, zone.time_remaining
('London', 'peak', '01:50')
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from ...errors import ParameterError
from ._collaborators import Clock, Log, now, utc_now
from .smart_money_analyzer import SmartMoneyAnalyzer

__all__ = [
    "ActiveKillzone",
    "InstitutionalFlowAnalyzer",
    "InstitutionalFlowResult",
    "KillzoneStatus",
    "create_institutional_flow_analyzer",
]

KEPT = 100
LOOKED_AT = 10
PEAK_MINUTES = 30
QUIET_HOURS = frozenset({22, 23, 0, 1, 2, 3, 4, 5})

# Minutes of the day in UTC: start, end and peak; both ends belong to the zone.
_ZONES = {"Asian": (0, 180, 90), "London": (480, 660, 570), "New_York": (780, 960, 870)}


class KillzoneStatus(Enum):
    """Where in a killzone the clock is; ``APPROACHING`` is never assigned.

    Examples
    --------
    >>> KillzoneStatus.PEAK.value
    'peak'
    """

    ACTIVE = "active"
    APPROACHING = "approaching"
    INACTIVE = "inactive"
    PEAK = "peak"


@dataclass
class InstitutionalFlowResult:
    """What institutions are taken to be doing.

    Examples
    --------
    >>> InstitutionalFlowResult("neutral", 0.5, 0.5, 0.0).liquidity_levels
    []
    """

    direction: str
    strength: float
    confidence: float
    manipulation_score: float
    volume_profile: dict[str, Any] = field(default_factory=dict)
    liquidity_levels: list[Any] = field(default_factory=list)
    timestamp: str = ""
    session_context: str = ""


@dataclass
class ActiveKillzone:
    """The killzone that the clock is in, or else the next one; times are ``HH:MM``.

    Examples
    --------
    >>> ActiveKillzone("None", KillzoneStatus.INACTIVE, "", "", "", "", 0.0, False).next_zone is None
    True
    """

    active_zone: str
    status: KillzoneStatus
    start_time: str
    end_time: str
    peak_time: str
    time_remaining: str
    session_strength: float
    optimal_trading_window: bool
    next_zone: str | None = None
    time_until_next: str | None = None


class InstitutionalFlowAnalyzer:
    """Tells killzones, and signs of manipulation in numbers that it is given.

    Parameters
    ----------
    logger : object, optional
        The engine's logger or one of the standard library; nothing is logged by default.
    clock : callable, default ``datetime.now``
        The local time.
    utc_clock : callable, default the time in UTC
        What killzones go by.

    Attributes
    ----------
    flow_history : list of InstitutionalFlowResult
        The last 100 results.

    Examples
    --------
    >>> analyzer = InstitutionalFlowAnalyzer()
    >>> analyzer.analyze_institutional_flow({"symbol": "EURUSD"}).direction
    'neutral'
    """

    def __init__(self, logger: Any | None = None, *, clock: Clock = now, utc_clock: Clock = utc_now) -> None:
        self.logger = logger
        self.smart_money_analyzer = SmartMoneyAnalyzer(logger, clock=clock)
        self.flow_history: list[InstitutionalFlowResult] = []
        self._clock = clock
        self._utc_clock = utc_clock
        self._log = Log("institutional_flow_analyzer", logger)

    def analyze_institutional_flow(self, market_data: Mapping[str, Any]) -> InstitutionalFlowResult:
        """Return a neutral flow with the time and the session.

        Parameters
        ----------
        market_data : mapping
            Not read.

        Returns
        -------
        InstitutionalFlowResult
            Also appended to :attr:`flow_history`.

        Examples
        --------
        >>> result = InstitutionalFlowAnalyzer().analyze_institutional_flow({})
        >>> result.strength, result.volume_profile["volume_ratio"]
        (0.5, 1.0)
        """
        result = InstitutionalFlowResult(
            direction="neutral",
            strength=0.5,
            confidence=0.5,
            manipulation_score=0.0,
            volume_profile={"institutional_volume": 0, "retail_volume": 0, "volume_ratio": 1.0},
            timestamp=self._clock().isoformat(),
            session_context=self.smart_money_analyzer.get_current_smart_money_session().value,
        )
        self.flow_history = [*self.flow_history, result][-KEPT:]
        self._log.debug("institutional flow is neutral")
        return result

    def get_active_killzone(self, current_time: datetime | None = None) -> ActiveKillzone:
        """Return the killzone at a time, or else the next one of that day.

        Parameters
        ----------
        current_time : datetime, optional
            Only hour and minute count, as they stand there. Now in UTC by default.

        Returns
        -------
        ActiveKillzone

        Examples
        --------
        >>> zone = InstitutionalFlowAnalyzer().get_active_killzone(datetime(2025, 9, 1, 11, 30))
        >>> zone.active_zone, zone.next_zone, zone.time_until_next
        ('None', 'New_York', '01:30')
        """
        moment = self._utc_clock() if current_time is None else current_time
        minute = 60 * moment.hour + moment.minute
        for name, (start, end, peak) in _ZONES.items():
            if start <= minute <= end:
                at_peak = abs(minute - peak) <= PEAK_MINUTES
                status = KillzoneStatus.PEAK if at_peak else KillzoneStatus.ACTIVE
                times = [_text(minutes) for minutes in (start, end, peak, end - minute)]
                return ActiveKillzone(name, status, times[0], times[1], times[2], times[3], 0.75, True)
        later = [(start - minute, name) for name, (start, _, _) in _ZONES.items() if start > minute]
        wait, name = min(later, default=(None, "Asian"))
        until = "Unknown" if wait is None else _text(wait)
        return ActiveKillzone("None", KillzoneStatus.INACTIVE, "", "", "", "", 0.0, False, name, until)

    def detect_manipulation_patterns(self, market_data: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the signs of manipulation in numbers of the market.

        Parameters
        ----------
        market_data : mapping
            ``price_spike`` (pips), ``quick_reversal``, ``price_change_percent`` and ``volume_ratio``; absent ones
            count as 0, false, 0 and 1.

        Returns
        -------
        list of dict
            Keys ``type``, ``severity``, ``description``, ``confidence`` and ``timestamp``.

        Raises
        ------
        ParameterError
            If a value is no number.

        Examples
        --------
        >>> [sign] = InstitutionalFlowAnalyzer(clock=lambda: datetime(2025, 9, 1, 10)).detect_manipulation_patterns(
        ...     {"price_spike": 25, "quick_reversal": True})
        >>> sign["type"], sign["severity"], sign["confidence"]
        ('spike_reversal', 'high', 0.85)
        """
        moment = self._clock()
        spike, change = (
            _number(market_data, "price_spike", 0.0),
            _number(market_data, "price_change_percent", 0.0),
        )
        ratio = _number(market_data, "volume_ratio", 1.0)
        signs = [
            (
                spike > 20 and bool(market_data.get("quick_reversal", False)),
                ("spike_reversal", "high", f"A spike of {spike:.1f} pips was taken back at once", 0.85),
            ),
            (
                abs(change) > 0.3 and ratio < 0.8,
                ("volume_manipulation", "medium", f"The price moved {change:.2f}% on little volume", 0.72),
            ),
            (
                moment.hour in QUIET_HOURS and abs(change) > 0.2,
                ("time_based_manipulation", "medium", f"The price moved {change:.2f}% in a quiet hour", 0.68),
            ),
        ]
        names = ("type", "severity", "description", "confidence")
        stamp = moment.isoformat()
        return [{**dict(zip(names, sign)), "timestamp": stamp} for applies, sign in signs if applies]

    def get_flow_statistics(self) -> dict[str, Any]:
        """Return means and counts of the last ten results.

        Returns
        -------
        dict
            ``total_analyses`` (of those kept), ``analyzed``, ``average_strength``, ``average_confidence``,
            ``average_manipulation_score``, ``directions`` and ``dominant_direction``.

        Examples
        --------
        >>> InstitutionalFlowAnalyzer().get_flow_statistics()["total_analyses"]
        0
        """
        last = self.flow_history[-LOOKED_AT:]
        directions = Counter(result.direction for result in last)
        count = len(last) or 1
        return {
            "total_analyses": len(self.flow_history),
            "analyzed": len(last),
            "average_strength": sum(result.strength for result in last) / count,
            "average_confidence": sum(result.confidence for result in last) / count,
            "average_manipulation_score": sum(result.manipulation_score for result in last) / count,
            "directions": dict(directions),
            "dominant_direction": directions.most_common(1)[0][0] if directions else "neutral",
        }


def create_institutional_flow_analyzer(
    logger: Any | None = None, *, clock: Clock = now, utc_clock: Clock = utc_now
) -> InstitutionalFlowAnalyzer:
    """Return a new analyzer.

    Parameters
    ----------
    logger, clock, utc_clock
        As for :class:`InstitutionalFlowAnalyzer`.

    Returns
    -------
    InstitutionalFlowAnalyzer

    Examples
    --------
    >>> create_institutional_flow_analyzer().flow_history
    []
    """
    return InstitutionalFlowAnalyzer(logger, clock=clock, utc_clock=utc_clock)


def _text(minutes: int) -> str:
    """Return minutes as ``HH:MM``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _number(values: Mapping[str, Any], name: str, default: float) -> float:
    value = values.get(name, default)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"market_data[{name!r}] is {value!r}; give a number") from error
