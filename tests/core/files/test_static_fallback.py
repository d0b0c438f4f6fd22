"""Pages of applications that route in the browser, and files that are cached for good by their version."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from sketch.application import Application
from sketch.files.static import FOREVER, StaticFiles
from sketch.files.versions import asked_version
from tests.core.files.directories import SECRET, get, header, serving
from tests.support.requests import in_loop

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NAVIGATES = {**BROWSER, "sec_fetch_mode": "navigate"}
HOME = b"<h1>home</h1>"


@pytest.mark.parametrize("prefix", ["/", "/app"])
@pytest.mark.parametrize("path", ["users", "users/5", "users/jane.doe", "a/b/", "css", "page.html", "x" * 300])
@in_loop
async def test_pages_that_are_not_there(tree: Path, prefix: str, path: str) -> None:
    app, base = serving(tree, prefix, fallback="index.html", immutable=".", index=None), prefix.rstrip("/")
    for fields in (BROWSER, NAVIGATES):
        for method, body in (("GET", HOME), ("HEAD", b"")):
            wire = await get(app, f"{base}/{path}", method, **fields)
            assert (wire.status, wire.payload, header(wire, "content-type")) == (200, body, "text/html; charset=utf-8")
            assert header(wire, "vary") == "Accept, Sec-Fetch-Mode"
    assert (await get(app, f"{base}/css/site.css", **NAVIGATES)).payload == b"a{}"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("users", {}),
        ("users", {"accept": "*/*"}),
        ("users", {"accept": "application/json"}),
        ("users", {"accept": "text/html;q=0, */*"}),
        ("users", {**BROWSER, "sec_fetch_mode": "cors"}),
        ("users", {"accept": "image/avif,image/*,*/*;q=0.8", "sec_fetch_mode": "no-cors"}),
        ("app.1234.js", NAVIGATES),
        ("css/none.css", NAVIGATES),
        ("logo.PNG", NAVIGATES),
        (".env", NAVIGATES),
        ("css/.hidden", NAVIGATES),
        ("../secret.txt", NAVIGATES),
        ("..%2fsecret", NAVIGATES),
        ("%2e%2e/secret", NAVIGATES),
        ("a%5cb", NAVIGATES),
        ("a//b", NAVIGATES),
        ("a%00b", NAVIGATES),
    ],
)
@in_loop
async def test_everything_else_stays_a_404(tree: Path, path: str, fields: dict[str, str]) -> None:
    wire = await get(serving(tree, "/", fallback="index.html"), f"/{path}", **fields)
    if path != "a%00b":
        assert (wire.status, header(wire, "vary")) == (404, "Accept")
    assert SECRET not in wire.payload  # type: ignore[operator]


@in_loop
async def test_everybody_gets_the_prefix_itself(tree: Path) -> None:
    app = serving(tree, "/app", fallback="index.html")
    assert (await get(app, "/app/", accept="*/*")).payload == HOME
    assert (await get(app, "/other", **NAVIGATES)).status == 404
    assert (await get(app, "/app/x", "POST", **NAVIGATES)).status == 405


@in_loop
async def test_the_fallback_is_never_immutable_but_conditional(tree: Path) -> None:
    app = serving(tree, "/", fallback="index.html", precompressed=True)
    files = StaticFiles(tree)
    version = await files.version("index.html")
    wire = await get(app, f"/users?v={version}", **NAVIGATES)
    assert (wire.status, header(wire, "cache-control")) == (200, "no-cache")
    wire = await get(app, "/users", **NAVIGATES, if_none_match=header(wire, "etag") or "")
    assert (wire.status, header(wire, "vary")) == (304, "Accept-Encoding, Accept, Sec-Fetch-Mode")


@in_loop
async def test_an_index_comes_first(tree: Path) -> None:
    app = serving(tree, "/", fallback="index.html", index="index.html")
    assert (await get(app, "/docs/", **NAVIGATES)).payload == b"<h1>docs</h1>"
    assert (await get(app, "/docs", **NAVIGATES)).status == 308
    assert (await get(app, "/empty/", **NAVIGATES)).payload == HOME


@in_loop
async def test_routes_come_first(tree: Path) -> None:
    app, api = Application(), Application()
    app.mount("/api", api)
    app.add_static("/", tree, fallback="index.html")
    assert (await get(app, "/api/none", **NAVIGATES)).status == 404
    assert (await get(app, "/none", **NAVIGATES)).status == 200


@in_loop
async def test_a_fallback_that_was_removed_is_a_404(tree: Path) -> None:
    app = serving(tree, "/", fallback="docs/index.html")
    assert (await get(app, "/x", **NAVIGATES)).payload == b"<h1>docs</h1>"
    (tree / "docs/index.html").unlink()
    assert (await get(app, "/x", **NAVIGATES)).status == 404


@pytest.mark.parametrize(
    "fallback", ["none.html", "", "../secret.txt", "/index.html", "css", ".env", 5, "docs//index.html"]
)
def test_a_fallback_that_is_no_file_is_refused(tree: Path, fallback: str) -> None:
    with pytest.raises(ValueError, match=f"expected fallback as the path of a file in {re.escape(str(tree))}, got"):
        serving(tree, fallback=fallback)


# -- versions ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_version_may_be_cached_for_good(tree: Path) -> None:
    app, files = serving(tree, response_headers={"Cache-Control": "private"}), StaticFiles(tree)
    version = await files.version("app.js")
    for query, field in ((f"v={version}", FOREVER), (f"v={version}&a=b", "private"), ("v=0123456789abcdef", "private")):
        assert header(await get(app, f"/static/app.js?{query}"), "cache-control") == field
    (tree / "app.js").write_bytes(b"let a = 2;")
    assert header(await get(app, f"/static/app.js?v={version}"), "cache-control") == "private"
    os.utime(tree / "app.js", (1, 1))
    assert await files.version("app.js") != version


@in_loop
async def test_precompressed_files_have_the_version_of_the_plain_one(tree: Path) -> None:
    (tree / "app.js.gz").write_bytes(b"gz")
    version = await StaticFiles(tree).version("app.js")
    wire = await get(serving(tree, precompressed=True), f"/static/app.js?v={version}", accept_encoding="gzip")
    assert (wire.payload, header(wire, "cache-control")) == (b"gz", FOREVER)


@in_loop
async def test_versions_of_what_is_not_sent(tree: Path) -> None:
    (tree / "link.txt").symlink_to(tree.parent / "secret.txt")
    (tree / "way").symlink_to(tree / "css")
    files = StaticFiles(tree)
    for path in (
        "none",
        "",
        "css",
        "css/",
        ".env",
        "../secret.txt",
        "/app.js",
        "app.js/",
        "link.txt",
        "way/site.css",
        "a\0b",
    ):
        for fresh in (False, True):
            assert await files.version(path, fresh=fresh) is None, path
    assert await StaticFiles(tree, follow_symlinks=True).version("way/site.css") == await files.version("css/site.css")


def test_what_asks_for_a_version() -> None:
    assert asked_version("v=0123456789abcdef") == "0123456789abcdef"
    for query in (
        "",
        "v=",
        "v=1",
        "v=0123456789ABCDEF",
        "v=0123456789abcdef&a",
        "w=0123456789abcdef",
        "v=0123456789abcdef0",
    ):
        assert asked_version(query) is None
