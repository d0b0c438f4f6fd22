"""A small and a large file with a record of what is opened, and a directory of files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sketch.files.byteranges import FileParts
from sketch.files.opened import Taken
from sketch.transport import SMALL_FILE, FileBody
from tests.core.files.directories import SECRET
from tests.core.files.support import MTIME, Opened, closing, descriptors


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    seen = Opened()
    init = Taken.__init__

    def note(taken: Taken, *args: Any) -> None:
        init(taken, *args)
        seen.taken.append(taken)

    monkeypatch.setattr(Taken, "__init__", note)
    for kind in (FileBody, FileParts):
        monkeypatch.setattr(kind, "close", closing(kind.close, seen.closed))
    yield seen
    assert descriptors() == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is read at once."""
    path = tmp_path / "page.html"
    path.write_bytes(b"0123456789" * 10)
    os.utime(path, (MTIME, MTIME))
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that is sent from its descriptor."""
    path = tmp_path / "large.bin"
    path.write_bytes(b"0123456789" * (SMALL_FILE // 10 + 1))
    os.utime(path, (MTIME, MTIME))
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A directory of files, beside something that must not be seen."""
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "public-not").mkdir()
    (tmp_path / "public-not" / "x.txt").write_bytes(SECRET)
    tree = tmp_path / "public"
    files = {
        "index.html": b"<h1>home</h1>",
        "app.js": b"let a = 1;",
        "css/site.css": b"a{}",
        "css/deep/er.css": b"b{}",
        "docs/index.html": b"<h1>docs</h1>",
        "a b é.txt": b"spaced",
        "100%.txt": b"percent",
        "a..b": b"dots",
        "page.1f9c2b3d.js": b"hashed",
        ".env": SECRET,
        ".git/config": SECRET,
        "css/.hidden": SECRET,
        "back\\slash": SECRET,
        "empty/.keep": b"",
    }
    for name, data in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (MTIME, MTIME))
    before = set(Path("/proc/self/fd").iterdir())
    yield tree
    assert set(Path("/proc/self/fd").iterdir()) <= before, "every descriptor is closed"
