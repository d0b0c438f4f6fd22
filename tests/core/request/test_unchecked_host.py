"""URLs with a host that a client has chosen."""

from __future__ import annotations

import pytest

from sketch import Application, Request, TextResponse, TrustedHosts
from tests.support.requests import answer, in_loop


def app_with(*outer: TrustedHosts) -> Application:
    app = Application("shop", outer_middlewares=outer)

    @app.get("/", name="index")
    async def index(request: Request) -> TextResponse:
        return TextResponse(str(request.url_for("index")))

    return app


@in_loop
async def test_the_first_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    app = app_with()
    for host in (b"localhost:8000", b"127.0.0.1", b"[::1]:1"):
        await answer(app, headers=[(b"host", host)])
    assert caplog.messages == []
    for host in (b"evil.example", b"evil.example"):
        assert (await answer(app, headers=[(b"host", host)])).payload == b"http://evil.example/"
    assert len(caplog.messages) == 1
    assert "<Application shop> makes URLs with the host that a client names" in caplog.messages[0]
    assert "TrustedHosts" in caplog.messages[0]


@in_loop
async def test_a_host_that_was_checked_is_not(caplog: pytest.LogCaptureFixture) -> None:
    assert (await answer(app_with(TrustedHosts(["example.com"])))).payload == b"http://example.com/"
    assert caplog.messages == []
