"""The watcher: told by the system or by polling, it tells of changes once, when they have come to rest."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest

from sketch.serving.reload import watcher as module
from sketch.serving.reload.files import Look, Tree
from sketch.serving.reload.watcher import Notified, Polling, Watcher
from tests.support.pace import bound

PATIENCE = 20.0


class Watched:
    """A folder, and what the watcher tells of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = Tree([str(folder)])
        self.told: queue.Queue[list[str]] = queue.Queue()
        self.watcher = Watcher(self.tree, self.told.put)

    def next(self) -> list[str]:
        return [Path(path).name for path in self.told.get(timeout=PATIENCE)]


@contextmanager
def watching(folder: Path) -> Iterator[Watched]:
    watched = Watched(folder)
    watched.watcher.begin()
    try:
        yield watched
    finally:
        watched.watcher.close()


@pytest.fixture(params=["watchfiles", "polling"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By watchfiles, and without it."""
    if request.param == "polling":
        monkeypatch.setitem(__import__("sys").modules, "watchfiles._rust_notify", None)
    else:
        pytest.importorskip("watchfiles")
    return str(request.param)


def test_changes_are_told_when_they_have_come_to_rest(how: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    with watching(tmp_path) as watched:
        assert watched.watcher.polls == (how == "polling")
        began = monotonic()
        (tmp_path / "a.py").write_text("x = 22")
        assert watched.next() == ["a.py"]
        assert monotonic() - began < (bound(0.5, 1) if how == "watchfiles" else bound(1, 2))
        (tmp_path / "new").mkdir()
        for number in range(50):
            (tmp_path / "new" / f"{number:02}.py").touch()
        assert len(watched.next()) == 50, "as one change"
        (tmp_path / "new" / "00.py").write_text("x = 1")
        (tmp_path / "a.py").unlink()
        assert watched.next() == ["a.py", "00.py"]
        (tmp_path / "notes.txt").touch()
        (tmp_path / "b.py").touch()
        assert watched.next() == ["b.py"]


def test_files_elsewhere(how: str, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "module.py"
    outside.parent.mkdir()
    outside.touch()
    (tmp_path / "project").mkdir()
    with watching(tmp_path / "project") as watched:
        watched.watcher.add([str(outside)])
        outside.write_text("x = 1")
        assert watched.next() == ["module.py"]
        assert how is not None
        assert watched.told.empty(), "that it is added is no change"


def test_a_folder_that_vanishes_and_comes_back(how: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").touch()
    with watching(folder) as watched:
        (folder / "a.py").unlink()
        folder.rmdir()
        assert watched.next() == ["a.py"]
        folder.mkdir()
        (folder / "b.py").touch()
        assert watched.next() == ["b.py"], how


class Clock:
    """Files that never come to rest, and a clock that moves with each look."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0

    def look(self) -> Look:
        self.looks += 1
        return Look({"a.py": (self.looks, 0, 0)}, [])

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_changes_that_do_not_come_to_rest_are_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", lambda: clock.now)
    monkeypatch.setattr(module, "sleep", clock.sleep)
    watched = Watched(tmp_path)
    monkeypatch.setattr(watched.tree, "look", clock.look)
    assert watched.watcher._settled(clock.look()).files
    assert clock.now == pytest.approx(module.RESTLESS, abs=2 * module.REST)


def test_polling_leaves_time_between_long_looks() -> None:
    waits: list[float] = []

    class Woken(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return True

    polling = Polling(Woken())
    for took in (0.0, 1.0):
        polling.wait([], took)
    assert waits == [module.POLL, module.SHARE]


def notified(told: list[Any], concerns: Callable[[str], bool]) -> tuple[Notified, list[Any]]:
    """What is told by the system, one entry for each wait, and what was watched."""
    watched: list[Any] = []

    class Fake:
        def __init__(self, folders: list[str], *_: object) -> None:
            watched.append(folders)

        def watch(self, *_: object) -> Any:
            return told.pop(0)

        def close(self) -> None:
            watched.append("closed")

    return Notified(Event(), concerns, Fake), watched


def test_what_concerns_nothing_wakes_nothing() -> None:
    told: list[Any] = [{(1, "x.db")}, {(2, "x.db"), (2, "a.py")}, "timeout"]
    alarm, watched = notified(told, lambda path: path == "a.py")
    alarm.wait(["/a"], 0)
    assert len(told) == 3, "the first time it has only begun to watch, so it is time to look"
    alarm.wait(["/a"], 0)
    assert told == ["timeout"]
    alarm.wait(["/a"], 0)
    alarm.wait(["/a", "/b"], 0)
    assert watched == [["/a"], "closed", ["/a", "/b"]]


def test_where_the_system_refuses_the_files_are_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("watchfiles")

    def refuse(*_: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", refuse)
    with watching(tmp_path) as watched:
        (tmp_path / "a.py").touch()
        assert watched.next() == ["a.py"]
        assert watched.watcher.polls
    assert caplog.messages == ["the system cannot tell of changes (OS file watch limit reached): the files are polled"]


def test_the_end_of_a_watcher_that_fails_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)
    monkeypatch.setattr(watched.watcher, "_wait", lambda *_: 1 / 0)
    watched.watcher.begin()
    watched.watcher._thread.join(PATIENCE)
    assert caplog.messages == ["the files are not watched any more: restart the server by hand"]
    watched.watcher.close()
