"""An id for each request: in the response, in the logs, and for handlers."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable

from multidict import istr

from sketch.checks import check_flags
from sketch.context_vars import request_var
from sketch.http.grammar import TOKEN
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint

_SANE = re.compile(rb"[A-Za-z0-9._~+/=:@-]{1,128}")


def _random_id() -> str:
    return os.urandom(16).hex()


class RequestID:
    """Middleware that gives each request an id: as `request.id`, and as a header field of every response.

        app = Application(outer_middlewares=[RequestID()])

    An id that the request brings is kept if it is at most 128 letters, digits and `._~+/=:@-`. So a request that a
    proxy has logged can be found again. The id is a name, not a secret: any client can choose it, and choose one twice.

    `RequestIDFilter` puts the id into log records.

    Args:
        header: the header field that carries the id, in requests and responses.
        accept: whether to keep an id that a request brings.
        make: makes a new id; by default 32 random hexadecimal digits.

    Raises:
        TypeError: for an `accept` that is no bool.
        ValueError: for a header that is no field name.
    """

    outer = True

    def __init__(
        self, *, header: str = "X-Request-ID", accept: bool = True, make: Callable[[], str] = _random_id
    ) -> None:
        check_flags(accept=accept)
        if not TOKEN.fullmatch(header):
            raise ValueError(f"expected header as the name of a field, got {header!r:.200}")
        self._header = istr(header)  # looked up in a fraction of the time
        self._key = header.lower().encode("ascii")
        self._accept = accept
        self._make = make

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer the request, and put its id into the response."""
        if not hasattr(request, "id"):  # an application around this one may have given it one
            request.id = self._id_of(request)
        response = await handler(request)
        response.set_alone(self._header, request.id)
        return response

    def _id_of(self, request: BaseRequest) -> str:
        if self._accept:
            brought = request.combined_header(self._key)
            if brought is not None and _SANE.fullmatch(brought):
                return brought.decode("ascii")
        return self._make()


class RequestIDFilter(logging.Filter):
    """A logging filter that sets `request_id` on each record: the id of the current request, or `-`.

        handler.addFilter(RequestIDFilter())
        handler.setFormatter(logging.Formatter("%(asctime)s %(request_id)s %(message)s"))

    On a logging handler it sees the records of every logger, including the access log.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Set `request_id`, and let the record pass."""
        record.request_id = getattr(request_var.get(), "id", "-")
        return True
