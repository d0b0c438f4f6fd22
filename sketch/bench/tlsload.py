"""Puts load on a server by TLS handshakes: one connection after the other, each for one request.

`python -m sketch.bench.tlsload PORT TARGET full|resumed SECONDS`. The client is no bottleneck that would count: the CPU
time of the server is what is measured.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import sys
from statistics import quantiles
from time import perf_counter

from sketch.bench.errors import BenchError
from sketch.bench.probe import unchecked
from sketch.bench.program import HOST
from sketch.bench.sockets import ENOUGH

KINDS = ("full", "resumed")


class Client:
    """A client that opens connections in turn.

    Args:
        port, target: what is asked for.
        resume: whether each connection resumes the session of the one before (RFC 8446, section 2.2).
    """

    def __init__(self, port: int, target: str, *, resume: bool) -> None:
        self._port = port
        self._request = f"GET {target} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode()
        self._context = unchecked()
        self._resume = resume
        self._session: ssl.SSLSession | None = None

    def ask(self) -> None:
        """Open a connection, ask, and read to its end.

        Raises:
            BenchError: if there is no answer, or if the server does not resume the session.
        """
        try:
            with (
                socket.create_connection((HOST, self._port), ENOUGH) as plain,
                self._context.wrap_socket(plain, session=self._session) as sock,
            ):
                sock.sendall(self._request)
                data = _everything(sock)
                if self._session is not None and not sock.session_reused:
                    raise BenchError("does not resume TLS sessions")
                if self._resume:
                    self._session = sock.session
        except OSError as exc:
            raise BenchError(f"gives no answer over TLS: {exc!r}") from None
        if not data.startswith(b"HTTP/1.1 200 "):
            raise BenchError(f"answers {data[:40]!r} over TLS")


def _everything(sock: ssl.SSLSocket) -> bytes:
    data = b""
    while part := sock.recv(65536):
        data += part
    return data


def load(client: Client, seconds: float) -> dict[str, float]:
    """Ask again and again for some seconds. Returns how often, in how long, and the percentiles of the latency.

    Raises:
        BenchError: as `Client.ask` does.
    """
    client.ask()  # gets the session that is resumed
    taken: list[float] = []
    begin = perf_counter()
    while (now := perf_counter()) - begin < seconds or len(taken) < 2:
        client.ask()
        taken.append(perf_counter() - now)
    cuts = quantiles(taken, n=100)
    return {"done": len(taken) + 1, "seconds": perf_counter() - begin, "p50": cuts[49], "p99": cuts[98]}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m sketch.bench.tlsload")
    parser.add_argument("port", type=int)
    parser.add_argument("target")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    try:
        report = load(Client(given.port, given.target, resume=given.kind == "resumed"), given.seconds)
    except BenchError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
