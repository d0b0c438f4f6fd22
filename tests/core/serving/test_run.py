"""Backends by name, and options: every mistake is one clear line."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any, ClassVar

import pytest

from sketch.application import Application
from sketch.limits import Limits
from sketch.serving import registry
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.registry import load_served, load_server
from sketch.serving.run import announce, cannot_listen, run_app, serve

HERE = "tests.core.serving.test_run"
app = Application()


def create_app() -> Application:
    return Application("made")


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
            EntryPoint("recorder", f"{HERE}:Recorder", registry.GROUP),
            EntryPoint("native", f"{HERE}:Recorder", registry.GROUP),
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
    assert registry.server_names()["native"] == registry.BUILT_IN["native"]
    assert not isinstance(load_server("native"), recorder)


@pytest.mark.parametrize("name", registry.BUILT_IN)
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
    for name in [name for name in sys.modules if name.split(".")[0] == package or name.endswith("uvicorn_runner")]:
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
    monkeypatch.setattr(registry, "BUILT_IN", {})
    with pytest.raises(ServeError, match="no built-in server can"):
        registry.check_supported(Recorder(), ServeOptions(root_path="/a"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 70000}, "expected a port from 0 to 65535, got 70000"),
        ({"port": "80"}, "expected a port from 0 to 65535, got '80'"),
        ({"root_path": "api"}, "expected a root path like '/api', percent-encoded, got 'api'"),
        ({"root_path": "//evil"}, "expected a root path like '/api', percent-encoded, got '//evil'"),
        ({"root_path": "/ä"}, "expected a root path like '/api', percent-encoded, got '/ä'"),
        ({"root_path": "/a%2"}, "expected a root path like '/api', percent-encoded, got '/a%2'"),
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


def test_a_mistaken_application_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    message = failure(capsys, f"{HERE}:create_app", port=0)
    assert message.startswith("expected a sketch Application, or any of ASGI 3, got <function create_app at ")
    assert message.endswith(f"from '{HERE}:create_app': for a function that makes one, write 'module:function()'")


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application that is not ours."""


def test_options_for_the_other_kind_of_application(capsys: pytest.CaptureFixture[str]) -> None:
    assert failure(capsys, foreign, debug=True) == (
        "expected no debug for an ASGI application that is not ours: it has a switch of its own"
    )
    assert failure(capsys, app, limits=Limits()) == (
        "limits are for ASGI applications that are not ours, one of ours has Application(limits=)"
    )
    assert failure(capsys, foreign, limits=Limits(), server="uvicorn") == (
        "server 'uvicorn' cannot honour the option 'limits'; servers that can: native"
    )
    with pytest.raises(ServeError, match="limits are for ASGI applications"):
        serve(app, limits=Limits())


def test_a_backend_gets_any_application(recorder: type[Recorder]) -> None:
    for one in (app, foreign, f"{HERE}:foreign"):
        run_app(one, server="recorder")
    assert [run[0] for run in recorder.runs] == [app, foreign, foreign]


def test_what_our_own_server_serves() -> None:
    assert load_served(app, ServeOptions()) is app
    wrapped = Application()
    wrapped.wrap_asgi(lambda inner: inner)
    for one in (foreign, wrapped):
        served = load_served(one, ServeOptions())
        assert served is not one
        assert hasattr(served, "respond")


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

    assert registry.load_asgi() is ASGIApplication
