"""The database: its transactions, its steps, and the sessions in it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from blog import database, users
from blog.database import Database, migrate
from blog.session_store import DatabaseStore
from blog.settings import kept_secret
from sketch import HTTPServiceUnavailable
from sketch.stores import Store, StoreUnavailable
from sketch.testing import StoreSuite


@asynccontextmanager
async def opened(path) -> AsyncIterator[Database]:
    opened = Database(path)
    try:
        await opened.write(migrate)
        yield opened
    finally:
        await opened.close()


async def test_what_raises_has_changed_nothing(tmp_path):
    def fail(connection):
        users.add(connection, "ann", "hash")
        raise LookupError

    async with opened(tmp_path / "blog.db") as base:
        with pytest.raises(LookupError):
            await base.write(fail)
        assert await base.read(users.find_name, "ann") is None


async def test_several_processes_may_begin_at_once(tmp_path):
    bases = [Database(tmp_path / "blog.db") for _ in range(4)]
    await asyncio.gather(*[base.write(migrate) for base in bases])
    assert await bases[0].write(users.add, "ann", "hash") == 1
    for base in bases:
        await base.close()


async def test_a_further_step_is_taken_once(tmp_path, monkeypatch):
    steps = tmp_path / "schema"
    steps.mkdir()
    monkeypatch.setattr(database, "SCHEMA", steps)
    for number, script in enumerate(("CREATE TABLE a (x);\nINSERT INTO a VALUES (1);", "INSERT INTO a VALUES (2);"), 1):
        (steps / f"00{number}.sql").write_text(script)
        for _ in range(2):
            async with opened(tmp_path / "blog.db"):
                pass
    connection = sqlite3.connect(tmp_path / "blog.db")
    assert connection.execute("SELECT x FROM a").fetchall() == [(1,), (2,)]
    connection.close()


class TestStore(StoreSuite):
    """Sessions in the database pass the tests of every store."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path_factory):
        self.factory = tmp_path_factory

    @asynccontextmanager
    async def open_store(self) -> AsyncIterator[Store]:
        async with opened(self.factory.mktemp("store") / "blog.db") as base:
            yield DatabaseStore(base)


async def test_a_database_that_is_busy_is_a_503(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY", 0.0)
    async with opened(tmp_path / "blog.db") as base:
        other = sqlite3.connect(tmp_path / "blog.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable):
            await DatabaseStore(base).set("key", b"value", 60)
        with pytest.raises(HTTPServiceUnavailable):
            await base.write(users.add, "ann", "hash")
        other.close()


def test_the_secret_is_kept_and_private(tmp_path):
    secret = kept_secret(tmp_path / "secret")
    assert len(secret) >= 32
    assert kept_secret(tmp_path / "secret") == secret
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
