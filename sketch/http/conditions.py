"""Validators and the conditions on them: is what the client has still the same (RFC 9110 sections 8.8 and 13)?"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC
from functools import lru_cache
from typing import NamedTuple

Header = Callable[[bytes], bytes | None]
"""Gives a request field by its lower-case name, repeated ones joined, None where there is none."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


class Validators(NamedTuple):
    """What tells one state of a representation from another.

    Attributes:
        etag: the entity tag, quoted, `W/` before it if it is weak.
        modified: seconds since 1970.
        strong_date: whether nothing can have changed a second time within that second, so that equal dates mean
            equal bytes (section 8.8.2.2).
    """

    etag: str
    modified: int
    strong_date: bool

    def headers(self) -> dict[str, str]:
        """The response fields that carry them."""
        return {"ETag": self.etag, "Last-Modified": format_date(self.modified)}


def check_conditions(method: str, header: Header, current: Validators) -> int | None:
    """The status that the request's conditions demand, in the order of section 13.2.2: 412, 304, or None for none."""
    reading = method in ("GET", "HEAD")
    if _failed(header, current):
        return 412
    if _unchanged(header, current, reading):
        return 304 if reading else 412
    return None


def _failed(header: Header, current: Validators) -> bool:
    """If-Match by strong comparison, else If-Unmodified-Since."""
    if (sent := header(b"if-match")) is not None:
        return not _matches(sent, current.etag, weak=False)
    since = parse_date(header(b"if-unmodified-since"))
    return since is not None and current.modified > since


def _unchanged(header: Header, current: Validators, reading: bool) -> bool:
    """If-None-Match by weak comparison, else If-Modified-Since, which is for GET and HEAD alone."""
    if (sent := header(b"if-none-match")) is not None:
        return _matches(sent, current.etag, weak=True)
    since = parse_date(header(b"if-modified-since")) if reading else None
    return since is not None and current.modified <= since


def range_applies(condition: bytes | None, current: Validators) -> bool:
    """If-Range: a strong tag, or exactly the date of modification, if that is a strong one (section 13.1.5)."""
    if condition is None:
        return True
    if condition.startswith((b'"', b"W/")):
        return not current.etag.startswith("W/") and condition.decode("latin-1") == current.etag
    return current.strong_date and parse_date(condition) == current.modified


def _matches(sent: bytes, etag: str, *, weak: bool) -> bool:
    text = sent.decode("latin-1").strip()
    if text == "*":
        return True
    if weak:
        return any(match[0].removeprefix("W/") == etag.removeprefix("W/") for match in _ETAG.finditer(text))
    return not etag.startswith("W/") and any(match[0] == etag for match in _ETAG.finditer(text))


def check_etag(etag: str) -> str:
    """An entity tag as it was given.

    Raises:
        ValueError: for anything that is none (section 8.8.3).
    """
    if not _ETAG.fullmatch(etag):
        raise ValueError(f"""expected an ETag like '"v1"' or 'W/"v1"', got {etag!r}""")
    return etag


@lru_cache(1024)
def format_date(seconds: int) -> str:
    """An HTTP date for seconds since 1970 (section 5.6.7)."""
    # email.utils does the same; it is slow to import, and slower.
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def parse_date(value: bytes | None) -> int | None:
    """Seconds since 1970 of an HTTP date in any of its three forms, None for anything else (section 5.6.7)."""
    if value is None:
        return None
    from email.utils import parsedate_to_datetime  # slow to import, and seldom needed

    try:
        date = parsedate_to_datetime(value.decode("latin-1"))
    except (ValueError, IndexError, OverflowError):
        return None
    return int(date.replace(tzinfo=date.tzinfo or UTC).timestamp())
