"""The limits that the native server enforces itself: sizes of a head and of buffers, connections, times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Limits of the native server, for `run_app(server_limits=ServerLimits(...))`. Sizes in bytes, times in seconds."""

    target: int = 8 * KIB
    """Size of a request target; more is 414. RFC 9112 section 3 asks for at least 8,000."""
    head: int = 64 * KIB
    """Size of all header fields; more is 431. Enough for large cookies and tokens, too little to fill memory."""
    headers: int = 128
    """Number of header fields; more is 431. Browsers send about fifteen."""
    chunk_overhead: int = 8 * KIB
    """Bytes of trailers, or of chunk extensions beyond what chunks need; more is refused. Few clients send any."""
    pipeline: int = 16
    """Requests of one connection that wait while one is answered; the rest stays unread in the socket."""
    body_buffer: int = 64 * KIB
    """Bytes of a request body that wait for the handler; beyond it the socket is not read."""
    drain: int = 1024 * KIB
    """Size of a request body that is read to its end although the handler does not, so that the connection can go on.
    The answer to a longer one, or to one of unknown size that still comes, has `Connection: close`."""
    connections: int | None = 10_000
    """Open connections; further ones are answered 503 and closed. Each costs a descriptor and some 6 KiB at rest."""
    concurrency: int | None = None
    """Requests that run at once. None is no bound: only you know what one of your requests costs."""
    overload: Literal["refuse", "wait"] = "refuse"
    """What happens to requests over `concurrency`: 503 with Retry-After, or a wait of at most `header_timeout`."""
    header_timeout: float = 10.0
    """Time for a request head, from its first byte (the first head: from the start of the connection). More is 408."""
    keep_alive_timeout: float = 75.0
    """How long an idle connection stays open. Longer than the 60 seconds that load balancers keep theirs: the side
    that forwards requests must be the one that closes, or some of them meet a closed connection."""
    linger_timeout: float = 2.0
    """How long a closing connection is still read, so that the answer is not lost to a reset."""

    def __post_init__(self) -> None:
        for name in ("target", "head", "headers", "pipeline", "body_buffer"):
            if getattr(self, name) < 1:  # no request could ever come through
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)!r}")
        if self.drain < 0:
            raise ValueError(f"expected drain of at least 0, got {self.drain!r}")

    def shortest_timeout(self) -> float:
        """Return the shortest of the timeouts, in seconds."""
        return min(self.header_timeout, self.keep_alive_timeout, self.linger_timeout)
