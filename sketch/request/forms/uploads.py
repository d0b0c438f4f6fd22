"""Uploaded files: the files of a form that is read as a whole."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import AsyncIterator

from multidict import CIMultiDictProxy

from sketch.concurrency.threads import file_threads
from sketch.request.forms.events import PartHead
from sketch.request.forms.saving import BATCH, Spool, save

LONGEST_NAME = 200
"""The most bytes of a safe name: file systems allow 255, and an application may want to add a prefix."""

PIECE = 1024 * 1024
"""Bytes per read while a file is copied."""

_UNSAFE = re.compile(r"[^\w.+=@-]")
# Device names of Windows, with any suffix.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[\d¹²³])(?:\.|$)", re.IGNORECASE)


class UploadedFile:
    """A file of a form: in memory if it is small, else in a temporary file without a name.

    It can be read until its request is answered: until a streamed response is sent, else until the handler returns.
    Falsy if the user chose no file: a browser then sends an empty file without a name.

    Attributes:
        name: the name of the form's field.
        filename: the name that the client sent; any text. Never use it as a path: use `safe_name`.
        content_type: the media type that the client sent, without parameters; empty if it sent none.
        size: in bytes.
    """

    __slots__ = ("_content", "_head", "_position", "content_type", "filename", "name", "size")

    def __init__(self, head: PartHead, content: bytes | Spool, size: int) -> None:
        self.name = head.name
        self.filename = head.filename or ""
        self.content_type = head.content_type
        self.size = size
        self._head = head
        self._content = content
        self._position = 0

    def __bool__(self) -> bool:
        return bool(self.filename) or self.size > 0

    @property
    def safe_name(self) -> str:
        """A safe file name made from the client's: no path, no hidden file, no device, no option, no shell syntax.

        Never empty. Two clients may send the same name: to keep both files, make it unique.
        """
        return safe_name(self.filename)

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """All header fields of the part."""
        return self._head.headers

    async def read(self, size: int = -1) -> bytes:
        """Return the next bytes, by default all that are left; `b""` at the end.

        Raises:
            ValueError: once the request is answered.
        """
        if size < 0:
            size = max(0, self.size - self._position)
        content = self._content
        if isinstance(content, bytes):
            data = content[self._position : self._position + size]
        else:
            data = await file_threads.run(content.read, self._position, size)
        self._position += len(data)
        return data

    async def seek(self, position: int) -> None:
        """Set the position of the next read, in bytes from the beginning.

        Raises:
            ValueError: for a negative position.
        """
        if position < 0:
            raise ValueError(f"expected a position from 0 on, got {position!r:.200}")
        self._position = position

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the rest of the file, in pieces."""
        while piece := await self.read(BATCH):
            yield piece

    async def save_to(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> int:
        """Save the whole file at a path, where it appears when it is complete.

        Args:
            path: the path of the file.
            overwrite: whether a file that is there is replaced.

        Returns:
            the number of bytes.

        Raises:
            FileExistsError: if something is at the path, a link for example, without `overwrite`.
            OSError: if it cannot be written. No partial file is left.
            ValueError: once the request is answered.
        """
        return await save(self._pieces(), path, overwrite)

    async def _pieces(self) -> AsyncIterator[bytes]:
        self._position = 0
        while piece := await self.read(PIECE):
            yield piece

    def __repr__(self) -> str:
        return f"<UploadedFile {self.name!r} {self.filename!r} of {self.size} bytes>"


def safe_name(filename: str) -> str:
    """Make a safe file name from one that a client sent. Never empty."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", filename))[-1]
    name = _UNSAFE.sub("_", last).lstrip(".-").rstrip(".")
    if not name or _DEVICE.match(name):
        name = f"file_{name}" if name else "file"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if len(ending.encode()) > LONGEST_NAME // 4:
        stem, dot, ending = name, "", ""
    room = LONGEST_NAME - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + ending
