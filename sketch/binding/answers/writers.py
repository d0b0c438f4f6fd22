"""Writes what handlers return as JSON of the declared type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_origin

from sketch.binding.answers.find_shape import ShapeFinder
from sketch.binding.answers.options import AnswerOptions
from sketch.binding.answers.shapes import Misfit, Shape, make_test
from sketch.binding.bodies import is_model
from sketch.binding.kinds import show
from sketch.callables import close_coroutine, describe
from sketch.errors.problems import error_response
from sketch.exceptions import HTTPException
from sketch.jsoncodec import json_codec
from sketch.jsoncodec.types import contains, is_pydantic_type
from sketch.request import BaseRequest
from sketch.response import Response

ANSWERS = (Response, HTTPException)
"""What a handler may return instead of a value of the declared type."""

Write = Callable[[BaseRequest, Any], bytes]
"""Writes a value as JSON; raises TypeError or ValueError for one that is not of the declared type."""


def find_writer(kind: Any, options: AnswerOptions) -> Write:
    """Make the function that writes values of a type as JSON.

    Raises:
        TypeError: for a type that JSON cannot hold, and for options that it cannot have.
    """
    foreign = contains(kind, is_pydantic_type)
    if options.of_models and not foreign:
        raise TypeError(
            f"expected {options.given()} for a model of pydantic, got {show(kind)}: a Struct says by `rename=` and"
            " `omit_defaults=` what it sends, and by msgspec.UNSET what was not set"
        )
    if foreign and not contains(kind, _is_unknown_to_pydantic):
        return _find_pydantic_writer(kind, options)
    return _find_shape_writer(kind, options)


def _is_unknown_to_pydantic(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return hasattr(kind, "__struct_fields__") or hasattr(kind, "__attrs_attrs__")


def _find_pydantic_writer(kind: Any, options: AnswerOptions) -> Write:
    from sketch.binding.answers.pydantic_answers import PydanticWriter  # not every application has models of pydantic

    write = PydanticWriter(kind, options).find_write()

    def write_value(_: BaseRequest, value: Any) -> bytes:
        if isinstance(value, ANSWERS):
            raise TypeError("it is an answer of its own")
        return write(value)

    return write_value


def _find_shape_writer(kind: Any, options: AnswerOptions) -> Write:
    def find_foreign(kind: Any) -> Shape:
        from sketch.binding.answers.pydantic_answers import Foreign

        return Foreign(kind, options)

    shape = ShapeFinder(find_foreign).find(kind)
    test, fit = make_test(shape), shape.fit

    def fitted(value: Any) -> Any:
        if isinstance(value, ANSWERS):
            raise Misfit(shape.noun, value, ())
        return fit(value, ())

    own = _model_dumps() if contains(kind, is_model) else None

    def write(request: BaseRequest, value: Any) -> bytes:
        dumps = own or request.app.json.dumps
        try:
            exact = test(value)
        except Exception:  # a field is missing, or its property fails, which `fitted` meets again
            exact = False
        return dumps(value if exact else fitted(value))

    return write


def _model_dumps() -> Callable[[Any], bytes] | None:
    """The function of msgspec that writes objects; None if it is not installed: the application's codec is used."""
    try:
        return json_codec("msgspec").dumps
    except RuntimeError:
        return None


def unfit(annotation: Any, request: BaseRequest, value: Any, reason: Exception | None = None) -> Response:
    """Return the response that a handler has returned itself; for anything else, say what it has declared.

    Raises:
        TypeError: for a value that is not of the declared type and cannot be made into it.
    """
    if isinstance(value, Response):
        return value
    if isinstance(value, HTTPException):
        return error_response(request, value)
    raise wrong(annotation, request, value, reason) from reason


def wrong(annotation: Any, request: BaseRequest, value: Any, reason: Exception | None = None) -> TypeError:
    """Make the error for a value that is not of the type that the handler has declared, which names the handler."""
    source = "the handler" if request.route is None else describe(request.route.handler)
    advice = "did it forget to await it?" if close_coroutine(value) else reason or "declare what it returns"
    return TypeError(f"expected {show(annotation)} from {source}, as it declares, got {value!r:.200}: {advice}")
