"""A parent and its workers: started, watched by what they log, always ended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from tests.support.programs import free_port

PROGRAM = "tests.support.workers_app:app"
PATIENCE = 30.0
ROOT = Path(__file__).parents[2]


class Parent:
    """A running parent, what it and its workers have printed, and requests to them.

    Args:
        directory: where it runs. Files in it change what its application does, see `workers_app`.
        options: of `run_app`.
        command: that starts it in place of `run_app`.
        flags: of the interpreter.
        prefix: a command that starts it.
        pass_fds: descriptors that it inherits.
    """

    def __init__(
        self,
        directory: Path,
        *,
        app: str = PROGRAM,
        flags: Sequence[str] = (),
        prefix: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.directory = directory
        self.port = options.pop("port", None) or free_port()
        if "bind" not in options:
            options["port"] = self.port
        options.setdefault("access_log", False)
        code = f"import sys; from sketch import run_app; sys.exit(run_app({app!r}, **{options!r}))"
        self._lines: list[str] = []
        self._changed = Condition()
        self.process = subprocess.Popen(
            [*prefix, *(command or [sys.executable, *flags, "-c", code])],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
            pass_fds=pass_fds,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/adapters", **(environment or {})},
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._lines.append("END")
            self._changed.notify_all()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def wait_for(self, pattern: str, times: int = 1) -> list[str]:
        """Wait until the pattern stands in the output so many times. Returns what was found."""

        def found() -> list[str] | None:
            matches = re.findall(pattern, self.output)
            assert len(matches) >= times or self._lines[-1:] != ["END"], f"no {pattern!r} in:\n{self.output}"
            return matches if len(matches) >= times else None

        with self._changed:
            matches = self._changed.wait_for(found, PATIENCE)
        assert matches, f"no {pattern!r} after {PATIENCE} s in:\n{self.output}"
        return matches

    def wait_until_ready(self, index: int, generation: int) -> None:
        """Wait until a slot has had so many ready workers."""
        self.wait_for(rf"worker {index} \(process \d+\) is ready", generation)

    def pid(self, index: int) -> int:
        """The process of the newest ready worker of a slot."""
        return int(self.wait_for(rf"worker {index} \(process (\d+)\) is ready")[-1])

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def get(self, path: str = "/") -> Any:
        """Ask on a connection of its own; what the application answers.

        Raises:
            ConnectionError: if there is no answer.
        """
        with self.connect() as sock:
            return ask(sock, path)

    def workers(self, connections: int = 24) -> dict[int, tuple[int, int]]:
        """The process and the generation of each worker that answers one of so many new connections."""
        answers = [self.get() for _ in range(connections)]
        return {answer["index"]: (answer["pid"], answer["generation"]) for answer in answers}

    def shares(self, connections: int) -> list[float]:
        """The share of each worker of so many keep-alive connections that are open at once."""
        with ExitStack() as stack:
            opened = [stack.enter_context(self.connect()) for _ in range(connections)]
            counts = Counter(ask(sock)["index"] for sock in opened)
        return [counts[index] / connections for index in sorted(counts)]

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """Tell it to stop; the exit status."""
        self.send(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and that of its workers; the exit status."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)  # the workers have the same standard output
        assert not self._reader.is_alive(), f"a worker is left behind:\n{self.output}"
        return status

    def kill(self) -> None:
        """End it and its workers at once."""
        for pid in re.findall(r"worker \d+ \(process (\d+)\) is ready", self.output):
            if is_worker(int(pid)):
                os.kill(int(pid), signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)


def ask(sock: socket.socket, path: str = "/") -> Any:
    """Send a request on a connection; what the application answers.

    Raises:
        ConnectionError: if there is no answer.
    """
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    with sock.makefile("rb") as answer:
        head = b"".join(takewhile(b"\r\n".__ne__, answer))
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(f"expected an answer, got {head!r}")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None, head
        return json.loads(answer.read(int(length[1])))


def is_worker(pid: int) -> bool:
    """Whether a process is a worker."""
    try:
        return b"sketch.serving.processes.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@contextmanager
def parent_of_workers(directory: Path, **options: Any) -> Iterator[Parent]:
    """Start a parent, and wait until all of its workers are ready."""
    parent = Parent(directory, **options)
    try:
        parent.wait_for(r"worker \d+ \(process \d+\) is ready", options["workers"])
        yield parent
    finally:
        parent.kill()
