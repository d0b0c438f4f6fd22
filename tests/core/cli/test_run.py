"""`sketch run`: what it passes on, and one clear line for each mistake."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from sketch.cli import main
from sketch.serving.server_limits import ServerLimits
from tests.support.programs import free_port, serving

APP = """
from sketch import Application
app = Application()
def create_app():
    return Application("made")
"""


def test_run_passes_on_only_what_was_given(calls: list[Any]) -> None:
    assert main(["run", "a.b:c"]) == 0
    assert calls == [("a.b:c", {})]


def test_run_looks_in_the_working_directory_first(calls: list[Any], tmp_path: Path) -> None:
    main(["run", "a:b"])
    assert sys.path[0] == str(tmp_path)


def test_all_sources_are_read(calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.sketch]\napp = 'a:b'\nbacklog = 5\nloop = 'asyncio'")
    monkeypatch.setenv("SKETCH_BACKLOG", "6")
    monkeypatch.setenv("SKETCH_LIMIT_HEAD", "7")
    monkeypatch.setenv("PORT", "9")
    main(["run", "--limit-headers", "8"])
    limits = ServerLimits(head=7, headers=8)
    given = {"backlog": 6, "loop": "asyncio", "server_limits": limits, "host": "0.0.0.0", "port": 9}
    assert calls == [("a:b", given)]


def test_an_application_is_found(calls: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "app.py").write_text("raise AssertionError\ndef create_app(): ...")
    caplog.set_level("INFO")
    main(["run", "a:b"])
    main(["run"])
    assert calls == [("a:b", {}), ("app:create_app()", {})]
    assert caplog.messages == ["Serving app:create_app(), found in app.py"]


def test_the_configuration_is_printed_and_nothing_is_served(
    calls: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--print-config"]) == 0
    assert "# app is not set " in capsys.readouterr().out
    (tmp_path / "main.py").write_text("app = 1")
    assert main(["run", "--print-config", "--port", "9"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert re.search(r'^app = "main:app" +# main\.py$', output.out, re.MULTILINE)
    assert re.search(r"^port = 9 +# the command line$", output.out, re.MULTILINE)
    assert calls == []


@pytest.mark.parametrize(
    ("line", "variables", "code", "error"),
    [
        (
            "--port 99999",
            {},
            2,
            "expected port as a whole number from 0 to 65535, got 99999 (port is from the command line)",
        ),
        (
            "",
            {"SKETCH_PORT": "99999"},
            1,
            "expected port as a whole number from 0 to 65535, got 99999 (port is from SKETCH_PORT)",
        ),
        (
            "--server apache",
            {},
            2,
            "expected a server of granian, hypercorn, native, uvicorn, got 'apache' (server is ",
        ),
        ("--unset prot", {}, 2, "expected the name of an option to unset, or limits, got 'prot': did you mean port?"),
        ("--max-requests 9", {}, 2, "expected workers together with max_requests: without them no parent watches the "),
    ],
)
def test_the_exit_code_of_a_wrong_value(
    line: str,
    variables: dict[str, str],
    code: int,
    error: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong command line is 2, whatever finds it; a start that fails is 1."""
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(SystemExit) as caught:
        main(["run", "a:b", *line.split()])
    assert caught.value.code == code
    assert capsys.readouterr().err.startswith(f"error: {error}")


ROOT = str(Path(__file__).parents[3])
CODE = f"import sys; sys.path[:0] = {[ROOT, ROOT + '/adapters']!r}; from sketch.cli import main; sys.exit(main())"
COMMAND = [sys.executable, "-c", CODE]


