"""The access log: one line for each answer, however it ended."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator

import pytest

from sketch import Application, Request, Response, StreamResponse
from tests.support.native import GET, HOST, make_app, serving, until

LINE = re.compile(r'127\.0\.0\.1:\d+ "(\S+) (\S+)" (\d{3}|-) (\d+) \d+\.\d{6}')


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="sketch.access")
    return caplog


def seen(caplog: pytest.LogCaptureFixture) -> list[tuple[str, ...]]:
    found = []
    for record in caplog.records:
        if record.name == "sketch.access":
            match = LINE.fullmatch(record.getMessage())
            assert match, record.getMessage()
            found.append(match.groups())
    return found


async def test_a_line_for_each_answer(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=True) as served, served.connect() as wire:
        await wire.send(GET + b"GET /nowhere?a=%20b HTTP/1.1\r\n" + HOST + b"\r\n")
        await wire.send(b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello")
        await wire.send(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n" + GET.replace(b"GET", b"HEAD"))
        for method in ("GET", "GET", "POST", "GET", "HEAD"):
            await wire.receive(method)
        await until(lambda: len(seen(lines)) == 5, "the last line")
    found = seen(lines)
    assert [line[:3] for line in found] == [
        ("GET", "/", "200"),
        ("GET", "/nowhere?a=%20b", "404"),
        ("POST", "/echo", "200"),
        ("GET", "/stream", "200"),
        ("HEAD", "/", "200"),
    ]
    assert [line[3] for line in found if line[2] == "200"] == ["2", "5", "7", "0"]


async def test_a_line_for_what_was_refused(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=True) as served:
        await served.refusal(b"GET / HTTP/1.1\r\n\r\n")
        await served.refusal(b"FOO / HTTP/1.1\r\n\r\n")
    assert [line[:3] for line in seen(lines)] == [("-", "-", "400"), ("-", "-", "501")]


async def test_a_line_for_what_broke_off(lines: pytest.LogCaptureFixture) -> None:
    app = Application()

    @app.get("/")
    async def breaks(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"12345"
            raise RuntimeError("on purpose")

        return StreamResponse(parts())

    async with serving(app, access_log=True) as served, served.connect() as wire:
        await wire.send(GET)
        await wire.ended()
    assert [line[2:] for line in seen(lines)] == [("200", "5")]


async def test_nothing_in_a_target_forges_a_line(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=True) as served:
        await served.exchange(b'GET /a"%0a127.0.0.1:1%20"GET HTTP/1.1\r\n' + HOST + b"\r\n")
    ((method, target, status, _),) = seen(lines)
    assert (method, target, status) == ("GET", '/a\\"%0a127.0.0.1:1%20\\"GET', "404")


async def test_switched_off(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=False) as served:
        await served.exchange(GET)
        await served.refusal(b"GET / HTTP/1.1\r\n\r\n")
    assert seen(lines) == []
