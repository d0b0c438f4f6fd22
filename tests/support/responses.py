"""Responses as an adapter gets them."""

from __future__ import annotations

from multidict import CIMultiDict

from sketch.pipeline.finalize import finalize
from sketch.response import Response
from sketch.transport import WireResponse
from tests.support.requests import make_request


def finalized(response: Response, method: str = "GET") -> WireResponse:
    """The response as it goes on the wire, to a request of that method."""
    return finalize(make_request(method=method), response)


def fields(response: Response, method: str = "GET") -> dict[bytes, bytes]:
    """The header fields of the finalized response; each is sent once."""
    found = finalized(response, method).fields
    assert len(dict(found)) == len(found)
    return dict(found)


def headers_of(wire: WireResponse) -> CIMultiDict[str]:
    """The header fields as text."""
    return CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in wire.fields)
