"""The fields in which proxies describe their clients: `Forwarded` (RFC 7239) and `X-Forwarded-*`.

Both are read from the right. Proxies append, so the entry of the nearest proxy is the last, and nothing that a client
puts before it (a quote that is never closed, a thousand commas) changes how it is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from sketch.http.fields import RawHeaders
from sketch.http.grammar import OWS, QUOTED_STRING, TOKEN, Address, unescape, valid_authority

_PAIR = re.compile(rf"{OWS}({TOKEN.pattern})=(?:({TOKEN.pattern})|{QUOTED_STRING}){OWS}")
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|([0-9A-Fa-f:.]+))(?::([0-9]{1,5}))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LONGEST = 1024
"""The most characters of one entry; a longer one is malformed. Host names have at most 253."""
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""The schemes that proxies name, as those of requests. Some, as Traefik, name `wss` for a websocket's handshake."""


@dataclass(frozen=True, slots=True)
class Hop:
    """What one proxy says about the peer that connected to it. A value is None if it is missing or malformed."""

    client: Address | None = None
    """Address and port; the port is 0 if the proxy does not name it."""
    scheme: str | None = None
    host: str | None = None
    port: str | None = None


def to_ip(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an IP address, None if it is none. An IPv4-mapped one (`::ffff:10.0.0.1`) becomes IPv4."""
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def read_node(text: str) -> Address | None:
    """Parse `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`; None for anything else.

    `unknown` and identifiers like `_hidden` (RFC 7239 section 6) are valid nodes, but not addresses.
    """
    match = _NODE.fullmatch(text)
    if match is None:
        return None
    ip = to_ip(match[1] or match[2] or match[3])
    port = int(match[4] or 0)
    if ip is None or port > 65535 or (match[1] and ":" not in match[1]):
        return None
    return (str(ip), port)


# -- X-Forwarded-* ----------------------------------------------------------------------------------------------------


def read_x_forwarded(headers: RawHeaders, most: int) -> list[Hop]:
    """Read up to `most` hops from the `X-Forwarded-*` fields, the nearest proxy first.

    Only `X-Forwarded-For` has an entry for every proxy. Scheme, host and port are single values that each proxy
    replaces or passes on: the last value is the nearest proxy's, and any other may be the client's.
    """
    chain = _combined(headers, b"x-forwarded-for")
    nodes = [read_node(entry.strip(" \t")) for entry in reversed(chain.rsplit(",", most)[-most:])] if chain else []
    port = _last(headers, b"x-forwarded-port")
    nearest = Hop(
        client=nodes[0] if nodes else None,
        scheme=_SCHEMES.get(_last(headers, b"x-forwarded-proto").lower()),
        host=_read_host(_last(headers, b"x-forwarded-host")),
        port=port if _PORT.fullmatch(port) and int(port) <= 65535 else None,
    )
    return [] if nearest == Hop() else [nearest, *(Hop(node) for node in nodes[1:])]


def _read_host(text: str) -> str | None:
    """Return a host with or without a port, None for anything else. An empty host, valid in `Host`, also gives None."""
    return text if text[:1] not in ("", ":") and valid_authority(text.encode("latin-1")) else None


def _combined(headers: RawHeaders, name: bytes) -> str:
    """Join all fields of a name to one list: a proxy may append to a field, or add another field."""
    return ",".join([value.decode("latin-1") for key, value in headers if key == name])


def _last(headers: RawHeaders, name: bytes) -> str:
    return _combined(headers, name).rpartition(",")[2].strip(" \t")


# -- Forwarded --------------------------------------------------------------------------------------------------------


def read_forwarded(headers: RawHeaders, most: int) -> list[Hop]:
    """Read up to `most` hops from `Forwarded`, the nearest proxy first; a malformed element ends the list."""
    rest: str | None = _combined(headers, b"forwarded")
    hops: list[Hop] = []
    while rest and len(hops) < most:
        rest, element = _split_last(rest)
        pairs = _pairs(element)
        if pairs is None:
            break
        hops.append(
            Hop(
                client=_read_quoted_node(pairs.get("for", "")),
                scheme=_SCHEMES.get(pairs.get("proto", "").lower()),
                host=_read_host(pairs.get("host", "")),
            )
        )
    return hops


def _split_last(text: str) -> tuple[str | None, str]:
    """Return the text before the last comma outside quotes (None without a comma), and the element after it."""
    quoted = False
    for position in range(len(text) - 1, max(len(text) - _LONGEST, 0) - 1, -1):
        character = text[position]
        if character == '"' and not _escaped(text, position):
            quoted = not quoted
        elif character == "," and not quoted:
            return text[:position], text[position + 1 :]
    return None, text


def _escaped(text: str, position: int) -> bool:
    """Whether the character follows an odd number of backslashes."""
    before = text[max(position - _LONGEST, 0) : position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _pairs(element: str) -> dict[str, str] | None:
    """Parse the parameters of an element, names in lower case; None if it is malformed (RFC 7239 section 4)."""
    if len(element) > _LONGEST:
        return None
    pairs: dict[str, str] = {}
    position = 0
    while match := _PAIR.match(element, position):
        name = match[1].lower()
        if name in pairs:
            return None
        pairs[name] = match[2] if match[3] is None else unescape(match[3])
        position = match.end()
        if position == len(element):
            return pairs
        if element[position] != ";":
            return None
        position += 1
    return None


def _read_quoted_node(text: str) -> Address | None:
    """Parse a node of `Forwarded`, where IPv6 has to be in brackets (RFC 7239 section 6)."""
    return None if text.count(":") > 1 and not text.startswith("[") else read_node(text)
