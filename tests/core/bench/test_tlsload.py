"""The load generator of TLS handshakes: full ones and resumed ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trustme

from sketch.bench import BenchError, Load, probe
from sketch.bench.load import run_load
from sketch.bench.tlsload import Client, load
from tests.core.bench.programs import LISTEN, started

SERVER = """
import ssl
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(CERTIFICATE)
context.num_tickets = TICKETS
while True:
    plain, _ = server.accept()
    try:
        sock = context.wrap_socket(plain, server_side=True)
        status = b"404" if b"/other" in sock.recv(65536) else b"200"
        reused = b"yes" if sock.session_reused else b"no"
        head = b"HTTP/1.1 %b OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n"
        sock.sendall(head % (status, len(reused)) + reused)
        sock.unwrap().close()
    except OSError:
        plain.close()
"""


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    path = tmp_path / "server.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return LISTEN + SERVER.replace("CERTIFICATE", repr(str(path))).replace("TICKETS", str(getattr(request, "param", 2)))


def test_handshakes_are_counted(server: str) -> None:
    with started(server) as program:
        for kind in ("full", "resumed"):
            report = run_load(Load(handshakes=kind), program.port, 0.3)
            assert report.requests > 2
            assert report.p50 is not None
            assert report.p99 is not None
            assert 0 < report.p50 <= report.p99


def test_probe_asks_over_tls(server: str) -> None:
    with started(server) as program:
        for asked in (Load(tls=True), Load(handshakes="full")):
            assert probe(asked, program.port).body == b"no"


@pytest.mark.parametrize("server", [0], indirect=True)
def test_server_without_resumption_is_an_error(server: str) -> None:
    with started(server) as program, pytest.raises(BenchError, match="does not resume TLS sessions"):
        load(Client(program.port, "/", resume=True), 0.1)


def test_failures_are_errors(server: str) -> None:
    with started(server) as program:
        with pytest.raises(BenchError, match=r"answers b'HTTP/1\.1 404"):
            load(Client(program.port, "/other", resume=False), 0.1)
        with pytest.raises(BenchError, match="404"):
            run_load(Load("/other", handshakes="full"), program.port, 0.1)
        port = program.port
    with pytest.raises(BenchError, match="gives no answer over TLS"):
        load(Client(port, "/", resume=False), 0.1)


@pytest.mark.skipif(shutil.which("wrk") is None, reason="no wrk here (Debian: apt-get install wrk)")
def test_wrk_asks_over_tls(server: str) -> None:
    with started(server) as program:
        assert (
            run_load(Load(tls=True, headers=(("Connection", "close"),), connections=1), program.port, 0.5).requests > 1
        )
