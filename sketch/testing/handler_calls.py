"""Calls of typed handlers: the request is built from the plan of their arguments, the answer read as their type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from inspect import Parameter
from typing import TYPE_CHECKING, Any, Union

from sketch.binding.inputs import Input
from sketch.binding.kinds import members, unwrap
from sketch.binding.text.scalars import to_text
from sketch.callables import describe, is_async_generator_function
from sketch.jsoncodec import STDLIB, loads_as
from sketch.response import Response
from sketch.routing import ANY, Route
from sketch.testing.response import UnexpectedStatus

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.testing.response import ClientResponse

Send = Callable[[str, str, dict[str, Any]], Awaitable["ClientResponse"]]
"""`async (method, path, options)`: sends a request."""


async def call_handler(app: Application, send: Send, handler: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Send the request that calls a handler with these values, and read the answer; see `TestClient.call`."""
    route = _find_route(app, handler)
    kind = route.bound.returns
    if kind is Parameter.empty:
        raise ValueError(
            f"expected a handler that declares the type of its result, got {describe(handler)}: use `client.request()`"
        )
    if is_async_generator_function(handler):
        raise ValueError(
            f"expected a handler with one result, got the stream of {describe(handler)}: use `client.request()`, and"
            " read its response as it arrives"
        )
    declared = {each.parameter: each for each in _inputs(app, route)}
    known = {**dict.fromkeys(route.parameters), **declared}
    if unknown := sorted(set(values) - set(known)):
        raise TypeError(
            f"expected values of {', '.join(map(repr, known)) or 'no parameter'}, got {', '.join(map(repr, unknown))}"
        )
    sent = {name: value for name, value in values.items() if name in declared and declared[name].place != "path"}
    path = route.prefix + route.url_path(**_path_values(route, declared, values))
    response = await send(_method(route), path, _options(declared, sent))
    if response.status >= 300:
        raise UnexpectedStatus(response, below=300)
    return await _read(response, kind)


def _find_route(app: Application, handler: Callable[..., Any]) -> Route:
    found = [route for route in app.router.walk() if route.handler == handler]
    if len(found) != 1:
        count = "several routes" if found else "a function without a route"
        raise ValueError(f"expected the handler of one route, got {count}: {describe(handler)}")
    return found[0]


def _inputs(app: Application, route: Route) -> Iterator[Input]:
    for arguments in route.bound.arguments:
        yield from arguments.all_inputs()
    for guard in [*app.guards, *route.guards]:
        yield from guard.arguments.all_inputs()


def _method(route: Route) -> str:
    return "GET" if ANY in route.methods else min(route.methods)


def _path_values(route: Route, declared: Mapping[str, Input], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of path parameters, by their names in the path."""
    names = {each.name: name for name, each in declared.items() if each.place == "path"}
    return {name: values[names.get(name, name)] for name in route.parameters if names.get(name, name) in values}


def _options(declared: Mapping[str, Input], values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `request()` that send the values."""
    options: dict[str, Any] = {}
    for name, value in values.items():
        source = declared[name]
        if source.place == "body":
            plain = to_plain(value)
            options["json"] = {**options.get("json", {}), source.name: plain} if source.embed else plain
        elif value is not None or (source.required and not source.is_file):  # an empty text is None
            _OPTIONS[source.place](options, source, value)
    return options


def to_plain(value: Any) -> Any:
    """Return what JSON holds for a value."""
    return STDLIB.loads(STDLIB.dumps(value))


def _fields(source: Input, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the names under which a value is sent, with their texts."""
    items: list[tuple[str, Any]]
    if source.fields is None:
        items = [(source.name, "" if value is None else value)]
    else:
        plain: dict[str, Any] = to_plain(value)
        names = {field.name: field.wire for field in source.fields.fields}
        items = [(names.get(name) or name, item) for name, item in plain.items()]
    for name, item in items:
        for each in item if isinstance(item, list | tuple | set | frozenset) else [item]:
            if each is not None:
                yield name, to_text(each)


def _to_query(options: dict[str, Any], source: Input, value: Any) -> None:
    options.setdefault("params", []).extend(_fields(source, value))


def _to_header(options: dict[str, Any], source: Input, value: Any) -> None:
    options.setdefault("headers", []).extend(_fields(source, value))


def _to_cookie(options: dict[str, Any], source: Input, value: Any) -> None:
    options.setdefault("cookies", {}).update(_fields(source, value))


def _to_form(options: dict[str, Any], source: Input, value: Any) -> None:
    if source.is_file:
        several = value if isinstance(value, list) else [value]
        options.setdefault("files", []).extend((source.name, each) for each in several)
    else:
        options.setdefault("data", []).extend(_fields(source, value))


_OPTIONS = {"query": _to_query, "header": _to_header, "cookie": _to_cookie, "form": _to_form}


async def _read(response: ClientResponse, kind: Any) -> Any:
    """Read the answer as one of the types that the handler declares; a Response among them is not one to read."""
    content = await response.read()
    if not content and response.status in (204, 205, 304):
        return None
    kinds = [part.annotation for part in members(unwrap(kind)) if not _is_response(part.bare)]
    data = [each for each in kinds if each is not str and each is not bytes]
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    if str in kinds and (len(kinds) == 1 or media_type == "text/plain"):
        return content.decode()
    if not data or (bytes in kinds and media_type == "application/octet-stream"):
        return content
    return loads_as(content, Union[tuple(data)])  # noqa: UP007 - of as many as there are


def _is_response(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Response)
