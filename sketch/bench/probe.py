"""Sends one request to a server before it is measured, to check that it gives the expected answer."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass

from sketch.bench import sockets
from sketch.bench.errors import BenchError
from sketch.bench.load import Load
from sketch.bench.program import HOST

TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, the media type and the body of an answer."""

    status: int
    content_type: str
    body: bytes


def probe(load: Load, port: int) -> Answer:
    """Send the request once, over HTTP/1.1 or a websocket.

    Raises:
        BenchError: if there is no answer.
    """
    if load.message is not None:
        return _probe_socket(load, load.message, port)
    secret = load.tls or load.handshakes
    connection = (
        http.client.HTTPSConnection(HOST, port, timeout=TIMEOUT, context=unchecked())
        if secret
        else http.client.HTTPConnection(HOST, port, timeout=TIMEOUT)
    )
    fields = [*load.headers, *(load.rotated[0] if load.rotated else ())]
    try:
        connection.request(load.method, load.target, load.body or None, dict(fields))
        response = connection.getresponse()
        return Answer(response.status, response.getheader("content-type", ""), response.read())
    except (OSError, http.client.HTTPException) as exc:
        raise BenchError(f"{load.method} {load.target} gets no answer: {exc!r}") from None
    finally:
        connection.close()


def unchecked() -> ssl.SSLContext:
    """A TLS context for a client that takes any certificate: what is measured runs on this machine."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _probe_socket(load: Load, size: int, port: int) -> Answer:
    message = b"x" * size
    with sockets.open_socket(load.target, port) as sock:
        came = sockets.exchange(sock, message)
    head = sockets.answer(message).removesuffix(message)
    return Answer(200, "", came.removeprefix(head))


def successful(answer: Answer) -> Answer:
    """Return the answer if it has a status of success.

    Raises:
        BenchError: for any other.
    """
    if not 200 <= answer.status < 300:
        raise BenchError(f"expected an answer of success, got {answer.status}")
    return answer
