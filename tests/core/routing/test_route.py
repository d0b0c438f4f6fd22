"""One route: its methods, its path, and the options that it refuses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch.routing import Route, Router


async def handler(request: object) -> None: ...


def test_methods_are_copied() -> None:
    methods = ["get", "POST"]
    route = Router().add_route(methods, "/a", handler)
    methods.append("PUT")
    assert route.methods == {"GET", "POST"}
    assert methods == ["get", "POST", "PUT"]


@pytest.mark.parametrize("methods", [("GET", "PUT"), {"GET", "PUT"}, iter(["GET", "PUT"]), frozenset(["get", "put"])])
def test_any_iterable_of_methods(methods: Any) -> None:
    assert Router().add_route(methods, "/a", handler).methods == {"GET", "PUT"}


@pytest.mark.parametrize("methods", ["", [], "GE T", ["GET", "A\r\nB"]])
def test_malformed_methods(methods: Any) -> None:
    with pytest.raises(ValueError, match=r"expected (a|at least one) method"):
        Router().add_route(methods, "/a", handler)


def test_a_regular_expression_has_no_url() -> None:
    with pytest.raises(ValueError, match="expected a route with a template, got the regular expression '/a'"):
        Route("GET", re.compile("/a"), handler).url_path()


@pytest.mark.parametrize("path", [None, 5, b"/a", re.compile(b"/a")])
def test_paths_of_other_types_are_refused(path: Any) -> None:
    with pytest.raises(TypeError, match="expected a path"):
        Router().add_get(path, handler)


@pytest.mark.parametrize("wrong", [None, "handler", 5])
def test_handlers_that_cannot_be_called_are_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a callable handler"):
        Router().add_get("/a", wrong)


@pytest.mark.parametrize("word", ["slashes", "on_disconnect"])
def test_unknown_option_values_are_refused(word: str) -> None:
    options: Any = {word: "maybe"}
    with pytest.raises(ValueError, match=f"expected {word} to be .*, got 'maybe'"):
        Router().add_get("/a", handler, **options)
