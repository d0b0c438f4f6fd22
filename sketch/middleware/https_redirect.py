"""Sends clients of plain http to https."""

from __future__ import annotations

from collections.abc import Iterable

from sketch.exceptions import HTTPException, HTTPForbidden, HTTPMisdirectedRequest, HTTPPermanentRedirect
from sketch.http.hosts import Hosts, split_port
from sketch.middleware.trusted_hosts import check_paths
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint


class HTTPSRedirect:
    """Middleware that redirects requests of plain http to the same URL by https: 308, which keeps the method.

        app = Application(outer_middlewares=[HTTPSRedirect(hosts=["example.com", "*.example.com"])])

    A client writes `Host` itself, so a redirect may only lead to hosts that are named here; a request for another one
    gets 421. The handshake of a websocket cannot be redirected: it gets 403.

    Behind a proxy that ends TLS, put `ProxyHeaders` before this: it sets `request.scheme` to what the client used.
    Without it every request would seem to be one of plain http, and be redirected without end.

    Args:
        hosts: the names that clients may be sent to, as in `TrustedHosts`, without ports.
        host: the one name that all clients are sent to, in place of `hosts`.
        port: the port of https.
        exempt: paths that are answered by plain http, as for health checks: `["/health"]`.

    Raises:
        TypeError: for both of `hosts` and `host`, and for neither; for a `str` in place of a list.
        ValueError: for what is no host or no port, and for a path without a leading slash.
    """

    outer = True
    reads_origin = True

    def __init__(
        self,
        *,
        hosts: Iterable[str] | None = None,
        host: str | None = None,
        port: int = 443,
        exempt: Iterable[str] = (),
    ) -> None:
        if hosts is None:
            if host is None:
                raise TypeError(
                    "expected hosts= or host=, got neither: a redirect to any host that a client names is an open one"
                )
            hosts = [_one(host)]
        elif host is not None:
            raise TypeError("expected one of hosts= and host=, got both")
        if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
            raise ValueError(f"expected port as a number from 1 to 65535, got {port!r:.200}")
        self._hosts = _names(hosts)
        self._host = host
        self._port = "" if port == 443 else f":{port}"
        self._exempt = check_paths(exempt)

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer a request that came by https, or for an exempt path; redirect or refuse any other."""
        if request.scheme == "https" or (request.raw_path in self._exempt and not request.is_websocket):
            return await handler(request)
        return await request.app.pipeline.refuse(request, self._answer(request))

    def _answer(self, request: BaseRequest) -> HTTPException:
        if request.is_websocket:
            return HTTPForbidden("expected a websocket by https: connect to wss://")
        host = self._host or split_port(request.host)[0]
        if self._host is None and not self._hosts.allows(host, "https"):
            return HTTPMisdirectedRequest("expected the name of this host in Host, got another")
        path = "" if request.raw_path == "*" else request.root_path + request.raw_path
        query = f"?{request.query_string}" if request.query_string else ""
        return HTTPPermanentRedirect(f"https://{host}{self._port}{path}{query}")


def _one(host: str) -> str:
    """Check a host that clients are sent to: a set of them is no place."""
    if not isinstance(host, str) or host.startswith("*"):
        raise ValueError(f"expected host as the name of one host, got {host!r:.200}: several are hosts=")
    return host


def _names(hosts: Iterable[str]) -> Hosts:
    """Check hosts that have no port: those of http and of https differ."""
    names = hosts if isinstance(hosts, str) else list(hosts)
    found = Hosts(names)
    for name in names:
        if split_port(name)[1]:
            raise ValueError(f"expected hosts without a port, got {name!r:.200}: the port of https is port=")
    return found
