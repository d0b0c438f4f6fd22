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
