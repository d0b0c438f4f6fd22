"""Clients that count what they lose. Each behaves as a common kind of HTTP client does, and never repeats a request."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

PATIENCE = 30.0
"""Seconds until a request counts as lost. On a busy machine a server needs some of them to start."""

PLAIN = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLOSING = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: close\r\n", re.IGNORECASE)


class Lost(Exception):
    """Raised for a request without an answer; the message is the kind of loss."""


@dataclass
class Tally:
    """What has become of the requests of some clients."""

    answered: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """How many requests got no answer."""
        return self.lost.total()

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.lost.items()))
        return f"{self.answered} answered, {self.failed} failed{f' ({kinds})' if kinds else ''}"


@dataclass(frozen=True)
class Place:
    """Where the server is, and when the clients end."""

    port: int
    over: asyncio.Event
    tls: ssl.SSLContext | None = None


class Line:
    """A connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, place: Place) -> Line:
        """Connect.

        Raises:
            Lost: if the server does not accept.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                opened = await asyncio.open_connection(
                    "127.0.0.1", place.port, ssl=place.tls, server_hostname="localhost" if place.tls else None
                )
        except TimeoutError:
            raise Lost("not accepted") from None
        except ConnectionRefusedError:
            raise Lost("refused") from None
        except OSError:
            raise Lost("reset while connecting") from None
        return cls(*opened)

    @property
    def ended(self) -> bool:
        """Whether the server has closed the connection, as far as the client knows."""
        return self._reader.at_eof() or self._reader.exception() is not None

    def send(self, data: bytes) -> None:
        """Send requests."""
        self._writer.write(data)

    async def answer(self) -> bool:
        """Wait for an answer. Returns whether the connection goes on after it.

        Raises:
            Lost: if there is none.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._answer()
        except TimeoutError:
            raise Lost("not answered in time") from None
        except asyncio.IncompleteReadError as exc:
            raise Lost("cut off" if exc.partial else "closed without an answer") from None
        except OSError:
            raise Lost("reset") from None

    async def _answer(self) -> bool:
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise Lost(head.partition(b"\r\n")[0].decode("latin-1"))
        length = _LENGTH.search(head)
        await self._reader.readexactly(int(length[1]) if length else 0)
        return _CLOSE.search(head) is None

    def close(self) -> None:
        """Close it."""
        self._writer.close()


Client = Callable[[Place, Tally], Awaitable[None]]
Load = Callable[[Place], Awaitable[Tally]]
"""Sends requests until the event of the place is set. Returns what has become of them."""


async def new_connections(place: Place, tally: Tally) -> None:
    """A client that opens a connection for each request."""
    while not place.over.is_set():
        try:
            line = await Line.open(place)
            try:
                line.send(CLOSING)
                await line.answer()
                tally.answered += 1
            finally:
                line.close()
        except Lost as exc:
            tally.lost[str(exc)] += 1


def keep_alive(longest_pause: float = 0.0) -> Client:
    """A client that keeps its connection until the server ends it, and pauses between its requests.

    It heeds `Connection: close`, and does not use a connection of which it knows that it is closed.

    Args:
        longest_pause: in seconds; a pause is of any length up to it.
    """

    async def client(place: Place, tally: Tally) -> None:
        line: Line | None = None
        while not place.over.is_set():
            if longest_pause:
                await asyncio.sleep(random.uniform(0, longest_pause))
            try:
                if line is None or line.ended:
                    _close(line)
                    line = None
                    line = await Line.open(place)
                line.send(PLAIN)
                goes_on = await line.answer()
                tally.answered += 1
            except Lost as exc:
                tally.lost[str(exc)] += 1
                goes_on = False
            if not goes_on:
                _close(line)
                line = None
        _close(line)

    return client


def pipelining(depth: int = 8) -> Client:
    """A client that sends several requests at once. Those behind an answer with `Connection: close` it sends again.

    RFC 9112 section 9.6: the server has not processed them.
    """

    async def client(place: Place, tally: Tally) -> None:
        line: Line | None = None
        while not place.over.is_set():
            try:
                if line is None or line.ended:
                    _close(line)
                    line = None
                    line = await Line.open(place)
                line.send(PLAIN * depth)
                for _ in range(depth):
                    goes_on = await line.answer()
                    tally.answered += 1
                    if not goes_on:
                        break
            except Lost as exc:
                tally.lost[str(exc)] += 1
                goes_on = False
            if not goes_on:
                _close(line)
                line = None
        _close(line)

    return client


def _close(line: Line | None) -> None:
    if line is not None:
        line.close()


def clients(client: Client, count: int) -> Load:
    """So many clients of a kind, side by side."""

    async def load(place: Place) -> Tally:
        tally = Tally()
        await asyncio.gather(*(client(place, tally) for _ in range(count)))
        return tally

    return load


def wrk(connections: int) -> Load:
    """The program wrk, which keeps its connections and sends the next request as soon as it has an answer."""

    async def load(place: Place) -> Tally:
        process = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{connections}", "-d1h", "--timeout", f"{PATIENCE:.0f}s"),
            f"{'https' if place.tls else 'http'}://127.0.0.1:{place.port}/",
            stdout=asyncio.subprocess.PIPE,
        )
        await place.over.wait()
        process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
        return read_wrk(output.decode())

    return load


def read_wrk(output: str) -> Tally:
    """Read what wrk prints at its end."""
    answered = re.search(r"(\d+) requests in ", output)
    assert answered is not None, output
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    lost = (
        dict(zip(("not connected", "not read", "not written", "timed out"), errors.groups(), strict=True))
        if errors
        else {}
    )
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    if wrong:
        lost["not 2xx"] = wrong[1]
    return Tally(int(answered[1]), Counter({kind: int(count) for kind, count in lost.items() if int(count)}))
