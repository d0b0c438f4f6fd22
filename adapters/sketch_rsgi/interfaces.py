"""What a server that speaks RSGI lends: the parts of the interface that this adapter uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any, Protocol

TextFields = list[tuple[str, str]]


class Headers(Protocol):
    """The header fields of a request. Values with bytes beyond ASCII are left out of everything but `in`."""

    def items(self) -> TextFields:
        """Return all fields, those of one name next to each other."""
        ...

    def get(self, name: str) -> str | None:
        """Return the first value of a name in lower case."""
        ...

    def get_all(self, name: str) -> list[str]:
        """Return all values of a name in lower case."""
        ...

    def __contains__(self, name: str) -> bool: ...


class Scope(Protocol):
    """The head of a request, and the connection. Each attribute is made anew whenever it is read."""

    @property
    def proto(self) -> str:
        """`"http"`, or `"ws"`."""
        ...

    @property
    def http_version(self) -> str:
        """`"1"`, `"1.1"` or `"2"`."""
        ...

    @property
    def method(self) -> str:
        """The method as sent."""
        ...

    @property
    def path(self) -> str:
        """The path, percent-decoded; bytes that are not UTF-8 are U+FFFD. Empty for CONNECT."""
        ...

    @property
    def query_string(self) -> str:
        """The query as sent."""
        ...

    @property
    def authority(self) -> str | None:
        """The authority of an absolute target, or `:authority` of HTTP/2."""
        ...

    @property
    def scheme(self) -> str:
        """`"http"` or `"https"`."""
        ...

    @property
    def client(self) -> str:
        """The peer's address, as `host:port`."""
        ...

    @property
    def server(self) -> str:
        """The address the peer connected to, as `host:port`."""
        ...

    @property
    def headers(self) -> Headers:
        """The header fields: a copy."""
        ...


class StreamTransport(Protocol):
    """A streamed response. It ends when the object is released."""

    def send_bytes(self, data: bytes) -> Awaitable[None]:
        """Send a part of the body. granian never waits for the client, and keeps everything that it has not taken."""
        ...


class HTTPProtocol(Protocol):
    """The exchange of a request."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the chunks of the body, once. An empty one is the end, or says that the body broke off."""
        ...

    def client_disconnect(self) -> Awaitable[None]:
        """Wait until the client has left."""
        ...

    def response_bytes(self, status: int, headers: TextFields, body: bytes) -> None:
        """Send a response."""

    def response_file_range(self, status: int, headers: TextFields, file: str, start: int, end: int) -> None:
        """Send a part of a file, which the server opens by its path."""

    def response_stream(self, status: int, headers: TextFields) -> StreamTransport:
        """Send the head of a response."""
        ...


class WebSocketTransport(Protocol):
    """An open websocket."""

    def receive(self) -> Awaitable[Any]:
        """Wait for a message: `kind` is 0 for a close, 1 for bytes and 2 for text, in `data`."""
        ...

    def send_bytes(self, data: bytes) -> Awaitable[None]:
        """Send a binary message."""
        ...

    def send_str(self, data: str) -> Awaitable[None]:
        """Send a text message."""
        ...


class WebSocketProtocol(Protocol):
    """The handshake of a websocket, and its end."""

    def accept(self) -> Awaitable[WebSocketTransport]:
        """Accept the handshake."""
        ...

    def close(self, status: int | None) -> Any:
        """Deny the handshake with this status, or close the open websocket without a code."""
