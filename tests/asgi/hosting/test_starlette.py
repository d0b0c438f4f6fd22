"""Applications of Starlette and FastAPI: served natively, and mounted in a sketch application."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    Form,
    HTTPException,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
)
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from tests.asgi.hosting.serving import MODES, Client, hosting
from tests.support.frames import TEXT, Close, Refused, close_frame, frame, shake
from tests.support.native import until
from tests.support.scripts import in_loop

pytestmark = pytest.mark.parametrize("mode", MODES)

FORM = [("Content-Type", "application/x-www-form-urlencoded")]
UPLOAD = [("Content-Type", "multipart/form-data; boundary=b")]
JSON = [("Content-Type", "application/json")]


def multipart(*parts: tuple[str, str]) -> bytes:
    return b"".join(
        f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n".encode() for head, body in parts
    ) + (b"--b--\r\n")


class Notes:
    def __init__(self) -> None:
        self.list: list[str] = []

    def add(self, note: str) -> None:
        self.list.append(note)

    async def add_later(self, note: str) -> None:
        await asyncio.sleep(0.01)
        self.add(note)

    async def wait(self, note: str) -> None:
        await until(lambda: note in self.list, f"the note {note!r}")


# -- Starlette --------------------------------------------------------------------------------------------------------


class Timed(BaseHTTPMiddleware):
    """`BaseHTTPMiddleware`, which runs the application in a separate task, with streams in between."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["X-Timed"] = "yes"
        return response


@asynccontextmanager
async def living(app: Any) -> AsyncIterator[dict[str, str]]:
    app.state.notes.add("started")
    yield {"pool": "pool"}
    app.state.notes.add("ended")


def notes_of(request: HTTPConnection) -> Notes:
    notes: Notes = request.app.state.notes
    return notes


async def item(request: Request) -> Response:
    return JSONResponse(
        {
            "id": request.path_params["id"],
            "query": dict(request.query_params),
            "url": str(request.url_for("item", id="x y")),
            "path": request.url.path,
            "pool": request.state.pool,
        }
    )


async def form(request: Request) -> Response:
    async with request.form() as form:
        fields = {
            name: value if isinstance(value, str) else (await value.read()).decode() for name, value in form.items()
        }
    return JSONResponse(fields)


async def echo(request: Request) -> Response:
    return PlainTextResponse(b"".join([chunk async for chunk in request.stream()]))


async def events(request: Request) -> Response:
    async def source() -> AsyncIterator[str]:
        try:
            for number in range(1_000_000):
                yield f"data: {number}\n\n"
                await asyncio.sleep(0.001)
        finally:
            notes_of(request).add("events over")

    return StreamingResponse(source(), media_type="text/event-stream")


async def background(request: Request) -> Response:
    return PlainTextResponse("now", background=BackgroundTask(notes_of(request).add_later, "later"))


async def is_left(request: Request) -> Response:
    notes_of(request).add("waiting")
    while not await request.is_disconnected():  # noqa: ASYNC110  # as its users do it
        await asyncio.sleep(0.001)
    notes_of(request).add("left")
    return PlainTextResponse("to nobody")


async def fails(request: Request) -> Response:
    raise LookupError("broken")


async def chat(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="chat" if "chat" in websocket.scope["subprotocols"] else None)
    async for message in websocket.iter_text():
        await websocket.send_json({"said": message})
    notes_of(websocket).add("chat over")


def make_starlette(notes: Notes, files: Path, *middleware: Middleware) -> Starlette:
    async def file(request: Request) -> Response:
        return FileResponse(files / "file.txt")

    routes = [
        Route("/items/{id}", item, name="item"),
        Route("/form", form, methods=["POST"]),
        Route("/echo", echo, methods=["POST"]),
        *(Route(f"/{each.__name__}", each) for each in (events, background, is_left, fails, file)),
        WebSocketRoute("/chat", chat),
        Mount("/static", StaticFiles(directory=files)),
    ]
    app = Starlette(routes=routes, middleware=middleware, lifespan=living)
    app.state.notes = notes
    return app


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "file.txt").write_text("content of a file")
    return tmp_path


@pytest.mark.parametrize(
    "between", [(), (Middleware(Timed), Middleware(GZipMiddleware, minimum_size=1000))], ids=["bare", "middleware"]
)
def test_starlette(mode: str, files: Path, between: Any) -> None:
    notes = Notes()
    app = make_starlette(notes, files, *between)

    @in_loop
    async def run() -> None:
        async with hosting(app, mode) as client:
            assert notes.list == ["started"]
            await check_starlette(client, notes)
            if not between:  # inside such middleware, Starlette does not hear of it
                await check_leaving(client, notes)
        assert notes.list[-1] == "ended"

    run()


