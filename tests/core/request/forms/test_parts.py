"""Multipart forms part by part, while they arrive."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge, HTTPUnsupportedMediaType
from sketch.limits import Limits
from sketch.request import Request
from sketch.request.forms import BodyPart
from sketch.request.forms.saving import BATCH
from sketch.transport import ClientDisconnected
from tests.core.request.forms.support import LAST, URLENCODED, field, file, form_request, names, part, pieces
from tests.support.requests import in_loop

DATA = os.urandom(2 * BATCH + 1)


async def parts(request: Request) -> list[tuple[str, str | None, bytes]]:
    return [(part.name, part.filename, await part.read(10**9)) async for part in request.multipart()]


@in_loop
async def test_parts_one_after_the_other() -> None:
    body = field("a", b"1") + file("f", "x.txt", DATA) + field("a", b"") + LAST
    for size in (7, 1000, 10**9):
        found = await parts(form_request(*pieces(body, size)))
        assert found == [("a", None, b"1"), ("f", "x.txt", DATA), ("a", None, b"")]


@in_loop
async def test_attributes_of_a_part() -> None:
    sent = part('name="a"; filename="b"', b"", "Content-Type: Text/CSV; charset=latin-1", "X-Note: 1")
    async for one in form_request(sent + LAST).multipart():
        assert (one.name, one.filename, one.content_type, one.charset) == ("a", "b", "text/csv", "latin-1")
        assert one.headers["x-note"] == "1"
        assert repr(one) == "<BodyPart 'a' 'b'>"


@in_loop
async def test_a_part_comes_before_the_next_chunk_is_asked_for() -> None:
    """The body fails if more is read: nothing is gathered in advance."""
    request = form_request(field("a", b"1") + file("f", "n", b"begin"), AssertionError("read on"))
    form = request.multipart()
    first = await anext(form)
    assert await first.text() == "1"
    second = await anext(form)
    assert await anext(aiter(second)) == b"begin"
    with pytest.raises(AssertionError, match="read on"):
        await anext(second)


@in_loop
async def test_parts_that_are_not_read_are_passed_over() -> None:
    body = file("f", "n", DATA) + field("a", b"1") + file("g", "n", DATA) + field("b", b"2") + LAST
    found = []
    async for one in form_request(*pieces(body, 1000)).multipart():
        if one.name == "g":
            assert len(await anext(aiter(one))) < 1001
        elif one.filename is None:
            found.append(await one.text())
    assert found == ["1", "2"]


@in_loop
async def test_a_part_is_read_once() -> None:
    form = form_request(field("a", b"1") + field("b", b"2") + field("c", b"") + LAST).multipart()
    first = await anext(form)
    assert await first.read() == b"1"
    for again in (first.read, first.text, lambda: anext(aiter(first))):
        with pytest.raises(RuntimeError, match="'a' was read before"):
            await again()
    second = await anext(form)
    third = await anext(form)
    with pytest.raises(RuntimeError, match="'b' is over"):
        await second.read()
    assert [chunk async for chunk in third] == []
    with pytest.raises(StopAsyncIteration):
        await anext(third)
    assert [one async for one in form] == []
    assert [one async for one in form] == []


@in_loop
async def test_reading_goes_on_where_it_has_stopped() -> None:
    sent = file("f", "n", b"abcdefghi") + LAST
    middle = sent.index(b"def")
    one = await anext(form_request(sent[:middle], sent[middle:]).multipart())
    async for chunk in one:
        assert chunk == b"abc"
        break
    assert await one.read() == b"defghi"


@in_loop
async def test_texts_and_their_charsets() -> None:
    sent = part('name="a"', b"\xe9", "Content-Type: text/plain; charset=latin-1")
    sent += field("_charset_", b"windows-1252") + field("b", b"\x80") + field("c", b"\x81") + LAST
    found = []
    form = form_request(sent).multipart()
    for _ in range(3):
        found.append(await (await anext(form)).text())
    assert found == ["é", "windows-1252", "€"]
    last = await anext(form)
    with pytest.raises(HTTPBadRequest, match="the field 'c' in windows-1252"):
        await last.text()


@in_loop
async def test_limits() -> None:
    app = Application(limits=Limits(form_field_size=3, form_file_size=5))

    async def first(content: bytes) -> BodyPart:
        return await anext(form_request(file("f", "n", content) + LAST, app=app).multipart())

    assert await (await first(b"123")).read() == b"123"
    for read in (BodyPart.read, BodyPart.text):
        with pytest.raises(HTTPContentTooLarge, match="a part 'f' of at most 3 bytes"):
            await read(await first(b"1234"))
    assert await (await first(b"1234")).read(max_size=4) == b"1234"
    with pytest.raises(HTTPContentTooLarge, match="files of at most 5 bytes"):
        await (await first(b"123456")).read(max_size=10)
    one = await anext(form_request(field("a", b"123456") + LAST, app=app).multipart())
    assert await one.read(max_size=10) == b"123456"


@in_loop
async def test_counts_are_limited() -> None:
    request = form_request(field("a", b"") * 3 + LAST, app=Application(limits=Limits(form_fields=2)))
    with pytest.raises(HTTPContentTooLarge, match="at most 2 fields"):
        await parts(request)


@in_loop
async def test_other_media_types_and_used_bodies() -> None:
    with pytest.raises(HTTPUnsupportedMediaType):
        form_request(b"a=1", headers=URLENCODED).multipart()
    request = form_request(field("a", b"1") + LAST)
    await request.read()
    assert await parts(request) == [("a", None, b"1")]
    request = form_request(field("a", b"1") + LAST)
    request.multipart()
    with pytest.raises(RuntimeError, match=r"streamed before \(by stream\(\), multipart\(\) or form\(\)\)"):
        await request.form()


@in_loop
async def test_a_form_that_breaks_off() -> None:
    form = form_request(file("f", "n", b"abc")[:-2]).multipart()
    one = await anext(form)
    with pytest.raises(HTTPBadRequest, match="boundary after the last part"):
        await one.read()
    with pytest.raises(HTTPBadRequest, match="boundary after the last part"):
        await anext(form)


@in_loop
async def test_a_client_that_leaves_stays_away() -> None:
    form = form_request(file("f", "n", b"abc"), ClientDisconnected("gone")).multipart()
    one = await anext(form)
    for _ in range(2):
        with pytest.raises(ClientDisconnected, match="gone"):
            await one.read()
    with pytest.raises(ClientDisconnected, match="gone"):
        await anext(form)


@in_loop
async def test_save_to(tmp_path: Path) -> None:
    body = file("f", "../../evil", DATA) + file("g", "g", b"") + LAST
    async for one in form_request(*pieces(body, 10_000)).multipart():
        assert await one.save_to(tmp_path / one.name) == (len(DATA) if one.name == "f" else 0)
    assert (tmp_path / "f").read_bytes() == DATA
    assert (tmp_path / "g").read_bytes() == b""
    assert names(tmp_path) == ["f", "g"]


@pytest.mark.parametrize(
    ("end", "max_size", "error"),
    [
        ([LAST], len(DATA) - 1, HTTPContentTooLarge),
        ([], None, HTTPBadRequest),
        ([ClientDisconnected()], None, ClientDisconnected),
    ],
    ids=["too large", "truncated", "disconnected"],
)
@in_loop
async def test_nothing_is_left_of_a_failed_save(
    tmp_path: Path, end: list[bytes | Exception], max_size: int | None, error: type[Exception]
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    form = form_request(*pieces(file("f", "n", DATA), 10_000), *end).multipart()
    one = await anext(form)
    with pytest.raises(error):
        await one.save_to(tmp_path / "file", max_size=max_size, overwrite=True)
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


@in_loop
async def test_no_body_at_all_has_no_parts() -> None:
    assert [one async for one in form_request().multipart()] == []


@in_loop
async def test_a_part_replaces_a_file_only_where_it_is_told_to(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    one = await anext(form_request(file("f", "n", b"new") + LAST).multipart())
    with pytest.raises(FileExistsError, match="overwrite=True"):
        await one.save_to(path)
    assert path.read_bytes() == b"old"
    assert await one.save_to(path, overwrite=True) == 3
    assert path.read_bytes() == b"new"


@in_loop
async def test_a_part_as_the_source_of_something_else() -> None:
    """A part is an async iterable of bytes, and so a body of a response or of a client's request."""

    async def relay(source: AsyncIterator[bytes]) -> bytes:
        return b"".join([chunk async for chunk in source])

    one = await anext(form_request(file("f", "n", b"abc") + LAST).multipart())
    assert await relay(one) == b"abc"
