"""Files as responses: the rules of conditional and range requests, and the one place that opens files."""

from __future__ import annotations

import errno
import mimetypes
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sketch.exceptions import HTTPNotFound
from sketch.response import ErrorResponse, HeadersArgument, Response
from sketch.threads import file_threads
from sketch.transport import FileBody

if TYPE_CHECKING:
    from sketch.request import Request


class FileResponse(Response):
    """A file as the answer.

    Args:
        path: of a regular file. A path that a client has chosen must be checked before it gets here.
        status: of the answer when the whole file is sent.
        headers: extra fields.
        content_type: default: guessed from the name, `application/octet-stream` where that says nothing.
        filename: makes it a download with that name (RFC 6266).

    Conditional requests (304, 412), `If-Range` and a single byte range (206, 416) are answered by RFC 9110 sections
    13 and 14 from one `fstat` of the opened file. A missing file is a 404.
    """

    __slots__ = ("_filename", "path")

    prepares = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
        filename: str | None = None,
    ) -> None:
        self.path = os.fspath(path)
        guessed, encoding = mimetypes.guess_type(self.path)
        default = guessed if guessed and not encoding else "application/octet-stream"
        if default.startswith("text/"):
            default += "; charset=utf-8"
        super().__init__(status=status, headers=headers, content_type=content_type)
        if self.content_type is None:
            self.content_type = default
        self._filename = filename

    async def prepare(self, request: Request) -> Response:
        """A new response for this request, with the file open.

        Raises:
            HTTPNotFound: if there is no regular file at the path.
        """
        try:
            body, found = await file_threads.acquire(_open, self.path, undo=_close)
        except OSError as exc:
            if exc.errno in _NO_FILE:
                raise HTTPNotFound from None
            raise
        request.files += (body,)  # from here on it is closed, if it is not sent
        plan = plan_file(request.method, request.combined_header, found.st_size, found.st_mtime_ns, self.status)
        response = self._answer(plan)
        response.headers.update(plan.headers)
        if plan.status in (self.status, 206):
            body.offset, body.count = plan.offset, plan.count
            response.body = body
        return response

    def _answer(self, plan: FilePlan) -> Response:
        if plan.status in (412, 416) and plan.status != self.status:
            return ErrorResponse(plan.status)
        response = Response(status=plan.status, headers=self.headers)
        if self._filename is not None:
            response.headers["Content-Disposition"] = _attachment(self._filename)
        return response

    def copy(self) -> FileResponse:
        """A response for the same file with headers of its own."""
        new = super().copy()
        new.path = self.path
        new._filename = self._filename
        return new


# What a path can be wrong in: nothing there, no directory on the way, a directory, a socket, a name no file can have.
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ENAMETOOLONG)


def _open(path: str) -> tuple[FileBody, os.stat_result]:
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    file = open(path, "rb", buffering=0, opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK))  # noqa: SIM115
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        file.close()
        raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
    return FileBody(file, path, 0, found.st_size), found


def _close(opened: tuple[FileBody, os.stat_result]) -> None:
    opened[0].close()