def sketch(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    """The real command: exit code, output, errors."""
    done = subprocess.run([*COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["no_such:app"], "there is no module 'no_such', of 'no_such:app'"),
        (["serveme:nothing"], "module 'serveme' has no attribute 'nothing', of 'serveme:nothing'"),
        (["serveme"], "expected an application like 'package.module:app', got 'serveme': did you mean 'serveme:app'?"),
        (["./serveme.py:app"], "expected the whole name of a module, got the relative one './serveme.py', of "),
        (["serveme.py:app"], "there is no module 'serveme.py', of 'serveme.py:app' (looked in "),
        (["serveme:create_app"], "expected a sketch Application, or any of ASGI 3, got <function create_app"),
        ([], "expected an application: write `sketch run package.module:app`. Tried in "),
        (["serveme:create_app()", "--host", "nowhere.invalid"], "cannot listen on nowhere.invalid:8080: "),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], error: str, tmp_path: Path) -> None:
    (tmp_path / "serveme.py").write_text(APP)
    code, output, errors = sketch("run", *arguments, cwd=tmp_path)
    assert (code, output) == (1, "")
    assert errors.startswith(f"error: {error}")
    assert errors.count("\n") == 1


def test_the_source_of_a_wrong_application_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a worker finds it, which reads none of the sources."""
    monkeypatch.setenv("SKETCH_APP", "no_such:app")
    fault = f"there is no module 'no_such', of 'no_such:app' (looked in {str(tmp_path)!r}) (app is from SKETCH_APP)\n"
    assert sketch("run", cwd=tmp_path) == (1, "", f"error: {fault}")
    with subprocess.Popen([*COMMAND, "run", "--workers", "1"], cwd=tmp_path, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().endswith(f"could not start: {fault}".encode())
        finally:
            process.terminate()
            process.communicate(timeout=30)


def test_the_port_of_a_file_beside_socket_activation(tmp_path: Path) -> None:
    """The error names the file, and a flag takes the port back."""
    (tmp_path / "serveme.py").write_text(APP)
    (tmp_path / "pyproject.toml").write_text("[tool.sketch]\napp = 'serveme:app'\nport = 5\n")
    code = f"import os; os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); {CODE}"
    command = [sys.executable, "-c", code, "run"]
    for flags, error in [
        ([], "expected either port or socket activation, got both: .*, or start the server without it "),
        (["--unset", "port"], "cannot listen on fd:3: "),
    ]:
        done = subprocess.run([*command, *flags], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        assert re.search(f"^error: {error}", done.stderr, re.MULTILINE)
        assert done.stderr.endswith("(port is from pyproject.toml)\n") == (not flags)


def test_port_in_use_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "serveme.py").write_text(APP)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        code, _, errors = sketch("run", "serveme:create_app()", "--port", str(port), cwd=tmp_path)
    assert (code, errors) == (1, f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n")


def test_a_platform_runs_what_the_directory_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real command with every source: `PORT`, a file, the environment, flags, and an application that is found."""
    (tmp_path / "main.py").write_text(
        "from sketch import Application, Response\napp = Application()\napp.add_get('/', lambda: Response('found'))"
    )
    (tmp_path / "pyproject.toml").write_text("[tool.sketch]\naccess_log = false\n[tool.sketch.limits]\nhead = 300\n")
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.setenv("SKETCH_LIMIT_TARGET", "50")
    monkeypatch.setenv("SKETCH_WORKER", "2")
    with serving([*COMMAND, "run", "--limit-headers", "5"], port, tmp_path, tmp_path / "log") as program:
        assert ask(program.url) == (200, b"found")
        assert ask(program.url + "/" + 50 * "a")[0] == 414
        assert ask(program.url, A=300 * "a")[0] == 431
        assert ask(program.url, **{f"H{number}": "" for number in range(5)})[0] == 431
        assert program.stop() == 0
    assert "ignored the unknown environment variable SKETCH_WORKER: did you mean SKETCH_WORKERS?" in program.output
    assert "Serving main:app, found in main.py\n" in program.output
    assert f"Started server on http://0.0.0.0:{port} (native)\n" in program.output
    assert "GET /" not in program.output


def ask(url: str, **fields: str) -> tuple[int, bytes]:
    """Status and body of a GET."""
    try:
        with urlopen(Request(url, headers=fields), timeout=10) as response:
            return response.status, response.read()
    except HTTPError as exc:
        with exc:
            return exc.code, exc.read()
