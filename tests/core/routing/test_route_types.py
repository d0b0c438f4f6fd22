"""Path parameters that the types of a handler's parameters convert.

Annotations are objects here: types that are local to a test exist at run time.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from annotated_types import Ge, MaxLen

from sketch.application import Application
from sketch.binding.converters import Converter
from sketch.binding.sources import Depends, Path
from sketch.exceptions import HTTPMethodNotAllowed, HTTPNotFound
from sketch.response import Response
from sketch.routing import Router
from sketch.routing.group import RouteGroup
from tests.core.binding.support import ask, faults, heard, refusal, run, send, text, told


class Colour(Enum):
    RED = "red"
    LIGHT_BLUE = "light blue"


Number = NewType("Number", int)

ID = "0188f0c4-5b7a-7c3e-9d2f-5a6b7c8d9e0f"


def echo(kind: Any) -> Any:
    async def handler(v: kind) -> Response:
        return told(v)

    return handler


@pytest.mark.parametrize(
    ("kind", "sent", "value", "url"),
    [
        (int, "7", "7", "7"),
        (int, "-7", "-7", "-7"),
        (Number, "7", "7", "7"),
        (Annotated[int, Ge(0)], "7", "7", "7"),
        (float, "-1.5", "-1.5", "-1.5"),
        (str, "a%20b", "'a b'", "a%20b"),
        (Any, "a", "'a'", "a"),
        (Annotated[str, MaxLen(5)], "abc", "'abc'", "abc"),
        (Colour, "red", "<Colour.RED: 'red'>", "red"),
        (Colour, "light%20blue", "<Colour.LIGHT_BLUE: 'light blue'>", "light%20blue"),
        (Literal["a", "b"], "b", "'b'", "b"),
        (date, "2026-01-02", "datetime.date(2026, 1, 2)", "2026-01-02"),
        (UUID, ID, f"UUID('{ID}')", ID),
        (Decimal, "1.50", "Decimal('1.50')", "1.50"),
        (bool, "true", "True", "true"),
        (int | None, "7", "7", "7"),
    ],
)
def test_types_choose_the_converter(kind: Any, sent: str, value: str, url: str) -> None:
    assert heard(echo(kind), f"/a/{sent}", path="/a/{v}") == value
    route = Router().add_get("/a/{v}", echo(kind))
    route_value = Router.match(_router(kind), "GET", f"/a/{sent}")[1]["v"]
    assert route.url_path(v=route_value) == f"/a/{url}"


def _router(kind: Any) -> Router:
    router = Router()
    router.add_get("/a/{v}", echo(kind))
    return router


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (int, "x"),
        (int, "1.5"),
        (int, "%D9%A1"),
        (float, "nan"),
        (float, "x"),
        (Colour, "green"),
        (Colour, "RED"),
        (Literal["a", "b"], "c"),
        (date, "2026-02-30"),
        (date, "today"),
        (UUID, "7"),
        (Decimal, "x"),
        (bool, "maybe"),
    ],
)
def test_text_of_the_wrong_form_is_404(kind: Any, sent: str) -> None:
    assert ask(echo(kind), f"/a/{sent}", path="/a/{v}").status == 404


@pytest.mark.parametrize(
    ("kind", "sent", "message"),
    [
        (Annotated[int, Ge(1)], "0", "expected at least 1"),
        (Annotated[int, Ge(1)], "-5", "expected at least 1"),
        (Annotated[str, MaxLen(3)], "long", "expected text of at most 3 characters"),
        (Annotated[date, Ge(date(2026, 1, 1))], "2025-12-31", "expected at least 2026-01-01"),
    ],
)
def test_a_value_that_breaks_a_constraint_is_422(kind: Any, sent: str, message: str) -> None:
    assert faults(echo(kind), f"/a/{sent}", path="/a/{v}") == [f"path v: {message}"]


def test_a_date_and_a_time() -> None:
    handler = echo(datetime)
    assert heard(handler, "/2026-01-02T03:04:05Z", path="/{v}").startswith("datetime.datetime(2026, 1, 2, 3, 4, 5")


def test_the_value_is_in_the_request_too() -> None:
    async def handler(request, v: int) -> Response:  # type: ignore[no-untyped-def]
        return told(request.match_info["v"], v)

    assert heard(handler, "/7", path="/{v}") == "(7, 7)"


@pytest.mark.parametrize("value", ["x", None, "", 1.5, [1]])
def test_urls_of_values_that_do_not_fit(value: Any) -> None:
    route = Router().add_get("/{v}", echo(int))
    with pytest.raises(ValueError, match="parameter 'v': expected"):
        route.url_path(v=value)


def test_text_beside_parameters() -> None:
    async def handler(a: int, b: date) -> Response:
        return told(a, b)

    assert heard(handler, "/x-7.2026-01-02", path="/x-{a}.{b}") == "(7, datetime.date(2026, 1, 2))"
    assert ask(handler, "/x-y.2026-01-02", path="/x-{a}.{b}").status == 404


# -- other routes with the same path ----------------------------------------------------------------------------------


def test_methods_with_the_same_types_share_a_path() -> None:
    app = Application()

    async def get(id: int) -> Response:
        return told("get", id)

    async def put(id: int, q: int = 0) -> Response:
        return told("put", id)

    async def delete(id: Annotated[int, Ge(1)]) -> Response:
        return told("delete", id)

    app.add_get("/{id}", get)
    app.add_put("/{id}", put)
    app.add_delete("/{id}", delete)
    assert text(run(send(app, "/7", method="PUT"))) == "('put', 7)"
    wire = run(send(app, "/7", method="POST"))
    assert (wire.status, dict(wire.fields)[b"allow"]) == (405, b"DELETE, GET, HEAD, OPTIONS, PUT")
    assert run(send(app, "/x", method="POST")).status == 404


def test_enums_share_a_path_too() -> None:
    router = Router()
    router.add_get("/{v}", echo(Colour))
    router.add_put("/{v}", echo(Colour))
    with pytest.raises(HTTPMethodNotAllowed):
        router.match("POST", "/red")
    with pytest.raises(HTTPNotFound):
        router.match("GET", "/green")


def test_different_types_are_different_paths() -> None:
    app = Application()

    async def number(v: int) -> Response:
        return told("number", v)

    async def day(v: date) -> Response:
        return told("day", v)

    async def any_text(v: str) -> Response:
        return told("text", v)

    for handler in (any_text, number, day):
        app.add_get("/{v}", handler)
    answers = [text(run(send(app, f"/{sent}"))) for sent in ("7", "2026-01-02", "x")]
    assert answers == ["('number', 7)", "('day', datetime.date(2026, 1, 2))", "('text', 'x')"]


def test_an_unannotated_method_of_the_same_path_is_another_path() -> None:
    app = Application()

    async def get(id: int) -> Response:
        return told("get", id)

    async def put(id) -> Response:  # type: ignore[no-untyped-def]
        return told("put", id)

    app.add_get("/{id}", get)
    app.add_put("/{id}", put)
    assert text(run(send(app, "/7", method="PUT"))) == "('put', '7')"
    assert run(send(app, "/x", method="GET")).status == 405


# -- written converters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "sent", "value"),
    [
        ("/{v:int}", int, "7", "7"),
        ("/{v:int}", Annotated[int, Ge(0)], "7", "7"),
        ("/{v:int}", int | None, "7", "7"),
        ("/{v:int}", Number, "7", "7"),
        ("/{v:int}", int | str, "7", "7"),
        ("/{v:float}", float, "7.5", "7.5"),
        ("/{v:uuid}", UUID, ID, f"UUID('{ID}')"),
        ("/{v:path}", str, "a/b", "'a/b'"),
        ("/{v:str}", str, "a", "'a'"),
        ("/{v:[a-z]+}", str, "abc", "'abc'"),
        ("/{v:[0-9]+}", int, "7", "7"),
        ("/{v:[a-z]+}", Colour, "red", "<Colour.RED: 'red'>"),
        ("/{v:hex}", int, "ff", "255"),
    ],
)
def test_written_converters_stay(path: str, kind: Any, sent: str, value: str) -> None:
    app = Application()
    app.router.converters["hex"] = Converter("[0-9a-f]+", lambda text: int(text, 16))
    app.add_get(path, echo(kind))
    assert text(run(send(app, f"/{sent}"))) == value


def test_a_written_int_takes_no_sign() -> None:
    assert ask(echo(int), "/-7", path="/{v:int}").status == 404
    assert faults(echo(Annotated[int, Ge(5)]), "/4", path="/{v:int}") == ["path v: expected at least 5"]


@pytest.mark.parametrize(
    ("path", "kind", "made", "shown"),
    [
        ("/{v:int}", str, "int", "<class 'str'>"),
        ("/{v:int}", date, "int", "<class 'datetime.date'>"),
        ("/{v:uuid}", int, "UUID", "<class 'int'>"),
        ("/{v:path}", int, "str", "<class 'int'>"),
        ("/{v:str}", UUID, "str", "<class 'uuid.UUID'>"),
        ("/{v:float}", Annotated[Decimal, Ge(0)], "float", "<class 'decimal.Decimal'>"),
    ],
)
def test_a_written_converter_that_disagrees(path: str, kind: Any, made: str, shown: str) -> None:
    message = (
        f"expected the type that the path gives 'v', {made}, got {shown}: leave the converter out of the path,"
        " and the type chooses it"
    )
    assert refusal(echo(kind), path) == message


def test_guards_and_the_handler_agree_about_the_path() -> None:
    async def guard(id: float) -> None: ...

    async def handler(id: int) -> Response: ...

    with pytest.raises(ValueError, match="expected one type for the path parameter 'id', got two that take different"):
        Router().add_get("/{id}", handler, dependencies=[Depends(guard)])


def test_a_dependency_chooses_the_converter() -> None:
    async def dependency(id: int) -> int:
        return id

    async def handler(id, d: Annotated[int, Depends(dependency)]) -> Response:  # type: ignore[no-untyped-def]
        return told(id, d)

    assert heard(handler, "/7", path="/{id}") == "(7, 7)"


# -- regular expressions ----------------------------------------------------------------------------------------------


def regular(pattern: str, handler: Any) -> Application:
    app = Application()
    app.add_get(re.compile(pattern), handler)
    return app


def test_the_groups_of_regular_expressions_are_converted() -> None:
    async def handler(year: int, colour: Colour, rest: str) -> Response:
        return told(year, colour, rest)

    app = regular(r"/(?P<year>[^/]+)/(?P<colour>[^/]+)/(?P<rest>.*)", handler)
    assert text(run(send(app, "/-5/red/a/b"))) == "(-5, <Colour.RED: 'red'>, 'a/b')"
    assert run(send(app, "/x/red/a")).status == 404
    assert run(send(app, "/1/green/a")).status == 404


def test_constraints_of_groups() -> None:
    async def handler(year: Annotated[int, Ge(2000)]) -> Response:
        return told(year)

    app = regular(r"/(?P<year>\d+)", handler)
    assert text(run(send(app, "/2001"))) == "2001"
    wire = run(send(app, "/1999"))
    assert (wire.status, text(wire)) == (422, "path year: expected at least 2000")


def test_regular_expressions_in_templates_are_converted_too() -> None:
    handler = echo(Annotated[int, Ge(5)] | None)
    assert heard(handler, "/7", path="/{v:[^/]+}") == "7"
    assert faults(handler, "/4", path="/{v:[^/]+}") == ["path v: expected at least 5"]
    assert ask(handler, "/x", path="/{v:[^/]+}").status == 404


def test_groups_that_did_not_match() -> None:
    async def handler(page: int | None) -> Response:
        return told(page)

    app = regular(r"/a(?:/(?P<page>\d+))?", handler)
    assert text(run(send(app, "/a"))) == "None"
    assert text(run(send(app, "/a/3"))) == "3"


# -- groups of routes -------------------------------------------------------------------------------------------------


def test_routes_of_groups_are_converted() -> None:
    group = RouteGroup("/api/{tenant}")

    @group.get("/{v}")
    async def handler(tenant: Literal["a", "b"], v: int) -> Response:
        return told(tenant, v)

    app = Application()
    app.add_group(group)
    assert text(run(send(app, "/api/a/-3"))) == "('a', -3)"
    assert run(send(app, "/api/c/3")).status == 404
    assert run(send(app, "/api/a/x")).status == 404


def test_converters_that_are_known_later() -> None:
    group = RouteGroup("/api")

    @group.get("/{n:hex}/{v}")
    async def handler(n: int, v: int) -> Response:
        return told(n, v)

    app = Application()
    app.router.converters["hex"] = Converter("[0-9a-f]+", lambda text: int(text, 16))
    app.add_group(group)
    assert text(run(send(app, "/api/ff/-3"))) == "(255, -3)"


def test_converters_of_the_group_that_disagree() -> None:
    group = RouteGroup("/api")
    with pytest.raises(ValueError, match=r"the type that the path gives 'n', int, got <class 'datetime\.date'>"):

        @group.get("/{n:int}")
        async def handler(n: date) -> Response: ...


def test_a_path_parameter_by_another_name() -> None:
    async def handler(number: Annotated[int, Path("n")]) -> Response:
        return told(number)

    assert heard(handler, "/-3", path="/{n}") == "-3"
    route = Router().add_get("/{n}", handler)
    assert route.url_path(n=-3) == "/-3"


def test_mounted_prefixes_are_converted_by_no_type() -> None:
    """The prefix belongs to another application: its parameters are as its template gives them."""
    inner, app = Application(), Application()

    async def handler(request, v: int) -> Response:  # type: ignore[no-untyped-def]
        return told(request.match_info["tenant"], v)

    inner.add_get("/{v}", handler)
    app.mount("/{tenant}", inner)

    async def main() -> None:
        await app.startup()
        assert text(await send(app, "/5/-3")) == "('5', -3)"
        await app.shutdown()
        await app.cleanup()

    run(main())
