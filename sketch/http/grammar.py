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


Address = tuple[str, int]
"""Host and port. A peer on a unix socket has none."""

# RFC 3986 section 3.2 without userinfo, which RFC 9110 section 4.2.4 tells recipients to treat as an error. An empty
# host is allowed: a client that does not know its host name sends an empty field (RFC 9112 section 3.2).
_AUTHORITY = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+(?:%25[0-9A-Za-z._~-]+)?\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::([0-9]*))?"
)
_REMEMBERED = 256
_valid: set[bytes] = set()


def valid_authority(value: bytes) -> bool:
    """Whether the bytes are `host` or `host:port` of RFC 3986, the port at most 65535.

    A server that took anything else for a host would build links, redirects and cache keys to wherever a client says.
    """
    if value in _valid:
        return True
    match = _AUTHORITY.fullmatch(value)
    if match is None or len(value) > 512 or int(match[1] or 0) > 65535:
        return False
    if len(_valid) < _REMEMBERED:
        _valid.add(value)
    return True
