"""Symbolic links, special files and hidden files in a directory of files."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.core.files.directories import SECRET, get, serving
from tests.support.requests import in_loop


@pytest.fixture
def linked(tree: Path) -> Path:
    (tree / "out.txt").symlink_to("../secret.txt")
    (tree / "absolute.txt").symlink_to(tree.parent / "secret.txt")
    (tree / "out").symlink_to("..")
    (tree / "in.js").symlink_to("app.js")
    (tree / "in").symlink_to("css")
    (tree / "circle").symlink_to("circle")
    (tree / "broken").symlink_to("nothing")
    (tree / "plain.js").write_bytes(b"plain")
    (tree / "plain.js.gz").symlink_to("../secret.txt")
    (tree / "linked-index").mkdir()
    (tree / "linked-index" / "index.html").symlink_to("../../secret.txt")
    return tree


LINKS = ["out.txt", "absolute.txt", "out/secret.txt", "out/public/app.js", "in.js", "in/site.css", "circle", "broken",
         "linked-index/", "linked-index", "linked-index/index.html"]  # fmt: skip


@pytest.mark.parametrize("path", LINKS)
@in_loop
async def test_links_are_not_followed(linked: Path, path: str) -> None:
    app = serving(linked, index="index.html", precompressed=True)
    assert (await get(app, f"/static/{path}")).status == 404


@in_loop
async def test_links_beside_a_file_are_not_followed(linked: Path) -> None:
    response = await get(serving(linked, precompressed=True), "/static/plain.js", accept_encoding="gzip")
    assert response.payload == b"plain"


@pytest.mark.parametrize(
    ("path", "content"),
    [("in.js", b"let a = 1;"), ("in/site.css", b"a{}"), ("out.txt", SECRET), ("out/secret.txt", SECRET),
     ("circle", None), ("broken", None), ("in/../secret.txt", None)],
)  # fmt: skip
@in_loop
async def test_links_are_followed_on_request(linked: Path, path: str, content: bytes | None) -> None:
    response = await get(serving(linked, follow_symlinks=True), f"/static/{path}")
    assert response.status == (404 if content is None else 200)
    assert content is None or response.payload == content


@in_loop
async def test_the_directory_may_be_a_link_and_may_be_changed(tree: Path, tmp_path: Path) -> None:
    releases = [tmp_path / "1", tmp_path / "2"]
    for number, release in enumerate(releases):
        release.mkdir()
        (release / "x.txt").write_text(str(number))
    current = tmp_path / "current"
    current.symlink_to(releases[0])
    app = serving(current)
    assert (await get(app, "/static/x.txt")).payload == b"0"
    (tmp_path / "next").symlink_to(releases[1])
    (tmp_path / "next").rename(current)
    assert (await get(app, "/static/x.txt")).payload == b"1"
    current.unlink()
    assert (await get(app, "/static/x.txt")).status == 404


@in_loop
async def test_a_name_that_becomes_a_link_leads_nowhere(tree: Path) -> None:
    """Replacing a name during the look-up does not help an attacker: nothing is checked before it is opened."""
    app, stop = serving(tree), threading.Event()
    folder, kept = tree / "css", tree / "kept"
    (tree.parent / "site.css").write_bytes(SECRET)

    def exchange() -> None:
        while not stop.is_set():
            folder.rename(kept)
            folder.symlink_to("..")
            folder.unlink()
            kept.rename(folder)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        seen = [await get(app, "/static/css/site.css") for _ in range(500)]
    finally:
        stop.set()
        thread.join()
    assert {response.status for response in seen} <= {200, 404}
    assert {response.payload for response in seen if response.status == 200} <= {b"a{}"}


@pytest.mark.parametrize("kind", ["fifo", "socket"])
@in_loop
async def test_special_files_are_a_404(tree: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(tree / "x")
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.fspath(tree / "x"))
    assert (await get(serving(tree), "/static/x")).status == 404


@in_loop
async def test_unreadable_files_are_a_404_and_a_warning(
    tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.open

    def refuse(path: Any, *args: Any, **options: Any) -> int:
        if path == "app.js":  # the tests may run as root, which may read everything
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    assert (await get(serving(tree), "/static/app.js")).status == 404
    assert "'app.js' in" in caplog.text


@in_loop
async def test_hidden_files_are_served_on_request(tree: Path) -> None:
    app = serving(tree, show_dotfiles=True)
    assert (await get(app, "/static/.env")).payload == SECRET
    assert (await get(app, "/static/.git/config")).payload == SECRET
    for path in ("..", "../secret.txt", ".", "./app.js", "%2e%2e/secret.txt"):
        assert (await get(app, f"/static/{path}")).status == 404


@in_loop
async def test_a_hidden_directory_may_be_published_by_itself(tree: Path) -> None:
    assert (await get(serving(tree / ".git", "/.well-known"), "/.well-known/config")).payload == SECRET
