"""One request before the load: its answer must be the right one."""

from __future__ import annotations

import pytest

from sketch.bench import BenchError, Load, probe
from sketch.bench.probe import successful
from tests.core.bench.programs import LISTEN, QUITTING, started

ECHO = """
while True:
    sock, _ = server.accept()
    data = sock.recv(65536)
    while data.startswith(b"POST") and not data.endswith(b"body"):
        data += sock.recv(65536)
    status = b"404" if b"/missing" in data else b"200"
    head = b"HTTP/1.1 %b OK\\r\\nContent-Length: %d\\r\\nContent-Type: text/x\\r\\nConnection: close\\r\\n\\r\\n"
    sock.sendall(head % (status, len(data)) + data)
    sock.close()
"""


def test_probe_asks_what_the_load_asks() -> None:
    with started(LISTEN + ECHO) as program:
        answer = probe(Load("/a?b", "POST", (("X-C", "d"),), b"body"), program.port)
        missing = probe(Load("/missing"), program.port)
    assert answer.body.startswith(b"POST /a?b HTTP/1.1\r\n")
    assert b"\r\nX-C: d\r\n" in answer.body
    assert answer.body.endswith(b"\r\n\r\nbody")
    assert (answer.status, answer.content_type) == (200, "text/x")
    assert successful(answer) is answer
    with pytest.raises(BenchError, match="got 404"):
        successful(missing)
    with pytest.raises(BenchError, match="gets no answer"):
        probe(Load(), program.port)


def test_closed_connection_is_an_error() -> None:
    with started(LISTEN + QUITTING) as program, pytest.raises(BenchError, match="closes the connection"):
        probe(Load("/ws", message=1), program.port)
