"""What an analyzer of fractals carries for its user: counters, a breaker, a cache and a pool.

Detection uses none of them. They are meant for one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from ...errors import ParameterError

__all__ = ["CircuitBreaker", "IntelligentCache", "ObjectPool", "PerformanceMetrics"]

Seconds = Callable[[], float]


@dataclass
class PerformanceMetrics:
    """Counters of calls and of the cache.

    Examples
    --------
    >>> PerformanceMetrics(calls=4, failures=1, cache_hits=3, cache_misses=1).cache_hit_rate
    0.75
    """

    calls: int = 0
    failures: int = 0
    total_seconds: float = 0.0
    cache_hits: int = 0
    cache_misses: int = 0

    @property
    def mean_seconds(self) -> float:
        """Seconds a call, 0 without any."""
        return self.total_seconds / self.calls if self.calls else 0.0

    @property
    def cache_hit_rate(self) -> float:
        """Share of look-ups that the cache answered, 0 without any."""
        asked = self.cache_hits + self.cache_misses
        return self.cache_hits / asked if asked else 0.0


class CircuitBreaker:
    """Refuses work after too many failures in a row, for a while.

    Parameters
    ----------
    failure_threshold : int, default 5
        Failures in a row that open it.
    recovery_timeout : float, default 60
        Seconds after the last failure until it closes again.
    seconds : callable, default ``time.monotonic``
        The time now.

    Raises
    ------
    ParameterError
        If a number is not positive.

    Examples
    --------
    >>> breaker = CircuitBreaker(2, 60)
    >>> for _ in range(2):
    ...     breaker.record_failure()
    >>> breaker.is_open()
    True
    >>> breaker.record_success()
    >>> breaker.is_open()
    False
    """

    def __init__(
        self, failure_threshold: int = 5, recovery_timeout: float = 60, *, seconds: Seconds = monotonic
    ) -> None:
        _require_positive(failure_threshold=failure_threshold, recovery_timeout=recovery_timeout)
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.failures = 0
        self._seconds = seconds
        self._failed_at = 0.0

    def is_open(self) -> bool:
        """Return whether work is refused.

        Returns
        -------
        bool
        """
        if self.failures and self._seconds() - self._failed_at >= self.recovery_timeout:
            self.failures = 0
        return self.failures >= self.failure_threshold

    def record_failure(self) -> None:
        """Count a failure."""
        self.failures += 1
        self._failed_at = self._seconds()

    def record_success(self) -> None:
        """Forget the failures."""
        self.failures = 0


class IntelligentCache:
    """Keeps values for a while; the one that was asked for longest ago makes room for a new one.

    Parameters
    ----------
    max_size : int, default 1000
        How many values to keep.
    ttl : float, default 3600
        Seconds that a value is kept after it was set.
    seconds : callable, default ``time.monotonic``
        The time now.

    Raises
    ------
    ParameterError
        If a number is not positive.

    Examples
    --------
    >>> cache = IntelligentCache(2, 3600)
    >>> for key in "abc":
    ...     cache.set(key, key.upper())
    >>> cache.get("a"), cache.get("c"), len(cache)
    (None, 'C', 2)
    """

    def __init__(self, max_size: int = 1000, ttl: float = 3600, *, seconds: Seconds = monotonic) -> None:
        _require_positive(max_size=max_size, ttl=ttl)
        self.max_size = max_size
        self.ttl = ttl
        self._seconds = seconds
        self._values: dict[Hashable, tuple[Any, float]] = {}  # asked for longest ago first

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return the value of a key, or the default if it was never set or is too old.

        Parameters
        ----------
        key : hashable
        default : object, optional

        Returns
        -------
        object
        """
        if key not in self._values:
            return default
        value, until = self._values.pop(key)
        if self._seconds() >= until:
            return default
        self._values[key] = value, until  # the last to make room
        return value

    def set(self, key: Hashable, value: Any) -> None:
        """Keep a value.

        Parameters
        ----------
        key : hashable
        value : object
        """
        self._values.pop(key, None)
        self._values[key] = value, self._seconds() + self.ttl
        if len(self._values) > self.max_size:
            del self._values[next(iter(self._values))]

    def clear(self) -> None:
        """Forget all values."""
        self._values.clear()


class ObjectPool:
    """Hands out objects, those that were given back before new ones.

    Parameters
    ----------
    make : callable, default dict
        Makes a new object.
    max_size : int, default 100
        How many unused objects to keep; others that are given back are let go.

    Raises
    ------
    ParameterError
        If the size is not positive.

    Examples
    --------
    >>> pool = ObjectPool(list)
    >>> one = pool.acquire()
    >>> pool.release(one)
    >>> pool.acquire() is one
    True
    """

    def __init__(self, make: Callable[[], Any] = dict, max_size: int = 100) -> None:
        _require_positive(max_size=max_size)
        self.max_size = max_size
        self._make = make
        self._unused: list[Any] = []

    def __len__(self) -> int:
        return len(self._unused)

    def acquire(self) -> Any:
        """Return an unused object, as it was given back, or a new one.

        Returns
        -------
        object
        """
        return self._unused.pop() if self._unused else self._make()

    def release(self, used: Any) -> None:
        """Take an object back.

        Parameters
        ----------
        used : object

        Raises
        ------
        ParameterError
            If it was given back already.
        """
        if any(used is unused for unused in self._unused):
            raise ParameterError("the object is in the pool already; give it back once")
        if len(self._unused) < self.max_size:
            self._unused.append(used)


def _require_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not number > 0:
            raise ParameterError(f"{name} is {number!r}; give a positive number")
