"""What the tests of the cache share: markets, costs that make it take a certain way, forged files."""

from __future__ import annotations

import json
import os
import random
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

import ict_kernels as ict
from ict_kernels.cache._costs import CostModel
from ict_kernels.cache._keys import Key, key_of
from ict_kernels.candles import Candles
from ict_kernels.config import ByteSize, CacheOptimization, load_config
from ict_kernels.registry import Entry, Spec
from tests.specs import specs

HEAD = struct.Struct("<8sII16s")
LENGTH = struct.Struct("<I")
ALIGNED = 64
ALL = tuple(ict.detectors())
DEFAULTS = load_config().cache_optimization
COLUMNS = ("time", "open", "high", "low", "close", "volume")
PATIENCE = 30.0  # seconds until something counts as stuck
Change = Callable[[dict[str, Any]], object]

any_spec = st.sampled_from(ALL).flatmap(specs)


@pytest.fixture(scope="module", autouse=True)
def unsynced() -> Iterator[None]:
    """Leave it to the system when files reach the disk: nothing here loses its power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


class Eager(CostModel):
    """Costs by which whatever is there is read or continued, and everything is written if that is wanted."""

    def __init__(self, write: bool = True) -> None:
        super().__init__()
        self.write = write

    def computing(self, specs: Iterable[Spec], bars: int, *, loading: bool | None = None) -> float:
        # So that even the last bars of a few are worth not computing the others again.
        return sum(1e-3 + float(bars) ** 20 for _ in specs)

    def reading(self, detector: Entry, bars: int, compressed: bool) -> float:
        return 0.0

    def worth_writing(self, spec: Spec, bars: int, new_bars: int, size: int, compressed: bool) -> bool:
        return self.write


class Reluctant(Eager):
    """Costs by which reading any file takes longer than computing."""

    def reading(self, detector: Entry, bars: int, compressed: bool) -> float:
        return 1e300


class Ticks:
    """A stopwatch that goes on by so many seconds whenever it is looked at."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.now = 0.0

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def settings(**changes: Any) -> CacheOptimization:
    """The default limits but for these; sizes as text or bytes."""
    sizes = ("max_cache_size", "max_memory_size")
    given: dict[str, Any] = {
        name: ByteSize(value) if name in sizes else value for name, value in changes.items()
    }
    return replace(DEFAULTS, **given)


def eager(folder: Path | str, *, write: bool = True, **changes: Any) -> ict.Cache:
    """A cache that reads and continues whatever is there."""
    clock = changes.pop("clock", Clock())
    cache = ict.Cache(folder, settings(**changes), clock=clock)
    cache.costs = Eager(write)
    return cache


def as_candles(prices: Sequence[Any]) -> Candles:
    """One-minute candles of open, high, low and close."""
    columns = [np.ascontiguousarray(column, np.float64) for column in prices]
    time = np.arange(len(columns[0]), dtype=np.int64) * 60_000_000_000
    return made_of(dict(zip(COLUMNS, [time, *columns, np.zeros(len(time))])), "TEST", "1min")


def made_of(columns: dict[str, Any], symbol: str, timeframe: str) -> Candles:
    """Candles that nothing checks."""
    return Candles._trusted(**columns, symbol=symbol, timeframe=timeframe)


def columns_of(market: Candles) -> dict[str, Any]:
    """Copies of all columns by name."""
    return {name: getattr(market, name).copy() for name in COLUMNS}


def renamed(market: Candles, symbol: str, timeframe: str = "15min") -> Candles:
    """The same candles of another market."""
    return made_of(columns_of(market), symbol, timeframe)


def changed(market: Candles, column: str, place: int, value: float) -> Candles:
    """The same candles with one cell set."""
    columns = columns_of(market)
    columns[column][place] = value
    return made_of(columns, market.symbol, market.timeframe)


def parted(market: Candles, place: int, times: float = 1.01) -> Candles:
    """The same candles as far as a place, from which on prices are so many times as high."""
    columns = columns_of(market)
    for name in ("open", "high", "low", "close"):
        columns[name][place:] *= times
    return made_of(columns, market.symbol, market.timeframe)


