"""What a request knows of its TCP connection."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address

SENT_BY_KERNEL = 16 * 1024
"""Bytes above which the kernel sends a file at less cost than it takes to copy it twice, into the process and out."""

SENT_IN_PIECES = 256 * 1024
"""Bytes that are read in one hop to a thread: where a file is read anyway, it costs least in the first one."""


class NativeConnection:
    """The `Connection` of the native server: one per TCP connection, read from the transport once."""

    __slots__ = ("_gone", "client", "scheme", "server", "small_file", "state", "tls", "trailers")

    def __init__(self, transport: asyncio.Transport, state: dict[str, Any]) -> None:
        self.client = _address(transport.get_extra_info("peername"))
        self.server = _address(transport.get_extra_info("sockname"))
        ssl = transport.get_extra_info("ssl_object")
        self.scheme = "http" if ssl is None else "https"
        self.small_file = SENT_BY_KERNEL if ssl is None else SENT_IN_PIECES
        self.tls: dict[str, Any] | None = None
        if ssl is not None:
            certificate = transport.get_extra_info("peercert")
            self.tls = {"version": ssl.version(), "cipher": ssl.cipher(), "peer_certificate": certificate}
        self.state = state
        self.trailers: RawHeaders = []
        self._gone: asyncio.Event | None = None

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
        """The peer is gone."""
        if self._gone is None:
            self._gone = asyncio.Event()
        self._gone.set()


def _address(name: object) -> Address | None:
    """Host and port of a socket name; a unix socket has a path or nothing."""
    return cast("Address", name[:2]) if isinstance(name, tuple) and len(name) >= 2 else None
