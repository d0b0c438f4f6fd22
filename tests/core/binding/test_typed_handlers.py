"""The handlers that type checkers read are handlers."""

from __future__ import annotations

from tests.core.binding import typed_handlers


def test_the_routes_are_added() -> None:
    routes = {route.template for route in typed_handlers.app.router.routes()}
    assert routes == {"/teas/{shelf}", "/teas", "/leaves", "/amount", "/file", "/lines", "/view", "/ws"}
