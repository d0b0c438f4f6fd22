"""Typed handlers: what each source gives, what is answered to faulty input, and what each declared result becomes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.contract.support import refused
from tests.contract.transports import Transport
from tests.core.request.forms.support import LAST, field, file
from tests.support.wire import Reply

Fields = Sequence[tuple[str, str]]
TEXT, PROBLEM = "text/plain; charset=utf-8", "application/problem+json"
JSON = [("Content-Type", "application/json")]
MULTIPART = [("Content-Type", "multipart/form-data; boundary=bound")]
URLENCODED = [("Content-Type", "application/x-www-form-urlencoded")]
SECRET = "s3cret"
"""Stands in faulty input, and in no answer."""

TEA = b'{"name": "Assam", "grams": 5}'
TEA_SENT = b'{"name":"Assam","grams":5}'
PICTURE = file("picture", "../p.png", b"abc")


async def send(transport: Transport, target: str, headers: Fields, body: bytes | None) -> Reply:
    method = "GET" if body is None else "POST"
    return await transport.request(method, target, headers=headers, body=body)


# -- sources -----------------------------------------------------------------------------------------------------------

SOURCES: dict[str, tuple[str, Fields, bytes | None, Any]] = {
    "everywhere": (
        "/typed/teas/-7?q=%C3%A9+x&tag=1&tag=2",
        [("X-Token", "5"), ("Cookie", "a=b; last-visit=2026-12-24")],
        None,
        {"number": -7, "q": "é x", "tags": [1, 2], "token": 5, "visit": "2026-12-24"},
    ),
    "defaults": ("/typed/teas/7?q=", [], None, {"number": 7, "q": "", "tags": [], "token": None, "visit": None}),
    "empty for none": (
        "/typed/teas/7?q=&x=1",
        [("X-Token", ""), ("Cookie", "last-visit=")],
        None,
        {"number": 7, "q": "", "tags": [], "token": None, "visit": None},
    ),
    "models": (
        "/typed/models?limit=5&unknown=1",
        [("X-Agent", "t"), ("X-Version", "2"), ("Cookie", "theme=dark; on=2026-12-24")],
        None,
        [{"skip": 0, "limit": 5}, {"x_agent": "t", "x_version": 2}, {"theme": "dark", "on": "2026-12-24"}],
    ),
    "given": ("/typed/given", [], None, ["/typed/given", "contract", "teashop"]),
    "body": ("/typed/tea", JSON, TEA, {"name": "Assam", "grams": 5}),
    "body without a type": ("/typed/tea", [], TEA, {"name": "Assam", "grams": 5}),
    "body of a json type": (
        "/typed/tea", [("Content-Type", "application/x.tea+json; charset=utf-8")], TEA, {"name": "Assam", "grams": 5},
    ),
    "body of pydantic": ("/typed/order", JSON, b'{"tea": "Assam", "grams": "5"}', {"tea": "Assam", "grams": 5}),
    "several": (
        "/typed/several", JSON, b'{"tea": %b, "count": 2, "x": 1}' % TEA, [{"name": "Assam", "grams": 5}, 2, ""],
    ),
    "form": (
        "/typed/form",
        MULTIPART,
        field("count", b"1") + PICTURE + field("title", "é".encode()) + field("count", b"2") + LAST,
        ["é", [1, 2], "p.png", "abc"],
    ),
    "form model": (
        "/typed/label", MULTIPART, field("title", b"t") + PICTURE + field("tags", b"1") + LAST, ["t", 3, ["1"]],
    ),
    "guards": ("/typed/guarded/7?q=1", [("X-User", "ann")], None, "ann 7 1"),
}  # fmt: skip


@pytest.mark.core_rule
@pytest.mark.parametrize(("target", "headers", "body", "expected"), SOURCES.values(), ids=SOURCES)
async def test_what_parameters_get(
    transport: Transport, target: str, headers: Fields, body: bytes | None, expected: Any
) -> None:
    reply = await send(transport, target, headers, body)
    assert reply.status == 200, reply.text
    if isinstance(expected, str):
        assert (reply.header("content-type"), reply.text) == (TEXT, expected)
    else:
        assert (reply.header("content-type"), reply.json()) == ("application/json", expected)


# -- faulty input ------------------------------------------------------------------------------------------------------

Lines = list[tuple[str, str, str, str]]

FAULTS: dict[str, tuple[str, Fields, bytes | None, Lines]] = {
    "everywhere": (
        f"/typed/teas/101?tag=1&tag={SECRET}&q={SECRET}",
        [("X-Token", SECRET), ("Cookie", f"last-visit={SECRET}")],
        None,
        [
            ("path", "number", "", "expected at most 100"),
            ("query", "q", "", "expected text of at most 5 characters"),
            ("query", "tag", "/1", "expected an integer"),
            ("header", "x-token", "", "expected an integer"),
            ("cookie", "last-visit", "", "expected a date as 2024-05-31"),
        ],
    ),
    "missing": ("/typed/teas/7", [], None, [("query", "q", "", "is required")]),
    "twice": ("/typed/teas/7?q=1&q=2", [], None, [("query", "q", "", "expected one value")]),
    "models": (
        f"/typed/models?limit=51&skip={SECRET}",
        [("X-Version", ""), ("Cookie", f"theme=x; on={SECRET}")],
        None,
        [
            ("query", "skip", "", "expected an integer"),
            ("query", "limit", "", "expected at most 50"),
            ("header", "x-agent", "", "is required"),
            ("header", "x-version", "", "expected an integer"),
            ("cookie", "on", "", "expected a date as 2024-05-31"),
        ],
    ),
    "body": ("/typed/tea", JSON, b'{"name": "%b78901", "grams": 5}' % SECRET.encode(), [
        ("body", "", "/name", "expected text of at most 10 characters")]),
    "body missing": ("/typed/tea", JSON, b"", [("body", "", "", "is required")]),
    "body of pydantic": (
        f"/typed/order?page={SECRET}",
        JSON,
        b'{"tea": 1, "grams": 0}',
        [
            ("query", "page", "", "expected an integer"),
            ("body", "", "/tea", "expected text"),
            ("body", "", "/grams", "expected more than 0"),
        ],
    ),
    "several": (
        "/typed/several",
        JSON,
        b'{"tea": {"name": "Assam", "grams": "%b"}, "note": 1}' % SECRET.encode(),
        [
            ("body", "tea", "/grams", "expected an integer"),
            ("body", "count", "", "is required"),
            ("body", "note", "", "expected text"),
        ],
    ),
    "form": (
        "/typed/form",
        MULTIPART,
        field("count", SECRET.encode()) + field("title", b"x" * 11) + field("picture", SECRET.encode()) + LAST,
        [
            ("form", "title", "", "expected text of at most 10 characters"),
            ("form", "count", "/0", "expected an integer"),
            ("form", "picture", "", "expected a file"),
        ],
    ),
    "form of fields": ("/typed/form", URLENCODED, b"title=x&count=1", [("form", "picture", "", "is required")]),
    "form missing": ("/typed/label", [], b"", [
        ("form", name, "", "is required") for name in ("title", "picture", "tags")
    ]),
    "guards": ("/typed/guarded/7?q=x", [], None, [("header", "x-user", "", "is required")]),
    "behind guards": (
        f"/typed/guarded/7?q={SECRET}", [("X-User", "ann")], None, [("query", "q", "", "expected an integer")],
    ),
}  # fmt: skip


@pytest.mark.core_rule
@pytest.mark.parametrize(("target", "headers", "body", "expected"), FAULTS.values(), ids=FAULTS)
async def test_faulty_input_is_a_422_that_names_all_of_it(
    transport: Transport, target: str, headers: Fields, body: bytes | None, expected: Lines
) -> None:
    reply = await send(transport, target, [*headers, ("Accept", "application/json")], body)
    assert (reply.status, reply.header("content-type")) == (422, PROBLEM)
    problem = reply.json()
    assert [tuple(error.values()) for error in problem["errors"]] == expected
    assert (problem["title"], problem["status"]) == ("Unprocessable Content", 422)
    assert list(problem["errors"][0]) == ["in", "name", "pointer", "message"]
    assert SECRET not in reply.text


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("accept", "kind"),
    [("*/*", TEXT), ("text/html", "text/html; charset=utf-8"), ("application/problem+json", PROBLEM)],
    ids=["text", "page", "problem"],
)
async def test_faulty_input_is_answered_in_the_form_that_is_asked_for(
    transport: Transport, accept: str, kind: str
) -> None:
    reply = await transport.get(f"/typed/teas/7?q={SECRET}&tag=x", [("Accept", accept)])
    assert (reply.status, reply.header("content-type"), reply.header("vary")) == (422, kind, "Accept")
    assert reply.all("x-after") == ["once"]
    assert "expected text of at most 5 characters" in reply.text
    assert SECRET not in reply.text
    if kind == TEXT:
        assert reply.text == (
            "query q: expected text of at most 5 characters\nquery tag at /0: expected an integer"
        )  # fmt: skip


REFUSED: dict[str, tuple[str, Fields, bytes | None, int]] = {
    "path of another form": ("/typed/teas/seven?q=x", [], None, 404),
    "malformed": ("/typed/tea", JSON, b'{"name"', 400),
    "not in utf-8": ("/typed/tea", JSON, b'{"name": "\xff", "grams": 1}', 400),
    "malformed of pydantic": ("/typed/order", JSON, b"{]", 400),
    "malformed of several": ("/typed/several", JSON, b"[", 400),
    "too large": ("/typed/tea/narrow", JSON, TEA + b" " * 10, 413),
    "another type": ("/typed/tea", [("Content-Type", "text/plain")], TEA, 415),
    "another type than a form": ("/typed/form", JSON, b"{}", 415),
    "malformed form": ("/typed/form", MULTIPART, b"nothing", 400),
    "by a guard": ("/typed/guarded/7?q=x", [("X-User", "bob")], None, 403),
    "another method": ("/typed/tea", [], None, 405),
}


@pytest.mark.core_rule
@pytest.mark.parametrize(("target", "headers", "body", "status"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_as_in_other_handlers(
    transport: Transport, target: str, headers: Fields, body: bytes | None, status: int
) -> None:
    assert (await send(transport, target, headers, body)).status == status


async def test_a_body_over_the_limit_is_a_413_also_without_its_length(transport: Transport) -> None:
    async def pieces() -> Any:
        yield TEA
        yield b" " * 10

    assert (await transport.post("/typed/tea/narrow", pieces(), JSON)).status == 413
    assert (await transport.post("/typed/tea/narrow", TEA, JSON)).body == TEA_SENT


# -- dependencies ------------------------------------------------------------------------------------------------------

ENTERED = ["outer: enter", "inner: enter"]


async def test_dependencies_are_entered_and_left_in_reverse(transport: Transport, key: str) -> None:
    reply = await transport.get(f"/typed/depends?key={key}&n=1")
    assert (reply.status, reply.text) == (200, "ab1")
    assert await transport.journal(key, "outer: exit") == [*ENTERED, "handler", "inner: exit", "outer: exit"]


async def test_dependencies_see_the_error_of_the_handler(transport: Transport, key: str) -> None:
    reply = await transport.get(f"/typed/depends?key={key}&n=1&refuse=yes")
    assert (reply.status, reply.text) == (403, "members only")
    left = ["handler", "inner: exit", "outer: 403", "outer: exit"]
    assert await transport.journal(key, "outer: exit") == [*ENTERED, *left]


async def test_dependencies_see_faulty_input(transport: Transport, key: str) -> None:
    reply = await transport.get(f"/typed/depends?key={key}&n=x&refuse=x")
    assert (reply.status, reply.text.splitlines()) == (
        422, ["query n: expected an integer", "query refuse: expected true or false"],
    )  # fmt: skip
    assert await transport.journal(key, "outer: exit") == [*ENTERED, "inner: exit", "outer: 422", "outer: exit"]


# -- answers -----------------------------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[int, str | None, bytes]] = {
    "answers/none": (204, None, b""),
    "answers/text": (200, TEXT, "té".encode()),
    "answers/bytes": (200, "application/octet-stream", b"\xff\x00"),
    "answers/dict": (200, "application/json", b'{"on":"2026-12-24"}'),
    "answers/struct": (200, "application/json", b'{"name":"Assam","grams":100}'),
    "answers/model": (200, "application/json", b'{"tea":"Assam","grams":1}'),
    "answers/null": (200, "application/json", b"null"),
    "answers/response": (202, TEXT, b"as it is"),
    "answers/status": (201, "application/json", b"[1]"),
    "answers/parts": (203, "text/csv", b"a,b"),
    "answers/unfit": (500, TEXT, b"500 Internal Server Error"),
    "flows/bytes": (200, "application/octet-stream", b"\xff\x00"),
    "flows/text?q=2": (200, TEXT, "é0 é1 ".encode()),
    "flows/text?q=x": (422, TEXT, b"query q: expected an integer"),
    "flows/events": (200, "text/event-stream", b"id: 1\ndata: one\n\n"),
    "flows/lines": (200, "application/jsonl", b'{"name":"Assam","grams":1}\n{"name":"Ceylon","grams":2}\n'),
}


@pytest.mark.core_rule
@pytest.mark.parametrize(("target", "expected"), ANSWERS.items(), ids=ANSWERS)
async def test_what_results_become(transport: Transport, target: str, expected: tuple[int, str | None, bytes]) -> None:
    reply = await transport.get(f"/typed/{target}")
    assert (reply.status, reply.header("content-type"), reply.body) == expected
    assert reply.all("x-after") == ["once"]


async def test_results_that_are_streams(transport: Transport) -> None:
    for target in (target for target in ANSWERS if target.startswith("flows")):
        reply = await transport.get(f"/typed/{target}")
        assert (reply.status, reply.header("content-type"), reply.body) == ANSWERS[target]


async def test_parts_of_the_answer(transport: Transport) -> None:
    reply = await transport.get("/typed/answers/parts")
    assert (reply.status, reply.header("x-part"), reply.header("content-type")) == (203, "1", "text/csv")
    assert reply.all("set-cookie") == ["part=2; Path=/; SameSite=Lax"]
    head = await transport.request("HEAD", "/typed/answers/parts")
    assert (head.status, head.header("x-part"), head.body) == (203, "1", b"")


# -- sessions of websockets --------------------------------------------------------------------------------------------


async def test_a_session_gets_what_its_handshake_holds(transport: Transport, key: str) -> None:
    headers = [("X-User", "ann"), ("Cookie", "theme=light")]
    async with transport.websocket(f"/typed/rooms/-7?key={key}&token=5", headers=headers) as ws:
        assert json.loads(await ws.receive()) == [-7, "a", 5, "light"]
        await ws.send("x")
        assert await ws.receive() == "x"
    assert await transport.journal(key, "outer: exit") == ["outer: enter", "outer: exit"]


async def test_faulty_input_is_answered_before_the_handshake(transport: Transport, key: str) -> None:
    headers = [("X-User", "ann"), ("Accept", "application/json")]
    reply = await refused(transport, f"/typed/rooms/7?key={key}&token=0", headers)
    assert (reply.status, reply.header("content-type")) == (422, PROBLEM)
    assert reply.json()["errors"] == [
        {"in": "query", "name": "token", "pointer": "", "message": "expected more than 0"},
    ]
    assert await transport.journal(key, "outer: exit") == ["outer: enter", "outer: 422", "outer: exit"]
    reply = await refused(transport, "/typed/rooms/7", [("X-User", "bob")])
    assert (reply.status, reply.text) == (403, "not for bob")
    assert (await refused(transport, "/typed/rooms/seven", headers)).status == 404
