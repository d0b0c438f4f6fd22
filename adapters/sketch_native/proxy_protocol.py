"""Parses PROXY protocol headers, versions 1 and 2, in which a load balancer names its client. Pure functions of bytes.

Source: "The PROXY protocol, versions 1 & 2" by Willy Tarreau, haproxy.org/download/3.0/doc/proxy-protocol.txt; section
numbers here are of that document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from sketch.http.grammar import Address

V1 = b"PROXY "
V2 = b"\r\n\r\n\0\r\nQUIT\n"
LONGEST_V1 = 107
"""Most bytes of a version 1 line with its line end (section 2.1)."""
LONGEST_V2 = 4096
"""Most bytes of addresses and TLVs. Addresses take up to 216; a TLV that an access check may need, about a hundred."""

_V2_HEAD = 16
_LOCAL, _PROXY = 0x20, 0x21
# Family and transport: the size of one address in the block, without its port. Section 2.2 drops any other value.
_UNSPEC, _UNIX = 0x00, (0x31, 0x32)
_INET = {0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16}
_UNIX_BLOCK = 216

_LINE = re.compile(rb"PROXY TCP(?:4 ([0-9.]+) ([0-9.]+)|6 ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+)) ([0-9]+) ([0-9]+)\r\n")
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")


class Garbled(ValueError):
    """The bytes are not the beginning of a PROXY protocol header."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A parsed header: its size in bytes, and the addresses that it names."""

    size: int
    known: bool = False
    """Whether it names addresses. If not (a health check, an unknown family), the connection's own addresses apply."""
    client: Address | None = None
    """None with `known`: the client of the proxy is on a unix socket."""
    server: Address | None = None
    """The address the client connected to."""


def parse(data: bytes) -> ProxyHeader | None:
    """Return the header that the bytes begin with, None as long as it is incomplete.

    Raises:
        Garbled: as soon as no further bytes could make it a header.
    """
    if data.startswith(V2[: len(data)]):
        return _parse_v2(data)
    if data.startswith(V1[: len(data)]):
        return _parse_v1(data)
    raise Garbled(f"expected a header of the PROXY protocol, got {data[:16]!r}")


def _parse_v1(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:LONGEST_V1].partition(b"\r\n")
    if not end:
        if len(data) >= LONGEST_V1:
            raise Garbled(f"expected a line of at most {LONGEST_V1} bytes")
        return None
    line += end
    if line == b"PROXY UNKNOWN\r\n" or line.startswith(b"PROXY UNKNOWN "):
        return ProxyHeader(len(line))
    match = _LINE.fullmatch(line)
    if match is None:
        raise Garbled(f"expected `PROXY TCP4|TCP6 source destination port port`, got {line!r}")
    kind = IPv6Address if match[3] else IPv4Address
    client = _address(kind, match[3] or match[1], match[5])
    return ProxyHeader(len(line), True, client, _address(kind, match[4] or match[2], match[6]))


def _address(kind: type[IPv4Address | IPv6Address], host: bytes, port: bytes) -> Address:
    try:
        address = kind(host.decode("ascii"))
    except ValueError as exc:
        raise Garbled(str(exc)) from None
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise Garbled(f"expected a port from 0 to 65535, got {port!r}")
    return (str(address), int(port))


def _parse_v2(data: bytes) -> ProxyHeader | None:
    if len(data) > len(V2) and data[12] not in (_LOCAL, _PROXY):
        raise Garbled(f"expected version 2 and LOCAL or PROXY, got 0x{data[12]:02x}")
    if len(data) < _V2_HEAD:
        return None
    length = int.from_bytes(data[14:16], "big")
    if length > LONGEST_V2:
        raise Garbled(f"expected at most {LONGEST_V2} bytes of addresses and TLVs, got {length}")
    size = _V2_HEAD + length
    if data[12] == _LOCAL:  # the family has to be ignored
        return ProxyHeader(size) if len(data) >= size else None
    family = data[13]
    width = _INET.get(family, 0)
    least = 2 * width + 4 if width else _UNIX_BLOCK if family in _UNIX else 0
    if length < least or (family != _UNSPEC and not least):
        raise Garbled(f"expected addresses of a known family, got {length} bytes of 0x{family:02x}")
    if len(data) < size:
        return None
    if not width:
        return ProxyHeader(size, known=family in _UNIX)
    block = data[_V2_HEAD : _V2_HEAD + least]
    client, server = block[:width], block[width : 2 * width]
    ports = block[2 * width :]
    return ProxyHeader(size, True, _packed(client, ports[:2]), _packed(server, ports[2:]))


def _packed(host: bytes, port: bytes) -> Address:
    address = IPv4Address(host) if len(host) == 4 else IPv6Address(host)
    return (str(address), int.from_bytes(port, "big"))
