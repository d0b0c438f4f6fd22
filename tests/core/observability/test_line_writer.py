"""Lines are written by a thread: in order, whole, and without ever holding up those that put them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sketch.observability.line_writer import MOST, WHOLE, LineWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def lost(count: int) -> str:
    return f"lost {count}\n"


def read(end: int) -> bytes:
    found = b""
    while select.select([end], [], [], 0)[0]:
        found += os.read(end, 1 << 20)
    return found


def test_lines_arrive_in_order(pipe: tuple[int, int]) -> None:
    writer = LineWriter(lambda: pipe[1], lost)
    for number in range(1000):
        writer.put(f"{number}\n")
    assert writer.flush()
    assert read(pipe[0]).split() == [b"%d" % number for number in range(1000)]


def test_a_line_is_written_without_a_flush(pipe: tuple[int, int]) -> None:
    writer = LineWriter(lambda: pipe[1], lost)
    for number in (b"1\n", b"2\n"):
        writer.put(number.decode())
        assert select.select([pipe[0]], [], [], 10)[0]
        assert os.read(pipe[0], 100) == number


def test_a_pipe_gets_whole_lines(monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]) -> None:
    """In pieces that it takes as a whole, so that the lines of several processes do not mix."""
    written: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda _, data: written.append(data) or len(data))
    writer = LineWriter(lambda: pipe[1], lost)
    for number in range(500):
        writer.put(f"{number}" + "x" * (number % 90) + "\n")
    writer.put("y" * 2 * WHOLE + "\n")
    writer.put("z\n")
    writer.flush()
    assert all(piece.endswith(b"\n") for piece in written)
    assert [len(piece) > WHOLE for piece in written].count(True) == 1
    assert len(written) < 12


def test_a_reader_that_is_too_slow_holds_up_nothing(pipe: tuple[int, int]) -> None:
    writer = LineWriter(lambda: pipe[1], lost)
    line = "x" * 99 + "\n"
    for _ in range(MOST + 2000):  # more than queue and pipe hold: this would wait for ever
        writer.put(line)
    assert not writer.flush(0.01)
    assert writer.dropped > 0
    found = b""
    while b"lost" not in found:
        found += os.read(pipe[0], 1 << 16)
    assert writer.flush()
    *lines, told = found.splitlines()
    assert {*lines} == {line[:-1].encode()}
    assert len(lines) + int(told.split()[1]) == MOST + 2000
    assert told == b"lost %d" % writer.dropped


def test_what_cannot_be_written_is_counted() -> None:
    here, there = os.pipe()
    os.close(here)
    writer = LineWriter(lambda: there, lost)
    writer.put("nobody reads this\n")
    assert writer.flush(), "a closed pipe is no reason to wait"
    assert writer.dropped >= 1
    os.close(there)


def test_a_descriptor_that_does_not_block(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    writer = LineWriter(lambda: pipe[1], lost)
    for _ in range(2000):
        writer.put("x" * 99 + "\n")
    found = b""
    while len(found) < 200_000:
        found += os.read(pipe[0], 1 << 16)
    assert writer.dropped == 0


def test_after_the_end_lines_are_written_at_once(pipe: tuple[int, int]) -> None:
    writer = LineWriter(lambda: pipe[1], lost)
    writer.put("before\n")
    writer.close()
    writer.put("after\n")
    assert read(pipe[0]) == b"before\nafter\n"


def test_another_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = LineWriter(lambda: os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), lost, closing=True)
    writer.put("one\n")
    writer.flush()
    path.rename(tmp_path / "old")
    writer.put("two\n")
    writer.reopen()
    writer.put("three\n")
    writer.end()
    assert (tmp_path / "old").read_text() == "one\ntwo\n"
    assert path.read_text() == "three\n"
    path.unlink()
    path.mkdir()
    writer.put("four\n")
    with pytest.raises(OSError):
        writer.reopen()


def test_several_threads(pipe: tuple[int, int]) -> None:
    writer = LineWriter(lambda: pipe[1], lost)

    def put(name: str) -> None:
        for number in range(500):
            writer.put(f"{name}{number}\n")

    threads = [threading.Thread(target=put, args=[name]) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush()
    found = read(pipe[0]).decode().split()
    for name in "abcd":
        assert [each for each in found if each[0] == name] == [f"{name}{number}" for number in range(500)]


PROGRAM = """
import os, sys, atexit
from sketch.observability.line_writer import LineWriter
writer = LineWriter(lambda: 1, lambda count: f"lost {count}\\n")
atexit.register(lambda: writer.put("at exit\\n"))
writer.put("one\\n")
writer.flush()
writer.put("two\\n")
if not os.fork():
    writer.put("child\\n")
    sys.exit()
os.wait()
writer.put("last\\n")
raise ValueError("the end")
"""


def test_the_end_of_a_process_and_a_fork() -> None:
    """Nothing is lost when it ends by an error, and a child writes its own lines alone."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert sorted(done.stdout.splitlines()) == ["at exit", "at exit", "child", "last", "one", "two"]
