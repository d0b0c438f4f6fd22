"""The response of a foreign application, with header fields as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sketch.http.fields import RawFields
from sketch.response import Response

if TYPE_CHECKING:
    from sketch.transport import Body


class RawResponse(Response):
    """A response as a foreign application gives it. Its fields become a multidict only when `headers` is read.

    Args:
        status: of the response.
        fields: names and values; their order is kept, and so are duplicates.
        body: as it is sent.
    """

    __slots__ = ()

    def __init__(self, status: int, fields: Iterable[tuple[bytes, bytes]], body: Body) -> None:
        self.status = status
        self.body = body
        self.owner = None
        self._background = ()
        self._content_type = None
        self._headers = RawFields(fields)
        self._encoded = None
