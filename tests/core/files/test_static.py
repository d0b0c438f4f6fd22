"""Directories of files: which paths find a file, and that none leads out of the directory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from sketch.application import Application
from sketch.concurrency.threads import file_threads
from sketch.files.static import FOREVER
from sketch.response import Response
from sketch.routing.group import RouteGroup
from sketch.transport import FileBody
from tests.core.files.directories import SECRET, get, header, serving
from tests.support.requests import in_loop


@pytest.mark.parametrize(
    ("path", "content", "media_type"),
    [
        ("app.js", b"let a = 1;", "text/javascript; charset=utf-8"),
        ("css/site.css", b"a{}", "text/css; charset=utf-8"),
        ("css/deep/er.css", b"b{}", "text/css; charset=utf-8"),
        ("a%20b%20%C3%A9.txt", b"spaced", "text/plain; charset=utf-8"),
        ("100%25.txt", b"percent", "text/plain; charset=utf-8"),
        ("a..b", b"dots", "application/octet-stream"),
        ("app.js?v=1", b"let a = 1;", "text/javascript; charset=utf-8"),
        ("%61pp.js", b"let a = 1;", "text/javascript; charset=utf-8"),
    ],
)
@in_loop
async def test_files(tree: Path, path: str, content: bytes, media_type: str) -> None:
    response = await get(serving(tree), f"/static/{path}")
    assert (response.status, response.payload) == (200, content)
    assert header(response, "content-type") == media_type
    assert header(response, "cache-control") == "no-cache"
    assert header(response, "last-modified") == "Sun, 06 Nov 1994 08:49:37 GMT"


ESCAPES = [
    "../secret.txt", "..%2fsecret.txt", "..%2Fsecret.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt",
    ".%2e/secret.txt", "css/../../secret.txt", "css/%2e%2e/%2e%2e/secret.txt", "css/..%2f..%2fsecret.txt",
    "%252e%252e/secret.txt", "..%252fsecret.txt", "..%5csecret.txt", "..\\secret.txt", "css\\..\\..\\secret.txt",
    "....//secret.txt", "..;/secret.txt", "%c0%ae%c0%ae/secret.txt", "%c0%af../secret.txt", "%uff0e%uff0e/secret.txt",
    "../public-not/x.txt", "%2e%2e/public-not/x.txt", "../public/app.js", "css/../app.js", "./app.js", "css/./site.css",
    "%2fetc/passwd", "/etc/passwd", "//etc/passwd", "%2f%2fetc%2fpasswd", "file:///etc/passwd",
    "css%2fsite.css", "css%2Fsite.css", "css%5csite.css", "css\\site.css", "back%5cslash", "back\\slash",
    "app.js%00", "app.js%00.png", "%00", "css/%00/site.css",
    ".env", "%2eenv", ".git/config", "css/.hidden", ".", "..", "css/.", "css/..", "empty/.keep",
    "app.js/", "app.js/x", "css//site.css", "/app.js", "css/site.css//",
    "", "css", "css/", "docs", "docs/", "missing", "missing/", "missing/x", "APP.JS", "app.JS",
    "x" * 300, "x/" * 4000, "a" * 255 + "/" + "b" * 255,
]  # fmt: skip
"""Paths that must not find a file: every trick that has worked against some server."""


@pytest.mark.parametrize("path", ESCAPES)
@in_loop
async def test_every_other_path_is_a_404(tree: Path, path: str) -> None:
    for app in (serving(tree), serving(tree, precompressed=True)):
        response = await get(app, f"/static/{path}", accept_encoding="gzip, br, zstd")
        assert response.status == 404
        assert header(response, "cache-control") is None


@pytest.mark.parametrize("path", [path for path in ESCAPES if path and not path.startswith("/")])
@in_loop
async def test_every_other_path_below_the_root_is_a_404(tree: Path, path: str) -> None:
    assert (await get(serving(tree, "/"), f"/{path}")).status == 404


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that no test changes, beside a file that must not be seen."""
    folder = tmp_path_factory.mktemp("fixed")
    (folder / "secret.txt").write_bytes(SECRET)
    for name in ("index.html", "css/index.html", "css/é"):
        (folder / "public" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "public" / name).write_bytes(b"fine")
    return folder / "public"


