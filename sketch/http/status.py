"""Status codes and their phrases (RFC 9110 section 15 and the IANA registry)."""

from __future__ import annotations

from http import HTTPStatus

PHRASES: dict[int, str] = {status.value: status.phrase for status in HTTPStatus} | {
    # RFC 9110 section 15 renamed these after the standard library's oldest supported version took its names.
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Reason phrases of RFC 9110 section 15 and of the IANA registry, by status."""
