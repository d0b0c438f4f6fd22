"""ASGI middleware around everything else: what trusted proxies say of a client, as its own server would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sketch.http.fields import RawHeaders, with_host
from sketch.request.head import read_host
from sketch.serving.asgi import ASGIApp, Receive, Send
from sketch_asgi.connection import Scope, read_address, read_scheme
from sketch_asgi.hosting.scope import WEBSOCKET_SCHEMES

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.middleware.proxy_headers import ProxyHeaders
    from sketch.serving.options import ServeOptions


class TrustedProxies:
    """Gives an ASGI application scopes with the client, scheme and host from behind the proxies.

    Args:
        asgi: the application.
        proxies: says whom to believe.
    """

    __slots__ = ("_asgi", "_proxies")

    def __init__(self, asgi: ASGIApp, proxies: ProxyHeaders) -> None:
        self._asgi = asgi
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a scope on.

        Raises:
            Exception: whatever the application raises.
        """
        if scope["type"] in ("http", "websocket"):
            scope = self._forwarded(scope)
        await self._asgi(scope, receive, send)

    def _forwarded(self, scope: Scope) -> Scope:
        peer = read_address(scope.get("client"))
        headers: RawHeaders = list(scope["headers"])
        said = self._proxies.read(peer, headers)
        if not said:
            return scope
        host = read_host(dict(headers).get(b"host"), read_address(scope.get("server")))
        origin = self._proxies.follow(said, peer, read_scheme(scope), host)
        websocket = scope["type"] == "websocket"
        return {
            **scope,
            "client": origin.client,
            "scheme": WEBSOCKET_SCHEMES[origin.scheme] if websocket else origin.scheme,
            "headers": with_host(headers, origin.host),
        }


def outermost(app: Application, asgi: ASGIApp, options: ServeOptions) -> ASGIApp:
    """Return an application's ASGI callable inside its raw ASGI middleware, behind the proxies that are trusted."""
    wrapped, proxies = app.wrapped(asgi), options.proxy_headers()
    return wrapped if proxies is None else TrustedProxies(wrapped, proxies)
