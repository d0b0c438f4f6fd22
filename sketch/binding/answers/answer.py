"""Answers: the response that is made of what a handler returns, by the type that it declares to return."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable
from types import NoneType
from typing import Any, NoReturn, Union, get_args, get_origin

from sketch.binding.answers.options import AnswerOptions
from sketch.binding.answers.writers import Write, find_writer, unfit
from sketch.binding.kinds import members, show, unwrap
from sketch.exceptions import HTTPException
from sketch.http.status import check_status
from sketch.request import BaseRequest
from sketch.response import JSONResponse, Response

Answer = Callable[[BaseRequest, Any], Response]
__all__ = ["AnswerOptions", "find_answer"]

_NO_OPTIONS = AnswerOptions()
_STREAMS = (abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator)
_BLOCKING_STREAMS = (abc.Iterator, abc.Iterable, abc.Generator)


def find_answer(annotation: Any, options: AnswerOptions = _NO_OPTIONS) -> Answer | None:
    """Make the function that makes the response; None for a handler that returns a Response.

    That is one without an annotation, or with `Any`, `object` or response classes alone.

    Args:
        annotation: the declared type of what the handler returns, of a generator, of its iterator.
        options: those of the route.

    Raises:
        TypeError: for a type that is no answer, and for options that it cannot have.
        ValueError: for a status that it cannot have.
    """
    kind = unwrap(annotation).bare
    if get_origin(kind) in (abc.Awaitable, abc.Coroutine):
        return find_answer(get_args(kind)[-1], options)
    parts = [part for part in members(unwrap(annotation)) if not _is_response(part.bare)]
    kinds = [part.annotation for part in parts]
    if not parts or any(part.bare in (Any, object, NoReturn) or _is_never(part.bare) for part in parts):
        return None
    _check_status(options.status, empty=all(map(_is_none, kinds)))
    origin = get_origin(parts[0].bare) or parts[0].bare
    if len(parts) == 1 and origin in _STREAMS:
        return _find_stream(annotation, parts[0].bare, options)
    for part in parts:
        _check_kind(part.bare)
    return _find_part(annotation, kinds, options)


def _find_stream(annotation: Any, kind: Any, options: AnswerOptions) -> Answer:
    from sketch.binding.answers.streamed import find_stream_answer  # not every application streams

    arguments = get_args(kind)
    if not arguments:
        raise TypeError(
            f"expected the type of what is yielded, got {show(annotation)}: declare AsyncIterator[bytes], say"
        )
    return find_stream_answer(annotation, arguments[0], options)


def _is_response(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Response | HTTPException)


def _is_never(kind: Any) -> bool:
    return getattr(kind, "_name", "") == "Never"


def _check_kind(kind: Any) -> None:
    origin = get_origin(kind) or kind
    if origin in _STREAMS:
        raise TypeError(
            f"expected {show(kind)} alone, got it in a union: return StreamResponse(...) in one of the cases"
        )
    if origin in _BLOCKING_STREAMS:
        raise TypeError(
            f"expected a type that says how it is sent, got {show(kind)}: declare list[...] and return a list, or"
            " AsyncIterator[...] in an `async def` to stream it, or return StreamResponse(iterable)"
        )


def _check_status(status: int | None, *, empty: bool) -> None:
    if status is None:
        return
    check_status(status)
    if status in (204, 205, 304) and not empty:
        raise ValueError(
            f"expected a status with a body, got {status}: declare `-> None`, or return Response(status={status})"
        )


# -- by type -----------------------------------------------------------------------------------------------------------

_RAW = (bytes, bytearray, memoryview)


def _find_part(annotation: Any, kinds: list[Any], options: AnswerOptions) -> Answer:
    """Make the answer of a handler that returns one of some types."""
    if options.of_models and all(_is_none(kind) or kind is str or kind in _RAW for kind in kinds):
        raise TypeError(f"expected {options.given()} for a model, got {show(annotation)}")
    if all(map(_is_none, kinds)):
        return _make_empty(annotation, options.status or 204)
    status = options.status or 200
    texts = [kind for kind in kinds if kind is str]
    raw = tuple(kind for kind in kinds if kind in _RAW)
    rest = [kind for kind in kinds if kind is not str and kind not in _RAW]
    write = find_writer(Union[tuple(rest)], options) if rest else None  # noqa: UP007 - of as many as there are
    if not texts and not raw:
        assert write is not None
        return _make_json(annotation, write, status)
    return _make_mixed(annotation, bool(texts), raw, write and _make_json(annotation, write, status), status)


def _is_none(kind: Any) -> bool:
    return kind is None or kind is NoneType


def _make_json(annotation: Any, write: Write, status: int) -> Answer:
    def answer(request: BaseRequest, value: Any) -> Response:
        try:
            body = write(request, value)
        except (TypeError, ValueError) as exc:
            return unfit(annotation, request, value, exc)
        response = JSONResponse.__new__(JSONResponse)
        Response.__init__(response, body, status=status)
        response.owner = request
        return response

    return answer


def _make_mixed(annotation: Any, text: bool, raw: tuple[type, ...], other: Answer | None, status: int) -> Answer:
    """Make the answer of text, bytes, or what else a union has."""

    def answer(request: BaseRequest, value: Any) -> Response:
        if text and isinstance(value, str):
            response = Response(value if type(value) is str else str.__str__(value), status=status)
        elif raw and isinstance(value, _RAW):
            response = Response(value, status=status)
        elif other is not None:
            return other(request, value)
        else:
            return unfit(annotation, request, value)
        response.owner = request
        return response

    return answer


def _make_empty(annotation: Any, status: int) -> Answer:
    def answer(request: BaseRequest, value: Any) -> Response:
        if value is not None:
            return unfit(annotation, request, value)
        response = Response(status=status)
        response.owner = request
        return response

    return answer
