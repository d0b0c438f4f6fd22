"""Overrides: which dependencies another function takes the place of, and for how long.

Annotations are objects here: functions that are local to a test exist at run time.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest

from sketch.application import Application
from sketch.binding.sources import Depends, Query
from sketch.exceptions import HTTPUnauthorized
from sketch.request import Request
from sketch.response import Response
from sketch.routing.views import View
from sketch.testing import TestClient, override
from sketch.websocket import WebSocket
from tests.core.binding.support import run, send, text, told


async def connect() -> str:
    return "real"


async def fake() -> str:
    return "fake"


async def repository(db: Annotated[str, Depends(connect)]) -> str:
    return f"repository of {db}"


async def direct(db: Annotated[str, Depends(connect)]) -> Response:
    return told(db)


async def nested(repository: Annotated[str, Depends(repository)]) -> Response:
    return told(repository)


async def refuse() -> None:
    raise HTTPUnauthorized


async def allow() -> None: ...


async def guarded(request: Request) -> Response:
    return Response("handler")


def serving(**handlers: Any) -> Application:
    app = Application()
    for name, handler in handlers.items():
        app.add_get(f"/{name}", handler)
    return app


def answers(app: Application, *paths: str) -> list[str]:
    async def main() -> list[str]:
        try:
            return [text(await send(app, path)) for path in paths]
        finally:
            app.threads.close()

    return run(main())


def test_direct_and_nested_dependencies() -> None:
    app = serving(direct=direct, nested=nested)
    with override(app, connect, fake):
        assert answers(app, "/direct", "/nested") == ["'fake'", "'repository of fake'"]
    assert answers(app, "/direct", "/nested") == ["'real'", "'repository of real'"]


def test_before_and_after_the_start() -> None:
    async def main() -> None:
        app = serving(direct=direct)
        with override(app, connect, fake):
            async with TestClient(app) as client:
                assert await (await client.get("/direct")).json() == "'fake'"
        app = serving(direct=direct)
        async with TestClient(app) as client:
            with override(app, connect, fake):
                assert await (await client.get("/direct")).json() == "'fake'"
            assert await (await client.get("/direct")).json() == "'real'"

    run(main())


def test_the_original_is_put_back_after_an_error() -> None:
    app = serving(direct=direct)
    with pytest.raises(KeyError), override(app, connect, fake):
        raise KeyError
    assert answers(app, "/direct") == ["'real'"]


def test_overrides_may_be_nested() -> None:
    async def other() -> str:
        return "other"

    app = serving(direct=direct)
    with override(app, connect, fake):
        with override(app, connect, other):
            assert answers(app, "/direct") == ["'other'"]
        assert answers(app, "/direct") == ["'fake'"]
    assert answers(app, "/direct") == ["'real'"]


def test_guards_of_routes_groups_and_applications() -> None:
    app = Application(dependencies=[Depends(refuse)])
    app.add_get("/app", guarded)
    group = app.group("/group", dependencies=[Depends(refuse)])
    group.add_get("/route", guarded, dependencies=[Depends(refuse)])
    assert answers(app, "/app")[0] != "handler"
    with override(app, refuse, allow):
        assert answers(app, "/app", "/group/route") == ["handler", "handler"]


def test_mounted_applications() -> None:
    inner, app = Application(dependencies=[Depends(refuse)]), Application()
    inner.add_get("/direct", direct)
    app.mount("/inner", inner)

    async def main() -> None:
        async with TestClient(app) as client:
            with override(app, connect, fake), override(app, refuse, allow):
                assert await (await client.get("/inner/direct")).json() == "'fake'"
            assert (await client.get("/inner/direct")).status == 401

    run(main())


def test_views_and_websockets() -> None:
    got: list[str] = []

    class Page(View):
        async def get(self, db: Annotated[str, Depends(connect)]) -> Response:
            return told(db)

    async def session(ws: WebSocket, db: Annotated[str, Depends(connect)]) -> None:
        got.append(db)

    app = serving(page=Page)
    app.add_websocket("/ws", session)

    async def main() -> None:
        async with TestClient(app) as client:
            with override(app, connect, fake):
                assert await (await client.get("/page")).json() == "'fake'"
                async with client.websocket("/ws"):
                    pass

    run(main())
    assert got == ["fake"]


def test_replacements_of_other_kinds() -> None:
    """They have parameters and exits of their own, and may depend on other functions."""
    left: list[str] = []

    def blocking(id: int, q: Annotated[str, Query()] = "none") -> str:
        return f"{id} {q}"

    async def generator(other: Annotated[str, Depends(blocking)]) -> AsyncIterator[str]:
        yield f"generated {other}"
        left.append(other)

    app = Application()
    app.add_get("/{id}", direct)
    with override(app, connect, blocking):
        assert answers(app, "/7?q=a") == ["'7 a'"]
    with override(app, connect, generator):
        assert answers(app, "/7") == ["'generated 7 none'"]
    assert left == ["7 none"]


def test_the_dependencies_of_the_replaced_function_are_not_called() -> None:
    async def fake_repository() -> str:
        return "fake repository"

    app = serving(nested=nested)
    app.add_get("/guarded", guarded, dependencies=[Depends(refuse)])
    with override(app, repository, fake_repository):
        assert answers(app, "/nested") == ["'fake repository'"]


def test_values_are_kept_as_they_are_of_the_original() -> None:
    calls: list[int] = []

    async def counted() -> str:
        calls.append(1)
        return str(len(calls))

    async def handler(
        a: Annotated[str, Depends(connect)],
        b: Annotated[str, Depends(connect)],
        c: Annotated[str, Depends(connect, use_cache=False)],
    ) -> Response:
        return told(a, b, c)

    app = serving(handler=handler)
    with override(app, connect, counted):
        assert answers(app, "/handler") == ["('1', '1', '2')"]


def test_a_function_that_no_route_depends_on() -> None:
    app = serving(direct=direct)
    with pytest.raises(ValueError, match="expected a function that a route depends on, got repository "):
        override(app, repository, fake).__enter__()


def test_a_replacement_that_gets_no_value() -> None:
    def wanting(a, b) -> str: ...  # type: ignore[no-untyped-def]

    app = serving(direct=direct)
    with pytest.raises(ValueError, match=r"expected a parameter of .*, got 'b', in the dependency .*wanting"):
        override(app, connect, wanting).__enter__()
    assert answers(app, "/direct") == ["'real'"]


def test_a_replacement_that_needs_what_it_replaces() -> None:
    async def wrapping(repository: Annotated[str, Depends(repository)]) -> str:
        return f"wrapped {repository}"

    app = serving(direct=direct)
    with pytest.raises(ValueError, match=r"expected a replacement that does not depend on connect .*, got .*wrapping"):
        override(app, connect, wrapping).__enter__()
    assert answers(app, "/direct") == ["'real'"]


def test_a_replacement_that_reads_a_body_where_there_is_none() -> None:
    def reads(item: dict[str, int]) -> str: ...

    app = serving(direct=direct)
    with pytest.raises(ValueError, match="expected no body on GET"):
        override(app, connect, reads).__enter__()
