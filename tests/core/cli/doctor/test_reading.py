"""What `sketch run` would run, and every way in which it cannot."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sketch.cli.doctor.case import Case
from sketch.cli.doctor.reading import read_case, warnings_kept
from sketch.cli.doctor.system import System
from sketch.serving import registry
from tests.core.cli.doctor.support import found

SHOP = """
from sketch import Application
print("imported")
app = Application("shop")
started = []
app.on_startup.append(lambda: started.append(1))
async def foreign(scope, receive, send): ...
"""

Read = Callable[..., Case]


@pytest.fixture
def read(tmp_path: Path, loaded_here: None) -> Read:
    """Reads the case of a command line in the working directory."""
    (tmp_path / "doctored.py").write_text(SHOP)

    def read(
        app: str | None = "doctored:app", environment: dict[str, str] | None = None, unset: Any = (), **flags: Any
    ) -> Case:
        given = flags if app is None else {"app": app, **flags}
        return read_case(given, environment or {}, tmp_path, unset, System())

    return read


def test_all_sources_are_read_and_nothing_is_started(read: Read, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.sketch]\nbacklog = 5\nworkers = 2\n[tool.sketch.limits]\nhead = 9")
    case = read(None, {"SKETCH_APP": "doctored:app", "PORT": "9", "SKETCH_BACKLOG": "6"}, ["workers"], debug=True)
    assert (case.options.port, case.options.host, case.options.backlog) == (9, "0.0.0.0", 6)
    assert (case.options.workers, case.limits.head) == (None, 9)
    assert case.app.name == "shop"
    assert case.app.debug  # as it would run
    assert sys.modules["doctored"].started == []
    assert case.is_runnable
    assert not case.app_faults
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "imported\n")  # standard output is the doctor's


def test_an_application_is_found_as_run_finds_it(read: Read, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SHOP)
    case = read(None)
    assert (case.config.app, case.config.settings["app"].source) == ("app:app", "app.py")


def test_a_foreign_application_is_judged_too(read: Read) -> None:
    case = read("doctored:foreign", host="0.0.0.0")
    assert not case.app_faults
    assert "plain-http-in-public" in found(case)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"port": 99999}, "expected port as a whole number from 0 to 65535, got 99999 (port is from the command line)"),
        ({"server": "apache"}, "expected a server of granian, hypercorn, native, uvicorn, got 'apache'"),
        ({"server": "uvicorn", "limit_head": 5}, "server 'uvicorn' cannot honour the option 'server_limits'"),
        ({"environment": {"SKETCH_WORKERS": "many"}}, "expected workers as a whole number from 0 to 1024, or none"),
        ({"unset": ["prot"]}, "expected the name of an option to unset, or limits, got 'prot': did you mean port?"),
        ({"max_requests": 5}, "expected workers together with max_requests"),
    ],
)
def test_a_wrong_configuration_is_a_finding(given: dict[str, Any], text: str, read: Read) -> None:
    names = found(read(**given))
    assert [*names] == ["configuration"]
    assert names["configuration"].text.startswith(text)


def test_a_file_that_cannot_be_read_is_a_finding(read: Read, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.sketch\n")
    names = found(read())
    assert [*names] == ["configuration"]
    assert names["configuration"].text.startswith(f"cannot read {tmp_path}/pyproject.toml: ")


def test_names_that_do_not_exist_are_findings_and_no_log_lines(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    names = found(read(environment={"SKETCH_PROT": "1"}))
    assert (
        names["unknown-option"].text
        == "ignored the unknown environment variable SKETCH_PROT: did you mean SKETCH_PORT?"
    )
    assert not caplog.messages


def test_the_log_goes_on_after_the_configuration() -> None:
    logger = logging.getLogger("sketch")
    before = list(logger.handlers)
    with warnings_kept() as kept:
        logger.warning("ignored")
        logger.info("no warning")
    assert kept == ["ignored"]
    assert logger.handlers == before
    assert logger.propagate


@pytest.mark.parametrize(
    ("source", "app", "text"),
    [
        (
            "x = 1\nraise ValueError('no database\\nat all')",
            "m:app",
            "m:app cannot be loaded: m.py:2: ValueError: no database",
        ),
        ("x = (", "m:app", "m:app cannot be loaded: m.py:1: SyntaxError: '(' was never closed"),
        ("import sys\nsys.exit('go away')", "m:app", "m:app cannot be loaded: m.py:2: SystemExit: go away"),
        ("import no_such_module", "m:app", "m:app cannot be loaded: m.py:1: ModuleNotFoundError: No module named"),
        ("app = 5", "m:app", "expected a sketch Application, or any of ASGI 3, got 5 from 'm:app': "),
        ("", "m:app", "module 'm' has no attribute 'app', of 'm:app'"),
        ("", "n:app", "there is no module 'n', of 'n:app'"),
        ("", "m", "expected an application like 'package.module:app', got 'm': did you mean"),
        ("", None, "expected an application: write `sketch run package.module:app`. Tried in "),
        (
            "def create(): return 1 / 0",
            "m:create()",
            "m:create() cannot be loaded: m.py:1: ZeroDivisionError: division",
        ),
        (
            "from sketch import Application, run_app\napp = Application()\nrun_app(app, port=0)",
            "m:app",
            "m:app cannot be loaded: m.py:3: RuntimeError: expected run_app to be called once",
        ),
        (
            "from sketch import Application as A\napp, b = A(), A()\nb.mount('/', app)\napp.mount('/b', b)",
            "m:app",
            "m:app cannot be loaded: m.py:4: ",
        ),
    ],
)
def test_an_application_that_cannot_be_served_is_a_finding(
    source: str, app: str | None, text: str, read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(source)
    names = found(read(app), "slow-loop")
    assert [*names] == ["application"]
    assert names["application"].text.startswith(text), names
    assert "\n" not in names["application"].text


def test_what_does_not_go_together_with_the_application(read: Read) -> None:
    told = found(read("doctored:foreign", debug=True))["application"]
    assert told.text.startswith("expected no debug for a foreign ASGI application: it has a switch of its own")
    told = found(read("__main__:app", workers=2))["application"]
    assert "m" in told.text


def test_a_server_of_another_package_that_cannot_be_loaded(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "server_names", lambda: {"mine": "no_such_package:Server"})
    told = found(read(server="mine"))["configuration"]
    assert told.text == "the server cannot be loaded: ModuleNotFoundError: No module named 'no_such_package'"
