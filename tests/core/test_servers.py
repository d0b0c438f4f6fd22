"""Backends by name, options, import strings: every mistake is one clear line."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sketch import servers
from sketch.application import Application
from sketch.servers import ServeError, ServeOptions, announce, cannot_listen, load_app, load_server, run_app, serve

HERE = "tests.core.test_servers"
app = Application()


def create_app() -> Application:
    return Application("made")


class Holder:
    inner = app


class Recorder:
    """A backend that another package adds."""

    options = frozenset({"host", "port", "backlog"})
    runs: ClassVar[list[tuple[Any, ServeOptions]]] = []
    code = 0

    def run(self, app: Application, options: ServeOptions) -> int:
        self.runs.append((app, options))
        return self.code


@pytest.fixture(autouse=True)
def logging_is_put_back() -> Iterator[None]:
    logger = logging.getLogger("sketch")
    before = logger.level, list(logger.handlers)
    yield
    logger.level, logger.handlers = before


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    points = EntryPoints(
        [
            EntryPoint("recorder", f"{HERE}:Recorder", servers.GROUP),
            EntryPoint("native", f"{HERE}:Recorder", servers.GROUP),
        ]
    )
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points.select(group=group))
    monkeypatch.setattr(Recorder, "runs", [])
    # As tests import this module under two names otherwise.
    monkeypatch.setitem(sys.modules, HERE, sys.modules[__name__])
    return Recorder


def failure(capsys: pytest.CaptureFixture[str], target: Any = app, **options: Any) -> str:
    """The line on stderr of a run that must fail with code 1."""
    with pytest.raises(SystemExit) as caught:
        run_app(target, **options)
    assert caught.value.code == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    return output.err[7:-1]


def test_added_backend_gets_the_options(recorder: type[Recorder]) -> None:
    assert run_app(app, "h", 1, server="recorder", loop=None, backlog=5) == 0
    ((served, options),) = recorder.runs
    assert served is app
    assert (options.host, options.port, options.loop, options.backlog) == ("h", 1, "auto", 5)


def test_entry_points_do_not_replace_built_in_backends(recorder: type[Recorder]) -> None:
    assert servers.server_names()["native"] == servers.BUILT_IN["native"]
    assert not isinstance(load_server("native"), recorder)


@pytest.mark.parametrize("name", servers.BUILT_IN)
def test_built_in_backends_know_only_options_that_exist(name: str) -> None:
    assert load_server(name).options <= set(ServeOptions.__dataclass_fields__)


def test_code_of_a_backend_becomes_that_of_the_process(
    recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "code", 1)
    with pytest.raises(SystemExit) as caught:
        run_app(app, server="recorder")
    assert caught.value.code == 1


def test_debug_and_log_level(recorder: type[Recorder]) -> None:
    made = Application()
    run_app(made, server="recorder", debug=True, log_level="error")
    assert made.debug
    assert logging.getLogger("sketch").level == logging.ERROR


def test_unknown_server(capsys: pytest.CaptureFixture[str], recorder: type[Recorder]) -> None:
    message = failure(capsys, server="apache")
    assert message == "expected a server of granian, hypercorn, native, recorder, uvicorn, got 'apache'"


@pytest.mark.parametrize("package", ["uvicorn", "hypercorn", "granian"])
def test_missing_package(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package or name.endswith("uvicorn_server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert f"pip install 'sketch-web[{package}]'" in failure(capsys, server=package)


def test_missing_loop(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    for server in ("native", "hypercorn"):
        assert "pip install 'sketch-web[fast]'" in failure(capsys, server=server, loop="uvloop", port=0)


def test_option_that_a_backend_cannot_honour(capsys: pytest.CaptureFixture[str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    message = failure(capsys, server="granian", ssl=context)
    assert message == "server 'granian' cannot honour the option 'ssl'; servers that can: native, uvicorn"
    assert failure(capsys, server="uvicorn", server_limits=object()).endswith("servers that can: native")
    for server in ("uvicorn", "hypercorn", "granian"):
        assert failure(capsys, server=server, proxy_protocol=True).endswith("servers that can: native")


def test_option_that_no_built_in_backend_can_honour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "BUILT_IN", {})
    with pytest.raises(ServeError, match="no built-in server can"):
        servers.check_supported(Recorder(), ServeOptions(root_path="/a"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 70000}, "expected a port from 0 to 65535, got 70000"),
        ({"port": "80"}, "expected a port from 0 to 65535, got '80'"),
        ({"loop": "trio"}, "expected a loop of auto, asyncio, uvloop, got 'trio'"),
        ({"log_level": "loud"}, "expected a log level of debug, info, warning, error, critical, got 'loud'"),
        ({"shutdown_timeout": -1}, "expected a shutdown timeout of at least 0 seconds, got -1"),
        ({"ssl_keyfile": "k"}, "expected ssl_certfile together with ssl_keyfile"),
        ({"ssl": object(), "ssl_certfile": "c"}, "expected either ssl or ssl_certfile, got both"),
        ({"uds": "s", "sock": object()}, "expected either uds or sock, got both"),
        (
            {"proxy_protocol": True, "ssl_certfile": "c"},
            "proxy_protocol together with TLS is not supported: let the load balancer end TLS",
        ),
        ({"workers": 2}, "workers=2 is not supported yet: start one process per worker"),
        ({"reload": True}, "reload is not supported yet: restart the server by hand"),
    ],
)
def test_values_that_no_backend_can_honour(
    capsys: pytest.CaptureFixture[str], options: dict[str, Any], message: str
) -> None:
    assert failure(capsys, **options) == message


def test_option_that_does_not_exist() -> None:
    with pytest.raises(TypeError, match=r"expected options of host, port, .*, got 'prot'"):
        run_app(app, prot=80)
    with pytest.raises(TypeError, match="got 'prot'"):
        serve(app, prot=80)


@pytest.mark.parametrize("string", [f"{HERE}:app", f"{HERE}:Holder.inner"])
def test_import_string(string: str) -> None:
    found = load_app(string)
    assert found.name == "sketch"
    assert type(found).__name__ == "Application"


def test_factory_string() -> None:
    assert load_app(f"{HERE}:create_app()").name == "made"


@pytest.mark.parametrize(
    ("string", "message"),
    [
        ("pkg", "expected an application like 'package.module:app', got 'pkg'"),
        (":app", "expected an application like 'package.module:app', got ':app'"),
        ("pkg:a-b", "expected an application like 'package.module:app', got 'pkg:a-b'"),
        ("no_such_package.x:app", "there is no module 'no_such_package', of 'no_such_package.x:app'"),
        ("sketch.nothing:app", "there is no module 'sketch.nothing', of 'sketch.nothing:app'"),
        (f"{HERE}:nothing", f"module '{HERE}' has no attribute 'nothing', of '{HERE}:nothing'"),
        (f"{HERE}:create_app", "expected a sketch Application, got <function create_app"),
        (f"{HERE}:Recorder", "expected a sketch Application, got <class"),
    ],
)
def test_bad_import_string(capsys: pytest.CaptureFixture[str], string: str, message: str) -> None:
    assert failure(capsys, string, port=0).startswith(message)


def test_error_inside_the_module_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_app.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        load_app("broken_app:app")


@pytest.mark.parametrize(
    ("options", "port", "line"),
    [
        (ServeOptions(), None, "http://127.0.0.1:8080 (native)"),
        (ServeOptions(port=0, server="granian"), 5, "http://127.0.0.1:5 (granian)"),
        (ServeOptions(host="::1", ssl_certfile="c"), None, "https://[::1]:8080 (native)"),
        (ServeOptions(uds="/run/s"), None, "unix:/run/s (native)"),
    ],
)
def test_announce(capsys: pytest.CaptureFixture[str], options: ServeOptions, port: int | None, line: str) -> None:
    announce(options, port)
    assert capsys.readouterr().err == f"Started server on {line}\n"


def test_cannot_listen() -> None:
    error = PermissionError(13, "Permission denied")
    assert str(cannot_listen(ServeOptions(port=80), error)) == "cannot listen on 127.0.0.1:80: Permission denied"
    assert str(cannot_listen(ServeOptions(uds="/s"), OSError("odd"))) == "cannot listen on /s: odd"
    wordy = OSError(98, "error while attempting to bind on address ('::', 1): address already in use")
    assert str(cannot_listen(ServeOptions(port=1), wordy)) == f"cannot listen on 127.0.0.1:1: {os.strerror(98)}"


def test_logging_of_the_program_is_left_alone(recorder: type[Recorder]) -> None:
    logger = logging.getLogger("sketch")
    handler = logging.NullHandler()
    logger.addHandler(handler)
    run_app(app, server="recorder")
    assert logger.handlers == [handler]


def test_serve_embeds_the_native_server() -> None:
    async def main() -> None:
        async with asyncio.timeout(20), serve(Application()) as server:
            host, port = server.sockets[0].getsockname()[:2]
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


def test_load_asgi() -> None:
    from sketch_asgi.app import ASGIApplication

    assert servers.load_asgi() is ASGIApplication
