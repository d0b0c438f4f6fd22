"""The parent with real workers, natively. What it decides is tested with the table."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from sketch.serving.options import ServeOptions
from sketch.serving.processes.supervisor import Supervisor
from sketch.serving.rereading import reread
from tests.support.pace import bound
from tests.support.workers import PATIENCE, PROGRAM, ROOT, Parent, parent_of_workers


def test_systemd_is_told_of_every_step(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        parent_of_workers(tmp_path, workers=2, environment=listen_as_systemd(systemd, tmp_path)) as parent,
    ):
        assert "(native, 2 workers)" in parent.output
        parent.send(signal.SIGHUP)
        parent.wait_for("has stopped", 2)
        assert told(systemd, 3) == ["READY=1", "RELOADING=1", "READY=1"]
        (tmp_path / "broken").touch()
        parent.send(signal.SIGHUP)
        parent.wait_for("serves on, and no other worker is replaced")
        assert told(systemd, 2) == ["RELOADING=1", "READY=1"]
        (tmp_path / "broken").unlink()
        assert parent.stop() == 0
        assert told(systemd, 1) == ["STOPPING=1"]


def test_the_parent_rereads_its_own_and_passes_the_order_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sketch")
    parent = Supervisor("shop:app", ServeOptions(workers=1), {}, [[]], print)
    with reread("the log files", list):
        parent._pass_on()
    assert caplog.messages == ["SIGUSR1: reread the log files", "SIGUSR1: the workers reread what they can"]


def told(systemd: socket.socket, count: int) -> list[str]:
    """The first lines of the next messages to systemd."""
    return [systemd.recv(1000).decode().partition("\n")[0] for _ in range(count)]


def listen_as_systemd(sock: socket.socket, directory: Path) -> dict[str, str]:
    """Let the parent tell a socket what it tells systemd. Returns its environment."""
    sock.bind(str(directory / "notify"))
    sock.settimeout(PATIENCE)
    return {"NOTIFY_SOCKET": str(directory / "notify")}


def test_a_blocked_worker_is_named_and_replaced(tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=1, worker_timeout=1) as parent, ThreadPoolExecutor() as pool:
        blocked = pool.submit(parent.get, "/block")
        parent.wait_until_ready(0, 2)
        assert "has sent no heartbeat for 1 s: its event loop is blocked, it is killed" in parent.output
        assert "in block\n" in parent.output, "where it stood"
        with pytest.raises(OSError):
            blocked.result()
        assert parent.get()["generation"] == 2


def test_a_worker_is_replaced_after_its_requests(tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=1, worker_timeout=1, max_requests=5) as parent:
        assert {parent.get()["generation"] for _ in range(5)} == {1}
        parent.wait_for("has served 5 requests: it is replaced")
        parent.wait_for("has stopped")
        assert parent.get()["generation"] == 2


def test_a_second_order_does_not_wait_for_requests(tmp_path: Path) -> None:
    prefix = ["sh", "-c", "trap '' HUP QUIT; exec \"$@\"", "sh"]
    with parent_of_workers(tmp_path, workers=2, prefix=prefix) as parent, ThreadPoolExecutor() as pool:
        for ignored in (signal.SIGHUP, signal.SIGQUIT):
            parent.send(ignored)
        slow = pool.submit(parent.get, "/slow")
        parent.wait_for("slow request")
        parent.send(signal.SIGTERM)
        parent.wait_for("has stopped")
        parent.send(signal.SIGTERM)
        parent.wait()
        with pytest.raises(OSError):
            slow.result()
        assert "replacing the workers" not in parent.output, "what was ignored at the start stays ignored"


def test_a_parent_without_standard_streams(tmp_path: Path) -> None:
    """The sockets that it opens must not get the numbers of the streams, which the workers have of their own."""
    parent = Parent(tmp_path, workers=1, prefix=["sh", "-c", 'exec "$@" <&- 2>&-', "sh"])
    try:
        parent.wait_for("Started server")
        assert parent.get()["generation"] == 1
        assert parent.stop() == 0
    finally:
        parent.kill()


BROKEN = f"{ROOT}/tests/support/workers_app.py:18"
"""Where its module raises an error."""


@pytest.mark.parametrize(
    ("app", "file", "reason", "said"),
    [
        ("no_such:app", None, "there is no module 'no_such', of 'no_such:app' (looked in '.')", "could not start"),
        (
            PROGRAM,
            "broken",
            f"{BROKEN}: ValueError: this version is broken",
            "ValueError: this version is broken",
        ),
        (PROGRAM, "hangs", "it was not ready within 1 s", "is killed: it was not ready within 1 s"),
    ],
)
def test_a_start_that_fails(app: str, file: str | None, reason: str, said: str, tmp_path: Path) -> None:
    if file is not None:
        (tmp_path / file).touch()
    parent = Parent(tmp_path, app=app, workers=1, start_timeout=1 if file == "hangs" else 30)
    assert parent.wait() == 1
    assert parent.output.endswith(f"error: no worker could start: {reason}\nEND")
    assert said in parent.output


@pytest.mark.parametrize("server", ["native", "uvicorn"])
def test_a_start_hook_that_hangs_is_shown(server: str, tmp_path: Path) -> None:
    (tmp_path / "waits").touch()
    seconds = int(bound(2, 3))
    parent = Parent(tmp_path, workers=1, server=server, start_timeout=seconds)
    assert parent.wait() == 1
    assert parent.output.endswith(f"error: no worker could start: it was not ready within {seconds} s\nEND")
    shown = parent.output.partition("the server is not ready yet. What it waits for:\n")[2]
    assert "in connect_to_database\n      await asyncio.Event().wait()\n" in shown


def _can_unshare() -> bool:
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.skipif(not _can_unshare(), reason="unshare cannot make a PID namespace here")
def test_the_first_process_of_a_container(tmp_path: Path) -> None:
    """PID 1 gets no signal that it does not handle, and has to take the exit status of orphans."""
    prefix = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with parent_of_workers(tmp_path, workers=1, prefix=prefix) as parent:
        (first,) = children(parent.process.pid)
        worker = children(first)
        assert len(worker) == 1
        assert parent.get("/orphan")  # which has ended when the answer comes
        deadline = monotonic() + PATIENCE
        while children(first) != worker:
            assert monotonic() < deadline, "the orphan's exit status is taken"
        os.kill(first, signal.SIGTERM)
        assert parent.wait() == 0


def children(pid: int) -> list[int]:
    """The processes that a process has started or taken over."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
