"""Validators and conditional requests: does the client's copy still match (RFC 9110 sections 8.8 and 13)?"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC
from functools import lru_cache
from typing import NamedTuple

from sketch.http.fields import CONDITIONAL
from sketch.http.grammar import OWS

Header = Callable[[bytes], bytes | None]
"""Returns a request field by its lower-case name: repeated ones joined, None if there is none."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # no quoted string: a backslash is as good as any other
_MEMBER = re.compile(rf"(?:\A|(?<=,)){OWS}({_ETAG.pattern}){OWS}(?=,|\Z)")


class Validators(NamedTuple):
    """The entity tag and the date that tell one state of a representation from another.

    Attributes:
        etag: the entity tag, quoted, `W/` before it if it is weak; None if there is none.
        modified: the time of modification, in seconds since 1970; None if it is not known.
        strong_date: whether another change within the same second is ruled out, so that equal dates mean equal bytes
            (section 8.8.2.2).
    """

    etag: str | None
    modified: int | None
    strong_date: bool = False

    def headers(self) -> dict[str, str]:
        """The response fields that carry the validators."""
        fields = {} if self.etag is None else {"ETag": self.etag}
        return fields if self.modified is None else {**fields, "Last-Modified": format_date(self.modified)}


OF_CONTENT = (
    "Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Disposition", "Content-Range",
    "Content-Digest", "Content-MD5", "Digest",
)  # fmt: skip
"""Response fields that describe the content, which a 304 and a 412 do not have: a 304 keeps those that guide caches
(section 15.4.5)."""


def conditional_fields(sent: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Collect the conditional fields of a request in one pass: most have none of them, but many others."""
    fields: dict[bytes, bytes] = {}
    for name, value in sent:
        if name in CONDITIONAL:
            fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value
    return fields


def check_conditions(method: str, header: Header, current: Validators | None) -> int | None:
    """Return the status that the request's conditions demand (section 13.2.2): 412, 304, or None for neither.

    Args:
        method: of the request.
        header: returns its fields.
        current: of the representation that there is now, None if there is none.
    """
    reading = method in ("GET", "HEAD")
    if _failed(header, current):
        return 412
    if _unchanged(header, current, reading):
        return 304 if reading else 412
    return None


def _failed(header: Header, current: Validators | None) -> bool:
    """Whether If-Match (by strong comparison), or without it If-Unmodified-Since, is false."""
    if (sent := header(b"if-match")) is not None:
        return current is None or not _matches(sent, current.etag, weak=False)
    if current is None or current.modified is None:
        return False
    since = parse_date(header(b"if-unmodified-since"))
    return since is not None and current.modified > since


def _unchanged(header: Header, current: Validators | None, reading: bool) -> bool:
    """Whether If-None-Match (by weak comparison), or without it If-Modified-Since (GET and HEAD only), is false."""
    if current is None:
        return False
    if (sent := header(b"if-none-match")) is not None:
        return _matches(sent, current.etag, weak=True)
    if current.modified is None or not reading:
        return False
    since = parse_date(header(b"if-modified-since"))
    return since is not None and current.modified <= since


def range_applies(condition: bytes | None, current: Validators) -> bool:
    """Whether If-Range holds: it is absent, equals a strong tag, or equals a strong date (section 13.1.5)."""
    if condition is None:
        return True
    if condition.startswith((b'"', b"W/")):
        weak = current.etag is None or current.etag.startswith("W/")
        return not weak and condition.decode("latin-1") == current.etag
    return current.strong_date and parse_date(condition) == current.modified


def _matches(sent: bytes, etag: str | None, *, weak: bool) -> bool:
    """Whether the field is `*` or lists the entity tag. Members that are no entity tags are skipped."""
    text = sent.decode("latin-1").strip(" \t")
    if text == "*":
        return True
    if etag is None:
        return False
    tags: list[str] = _MEMBER.findall(text)
    if weak:
        return etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in tags]
    return not etag.startswith("W/") and etag in tags


def check_etag(etag: str) -> str:
    """Return the entity tag unchanged, if it is one.

    Raises:
        ValueError: for anything that is not an entity tag (section 8.8.3).
    """
    if not _ETAG.fullmatch(etag):
        raise ValueError(f"""expected an ETag like '"v1"' or 'W/"v1"', got {etag!r:.200}""")
    return etag


@lru_cache(1024)
def format_date(seconds: int) -> str:
    """Format seconds since 1970 as an HTTP date (section 5.6.7)."""
    # Not by email.utils, which does the same: it is slow to import, and slower to run.
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def parse_date(value: bytes | None) -> int | None:
    """Parse an HTTP date, in any of its three forms, to seconds since 1970; None for anything else (section 5.6.7)."""
    if value is None:
        return None
    from email.utils import parsedate_to_datetime  # slow to import, and seldom needed

    try:
        date = parsedate_to_datetime(value.decode("latin-1"))
    except (ValueError, IndexError, OverflowError):
        return None
    return int(date.replace(tzinfo=date.tzinfo or UTC).timestamp())
