"""Saving: temporary files are removed, and new files appear whole or not at all."""

from __future__ import annotations

import asyncio
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
    file = NewFile(path)
    file.write([b"new"])
    assert path.read_bytes() == b"old"
    file.commit([b"er"])
    assert path.read_bytes() == b"newer"
    file.discard()
    file.write([b"too late"])
    file.commit()
    assert names(tmp_path) == ["file"]
    assert path.read_bytes() == b"newer"


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
        await save(chunks(b"x"), tmp_path / "directory")
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
