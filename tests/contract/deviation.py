"""One behaviour that transports cannot show, and reasons that several have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Deviation:
    """One behaviour that transports cannot show.

    Args:
        case: name of the test function, with its parameter's id in brackets where only that one deviates.
        transports: which of them.
        expected: what the others do.
        instead: what happens there.
        reason: why it cannot be otherwise.
    """

    case: str
    transports: tuple[str, ...]
    expected: str
    instead: str
    reason: str


NO_RAW_PATH = "The decoded `path`, which is all that is told, does not tell `%2F` from `/`, or bytes from U+FFFD."
LOST_BODY = "For httptools such a request ends at its head; uvicorn drops what follows, or parses it as a request."
OWN_COMMAND = "The server's own command line decides; started by `run_app` or `sketch run`, it is as everywhere."
