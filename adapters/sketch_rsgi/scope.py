"""Builds a request from an RSGI scope, or refuses it before any application sees it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from sketch.http.fields import RawHeaders
from sketch.http.grammar import valid_authority
from sketch.request import BaseRequest
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
from sketch_rsgi.interfaces import Headers, Scope

if TYPE_CHECKING:
    from sketch_gateway.body import ReceivedBody
    from sketch_rsgi.connection import RSGIConnection

_is_plain_path = re.compile(rf"[A-Za-z0-9{re.escape(PATH_CHARACTERS)}]+").fullmatch
"""Whether a path is the same percent-encoded. As a bound method, so that calling it costs no attribute look-up."""

R = TypeVar("R", bound=BaseRequest)


def read_head(scope: Scope, connection: RSGIConnection, kind: type[R]) -> R:
    """Build the request of an http or ws scope. Its body stays unread, its header fields stay where they are.

    Args:
        scope, connection: of the request.
        kind: the class of the request; it converts its fields when something asks for them.

    Raises:
        Refused: for what the native server would refuse, too.
    """
    headers = connection.headers
    version = scope.http_version
    if version != "1.1":
        version = VERSIONS.get(version, version)
    authority = scope.authority
    hosts = headers.get_all("host")
    if len(hosts) == 1:
        if not valid_authority(hosts[0].encode()):
            raise malformed_host()
    elif hosts:
        raise several_hosts()
    elif "host" in headers:  # with bytes beyond ASCII, which are not handed out
        raise malformed_host()
    elif version == "1.1":
        raise missing_host()
    if authority is not None and not valid_authority(authority.encode()):
        raise malformed_host()
    target = read_target(scope, authority, version)
    body: ReceivedBody | None = None
    if kind.is_websocket:
        _refuse_body(headers)
    elif "content-length" in headers or "transfer-encoding" in headers or version[0] != "1":
        body = _announced_body(headers, connection, version)
    fields = partial(convert, headers, None if hosts or version[0] == "1" else authority)
    request = kind.__new__(kind)
    request.begin(scope.method, target, fields, version, "", body, connection)
    if body is not None:
        body.request = request
    return request


def convert(headers: Headers, host: str | None) -> RawHeaders:
    """Return header fields as a request has them, those of one name next to each other.

    Args:
        headers: as the server gave them.
        host: the Host to add, None for none.
    """
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    return fields if host is None else [(b"host", host.encode()), *fields]


def _refuse_body(headers: Headers) -> None:
    if "transfer-encoding" in headers or ("content-length" in headers and headers.get("content-length") != "0"):
        raise unexpected_body()


def _announced_body(headers: Headers, connection: RSGIConnection, version: str) -> ReceivedBody | None:
    """Return the body that may come: HTTP/1 announces it by a field, HTTP/2 may just send one."""
    if "transfer-encoding" in headers or "content-length" not in headers:
        # An empty DATA frame ends many a body of HTTP/2, and looks as the end of one that has broken off.
        return connection.announce_body(None, ends_twice=version[0] != "1")
    length = read_length(headers.get("content-length") or "")
    return connection.announce_body(length) if length else None


def read_target(scope: Scope, authority: str | None, version: str) -> bytes:
    """Return the request target: percent-encoded again, as RSGI tells only the decoded path.

    A path with bytes that are not UTF-8 has U+FFFD in their place; here it gets bytes that are not UTF-8, so that it
    matches what such a path matches everywhere: nothing.

    Args:
        scope: of the request.
        authority: of the scope, None without one.
        version: as a request has it.

    Raises:
        Refused: for bytes that are not allowed in a target, and for one without a path, as that of CONNECT.
    """
    path, query = scope.path, scope.query_string
    if _is_plain_path(path):
        target = path.encode()
    elif path:
        target = quote(path, safe=PATH_CHARACTERS).replace("%EF%BF%BD", "%FF").encode()
    elif scope.method == "CONNECT":
        raise Refused("expected a method other than CONNECT: there is no proxy here", 501)
    else:
        raise Refused("expected a path in the request target (RFC 9112 section 3.2)")
    if authority is not None and version[0] == "1" and path != "*":
        target = b"%b://%b%b" % (scope.scheme.encode(), authority.encode(), target)
    if query:
        target = b"%b?%b" % (target, query.encode())
        check_target(target)
    return target
