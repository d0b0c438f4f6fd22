"""What a client sends after a redirect (RFC 9110 section 15.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketch.http.fields import RawHeaders
    from sketch.testing.encoding import BodyArgument
    from sketch.testing.response import ClientResponse
    from sketch.testing.sent import SentRequest
    from sketch.testing.targets import Origin

MAX_REDIRECTS = 20
"""Redirects that a request follows: as many as browsers do."""

_STATUSES = (301, 302, 303, 307, 308)
_OF_CONTENT = (b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"content-language")


def redirected(
    sent: SentRequest, response: ClientResponse, origin: Origin
) -> tuple[str, bytes, RawHeaders, BodyArgument] | None:
    """Return method, target, fields and body of the request that follows; None if the response is the last one.

    It is the last one if it is no redirect, or leads to another origin. The cookies are left out: they may have
    changed.

    Raises:
        RuntimeError: if the body has to be sent again and is an iterable, which is used up.
    """
    location = response.headers.get("Location")
    if response.status not in _STATUSES or location is None:
        return None
    target = origin.follow(location, sent.target)
    if target is None:
        return None
    fields = [(name, value) for name, value in sent.fields if name != b"cookie"]
    if _becomes_get(sent.method, response.status):
        return "GET", target, [field for field in fields if field[0] not in _OF_CONTENT], None
    if sent.content is not None and not isinstance(sent.content, bytes):
        raise RuntimeError(f"expected a body of bytes to send it again after a {response.status}, got an iterable")
    return sent.method, target, fields, sent.content


def _becomes_get(method: str, status: int) -> bool:
    if status == 303:
        return method not in ("GET", "HEAD")
    return status in (301, 302) and method == "POST"
