"""Small programs to be measured."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
    """Start the program, and wait until it listens."""

    def refused(name: str, exc: BenchError) -> None:
        raise AssertionError(f"{name}: {exc}")

    with running({"it": lambda: Program("it", python(code))}, refused) as programs:
        yield programs[0]


def gone(pid: int) -> bool:
    """Whether the process has ended; a zombie counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


ECHO = """
import base64, hashlib
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

def some(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise OSError
        data += part
    return data

def serve(sock):
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        head += some(sock, 1)
    if b" /ws " not in head:
        sock.sendall(b"HTTP/1.1 404 Not Found\\r\\n\\r\\n")
        return
    key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\\r\\n")[0]
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    sock.sendall(b"HTTP/1.1 101 Yes\\r\\nSec-WebSocket-Accept: %b\\r\\n\\r\\n" % accept)
    while True:
        first, second = some(sock, 2)
        size, length = second & 127, b""
        if size > 125:
            length = some(sock, 2 if size == 126 else 8)
            size = int.from_bytes(length, "big")
        mask = some(sock, 4)
        data = bytes(byte ^ mask[n % 4] for n, byte in enumerate(some(sock, size)))
        if first == 0x88 or QUITS:
            return
        sock.sendall(bytes((first, second & 127)) + length + data)

import threading
def run(sock):
    with sock:
        try:
            serve(sock)
        except OSError:
            pass
while True:
    threading.Thread(target=run, args=[server.accept()[0]], daemon=True).start()
"""

GOOD, QUITTING = ECHO.replace("QUITS", "False"), ECHO.replace("QUITS", "True")
