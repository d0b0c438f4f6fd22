"""The `Location` field (RFC 9110 section 10.2.2)."""

from __future__ import annotations

import re
from urllib.parse import quote

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
    return quote(text, safe=":/?#[]@!$&'()*+,;=%-._~")
