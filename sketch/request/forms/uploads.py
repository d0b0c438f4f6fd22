"""Files of a form that was read as a whole."""

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
"""Bytes of a safe name: file systems take 255, and a program may want to put something before it."""

PIECE = 1024 * 1024
"""Bytes that are copied in one go."""

_UNSAFE = re.compile(r"[^\w.+=@-]")
# What Windows takes for devices, with any ending.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[\d¹²³])(?:\.|$)", re.IGNORECASE)


class UploadedFile:
    """A file that a form has brought: in memory if it is small, else in a temporary file, which has no name.

    It can be read until its request is answered: until a streamed answer is out, else until the handler has returned.
    False if nobody has chosen a file: a browser then sends one without name and content.

    Attributes:
        name: of the form's field.
        filename: what the client calls it; any text. Never use it as a path: `safe_name` is for that.
        content_type: what the client takes it for, without parameters; empty where it does not say.
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
        """A file name made of the client's: no path, no hidden file, no device, no option, nothing for a shell.

        Never empty. Two clients may send the same one: to keep both, add something of your own.
        """
        return safe_name(self.filename)

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """All header fields of the part."""
        return self._head.headers

    async def read(self, size: int = -1) -> bytes:
        """The next bytes, all that are left by default; `b""` at the end.

        Raises:
            ValueError: once its request is answered.
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
        """Read on from there, counted in bytes from the beginning.

        Raises:
            ValueError: for one before the beginning.
        """
        if position < 0:
            raise ValueError(f"expected a position from 0 on, got {position!r}")
        self._position = position

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The rest of it, in pieces."""
        while piece := await self.read(BATCH):
            yield piece

    async def save_to(self, path: str | os.PathLike[str]) -> int:
        """Write all of it to a file, which takes the place of what is there once it is complete.

        Returns:
            how many bytes that are.

        Raises:
            OSError: if it cannot be written. Then nothing is left of it.
            ValueError: once the request is answered.
        """
        return await save(self._pieces(), path)

    async def _pieces(self) -> AsyncIterator[bytes]:
        self._position = 0
        while piece := await self.read(PIECE):
            yield piece

    def __repr__(self) -> str:
        return f"<UploadedFile {self.name!r} {self.filename!r} of {self.size} bytes>"


def safe_name(filename: str) -> str:
    """A name that is safe to make a file of, made of one that a client has sent. Never empty."""
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
