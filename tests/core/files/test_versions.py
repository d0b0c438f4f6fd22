"""Versions of files: hashes of their content, made once for each state."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sketch.files import versions
from sketch.files.versions import FileVersions


def read(known: FileVersions, path: Path, *, fresh: bool = False) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return known.read(path.name, descriptor, os.fstat(descriptor), fresh=fresh)
    finally:
        os.close(descriptor)


def test_a_file_is_read_once_for_each_state(tmp_path: Path) -> None:
    known, path = FileVersions(), tmp_path / "a"
    path.write_bytes(b"one" * 200_000)
    os.utime(path, (1, 1))
    assert known.known("a", path.stat()) is None
    first = read(known, path)
    assert known.known("a", path.stat()) == first
    assert len(first) == 16
    path.write_bytes(b"two" * 200_000)
    os.utime(path, (1, 1))
    assert read(known, path) == first, "it looks the same"
    changed = read(known, path, fresh=True)
    assert changed != first
    assert known.known("a", path.stat()) == changed
    os.utime(path, (2, 2))
    assert known.known("a", path.stat()) is None
    assert read(known, path) == changed, "the same content has the same version"


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_MOST", 3)
    known = FileVersions()
    for number in range(10):
        path = tmp_path / str(number)
        path.write_bytes(b"x")
        read(known, path)
    assert len(known._known) <= 3
