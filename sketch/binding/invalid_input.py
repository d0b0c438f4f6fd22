"""The error for a request that does not have what a handler declares."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypedDict
from urllib.parse import parse_qsl

from multidict import MultiDict

from sketch.exceptions import Explanation, HTTPUnprocessableContent
from sketch.jsoncodec import STDLIB

if TYPE_CHECKING:
    from sketch.request import BaseRequest

_LINES = 20
"""The most faults in the text of the error; all are in `errors`."""

InputError = TypedDict("InputError", {"in": str, "name": str, "pointer": str, "message": str})
"""What is wrong with one input: the place it stands in, its name there, a JSON pointer into its value, and what was
expected. It never holds the value."""


class DeclaredInput(Protocol):
    """A parameter that the client supplies: where, by which name ("" for the whole body), and of which type."""

    @property
    def place(self) -> str:
        """`path`, `query`, `header`, `cookie`, `form` or `body`."""
        ...

    @property
    def name(self) -> str:
        """The name under which clients send it."""
        ...

    @property
    def kind(self) -> Any:
        """The declared type."""
        ...

    @property
    def required(self) -> bool:
        """Whether a request without it is faulty."""
        ...


class InvalidInput(HTTPUnprocessableContent):
    """422: a parameter of the handler, or several, cannot be had from the request.

    An error handler for this class answers in a form of your own: `@app.error_handler(InvalidInput)`.

    Args:
        errors: what is wrong, at least one. `in` is `path`, `query`, `header`, `cookie`, `form` or `body`.
        inputs: what the handler declares, for the debug page.
        headers: extra header fields of the response.
    """

    errors: list[InputError]
    """What is wrong with each input; problem details have it as a member."""

    def __init__(
        self,
        errors: Iterable[InputError],
        *,
        inputs: Iterable[DeclaredInput] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.errors = list(errors)
        self.inputs = tuple(inputs)
        lines = [_line(error) for error in self.errors[:_LINES]]
        more = len(self.errors) - len(lines)
        super().__init__("\n".join([*lines, f"and {more} more faults"] if more else lines), headers=headers)

    @property
    def members(self) -> Mapping[str, Any]:
        """The members of problem details beside the usual ones."""
        return {"errors": self.errors}

    def explain(self, request: BaseRequest) -> Iterator[Explanation]:
        """Yield what the handler declares, what has come, and what is wrong with it."""
        left = {(error["in"], error["name"]): "" for error in self.errors}
        declared = {(each.place, each.name): _describe(each) for each in self.inputs}
        for (place, name), kind in {**left, **declared}.items():
            mine = [error for error in self.errors if error["in"] == place and error["name"] == name]
            yield Explanation(
                f"{place} {name}".rstrip(),
                kind,
                tuple(find_sent(request, place, name)),
                tuple(f"{error['pointer']} {error['message']}".lstrip() for error in mine),
            )

    def __reduce__(self) -> tuple[Any, ...]:
        restore, arguments, state = super().__reduce__()
        return restore, arguments, {**state, "inputs": ()}  # which hold functions


def _describe(declared: DeclaredInput) -> str:
    return f"{inspect.formatannotation(declared.kind):.200}{', required' if declared.required else ''}"


def find_sent(request: BaseRequest, place: str, name: str) -> Iterator[Any]:
    """Yield the values that have come for an input, as far as they can be shown without waiting."""
    if place == "path":
        yield from (request.match_info[name],) if name in request.match_info else ()
    elif place == "query":
        yield from (value for key, value in parse_qsl(request.query_string[:10000], True) if key == name)
    elif place == "header":
        yield from (value.decode("latin-1") for key, value in request.raw_headers if key == name.encode())
    elif place == "cookie":
        yield from (request.cookies[name],) if name in request.cookies else ()
    elif place == "form":
        yield from _form_of(request).getall(name, ())
    elif request._body:
        with suppress(KeyError):  # a member that was not sent
            yield _data_of(request._body, name)


def _form_of(request: BaseRequest) -> Any:
    return getattr(request, "_form", None) or MultiDict()


def _data_of(body: bytes, name: str) -> Any:
    """The body, or the value of that name in it; as data if it is JSON: secrets are masked by their names then."""
    try:
        data = STDLIB.loads(body)
    except (ValueError, RecursionError):
        return body
    return data[name] if name and isinstance(data, dict) else data


def _line(error: InputError) -> str:
    place = f"{error['in']} {error['name']}".rstrip()
    return f"{place} at {error['pointer']}: {error['message']}" if error["pointer"] else f"{place}: {error['message']}"
