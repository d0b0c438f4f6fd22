"""Which requests may see what is for operators."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.middleware.proxy_headers import ProxyHeaders
from sketch.observability.permission import Permission
from sketch.request import Request
from sketch.testing import make_request
from tests.support.requests import in_loop

PROXY = ("10.0.0.1", 1)


@pytest.mark.parametrize(
    ("client", "fields", "allowed"),
    [
        (PROXY, {}, True),
        (None, {}, False),
        (("192.0.2.1", 1), {}, False),
        # Whoever it is for, the address is that of a proxy which nobody has called trusted.
        (PROXY, {"X-Forwarded-For": "10.0.0.2"}, False),
        (PROXY, {"Forwarded": "for=10.0.0.2"}, False),
    ],
)
@in_loop
async def test_networks(client: Any, fields: dict[str, str], allowed: bool) -> None:
    request = make_request("GET", "/", headers=fields, client=client)
    assert await Permission(["10.0.0.0/8"]).allows(request) is allowed


@in_loop
async def test_what_a_trusted_proxy_says_is_believed() -> None:
    permission, proxies = Permission(["192.0.2.0/24"]), ProxyHeaders(["10.0.0.1"])
    for client, allowed in (("192.0.2.7", True), ("198.51.100.7", False)):
        request = make_request("GET", "/", headers={"X-Forwarded-For": client}, client=PROXY)
        assert not await permission.allows(request)
        proxies.apply(request)
        assert await permission.allows(request) is allowed


@in_loop
async def test_functions() -> None:
    async def has_token(request: Request) -> bool:
        return request.headers.get("Authorization") == "Bearer secret"

    request = make_request("GET", "/", headers={"Authorization": "Bearer secret"})
    assert await Permission(has_token).allows(request)
    assert not await Permission(has_token).allows(make_request("GET", "/"))
    assert await Permission(lambda request: request.path == "/").allows(request)


def test_faults() -> None:
    with pytest.raises(TypeError, match="expected allow as a list of networks or a function of a request, got True"):
        Permission(True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected allow networks"):
        Permission(["10.0.0.0/99"])
