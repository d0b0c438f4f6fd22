"""What every application with pages needs against forged requests, hosts and frames, in one middleware."""

from __future__ import annotations

from collections.abc import Iterable

from sketch.middleware.csrf import CSRF
from sketch.middleware.security_headers import SecurityHeaders
from sketch.middleware.trusted_hosts import TrustedHosts
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint


class Protection:
    """Middleware that is `SecurityHeaders`, `TrustedHosts` and `CSRF`, in this order, so that refusals have the fields.

        app = Application(outer_middlewares=[Protection(hosts=["example.com", "localhost:*"])])

    Behind a proxy put `ProxyHeaders` before it, and `Sessions` too, if tokens are used.

    Args:
        hosts: as of `TrustedHosts`.
        headers: other settings of the header fields; by default `SecurityHeaders()`.
        csrf: other settings of the check of forged requests; by default `CSRF()`, without tokens.
        exempt: paths of which any host may be named, as of `TrustedHosts`.

    Raises:
        TypeError: for `headers` and `csrf` of another class. Else as `TrustedHosts`.
    """

    outer = True
    reads_origin = True

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        headers: SecurityHeaders | None = None,
        csrf: CSRF | None = None,
        exempt: Iterable[str] = (),
    ) -> None:
        self._hosts = TrustedHosts(hosts, exempt=exempt)
        self._headers = SecurityHeaders() if headers is None else headers
        self._csrf = CSRF() if csrf is None else csrf
        if not isinstance(self._headers, SecurityHeaders):
            raise TypeError(f"expected headers as a SecurityHeaders, got {headers!r:.200}")
        if not isinstance(self._csrf, CSRF):
            raise TypeError(f"expected csrf as a CSRF, got {csrf!r:.200}")

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer a request for one of the hosts that is not forged, refuse any other; set the fields of the answer."""
        self._headers.begin(request)
        fault = self._hosts.find_fault(request)
        if fault is not None:
            response = await request.app.pipeline.refuse(request, fault)
        else:
            response = await self._csrf(request, handler)
        self._headers.complete(request, response)
        return response
