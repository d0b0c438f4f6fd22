"""Directories of files: what is found, what is not, and that nothing leads out."""

from __future__ import annotations

import errno
import gzip
import os
import re
import socket
import threading
from collections.abc import Iterator
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
from tests.support.requests import answer, in_loop

MTIME = 784_111_777  # Sun, 06 Nov 1994 08:49:37 GMT
SECRET = b"root:x:0:0"


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A directory of files, beside something that must not be seen."""
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "public-not").mkdir()
    (tmp_path / "public-not" / "x.txt").write_bytes(SECRET)
    tree = tmp_path / "public"
    files = {
        "index.html": b"<h1>home</h1>",
        "app.js": b"let a = 1;",
        "css/site.css": b"a{}",
        "css/deep/er.css": b"b{}",
        "docs/index.html": b"<h1>docs</h1>",
        "a b é.txt": b"spaced",
        "100%.txt": b"percent",
        "a..b": b"dots",
        "page.1f9c2b3d.js": b"hashed",
        ".env": SECRET,
        ".git/config": SECRET,
        "css/.hidden": SECRET,
        "back\\slash": SECRET,
        "empty/.keep": b"",
    }
    for name, data in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (MTIME, MTIME))
    before = set(Path("/proc/self/fd").iterdir())
    yield tree
    assert set(Path("/proc/self/fd").iterdir()) <= before, "every descriptor is closed"


def serving(tree: Path, prefix: str = "/static", **options: Any) -> Application:
    app = Application()
    app.add_static(prefix, tree, **options)
    return app


async def get(app: Application, path: str, method: str = "GET", **headers: str) -> Response:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return await answer(app, path, method=method, headers=[(b"host", b"x"), *fields])


def header(response: Response, name: str) -> str | None:
    values = [value.decode() for key, value in response.raw_headers if key == name.encode()]
    assert len(values) < 2
    return values[0] if values else None


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
"""What is no file of the directory, by every trick that has worked somewhere."""


@pytest.mark.parametrize("path", ESCAPES)
@in_loop
async def test_all_else_is_a_404(tree: Path, path: str) -> None:
    for app in (serving(tree), serving(tree, precompressed=True)):
        response = await get(app, f"/static/{path}", accept_encoding="gzip, br, zstd")
        assert response.status == 404
        assert header(response, "cache-control") is None


@pytest.mark.parametrize("path", [path for path in ESCAPES if path and not path.startswith("/")])
@in_loop
async def test_all_else_is_a_404_below_the_root_too(tree: Path, path: str) -> None:
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
def test_no_mixture_of_them_leads_out(fixed: Path, parts: list[str]) -> None:
    @in_loop
    async def check() -> None:
        path = quote("".join(parts), safe="/%\\")
        for prefix in ("/", "/static"):
            response = await get(serving(fixed, prefix, index="index.html"), f"{prefix}/{path}")
            assert response.payload == b"fine" or response.status in (404, 308)

    check()


# -- links and other things --------------------------------------------------------------------------------------------


@pytest.fixture
def linked(tree: Path) -> Path:
    (tree / "out.txt").symlink_to("../secret.txt")
    (tree / "absolute.txt").symlink_to(tree.parent / "secret.txt")
    (tree / "out").symlink_to("..")
    (tree / "in.js").symlink_to("app.js")
    (tree / "in").symlink_to("css")
    (tree / "round").symlink_to("round")
    (tree / "broken").symlink_to("nothing")
    (tree / "plain.js").write_bytes(b"plain")
    (tree / "plain.js.gz").symlink_to("../secret.txt")
    (tree / "linked-index").mkdir()
    (tree / "linked-index" / "index.html").symlink_to("../../secret.txt")
    return tree


LINKS = ["out.txt", "absolute.txt", "out/secret.txt", "out/public/app.js", "in.js", "in/site.css", "round", "broken",
         "linked-index/", "linked-index", "linked-index/index.html"]  # fmt: skip


@pytest.mark.parametrize("path", LINKS)
@in_loop
async def test_links_are_not_followed(linked: Path, path: str) -> None:
    app = serving(linked, index="index.html", precompressed=True)
    assert (await get(app, f"/static/{path}")).status == 404


@in_loop
async def test_links_beside_a_file_are_not_followed(linked: Path) -> None:
    response = await get(serving(linked, precompressed=True), "/static/plain.js", accept_encoding="gzip")
    assert response.payload == b"plain"


@pytest.mark.parametrize(
    ("path", "content"),
    [("in.js", b"let a = 1;"), ("in/site.css", b"a{}"), ("out.txt", SECRET), ("out/secret.txt", SECRET),
     ("round", None), ("broken", None), ("in/../secret.txt", None)],
)  # fmt: skip
@in_loop
async def test_links_are_followed_where_it_is_asked_for(linked: Path, path: str, content: bytes | None) -> None:
    response = await get(serving(linked, follow_symlinks=True), f"/static/{path}")
    assert response.status == (404 if content is None else 200)
    assert content is None or response.payload == content


@in_loop
async def test_the_directory_may_be_a_link_and_may_be_changed(tree: Path, tmp_path: Path) -> None:
    releases = [tmp_path / "1", tmp_path / "2"]
    for number, release in enumerate(releases):
        release.mkdir()
        (release / "x.txt").write_text(str(number))
    current = tmp_path / "current"
    current.symlink_to(releases[0])
    app = serving(current)
    assert (await get(app, "/static/x.txt")).payload == b"0"
    (tmp_path / "next").symlink_to(releases[1])
    (tmp_path / "next").rename(current)
    assert (await get(app, "/static/x.txt")).payload == b"1"
    current.unlink()
    assert (await get(app, "/static/x.txt")).status == 404


@in_loop
async def test_a_name_that_becomes_a_link_leads_nowhere(tree: Path) -> None:
    """While it is looked up: no moment is good for an attacker, because nothing is checked before it is opened."""
    app, stop = serving(tree), threading.Event()
    folder, kept = tree / "css", tree / "kept"
    (tree.parent / "site.css").write_bytes(SECRET)

    def exchange() -> None:
        while not stop.is_set():
            folder.rename(kept)
            folder.symlink_to("..")
            folder.unlink()
            kept.rename(folder)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        seen = [await get(app, "/static/css/site.css") for _ in range(500)]
    finally:
        stop.set()
        thread.join()
    assert {response.status for response in seen} <= {200, 404}
    assert {response.payload for response in seen if response.status == 200} <= {b"a{}"}


@pytest.mark.parametrize("kind", ["fifo", "socket"])
@in_loop
async def test_what_is_no_regular_file_is_a_404(tree: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(tree / "x")
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.fspath(tree / "x"))
    assert (await get(serving(tree), "/static/x")).status == 404


@in_loop
async def test_what_may_not_be_read_is_a_404_and_a_warning(
    tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.open

    def refuse(path: Any, *args: Any, **options: Any) -> int:
        if path == "app.js":  # whoever runs the tests may be root, who may read everything
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    assert (await get(serving(tree), "/static/app.js")).status == 404
    assert "'app.js' in" in caplog.text


@in_loop
async def test_hidden_files_where_it_is_asked_for(tree: Path) -> None:
    app = serving(tree, show_dotfiles=True)
    assert (await get(app, "/static/.env")).payload == SECRET
    assert (await get(app, "/static/.git/config")).payload == SECRET
    for path in ("..", "../secret.txt", ".", "./app.js", "%2e%2e/secret.txt"):
        assert (await get(app, f"/static/{path}")).status == 404


@in_loop
async def test_a_hidden_directory_may_be_published_by_itself(tree: Path) -> None:
    assert (await get(serving(tree / ".git", "/.well-known"), "/.well-known/config")).payload == SECRET


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


# -- precompressed files -----------------------------------------------------------------------------------------------


@pytest.fixture
def packed(tree: Path) -> Path:
    (tree / "app.js.gz").write_bytes(gzip.compress(b"let a = 1;", mtime=0))
    (tree / "app.js.br").write_bytes(b"brotli brotli")
    (tree / "app.js.zst").write_bytes(b"zstandard zstandard")
    (tree / "index.html.gz").write_bytes(b"packed index")
    (tree / "css" / "site.css.br").mkdir()
    (tree / "alone.js.gz").write_bytes(b"alone")
    for path in tree.rglob("*.*"):
        os.utime(path, (MTIME, MTIME))
    return tree


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("identity", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("br;q=0.5, gzip;q=0.9", "gzip"),
        ("zstd;q=0, *", "br"),
        ("compress", None),
    ],
)
@in_loop
async def test_codings(packed: Path, accepted: str | None, coding: str | None) -> None:
    fields = {} if accepted is None else {"accept_encoding": accepted}
    response = await get(serving(packed, precompressed=True), "/static/app.js", **fields)
    suffix = {None: "", "gzip": ".gz", "br": ".br", "zstd": ".zst"}[coding]
    assert response.payload == (packed / f"app.js{suffix}").read_bytes()
    assert header(response, "content-encoding") == coding
    assert header(response, "content-type") == "text/javascript; charset=utf-8"
    assert header(response, "vary") == "Accept-Encoding"
    assert header(response, "content-length") == str(len(response.payload))


@in_loop
async def test_each_coding_has_its_tag_its_conditions_and_its_ranges(packed: Path) -> None:
    app = serving(packed, precompressed=True)
    tags = set()
    for accepted in ("identity", "gzip", "br", "zstd"):
        whole = await get(app, "/static/app.js", accept_encoding=accepted)
        etag = header(whole, "etag")
        assert etag is not None
        tags.add(etag)
        same = await get(app, "/static/app.js", accept_encoding=accepted, if_none_match=etag)
        assert (same.status, header(same, "vary"), header(same, "etag")) == (304, "Accept-Encoding", etag)
        part = await get(app, "/static/app.js", accept_encoding=accepted, range="bytes=2-4", if_range=etag)
        assert (part.status, part.payload) == (206, whole.payload[2:5])
        assert header(part, "content-encoding") == header(whole, "content-encoding")
        other = await get(app, "/static/app.js", accept_encoding="compress", if_none_match=etag)
        assert other.status == (304 if accepted == "identity" else 200)
    assert len(tags) == 4


@in_loop
async def test_what_is_not_there_is_not_chosen(packed: Path) -> None:
    app = serving(packed, precompressed=True, index="index.html")
    assert (await get(app, "/static/css/site.css", accept_encoding="br")).payload == b"a{}"
    assert (await get(app, "/static/alone.js", accept_encoding="gzip")).status == 404
    assert (await get(app, "/static/", accept_encoding="br, gzip;q=0.1")).payload == b"packed index"
    direct = await get(app, "/static/app.js.gz", accept_encoding="gzip")
    assert (header(direct, "content-encoding"), header(direct, "content-type")) == (None, "application/gzip")


@pytest.mark.parametrize(("number", "status"), [(errno.EACCES, 200), (errno.EIO, 500)])
@in_loop
async def test_a_form_that_cannot_be_read(
    packed: Path, number: int, status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.open

    def refuse(path: Any, *args: Any, **options: Any) -> int:
        if path == "app.js.gz":
            raise OSError(number, "cannot be read")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    response = await get(serving(packed, precompressed=True), "/static/app.js", accept_encoding="gzip")
    assert response.status == status
    if status == 200:
        assert (response.payload, header(response, "content-encoding")) == (b"let a = 1;", None)


@in_loop
async def test_only_where_it_is_asked_for(packed: Path) -> None:
    response = await get(serving(packed), "/static/app.js", accept_encoding="gzip")
    assert (response.payload, header(response, "vary")) == (b"let a = 1;", None)


# -- fields ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", [r"\.[0-9a-f]{8}\.", re.compile(r"^page\.")])
@in_loop
async def test_names_that_never_change(tree: Path, pattern: Any) -> None:
    app = serving(tree, immutable=pattern, cache_control="public, max-age=60")
    assert header(await get(app, "/static/page.1f9c2b3d.js"), "cache-control") == FOREVER
    assert header(await get(app, "/static/app.js"), "cache-control") == "public, max-age=60"
    same = await get(app, "/static/page.1f9c2b3d.js", if_none_match="*")
    assert (same.status, header(same, "cache-control")) == (304, FOREVER)


@in_loop
async def test_fields_and_types_of_ones_own(tree: Path) -> None:
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
    """And by its name only where links are followed anyway: it might be one by now."""
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
    """So that an application of one page can answer every path with it."""

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
