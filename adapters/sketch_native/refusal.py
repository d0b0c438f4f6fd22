"""What the server itself answers to a request that the application does not get."""

from __future__ import annotations

from sketch.http.status import PHRASES


class Refusal(Exception):
    """The server refuses a request, with this status and reason. The connection is closed after the answer."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(status, reason)

    @property
    def text(self) -> bytes:
        """The body of the answer."""
        return f"{self.status} {PHRASES[self.status]}: {self.reason}\n".encode()


OVERLOAD = Refusal(503, "the server is overloaded")

PLAIN_HTTP = Refusal(400, "this port speaks HTTPS, and the request came without TLS")

STOPPING = Refusal(503, "the server is stopping")
