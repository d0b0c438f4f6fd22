"""Fixtures for pytest. Switch them on with `pytest_plugins = ["sketch.testing.plugin"]` in a `conftest.py`.

`sketch_client(app)` makes a client that is stopped at the end of the test. In a test with an event loop
(pytest-asyncio, anyio with its asyncio backend) it is awaited; in a plain function it is started already, and
`sketch_run` runs its coroutines:

    async def test_hello(sketch_client):
        client = await sketch_client(app)
        assert (await client.get("/hello")).status == 200

    def test_hello_too(sketch_run, sketch_client):
        client = sketch_client(app)
        assert sketch_run(client.get("/hello")).status == 200

`pytest --sketch-transport=all` runs each test that uses `sketch_client` or `sketch_transport` on every server that is
installed; `--sketch-transport=memory,uvicorn` on these. `@pytest.mark.sketch_transports("memory", "native")` limits a
test to some. The report of a failed test shows the requests of these clients as curl commands.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Self

import pytest

from sketch.application import Application
from sketch.testing.client import TRANSPORTS, TestClient

Run = Callable[[Coroutine[Any, Any, Any]], Any]

MARKER = "sketch_transports"
_OUTPUT = 6000
"""Characters of a server's output that are shown."""


class FixtureClient(TestClient):
    """A client of the fixture `sketch_client`: `client = await sketch_client(app)` starts it."""

    running = False
    """Whether it was started and not stopped."""

    async def start(self) -> None:
        """Start the application: see `TestClient.start`. Starting it again is an error."""
        await super().start()
        self.running = True

    async def stop(self) -> None:
        """Stop the application: see `TestClient.stop`."""
        self.running = False
        await super().stop()

    async def _started(self) -> Self:
        if not self.running:
            await self.start()
        return self

    def __await__(self) -> Generator[Any, Any, Self]:
        """Start it, and return it."""
        return self._started().__await__()


_CLIENTS: pytest.StashKey[list[FixtureClient]] = pytest.StashKey()
_CHOSEN: pytest.StashKey[tuple[str, ...] | None] = pytest.StashKey()


