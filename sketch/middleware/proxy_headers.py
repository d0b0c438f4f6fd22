"""Takes the client's address, scheme and host from the header fields of trusted proxies."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any, NamedTuple

from sketch.http.fields import RawHeaders
from sketch.http.forwarded import Hop, read_forwarded, read_x_forwarded
from sketch.http.grammar import Address
from sketch.http.hosts import DEFAULT_PORTS, split_port
from sketch.http.networks import UNIX as UNIX, Networks
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint
from sketch.tls import TLSInfo
from sketch.transport import SMALL_FILE, Connection

READERS = {"x-forwarded": read_x_forwarded, "forwarded": read_forwarded}


class ProxyHeaders:
    """Middleware that takes client, scheme and host from the header fields of trusted proxies.

        app = Application(outer_middlewares=[ProxyHeaders(trusted=["10.0.0.0/8"])])

    Put it first, so that all code sees the same `request.client`, `request.scheme`, `request.host` and `request.url`,
    and so does the access log. The chain is read from the right, where the nearest proxy has written; what a client
    writes itself is further left, and is not reached. An address is believed only if the one to its right is trusted;
    the rightmost, if the connection's peer is.

    If the next entry is missing, malformed, or no address, the request comes from the last hop that was believed:
    so do not give the addresses of your proxies rights that their clients should not have.

    Args:
        trusted: networks or addresses of the proxies, `"10.0.0.0/8"`, `"2001:db8::7"`; `"unix"` for peers without an
            address, as on a unix socket.
        hops: how many proxies stand one behind the other, at most.
        family: `"x-forwarded"` for `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`, or `"forwarded"` for RFC 7239. Only
            this family is read: a proxy that writes one family passes on the client's other one, perhaps forged.

    Raises:
        ValueError: for no or malformed networks, fewer than one hop, or an unknown family.
        TypeError: for a string as `trusted`; and by the application, behind a middleware that reads what this replaces,
            as `TrustedHosts` and `Sessions` do.
    """

    outer = True
    sets_origin = True

    def __init__(self, trusted: Iterable[str], *, hops: int = 1, family: str = "x-forwarded") -> None:
        if isinstance(trusted, str):
            raise TypeError(f"expected trusted as a list of networks, got {trusted!r:.200}")
        if not isinstance(hops, int) or hops < 1:
            raise ValueError(f"expected hops as a number from 1 on, got {hops!r:.200}")
        if family not in READERS:
            raise ValueError(f"expected family as one of {', '.join(READERS)}, got {family!r:.200}")
        names = list(trusted)
        if not names:
            raise ValueError("expected at least one trusted network, got []: leave the middleware out instead")
        self.trusted = tuple(names)
        """The networks and addresses of the proxies, as they were given."""
        self._trusted = Networks(names, "trusted")
        self._hops = hops
        self._read = READERS[family]

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer the request as if it came directly from the client behind the proxies."""
        self.apply(request)
        return await handler(request)

    def apply(self, request: BaseRequest) -> bool:
        """Let the request come from the client behind the proxies. Returns whether a trusted one has said anything."""
        connection = request.connection
        said = self.read(connection.client, request.raw_headers)
        if said:
            origin = self.follow(said, connection.client, connection.scheme, request.host)
            request.replace_origin(ForwardedConnection(connection, origin.client, origin.scheme), origin.host)
        return bool(said)

    def read(self, peer: Address | None, headers: RawHeaders) -> list[Hop]:
        """Return what the proxies say, the nearest first; nothing if the peer is not trusted."""
        return self._read(headers, self._hops) if peer in self._trusted else []

    def follow(self, said: list[Hop], peer: Address | None, scheme: str, host: str) -> Origin:
        """Walk from the nearest proxy towards the client, as far as the hops are trusted.

        Args:
            said: as from `read`.
            peer, scheme, host: of the request as it came.
        """
        client, port = peer, None
        for hop in said:
            scheme = hop.scheme or scheme
            host = hop.host or host
            port = hop.port or port
            if hop.client is None:
                break
            client = hop.client
            if client not in self._trusted:
                break
        if port is not None:
            host = _with_port(host, port, scheme)
        return Origin(client, scheme, host)


class Origin(NamedTuple):
    """Where a request comes from, and for which host."""

    client: Address | None
    scheme: str
    host: str


class ForwardedConnection:
    """A connection with the client and scheme from behind the proxies. Its `tls` is that of the nearest proxy."""

    __slots__ = ("_connection", "client", "scheme", "server", "state", "trailers")

    def __init__(self, connection: Connection, client: Address | None, scheme: str) -> None:
        self._connection = connection
        self.client = client
        self.scheme = scheme
        self.server = connection.server
        self.state = connection.state
        self.trailers = connection.trailers

    @property
    def tls(self) -> TLSInfo | None:
        """What is known of the TLS session with the nearest proxy."""
        return self._connection.tls

    @property
    def small_file(self) -> int:
        """The bytes up to which a file costs less to write than to send from an open file."""
        return getattr(self._connection, "small_file", SMALL_FILE)

    @property
    def scope(self) -> MutableMapping[str, Any] | None:
        """The ASGI scope, None without one. It still says what the server knows of the nearest proxy."""
        return getattr(self._connection, "scope", None)

    @property
    def disconnected(self) -> bool:
        """Whether the nearest proxy is known to be gone."""
        return self._connection.disconnected

    async def wait_disconnected(self) -> None:
        """Return once the nearest proxy is gone: it leaves when its client does."""
        await self._connection.wait_disconnected()


def _with_port(host: str, port: str, scheme: str) -> str:
    """The host with `port` in place of its own port; without a port if it is the scheme's default."""
    name, _ = split_port(host)
    return name if port == DEFAULT_PORTS.get(scheme) else f"{name}:{port}"
