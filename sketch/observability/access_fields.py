"""The facts of an exchange that the access log knows: the fields of its format, of its JSON, and of its records."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from sketch.concurrency.workers import current_worker
from sketch.observability.escaping import escape

if TYPE_CHECKING:
    from sketch.http.grammar import Address
    from sketch.transport import Outcome

MOST_TARGET = 2000
"""Characters of a target. All bounds together keep a line below 4096 bytes, which a pipe takes as a whole."""
MOST_FIELD = 300
"""Characters of a header field, and of a template."""
MOST_NAME = 128
"""Characters of a request id."""
MOST_METHOD = 32

# W3C Trace Context, section 3.2. Version 00 has no more; what a later one adds is not shown.
_TRACEPARENT = re.compile(
    rb"(?:00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
    rb"|(?!00|ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)",
    re.DOTALL,
)

Facts = dict[str, Any]
Get = Callable[[Any, "Outcome"], Any]


def client_of(request: Any, _outcome: Outcome) -> str | None:
    """Return the client's address. It is the request's, not the server's: middleware may have put another one there."""
    client: Address | None = request.connection.client
    return None if client is None else place(client)


def place(client: Address) -> str:
    """Format an address; an IPv6 one with brackets, else its end could not be told from the port."""
    host = escape(client[0], MOST_NAME)
    return f"[{host}]:{client[1]}" if ":" in host else f"{host}:{client[1]}"


def method_of(request: Any, _outcome: Outcome) -> str:
    """Return the method."""
    return escape(request.method, MOST_METHOD)


def target_of(request: Any, _outcome: Outcome) -> str:
    """Return the target as it was sent."""
    return escape(request.target.decode("latin-1"), MOST_TARGET)


def route_of(request: Any, _outcome: Outcome) -> str | None:
    """Return the template of the route."""
    template = template_of(request)
    return None if template is None else escape(template, MOST_FIELD)


def template_of(request: Any) -> str | None:
    """Return the template of a route; None if none matched, or if the router itself has answered.

    A foreign application may have told its own in the scope, as several frameworks do: `scope["route"].path`.
    """
    route = request.route
    template: str | None = None if route is None else route.template
    if template is not None and template[-1:] != "*":
        return template
    if route is not None and getattr(route.handler, "__module__", None) == _ROUTER:
        return None
    scope = getattr(request, "inner_scope", None) or request.scope or {}
    told = getattr(scope.get("route"), "path", None)
    return told if isinstance(told, str) else template


_ROUTER = "sketch.routing.router"


def request_id_of(request: Any, _outcome: Outcome) -> str | None:
    """Return the id that a middleware has given the request."""
    found = getattr(request, "id", None)
    return None if found is None else escape(str(found), MOST_NAME)


def _sent(request: Any, name: bytes) -> bytes | None:
    """Return the last field of a name: `json_writer` takes that one, too, which is faster."""
    return dict(request.raw_headers).get(name)


def traceparent_of(request: Any, _outcome: Outcome) -> str | None:
    """Return the field `traceparent`, None for one that does not follow its grammar."""
    sent = _sent(request, b"traceparent")
    return None if sent is None or not _TRACEPARENT.fullmatch(sent) else str(sent[:55], "ascii")


def trace_id_of(request: Any, _outcome: Outcome) -> str | None:
    """Return the id of the trace."""
    sent = _sent(request, b"traceparent")
    found = None if sent is None else _TRACEPARENT.fullmatch(sent)
    return None if found is None else str(found[1] or found[2], "ascii")


def _header(name: bytes) -> Get:
    def get(request: Any, _outcome: Outcome) -> str | None:
        sent = _sent(request, name)
        return None if sent is None else escape(sent.decode("latin-1"), MOST_FIELD)

    return get


def first_byte_of(_request: Any, outcome: Outcome) -> float | None:
    """Return the seconds until the head of the response was written."""
    return None if outcome.first_byte_at is None else round(outcome.first_byte_at - outcome.began_at, 6)


class Field(NamedTuple):
    """A field of the access log."""

    kind: str
    """Its type in JSON and as an attribute of a record; `?` marks one that may be null."""
    text: str
    """What it is, for the docs."""
    get: Get
    """`(request, outcome) -> value`."""
    width: int = 0
    """How wide it is in a terminal, in characters; negative: it stands on the right."""


def _status_of(_request: Any, outcome: Outcome) -> int | None:
    return outcome.status


def _bytes_of(_request: Any, outcome: Outcome) -> int:
    return outcome.sent


def _duration_of(_request: Any, outcome: Outcome) -> float:
    return round(outcome.seconds, 6)


def worker_index() -> int | None:
    """Return the number of the worker that this process is, None if sketch does not run it."""
    worker = current_worker()
    return None if worker is None else worker.index


def _worker_of(_request: Any, _outcome: Outcome) -> int | None:
    return worker_index()


def _disconnected_of(_request: Any, outcome: Outcome) -> bool:
    return outcome.disconnected


def _cancelled_of(_request: Any, outcome: Outcome) -> bool:
    return outcome.cancelled


FIELDS: dict[str, Field] = {
    "client": Field(
        "string?",
        "address and port of the client, behind a trusted proxy the one that it names; null on a unix socket",
        client_of,
        21,
    ),
    "method": Field("string", "method; `-` where none was read", method_of, 7),
    "target": Field("string", "target as sent, with its query; cut after 2000 characters", target_of),
    "route": Field(
        "string?",
        "template of the route, with the prefixes of groups and mounts; null where no route matched, and for a foreign "
        "application that does not tell",
        route_of,
        20,
    ),
    "status": Field("integer?", "status of the response; null if none was begun, 101 for a websocket", _status_of, 3),
    "bytes": Field("integer", "bytes of the response's body; of a websocket, of its messages", _bytes_of, -8),
    "duration": Field(
        "number",
        "seconds from the head of the request to the last byte of the response, or to the end of the websocket",
        _duration_of,
        -10,
    ),
    "first_byte": Field(
        "number?", "seconds until the head of the response was written; null if it was not", first_byte_of, -10
    ),
    "request_id": Field("string?", "id that `RequestID` has given the request", request_id_of, 32),
    "traceparent": Field("string?", "field `traceparent` (W3C Trace Context), if well formed", traceparent_of, 55),
    "trace_id": Field("string?", "id of the trace in it", trace_id_of, 32),
    "user_agent": Field("string?", "field `User-Agent`; cut after 300 characters", _header(b"user-agent")),
    "referer": Field("string?", "field `Referer`; cut after 300 characters", _header(b"referer")),
    "worker": Field("integer?", "index of the worker; 0 in one process", _worker_of, -2),
    "disconnected": Field("boolean", "whether the client left before it had the whole response", _disconnected_of, 5),
    "cancelled": Field("boolean", "whether the server ended the exchange, after its grace period", _cancelled_of, 5),
}
"""The fields, in their order in JSON."""


def facts_of(request: Any, outcome: Outcome) -> Facts:
    """Return all fields of an exchange, by name."""
    return {name: field.get(request, outcome) for name, field in FIELDS.items()}


def show(value: object) -> str:
    """Return a value as it stands in a line of text."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6f}"
    return str(value).lower() if isinstance(value, bool) else str(value)
