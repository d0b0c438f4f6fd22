"""The table of posts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from sqlite3 import Connection

PAGE = 10

COLUMNS = """
    SELECT posts.id, author_id, users.name, created, title, body, image, image_text, version
    FROM posts JOIN users ON users.id = author_id
"""


@dataclass(frozen=True)
class Post:
    id: int
    author_id: int
    author: str
    created: int
    title: str
    body: str
    image: str | None
    image_text: str
    version: int

    @property
    def date(self) -> datetime:
        return datetime.fromtimestamp(self.created, UTC)


@dataclass(frozen=True)
class Draft:
    """What an author has written."""

    title: str
    body: str
    image: str | None
    image_text: str


def newest(connection: Connection, before: int) -> list[Post]:
    """The newest posts with smaller numbers than this one; one more than a page has, to tell whether others follow."""
    rows = connection.execute(f"{COLUMNS} WHERE posts.id < ? ORDER BY posts.id DESC LIMIT ?", (before, PAGE + 1))
    return [Post(*row) for row in rows]


def find(connection: Connection, number: int) -> Post | None:
    row = connection.execute(f"{COLUMNS} WHERE posts.id = ?", (number,)).fetchone()
    return None if row is None else Post(*row)


def add(connection: Connection, author_id: int, form: str, draft: Draft) -> tuple[int, bool]:
    """Add a post; a form that was sent before adds nothing. Returns the number, and whether the post is new."""
    added = connection.execute(
        "INSERT INTO posts (author_id, form, title, body, image, image_text) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (author_id, form) DO NOTHING",
        (author_id, form, draft.title, draft.body, draft.image, draft.image_text),
    )
    (number,) = connection.execute(
        "SELECT id FROM posts WHERE author_id = ? AND form = ?", (author_id, form)
    ).fetchone()
    return number, added.rowcount == 1


def change(connection: Connection, number: int, version: int, draft: Draft) -> bool:
    """Change a post that still has this version. Returns whether it had."""
    changed = connection.execute(
        "UPDATE posts SET title = ?, body = ?, image = ?, image_text = ?, version = version + 1"
        " WHERE id = ? AND version = ?",
        (draft.title, draft.body, draft.image, draft.image_text, number, version),
    )
    return changed.rowcount == 1


def delete(connection: Connection, number: int) -> str | None:
    """Delete a post. Returns the image that it had."""
    deleted = connection.execute("DELETE FROM posts WHERE id = ? RETURNING image", (number,)).fetchone()
    return None if deleted is None else deleted[0]
