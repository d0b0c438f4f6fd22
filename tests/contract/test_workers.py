"""Two workers of each server: what clients see of them, and what becomes of them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.support.nginx import nginx, with_nginx
from tests.support.pace import bound
from tests.support.wire import Wire
from tests.support.workers import PATIENCE, Parent, ask, is_worker, parent_of_workers

SERVERS = ("native", "uvicorn", "hypercorn", "granian")


@pytest.mark.parametrize("server", SERVERS)
def test_what_befalls_workers(server: str, tmp_path: Path) -> None:
    """One parent goes through all of it, which saves the starts of many."""
    with parent_of_workers(tmp_path, workers=2, server=server, shutdown_timeout=30) as parent:
        spreads_connections(parent, server)
        a_killed_worker_is_followed_by_another(parent)
        no_connection_hangs_while_a_worker_does_not_get_ready(parent)
        a_broken_version_leaves_the_old_one(parent)
        workers_are_replaced(parent)
        workers_stop_once_their_parent_is_killed(parent)


def spreads_connections(parent: Parent, server: str) -> None:
    shares = parent.shares(200)
    # granian has one socket for all workers: which one takes a connection is a matter of luck.
    assert server == "granian" or (len(shares) == 2 and min(shares) >= 0.3), shares


def a_killed_worker_is_followed_by_another(parent: Parent) -> None:
    """Each is killed once: the second end in a row of one is followed by a pause."""
    took = min(lose(parent, index) for index in (0, 1))
    assert took < bound(1, 3), took


def lose(parent: Parent, index: int) -> float:
    """Kill a worker while it is busy, and clients wait in its queue. Returns the seconds until the next is ready."""
    go = parent.directory / "go"
    go.unlink(missing_ok=True)
    before = parent.output.count("held request")
    with ExitStack() as stack:
        busy = [[stack.enter_context(sock) for sock in connected(parent, of)] for of in (index, 1 - index)]
        for sock in (*busy[0], *busy[1]):
            sock.sendall(b"GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n")
        parent.wait_for("held request", before + 4)
        lost = parent.pid(index)
        freeze(lost)  # so that it accepts no more
        waiting = [stack.enter_context(parent.connect()) for _ in range(16)]
        for sock in waiting:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        began = monotonic()
        os.kill(lost, signal.SIGKILL)
        parent.wait_until_ready(index, 2)
        took = monotonic() - began
        for sock in waiting:
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 "), "what waits in a queue is served"
        go.touch()
        for sock in busy[0]:
            assert left(sock), "only what the lost worker had begun is lost"
        for sock in busy[1]:
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    return took


def freeze(pid: int) -> None:
    """Stop all threads of a process. They go on for a moment after the signal."""
    os.kill(pid, signal.SIGSTOP)
    deadline = monotonic() + PATIENCE
    while any(") T " not in stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat")):
        assert monotonic() < deadline


def connected(parent: Parent, index: int, count: int = 2) -> Iterator[socket.socket]:
    """So many keep-alive connections to one of the workers."""
    for _ in range(500):
        sock = parent.connect()
        if ask(sock)["index"] == index:
            yield sock
            count -= 1
            if not count:
                return
        else:
            sock.close()
    raise AssertionError(f"none of 500 connections is one to worker {index}")


def left(sock: socket.socket) -> bool:
    """Whether the server has left, without an answer."""
    try:
        return not sock.recv(1)
    except ConnectionResetError:
        return True


def no_connection_hangs_while_a_worker_does_not_get_ready(parent: Parent) -> None:
    (parent.directory / "hangs").touch()
    os.kill(parent.pid(0), signal.SIGKILL)
    began = monotonic()
    assert list(parent.workers()) == [1]
    assert monotonic() - began < bound(1, 3)
    (parent.directory / "hangs").unlink()
    parent.wait_until_ready(0, 3)


def a_broken_version_leaves_the_old_one(parent: Parent) -> None:
    before = parent.workers()
    (parent.directory / "broken").touch()
    parent.send(signal.SIGHUP)
    parent.wait_for("serves on, and no other worker is replaced")
    why = r"\S+/workers_app\.py:18: ValueError: this version is broken"
    parent.wait_for(rf"worker 0 \(process \d+\) could not start: {why}\n")
    assert "ValueError: this version is broken" in parent.output
    assert parent.workers() == before
    (parent.directory / "broken").unlink()


def workers_are_replaced(parent: Parent) -> None:
    before = parent.workers()
    parent.send(signal.SIGHUP)
    parent.wait_for("has stopped", 2)
    after = parent.workers()
    assert [after[index][1] > before[index][1] for index in (0, 1)] == [True, True]


def workers_stop_once_their_parent_is_killed(parent: Parent) -> None:
    """In order: what they have begun comes to its end."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        busy = [stack.enter_context(sock) for index in (0, 1) for sock in connected(parent, index)]
        answers = [pool.submit(ask, sock, "/finite") for sock in busy]
        parent.wait_for("finite request", 4)
        pids = [parent.pid(index) for index in (0, 1)]
        began = monotonic()
        parent.process.kill()
        parent.wait_for("the parent process has ended: this worker stops", 2)
        parent.wait_for("stopping: 2 requests", 2)
        assert monotonic() - began < bound(2, 6)
        assert [each.result(PATIENCE) for each in answers] == ["finished"] * 4
        parent.wait()
        assert not any(is_worker(pid) for pid in pids)


