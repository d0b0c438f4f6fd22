"""The response to a request of the test client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from email.message import Message
from types import TracebackType
from typing import Any, Self

from multidict import CIMultiDict, CIMultiDictProxy

from sketch.request import BaseRequest
from sketch.testing.transport import Exchange
from sketch.transport import WireResponse


class ClientResponse:
    """The response of the application. Its body is pulled from the application only as the test reads it.

    `async with` closes it at the end of the block; so does the end of the client's own block.
    """

    def __init__(self, exchange: Exchange, wire: WireResponse) -> None:
        self._exchange = exchange
        self._body: bytes | None = None
        self._streamed = False
        self.request: BaseRequest = exchange.request
        """The request as the application got it."""
        self.status: int = wire.status
        """The status code."""
        self.raw_headers: list[tuple[bytes, bytes]] = list(wire.fields)
        """The header fields as a server would send them, without those that servers add (Date, Connection)."""
        fields = CIMultiDict([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw_headers])
        self.headers: CIMultiDictProxy[str] = CIMultiDictProxy(fields)
        """The header fields; names are case-insensitive."""

    @property
    def content_type(self) -> str:
        """The media type with its parameters, empty if there is none."""
        return self.headers.get("Content-Type", "")

    async def stream(self) -> AsyncIterator[bytes]:
        """The body chunk by chunk, each produced only when the test asks for it.

        Raises:
            RuntimeError: if the body was streamed before.
            Exception: what the body's producer raised (a ConnectionError in a client with `raise_errors=False`).
        """
        if self._body is not None:
            if self._body:
                yield self._body
            return
        if self._streamed:
            raise RuntimeError("the body was streamed before: use `await response.read()` to have it more than once")
        self._streamed = True
        while chunk := await self._exchange.chunk():
            yield chunk

    async def read(self) -> bytes:
        """The whole body. May be called again. Raises as `stream()` does."""
        if self._body is None:
            self._body = b"".join([chunk async for chunk in self.stream()])
        return self._body

    async def text(self) -> str:
        """The body decoded by the charset of its media type, UTF-8 by default."""
        message = Message()
        message["Content-Type"] = self.content_type
        return (await self.read()).decode(message.get_content_charset() or "utf-8")

    async def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError for malformed JSON."""
        return json.loads(await self.read())

    async def close(self) -> None:
        """Leave, as a client that closes its connection, and wait until the body's producer has been closed.

        After the whole body was read this does nothing more.
        """
        self._exchange.disconnect()
        await self._exchange.ended()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<ClientResponse {self.status} {self.request.method} {self.request.raw_path}>"
