"""Routes that look at requests: heads, bodies, parameters, contexts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from contextvars import ContextVar

from sketch import (
    Application,
    JSONResponse,
    Limits,
    Request,
    Response,
    StreamResponse,
    View,
    current_app,
    current_request,
)
from sketch.transport import ClientDisconnected

visit: ContextVar[str] = ContextVar("visit", default="unset")


def add_echo(app: Application) -> None:
    @app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "QUERY"])
    async def echo(request: Request) -> Response:
        body = await request.read()
        return JSONResponse(
            {
                "method": request.method,
                "path": request.path,
                "url": str(request.url),
                "root_path": request.root_path,
                "query": list(request.query.items()),
                "headers": list(request.headers.items()),
                "cookies": dict(request.cookies),
                "content_type": request.content_type,
                "charset": request.charset,
                "version": request.http_version,
                "scheme": request.scheme,
                "client": request.client is not None,
                "body": body.decode("latin-1"),
            }
        )

    @app.get("/origin")
    async def origin(request: Request) -> Response:
        host = request.client[0] if request.client else None
        return JSONResponse([host, request.scheme, request.host, str(request.url)])

    @app.get("/tls")
    async def tls(request: Request) -> Response:
        found = request.tls
        if found is None:
            return JSONResponse(None)
        return JSONResponse([found.version, found.cipher, found.client_subject, bool(found.client_certificate)])

    @app.get("/state")
    async def state(request: Request) -> Response:
        shared = "mark" in request.state
        request.state["mark"] = True
        return JSONResponse({"pool": request.state["pool"], "shared": shared, "started": app.started})


def add_bodies(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    @app.post("/read")
    async def read(request: Request) -> Response:
        try:
            body = await request.read()
        except ClientDisconnected:
            app.journal.write(request, "ClientDisconnected")
            raise
        app.journal.write(request, f"read {len(body)}")
        return Response(str(len(body)))

    @app.post("/count")
    async def count(request: Request) -> Response:
        total = 0
        async for chunk in request.stream():
            total += len(chunk)
        return Response(str(total))

    async def limited(request: Request) -> Response:
        return Response(str(len(await request.read())))

    async def tried_twice(request: Request) -> Response:
        with suppress(Exception):
            await request.read()
        return Response(str(len(await request.read())))

    app.router.add_route("POST", "/limited", limited, limits=Limits(body=1000))
    app.router.add_route("POST", "/limited/tried-twice", tried_twice, limits=Limits(body=1000))
    app.router.add_route("POST", "/limited/in-time", limited, limits=Limits(body_timeout=0.2))

    @app.post("/upload-in-steps")
    async def upload_in_steps(request: Request) -> Response:
        """Answers before the body has ended: a handler starts with the head."""
        stream = request.stream()
        app.journal.write(request, "started")
        app.journal.write(request, (await anext(stream)).decode())
        return Response(b"".join([chunk async for chunk in stream]))

    @app.post("/twice")
    async def twice(request: Request) -> Response:
        accessors = {"read": request.read, "text": request.text, "json": request.json}
        access = accessors[request.query["how"]]
        first, second = await access(), await access()
        return JSONResponse({"equal": first == second, "value": first.decode() if isinstance(first, bytes) else first})

    @app.post("/stream-twice")
    async def stream_twice(request: Request) -> Response:
        streamed = b"".join([chunk async for chunk in request.stream()])
        try:
            await request.read()
        except RuntimeError:
            return Response(b"refused after " + streamed)
        return Response("read again")

    @app.post("/ignore")
    async def ignore() -> Response:
        return Response("ignored")

    @app.post("/ignore-and-wait")
    async def ignore_and_wait(request: Request) -> Response:
        app.journal.write(request, "started")
        await app.journal.wait(request.query["key"], "release")
        return Response("ignored")

    @app.post("/sync")
    def sync(request: Request) -> Response:
        data = request.wait(request.json())
        return JSONResponse({"data": data, "main": threading.current_thread() is threading.main_thread()})

    @app.get("/sync/context")
    def sync_context() -> Response:
        return Response(current_request.path)


class Thing(View):
    async def get(self, request: Request) -> Response:
        return Response("view get")

    async def post(self, request: Request) -> Response:
        return Response(b"view post " + await request.read())


def add_routing(app: Application) -> None:
    async def parameters(request: Request) -> Response:
        found = {name: [type(value).__name__, str(value)] for name, value in request.match_info.items()}
        return JSONResponse(found)

    for path in (
        "/item/{name}", "/int/{n:int}", "/float/{x:float}", "/uuid/{u:uuid}", "/path/{rest:path}",
        r"/regex/{code:\d{3}}", "/users/{user}/posts/{post:int}", "/f.json",
    ):  # fmt: skip
        app.get(path)(parameters)

    @app.get("/arguments/{order_id:int}/{name}")
    async def arguments(name: str, request: Request, order_id: int) -> Response:
        return JSONResponse([order_id, name, request.method])

    @app.route("/doc", "/help")
    async def aliases() -> Response:
        return Response("both")

    app.route("/view")(Thing)

    @app.get("/last")
    async def last() -> Response:
        return Response("last")


def add_context(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    @app.get("/scope/{name}")
    async def scope(request: Request) -> Response:
        scope = request.scope
        told = None if scope is None else [scope["type"], scope["route"].path, scope["path_params"]]
        return JSONResponse(told)

    @app.get("/context/{name}")
    async def context(name: str) -> Response:
        await asyncio.sleep(0)
        return JSONResponse([current_request.match_info["name"], current_app.name, bool(current_request)])

    @app.get("/context-stream")
    async def context_stream() -> Response:
        async def body() -> AsyncIterator[bytes]:
            await asyncio.sleep(0)
            yield current_request.path.encode()

        return StreamResponse(body())

    @app.get("/variable/{value}")
    async def variable(value: str) -> Response:
        before = visit.get()
        visit.set(value)
        return Response(before)

    @app.get("/variable-in-thread/{value}")
    def variable_in_thread(value: str) -> Response:
        def body() -> Iterator[bytes]:
            token = visit.set(f"{visit.get()},inside")
            try:
                yield b"begun,"
                yield visit.get().encode()
            finally:
                visit.reset(token)

        visit.set(value)
        return StreamResponse(body())

    @app.get("/variable-in-stream")
    async def variable_in_stream(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            token = visit.set("inside")
            try:
                yield b"begun"
                await asyncio.Event().wait()
            finally:
                visit.reset(token)
                app.journal.write(request, f"reset to {visit.get()}")

        visit.set("outside")
        return StreamResponse(body())

    @app.get("/timeout")
    async def timeout() -> Response:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return Response("timed out")
        return Response("never")

    @app.get("/group")
    async def group() -> Response:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(asyncio.sleep(0, "a"))
            second = tasks.create_task(asyncio.sleep(0, "b"))
        return Response(first.result() + second.result())

    @app.get("/leave")
    async def leave(request: Request) -> Response:
        app.journal.write(request, "waiting")
        await request.wait_disconnected()
        app.journal.write(request, "gone")
        await asyncio.sleep(0)
        app.journal.write(request, "went on")
        return Response("to nobody")
