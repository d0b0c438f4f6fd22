"""The limits that the native server enforces itself: sizes of a head and of buffers, connections, times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketch.serving.option import option, wrong_numbers

KIB = 1024
BYTES, SECONDS = "BYTES", "SECONDS"
SHORTEST = 0.01
"""Seconds of the shortest timeout: the server looks at its deadlines four times as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Limits of the native server, for `run_app(server_limits=ServerLimits(...))`. Sizes in bytes, times in seconds.

    Raises:
        TypeError: for a value of another type.
        ValueError: for a value that no request or no connection could live with.
    """

    target: int = option(
        8 * KIB, "size of a request target; more is 414", metavar=BYTES, least=1
    )  # RFC 9112, 3: at least 8,000
    head: int = option(
        64 * KIB,
        "size of all header fields; more is 431",
        more="Enough for large cookies and tokens, too little to fill memory.",
        metavar=BYTES,
        least=1,
    )
    headers: int = option(
        128, "number of header fields; more is 431", more="Browsers send about fifteen.", metavar="N", least=1
    )
    chunk_overhead: int = option(
        8 * KIB,
        "size of trailers, or of chunk extensions beyond what chunks need; more is refused",
        more="Few clients send any.",
        metavar=BYTES,
    )
    pipeline: int = option(
        16,
        "requests of a connection that wait while one is answered",
        more="The rest stays unread in the socket.",
        metavar="N",
        least=1,
    )
    body_buffer: int = option(
        64 * KIB,
        "size of what waits of a request body for the handler; beyond it the socket is not read",
        metavar=BYTES,
        least=1,
    )
    drain: int = option(
        1024 * KIB,
        "size of a request body that is read to its end although the handler does not: the connection can go on then",
        more="The answer to a longer one, or to one of unknown size that still comes, has `Connection: close`.",
        metavar=BYTES,
    )
    connections: int | None = option(
        10_000,
        "open connections; further ones are answered 503 and closed, under TLS closed before the handshake",
        more="Each costs a descriptor and some 6 KiB at rest. `run_app` raises the soft limit on open files to what "
        "they need, or warns; without a descriptor new clients wait, and the log has a line a second.",
        metavar="N",
        least=1,
    )
    concurrency: int | None = option(
        None,
        "requests that run at once; no bound by default",
        more="Only you know what one of your requests costs.",
        metavar="N",
        least=1,
    )
    overload: Literal["refuse", "wait"] = option(
        "refuse",
        "what happens to requests over `concurrency`: 503 with Retry-After, or a wait of at most `header_timeout`",
        choices=("refuse", "wait"),
    )
    header_timeout: float = option(
        10.0,
        "time for a request head, from its first byte (the first head: from the start of the connection); more is 408",
        more="A TLS handshake has as long, before it.",
        metavar=SECONDS,
        least=SHORTEST,
    )
    keep_alive_timeout: float = option(
        75.0,
        "how long an idle connection stays open",
        more="Longer than the 60 seconds that load balancers keep theirs: the side that forwards requests must be the "
        "one that closes, or some of them meet a closed connection.",
        metavar=SECONDS,
        least=SHORTEST,
    )
    linger_timeout: float = option(
        2.0,
        "how long a closing connection is still read, so that the answer is not lost to a reset",
        metavar=SECONDS,
        least=SHORTEST,
    )

    def __post_init__(self) -> None:
        for _, error in wrong_numbers(self):
            raise error
        if self.overload not in ("refuse", "wait"):
            raise ValueError(f"expected overload as 'refuse' or 'wait', got {self.overload!r:.200}")

    def shortest_timeout(self) -> float:
        """Return the shortest of the timeouts, in seconds."""
        return min(self.header_timeout, self.keep_alive_timeout, self.linger_timeout)
