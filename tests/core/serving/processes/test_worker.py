"""The program of a worker process. What it does while it serves is tested with its parent."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from sketch.serving.processes.cpus import usable_cpus
from tests.support.workers import Parent, parent_of_workers


def test_the_interpreter_of_a_worker_is_like_that_of_the_parent(tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=0, flags=["-O", "-Xname"]) as parent:
        found = parent.get("/interpreter")
        assert (found["optimize"], found["x"], found["argv"]) == (1, ["name"], ["-c"])
        assert found["path"][0] == ""
        assert parent.get()["count"] == usable_cpus()


def test_an_application_that_starts_a_server_when_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "unguarded.py").write_text("from sketch import run_app\nrun_app('unguarded:app', workers=2)")
    parent = Parent(tmp_path, app="unguarded:app", workers=1)
    assert parent.wait() == 1
    assert "write it under `if __name__ == '__main__':`" in parent.output


def test_signals_that_are_for_the_parent_alone(tmp_path: Path) -> None:
    """systemd sends SIGTERM to all processes, and the parent sends it again: it is one order."""
    with parent_of_workers(tmp_path, workers=1, shutdown_timeout=20) as parent, parent.connect() as sock:
        pid = parent.pid(0)
        sock.sendall(b"GET /finite HTTP/1.1\r\nHost: localhost\r\n\r\n")
        parent.wait_for("finite request")
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            os.kill(pid, number)
        parent.wait_for("was told to stop by another process")
        parent.send(signal.SIGTERM)
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert parent.wait() == 0
