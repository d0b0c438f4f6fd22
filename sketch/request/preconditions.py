"""The conditions of a request, checked by its handler before it acts (RFC 9110 section 13)."""

from __future__ import annotations

from datetime import datetime

from sketch.checks import check_flags
from sketch.exceptions import HTTPNotModified, HTTPPreconditionFailed, HTTPPreconditionRequired
from sketch.http.conditions import Validators, check_conditions, check_etag, conditional_fields
from sketch.http.fields import RawHeaders

_PROTECTING = (b"if-match", b"if-unmodified-since", b"if-none-match")
_FALSE = "the resource is not in the state that the request expects: get it again, and repeat the change"
_MISSING = "expected a condition: send If-Match with the ETag that you have seen"


def check(
    method: str, sent: RawHeaders, etag: str | None, last_modified: datetime | float | None, required: bool
) -> None:
    """Check the conditions of a request: see `RequestHead.check_preconditions`."""
    check_flags(required=required)
    current = _current(etag, last_modified)
    conditions = conditional_fields(sent)
    if required and method not in ("GET", "HEAD") and not any(name in conditions for name in _PROTECTING):
        raise HTTPPreconditionRequired(_MISSING)
    status = check_conditions(method, conditions.get, current)
    if status == 304 and current is not None:
        raise HTTPNotModified(headers=current.headers())
    if status is not None:
        raise HTTPPreconditionFailed(_FALSE)


def _current(etag: str | None, last_modified: datetime | float | None) -> Validators | None:
    if etag is not None and not isinstance(etag, str):
        raise TypeError(f"expected an entity tag as a str or None, got {etag!r:.200}")
    if etag is None and last_modified is None:
        return None
    return Validators(None if etag is None else check_etag(etag), _seconds(last_modified))


def _seconds(time: datetime | float | None) -> int | None:
    if time is None:
        return None
    if isinstance(time, datetime):
        time = time.timestamp()
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise TypeError(f"expected a time as a datetime or as seconds since 1970, got {time!r:.200}")
    return int(time)
