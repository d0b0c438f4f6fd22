"""Servers that may open only a few files, and clients that want more of them than that."""

from __future__ import annotations

import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.native import GET

PROGRAM = """
import sys
from sketch import Application, Response, run_app

app = Application()
app.add_get("/", lambda: Response("ok"))
# asyncio tries to accept as many connections as the backlog has, one after the other, without a descriptor.
run_app(app, port=0, server=sys.argv[1], loop=sys.argv[2], access_log=False, backlog=128)
"""
FEW = 64


@contextmanager
def program(server: str, loop: str, descriptors: int) -> Iterator[subprocess.Popen[str]]:
    """A server that may open so many files, stopped in order at the end."""
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, server, loop],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)),
    )
    try:
        yield running
        running.terminate()
        _, rest = running.communicate(timeout=20)
        assert running.returncode == 0, rest
        if server == "native":  # asyncio's own servers try once more to listen, on a socket that is closed
            assert "Traceback" not in rest
    finally:
        running.kill()
        running.wait()


def lines_until(running: subprocess.Popen[str], pattern: str) -> list[str]:
    """What it prints, up to the line with this pattern."""
    assert running.stderr is not None
    lines = []
    for line in running.stderr:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError(f"no line with {pattern!r} in {lines}")


def answer(client: socket.socket) -> bytes:
    client.settimeout(20)
    client.sendall(GET)
    return client.recv(4096)
