"""Static directories: find the file for a path, and never leave the directory."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from sketch.checks import check_flags
from sketch.concurrency.threads import file_threads
from sketch.exceptions import HTTPNotFound, HTTPPermanentRedirect
from sketch.files.opened import NO_FILE, Opened, open_regular, take
from sketch.files.plan import SETTLED
from sketch.files.versions import FileVersions, asked_version
from sketch.http.fields import encode_fields, make_fields
from sketch.http.file_types import FILE_TYPES, UNKNOWN, file_type
from sketch.http.negotiation import accepted_types, add_vary, rank_encodings
from sketch.response import HeadersArgument, Response

if TYPE_CHECKING:
    from sketch.request import Request

logger = logging.getLogger("sketch")

FOREVER = "public, max-age=31536000, immutable"
"""`Cache-Control` of files that never change under their name (RFC 8246)."""

PRECOMPRESSED = {"zstd": ".zst", "br": ".br", "gzip": ".gz"}
"""Codings and the suffixes of their files. Of codings that a client weighs equally, the first is used."""

# Directories on the way are opened with O_PATH if the system has it: that needs no right to list them.
_PASS = os.O_DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY)
_ENCODED_SLASH = re.compile("%(?:2f|5c)", re.IGNORECASE)


class StaticFiles:
    """A handler that serves the files of a directory. See `add_static` for the arguments.

    A path is split into names, and each name is opened relative to the open directory before it, without following
    symbolic links (`O_NOFOLLOW`). So no name leads out of the directory, and there is no race between
    a check and the use of its result. Any path without such a file is a 404, whatever the reason.

    Raises:
        TypeError: for a switch that is no bool, and header fields that are no text.
        ValueError: for a missing directory, a malformed pattern, or another invalid argument.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        index: str | None = None,
        precompressed: bool = False,
        cache_control: str | None = "no-cache",
        immutable: str | re.Pattern[str] | None = None,
        response_headers: HeadersArgument = None,
        content_types: Mapping[str, str] | None = None,
        follow_symlinks: bool = False,
        show_dotfiles: bool = False,
        fallback: str | None = None,
    ) -> None:
        # Links in the path of the directory itself are followed at each request: `current -> releases/42` may change.
        folder = Path(directory).absolute()
        if not folder.is_dir():
            raise ValueError(f"expected an existing directory, got {os.fspath(directory)!r:.200}")
        self.directory = str(folder)
        if index is not None and (not index or "/" in index):
            raise ValueError(f"expected the name of a file as index, got {index!r:.200}")
        check_flags(precompressed=precompressed, follow_symlinks=follow_symlinks, show_dotfiles=show_dotfiles)
        self.index = index
        self._precompressed = precompressed
        self._cache_control = cache_control
        self._immutable = _pattern(immutable)
        self._headers = make_fields(response_headers or ())
        encode_fields(self._headers)  # raises for what cannot be sent
        self._types = {**FILE_TYPES, **_types(content_types or {})}
        self._flags = 0 if follow_symlinks else os.O_NOFOLLOW
        self._show_dotfiles = show_dotfiles
        self._versions = FileVersions()
        self._fallback = None if fallback is None else self._existing(fallback)

    def _existing(self, fallback: str) -> list[str]:
        """Split the path of the fallback into names. Raises ValueError if there is no such file now."""
        names = fallback.split("/") if isinstance(fallback, str) else []
        if not (names and self._are_served(names) and (Path(self.directory) / fallback).is_file()):
            raise ValueError(f"expected fallback as the path of a file in {self.directory}, got {fallback!r:.200}")
        return names

    async def __call__(self, request: Request, path: str) -> Response:
        """Answer with the file at this path below the directory.

        Raises:
            HTTPNotFound: if there is none.
            HTTPPermanentRedirect: for a directory with an index, if the path has no slash at its end.
        """
        names = self._names(request, path)
        try:
            return await self._send(request, names, asked_version(request.query_string))
        except HTTPNotFound:
            if self._fallback is None or not (path == "" or self._is_page(request, names[-1])):
                raise
            response = await self._send(request, self._fallback, None)
            for name in ("Accept", "Sec-Fetch-Mode"):
                add_vary(response.headers, name)
            return response

    async def _send(self, request: Request, names: list[str], asked: str | None) -> Response:
        headers = self._headers.copy()
        # The thread completes the headers: only there the file is known.
        taken = await take(request, 200, headers, lambda: self._find(request, names, headers, asked))
        return taken.answer(request, 200, headers)

    def _names(self, request: Request, path: str) -> list[str]:
        """Split a path into names; the last is empty for a directory.

        Raises:
            HTTPNotFound: for names that are not served, and for encoded slashes.
        """
        names = path.split("/")
        if not self._are_served(names) or _ENCODED_SLASH.search(request.raw_path):
            raise HTTPNotFound
        return names

    def _are_served(self, names: list[str]) -> bool:
        """Whether a path of these names may be a file's that is sent, or a directory's if the last one is empty."""
        return not (
            "" in names[:-1]
            or not {".", ".."}.isdisjoint(names)
            or (not self._show_dotfiles and any(name.startswith(".") for name in names))
            or any("\\" in name for name in names)
        )

    def _is_page(self, request: Request, name: str) -> bool:
        """Whether a browser asks for a page, to show it, by a path that does not end as a file of another type does."""
        if request.header(b"sec-fetch-mode") not in (None, b"navigate"):  # a script, an image, a `fetch()`
            return False
        kind = file_type(name, self._types)
        if kind != UNKNOWN and not kind.startswith("text/html"):
            return False
        return accepted_types(request.combined_header(b"accept")).get("text/html", 0) > 0

    async def version(self, path: str, *, fresh: bool = False) -> str | None:
        """Return a short hash of a file's content, which changes with the file; None if no such file is sent.

        Args:
            path: below the directory.
            fresh: read the file even if it seems unchanged.
        """
        names = path.split("/")
        if not names[-1] or not self._are_served(names):
            return None
        if not fresh:
            try:
                found = os.stat(f"{self.directory}/{path}")  # noqa: PTH116 - two microseconds; a thread takes 60
            except (OSError, ValueError):
                return None
            if (known := self._versions.known(path, found)) is not None:
                return known
        return await file_threads.run(self._read_version, path, names, fresh)

    # -- in a thread ------------------------------------------------------------------------------------------------

    def _read_version(self, path: str, names: list[str], fresh: bool) -> str | None:
        *way, name = names
        try:
            folder = self._enter(way)
            try:
                opened = open_regular(name, flags=self._flags, directory=folder)
            finally:
                os.close(folder)
        except (OSError, ValueError):
            return None
        try:
            return self._versions.read(path, opened.descriptor, opened.found, fresh=fresh)
        finally:
            os.close(opened.descriptor)

    def _find(self, request: Request, names: list[str], headers: CIMultiDict[str], asked: str | None) -> Opened:
        """Open the file to send, and complete the headers; it may be cached for good if it has the version `asked`."""
        path = "/".join(names)
        *way, name = names
        if not name:
            if self.index is None:
                raise HTTPNotFound
            name = self.index
        try:
            folder = self._enter(way)
            try:
                opened = self._open(folder, name, request)
                if asked is not None and self._has_version(opened, path, asked):
                    headers["Cache-Control"] = FOREVER
                if self._precompressed:
                    opened = self._smaller(folder, opened, request)
            finally:
                os.close(folder)
        except PermissionError as exc:
            logger.warning("%r in %s may not be read: %s", path, self.directory, exc.strerror)
            raise HTTPNotFound from None
        opened.path = "/".join((self.directory, *way, opened.path))
        opened.by_name = not self._flags  # else a link could lead a server that opens it again elsewhere
        self._describe(headers, path, name, opened.encoding)
        return opened

    def _enter(self, way: list[str]) -> int:
        """Return the descriptor of the directory that these names lead to."""
        folder = os.open(self.directory, _PASS)
        try:
            for name in way:
                inner = os.open(name, _PASS | self._flags, dir_fd=folder)
                os.close(folder)
                folder = inner
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _open(self, folder: int, name: str, request: Request) -> Opened:
        try:
            return open_regular(name, flags=self._flags, directory=folder)
        except IsADirectoryError:
            if self.index is None:
                raise
        inner = os.open(name, _PASS | self._flags, dir_fd=folder)
        try:
            os.close(open_regular(self.index, flags=self._flags, directory=inner).descriptor)
        finally:
            os.close(inner)
        raise _redirect(request)

    def _has_version(self, opened: Opened, path: str, asked: str) -> bool:
        fresh = time.time_ns() - opened.found.st_mtime_ns < SETTLED
        try:
            return self._versions.read(path, opened.descriptor, opened.found, fresh=fresh) == asked
        except BaseException:
            os.close(opened.descriptor)
            raise

    def _smaller(self, folder: int, opened: Opened, request: Request) -> Opened:
        """Return the sibling file in the coding that the client prefers; without one, the file itself."""
        accepted = request.combined_header(b"accept-encoding")
        for coding in rank_encodings(accepted, PRECOMPRESSED):
            try:
                sibling = open_regular(opened.path + PRECOMPRESSED[coding], flags=self._flags, directory=folder)
            except OSError as exc:
                if exc.errno in NO_FILE or isinstance(exc, PermissionError):
                    continue
                os.close(opened.descriptor)
                raise
            os.close(opened.descriptor)
            sibling.encoding = coding
            return sibling
        return opened

    def _describe(self, headers: CIMultiDict[str], path: str, name: str, encoding: str | None) -> None:
        headers.setdefault("Content-Type", file_type(name, self._types))
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        if self._precompressed:
            add_vary(headers, "Accept-Encoding")
        if self._immutable is not None and self._immutable.search(path):
            headers["Cache-Control"] = FOREVER
        elif self._cache_control is not None:
            headers.setdefault("Cache-Control", self._cache_control)


def _redirect(request: Request) -> HTTPPermanentRedirect:
    """Return a redirect to the same path with a slash at its end; a relative one, valid under any prefix of a proxy."""
    last = request.raw_path.rpartition("/")[2]
    query = f"?{request.query_string}" if request.query_string else ""
    return HTTPPermanentRedirect(f"./{last}/{query}")  # `./`, so that no part of the name is read as a scheme


def _pattern(given: str | re.Pattern[str] | None) -> re.Pattern[str] | None:
    try:
        return None if given is None else re.compile(given)
    except re.error as exc:
        raise ValueError(f"expected a regular expression for immutable, got {given!r:.200}: {exc}") from None


def _types(given: Mapping[str, str]) -> dict[str, str]:
    for suffix in given:
        if not suffix.startswith("."):
            raise ValueError(f"expected content types by suffix, as '.md', got {suffix!r:.200}")
    return {suffix.lower(): media_type for suffix, media_type in given.items()}
