"""Arrays in one file: a JSON header and compressed buffers under a checksum, without pickle.

Layout: magic, format version, length of the header, xxh3-128 of all that follows, the header (JSON, which declares each
array's dtype and shape), and one zstandard frame with the arrays' bytes end to end, little-endian.
"""

from __future__ import annotations

import json
import math
import os
import struct
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import OutputError, StateError

__all__ = ["read_arrays", "write_arrays", "write_whole"]

MAGIC = b"ICTSTATE"
VERSION = 1
_HEAD = struct.Struct("<8sHI16s")
_DTYPES = ("<i8", "<f8")


def _checksum(*parts: bytes) -> bytes:
    import xxhash

    digest = xxhash.xxh3_128()
    for part in parts:
        digest.update(part)
    return digest.digest()


def write_arrays(
    path: str | os.PathLike[str], header: dict[str, Any], arrays: Sequence[NDArray[Any]]
) -> None:
    """Write a header and int64 or float64 arrays; the file appears whole or not at all."""
    import zstandard

    arrays = [np.ascontiguousarray(array) for array in arrays]
    declared = [{"dtype": array.dtype.newbyteorder("<").str, "shape": list(array.shape)} for array in arrays]
    text = json.dumps({**header, "arrays": declared}).encode()
    data = b"".join(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in arrays)
    body = zstandard.ZstdCompressor(level=3).compress(data)
    write_whole(Path(path), _HEAD.pack(MAGIC, VERSION, len(text), _checksum(text, body)) + text + body)


def write_whole(
    path: Path, content: bytes, *, follow: bool = True, times: tuple[int, int] | None = None
) -> None:
    """Write a file that appears whole or not at all; a link stays one, unless it is not to be followed.

    With `times`, in nanoseconds since 1970, it is as if it had been used and written then.
    """
    if follow:
        path = Path(os.path.realpath(path))
    temporary: Path | None = None
    try:
        if path.exists() and not path.is_file() and (follow or not path.is_symlink()):
            raise OSError("it is no regular file")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        if times is not None:  # before, it would look like what a killed writer left long ago
            with suppress(OSError):
                os.utime(path, ns=times)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def read_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """Read what :func:`write_arrays` wrote; anything else raises :class:`StateError`."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) < _HEAD.size or content[: len(MAGIC)] != MAGIC:
        raise StateError(f"{path} is no saved state of ict_kernels")
    _, version, size, checksum = _HEAD.unpack_from(content)
    if version != VERSION:
        raise StateError(f"{path} has format version {version}, not {VERSION}: build it anew from candles")
    text, body = content[_HEAD.size : _HEAD.size + size], content[_HEAD.size + size :]
    if _checksum(text, body) != checksum:
        raise StateError(f"{path} is damaged (its checksum does not fit): build it anew from candles")
    try:
        header: dict[str, Any] = json.loads(text)
        return header, _arrays(header.pop("arrays"), body)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise StateError(f"{path} is malformed ({error}): build it anew from candles") from error


def _arrays(declared: list[dict[str, Any]], body: bytes) -> list[NDArray[Any]]:
    import zstandard

    shapes = [tuple(int(length) for length in one["shape"]) for one in declared]
    if any(one["dtype"] not in _DTYPES for one in declared) or any(
        length < 0 for shape in shapes for length in shape
    ):
        raise ValueError("it declares arrays of a kind that is never saved")
    sizes = [8 * math.prod(shape) for shape in shapes]
    try:
        if zstandard.frame_content_size(body) != sum(sizes):
            raise ValueError("its arrays are not of the declared size")
        data = zstandard.ZstdDecompressor().decompress(body)
    except (zstandard.ZstdError, MemoryError) as error:
        raise ValueError(str(error) or "its arrays do not fit into memory") from error
    arrays, at = [], 0
    for one, shape, size in zip(declared, shapes, sizes):
        values = np.frombuffer(data, one["dtype"], size // 8, at).reshape(shape)
        arrays.append(values.astype(values.dtype.newbyteorder("=")))
        at += size
    return arrays
