"""The authority of a request: the `Host` field, or the host of an absolute target."""

from __future__ import annotations

import re

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
