"""Runs programs to be measured: starts them on a free port, pinned to a core, waits for them, always ends them."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic, sleep

from sketch.bench.cores import Cores
from sketch.bench.errors import BenchError
from sketch.bench.processes import Memory, Times, cpu_seconds, cpu_times, memory

HOST = "127.0.0.1"
READY = 60.0
"""Seconds that a program may take until it listens: ten thousand routes take some frameworks half of that."""
ENDED = 3.0
"""Seconds between SIGTERM and SIGKILL."""
LOOK = 0.01
"""Seconds between two attempts to connect."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that is free now."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def server_command(app: str, server: str, port: int, *, loop: str = "auto") -> list[str]:
    """The command that serves an application by a backend of `sketch`, without an access log.

    It is not `sketch run`: the configuration of a project may be for one server, and all are measured alike.
    """
    options = {"server": server, "port": port, "loop": loop, "access_log": False, "log_level": "error"}
    code = "import sys; sys.path.insert(0, ''); from sketch import run_app; "
    return [sys.executable, "-c", f"{code}sys.exit(run_app({app!r}, shutdown_timeout=1, **{options!r}))"]


class Program:
    """A server process with all its children, pinned to a core.

    Args:
        name: its name in tables.
        command: makes the command line for a port.
        cores: where it runs; None leaves that to the system.
        environment: variables in addition to those of this process.

    Raises:
        BenchError: if the command cannot be started at all.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        *,
        cores: Cores | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.port = free_port()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self.started = monotonic()
        try:
            with _placed(cores.server if cores is not None else None):
                self._process = subprocess.Popen(  # noqa: S603 - what the user asked to measure
                    _mortal(command(self.port)),
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    process_group=0,
                )
        except OSError as exc:
            self._log.close()
            raise BenchError(f"cannot be started: {exc}") from None

    @property
    def pid(self) -> int:
        """The process number; its children are found from it."""
        return self._process.pid

    def wait_ready(self, seconds: float = READY) -> float:
        """Wait until it accepts connections. Returns the seconds since it was started.

        Raises:
            BenchError: if it ends before, or takes too long; with the last line that it has printed.
        """
        while (passed := monotonic() - self.started) < seconds:
            with socket.socket() as sock:
                sock.settimeout(seconds)
                if sock.connect_ex((HOST, self.port)) == 0:
                    return passed
            if self._process.poll() is not None:
                raise BenchError(f"does not start: {self._last_line()}")
            sleep(LOOK)
        raise BenchError(f"does not listen after {seconds:g} s: {self._last_line()}")

    def _last_line(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("error: ") if lines else f"exit status {self._process.returncode}"

    def cpu_seconds(self) -> float:
        """The CPU time that it and its children have used."""
        return cpu_seconds(self.pid)

    def cpu_times(self) -> Times:
        """The CPU time that it and its children have used, divided into user and system."""
        return cpu_times(self.pid)

    def memory(self) -> Memory:
        """The memory that it and its children use."""
        return memory(self.pid)

    def stop(self) -> None:
        """End it and all its children, whatever state they are in."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDED)
        with suppress(ProcessLookupError):  # the group is empty
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


Refused = Callable[[str, BenchError], None]
"""Called with the name of a program that cannot be measured, and why; the others are measured without it."""


@contextmanager
def running(starts: Mapping[str, Callable[[], Program]], refused: Refused) -> Iterator[list[Program]]:
    """Start programs, yield those that are ready, and end all of them, whatever happens.

    Args:
        starts: the functions that start the programs, by name.
        refused: is called for each that does not start.
    """
    started: list[Program] = []
    try:
        # One after the other: they share a core, and each gets its own time to become ready.
        yield [program for name, start in starts.items() if (program := _try(name, start, started, refused))]
    finally:
        for program in started:
            program.stop()


def _try(name: str, start: Callable[[], Program], started: list[Program], refused: Refused) -> Program | None:
    """Start one program and wait for it. It is added to `started`, which are ended, even if it does not get ready."""
    try:
        program = start()
        started.append(program)
        program.wait_ready()
    except BenchError as exc:
        refused(name, exc)
        return None
    return program


@contextmanager
def _placed(core: int | None) -> Iterator[None]:
    """Let the processes started in a block inherit the core, and the highest limit of open files.

    Both are set in this thread and set back: to set them in the child means to run Python between fork and exec, which
    is not safe with threads, and Python warns about it from 3.12 on.
    """
    cores = os.sched_getaffinity(0)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        if core is not None:
            os.sched_setaffinity(0, {core})
        yield
    finally:
        os.sched_setaffinity(0, cores)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _mortal(command: Sequence[str]) -> list[str]:
    """Wrap a command so that the kernel kills it if this process is killed and so cannot end it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)


def run_pinned(
    command: Sequence[str],
    core: int | None,
    *,
    interrupt: float | None = None,
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a tool to its end on a core. Returns what it has printed.

    Args:
        environment: variables in addition to those of this process.
        interrupt: seconds after which to interrupt it (SIGINT), if it does not end by itself.
        timeout: seconds after which it counts as hung.

    Raises:
        BenchError: if it fails or hangs.
    """
    with _placed(core):
        process = subprocess.Popen(  # noqa: S603 - a tool by its full path
            _mortal(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
        )
    try:
        output = _output(process, interrupt, timeout)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{command[0]} did not end within {timeout:g} s") from None
    finally:
        process.kill()
        process.communicate()
    if process.returncode:
        raise BenchError(f"{command[0]} failed: {(output.strip().splitlines() or ['no output'])[-1]}")
    return output


def _output(process: subprocess.Popen[str], interrupt: float | None, timeout: float) -> str:
    if interrupt is not None:
        try:
            return process.communicate(timeout=interrupt)[0]
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
    return process.communicate(timeout=timeout)[0]
