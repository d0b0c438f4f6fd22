"""What to answer for a file (RFC 9110 sections 8.8, 13 and 14): a pure function of request and file."""

from __future__ import annotations

from typing import NamedTuple

from sketch.http.conditions import Header, Validators, check_conditions, range_applies
from sketch.http.ranges import ByteRange, parse_ranges

SETTLED = 2_000_000_000
"""Nanoseconds after which a change would show in the time of modification, also on file systems that count in seconds.

A file that was changed since may change again and keep size and time: its tag is weak (RFC 9110 section 8.8.1)."""


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
