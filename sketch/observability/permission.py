"""Which requests may see what is for operators alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from sketch.http.networks import Networks
from sketch.middleware.proxy_headers import ForwardedConnection
from sketch.request import Request
from sketch.request.local import is_forwarded

Allow = Iterable[str] | Callable[[Request], Any]
"""Networks, or a function of a request that returns, or whose coroutine returns, whether it is allowed."""


class Permission:
    """Says whether a request is allowed.

    Args:
        allow: networks or addresses of clients, `"10.0.0.0/8"`, `"unix"` for peers on a unix socket; or a function
            `(request)`, `def` or `async def`, that returns whether a request is allowed. With networks, a request that
            a proxy has forwarded counts only if that proxy is trusted: else the address is the proxy's, not the
            client's.

    Raises:
        TypeError, ValueError: for anything else.
    """

    def __init__(self, allow: Allow) -> None:
        self._function = allow if callable(allow) else None
        self._networks = None if callable(allow) else Networks(_iterable(allow), "allow")

    async def allows(self, request: Request) -> bool:
        """Whether a request is allowed."""
        if self._networks is not None:
            believed = isinstance(request.connection, ForwardedConnection)
            return request.client in self._networks and (believed or not is_forwarded(request))
        assert self._function is not None
        answer = self._function(request)
        return bool(await answer if inspect.isawaitable(answer) else answer)


def _iterable(allow: object) -> Iterable[str]:
    if not isinstance(allow, Iterable):
        raise TypeError(f"expected allow as a list of networks or a function of a request, got {allow!r:.200}")
    return allow
