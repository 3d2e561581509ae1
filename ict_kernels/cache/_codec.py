"""Columns as one block of bytes: as they are, to be mapped, or small, in one zstandard frame.

Small, a column of positions or of decimal prices becomes distances, from an earlier column like it or from the row
above, in as few bytes as hold each of them: first all lowest bytes, then all second ones, and so on.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode", "encode"]

LEVEL = 3
ALIGNMENT = 64
DTYPES = {name: np.dtype(name).newbyteorder("<") for name in ("int8", "int64", "float64")}
_STORED = {width: np.dtype(f"<i{width}") for width in (1, 2, 4, 8)}
_DECIMALS = range(9)
_SAMPLE = 32  # rows that rule out most numbers of decimals before all are looked at
_LEAST = -(2**63)
_DENSEST = 1 << 15  # bytes that one byte of a zstandard frame can stand for: 128 KiB by a block of four

Columns = dict[str, NDArray[Any]]
Whole = NDArray[np.int64]


class _Column(NamedTuple):
    """How a column lies in the block.

    With a width, as distances of whole numbers from the row above, or from the column ``of``. Without one as it is; or,
    of two columns, not at all, as it is the first less the second.
    """

    name: str
    dtype: str
    shape: Sequence[int]
    of: Sequence[str] = ()
    width: int = 0  # bytes of a distance
    decimals: int = 0  # a price is a whole number divided by ten to the power of this
    first: int = 0  # whole number of the first row, which has none above
    unset: int | None = None  # distance that stands for -1, which is far from everything

    @property
    def plain(self) -> bool:
        return not self.width and not self.of

    @property
    def size(self) -> int:
        itemsize = self.width or (0 if self.of else DTYPES[self.dtype].itemsize)
        return math.prod(self.shape) * itemsize

    @property
    def kind(self) -> tuple[Any, ...]:
        """What columns share of which one can be kept as distances from another."""
        return self.dtype, self.decimals, *self.shape

    def declared(self) -> dict[str, Any]:
        defaults = self._field_defaults
        return {name: value for name, value in self._asdict().items() if value != defaults.get(name, self)}


class _Zstandard(threading.local):
    """A thread's compressor and decompressor: costly to make, and not to be shared."""

    def __init__(self) -> None:
        import zstandard

        self.compress = zstandard.ZstdCompressor(level=LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstandard = _Zstandard()


def _in_turn(names: Iterable[str]) -> list[str]:
    """Names as they lie in the block: first the column that most others are close to."""
    return sorted(names, key=lambda name: name != "confirmed")


def _padded(size: int) -> int:
    return size + -size % ALIGNMENT


# --- encoding -----------------------------------------------------------------------------------------------------


def encode(columns: Mapping[str, NDArray[Any]], *, compressed: bool) -> tuple[dict[str, Any], bytes]:
    """Columns as one block of bytes, and its declaration (plain JSON values).

    Parameters
    ----------
    columns : mapping of str to ndarray
        Arrays of int8, int64 or float64, of one or two dimensions.
    compressed : bool
        Whether to make them small; otherwise their buffers lie end to end, at multiples of 64 bytes.

    Raises
    ------
    TypeError
        If an array is of another kind.

    Examples
    --------
    >>> declared, body = encode({"bar": np.arange(1000)}, compressed=True)
    >>> len(body) < 100, int(decode(declared, body)["bar"][-1])
    (True, 999)
    """
    for name, values in columns.items():
        if values.dtype not in (np.int8, np.int64, np.float64) or values.ndim not in (1, 2):
            raise TypeError(
                f"column {name!r} is {values.ndim}-D {values.dtype}, not 1-D or 2-D {', '.join(DTYPES)}"
            )
    shrink = _Shrinker().shrink
    laid = {}
    for name in _in_turn(columns):
        values = columns[name]
        column = _Column(name, values.dtype.name, list(values.shape))
        laid[name] = shrink(column, values) if compressed else (column, _stored(values))
    body = b"".join(part.ljust(_padded(len(part)), b"\0") for _, part in laid.values())
    form = {"compressed": compressed, "columns": [laid[name][0].declared() for name in columns]}
    return form, _zstandard.compress(body) if compressed else body


def _stored(values: NDArray[Any]) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


class _Shrinker:
    """Decides for one column after the other how to keep it."""

    def __init__(self) -> None:
        self.wholes: list[tuple[_Column, Whole]] = []
        self.floats: list[tuple[str, NDArray[np.float64]]] = []

    def shrink(self, column: _Column, values: NDArray[Any]) -> tuple[_Column, bytes]:
        """The column with all that tells how it is kept, and what is kept of it."""
        if values.ndim != 1 or column.dtype == "int8":
            return column, _stored(values)
        if column.dtype == "int64":
            return self._distances(column, values)
        pair = self.floats[-2:]
        self.floats.append((column.name, values))
        for decimals in _DECIMALS:
            ticks = _as_ticks(values, decimals)
            if ticks is not None:
                return self._distances(column._replace(decimals=decimals), ticks)
        if len(pair) == 2 and _is_less(values, pair[0][1], pair[1][1]):
            return column._replace(of=[name for name, _ in pair]), b""
        return column, _stored(values)

    def _distances(self, column: _Column, whole: Whole) -> tuple[_Column, bytes]:
        """The least distances there are: from the row above, the first column of the kind, or the one before."""
        others = {other.name: values for other, values in self.wholes if other.kind == column.kind}
        self.wholes.append((column, whole))
        tried = [(column._replace(first=int(whole[:1].sum())), np.diff(whole, prepend=whole[:1]))]
        nearby = dict.fromkeys([*others][:1] + [*others][-1:])
        tried += [_from_column(column, whole, name, others[name]) for name in nearby]
        column, distances = min(tried, key=lambda one: np.abs(one[1], dtype=np.float64).sum())
        low, high = int(distances.min(initial=0)), int(distances.max(initial=0))
        width = next(width for width in _STORED if max(~low, high) < 1 << (8 * width - 1))
        planes = distances.astype(_STORED[width]).view(np.uint8).reshape(-1, width).T
        return column._replace(width=width), planes.tobytes()


def _as_ticks(values: NDArray[np.float64], decimals: int) -> Whole | None:
    """Prices as whole numbers of their last decimal, if those give back each bit."""
    if len(values) > _SAMPLE and _as_ticks(values[:_SAMPLE], decimals) is None:
        return None
    scale = 10.0**decimals
    with np.errstate(all="ignore"):
        rounded = np.rint(values * scale)
    if not (np.abs(rounded) < 2.0**52).all():
        return None
    ticks = rounded.astype(np.int64)
    return ticks if _same_bits(ticks / scale, values) else None


def _same_bits(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> bool:
    return np.array_equal(mine.view(np.int64), theirs.view(np.int64))


def _is_less(values: NDArray[np.float64], high: NDArray[np.float64], low: NDArray[np.float64]) -> bool:
    """Whether it is one column less another, without any NaN, whose bits are the machine's choice."""
    if not len(values) == len(high) == len(low) or np.isnan(values).any():
        return False
    with np.errstate(all="ignore"):
        return _same_bits(high - low, values)


def _from_column(column: _Column, whole: Whole, name: str, other: Whole) -> tuple[_Column, Whole]:
    distances, missing = whole - other, whole == -1  # may wrap around, and so does what undoes it
    unset = int(distances.min(where=~missing, initial=1)) - 1
    if not missing.any() or unset < _LEAST:
        return column._replace(of=[name]), distances
    distances[missing] = unset
    return column._replace(of=[name], unset=unset), distances


# --- decoding -----------------------------------------------------------------------------------------------------


def decode(declared: Mapping[str, Any], body: memoryview | bytes) -> Columns:
    """Columns back, bit for bit, in the order in which they were given, read-only.

    Parameters
    ----------
    declared : mapping
        What :func:`encode` declared; it is checked before anything is allocated.
    body : memoryview or bytes
        The block. Columns that are not compressed are views of it.

    Raises
    ------
    ValueError
        If the declaration or the block is malformed, or they do not fit each other.
    """
    try:
        compressed, columns = _checked(declared)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the declaration is malformed: {error}") from error
    try:
        return _laid_out(columns, body, compressed)
    except MemoryError as error:
        raise ValueError("the columns do not fit into memory") from error


def _checked(declared: Mapping[str, Any]) -> tuple[bool, dict[str, _Column]]:
    compressed = declared["compressed"]
    listed = [_Column(**fields) for fields in declared["columns"]]
    columns = {column.name: column for column in listed}
    if type(compressed) is not bool or len(columns) != len(listed):
        raise ValueError("the declaration doubles a name, or does not say whether the block is compressed")
    earlier: dict[str, _Column] = {}
    for name in _in_turn(columns):
        column = columns[name]
        of = [earlier[other] for other in column.of]
        if not (_is_sound(column) and _is_kept(column, of) and (compressed or column.plain)):
            raise ValueError(f"column {name!r} is declared as none is ever kept")
        earlier[name] = column
    return compressed, columns


def _is_sound(column: _Column) -> bool:
    """Whether fields are of their types and in range."""
    unset = 0 if column.unset is None else column.unset
    whole = (*column.shape, column.width, column.decimals, column.first, unset)
    return (
        type(column.name) is str
        and column.dtype in DTYPES
        and len(column.shape) in (1, 2)
        and {*map(type, whole)} == {int}
        and _LEAST <= min(whole) <= max(whole) < -_LEAST
        and min(column.shape) >= 0
        and column.decimals in _DECIMALS
    )


def _is_kept(column: _Column, of: Sequence[_Column]) -> bool:
    """Whether columns are kept like this, in terms of these others."""
    if column.plain:
        return True
    if column.dtype == "int8" or len(column.shape) != 1:
        return False
    if not column.width:
        return len(of) == 2 and all((one.dtype, one.shape) == (column.dtype, column.shape) for one in of)
    return (
        column.width in _STORED and len(of) <= 1 and all(one.width and one.kind == column.kind for one in of)
    )


def _laid_out(columns: Mapping[str, _Column], body: memoryview | bytes, compressed: bool) -> Columns:
    turns = [columns[name] for name in _in_turn(columns)]
    sizes = [column.size for column in turns]
    block = np.frombuffer(_expanded(body, sizes) if compressed else body, np.uint8)
    if len(block) != sum(map(_padded, sizes)):
        raise ValueError("the block is not of the declared size")
    laid: Columns = dict.fromkeys(columns, block)
    wholes: dict[str, Whole] = {}
    at = 0
    for column, size in zip(turns, sizes):
        kept = block[at : at + size]
        at += _padded(size)
        if column.plain:
            values = kept.view(DTYPES[column.dtype]).reshape(column.shape)
            # A view of what was expanded would keep all of it in memory.
            values = values.astype(column.dtype, copy=compressed or not values.flags.aligned)
        elif not column.width:
            with np.errstate(all="ignore"):
                values = np.subtract(*(laid[name] for name in column.of))
        else:
            values = wholes[column.name] = _whole(column, kept, wholes)
            if column.dtype == "float64":
                values = values / 10.0**column.decimals
        values.flags.writeable = False
        laid[column.name] = values
    return laid


def _expanded(body: memoryview | bytes, sizes: Iterable[int]) -> bytes:
    import zstandard

    try:
        size = zstandard.frame_content_size(body)
        if size != sum(map(_padded, sizes)) or size > len(body) * _DENSEST:
            raise ValueError("the block is not of the declared size")
        return _zstandard.decompress(body, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"the block is damaged: {error}") from error


def _whole(column: _Column, kept: NDArray[np.uint8], wholes: Mapping[str, Whole]) -> Whole:
    distances = _joined(kept, column.width)
    if not column.of:
        summed = distances.astype(np.int64)
        summed[:1] = column.first
        return np.cumsum(summed, out=summed)
    whole: Whole = wholes[column.of[0]] + distances
    if column.unset is not None:
        whole |= -(distances == column.unset).view(np.int8)  # all bits of -1 are set
    return whole


def _joined(planes: NDArray[np.uint8], width: int) -> NDArray[Any]:
    """Whole numbers of all their lowest bytes, all their second ones, and so on."""
    if width == 1:
        return planes.view(np.int8)
    rows = len(planes) // width
    numbers = np.empty(rows, _STORED[width])
    cells = numbers.view(np.uint8).reshape(rows, width)
    for place in range(width):  # several times as fast as a transposed copy
        cells[:, place] = planes[place * rows : (place + 1) * rows]
    return numbers
