"""The sockets of a server: one port on all addresses, and errors in one line."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any

import pytest

from sketch.serving import listening as module
from sketch.serving.listening import listening, reserved
from sketch.serving.options import ServeError, ServeOptions


def names(options: ServeOptions) -> list[Any]:
    with listening(options) as sockets:
        return [sock.getsockname() for sock in sockets]


def test_a_free_port_is_the_same_on_all_addresses() -> None:
    found = names(ServeOptions(host="", port=0))
    assert {name[0] for name in found} == {"0.0.0.0", "::"}
    assert len({name[1] for name in found}) == 1


def test_a_port_that_is_free_on_one_address_only_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    bind = module._bind_one

    def bind_one(sock: socket.socket, address: tuple[Any, ...]) -> None:
        bind(sock, address)
        tried.append(sock.getsockname()[1])
        if len(tried) == 2:
            raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(module, "_bind_one", bind_one)
    found = names(ServeOptions(host="", port=0))
    assert [name[1] for name in found] == tried[2:4]
    assert tried[2] == tried[3]


def test_the_search_for_a_free_port_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind_one(_sock: socket.socket, _address: tuple[Any, ...]) -> None:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(module, "_bind_one", bind_one)
    with pytest.raises(ServeError, match=r"^cannot listen on 127\.0\.0\.1:0: in use$"):
        names(ServeOptions(port=0))


def test_ipv6_addresses_do_not_take_ipv4_ones() -> None:
    with listening(ServeOptions(host="::", port=0)) as (sock,):
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            names(ServeOptions(port=port))


def test_a_unix_socket_that_is_left_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert names(ServeOptions(uds=str(path))) == [str(path)]
    assert not path.exists()
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(path))
        live.listen()
        with pytest.raises(ServeError, match=r"^cannot listen on .*: Address already in use$"):
            names(ServeOptions(uds=str(path)))
    assert path.exists()


def test_a_given_socket_does_not_block() -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    with listening(ServeOptions(sock=sock)) as (same,):
        assert same is sock
        assert sock.getblocking() is False
    assert sock.fileno() == -1


def test_a_reserved_port_can_be_shared() -> None:
    with reserved(ServeOptions(port=0)) as (host, port), socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
