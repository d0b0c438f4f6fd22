"""Makes ASGI scopes from requests, for foreign applications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from sketch.http.fields import with_host
from sketch.request import BaseRequest, WebSocketRequest
from sketch_asgi.hosting.extensions import DENIAL, EARLY_HINT, PATHSEND
from sketch_asgi.tls import tls_extension

SPECIFICATION = {"version": "3.0", "spec_version": "2.5"}
"""The version of the protocol, and of its messages for HTTP and websockets."""
LIFESPAN = {"version": "3.0", "spec_version": "2.0"}

# What frameworks write for themselves while they route a request: a router would take what it finds for its own.
_OF_ROUTING = {"app", "app_root_path", "endpoint", "path_params", "route", "router"}
WEBSOCKET_SCHEMES = {"http": "ws", "https": "wss"}


def http_scope(request: BaseRequest, state: dict[str, Any], *, hints: bool = False) -> dict[str, Any]:
    """Make the scope of a request.

    Args:
        request: as the host gets it, with the prefixes of mounts in `root_path`.
        state: of the lifespan; each scope gets a copy.
        hints: whether early hints can be written.
    """
    connection, path, query, root_path = request.connection, request.raw_path, request.query_string, request.root_path
    if root_path:
        path = root_path + path
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": SPECIFICATION,
        "http_version": request.http_version,
        "method": request.method,
        "scheme": connection.scheme,
        "path": unquote(path) if "%" in path else path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1") if query else b"",
        "root_path": unquote(root_path) if root_path else "",
        "headers": request.raw_headers.copy(),
        "client": connection.client,
        "server": connection.server,
        "state": state.copy(),
        "extensions": {PATHSEND: {}},
    }
    if hints and request.http_version == "1.1":  # RFC 9110 section 15.2: no 1xx to a client of HTTP/1.0
        scope["extensions"][EARLY_HINT] = {}
    host = request.named_host
    if host is not None:  # frameworks read the field alone
        scope["headers"] = with_host(request.raw_headers, host)
    outer = request.scope
    if connection.scheme == "https":
        _tell_of_tls(request, scope["extensions"])
    if outer is not None:
        _pass_on(outer, scope)
    return scope


def _tell_of_tls(request: BaseRequest, extensions: dict[str, Any]) -> None:
    """Add the `tls` extension, if anything is known: that of a server around this one as it is."""
    given = ((request.scope or {}).get("extensions") or {}).get("tls")
    info = request.tls
    if given is not None:
        extensions["tls"] = given
    elif info is not None and info.version is not None:
        extensions["tls"] = tls_extension(info)


def _pass_on(outer: Mapping[str, Any], scope: dict[str, Any]) -> None:
    """Let a foreign application see what ASGI middleware around this one has put into its scope, such as a session."""
    for key, value in outer.items():
        if key not in scope and key not in _OF_ROUTING:
            scope[key] = value


def websocket_scope(request: WebSocketRequest, state: dict[str, Any]) -> dict[str, Any]:
    """Make the scope of a handshake. The arguments are those of `http_scope`."""
    scope = http_scope(request, state)
    del scope["method"]
    scope["type"] = "websocket"
    scope["scheme"] = WEBSOCKET_SCHEMES[request.scheme]
    scope["subprotocols"] = list(request.subprotocols)
    del scope["extensions"][PATHSEND]
    scope["extensions"][DENIAL] = {}
    return scope
