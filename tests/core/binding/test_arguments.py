"""The arguments of one request: what is read when, bodies of one value and of several, and stored values.

Annotations are objects here: types that are local to a test exist at run time.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from sketch.application import Application
from sketch.binding.sources import Body, Depends, Form, Header, Query
from sketch.keys import AppKey, RequestKey
from sketch.request import Request
from sketch.response import Response
from tests.core.binding.support import FORM, JSON, ask, faults, fields, heard, run, send, serving, text, told
from tests.support.requests import answer

USER = RequestKey[str]("user")
LIMIT = AppKey[int]("limit")


@dataclass
class Item:
    name: str
    prices: list[int] = field(default_factory=list)


# -- the body ---------------------------------------------------------------------------------------------------------


async def whole(item: Item) -> Response:
    return told(item)


async def several(
    item: Item, count: Annotated[int, Body()] = 1, note: Annotated[str | None, Body()] = None
) -> Response:
    return told(item, count, note)


async def embedded(item: Annotated[Item, Body(embed=True)]) -> Response:
    return told(item)


async def named(item: Annotated[Item, Body("the-item")]) -> Response:
    return told(item)


async def optional(item: Item | None = None) -> Response:
    return told(item)


async def embedded_default(count: Annotated[int, Body(embed=True)] = 5) -> Response:
    return told(count)


@pytest.mark.parametrize(
    ("handler", "content", "value"),
    [
        (whole, b'{"name": "a", "prices": [1]}', "Item(name='a', prices=[1])"),
        (several, b'{"item": {"name": "a"}, "count": 2}', "(Item(name='a', prices=[]), 2, None)"),
        (several, b'{"item": {"name": "a"}, "note": "n", "x": 1}', "(Item(name='a', prices=[]), 1, 'n')"),
        (embedded, b'{"item": {"name": "a"}}', "Item(name='a', prices=[])"),
        (named, b'{"the-item": {"name": "a"}}', "Item(name='a', prices=[])"),
        (optional, b'{"name": "a"}', "Item(name='a', prices=[])"),
        (optional, b"", "None"),
        (optional, b"null", "None"),
        (embedded_default, b"", "5"),
        (embedded_default, b"{}", "5"),
        (embedded_default, b'{"count": 6}', "6"),
    ],
)
def test_bodies(handler: Any, content: bytes, value: str) -> None:
    assert heard(handler, "/", JSON, content=content) == value


@pytest.mark.parametrize(
    ("handler", "content", "wrong"),
    [
        (whole, b'{"name": "a", "prices": ["secret"]}', ["body at /prices/0: expected an integer"]),
        (whole, b"", ["body: is required"]),
        (several, b"", ["body item: is required"]),
        (several, b'{"count": "x"}', ["body item: is required", "body count: expected an integer"]),
        (several, b'{"item": {"name": 1}}', ["body item at /name: expected text"]),
        (embedded, b'{"name": "a"}', ["body item: is required"]),
        (named, b"{}", ["body the-item: is required"]),
        (embedded_default, b'{"count": null}', ["body count: expected an integer"]),
        (embedded_default, b"[]", ["body: expected an object"]),
    ],
)
def test_faults_of_bodies(handler: Any, content: bytes, wrong: list[str]) -> None:
    got = faults(handler, "/", JSON, content=content)
    assert [line.replace("a string", "text") for line in got] == wrong


def test_media_types_and_malformed_bodies() -> None:
    assert heard(whole, "/", content=b'{"name": "a"}') == "Item(name='a', prices=[])"
    assert heard(whole, "/", (b"content-type", b"application/vnd.a+json; charset=utf-8"), content=b'{"name": "a"}')
    assert ask(whole, "/", (b"content-type", b"text/plain"), content=b'{"name": "a"}').status == 415
    assert ask(whole, "/", JSON, content=b'{"name": ').status == 400


# -- the order --------------------------------------------------------------------------------------------------------


def test_every_input_is_told_before_the_handler_is_called() -> None:
    """Those of dependencies, then of the head. No body is read for a client that a dependency has not seen."""

    async def dependency(a: int) -> int:
        raise AssertionError

    async def handler(
        item: Item, q: int, agent: Annotated[str, Header()], d: Annotated[int, Depends(dependency)]
    ) -> Response:
        raise AssertionError

    assert faults(handler, "/?q=x", JSON, content=b"{}") == [
        "query a: is required",
        "query q: expected an integer",
        "header agent: is required",
    ]


def test_faults_of_the_head_and_of_the_body_are_told_together() -> None:
    async def handler(item: Item, q: int) -> Response:
        raise AssertionError

    assert faults(handler, "/", JSON, content=b"{}") == ["query q: is required", "body at /name: is required"]


def test_faults_of_the_head_and_of_a_form_are_told_together() -> None:
    async def handler(name: Annotated[int, Form()], q: int) -> Response:
        raise AssertionError

    assert faults(handler, "/", FORM, content=b"name=x") == [
        "query q: is required",
        "form name: expected an integer",
    ]


def test_dependencies_run_before_the_body_is_read() -> None:
    read: list[str] = []

    async def dependency(request: Request) -> AsyncIterator[None]:
        read.append("dependency")
        yield

    class Noted(list[Any]):
        def __iter__(self) -> Any:
            for chunk in [b'{"name"', b': "a"}']:
                read.append("chunk")
                yield chunk

    async def handler(item: Item, d: Annotated[None, Depends(dependency)]) -> Response:
        return told(item)

    async def main() -> None:
        app = serving(handler, method="POST")
        wire = await answer(app, method="POST", headers=fields([JSON], b'{"name": "a"}'), body=Noted())
        assert text(wire) == "Item(name='a', prices=[])"

    run(main())
    assert read == ["dependency", "chunk", "chunk"]


def test_a_body_that_is_too_large_or_announced_as_such() -> None:
    from sketch.limits import Limits

    app = serving(whole, method="POST", limits=Limits(body=5))
    assert run(send(app, "/", JSON, method="POST", content=b'{"name": "a"}')).status == 413


# -- stored values ----------------------------------------------------------------------------------------------------


async def stored(user: Annotated[str, USER], limit: Annotated[int, LIMIT], q: int = 0) -> Response:
    return told(user, limit, q)


async def stored_or_not(user: Annotated[str | None, USER] = None, limit: Annotated[int, LIMIT] = 3) -> Response:
    return told(user, limit)


def test_keys() -> None:
    async def signed_in(request: Any, call: Any) -> Any:
        request[USER] = "ann"
        return await call(request)

    app = Application(middlewares=[signed_in])
    app[LIMIT] = 7
    app.add_get("/", stored)
    app.add_get("/or-not", stored_or_not)
    assert text(run(send(app, "/?q=1"))) == "('ann', 7, 1)"
    assert text(run(send(app, "/or-not"))) == "('ann', 7)"


def test_keys_without_a_value(caplog: pytest.LogCaptureFixture) -> None:
    assert heard(stored_or_not) == "(None, 3)"
    assert ask(stored).status == 500
    assert "<RequestKey user> was not set" in caplog.text


def test_keys_beside_a_dependency() -> None:
    async def dependency(limit: Annotated[int, LIMIT] = 3) -> int:
        return limit

    async def handler(d: Annotated[int, Depends(dependency)], user: Annotated[str, USER] = "none") -> Response:
        return told(d, user)

    assert heard(handler) == "(3, 'none')"


# -- positions --------------------------------------------------------------------------------------------------------


def test_positions_and_keywords() -> None:
    async def one() -> int:
        return 1

    async def handler(
        a: int,
        /,
        fixed=5,
        *,
        d: Annotated[int, Depends(one)],
        q: Annotated[int, Query()],
        request: Request,
        **rest: Any,  # type: ignore[no-untyped-def]
    ) -> Response:
        return told(a, fixed, d, q, type(request).__name__, rest)

    assert heard(handler, "/7/8?q=2", path="/{a}/{b}") == "(7, 5, 1, 2, 'Request', {'b': '8'})"


def test_a_default_between_positions() -> None:
    async def handler(fixed=5, q: int = 0) -> Response:  # type: ignore[no-untyped-def]
        return told(fixed, q)

    assert heard(handler, "/?q=2") == "(5, 2)"
