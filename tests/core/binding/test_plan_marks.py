"""The plan of a handler: marks in annotations, and each error of a signature with what to write instead.

Annotations are objects here: types that are local to a test exist at run time.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Annotated, Any, NewType, Optional, TypeVar

import pytest
from typing_extensions import TypeAliasType

from sketch.application import Application
from sketch.binding.plan import Plan, plan
from sketch.binding.response_parts import ResponseParts
from sketch.binding.sources import Body, Cookie, Depends, Form, Header, Path, Query
from sketch.binding.surroundings import Surroundings
from sketch.keys import AppKey, RequestKey
from sketch.request import Request
from sketch.response import Response
from sketch.routing.views import View
from tests.core.binding.support import ask, heard, refusal, told

USER = RequestKey[str]("user")
T = TypeVar("T")


@dataclass
class Item:
    name: str = ""


def one() -> int:
    return 1


# -- the order of the rules -------------------------------------------------------------------------------------------


def test_a_mark_comes_first() -> None:
    """Before the name of a path parameter (if it has another name there), the name `request`, and the type."""

    async def handler(request: Annotated[str, Query("r")], item: Annotated[int, Query()]) -> Response:
        return told(request, item)

    assert heard(handler, "/?r=a&item=3") == "('a', 3)"


def test_a_mark_may_be_its_class() -> None:
    async def handler(q: Annotated[int, Query], agent: Annotated[str, Header]) -> Response:
        return told(q, agent)

    assert heard(handler, "/?q=3", (b"agent", b"a")) == "(3, 'a')"


async def signed_in(user: Annotated[str | None, Header("X-User")] = None) -> str:
    return f"signed in: {user}"


ALIASES: list[Any] = [
    TypeAliasType("User", Annotated[str, Depends(signed_in)]),
    TypeAliasType("Twice", TypeAliasType("User", Annotated[str, Depends(signed_in)])),  # type: ignore[misc]
    TypeAliasType("Generic", Annotated[T, Depends(signed_in)], type_params=(T,))[str],
    Annotated[TypeAliasType("User", Annotated[str, Depends(signed_in)]), "a note"],  # type: ignore[valid-type]
    NewType("User", Annotated[str, Depends(signed_in)]),  # type: ignore[valid-newtype]
]


@pytest.mark.parametrize("alias", ALIASES, ids=range(len(ALIASES)))
def test_an_alias_stands_for_what_is_marked_in_it(alias: Any) -> None:
    """It is no text of the query: clients would choose what a dependency has to return."""

    async def handler(user: alias) -> Response:
        return told(user)

    async def optional(user: Optional[alias] = None) -> Response:  # noqa: UP045 - no value of `|`
        return told(user)

    assert heard(handler, "/?user=ada", (b"x-user", b"bob")) == "'signed in: bob'"
    assert "expected the source of 'user' around the whole type" in refusal(optional)


def test_an_alias_of_what_the_framework_gives() -> None:
    Asked = TypeAliasType("Asked", Request)
    Anything = TypeAliasType("Anything", Any)

    async def handler(asked: Asked, anything: Anything = 5) -> Response:
        return told(type(asked).__name__, anything)

    assert heard(handler, "/?anything=7") == "('Request', 5)"


def test_an_alias_of_a_result() -> None:
    Streamed = TypeAliasType("Streamed", AsyncIterator[bytes])
    Answered = TypeAliasType("Answered", Response)

    async def stream() -> Streamed:
        yield b"tea"

    async def answer() -> Answered:
        return Response("tea")

    assert ask(stream).status == ask(answer).status == 200


def test_the_name_of_a_path_parameter_comes_before_the_type_and_the_name() -> None:
    async def handler(request: int, r: Request) -> Response:
        return told(request, type(r).__name__)

    assert heard(handler, "/7", path="/{request}") == "(7, 'Request')"


def test_a_type_comes_before_the_name() -> None:
    async def handler(request: int, ws: str = "w") -> Response:
        return told(request, ws)

    assert heard(handler, "/?request=5") == "(5, 'w')"


def test_the_annotated_default_is_for_what_is_not_sent() -> None:
    async def handler(q: int = 3, page: int | None = None) -> Response:
        return told(q, page)

    assert heard(handler) == "(3, None)"
    assert heard(handler, "/?q=4&page=1") == "(4, 1)"


def test_a_handler_without_a_parameter_for_the_request_needs_none() -> None:
    async def handler(q: int, flag: bool = False) -> Response:
        return told(q, flag)

    assert heard(handler, "/?q=1&flag=yes") == "(1, True)"


def test_the_parameter_that_is_left_gets_the_request() -> None:
    async def handler(q: int, anything, more=3) -> Response:  # type: ignore[no-untyped-def]
        return told(q, type(anything).__name__, more)

    assert heard(handler, "/?q=1") == "(1, 'Request', 3)"


def test_a_keyword_and_positions() -> None:
    async def handler(a: int, /, b: int, *, c: int = 3, d: int) -> Response:
        return told(a, b, c, d)

    assert heard(handler, "/?a=1&b=2&d=4") == "(1, 2, 3, 4)"


def test_the_rest_of_the_path_parameters_are_converted_by_no_one() -> None:
    async def handler(q: int, **rest: Any) -> Response:
        return told(q, rest)

    assert heard(handler, "/5?q=1", path="/{id}") == "(1, {'id': '5'})"


# -- whether a plan is typed ------------------------------------------------------------------------------------------


def planned(function: Callable[..., Any], *names: str) -> Plan:
    return plan(function, Surroundings(names))


def test_what_is_typed() -> None:
    def untyped(request, id: str, app: Application, more=1): ...  # type: ignore[no-untyped-def]
    def scalar(q: int) -> None: ...
    def converted(id: int) -> None: ...
    def parts(response: ResponseParts) -> None: ...
    def stored(user: Annotated[str, USER]) -> None: ...
    def dependent(db: Annotated[int, Depends(one)]) -> None: ...

    assert not planned(untyped, "id").is_typed
    for function in (scalar, converted, parts, stored, dependent):
        assert planned(function, "id").is_typed


def test_the_sources_of_a_plan_are_in_the_order_of_the_arguments() -> None:
    def function(id: str, request: Any, *, key: str, other: str) -> None: ...

    decided = plan(function, Surroundings(("id", "key", "other")))
    assert decided.sources == ["id", decided.positional[1], "key", "other"]


# -- errors -----------------------------------------------------------------------------------------------------------


def old_style(q: int = Query()) -> None: ...  # type: ignore[assignment]


def old_style_dependency(db: int = Depends(one)) -> None: ...  # type: ignore[assignment]


def old_style_class(q: int = Query) -> None: ...  # type: ignore[assignment]


def old_style_key(user: str = USER) -> None: ...  # type: ignore[assignment]


def two_marks(q: Annotated[int, Query(), Header("q")]) -> None: ...


def a_mark_and_a_key(user: Annotated[str, Query(), USER]) -> None: ...


def a_mark_inside(q: Annotated[int, Query()] | None) -> None: ...


def a_dependency_inside(db: Optional[Annotated[int, Depends(one)]]) -> None: ...  # noqa: UP045 - the old spelling


def a_mark_in_a_list(q: list[Annotated[int, Query()]]) -> None: ...


def no_path_parameter(id: Annotated[int, Path()]) -> None: ...


def two_meanings(id: Annotated[int, Query()]) -> None: ...


def two_meanings_of_a_form(id: Annotated[int, Form()]) -> None: ...


def unknown_type(q: Item | View) -> None: ...


def unknown_class(view: View) -> None: ...


def unhashable(q: {"a": 1}) -> None: ...  # type: ignore[valid-type] # noqa: F821


def several_values(tags: list[int]) -> None: ...


def body_on_get(item: Item) -> None: ...


def form_on_get(q: Annotated[str, Form()]) -> None: ...


def scalar_body_on_get(n: Annotated[int, Body()]) -> None: ...


def unresolved(item: "Missing") -> None: ...  # type: ignore[name-defined] # noqa: F821


def unknown_in_query(q: Annotated[View, Query()]) -> None: ...


def nameless_dependency(db: Annotated["Missing", Depends()]) -> None: ...  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("handler", "path", "message"),
    [
        (
            old_style,
            "/",
            (
                "expected Query() in the annotation, got it as default of 'q': write `q: Annotated[..., Query()]`, and"
                " the default behind it"
            ),
        ),
        (
            old_style_dependency,
            "/",
            (
                "expected Depends(one) in the annotation, got it as default of 'db': write"
                " `db: Annotated[..., Depends(one)]`, and the default behind it"
            ),
        ),
        (
            two_marks,
            "/",
            "expected one source, got Query() and Header('q') for 'q'",
        ),
        (
            a_mark_and_a_key,
            "/",
            "expected one source, got Query() and <RequestKey user> for 'user'",
        ),
        (
            a_mark_inside,
            "/",
            (
                "expected the source of 'q' around the whole type, got 'q: Optional[Annotated[int, Query()]]': write"
                " `Annotated[int | None, Query()]`, not `Annotated[int, Query()] | None`"
            ),
        ),
        (
            a_dependency_inside,
            "/",
            (
                "expected the source of 'db' around the whole type, got 'db: Optional[Annotated[int, Depends(one)]]':"
                " write `Annotated[int | None, Query()]`, not `Annotated[int, Query()] | None`"
            ),
        ),
        (
            a_mark_in_a_list,
            "/",
            (
                "expected the source of 'q' around the whole type, got 'q: list[Annotated[int, Query()]]': write"
                " `Annotated[int | None, Query()]`, not `Annotated[int, Query()] | None`"
            ),
        ),
        (
            no_path_parameter,
            "/",
            "expected the name of a path parameter (there is none), got 'id'",
        ),
        (
            no_path_parameter,
            "/{a}/{b}",
            "expected the name of a path parameter ('a', 'b'), got 'id'",
        ),
        (
            two_meanings,
            "/{id}",
            "expected one source for 'id', got a path parameter of that name and Query(): rename one of them",
        ),
        (
            two_meanings_of_a_form,
            "/{id}",
            "expected one source for 'id', got a path parameter of that name and Form(): rename one of them",
        ),
        (
            several_values,
            "/",
            (
                "expected the source of several values, got 'tags: list[int]': write `Annotated[..., Query()]` for a"
                " name that is repeated in the query, or `Annotated[..., Body()]` for an array in the body"
            ),
        ),
        (
            body_on_get,
            "/",
            (
                "expected no body on GET (RFC 9110 section 9.3.1), got 'item: tests.core.binding.test_plan_marks.Item':"
                " take it from the query by `Annotated[..., Query()]`, or use POST or QUERY"
            ),
        ),
        (
            form_on_get,
            "/",
            (
                "expected no body on GET (RFC 9110 section 9.3.1), got 'q: Annotated[str, Form()]': take it from the"
                " query by `Annotated[..., Query()]`, or use POST or QUERY"
            ),
        ),
        (
            scalar_body_on_get,
            "/",
            (
                "expected no body on GET (RFC 9110 section 9.3.1), got 'n: Annotated[int, Body()]': take it from the"
                " query by `Annotated[..., Query()]`, or use POST or QUERY"
            ),
        ),
        (
            unresolved,
            "/",
            (
                "expected an annotation that exists at run time, got 'item: Missing': define or import it at the top of"
                " its module, not in a function and not under TYPE_CHECKING"
            ),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_signatures_that_are_refused(handler: Callable[..., Any], path: str, message: str) -> None:
    assert refusal(handler, path).replace("typing.", "") == message


@pytest.mark.parametrize(
    ("handler", "beginning"),
    [
        (old_style_class, "expected <class 'sketch.binding.sources.Query'> in the annotation"),
        (old_style_key, "expected <RequestKey user> in the annotation, got it as default of 'user'"),
        (unknown_type, "expected no body on GET"),
        (unknown_class, "expected a type that a request can supply, got 'view: sketch.routing.views.View': expected"),
        (unhashable, "expected a type that a request can supply, got \"q: {'a': 1}\": expected"),
        (unknown_in_query, "expected a type that text can become, got View: write str, int, float"),
        (nameless_dependency, "expected"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_signatures_that_are_refused_at_length(handler: Callable[..., Any], beginning: str) -> None:
    assert refusal(handler).startswith(beginning)


def test_a_body_on_several_methods() -> None:
    from sketch.routing import Router

    with pytest.raises(ValueError, match=r"expected no body on GET and HEAD \(RFC 9110"):
        Router().add_route(("HEAD", "GET", "POST"), "/", body_on_get)
    for methods in ("POST", "PUT", "PATCH", "DELETE", "QUERY", "OPTIONS", "*", "PROPFIND"):
        Router().add_route(methods, "/", body_on_get)


def test_a_form_and_a_body() -> None:
    async def handler(item: Item, name: Annotated[str, Form()]) -> None: ...

    assert refusal(handler, method="POST") == "expected a form or a body in JSON, got both: 'name' and 'item'"


def test_errors_are_cut() -> None:
    async def handler(q: Annotated[int, Query("x" * 1000), Header("y" * 1000)]) -> None: ...

    assert len(refusal(handler)) < 600


def test_errors_of_decorated_handlers() -> None:
    def decorated(handler: Any) -> Any:
        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any: ...

        return wrapper

    for handler in (decorated(two_marks), partial(two_marks), partial(decorated(two_marks))):
        assert refusal(handler) == "expected one source, got Query() and Header('q') for 'q'"


def test_a_type_that_is_set_by_a_partial_is_not_read() -> None:
    async def handler(view: View, q: int) -> Response:
        return told(view, q)

    assert heard(partial(handler, view=None), "/?q=2") == "(None, 2)"
    assert heard(partial(handler, None), "/?q=2") == "(None, 2)"


def test_keys() -> None:
    """What middleware has stored, and what the application holds."""

    async def handler(name: Annotated[str, Cookie("n")], limit: Annotated[int, AppKey("limit")] = 3) -> Response:
        return told(name, limit)

    assert heard(handler, "/", (b"cookie", b"n=a")) == "('a', 3)"
