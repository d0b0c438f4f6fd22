"""Websockets: the answer that opens one, the socket that a session holds, and every end that it can have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

from sketch.exceptions import HTTPForbidden, HTTPUpgradeRequired
from sketch.idle import idle_watch
from sketch.limits import MIB
from sketch.response import HeadersArgument, Response
from sketch.routing import WEBSOCKET
from sketch.routing.arguments import Call, Handler, SelfBinding, bind_session
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.request import Request, WebSocketRequest
    from sketch.transport import WebSocketTransport

logger = logging.getLogger("sketch")

Session = Callable[["WebSocket"], Awaitable[Any]]
"""`async (websocket)`: awaited after the handshake; the websocket is closed when it ends."""

ANY_ORIGIN = "*"

# Codes of RFC 6455 section 7.4 and of the IANA registry that an endpoint may send. 1004, 1005, 1006 and 1015 are no
# codes but ways to say that there was none.
NORMAL, GOING_AWAY, UNSUPPORTED, INVALID, TOO_BIG, INTERNAL_ERROR, RESTART = 1000, 1001, 1003, 1007, 1009, 1011, 1012
ABNORMAL = 1006
_SENDABLE = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))
_LONGEST_REASON = 123


class WebSocketDisconnected(ConnectionError):
    """The websocket has ended. Raised by whatever is done with it from then on.

    Args:
        code: of RFC 6455 section 7.4, from whichever side closed first; 1005 where the peer gave none, 1006 where the
            connection broke off without a closing handshake.
        reason: the text that came with the code.
    """

    def __init__(self, code: int = ABNORMAL, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"the websocket has ended with {self.code}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketPolicy:
    """What one route allows its websockets. Sizes in bytes, times in seconds.

    Raises:
        ValueError: for bounds that let nothing through, and for a reason that no close frame can hold.
    """

    max_message: int = MIB
    """Size of a message, after decompression; a longer one closes the websocket with 1009."""
    max_queue: int = 16
    """Messages that wait for the session; beyond it, and beyond `max_message` bytes in all, the socket is not read.
    Under an ASGI server the server's own queue comes before this one."""
    compression: bool = True
    """Whether to agree to permessage-deflate (RFC 7692). Under an ASGI server the server decides."""
    ping_interval: float | None = 20.0
    """How long a peer may be silent before it is sent a ping (RFC 6455 section 5.5.2); None: for ever. Under an ASGI
    server the server decides."""
    ping_timeout: float | None = 20.0
    """How long a peer that was sent a ping may stay silent before it is given up (1006); None: for ever."""
    idle_timeout: float | None = None
    """How long the session may wait for a message, and send none, before the websocket is closed with 1001."""
    close_timeout: float = 10.0
    """How long the peer may take to answer a close, before the connection is cut."""
    close_reason: str = ""
    """Sent with the code 1012 when the server stops."""
    origins: Collection[str] | None = None
    """Pages that may connect, as browsers name them: `"https://example.com"`; `"*"` for all. None: pages of the host
    that the handshake is sent to, so that no other site can act for a visitor (RFC 6455 section 10.2). A client that
    sends no `Origin` is no browser, and is let in."""

    def __post_init__(self) -> None:
        for name in ("max_message", "max_queue"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)!r}")
        for name in ("ping_interval", "ping_timeout", "idle_timeout", "close_timeout"):
            seconds = getattr(self, name)
            if seconds is not None and seconds <= 0:
                raise ValueError(f"expected {name} of more than 0 seconds, got {seconds!r}")
        check_close(RESTART, self.close_reason)

    def allows(self, request: Request) -> bool:
        """Whether the page that a handshake comes from may connect."""
        sent = request.header(b"origin")
        if sent is None:
            return True
        origin = sent.decode("latin-1").lower()
        if self.origins is None:
            return _authority(origin) == request.host.lower()
        allowed = [self.origins] if isinstance(self.origins, str) else self.origins
        return any(each in (ANY_ORIGIN, origin) or each.lower() == origin for each in allowed)


