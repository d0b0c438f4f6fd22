"""Where servers listen: every kind of address on each of them, systemd, and mistakes found before anything starts."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from sketch import Application, run_app
from tests.asgi.launchers.running import BOUND, ROOT, Running, command, read_until, run, serving, started
from tests.support.programs import free_port

SERVERS = ("native", "uvicorn", "hypercorn", "granian")
on_all = pytest.mark.parametrize("server", SERVERS)


def ask(place: Any, path: str = "/") -> bytes:
    """The answer to a request, by an address as `getsockname` returns it."""
    with connect(place) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: sock.recv(65536), b""))


def connect(place: Any) -> socket.socket:
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    sock = socket.socket(family)
    sock.settimeout(BOUND)
    try:
        sock.connect(place)
    except OSError:
        sock.close()
        raise
    return sock


@pytest.mark.parametrize("server", [each for each in SERVERS if each != "granian"])
def test_several_addresses(server: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with serving(server, bind=f"127.0.0.1:0,[::1]:0,unix:{path}", uds_mode="660") as running:
        found = re.fullmatch(
            rf"Started server on http://127\.0\.0\.1:(\d+), http://\[::1\]:(\d+), unix:{path} \({server}\)",
            running.first,
        )
        assert found is not None, running.first
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        for place in (("127.0.0.1", int(found[1])), ("::1", int(found[2])), str(path)):
            assert b"hello http" in ask(place)
        code, output = running.end()
    assert code == 0, output
    assert not path.exists()


@on_all
def test_a_stopping_server_refuses_clients_instead_of_letting_them_wait(server: str) -> None:
    """No duplicate of the listening socket stays open."""
    with serving(server, shutdown_timeout=BOUND) as running, running.connect("/endless") as sock:
        read_until(sock, b"begun")
        running.process.send_signal(signal.SIGTERM)
        while True:
            try:
                with connect(("127.0.0.1", running.port)) as late:
                    late.recv(1)
            except ConnectionRefusedError:
                break
            except ConnectionResetError:  # it had come before the end of the queue
                continue
        assert running.process.poll() is None


# -- systemd ----------------------------------------------------------------------------------------------------------

EXECUTE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def activated(server: str, listening: socket.socket, **environment: str) -> AbstractContextManager[Running]:
    """A program that is started as systemd does: its socket is descriptor 3."""
    arguments = [sys.executable, "-S", "-c", EXECUTE, str(listening.fileno()), *command("app", server=server)]
    variables = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web", **environment}
    return started(arguments, env=variables, pass_fds=[listening.fileno()])


@on_all
def test_systemd_passes_a_socket_and_is_told_of_everything(server: str, tmp_path: Path) -> None:
    """And a client that has connected before the start is served."""
    with ExitStack() as opened:
        listening = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        manager = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(BOUND)
        early = opened.enter_context(connect(listening.getsockname()))
        early.sendall(b"GET /variables HTTP/1.1\r\nHost: test\r\n\r\n")
        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
        running = opened.enter_context(activated(server, listening, **variables))
        place = listening.getsockname()
        assert running.first == f"Started server on http://127.0.0.1:{place[1]} ({server})"
        assert "systemd has passed fd:3 (web)\n" in running.lines
        assert read_until(early, b"]").endswith(b"[]"), "the variables are for this process alone"
        early.close()
        assert [manager.recv(99) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        running.process.send_signal(signal.SIGTERM)
        while (message := manager.recv(99)) == b"WATCHDOG=1":
            pass
        assert message == b"STOPPING=1"
        assert running.process.wait(BOUND) == 0


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="systemd-socket-activate is not installed")
def test_systemd_socket_activate() -> None:
    port = free_port()
    arguments = ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--fdname=web", "-EPYTHONPATH"]
    arguments += command("app", server="native")
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "Listening on" in process.stderr.readline()
            assert ask(("127.0.0.1", port), "/variables").endswith(b"[]")
            process.send_signal(signal.SIGTERM)
            assert process.wait(BOUND) == 0
        finally:
            process.kill()


# -- before the start -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate, and the key of another one."""
    folder = tmp_path_factory.mktemp("pairs")
    authority = trustme.CA()
    for number in "12":
        pair = authority.issue_cert("localhost")
        pair.cert_chain_pems[0].write_to_path(folder / f"{number}.pem")
        pair.private_key_pem.write_to_path(folder / f"{number}.key")
    return str(folder / "1.pem"), str(folder / "2.key")


@on_all
@pytest.mark.parametrize("mistake", ["port", "path", "host", "descriptor", "key", "several"])
def test_what_can_be_known_is_an_error_before_anything_starts(
    server: str, mistake: str, tmp_path: Path, pairs: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    if mistake == "several" and server != "granian":
        return
    app = Application()
    app.on_startup.append(lambda: pytest.fail("the application was started"))
    with ExitStack() as opened:
        options, expected = make_mistake(mistake, opened, tmp_path, pairs)
        with pytest.raises(SystemExit) as caught:
            run_app(app, server=server, **options)
    assert caught.value.code == 1
    assert re.fullmatch(f"error: {expected}\n", capsys.readouterr().err)


def make_mistake(mistake: str, opened: ExitStack, folder: Path, pairs: tuple[str, str]) -> tuple[dict[str, Any], str]:
    """Options that no server can honour, and the pattern of the error."""
    if mistake == "port":
        port = opened.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        return {"port": port}, rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"
    if mistake == "path":
        (folder / "s").write_text("precious")
        return {"uds": str(folder / "s")}, f"cannot listen on unix:{folder}/s: something else than a socket is there.*"
    if mistake == "host":
        return {"host": "nowhere.invalid"}, r"cannot listen on nowhere\.invalid:8080: .+"
    if mistake == "descriptor":
        return {"bind": ["fd:987654"]}, "cannot listen on fd:987654: it is not open; .*"
    if mistake == "key":
        certificate, key = pairs
        mistaken = {"port": 0, "ssl_certfile": certificate, "ssl_keyfile": key}
        return mistaken, f"the private key {key} does not belong to the certificate {certificate}"
    places = [f"unix:{folder}/1", f"unix:{folder}/2"]
    return {"bind": places}, (
        f"server 'granian' listens on one address, got {', '.join(places)}; "
        "servers that can: native, uvicorn, hypercorn"
    )


@on_all
def test_a_port_that_is_taken_while_the_hooks_run(server: str) -> None:
    """The same error in the same words, and the hooks of the end have run."""
    port = free_port()
    code, output = run("taking", {"PORT_TO_TAKE": str(port)}, server=server, port=port)
    assert code == 1
    assert output.endswith(f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n")
    assert "Started server" not in output
    assert "Traceback" not in output
    assert [line for line in output.splitlines() if line in ("started", "told", "cleaned up")] == [
        "started",
        "told",
        "cleaned up",
    ]
