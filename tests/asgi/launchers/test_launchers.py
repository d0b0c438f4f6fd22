"""Real servers started by the launchers: first line, stop, exit code and errors are the same on each."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme

from tests.asgi.launchers.running import BOUND, ROOT, command, read_until, run, serving

SERVERS = ("uvicorn", "hypercorn", "granian")

pytestmark = pytest.mark.parametrize("server", SERVERS)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_starts_answers_and_stops(server: str, loop: str, number: signal.Signals) -> None:
    with serving(server, loop=loop) as running:
        assert re.fullmatch(rf"Started server on http://127\.0\.0\.1:\d+ \({server}\)", running.first)
        with running.connect("/") as sock:
            read_until(sock, b"hello http")
        code, output = running.end(number)
    assert code == 0, output
    assert output.index("started") < output.index("cleaned up")
    assert re.search(r'127\.0\.0\.1:\d+ "GET /" 200 10 \d+\.\d+', output)
    assert output.count('"GET /') == 1, "the server's own access log is off"


def test_stream_hears_of_the_stop_and_ends_completely(server: str) -> None:
    with serving(server) as running:
        with running.connect("/until-stopped") as sock:
            read_until(sock, b"begun")
            running.process.send_signal(signal.SIGTERM)
            read_until(sock, b"0\r\n\r\n")
        code, output = running.process.wait(BOUND), ""
    assert code == 0, output


def test_endless_stream_is_cancelled_after_the_grace_period(server: str) -> None:
    with serving(server, shutdown_timeout=0.2) as running, running.connect("/endless") as sock:
        read_until(sock, b"begun")
        code, output = running.end()
    assert code == 0, output
    assert output.count("stream closed") == 1
    assert "cleaned up" in output


def test_stream_is_closed_when_the_client_leaves(server: str) -> None:
    with serving(server) as running:
        with running.connect("/endless") as sock:
            read_until(sock, b"begun")
        for line in running.process.stderr or ():
            if "stream closed" in line:
                break
        else:
            raise AssertionError("the stream was not closed")
        assert running.end()[0] == 0


@pytest.mark.parametrize(("app", "error"), [("failing", "ValueError"), ("exiting", "SystemExit")])
def test_failing_start(server: str, app: str, error: str) -> None:
    code, output = run(app, server=server)
    assert code == 1, output
    assert f"{error}: no database" in output
    assert "cleaned up" in output
    assert "Started server" not in output
    assert output.count("ValueError: no database") == (app == "failing"), "one traceback, and no repetition of it"
    assert "the start failed" not in output


def test_an_order_during_the_start_cancels_it_and_is_no_error(server: str) -> None:
    with subprocess.Popen(command("waiting", server=server), cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "waiting\n"
            process.send_signal(signal.SIGTERM)
            _, output = process.communicate(timeout=BOUND)
        finally:
            process.kill()
    assert process.returncode == 0, output
    assert re.fullmatch(r"[^\n]* INFO sketch.server: the order to stop came during the start\n", output)


def test_port_in_use(server: str) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        code, output = run("app", server=server, port=port)
    assert (code, output) == (1, f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n")


def test_unknown_host(server: str) -> None:
    code, output = run("app", server=server, host="nowhere.invalid")
    assert code == 1
    assert output.startswith("error: cannot listen on nowhere.invalid:0: ")
    assert output.count("\n") == 1


def test_unix_socket(server: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with serving(server, uds=path) as running:
        assert running.first == f"Started server on unix:{path} ({server})"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(BOUND)
            sock.connect(str(path))
            sock.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            read_until(sock, b"hello")
        taken = f"error: cannot listen on unix:{path}: Address already in use\n"
        assert run("app", server=server, uds=path) == (1, taken)
        code, output = running.end()
    assert code == 0, output
    assert not path.exists()


def test_tls(server: str, tmp_path: Path) -> None:
    pair = trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem
    files = tmp_path / "both.pem"
    pair.write_to_path(files)
    with serving(server, ssl_certfile=files) as running:
        assert running.first.startswith("Started server on https://")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", running.port), timeout=BOUND)
        with plain, context.wrap_socket(plain) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            read_until(sock, b"hello https")
        assert running.end()[0] == 0


def test_unusable_certificate(server: str, tmp_path: Path) -> None:
    files = tmp_path / "missing.pem"
    code, output = run("app", server=server, ssl_certfile=files)
    assert code == 1
    assert output == f"error: cannot read the certificate {files}: No such file or directory\n"
