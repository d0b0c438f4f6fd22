"""`finalize`: the HTTP rules that are applied to a response before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from multidict import CIMultiDict

from sketch.application import Application
from sketch.pipeline.finalize import _finalize_any, finalize
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import WireResponse
from sketch.websocket.response import WebSocketResponse
from tests.core.websocket.support import handshake, session
from tests.support.requests import make_request
from tests.support.responses import fields, finalized


def attributes(response: Response) -> dict[str, Any]:
    """Everything that a response holds."""
    slots = [name for kind in type(response).__mro__ for name in getattr(kind, "__slots__", ())]
    held = {name: getattr(response, name, None) for name in slots}
    return held | {"_headers": response._headers and repr(response._headers)}


# -- status and length -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 299, 418, 599, HTTPStatus.CREATED])
def test_every_final_status(status: int) -> None:
    assert finalized(Response("a", status=status)).payload == b"a"


@pytest.mark.parametrize("status", [100, 101, 199, 0, -1, 1000])
def test_other_statuses_are_refused(status: int) -> None:
    response = Response()
    response.status = status
    with pytest.raises(ValueError, match="final status"):
        finalized(response)
    with pytest.raises(ValueError, match="final status"):
        Response(status=status)


@pytest.mark.parametrize("status", ["200", "404", True, 200.0, None])
def test_a_status_of_another_type_is_refused(status: Any) -> None:
    response = Response()
    response.status = status
    for response.body in (b"", b"a"):
        with pytest.raises(TypeError, match=f"expected a status as an int, got {status!r}"):
            finalize(make_request(method="HEAD"), response)
    with pytest.raises(TypeError, match=f"expected a status as an int, got {status!r}"):
        Response(status=status)


@pytest.mark.parametrize(
    ("method", "status", "length", "payload"),
    [
        ("GET", 200, b"2", b"ab"),
        ("HEAD", 200, b"2", b""),
        ("HEAD", 404, b"2", b""),
        ("GET", 204, None, b""),
        ("GET", 304, None, b""),
        ("HEAD", 304, None, b""),
        ("GET", 205, b"0", b""),
    ],
)
def test_responses_without_content(method: str, status: int, length: bytes | None, payload: bytes) -> None:
    response = Response("ab", status=status)
    assert fields(response, method).get(b"content-length") == length
    assert finalized(response, method).payload == payload


@pytest.mark.parametrize(
    "make",
    [
        lambda: Response("ab"),
        lambda: Response("ab", headers={"X-A": "1"}),
        lambda: Response("ab", status=404),
        lambda: StreamResponse([b"ab"]),
    ],
    ids=["plain", "headers", "status", "stream"],
)
def test_one_response_for_requests_at_the_same_time(make: Callable[[], Response]) -> None:
    """It is only read: it has the same attributes afterwards, and each exchange a value of its own."""
    response = make()
    before = attributes(response)
    first, head, second = [finalized(response, method) for method in ("GET", "HEAD", "GET")]
    assert attributes(response) == before
    assert (first.payload, head.payload, second.payload) == (response.body, b"", response.body)
    assert first == second
    assert first.fields is not second.fields
    assert head.fields == first.fields
    assert (head.status, head.length) == (first.status, first.length)
    first.fields.append((b"x-first", b"1"))  # an adapter may add fields of its own
    assert (b"x-first", b"1") not in [*second.fields, *finalized(response).fields]


def test_one_response_for_handshakes_at_the_same_time() -> None:
    response = WebSocketResponse(session, headers={"X-A": "1"})
    before = attributes(response)
    first, second = [finalize(handshake(Application()), response) for _ in range(2)]
    assert attributes(response) == before
    assert first.switch is second.switch is response
    assert first == second == WireResponse(101, [(b"x-a", b"1")], b"", None, False, response)
    assert first.fields is not second.fields


def test_what_an_exchange_has_to_end() -> None:
    """Background work and an unsent body; nothing for most responses."""
    request = make_request()
    finalize(request, Response("a"))
    finalize(request, StreamResponse([b"a"]))
    assert request.finishing is None
    response = Response("a")
    response.background = print
    finalize(request, response)
    assert request.finishing is not None
    assert (request.finishing.background, request.finishing.resources) == ((print,), [])
    request = make_request(method="HEAD")
    stream = StreamResponse([b"a"])
    finalize(request, stream)
    assert request.finishing is not None
    assert request.finishing.resources == [stream.body]


def test_a_response_that_cannot_be_sent_begins_no_work() -> None:
    request = make_request()
    response = Response()
    response.status = 42
    response.background = print
    with pytest.raises(ValueError, match="final status"):
        finalize(request, response)
    assert request.finishing is None


@pytest.mark.parametrize("declared", ["3", "-2", "2.0", "", "0x2"])
def test_a_content_length_that_is_not_the_bodys_is_refused(declared: str) -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        finalized(Response("ab", headers={"Content-Length": declared}))


def test_content_length_is_sent_once() -> None:
    headers = [("Content-Length", "2"), ("content-length", "2")]
    assert fields(Response("ab", headers=headers))[b"content-length"] == b"2"
    with pytest.raises(ValueError, match="one Content-Length"):
        finalized(Response("ab", headers=[("Content-Length", "2"), ("Content-Length", "3")]))


def test_an_answer_to_head_may_declare_what_get_would_send() -> None:
    assert fields(Response(headers={"Content-Length": "10"}), "HEAD")[b"content-length"] == b"10"


def test_transfer_encoding_of_the_application_is_refused() -> None:
    with pytest.raises(ValueError, match="Transfer-Encoding"):
        finalized(Response("a", headers={"Transfer-Encoding": "chunked"}))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "response",
    [
        Response("a"),
        Response(b""),
        Response(),
        Response("a" * 1000, content_type="text/x"),
        Response("a", headers={"X-A": "b"}),
        Response("a", headers={"ETag": '"x"'}),
        Response("a", headers={"Content-Length": "1"}),
        Response("a", status=404),
    ],
)
def test_the_usual_response_is_finalized_as_any_other(method: str, response: Response) -> None:
    for sent in ([], [(b"if-none-match", b'"x"')]):
        usual, other = [
            finalize_by(make_request(method=method, headers=[*sent]), response)
            for finalize_by in (finalize, _finalize_any)
        ]
        assert (usual.status, usual.fields, usual.payload) == (other.status, other.fields, other.payload)
        assert usual.length == other.length


# -- header fields -----------------------------------------------------------------------------------------------------


def test_fields_keep_their_order_and_repetition() -> None:
    response = Response(headers=[("X-Tag", "1"), ("Y", " spaced\t"), ("X-Tag", "2")])
    response.headers.add("X-Name", "café")
    assert finalized(response).fields == [
        (b"x-tag", b"1"),
        (b"y", b"spaced"),
        (b"x-tag", b"2"),
        (b"x-name", b"caf\xe9"),
        (b"content-length", b"0"),
    ]


@pytest.mark.parametrize("value", ["b\r\nSet-Cookie: x=1", "b\nx", "b\rx", "b\x00", "\x1b", "\x7f", "a\x0b"])
@pytest.mark.parametrize("place", ["header", "content_type"])
def test_no_value_splits_a_response(value: str, place: str) -> None:
    name = "A" if place == "header" else "Content-Type"
    response = Response("a")
    response.headers[name] = value
    with pytest.raises(ValueError, match=f"control characters in header {name}"):
        finalized(response)
    with pytest.raises(ValueError, match=f"control characters in header {name}"):
        Response(headers={"A": value}) if place == "header" else Response(content_type=value)
    with pytest.raises(ValueError, match="control characters in header Content-Type"):
        response.content_type = value


@pytest.mark.parametrize("name", ["A\r\nB", "a b", "a:", "", "é", "a\x00", "(a)"])
def test_no_name_splits_a_response(name: str) -> None:
    response = Response()
    response.headers[name] = "x"
    with pytest.raises(ValueError, match="token"):
        finalized(response)
    with pytest.raises(ValueError, match="token"):
        Response(headers=CIMultiDict([(name, "x")]))


def test_values_of_other_types_and_encodings_are_refused() -> None:
    values: list[tuple[Any, type[Exception], str]] = [
        ("€", ValueError, "percent-encode"), (5, TypeError, "header A, got 5"), (b"a", TypeError, "header A, got b'a'"),
    ]  # fmt: skip
    for value, kind, message in values:
        response = Response()
        response.headers["A"] = value
        with pytest.raises(kind, match=message):
            finalized(response)
        with pytest.raises(kind, match=message):
            Response(headers={"A": value})


def test_which_answers_are_plain() -> None:
    """Adapters write plain answers without further checks."""
    assert finalized(Response("a")).plain
    assert finalized(Response("", content_type="a/b")).plain
    for other in (Response(), Response("a", status=201), Response("a", headers={"A": "b"}), StreamResponse([b"a"])):
        assert not finalized(other).plain
    assert not finalized(Response("a"), "HEAD").plain
    changed = Response("a")
    assert finalized(changed).plain
    changed.status = 404
    assert not finalized(changed).plain
