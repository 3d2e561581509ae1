"""Event tables kept by the hash of the candles: keys, files, the level in memory, and what is worth it."""

from __future__ import annotations

from ._cache import Cache, default_location
from ._plan import Choice, Explanation
from ._stats import Stats

__all__ = ["Cache", "Choice", "Explanation", "Stats", "default_location"]
