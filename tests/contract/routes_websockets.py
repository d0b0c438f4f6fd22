"""Websocket routes: messages, every end, and handshakes with other answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

from sketch import (
    Application,
    HTTPForbidden,
    Limits,
    Request,
    Response,
    RouteGroup,
    StreamResponse,
    TextResponse,
    WebSocket,
    WebSocketDisconnected,
    WebSocketPolicy,
    WebSocketResponse,
    current_app,
    current_request,
)
from sketch.routing import WEBSOCKET

mark: ContextVar[str] = ContextVar("mark", default="unset")


def add_websockets(app: Application) -> None:
    app.gates = {}
    add_messages(app)
    add_pressure(app)
    add_ends(app)
    add_handshakes(app)
    add_parts(app)


def add_messages(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    @app.websocket("/ws/echo", subprotocols=["v2", "v1"])
    async def echo(ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)

    @app.websocket("/ws/rooms/{room}/{number:int}", name="room")
    async def facts(ws: WebSocket, room: str, number: int) -> None:
        request = ws.request
        await ws.send_json(
            {
                "arguments": [room, number],
                "method": request.method,
                "path": request.path,
                "url": str(request.url),
                "query": list(request.query.items()),
                "headers": [name.lower() for name in request.headers],
                "x": request.headers.getall("X-A", []),
                "cookies": dict(request.cookies),
                "version": request.http_version,
                "scheme": request.scheme,
                "client": request.client is not None,
                "has_body": request.has_body,
                "state": request.state["pool"],
                "route": request.route.template if request.route else None,
                "named": str(request.url_for("room", room="b", number=8)),
            }
        )

    @app.websocket("/ws/json")
    async def json(ws: WebSocket) -> None:
        while True:
            await ws.send_json({"got": await ws.receive_json()})

    @app.websocket("/ws/text")
    async def text(ws: WebSocket) -> None:
        await ws.send(await ws.receive_text())
        await ws.send(await ws.receive_bytes())

    @app.websocket("/ws/duplex")
    async def duplex(ws: WebSocket) -> None:
        """One task sends while the other receives."""

        async def send() -> None:
            for number in range(50):
                await ws.send(f"own {number}")

        async with asyncio.TaskGroup() as group:
            group.create_task(send())
            async for message in ws:
                await ws.send(message)

    @app.websocket("/ws/patience")
    async def patience(ws: WebSocket) -> None:
        """Receives with short timeouts, again and again."""
        while True:
            try:
                async with asyncio.timeout(0.001):
                    message = await ws.receive()
            except TimeoutError:
                continue
            await ws.send(message)

    @app.websocket("/ws/context")
    async def context(ws: WebSocket) -> None:
        async def inner() -> list[Any]:
            return [current_request.path, current_app.name, current_request.query["key"], mark.get()]

        before = mark.get()
        mark.set(ws.request.query["key"])
        await ws.receive()
        await ws.send_json([before, *await asyncio.create_task(inner())])


def add_pressure(app: Application) -> None:
    @app.websocket("/ws/flood", limits=Limits(write_timeout=0.5))
    async def flood(ws: WebSocket) -> None:
        """Sends until the client does not take it any more."""
        sent = 0
        message = os.urandom(65_536)  # which nothing makes smaller
        try:
            while True:
                await ws.send(message)
                sent += 1
        except WebSocketDisconnected as end:
            app.journal.write(ws.request, f"{end.code} after {sent}")
            app.journal.write(ws.request, "over")

    @app.websocket("/ws/gate")
    async def gate(ws: WebSocket) -> None:
        """Receives nothing until the test lets it, and then counts the messages."""
        event = app.gates[ws.request.query["key"]] = asyncio.Event()
        app.journal.write(ws.request, "waiting")
        await event.wait()
        count = 0
        async for message in ws:
            if message == "end":
                await ws.send(str(count))
            else:
                assert len(message) == 65_536
                count += 1

    @app.post("/ws/gate")
    async def open_gate(request: Request) -> Response:
        app.gates[request.query["key"]].set()
        return TextResponse("open")


def add_ends(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    def note_end(ws: WebSocket) -> None:
        app.journal.write(ws.request, f"{ws.close_code} {ws.close_reason}")
        app.journal.write(ws.request, "over")

    @app.websocket("/ws/listen")
    async def listen(ws: WebSocket) -> None:
        async for message in ws:
            app.journal.write(ws.request, str(message))
        note_end(ws)

    @app.websocket("/ws/talk")
    async def talk(ws: WebSocket) -> None:
        """Receives nothing: finds out only by sending that the client has left."""
        try:
            while True:
                await ws.send("tick")
                await asyncio.sleep(0.01)
        except WebSocketDisconnected:
            note_end(ws)

    @app.websocket("/ws/after")
    async def after(ws: WebSocket) -> None:
        async for _ in ws:
            pass
        for name in ("receive", "receive_text", "receive_bytes", "receive_json"):
            with contextlib.suppress(WebSocketDisconnected):
                await getattr(ws, name)()
                raise AssertionError("expected the end")
        try:
            await ws.send("late")
        except WebSocketDisconnected as end:
            app.journal.write(ws.request, f"send {end.code} {end.reason}")
        await ws.close(4999, "too late")
        note_end(ws)

    @app.websocket("/ws/close/{code:int}")
    async def close(ws: WebSocket, code: int) -> None:
        await ws.send("last")
        await ws.close(code, ws.request.query.get("reason", ""))
        await ws.close(4999)
        try:
            await ws.send("late")
        except WebSocketDisconnected as end:
            app.journal.write(ws.request, f"send {end.code} {end.reason}")

    @app.websocket("/ws/return")
    async def done(ws: WebSocket) -> None:
        await ws.send("last")

    @app.websocket("/ws/error")
    async def error(ws: WebSocket) -> None:
        raise LookupError("expected by the test")

    @app.websocket("/ws/small", policy=WebSocketPolicy(max_message=1000))
    async def small(ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(str(len(message)))
        note_end(ws)

    @app.websocket("/ws/idle", policy=WebSocketPolicy(idle_timeout=0.2))
    async def idle(ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)
        note_end(ws)

    @app.websocket("/ws/idle/busy", policy=WebSocketPolicy(idle_timeout=0.05))
    async def busy(ws: WebSocket) -> None:
        """Works on a message for longer than it may wait for one."""
        await ws.receive()
        await asyncio.sleep(0.3)
        await ws.send("done")

    @app.websocket("/ws/leaving")
    async def leaving(ws: WebSocket) -> None:
        """Neither sends nor receives once it is open; waits for the end."""
        await ws.send("open")
        await ws.request.wait_disconnected()
        assert ws.request.connection.disconnected
        await ws.close(4999, "too late")
        note_end(ws)

    @app.websocket("/ws/cancelled", on_disconnect="cancel")
    async def cancelled(ws: WebSocket) -> None:
        """Waits for something that does not come."""
        await ws.send("open")
        try:
            await asyncio.Event().wait()
        finally:
            app.journal.write(ws.request, "cancelled")

    @app.websocket("/ws/until-stopping", policy=WebSocketPolicy(close_reason="back soon"))
    async def until_stopping(ws: WebSocket) -> None:
        await ws.send("begin")
        async for _ in ws:
            pass
        await asyncio.sleep(0.2)  # what there is left to do
        print("session:", ws.close_code, ws.close_reason, flush=True)

    @app.websocket("/ws/stubborn")
    async def stubborn(ws: WebSocket) -> None:
        """Does not end by itself."""
        await ws.send("begin")
        try:
            await asyncio.Event().wait()
        finally:
            print("session: cancelled", flush=True)


def add_handshakes(app: Application) -> None:
    async def session(ws: WebSocket) -> None:
        await ws.send("open")

    @app.get("/ws/never")
    async def never(request: Request) -> Response:
        app.journal.write(request, "handler")
        return TextResponse("a page")

    async def plain(request: Request) -> Response:
        wanted = request.query.get("answer", "")
        if wanted == "text":
            return TextResponse("not now", status=503, headers={"Retry-After": "5"})
        if wanted == "raise":
            raise HTTPForbidden("members only")
        if wanted == "error":
            raise LookupError("expected by the test")
        if wanted == "stream":
            return StreamResponse(parts(request), status=401, content_type="text/plain")
        return WebSocketResponse(session, subprotocol="b", headers=[("X-Room", "1"), ("X-Room", "2")])

    async def parts(request: Request) -> AsyncIterator[bytes]:
        try:
            for number in range(3):
                yield b"part %d " % number
        finally:
            app.journal.write(request, "closed")

    app.add_route(WEBSOCKET, "/ws/plain", plain)
    app.websocket("/ws/origins/same")(session)
    app.websocket("/ws/origins/one", policy=WebSocketPolicy(origins=["https://good.example"]))(session)
    app.websocket("/ws/origins/any", policy=WebSocketPolicy(origins="*"))(session)

    @app.get("/ws/both")
    async def page() -> Response:
        return TextResponse("a page")

    app.websocket("/ws/both")(session)


def add_parts(app: Application) -> None:
    """Websockets in a group, and in a mounted application."""

    async def guard(request: Request, handler: Any) -> Response:
        if "x-guard" in request.headers:
            return TextResponse("guarded", status=403)
        response: Response = await handler(request)
        response.headers["X-Guard"] = "passed"
        return response

    async def session(ws: WebSocket, id: int) -> None:
        request = ws.request
        await ws.send_json([id, request.app.name, current_app.name, request.path, request.root_path])

    group = RouteGroup("/ws/group", middlewares=[guard])
    group.websocket("/{id:int}")(session)
    app.add_group(group)
    part = Application("websocket part", middlewares=[guard])
    part.websocket("/{id:int}")(session)
    app.mount("/ws/part", part)
