"""Runs a server under test in a process of its own. It ends with its standard input, so it outlives no test run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from sketch.serving.options import ServeError
from sketch.testing.runners import CANCELLED
from sketch.testing.servers import SHORT_DRAIN

_STARTED = re.compile(r"^Started server on https?://(?:\[[^\]]*\]|[^:]*):(\d+)", re.MULTILINE)
_PROGRAM = "import sys; from sketch.testing.process import main; sys.exit(main())"
_OPTIONS = {"port": 0, "keep_alive_drain": SHORT_DRAIN}
_POLL = 0.01
"""Seconds between two looks at what the process has printed."""


class InProcess:
    """Runs an application by its import string, by `run_app` in a new Python with this one's `sys.path`.

    Args:
        server: the backend.
        string: the import string.
        options: further options of `run_app`.
    """

    def __init__(self, server: str, string: str, options: dict[str, Any]) -> None:
        self._task = {"app": string, "options": {**_OPTIONS, "server": server, **options}}
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def output(self) -> str:
        """What the process has printed."""
        if self._log is None or self._log.closed:
            return self._last
        size = self._log.seek(0, os.SEEK_END)
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    _last = ""

    async def start(self, seconds: float) -> int:
        """Start the process. Returns the server's port.

        Raises:
            ServeError: if it ends instead, or does not listen within so many seconds; the message has its output.
        """
        try:
            self._begin()
            async with asyncio.timeout(seconds):
                return await self._port()
        except (TimeoutError, BrokenPipeError):
            text = self.output
            self.kill()
            raise ServeError(f"the server did not start within {seconds} seconds:\n{text}") from None
        except BaseException:
            self.kill()
            raise

    def _begin(self) -> None:
        path = [str(Path(entry).resolve()) for entry in sys.path]  # "" is the working directory
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and a program that stands here
            [sys.executable, *_interpreter_options(), "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(path)},
        )
        assert self._process.stdin is not None, "it is a pipe"
        self._process.stdin.write(json.dumps({**self._task, "path": path}).encode() + b"\n")
        self._process.stdin.flush()

    async def _port(self) -> int:
        assert self._process is not None, "it was started"
        while self._process.poll() is None:
            if found := _STARTED.search(self.output):
                return int(found[1])
            await asyncio.sleep(_POLL)
        raise ServeError(f"the server has ended with status {self._process.returncode} at its start:\n{self.output}")

    def tell(self) -> None:
        """Tell the server to stop."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    async def end(self, seconds: float) -> None:
        """Wait for the end of the process, and kill it after so many seconds.

        Raises:
            ServeError: if it had to be killed, or has not ended in order.
        """
        if self._process is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._wait()
        except TimeoutError:
            text = self.output
            self.kill()
            raise ServeError(f"the server did not stop within {seconds} seconds:\n{text}") from None
        except BaseException:
            self.kill()
            raise
        code, text = self._process.returncode, self.output
        self._close()
        if code:
            raise ServeError(f"the server has ended with status {code}:\n{text}")

    async def _wait(self) -> None:
        assert self._process is not None, "it was started"
        while self._process.poll() is None:  # noqa: ASYNC110  # not every loop and thread has a child watcher
            await asyncio.sleep(_POLL)

    def kill(self) -> None:
        """Stop the server where nothing can be awaited: block until the process has ended, within a bound."""
        if self._process is not None:
            self.tell()
            try:
                self._process.wait(CANCELLED)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._close()

    def _close(self) -> None:
        assert self._process is not None, "it was started"
        if self._log is not None and not self._log.closed:
            self._last = self.output
            self._log.close()
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                return


def _interpreter_options() -> list[str]:
    """The options of this Python that a new one needs to behave the same."""
    return [f"-W{option}" for option in sys.warnoptions] + [f"-X{name}" for name in sys._xoptions if name == "dev"]


def main() -> int:
    """Read the task from standard input, and serve until told to stop."""
    from sketch.serving.run import run_app

    task = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = task["path"]
    threading.Thread(target=_watch, name="sketch parent", daemon=True).start()
    return run_app(task["app"], **task["options"])


def _watch() -> None:
    """End this process once the parent has: then standard input ends."""
    while os.read(0, 1):  # not the buffered reader: a thread that waits in it breaks the end of the interpreter
        pass
    os.kill(os.getpid(), signal.SIGTERM)
