"""Versions of static files: short hashes of their content, for URLs that may be cached for good."""

from __future__ import annotations

import hashlib
import os
import re
from typing import NamedTuple

_LENGTH = 16
_VERSION = re.compile(rf"v=([0-9a-f]{{{_LENGTH}}})")
_PIECE = 256 * 1024
_MOST = 10_000
"""Files whose hashes are kept."""


class _Known(NamedTuple):
    """A hash, and the state of the file that it was made of."""

    state: tuple[int, int, int, int]
    version: str


def asked_version(query: str) -> str | None:
    """Return the version that a query asks for, as `static_url` writes it; None for any other query."""
    match = _VERSION.fullmatch(query)
    return None if match is None else match[1]


class FileVersions:
    """The versions of the files of one directory. A file is read again only when its state has changed."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def known(self, path: str, found: os.stat_result) -> str | None:
        """Return the version of a file in this state, None if it was not read since."""
        known = self._known.get(path)
        return known.version if known is not None and known.state == _state(found) else None

    def read(self, path: str, descriptor: int, found: os.stat_result, *, fresh: bool = False) -> str:
        """Return the version of an open file; called in a thread, as the file may have to be read.

        Args:
            path: of the file, below the directory.
            descriptor: of the file. Its position stays.
            found: its state.
            fresh: read it even in a known state: within one tick of its clock a file may change and look the same.
        """
        version = None if fresh else self.known(path, found)
        if version is None:
            version = _hash(descriptor)
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[path] = _Known(_state(found), version)
        return version


def _state(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


def _hash(descriptor: int) -> str:
    digest = hashlib.blake2b(digest_size=_LENGTH // 2)
    position = 0
    while data := os.pread(descriptor, _PIECE, position):
        digest.update(data)
        position += len(data)
    return digest.hexdigest()
