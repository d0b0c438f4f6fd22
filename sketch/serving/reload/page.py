"""What is served while the application cannot be started: a page that says why, in the look of the debug page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sketch.application import Application
from sketch.errors.debug import debug_response
from sketch.errors.problems import error_response
from sketch.exceptions import HTTPInternalServerError
from sketch.request.local import is_local

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch.response import Response
    from sketch.results import Endpoint


def make_page(name: str, fault: BaseException, debug: bool | None) -> Application:
    """Make an application that answers every request with a 500 about a fault.

    Args:
        name: the import string of the application that cannot be started.
        fault: why.
        debug: whether every client is told why; None tells those on this machine.
    """
    return Application(name, outer_middlewares=[Explanation(fault, debug)])


class Explanation:
    """Outer middleware that lets no request through. The arguments are those of `make_page`."""

    outer = True

    def __init__(self, fault: BaseException, debug: bool | None) -> None:
        self._fault = fault
        self._debug = debug

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:  # noqa: ARG002 - it lets none through
        """Answer a request."""
        if is_local(request) if self._debug is None else self._debug:
            return debug_response(request, self._fault)
        return error_response(request, HTTPInternalServerError())
