"""The access log's lines without records, where nothing but sketch's own handler would get them.

They are those of `TextFormatter` with `AccessFormat`, and of `JSONFormatter`, in a tenth of the time: each function
here is one step, without calls for what most requests have.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from sketch.observability.access_fields import (
    MOST_FIELD,
    MOST_METHOD,
    place,
    request_id_of,
    target_of,
    template_of,
    trace_id_of,
    traceparent_of,
    worker_index,
)
from sketch.observability.access_format import AccessFormat
from sketch.observability.escaping import escape
from sketch.observability.formatters import json_head, text_head
from sketch.observability.line_writer import LineWriter
from sketch.routing import Route
from sketch.transport import AccessLog, Outcome

K = TypeVar("K")
V = TypeVar("V")

WINDOW = 0.001
"""Seconds for which the time in front of a line holds, and the answer to the question whether only sketch shows it."""

KNOWN = 1000
"""Values of which a cache keeps the text: clients, methods, header fields. Then it begins anew."""

SHORT = 1000
"""Bytes of a target that is not cut, whatever is in it."""


class Known(dict[K, V]):
    """A bounded cache of what a function returns, which is true. `get` takes half the time of a look-up in brackets.

    Args:
        make: the function; equal arguments have equal results.
    """

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make

    def __missing__(self, key: K) -> V:
        if isinstance(key, str | bytes) and len(key) > MOST_FIELD:  # a thousand of them would take much memory
            return self._make(key)
        if len(self) >= KNOWN:
            self.clear()
        found = self[key] = self._make(key)
        return found


def _field(text: bytes | str) -> str:
    return escape(text.decode("latin-1") if isinstance(text, bytes) else text, MOST_FIELD)


def _quoted(text: bytes | str | None) -> str:
    return "null" if text is None else json.dumps(_field(text))


def _end(facts: tuple[bool, bool]) -> str:
    worker, disconnected, cancelled = map(json.dumps, (worker_index(), *facts))
    return f'"worker":{worker},"disconnected":{disconnected},"cancelled":{cancelled}}}\n'


def text_writer(writer: LineWriter, alone: Callable[[], bool], otherwise: AccessLog) -> AccessLog:
    """Return the function that writes lines of the default format.

    Args:
        writer: takes the lines.
        alone: whether nothing else gets them.
        otherwise: logs an exchange where something does.
    """
    until, head = 0.0, ""
    queue, most = writer.queue, writer.most
    places: Known[Any, str] = Known(lambda client: "-" if client is None else place(client))
    methods: Known[str, str] = Known(lambda method: escape(method, MOST_METHOD))
    place_of, method_of = places.get, methods.get

    def write(request: Any, outcome: Outcome) -> None:
        nonlocal until, head
        status, sent, began_at, _, ended_at, _, _, _ = outcome
        if not until - WINDOW <= ended_at < until:
            if not alone():
                otherwise(request, outcome)
                return
            until, head = ended_at + WINDOW, text_head()
        target = request.target.decode("latin-1")
        # As `is_safe`, without a call.
        if not (target.isascii() and target.isprintable()) or '"' in target or "\\" in target or len(target) > SHORT:
            target = target_of(request, outcome)
        client, method = request.connection.client, request.method
        if len(queue) >= most:
            writer.drop()
            return
        queue.append(
            f'{head}{place_of(client) or places[client]} "{method_of(method) or methods[method]} {target}" '
            f"{'-' if status is None else status} {sent} {ended_at - began_at:.6f}\n"
        )
        if not writer.awake:
            writer.wake()

    return write


def json_writer(writer: LineWriter, alone: Callable[[], bool], otherwise: AccessLog) -> AccessLog:
    """Return the function that writes lines of JSON; the arguments are those of `text_writer`."""
    until, head = 0.0, ""
    queue, most = writer.queue, writer.most
    clients: Known[Any, str] = Known(lambda client: "null" if client is None else json.dumps(place(client)))
    methods: Known[str, str] = Known(lambda method: json.dumps(escape(method, MOST_METHOD)))
    routes: Known[tuple[str, str], str] = Known(lambda parts: _quoted("".join(parts)))
    texts: Known[bytes | str | None, str] = Known(_quoted)
    ends: Known[tuple[bool, bool], str] = Known(_end)
    client_of, method_of, route_of, text_of = clients.get, methods.get, routes.get, texts.get

    def write(request: Any, outcome: Outcome) -> None:
        nonlocal until, head
        status, sent, began_at, first_byte_at, ended_at, _, disconnected, cancelled = outcome
        if not until - WINDOW <= ended_at < until:
            if not alone():
                otherwise(request, outcome)
                return
            until, head = ended_at + WINDOW, json_head()
        target = request.target.decode("latin-1")
        # As `is_safe`, without a call.
        if not (target.isascii() and target.isprintable()) or '"' in target or "\\" in target or len(target) > SHORT:
            target = json.dumps(target_of(request, outcome))[1:-1]
        client, method = request.connection.client, request.method
        route = request.route
        if type(route) is Route and type(route.path) is str:
            key = route.prefix, route.path
            template = route_of(key) or routes[key]
        else:
            template = texts[template_of(request)]
        fields = dict(request.raw_headers)
        agent, referer, named = fields.get(b"user-agent"), fields.get(b"referer"), getattr(request, "id", None)
        if len(queue) >= most:
            writer.drop()
            return
        queue.append(
            f'{head}"client":{client_of(client) or clients[client]},"method":{method_of(method) or methods[method]},'
            f'"target":"{target}","route":{template},"status":{"null" if status is None else status},"bytes":{sent},'
            f'"duration":{ended_at - began_at:.6f},'
            f'"first_byte":{"null" if first_byte_at is None else f"{first_byte_at - began_at:.6f}"},'
            f'"request_id":{"null" if named is None else json.dumps(request_id_of(request, outcome))},'
            f"{_trace(request, outcome) if b'traceparent' in fields else _NO_TRACE}"
            f'"user_agent":{text_of(agent) or texts[agent]},"referer":{text_of(referer) or texts[referer]},'
            f"{ends[disconnected, cancelled]}"
        )
        if not writer.awake:
            writer.wake()

    return write


_NO_TRACE = '"traceparent":null,"trace_id":null,'


def _trace(request: Any, outcome: Outcome) -> str:
    parent, trace = traceparent_of(request, outcome), trace_id_of(request, outcome)
    return f'"traceparent":{json.dumps(parent)},"trace_id":{json.dumps(trace)},'


def format_writer(
    access_format: AccessFormat, writer: LineWriter, alone: Callable[[], bool], otherwise: AccessLog
) -> AccessLog:
    """Return the function that writes lines of any format; the other arguments are those of `text_writer`."""

    until, head = 0.0, ""
    line = access_format.line

    def write(request: Any, outcome: Outcome) -> None:
        nonlocal until, head
        ended_at = outcome[4]
        if not until - WINDOW <= ended_at < until:
            if not alone():
                otherwise(request, outcome)
                return
            until, head = ended_at + WINDOW, text_head()
        writer.put(f"{head}{line(request, outcome)}\n")

    return write
