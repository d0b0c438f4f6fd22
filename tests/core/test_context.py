"""The current request and application."""

from __future__ import annotations

import asyncio
import copy
import pydoc
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from sketch.application import Application
from sketch.context import _Proxy, current_app, current_request
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.testing import TestClient
from tests.support.requests import in_loop, make_request


@pytest.mark.parametrize(
    "use", [bool, hash, iter, lambda p: p.name, lambda p: p == 1, lambda p: setattr(p, "x", 1),
            lambda p: hasattr(p, "x"), lambda p: p["x"]],
)  # fmt: skip
def test_outside_a_context_every_use_is_an_error(use: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError, match="no current request"):
        use(current_request)
    with pytest.raises(RuntimeError, match="no current application"):
        use(current_app)


def test_outside_a_context_the_proxies_can_be_inspected() -> None:
    assert repr(current_request) == "<current_request, not bound>"
    assert repr(current_app) == "<current_app, not bound>"
    for proxy in (current_request, current_app):
        assert not isinstance(proxy, Request | Application)
        assert not hasattr(proxy, "__wrapped__")


@pytest.mark.parametrize("name", ["sketch", "sketch.context"])
def test_help_shows_a_module_with_proxies(name: str) -> None:
    text = pydoc.plain(pydoc.render_doc(import_module(name)))
    assert "current_request = <current_request, not bound>" in text


def test_in_a_context_the_proxies_act_as_their_targets() -> None:
    app, request = Application("mine"), make_request("/x")
    with app.request_context(request):
        assert isinstance(current_request, Request)
        assert isinstance(current_app, Application)
        assert (current_request.path, current_app.name) == ("/x", "mine")
        assert current_app == app
        assert hash(current_request) == hash(request)
        current_request.mark = 1  # type: ignore[attr-defined]
        assert request.mark == 1  # type: ignore[attr-defined]
        del current_request.mark  # type: ignore[attr-defined]
        assert not hasattr(request, "mark")
        assert repr(current_request) == repr(request)
        assert current_request
    with pytest.raises(RuntimeError):
        bool(current_request)


def test_the_proxy_passes_every_operation_on() -> None:
    target: Any = {"a": 1}
    proxy: Any = _Proxy(lambda: target)
    proxy["b"] = 2
    assert (proxy["b"], "b" in proxy, list(proxy), len(proxy.keys()), proxy == {"a": 1, "b": 2}) == (
        2, True, ["a", "b"], 2, True,
    )  # fmt: skip
    assert _Proxy(lambda: str.upper)("x") == "X"
    assert copy.copy(proxy.copy()) == target


def test_contexts_nest() -> None:
    outer, inner = Application("outer"), Application("inner")
    with outer.context():
        with inner.request_context(make_request("/inner")):
            assert current_app.name == "inner"
            with inner.request_context(make_request("/innermost")):
                assert current_request.path == "/innermost"
            assert current_request.path == "/inner"
        assert current_app.name == "outer"


@in_loop
async def test_each_request_has_its_own() -> None:
    app = Application("served")
    both = asyncio.Barrier(2)

    @app.get("/{name}")
    async def handler() -> Response:
        before = current_request.path
        await both.wait()
        return JSONResponse([before, current_request.path, current_app.name])

    async with TestClient(app) as client:
        first, second = await asyncio.gather(client.get("/a"), client.get("/b"))
        assert await first.json() == ["/a", "/a", "served"]
        assert await second.json() == ["/b", "/b", "served"]
    with pytest.raises(RuntimeError):
        bool(current_request)


@in_loop
async def test_a_nested_request_restores_the_outer_one() -> None:
    inner, outer = Application("inner"), Application("outer")

    @inner.get("/in")
    async def answer() -> Response:
        return Response(current_app.name + current_request.path)

    @outer.get("/out")
    async def ask() -> Response:
        async with TestClient(inner) as client:
            text = await (await client.get("/in")).text()
        return Response(f"{text} {current_app.name}{current_request.path}")

    async with TestClient(outer) as client:
        assert await (await client.get("/out")).text() == "inner/in outer/out"


@in_loop
async def test_hooks_and_threads_see_the_application() -> None:
    app, seen = Application("mine"), []
    for signal in (app.on_startup, app.on_shutdown, app.on_cleanup):
        signal.append(lambda: seen.append(current_app.name))

    @app.get("/")
    def handler() -> Response:
        return Response(current_app.name + current_request.path)

    async with TestClient(app) as client:
        assert await (await client.get("/")).text() == "mine/"
    assert seen == ["mine"] * 3
