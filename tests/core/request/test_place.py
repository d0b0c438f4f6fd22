"""Places: where a request is in the tree of mounted applications."""

from __future__ import annotations

import pytest

from sketch.request.place import Place
from sketch.routing import Mount


async def handler() -> None: ...


INNER = Place("shop", "", "/t1/shop/items/1").inside("middle", Mount("/{tenant}", handler))
INNERMOST = INNER.inside("items", Mount("/shop/items", handler))


def test_inside_a_mount_the_prefix_is_part_of_the_root_path() -> None:
    assert (INNER.app, INNER.root_path, INNER.raw_path) == ("middle", "/t1", "/shop/items/1")
    assert (INNERMOST.app, INNERMOST.root_path, INNERMOST.raw_path) == ("items", "/t1/shop/items", "/1")
    assert INNERMOST.outer is INNER


@pytest.mark.parametrize(
    ("prefix", "path", "root_path", "rest"),
    [("/a", "/a", "/api/a", "/"), ("/a", "/a/", "/api/a", "/"), ("/", "/a", "/api", "/a"),
     ("/{t}", "/%C3%A9/x", "/api/%C3%A9", "/x")],
)  # fmt: skip
def test_a_path_has_a_root(prefix: str, path: str, root_path: str, rest: str) -> None:
    place = Place("outer", "/api", path).inside("inner", Mount(prefix, handler))
    assert (place.root_path, place.raw_path) == (root_path, rest)


def test_the_outermost_place() -> None:
    assert INNERMOST.outermost == INNER.outermost == Place("shop", "", "/t1/shop/items/1")
    assert INNER.outermost.outermost is INNER.outermost


def test_the_place_in_an_application_is_the_nearest() -> None:
    assert INNERMOST.in_app("items") is INNERMOST
    assert INNERMOST.in_app("middle") is INNER
    assert INNERMOST.in_app("shop") is INNER.outer
    foreign = INNERMOST.inside("items", Mount("/1", handler))  # a foreign application, mounted in the same one
    assert foreign.in_app("items") is foreign


def test_an_application_that_is_not_on_the_way() -> None:
    with pytest.raises(LookupError, match="expected 'middle' or an application around it, got 'items'"):
        INNER.in_app("items")
