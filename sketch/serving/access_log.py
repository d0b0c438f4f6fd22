"""The access log: one line per exchange, the same on every server."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from sketch.http.grammar import Address

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch.transport import Outcome

logger = logging.getLogger("sketch.access")

# Characters that could end the line or the quotes, or control a terminal.
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
_has_unsafe = _UNSAFE.search


def log_access(request: BaseRequest, outcome: Outcome) -> None:
    """Log `client "METHOD target" status bytes seconds` at level INFO: an `Application.access_log`.

    The client is `-` if it has no address, the status `-` if no response was begun. In method and target, characters
    that could forge a line are escaped. The seconds are those from the request's head to the response's last byte.
    """
    # The request's connection, not the server's: middleware may have put the client behind a proxy there.
    client, status = request.connection.client, outcome.status
    _log(client, request.method, request.target, status, outcome.sent, outcome.seconds)


def log_refused(
    client: Address | None,
    status: int | None,
    *,
    method: str = "-",
    target: bytes = b"-",
    sent: int = 0,
    seconds: float = 0.0,
) -> None:
    """Log a line for what never became a `Request`, and so does not go through `Application.finished`.

    Args:
        client: the peer's address, None without one.
        status: of the refusal, None if it could not be sent.
        method, target: as sent, if they are known.
        sent: bytes of the refusal's body.
        seconds: how long it took.
    """
    _log(client, method, target, status, sent, seconds)


def _log(client: Address | None, method: str, target: bytes, status: int | None, size: int, seconds: float) -> None:
    if logger.isEnabledFor(logging.INFO):
        place = "-" if client is None else _place(client)
        path = _escape(target.decode("latin-1"))
        arguments = (place, _escape(method), path, "-" if status is None else status, size, seconds)
        # As `logger.info` does, which takes a third longer: it looks for its caller, which is always this function.
        logger.handle(
            logger.makeRecord(logger.name, logging.INFO, __file__, _LINE, _FORMAT, arguments, None, _log.__name__)
        )


_FORMAT = '%s "%s %s" %s %d %.6f'
_LINE = _log.__code__.co_firstlineno


def _place(client: Address) -> str:
    """Format an address; an IPv6 one with brackets, else its end could not be told from the port."""
    host, port = _escape(client[0]), client[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _escape(text: str) -> str:
    return text if _has_unsafe(text) is None else _UNSAFE.sub(_escape_character, text)


def _escape_character(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in '"\\' else character.encode("unicode_escape").decode("ascii")
