"""What all requests have in common: their place, values, and the exchange around them."""

from __future__ import annotations

import pytest

from sketch.application import Application
from sketch.keys import RequestKey
from sketch.limits import Limits
from sketch.request import BaseRequest, Request, WebSocketRequest
from sketch.routing import Mount, Route
from tests.support.requests import Peer, in_loop, make_request

USER = RequestKey[str]("user")


async def handler() -> None: ...


@pytest.mark.parametrize("kind", [Request, WebSocketRequest])
def test_both_kinds_have_values_and_attributes(kind: type[BaseRequest]) -> None:
    request = kind("GET", b"/ws", [], connection=Peer())  # type: ignore[arg-type]
    request.user = "anne"  # type: ignore[attr-defined]
    request[USER] = "anne"
    assert request[USER] == request.user == "anne"  # type: ignore[attr-defined]
    assert request.is_websocket is (kind is WebSocketRequest)
    assert repr(request) == f"<{kind.__name__} GET /ws>"


def test_the_state_is_a_copy() -> None:
    peer = Peer()
    peer.state = {"pool": 1}
    request = make_request(connection=peer)
    request.state["mine"] = 2
    assert request.state == {"pool": 1, "mine": 2}
    assert peer.state == {"pool": 1}


def test_limits_are_those_of_the_route_else_of_the_application() -> None:
    app = Application(limits=Limits(body=3))
    request = make_request(app=app)
    assert request.limits is app.limits
    request.route = Route("GET", "/", handler)
    assert request.limits is app.limits
    request.route = Route("GET", "/", handler, limits=Limits(body=4))
    assert request.limits is request.route.limits


def test_the_scope_is_the_one_of_the_connection() -> None:
    request = make_request()
    assert request.scope is None
    request.connection.scope = {"session": 1}  # type: ignore[attr-defined]
    assert request.scope is request.connection.scope  # type: ignore[attr-defined]


def test_what_is_to_be_done_at_the_end_is_made_once() -> None:
    request = make_request()
    assert request.finishing is None
    assert request.at_end is request.finishing is request.at_end


# -- places ------------------------------------------------------------------------------------------------------------


def test_a_request_goes_into_a_mounted_application_and_back() -> None:
    outer, inner = Application(), Application()
    inner.state["pool"] = 1
    request = make_request("/api/a/x/y", root_path="/api", app=outer)
    place = request.place
    assert (place.app, place.root_path, place.raw_path, place.outer) == (outer, "/api", "/a/x/y", None)
    request.reenter()
    assert request.place == place, "it is in no mounted application: nothing to return to"

    assert request.enter(inner, Mount("/a", handler)) == place
    assert (request.app, request.root_path, request.raw_path, request.path) == (inner, "/api/a", "/x/y", "/x/y")
    assert request.place.outer == place
    assert request.state == {"pool": 1}
    assert request.base_path == "/api"

    request.move_to(place)
    assert (request.app, request.root_path, request.raw_path) == (outer, "/api", "/a/x/y")
    assert request.place == place
    request.reenter()
    assert (request.app, request.raw_path, request.base_path) == (inner, "/x/y", "/api")


def test_a_foreign_application_adds_no_state() -> None:
    app = Application()
    app.state["pool"] = 1
    request = make_request("/a/x", app=app)
    request.enter(app, Mount("/a", handler))
    assert (request.app, request.root_path, request.raw_path, request.state) == (app, "/a", "/x", {})


# -- the exchange ------------------------------------------------------------------------------------------------------


@in_loop
async def test_wait_disconnected_ends_when_the_client_is_gone() -> None:
    peer = Peer()
    peer.gone.set()
    await make_request(connection=peer).wait_disconnected()


def test_any_attribute_may_be_set() -> None:
    request = make_request()
    assert not hasattr(request, "user")
    request.user = "anne"  # type: ignore[attr-defined]
    assert request.user == "anne"  # type: ignore[attr-defined]
    assert getattr(request, "nothing", "default") == "default"


def test_repr() -> None:
    assert repr(make_request("/a?b", method="POST")) == "<Request POST /a>"


def test_wait_outside_a_thread_says_what_to_do() -> None:
    request = make_request(app=Application())
    with pytest.raises(RuntimeError, match="use `await`"):
        request.wait(request.read())
