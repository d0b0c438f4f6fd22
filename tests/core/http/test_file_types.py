"""Media types by file name."""

from __future__ import annotations

import mimetypes
import re

import pytest

from sketch.http.file_types import FILE_TYPES, file_type


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("a/b.c/app.MJS", "text/javascript; charset=utf-8"),
        ("app.min.js", "text/javascript; charset=utf-8"),
        ("data.json", "application/json"),
        ("logo.svg", "image/svg+xml"),
        ("font.woff2", "font/woff2"),
        ("module.wasm", "application/wasm"),
        ("film.mp4", "video/mp4"),
        ("dump.tar.gz", "application/gzip"),
        ("app.js.br", "application/octet-stream"),
        ("Makefile", "application/octet-stream"),
        (".html", "application/octet-stream"),
        ("dir/.css", "application/octet-stream"),
        ("dir.html/file", "application/octet-stream"),
        ("file.", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_types(name: str, media_type: str) -> None:
    assert file_type(name) == media_type


def test_the_table_of_the_system_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: ("text/evil", None))
    assert file_type("a.png") == "image/png"


def test_custom_types() -> None:
    assert file_type("a.PNG", {".png": "x/y"}) == "x/y"


def test_the_table() -> None:
    suffixes = list(FILE_TYPES)
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)
    for media_type in FILE_TYPES.values():
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+(; charset=utf-8)?", media_type)
        assert media_type.startswith("text/") == media_type.endswith("charset=utf-8")
