"""A project that is edited while it is served: its parent, and what its clients see."""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any, NamedTuple

from tests.support.pace import bound
from tests.support.workers import PATIENCE, ROOT, Parent

APPLICATION = """
import asyncio, time
from sketch import Application, Response, StreamResponse, WebSocket

app = Application()

@app.get("/")
async def version() -> Response:
    return Response("VERSION")

@app.get("/slow")
async def slow() -> Response:
    print("slow request", flush=True)
    await asyncio.sleep(0.4)
    return Response("slow")

@app.get("/block")
async def block() -> Response:
    print("blocked", flush=True)
    time.sleep(600)

@app.get("/fails")
async def fails() -> Response:
    raise LookupError("no tea")

@app.get("/stream")
async def stream() -> StreamResponse:
    async def forever():
        while True:
            yield b"x"
            await asyncio.sleep(0.02)
    return StreamResponse(forever())

@app.websocket("/ws")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)
"""


class Got(NamedTuple):
    """An answer."""

    status: int
    text: str


class Open(Thread):
    """A connection that stays open, until the server ends it."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(daemon=True)
        self.sock = sock
        self.last = sock.recv(65536)
        self.ended_at = 0.0
        self.start()

    def run(self) -> None:
        try:
            while data := self.sock.recv(65536):
                self.last = data
        except OSError:
            pass
        self.ended_at = monotonic()
        self.sock.close()

    def ended_after(self, began: float) -> float:
        """Seconds until the server has ended it."""
        self.join(PATIENCE)
        assert self.ended_at, "it is still open"
        return self.ended_at - began


class Project(Parent):
    """A folder with `main.py` and `tea.py`, served with `reload`."""

    def write(self, text: str, name: str = "main.py") -> float:
        """Save a file as editors do, by another one that takes its place. Returns the time."""
        other = self.directory / f"{name}.tmp~"
        other.write_text(text)
        other.replace(self.directory / name)
        return monotonic()

    def save(self, version: str, more: str = "", name: str = "tea.py") -> float:
        """Save a version of the application."""
        return self.write(APPLICATION.replace("VERSION", version) + more, name)

    def ask(self, path: str = "/", host: str = "localhost", *fields: str) -> Got:
        """Ask on a connection of its own, which may have to wait."""
        with self.send_head(path, host, "Connection: close", *fields) as sock, sock.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
        assert head, "expected an answer, got the end of the connection"
        return Got(int(head.split()[1]), body.decode())

    def send_head(self, path: str, host: str = "localhost", *fields: str) -> socket.socket:
        sock = self.connect()
        sock.sendall("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *fields, "", ""]).encode())
        return sock

    def open_stream(self) -> Open:
        return Open(self.send_head("/stream"))

    def shake_hands(self) -> socket.socket:
        key = base64.b64encode(os.urandom(16)).decode()
        fields = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}")
        return self.send_head("/ws", "localhost", *fields)

    def open_websocket(self) -> Open:
        opened = Open(self.shake_hands())
        assert opened.last.startswith(b"HTTP/1.1 101 "), opened.last
        return opened

    def until(self, wanted: Callable[[Got], bool], **options: Any) -> Got:
        """Ask again and again, without a pause that would hide a request that fails."""
        deadline = monotonic() + PATIENCE
        while not wanted(got := self.ask(**options)):
            assert monotonic() < deadline, f"{got}\n{self.output}"
            sleep(0.01)
        return got

    def until_answer(self, text: str) -> None:
        """Ask until that is the answer."""
        self.until(lambda got: got == (200, text))

    @property
    def errors(self) -> list[str]:
        return re.findall(r"ERROR sketch: (.*)", self.output)


@contextmanager
def project(directory: Path, *, main: str | None = None, polling: bool = False, **options: Any) -> Iterator[Project]:
    """Serve a project with `reload`: version 1 in `tea.py`, which `main.py` imports."""
    environment: Mapping[str, str] = {}
    (directory / "tea.py").write_text(APPLICATION.replace("VERSION", "1"))
    (directory / "main.py").write_text(main or "from tea import app\n")
    if polling:
        absent = directory / ".absent" / "watchfiles.py"
        absent.parent.mkdir()
        absent.write_text("raise ImportError('not installed')")
        environment = {"PYTHONPATH": f"{absent.parent}:{ROOT}:{ROOT}/adapters"}
    served = Project(directory, app="main:app", reload=True, environment=environment, **options)
    try:
        served.wait_for("INFO sketch: watching ")
        yield served
    finally:
        served.kill()


def takes_the_place_of_the_old_one(served: Project) -> None:
    """Version 2, saved while a stream and a websocket are open: what takes how long."""
    opened = [served.open_stream(), served.open_websocket()]
    began = served.save("2")
    served.until_answer("2")  # no request of these fails, and those between the two wait
    assert monotonic() - began < bound(1, 2.5)
    assert all(each.ended_after(began) < bound(0.7, 1.5) for each in opened)
    assert opened[1].last.endswith(b"\x88\x02\x03\xf4"), "a close with the code 1012"
