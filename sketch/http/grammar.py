"""The grammar that HTTP's fields share: values (RFC 9110 section 5.5), tokens, quoted strings and lists (section 5.6).

Also authorities (RFC 3986 section 3.2). Other modules build their patterns of the ones here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token (section 5.6.2), for `fullmatch`. `TOKEN.pattern` is a part for larger patterns."""

TOKEN_BYTES = re.compile(TOKEN.pattern.encode())
"""A token of bytes, for `fullmatch`."""

ATTR_CHARS = r"!#$&+\-.^_`|~0-9A-Za-z"
"""The characters that stand for themselves in an extended parameter (RFC 8187), for a character class of a pattern."""

CONTROLS = r"\x00-\x08\x0a-\x1f\x7f"
"""The control characters that no field value may have (section 5.5), for a character class of a pattern."""

CONTROL = re.compile(f"[{CONTROLS}]")
"""One of these control characters, for `search`."""

CONTROLS_AS_ZERO = bytes(0 if CONTROL.match(chr(byte)) else 1 for byte in range(256))
"""Table for `bytes.translate`: these control characters become 0, all other bytes 1.

`0 in value.translate(CONTROLS_AS_ZERO)` tells whether a value has one, several times as fast as a pattern.
"""

OWS = r"[ \t]*+"
"""Optional white space (section 5.6.3), a part for larger patterns. In a plain string it is stripped by `" \\t"`."""

QUOTED_STRING = rf'"((?:[^"\\{CONTROLS}]++|\\[^{CONTROLS}])*+)"'
"""A quoted string (section 5.6.4), a part for larger patterns. Its group is the content: see `unescape`."""

_QUOTED_PAIR = re.compile(r"\\(.)")
# A quoted string that is never closed ends with the text.
_QUOTED_OR_SEPARATOR = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[,;]', re.DOTALL)


def unescape(quoted: str) -> str:
    """Return what the content of a quoted string means: each quoted pair is its second character (section 5.6.4)."""
    return _QUOTED_PAIR.sub(r"\1", quoted) if "\\" in quoted else quoted


def split_unquoted(text: str, separator: Literal[",", ";"]) -> list[str]:
    """Split a text at each separator outside quoted strings, as `str.split` splits at every one."""
    if '"' not in text:
        return text.split(separator)
    parts, begin = [], 0
    for match in _QUOTED_OR_SEPARATOR.finditer(text):
        if match[0] == separator:
            parts.append(text[begin : match.start()])
            begin = match.end()
    return [*parts, text[begin:]]


def list_members(value: str) -> list[str]:
    """Return the members of a list field: without white space, without the empty ones (section 5.6.1.2)."""
    return [member for part in split_unquoted(value, ",") if (member := part.strip(" \t"))]


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
        raise TypeError(f"expected {what} as a list, got {names!r:.200}")
    found = tuple(names)
    for name in found:
        if not isinstance(name, str) or not TOKEN.fullmatch(name) or name == "*":
            raise ValueError(f"expected {what} of names without spaces or separators, got {name!r:.200}")
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


def _is_decodable(authority: bytes) -> bool:
    """Whether the international labels of a host can be decoded (RFC 5890 section 2.3.2.1): `URL.host` does it."""
    if b"xn--" not in authority.lower():
        return True
    from yarl import URL  # few programs meet such a host

    try:
        URL.build(scheme="http", authority=authority.decode("ascii"), encoded=True).host  # noqa: B018
    except ValueError:
        return False
    return True


def valid_authority(value: bytes) -> bool:
    """Whether the bytes are `host` or `host:port` by RFC 3986, with a port of at most 65535.

    International labels have to be decodable: a handler that reads the host of `request.url` could not refuse them.
    A server that accepts anything else lets a client choose where its links, redirects and cache keys point.
    """
    if value in _valid:
        return True
    match = _AUTHORITY.fullmatch(value)
    if match is None or len(value) > 512 or int(match[1] or 0) > 65535 or not _is_decodable(value):
        return False
    if len(_valid) < _REMEMBERED:
        _valid.add(value)
    return True
