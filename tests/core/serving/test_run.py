"""Running an application on a backend: what the backend gets, and one clear line for each mistake."""

from __future__ import annotations

import asyncio
import logging
import os

import pytest

from sketch.application import Application
from sketch.limits import Limits
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.run import announce, cannot_listen, run_app, serve
from tests.core.serving.support import HERE, Recorder, app, failure, foreign


def test_added_backend_gets_the_options(recorder: type[Recorder]) -> None:
    assert run_app(app, "h", 1, server="recorder", loop=None, backlog=5) == 0
    ((served, options),) = recorder.runs
    assert served is app
    assert (options.host, options.port, options.loop, options.backlog) == ("h", 1, "auto", 5)


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


def test_option_that_does_not_exist() -> None:
    with pytest.raises(TypeError, match=r"expected options of host, port, .*, got 'prot'"):
        run_app(app, prot=80)
    with pytest.raises(TypeError, match="got 'prot'"):
        serve(app, prot=80)


def test_a_mistaken_application_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    message = failure(capsys, f"{HERE}:create_app", port=0)
    assert message.startswith("expected a sketch Application, or any of ASGI 3, got <function create_app at ")
    assert message.endswith(
        f"from '{HERE}:create_app': it takes no arguments, so it is a factory: call it, or write 'module:function()'"
    )


def test_options_for_the_other_kind_of_application(capsys: pytest.CaptureFixture[str]) -> None:
    assert failure(capsys, foreign, debug=True) == (
        "expected no debug for a foreign ASGI application: it has a switch of its own"
    )
    assert failure(capsys, app, limits=Limits()) == (
        "limits are for foreign ASGI applications: a sketch application has Application(limits=)"
    )
    assert failure(capsys, foreign, limits=Limits(), server="uvicorn") == (
        "server 'uvicorn' cannot honour the option 'limits'; servers that can: native"
    )
    with pytest.raises(ServeError, match="limits are for foreign ASGI applications"):
        serve(app, limits=Limits())


def test_a_backend_gets_any_application(recorder: type[Recorder]) -> None:
    for one in (app, foreign, f"{HERE}:foreign"):
        run_app(one, server="recorder")
    assert [run[0] for run in recorder.runs] == [app, foreign, foreign]


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
