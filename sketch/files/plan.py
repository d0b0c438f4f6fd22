"""Plan the response for a file (RFC 9110 sections 8.8, 13 and 14): a pure function of request and file."""

from __future__ import annotations

from typing import NamedTuple

from sketch.http.conditions import Header, Validators, check_conditions, range_applies
from sketch.http.ranges import ByteRange, parse_ranges

SETTLED = 2_000_000_000
"""Nanoseconds after which another change alters the time of modification, even on file systems that count in seconds.

A file changed more recently may change again and keep size and time: its tag is weak (RFC 9110 section 8.8.1)."""


class FileFacts(NamedTuple):
    """The facts about a file that a plan depends on.

    Attributes:
        size: in bytes.
        mtime_ns, now_ns: the time of modification and the time of the request, in nanoseconds since 1970.
        etag: the entity tag that the application has set.
        encoding: the content coding of the file.
        whole: whether ranges are ignored.
    """

    size: int
    mtime_ns: int
    now_ns: int
    etag: str | None = None
    encoding: str | None = None
    whole: bool = False

    def validators(self) -> Validators:
        """Return the entity tag, by default from size and time of modification, and the date."""
        settled = self.now_ns - self.mtime_ns > SETTLED
        etag = self.etag
        if etag is None:
            suffix = f"-{self.encoding}" if self.encoding else ""  # each coding is another representation
            etag = f'{"" if settled else "W/"}"{self.mtime_ns:x}-{self.size:x}{suffix}"'
        # A time in the future must not be sent (section 8.8.2.1).
        return Validators(etag, min(self.mtime_ns, self.now_ns) // 1_000_000_000, settled)


class FilePlan(NamedTuple):
    """The response for a file: status, fields, and the parts to send. Several parts make a multipart body."""

    status: int
    headers: dict[str, str]
    parts: tuple[ByteRange, ...] = ()


def plan_file(method: str, header: Header, facts: FileFacts, status: int = 200) -> FilePlan:
    """Plan the response by RFC 9110: first the conditions (section 13.2.2), then the ranges (section 14.2).

    Args:
        method: of the request; ranges apply to GET, 304 to GET and HEAD.
        header: returns a request field by its lower-case name, repeated ones joined.
        facts: about the file.
        status: of a full response; conditions and ranges apply only if it is 200.
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
