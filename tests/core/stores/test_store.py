"""The interface of stores, and the error of one that is away."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application
from sketch.stores import MemoryStore, Store, StoreUnavailable
from sketch.stores.store import check_entry
from sketch.testing import TestClient
from tests.support.requests import in_loop


def test_what_is_a_store() -> None:
    assert isinstance(MemoryStore(), Store)
    assert not isinstance({}, Store)


@pytest.mark.parametrize(
    ("entry", "error", "message"),
    [
        ((b"key", 1), TypeError, "a key of str"),
        (("k" * 513, 1), ValueError, "at most 512 characters, got 513"),
        (("key", "1"), TypeError, "a number of seconds"),
        (("key", True), TypeError, "a number of seconds"),
        (("key", 0), ValueError, "greater than 0, got 0"),
        (("key", -1.5), ValueError, "greater than 0"),
        (("key", float("nan")), ValueError, "greater than 0"),
        (("key", float("inf")), ValueError, "greater than 0"),
        (("key", 1, "text"), TypeError, "a value of bytes, got one of str"),
    ],
)
def test_entries_that_are_none(entry: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_entry(*entry)


@in_loop
async def test_a_store_that_is_away_is_a_503() -> None:
    app = Application()

    @app.get("/")
    async def index() -> str:
        raise StoreUnavailable

    async with TestClient(app) as client:
        response = await client.get("/")
        assert (response.status, "the store cannot be reached" in await response.text()) == (503, True)
