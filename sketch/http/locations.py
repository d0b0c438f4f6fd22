"""The `Location` field (RFC 9110 section 10.2.2)."""

from __future__ import annotations

import re
from urllib.parse import quote

from yarl import URL

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#\\]*)")
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


def quote_location(location: object) -> str:
    """Quote a URL or path for the `Location` field (RFC 9110 section 10.2.2). Raises as `RedirectResponse` does."""
    if location is None or isinstance(location, bytes):
        raise TypeError(f"expected a URL or a path as location, got {location!r}")
    text = str(location)
    if "%" in text:
        text = _LONE_PERCENT.sub("%25", text)
    if text[:1] in ("/", "\\"):
        text = "/" + text.lstrip("/\\")
    return quote(text if text.isascii() else _with_ascii_host(text), safe=":/?#[]@!$&'()*+,;=%-._~")


def _with_ascii_host(location: str) -> str:
    """Write an international host as clients look it up (RFC 5891): only browsers would decode one that is quoted."""
    match = _AUTHORITY.match(location)
    if match is None or match[1].isascii():
        return location
    try:
        authority = URL(f"//{match[1]}").raw_authority
    except ValueError:  # no name that could be looked up
        return location
    return location[: match.start(1)] + authority + location[match.end(1) :]
