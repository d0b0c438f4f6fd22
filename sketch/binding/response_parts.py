"""What a handler adds to a response that is made of its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from multidict import CIMultiDict

from sketch.binding.surroundings import TYPES, Given
from sketch.response import Response, SetsCookies

if TYPE_CHECKING:
    R = TypeVar("R", bound=Response)


class ResponseParts(SetsCookies):
    """Status, header fields and cookies of the response, for a handler that returns a value, and for dependencies.

        async def create(order: Order, response: ResponseParts) -> Order:
            response.status = 201
            response.headers["Location"] = f"/orders/{order.id}"

    All parameters of this type in one request get the same object. It is not used if the handler fails.

    Attributes:
        status: the status, None for that of the route. The answer that opens a websocket keeps its own.
        headers: the header fields, which replace those of the same name; of `Set-Cookie` all are sent.
    """

    __slots__ = ("_headers", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self._headers: CIMultiDict[str] = CIMultiDict()

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields, mutable."""
        return self._headers

    def applied(self, response: R) -> R:
        """Return a copy of the response with these parts, the same object if there are none."""
        if self.status is None and not self._headers:
            return response
        response = response.copy()
        if self.status is not None and not response.switches:
            response.status = self.status
        fields: Any = response.headers
        for name in {*map(str.lower, self._headers)} - {"set-cookie"}:
            fields.popall(name, None)
        fields.extend(self._headers)
        return response


TYPES[ResponseParts] = Given.PARTS
