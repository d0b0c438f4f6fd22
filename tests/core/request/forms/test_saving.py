"""Saving: temporary files are removed, and new files appear whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from threading import Event

import pytest

from sketch.request.forms import saving
from sketch.request.forms.saving import BATCH, NewFile, Spool, save
from tests.core.request.forms.support import happens, names, needs_proc
from tests.support.openfiles import open_files
from tests.support.requests import in_loop


async def chunks(*parts: bytes | BaseException) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, BaseException):
            raise part
        yield part


@needs_proc
def test_a_temporary_file() -> None:
    before = open_files()
    spool = Spool.holding([b"ab", b"cd"])
    assert open_files() == before + 1
    spool.write([b"ef"])
    assert (spool.read(0, 99), spool.read(1, 2), spool.read(6, 1)) == (b"abcdef", b"bc", b"")
    spool.close()
    spool.close()
    assert open_files() == before
    spool.write([b"too late"])
    with pytest.raises(ValueError, match="before its request is answered"):
        spool.read(0, 1)


@needs_proc
def test_a_temporary_file_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_files()
    monkeypatch.setattr(saving, "_write", full_disk)
    with pytest.raises(OSError, match="no space"):
        Spool.holding([b"a"])
    assert open_files() == before


def full_disk(descriptor: int, pieces: Sequence[bytes]) -> None:
    raise OSError("no space")


def test_many_pieces_and_short_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.writev
    calls = []

    def short(descriptor: int, pieces: Sequence[bytes]) -> int:
        calls.append(len(pieces))
        return real(descriptor, [b"".join(pieces)[:5]])

    monkeypatch.setattr(os, "writev", short)
    for count in (3, 5000):
        file = NewFile(tmp_path / str(count))
        file.commit([b"%04d" % number for number in range(count)])
        assert (tmp_path / str(count)).read_bytes() == b"".join(b"%04d" % number for number in range(count))
    assert calls == [3, 1]


def test_a_new_file_has_the_mode_of_any_other(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        file = NewFile(tmp_path / "new")
    finally:
        os.umask(mask)
    file.commit([b"x"])
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_a_new_file_replaces_what_is_there_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    file = NewFile(path, overwrite=True)
    file.write([b"new"])
    assert path.read_bytes() == b"old"
    file.commit([b"er"])
    assert path.read_bytes() == b"newer"
    file.discard()
    file.write([b"too late"])
    file.commit()
    assert names(tmp_path) == ["file"]
    assert path.read_bytes() == b"newer"


def occupy(path: Path, what: str) -> None:
    if what == "file":
        path.write_bytes(b"old")
    elif what == "directory":
        path.mkdir()
    else:
        path.symlink_to(path.with_name("elsewhere"))  # leads nowhere: writing through it would make that file


@pytest.mark.parametrize("what", ["file", "directory", "link"])
@in_loop
async def test_what_is_there_is_not_replaced(tmp_path: Path, what: str) -> None:
    path = tmp_path / "file"
    occupy(path, what)
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append("begun")
        yield b"new"

    with pytest.raises(FileExistsError, match=r"a file is there: choose another name, or replace it by overwrite=True"):
        await save(body(), path)
    assert read == []  # the client is refused before it has sent everything
    assert names(tmp_path) == ["file"]
    assert what != "file" or path.read_bytes() == b"old"


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("what", ["file", "directory", "link"])
@in_loop
async def test_what_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, links: bool
) -> None:
    path = tmp_path / "file"
    if not links:
        monkeypatch.setattr(os, "link", no_links)

    async def body() -> AsyncIterator[bytes]:
        yield b"new"
        occupy(path, what)

    with pytest.raises(FileExistsError, match="a file is there") as caught:
        await save(body(), path)
    assert (caught.value.filename, caught.value.errno) == (str(path), errno.EEXIST)
    assert names(tmp_path) == ["file"]
    assert what != "file" or path.read_bytes() == b"old"


def no_links(source: object, target: object) -> None:
    raise PermissionError(errno.EPERM, "no second names here")


@in_loop
async def test_of_many_saves_at_one_path_one_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("links", "no links"):
        saves = [save(chunks(b"%d" % number), tmp_path / name) for number in range(20)]
        results = await asyncio.gather(*saves, return_exceptions=True)
        (winner,) = [number for number, result in enumerate(results) if isinstance(result, int)]
        assert sum(isinstance(result, FileExistsError) for result in results) == 19
        assert (tmp_path / name).read_bytes() == b"%d" % winner
        monkeypatch.setattr(os, "link", no_links)
    assert names(tmp_path) == ["links", "no links"]


@in_loop
async def test_a_link_is_replaced_itself(tmp_path: Path) -> None:
    path, kept = tmp_path / "file", tmp_path / "kept"
    kept.write_bytes(b"old")
    path.symlink_to(kept)
    await save(chunks(b"new"), path, overwrite=True)
    assert (path.is_symlink(), path.read_bytes(), kept.read_bytes()) == (False, b"new", b"old")
    assert names(tmp_path) == ["file", "kept"]


@pytest.mark.parametrize("size", [0, 1, BATCH - 1, BATCH, 3 * BATCH + 1])
@in_loop
async def test_save(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    parts = [data[start : start + 50_000] for start in range(0, size, 50_000)]
    assert await save(chunks(*parts), tmp_path / "file") == size
    assert (tmp_path / "file").read_bytes() == data
    assert names(tmp_path) == ["file"]


@in_loop
async def test_nothing_is_left_of_a_failed_write(tmp_path: Path) -> None:
    for error in (ZeroDivisionError(), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            await save(chunks(b"x" * BATCH, b"y", error), tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        await save(chunks(b"x"), tmp_path / "nothing" / "file")
    (tmp_path / "directory").mkdir()
    with pytest.raises(IsADirectoryError):
        await save(chunks(b"x"), tmp_path / "directory", overwrite=True)
    assert names(tmp_path) == ["directory"]


@in_loop
async def test_nothing_is_left_when_it_is_cancelled_while_a_thread_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()
    real = saving._write

    def slow(descriptor: int, pieces: Sequence[bytes]) -> None:
        begun.set()
        assert go_on.wait(10)
        real(descriptor, pieces)

    monkeypatch.setattr(saving, "_write", slow)
    saving_ = asyncio.create_task(save(chunks(b"x" * BATCH), tmp_path / "file"))
    await happens(begun)
    saving_.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await saving_
    assert names(tmp_path) == []
