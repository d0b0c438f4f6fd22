"""The parent that restarts its worker: what it refuses, and what it says. With processes: see `test_reloading`."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path

import pytest
import yarl

import sketch
from sketch.serving.options import OptionError, ServeOptions
from sketch.serving.reload.parent import (
    GRACE,
    check_folders,
    check_private,
    describe,
    forget_compiled,
    in_development,
    is_shared,
)


@pytest.mark.parametrize(("host", "private"), [("127.0.0.1", True), ("127.3.3.3", True), ("0.0.0.0", False)])
def test_only_this_machine_may_reach_it(host: str, private: bool) -> None:
    with socket.socket() as sock:
        sock.bind((host, 0))
        if private:
            check_private(ServeOptions(reload=True), [sock])
        else:
            with pytest.raises(OptionError, match=r"with reload, .*, got 0\.0\.0\.0:\d+: give debug "):
                check_private(ServeOptions(reload=True), [sock])
        for debug in (True, False):
            check_private(ServeOptions(reload=True, debug=debug), [sock])


def test_a_unix_socket_is_private(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        check_private(ServeOptions(reload=True), [sock])


def test_folders_that_do_not_exist(tmp_path: Path) -> None:
    check_folders(ServeOptions(reload_dir=(str(tmp_path), __file__)))
    with pytest.raises(OptionError, match="expected reload_dir as a directory or file that exists, got 'no/such'"):
        check_folders(ServeOptions(reload_dir=(str(tmp_path), "no/such")))


def test_a_server_in_development_waits_for_nothing() -> None:
    chosen = in_development(ServeOptions(reload=True, keep_alive_drain=5, drain_delay=5))
    assert (chosen.shutdown_timeout, chosen.keep_alive_drain, chosen.drain_delay) == (GRACE, 0, 0)
    assert chosen.worker_timeout == 0, "a debugger blocks the event loop"
    assert in_development(ServeOptions(shutdown_timeout=0.5)).shutdown_timeout == 0.5


def test_what_has_changed_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert describe([str(tmp_path / "pkg" / "a.py"), "/elsewhere/b.py"]) == "pkg/a.py, /elsewhere/b.py"
    assert describe([f"/{name}.py" for name in "abcde"]) == "/a.py, /b.py, /c.py and 2 more"


def test_what_python_has_compiled_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    compiled = Path(importlib.util.cache_from_source(str(path)))
    compiled.parent.mkdir(parents=True)
    compiled.touch()
    forget_compiled(str(path))
    assert not compiled.exists()
    forget_compiled(str(path))
    forget_compiled(str(tmp_path / "page.html"))


def test_files_that_a_spare_process_may_have_loaded(tmp_path: Path) -> None:
    assert is_shared(sketch.__file__)
    assert is_shared(yarl.__file__)
    assert is_shared(str(Path(sys.modules["asyncio"].__file__ or "").parent / "tasks.py"))
    assert not is_shared(str(tmp_path / "main.py"))
