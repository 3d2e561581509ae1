"""Opening files of a folder in which others may have put anything: no link is followed, no pipe waited for."""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["open_plain", "read_plain"]

_CAREFUL = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def open_plain(path: str | os.PathLike[str], flags: int) -> int:
    """Open a regular file, or with ``O_CREAT`` make one; anything else is an :class:`OSError`."""
    file = os.open(path, flags | _CAREFUL, 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
    return file


def read_plain(path: str | os.PathLike[str]) -> bytes:
    """All bytes of a regular file."""
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb", buffering=0) as file:
        return file.read()
