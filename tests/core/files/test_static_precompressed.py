"""Precompressed files of a directory."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from tests.core.files.directories import get, header, serving
from tests.core.files.support import MTIME
from tests.support.requests import in_loop


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
async def test_missing_codings_are_not_chosen(packed: Path) -> None:
    app = serving(packed, precompressed=True, index="index.html")
    assert (await get(app, "/static/css/site.css", accept_encoding="br")).payload == b"a{}"
    assert (await get(app, "/static/alone.js", accept_encoding="gzip")).status == 404
    assert (await get(app, "/static/", accept_encoding="br, gzip;q=0.1")).payload == b"packed index"
    direct = await get(app, "/static/app.js.gz", accept_encoding="gzip")
    assert (header(direct, "content-encoding"), header(direct, "content-type")) == (None, "application/gzip")


@pytest.mark.parametrize(("number", "status"), [(errno.EACCES, 200), (errno.EIO, 500)])
@in_loop
async def test_a_coding_that_cannot_be_opened(
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
async def test_precompressed_files_are_served_on_request(packed: Path) -> None:
    response = await get(serving(packed), "/static/app.js", accept_encoding="gzip")
    assert (response.payload, header(response, "vary")) == (b"let a = 1;", None)
