"""The methods of the client that send a request by its method, and `call`, whose types are known."""

from __future__ import annotations

from typing import assert_type

import pytest

from sketch.application import Application
from sketch.request import Request
from sketch.response import Response
from sketch.testing import TestClient
from tests.support.requests import in_loop


async def method(request: Request) -> Response:
    return Response(request.method)


async def double(n: int) -> int:
    return 2 * n


def word(n: int) -> str:
    return "a" * n


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete"])
@in_loop
async def test_each_verb_sends_its_method(verb: str) -> None:
    app = Application()
    app.add_route(verb, "/", method)
    async with TestClient(app) as client:
        assert await (await getattr(client, verb)("/")).text() == verb.upper()


@in_loop
async def test_a_call_returns_what_the_handler_declares() -> None:
    app = Application()
    app.add_get("/double", double)
    app.add_get("/word", word)
    async with TestClient(app) as client:
        number = assert_type(await client.call(double, n=2), int)
        letters = assert_type(await client.call(word, n=3), str)
        wrong: str = await client.call(double, n=2)  # type: ignore[arg-type]
    assert (number, letters, wrong) == (4, "aaa", 4)
