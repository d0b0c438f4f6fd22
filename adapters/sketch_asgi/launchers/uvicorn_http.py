"""uvicorn's HTTP protocol, with the bodies of requests whose `Upgrade` is not taken. Imported only with httptools.

httptools ends such a request at its head, and uvicorn drops what follows, or takes it for the next request. Java's HTTP
client sends `Upgrade: h2c` with its first request, bodies included.
"""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sketch.http.fields import RawHeaders

_FRAMING = (b"content-length", b"transfer-encoding")


class UpgradesIgnored(HttpToolsProtocol):
    """Serves a request whose upgrade is not taken like any other; refuses the handshake of a websocket with a body."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.parser: Any = _Parser(self, self.parser)

    @property
    def takes_upgrade(self) -> bool:
        """Whether the request goes on as another protocol: it is the handshake of a websocket, or a CONNECT."""
        return self.parser.get_method() == b"CONNECT" or self._should_upgrade()

    def on_headers_complete(self) -> None:
        """Begin a request."""
        if self.parser.should_upgrade() and self.takes_upgrade and framing(self.headers):
            raise ValueError("expected no body in the handshake of a websocket")  # httptools makes it a 400
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note the end of a request, unless its body is still to come."""
        if not (self.parser.should_upgrade() and not self.takes_upgrade and framing(self.headers)):
            super().on_message_complete()


def framing(headers: RawHeaders) -> RawHeaders:
    """Return the fields that announce a body."""
    return [field for field in headers if field[0] in _FRAMING and field != (b"content-length", b"0")]


class _Parser:
    """A parser of httptools, and another one behind the head of each request whose upgrade is not taken.

    Args:
        protocol: gets the requests.
        parser: the first parser, which calls the protocol.
    """

    __slots__ = ("_parser", "_protocol")

    def __init__(self, protocol: UpgradesIgnored, parser: Any) -> None:
        self._protocol = protocol
        self._parser = parser

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def feed_data(self, data: bytes) -> None:
        """Parse bytes."""
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as exc:
                if self._protocol.takes_upgrade:
                    raise
                data = data[exc.args[0] :]
                self._parser = self._behind_head()
            else:
                return

    def _behind_head(self) -> Any:
        """Return a parser that expects the body of the request, if there is one, and then the next request."""
        calls = _Calls(self._protocol)
        parser = httptools.HttpRequestParser(calls)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        if fields := framing(self._protocol.headers):
            calls.muted = True
            parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % field for field in fields))
            calls.muted = False
        return parser


class _Calls:
    """Passes a parser's calls on to a protocol, except those for a head that it has had already."""

    def __init__(self, protocol: UpgradesIgnored) -> None:
        self.muted = False
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete
        self._protocol = protocol

    def on_message_begin(self) -> None:
        if not self.muted:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self.muted:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.muted:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self.muted:
            self._protocol.on_headers_complete()
