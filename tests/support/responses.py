"""Responses as an adapter gets them."""

from __future__ import annotations

from sketch.pipeline.finalize import finalize
from sketch.response import Response
from tests.support.requests import make_request


def finalized(response: Response, method: str = "GET") -> Response:
    """The response, finalized for a request of that method."""
    finalize(make_request(method=method), response)
    return response


def fields(response: Response, method: str = "GET") -> dict[bytes, bytes]:
    """The header fields of the finalized response; each is sent once."""
    raw = finalized(response, method).raw_headers
    assert len(dict(raw)) == len(raw)
    return dict(raw)
