"""Bounds how many requests a client may make in a time."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from sketch.checks import check_flags
from sketch.concurrency.seldom import Seldom
from sketch.exceptions import HTTPException, HTTPServiceUnavailable, HTTPTooManyRequests
from sketch.http.forwarded import to_ip
from sketch.http.grammar import TOKEN
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint
from sketch.stores.rate_counters import Counters, MemoryCounters, StorageCounters

if TYPE_CHECKING:
    from limits.aio.storage import Storage

logger = logging.getLogger("sketch")

Key = Callable[[BaseRequest], "str | Awaitable[str]"]

_LIMIT = re.compile(r"([1-9][0-9]{0,8})/(?:([1-9][0-9]{0,4}) )?(second|minute|hour|day)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_SILENCE = 60.0
"""Seconds between two lines of the log about a storage that is away."""


class RateLimit:
    """Middleware that answers 429 to a client that makes more requests than a limit allows.

        app = Application(outer_middlewares=[RateLimit("100/minute", "2000/hour")])

        @app.post("/login", middlewares=[RateLimit("5/minute")])

    It stands around an application, a group or a route; one object in several places counts them together. The window
    of a client begins with its first request and ends after its time. What one limit refuses, longer ones do not count.

    Answers have `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), refusals `Retry-After`.
    Among `middlewares` an exception that passes through becomes its answer further out, without these fields.

    Without `storage` each process counts for itself, in memory. A storage that several share is one of the package
    `limits`: `pip install 'sketch-web[ratelimit]'`, and what the storage itself needs.

    Args:
        limits: as `"10/minute"`, `"100/15 minutes"`, of seconds, minutes, hours and days.
        key: `(request) -> str`, plain or a coroutine function: whose requests are counted together. None: the address
            of the client, of IPv6 its network of 64 bits, which one client has to itself.
        storage: for several processes: an async storage of `limits`, or its URI: `"async+redis://localhost"`.
        name: sets these counters apart from others in the same storage; with a storage it has to be given.
        closed: what happens while the storage is away: False, requests pass; True, they are answered 503.
        timeout: seconds that the storage may take for one limit.
        max_clients: how many clients are counted in memory; a further one takes the place of the one whose window ends
            first.

    Raises:
        TypeError, ValueError: for what is no limit, and for other arguments of another form.
        RuntimeError: for a storage, if `limits` is not installed. At a request, if it has no address and there is no
            `key`, as behind a unix socket without `ProxyHeaders`: in one bucket for all, one client could lock out the
            others.
    """

    reads_origin = True

    def __init__(
        self,
        *limits: str,
        key: Key | None = None,
        storage: Storage | str | None = None,
        name: str | None = None,
        closed: bool = False,
        timeout: float = 1.0,
        max_clients: int = 100_000,
    ) -> None:
        check_flags(closed=closed)
        if key is not None and not callable(key):
            raise TypeError(f"expected key as a function (request) -> str, got {key!r:.200}")
        if not isinstance(timeout, int | float) or timeout <= 0:
            raise ValueError(f"expected timeout of more than 0 seconds, got {timeout!r:.200}")
        if not isinstance(max_clients, int) or max_clients < 1:
            raise ValueError(f"expected max_clients as a number from 1 on, got {max_clients!r:.200}")
        self._policies = _policies(limits)
        self._described = ", ".join(f'"{one.text}";q={one.amount};w={one.window}' for one in self._policies)
        self._key = key
        self._name = f"sketch/{_checked_name(name, storage)}"
        self._counters: Counters = MemoryCounters(max_clients) if storage is None else StorageCounters(storage, timeout)
        self._closed = closed
        self._lines = Seldom(logger, logging.ERROR, _SILENCE)

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Count a request, and answer it if no limit is exceeded."""
        key = _client(request) if self._key is None else await _given(self._key, request)
        try:
            standings = await self._standings(key)
        except Exception as exc:
            self._report(exc)
            if not self._closed:
                return await handler(request)
            refusal = HTTPServiceUnavailable("requests cannot be counted now", headers={"Retry-After": "10"})
            return await request.app.pipeline.refuse(request, refusal)
        last = standings[-1]
        refused = _refusal(last) if last.is_over else None
        response = await (handler(request) if refused is None else request.app.pipeline.refuse(request, refused))
        if not response.switches:
            _append(response, "RateLimit-Policy", self._described)
            _append(response, "RateLimit", ", ".join(map(str, standings)))
            if refused is not None:
                response.headers["Retry-After"] = str(last.reset)
        return response

    async def _standings(self, key: str) -> list[Standing]:
        """Count a request under each limit, up to the first that it exceeds."""
        found = []
        for policy in self._policies:
            used, left = await self._counters.count(f"{self._name}/{policy.text}/{key}", policy.window)
            reset = min(max(ceil(left), 1), policy.window)
            found.append(Standing(policy, max(policy.amount - used, 0), reset, used > policy.amount))
            if used > policy.amount:
                break
        return found

    def _report(self, exc: Exception) -> None:
        happens = "requests are answered 503" if self._closed else "requests are not counted"
        self._lines.log("the storage of %r is away, %s: %s: %s", self, happens, type(exc).__name__, exc)

    def __repr__(self) -> str:
        return f"<RateLimit {', '.join(policy.text for policy in self._policies)}>"


class Policy(NamedTuple):
    """One limit."""

    text: str
    amount: int
    window: int
    """In seconds."""


class Standing(NamedTuple):
    """Where a client stands under one limit."""

    policy: Policy
    remaining: int
    reset: int
    """Seconds until the window ends."""
    is_over: bool

    def __str__(self) -> str:
        """The member of the field `RateLimit`."""
        return f'"{self.policy.text}";r={self.remaining};t={self.reset}'


def _refusal(standing: Standing) -> HTTPException:
    reason = f"expected at most {standing.policy.text} requests: try again in {standing.reset} seconds"
    return HTTPTooManyRequests(reason, headers={"Retry-After": str(standing.reset)})


def _append(response: Response, name: str, value: str) -> None:
    """Add the members of a list field to those that a limit further in has set."""
    inner = response.headers.get(name)
    response.set_alone(name, value if inner is None else f"{inner}, {value}")


def _client(request: BaseRequest) -> str:
    client = request.client
    if client is None or not client[0]:
        raise RuntimeError(
            "expected a request with the address of its client, got one without: behind a unix socket put "
            'ProxyHeaders(["unix"]) before RateLimit, or give it a key'
        )
    return _network(client[0])


@lru_cache(1024)
def _network(host: str) -> str:
    """The address, of IPv6 its network of 64 bits."""
    ip = to_ip(host)
    return f"{int(ip) >> 64:x}::" if ip is not None and ip.version == 6 else str(ip or host)


async def _given(key: Key, request: BaseRequest) -> str:
    """What a `key` returns, as a digest: it may be long, or a secret."""
    found = key(request)
    if inspect.isawaitable(found):
        found = await found
    if not isinstance(found, str) or not found:
        raise TypeError(f"expected key to return a str that is not empty, got {found!r:.200}: it would count for all")
    return sha256(found.encode("utf-8", "surrogatepass")).hexdigest()


def _policies(limits: tuple[str, ...]) -> list[Policy]:
    """Parse the limits; the shortest window comes first."""
    if not limits:
        raise TypeError("expected at least one limit, as '10/minute', got none")
    found: dict[str, Policy] = {}
    for text in limits:
        match = _LIMIT.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f"expected limits like '10/minute' or '100/15 minutes', got {text!r:.200}")
        if text in found:
            raise ValueError(f"expected each limit once, got {text!r:.200} again")
        found[text] = Policy(text, int(match[1]), int(match[2] or 1) * _SECONDS[match[3]])
    return sorted(found.values(), key=lambda policy: policy.window)


def _checked_name(name: str | None, storage: object) -> str:
    if name is None:
        if storage is not None:
            raise TypeError("expected a name with a storage: other limits may be counted in it, under other names")
        return ""
    if not isinstance(name, str) or not TOKEN.fullmatch(name):
        raise ValueError(f"expected name as a word, got {name!r:.200}")
    return name
