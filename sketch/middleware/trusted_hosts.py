"""Refuses requests for hosts that are not the application's."""

from __future__ import annotations

from collections.abc import Iterable

from sketch.exceptions import HTTPException, HTTPMisdirectedRequest
from sketch.http.hosts import Hosts
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint

_REMEMBERED = 256


class TrustedHosts:
    """Middleware that refuses requests for any other host with 421 (RFC 9110 section 15.5.20), also of websockets.

        app = Application(outer_middlewares=[TrustedHosts(["example.com", "*.example.com"])])

    A client writes `Host` itself. Without this its value gets into `request.url`, `request.url_for()`, redirects and
    the links of mails: into a mail that resets a password, for example, or into a cache.

    Behind a proxy that passes on another host, put `ProxyHeaders` before this: then the host that the client used is
    checked. A client of HTTP/1.0 without a `Host` asks for the address that it has connected to.

    Args:
        hosts: `"example.com"`, with the default port of the scheme; `"example.com:8080"`, `"localhost:*"` for any port;
            `"*.example.com"` for all subdomains, not for `example.com` itself; `"[::1]"`.
        exempt: paths of which any host may be named, as health checks do that ask by address: `["/health"]`.

    Raises:
        TypeError: for a `str` in place of a list.
        ValueError: for no host, for what is none, and for a path without a leading slash.
    """

    outer = True
    reads_origin = True

    def __init__(self, hosts: Iterable[str], *, exempt: Iterable[str] = ()) -> None:
        self._hosts = Hosts(hosts)
        self._exempt = check_paths(exempt)
        self._known: set[tuple[str, str]] = set()  # what was allowed before: most requests are for one host

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer a request for one of the hosts, refuse any other."""
        fault = self.find_fault(request)
        return await (handler(request) if fault is None else request.app.pipeline.refuse(request, fault))

    def find_fault(self, request: BaseRequest) -> HTTPException | None:
        """Return the error for a host that is not trusted, None for one that is. The request notes that it is."""
        asked = request.host, request.scheme
        if asked not in self._known:
            if not self._hosts.allows(*asked):
                exempt = request.raw_path in self._exempt
                return None if exempt else HTTPMisdirectedRequest("expected the name of this host in Host, got another")
            if len(self._known) < _REMEMBERED:
                self._known.add(asked)
        request.host_checked = True
        return None


def check_paths(paths: Iterable[str]) -> frozenset[str]:
    """Check an argument `exempt` that lists whole paths.

    Raises:
        TypeError: for a `str`, which would be read as a list of letters.
        ValueError: for a path without a leading slash.
    """
    if isinstance(paths, str):
        raise TypeError(f"expected exempt as a list of paths, got {paths!r:.200}")
    found = frozenset(paths)
    for path in found:
        if not isinstance(path, str) or not path.startswith("/"):
            raise ValueError(f"expected exempt paths with a leading slash, got {path!r:.200}")
    return found
