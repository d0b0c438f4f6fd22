"""The session of a test client."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, Session, Sessions
from sketch.stores import MemoryStore, StoreUnavailable
from sketch.testing import TestClient
from tests.support.requests import in_loop

SECRET = "a secret of exactly 32 bytes ..."


def make_app(store: Any = None) -> Application:
    app = Application(outer_middlewares=[Sessions(SECRET, store=store)])

    @app.get("/user")
    async def user(session: Session) -> str:
        return str(session.get("user"))

    @app.get("/visit")
    async def visit(session: Session) -> str:
        session["visits"] = session.get("visits", 0) + 1
        return "-"

    return app


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("make_store", [lambda: None, MemoryStore], ids=["cookie", "store"])
@in_loop
async def test_it_is_the_session_of_the_requests(make_store: Any, scheme: str) -> None:
    async with TestClient(make_app(make_store()), base_url=f"{scheme}://example.com") as client:
        async with client.session() as session:
            session["user"] = "ann"
        assert await (await client.get("/user")).text() == "ann"
        await client.get("/visit")
        async with client.session() as session:
            assert dict(session) == {"user": "ann", "visits": 1}
        async with client.session() as session:
            session.clear()
        assert await (await client.get("/user")).text() == "None"
        assert len(client.cookies) == 0


@in_loop
async def test_it_needs_sessions_that_can_be_kept() -> None:
    class Away(MemoryStore):
        async def set(self, key: str, value: bytes, ttl: float) -> None:
            raise StoreUnavailable

    for app, message in ((Application(), "Sessions among the outer middlewares"), (make_app(Away()), "away")):
        async with TestClient(app) as client:
            with pytest.raises(RuntimeError, match=message):
                async with client.session() as session:
                    session["user"] = "ann"


@in_loop
async def test_a_test_that_fails_changes_nothing() -> None:
    async with TestClient(make_app()) as client:
        with pytest.raises(LookupError):  # noqa: PT012
            async with client.session() as session:
                session["user"] = "ann"
                raise LookupError
        assert len(client.cookies) == 0
