"""The event loop by its name: asyncio's, or uvloop where it is installed."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sketch.serving.loops import loop_factory, repeat
from sketch.serving.options import LOOPS, ServeError


@pytest.fixture
def no_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)


def test_asyncio_is_the_standard_loop() -> None:
    loop = loop_factory("asyncio")()
    assert isinstance(loop, asyncio.SelectorEventLoop)
    loop.close()


@pytest.mark.parametrize("name", ["auto", "uvloop"])
def test_uvloop_where_it_is_installed(name: str) -> None:
    uvloop = pytest.importorskip("uvloop")
    loop = loop_factory(name)()
    assert isinstance(loop, uvloop.Loop)
    loop.close()


@pytest.mark.usefixtures("no_uvloop")
def test_auto_without_uvloop_is_asyncio() -> None:
    assert loop_factory("auto") is loop_factory("asyncio")


@pytest.mark.usefixtures("no_uvloop")
def test_uvloop_that_is_missing() -> None:
    with pytest.raises(ServeError, match=r"the loop 'uvloop' is not installed: pip install 'sketch-web\[fast\]'"):
        loop_factory("uvloop")


def test_uvloop_is_imported_only_if_it_is_asked_for() -> None:
    code = """
import sys
from sketch.serving.loops import loop_factory, repeat
loop_factory("asyncio")
print("uvloop" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", LOOPS)
def test_every_name_of_the_options_is_known(name: str) -> None:
    if name != "asyncio":
        pytest.importorskip("uvloop")
    loop_factory(name)().close()


# -- a SystemExit -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    loop = loop_factory(request.param)()
    yield loop
    loop.close()


async def leave() -> None:
    sys.exit(4)


@pytest.mark.parametrize(
    "start",
    [
        asyncio.create_task,
        lambda coroutine: asyncio.wait_for(coroutine, 60),
        lambda coroutine: asyncio.gather(coroutine, asyncio.sleep(0)),
    ],
    ids=["create_task", "wait_for", "gather"],
)
def test_an_exit_in_a_task_is_the_result_of_the_task(loop: asyncio.AbstractEventLoop, start: Any) -> None:
    async def main() -> str:
        for _ in range(2):
            with pytest.raises(SystemExit):
                await start(leave())
        return "went on"

    assert loop.run_until_complete(main()) == "went on"


def test_an_exit_in_a_task_that_is_not_awaited_is_logged(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        task = asyncio.create_task(leave())
        await asyncio.wait([task])

    loop.run_until_complete(main())
    gc.collect()
    assert "Task exception was never retrieved" in caplog.text


def test_an_exit_of_the_program_itself_ends_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    with pytest.raises(SystemExit):
        loop.run_until_complete(leave())


def test_an_exit_of_a_callback_ends_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(sys.exit, 4)
        await asyncio.Event().wait()

    task = loop.create_task(asyncio.wait_for(main(), 60))
    with pytest.raises(SystemExit):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


PROGRAM = """
import asyncio, os, re, signal, sys, threading
from http.client import HTTPConnection
from sketch import Application, Response
from sketch.serving import run

app = Application()

async def parse():
    sys.exit(2)

@app.get("/parse")
async def parsed():
    await asyncio.wait_for(parse(), 60)

@app.get("/")
async def root():
    return Response("alive")

def ask(port):
    for target in ("/parse", "/parse", "/"):
        client = HTTPConnection("127.0.0.1", port, timeout=30)
        client.request("GET", target)
        print(client.getresponse().status, flush=True)
        client.close()
    os.kill(os.getpid(), signal.SIGTERM)

def start(line):
    threading.Thread(target=ask, args=[int(re.search(r":(\\d+) ", line)[1])]).start()

run.tell = start
print("ended with", run.run_app(app, port=0, server=sys.argv[1], loop=sys.argv[2]))
"""


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
@pytest.mark.parametrize("server", ["native", "uvicorn", "hypercorn", "granian"])
def test_an_exit_in_a_task_of_a_handler_is_a_500_on_every_server(server: str, loop_name: str) -> None:
    for package in {server, loop_name} - {"native", "asyncio"}:
        pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, server, loop_name], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split("\n") == ["500", "500", "200", "ended with 0", ""], done.stderr


def test_a_call_is_repeated_until_the_loop_is_closed() -> None:
    calls: list[int] = []

    async def main() -> None:
        enough = asyncio.Event()

        def call() -> None:
            calls.append(1)
            if len(calls) == 3:
                enough.set()

        repeat(call, 0.001)
        assert len(calls) == 1
        async with asyncio.timeout(20):
            await enough.wait()

    asyncio.run(main())
    assert len(calls) >= 3
