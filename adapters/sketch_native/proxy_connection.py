"""HTTP connections from a load balancer, with a PROXY protocol header before the first request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sketch_native.protocol import HTTPProtocol
from sketch_native.proxy_protocol import Garbled, parse

if TYPE_CHECKING:
    from sketch_native.interfaces import Host

logger = logging.getLogger("sketch.native")


class ProxiedProtocol(HTTPProtocol):
    """Takes the client's address from a PROXY protocol header, then serves the connection like any other.

    It is a separate class, so that a server without the option does not even check for it. Without a valid header the
    connection is cut without an answer: a client that bypasses the load balancer could claim any address. The header
    shares the deadline of the first request's head.
    """

    __slots__ = ("_preface",)

    _preface: bytes | None
    """The part of the header that has come, None once it is complete."""

    def __init__(self, server: Host) -> None:
        super().__init__(server)
        self._preface = b""

    def data_received(self, data: bytes) -> None:
        """Collect the header; parse everything behind it as HTTP."""
        if self._preface is None:
            super().data_received(data)
            return
        if self.transport.is_closing():
            return
        self._preface += data
        try:
            header = parse(self._preface)
        except Garbled as exc:
            logger.info("%s: %s, the connection is closed", self.connection.client, exc)
            self.transport.abort()
            return
        if header is not None:
            rest, self._preface = self._preface[header.size :], None
            if header.known:
                self.connection.client, self.connection.server = header.client, header.server
            if rest:
                super().data_received(rest)
