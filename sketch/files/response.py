"""Files as responses: what to answer by the rules of RFC 9110, and the one place that opens files."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from multidict import CIMultiDict

from sketch.concurrency.threads import file_threads
from sketch.exceptions import HTTPNotFound
from sketch.files.byteranges import ByteRange, FileParts, parse_ranges
from sketch.http.conditions import Header, Validators, check_conditions, check_etag, range_applies
from sketch.http.file_types import file_type
from sketch.response import ErrorResponse, HeadersArgument, Response
from sketch.transport import SMALL_FILE, FileBody

if TYPE_CHECKING:
    from sketch.request import Request

SETTLED = 2_000_000_000
"""Nanoseconds after which a change would show in the time of modification, also on file systems that count in seconds.

A file that was changed since may change again and keep size and time: its tag is weak (RFC 9110 section 8.8.1)."""


class FileResponse(Response):
    """A file as the answer.

    Args:
        path: of a regular file. A path that a client has chosen must be checked before it gets here: see `add_static`.
        status: of the answer when the whole file is sent. With another one than 200 there are no conditions and ranges.
        headers: extra fields. An `ETag` among them is used in place of one from size and time of modification.
        content_type: default: by the name (`sketch.http.file_types`), else `application/octet-stream`.
        filename: makes it a download with that name (RFC 6266): the last part of a path.
        inline: with a `filename`: to be shown rather than saved.

    Raises:
        TypeError: for a path or file name in bytes, or of another type.

    Conditional requests (304, 412), `If-Range` and byte ranges (206, 416), one or several, are answered by RFC 9110
    sections 13 and 14 from one `fstat` of the opened file. A missing file is a 404.
    """

    __slots__ = ("_disposition", "path")

    prepares = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
        filename: str | os.PathLike[str] | None = None,
        inline: bool = False,
    ) -> None:
        self.path = _text_of(path)
        super().__init__(status=status, headers=headers, content_type=content_type)
        if self.content_type is None:
            self.content_type = file_type(self.path)
        self._disposition = None if filename is None else disposition(filename, inline=inline)

    async def prepare(self, request: Request) -> Response:
        """A new response for this request, with what it needs of the file read or open.

        Raises:
            HTTPNotFound: if there is no regular file at the path.
            ValueError: for an `ETag` among the headers that is none.
        """
        headers = self.headers.copy()
        if self._disposition is not None:
            headers["Content-Disposition"] = self._disposition
        etag = headers.get("ETag")
        if etag is not None:
            check_etag(etag)
        taken = await take(request, self.status, headers, lambda: open_regular(self.path))
        return taken.answer(request, self.status, headers)

    def copy(self) -> FileResponse:
        """A response for the same file with headers of its own."""
        new = super().copy()
        new.path = self.path
        new._disposition = self._disposition
        return new


def _text_of(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"expected a path of str or PathLike[str], got {path!r}: use os.fsdecode(path)")
    return text


def disposition(filename: str | os.PathLike[str], *, inline: bool = False) -> str:
    """A `Content-Disposition` (RFC 6266) with the last part of a name, also for clients that know no `filename*`."""
    name = PurePosixPath(_text_of(filename).replace("\\", "/")).name
    plain = re.sub(r"[^ !#$&+\-.0-9A-Z^_`a-z|~()]", "_", name)
    extended = f"; filename*=UTF-8''{quote(name, safe='')}" if plain != name else ""
    return f'{"inline" if inline else "attachment"}; filename="{plain}"{extended}'


# -- the plan ----------------------------------------------------------------------------------------------------------


class FileFacts(NamedTuple):
    """What a plan depends on, apart from the request.

    Attributes:
        size: in bytes.
        mtime_ns, now_ns: the time of modification and the time of the request, in nanoseconds since 1970.
        etag: one that the application has given.
        encoding: the content coding that the file is in.
        whole: whether there are no ranges of it.
    """

    size: int
    mtime_ns: int
    now_ns: int
    etag: str | None = None
    encoding: str | None = None
    whole: bool = False

    def validators(self) -> Validators:
        """The entity tag, from size and time of modification if none was given, and the date."""
        settled = self.now_ns - self.mtime_ns > SETTLED
        etag = self.etag
        if etag is None:
            suffix = f"-{self.encoding}" if self.encoding else ""  # each coding is a representation of its own
            etag = f'{"" if settled else "W/"}"{self.mtime_ns:x}-{self.size:x}{suffix}"'
        # A time that is still to come must not go out (section 8.8.2.1).
        return Validators(etag, min(self.mtime_ns, self.now_ns) // 1_000_000_000, settled)


class FilePlan(NamedTuple):
    """What to answer for a file: a status, fields, and which parts of it; several are a multipart body."""

    status: int
    headers: dict[str, str]
    parts: tuple[ByteRange, ...] = ()


def plan_file(method: str, header: Header, facts: FileFacts, status: int = 200) -> FilePlan:
    """Decide by RFC 9110 sections 13.2.2 and 14.2, in their order. A pure function of request and file.

    Args:
        method: of the request; ranges are for GET, 304 for GET and HEAD.
        header: gives a request field by its lower-case name, repeated ones joined.
        facts: of the file.
        status: of an unconditional answer.
    """
    current = facts.validators()
    headers = current.headers()
    whole = (ByteRange(0, facts.size),)
    if status != 200:
        return FilePlan(status, headers, whole)
    refused = check_conditions(method, header, current)
    if refused is not None:
        return FilePlan(refused, headers)
    if facts.whole:
        return FilePlan(200, headers, whole)
    headers["Accept-Ranges"] = "bytes"
    asked = header(b"range") if method == "GET" else None
    if asked is None or not range_applies(header(b"if-range"), current):
        return FilePlan(200, headers, whole)
    parts = parse_ranges(asked, facts.size)
    if parts is None:
        return FilePlan(200, headers, whole)
    if not parts:
        return FilePlan(416, {"Content-Range": f"bytes */{facts.size}"})
    if len(parts) == 1:
        headers["Content-Range"] = parts[0].content_range(facts.size)
    return FilePlan(206, headers, parts)


# -- the file ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Opened:
    """An open regular file. Whoever holds it closes the descriptor."""

    descriptor: int
    path: str
    found: os.stat_result
    encoding: str | None = None
    """The content coding that it is in."""
    by_name: bool = True
    """Whether its path is good for opening it again."""


@dataclass(slots=True)
class Taken:
    """What a plan needs of a file: bytes, or the file itself, still open."""

    plan: FilePlan
    body: bytes | FileBody | FileParts

    def close(self) -> None:
        """Close the file, if it is open."""
        if not isinstance(self.body, bytes):
            self.body.close()

    def answer(self, request: Request, status: int, headers: CIMultiDict[str]) -> Response:
        """The response, which takes over the headers, and leaves the file to whoever finishes the request."""
        plan, body = self.plan, self.body
        if not isinstance(body, bytes):
            request.files += (body,)
        if plan.status in (412, 416) and plan.status != status:
            return ErrorResponse(plan.status, headers=plan.headers)
        response = Response(status=plan.status)
        headers.update(plan.headers)
        response._headers = headers
        if plan.status == 304:
            for name in _OF_CONTENT:
                headers.popall(name, None)
        response.body = body
        if isinstance(body, FileParts):
            headers["Content-Type"] = body.content_type
            headers["Content-Length"] = str(body.length)
        return response


# A 304 carries what guides caches; what describes the content it has not (RFC 9110 section 15.4.5).
_OF_CONTENT = ("Content-Type", "Content-Encoding", "Content-Disposition")

# What a path can be wrong in: nothing there, no directory on the way, a directory, a socket, a loop, a name that no
# file can have.
NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ELOOP, errno.ENAMETOOLONG)


async def take(request: Request, status: int, headers: CIMultiDict[str], find: Callable[[], Opened]) -> Taken:
    """Open a file, decide what to answer and read what is small: all in one hop to a thread.

    Args:
        request: whose conditions and ranges count.
        status: of an unconditional answer.
        headers: of the answer; `find` may complete them.
        find: opens the file; called in the thread.

    Raises:
        HTTPNotFound: if there is no such file.
    """

    def work() -> Taken:
        opened = _found(find)
        try:
            found, etag = opened.found, headers.get("ETag")
            whole = hasattr(request, "sends_whole") and request.sends_whole(request, headers, found.st_size)
            facts = FileFacts(found.st_size, found.st_mtime_ns, time.time_ns(), etag, opened.encoding, whole)
            plan = plan_file(request.method, _conditions(request), facts, status)
            small = 0 if request.method == "HEAD" else getattr(request.connection, "small_file", SMALL_FILE)
            body = _body(opened, plan, headers.get("Content-Type"), small)
        except BaseException:
            os.close(opened.descriptor)
            raise
        if isinstance(body, bytes):
            os.close(opened.descriptor)
        return Taken(plan, body)

    return await file_threads.acquire(work, undo=Taken.close)


_CONDITIONAL = frozenset(
    (b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range")
)


def _conditions(request: Request) -> Header:
    """The fields that a plan asks for, found at once: most requests have none of them, and many others."""
    fields: dict[bytes, bytes] = {}
    for name, value in request.raw_headers:
        if name in _CONDITIONAL:
            fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value
    return fields.get


def _found(find: Callable[[], Opened]) -> Opened:
    try:
        return find()
    except ValueError:  # a NUL or half a surrogate pair in the path
        raise HTTPNotFound from None
    except OSError as exc:
        if exc.errno in NO_FILE:
            raise HTTPNotFound from None
        raise


def open_regular(path: str, *, flags: int = 0, directory: int | None = None) -> Opened:
    """Open a file for reading, if it is a regular one.

    Args:
        path: of the file.
        flags: in addition to those for reading.
        directory: the descriptor that a relative path begins at.

    Raises:
        OSError: if it cannot be opened; IsADirectoryError or FileNotFoundError if it is something else.
    """
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags, dir_fd=directory)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, "a directory", path)
        if not stat.S_ISREG(found.st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
    except BaseException:
        os.close(descriptor)
        raise
    return Opened(descriptor, path, found)


def _body(opened: Opened, plan: FilePlan, content_type: str | None, small: int) -> bytes | FileBody | FileParts:
    """What is sent of a file: read up to so many bytes, since an open file costs more; else sent from the open file."""
    parts = plan.parts
    if not parts:
        return b""
    (offset, count), *others = parts
    if others:
        return FileParts(opened.descriptor, opened.path, parts, opened.found.st_size, content_type)
    if count > small:
        file = os.fdopen(opened.descriptor, "rb", 0)
        return FileBody(file, opened.path, offset, count, by_name=opened.by_name)
    data = os.pread(opened.descriptor, count, offset)
    if len(data) != count:
        raise RuntimeError(f"expected {opened.path} to keep its size while it is read, but it has become shorter")
    return data
