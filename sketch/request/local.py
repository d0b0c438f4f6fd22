"""Whether a request comes from a program on this machine that speaks to the server itself."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketch.request.base import BaseRequest

_HOSTS = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})
_OF_PROXIES = (b"forwarded", b"via", b"x-real-ip")


def is_local(request: BaseRequest) -> bool:
    """Whether a request is local: what may be shown to the developer, and to no one else.

    Its peer is the loopback interface by TCP (a unix socket is never local: a proxy speaks on it), its `Host` is
    `localhost`, `127.0.0.1` or `[::1]` (a page of another site can make a browser send any other one here), and no
    field says that a proxy has passed it on.
    """
    hosts = [value for name, value in request.raw_headers if name == b"host"]
    return (
        _is_loopback(request.client)
        and len(hosts) == 1
        and _without_port(hosts[0]).lower() in _HOSTS
        and not any(name in _OF_PROXIES or name.startswith(b"x-forwarded-") for name, _ in request.raw_headers)
    )


def _is_loopback(client: tuple[str, int] | None) -> bool:
    try:
        address = ip_address(client[0] if client is not None else "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _without_port(host: bytes) -> bytes:
    name, colon, port = host.rpartition(b":")
    return name if colon and port.isdigit() else host
