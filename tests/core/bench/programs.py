"""Small programs to be measured."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sketch.bench import BenchError, Program, running

LISTEN = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
"""
IDLE = LISTEN + "while True: server.accept()[0].close()\n"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + IDLE
BUSY = """
import time
begin = time.process_time()
held = bytearray(20_000_000)
while time.process_time() - begin < 0.3: pass
print(flush=True)
time.sleep(600)
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {BUSY!r}], stdout=subprocess.PIPE)
child.stdout.readline()
{IDLE}"""


def python(code: str) -> Callable[[int], list[str]]:
    """A command that runs code, with the port as its argument."""
    return lambda port: [sys.executable, "-c", code, str(port)]


@contextmanager
def started(code: str) -> Iterator[Program]:
    """The program, listening."""

    def refused(name: str, exc: BenchError) -> None:
        raise AssertionError(f"{name}: {exc}")

    with running({"it": lambda: Program("it", python(code))}, refused) as programs:
        yield programs[0]