async def check_starlette(client: Client, notes: Notes) -> None:
    prefix = client.prefix
    reply = await client.get("/items/a%20b?q=1")
    assert reply.json() == {
        "id": "a b", "query": {"q": "1"}, "url": f"http://x{prefix}/items/x y", "path": f"{prefix}/items/a b",
        "pool": "pool",
    }  # fmt: skip
    assert (await client.get("/nowhere")).status == 404
    assert (await client.request("POST", "/items/1")).status == 405
    assert (await client.request("POST", "/form", FORM, b"a=1&b=x+y")).json() == {"a": "1", "b": "x y"}
    body = multipart(('name="a"', "1"), ('name="f"; filename="f.txt"', "a file"))
    assert (await client.request("POST", "/form", UPLOAD, body)).json() == {"a": "1", "f": "a file"}
    assert (await client.request("POST", "/echo", body=b"x" * 300_000)).body == b"x" * 300_000
    for target in ("/file", "/static/file.txt"):
        reply = await client.get(target)
        assert (reply.body, reply.header("content-type")) == (b"content of a file", "text/plain; charset=utf-8")
        reply = await client.get(target, [("Range", "bytes=0-6")])
        assert (reply.status, reply.body) == (206, b"content")
        assert (await client.request("HEAD", target)).header("content-length") == "17"
    await check_streams(client, notes)
    assert (await client.get("/background")).body == b"now"
    await notes.wait("later")
    assert (await client.get("/fails")).status == 500
    async with client.connect() as wire:
        socket = await shake(wire, prefix + "/chat", [("Sec-WebSocket-Protocol", "chat")])
        assert socket.reply.header("sec-websocket-protocol") == "chat"
        await socket.send(frame(TEXT, b"hello"))
        assert await socket.receive() == '{"said":"hello"}'
        await socket.close()
    await notes.wait("chat over")


async def check_streams(client: Client, notes: Notes) -> None:
    async with client.connect() as wire:
        await wire.send(client.head("GET", "/events"))
        reply = await wire.head()
        assert reply.header("content-type") == "text/event-stream; charset=utf-8"
        body = wire.body(reply, "GET")
        assert (await anext(body)).startswith(b"data: 0\n\n")
    await notes.wait("events over")


async def check_leaving(client: Client, notes: Notes) -> None:
    async with client.connect() as wire:
        await wire.send(client.head("GET", "/is_left"))
        await notes.wait("waiting")
    await notes.wait("left")


# -- FastAPI ----------------------------------------------------------------------------------------------------------


class Item(BaseModel):
    name: str
    price: float
    tags: list[str] = []


def session(connection: HTTPConnection) -> Iterator[str]:
    notes_of(connection).add("session opened")
    yield "session"
    notes_of(connection).add("session closed")


Session = Annotated[str, Depends(session)]
router = APIRouter()


@router.get("/items/{item_id}")
async def read_item(item_id: int, q: str | None = None) -> dict[str, Any]:
    return {"item_id": item_id, "q": q}


@router.post("/items", status_code=201)
async def create_item(item: Item) -> Item:
    return item


@router.get("/blocking")
def blocking(db: Session) -> dict[str, str]:
    return {"db": db}


@router.post("/upload")
async def upload(file: UploadFile, token: Annotated[str, Form()]) -> dict[str, Any]:
    return {"size": len(await file.read()), "name": file.filename, "token": token}


@router.post("/notify")
async def notify(request: Request, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(notes_of(request).add_later, "notified")
    tasks.add_task(notes_of(request).add, "notified from a thread")
    return {"message": "soon"}


@router.get("/stream")
def stream() -> StreamingResponse:
    return StreamingResponse(iter([b"one,", b"two"]))


@router.get("/missing")
async def missing() -> None:
    raise HTTPException(404, "no such item", headers={"X-Why": "because"})


@router.websocket("/items/{item_id}/ws")
async def talk(websocket: WebSocket, item_id: str, db: Session) -> None:
    if item_id == "0":
        await websocket.close(1008)
        return
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            await websocket.send_text(f"{db} {item_id}: {await run_in_threadpool(text.upper)}")
    except WebSocketDisconnect as end:
        notes_of(websocket).add(f"left with {end.code}")
        if end.code == 3000:
            raise


def make_fastapi(notes: Notes) -> FastAPI:
    app = FastAPI(lifespan=living)
    app.state.notes = notes
    app.include_router(router)
    return app


@in_loop
async def test_fastapi(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    async with hosting(make_fastapi(notes), mode) as client:
        assert notes.list == ["started"]
        assert (await client.get("/items/7?q=x")).json() == {"item_id": 7, "q": "x"}
        reply = await client.get("/items/seven")
        assert (reply.status, reply.json()["detail"][0]["loc"]) == (422, ["path", "item_id"])
        item = {"name": "thing", "price": 1.5, "tags": ["a"]}
        reply = await client.request("POST", "/items", JSON, json.dumps(item).encode())
        assert (reply.status, reply.json()) == (201, item)
        assert (await client.get("/blocking")).json() == {"db": "session"}
        await notes.wait("session closed")
        body = multipart(('name="token"', "secret"), ('name="file"; filename="f.txt"', "x" * 5000))
        reply = await client.request("POST", "/upload", UPLOAD, body)
        assert reply.json() == {"size": 5000, "name": "f.txt", "token": "secret"}
        assert (await client.request("POST", "/notify")).json() == {"message": "soon"}
        await notes.wait("notified from a thread")
        assert (await client.get("/stream")).body == b"one,two"
        reply = await client.get("/missing")
        assert (reply.status, reply.json(), reply.header("x-why")) == (404, {"detail": "no such item"}, "because")
        schema = (await client.get("/openapi.json")).json()
        assert "/items/{item_id}" in schema["paths"]
        assert schema.get("servers", []) == ([{"url": client.prefix}] if client.prefix else [])
        await check_fastapi_websockets(client, notes)
    assert notes.list[-1] == "ended"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def check_fastapi_websockets(client: Client, notes: Notes) -> None:
    for code in (1000, 3000):
        async with client.connect() as wire:
            socket = await shake(wire, client.prefix + "/items/5/ws")
            await socket.send(frame(TEXT, b"hello"))
            assert await socket.receive() == "session 5: HELLO"
            await socket.send(close_frame(code))
            assert await socket.receive() == Close(code)
        await notes.wait(f"left with {code}")
    async with client.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire, client.prefix + "/items/0/ws")
        assert caught.value.reply.status == 403
