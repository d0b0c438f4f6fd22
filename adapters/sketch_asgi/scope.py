"""Builds a request from a scope, or refuses it before any application sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote

from sketch.http.fields import RawHeaders
from sketch.http.grammar import valid_authority
from sketch.request import BaseRequest, Request
from sketch_asgi.connection import Scope, ScopeConnection
from sketch_gateway.refusal import (
    PATH_CHARACTERS,
    VERSIONS,
    Refused,
    check_target,
    malformed_host,
    missing_host,
    read_length,
    several_hosts,
    unexpected_body,
)

if TYPE_CHECKING:
    from sketch_gateway.body import ReceivedBody

_READ = frozenset({b"host", b"content-length", b"transfer-encoding", b"upgrade"})

_PUSH = "http.response.push"
"""The extension by which hypercorn can be told: no other server offers it, and hypercorn for HTTP/2 and 3 only."""


R = TypeVar("R", bound=BaseRequest)

_new = object.__new__  # calling the class, with its arguments, takes longer; see BaseRequest.begin


def read_head(  # noqa: C901 - one function is faster
    scope: Scope, connection: ScopeConnection, root_path: str, kind: type[R]
) -> R:
    """Build the request of an http or websocket scope. Its body stays unread.

    Args:
        scope, connection: of the request.
        root_path: the prefix to use if the scope has none.
        kind: the class of the request.

    Raises:
        Refused: for what the native server would refuse, too.
    """
    headers: RawHeaders = list(scope["headers"])
    # Host and Content-Length, whether there are a Transfer-Encoding and an Upgrade, and whether one of the first two is
    # repeated. In a function of its own, the loop would take a tenth of the time that a plain request's head takes.
    host: bytes | None = None
    length: bytes | None = None
    coded = upgrading = repeated = False
    for name, value in headers:
        if name in _READ:  # a dict of all fields would take twice the time
            if name == b"host":
                repeated = repeated or host is not None
                host = value
            elif name == b"content-length":
                repeated = repeated or length is not None
                length = value
            elif name == b"transfer-encoding":
                coded = True
            else:
                upgrading = True
    version: str = scope.get("http_version", "1.1")
    if version != "1.1":
        version = VERSIONS.get(version, version)
    if host is None:
        if version == "1.1":
            raise missing_host()
    elif not valid_authority(host):
        raise malformed_host()
    if repeated:
        _check_single(headers)
    body: ReceivedBody | None = None
    is_websocket = kind is not Request and kind.is_websocket  # most are requests, and a class is asked slowly
    method: str = "GET" if is_websocket else scope["method"]
    if is_websocket:
        if coded or length not in (None, b"0"):
            raise unexpected_body()
    elif length is not None or coded or version[0] != "1":
        # HTTP/1 announces a body by a field, later versions may just send one. A Transfer-Encoding overrides the
        # Content-Length if the server lets both pass.
        if coded or length is None:
            size = None
        elif len(length) < 10 and length.isdigit():  # most lengths: as `read_length` does, without its call
            size = int(length)
        else:
            size = read_length(length)
        # Not announced if it is empty: a body would be made in vain.
        body = None if size == 0 else connection.announce_body(size)
        if coded and body is not None:
            body.may_be_empty = not upgrading  # uvicorn drops the body of such a request; that of others can be empty
        extensions = scope.get("extensions")
        if extensions and _PUSH in extensions:
            connection.listen().must_end = True
    root_path = scope.get("root_path") or root_path
    target = read_target(scope, root_path)
    request = _new(kind)
    request.begin(
        method,
        target,
        headers,
        version,
        _prefix_as_sent(root_path.rstrip("/"), target) if root_path else "",
        body,
        connection,
    )
    if body is not None:
        body.request = request
    return request


def _check_single(headers: RawHeaders) -> None:
    if sum(name == b"host" for name, _ in headers) > 1:
        raise several_hosts()
    if len({value for name, value in headers if name == b"content-length"}) > 1:
        raise Refused("expected one Content-Length, got several (RFC 9112 section 6.3)")


def read_target(scope: Scope, root_path: str = "") -> bytes:
    """Return the request target as the client sent it, as far as the server tells.

    Raises:
        Refused: for bytes that are not allowed in a target.
    """
    path: bytes | None = scope.get("raw_path")
    if path is None:
        path = quote(scope["path"], safe=PATH_CHARACTERS, errors="replace").encode("ascii")
    if root_path:
        path = _without_misplaced_prefix(path, root_path)
    query: bytes = scope.get("query_string") or b""
    target = b"%b?%b" % (path, query) if query else path or b"/"
    check_target(target)
    return target


def _prefix_as_sent(root_path: str, target: bytes) -> str:
    """Return the prefix percent-encoded, as the rest of the path is: a scope has it decoded.

    If the path begins with the prefix, the client's own encoding is kept.
    """
    if root_path.isascii() and target.startswith(root_path.encode()):
        return root_path
    path, end = target.partition(b"?")[0] + b"/", 0
    for _ in range(root_path.count("/")):  # the encoded prefix has no more slashes, but fewer if it has `%2F`
        end = path.find(b"/", end + 1)
        if unquote(path[: max(end, 0)]) == root_path:
            return path[:end].decode("ascii")
    return quote(root_path, safe=PATH_CHARACTERS + "%")


def _without_misplaced_prefix(path: bytes, root_path: str) -> bytes:
    """Remove the `root_path` that uvicorn puts even before an absolute URL: `/apihttp://host/path`."""
    prefix = root_path.encode()
    rest = path.removeprefix(prefix)
    return rest if rest[:1] not in (b"/", b"") and b"://" in rest else path
