"""Each test has an application of its own, with an empty database."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from blog import passwords
from tests.site import Visitor

pytest_plugins = ["sketch.testing.plugin"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings for tests, and passwords that take no time. (granian runs in a process of its own: there they do.)"""
    monkeypatch.setenv("BLOG_DATA", str(tmp_path))
    monkeypatch.setenv("BLOG_HOSTS", "testserver")
    monkeypatch.delenv("BLOG_SECRET", raising=False)
    monkeypatch.setattr(passwords, "COST", passwords.Cost(n=4, p=1))
    return tmp_path


@pytest.fixture
def come(sketch_client) -> Callable[..., Awaitable[Visitor]]:
    """`await come()` is a new visitor of the site, without a cookie."""
    first = None

    async def come() -> Visitor:
        nonlocal first
        if first is None:
            first = await sketch_client("blog:create_app()", headers={"Sec-Fetch-Site": "same-origin"})
        return Visitor(first)

    return come


@pytest.fixture
def sql(installation: Path) -> Callable[..., list[tuple]]:
    """`sql("SELECT ...")` asks the database, beside the application."""

    def ask(statement: str, *values: object) -> list[tuple]:
        connection = sqlite3.connect(installation / "blog.db")
        try:
            with connection:
                connection.execute("PRAGMA foreign_keys = ON")
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    return ask
