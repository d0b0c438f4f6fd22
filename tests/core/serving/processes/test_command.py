"""The command of a worker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sketch.serving.options import ServeError
from sketch.serving.processes.command import interpreter, interpreter_flags, without_own

ROOT = Path(__file__).parents[4]
SHOW = "import json, sys; from sketch.serving.processes.command import interpreter_flags as f; print(json.dumps(f()))"


def test_the_flags_of_the_interpreter_are_passed_on() -> None:
    given = ["-OO", "-s", "-B", "-Xutf8=1", "-Xname", "-Wignore::DeprecationWarning", "-Werror"]
    done = subprocess.run([sys.executable, *given, "-c", SHOW], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    flags = json.loads(done.stdout)
    assert [flag for flag in flags if flag != "-O"][:2] == ["-s", "-B"]
    assert flags.count("-O") == 2
    assert {"-Xutf8=1", "-Xname", "-Wignore::DeprecationWarning", "-Werror"} <= set(flags)


def test_the_flags_of_this_interpreter_are_flags() -> None:
    assert subprocess.run([sys.executable, *interpreter_flags(), "-c", ""], timeout=30).returncode == 0


def test_an_embedded_interpreter_cannot_start_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert interpreter() == sys.executable
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(ServeError, match=r"sys\.executable names none"):
        interpreter()


def test_what_systemd_says_to_the_parent_is_not_passed_on() -> None:
    environment = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "9", "A": "1"}
    assert without_own(environment) == {"A": "1"}
