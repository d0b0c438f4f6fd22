"""Request bodies: complete, or `ClientDisconnected`; a body that breaks off never looks complete."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, Limits, Request, Response
from tests.rsgi.scripted import BROKEN, Protocol, ask, scope
from tests.support.scripts import in_loop

CHUNKED = ("transfer-encoding", "chunked")


def make_app() -> Application:
    app = Application(limits=Limits(body=10))

    @app.post("/")
    async def echo(request: Request) -> Response:
        return Response(await request.read())

    @app.post("/unread")
    async def unread() -> Response:
        return Response("unread")

    return app


async def post(protocol: Protocol, *fields: tuple[str, str], path: str = "/", **others: Any) -> Protocol:
    await ask(make_app(), scope("POST", path, *fields, **others), protocol)
    return protocol


@pytest.mark.parametrize("chunks", [[b"abcdef"], [b"a", b"bcde", b"f"], [bytes([byte]) for byte in b"abcdef"]])
@pytest.mark.parametrize("field", [CHUNKED, ("content-length", "6")])
@in_loop
async def test_a_body_in_odd_chunks(chunks: list[bytes], field: tuple[str, str]) -> None:
    protocol = await post(Protocol(*chunks), field)
    assert (protocol.status, protocol.body, protocol.iterated) == (200, b"abcdef", 1)


@in_loop
async def test_no_body_is_not_read() -> None:
    protocol = await post(Protocol(b"never announced"))
    assert (protocol.body, protocol.iterated) == (b"", 0)
    protocol = await post(Protocol(), ("content-length", "0"))
    assert (protocol.body, protocol.iterated) == (b"", 0)


@pytest.mark.parametrize("chunks", [[BROKEN], [b"abc", BROKEN]])
@pytest.mark.parametrize("field", [CHUNKED, ("content-length", "6")])
@in_loop
async def test_a_body_that_breaks_off_is_400(chunks: list[bytes], field: tuple[str, str]) -> None:
    protocol = await post(Protocol(*chunks), field)
    assert (protocol.status, protocol.body) == (400, b"expected a request body as long as announced")
    assert ("connection", "close") in protocol.fields


@in_loop
async def test_a_body_that_is_too_short_is_400() -> None:
    assert (await post(Protocol(b"abc"), ("content-length", "6"))).status == 400


@in_loop
async def test_a_body_of_http_2_may_end_with_an_empty_frame() -> None:
    protocol = await post(Protocol(b"abc", b""), http_version="2", authority="test")
    assert (protocol.status, protocol.body) == (200, b"abc")


@pytest.mark.parametrize("field", [CHUNKED, ("content-length", "11")])
@in_loop
async def test_a_body_over_the_limit_is_413(field: tuple[str, str]) -> None:
    assert (await post(Protocol(b"abcdef", b"ghijk"), field)).status == 413


@in_loop
async def test_the_error_of_a_server_while_reading_is_a_disconnect() -> None:
    protocol = await post(Protocol(b"abc", ConnectionError("gone")), ("content-length", "6"))
    assert protocol.status == 400


@in_loop
async def test_a_body_that_nobody_reads_is_received_after_the_answer() -> None:
    protocol = await post(Protocol(b"abc", b"def"), ("content-length", "6"), path="/unread")
    assert (protocol.status, protocol.body) == (200, b"unread")
    assert not protocol._chunks, "granian closes the connection behind a body that is left"


@in_loop
async def test_a_handler_hears_of_the_disconnect() -> None:
    app = Application()
    protocol = Protocol()

    @app.get("/")
    async def wait(request: Request) -> Response:
        protocol.left.set()
        await request.wait_disconnected()
        return Response("told")

    await ask(app, scope(), protocol)
    assert protocol.sent == [], "nothing is answered to a client that has left"


@in_loop
async def test_a_broken_body_that_nobody_reads_is_no_500() -> None:
    protocol = await post(Protocol(b"abc", BROKEN), CHUNKED, path="/unread")
    assert protocol.status in (200, 400)
