"""The one place that opens files, and what is taken from them."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from sketch.concurrency.threads import file_threads
from sketch.exceptions import HTTPNotFound
from sketch.files.byteranges import FileParts
from sketch.files.plan import FileFacts, FilePlan, plan_file
from sketch.http.conditions import Header
from sketch.response import ErrorResponse, Response
from sketch.transport import SMALL_FILE, FileBody

if TYPE_CHECKING:
    from sketch.request import Request


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
