"""Workers of uvicorn, hypercorn and granian under the parent of `sketch.serving.processes`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.workers import parent_of_workers

SERVERS = ["uvicorn", "hypercorn", "granian"]


@pytest.mark.parametrize("server", SERVERS)
def test_workers_serve_and_are_replaced(server: str, tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=2, server=server, max_requests=10_000) as parent:
        shares = parent.shares(200)
        # granian has one socket for all workers: which one takes a connection is a matter of luck.
        assert server == "granian" or (len(shares) == 2 and min(shares) >= 0.3), shares

        (tmp_path / "hangs").touch()
        for index in (0, 1):  # the other one serves alone, also those that wait in the first one's queue
            lost = parent.pid(index)
            os.kill(lost, signal.SIGKILL)
            assert list(parent.workers()) == [1 - index]
            (tmp_path / "hangs").unlink()
            parent.wait_until_ready(index, 2)
            (tmp_path / "hangs").touch()
        (tmp_path / "hangs").unlink()

        parent.send(signal.SIGHUP)
        parent.wait_for("has stopped", 2)
        assert {generation for _, generation in parent.workers().values()} == {3}
        assert parent.stop() == 0


@pytest.mark.parametrize("server", SERVERS)
def test_requests_are_counted(server: str, tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=1, server=server, worker_timeout=1, max_requests=5) as parent:
        for _ in range(5):
            parent.get()
        parent.wait_for(r"has served \d requests: it is replaced")
        parent.wait_for("has stopped")
        assert parent.get()["generation"] == 2
