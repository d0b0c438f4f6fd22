"""The response to a request of the test client, the same on every transport."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from email.message import Message
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from sketch.request import BaseRequest
from sketch.testing.events import ClientEvent, EventParser

if TYPE_CHECKING:
    from sketch.testing.interfaces import Answer
    from sketch.testing.sent import SentRequest


class UnexpectedStatus(AssertionError):
    """Raised by `response.raise_for_status()` for a status of 400 or more.

    Args:
        response: the response.
        below: the lowest status that is not expected.
    """

    def __init__(self, response: ClientResponse, below: int = 400) -> None:
        super().__init__(f"expected a status below {below}, got {response.status}\n{response.curl()}")
        self.response = response
        """The response."""


class ClientResponse:
    """The response of the application. Its body is pulled from the application only as the test reads it.

    `async with` closes it at the end of the block; so does the end of the client's own block.
    """

    def __init__(self, answer: Answer, sent: SentRequest, history: tuple[ClientResponse, ...] = ()) -> None:
        self._answer = answer
        self._sent = sent
        self._body: bytes | None = None
        self._streamed = False
        self.status: int = answer.status
        """The status code."""
        self.raw_headers: list[tuple[bytes, bytes]] = answer.raw_headers
        """The header fields as they came. Servers add some (Date, Connection), which are missing in memory."""
        fields = CIMultiDict([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw_headers])
        self.headers: CIMultiDictProxy[str] = CIMultiDictProxy(fields)
        """The header fields; names are case-insensitive."""
        self.history: tuple[ClientResponse, ...] = history
        """The redirects that led here, the first one first."""

    @property
    def request(self) -> BaseRequest:
        """The request as the application got it; only in memory.

        Raises:
            RuntimeError: on the other transports.
        """
        return self._answer.request

    @property
    def url(self) -> URL:
        """The URL that was asked for; after redirects, the last one."""
        return self._sent.url

    @property
    def method(self) -> str:
        """The method that was sent."""
        return self._sent.method

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    def raise_for_status(self) -> Self:
        """Return the response if its status is below 400.

        Raises:
            UnexpectedStatus: otherwise; an AssertionError that shows the request as a curl command.
        """
        if not self.ok:
            raise UnexpectedStatus(self)
        return self

    def curl(self, *, secrets: bool = False, at: str | None = None) -> str:
        """The curl command that sends the same request.

        Args:
            secrets: whether to show what has a secret's name, such as `Authorization`, `Cookie` or `password`; without
                it, the value is `***`.
            at: scheme and host of a server to send it to: `"http://127.0.0.1:8080"`. None for those of the client.
        """
        return self._sent.curl(secrets=secrets, at=at)

    @property
    def content_type(self) -> str:
        """The media type with its parameters, empty if there is none."""
        return self.headers.get("Content-Type", "")

    async def stream(self) -> AsyncIterator[bytes]:
        """The body chunk by chunk, each produced only when the test asks for it.

        In memory a chunk is what the application has sent at once. A connection may divide and join them.

        Raises:
            RuntimeError: if the body was streamed before.
            ConnectionError: if the connection breaks before the end of the body.
            Exception: what the body's producer raised, in a client with `raise_errors`.
        """
        if self._body is not None:
            if self._body:
                yield self._body
            return
        if self._streamed:
            raise RuntimeError("the body was streamed before: use `await response.read()` to have it more than once")
        self._streamed = True
        while chunk := await self._answer.chunk():
            yield chunk

    async def lines(self) -> AsyncIterator[str]:
        """The lines of the body as they come, without their ends, decoded as `text()` does: for JSON lines.

        Raises as `stream()` does.
        """
        rest = b""
        async for chunk in self.stream():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield self._decode(line.removesuffix(b"\r"))
        if rest:
            yield self._decode(rest)

    async def events(self) -> AsyncIterator[ClientEvent]:
        """The events of an event stream as they come (WHATWG HTML section 9.2), without comments.

        Raises as `stream()` does.
        """
        parser = EventParser()
        async for chunk in self.stream():
            for event in parser.feed(chunk):
                yield event

    async def read(self) -> bytes:
        """The whole body. May be called again. Raises as `stream()` does."""
        if self._body is None:
            self._body = b"".join([chunk async for chunk in self.stream()])
        return self._body

    async def text(self) -> str:
        """The body decoded by the charset of its media type, UTF-8 by default."""
        return self._decode(await self.read())

    def _decode(self, data: bytes) -> str:
        message = Message()
        message["Content-Type"] = self.content_type
        return data.decode(message.get_content_charset() or "utf-8")

    async def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError for malformed JSON."""
        return json.loads(await self.read())

    async def close(self) -> None:
        """Leave, as a client that closes its connection. In memory, wait until the body's producer has been closed.

        After the whole body was read this does nothing more.
        """
        self._answer.disconnect()
        await self._answer.ended()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<ClientResponse {self.status}: {self.curl()}>"
