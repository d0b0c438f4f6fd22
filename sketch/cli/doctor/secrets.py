"""Passwords in URLs: found, and masked."""

from __future__ import annotations

import re

from sketch.serving.option import MASKED

_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(@)")
"""A password in a URL (RFC 3986 section 3.2.1), between what stands before and behind it."""


def has_password(value: object) -> bool:
    """Whether a text, or one of several, has a URL with a password."""
    texts = value if isinstance(value, tuple | list) else (value,)
    return any(_PASSWORD.search(str(each)) for each in texts)


def masked(text: str) -> str:
    """Return a text without the passwords of URLs in it."""
    return _PASSWORD.sub(rf"\g<1>{MASKED}\g<2>", text)
