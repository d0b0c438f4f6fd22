"""The `Location` field (RFC 9110 section 10.2.2)."""

from __future__ import annotations

import re
from urllib.parse import quote

from yarl import URL

from sketch.http.grammar import CONTROLS

Location = str | URL
"""A URL or a path."""

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#\\]*)")
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")

# Browsers remove tabs and line ends, and take a backslash for a slash: each could begin the name of another host.
_LOCAL = re.compile(rf"/(?!/)[^\\\t{CONTROLS}\ud800-\udfff]*")


def quote_location(location: Location) -> str:
    """Quote a URL or path for the `Location` field (RFC 9110 section 10.2.2). Raises as `RedirectResponse` does."""
    if not isinstance(location, str | URL):
        raise TypeError(f"expected a location as a str or yarl.URL, got {location!r:.200}")
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


def is_local(location: Location) -> bool:
    """Whether a location is a path of the same origin for every browser, with a query and a fragment or without.

    It begins with one slash, and has no backslash, no control character and no lone surrogate.
    """
    return _LOCAL.fullmatch(str(location)) is not None