@given(st.lists(st.sampled_from(["..", ".", "/", "\\", "%2e", "%2F", "%5C", "%00", "%", "secret.txt", "css", "é"])))
def test_no_mixture_of_parts_leads_out(fixed: Path, parts: list[str]) -> None:
    @in_loop
    async def check() -> None:
        path = quote("".join(parts), safe="/%\\")
        for prefix in ("/", "/static"):
            response = await get(serving(fixed, prefix, index="index.html"), f"{prefix}/{path}")
            assert response.payload == b"fine" or response.status in (404, 308)

    check()


# -- an index ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/", "/static", "/static/"])
@in_loop
async def test_an_index(tree: Path, prefix: str) -> None:
    app, base = serving(tree, prefix, index="index.html"), prefix.rstrip("/")
    home = await get(app, f"{base}/")
    assert (home.status, home.payload, header(home, "content-type")) == (
        200,
        b"<h1>home</h1>",
        "text/html; charset=utf-8",
    )
    assert (await get(app, f"{base}/docs/")).payload == b"<h1>docs</h1>"
    assert (await get(app, f"{base}/docs/index.html")).payload == b"<h1>docs</h1>"
    for path in ("css/", "css", "empty/", "app.js/", "missing/", "index.html/"):
        assert (await get(app, f"{base}/{path}")).status == 404


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/static/docs", "./docs/"),
        ("/static/docs?a=1&b=%20", "./docs/?a=1&b=%20"),
        ("/static/%64ocs", "./%64ocs/"),
        ("/static/docs?next=//evil", "./docs/?next=//evil"),
        ("/static", "./static/"),
        ("/static/x:y", "./x:y/"),
    ],
)
@in_loop
async def test_a_directory_without_its_slash(tree: Path, target: str, location: str) -> None:
    (tree / "x:y").mkdir()
    (tree / "x:y" / "index.html").write_bytes(b"")
    for method in ("GET", "HEAD"):
        response = await get(serving(tree, index="index.html"), target, method)
        assert (response.status, header(response, "location")) == (308, location)


@in_loop
async def test_no_path_redirects_to_another_host(tree: Path) -> None:
    app = serving(tree, "/", index="index.html")
    for path in ("//docs", "//evil/docs", "/%2fdocs", "/\\docs", "/docs//", "//"):
        assert (await get(app, path)).status == 404


# -- fields ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", [r"\.[0-9a-f]{8}\.", re.compile(r"^page\.")])
@in_loop
async def test_immutable_names(tree: Path, pattern: Any) -> None:
    app = serving(tree, immutable=pattern, cache_control="public, max-age=60")
    assert header(await get(app, "/static/page.1f9c2b3d.js"), "cache-control") == FOREVER
    assert header(await get(app, "/static/app.js"), "cache-control") == "public, max-age=60"
    same = await get(app, "/static/page.1f9c2b3d.js", if_none_match="*")
    assert (same.status, header(same, "cache-control")) == (304, FOREVER)


@in_loop
async def test_custom_fields_and_types(tree: Path) -> None:
    app = serving(
        tree,
        cache_control=None,
        response_headers={"X-Content-Type-Options": "nosniff", "Vary": "Origin"},
        content_types={".JS": "text/plain"},
        precompressed=True,
    )
    response = await get(app, "/static/app.js")
    assert header(response, "x-content-type-options") == "nosniff"
    assert header(response, "vary") == "Origin, Accept-Encoding"
    assert header(response, "content-type") == "text/plain"
    assert header(response, "cache-control") is None
    assert header(await get(app, "/static/css/site.css"), "content-type") == "text/css; charset=utf-8"


