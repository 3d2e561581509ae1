"""What a cached table is known by: detector, parameters, data, kernels and version."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from xxhash import xxh3_64_hexdigest, xxh3_128_hexdigest

from ..candles import Candles
from ..kernels._jit import SOURCE_HASH
from ..registry import Spec, per_registry, with_feeds

__all__ = ["FORMAT", "Key", "build_id", "parse_name", "series_id", "spec_id"]

_KERNELS = f"{__package__.rpartition('.')[0]}.kernels."
FORMAT = 1
"""Version of the files; others are never read."""

SUFFIX = ".ict"
_MASK = (1 << 64) - 1  # times before 1970 are negative


class Key(NamedTuple):
    """One table: a detector with its parameters over some candles, made by some build of the package.

    ``build``, ``series`` and ``spec`` are hashes, ``digest`` is :attr:`Candles.digest` and ``begin`` the time of the
    first candle in hexadecimal digits, so a key is safe as a path whatever symbols and parameters hold.
    """

    build: str
    series: str
    spec: str
    bars: int
    digest: str
    begin: str = ""

    @property
    def name(self) -> str:
        """Name of the file."""
        return f"{self.spec}-{self.begin}-{self.bars}-{self.digest}{SUFFIX}"

    @property
    def call_id(self) -> tuple[str, str, str]:
        """Where a store of joblib keeps it."""
        return self.build, self.series, self.name


def parse_name(build: str, series: str, name: str) -> Key | None:
    """The key that a file's place stands for; None if it is none of ours."""
    parts = name.removesuffix(SUFFIX).split("-")
    if not name.endswith(SUFFIX) or len(parts) != 4 or not (parts[2].isascii() and parts[2].isdecimal()):
        return None
    key = Key(build, series, parts[0], int(parts[2]), parts[3], parts[1])
    return key if key.name == name else None


@lru_cache(maxsize=4096)
def series_id(symbol: str, timeframe: str) -> str:
    """Hash of a market: its series, however long, lie in one folder."""
    return xxh3_64_hexdigest(json.dumps([symbol, timeframe]).encode())


@lru_cache(maxsize=4096)
def spec_id(spec: Spec) -> str:
    """Hash of a detector with its canonical parameters: ``1`` and ``1.0`` are one."""
    return xxh3_128_hexdigest(json.dumps([spec.name, spec.parameters], sort_keys=True).encode())


@lru_cache(maxsize=8)
def build_id(kernels: str = SOURCE_HASH, version: str = "") -> str:
    """Hash of all kernel sources and of the package's version, this one's by default."""
    from .. import __version__

    return xxh3_64_hexdigest(json.dumps([FORMAT, kernels, version or __version__]).encode())


@per_registry
def is_ours(spec: Spec) -> bool:
    """Whether the hash of kernel sources, which keys hold, covers a detector and all that feed it."""
    return all(each.entry.kernel.__module__.startswith(_KERNELS) for each in with_feeds([spec]))


@per_registry
def by_origin(specs: tuple[Spec, ...]) -> tuple[tuple[Spec, ...], tuple[Spec, ...]]:
    """Detectors whose kernels are this package's, and the others."""
    return tuple(filter(is_ours, specs)), tuple(spec for spec in specs if not is_ours(spec))


def key_of(spec: Spec, candles: Candles, digest: str) -> Key:
    """The key of a detector's table over these candles, whose digest is known."""
    series = series_id(candles.symbol, candles.timeframe)
    begin = f"{int(candles.time[0]) & _MASK:x}" if len(candles) else ""
    return Key(build_id(), series, spec_id(spec), len(candles), digest, begin)


def continues(longer: Key, key: Key) -> bool:
    """Whether a table could continue another; a key without a beginning continues any."""
    return key.bars < longer.bars and longer.begin in ("", key.begin)
