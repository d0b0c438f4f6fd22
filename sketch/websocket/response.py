"""The answer that opens a websocket, and the handler that gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Self, cast

from sketch.exceptions import HTTPForbidden, HTTPUpgradeRequired
from sketch.http.grammar import tokens
from sketch.response import HeadersArgument, Response
from sketch.routing import WEBSOCKET
from sketch.routing.arguments import Call, Handler, SelfBinding, bind_session
from sketch.websocket.policy import DEFAULT_POLICY, WebSocketPolicy
from sketch.websocket.socket import WebSocket

if TYPE_CHECKING:
    from sketch.request import Request, WebSocketRequest

Session = Callable[[WebSocket], Awaitable[Any]]
"""`async (websocket)`: awaited after the handshake; the websocket is closed when it ends."""


class WebSocketResponse(Response):
    """Status 101: asks the adapter to shake hands and then to await a session with the open websocket.

    Args:
        session: `async (websocket)`, awaited after the handshake; the websocket is closed when it ends.
        subprotocol: one of those that the client offers (`request.subprotocols`); any other is not answered.
        headers: extra fields of the handshake's answer.
        policy: what the websocket may do.

    Raises:
        TypeError: for a session that cannot be called, and a policy that is none.
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
        if not callable(session):
            raise TypeError(f"expected a session `async (websocket)`, got {session!r}")
        super().__init__(status=101, headers=headers)
        self.session = session
        self.subprotocol = subprotocol
        self.policy = _checked(policy)

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

    Raises:
        TypeError: for a policy that is none, and for one `str` in the place of several subprotocols.
        ValueError: for a subprotocol that is no token.
    """

    methods = frozenset([WEBSOCKET])

    def __init__(self, session: Handler, policy: WebSocketPolicy | None, subprotocols: Iterable[str]) -> None:
        self.policy = _checked(policy)
        self.subprotocols = tokens("subprotocols", subprotocols)
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


def _checked(policy: WebSocketPolicy | None) -> WebSocketPolicy:
    if policy is None:
        return DEFAULT_POLICY
    if not isinstance(policy, WebSocketPolicy):
        raise TypeError(f"expected policy to be a WebSocketPolicy, got {policy!r}")
    return policy
