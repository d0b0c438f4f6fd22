"""Sessions in the database: all workers see them, a restart keeps them, and signing out ends every copy."""

import time
from collections.abc import Awaitable
from sqlite3 import Connection, OperationalError
from typing import TypeVar

from blog.database import Database
from sketch import HTTPServiceUnavailable
from sketch.stores import StoreUnavailable, check_entry

T = TypeVar("T")


class DatabaseStore:
    """A store of sketch (see `sketch.stores.Store`) in a table of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> bytes | None:
        return await reached(self._database.read(find, key, time.time()))

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        check_entry(key, ttl, value)
        await reached(self._database.write(put, key, value, time.time(), ttl))

    async def delete(self, key: str) -> None:
        await reached(self._database.write(drop, key))

    async def touch(self, key: str, ttl: float) -> bool:
        check_entry(key, ttl)
        return await reached(self._database.write(prolong, key, time.time(), ttl))


async def reached(call: Awaitable[T]) -> T:
    """Await a call. A database that does not answer is a 503, and no empty session."""
    try:
        return await call
    except (OperationalError, HTTPServiceUnavailable) as exc:
        raise StoreUnavailable(str(exc)) from exc


def find(connection: Connection, key: str, now: float) -> bytes | None:
    row = connection.execute("SELECT value FROM sessions WHERE key = ? AND ends > ?", (key, now)).fetchone()
    return None if row is None else row[0]


def put(connection: Connection, key: str, value: bytes, now: float, ttl: float) -> None:
    connection.execute("DELETE FROM sessions WHERE ends <= ?", (now,))
    connection.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", (key, value, now + ttl))


def drop(connection: Connection, key: str) -> None:
    connection.execute("DELETE FROM sessions WHERE key = ?", (key,))


def prolong(connection: Connection, key: str, now: float, ttl: float) -> bool:
    changed = connection.execute("UPDATE sessions SET ends = ? WHERE key = ? AND ends > ?", (now + ttl, key, now))
    return changed.rowcount > 0