def sample(bars: int, symbol: str = "EURUSD") -> Candles:
    """Candles of the built-in market."""
    return ict.sample_market([symbol], bars=bars)[0]


def fresh(spec: Spec, candles: Candles) -> Any:
    """What the public function finds."""
    return spec.entry.function(candles, **spec.parameters)


def in_thread(job: Callable[[], object]) -> threading.Thread:
    """A thread that has begun with a job; it doesn't keep the process from ending."""
    thread = threading.Thread(target=job, daemon=True)
    thread.start()
    return thread


def ends(thread: threading.Thread) -> bool:
    """Whether a thread comes to its end."""
    thread.join(PATIENCE)
    return not thread.is_alive()


def arrays_of(result: Any) -> dict[str, NDArray[Any]]:
    """Columns of a table by name; of a dense companion its only one."""
    return {name: result[name] for name in result.columns} if isinstance(result, ict.Events) else {"": result}


def bits(result: Any) -> list[tuple[str, str, bytes]]:
    """All that a result holds, as it can be kept and compared: NaNs by their bits, zeros by their sign."""
    return [(name, values.dtype.str, values.tobytes()) for name, values in arrays_of(result).items()]


def assert_same(mine: Any, theirs: Any) -> None:
    """Results of the same kind and market, equal bit for bit."""
    assert type(mine) is type(theirs)
    if isinstance(mine, ict.Events):
        assert not mine.difference(theirs)
        for name in ("detector", "schema", "parameters", "symbol", "timeframe"):
            assert getattr(mine, name) == getattr(theirs, name), name
        assert np.array_equal(mine.times(), theirs.times())
        assert not any(values.flags.writeable for values in arrays_of(mine).values())
    assert bits(mine) == bits(theirs)


def key_for(spec: Spec, candles: Candles) -> Key:
    """The key of a detector's table."""
    return key_of(spec, candles, candles.digest)


def entry_files(folder: Path) -> list[Path]:
    """Files of tables, in order."""
    return sorted(folder.glob("*/*/*.ict"))


def snapshot(folder: Path) -> set[str]:
    """Everything below a folder, by its path."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def header_of(content: bytes) -> dict[str, Any]:
    """The header of a file, unchecked."""
    header: dict[str, Any] = json.loads(content[HEAD.size : HEAD.size + HEAD.unpack_from(content)[2]])
    return header


def sealed(header: bytes, body: bytes) -> bytes:
    """A file with a right checksum, whatever it holds."""
    header += b" " * (-(HEAD.size + len(header)) % ALIGNED)
    fields = b"ICTCACHE", 1, len(header)
    checksum = xxh3_128_digest(HEAD.pack(*fields, b"") + header + body)
    return HEAD.pack(*fields, checksum) + header + body


def forged(content: bytes, change: Change) -> bytes:
    """A file whose header was changed, its checksum made right again."""
    header = header_of(content)
    change(header)
    return sealed(json.dumps(header).encode(), content[HEAD.size + HEAD.unpack_from(content)[2] :])


def states_forged(content: bytes, change: Change) -> bytes:
    """A file whose declaration of the states was changed, its checksum made right again."""
    size, header = HEAD.unpack_from(content)[2], header_of(content)
    at = HEAD.size + size + header["table_bytes"]
    at += -at % ALIGNED
    (length,) = LENGTH.unpack_from(content, at)
    body = content[at + LENGTH.size + length :]
    wrapped = {"states": json.loads(content[at + LENGTH.size : at + LENGTH.size + length])}
    change(wrapped)
    text = json.dumps(wrapped["states"]).encode()
    text += b" " * (-(LENGTH.size + len(text)) % ALIGNED)
    states = LENGTH.pack(len(text)) + text + body
    return sealed(content[HEAD.size : HEAD.size + size], content[HEAD.size + size : at] + states)


def sampled(size: int, count: int, seed: int = 0) -> Iterator[int]:
    """Some positions below a size, in order, the first and the last among them."""
    drawn = random.Random(seed).sample(range(size), min(count, size))
    yield from sorted({0, size - 1, *drawn})
