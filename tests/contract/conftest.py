"""Runs each case through each transport: `test_x[native-uvloop]`.

A test is a coroutine function. Its fixture `transport` stands for every transport, `wired` for those with a real
connection. Server processes start when the first test needs them, and live as long as the run: all processes of
pytest-xdist ask the same ones. A test that looks at a server's memory or its log is marked `@pytest.mark.alone`.

A rule that the core alone decides needs no server for each row of its table: `@pytest.mark.core_rule` runs the whole
table in memory and on one server of each adapter, and its first row on every transport.
"""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import Any

import pytest

from sketch import Application
from tests.contract import deviations
from tests.contract.pool import Pool
from tests.contract.transports import (
    BACKENDS,
    COMMANDS,
    EXTENDED,
    IN_PROCESS,
    RARE,
    SERVED,
    SMOKE,
    WHOLE_TABLES,
    Served,
    Transport,
)
from tests.contract.typed_app import make_typed_app

TIMEOUT = 45.0
POOL = pytest.StashKey[Pool]()
FIXTURES = ("transport", "wired", "server_name")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, names in (
        ("transport", (*IN_PROCESS, *SERVED)),
        ("wired", SERVED),
        ("server_name", (*SERVED, *COMMANDS, *RARE)),
    ):
        if fixture in metafunc.fixturenames:
            chosen = list(BACKENDS) if BACKENDS and fixture != "server_name" else _chosen(metafunc, names)
            metafunc.parametrize(fixture, [pytest.param(n, marks=_marks(n), id=n) for n in chosen], indirect=True)


def _marks(name: str) -> list[pytest.MarkDecorator]:
    smoke = [pytest.mark.smoke] if name in (*SMOKE, *BACKENDS) else []
    return [*smoke, pytest.mark.extended] if name in EXTENDED else smoke


def _chosen(metafunc: pytest.Metafunc, names: tuple[str, ...]) -> list[str]:
    """All transports but the rare ones, or those that the test names with `@pytest.mark.transports(...)`."""
    marker = metafunc.definition.get_closest_marker("transports")
    return [name for name in names if (name not in RARE if marker is None else name in marker.args)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if not _is_spared(item)]
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            _mark_deviation(item)


def _is_spared(item: pytest.Item) -> bool:
    """Whether an item is a further row of a core rule, on a transport that runs only the first."""
    if not isinstance(item, pytest.Function) or item.get_closest_marker("core_rule") is None:
        return False
    row = {name: index for name, index in item.callspec.indices.items() if name not in FIXTURES}
    assert row, f"core_rule is for tests with a table, got {item.nodeid}"
    return item.callspec.params["transport"] not in WHOLE_TABLES and any(row.values())


def _mark_deviation(item: pytest.Function) -> None:
    """Expect the failure of a case that the table names, alone or with its parameter: `test_x` or `test_x[id]`."""
    parameters = item.callspec.params
    transport = next((str(parameters[name]) for name in FIXTURES if name in parameters), "")
    parameter = item.callspec.id.removeprefix(f"{transport}-").removesuffix(f"-{transport}")
    for case in (item.originalname, f"{item.originalname}[{parameter}]"):
        row = deviations.find(case, transport)
        if row is not None:
            item.add_marker(pytest.mark.xfail(strict=True, reason=row.reason))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine function in an event loop of its own, inside its transport."""
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(function).parameters}
    asyncio.run(_within(function, arguments))
    return True


async def _within(function: Any, arguments: dict[str, Any]) -> None:
    transport = next((value for value in arguments.values() if isinstance(value, Transport)), Transport())
    async with asyncio.timeout(TIMEOUT), transport:
        await function(**arguments)


@pytest.fixture(scope="session")
def pool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """The servers of the run. They end after the last test: to wait for the other processes is no part of a test."""
    pool = request.config.stash[POOL] = Pool(tmp_path_factory)
    return pool


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (pool := session.config.stash.get(POOL, None)) is not None:
        pool.stop()


@cache
def kept_app(name: str) -> Application:
    """The application of a transport in this process. It lives as long as the run, as that of a server does."""
    del name
    return make_typed_app()


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    """Any way to serve the fixture application."""
    if request.param in IN_PROCESS:
        yield IN_PROCESS[request.param](partial(kept_app, request.param))
    else:
        with _use(request) as served:
            yield served


@pytest.fixture
def wired(request: pytest.FixtureRequest) -> Iterator[Served]:
    """A real server with the fixture application."""
    with _use(request) as served:
        yield served


def _use(request: pytest.FixtureRequest) -> AbstractContextManager[Served]:
    """The server that a test asks, together with the tests in other processes of the run, or alone."""
    alone = request.node.get_closest_marker("alone") is not None
    return request.getfixturevalue("pool").using(request.param, alone=alone)


@pytest.fixture
def server_name(request: pytest.FixtureRequest) -> str:
    """The name of a real server, for tests that start one of their own from `pool`."""
    return request.param


@pytest.fixture
def key() -> str:
    """A key in the journal that no other test uses."""
    return uuid.uuid4().hex


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the server has written when a test of it fails."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    served = arguments.get("transport") or arguments.get("wired")
    if report.when == "call" and report.failed and isinstance(served, Served):
        report.sections.append((f"output of {served.name}", served.program.output[-6000:]))
    return report
