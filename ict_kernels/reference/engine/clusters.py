"""Levels that lie close to each other."""

from __future__ import annotations

from collections.abc import Sequence


def keep_strongest(
    levels: Sequence[float], strengths: Sequence[float], kinds: Sequence[int], tolerance: float
) -> list[bool]:
    """Which levels stay when each replaces, or yields to, the first accepted of its kind within reach."""
    accepted: list[int] = []
    for new in range(len(levels)):
        near = [
            old
            for old in accepted
            if kinds[old] == kinds[new] and abs(levels[old] - levels[new]) <= tolerance
        ]
        if near and not strengths[new] > strengths[near[0]]:
            continue
        if near:
            accepted.remove(near[0])
        accepted.append(new)
    return [at in set(accepted) for at in range(len(levels))]


def count_near(levels: Sequence[float], tolerance: float) -> list[int]:
    """How many others lie within reach of each level."""
    return [sum(abs(other - level) <= tolerance for other in levels) - (level == level) for level in levels]
