"""Responses whose header fields are bytes already: what another framework has answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from multidict import CIMultiDict

from sketch.http.fields import RawFields
from sketch.response import Response

if TYPE_CHECKING:
    from sketch.transport import Body


class RawResponse(Response):
    """An answer as another framework gives it. Its fields become a multidict only when somebody looks at them.

    Args:
        status: of the answer.
        fields: names and values; their order is kept, and so are doubles.
        body: as it is sent.
    """

    __slots__ = ()

    def __init__(self, status: int, fields: Iterable[tuple[bytes, bytes]], body: Body) -> None:
        self.status = status
        self.body = body
        self.owner = None
        self._background = ()
        self._content_type = None
        # In the multidict's place: `finalize` knows the two apart, and everybody else asks for `headers`.
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
        """The media type with its parameters, None where there is none."""
        return self.headers.get("Content-Type")

    @content_type.setter
    def content_type(self, value: str) -> None:
        self.headers["Content-Type"] = value
