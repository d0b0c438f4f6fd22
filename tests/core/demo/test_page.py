"""The demo's page: its files and its escaping."""

from __future__ import annotations

from html.parser import HTMLParser

from sketch.demo.facts import Extra
from sketch.demo.page import render, static_file
from sketch.testing import TestClient
from tests.core.demo.support import run

HOSTILE = '<script>alert("x")</script>'


class Links(HTMLParser):
    """The files that a page loads, and the inline code that its policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loaded += [given[name] or "" for name in ("src", "href") if name in given]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


def test_the_page_loads_only_its_own_files() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/")
        assert response.status == 200
        assert response.content_type == "text/html; charset=utf-8"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        links = Links()
        links.feed(await response.text())
        assert links.inline == []
        assert links.loaded == ["data:,", "/demo.css", "/demo.js", "/chat/lobby", "/docs", "/openapi.json"]
        for path, kind in (("/demo.css", "text/css"), ("/demo.js", "text/javascript")):
            file = await client.get(path)
            assert file.content_type.startswith(kind)
            assert "http:" not in await file.text()
            assert "https:" not in await file.text()

    run(test)


def test_the_page_fills_every_place_and_escapes_it() -> None:
    extras = [Extra(HOSTILE, kind, HOSTILE, HOSTILE, HOSTILE) for kind in (HOSTILE, "websockets")]
    page = render({"server": HOSTILE, HOSTILE: HOSTILE}, extras, HOSTILE)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;") >= 8
    assert "$" not in page


def test_static_files_are_in_the_package() -> None:
    assert static_file("page.html").startswith("<!doctype html>")
