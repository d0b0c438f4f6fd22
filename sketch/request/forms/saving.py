"""Files for uploads: temporary ones without a name, and new ones that appear at their path when they are complete.

All functions block, except coroutine functions, which run the others in threads.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from secrets import token_hex
from threading import Lock

from sketch.concurrency.threads import file_threads

BATCH = 256 * 1024
"""Bytes that are collected before they are written: each write is a hop to a thread and back."""

_MOST_PARTS = 256
"""The most pieces per system call. A system may allow no more than 1,024."""


class Spool:
    """A temporary file without a name: the system removes it once it is closed, however the process ends."""

    def __init__(self) -> None:
        self._lock = Lock()  # a thread must not use the descriptor once another one has closed it
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close()

    @classmethod
    def holding(cls, pieces: Sequence[bytes]) -> Spool:
        """Make one with this content."""
        spool = cls()
        try:
            spool.write(pieces)
        except BaseException:
            spool.close()
            raise
        return spool

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append."""
        with self._lock:
            if not self._file.closed:
                _write(self._file.fileno(), pieces)

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from the offset on; fewer only at the end of the file.

        Raises:
            ValueError: once the file is closed.
        """
        with self._lock:
            self._check_open()
            return os.pread(self._file.fileno(), size, offset)

    def _check_open(self) -> None:
        if self._file.closed:
            raise ValueError("expected an uploaded file to be used before its request is answered: save_to() keeps it")

    def close(self) -> None:
        """Close the file, which removes it. Closing again does nothing."""
        with self._lock:
            self._file.close()

    async def aclose(self) -> None:
        """Close the file in a thread: removing a large one takes a while."""
        await file_threads.complete(self.close)


def _write(descriptor: int, pieces: Sequence[bytes]) -> None:
    """Write all pieces."""
    if len(pieces) > _MOST_PARTS:
        pieces = [b"".join(pieces)]
    written = os.writev(descriptor, pieces)
    if written < sum(map(len, pieces)):  # the next write raises the reason, such as a full disk
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]


class NewFile:
    """A file that is written under a temporary name in the same directory, and gets its own name when complete.

    Args:
        path: the path of the complete file.
        overwrite: whether a file at the path is replaced. A link is replaced itself, never what it points to.

    Raises:
        FileExistsError: if something is at the path that must not be replaced. `commit` raises it, too.
        OSError: if no file can be made in the directory.
    """

    def __init__(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        self._path = Path(path)
        self._overwrite = overwrite
        if not overwrite and os.path.lexists(self._path):  # known before anything is written
            raise self._exists()
        self._temporary = self._path.parent / f".upload-{token_hex(8)}"
        self._lock = Lock()
        # The mode that open() uses, not that of temporary files, which other users cannot read.
        self._descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append."""
        with self._lock:
            if self._descriptor >= 0:
                _write(self._descriptor, pieces)

    def commit(self, pieces: Sequence[bytes] = ()) -> None:
        """Append the last pieces, and give the file its name, in one step: no other process sees a part of it."""
        with self._lock:
            if self._descriptor >= 0:
                if pieces:
                    _write(self._descriptor, pieces)
                self._close()
                if self._overwrite:
                    self._temporary.replace(self._path)
                else:
                    self._place()

    def _place(self) -> None:
        """Give the file its name, unless the name is taken, by whatever it is: no link is followed."""
        try:
            self._path.hardlink_to(self._temporary)
        except FileExistsError:
            raise self._exists() from None
        except OSError:  # a file system without second names: an empty file of that name is made, and replaced
            self._claim()
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink()

    def _claim(self) -> None:
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except FileExistsError:
            raise self._exists() from None

    def _exists(self) -> FileExistsError:
        advice = "a file is there: choose another name, or replace it by overwrite=True"
        return FileExistsError(errno.EEXIST, advice, str(self._path))

    def discard(self) -> None:
        """Remove the file, unless it has got its name."""
        with self._lock:
            if self._descriptor >= 0:
                self._close()
            self._temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)


async def save(pieces: AsyncIterator[bytes], path: str | os.PathLike[str], overwrite: bool = False) -> int:
    """Write a file in threads. It appears at its path only when complete; after an error nothing is left of it.

    Returns:
        the number of bytes.

    Raises:
        FileExistsError: if something is at the path, unless `overwrite` replaces it.
        OSError: if it cannot be written. Errors of the iterator are raised, too.
    """
    file = await file_threads.acquire(NewFile, path, overwrite, undo=NewFile.discard)
    size = pending = 0
    batch: list[bytes] = []
    try:
        async for piece in pieces:
            batch.append(piece)
            size += len(piece)
            pending += len(piece)
            if pending >= BATCH:
                await file_threads.run(file.write, batch)
                batch, pending = [], 0
        await file_threads.run(file.commit, batch)
    except BaseException:
        await file_threads.complete(file.discard)
        raise
    return size
