"""The command `sketch`: what it passes on, and that every mistake is one line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sketch import cli
from sketch.cli import demo, main, run

APP = """
from sketch import Application
app = Application()
def create_app():
    return Application("made")
"""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What is served, instead of serving it."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def run_app(app: str, **options: Any) -> int:
        calls.append((app, options))
        return 0

    monkeypatch.setattr(run, "run_app", run_app)
    monkeypatch.setattr(demo, "run_app", run_app)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return calls


def test_run_passes_on_only_what_was_given(calls: list[Any]) -> None:
    assert main(["run", "a.b:c"]) == 0
    assert calls == [("a.b:c", {})]


def test_run_looks_in_the_working_directory_first(
    calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["run", "a:b"])
    assert sys.path[0] == str(tmp_path)


def test_flags_are_the_options(calls: list[Any]) -> None:
    line = "run a:b --host h --port 1 --server uvicorn --loop asyncio --root-path /r --no-access-log --log-level error"
    line += " --debug --shutdown-timeout 1.5 --ssl-certfile c --ssl-keyfile k --uds s --backlog 5 --workers 2 --reload"
    main(line.split())
    assert calls[0][1] == {
        "host": "h", "port": 1, "server": "uvicorn", "loop": "asyncio", "root_path": "/r", "access_log": False,
        "log_level": "error", "debug": True, "shutdown_timeout": 1.5, "ssl_certfile": "c", "ssl_keyfile": "k",
        "uds": "s", "backlog": 5, "workers": 2, "reload": True,
    }  # fmt: skip


def test_demo(calls: list[Any]) -> None:
    main(["demo", "--port", "0", "--server", "granian", "--host", "::1"])
    assert calls == [("sketch.demo:app", {"port": 0, "server": "granian", "host": "::1"})]


@pytest.mark.parametrize(
    "arguments", [[], ["run"], ["fly"], ["run", "a:b", "--port", "x"], ["run", "a:b", "--loop", "y"]]
)
def test_lines_that_make_no_sense(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: sketch")


def test_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sketch-web", "no-such-distribution"):
        monkeypatch.setattr(cli, "version", lambda _, name=name: cli_version(name))
        with pytest.raises(SystemExit) as caught:
            main(["--version"])
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith("sketch ")


def cli_version(name: str) -> str:
    if name == "sketch-web":
        return "1.2.3"
    raise cli.PackageNotFoundError(name)


def sketch(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    """The real command: exit code, output, errors."""
    root = str(Path(__file__).parents[2])
    code = f"import sys; sys.path[:0] = {[root, root + '/adapters']!r}; from sketch.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["no_such:app"], "there is no module 'no_such', of 'no_such:app'"),
        (["serveme:nothing"], "module 'serveme' has no attribute 'nothing', of 'serveme:nothing'"),
        (["serveme"], "expected an application like 'package.module:app', got 'serveme'"),
        (["serveme:create_app"], "expected a sketch Application, or any of ASGI 3, got <function create_app"),
        (["serveme:app", "--server", "apache"], "expected a server of granian, hypercorn, native"),
        (["serveme:app", "--workers", "2"], "workers=2 is not supported yet"),
        (["serveme:create_app()", "--host", "nowhere.invalid"], "cannot listen on nowhere.invalid:8080: "),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], error: str, tmp_path: Path) -> None:
    (tmp_path / "serveme.py").write_text(APP)
    code, output, errors = sketch("run", *arguments, cwd=tmp_path)
    assert (code, output) == (1, "")
    assert errors.startswith(f"error: {error}")
    assert errors.count("\n") == 1


def test_port_in_use_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "serveme.py").write_text(APP)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        code, _, errors = sketch("run", "serveme:create_app()", "--port", str(port), cwd=tmp_path)
    assert (code, errors) == (1, f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n")


def test_module_runs_as_the_command(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "adapters")])}
    done = subprocess.run(
        [sys.executable, "-m", "sketch", "--version"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("sketch ")
