"""Typed keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.context import current_app, current_request
from sketch.keys import AppKey, RequestKey
from sketch.request import Request
from sketch.response import Response
from tests.support.requests import answer, in_loop, make_request

POOL = AppKey[list[int]]("pool")
USER = RequestKey[str]("user")


def owner(kind: str) -> tuple[Any, Any, Any]:
    """An application or a request, a key of its kind, and a key of the other kind."""
    return (Application(), POOL, USER) if kind == "app" else (make_request(), USER, POOL)


KINDS = pytest.mark.parametrize("kind", ["app", "request"])


@KINDS
def test_a_value_by_its_key(kind: str) -> None:
    holder, key, _ = owner(kind)
    assert key not in holder
    holder[key] = value = ["x"]
    assert key in holder
    assert holder[key] is value
    holder[key] = None
    assert (key in holder, holder[key]) == (True, None)
    del holder[key]
    assert key not in holder


def test_a_value_of_a_request_or_a_default() -> None:
    request = make_request()
    assert (request.get(USER), request.get(USER, 7)) == (None, 7)
    request[USER] = "ada"
    assert (request.get(USER), request.get(USER, 7)) == ("ada", "ada")


@KINDS
def test_an_unset_key_is_an_error(kind: str) -> None:
    holder, key, _ = owner(kind)
    with pytest.raises(KeyError, match=f"{type(key).__name__} {key.name}> was not set"):
        holder[key]
    with pytest.raises(KeyError, match="was not set"):
        del holder[key]


@KINDS
def test_keys_are_told_apart_by_what_they_are(kind: str) -> None:
    holder, key, _ = owner(kind)
    twin = type(key)(key.name)
    assert twin != key
    holder[key], holder[twin] = 1, 2
    assert (holder[key], holder[twin]) == (1, 2)
    assert getattr(holder, key.name, None) is None, "attributes are something else"


@KINDS
@pytest.mark.parametrize("wrong", ["other", "pool", 0, None])
def test_another_kind_of_key_is_a_mistake(kind: str, wrong: Any) -> None:
    holder, key, other = owner(kind)
    wrong = other if wrong == "other" else wrong
    message = f"expected a key of class {type(key).__name__}, got "
    with pytest.raises(TypeError, match=message):
        holder[wrong]
    with pytest.raises(TypeError, match=message):
        holder[wrong] = 1
    with pytest.raises(TypeError, match=message):
        del holder[wrong]
    with pytest.raises(TypeError, match=message):
        assert wrong in holder
    if kind == "request":
        with pytest.raises(TypeError, match=message):
            holder.get(wrong)


def test_containers_of_keys_are_not_iterable() -> None:
    for holder in (Application(), make_request()):
        with pytest.raises(TypeError):
            list(holder)  # type: ignore[call-overload]


def test_get_of_an_application_is_the_decorator_alone() -> None:
    with pytest.raises(TypeError, match="expected a path, got <AppKey pool>"):
        Application().get(POOL)  # type: ignore[arg-type]


@in_loop
async def test_values_pass_from_hooks_and_middleware_to_handlers() -> None:
    async def sign_in(request: Request, handler: Any) -> Response:
        request[USER] = request.query["user"]
        return await handler(request)  # type: ignore[no-any-return]

    app = Application(middlewares=[sign_in])
    app.on_startup(lambda app: app.__setitem__(POOL, [1]))

    @app.get("/")
    async def handler(request: Request) -> Response:
        assert (current_request[USER], current_app[POOL]) == (request[USER], request.app[POOL])
        assert USER in current_request
        del current_request[USER]
        request.app[POOL].append(2)
        return Response(f"{request.get(USER, 'nobody')} {app[POOL]}")

    await app.startup()
    app[POOL] = [0]  # also after the start
    assert (await answer(app, "/?user=ada")).payload == b"nobody [0, 2]"
    await app.cleanup()


def test_requests_share_nothing() -> None:
    first, second = make_request(), make_request()
    first[USER] = "ada"
    assert USER not in second


SNIPPET = """
from typing import assert_type
from sketch import AppKey, Application, Request, RequestKey, Response, current_app

POOL = AppKey[list[int]]("pool")
USER = RequestKey[str]("user")
app = Application()
app[POOL] = [1]
assert_type(app[POOL], list[int])
assert_type(current_app[POOL], list[int])

@app.get("/")
async def handler(request: Request) -> Response:
    assert_type(request[USER], str)
    assert_type(request.get(USER), str | None)
    assert_type(request.get(USER, 0), str | int)
    assert_type(request.app[POOL], list[int])
    request[USER] = "ada"
    del request[USER]
    return Response("x" if USER in request else "y")

async def typed() -> None:
    assert_type(await handler(Request("GET", b"/", [], connection=None)), Response)  # type: ignore[arg-type]

app[POOL] = "x"
app[USER]
def wrong(request: Request) -> None:
    request[USER] = 1
    request[POOL]
"""


@pytest.mark.extended
def test_type_checkers_know_the_types(tmp_path: Path) -> None:
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", str(path)]
    environment = os.environ | {"MYPYPATH": f"{root}:{root / 'adapters'}"}
    done = subprocess.run(
        [*command, "--follow-imports=silent"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=55
    )
    lines = [number for number, line in enumerate(SNIPPET.splitlines(), 1) if line.strip() in WRONG]
    found = [int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line]
    assert sorted(set(found)) == lines, done.stdout + done.stderr


WRONG = ('app[POOL] = "x"', "app[USER]", "request[USER] = 1", "request[POOL]")
