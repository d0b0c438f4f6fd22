"""Files that uploads end in: temporary ones without a name, and new ones that come to their place when complete.

Everything here blocks, except what says `async`, which does the rest in threads.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from secrets import token_hex
from threading import Lock

from sketch.concurrency.threads import file_threads

BATCH = 256 * 1024
"""Bytes that are gathered before they are written: each write is a hop to a thread and back."""

_MOST_PARTS = 256
"""Pieces that one system call writes. The system may take no more than 1,024."""


class Spool:
    """A temporary file. It has no name, so nothing is left of it once it is closed, however the process ends."""

    def __init__(self) -> None:
        self._lock = Lock()  # a thread that still works while another closes must not use what the number then means
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close()

    @classmethod
    def holding(cls, pieces: Sequence[bytes]) -> Spool:
        """A new one with that content."""
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
        """Up to that many bytes from there; fewer only at the end.

        Raises:
            ValueError: once it is closed.
        """
        with self._lock:
            self._check_open()
            return os.pread(self._file.fileno(), size, offset)

    def _check_open(self) -> None:
        if self._file.closed:
            raise ValueError("expected an uploaded file to be used before its request is answered: save_to() keeps it")

    def close(self) -> None:
        """Close, and so remove it. Closing again does nothing."""
        with self._lock:
            self._file.close()

    async def aclose(self) -> None:
        """The same in a thread: what is large takes a while to be removed."""
        await file_threads.complete(self.close)


def _write(descriptor: int, pieces: Sequence[bytes]) -> None:
    """Write all of it."""
    if len(pieces) > _MOST_PARTS:
        pieces = [b"".join(pieces)]
    written = os.writev(descriptor, pieces)
    if written < sum(map(len, pieces)):  # a full disk, and what else cuts a write short, shows in the next one
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]


class NewFile:
    """A file that is written under a temporary name beside its place, and then takes the place.

    Args:
        path: of the place. What is there is replaced, once the new file is complete.

    Raises:
        OSError: if no file can be made there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._temporary = self._path.parent / f".upload-{token_hex(8)}"
        self._lock = Lock()
        # The mode that open() would give it, and not that of temporary files, which others cannot read.
        self._descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append."""
        with self._lock:
            if self._descriptor >= 0:
                _write(self._descriptor, pieces)

    def commit(self, pieces: Sequence[bytes] = ()) -> None:
        """Append what is left, and take the place."""
        with self._lock:
            if self._descriptor >= 0:
                if pieces:
                    _write(self._descriptor, pieces)
                self._close()
                self._temporary.replace(self._path)

    def discard(self) -> None:
        """Give it up, unless it has taken its place."""
        with self._lock:
            if self._descriptor >= 0:
                self._close()
            self._temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)


async def save(pieces: AsyncIterator[bytes], path: str | os.PathLike[str]) -> int:
    """Write a file in threads, and only as a whole: it is not there before, and nothing is if it fails.

    Returns:
        how many bytes it has.

    Raises:
        OSError: if it cannot be written. And whatever the iterator raises.
    """
    file = await file_threads.acquire(NewFile, path, undo=NewFile.discard)
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
