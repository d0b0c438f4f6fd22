"""The native `Connection`: what a request knows of its TCP connection."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch.tls import TLSInfo
from sketch_native.tls import tls_info

SENT_BY_KERNEL = 16 * 1024
"""Size in bytes above which sending a file by the kernel costs less than copying it into the process and out again."""

SENT_IN_PIECES = 256 * 1024
"""Bytes that one hop to a thread reads. Under TLS every file is read: up to this size, in the hop that opens it."""


class NativeConnection:
    """The `Connection` of the native server: one per TCP connection, filled from the transport when it opens."""

    scope = None
    """No ASGI scope; see `Request.scope`."""

    __slots__ = ("_gone", "_session", "_tls", "client", "scheme", "server", "small_file", "state", "trailers")

    def __init__(self, transport: asyncio.Transport, state: dict[str, Any]) -> None:
        self.client = address_of(transport.get_extra_info("peername"))
        self.server = address_of(transport.get_extra_info("sockname"))
        session = self._session = transport.get_extra_info("ssl_object")
        self._tls: TLSInfo | None = None
        self.scheme = "http" if session is None else "https"
        self.small_file = SENT_BY_KERNEL if session is None else SENT_IN_PIECES
        self.state = state
        self.trailers: RawHeaders = []
        self._gone: asyncio.Event | None = None

    @property
    def tls(self) -> TLSInfo | None:
        """What is known of the TLS session, None without TLS; found out when it is first asked for."""
        if self._tls is None and self._session is not None:
            self._tls = tls_info(self._session)
        return self._tls

    @property
    def disconnected(self) -> bool:
        """Whether the peer is gone, or has said that it will send no more."""
        return self._gone is not None and self._gone.is_set()

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, or has said that it will send no more."""
        if self._gone is None:
            self._gone = asyncio.Event()
        await self._gone.wait()

    def lost(self) -> None:
        """Note that the peer is gone, and wake whatever waits for it."""
        if self._gone is None:
            self._gone = asyncio.Event()
        self._gone.set()


def address_of(name: object) -> Address | None:
    """Return host and port of a socket's name; None for a unix socket, which has a path or nothing."""
    return cast("Address", name[:2]) if isinstance(name, tuple) and len(name) >= 2 else None
