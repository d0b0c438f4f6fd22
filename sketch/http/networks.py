"""Sets of addresses: networks of IPv4 and IPv6, and unix sockets, whose peers have no address."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from sketch.http.forwarded import to_ip
from sketch.http.grammar import Address

UNIX = "unix"


class Networks:
    """A set of addresses.

    Args:
        names: networks or addresses, `"10.0.0.0/8"`, `"2001:db8::7"`; `"unix"` for peers without an address, as on a
            unix socket.
        what: what the networks are, for errors.

    Raises:
        TypeError: for a string in place of several.
        ValueError: for a malformed network, and for none.
    """

    __slots__ = ("_networks", "_unix")

    def __init__(self, names: Iterable[str], what: str) -> None:
        if isinstance(names, str):
            raise TypeError(f"expected {what} as a list of networks, got {names!r:.200}")
        names = list(names)
        if not names:
            raise ValueError(f"expected at least one network in {what}, got []")
        self._unix = UNIX in names
        self._networks = [_network(name, what) for name in names if name != UNIX]

    def __contains__(self, peer: Address | None) -> bool:
        """Whether an address, or with None a peer without one, is in one of the networks."""
        if peer is None:
            return self._unix
        ip = to_ip(peer[0])
        return ip is not None and any(ip in network for network in self._networks)


def _network(name: str, what: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(name)
    except ValueError as exc:
        raise ValueError(f"expected {what} networks like '10.0.0.0/8', or 'unix', got {name!r:.200}: {exc}") from None
