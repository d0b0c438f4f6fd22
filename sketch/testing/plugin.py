"""Fixtures for pytest. Switch them on with `pytest_plugins = ["sketch.testing.plugin"]` in a `conftest.py`.

They need no other plugin: a test is a plain function that runs its coroutines through `sketch_run`.

    def test_hello(sketch_run, sketch_client):
        client = sketch_client(app)
        response = sketch_run(client.get("/hello"))
        assert response.status == 200

With a plugin that runs `async def` tests, use `async with TestClient(app) as client:` instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from sketch.application import Application
from sketch.testing.client import TestClient

T = TypeVar("T")

Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture
def sketch_run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Runs coroutines to their end, all in one event loop that lives as long as the test."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def sketch_client(
    sketch_run: Callable[[Coroutine[Any, Any, Any]], Any],
) -> Iterator[Callable[..., TestClient]]:
    """Makes started clients: `client = sketch_client(app)`. They are stopped when the test ends."""
    clients: list[TestClient] = []

    def make(app: Application, **options: Any) -> TestClient:
        client = TestClient(app, **options)
        sketch_run(client.start())
        clients.append(client)
        return client

    yield make
    for client in reversed(clients):
        sketch_run(client.stop())