def _authority(origin: str) -> str:
    """Host and port of an origin as `Host` would have them; empty for `null` and for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def is_close_code(code: int) -> bool:
    """Whether a close frame may hold that code (RFC 6455 section 7.4)."""
    return code in _SENDABLE or 3000 <= code <= 4999


def check_close(code: int, reason: str) -> None:
    """Raise ValueError for what no close frame may hold: another code, or a longer reason."""
    if not is_close_code(code):
        raise ValueError(f"expected a close code that may be sent (RFC 6455 section 7.4), got {code!r}")
    if len(reason.encode()) > _LONGEST_REASON:
        raise ValueError(f"expected a reason of at most {_LONGEST_REASON} bytes in UTF-8, got {reason!r}")


DEFAULT_POLICY = WebSocketPolicy()


class WebSocket:
    """An open websocket, as a session has it. After its end everything raises `WebSocketDisconnected`.

        async for message in ws:
            await ws.send(message)

    One task may receive while another sends.
    """

    __slots__ = ("_closing", "_idle", "_policy", "_transport", "close_code", "close_reason", "request", "subprotocol")

    request: WebSocketRequest
    """The handshake."""
    subprotocol: str | None
    """What was agreed on."""
    close_code: int | None
    """Why it has ended; None while it is open."""
    close_reason: str
    """The text that came with the code."""

    def __init__(
        self,
        request: WebSocketRequest,
        transport: WebSocketTransport,
        *,
        subprotocol: str | None = None,
        policy: WebSocketPolicy = DEFAULT_POLICY,
    ) -> None:
        self.request = request
        self.subprotocol = subprotocol
        self.close_code = None
        self.close_reason = ""
        self._transport = transport
        self._policy = policy
        self._idle: float | None = None
        self._closing: asyncio.Task[None] | None = None

    async def receive(self) -> str | bytes:
        """The next message: `str` for text, `bytes` for binary.

        Raises:
            WebSocketDisconnected: at the end.
        """
        self._idle = 0.0
        try:
            return await self._transport.receive()
        except WebSocketDisconnected as end:
            raise self._ended(end) from None
        finally:
            self._idle = None

    async def receive_text(self) -> str:
        """The next message, which has to be text: a binary one closes the websocket with 1003.

        Raises:
            WebSocketDisconnected: at the end, which this may be.
        """
        message = await self.receive()
        if isinstance(message, str):
            return message
        await self.close(UNSUPPORTED, "expected a text message")
        raise self._end()

    async def receive_bytes(self) -> bytes:
        """The next message, which has to be binary: text closes the websocket with 1003.

        Raises:
            WebSocketDisconnected: at the end, which this may be.
        """
        message = await self.receive()
        if isinstance(message, bytes):
            return message
        await self.close(UNSUPPORTED, "expected a binary message")
        raise self._end()

    async def receive_json(self) -> Any:
        """The next message, text or binary, parsed as JSON: anything else closes the websocket with 1007.

        Raises:
            WebSocketDisconnected: at the end, which this may be.
        """
        message = await self.receive()
        try:
            return self.request.app.json.loads(message.encode() if isinstance(message, str) else message)
        except (ValueError, RecursionError):
            await self.close(INVALID, "expected a message in JSON")
            raise self._end() from None

    async def send(self, message: str | bytes | bytearray | memoryview) -> None:
        """Send one message, text for `str`, binary for `bytes`; waits while the peer reads slowly.

        Raises:
            WebSocketDisconnected: after the end.
            TypeError: for anything else.
        """
        if not isinstance(message, (str, bytes)):
            if not isinstance(message, bytearray | memoryview):
                raise TypeError(f"expected a message of str or bytes, got {message!r}: use send_json() for data")
            message = bytes(message)
        if self._idle is not None:
            self._idle = 0.0
        try:
            await self._transport.send(message)
        except WebSocketDisconnected as end:
            raise self._ended(end) from None

    async def send_json(self, data: Any) -> None:
        """Send data as JSON in a text message, written by the application's codec.

        Raises:
            WebSocketDisconnected: after the end.
            TypeError, ValueError: for data that JSON cannot hold.
        """
        await self.send(self.request.app.json.dumps(data).decode())

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close. A receive that waits ends; what the peer has sent and nobody has received is dropped.

        Closing again, or after the peer, does nothing.

        Args:
            code: one that may be sent (RFC 6455 section 7.4): 1000 for the usual end, 3000 to 4999 for your own.
            reason: for people; at most 123 bytes.

        Raises:
            ValueError: for another code, or a longer reason.
        """
        check_close(code, reason)
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
            await self._transport.close(code, reason)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        """The next message; the iteration ends where the websocket does, however it ends."""
        self._idle = 0.0
        try:
            return await self._transport.receive()  # as receive() does, one coroutine less
        except WebSocketDisconnected as end:
            self._ended(end)
            raise StopAsyncIteration from None
        finally:
            self._idle = None

    def __repr__(self) -> str:
        state = "open" if self.close_code is None else f"closed with {self.close_code}"
        return f"<WebSocket {self.request.raw_path} {state}>"

    def _end(self) -> WebSocketDisconnected:
        return WebSocketDisconnected(ABNORMAL if self.close_code is None else self.close_code, self.close_reason)

    def _ended(self, end: WebSocketDisconnected) -> WebSocketDisconnected:
        """Note the end that the transport has told of, unless one is known: the first one counts."""
        if self.close_code is None:
            self.close_code, self.close_reason = end.code, end.reason
        return self._end()

    # -- for run_session ----------------------------------------------------------------------------------------------

    def _begin_close(self, code: int, reason: str) -> None:
        """Close from outside the session, which may be anywhere."""
        if self._closing is None and self.close_code is None:
            self._closing = asyncio.get_running_loop().create_task(self.close(code, reason))

    def stop(self) -> None:
        """Close, because the server stops."""
        self._begin_close(RESTART, self._policy.close_reason)

    def idled(self, seconds: float) -> None:
        """So many seconds have passed; called now and then, for those that have an idle timeout."""
        if self._idle is not None and self._policy.idle_timeout is not None:
            self._idle += seconds
            if self._idle > self._policy.idle_timeout:
                self._begin_close(GOING_AWAY, "idle for too long")

    async def finish(self, code: int) -> None:
        """Close at the end of the session, or wait until that is done."""
        await self.close(code)
        if self._closing is not None:
            await self._closing

    def abandon(self) -> None:
        """The session was cancelled: whoever did that cuts the connection."""
        if self._closing is not None:
            self._closing.cancel()


