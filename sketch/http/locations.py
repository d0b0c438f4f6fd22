"""The `Location` field (RFC 9110 section 10.2.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from sketch.http.grammar import CONTROLS

if TYPE_CHECKING:
    from yarl import URL

Location: TypeAlias = "str | URL"
"""A URL or a path."""

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#\\]*)")
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")

# Browsers remove tabs and line ends, and take a backslash for a slash: each could begin the name of another host.
_LOCAL = rf"/(?!/)[^\\\t{CONTROLS}\ud800-\udfff]*"


def quote_location(location: Location) -> str:
    """Quote a URL or path for the `Location` field (RFC 9110 section 10.2.2). Raises as `RedirectResponse` does."""
    if not isinstance(location, str) and not _is_url(location):
        raise TypeError(f"expected a location as a str or yarl.URL, got {location!r:.200}")
    text = str(location)
    if "%" in text:
        text = _LONE_PERCENT.sub("%25", text)
    if text[:1] in ("/", "\\"):
        text = "/" + text.lstrip("/\\")
    return quote(text if text.isascii() else _with_ascii_host(text), safe=":/?#[]@!$&'()*+,;=%-._~")


def _is_url(location: object) -> bool:
    from yarl import URL  # not needed to import sketch: it takes a tenth of that time

    return isinstance(location, URL)


def _with_ascii_host(location: str) -> str:
    """Write an international host as clients look it up (RFC 5891): only browsers would decode one that is quoted."""
    match = _AUTHORITY.match(location)
    if match is None or match[1].isascii():
        return location
    from yarl import URL

    try:
        authority = URL(f"//{match[1]}").raw_authority
    except ValueError:  # no name that could be looked up
        return location
    return location[: match.start(1)] + authority + location[match.end(1) :]


def is_local(location: Location) -> bool:
    """Whether a location is a path of the same origin for every browser, with a query and a fragment or without.

    It begins with one slash, and has no backslash, no control character and no lone surrogate.
    """
    return re.fullmatch(_LOCAL, str(location)) is not None  # compiled at its first use: that takes half a millisecond
