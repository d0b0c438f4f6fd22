"""What is known of a route while its plan is made, and what counts as a mark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest

from sketch import Application
from sketch.binding.converters import FLOAT, INT, Converter
from sketch.binding.sources import Body, Cookie, Depends, Form, Header, Path, Query
from sketch.binding.surroundings import FOR_HANDLERS, Given, Offer, Surroundings, find_request_reader, is_mark
from sketch.keys import AppKey, RequestKey
from sketch.testing import TestClient
from tests.support.requests import in_loop

T = TypeVar("T")

MARKS = [Path, Query, Header, Cookie, Form, Body]


def connect() -> None: ...


def test_surroundings_for_other_callables_share_what_is_found() -> None:
    around = Surroundings(("id",), {}, ("GET", "POST"), is_websocket=True)
    offer = Offer(Given.WEBSOCKET, {}, {})
    assert (around.offer, around.of(offer).offer, around.with_methods("GET").methods) == (FOR_HANDLERS, offer, ("GET",))
    for other in (around.of(offer), around.with_methods("GET")):
        assert (other.names, other.written, other.is_websocket) == (("id",), {}, True)
        assert (other.chosen, other.planned, other.stack) == ({}, {}, [])
        assert other.planned is around.planned
        assert other.stack is around.stack
    around.of(offer).choose("id", INT)
    assert around.chosen == {"id": INT}
    assert around.methods == ("GET", "POST")


@pytest.mark.parametrize("pair", [(INT, FLOAT), (INT, None), (None, INT)])
def test_one_converter_for_each_path_parameter(pair: tuple[Converter | None, Converter | None]) -> None:
    around = Surroundings(("id", "other"), {})
    first, second = pair
    around.choose("other", second)
    around.choose("id", first)
    around.choose("id", first)
    with pytest.raises(ValueError, match="expected one type for the path parameter 'id', got two"):
        around.choose("id", second)


class Language(Generic[T]):
    """A type that takes itself from a request."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def __request_reader__(cls, default: Any = "en") -> Callable[[Any], Language[Any]]:
        if default == Literal["no such"]:
            raise ValueError("expected a language")
        return lambda request: cls(request.headers.get("accept-language", default))


@in_loop
async def test_a_type_may_be_a_source_of_its_own() -> None:
    app = Application()

    @app.get("/plain")
    async def plain(language: Language) -> str:  # type: ignore[type-arg]
        return language.name

    @app.get("/with")
    async def with_argument(language: Annotated[Language[Literal["de"]] | None, "a note"], number: int = 5) -> str:
        return f"{language and language.name} {number}"

    async with TestClient(app) as client:
        assert await (await client.get("/plain")).text() == "en"
        assert await (await client.get("/with?number=7")).text() == "typing.Literal['de'] 7"
        assert await (await client.get("/with", headers={"Accept-Language": "fr"})).text() == "fr 5"

    async def refused(language: Language[Literal["no such"]]) -> None: ...

    with pytest.raises(ValueError, match="expected a language; in the route"):
        Application().add_get("/", refused)
    assert find_request_reader(int) is None
    assert find_request_reader(list[int]) is None


@pytest.mark.parametrize("item", [*MARKS, Depends, Query(), Depends(connect), RequestKey("a"), AppKey("b")])
def test_what_is_a_mark(item: object) -> None:
    assert is_mark(item)


@pytest.mark.parametrize("item", [int, "query", RequestKey, 5, None])
def test_what_is_no_mark(item: object) -> None:
    assert not is_mark(item)
