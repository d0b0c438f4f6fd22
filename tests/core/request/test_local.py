"""Whether a request comes from this machine."""

from __future__ import annotations

import pytest

from sketch.http.grammar import Address
from sketch.request.local import is_local
from sketch.testing import make_request

HERE = ("127.0.0.1", 50000)


@pytest.mark.parametrize(
    ("client", "fields", "local"),
    [
        (HERE, {"Host": "localhost"}, True),
        (HERE, {"Host": "LocalHost:8080"}, True),
        (("127.8.8.8", 1), {"Host": "127.0.0.1:80"}, True),
        (("::1", 1), {"Host": "[::1]:80"}, True),
        (("::ffff:127.0.0.1", 1), {"Host": "[::1]"}, True),
        (("192.0.2.1", 1), {"Host": "localhost"}, False),
        (None, {"Host": "localhost"}, False),
        (HERE, {"Host": "localhost.evil.example"}, False),
        (HERE, {"Host": "rebound.example"}, False),
        (HERE, {"Host": "localhost", "X-Forwarded-For": "127.0.0.1"}, False),
        (HERE, {"Host": "localhost", "X-Forwarded-Proto": "http"}, False),
        (HERE, {"Host": "localhost", "Forwarded": "for=127.0.0.1"}, False),
        (HERE, {"Host": "localhost", "X-Real-IP": "192.0.2.1"}, False),
        (HERE, {"Host": "localhost", "Via": "1.1 proxy"}, False),
    ],
)
def test_which_requests_are_local(client: Address | None, fields: dict[str, str], local: bool) -> None:
    assert is_local(make_request("GET", "/", headers=fields, client=client)) is local
