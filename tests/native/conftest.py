"""Runs each coroutine test in an event loop of its own, once on asyncio and once on uvloop: `test_x[uvloop]`.

After the test nothing may be left: no task, no error that only the loop has heard of, no file or socket that is open.
`@pytest.mark.loops("asyncio")` chooses where one loop is enough. HTTP connections check each change of their state.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from sketch.serving.loops import loop_factory
from sketch_native.protocol import HTTPProtocol
from sketch_native.states import check_transitions
from tests.support.native import Certificates

TIMEOUT = 30.0
LOOPS = ("asyncio", "uvloop")


def pytest_configure(config: pytest.Config) -> None:
    check_transitions(HTTPProtocol)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if inspect.iscoroutinefunction(metafunc.function):
        metafunc.fixturenames.append("loop_name")
        marker = metafunc.definition.get_closest_marker("loops")
        metafunc.parametrize("loop_name", LOOPS if marker is None else marker.args)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Freeze all objects from before the test, so that collecting after each test costs next to nothing.

    Freezing once for the whole run is not enough: pytest keeps all its reports.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(function).parameters}
    with asyncio.Runner(loop_factory=loop_factory(pyfuncitem.callspec.params["loop_name"])) as runner:
        runner.run(_cleanly(function, arguments))
    gc.collect()  # what was left open warns now, and not in another test
    return True


async def _cleanly(function: Any, arguments: dict[str, Any]) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    before = asyncio.all_tasks()
    async with asyncio.timeout(TIMEOUT):
        await function(**arguments)
    gc.collect()  # a task that was forgotten complains when it is collected
    left = [task for task in asyncio.all_tasks() - before if not task.done()]
    assert not left, f"expected no task to be left, got {left}"
    assert not complaints, f"expected nothing to be told to the event loop alone, got {complaints}"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority = trustme.CA()
    path: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    return Certificates(authority, path)


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Check that the test leaves no new file descriptor (Linux)."""
    for name in LOOPS:  # what a loop opens once in a process
        with asyncio.Runner(loop_factory=loop_factory(name)) as runner:
            runner.get_loop()
    before = _descriptors()
    yield
    gc.collect()
    assert _descriptors() <= before


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
