"""The sockets of a server: all kinds of addresses, one port on all addresses of a host, errors in one line."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from sketch.serving import sockets as module
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.sockets import cannot_listen, is_public, listen, listening, open_slots, places, spell
from tests.support.programs import free_port

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections over sockets")


def names(options: ServeOptions) -> list[Any]:
    with listening(options) as sockets:
        return [sock.getsockname() for sock in sockets]


def refusal(options: ServeOptions) -> str:
    """The text after `cannot listen on `."""
    with pytest.raises(ServeError) as caught:
        names(options)
    before, _, text = str(caught.value).partition("cannot listen on ")
    assert before == ""
    return text


# -- TCP --------------------------------------------------------------------------------------------------------------


def test_a_free_port_is_the_same_on_all_addresses() -> None:
    found = names(ServeOptions(host="", port=0))
    assert {name[0] for name in found} == {"0.0.0.0", "::"}
    assert len({name[1] for name in found}) == 1


def test_a_port_that_is_free_on_one_address_only_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    bind = module._bind_one

    def bind_one(*arguments: Any, **options: Any) -> socket.socket:
        sock = bind(*arguments, **options)
        tried.append(sock.getsockname()[1])
        if len(tried) == 2:
            sock.close()
            raise OSError(errno.EADDRINUSE, "in use")
        return sock

    monkeypatch.setattr(module, "_bind_one", bind_one)
    found = names(ServeOptions(host="", port=0))
    assert [name[1] for name in found] == tried[2:4]
    assert tried[2] == tried[3]


def test_the_search_for_a_free_port_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind_one(*_arguments: Any, **_options: Any) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(module, "_bind_one", bind_one)
    assert refusal(ServeOptions(port=0)) == "127.0.0.1:0: in use"


def test_ipv6_addresses_do_not_take_ipv4_ones() -> None:
    with listening(ServeOptions(host="::", port=0)) as (sock,):
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_is_taken(count: int, shared: bool) -> None:
    """Whatever the other server has set: two servers never share a port without a word."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=shared) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServeError, match=f"^cannot listen on 127.0.0.1:{port}: Address already in use$"),
            open_slots(ServeOptions(port=port), count),
        ):
            pass


def test_a_port_that_is_taken_before_the_server_listens_is_the_same_error() -> None:
    with listening(ServeOptions(port=0)) as first:
        port = first[0].getsockname()[1]
        with listening(ServeOptions(port=port)) as second:
            listen(second, 5)
            with pytest.raises(ServeError, match=f"^cannot listen on 127.0.0.1:{port}: Address already in use$"):
                listen(first, 5)


