"""Answers that are streams: what a handler returns, or yields, is an async iterator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sketch.binding.answers.options import AnswerOptions
from sketch.binding.answers.writers import find_writer, unfit, wrong
from sketch.binding.kinds import members, show, unwrap
from sketch.request import BaseRequest
from sketch.response import BYTES, TEXT, Response
from sketch.streams.json_lines import JSON_LINES, AsyncChunks
from sketch.streams.sse import Event, EventStreamResponse
from sketch.streams.stream import StreamResponse

Answer = Callable[[BaseRequest, Any], Response]


def find_stream_answer(annotation: Any, item: Any, options: AnswerOptions) -> Answer:
    """Make the function that makes the response out of an async iterator.

    Args:
        annotation: the declared type.
        item: the type of what it yields: `bytes` and `str` are the body itself, `Event` server-sent events, all else
            is sent as lines of JSON.
        options: those of the route.

    Raises:
        TypeError: for items that JSON cannot hold, and for options that the answer cannot have.
    """
    kinds = [part.bare for part in members(unwrap(item))]
    if kinds == [Event]:
        return _events(annotation, options)
    if all(kind in (str, bytes) for kind in kinds):
        if options.of_models:
            raise TypeError(f"expected {options.given()} for models, got {show(annotation)}")
        return _chunks(annotation, TEXT if kinds == [str] else BYTES, options.status or 200)
    return _lines(annotation, item, options)


def _events(annotation: Any, options: AnswerOptions) -> Answer:
    if options.given():
        raise TypeError(f"expected no options for events, which browsers take with 200 alone, got {options.given()}")

    def answer(request: BaseRequest, value: Any) -> Response:
        if not hasattr(value, "__aiter__"):
            return unfit(annotation, request, value)
        return _own(EventStreamResponse(value), request)

    return answer


def _chunks(annotation: Any, media_type: str, status: int) -> Answer:
    def answer(request: BaseRequest, value: Any) -> Response:
        if not hasattr(value, "__aiter__"):
            return unfit(annotation, request, value)

        def encode(item: Any) -> bytes:
            if isinstance(item, bytes):
                return item
            if isinstance(item, str):
                return str.encode(item)
            raise wrong(annotation, request, item)

        return _own(StreamResponse(AsyncChunks(aiter(value), encode), status=status, content_type=media_type), request)

    return answer


def _lines(annotation: Any, item: Any, options: AnswerOptions) -> Answer:
    write, status = find_writer(item, options), options.status or 200

    def answer(request: BaseRequest, value: Any) -> Response:
        if not hasattr(value, "__aiter__"):
            return unfit(annotation, request, value)

        def encode(item: Any) -> bytes:
            try:
                return write(request, item) + b"\n"
            except (TypeError, ValueError) as exc:
                raise wrong(annotation, request, item, exc) from exc

        return _own(StreamResponse(AsyncChunks(aiter(value), encode), status=status, content_type=JSON_LINES), request)

    return answer


def _own(response: Response, request: BaseRequest) -> Response:
    response.owner = request
    return response
