"""The access log: one line per exchange, the same on every server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sketch.http.grammar import Address
from sketch.observability import logs
from sketch.observability.access_fields import facts_of
from sketch.observability.access_format import AccessFormat
from sketch.observability.formatters import ACCESS
from sketch.transport import AccessLog, Outcome

if TYPE_CHECKING:
    from sketch.http.fields import RawHeaders

logger = logging.getLogger(ACCESS)
_default = AccessFormat()


def chosen_access_log() -> AccessLog:
    """Return the function that logs how an exchange has ended, for `Application.startup`.

    Where nothing but sketch's own handler gets the records, it writes the lines without them, in a tenth of the time.
    """
    return log_access if logs.fallback is None else logs.fallback.access_writer(log_access)


def log_access(request: Any, outcome: Outcome) -> None:
    """Log how an exchange has ended, at level INFO: an `Application.access_log`.

    The record's message is the line, and its attributes are the facts: see `FIELDS`.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    facts = facts_of(request, outcome)
    line = _default if logs.fallback is None else logs.fallback.access_format
    # As `logger.info(line, extra=facts)` does, which takes a third longer: it looks for its caller, this function.
    record = logger.makeRecord(
        logger.name, logging.INFO, __file__, _LINE, line.template, line.arguments(facts), None, log_access.__name__
    )
    record.__dict__.update(facts)
    logger.handle(record)


_LINE = log_access.__code__.co_firstlineno


class _Peer:
    """The connection of what never became a request."""

    __slots__ = ("client",)

    def __init__(self, client: Address | None) -> None:
        self.client = client


class _Refused:
    """What the access log reads of a request, for what never became one."""

    __slots__ = ("connection", "method", "raw_headers", "target")

    route = scope = id = None

    def __init__(self, client: Address | None, method: str, target: bytes) -> None:
        self.connection = _Peer(client)
        self.method = method
        self.target = target
        self.raw_headers: RawHeaders = []


def log_refused(
    client: Address | None,
    status: int | None,
    *,
    method: str = "-",
    target: bytes = b"-",
    sent: int = 0,
    seconds: float = 0.0,
) -> None:
    """Log what never became a `Request`, and so does not go through `Application.finished`.

    Args:
        client: the peer's address, None without one.
        status: of the refusal, None if it could not be sent.
        method, target: as sent, if they are known.
        sent: bytes of the refusal's body.
        seconds: how long it took.
    """
    first_byte_at = None if status is None else seconds
    log_access(_Refused(client, method, target), Outcome(status, sent, 0.0, first_byte_at, seconds))