def test_several_addresses_in_the_order_given(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with closing(socket.create_server(("127.0.0.1", 0))) as given:
        number = given.detach()
        found = names(ServeOptions(bind=["127.0.0.1:0", f"unix:{path}", "[::1]:0", f"fd:{number}"]))
    assert [name if isinstance(name, str) else name[0] for name in found] == [
        "127.0.0.1", str(path), "::1", "127.0.0.1",
    ]  # fmt: skip


@pytest.mark.parametrize("second", ["127.0.0.1", "0.0.0.0"])
def test_addresses_that_take_each_others_connections(second: str) -> None:
    """The kernel says so when the second one listens: that would be after the start hooks."""
    port = free_port()
    assert refusal(ServeOptions(bind=[f"localhost:{port}", f"{second}:{port}"])) == (
        f"{second}:{port}: Address already in use"
    )


def test_an_address_given_twice() -> None:
    with pytest.raises(ServeError, match=r"^expected each address once, got fd:3 twice$"):
        names(ServeOptions(bind=["fd:3", "fd:3"]))


def test_if_one_address_fails_none_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = spell(taken.getsockname())
        assert refusal(ServeOptions(bind=[f"unix:{path}", place])) == f"{place}: Address already in use"
    assert not path.exists()


@pytest.mark.parametrize("options", [{"host": "a..b"}, {"uds": "a\0b"}, {"uds": "\0b"}])
def test_names_and_paths_that_nothing_can_have(options: dict[str, Any]) -> None:
    with pytest.raises(ServeError, match=r"^cannot listen on '(a\.\.b:8080|unix:a?\\x00b)': .+"):
        names(ServeOptions(**options))


# -- slots ------------------------------------------------------------------------------------------------------------


@on_linux
def test_each_slot_has_a_socket_of_its_own_and_a_share_of_the_connections() -> None:
    with open_slots(ServeOptions(port=0), 2) as slots, ExitStack() as clients:
        assert len({sock.fileno() for slot in slots for sock in slot}) == 2
        (place,) = {slot[0].getsockname() for slot in slots}
        for slot in slots:
            listen(slot, 200)
        for _ in range(200):
            clients.enter_context(socket.create_connection(place))
        taken = [sum(1 for _ in accepted(slot[0], clients)) for slot in slots]
    assert sum(taken) == 200
    assert min(taken) > 40


def accepted(sock: socket.socket, opened: ExitStack) -> Any:
    while True:
        try:
            yield opened.enter_context(sock.accept()[0])
        except BlockingIOError:
            return


def test_slots_share_unix_sockets_and_descriptors(tmp_path: Path) -> None:
    given = socket.create_server(("127.0.0.1", 0))
    with open_slots(ServeOptions(bind=[f"unix:{tmp_path / 's'}", f"fd:{given.detach()}"]), 3) as slots:
        assert slots[0] == slots[1] == slots[2]
        assert len(slots[0]) == 2


def test_slots_share_their_sockets_where_the_kernel_does_not_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SPREADS", False)
    with open_slots(ServeOptions(port=0), 2) as (first, second):
        assert first == second


# -- unix sockets -----------------------------------------------------------------------------------------------------


def test_a_unix_socket_that_is_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert names(ServeOptions(uds=str(path))) == [str(path)]
    assert not path.exists()


@pytest.mark.parametrize("listens", [True, False])
def test_a_live_unix_socket_is_not_replaced(tmp_path: Path, listens: bool) -> None:
    """Nor that of a server whose start hooks still run. The other server notices nothing."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(path))
        live.setblocking(False)
        if listens:
            live.listen()
        assert refusal(ServeOptions(uds=str(path))) == f"unix:{path}: Address already in use"
        if listens:
            with pytest.raises(BlockingIOError):
                live.accept()
    assert path.exists()


@pytest.mark.parametrize("kind", ["file", "link", "dead link", "folder"])
def test_what_is_no_socket_is_never_removed(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "s", tmp_path / "target"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(target))
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(target if kind == "link" else tmp_path / "nowhere")
    assert refusal(ServeOptions(uds=str(path))) == (
        f"unix:{path}: something else than a socket is there; remove it, or take another path"
    )
    assert path.is_symlink() or path.exists()
    assert target.is_socket()


def test_the_mode_of_a_unix_socket_holds_before_it_listens(tmp_path: Path) -> None:
    path = tmp_path / "s"
    before = os.umask(0o077)
    try:
        for mode in (0o666, 0o600):
            with listening(ServeOptions(uds=str(path), uds_mode=mode)) as (sock,):
                assert stat.S_IMODE(path.stat().st_mode) == mode
                assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    finally:
        os.umask(before)


def test_a_path_is_only_removed_if_it_is_still_ours(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listening(ServeOptions(uds=str(path))) as (sock,):
        sock.close()  # as uvicorn does
        path.unlink()
        path.write_text("of another program")
    assert path.read_text() == "of another program"
    path.unlink()
    with listening(ServeOptions(uds=str(path))):
        path.unlink()
    assert not path.exists()


def test_a_path_that_cannot_be_removed_is_a_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with listening(ServeOptions(uds=str(tmp_path / "s"))):
        monkeypatch.setattr(Path, "unlink", refuse)
    assert caplog.messages == [f"cannot remove {tmp_path / 's'}: Permission denied"]


def test_a_relative_path_is_removed_from_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with listening(ServeOptions(uds="s")):
        monkeypatch.chdir("/")
        assert (tmp_path / "s").is_socket()
    assert not (tmp_path / "s").exists()


def test_a_path_that_cannot_be_bound(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "s"
    assert refusal(ServeOptions(uds=str(path))) == f"unix:{path}: No such file or directory"
    assert refusal(ServeOptions(uds="/" + "x" * 200)).endswith("x: AF_UNIX path too long")


# -- sockets that others have bound -----------------------------------------------------------------------------------


def test_a_given_socket_does_not_block() -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    with listening(ServeOptions(sock=sock)) as (same,):
        assert same is sock
        assert sock.getblocking() is False
    assert sock.fileno() == -1


def test_what_is_no_socket() -> None:
    number: Any = 3
    with pytest.raises(ServeError, match=r"^expected sock to be a socket, got 3$"):
        names(ServeOptions(sock=number))


def test_a_descriptor_is_taken_over() -> None:
    given = socket.create_server(("127.0.0.1", 0))
    name, number = given.getsockname(), given.detach()
    os.set_inheritable(number, True)
    with listening(ServeOptions(bind=[f"fd:{number}"])) as (sock,):
        assert (sock.fileno(), sock.getsockname(), sock.getblocking()) == (number, name, False)
        assert not os.get_inheritable(number)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_the_path_of_an_inherited_socket_stays(tmp_path: Path) -> None:
    """It belongs to the program that has bound it."""
    given = socket.socket(socket.AF_UNIX)
    given.bind(str(tmp_path / "s"))
    assert names(ServeOptions(bind=[f"fd:{given.detach()}"])) == [str(tmp_path / "s")]
    assert (tmp_path / "s").is_socket()


def make_unusable(kind: str, opened: ExitStack) -> int:
    """A descriptor that no server can listen on."""
    if kind == "pipe":
        reading, writing = os.pipe()
        opened.callback(os.close, reading)
        opened.callback(os.close, writing)
        return reading
    if kind == "datagram":
        sock = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind(("127.0.0.1", 0))
        return sock.fileno()
    if kind == "connection":
        first, second = socket.socketpair()
        opened.enter_context(first)
        opened.enter_context(second)
        return first.fileno()
    return opened.enter_context(socket.socket(socket.AF_UNIX if kind == "unbound unix" else socket.AF_INET)).fileno()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("pipe", "Socket operation on non-socket"),
        ("datagram", "expected a TCP or unix stream socket, got SOCK_DGRAM of AF_INET"),
        ("connection", "expected a socket that can listen, got a connection"),
        ("unbound", "expected a bound socket, got one without an address"),
        ("unbound unix", "expected a bound socket, got one without an address"),
    ],
)
def test_a_descriptor_that_cannot_be_used_is_an_error_and_stays_open(kind: str, reason: str) -> None:
    with ExitStack() as opened:
        number = make_unusable(kind, opened)
        assert refusal(ServeOptions(bind=[f"fd:{number}"])) == f"fd:{number}: {reason}"
        os.fstat(number)


def test_a_descriptor_that_is_not_open() -> None:
    assert refusal(ServeOptions(bind=["fd:987654"])) == (
        "fd:987654: it is not open; the program that starts the server has to pass it on"
    )


# -- words ------------------------------------------------------------------------------------------------------------


def test_places_are_spelled_as_bind_does() -> None:
    assert places(ServeOptions()) == ["127.0.0.1:8080"]
    assert places(ServeOptions(host="::1", port=1)) == ["[::1]:1"]
    assert places(ServeOptions(uds="/s")) == ["unix:/s"]
    assert places(ServeOptions(bind=["fd:3", "unix:/s"])) == ["fd:3", "unix:/s"]
    assert spell(("fe80::1", 80, 0, 2)) == "[fe80::1]:80"
    assert spell(b"\0name") == "unix:@name"


def test_cannot_listen() -> None:
    assert str(cannot_listen("x:80", PermissionError(13, "Permission denied"))) == (
        "cannot listen on x:80: Permission denied"
    )
    assert str(cannot_listen("unix:/s", OSError("odd"))) == "cannot listen on unix:/s: odd"


@pytest.mark.parametrize(
    ("place", "public"),
    [
        ("127.0.0.1:8080", False),
        ("[::1]:80", False),
        ("localhost:80", False),
        ("unix:/run/s", False),
        ("0.0.0.0:80", True),
        (":80", True),
        ("[::]:80", True),
        ("[fe80::1%eth0]:80", True),
        ("shop.example:80", True),
        ("fd:3", True),
    ],
)
def test_places_that_other_machines_may_reach(place: str, public: bool) -> None:
    assert is_public(place) is public
