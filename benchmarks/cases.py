"""The cases: requests over the network, with the responses that are expected."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from benchmarks.work import CHUNK, CHUNKS, DATA, FIELDS, FILES, FORM_TYPE, ITEM, PHOTO, TEXT, TOKEN, Variant, form
from sketch.bench import Answer, BenchError, Load

BROWSER = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Cookie", "session=3b8a7c5e0f1d4e6a9b2c; theme=dark; consent=1"),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "none"),
)  # fmt: skip
"""What a browser sends with a page's request; `Host` makes them ten."""

USERS = 61
"""How many users take turns where fields rotate: a prime, so that no connection of 64 sends the same twice in a row."""


def _user(number: int) -> tuple[tuple[str, str], ...]:
    """The fields of another browser's request: a version, a session and a page of its own."""
    changed = {
        "User-Agent": f"Mozilla/5.0 (X11; Linux x86_64; rv:{100 + number}.0) Gecko/20100101 Firefox/{100 + number}.0",
        "Cookie": f"session={number * 2654435761:020x}; theme=dark; consent=1",
    }
    fields = tuple((name, changed.get(name, value)) for name, value in BROWSER if name != "Upgrade-Insecure-Requests")
    return (*fields, ("Referer", f"http://127.0.0.1:8000/page/{number}"))


_ALL_USERS = tuple(map(_user, range(USERS)))


@dataclass(frozen=True, slots=True)
class Case:
    """A request that is measured over the network.

    Attributes:
        name, title: for the command line; for tables and pictures.
        load: the request, and how it is sent.
        body: the expected body; if it is JSON, any spelling of the same data is right.
        variant: of the application.
        with_floor: whether the floor's fixed response is right.
        hosting: whether it compares servers by the ASGI applications that they run.
    """

    name: str
    title: str
    load: Load
    body: bytes
    variant: Variant = field(default_factory=Variant)
    with_floor: bool = False
    hosting: bool = False

    def check(self, answer: Answer) -> None:
        """Check a response.

        Raises:
            BenchError: if it is not the expected one.
        """
        if answer.status != 200:
            raise BenchError(f"answers {answer.status}")
        if answer.body != self.body and _data(answer.body) != _data(self.body):
            raise BenchError(f"answers {answer.body[:40]!r} where {self.body[:40]!r} is expected")


def _data(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _routes(count: int) -> Case:
    # The middle route: what a search in order takes on average.
    load = Load(f"/section{count // 2}/42")
    title = f"{count:,} route{'s' if count > 1 else ''}"
    return Case(f"routes-{count}", title, load, b"42", Variant(routes=count))


def _form(name: str, title: str, mebibytes: int, connections: int) -> Case:
    """Make a case with a form. Handlers answer with the number of names and the size of the file."""
    load = Load("/form", "POST", (("Content-Type", FORM_TYPE),), form(PHOTO * mebibytes), connections)
    return Case(name, title, load, b"%d %d" % (FIELDS + 1, mebibytes * len(PHOTO)))


_JSON = (("Content-Type", "application/json"),)
_ITEM = json.dumps(ITEM, separators=(",", ":")).encode()

MAIN = (
    Case("text", "plain text", Load("/"), TEXT, with_floor=True),
    Case("headers", "ten browser headers", Load("/", headers=BROWSER), TEXT, with_floor=True),
    Case("rotating", "ten headers, 61 users", Load("/", rotated=_ALL_USERS), TEXT, with_floor=True),
    Case("path", "path parameter", Load("/user/42"), b"42"),
    Case("json", "JSON", Load("/json"), json.dumps(DATA).encode()),
    Case("echo", "JSON echo (POST)", Load("/echo", "POST", _JSON, _ITEM), _ITEM),
)
"""The cases of the default group that all frameworks take part in."""

_SCRIPT = (
    *((name, value) for name, value in BROWSER if name not in ("Accept", "Upgrade-Insecure-Requests")),
    ("Accept", "application/json"),
    ("Authorization", f"Bearer {TOKEN}"),
    *_JSON,
)
_ORDER = json.dumps({"id": 42, "user": "ada", "order": ITEM}).encode()
_ECDSA, _RSA = Variant(tls="ecdsa"), Variant(tls="rsa")

SPECIAL = (
    Case("realistic", "realistic request", Load("/orders/42", "POST", _SCRIPT, _ITEM), _ORDER, Variant(realistic=True)),
    Case("tls", "keep-alive", Load("/", connections=8, tls=True), TEXT, _ECDSA),
    Case("tls-ecdsa", "full handshake, ECDSA", Load("/", handshakes="full"), TEXT, _ECDSA),
    Case("tls-resumed", "resumed handshake", Load("/", handshakes="resumed"), TEXT, _ECDSA),
    Case("tls-rsa", "full handshake, RSA", Load("/", handshakes="full"), TEXT, _RSA),
)
"""The cases of the default group for some contestants."""

FILE_CASES = (
    Case("file-1k", "file of 1 KiB", Load("/file"), FILES["1k"], Variant(file="1k")),
    Case("file-64k", "file of 64 KiB", Load("/file"), FILES["64k"]),
    Case("file-16m", "file of 16 MiB", Load("/file", connections=8), FILES["16m"], Variant(file="16m")),
)

FORM_CASES = (
    _form("form", "form with a file of 1 MiB", 1, 16),
    _form("form-64m", "form with a file of 64 MiB", 64, 1),
)


def _echoes(name: str, size: int) -> Case:
    load = Load("/ws", connections=32, message=size)
    return Case(f"websocket-{name}", f"websocket echo, {size:,} bytes", load, b"x" * size, Variant(websockets=True))


SOCKET_CASES = (_echoes("64", 64), _echoes("16k", 16 * 1024))

HOSTING_CASES = (
    Case("hosting-text", "hosted ASGI application: plain text", Load("/"), TEXT, hosting=True),
    Case(
        "hosting-echo", "hosted ASGI application: JSON echo", Load("/echo", "POST", _JSON, _ITEM), _ITEM, hosting=True
    ),
    Case("hosting-stream", "hosted ASGI application: stream", Load("/stream"), CHUNK * CHUNKS, hosting=True),
)

MORE = (
    _routes(1),
    _routes(100),
    _routes(10_000),
    Case("middlewares", "three middlewares", Load("/"), TEXT, Variant(middlewares=3)),
    Case("stream", "streamed body, 16 x 1 KiB", Load("/stream"), CHUNK * CHUNKS),
    *FILE_CASES,
    *SOCKET_CASES,
    *FORM_CASES,
    *HOSTING_CASES,
    Case("close", "keep-alive off", Load("/", headers=(("Connection", "close"),)), TEXT),
    Case("connections-1", "1 connection", Load("/", connections=1), TEXT, with_floor=True),
    Case("connections-64", "64 connections", Load("/", connections=64), TEXT, with_floor=True),
    Case("connections-1000", "1,000 connections", Load("/", connections=1000), TEXT, with_floor=True),
    Case("http2", "HTTP/2", Load("/", connections=8, http2=True), TEXT),
)

NETWORK = {case.name: case for case in (*MAIN, *SPECIAL, *MORE)}
