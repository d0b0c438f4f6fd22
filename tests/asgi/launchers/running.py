"""Runs `programs.py` on a server: until it ends by itself, or while a test talks to it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
BOUND = 30


def command(app: str, **options: object) -> list[str]:
    pairs = [f"{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "tests.asgi.launchers.programs", f"tests.asgi.launchers.programs:{app}", *pairs]


def run(app: str, environment: Mapping[str, str] | None = None, **options: object) -> tuple[int, str]:
    """A program that is expected to end by itself: exit code and what it has printed on stderr."""
    done = subprocess.run(
        command(app, **options),
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    return done.returncode, done.stderr


class Running:
    """A program that serves."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        self._stderr = process.stderr
        self.lines: list[str] = []
        for line in self._stderr:
            self.lines.append(line)
            if "Started server on " in line:
                break
        else:
            raise AssertionError("".join(self.lines))
        self.first = self.lines[-1].strip()

    @property
    def port(self) -> int:
        match = re.search(r":(\d+)[ ,]", self.first)
        assert match is not None, self.first
        return int(match[1])

    def connect(self, path: str) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=BOUND)
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        return sock

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=BOUND)
        return self.process.returncode, "".join(self.lines) + rest


def serving(server: str, **options: object) -> AbstractContextManager[Running]:
    """The application `app` of programs.py on a server."""
    return started(command("app", server=server, **options))


@contextmanager
def started(arguments: Sequence[str], **options: Any) -> Iterator[Running]:
    """A program that serves; `options` are those of `Popen`."""
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True, **options) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def read_until(sock: socket.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        data = sock.recv(65536)
        assert data, received
        received += data
    return received
