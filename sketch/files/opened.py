"""Open a regular file and read it or keep it open for the response: the one place that opens files to send."""

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
from sketch.http.conditions import OF_CONTENT, conditional_fields
from sketch.response import ErrorResponse, Response
from sketch.transport import SMALL_FILE, FileBody

if TYPE_CHECKING:
    from sketch.request import BaseRequest


@dataclass(slots=True)
class Opened:
    """An open regular file. Its holder closes the descriptor."""

    descriptor: int
    path: str
    found: os.stat_result
    encoding: str | None = None
    """The content coding of the file, None if it has none."""
    by_name: bool = True
    """Whether a server may open the file again by its path."""


@dataclass(slots=True)
class Taken:
    """A plan for a file and the body that it needs: bytes that were read, or the file itself, still open."""

    plan: FilePlan
    body: bytes | FileBody | FileParts

    def close(self) -> None:
        """Close the file, if it is still open."""
        if not isinstance(self.body, bytes):
            self.body.close()

    def answer(self, request: BaseRequest, status: int, headers: CIMultiDict[str]) -> Response:
        """Make the response, which takes over the headers. An open file is closed at the end of the exchange."""
        plan, body = self.plan, self.body
        if not isinstance(body, bytes):
            request.at_end.resources.append(body)
        if plan.status in (412, 416) and plan.status != status:
            return ErrorResponse(plan.status, headers=plan.headers)
        response = Response(status=plan.status)
        headers.update(plan.headers)
        response._headers, response._encoded = headers, None
        if plan.status == 304:
            for name in OF_CONTENT:
                headers.popall(name, None)
        response.body = body
        if isinstance(body, FileParts):
            headers["Content-Type"] = body.content_type
            headers["Content-Length"] = str(body.length)
        return response


# The errors of a path without a regular file: nothing there, a parent that is no directory, a directory, a socket, a
# loop of links, a name too long.
NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ELOOP, errno.ENAMETOOLONG)


async def take(request: BaseRequest, status: int, headers: CIMultiDict[str], find: Callable[[], Opened]) -> Taken:
    """Open a file, plan the response and read a small file, all in one hop to a thread.

    Args:
        request: its conditions and ranges apply.
        status: of a full response; see `plan_file`.
        headers: of the response; `find` may complete them.
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
            plan = plan_file(request.method, conditional_fields(request.raw_headers).get, facts, status)
            small = 0 if request.method == "HEAD" else getattr(request.connection, "small_file", SMALL_FILE)
            body = _body(opened, plan, headers.get("Content-Type"), small)
        except BaseException:
            os.close(opened.descriptor)
            raise
        if isinstance(body, bytes):
            os.close(opened.descriptor)
        return Taken(plan, body)

    return await file_threads.acquire(work, undo=Taken.close)


def _found(find: Callable[[], Opened]) -> Opened:
    try:
        return find()
    except ValueError:  # a NUL or a lone surrogate in the path
        raise HTTPNotFound from None
    except OSError as exc:
        if exc.errno in NO_FILE:
            raise HTTPNotFound from None
        raise


def open_regular(path: str, *, flags: int = 0, directory: int | None = None) -> Opened:
    """Open a regular file for reading.

    Args:
        path: of the file.
        flags: in addition to those for reading.
        directory: the descriptor of the directory that a relative path starts from.

    Raises:
        OSError: if it cannot be opened; IsADirectoryError or FileNotFoundError if it is not a regular file.
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
    """Return the body of a plan: up to `small` bytes as read, since an open file costs more, else the open file."""
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
