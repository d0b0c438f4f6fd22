"""The access log: one line per request, the same on every server."""

from __future__ import annotations

import logging
import re

from sketch.http.grammar import Address

logger = logging.getLogger("sketch.access")

# Characters that could end the line or the quotes, or control a terminal.
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")


def log_access(
    client: Address | None, method: str, target: bytes, status: int | None, size: int, seconds: float
) -> None:
    """Log `client "METHOD target" status bytes seconds` at level INFO.

    Args:
        client: the peer's address; `-` if there is none.
        method, target: as sent; characters that could forge a line are escaped.
        status: of the answer; `-` if none was begun.
        size: bytes of body sent.
        seconds: from the request's head to the answer's last byte.
    """
    logger.info(
        '%s "%s %s" %s %d %.6f',
        "-" if client is None else f"{_escape(client[0])}:{client[1]}",
        _escape(method),
        _escape(target.decode("latin-1")),
        "-" if status is None else status,
        size,
        seconds,
    )


def _escape(text: str) -> str:
    return _UNSAFE.sub(_escape_character, text)


def _escape_character(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in '"\\' else character.encode("unicode_escape").decode("ascii")
