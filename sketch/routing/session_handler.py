"""The handler of a websocket route."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sketch.binding.bound import Bound, Handler
from sketch.binding.calls import SelfBinding
from sketch.binding.sessions import bind_session
from sketch.binding.surroundings import Surroundings
from sketch.http.grammar import tokens
from sketch.response import Response
from sketch.routing.route import WEBSOCKET
from sketch.websocket.policy import WebSocketPolicy, check_policy
from sketch.websocket.response import WebSocketResponse

if TYPE_CHECKING:
    from sketch.binding.answers.answer import AnswerOptions
    from sketch.request import WebSocketRequest


class SessionHandler(SelfBinding):
    """The handler of a websocket route: opens a websocket for each handshake and fills in the session's arguments.

    Args:
        session: a coroutine function; see `sketch.binding.sessions.bind_session`.
        policy: what the websockets may do.
        subprotocols: those that the session speaks, the best first.

    Raises:
        TypeError: for a policy that is no WebSocketPolicy, and for one `str` in place of several subprotocols.
        ValueError: for a subprotocol that is no token.
    """

    methods = frozenset([WEBSOCKET])

    def __init__(self, session: Handler, policy: WebSocketPolicy | None, subprotocols: Iterable[str]) -> None:
        self.policy = check_policy(policy)
        self.subprotocols = tokens("subprotocols", subprotocols)
        self.__wrapped__ = session
        self.__qualname__ = getattr(session, "__qualname__", repr(session))
        self.__doc__ = session.__doc__

    def bind(self, around: Surroundings, options: AnswerOptions | None = None) -> Bound:
        """Make the call for a route; raises ValueError for a parameter without a value, and for options of answers."""
        if options is not None:
            raise ValueError("expected no options for answers, got some for a websocket, which has no answer")
        prepare, arguments = bind_session(self.__wrapped__, around)

        async def call(request: WebSocketRequest) -> Response:
            session, complete = await prepare(request)
            offered = request.subprotocols if self.subprotocols else ()
            chosen = next((name for name in self.subprotocols if name in offered), None)
            return complete(WebSocketResponse(session, subprotocol=chosen, policy=self.policy))

        return Bound(call, arguments)

    async def __call__(self, request: WebSocketRequest) -> Any:
        """Answer a handshake, so that a decorator can wrap this object like a function."""
        return await self.bind(Surroundings(frozenset(request.match_info), is_websocket=True)).call(request)
