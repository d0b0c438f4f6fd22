"""Which requests are local."""

from __future__ import annotations

import pytest

from sketch.request.local import is_local
from tests.support.requests import Peer, make_request

HERE = ("127.0.0.1", 5)


def local(client: tuple[str, int] | None, **fields: str) -> bool:
    peer = Peer()
    peer.client = client
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    return is_local(make_request(headers=headers, connection=peer))


@pytest.mark.parametrize("client", [("127.0.0.1", 5), ("127.9.9.9", 5), ("::1", 5), ("::ffff:127.0.0.1", 5)])
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]", "[::1]:8080"])
def test_what_is_local(client: tuple[str, int], host: str) -> None:
    assert local(client, host=host)


@pytest.mark.parametrize("client", [None, ("10.0.0.1", 5), ("", 0), ("fe80::1%eth0", 5), ("::ffff:10.0.0.1", 5)])
def test_peers_that_are_not(client: tuple[str, int] | None) -> None:
    assert not local(client, host="localhost:8080")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "127.0.0.2", "[::2]"])
def test_names_by_which_a_page_of_another_site_gets_here(host: str) -> None:
    assert not local(HERE, host=host)


@pytest.mark.parametrize("name", ["forwarded", "via", "x_forwarded_for", "x_forwarded_host", "x_real_ip"])
def test_what_a_proxy_has_passed_on(name: str) -> None:
    assert not local(HERE, host="localhost", **{name: "127.0.0.1"})


def test_a_request_without_a_host() -> None:
    assert not local(HERE)
