"""Typed handlers of every kind, for type checkers, which read this file with the code of the project.

Where they have to find an error, it is marked as ignored: both report a mark without an error.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, assert_type

from pydantic import BaseModel

from sketch import (
    AppKey,
    Application,
    Body,
    Cookie,
    Depends,
    Form,
    Header,
    InvalidInput,
    Query,
    Request,
    RequestKey,
    Response,
    ResponseParts,
    RouteGroup,
    UploadedFile,
    View,
    WebSocket,
    json_response,
)
from sketch.testing import TestClient, override


@dataclass
class Tea:
    name: str
    price: float


class Leaf(BaseModel):
    name: str


class Session:
    async def add(self, tea: Tea) -> int:
        return 1


USER = RequestKey[str]("user")
LIMIT = AppKey[int]("limit")


async def open_session() -> AsyncIterator[Session]:
    yield Session()


def by_thread(q: str = "") -> str:
    return q


@asynccontextmanager
async def opened() -> AsyncIterator[int]:
    yield 1


async def signed_in(authorization: Annotated[str, Header()]) -> None: ...


class Page:
    def __init__(self, limit: int = 10) -> None:
        self.limit = limit


Db = Annotated[Session, Depends(open_session, scope="handler")]

app = Application(dependencies=[Depends(signed_in)])
group = RouteGroup("/g", dependencies=[Depends(signed_in)])


@app.post("/teas/{shelf}", status=201, dependencies=[Depends(signed_in)])
async def create(
    shelf: int,
    tea: Tea,
    db: Db,
    page: Annotated[Page, Depends()],
    word: Annotated[str, Depends(by_thread)],
    number: Annotated[int, Depends(opened, use_cache=False)],
    user: Annotated[str, USER],
    limit: Annotated[int, LIMIT],
    response: ResponseParts,
    request: Request,
    tags: Annotated[list[str], Query("tag")] = [],  # noqa: B006 - not changed
    agent: Annotated[str | None, Header("user-agent")] = None,
    last: Annotated[date | None, Cookie()] = None,
) -> Tea:
    assert_type(await db.add(tea), int)
    assert_type(response.status, int | None)
    response.headers["Location"] = "/x"
    response.set_cookie("a", "b")
    return tea


@app.get("/leaves", by_alias=True, exclude_unset=True, exclude_defaults=True, exclude_none=True)
async def leaves() -> list[Leaf]:
    return [Leaf(name="Assam")]


@app.put("/amount")
def amount(amount: Annotated[int, Body(embed=True)]) -> int:
    return amount


@app.post("/file")
async def upload(file: UploadedFile, title: Annotated[str, Form()]) -> Response | None:
    return None


@app.delete("/teas")
async def delete() -> None: ...


@app.get("/lines")
async def lines(count: int = 2) -> AsyncIterator[dict[str, int]]:
    yield {"a": 1}


@app.route("/view")
class Teas(View):
    async def get(self, size: Literal["small", "large"] = "small") -> list[Tea]:
        return []


@app.websocket("/ws")
async def chat(ws: WebSocket, room: str = "all") -> None: ...


@app.error_handler(InvalidInput)
async def invalid(request: Request, error: InvalidInput) -> Response:
    assert_type(error.errors[0]["message"], str)
    return json_response(error.errors, status=400)


async def fake() -> Session:
    return Session()


async def ask(client: TestClient) -> None:
    assert_type(await client.call(create, shelf=1, tea=Tea("a", 1.0)), Tea)
    assert_type(await client.call(amount, amount=1), int)
    assert_type(await client.call(upload, title="x"), Response | None)
    assert_type(await client.call(late), str)
    assert_type(await client.call(delete), None)
    with override(app, open_session, fake):
        pass


async def mistakes(client: TestClient) -> None:
    number: int = await client.call(create, shelf=1)  # type: ignore[arg-type]
    await client.call("create")  # type: ignore[call-overload]
    client.call(create)  # type: ignore[unused-coroutine]
    await client.call(amount, amount=number)
    Depends(5)  # type: ignore[arg-type]
    Depends(open_session, scope="session")  # type: ignore[arg-type]
    app.get("/", dependencies=[signed_in])  # type: ignore[list-item]
    app.get("/", status="201")  # type: ignore[arg-type]
    app.get("/", exclude_none="yes")  # type: ignore[arg-type]
    Application(dependencies=signed_in)  # type: ignore[arg-type]
    RouteGroup("/", dependencies=Depends(signed_in))  # type: ignore[arg-type]
    Query(5)  # type: ignore[arg-type]
    Body("tea", embed="yes")  # type: ignore[arg-type]
    override(app, "open_session", fake)  # type: ignore[arg-type]


async def late(response: ResponseParts) -> str:
    response.status = "201"  # type: ignore[assignment]
    response.headers["Location"] = 5  # type: ignore[assignment]
    return 5  # type: ignore[return-value]
