"""`FileResponse`: its conditions and ranges, its media type and its file name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.files.response import FileResponse
from sketch.request import Request
from sketch.response import Response
from tests.core.files.support import one_file, serving
from tests.support.requests import answer, in_loop


@in_loop
async def test_one_response_object_serves_every_request(path: Path) -> None:
    app = serving(one_file(path, headers={"X-A": "1"}))
    part = await answer(app, headers=[(b"range", b"bytes=5-7")])
    whole = await answer(app)
    assert (part.status, part.length, whole.status, whole.length) == (206, 3, 200, 100)
    for response in (part, whole):
        assert (b"x-a", b"1") in response.fields
    assert not any(name == b"content-range" for name, _ in whole.fields)


@in_loop
async def test_a_304_describes_no_content(path: Path) -> None:
    app = serving(one_file(path, filename="x", headers={"Cache-Control": "no-cache", "Content-Encoding": "br"}))
    response = await answer(app, headers=[(b"if-none-match", b"*")])
    assert {name for name, _ in response.fields} == {b"etag", b"last-modified", b"cache-control"}


@in_loop
async def test_a_custom_etag(path: Path) -> None:
    app = serving(one_file(path, headers={"ETag": '"v1"'}))
    whole = await answer(app)
    assert [value for name, value in whole.fields if name == b"etag"] == [b'"v1"']
    assert (await answer(app, headers=[(b"if-none-match", b'"v1"')])).status == 304
    ranged = [(b"range", b"bytes=0-1"), (b"if-range", b'"v1"')]
    assert (await answer(app, headers=ranged)).payload == b"01"


@in_loop
async def test_error_pages_may_be_files(path: Path) -> None:
    app = Application()

    @app.error_handler(404)
    async def page(request: Request, exc: Exception) -> Response:
        return FileResponse(path, status=404)

    response = await answer(app, "/nothing", headers=[(b"range", b"bytes=0-1"), (b"if-none-match", b"*")])
    assert (response.status, response.length) == (404, 100)


@pytest.mark.parametrize(
    ("name", "options", "media_type"),
    [
        ("a.html", {}, "text/html; charset=utf-8"),
        ("a.png", {}, "image/png"),
        ("a.tar.gz", {}, "application/gzip"),
        ("a", {}, "application/octet-stream"),
        ("a.html", {"content_type": "text/plain"}, "text/plain"),
        ("a.html", {"headers": {"Content-Type": "text/plain"}}, "text/plain"),
    ],
)
def test_media_type_is_guessed_by_the_name(name: str, options: dict[str, Any], media_type: str) -> None:
    assert FileResponse(f"/tmp/{name}", **options).content_type == media_type


@pytest.mark.parametrize(
    ("filename", "field"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("a b (1).txt", 'attachment; filename="a b (1).txt"'),
        ("café.txt", "attachment; filename=\"caf_.txt\"; filename*=UTF-8''caf%C3%A9.txt"),
        ('a"b\r\nX: y', "attachment; filename=\"a_b__X_ y\"; filename*=UTF-8''a%22b%0D%0AX%3A%20y"),
        ("../../etc/passwd", 'attachment; filename="passwd"'),
        ("C:\\dir\\x.txt", 'attachment; filename="x.txt"'),
        ("\\\\host\\share\\x.txt", 'attachment; filename="x.txt"'),
        ('日"x\\.txt', "attachment; filename=\"__x_.txt\"; filename*=UTF-8''%E6%97%A5%22x%5C.txt"),
        ("日本", "attachment; filename=\"__\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
        ("🍕.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%F0%9F%8D%95.txt"),
        ("a;b.txt", "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%3Bb.txt"),
        ("100%25.txt", "attachment; filename=\"100_25.txt\"; filename*=UTF-8''100%2525.txt"),
        (".htaccess", 'attachment; filename=".htaccess"'),
        ("a/", 'attachment; filename="a"'),
        ("", "attachment"),
        ("/", "attachment"),
        ("\udcff.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%3F.txt"),
        ("x" * 5000 + ".pdf", f'attachment; filename="{"x" * 236}.pdf"'),
        ("." + "x" * 5000, f'attachment; filename=".{"x" * 239}"'),
        ("x." + "y" * 5000, f'attachment; filename="x.{"y" * 238}"'),
        (
            "é" * 500 + ".pdf",
            f"attachment; filename=\"{'_' * 118}.pdf\"; filename*=UTF-8''{'%C3%A9' * 118}.pdf",
        ),
        (Path("/tmp/x.txt"), 'attachment; filename="x.txt"'),
    ],
)
@in_loop
async def test_downloads_have_a_name(path: Path, filename: str | Path, field: str) -> None:
    response = await answer(serving(one_file(path, filename=filename)), method="HEAD")
    assert dict(response.fields)[b"content-disposition"].decode() == field


@in_loop
async def test_a_file_name_for_inline_content(path: Path) -> None:
    response = await answer(serving(one_file(path, filename="Bericht für May.pdf", inline=True)))
    field = dict(response.fields)[b"content-disposition"].decode()
    assert field == "inline; filename=\"Bericht f_r May.pdf\"; filename*=UTF-8''Bericht%20f%C3%BCr%20May.pdf"


@pytest.mark.parametrize("options", [{"path": b"/a"}, {"path": "/a", "filename": b"a"}])
def test_a_path_in_bytes(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"expected a path of str or PathLike\[str\], got b'/?a'"):
        FileResponse(**options)


def test_a_copy_is_of_the_same_file(path: Path) -> None:
    response = FileResponse(path, filename="n")
    copy = response.copy()
    assert (copy.path, copy._disposition) == (response.path, 'attachment; filename="n"')
    assert copy.headers is not response.headers
