"""SQLite, called in threads: each function of a connection is one transaction."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sqlite3 import Connection, OperationalError
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from sketch import AppKey, HTTPServiceUnavailable

P = ParamSpec("P")
T = TypeVar("T")

SCHEMA = Path(__file__).parent / "schema"
"""The steps that make the tables: 001.sql, 002.sql, ... A step that was published is never changed: write another."""

BUSY = 5.0
"""Seconds to wait while another connection writes."""

ID_MAX = 2**63 - 1
"""The largest number that SQLite has room for; it raises an OverflowError for more."""


class Database:
    """The connections to a database: each thread has its own, and opens it when it is first needed.

    What talks to the database is a plain function whose first parameter is a connection:

        posts = await database.read(newest_posts, 10)
        number = await database.write(add_post, draft)

    Args:
        path: of the file.
        threads: how many functions run at once at most. Of those that write, one.
    """

    def __init__(self, path: Path, threads: int = 4) -> None:
        self._path = path
        self._here = threading.local()
        self._connections: list[Connection] = []
        self._pool = ThreadPoolExecutor(threads, "database", self._open)

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that sees the database as it is at this moment."""
        return await self._run("BEGIN", lambda connection: work(connection, *args, **kwargs))

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that changes the database: all that it does, or nothing if it raises."""
        return await self._run("BEGIN IMMEDIATE", lambda connection: work(connection, *args, **kwargs))

    async def close(self) -> None:
        """Close the connections, after what still runs."""
        await asyncio.to_thread(self._pool.shutdown)
        for connection in self._connections:
            connection.close()

    async def _run(self, begin: str, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            connection: Connection = self._here.connection
            connection.execute(begin)
            with connection:  # commits, or rolls back
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, transaction)
        except OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise HTTPServiceUnavailable("the database is busy", headers={"Retry-After": "5"}) from exc
            raise

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        self._connections.append(connection)
        connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for a writer
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        self._here.connection = connection


def migrate(connection: Connection) -> None:
    """Take the steps that this database has not taken. It knows how many it has: `user_version`."""
    (taken,) = connection.execute("PRAGMA user_version").fetchone()
    steps = sorted(SCHEMA.glob("*.sql"))
    for step in steps[taken:]:
        for statement in statements(step.read_text()):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {max(taken, len(steps))}")


def statements(script: str) -> Iterator[str]:
    """The statements of a script. (`executescript` would commit before the first one.)"""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


DATABASE = AppKey[Database]("database")

Data = Annotated[Database, DATABASE]
"""A parameter of a handler that gets the database of its application."""
