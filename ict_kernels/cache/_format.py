"""The file of one cached table: a JSON header and typed buffers under a checksum, nothing that could run.

Layout: magic, format version, length of the header, xxh3-128 of these and of all that follows; the header, which says
how the table is laid out; the table; and the states, which begin with a header of their own since they are seldom
wanted. Each part is filled up to a multiple of 64 bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128

from ..errors import StateError
from ..fold import check_state, compact_state, own_shape
from ..kernels import _types as k
from ..kernels._jit import SOURCE_HASH
from ..kernels._types import State
from ..registry import Spec, per_registry
from ._codec import decode, encode
from ._keys import FORMAT, Key
from ._tables import Cost, Entry, PackedStates, Table, lineage

__all__ = ["HEAD", "MAGIC", "MALFORMED", "EntryError", "check", "pack", "sealed", "unpack", "unpacked"]

MAGIC = b"ICTCACHE"
HEAD = struct.Struct("<8sII16s")
_LENGTH = struct.Struct("<I")
_ALIGNED = 64
_FOREVER = 1e9  # seconds
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, struct.error)


class EntryError(ValueError):
    """A file that is not what its place says: damaged, foreign or forged."""


def pack(key: Key, spec: Spec, entry: Entry, *, market: tuple[str, str], compressed: bool) -> bytes:
    """Write a table and its states as one block of bytes."""
    from .. import __version__

    form, table = encode(entry.table.columns, compressed=compressed)
    header = {
        "key": list(key),
        "detector": spec.name,
        "parameters": spec.parameters,
        "symbol": market[0],
        "timeframe": market[1],
        "kernels": SOURCE_HASH,
        "version": __version__,
        "created": entry.created,
        "costs": [entry.costs[each] for each in lineage(spec)],
        "rows": entry.table.rows,
        "compressed": compressed,
        "table": form,
        "table_bytes": len(table),
    }
    text = _filled(json.dumps(header).encode(), before=HEAD.size)
    content = b"".join((text, _filled(table), _packed_states(spec, entry, compressed)))
    return sealed(len(text), content)


def sealed(size: int, content: bytes) -> bytes:
    """A file of a header of so many bytes and what follows it, under a checksum."""
    return HEAD.pack(MAGIC, FORMAT, size, _checksum(MAGIC, FORMAT, size, content)) + content


def _checksum(magic: bytes, version: int, size: int, content: bytes | memoryview) -> bytes:
    digest = xxh3_128(HEAD.pack(magic, version, size, b""))
    digest.update(content)
    return digest.digest()


def _filled(part: bytes, before: int = 0) -> bytes:
    """Add blanks, which JSON does not mind, up to a multiple of 64 bytes."""
    return part + b" " * (-(before + len(part)) % _ALIGNED)


def _packed_states(spec: Spec, entry: Entry, compressed: bool) -> bytes:
    states = unpacked(entry.states)
    blocks = {
        f"{place}.{name}": block
        for place, each in enumerate(lineage(spec))
        for name, block in compact_state(states[each])._asdict().items()
    }
    form, body = encode(blocks, compressed=compressed)
    text = _filled(json.dumps(form).encode(), before=_LENGTH.size)
    return _LENGTH.pack(len(text)) + text + body


def unpacked(states: Mapping[Spec, State] | PackedStates) -> Mapping[Spec, State]:
    """States ready to go on from."""
    return states.unpack() if isinstance(states, PackedStates) else states


def check(content: NDArray[np.uint8], key: Key) -> dict[str, Any]:
    """Header of a file, if it is whole and the one that belongs at that place; else :class:`EntryError`."""
    if content.nbytes < HEAD.size or content[: len(MAGIC)].tobytes() != MAGIC:
        raise EntryError("it is no cached table")
    magic, version, size, checksum = HEAD.unpack_from(content.data)
    if version != FORMAT:
        raise EntryError(f"it has format version {version}, not {FORMAT}")
    if _checksum(magic, version, size, content[HEAD.size :].data) != checksum:
        raise EntryError("its checksum does not fit")
    try:
        header = json.loads(content[HEAD.size : HEAD.size + size].tobytes())
        if header["key"] != list(key):
            raise EntryError("it is the table of another request")
        header["body"] = HEAD.size + size
    except MALFORMED as error:
        raise EntryError(f"its header is malformed ({error})") from error
    return header  # type: ignore[no-any-return]


def unpack(content: NDArray[np.uint8], key: Key, spec: Spec) -> Entry:
    """What :func:`pack` wrote; anything else raises :class:`EntryError`."""
    header = check(content, key)
    try:
        body = content[header["body"] :]
        size = header["table_bytes"]
        costs = {
            each: Cost(*map(float, cost)) for each, cost in zip(lineage(spec), header["costs"], strict=True)
        }
        if not all(0 <= part < _FOREVER for cost in costs.values() for part in cost):
            raise ValueError("its costs are no seconds")
        created, compressed = float(header["created"]), header["compressed"] is True
        columns = decode(header["table"], body[:size].data)
        _check_table(spec, key.bars, columns)
        packed = body[size + -size % _ALIGNED :].copy()  # a view would keep the whole file in memory
    except MALFORMED as error:
        raise EntryError(f"its table is malformed ({error})") from error
    table = Table(columns)
    states = PackedStates(packed, lambda: _states(spec, key.bars, packed, table.rows))
    return Entry(table, states, key.bars, created, costs, saved=key.bars, compressed=compressed)


@per_registry
def _dtypes(spec: Spec) -> list[tuple[str, np.dtype[Any]]]:
    return [(column.name, np.dtype(column.dtype)) for column in spec.entry.columns if not column.internal]


def _check_table(spec: Spec, bars: int, columns: Mapping[str, NDArray[Any]]) -> None:
    if [(name, column.dtype) for name, column in columns.items()] != _dtypes(spec):
        raise ValueError("its columns are not the detector's")
    lengths = {column.shape for column in columns.values()}
    if len(lengths) != 1 or any(len(shape) != 1 for shape in lengths):
        raise ValueError("its columns are not of one length")
    if spec.entry.dense and lengths != {(bars,)}:
        raise ValueError("it has not one value a bar")


def _states(spec: Spec, bars: int, packed: NDArray[np.uint8], rows: int) -> dict[Spec, State]:
    """Unpack and check the states, by which a forged file could otherwise write out of bounds."""
    try:
        (size,) = _LENGTH.unpack_from(packed.data)
        body = packed[_LENGTH.size :]
        blocks = list(decode(json.loads(body[:size].tobytes()), body[size:].data).values())
        each = len(State._fields)
        specs = lineage(spec)
        if len(blocks) != each * len(specs):
            raise ValueError("it has not one state a detector")
        states = {
            upstream: check_state(own_shape(upstream), State(*blocks[place * each : (place + 1) * each]))
            for place, upstream in enumerate(specs)
        }
        if not spec.entry.dense and states[spec].ints[k.NEXT_ID] != rows:
            raise ValueError("its state has seen another number of events")
        if not all(upstream.entry.sound(upstream, states, bars) for upstream in specs):
            raise ValueError("its states do not fit each other or the candles")
    except (*MALFORMED, StateError) as error:
        raise EntryError(f"its states are malformed ({error})") from error
    return states
