"""What the parts of the cache's benchmark share: tables without a cache, their comparison, bounds, targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..config import ByteSize, CacheOptimization
from ..events import Events
from ..registry import Spec
from ._report import Target

__all__ = ["Found", "Rows", "differing", "goal", "settings"]

Found = Mapping[Spec, Any]
Rows = list[dict[str, Any]]


def differing(mine: Found, theirs: Found) -> list[str]:
    """Names of detectors whose tables are not the same."""
    return [spec.name for spec, found in theirs.items() if not _same(mine[spec], found)]


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(theirs, Events):
        return isinstance(mine, Events) and mine == theirs
    return bool(mine.dtype == theirs.dtype and np.array_equal(mine, theirs))


def settings(memory: str, compressed: bool = True) -> CacheOptimization:
    """A bound of the level in memory; on disk there is room for everything, and nothing expires."""
    return CacheOptimization(
        max_cache_size=ByteSize("4GB"),
        cache_ttl_seconds=1_000_000,
        compression_enabled=compressed,
        max_memory_size=ByteSize(memory),
    )


def goal(figure: str, value: float, target: Target) -> dict[str, Any]:
    """A row of the table of targets."""
    return {"figure": figure, "value": value, **target.judge(value)}
