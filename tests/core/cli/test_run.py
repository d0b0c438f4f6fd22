"""`sketch run`: what it passes on, and one clear line for each mistake."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sketch.cli import main

APP = """
from sketch import Application
app = Application()
def create_app():
    return Application("made")
"""


def test_run_passes_on_only_what_was_given(calls: list[Any]) -> None:
    assert main(["run", "a.b:c"]) == 0
    assert calls == [("a.b:c", {})]


def test_run_looks_in_the_working_directory_first(
    calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["run", "a:b"])
    assert sys.path[0] == str(tmp_path)


def sketch(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    """The real command: exit code, output, errors."""
    root = str(Path(__file__).parents[3])
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
