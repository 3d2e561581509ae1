"""Every error the package raises on purpose: what is wrong, where, and what to do about it."""

from __future__ import annotations

__all__ = [
    "CacheWarning",
    "CandleError",
    "ConfigError",
    "IctError",
    "NaiveTimeWarning",
    "OutputError",
    "ParameterError",
    "StateError",
    "UncachedWarning",
]


class IctError(Exception):
    """Base of the package's own errors."""


class CandleError(IctError, ValueError):
    """Candles that break a promise: the message names the column, the first rows and the remedy."""


class ParameterError(IctError, ValueError):
    """A detector, parameter or value that does not exist or is out of its range."""


class ConfigError(IctError, ValueError):
    """A configuration key that is unknown or out of its range."""


class StateError(IctError, ValueError):
    """A saved stream that is damaged, foreign, or made by other kernels."""


class OutputError(IctError, OSError):
    """Results that could not be written; nothing half-written is left behind."""


class CacheWarning(UserWarning):
    """Results cannot be kept on disk, and are computed anew in each process."""


class NaiveTimeWarning(UserWarning):
    """Times without a zone were read as UTC."""


class UncachedWarning(UserWarning):
    """Kernels are compiled anew in this process, since no cache folder can be written."""
