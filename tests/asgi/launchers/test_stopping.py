"""How launched servers are led to their end: what the launchers know of servers that tell nothing."""

from __future__ import annotations

import asyncio
import inspect
import logging
import signal
import socket
from collections.abc import Iterator

import pytest
from hypercorn.asyncio import run as hypercorn_run

from sketch import Application
from sketch.serving.loops import loop_factory, opened_servers
from sketch.serving.options import ServeOptions
from sketch_asgi.launchers import granian, hypercorn, stopping
from sketch_asgi.launchers.stopping import Stop, close_servers
from sketch_asgi.lifespan import Life
from tests.support.requests import in_loop

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def test_hypercorn_serves_a_connection_in_a_coroutine_of_the_name_that_is_counted() -> None:
    """The launcher counts connections by this name alone: a hypercorn that changes it has to be noticed."""
    assert f"async def {hypercorn.CONNECTION}(" in inspect.getsource(hypercorn_run.worker_serve)


@LOOPS
def test_connections_that_are_accepted_when_the_listener_closes_are_served(loop: str) -> None:
    served: list[str] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append((await reader.read(10)).decode())
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        assert opened_servers() == [server]
        port = server.sockets[0].getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"hello")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await close_servers([server])
            async with asyncio.timeout(10):
                while not served:  # noqa: ASYNC110  # the server tells nothing
                    await asyncio.sleep(0.001)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        runner.run(main())
    assert served == ["hello"]


def test_connections_that_granian_waits_for_are_shut_at_last() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as other:
        first = socket.create_connection(listening.getsockname(), timeout=10)
        second = socket.create_connection(other.getsockname(), timeout=10)
        accepted, also = listening.accept()[0], other.accept()[0]
        with first, second, accepted, also:
            granian._GranianEnding(Life(Application()), listening.getsockname()).abort()
            assert first.recv(1) == b""
            also.sendall(b"x")
            assert second.recv(1) == b"x", "what is no connection of granian's goes on"
            with socket.create_connection(listening.getsockname()):
                pass  # nor is the listening socket shut


# -- steps that fail --------------------------------------------------------------------------------------------------


class Failing:
    """A server that serves until it is told to stop, and fails in some of the steps on the way: an `Ending`."""

    def __init__(self, steps: set[str]) -> None:
        self.told = asyncio.Event()
        self.aborted = asyncio.Event()
        self._steps = steps

    def _fail(self, step: str) -> None:
        if step in self._steps:
            raise AttributeError(f"this version of the server has no {step}")

    async def close_listeners(self) -> None:
        self._fail("close_listeners")

    def has_idle(self) -> bool:
        self._fail("has_idle")
        return False

    async def stop(self) -> None:
        self._fail("stop")
        self.told.set()

    def abort(self) -> None:
        self._fail("abort")
        self.aborted.set()


@pytest.fixture
def signals_restored() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("failing", "ends"),
    [
        ({"close_listeners"}, "told"),
        ({"has_idle"}, "told"),
        ({"stop"}, "aborted"),
        ({"close_listeners", "stop"}, "aborted"),
        ({"close_listeners", "stop", "abort"}, "cancelled"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(sorted(value)),
)
@pytest.mark.usefixtures("signals_restored")
@in_loop
async def test_a_step_that_fails_is_logged_and_the_server_ends_all_the_same(
    failing: set[str], ends: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "_LAST_STEPS", 0.05)
    app, ending = Application(), Failing(failing)
    life = Life(app, signals=False)
    life.started = True
    how: list[str] = []

    async def serve() -> None:
        told = {name: asyncio.create_task(getattr(ending, name).wait()) for name in ("told", "aborted")}
        try:
            await asyncio.wait(told.values(), return_when=asyncio.FIRST_COMPLETED)
            how.extend(name for name, task in told.items() if task.done())
        except asyncio.CancelledError:
            how.append("cancelled")
            raise
        finally:
            for task in told.values():
                task.cancel()

    stop = Stop(app, life, ServeOptions(shutdown_timeout=0.1, keep_alive_drain=0.01), ending)
    asyncio.get_running_loop().call_later(0.01, stop.orders.given.set)
    if ends == "cancelled":
        with pytest.raises(asyncio.CancelledError):
            await stop.run(serve())
    else:
        await stop.run(serve())
    assert how == [ends]
    assert (bool(app.stopping), life.closing) == (True, True)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert {record.getMessage() for record in errors} == {"the server cannot be stopped in order"}
    named = [str(record.exc_info[1]).rpartition(" ")[2] for record in errors if record.exc_info]
    assert sorted(named) == sorted(failing)
