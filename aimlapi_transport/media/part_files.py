"""The file that a download is written to until it is whole: of one writer at a time, in all processes."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

_HELD = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(1 << 30)  # a byte that is not written under the lock, which would keep it from being written
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def part_file(folder: Path, key: bytes) -> Iterator[tuple[Path, BinaryIO]]:
    """A path in the folder, always the same for a key, so that a download is taken up again; unless it is in use.

    Gives with it what holds the lock, which ends with the process. An empty file is removed at the end.

    Raises:
        OSError: nothing can be written there.
    """
    digest = hashlib.sha256(key).hexdigest()[:16]
    for number in count():
        part = folder / f".{digest}{f'-{number}' if number else ''}.part"
        with part.open("ab") as held:
            if not _is_ours(held, part):
                continue
            try:
                yield part, held
            finally:
                _remove_if_empty(held, part)
        return


def _is_ours(held: BinaryIO, part: Path) -> bool:
    """Whether nobody else writes the file, which has still the name by which it was opened."""
    try:
        _lock(held)
    except OSError as error:
        return error.errno not in _HELD  # some file systems of networks have no locks
    return _has_name(held, part)


def _has_name(held: BinaryIO, part: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(held.fileno()), part.stat())
    except FileNotFoundError:
        return False


def _remove_if_empty(held: BinaryIO, part: Path) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            is_ours = True
            held.close()  # an open file cannot be removed there
        else:
            is_ours = _has_name(held, part)
        if is_ours and not part.stat().st_size:
            part.unlink()
