"""Tokens: the names that HTTP's fields are made of (RFC 9110 section 5.6.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""One of them, as a pattern for `fullmatch`."""


def tokens(what: str, names: Iterable[str]) -> tuple[str, ...]:
    """Names that somebody has given, each a token, and none of them `*`.

    Args:
        what: the argument that they were given as.
        names: its value.

    Raises:
        TypeError: for one `str`, which would be taken for a list of letters.
        ValueError: for anything else.
    """
    if isinstance(names, str):
        raise TypeError(f"expected {what} as a list, got {names!r}")
    found = tuple(names)
    for name in found:
        if not isinstance(name, str) or not TOKEN.fullmatch(name) or name == "*":
            raise ValueError(f"expected {what} of names without spaces or separators, got {name!r}")
    return found
