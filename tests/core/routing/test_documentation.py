"""What a route says about itself to documents."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, Response, Route, RouteGroup
from sketch.routing.documentation import Documentation
from sketch.routing.route import make_documentation


def test_nothing_given_is_none() -> None:
    assert make_documentation(summary=None, responses=None) is None
    assert Application().add_get("/", lambda: Response()).documentation is None


@pytest.mark.parametrize("status", [404, "404", "4XX", "default"])
def test_responses_by_status(status: Any) -> None:
    assert make_documentation(responses={status: "Text"}) == Documentation(responses={status: "Text"})


@pytest.mark.parametrize(
    ("options", "kind", "error"),
    [
        ({"summary": 1}, TypeError, "expected summary to be a str, got 1"),
        ({"deprecated": "yes"}, TypeError, "expected deprecated to be a bool, got 'yes'"),
        ({"responses": [404]}, TypeError, r"expected responses to be a Mapping, got \[404\]"),
        (
            {"responses": {"oops": None}},
            ValueError,
            "expected responses by status, as 404, '4XX' or 'default', got 'oops'",
        ),
        ({"responses": {99: None}}, ValueError, "expected responses by status"),
    ],
)
def test_mistakes_are_found_when_the_route_is_added(options: dict[str, Any], kind: type[Exception], error: str) -> None:
    with pytest.raises(kind, match=error):
        Application().add_get("/", lambda: Response(), **options)


def test_a_group_mistake_is_found_at_once() -> None:
    with pytest.raises(ValueError, match="expected responses by status"):
        RouteGroup(responses={"oops": None})


def test_what_a_group_says_counts_where_its_routes_say_nothing() -> None:
    group = RouteGroup("/a", deprecated=True, include_in_schema=False, responses={401: "Group", 404: "Group"})
    group.add_get("/1", lambda: Response())
    group.add_get("/2", lambda: Response(), deprecated=False, include_in_schema=True, responses={404: "Route"})
    app = Application()
    app.add_group(group)
    first, second = app.router.routes()
    assert first.documentation == Documentation(
        deprecated=True, include_in_schema=False, responses={401: "Group", 404: "Group"}
    )
    assert second.documentation == Documentation(
        deprecated=False, include_in_schema=True, responses={401: "Group", 404: "Route"}
    )


def test_a_route_that_is_added_again_keeps_it() -> None:
    route = Route("GET", "/", lambda: Response(), summary="Short", operation_id="it", status=None)
    (copy,) = Application().add_routes(route)
    assert copy.documentation == route.documentation == Documentation(summary="Short", operation_id="it")