def _attachment(filename: str) -> str:
    """A Content-Disposition with the last part of the name, also for clients that do not know `filename*`."""
    name = Path(filename.replace("\\", "/")).name
    plain = re.sub(r"[^ !#$&+\-.0-9A-Z^_`a-z|~()]", "_", name)
    extended = f"; filename*=UTF-8''{quote(name, safe='')}" if plain != name else ""
    return f'attachment; filename="{plain}"{extended}'


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What to answer for a file: a status, fields, and which bytes."""

    status: int
    headers: dict[str, str]
    offset: int = 0
    count: int = 0


def plan_file(method: str, header: Callable[[bytes], bytes | None], size: int, mtime_ns: int, status: int) -> FilePlan:
    """Decide by RFC 9110 sections 13.2.2 and 14.2, in their order. A pure function of request and stat.

    Args:
        method: of the request; ranges and 304 are for GET and HEAD.
        header: gives a request field by its lower-case name, repeated ones joined.
        size: of the file, in bytes.
        mtime_ns: its time of modification, in nanoseconds.
        status: of an unconditional answer.
    """
    from email.utils import formatdate  # slow to import, and only needed with files

    etag = f'"{mtime_ns:x}-{size:x}"'
    seconds = mtime_ns // 1_000_000_000
    validators = {"ETag": etag, "Last-Modified": formatdate(seconds, usegmt=True)}
    reading = method in ("GET", "HEAD")
    if status == 200:
        if _precondition_failed(header, etag, seconds):
            return FilePlan(412, validators)
        if _unchanged(header, etag, seconds, reading):
            return FilePlan(304 if reading else 412, validators)
    validators["Accept-Ranges"] = "bytes"
    ranges = header(b"range")
    if method == "GET" and status == 200 and ranges is not None and _range_applies(header(b"if-range"), etag, seconds):
        return _plan_range(ranges, size, validators, status)
    return FilePlan(status, validators, 0, size)


_BYTE_RANGE = re.compile(rb"(?i:bytes)=[ \t]*([0-9]*)-([0-9]*)[ \t]*")


def _plan_range(ranges: bytes, size: int, headers: dict[str, str], status: int) -> FilePlan:
    """One range is served; several, or what is malformed, may be ignored (RFC 9110 section 14.2)."""
    match = _BYTE_RANGE.fullmatch(ranges)
    whole = FilePlan(status, headers, 0, size)
    # A number longer than any file's size needs no parsing: it is past the end.
    if match is None or match.groups() == (b"", b""):
        return whole
    first, last = (int(digits.lstrip(b"0")[:20] or b"0") if digits else None for digits in match.groups())
    if first is None:
        if last and not size:
            return whole  # satisfiable, but no Content-Range can say so
        first, last = max(0, size - (last or 0)), size - 1
    elif last is None:
        last = size - 1
    elif last < first:
        return whole
    last = min(last, size - 1)
    if first >= size:
        return FilePlan(416, {"Content-Range": f"bytes */{size}"})
    return FilePlan(206, headers | {"Content-Range": f"bytes {first}-{last}/{size}"}, first, last - first + 1)


def _precondition_failed(header: Callable[[bytes], bytes | None], etag: str, seconds: int) -> bool:
    """If-Match by strong comparison, else If-Unmodified-Since."""
    if (sent := header(b"if-match")) is not None:
        return not _matches(sent, etag, weak=False)
    since = _date(header(b"if-unmodified-since"))
    return since is not None and seconds > since


def _unchanged(header: Callable[[bytes], bytes | None], etag: str, seconds: int, reading: bool) -> bool:
    """If-None-Match by weak comparison, else If-Modified-Since, which is for GET and HEAD alone."""
    if (sent := header(b"if-none-match")) is not None:
        return _matches(sent, etag, weak=True)
    since = _date(header(b"if-modified-since")) if reading else None
    return since is not None and seconds <= since


def _range_applies(condition: bytes | None, etag: str, seconds: int) -> bool:
    """If-Range: a strong tag, or exactly the date of modification (RFC 9110 section 13.1.5)."""
    if condition is None:
        return True
    if condition.startswith((b'"', b"W/")):
        return condition.decode("latin-1") == etag
    return _date(condition) == seconds


_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def _matches(sent: bytes, etag: str, *, weak: bool) -> bool:
    text = sent.decode("latin-1").strip()
    if text == "*":
        return True
    return any(match[0] == etag or (weak and match[0] == f"W/{etag}") for match in _ETAG.finditer(text))


def _date(value: bytes | None) -> int | None:
    """Seconds since 1970 of an HTTP date in any of its three forms, None for anything else (RFC 9110 section 5.6.7)."""
    if value is None:
        return None
    from email.utils import parsedate_to_datetime  # as above

    try:
        date = parsedate_to_datetime(value.decode("latin-1"))
    except (ValueError, IndexError, OverflowError):
        return None
    return int(date.replace(tzinfo=date.tzinfo or UTC).timestamp())
