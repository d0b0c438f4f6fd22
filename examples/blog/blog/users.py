"""The table of users."""

import re
from dataclasses import dataclass
from sqlite3 import Connection, IntegrityError

NAME = re.compile(r"[A-Za-z0-9_-]{3,30}")


@dataclass(frozen=True)
class User:
    id: int
    name: str
    password: str


def add(connection: Connection, name: str, password: str) -> int | None:
    """Add a user with the hash of a password. Returns the number, None if the name is taken."""
    try:
        return connection.execute("INSERT INTO users (name, password) VALUES (?, ?)", (name, password)).lastrowid
    except IntegrityError:
        return None


def find(connection: Connection, number: int) -> User | None:
    row = connection.execute("SELECT id, name, password FROM users WHERE id = ?", (number,)).fetchone()
    return None if row is None else User(*row)


def find_name(connection: Connection, name: str) -> User | None:
    """Find a user by name, in whatever case."""
    row = connection.execute("SELECT id, name, password FROM users WHERE name = ?", (name,)).fetchone()
    return None if row is None else User(*row)
