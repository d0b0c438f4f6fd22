"""Forms read as a whole: fields, files, where they are kept, and that nothing is left afterwards."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge, HTTPUnsupportedMediaType
from sketch.limits import Limits
from sketch.middleware.decompression import Decompression
from sketch.request import Request
from sketch.request.forms import UploadedFile, saving
from sketch.request.forms.saving import BATCH, Spool
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import ClientDisconnected
from tests.core.request.forms.support import (
    LAST,
    MULTIPART,
    URLENCODED,
    field,
    file,
    form_request,
    handled,
    happens,
    needs_proc,
    part,
    pieces,
    streaming,
)
from tests.support.openfiles import open_files
from tests.support.requests import answer, in_loop, make_request

LARGE = os.urandom(1024 * 1024 + 2 * BATCH)


@in_loop
async def test_fields_and_files() -> None:
    body = field("a", b"1") + field("a", "é".encode()) + file("f", "x.txt", b"text") + field("b", b"") + LAST
    form = await form_request(*pieces(body, 7)).form()
    assert [name for name, _ in form.items()] == ["a", "a", "f", "b"]
    assert (form.getall("a"), form["b"], form.get("nothing")) == (["1", "é"], "", None)
    upload = form["f"]
    assert isinstance(upload, UploadedFile)
    assert (upload.filename, upload.content_type, upload.size) == ("x.txt", "text/plain", 4)
    assert await upload.read() == b"text"


@in_loop
async def test_a_form_may_be_read_again() -> None:
    for request in (
        form_request(field("a", b"1") + LAST),
        form_request(LAST),
        form_request(b"a=1", headers=URLENCODED),
        form_request(b"", headers=URLENCODED),
        make_request(app=Application()),
    ):
        assert await request.form() is await request.form()


@in_loop
async def test_a_body_that_was_read_is_also_a_form() -> None:
    """Middleware may look at the bytes, and the handler at the fields."""
    for body, headers in ((field("a", b"1") + LAST, MULTIPART), (b"a=1", URLENCODED)):
        request = form_request(body, headers=headers)
        assert await request.read() == body
        assert (await request.form())["a"] == "1"
        assert await request.read() == body


@in_loop
async def test_a_multipart_form_is_not_kept_as_bytes() -> None:
    request = form_request(field("a", b"1") + LAST)
    await request.form()
    with pytest.raises(RuntimeError, match=r"streamed before \(by stream\(\), multipart\(\) or form\(\)\)"):
        await request.read()
    with pytest.raises(RuntimeError, match="streamed before"):
        request.multipart()


@in_loop
async def test_a_streamed_body_cannot_be_read_as_a_form() -> None:
    for body, headers in ((field("a", b"1") + LAST, MULTIPART), (b"a=1", URLENCODED)):
        request = form_request(body, headers=headers)
        async for _ in request.stream():
            break
        with pytest.raises(RuntimeError, match="streamed before"):
            await request.form()


@in_loop
async def test_other_media_types() -> None:
    with pytest.raises(HTTPUnsupportedMediaType, match="got 'application/json'") as caught:
        await form_request(b"{}", headers=[(b"content-type", b"application/json")]).form()
    assert caught.value.headers["Accept"] == "application/x-www-form-urlencoded, multipart/form-data"
    with pytest.raises(HTTPUnsupportedMediaType, match="got ''"):
        await form_request(b"a=1", headers=[]).form()
    assert len(await form_request(b"", headers=[]).form()) == 0


@in_loop
async def test_no_body_at_all_is_an_empty_form() -> None:
    for headers in (MULTIPART, URLENCODED, ()):
        assert len(await form_request(headers=headers).form()) == 0
        assert len(await make_request(method="POST", headers=headers, app=Application()).form()) == 0
    with pytest.raises(HTTPBadRequest, match="a boundary after the last part"):
        await form_request(b"\r\n").form()


@in_loop
async def test_a_form_in_a_charset_that_is_not_named() -> None:
    """Chromium with `accept-charset=iso-8859-1`: names and texts are in it, and only a field `_charset_` says so."""
    name, text = field("?", b"x").replace(b"?", b"\xe9"), field("a", b"\xe9")
    for body, reason in ((name, "failed to decode as utf-8"), (text, "the field 'a' in utf-8")):
        with pytest.raises(HTTPBadRequest, match=reason):
            await form_request(body + LAST).form()
    named = field("_charset_", b"iso-8859-1")
    form = await form_request(named + name + text + LAST).form()
    assert [*form.items()] == [("_charset_", "iso-8859-1"), ("é", "x"), ("a", "é")]


@in_loop
async def test_a_form_inside_a_form() -> None:
    """RFC 7578 section 4.3 has given it up for several files. A file may be of such a type: a saved page is."""
    nested = part('name="a"', b"--x--", "Content-Type: multipart/mixed; boundary=x")
    with pytest.raises(HTTPBadRequest, match="expected fields and files, got 'multipart/mixed' inside the form"):
        await form_request(nested + LAST).form()
    saved = file("a", "page.mht", b"--x--", "multipart/related; boundary=x")
    form = await form_request(saved + LAST).form()
    assert cast("UploadedFile", form["a"]).content_type == "multipart/related"


@in_loop
async def test_charsets() -> None:
    latin = part('name="a"', b"\xe9", "Content-Type: text/plain; charset=latin-1")
    form = await form_request(latin + field("_charset_", b"windows-1252") + field("b", b"\x80") + LAST).form()
    assert (form["a"], form["b"]) == ("é", "€")
    with pytest.raises(HTTPBadRequest, match="the field 'a' in utf-8"):
        await form_request(field("a", b"\xe9") + LAST).form()
    with pytest.raises(HTTPBadRequest, match="known charset, got 'klingon'"):
        await form_request(part('name="a"', b"", "Content-Type: text/plain; charset=klingon") + LAST).form()


@in_loop
async def test_contents_that_are_coded_are_refused() -> None:
    """Clients send none of these codings; kept coded, the content would be mistaken for plain text."""
    with pytest.raises(HTTPBadRequest, match="got one in 'base64'"):
        await form_request(part('name="a"', b"YQ==", "Content-Transfer-Encoding: base64") + LAST).form()


@pytest.mark.parametrize(
    ("limits", "body", "reason"),
    [
        (Limits(form_field_size=3), field("a", b"1234"), "fields of at most 3 bytes"),
        (Limits(form_file_size=3), file("a", "f", b"1234"), "files of at most 3 bytes"),
        (Limits(form_memory=7), field("a", b"123") * 2, "fields of at most 7 bytes together"),
        (Limits(form_memory=7), field("12345678", b""), "fields of at most 7 bytes together"),
        (Limits(form_fields=1), field("a", b"") * 2, "at most 1 fields"),
        (Limits(form_files=1), file("a", "f", b"") * 2, "at most 1 files"),
        (Limits(body=150), field("a", b"x" * 100), "body of at most 150 bytes"),
    ],
)
@in_loop
async def test_limits(limits: Limits, body: bytes, reason: str) -> None:
    with pytest.raises(HTTPContentTooLarge, match=reason):
        await form_request(*pieces(body + LAST, 20), app=Application(limits=limits)).form()


@in_loop
async def test_forms_within_the_limits() -> None:
    limits = Limits(form_field_size=3, form_file_size=3, form_memory=18, form_fields=2, form_files=2)
    body = (field("a", b"123") + file("b", "f", b"123")) * 2 + LAST
    form = await form_request(body, app=Application(limits=limits)).form()
    uploads = [upload for upload in form.getall("b") if isinstance(upload, UploadedFile)]
    assert [await upload.read() for upload in uploads] == [b"123", b"123"]


# -- temporary files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "limits", "on_disk"),
    [
        (1024 * 1024, None, False),
        (1024 * 1024 + 1, None, True),
        (len(LARGE), None, True),
        (5, Limits(form_file_memory=4), True),
        (BATCH - 1, Limits(form_file_memory=4), True),
        (3 * BATCH, Limits(form_file_memory=4), True),
        (BATCH + 1, Limits(form_file_memory=len(LARGE)), False),
        (10, Limits(form_memory=10), True),
        (8, Limits(form_memory=10), False),
    ],
)
@needs_proc
@in_loop
async def test_where_a_file_is_kept(size: int, limits: Limits | None, on_disk: bool) -> None:
    before = open_files()
    found: list[tuple[bytes, int]] = []

    async def handler(request: Request) -> Response:
        upload = (await request.form())["f"]
        assert isinstance(upload, UploadedFile)
        found.append((await upload.read(), open_files() - before))
        return Response()

    response = await handled(handler, *pieces(file("f", "n", LARGE[:size]) + LAST, 30_000), limits=limits)
    assert response.status == 200
    assert found == [(LARGE[:size], int(on_disk))]
    assert open_files() == before


async def fine(request: Request) -> Response:
    await request.form()
    return Response("fine")


async def wrong(request: Request) -> Response:
    await request.form()
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("handler", "end", "status"),
    [
        (fine, [LAST], 200),
        (wrong, [LAST], 500),
        (fine, [], 400),
        (fine, [field("a", b"\xff"), LAST], 400),
        (fine, [field("a", b"1" * 2**21), LAST], 413),
    ],
    ids=["success", "error", "truncated", "malformed", "too large"],
)
@needs_proc
@in_loop
async def test_nothing_is_left_of_temporary_files(handler: Callable[..., Any], end: list[bytes], status: int) -> None:
    before = open_files()
    response = await handled(handler, file("f", "n", LARGE), file("g", "n", LARGE), *end)
    assert response.status == status
    assert open_files() == before


@needs_proc
@in_loop
async def test_nothing_is_left_when_the_client_leaves() -> None:
    before = open_files()
    with pytest.raises(ClientDisconnected):
        await handled(fine, file("f", "n", LARGE), file("g", "n", LARGE)[:-100], ClientDisconnected())
    assert open_files() == before


@needs_proc
@in_loop
async def test_nothing_is_left_when_a_handler_is_cancelled() -> None:
    before = open_files()
    waiting = asyncio.Event()

    async def handler(request: Request) -> Response:
        await request.form()
        assert open_files() == before + 2
        waiting.set()
        await asyncio.Event().wait()
        return Response()

    task = asyncio.create_task(handled(handler, file("f", "n", LARGE), file("g", "n", LARGE), LAST))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert open_files() == before


@pytest.mark.parametrize("write", ["the first", "a later one"])
@needs_proc
@in_loop
async def test_nothing_is_left_when_it_is_cancelled_while_a_thread_writes(
    write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_files()
    begun, go_on, closed = Event(), Event(), Event()
    writes = iter(["the first", "a later one"])
    real_write, real_close = saving._write, Spool.close

    def slow(descriptor: int, pieces: Sequence[bytes]) -> None:
        if next(writes) == write:
            begun.set()
            assert go_on.wait(10)
        real_write(descriptor, pieces)

    def close(spool: Spool) -> None:
        real_close(spool)
        closed.set()

    monkeypatch.setattr(saving, "_write", slow)
    monkeypatch.setattr(Spool, "close", close)
    task = asyncio.create_task(handled(fine, *pieces(file("f", "n", LARGE), BATCH), LAST))
    await happens(begun)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await happens(closed)
    assert open_files() == before


async def stream_back(request: Request) -> Response:
    upload = (await request.form())["f"]
    assert isinstance(upload, UploadedFile)
    return StreamResponse(aiter(upload))


@needs_proc
@in_loop
async def test_a_stream_may_read_from_a_file_until_it_has_ended() -> None:
    before = open_files()
    async with streaming(stream_back, file("f", "n", LARGE), file("g", "n", LARGE), LAST) as body:
        assert open_files() == before + 2
        assert b"".join([chunk async for chunk in body]) == LARGE
        await body.aclose()
        assert open_files() == before + 2
    assert open_files() == before


@needs_proc
@in_loop
async def test_nothing_is_left_of_a_stream_that_is_not_sent() -> None:
    before = open_files()
    app = Application()
    app.add_route("*", "/", stream_back)
    headers = [(b"host", b"example"), *MULTIPART]
    body = [file("f", "n", LARGE), LAST]
    assert (await answer(app, "/", method="HEAD", headers=headers, body=body)).payload == b""
    assert open_files() == before

    async def break_head(request: Request, response: Response) -> None:
        response.headers["Broken"] = "\n"

    app = Application()
    app.add_post("/", stream_back)
    app.on_response_prepare.append(break_head)
    assert (await answer(app, "/", method="POST", headers=headers, body=body)).status == 500
    assert open_files() == before


@needs_proc
@in_loop
async def test_a_stream_from_a_file_that_is_broken_off() -> None:
    before = open_files()
    closed = []

    async def handler(request: Request) -> Response:
        form = await request.form()

        async def body() -> AsyncIterator[bytes]:
            try:
                async for piece in form["f"]:  # type: ignore[union-attr]
                    yield piece
            finally:
                closed.append(open_files() - before)

        return StreamResponse(body())

    async with streaming(handler, file("f", "n", LARGE), LAST) as body:
        assert await anext(aiter(body)) == LARGE[:BATCH]
        await body.aclose()
        assert closed == [1], "expected the stream to be closed before the file that it reads"
    assert open_files() == before


@in_loop
async def test_a_file_is_used_after_its_request(tmp_path: Path) -> None:
    kept: list[UploadedFile] = []

    async def handler(request: Request) -> Response:
        kept.extend((await request.form()).values())  # type: ignore[arg-type]
        return Response()

    await handled(handler, file("small", "n", b"small"), file("large", "n", LARGE), LAST)
    assert await kept[0].read() == b"small"
    with pytest.raises(ValueError, match=r"before its request is answered: save_to\(\) keeps it"):
        await kept[1].read()


@in_loop
async def test_reading_a_form_in_a_thread(tmp_path: Path) -> None:
    def handler(request: Request) -> Response:
        upload = request.wait(request.form())["f"]
        assert isinstance(upload, UploadedFile)
        return Response(str(request.wait(upload.save_to(tmp_path / upload.safe_name))))

    response = await handled(handler, file("f", "../name.txt", LARGE), LAST)
    assert response.payload == str(len(LARGE)).encode()
    assert (tmp_path / "name.txt").read_bytes() == LARGE


@in_loop
async def test_a_compressed_form() -> None:
    async def handler(request: Request) -> Response:
        form = await request.form()
        return Response(f"{form['a']} {len(await form['f'].read())}")  # type: ignore[union-attr]

    body = gzip.compress(field("a", b"1") + file("f", "n", LARGE) + LAST)
    headers = [*MULTIPART, (b"content-encoding", b"gzip")]
    response = await handled(handler, *pieces(body, 10_000), headers=headers, middlewares=[Decompression()])
    assert response.payload == f"1 {len(LARGE)}".encode()
