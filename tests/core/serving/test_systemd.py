"""systemd: what a process takes from the environment, and what it sends."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sketch.observability import logs
from sketch.serving import systemd
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.systemd import activate, notify, take_sockets, watchdog_interval
from tests.support.programs import free_port
from tests.support.workers import Parent


@pytest.fixture(autouse=True)
def printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "handled", lambda *_: False)  # pytest handles everything
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        monkeypatch.delenv(name, raising=False)


def passed(count: str = "2", pid: int | None = None, **more: str) -> dict[str, str]:
    return {"LISTEN_PID": str(pid or os.getpid()), "LISTEN_FDS": count, **more}


# -- socket activation ------------------------------------------------------------------------------------------------


def test_the_sockets_are_addresses_and_children_do_not_see_them(capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"HOME": "/", **passed(LISTEN_FDNAMES="web:api", LISTEN_PIDFDID="7")}
    assert take_sockets(environ) == ("fd:3", "fd:4")
    assert environ == {"HOME": "/"}
    assert take_sockets(environ) == ()
    assert capsys.readouterr().err == "systemd has passed fd:3, fd:4 (web:api)\n"
    take_sockets(passed("1"))
    assert capsys.readouterr().err == "systemd has passed fd:3\n"


@pytest.mark.parametrize("environ", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid())}, passed("0")])
def test_without_sockets_nothing_changes(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert take_sockets(environ) == ()
    assert capsys.readouterr().err == ""


def test_sockets_for_another_process_are_named_and_left(caplog: pytest.LogCaptureFixture) -> None:
    """A program between systemd and the server, such as a package manager's `run`, has got them."""
    environ = passed(pid=os.getppid())
    assert take_sockets(environ) == ()
    assert environ == {}
    (line,) = caplog.messages
    assert f"passed them to process {os.getppid()}, and this one is {os.getpid()}" in line


def test_a_number_that_is_none() -> None:
    with pytest.raises(ServeError, match=r"^expected LISTEN_FDS to be a number, got 'many'$"):
        take_sockets(passed("many"))


def test_activation_wins_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ServeOptions(server="uvicorn", uds_mode=0o600)
    assert activate(options) is options
    for name, value in passed().items():
        monkeypatch.setenv(name, value)
    chosen = activate(options)
    assert (chosen.bind, chosen.server, chosen.uds_mode) == (("fd:3", "fd:4"), "uvicorn", 0o600)
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize(
    ("options", "given"),
    [
        (ServeOptions(port=80, host="::"), "host, port"),
        (ServeOptions(uds="/s"), "uds"),
        (ServeOptions(bind=["fd:3"]), "bind"),
    ],
)
def test_a_given_address_beside_it_is_an_error(
    options: ServeOptions, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in passed().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ServeError) as caught:
        activate(options)
    assert str(caught.value) == (
        f"expected either {given} or socket activation, got both: systemd has passed fd:3, fd:4; "
        f"leave the addresses to the .socket unit (`sketch run --unset {given.partition(',')[0]}` ignores a file's), "
        "or start the server without it"
    )
    assert ", ".join(caught.value.names) == given, "so that `sketch run` names their sources"


# -- notifications ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@sketch-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.bind(address.replace("@", "\0"))
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield sock


def test_what_is_sent(manager: socket.socket) -> None:
    systemd.ready()
    assert manager.recv(4096) == b"READY=1"
    systemd.stopping()
    assert manager.recv(4096) == b"STOPPING=1"
    systemd.reloading()
    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", manager.recv(4096))
    notify("STATUS=warming up")
    assert manager.recv(4096) == b"STATUS=warming up"


def test_heartbeats_come_from_the_loop(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))

    async def main() -> None:
        systemd.ready()
        manager.setblocking(False)
        loop = asyncio.get_running_loop()
        received = [await loop.sock_recv(manager, 4096) for _ in range(4)]
        assert received == [b"READY=1", *[b"WATCHDOG=1"] * 3]

    asyncio.run(asyncio.wait_for(main(), 10))


def test_the_interval_is_half_of_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watchdog_interval() is None
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_interval() == 15.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getppid()))
    assert watchdog_interval() is None


@pytest.mark.parametrize("time", ["soon", "0"])
def test_a_watchdog_that_makes_no_sense_is_an_error_at_the_start(time: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", time)
    with pytest.raises(ServeError, match=f"^expected WATCHDOG_USEC to be a number of microseconds, got '{time}'$"):
        activate(ServeOptions())


def test_without_systemd_nothing_is_sent() -> None:
    systemd.ready()
    systemd.stopping()


def test_a_manager_that_is_gone_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with caplog.at_level(logging.WARNING, "sketch"):
        systemd.ready()
    assert caplog.messages == [f"cannot notify systemd on NOTIFY_SOCKET={tmp_path / 'gone'}: No such file or directory"]


# -- real programs ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="systemd-socket-activate is not installed")
def test_workers_serve_a_socket_that_systemd_has_opened(tmp_path: Path) -> None:
    """It starts the server at the first connection, which waits in the socket until a worker is ready."""
    port = free_port()
    prefix = ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--setenv=PYTHONPATH"]
    parent = Parent(tmp_path, workers=2, bind=[], port=port, prefix=prefix)
    try:
        parent.wait_for("Listening on ")
        assert parent.get()["count"] == 2
        parent.wait_for(rf"Started server on http://127\.0\.0\.1:{port} \(native, 2 workers\)")
        assert parent.stop() == 0
    finally:
        parent.kill()
