"""The session of a websocket route, with its arguments filled in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from sketch.binding.bound import Handler
from sketch.binding.plan import plan
from sketch.binding.surroundings import TYPES, Given, Offer, Surroundings
from sketch.callables import is_coroutine_function

if TYPE_CHECKING:
    from sketch.binding.arguments import Arguments
    from sketch.request import WebSocketRequest
    from sketch.response import Response
    from sketch.websocket import WebSocket

SocketSession = Callable[["WebSocket"], Awaitable[Any]]
Complete = Callable[["Response"], "Response"]
"""Adds what dependencies have asked for to the answer of a handshake."""

Prepare = Callable[["WebSocketRequest"], Awaitable[tuple[SocketSession, Complete]]]
"""`async (request)`: reads the arguments before the handshake, so that a faulty input is answered; returns the call."""


def bind_session(session: Handler, around: Surroundings) -> tuple[Prepare, tuple[Arguments, ...]]:
    """Make a session's call for a websocket route.

    Its arguments are filled in like a handler's, but the websocket takes the role of the request: the parameter `ws`,
    `websocket`, or else the first remaining positional one gets it.

    Raises:
        ValueError: for a parameter without a value, and for anything but a coroutine function.
    """
    if isinstance(session, type) or not is_coroutine_function(session):
        raise ValueError("expected a session `async def (ws)`: a thread cannot wait for messages")
    decided = plan(session, around.of(_offer()))
    if decided.is_typed:
        from sketch.binding.dependencies import complete  # not every application has typed handlers

        arguments = complete(decided, around)
        return _typed(session, arguments), (arguments,)

    def call(websocket: WebSocket) -> Awaitable[Any]:
        args, kwargs = decided.arguments(websocket.request, websocket)
        result: Awaitable[Any] = session(*args, **kwargs)
        return result

    async def prepare(_: WebSocketRequest) -> tuple[SocketSession, Complete]:
        return call, _unchanged

    return prepare, ()


def _typed(session: Handler, arguments: Arguments) -> Prepare:
    from sketch.binding.resolution import resolution_of

    async def prepare(request: WebSocketRequest) -> tuple[SocketSession, Complete]:
        resolution = resolution_of(request)
        try:
            values = resolution.checked(await arguments.fetch(resolution), arguments.all_inputs)
        except BaseException as exc:
            await resolution.leave(exc)
            raise

        def call(websocket: WebSocket) -> Awaitable[Any]:
            args, kwargs = arguments.split(values, websocket)
            result: Awaitable[Any] = session(*args, **kwargs)
            return result

        return call, resolution.complete

    return prepare


def _unchanged(response: Response) -> Response:
    return response


def _offer() -> Offer:
    from sketch.websocket.socket import WebSocket  # not every application has websockets

    socket, request = Given.WEBSOCKET, Given.REQUEST
    return Offer(socket, {WebSocket: socket, **TYPES}, {"ws": socket, "websocket": socket, "request": request})
