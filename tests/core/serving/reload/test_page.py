"""The page in place of an application that cannot be started, and to whom it says why."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.serving.reload.page import make_page
from sketch.testing import TestClient
from tests.support.requests import in_loop


def fault() -> BaseException:
    try:
        compile("def (", "main.py", "exec")
    except SyntaxError as exc:
        return exc
    raise AssertionError


async def ask(debug: bool | None, **options: Any) -> tuple[int, str, str]:
    async with TestClient(make_page("main:app", fault(), debug)) as client:
        answer = await client.request(options.pop("method", "GET"), options.pop("path", "/"), **options)
        return answer.status, answer.headers.get("content-type", ""), await answer.text()


LOCAL = {"Host": "localhost:8080"}


@in_loop
async def test_a_local_request_is_told_why() -> None:
    status, kind, text = await ask(None, path="/any/where", method="POST", headers=LOCAL)
    assert (status, kind) == (500, "text/plain; charset=utf-8")
    assert "SyntaxError: invalid syntax" in text
    status, kind, text = await ask(None, headers={**LOCAL, "Accept": "text/html"})
    assert (status, kind) == (500, "text/html; charset=utf-8")
    assert "<title>SyntaxError: invalid syntax</title>" in text
    assert "main:app" in text


@pytest.mark.parametrize(
    ("debug", "headers", "told"),
    [
        (None, {"Host": "example.com"}, False),
        (None, {**LOCAL, "X-Forwarded-For": "127.0.0.1"}, False),
        (True, {"Host": "example.com"}, True),
        (False, LOCAL, False),
    ],
)
@in_loop
async def test_others_are_told_only_by_name(debug: bool | None, headers: dict[str, str], told: bool) -> None:
    status, _, text = await ask(debug, headers=headers)
    assert status == 500
    assert ("SyntaxError" in text) == told
    assert told or text == "500 Internal Server Error"
