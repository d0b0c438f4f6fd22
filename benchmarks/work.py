"""The work that every contestant does.

This module imports nothing of sketch: in a peer's process, that would count as the peer's time and memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

TEXT = b"Hello, World!"
DATA = {"message": "Hello, World!"}
ITEM = {"id": 42, "name": "a thing", "tags": ["blue", "round"], "price": 12.5, "stock": {"here": 3, "there": 0}}
CHUNK = b"0123456789abcdef" * 64
CHUNKS = 16
FILES = {"1k": CHUNK, "64k": CHUNK * 64, "16m": CHUNK * 16 * 1024}

# The realistic request: a browser's script posts an order, and says who it is by a token. There are three middlewares,
# from the outside: one gives the request an id and answers with it in `X-Request-ID`, one adds SECURITY to each answer,
# one refuses unknown tokens. The handler answers with the id in the path, the user, and the order. Every request is a
# line of the access log.
TOKEN = "3b8a7c5e0f1d4e6a9b2c7d8e9f0a1b2c"
USERS = {TOKEN: "ada"}
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}

GIBIBYTE = 1024**3
"""The bound for uploads, where a framework's default is smaller."""

PHOTO = Random(1).randbytes(1024 * 1024)
FIELDS = 20
BOUNDARY = b"----benchmark7f3a9c4be1d25086"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY.decode()}"


def form(file: bytes) -> bytes:
    """A form of twenty short fields and a file, as a browser sends it."""
    head = b'--%b\r\nContent-Disposition: form-data; name="%b"'
    fields = [head % (BOUNDARY, b"field%d" % n) + b"\r\n\r\nvalue number %d\r\n" % n for n in range(FIELDS)]
    disposition = head % (BOUNDARY, b"file") + b'; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return b"".join(fields) + disposition + file + b"\r\n--%b--\r\n" % BOUNDARY


@dataclass(frozen=True, slots=True)
class Variant:
    """How an application is built: with how many routes `/section{n}/{id}`, and how many middlewares that do nothing.

    `file` is what `/file` sends: in a case, a name in FILES; in the application, the file's path. With `websockets` the
    server answers handshakes, and `/ws` sends back what it gets. `tls` is the kind of key for HTTPS, `rsa` or `ecdsa`;
    in the application, a folder with `cert.pem` and `key.pem`. `realistic` is the application of `/orders/{id}` below.
    """

    routes: int = 1
    middlewares: int = 0
    file: str = "64k"
    websockets: bool = False
    tls: str = ""
    realistic: bool = False