class WebSocketResponse(Response):
    """Status 101: asks the adapter to shake hands and then to await a session with the open websocket.

    Args:
        session: `async (websocket)`, awaited after the handshake; the websocket is closed when it ends.
        subprotocol: one of those that the client offers (`request.subprotocols`); any other is not answered.
        headers: extra fields of the handshake's answer.
        policy: what the websocket may do.
    """

    __slots__ = ("policy", "session", "subprotocol")

    prepares = True
    switches = True

    def __init__(
        self,
        session: Session,
        *,
        subprotocol: str | None = None,
        headers: HeadersArgument = None,
        policy: WebSocketPolicy | None = None,
    ) -> None:
        super().__init__(status=101, headers=headers)
        self.session = session
        self.subprotocol = subprotocol
        self.policy = policy or DEFAULT_POLICY

    def copy(self) -> Self:
        """A response for the same session with headers of its own."""
        new = super().copy()
        new.session = self.session
        new.subprotocol = self.subprotocol
        new.policy = self.policy
        return new

    async def prepare(self, request: Request) -> Response:
        """Check the handshake.

        Raises:
            HTTPUpgradeRequired: for a request that is none.
            HTTPForbidden: for a page that may not connect.
        """
        if not request.is_websocket:
            raise HTTPUpgradeRequired("expected a websocket handshake", headers={"Upgrade": "websocket"})
        if not self.policy.allows(request):
            raise HTTPForbidden("this origin may not open a websocket here: see WebSocketPolicy.origins")
        offered = cast("WebSocketRequest", request).subprotocols
        if self.subprotocol is None or self.subprotocol in offered:
            return self
        plain = self.copy()
        plain.owner = self.owner
        plain.subprotocol = None
        return plain


