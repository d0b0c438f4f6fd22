"""The limits that the native server enforces itself: sizes of a head and of buffers, connections, times."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from sketch.serving.options import ServeError

KIB = 1024
SHORTEST = 0.01
"""Seconds of the shortest timeout: the server looks at its deadlines four times as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Limits of the native server, for `run_app(server_limits=ServerLimits(...))`. Sizes in bytes, times in seconds.

    Raises:
        TypeError: for a value of another type.
        ValueError: for a value that no request or no connection could live with.
    """

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
        for name, value in ((each.name, getattr(self, each.name)) for each in fields(self)):
            if name == "overload":
                if value not in ("refuse", "wait"):
                    raise ValueError(f"expected overload as 'refuse' or 'wait', got {value!r}")
            elif name.endswith("_timeout"):
                _check_time(name, value)
            elif value is not None or name not in ("connections", "concurrency"):
                _check_count(name, value, 0 if name in _MAY_BE_ZERO else 1)

    @classmethod
    def of(cls, given: object) -> ServerLimits:
        """Return the limits that were given as an option, the defaults for None.

        Raises:
            ServeError: for anything else.
        """
        if given is None:
            return cls()
        if not isinstance(given, cls):
            raise ServeError(f"expected server_limits as ServerLimits(...), got {given!r:.200}")
        return given

    def shortest_timeout(self) -> float:
        """Return the shortest of the timeouts, in seconds."""
        return min(self.header_timeout, self.keep_alive_timeout, self.linger_timeout)


_MAY_BE_ZERO = frozenset({"chunk_overhead", "drain"})
"""Sizes of what a request can do without; with any other limit of 0 none could come through."""


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected {name} as an int, got {value!r}")
    if value < least:
        raise ValueError(f"expected {name} of at least {least}, got {value!r}")


def _check_time(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"expected {name} as a number of seconds, got {value!r}")
    if not value >= SHORTEST:
        raise ValueError(f"expected {name} of at least {SHORTEST} seconds, got {value!r}")
