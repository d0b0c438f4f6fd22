"""Operations: the routes and methods that a document shows, with what each declares."""

import re
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated

from sketch import Application, Depends, Header, JSONResponse, Query, Request, Response, RouteGroup, View, WebSocket
from sketch.openapi.sources import Source, authored, find_sources


def found(app: Application) -> dict[tuple[str, str], Source]:
    return {(source.method, source.path): source for source in find_sources(app)}


async def answer(request: Request) -> Response:
    return Response()


def test_the_methods_that_openapi_has_words_for() -> None:
    app = Application()
    app.add_route(["GET", "HEAD", "QUERY", "PURGE"], "/a", answer)
    app.add_route("*", "/b", answer)
    assert [*found(app)] == [
        ("get", "/a"), ("head", "/a"),
        ("get", "/b"), ("put", "/b"), ("post", "/b"), ("delete", "/b"), ("patch", "/b"),
    ]  # fmt: skip


def test_what_a_document_does_not_show(tmp_path: object) -> None:
    app = Application()
    app.add_get("/hidden", answer, include_in_schema=False)
    app.add_get(re.compile("/y/[0-9]+"), answer)
    app.add_static("/static", str(tmp_path))
    hidden = app.group("/group", include_in_schema=False)
    hidden.add_get("/a", answer)
    hidden.add_get("/b", answer, include_in_schema=True)

    @app.websocket("/chat")
    async def chat(ws: WebSocket) -> None: ...

    async def foreign(scope: object, receive: object, send: object) -> None: ...

    app.mount("/foreign", foreign)
    assert [*found(app)] == [("get", "/group/b")]


def test_mounted_applications_with_the_guards_around_them() -> None:
    def first() -> None: ...

    def second() -> None: ...

    def third() -> None: ...

    outer = Application("outer", dependencies=[Depends(first)])
    inner = Application("inner", dependencies=[Depends(second)])
    inner.add_get("/{number:int}", answer, dependencies=[Depends(third)])
    outer.mount("/{tenant}/shop", inner)
    (source,) = find_sources(outer)
    assert source.path == "/{tenant}/shop/{number}"
    assert [*source.converters] == ["tenant", "number"]
    assert [each.function for each in source.dependencies] == [first, second, third]
    (alone,) = find_sources(inner)
    assert alone.path == "/{number}", "documented by itself, its paths begin where it is mounted"
    assert [each.function for each in alone.dependencies] == [first, second, third]


def test_the_inputs_of_a_handler_its_dependencies_and_its_guards_once() -> None:
    def token(x_token: Annotated[str, Header()], q: int = 0) -> str:
        return x_token

    def user(value: Annotated[str, Depends(token)]) -> str:
        return value

    @dataclass
    class Paging:
        skip: int = 0
        limit: int = 10

    app = Application()

    @app.get("/{number}", dependencies=[Depends(user)])
    async def show(number: int, q: int, paging: Annotated[Paging, Query()], who: Annotated[str, Depends(user)]) -> int:
        return number

    (source,) = find_sources(app)
    names = [(field.place, field.name, field.required) for field in source.fields]
    assert sorted(names) == [
        ("header", "x-token", True), ("path", "number", True), ("query", "limit", False), ("query", "q", True),
        ("query", "skip", False),
    ]  # fmt: skip
    assert source.returns is int


def test_the_methods_of_a_view() -> None:
    class Shop(View):
        """The shop."""

        async def dispatch(self, q: int = 0) -> Response:
            return await super().dispatch()  # type: ignore[no-any-return]

        async def get(self) -> list[int]:
            return []

        async def put(self, item: dict[str, int]) -> Response:
            return Response()

    app = Application()
    app.add_view("/shop", Shop)
    sources = found(app)
    get, put = sources["get", "/shop"], sources["put", "/shop"]
    assert ([each.name for each in get.inputs], get.returns) == (["q"], list[int])
    assert [each.place for each in put.inputs] == ["query", "body"]
    assert put.returns is Response
    assert authored(get) == [Shop.get, Shop]


def test_the_result_of_a_handler_that_makes_its_response() -> None:
    async def typed() -> JSONResponse:
        return JSONResponse({})

    app = Application()
    app.add_get("/typed", typed)
    app.add_get("/untyped", lambda: Response())
    (first, second) = find_sources(app)
    assert first.returns is JSONResponse
    assert second.returns is Parameter.empty


def test_groups_are_part_of_the_path() -> None:
    app = Application()
    group = RouteGroup("/api")
    group.add_get("", answer)
    app.add_group(group)
    assert [*found(app)] == [("get", "/api")]
