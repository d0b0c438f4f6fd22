"""Routes whose handlers declare what a request gives them, and what they answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import msgspec
import pydantic
from annotated_types import Gt, Le, MaxLen

from sketch import (
    AppKey,
    Application,
    Body,
    Cookie,
    Depends,
    Event,
    Form,
    Header,
    HTTPException,
    HTTPForbidden,
    Limits,
    Query,
    Request,
    RequestKey,
    Response,
    ResponseParts,
    RouteGroup,
    UploadedFile,
    WebSocket,
)

HOUSE = AppKey[str]("house")
USER = RequestKey[str]("user")


class Tea(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(max_length=10)]
    grams: int


class Stored(Tea):
    margin: float = 0.4


class Order(pydantic.BaseModel):
    tea: str
    grams: Annotated[int, pydantic.Field(gt=0)]


@dataclass
class Page:
    skip: int = 0
    limit: Annotated[int, Le(50)] = 10


@dataclass
class Client:
    x_agent: str
    x_version: int = 1


@dataclass
class Visit:
    theme: str
    on: date | None = None


@dataclass
class Label:
    title: Annotated[str, MaxLen(10)]
    picture: UploadedFile
    tags: list[str]


def add_typed(app: Application) -> None:
    app[HOUSE] = "teashop"
    add_sources(app)
    add_bodies(app)
    add_depending(app)
    add_answers(app)
    add_flows(app)
    add_session(app)


def add_sources(app: Application) -> None:
    @app.get("/typed/teas/{number}")
    async def tea(
        number: Annotated[int, Le(100)],
        q: Annotated[str, MaxLen(5)],
        tags: Annotated[list[int], Query("tag")] = [],  # noqa: B006  # is not changed
        x_token: Annotated[int | None, Header()] = None,
        visit: Annotated[date | None, Cookie("last-visit")] = None,
    ) -> dict[str, object]:
        return {"number": number, "q": q, "tags": tags, "token": x_token, "visit": visit}

    @app.get("/typed/models")
    def models(
        page: Annotated[Page, Query()], client: Annotated[Client, Header()], visit: Annotated[Visit, Cookie()]
    ) -> list[Any]:
        return [page, client, visit]

    @app.get("/typed/given")
    async def given(request: Request, application: Application, house: Annotated[str, HOUSE]) -> list[str]:
        return [request.path, application.name, house]


def add_bodies(app: Application) -> None:
    @app.post("/typed/tea")
    async def tea(tea: Tea) -> Tea:
        return tea

    @app.post("/typed/tea/narrow", limits=Limits(body=30))
    async def narrow(tea: Tea) -> Tea:
        return tea

    @app.post("/typed/order")
    async def order(order: Order, page: int = 1) -> Order:
        return order

    @app.post("/typed/several")
    async def several(tea: Tea, count: Annotated[int, Body(), Gt(0)], note: Annotated[str, Body()] = "") -> list[Any]:
        return [tea, count, note]

    @app.post("/typed/form")
    async def form(
        title: Annotated[str, Form(), MaxLen(10)], counts: Annotated[list[int], Form("count")], picture: UploadedFile
    ) -> list[Any]:
        return [title, counts, picture.safe_name, (await picture.read()).decode(errors="replace")]

    @app.post("/typed/label")
    async def label(label: Annotated[Label, Form()]) -> list[Any]:
        return [label.title, label.picture.size, label.tags]


async def outer(app: Application, key: str) -> AsyncIterator[str]:
    app.journal.note(key, "outer: enter")
    try:
        yield "a"
    except HTTPException as exc:
        app.journal.note(key, f"outer: {exc.status}")
        raise
    finally:
        app.journal.note(key, "outer: exit")


def inner(app: Application, key: str, before: Annotated[str, Depends(outer)]) -> Iterator[str]:
    app.journal.note(key, "inner: enter")
    try:
        yield f"{before}b"
    finally:
        app.journal.note(key, "inner: exit")


def keep_user(request: Request, x_user: Annotated[str, Header()]) -> None:
    request[USER] = x_user


async def only_ann(user: Annotated[str, USER]) -> None:
    if user != "ann":
        raise HTTPForbidden(f"not for {user}")


def add_depending(app: Application) -> None:
    @app.get("/typed/depends", responses={403: "The handler refuses."})
    async def depends(
        key: str, value: Annotated[str, Depends(inner, scope="handler")], n: int, refuse: bool = False
    ) -> str:
        app.journal.note(key, "handler")
        if refuse:
            raise HTTPForbidden("members only")
        return f"{value}{n}"

    guarded = RouteGroup("/typed/guarded", dependencies=[Depends(keep_user)], responses={403: "For ann alone."})

    @guarded.get("/{number}", dependencies=[Depends(only_ann)])
    async def for_ann(number: int, user: Annotated[str, USER], q: int = 0) -> str:
        return f"{user} {number} {q}"

    app.add_group(guarded)


def add_answers(app: Application) -> None:  # a list of routes, nothing else
    @app.get("/typed/answers/none")
    async def none() -> None: ...

    @app.get("/typed/answers/text")
    def text() -> str:
        return "té"

    @app.get("/typed/answers/bytes")
    async def raw() -> bytes:
        return b"\xff\x00"

    @app.get("/typed/answers/dict")
    async def mapping() -> dict[str, date]:
        return {"on": date(2026, 12, 24)}

    @app.get("/typed/answers/struct")
    async def struct() -> Tea:
        return Stored("Assam", 100)

    @app.get("/typed/answers/model", by_alias=True, exclude_unset=True)
    async def model() -> Order | None:
        return Order(tea="Assam", grams=1)

    @app.get("/typed/answers/null")
    async def null() -> Order | None:
        return None

    @app.get("/typed/answers/response")
    async def response() -> Response | list[int]:
        return Response("as it is", status=202)

    @app.get("/typed/answers/status", status=201)
    async def status() -> list[int]:
        return [1]

    @app.get("/typed/answers/parts", status=201, responses={203: {"content": {"text/csv": {}}}})
    async def parts(parts: ResponseParts) -> str:
        parts.status = 203
        parts.headers["X-Part"] = "1"
        parts.headers["Content-Type"] = "text/csv"
        parts.set_cookie("part", "2")
        return "a,b"

    @app.get("/typed/answers/unfit", include_in_schema=False)
    async def unfit() -> Tea:
        return {"name": "no grams"}  # type: ignore[return-value]


def add_flows(app: Application) -> None:
    @app.get("/typed/flows/bytes")
    async def chunks() -> AsyncIterator[bytes]:
        yield b"\xff"
        yield b"\x00"

    @app.get("/typed/flows/text")
    async def words(q: int) -> AsyncIterator[str]:
        for number in range(q):
            yield f"é{number} "

    @app.get("/typed/flows/events")
    async def events() -> AsyncIterator[Event]:
        yield Event("one", id="1")

    @app.get("/typed/flows/lines")
    async def lines() -> AsyncIterator[Tea]:
        yield Stored("Assam", 1)
        yield Stored("Ceylon", 2)


def add_session(app: Application) -> None:
    @app.websocket("/typed/rooms/{number}", dependencies=[Depends(keep_user), Depends(only_ann)])
    async def room(
        ws: WebSocket,
        number: int,
        opened: Annotated[str, Depends(outer)],
        token: Annotated[int, Gt(0)],
        theme: Annotated[str, Cookie()] = "dark",
    ) -> None:
        await ws.send_json([number, opened, token, theme])
        async for message in ws:
            await ws.send(message)
