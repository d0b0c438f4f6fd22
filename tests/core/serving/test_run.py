"""Running an application on a backend: what the backend gets, and one clear line for each mistake."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from typing import Any

import pytest

from sketch.application import Application
from sketch.concurrency.workers import WorkerInfo, current_worker
from sketch.limits import Limits
from sketch.observability import logs
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.run import announce, load_and_prepare, run_app, serve
from tests.core.serving.support import HERE, Recorder, app, failure, foreign

SOCKET: Any = object()


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


def test_workers_need_an_import_string(capsys: pytest.CaptureFixture[str]) -> None:
    message = failure(capsys, app, workers=2)
    assert message.startswith(
        "expected an import string like 'package.module:app' with workers, got <Application sketch>: "
    )
    assert message.endswith(": each worker imports the application by itself")
    message = failure(capsys, "__main__:app", workers=1)
    assert message.startswith("expected the module's own name with workers, got '__main__:app': each worker imports")


def test_reload_needs_an_import_string_and_a_server_that_can(
    recorder: type[Recorder], capsys: pytest.CaptureFixture[str]
) -> None:
    message = failure(capsys, app, reload=True)
    assert message == (
        "expected an import string like 'package.module:app' with reload, got <Application sketch>: "
        "each start imports the application anew. Write run_app('module:app', reload=True)"
    )
    assert failure(capsys, f"{HERE}:app", reload=True, server="granian") == (
        "server 'granian' cannot honour the option 'reload'; servers that can: native, uvicorn, hypercorn"
    )
    assert "cannot honour the option 'reload'" in failure(capsys, f"{HERE}:app", reload=True, server="recorder")
    assert recorder.runs == []
    with pytest.raises(ServeError, match="serve cannot honour the option 'reload': no parent could restart it"):
        serve(app, reload=True)


def test_where_to_watch_has_no_effect_without_reload(recorder: type[Recorder]) -> None:
    assert run_app(app, server="recorder", reload_dir=["src"], reload_include=["*.html"]) == 0


def test_reload_turns_debug_on_for_local_requests(recorder: type[Recorder]) -> None:
    for options, shown in (({}, (True, True)), ({"debug": True}, (True, False)), ({"debug": False}, (False, False))):
        made = Application()
        load_and_prepare(made, ServeOptions(reload=True, server="recorder", **options))
        assert (made.debug, made.debug_locally) == shown
    made = Application(debug=True)
    load_and_prepare(made, ServeOptions(reload=True))
    assert (made.debug, made.debug_locally) == (True, False), "the application has chosen it by name"
    load_and_prepare(foreign, ServeOptions(reload=True))


def test_workers_need_a_server_that_takes_sockets(recorder: type[Recorder], capsys: pytest.CaptureFixture[str]) -> None:
    message = failure(capsys, f"{HERE}:app", server="recorder", workers=2)
    assert message == "server 'recorder' cannot honour the option 'workers': it takes no bound sockets"
    assert recorder.runs == []


def test_options_for_workers_need_workers(capsys: pytest.CaptureFixture[str]) -> None:
    message = failure(capsys, app, max_requests=1000)
    assert message == "expected workers together with max_requests: without them no parent watches the process"
    with pytest.raises(ServeError, match="serve cannot honour the option 'worker_timeout': no parent watches it"):
        serve(app, worker_timeout=5)


def test_run_app_in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sketch.serving.run.current_link", object)
    with pytest.raises(RuntimeError, match="write it under `if __name__ == '__main__':`"):
        run_app(app)


def test_a_backend_gets_any_application(recorder: type[Recorder]) -> None:
    for one in (app, foreign, f"{HERE}:foreign"):
        run_app(one, server="recorder")
    assert [run[0] for run in recorder.runs] == [app, foreign, foreign]


@pytest.mark.parametrize(
    ("options", "names", "line"),
    [
        (ServeOptions(), [], "http://127.0.0.1:8080 (native)"),
        (ServeOptions(port=0, server="granian"), [("127.0.0.1", 5)], "http://127.0.0.1:5 (granian)"),
        (ServeOptions(host="::1", ssl_certfile="c"), [("::1", 8080, 0, 0)], "https://[::1]:8080 (native)"),
        (
            ServeOptions(host="localhost", port=0),
            [("127.0.0.1", 5), ("::1", 5, 0, 0)],
            "http://localhost:5 (native)",
        ),
        (
            ServeOptions(host=""),
            [("0.0.0.0", 8080), ("::", 8080, 0, 0)],
            "http://0.0.0.0:8080, http://[::]:8080 (native)",
        ),
        (ServeOptions(host=""), [("0.0.0.0", 8080)], "http://0.0.0.0:8080 (native)"),
        (ServeOptions(host="::"), [("::", 8080, 0, 0)], "http://[::]:8080 (native, IPv6 only)"),
        (
            ServeOptions(host="::", server="granian"),
            [("::", 5), ("0.0.0.0", 5)],
            "http://[::]:5, http://0.0.0.0:5 (granian)",
        ),
        (ServeOptions(sock=SOCKET), [("10.0.0.1", 5)], "http://10.0.0.1:5 (native)"),
        (ServeOptions(sock=SOCKET), ["/run/s"], "unix:/run/s (native)"),
        (ServeOptions(uds="/run/s"), ["/run/s"], "unix:/run/s (native)"),
        (ServeOptions(sock=SOCKET), [b"\0name"], "unix:@name (native)"),
        (ServeOptions(bind=["fd:7", ":80"]), [], "fd:7, http://:80 (native)"),
        (
            ServeOptions(bind=["localhost:0", "unix:/run/s"], ssl_certfile="c"),
            [("127.0.0.1", 5), ("::1", 5, 0, 0), "/run/s"],
            "https://127.0.0.1:5, https://[::1]:5, unix:/run/s (native)",
        ),
    ],
)
def test_announce(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: ServeOptions,
    names: list[Any],
    line: str,
) -> None:
    monkeypatch.setattr(logs, "handled", lambda *_: False)  # pytest handles everything
    announce(options, names)
    assert capsys.readouterr().err == f"Started server on {line}\n"


def test_serve_embeds_the_native_server() -> None:
    async def main() -> None:
        async with asyncio.timeout(20), serve(Application()) as server:
            host, port = server.sockets[0].getsockname()[:2]
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


# -- where it can run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["native", "uvicorn", "hypercorn", "granian"])
def test_another_thread_is_an_error_that_names_serve(server: str) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            run_app(app, port=0, server=server)
        except BaseException as exc:
            errors.append(exc)

    thread = threading.Thread(target=run, name="mine")
    thread.start()
    thread.join()
    assert [type(exc) for exc in errors] == [RuntimeError]
    assert re.fullmatch(
        r"expected run_app in the main thread, which gets the signals, got <Thread\(mine, .*>: "
        r"there use `async with sketch\.serve\(app\):`",
        str(errors[0]),
    )


@pytest.mark.parametrize("server", ["native", "uvicorn", "hypercorn", "granian"])
def test_a_running_loop_is_an_error_that_names_serve(server: str) -> None:
    async def main() -> None:
        run_app(app, port=0, server=server)

    with pytest.raises(RuntimeError, match=r"expected run_app outside of a running event loop, .*sketch\.serve"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"server": "uvicorn"}, "it runs the native server, run_app starts the others"),
        ({"loop": "asyncio"}, "it serves in the event loop that is running"),
        ({"log_level": "debug"}, "it leaves logging to your program"),
    ],
)
def test_serve_refuses_what_would_have_no_effect(options: dict[str, Any], reason: str) -> None:
    (name,) = options
    with pytest.raises(ServeError, match=f"^serve cannot honour the option '{name}': {reason}$"):
        serve(Application(), **options)


def test_serve_sets_debug() -> None:
    made = Application()
    serve(made, debug=True)
    assert made.debug


def test_a_server_without_workers_is_the_only_one(recorder: type[Recorder], monkeypatch: Any) -> None:
    seen = []

    def run(self: Recorder, app: Application, options: ServeOptions) -> int:
        seen.append(current_worker())
        return 0

    monkeypatch.setattr(Recorder, "run", run)
    run_app(Application(), server="recorder")
    assert seen == [WorkerInfo(index=0, count=1, generation=1)]
    assert current_worker() is None
