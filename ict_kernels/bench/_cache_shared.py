"""What the parts of the cache's benchmark share: tables without a cache, their comparison, bounds, targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..candles import Candles
from ..config import ByteSize, CacheOptimization
from ..detectors._run import table
from ..events import Events
from ..fold import Emitted, fold_batch
from ..registry import Spec
from ._report import Target

__all__ = ["Found", "Rows", "computed", "differing", "goal", "settings"]

Found = Mapping[Spec, Any]
Rows = list[dict[str, Any]]


def computed(specs: Sequence[Spec], candles: Candles) -> Found:
    """Tables without a cache, in one thread."""

    def consume(spec: Spec, emitted: Emitted) -> Any:
        return table(spec, [emitted], candles) if spec in specs else None

    made = fold_batch(specs, candles.bars, 1, consume)
    return {spec: made[spec] for spec in specs}


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
