"""The body of a request: as it arrives, and as a whole."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from importlib import import_module
from typing import Any, NamedTuple, TypedDict, get_type_hints
from uuid import UUID

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge, HTTPUnprocessableContent
from sketch.limits import Limits
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.testing import TestClient
from sketch.transport import ClientDisconnected
from tests.support.requests import in_loop, make_request


class Colour(Enum):
    RED = "red"


@in_loop
async def test_read_joins_the_chunks_and_keeps_them() -> None:
    request = make_request(body=[b"ab", b"c"], app=Application())
    assert request.has_body
    assert [await request.read(), await request.read()] == [b"abc", b"abc"]
    assert [chunk async for chunk in request.stream()] == [b"abc"]
    assert await request.text() == "abc"


@pytest.mark.parametrize("body", [None, []])
@in_loop
async def test_an_empty_body_may_be_read_again_and_again(body: list[bytes] | None) -> None:
    request = make_request(body=body, app=Application())
    for _ in range(3):
        assert await request.read() == b""
        assert await request.text() == ""
        assert [chunk async for chunk in request.stream()] == []


@in_loop
async def test_stream_gives_each_chunk_once() -> None:
    request = make_request(body=[b"ab", b"c"], app=Application())
    assert [chunk async for chunk in request.stream()] == [b"ab", b"c"]
    with pytest.raises(RuntimeError, match="streamed before"):
        await request.read()
    with pytest.raises(RuntimeError, match="streamed before"):
        await anext(request.stream())


@pytest.mark.parametrize("accessor", ["read", "text", "json"])
@in_loop
async def test_a_body_cut_short_is_never_complete(accessor: str) -> None:
    request = make_request(body=[b"[1", ClientDisconnected("gone")], app=Application())
    for _ in range(2):
        with pytest.raises(ClientDisconnected):
            await getattr(request, accessor)()
    with pytest.raises(ClientDisconnected):
        await anext(request.stream())


@in_loop
async def test_a_cancelled_read_cannot_be_repeated() -> None:
    request = make_request(body=[b"[1", asyncio.CancelledError()], app=Application())
    with pytest.raises(asyncio.CancelledError):
        await request.read()
    with pytest.raises(RuntimeError, match="reading it was cancelled"):
        await request.read()


@in_loop
async def test_a_body_cut_short_while_it_is_streamed() -> None:
    request = make_request(body=[b"[1", ClientDisconnected("gone")], app=Application())
    stream = request.stream()
    assert await anext(stream) == b"[1"
    with pytest.raises(ClientDisconnected):
        await anext(stream)


@in_loop
async def test_body_limit_is_counted_as_it_arrives() -> None:
    app = Application(limits=Limits(body=3))
    assert await make_request(body=[b"ab", b"c"], app=app).read() == b"abc"
    for consume in (lambda r: r.read(), lambda r: _drain(r)):
        with pytest.raises(HTTPContentTooLarge, match="at most 3 bytes"):
            await consume(make_request(body=[b"ab", b"cd", AssertionError("read on")], app=app))
    request = make_request(body=[b"ab", b"cd", b"e"], app=app)
    for _ in range(2):
        with pytest.raises(HTTPContentTooLarge):
            await request.read()


async def _drain(request: Any) -> None:
    async for _ in request.stream():
        pass


def test_announced_length_is_checked() -> None:
    app = Application(limits=Limits(body=3))
    make_request(headers=[(b"content-length", b"3")], body=[], app=app).check_announced_length()
    make_request(headers=[], body=[], app=app).check_announced_length()
    make_request(headers=[], app=app).check_announced_length()
    with pytest.raises(HTTPContentTooLarge):
        make_request(headers=[(b"content-length", b"4")], body=[], app=app).check_announced_length()


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("", "é".encode(), "é"),
        ("; charset=iso-8859-1", b"\xe9", "é"),
        ('; charset="utf-16"', "é".encode("utf-16"), "é"),
    ],
)
@in_loop
async def test_text(charset: str, body: bytes, text: str) -> None:
    headers = [(b"content-type", f"text/plain{charset}".encode())]
    assert await make_request(headers=headers, body=[body], app=Application()).text() == text


@pytest.mark.parametrize(
    ("charset", "body", "message"),
    [
        ("utf-8", b"\xff", "expected a body in utf-8"),
        ("ascii", b"\xc3", "expected a body in ascii"),
        ("nonsense", b"", "expected a known charset, got 'nonsense'"),
        ("zlib", b"", "known charset"),
        ("rot13", b"a", "known charset"),
        ("punycode", b"a-" * 9, "known charset"),
        ('"\xe9"', b"", "known charset"),
    ],
)
@in_loop
async def test_text_that_cannot_be_decoded_is_a_400(charset: str, body: bytes, message: str) -> None:
    headers = [(b"content-type", f"text/plain; charset={charset}".encode("latin-1"))]
    with pytest.raises(HTTPBadRequest, match=message):
        await make_request(headers=headers, body=[body], app=Application()).text()


@in_loop
async def test_json_is_parsed_anew_each_time() -> None:
    request = make_request(body=[b'{"a": ', b"[1]}"], app=Application())
    first, second = await request.json(), await request.json()
    assert first == second == {"a": [1]}
    assert first is not second


@pytest.mark.parametrize("body", [b"0", b"[]", b"null", b'""'])
@in_loop
async def test_json_that_is_falsy_is_read_once(body: bytes) -> None:
    request = make_request(body=[body], app=Application())
    assert not await request.json()
    assert not await request.json()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b"-Infinity", b'"\xff"', b'"\xed\xa0\x80"', b"[" * 200_000, b"9" * 5000]
)
@in_loop
async def test_malformed_json_is_a_400(body: bytes) -> None:
    with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
        await make_request(body=[body], app=Application()).json()


@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
@in_loop
async def test_every_codec_answers_malformed_json_alike(codec: str) -> None:
    if codec != "stdlib":
        pytest.importorskip(codec)
    app = Application(json=codec)
    assert await make_request(body=[b'{"a":', b" [1, null]}"], app=app).json() == {"a": [1, None]}
    for body in (b"", b"{", b"NaN", b"-Infinity", b'"\xff"', b"[1] 2", b"\x00", b"[" * 200_000):
        with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
            await make_request(body=[body], app=app).json()


@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
@in_loop
async def test_json_of_a_type(codec: str) -> None:
    pytest.importorskip("msgspec")
    if codec != "stdlib":
        pytest.importorskip(codec)
    app = Application(json=codec)
    request = make_request(body=[b"[1, 2]"], app=app)
    assert await request.json(type=list[int]) == [1, 2]
    assert await request.json() == [1, 2]
    with pytest.raises(HTTPUnprocessableContent, match=r"not as it should be: expected text - at `\$\[0\]`"):
        await request.json(type=list[str])
    with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
        await make_request(body=[b"[1"], app=app).json(type=list[int])
    with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
        await make_request(body=[b"[" * 200_000], app=app).json(type=list[Any])


@dataclass
class Order:
    item: str
    at: datetime
    number: UUID
    price: Decimal
    colour: Colour
    takes: timedelta
    tags: set[str]
    place: tuple[int, int]
    picture: bytes


ORDER = (
    b'{"item":"tea","at":"2026-01-02T12:30:01.000500Z","number":"00000000-0000-0000-0000-000000000005","price":"1.10",'
    b'"colour":"red","takes":"P1DT7203.5S","tags":["hot"],"place":[1,2],"picture":"dGVh"}'
)


def orders() -> list[Any]:
    """Classes of one shape, of the standard library and others."""
    found: list[Any] = [Order, TypedDict("Typed", get_type_hints(Order)), NamedTuple("Named", [("order", Order)])]
    if msgspec := sys.modules.get("msgspec"):
        found.append(msgspec.defstruct("Struct", list(get_type_hints(Order).items())))
    with suppress(ModuleNotFoundError):
        attrs: Any = import_module("attrs")
        members = {name: attrs.field(type=kind) for name, kind in get_type_hints(Order).items()}
        found.append(attrs.make_class("Attrs", members))
    return found


@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
@in_loop
async def test_what_json_reads_the_response_sends(codec: str) -> None:
    pytest.importorskip("msgspec")
    if codec != "stdlib":
        pytest.importorskip(codec)
    app = Application(json=codec)
    for kind in orders():
        text = b"[%b]" % ORDER if kind.__name__ == "Named" else ORDER
        for typed, sent in ((kind, text), (list[kind], b"[%b]" % text), (dict[str, kind], b'{"a":%b}' % text)):
            request = make_request(body=[sent], app=app)
            with app.context():
                assert JSONResponse(await request.json(type=typed)).body == sent


@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
@in_loop
async def test_what_json_reads_as_a_model_the_response_sends(codec: str) -> None:
    pydantic = pytest.importorskip("pydantic")
    if codec != "stdlib":
        pytest.importorskip(codec)
    app = Application(json=codec)

    class Model(pydantic.BaseModel):
        count: int = pydantic.Field(alias="theCount", gt=0)
        at: datetime
        price: Decimal

    text = b'{"theCount":1,"at":"2026-01-02T12:30:01Z","price":"1.10"}'
    with app.context():
        for kind, sent in ((Model, text), (list[Model], b"[%b]" % text), (Model | None, b"null")):
            assert JSONResponse(await make_request(body=[sent], app=app).json(type=kind)).body == sent
    reason = r"not as it should be: expected more than 0 - at `\$\.theCount`; is required - at `\$\.at`"
    with pytest.raises(HTTPUnprocessableContent, match=reason):
        await make_request(body=[b'{"theCount": -5, "price": 1}'], app=app).json(type=Model)
    for malformed in (b"{", b"[NaN]", b"[" * 200_000):
        with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
            await make_request(body=[malformed], app=app).json(type=Model)


@in_loop
async def test_a_type_that_no_library_reads_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("msgspec")
    app = Application()

    class Other:
        pass

    @app.post("/")
    async def take(request: Request) -> Response:
        return Response(str(await request.json(type=list[Other])))

    async with TestClient(app, raise_errors=False) as client:
        assert (await client.post("/", json=[])).status == 500
    assert "expected a type to read JSON as, got list[" in caplog.text
    assert "in take" in caplog.text


@in_loop
async def test_a_used_body_names_what_used_it() -> None:
    for take in (lambda r: r.stream().__anext__(), lambda r: asyncio.sleep(0, r.take_body())):
        request = make_request(body=[b"ab"], app=Application())
        await take(request)
        with pytest.raises(RuntimeError, match=r"streamed before \(by stream\(\), multipart\(\) or form\(\)\)"):
            await request.read()


@in_loop
async def test_the_beginning_of_a_body_stays_to_be_read() -> None:
    app = Application(limits=Limits(body=5))
    request = make_request(body=[b"ab", b"cd", b"e"], app=app)
    assert (await request.peek(3), await request.peek(1), await request.read()) == (b"abcd", b"abcd", b"abcde")
    assert await request.peek(1) == b"abcde"
    request = make_request(body=[b"abcd", b"ef"], app=app)
    await request.peek(1)
    with pytest.raises(HTTPContentTooLarge):
        [chunk async for chunk in request.stream()]
    request = make_request(body=[b"ab", ClientDisconnected("gone")], app=app)
    for _ in range(2):
        with pytest.raises(ClientDisconnected, match="gone"):
            await request.peek(3)
    assert await make_request().peek(3) == b""


CUT = [b'{"a":', ClientDisconnected("gone")]
LARGE = [b'"' + bytes(8), b'"']


@pytest.mark.parametrize("body", [[b'{"a":1}'], [b'{"a":', b"1}"], [b"["], [], CUT, LARGE, [bytes(99)]])
@in_loop
async def test_json_reads_a_body_as_read_does(body: list[bytes | Exception]) -> None:
    async def outcome(*, before: bool) -> object:
        request = make_request(body=list(body), app=Application(limits=Limits(body=9)))
        try:
            if before:
                await request.read()
            return await request.json(), await request.read()
        except Exception as exc:
            with suppress(ClientDisconnected, HTTPContentTooLarge):  # the same error again, or what was read
                return type(exc), str(exc), await request.read()
            return type(exc), str(exc)

    assert await outcome(before=False) == await outcome(before=True)
