"""Conditional requests for any response: 304 and 412 in place of a 200 with validators (RFC 9110 section 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sketch.http.conditions import OF_CONTENT, Validators, check_conditions, conditional_fields, parse_date
from sketch.http.status import PHRASES
from sketch.response import TEXT, Response

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from sketch.request import BaseRequest


def by_conditions(request: BaseRequest, response: Response) -> Response:
    """Return a response, or what the conditions of a GET or HEAD demand in its place: a 304 or a 412 without content.

    Args:
        request: its conditions apply.
        response: a 200 with an ETag or a Last-Modified. It is only read: another request may be sending it.
    """
    if request.method not in ("GET", "HEAD"):  # what an unsafe method does is done: its handler checks before it acts
        return response
    conditions = conditional_fields(request.raw_headers)
    status = check_conditions(request.method, conditions.get, _validators(response.headers))
    return response if status is None else _without_content(response, status)


def _validators(headers: CIMultiDict[str]) -> Validators:
    """The validators of a response. Malformed ones match nothing."""
    modified = headers.get("Last-Modified")
    date = None if modified is None else modified.encode("latin-1", "replace")
    return Validators(headers.get("ETag"), parse_date(date))


def _without_content(response: Response, status: int) -> Response:
    """Return a response without its content, and without the fields that describe it; a 412 says what it is."""
    other = Response.copy(response)
    for name in OF_CONTENT:
        other.headers.popall(name, None)
    other.status, other.body = status, b""
    if status != 304:
        other.body, other.content_type = f"{status} {PHRASES[status]}".encode(), TEXT
    return other
