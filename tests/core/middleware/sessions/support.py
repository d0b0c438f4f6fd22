"""What the tests of sessions share: an application with sessions, a clock, cookies as they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sketch import Application, Request, Response, Sessions, StreamResponse
from sketch.stores import MemoryStore, StoreUnavailable
from sketch.testing import ClientResponse, TestClient

SECRET = "a secret of exactly 32 bytes ..."
OTHER = "another secret of 32 bytes and 1"
START = 1_800_000_000.0


class Clock:
    """The time of sessions and stores."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Away(MemoryStore):
    """A store that can be put away."""

    __slots__ = ("error",)

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    async def get(self, key: str) -> bytes | None:
        self._check()
        return await super().get(key)

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        self._check()
        await super().set(key, value, ttl)

    async def delete(self, key: str) -> None:
        self._check()
        await super().delete(key)

    async def touch(self, key: str, ttl: float) -> bool:
        self._check()
        return await super().touch(key, ttl)


UNREACHABLE = [StoreUnavailable("away"), ConnectionRefusedError("away"), TimeoutError()]


def make_app(secret: Any = SECRET, **options: Any) -> Application:
    """An application whose handlers do with the session what the path says."""
    app = Application(outer_middlewares=[Sessions(secret, **options)])
    add_values(app)
    add_ends(app)
    add_answers(app)
    return app


def add_values(app: Application) -> None:
    @app.get("/unused")
    async def unused() -> str:
        return "-"

    @app.get("/all")
    async def read(request: Request) -> Response:
        return Response(repr(dict(request.session)))

    @app.get("/set/{key}/{value}")
    async def set_value(request: Request, key: str, value: str) -> str:
        request.session[key] = value
        return "set"

    @app.get("/append/{value}")
    async def append(request: Request, value: str) -> str:
        request.session.setdefault("deep", {"list": []})["list"].append(value)
        return "appended"

    @app.get("/id")
    async def name(request: Request) -> str:
        return request.session.id


def add_ends(app: Application) -> None:
    @app.get("/regenerate")
    async def regenerate(request: Request) -> str:
        request.session.regenerate()
        return request.session.id

    @app.get("/clear")
    async def clear(request: Request) -> str:
        request.session.clear()
        return "cleared"

    @app.get("/anew")
    async def anew(request: Request) -> str:
        request.session.clear()
        request.session["anew"] = True
        return request.session.id

    @app.get("/fail/{what}")
    async def fail(request: Request, what: str) -> None:
        request.session["failed"] = True
        if what == "clear":
            request.session.clear()
        raise LookupError(what)


def add_answers(app: Application) -> None:
    @app.get("/cached/{value}")
    async def cached(request: Request, value: str) -> Response:
        request.session["cached"] = value
        return Response(headers={"Cache-Control": "Public, max-age=60"})

    @app.get("/stream")
    async def stream(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield repr(dict(request.session)).encode()

        return StreamResponse(chunks())

    @app.get("/late")
    async def late(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                request.session["late"] = True
            except RuntimeError as exc:
                yield str(exc).encode()

        return StreamResponse(chunks())


@asynccontextmanager
async def client_of(app: Application, scheme: str = "http", **options: Any) -> AsyncIterator[TestClient]:
    async with TestClient(app, base_url=f"{scheme}://example.com", raise_errors=False, **options) as client:
        yield client


async def ask(app: Application, path: str, *cookies: str | bytes, scheme: str = "http") -> ClientResponse:
    """The answer to one request with these cookies, each a field as it is sent."""
    fields = [("Cookie", cookie) for cookie in cookies]
    async with client_of(app, scheme) as client:
        response = await client.get(path, headers=fields)
        await response.read()
        return response


def cookie_of(response: ClientResponse) -> str | None:
    """The cookie that an answer sets, as a client sends it back: `name=value`."""
    field = response.headers.get("Set-Cookie")
    return None if field is None else field.partition(";")[0]


async def cookie_after(app: Application, path: str, *cookies: str, scheme: str = "http") -> str:
    """The cookie that is set by the answer to a request."""
    cookie = cookie_of(await ask(app, path, *cookies, scheme=scheme))
    assert cookie is not None, path
    return cookie
