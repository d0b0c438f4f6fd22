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

from tests.support.workers import PATIENCE, Parent, is_worker, parent_of_workers


def test_workers_serve_and_are_replaced(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        parent_of_workers(tmp_path, workers=2, environment=listen_as_systemd(systemd, tmp_path)) as parent,
    ):
        assert "(native, 2 workers)" in parent.output
        shares = parent.shares(200)
        assert len(shares) == 2
        assert min(shares) >= 0.3

        old = parent.workers()
        os.kill(old[0][0], signal.SIGKILL)
        assert len(parent.workers()) >= 1, "no new connection fails"
        parent.wait_until_ready(0, 2)
        assert parent.workers()[0][1] == 2

        old = parent.workers()
        parent.send(signal.SIGHUP)
        parent.wait_for("has stopped", 2)
        new = parent.workers()
        assert [new[index][1] - old[index][1] for index in (0, 1)] == [1, 1]
        assert told(systemd, 3) == ["READY=1", "RELOADING=1", "READY=1"]

        (tmp_path / "broken").touch()
        parent.send(signal.SIGHUP)
        parent.wait_for("serves on, and no other worker is replaced")
        assert "ValueError: this version is broken" in parent.output
        assert told(systemd, 2) == ["RELOADING=1", "READY=1"]
        assert parent.workers() == new
        (tmp_path / "broken").unlink()

        assert parent.stop() == 0
        assert told(systemd, 1) == ["STOPPING=1"]


def told(systemd: socket.socket, count: int) -> list[str]:
    """The first lines of the next messages to systemd."""
    return [systemd.recv(1000).decode().partition("\n")[0] for _ in range(count)]


def listen_as_systemd(sock: socket.socket, directory: Path) -> dict[str, str]:
    """Let the parent tell a socket what it tells systemd. Returns its environment."""
    sock.bind(str(directory / "notify"))
    sock.settimeout(PATIENCE)
    return {"NOTIFY_SOCKET": str(directory / "notify")}


def test_no_connection_waits_for_a_worker_that_does_not_get_ready(tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=2) as parent:
        (tmp_path / "hangs").touch()
        lost = parent.workers()[0][0]
        os.kill(lost, signal.SIGKILL)
        began = monotonic()
        assert list(parent.workers()) == [1]
        assert monotonic() - began < 3  # half a second, and what a busy machine adds
        parent.send(signal.SIGINT)
        assert parent.wait() == 0


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


def test_what_has_time_is_complete_and_the_rest_is_cut_off(tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=2, shutdown_timeout=0.6) as parent, ThreadPoolExecutor(16) as pool:
        finite = [pool.submit(parent.get, "/finite") for _ in range(8)]
        slow = [pool.submit(parent.get, "/slow") for _ in range(8)]
        parent.wait_for("finite request", 8)
        parent.wait_for("slow request", 8)
        assert parent.stop() == 0
        assert [each.result() for each in finite] == ["finished"] * 8
        for each in slow:
            with pytest.raises(ConnectionError, match="503"):
                each.result()
        assert "cut off at the end of the grace period" in parent.output


def test_a_second_order_does_not_wait_for_requests(tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=2, prefix=["nohup"]) as parent, ThreadPoolExecutor() as pool:
        parent.send(signal.SIGHUP)
        slow = pool.submit(parent.get, "/slow")
        parent.wait_for("slow request")
        parent.send(signal.SIGTERM)
        parent.wait_for("has stopped")
        parent.send(signal.SIGTERM)
        parent.wait()
        with pytest.raises(OSError):
            slow.result()
        assert "replacing the workers" not in parent.output, "a hangup that was ignored stays ignored"


def test_a_parent_without_standard_streams(tmp_path: Path) -> None:
    """The sockets that it opens must not get the numbers of the streams, which the workers have of their own."""
    parent = Parent(tmp_path, workers=1, prefix=["sh", "-c", 'exec "$@" <&- 2>&-', "sh"])
    try:
        parent.wait_for("Started server")
        assert parent.get()["generation"] == 1
        assert parent.stop() == 0
    finally:
        parent.kill()


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=2) as parent:
        pids = [pid for pid, _ in parent.workers().values()]
        parent.process.kill()
        parent.wait()
        assert parent.output.count("the parent process has ended: this worker stops") == 2
        assert not any(is_worker(pid) for pid in pids)


@pytest.mark.parametrize(
    ("app", "file", "reason"),
    [
        ("no_such:app", None, "there is no module 'no_such', of 'no_such:app' (looked in '.')"),
        (None, "broken", "it ended with exit status 1"),
        (None, "hangs", "it was not ready within 1 s"),
    ],
)
def test_a_start_that_fails(app: str | None, file: str | None, reason: str, tmp_path: Path) -> None:
    if file is not None:
        (tmp_path / file).touch()
    given = {} if app is None else {"app": app}
    parent = Parent(tmp_path, workers=1, start_timeout=1 if file == "hangs" else 30, **given)
    assert parent.wait() == 1
    assert parent.output.endswith(f"error: no worker could start: {reason}\nEND")
    expected = {
        "broken": "ValueError: this version is broken",
        "hangs": "is killed: it was not ready within 1 s",
        None: "could not start",
    }
    assert expected[file] in parent.output


def _can_unshare() -> bool:
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.skipif(not _can_unshare(), reason="unshare cannot make a PID namespace here")
def test_the_first_process_of_a_container(tmp_path: Path) -> None:
    """PID 1 gets no signal that it does not handle, and has to take the exit status of orphans."""
    prefix = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with parent_of_workers(tmp_path, workers=1, prefix=prefix) as parent:
        orphan = parent.get("/orphan")
        children = Path(f"/proc/{parent.process.pid}/task/{parent.process.pid}/children").read_text().split()
        (first,) = (int(pid) for pid in children)
        assert orphan
        os.kill(first, signal.SIGTERM)
        assert parent.wait() == 0