class SessionHandler(SelfBinding):
    """The handler of a websocket route: opens a websocket for each handshake, and fills in the session's arguments.

    Args:
        session: a coroutine function; see `sketch.routing.arguments.bind_session`.
        policy: what the websockets may do.
        subprotocols: what the session speaks, the best first.
    """

    methods = frozenset([WEBSOCKET])

    def __init__(self, session: Handler, policy: WebSocketPolicy | None, subprotocols: tuple[str, ...]) -> None:
        self.policy = policy or DEFAULT_POLICY
        self.subprotocols = subprotocols
        self.__wrapped__ = session
        self.__qualname__ = getattr(session, "__qualname__", repr(session))
        self.__doc__ = session.__doc__

    def bind(self, names: Collection[str]) -> Call:
        """The call for a route with these path parameters; raises ValueError for arguments that nothing gives."""
        session = bind_session(self.__wrapped__, names)

        async def call(request: Request) -> Response:
            offered = cast("WebSocketRequest", request).subprotocols if self.subprotocols else ()
            chosen = next((name for name in self.subprotocols if name in offered), None)
            return WebSocketResponse(session, subprotocol=chosen, policy=self.policy)

        return call

    async def __call__(self, request: Request) -> Any:
        """Answer a handshake: for decorators that wrap this as they wrap a function."""
        return await self.bind(frozenset(request.match_info))(request)


async def run_session(request: WebSocketRequest, response: WebSocketResponse, transport: WebSocketTransport) -> None:
    """Await the session of a websocket after its handshake, and see to its end. The one thing adapters await.

    The end of the session closes with 1000, an exception, which is logged, with 1011. When `app.stopping` is set, the
    websocket is closed with 1012 at once; the session may then take as long as the server waits. Cancellation passes
    through: the adapter cuts the connection.
    """
    request.reenter()
    ws = WebSocket(request, transport, subprotocol=response.subprotocol, policy=response.policy)
    stopping = request.app.stopping
    watch = None if response.policy.idle_timeout is None else idle_watch(response.policy.idle_timeout)
    stopping.listen(ws.stop)
    if watch is not None:
        watch.add(ws)
    try:
        code = await _run(ws, response.session)
        await ws.finish(code)
    except BaseException:
        ws.abandon()
        raise
    finally:
        stopping.forget(ws.stop)
        if watch is not None:
            watch.discard(ws)


async def _run(ws: WebSocket, session: Session) -> int:
    """The code to close with, if the websocket is still open."""
    try:
        await session(ws)
    except Exception as exc:
        if not _is_end(exc):
            await _report(ws.request, exc)
            return INTERNAL_ERROR
    return NORMAL


def _is_end(exc: BaseException) -> bool:
    """Whether an exception says no more than that the websocket has ended, also in a task group."""
    if isinstance(exc, ExceptionGroup):
        return all(_is_end(inner) for inner in exc.exceptions)
    return isinstance(exc, WebSocketDisconnected | ClientDisconnected)


async def _report(request: WebSocketRequest, exc: Exception) -> None:
    """Log an error that nobody expected, and tell the hooks for such errors: there is nothing they could answer."""
    request.error = exc
    logger.error("error in the websocket session of %r", request.raw_path, exc_info=exc)
    try:
        await request.app.exception.send(request, exc)
    except Exception:
        logger.exception("error in a hook for an error in the websocket session of %r", request.raw_path)