# -- requests ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_methods(tree: Path) -> None:
    app = serving(tree)
    head = await get(app, "/static/app.js", "HEAD")
    assert (head.status, head.payload, header(head, "content-length")) == (200, b"", "10")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        refused = await get(app, "/static/app.js", method)
        assert (refused.status, header(refused, "allow")) == (405, "GET, HEAD, OPTIONS")
    assert (await get(app, "/static/app.js", "OPTIONS")).status == 204


@pytest.mark.parametrize("follow", [False, True])
@in_loop
async def test_a_large_file_is_sent_from_its_descriptor(tree: Path, follow: bool) -> None:
    """It is sent by its name only if links are followed: the name may have become a link."""
    (tree / "large.bin").write_bytes(b"x" * 100_000)
    response = await get(serving(tree, follow_symlinks=follow), "/static/large.bin")
    body = response.payload
    assert isinstance(body, FileBody)
    assert (response.length, body.path, body.by_name) == (100_000, str(tree / "large.bin"), follow)
    body.close()


@in_loop
async def test_everything_is_done_in_one_thread_hop(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hops = []
    submit = file_threads._submit
    monkeypatch.setattr(file_threads, "_submit", lambda job: (hops.append(1), submit(job)))
    app = serving(tree, index="index.html", precompressed=True)
    for path in ("css/deep/er.css", "docs/", "docs", "missing"):
        await get(app, f"/static/{path}", accept_encoding="gzip, br", range="bytes=0-0")
        assert len(hops) == 1
        hops.clear()
    await get(app, "/static/..")
    assert hops == []


@in_loop
async def test_misses_go_through_middleware_and_error_handlers(tree: Path) -> None:
    """A single-page application can answer every path with its page."""

    async def one_page(request: Any, handler: Any) -> Response:
        try:
            return await handler(request)  # type: ignore[no-any-return]
        except Exception:
            return Response("the page")

    app = Application()
    app.add_static("/", tree, middlewares=[one_page])
    assert (await get(app, "/some/view")).payload == b"the page"
    assert (await get(app, "/app.js")).payload == b"let a = 1;"


@in_loop
async def test_other_routes_come_first_and_the_name_makes_urls(tree: Path) -> None:
    app = Application()
    route = app.add_static("/", tree, name="static")

    async def api() -> Response:
        return Response("api")

    app.add_get("/api", api)
    assert (await get(app, "/api")).payload == b"api"
    assert route.url_path(path="css/a b.css") == "/css/a%20b.css"
    assert app.router.named("static") is route


@in_loop
async def test_in_a_group(tree: Path) -> None:
    app, group = Application(), RouteGroup("/assets", tags=["files"])
    group.add_static("", tree, index="index.html")
    group.add_static("/more", tree)
    app.add_group(group)
    assert (await get(app, "/assets/app.js")).payload == b"let a = 1;"
    assert (await get(app, "/assets/more/app.js")).payload == b"let a = 1;"
    assert header(await get(app, "/assets"), "location") == "./assets/"


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directory": "nothing"}, "expected an existing directory, got .*nothing"),
        ({"directory": "app.js"}, "expected an existing directory"),
        ({"prefix": "static"}, "begins with '/'"),
        ({"index": ""}, "name of a file as index"),
        ({"index": "docs/index.html"}, "name of a file as index"),
        ({"immutable": "("}, "regular expression for immutable"),
        ({"content_types": {"md": "text/plain"}}, "content types by suffix"),
    ],
)
def test_mistakes_are_found_when_it_is_added(tree: Path, options: dict[str, Any], message: str) -> None:
    given = {"prefix": "/static", **options}
    directory = tree / given.pop("directory", "")
    with pytest.raises(ValueError, match=message):
        Application().add_static(given.pop("prefix"), directory, **given)
