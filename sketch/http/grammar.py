"""The grammar that HTTP's fields share: tokens (RFC 9110 section 5.6.2) and authorities (RFC 3986 section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token, as a pattern for `fullmatch`."""


def tokens(what: str, names: Iterable[str]) -> tuple[str, ...]:
    """Check an argument that lists names: each has to be a token other than `*`.

    Args:
        what: the argument's name, for the error.
        names: its value.

    Raises:
        TypeError: for a single `str`, which would be read as a list of letters.
        ValueError: for a name that is not a token, or is `*`.
    """
    if isinstance(names, str):
        raise TypeError(f"expected {what} as a list, got {names!r}")
    found = tuple(names)
    for name in found:
        if not isinstance(name, str) or not TOKEN.fullmatch(name) or name == "*":
            raise ValueError(f"expected {what} of names without spaces or separators, got {name!r}")
    return found


Address = tuple[str, int]
"""Host and port. A peer on a unix socket has no address."""

# RFC 3986 section 3.2 without userinfo, which RFC 9110 section 4.2.4 tells recipients to treat as an error. An empty
# host is allowed: a client that does not know its host name sends an empty field (RFC 9112 section 3.2).
_AUTHORITY = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+(?:%25[0-9A-Za-z._~-]+)?\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::([0-9]*))?"
)
_REMEMBERED = 256
_valid: set[bytes] = set()


def valid_authority(value: bytes) -> bool:
    """Whether the bytes are `host` or `host:port` by RFC 3986, with a port of at most 65535.

    A server that accepts anything else lets a client choose where its links, redirects and cache keys point.
    """
    if value in _valid:
        return True
    match = _AUTHORITY.fullmatch(value)
    if match is None or len(value) > 512 or int(match[1] or 0) > 65535:
        return False
    if len(_valid) < _REMEMBERED:
        _valid.add(value)
    return True
