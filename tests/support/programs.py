"""Programs that serve: started on a free port, waited for, always stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

STARTUP = 30.0
SHUTDOWN = 30.0


def free_port() -> int:
    """A free TCP port of the loopback interface."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def script(name: str) -> list[str]:
    """The command of that name in the environment that runs the tests."""
    path = Path(sys.executable).with_name(name)
    if name == "sketch" and not path.exists():  # a checkout that is only on the path
        return [sys.executable, "-c", "import sys; from sketch.cli import main; sys.exit(main())"]
    return [str(path)]


class Running:
    """A running server program and what it has printed. Another process of the tests may have started it."""

    def __init__(self, port: int, pid: int, log: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.pid = pid
        self.log = log

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")


class Program(Running):
    """A running server program that this process has started."""

    def __init__(
        self, command: Sequence[str], port: int, cwd: Path, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                process_group=0,
            )
        super().__init__(port, self.process.pid, log)

    def wait_until_it_listens(self) -> None:
        deadline = monotonic() + STARTUP
        while monotonic() < deadline:
            with socket.socket() as sock:
                sock.settimeout(5)
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            try:
                status = self.process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the server ended with status {status}:\n{self.output}")
        raise AssertionError(f"the server does not listen on port {self.port} after {STARTUP} s:\n{self.output}")

    def wait_until_it_answers(self) -> None:
        """For a server that first tries whether it can listen: wait for its 400 to what is no request."""
        deadline = monotonic() + STARTUP
        while monotonic() < deadline:
            with socket.socket() as sock, suppress(ConnectionError):
                sock.settimeout(STARTUP)
                sock.connect(("127.0.0.1", self.port))
                sock.sendall(b"no request\r\n\r\n")
                if sock.recv(1):
                    return
            with suppress(subprocess.TimeoutExpired):
                status = self.process.wait(timeout=0.05)
                raise AssertionError(f"the server ended with status {status}:\n{self.output}")
        raise AssertionError(f"the server does not answer on port {self.port} after {STARTUP} s:\n{self.output}")

    def stop(self) -> int:
        """Ask it to stop; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait_for_its_end()

    def wait_for_its_end(self) -> int:
        """Once it was asked to stop; the exit status."""
        try:
            return self.process.wait(SHUTDOWN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop within {SHUTDOWN} s of SIGTERM:\n{self.output}") from None

    def kill(self) -> None:
        """End it at once, with the processes that it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def serving(command: Sequence[str], port: int, cwd: Path, log: Path) -> Iterator[Program]:
    """Start the program, and wait until it listens; it is always stopped at the end."""
    program = Program(command, port, cwd, log)
    try:
        program.wait_until_it_listens()
        yield program
    finally:
        if program.process.poll() is None:
            program.stop()


@asynccontextmanager
async def running(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program, which is ended with the block."""
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
