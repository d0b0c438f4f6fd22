"""The curl command of a request, and what it hides."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from sketch.testing import ClientResponse, TestClient
from tests.core.testing.support import echo, serving
from tests.support.requests import in_loop


async def sent(method: str = "GET", path: str = "/", **options: Any) -> ClientResponse:
    async with TestClient(serving(echo, "GET", "POST", "PUT", "HEAD")) as client:
        return await client.request(method, path, **options)


FIELDS = {"X-A": "1", "Host": "other"}
PLAIN = "content-type: text/plain; charset=utf-8"
JSON = "content-type: application/json"
URL = "http://testserver/"


@pytest.mark.parametrize(
    ("arguments", "options", "command"),
    [
        (("GET", "/a b?x=1"), {}, ["http://testserver/a%20b?x=1"]),
        (("HEAD", "/"), {}, ["-I", "http://testserver/"]),
        (("PUT", "/"), {"data": "it's"}, ["-X", "PUT", URL, "-H", PLAIN, "--data-raw", "it's"]),
        (("POST", "/"), {"json": [1]}, [URL, "-H", JSON, "--data-raw", "[1]"]),
        (("POST", "/"), {"body": b"\xff\xfe"}, ["http://testserver/", "--data-binary", "@2-bytes"]),
        (("GET", "/"), {"headers": FIELDS}, [URL, "-H", "x-a: 1", "-H", "host: other"]),
    ],
)  # fmt: skip
@in_loop
async def test_commands(arguments: tuple[str, str], options: dict[str, Any], command: list[str]) -> None:
    assert shlex.split((await sent(*arguments, **options)).curl()) == ["curl", *command]


@in_loop
async def test_a_body_that_came_in_chunks_is_not_kept() -> None:
    async def body() -> Any:
        yield b"x"

    assert (await sent("POST", body=body())).curl() == "curl http://testserver/ --data-binary @-"


@in_loop
async def test_a_long_body_is_cut() -> None:
    command = (await sent("POST", data="x" * 5000)).curl()
    assert command.endswith("x...")
    assert len(command) < 1200


@in_loop
async def test_another_place() -> None:
    response = await sent("GET", "/x?a=1")
    assert response.curl(at="http://127.0.0.1:8080/") == "curl 'http://127.0.0.1:8080/x?a=1'"


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Authorization": "Bearer open-sesame"}},
        {"headers": {"X-Api-Key": "open-sesame"}},
        {"auth": ("ada", "open-sesame")},
        {"cookies": {"session": "open-sesame"}},
        {"params": {"access_token": "open-sesame", "b": "1"}},
        {"json": {"user": {"password": "open-sesame"}, "list": [{"secret": "open-sesame"}]}},
        {"data": {"password": "open-sesame"}},
        {"data": {"long": "x" * 500, "password": "open-sesame"}, "files": {"a": b"1"}},
    ],
)
@in_loop
async def test_secrets_are_hidden_unless_they_are_asked_for(options: dict[str, Any]) -> None:
    response = await sent("POST", **options)
    for text in (response.curl(), repr(response)):
        assert "open-sesame" not in text
        assert "YWRhOm9wZW4tc2VzYW1l" not in text  # base64
        assert "***" in text
    shown = response.curl(secrets=True)
    assert "open-sesame" in shown or "YWRhOm9wZW4tc2VzYW1l" in shown
    assert "***" not in shown
