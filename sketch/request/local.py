"""Whether a request comes from this machine, made by someone who sits at it."""

from __future__ import annotations

from sketch.http.forwarded import to_ip
from sketch.http.hosts import split_port
from sketch.request.base import BaseRequest

_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def is_forwarded(request: BaseRequest) -> bool:
    """Whether a request says that it came through a proxy: by Via, Forwarded or X-Forwarded-*."""
    return any(name in (b"via", b"forwarded") or name.startswith(b"x-forwarded-") for name, _ in request.raw_headers)


def is_local(request: BaseRequest) -> bool:
    """Whether a request was made on this machine, to this machine's own name.

    Its peer is a loopback address by TCP, it has come through no proxy, and its Host is localhost, 127.0.0.1 or [::1]:
    a page of another site cannot make a browser send that. A unix socket is never local: a proxy may stand before it.
    """
    ip = None if request.client is None else to_ip(request.client[0])
    name = split_port(request.host)[0].lower()
    return ip is not None and ip.is_loopback and name in _NAMES and not is_forwarded(request)
