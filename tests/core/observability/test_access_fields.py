"""The facts of an exchange."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch import Application, RequestID, Response, RouteGroup
from sketch.observability.access_fields import FIELDS, facts_of
from sketch.transport import Outcome
from tests.support.requests import exchange, in_loop, make_request

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TYPES = {"string": str, "integer": int, "number": float, "boolean": bool}


def check_types(facts: dict[str, Any]) -> None:
    """Assert that facts are what the table of fields says."""
    assert facts.keys() == FIELDS.keys()
    for name, value in facts.items():
        kind = FIELDS[name].kind
        assert (value is None and kind.endswith("?")) or type(value) is TYPES[kind.removesuffix("?")], (name, value)


def facts(target: str | bytes = "/", **options: Any) -> dict[str, Any]:
    found = facts_of(make_request(target, **options), Outcome(200, 5, 1.0, 1.1, 1.2))
    check_types(found)
    return found


def test_header_fields() -> None:
    headers = [
        (b"user-agent", b'a"b\x9b'), (b"referer", b"http://x/" + b"y" * 400), (b"traceparent", PARENT.encode())
    ]  # fmt: skip
    found = facts(headers=headers)
    assert found["user_agent"] == 'a\\"b\\x9b'
    assert found["referer"] == f"http://x/{'y' * 291}..."
    assert (found["traceparent"], found["trace_id"]) == (PARENT, "0af7651916cd43dd8448eb211c80319c")


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        (PARENT.replace("00-", "cc-") + "-more", True),
        (PARENT + "-more", False),
        (PARENT.replace("00-", "ff-"), False),
        (PARENT.upper(), False),
        ("00-" + "0" * 32 + "-b7ad6b7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01", False),
        (PARENT + "\n", False),
        ("", False),
    ],
)
def test_trace_context(sent: str, known: bool) -> None:
    found = facts(headers=[(b"traceparent", sent.encode())])
    assert (found["traceparent"], found["trace_id"]) == ((sent[:55], sent[3:35]) if known else (None, None))


def test_a_target_is_cut() -> None:
    assert facts(b"/" + b"a" * 3000)["target"] == "/" + "a" * 1999 + "..."
    assert len(facts(b"/" + b'"' * 3000)["target"]) < 1010


@in_loop
async def test_routes_and_ids() -> None:
    app, inner = Application(outer_middlewares=[RequestID()]), Application()
    group = RouteGroup("/teas")
    group.add_get("/{number}", lambda: Response("tea"))
    app.add_group(group)
    app.add_get(re.compile("/r(e)gex"), lambda: Response(""))
    inner.add_get("/x/{y}", lambda: Response("inner"))
    app.mount("/in", inner)
    await app.startup()

    async def route(target: str, method: str = "GET") -> Any:
        _, request = await exchange(app, target, method=method, headers=[(b"x-request-id", b"abc")])
        found = facts_of(request, Outcome(200, 5, 1.0, 1.1, 1.2))
        check_types(found)
        assert found["request_id"] == "abc"
        return found["route"]

    assert await route("/teas/7") == "/teas/{number}"
    assert await route("/in/x/1?a=b") == "/in/x/{y}"
    assert await route("/regex") == "/r(e)gex"
    assert await route("/nowhere") is None
    assert await route("/teas/7", "OPTIONS") is None, "the router answers"
    request = make_request()
    request.id = 'chosen "by" \x1b a program'
    assert facts_of(request, Outcome(200, 5, 1.0, 1.1, 1.2))["request_id"] == 'chosen \\"by\\" \\x1b a program'


def test_the_route_of_a_foreign_application() -> None:
    class Theirs:
        path = "/items/{id}"

    for told, expected in (({"route": Theirs()}, "/items/{id}"), ({"route": object()}, None), ({}, None)):
        request = make_request("/items/7")
        request.inner_scope = told
        assert facts_of(request, Outcome(200, 5, 1.0, 1.1, 1.2))["route"] == expected
