"""Responses made of templates."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from sketch.application import Application
from sketch.context import current_request
from sketch.exceptions import HTTPNotFound
from sketch.request import Request
from sketch.response import Response
from sketch.templates import Templates
from tests.core.templates.support import page, write
from tests.support.requests import answer, in_loop, make_request


@in_loop
async def test_a_page(tmp_path: Path) -> None:
    templates = Templates(write(tmp_path, a__html="<p>{{ name }}{{ later() }}{{ page }}"))
    app = Application()

    async def later() -> str:
        return "&later"

    @app.get("/")
    async def show(request: Request) -> Response:
        context = {"name": "<b>", "later": later, "page": 7}
        return await templates.response(request, "a.html", context, status=404, headers={"X-A": "b"})

    wire = await answer(app, "/")
    assert (wire.status, wire.payload) == (404, b"<p>&lt;b&gt;&amp;later7")
    assert wire.fields == [(b"x-a", b"b"), (b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"23")]


@in_loop
async def test_media_types(tmp_path: Path) -> None:
    templates, request = Templates(write(tmp_path, a__xml__j2="x")), make_request(app=Application())
    response = templates.response
    assert (await response(request, "a.xml.j2")).content_type == "application/xml"
    assert (await response(request, "a.xml.j2", content_type="text/x")).content_type == "text/x"
    assert (await response(request, "a.xml.j2", headers={"content-type": "text/y"})).content_type == "text/y"


@in_loop
async def test_what_no_page_can_hold_is_no_500(tmp_path: Path) -> None:
    assert await page(Templates(write(tmp_path, a__html="{{ x }}")), "a.html", {"x": "a\ud800"}) == "a?"


@in_loop
async def test_an_undefined_name_is_an_error_in_debug(tmp_path: Path) -> None:
    folder = write(tmp_path, a__html="<{{ x }}>{% if y %}{% endif %}", b__html="{{ x.y }}")
    assert await page(Templates(folder), "a.html") == "<>"
    assert await page(Templates(folder, strict=False), "a.html", debug=True) == "<>"
    for templates, debug in ((Templates(folder), True), (Templates(folder, strict=True), False)):
        request = make_request(app=Application(debug=debug))
        with pytest.raises(UndefinedError, match="'x' is undefined"):
            await templates.response(request, "a.html")
    with pytest.raises(UndefinedError, match="'x' is undefined"):
        await Templates(folder).render("b.html")


@in_loop
async def test_a_changed_file_is_read_again_in_debug_alone(tmp_path: Path) -> None:
    for debug, shown in ((False, "old"), (True, "new")):
        templates = Templates(write(tmp_path, a__html="old"))
        assert await page(templates, "a.html", debug=debug) == "old"
        write(tmp_path, a__html="new")
        os.utime(tmp_path / "a.html", (1, 1))
        assert await page(templates, "a.html", debug=debug) == shown


@in_loop
async def test_filters_and_globals_of_ones_own(tmp_path: Path) -> None:
    templates = Templates(write(tmp_path, a__html="{{ 'x' | shout }}{{ site }}"))
    templates.environment.filters["shout"] = str.upper
    templates.environment.globals["site"] = "tea"
    for debug in (False, True):
        assert await page(templates, "a.html", debug=debug) == "Xtea"


@in_loop
async def test_context_processors(tmp_path: Path) -> None:
    """Asynchronous ones and plain ones, which may block; what is nearer to the template comes first."""
    threads: list[threading.Thread] = []

    async def one(request: Request) -> Mapping[str, Any]:
        return {"a": request.path, "b": "one", "c": "one"}

    templates = Templates(write(tmp_path, a__txt="{{ a }} {{ b }} {{ c }} {{ url_for }}"), context_processors=[one])

    @templates.context_processor
    def two(request: Request) -> dict[str, str]:
        threads.append(threading.current_thread())
        assert current_request.path == request.path
        return {"b": "two", "url_for": "mine"}

    assert await page(templates, "a.txt", {"c": "own"}) == "/ two own mine"
    assert threads[0] is not threading.current_thread()
    with Application().context(), pytest.raises(UndefinedError):
        await Templates(tmp_path, strict=True, context_processors=[one]).render("a.txt")


@in_loop
async def test_a_context_processor_may_raise_an_answer(tmp_path: Path) -> None:
    async def missing(request: Request) -> dict[str, Any]:
        raise HTTPNotFound

    templates, app = Templates(write(tmp_path, a__txt=""), context_processors=[missing]), Application()

    @app.get("/")
    async def show(request: Request) -> Response:
        return await templates.response(request, "a.txt")

    assert (await answer(app, "/")).status == 404


@in_loop
async def test_a_missing_template_says_where_it_is_not(tmp_path: Path) -> None:
    templates = Templates(write(tmp_path, a__html="{% include 'none.html' %}"))
    for name in ("none.html", "a.html"):
        with pytest.raises(TemplateNotFound, match=f"a file below {tmp_path}, got 'none.html'"):
            await templates.render(name)


@in_loop
async def test_wrong_arguments(tmp_path: Path) -> None:
    templates = Templates(write(tmp_path, a__html=""))
    request = make_request(app=Application())
    with pytest.raises(TypeError, match=r"expected the request first, then the template's name, got 'a.html'"):
        await templates.response("a.html", "a.html")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected the request first"):
        await templates.stream({}, "a.html")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected the context of a template as a mapping, got \['x'\]"):
        await templates.response(request, "a.html", ["x"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected a value for 'x' in a template, got a coroutine: await it first"):
        await templates.response(request, "a.html", {"x": templates.render("a.html")})
    templates.context_processor(lambda request: 5)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match=r"expected a mapping from the context processor .*<lambda> \(.*\), got 5"):
        await templates.response(request, "a.html")
    with pytest.raises(TypeError, match="expected a context processor `\\(request\\) -> mapping`, got 5"):
        Templates(tmp_path, context_processors=[5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="expected strict as a bool or None, got 'no'"):
        Templates(tmp_path, strict="no")  # type: ignore[arg-type]


@in_loop
async def test_in_a_plain_handler(tmp_path: Path) -> None:
    templates, app = Templates(write(tmp_path, a__txt="{{ request.path }}")), Application()

    @app.get("/")
    def show(request: Request) -> Response:
        return request.wait(templates.response(request, "a.txt"))

    assert (await answer(app, "/")).payload == b"/"


def test_without_jinja(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sketch.templates.environment", raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(RuntimeError, match=r"templates need the package jinja2: pip install 'sketch-web\[templates\]'"):
        Templates("/")
