"""A user's suite: the plugin, and one fixture that makes a client of the application."""

import pytest

pytest_plugins = ["sketch.testing.plugin"]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def shop(sketch_client):
    return sketch_client("shop:create_app()", raise_errors=False)
