"""The application that every transport of the contract suite serves. `make_app()` makes a new one.

What a client cannot see in an answer, handlers write into a journal, by a key that each test chooses; `/journal/...`
hands it out, and waits for an entry where it is asked to.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from sketch import (
    Application,
    FileResponse,
    HTMLResponse,
    HTTPException,
    HTTPForbidden,
    HTTPFound,
    HTTPNotFound,
    JSONResponse,
    Limits,
    RedirectResponse,
    Request,
    Response,
    StreamResponse,
    View,
    current_app,
    current_request,
    json_response,
)
from sketch.transport import ClientDisconnected

CHUNK = b"x" * 65536

visit: ContextVar[str] = ContextVar("visit", default="unset")

SHARED_RESPONSE = Response("shared")
SHARED_ERROR = HTTPForbidden("shared", headers={"X-Shared": "yes"})


class Teapot(Exception):
    """Answered by the exception hook."""


class Journal:
    """Entries by key, and a way to wait for one."""

    def __init__(self) -> None:
        self.entries: defaultdict[str, list[str]] = defaultdict(list)
        self._changed = asyncio.Event()

    def write(self, request: Request, entry: str) -> None:
        self.entries[request.query["key"]].append(entry)
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, key: str, entry: str) -> list[str]:
        async with asyncio.timeout(15):
            while entry not in self.entries[key]:
                await self._changed.wait()
        return self.entries[key]


def make_app() -> Application:
    """A new application with every route of the suite."""

    async def outer(request: Request, handler: Any) -> Response:
        return await tag(request, handler, "outer")

    async def inner(request: Request, handler: Any) -> Response:
        return await tag(request, handler, "inner")

    async def context(app: Application) -> AsyncIterator[None]:
        app.started = ["context"]
        yield

    app = Application("contract", middlewares=[outer, inner], lifespan=lifespan)
    app.cleanup_ctx.append(context)
    app.journal = Journal()
    for add in (add_plain, add_echo, add_bodies, add_errors, add_headers, add_routing, add_context, add_streams):
        add(app)
    add_hooks(app)
    return app


async def lifespan(app: Application) -> AsyncIterator[dict[str, Any]]:
    yield {"pool": "from the lifespan"}


async def tag(request: Request, handler: Any, name: str) -> Response:
    """Note the way in and the way out, where a test asks for it."""
    if "x-trace" not in request.headers:
        return await handler(request)
    if not hasattr(request, "trace"):
        request.trace = []
    request.trace.append(name)
    try:
        response = await handler(request)
    except HTTPException as exc:
        request.trace.append(f"{name} saw {exc.status}")
        raise
    response.headers.add("X-Trace", f"{name} after {','.join(request.trace)}")
    return response


def add_hooks(app: Application) -> None:
    @app.on_startup
    async def first(app: Application) -> None:
        app.started.append("first")
        app.db = {"john_doe"}

    @app.on_startup
    def second() -> None:
        app.started.append("second")

    @app.before_request
    async def short_circuit(request: Request) -> Response | None:
        if "x-short-circuit" in request.headers:
            return Response("short", status=202)
        return None

    @app.after_request
    async def stamp(response: Response) -> None:
        response.headers.add("X-After", "once")

    @app.after_request
    async def replace(request: Request, response: Response) -> Response | None:
        return Response("replaced") if "x-replace" in request.headers else None

    @app.exception
    async def teapot(exc: Exception) -> Response | None:
        if isinstance(exc, Teapot):
            if exc.args:
                raise ValueError("the hook fails, too")
            return Response("short and stout", status=418)
        return None


def add_plain(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    @app.get("/")
    async def index() -> Response:
        return Response("hello")

    @app.get("/get")
    async def only_get() -> Response:
        return Response("got it")

    @app.get("/same")
    async def same_get() -> Response:
        return Response("get")

    @app.post("/same")
    async def same_post() -> Response:
        return Response("post")

    @app.get("/html")
    async def html() -> Response:
        return HTMLResponse("<p>é</p>")

    @app.get("/json")
    async def json() -> Response:
        return json_response({"ok": True, "text": "é"})

    @app.get("/status/{code:int}")
    async def status(code: int) -> Response:
        return Response("body", status=code)

    @app.get("/shared/response")
    async def shared_response() -> Response:
        return SHARED_RESPONSE

    @app.get("/shared/error")
    async def shared_error() -> Response:
        raise SHARED_ERROR

    @app.get("/journal/{name}")
    async def journal(name: str) -> Response:
        return JSONResponse(app.journal.entries[name])

    @app.get("/journal/{name}/{entry}")
    async def journal_wait(name: str, entry: str) -> Response:
        return JSONResponse(await app.journal.wait(name, entry))

    @app.post("/journal/{entry}")
    async def journal_write(request: Request, entry: str) -> Response:
        app.journal.write(request, entry)
        return Response(status=204)


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

    app.router.add_route("POST", "/limited", limited, limits=Limits(body=1000))

    @app.post("/upload-in-steps")
    async def upload_in_steps(request: Request) -> Response:
        """Says what has arrived before the body has ended: a handler starts with the head."""
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


def add_errors(app: Application) -> None:
    @app.get("/boom")
    async def boom() -> Response:
        raise RuntimeError("secret <b>detail</b>")

    @app.get("/none")
    async def none() -> None:
        return None

    @app.get("/dict")
    async def dictionary() -> Any:
        return {"no": "magic"}

    @app.get("/teapot")
    async def teapot() -> Response:
        raise Teapot

    @app.get("/teapot/broken")
    async def broken_teapot() -> Response:
        raise Teapot("break the hook")

    @app.get("/forbidden/raised")
    async def raised() -> Response:
        raise HTTPForbidden("no entry", headers={"X-Why": "because"})

    @app.get("/forbidden/returned")
    async def returned() -> Any:
        return HTTPForbidden("no entry", headers={"X-Why": "because"})

    @app.get("/error-without-reason")
    async def without_reason() -> Response:
        raise HTTPNotFound

    @app.get("/found")
    async def found() -> Response:
        raise HTTPFound("/a b?c=d%20e")

    @app.get("/redirect")
    async def redirect(request: Request) -> Response:
        return RedirectResponse(request.query["to"])

    @app.get("/length-lie")
    async def length_lie() -> Response:
        return Response("four", headers={"Content-Length": "400"})


def add_headers(app: Application) -> None:
    @app.get("/headers/duplicate")
    async def duplicate() -> Response:
        response = Response("x", headers=[("X-Tag", "one"), ("X-Tag", "two")])
        response.set_cookie("a", "1")
        response.set_cookie("b", "2", httponly=True, max_age=60)
        return response

    @app.get("/headers/latin1")
    async def latin1() -> Response:
        return Response("x", headers={"X-Name": "caf\xe9"})

    @app.get("/headers/inject")
    async def inject(request: Request) -> Response:
        where, evil = request.query["where"], request.query["evil"]
        response = Response("x")
        if where == "name":
            response.headers[f"X{evil}"] = "x"
        elif where == "value":
            response.headers["X-A"] = f"b{evil}Set-Cookie: x=1"
        elif where == "content-type":
            response.content_type = f"text/plain{evil}Set-Cookie: x=1"
        elif where == "cookie":
            response.set_cookie("a", f"b{evil}Set-Cookie: x=1")
        elif where == "location":
            return RedirectResponse(f"/b{evil}Set-Cookie: x=1")
        return response

    @app.get("/cookies/set")
    async def set_cookies() -> Response:
        response = Response("x")
        response.set_cookie("session", "abc", httponly=True, secure=True, samesite="strict")
        response.delete_cookie("old")
        response.set_cookie("dated", "1", expires=datetime(2030, 1, 1, tzinfo=UTC), samesite=None)
        return response


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


def add_context(app: Application) -> None:
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


def add_streams(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    @app.get("/stream/{count:int}")
    async def stream(count: int) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for number in range(count):
                yield f"chunk {number}\n".encode()
                yield b""

        return StreamResponse(body(), content_type="text/plain")

    @app.get("/stream/sync")
    async def stream_sync() -> Response:
        return StreamResponse(iter([b"a", b"b", b"c"]))

    @app.get("/stream/sized")
    async def stream_sized() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"ab"
            yield b"cd"

        return StreamResponse(body(), headers={"Content-Length": "4"})

    @app.get("/stream/short")
    async def stream_short() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"ab"

        return StreamResponse(body(), headers={"Content-Length": "4"})

    @app.get("/stream/broken")
    async def stream_broken() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"one chunk"
            raise RuntimeError("secret halfway")

        return StreamResponse(body())

    @app.get("/stream/endless")
    async def endless(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            task = asyncio.current_task()
            try:
                while True:
                    app.journal.write(request, "chunk")
                    yield CHUNK
            finally:
                same = asyncio.current_task() is task
                app.journal.write(request, "closed in its task" if same else "closed in another task")

        return StreamResponse(body())

    @app.get("/stream/idle")
    async def idle(request: Request) -> Response:
        """One chunk, then nothing for ever: an event source without events."""

        async def body() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                app.journal.write(request, "closed")

        return StreamResponse(body())

    @app.get("/stream/until-stopping")
    async def until_stopping() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"begin "
            await app.stopping.wait()
            yield b"end"

        return StreamResponse(body())

    @app.get("/file")
    async def file(request: Request) -> Response:
        return FileResponse(request.query["path"])


app = make_app()
