"""Websocket settings that the launchers pass to their servers."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from typing import Any

import pytest
from hypercorn.config import Config

from sketch import Application, WebSocket, WebSocketPolicy
from sketch.request import Request
from sketch.response import Response
from sketch.routing import WEBSOCKET
from sketch.serving.options import ServeOptions
from sketch_asgi.app import ASGIApplication
from sketch_asgi.launchers.common import largest_message
from sketch_asgi.launchers.hypercorn import configure_hypercorn, is_no_cancelled_connection
from sketch_asgi.launchers.uvicorn_runner import make_config

MIB = 1024 * 1024


async def session(ws: WebSocket) -> None:
    return


async def handler(request: Request) -> Response:
    return Response()


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    return


def serving(*sizes: int) -> Application:
    app = Application()
    app.get("/")(handler)
    for number, size in enumerate(sizes):
        app.add_websocket(f"/{number}", session, policy=WebSocketPolicy(max_message=size))
    return app


def test_messages_are_let_through_as_far_as_any_route_allows() -> None:
    assert largest_message(serving()) == MIB
    assert largest_message(serving(10)) == 10
    assert largest_message(serving(10, 3 * MIB, 20)) == 3 * MIB


def test_routes_of_mounted_applications_count() -> None:
    app, part = serving(10), serving(7 * MIB)
    app.mount("/part", part)
    assert largest_message(app) == 7 * MIB


def test_unknown_policies_are_left_to_the_handler() -> None:
    app = serving(10)
    app.add_route(WEBSOCKET, "/plain", handler)
    assert largest_message(app) == 16 * MIB
    app = serving(10)
    app.mount("/foreign", foreign)
    assert largest_message(app) == 16 * MIB


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [({"websockets", "wsproto"}, "websockets-sansio"), ({"wsproto"}, "wsproto"), (set(), "none")],
)
def test_uvicorn_gets_the_best_implementation_there_is(
    installed: set[str], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "sketch_asgi.launchers.uvicorn_runner.find_spec",
        lambda name: find(name) if name in installed or name not in ("websockets", "wsproto") else None,
    )
    config = make_config(ASGIApplication(serving()), ServeOptions(), 123)
    assert (config.ws, config.ws_max_size, config.ws_ping_interval) == (chosen, 123, 20.0)


def test_a_misleading_log_message_of_uvicorn_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    make_config(ASGIApplication(serving()), ServeOptions(), 123)
    logging.getLogger("uvicorn.error").error("ASGI callable returned without completing handshake.")
    logging.getLogger("uvicorn.error").error("something else")
    assert [record.message for record in caplog.records] == ["something else"]


def test_hypercorn_sends_no_pings() -> None:
    assert configure_hypercorn(Config(), ServeOptions()).websocket_ping_interval is None


def test_a_cancelled_connection_is_not_logged() -> None:
    def record(message: str, error: BaseException) -> logging.LogRecord:
        return logging.LogRecord("asyncio", logging.ERROR, "", 0, message, None, (type(error), error, None))

    message = "Exception in callback StreamReaderProtocol.connection_made.<locals>.callback(<Task cancelled>)"
    assert not is_no_cancelled_connection(record(message, asyncio.CancelledError()))
    assert is_no_cancelled_connection(record(message, ValueError()))
    assert is_no_cancelled_connection(record("Exception in callback other()", asyncio.CancelledError()))