@contextmanager
def every_cpu_busy() -> Iterator[None]:
    """Processes that compete with the workers."""
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(process.kill)
        yield


def test_the_next_worker_is_ready_soon_under_load(tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=2) as parent, every_cpu_busy():
        took = []
        for index in (0, 1):
            began = monotonic()
            os.kill(parent.pid(index), signal.SIGKILL)
            parent.wait_until_ready(index, 2)
            took.append(monotonic() - began)
        assert min(took) < bound(3, 3), took


@with_nginx
@pytest.mark.parametrize("server", ["native", "uvicorn"])
def test_nginx_before_workers_on_a_unix_socket(server: str, tmp_path: Path) -> None:
    """It sees no error while the workers are replaced."""
    path = f"unix:{tmp_path}/app.sock"
    with parent_of_workers(tmp_path, workers=2, server=server, bind=[path], keep_alive_drain=0.3) as parent:
        answers = asyncio.run(ask_through_nginx(parent, path))
    assert {answer["count"] for answer in answers} == {2}
    assert {answer["generation"] for answer in answers} == {1, 2}


async def ask_through_nginx(parent: Parent, upstream: str) -> list[Any]:
    """What clients are answered by nginx, while the workers before which it stands are replaced."""
    replaced = asyncio.Event()

    async def client(port: int, path: str) -> list[Any]:
        answers = []
        while not replaced.is_set():
            answers.append(await ask_nginx(port, path))
        return answers

    async with nginx(upstream, parent.directory) as port, asyncio.timeout(PATIENCE):
        first = await ask_nginx(port, "/kept/")
        asking = [asyncio.create_task(client(port, path)) for path in ("/", "/kept/") * 2]
        parent.send(signal.SIGHUP)
        await asyncio.to_thread(parent.wait_for, "has stopped", 2)
        replaced.set()
        later = await asyncio.gather(*asking)
        return [first, *(answer for answers in later for answer in answers), await ask_nginx(port, "/")]


async def ask_nginx(port: int, path: str) -> Any:
    wire = await Wire.connect(port)
    await wire.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    reply = await wire.receive()
    await wire.close()
    assert reply.status == 200, reply
    return reply.json()


@pytest.mark.parametrize("server", SERVERS[1:])
def test_requests_are_counted(server: str, tmp_path: Path) -> None:
    with parent_of_workers(tmp_path, workers=1, server=server, worker_timeout=1, max_requests=5) as parent:
        for _ in range(5):
            parent.get()
        parent.wait_for(r"has served \d requests: it is replaced")
        parent.wait_for("has stopped")
        assert parent.get()["generation"] == 2
