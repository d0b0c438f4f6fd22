"""The response of a foreign application, with header fields as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from multidict import CIMultiDict

from sketch.http.fields import RawFields
from sketch.response import Response

if TYPE_CHECKING:
    from sketch.transport import Body


class RawResponse(Response):
    """A response as a foreign application gives it. Its fields become a multidict only when `headers` is used.

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
        # In the multidict's place: `finalize` tells the two apart, and all other code uses `headers`.
        self._headers = RawFields(fields)  # type: ignore[assignment]

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields, mutable. Content-Length is added when the response is sent."""
        fields: object = self._headers
        if isinstance(fields, RawFields):
            self._headers = fields.decoded()
        return cast("CIMultiDict[str]", self._headers)

    @property
    def content_type(self) -> str | None:
        """The media type with its parameters, None if there is none."""
        return self.headers.get("Content-Type")

    @content_type.setter
    def content_type(self, value: str) -> None:
        self.headers["Content-Type"] = value
