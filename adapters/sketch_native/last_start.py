"""Finds the start of the request that httptools could not parse, behind others in the same bytes."""

from __future__ import annotations

import httptools


def last_start(seen: bytes, completed: int) -> bytes:
    """Return the bytes from the start of the last request.

    httptools does not say where it stopped. Parsing again byte by byte finds the place; that is done once, as the
    connection ends after it. If the request before began too long ago, the result is a NUL, which is no method.

    Args:
        seen: the bytes fed last.
        completed: how many requests have ended in them.
    """
    if not completed:
        return seen
    counter = _Counter()
    parser = httptools.HttpRequestParser(counter)
    try:
        for position in range(len(seen)):
            parser.feed_data(seen[position : position + 1])
            if counter.completed == completed:
                return seen[position + 1 :]
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return b"\0"
    return b"\0"


class _Counter:
    """Callbacks for httptools that count complete requests."""

    def __init__(self) -> None:
        self.completed = 0

    def on_message_complete(self) -> None:
        self.completed += 1
