"""Status codes and their reason phrases (RFC 9110 section 15 and the IANA registry)."""

from __future__ import annotations

from http import HTTPStatus

PHRASES: dict[int, str] = {status.value: status.phrase for status in HTTPStatus} | {
    # RFC 9110 section 15 renamed these; the oldest supported Python still has the former names.
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Reason phrases by status."""


def check_status(status: object, lowest: int = 200, highest: int = 599) -> int:
    """Return a final status: 1xx are not final responses, and above 599 is nothing (RFC 9110 section 15).

    Raises:
        TypeError: for anything but an int, such as `"404"` and True.
        ValueError: for another number.
    """
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"expected a status as an int, got {status!r:.200}")
    if not lowest <= status <= highest:
        raise ValueError(f"expected a final status from {lowest} to {highest}, got {status!r:.200}")
    return status
