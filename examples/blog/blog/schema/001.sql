-- AUTOINCREMENT: the number of what was deleted is never given to another. A session may still know it.

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password TEXT NOT NULL -- its hash
) STRICT;

CREATE TABLE posts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    created INTEGER NOT NULL DEFAULT (unixepoch()),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    image TEXT, -- the name of a file, or NULL
    image_text TEXT NOT NULL, -- what the image shows, for those that cannot see it
    version INTEGER NOT NULL DEFAULT 1, -- counts the changes
    form TEXT NOT NULL, -- the form that it was written in: sent twice, it makes one post
    UNIQUE (author_id, form)
) STRICT;

CREATE TABLE sessions (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    ends REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_end ON sessions (ends);
