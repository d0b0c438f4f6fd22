"""Calls of typed handlers by the client: how their values are sent, and how the answer is read.

Annotations are objects here: functions that are local to a test exist at run time.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any

import pytest

from sketch.application import Application
from sketch.binding.response_parts import ResponseParts
from sketch.binding.sources import Body, Cookie, Depends, Form, Header, Path, Query
from sketch.exceptions import HTTPNotFound
from sketch.request.forms.uploads import UploadedFile
from sketch.response import Response
from sketch.routing.views import View
from sketch.testing import TestClient, UnexpectedStatus
from tests.core.binding.support import run


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@dataclass
class Order:
    name: str
    count: int = 1


@dataclass
class Paging:
    page: int = 1
    tags: list[str] | None = None


def call(app: Application, handler: Any, **values: Any) -> Any:
    async def main() -> Any:
        async with TestClient(app) as client:
            return await client.call(handler, **values)

    return run(main())


def serving(handler: Any, path: str = "/", method: str = "GET", **options: Any) -> Application:
    app = Application()
    app.add_route(method, path, handler, **options)
    return app


def test_every_place() -> None:
    async def handler(
        id: int,
        day: date,
        size: Size,
        number: Annotated[int, Query("n")],
        tags: Annotated[list[str], Query()],
        user_agent: Annotated[str, Header()],
        session: Annotated[str, Cookie()],
        paging: Annotated[Paging, Query()],
        flag: bool = False,
        missing: int | None = None,
    ) -> dict[str, str]:
        return {"got": repr((id, day, size, number, tags, user_agent, session, paging, flag, missing))}

    app = serving(handler, "/{id}/{day}")
    got = call(
        app, handler, id=-7, day=date(2026, 1, 2), size=Size.LARGE, number=3, tags=["a", "b c"], user_agent="agent",
        session="s", paging=Paging(2, None), flag=True,
    )  # fmt: skip
    assert got["got"] == repr(
        (-7, date(2026, 1, 2), Size.LARGE, 3, ["a", "b c"], "agent", "s", Paging(2, ["a", "b c"]), True, None)
    )


@pytest.mark.parametrize("mark", [Query(), Header(), Cookie(), Form()])
def test_none_for_what_is_required(mark: Any) -> None:
    async def handler(number: Any) -> list[bool]:
        return [number is None]

    handler.__annotations__["number"] = Annotated[int | None, mark]
    assert call(serving(handler, method="POST"), handler, number=None) == [True]


def test_none_for_a_file() -> None:
    async def handler(n: Annotated[int, Form()], photo: UploadedFile | None) -> list[bool]:
        return [photo is None]

    assert call(serving(handler, method="POST"), handler, n=1, photo=None) == [True]


def test_bodies() -> None:
    async def whole(order: Order) -> Order:
        return Order(order.name, order.count + 1)

    async def several(order: Order, note: Annotated[str, Body()]) -> tuple[str, int]:
        return (f"{note} {order.name}", order.count)

    async def scalar(n: Annotated[int, Body()]) -> int:
        return n + 1

    async def optional(order: Order | None = None) -> Order | None:
        return order

    assert call(serving(whole, method="POST"), whole, order=Order("a", 3)) == Order("a", 4)
    assert call(serving(several, method="PUT"), several, order=Order("a"), note="n") == ("n a", 1)
    assert call(serving(scalar, method="POST"), scalar, n=3) == 4
    assert call(serving(optional, method="POST"), optional) is None
    assert call(serving(optional, method="POST"), optional, order=None) is None
    assert call(serving(optional, method="POST"), optional, order=Order("b")) == Order("b")


def test_forms_and_files() -> None:
    async def form(name: Annotated[str, Form()], numbers: Annotated[list[int], Form()]) -> str:
        return f"{name} {numbers}"

    async def files(photo: UploadedFile, photos: list[UploadedFile], name: Annotated[str, Form()]) -> str:
        return f"{await photo.read()!r} {[await each.read() for each in photos]} {name}"

    async def model(order: Annotated[Order, Form()]) -> str:
        return repr(order)

    assert call(serving(form, method="POST"), form, name="a b", numbers=[1, 2]) == "a b [1, 2]"
    sent = {"photo": b"a", "photos": [b"b", b"c"], "name": "n"}
    assert call(serving(files, method="POST"), files, **sent) == "b'a' [b'b', b'c'] n"
    assert call(serving(model, method="POST"), model, order=Order("a", 2)) == repr(Order("a", 2))


def test_results() -> None:
    async def number() -> int:
        return 3

    async def words() -> str:
        return "é"

    async def data() -> bytes:
        return b"\0\xff"

    async def nothing() -> None: ...

    async def orders() -> list[Order]:
        return [Order("a")]

    async def anything() -> dict[str, object]:
        return {"order": Order("a"), "number": 3}

    async def made(response: ResponseParts) -> Order:
        response.status = 201
        return Order("a")

    for handler, result in (
        (number, 3),
        (words, "é"),
        (data, b"\0\xff"),
        (nothing, None),
        (orders, [Order("a")]),
        (anything, {"order": {"name": "a", "count": 1}, "number": 3}),
        (made, Order("a")),
    ):
        assert call(serving(handler), handler) == result


@pytest.mark.parametrize(
    ("which", "result"), [("text", "words"), ("data", b"d"), ("order", Order("a")), ("none", None)]
)
def test_results_of_unions(which: str, result: Any) -> None:
    async def handler(which: str) -> str | bytes | Order | Response | None:
        return {"text": "words", "data": b"d", "order": Order("a"), "none": None}[which]  # type: ignore[return-value]

    assert call(serving(handler), handler, which=which) == result


def test_values_of_dependencies_and_guards() -> None:
    async def paging(page: int = 1, token: Annotated[str, Header()] = "none") -> str:
        return f"{page} {token}"

    async def guard(key: str) -> None:
        if key != "k":
            raise HTTPNotFound

    async def handler(paging: Annotated[str, Depends(paging)]) -> str:
        return paging

    app = Application(dependencies=[Depends(guard)])
    app.add_get("/", handler)
    assert call(app, handler, page=2, token="t", key="k") == "2 t"
    with pytest.raises(UnexpectedStatus, match="expected a status below 300, got 404") as caught:
        call(app, handler, key="x")
    assert caught.value.response.status == 404


def test_faulty_values() -> None:
    async def handler(n: int) -> int:
        return n

    with pytest.raises(UnexpectedStatus, match="got 422"):
        call(serving(handler), handler, n="x")
    with pytest.raises(UnexpectedStatus, match="got 422"):
        call(serving(handler), handler)


def test_paths() -> None:
    async def handler(number: Annotated[int, Path("id")]) -> int:
        return number

    async def untyped(id: str) -> str:
        return id

    assert call(serving(handler, "/{id}"), handler, number=3) == 3
    assert call(serving(untyped, "/{id}"), untyped, id="a/b") == "a/b"
    with pytest.raises(ValueError, match="parameter 'id': expected"):
        call(serving(handler, "/{id}"), handler, number="x")
    with pytest.raises(ValueError, match=r"expected values for 'id' of '/\{id\}'"):
        call(serving(handler, "/{id}"), handler)


def test_mounted_applications() -> None:
    async def handler(id: int) -> int:
        return id

    inner, app = serving(handler, "/{id}"), Application()
    app.mount("/inner", inner)
    assert call(app, handler, id=3) == 3


def test_methods() -> None:
    async def handler(q: int) -> int:
        return q

    for method in ("GET", "POST", "DELETE", "QUERY", "*"):
        assert call(serving(handler, method=method), handler, q=3) == 3
    app = Application()
    app.add_route(("PUT", "POST"), "/", handler)
    assert call(app, handler, q=3) == 3


# -- mistakes ---------------------------------------------------------------------------------------------------------


async def typed(q: int, page: int = 1) -> int:
    return q


async def untyped(q: int) -> Response:
    return Response()


class Page(View):
    async def get(self, q: int) -> int:
        return q


@pytest.mark.parametrize(
    ("handler", "values", "error", "message"),
    [
        (
            typed,
            {"q": 1, "x": 2, "a": 3},
            TypeError,
            "expected values of 'q', 'page', got 'a', 'x'",
        ),
        (
            untyped,
            {"q": 1},
            ValueError,
            "expected a handler that declares the type of its result, got untyped",
        ),
        (
            Page,
            {"q": 1},
            ValueError,
            "expected the handler of one route, got a function without a route: ",
        ),
        (
            run,
            {},
            ValueError,
            "expected the handler of one route, got a function without a route: run",
        ),
    ],
    ids=["unknown values", "no result", "a view", "no handler"],
)
def test_calls_that_are_refused(handler: Any, values: Any, error: type[Exception], message: str) -> None:
    app = Application()
    app.add_get("/typed", typed)
    app.add_get("/untyped", untyped)
    app.add_view("/page", Page)
    with pytest.raises(error) as caught:
        call(app, handler, **values)
    assert str(caught.value).startswith(message)


def test_a_handler_of_several_routes() -> None:
    app = Application()
    app.add_get("/a", typed)
    app.add_get("/b", typed)
    with pytest.raises(ValueError, match="expected the handler of one route, got several routes: typed "):
        call(app, typed, q=1)