# -- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def sketch_run() -> Iterator[Run]:
    """Runs coroutines to their end, all in one event loop that lives as long as the test. For tests without a loop."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:  # leaves the thread's current loop alone

        def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
            if _loop_runs():
                coroutine.close()
                raise RuntimeError("expected sketch_run in a test without an event loop: use await in this one")
            return runner.run(coroutine)

        yield run


@pytest.fixture
def sketch_transport(request: pytest.FixtureRequest) -> str:
    """The name of the transport that the test runs on: `TestClient(app, transport=sketch_transport)`."""
    name: str = getattr(request, "param", "memory")
    return name


@pytest.fixture
def sketch_client(request: pytest.FixtureRequest, sketch_transport: str) -> Iterator[Callable[..., FixtureClient]]:
    """Makes clients: `client = await sketch_client(app)`, or `client = sketch_client(app)` in a test without a loop.

    Options are those of `TestClient`. The clients are stopped when the test ends.
    """
    clients = request.node.stash[_CLIENTS] = []
    waits = inspect.iscoroutinefunction(getattr(request.node, "obj", None))
    run: Run | None = None if waits else request.getfixturevalue("sketch_run")

    def make(app: Application | str, **options: Any) -> FixtureClient:
        if run is not None and _loop_runs():
            raise RuntimeError(
                "expected sketch_client outside of an event loop, because the test is a plain function: "
                "make the client before sketch_run, or make the test an `async def`"
            )
        client = FixtureClient(app, **{"transport": sketch_transport, **options})
        clients.append(client)
        if run is not None:
            run(client.start())
        return client

    yield make
    try:
        if run is not None:
            _raise_first(run(_stop(clients)))
    finally:
        # What an async test leaves is stopped in its own loop: see pytest_runtest_call. If the test did not run,
        # because another fixture failed, there is no loop any more.
        for client in clients:
            client.kill()


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _stop(clients: Iterable[FixtureClient]) -> list[Exception]:
    """Stop all clients that run, the last one first. Returns what that has raised."""
    errors: list[Exception] = []
    for client in reversed(list(clients)):
        if client.running:
            try:
                await client.stop()
            except Exception as exc:
                errors.append(exc)
    return errors


def _raise_first(errors: list[Exception]) -> None:
    if errors:
        for other in errors[1:]:
            errors[0].add_note(f"another client could not be stopped: {other!r:.500}")
        raise errors[0]


# -- hooks ------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--sketch-transport`."""
    parser.getgroup("sketch").addoption(
        "--sketch-transport",
        metavar="NAMES",
        default=None,
        help=f"run tests that use sketch_client or sketch_transport on these: {', '.join(TRANSPORTS)}, or all "
        "(those that are installed), separated by commas",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the option, and register the marker."""
    config.addinivalue_line("markers", f"{MARKER}(*names): run only on these transports of sketch")
    config.stash[_CHOSEN] = _choose(config.getoption("--sketch-transport"))


def _choose(option: str | None) -> tuple[str, ...] | None:
    """Return the transports that the option names, None without it."""
    if option is None:
        return None
    if option == "all":
        return tuple(name for name in TRANSPORTS if not _is_missing(name))
    names = tuple(dict.fromkeys(name.strip() for name in option.split(",")))
    if "all" in names:
        raise pytest.UsageError(f"--sketch-transport: expected all alone, got {option!r:.200}")
    for name in names:
        if name not in TRANSPORTS:
            raise pytest.UsageError(f"--sketch-transport: expected {', '.join(TRANSPORTS)} or all, got {name!r:.200}")
        if _is_missing(name):
            raise pytest.UsageError(f"--sketch-transport: {name} is not installed: pip install 'sketch-web[{name}]'")
    return names


def _is_missing(name: str) -> bool:
    return name not in ("memory", "native") and find_spec(name) is None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the transports, and those of `all` that are not installed."""
    chosen = config.stash[_CHOSEN]
    if chosen is None:
        return None
    missing = [name for name in TRANSPORTS if config.getoption("--sketch-transport") == "all" and name not in chosen]
    return f"sketch: {', '.join(chosen)}" + (f" (not installed: {', '.join(missing)})" if missing else "")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each of the transports that were chosen, and that it is not kept from by its marker."""
    if "sketch_transport" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker(MARKER)
    chosen = metafunc.config.stash[_CHOSEN]
    if marker is not None and not marker.args:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: expected {MARKER} with names, got none")
    for name in marker.args if marker else ():
        if name not in TRANSPORTS:
            raise pytest.UsageError(
                f"{metafunc.definition.nodeid}: expected {', '.join(TRANSPORTS)}, got {name!r:.200}"
            )
    fitting = [name for name in chosen or ("memory",) if marker is None or name in marker.args]
    if fitting:
        if chosen is not None:
            metafunc.parametrize("sketch_transport", fitting, indirect=True)
    else:
        names = ", ".join(marker.args) if marker else ""
        skipped = pytest.param("memory", marks=pytest.mark.skip(reason=f"runs on {names} only (--sketch-transport)"))
        metafunc.parametrize("sketch_transport", [skipped], indirect=True, ids=["none"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Stop the clients of an async test in its own event loop, whichever plugin runs that."""
    clients = item.stash.get(_CLIENTS, None)
    if clients is None or not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(item.obj):
        return (yield)
    function = item.obj
    item.obj = _stopping(function, clients)
    try:
        return (yield)
    finally:
        item.obj = function


def _stopping(function: Callable[..., Any], clients: list[FixtureClient]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> None:
        try:
            await function(*args, **kwargs)
        except BaseException as exc:
            for error in await _stop(clients):
                exc.add_note(f"a client could not be stopped: {error!r:.500}")
            raise
        _raise_first(await _stop(clients))

    return run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the last requests of a failed test, and what a server's process has printed."""
    report = yield
    if report.failed:
        for client in item.stash.get(_CLIENTS, []):
            lines = [f"{status or 'no answer:'} {sent.curl()}" for sent, status in client._recent]
            if lines:
                report.sections.append((f"requests on {client.transport}", "\n".join(lines)))
            if client.server_output:
                report.sections.append((f"output of {client.transport}", client.server_output[-_OUTPUT:]))
    return report
