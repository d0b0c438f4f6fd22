"""The policy of a route for its websockets: limits, deadlines, origins."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sketch.checks import check_flags
from sketch.http.origins import Origins, is_of_host
from sketch.limits import MIB
from sketch.websocket.close_codes import RESTART, check_close

if TYPE_CHECKING:
    from sketch.request import BaseRequest

ANY_ORIGIN = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketPolicy:
    """The limits, deadlines and allowed origins of a route's websockets. Sizes are in bytes, times in seconds.

    Raises:
        TypeError: for a `compression` that is no bool.
        ValueError: for a size or time that is not positive, a reason that no close frame can hold, and an origin that
            no browser would send.
    """

    max_message: int = MIB
    """The largest message, after decompression; a larger one closes the websocket with 1009."""
    max_queue: int = 16
    """How many messages may wait for the session. When so many wait, or `max_message` bytes in all, the socket is not
    read. Under an ASGI server the server's own queue comes before this one."""
    compression: bool = True
    """Whether to agree to permessage-deflate (RFC 7692). Under an ASGI server the server decides."""
    ping_interval: float | None = 20.0
    """How long a peer may be silent before it is sent a ping (RFC 6455 section 5.5.2); None: for ever. Under an ASGI
    server the server decides."""
    ping_timeout: float | None = 20.0
    """How long a peer may stay silent after a ping before the connection is given up (1006); None: for ever."""
    idle_timeout: float | None = None
    """How long the session may wait for a message, without sending one, before the websocket is closed with 1001."""
    close_timeout: float = 10.0
    """How long the peer may take to answer a close, before the connection is cut."""
    close_reason: str = ""
    """The reason that is sent with the code 1012 when the server stops."""
    origins: Collection[str | re.Pattern[str]] | None = None
    """The origins of pages that may connect: `"https://example.com"`, `"https://*.example.com"` for all its subdomains,
    a compiled regular expression for whole origins; `"*"` for all. None: only the host that the handshake is sent to,
    so that no other site can act for a visitor (RFC 6455 section 10.2). A client that sends no `Origin` is no browser,
    and may connect."""
    _named: Origins | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("max_message", "max_queue"):
            most = getattr(self, name)
            if not isinstance(most, int) or most < 1:
                raise ValueError(f"expected {name} as an int of at least 1, got {most!r:.200}")
        for name in ("ping_interval", "ping_timeout", "idle_timeout", "close_timeout"):
            seconds = getattr(self, name)
            endless = seconds is None and name != "close_timeout"
            if not endless and not (isinstance(seconds, int | float) and seconds > 0):
                raise ValueError(f"expected {name} of more than 0 seconds, got {seconds!r:.200}")
        check_flags(compression=self.compression)
        check_close(RESTART, self.close_reason)
        given = [self.origins] if isinstance(self.origins, str) else self.origins
        object.__setattr__(self, "_named", None if given is None else Origins(given))

    def allows(self, request: BaseRequest) -> bool:
        """Whether the page that a handshake comes from may connect."""
        sent = request.header(b"origin")
        if sent is None:
            return True
        origin = sent.decode("latin-1").lower()
        return is_of_host(origin, request.host.lower()) if self._named is None else origin in self._named


DEFAULT_POLICY = WebSocketPolicy()


def check_policy(policy: WebSocketPolicy | None) -> WebSocketPolicy:
    """Return the policy, or the default one for None. Raises TypeError for anything else."""
    if policy is None:
        return DEFAULT_POLICY
    if not isinstance(policy, WebSocketPolicy):
        raise TypeError(f"expected policy to be a WebSocketPolicy, got {policy!r:.200}")
    return policy
