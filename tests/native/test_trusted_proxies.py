"""The option `trusted_proxies`, natively: on a sketch application, and on the ways to a foreign one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sketch import Application, Limits, ProxyHeaders, serve
from sketch.serving.options import ServeError
from tests.support.native import serving
from tests.support.origins import foreign, make_app
from tests.support.wire import Wire

FORWARDED = ["192.0.2.7", "https", "shop.example"]
GET = (
    b"GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n"
    b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n\r\n"
)


async def origin(app: Any, trusted: str, **options: Any) -> Any:
    async with serving(app, trusted_proxies=(trusted,), **options) as served:
        return json.loads((await served.exchange(GET)).body)


async def test_an_application_of_sketch() -> None:
    assert await origin(make_app(), "127.0.0.1") == [FORWARDED, ["shop.example"], None]
    assert await origin(make_app(), "10.0.0.1") == [["127.0.0.1", "http", "inner"], ["inner"], None]


async def test_several_hops() -> None:
    through = GET.replace(b"192.0.2.7", b"192.0.2.7, 10.0.0.1")
    for hops, client in ((1, "10.0.0.1"), (2, "192.0.2.7")):
        async with serving(foreign, trusted_proxies=["127.0.0.1", "10.0.0.0/8"], proxy_hops=hops) as served:
            assert json.loads((await served.exchange(through)).body)[0] == client


async def test_an_application_can_be_served_again() -> None:
    app = make_app()
    assert (await origin(app, "127.0.0.1"))[0] == FORWARDED
    assert (await origin(app, "10.0.0.1"))[0] == ["127.0.0.1", "http", "inner"]


@pytest.mark.parametrize("limits", [None, Limits(handler_timeout=5)], ids=["written", "returned"])
async def test_a_foreign_application(limits: Limits | None) -> None:
    assert await origin(foreign, "127.0.0.1", limits=limits) == FORWARDED
    assert await origin(foreign, "10.0.0.1", limits=limits) == ["127.0.0.1", "http", "inner"]


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    async with serve(foreign, uds=path, trusted_proxies=["unix"], access_log=False):
        wire = await Wire.connect_unix(path)
        await wire.send(GET)
        assert json.loads((await wire.receive()).body) == FORWARDED
        await wire.close()


async def test_two_who_choose_the_proxies() -> None:
    app = Application(outer_middlewares=[ProxyHeaders(["10.0.0.1"])])
    with pytest.raises(ServeError, match=r"^expected either trusted_proxies or the application's own ProxyHeaders"):
        async with serve(app, trusted_proxies=["10.0.0.1"]):
            pass
