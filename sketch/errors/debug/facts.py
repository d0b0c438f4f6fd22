"""Facts about the request for the debug page, masked and bounded."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from sketch.callables import describe
from sketch.errors.debug.masking import Masker

if TYPE_CHECKING:
    from sketch.request import BaseRequest

Fact = tuple[str, str]

FIELDS = 100
"""The most header fields, and the most query fields, that are shown."""


def learn_request(request: BaseRequest, masker: Masker) -> None:
    """Collect the secrets of a request before anything of it is shown."""
    for name, value in (*request.raw_headers[:FIELDS], *_query(request)):
        masker.learn(name, value)


def request_facts(request: BaseRequest, masker: Masker) -> list[tuple[str, list[Fact]]]:
    """The facts under titles: the request itself, its path parameters, its query, its header fields."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers[:FIELDS]]
    return [
        ("Request", [(name, masker.text(value)) for name, value in _about(request)]),
        ("Path parameters", [(name, masker.show(name, value)) for name, value in request.match_info.items()]),
        ("Query", [_fact(name, value, masker) for name, value in _query(request)]),
        ("Header fields", [_fact(name, value, masker) for name, value in headers]),
    ]


def _query(request: BaseRequest) -> list[tuple[str, str]]:
    # Parsed here without the application's limits: `request.query` raises for too many fields.
    return list(islice(parse_qsl(request.query_string[:10000], keep_blank_values=True), FIELDS))


def _fact(name: str, value: str, masker: Masker) -> Fact:
    shown = masker.show(name, value)
    # A field's value is always text: without quotes it reads better, unless it holds unprintable characters.
    plain = shown[1:-1] if value.isprintable() and shown[:1] == shown[-1:] == "'" else shown
    return masker.text(name), plain


def _about(request: BaseRequest) -> list[Fact]:
    route = request.route
    facts = [
        ("Line", f"{request.method} {request.root_path}{request.raw_path}"),
        ("Version", f"HTTP/{request.http_version} over {request.scheme}"),
        ("Client", "unknown" if request.client is None else f"{request.client[0]}:{request.client[1]}"),
        ("Application", request.app.name),
    ]
    if route is not None:
        facts += [("Route", route.template), ("Handler", describe(route.handler))]
        facts += [("Name of the route", route.name)] if route.name is not None else []
    return facts
