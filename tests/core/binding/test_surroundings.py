"""What is known of a route while its plan is made, and what counts as a mark."""

from __future__ import annotations

import pytest

from sketch.binding.converters import FLOAT, INT, Converter
from sketch.binding.sources import Body, Cookie, Depends, Form, Header, Path, Query
from sketch.binding.surroundings import FOR_HANDLERS, Given, Offer, Surroundings, is_mark
from sketch.keys import AppKey, RequestKey

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


@pytest.mark.parametrize("item", [*MARKS, Depends, Query(), Depends(connect), RequestKey("a"), AppKey("b")])
def test_what_is_a_mark(item: object) -> None:
    assert is_mark(item)


@pytest.mark.parametrize("item", [int, "query", RequestKey, 5, None])
def test_what_is_no_mark(item: object) -> None:
    assert not is_mark(item)
