"""What can be told of an application that is not started."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sketch import Application, Channels, ProxyHeaders, Request, Response, SecurityHeaders, View, current_request
from sketch.cli.doctor import application
from sketch.cli.doctor.application import (
    has_middleware,
    has_websockets,
    in_memory,
    makers_of_absolute_urls,
    middlewares_of,
    routes_of,
    shows_details,
    trusted_by,
)


async def absolute(request: Request) -> Response:
    return Response(str(request.url_for("here")))


async def relative(request: Request) -> Response:
    return Response(str(request.app.url_for("here")))


async def inside(number: int) -> Response:
    return Response(",".join(str(current_request.url_for("here", n=n)) for n in range(number)))


class Page(View):
    async def get(self) -> Response:
        return Response(str(self.request.url_for("here")))


async def foreign(scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize(
    ("handler", "makes"),
    [(absolute, True), (relative, False), (inside, True), (Page, True)],
    ids=["absolute", "relative", "inside", "view"],
)
def test_handlers_that_make_absolute_urls_are_found(handler: Any, makes: bool) -> None:
    app, inner = Application(), Application()
    inner.add_route("*", "/{number:int}" if handler is inside else "/", handler)
    app.mount("/m", inner)
    app.mount("/f", foreign)
    places = list(makers_of_absolute_urls(app))
    assert len(places) == makes
    assert all("test_application.py:" in place for place in places)


def test_middlewares_and_the_proxies_that_they_trust() -> None:
    app = Application(outer_middlewares=[ProxyHeaders(["10.0.0.0/8", "unix"]), SecurityHeaders()])
    assert [type(each).__name__ for each in middlewares_of(app)] == ["ProxyHeaders", "SecurityHeaders"]
    assert trusted_by(app) == ["10.0.0.0/8", "unix"]
    assert has_middleware(app, "TrustedHosts", "SecurityHeaders")
    assert not has_middleware(app, "TrustedHosts")
    assert middlewares_of(foreign) == trusted_by(None) == []


def test_details_of_errors() -> None:
    assert shows_details(Application(debug=True))
    assert shows_details(SimpleNamespace(debug=True))  # FastAPI's and Starlette's attribute
    assert not any(map(shows_details, (Application(), foreign, None)))


def test_details_of_errors_of_django(monkeypatch: pytest.MonkeyPatch) -> None:
    class Handler:
        __module__ = "django.core.handlers.asgi"

    settings = SimpleNamespace(DEBUG=False)
    monkeypatch.setitem(application.sys.modules, "django.conf", SimpleNamespace(settings=settings))  # type: ignore[arg-type]
    assert not shows_details(Handler())
    settings.DEBUG = True
    assert shows_details(Handler())


def test_websockets_are_found() -> None:
    app = Application()
    app.add_get("/", absolute)
    assert not has_websockets(app)

    @app.websocket("/chat")
    async def chat(ws: Any) -> None: ...

    assert has_websockets(app)
    assert len(list(routes_of(app))) == 2
    assert list(routes_of(foreign)) == []


def test_what_lives_in_one_process_is_found() -> None:
    channels = Channels()
    assert in_memory([channels, channels.backend, object()]) == ["Channels"]
    assert "Channels" in in_memory()
    assert in_memory([type("MemoryBackend", (), {})()]) == []  # another project's
