"""The names that each template has: URLs, and what middlewares know of the request."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sketch.application import Application
from sketch.request import Request
from sketch.response import Response
from sketch.templates import Templates
from tests.core.templates.support import body, page, write
from tests.support.requests import answer, in_loop, make_request
from tests.support.responses import headers_of

URLS = """{{ url_for("post", id=3) }} {{ url_for("post", id=3, query={"a": "b&c", "n": 2}) }} {{ request.path }}"""


def serving(folder: Path, *, debug: bool = False) -> Application:
    """An application with templates, static files in two directories, and another one mounted in it."""
    for name in ("one/css", "two"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "one/css/site.css").write_text("a{}")
    (folder / "two/only.js").write_text("1")
    templates = Templates(folder)
    app, inner = Application(debug=debug), Application()
    for each in (app, inner):

        @each.get("/page/{name}")
        async def show(request: Request, name: str) -> Response:
            return await templates.response(request, name)

        @each.get("/posts/{id:int}", name="post")
        async def post(id: int) -> Response:
            return Response()

    app.add_static("/static", folder / "one")
    app.group("/more").add_static("/files", folder / "two")
    app.mount("/inner", inner)
    return app


@in_loop
async def test_urls(tmp_path: Path) -> None:
    app = serving(write(tmp_path, urls__html=URLS, urls__txt=URLS))
    assert await body(app, "/page/urls.html") == "/posts/3 /posts/3?a=b%26c&amp;n=2 /page/urls.html"
    assert await body(app, "/page/urls.txt") == "/posts/3 /posts/3?a=b%26c&n=2 /page/urls.txt"
    assert await body(app, "/inner/page/urls.txt") == "/inner/posts/3 /inner/posts/3?a=b%26c&n=2 /page/urls.txt"


@in_loop
async def test_static_urls_may_be_cached_for_good(tmp_path: Path) -> None:
    source = """{{ static_url("css/site.css") }} {{ static_url("only.js") }}"""
    app = serving(write(tmp_path, page__txt=source))
    urls = (await body(app, "/page/page.txt")).split()
    assert [url.partition("?v=")[0] for url in urls] == ["/static/css/site.css", "/more/files/only.js"]
    assert await body(app, "/inner/page/page.txt") == " ".join(urls), "it uses the files of the application around it"
    for url in urls:
        wire = await answer(app, url)
        assert (wire.status, headers_of(wire)["cache-control"]) == (200, "public, max-age=31536000, immutable")
    (tmp_path / "one/css/site.css").write_text("b{}")
    assert headers_of(await answer(app, urls[0]))["cache-control"] == "no-cache", "another version"
    assert headers_of(await answer(app, "/static/css/site.css"))["cache-control"] == "no-cache"
    changed = (await body(app, "/page/page.txt")).split()
    assert (changed[0] == urls[0], changed[1] == urls[1]) == (False, True)


@pytest.mark.parametrize("path", ["none.css", "/css/site.css", "css", "css/", "../one/css/site.css", "", "a\0b"])
@in_loop
async def test_no_such_static_file(tmp_path: Path, path: str) -> None:
    app = serving(write(tmp_path, page__txt=f"{{{{ static_url({path!r}) }}}}"))
    assert (await answer(app, "/page/page.txt")).status == 500


@in_loop
async def test_the_error_lists_the_directories(tmp_path: Path) -> None:
    app = serving(tmp_path)
    templates = Templates(write(tmp_path, a__txt="{{ static_url('x.css') }}", b__txt="{{ static_url(5) }}"))
    with app.context():
        with pytest.raises(LookupError, match=f"a file below {tmp_path}/one, {tmp_path}/two, got 'x.css'"):
            await templates.render("a.txt")
        with pytest.raises(TypeError, match=r"expected the path of a static file, like 'css/site.css', got 5"):
            await templates.render("b.txt")
    with Application().context(), pytest.raises(LookupError, match="but no add_static has a directory"):
        await templates.render("a.txt")


@in_loop
async def test_without_a_request(tmp_path: Path) -> None:
    source = "{{ url_for('post', id=1) }} {{ static_url('only.js').path }}"
    templates = Templates(write(tmp_path, a__txt=source, b__txt="{{ csrf_token() }}", c__txt="{{ request.path }}"))
    with serving(tmp_path).context():
        assert await templates.render("a.txt") == "/posts/1 /more/files/only.js"
    app = serving(tmp_path / "below")
    request = make_request("/x", app=app, root_path="/base")
    with app.request_context(request):
        assert await templates.render("a.txt") == "/base/posts/1 /base/more/files/only.js", "of the current request"
    with pytest.raises(RuntimeError, match=r"expected a request, or `with app.context\(\):`, for a URL"):
        await templates.render("a.txt")
    with pytest.raises(RuntimeError, match=r"expected a request for csrf_token\(\) in a template: pass render"):
        await templates.render("b.txt")


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("flashed", "sketch.middleware.sessions"),
        ("csrf_token", "sketch.middleware.csrf"),
        ("csp_nonce", "sketch.middleware.security_headers"),
    ],
)
@in_loop
async def test_what_belongs_to_a_middleware(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    """Its module is imported, and asked, when a template calls the function: once more for each call."""
    asked: list[str] = []

    def function(request: Request) -> str:
        asked.append(request.path)
        return f"<{name}>"

    templates = Templates(write(tmp_path, unused__txt=f"{{{{ {name} is defined }}}}", used__html=f"{{{{ {name}() }}}}"))
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{name: function}))  # type: ignore[arg-type]
    assert await page(templates, "unused.txt") == "True"
    assert asked == []
    assert await page(templates, "used.html") == f"&lt;{name}&gt;"
    assert asked == ["/"]
