"""Logging of a program that serves: each line once, however and whenever the program sets up its own."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sketch.observability import logs
from sketch.observability.logs import FallbackHandler, show, tell

SETUPS = {
    "basicConfig": "logging.basicConfig(level=logging.INFO, format='%(name)s| %(message)s')",
    "JSON on the root": """
class JSON(logging.Formatter):
    def format(self, record):
        return json.dumps([record.name, record.getMessage()]).replace('["', "").replace('", "', "| ").replace('"]', "")
handler = logging.StreamHandler()
handler.setFormatter(JSON())
logging.getLogger().addHandler(handler)
logging.getLogger().setLevel("INFO")
""",
    "intercept on the root": """
class Intercept(logging.Handler):
    def emit(self, record):
        print(f"{record.name}| {record.getMessage()}", file=sys.stderr)
logging.basicConfig(handlers=[Intercept()], level=0, force=True)
""",
    "a handler of our logger": """
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter("%(name)s| %(message)s"))
logging.getLogger("sketch").addHandler(handler)
""",
}

DISABLES_OTHERS = """
import logging.config
logging.config.dictConfig({
    "version": 1,
    "formatters": {"short": {"format": "%(name)s| %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "short"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
})
"""

PROGRAM = """
import json, logging, os, signal, sys, threading, urllib.request
from sketch import Application, Response

app = Application()

def setup():
    {setup}

@app.get("/")
async def root(request):
    os.kill(os.getpid(), signal.SIGTERM)
    return Response("ok")

@app.on_startup
async def start():
    {at_startup}
    logging.getLogger("sketch").warning("started")

@app.on_cleanup
async def clean_up():
    logging.getLogger("sketch").warning("cleaned up")

{at_import}
logging.getLogger("sketch").warning("imported")
"""

MAIN = """
import re, sys, threading, urllib.request
from sketch.serving import run

def ask(line, tell=run.tell):
    tell(line)
    port = re.search(r":(\\d+) ", line)[1]
    threading.Thread(target=lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()).start()

run.tell = ask
run.run_app("program:app", port=0, server=sys.argv[1])
"""


def lines(tmp_path: Path, server: str, setup: str, when: str) -> list[str]:
    """What a program prints that is asked once, and then stopped."""
    body = setup.strip().replace("\n", "\n    ")
    code = PROGRAM.format(
        setup=body,
        at_startup="setup()" if when == "startup" else "pass",
        at_import="setup()" if when == "import" else "",
    )
    (tmp_path / "program.py").write_text(code)
    (tmp_path / "main.py").write_text(MAIN)
    ended = subprocess.run(
        [sys.executable, "main.py", server], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == ""
    return ended.stderr.splitlines()


SERVERS = [
    *(("native", name) for name in SETUPS),
    *((server, "basicConfig") for server in ("uvicorn", "hypercorn", "granian")),
]
EXPECTED = ["imported", "started", "Started server on", " 200 2 ", "stopping: ", "cleaned up", "stopped after "]


def check_once(found: list[str]) -> None:
    for part in EXPECTED:
        assert len([line for line in found if part in line]) == 1, (part, found)
    assert len(found) == len(EXPECTED), found


@pytest.mark.parametrize(("server", "name"), SERVERS)
def test_each_line_once_with_logging_set_up_by_the_module(tmp_path: Path, server: str, name: str) -> None:
    """All of it goes through the program's logging: nothing is printed beside it."""
    found = lines(tmp_path, server, SETUPS[name], "import")
    check_once(found)
    assert all(line.startswith("sketch") and "| " in line for line in found), found


@pytest.mark.parametrize(("server", "name"), SERVERS)
def test_each_line_once_with_logging_set_up_at_the_start(tmp_path: Path, server: str, name: str) -> None:
    found = lines(tmp_path, server, SETUPS[name], "startup")
    check_once(found)
    assert all(line.startswith("sketch") and "| " in line for line in found[1:]), found


@pytest.mark.parametrize("when", ["import", "startup"])
@pytest.mark.parametrize("server", ["native", "uvicorn", "hypercorn", "granian"])
def test_a_configuration_that_disables_other_loggers(tmp_path: Path, server: str, when: str) -> None:
    """What is logged between it and the next step of the start is lost, and nothing after that."""
    found = lines(tmp_path, server, DISABLES_OTHERS, when)
    loggers = [line.partition("| ")[0] for line in found[-5:]]
    assert sorted(loggers) == ["sketch", "sketch", "sketch.access", "sketch.server", "sketch.server"], found
    assert all(any(part in line for line in found[-5:]) for part in EXPECTED[2:]), found


def test_each_line_once_without_logging(tmp_path: Path) -> None:
    check_once(lines(tmp_path, "native", "pass", "never"))


# -- in this process --------------------------------------------------------------------------------------------------


@contextmanager
def alone() -> Iterator[logging.Logger]:
    """The logger `sketch` without pytest's handlers. Not a fixture: pytest adds them to each phase of a test anew."""
    logger = logs.logger
    before = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate, logger.level = [], False, logging.INFO
    logger.manager._clear_cache()  # type: ignore[attr-defined]
    try:
        yield logger
    finally:
        logger.handlers, logger.propagate, logger.level = before
        logger.manager._clear_cache()  # type: ignore[attr-defined]


def test_one_fallback_is_enough() -> None:
    with alone() as logger:
        show()
        show()
        assert [type(handler) for handler in logger.handlers] == [FallbackHandler]


def test_a_handler_of_a_logger_below_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    with alone() as logger:
        show()
        _log_beside_an_access_handler(logger)
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().err.splitlines()] == ["ours", "ours again"]


def _log_beside_an_access_handler(logger: logging.Logger) -> None:
    access = logging.getLogger("sketch.access")
    handler = logging.NullHandler()
    access.addHandler(handler)
    try:
        access.warning("theirs")
        logger.warning("ours")
    finally:
        access.removeHandler(handler)
    access.warning("ours again")


def test_a_logger_that_the_program_disables_stays_so() -> None:
    with alone():
        access = logging.getLogger("sketch.access")
        access.disabled = True
        try:
            show()
            assert access.disabled
        finally:
            access.disabled = False


def test_what_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    records: list[str] = []

    class Theirs(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    with alone() as logger:
        show()
        tell("as it is")
        logger.addHandler(Theirs())
        tell("once")
    assert capsys.readouterr().err == "as it is\n"
    assert records == ["once"]


# -- its formats ------------------------------------------------------------------------------------------------------


SHOWN = """
import asyncio, logging, os, sys
from sketch.observability import logs
from sketch.observability.access_log import chosen_access_log
from sketch.transport import Outcome
from tests.support.requests import make_request

logs.logger.setLevel("INFO")
logs.show(*sys.argv[1:])
logs.tell("Started server")
write = chosen_access_log()
write(make_request("/one"), Outcome(200, 3, 1.0, 1.25, 1.5))
logs.logger.warning("a warning")
logging.getLogger("sketch.access").setLevel("WARNING")
asyncio.run(asyncio.sleep(0.01))  # for longer than it may go unnoticed
write(make_request("/unseen"), Outcome(200, 3, 1.0, 1.25, 1.6))
logs.tell_error("the end")
"""


def shown(*arguments: str, **options: Any) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SHOWN, *arguments], capture_output=True, text=True, timeout=30, check=True, **options
    )
    return done.stderr.splitlines()


def test_text_in_the_order_of_its_parts() -> None:
    lines = [re.sub(r"^[\d ,:-]{23} ", "", line) for line in shown("text", "{status} {target}")]
    assert lines == [
        "Started server", "INFO sketch.access: 200 /one", "WARNING sketch: a warning", "error: the end",
    ]  # fmt: skip


def test_every_line_is_json() -> None:
    lines = [json.loads(line) for line in shown("json")]
    assert [(line["level"], line["logger"], line.get("message")) for line in lines] == [
        ("INFO", "sketch", "Started server"), ("INFO", "sketch.access", None), ("WARNING", "sketch", "a warning"),
        ("ERROR", "sketch", "the end"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "coloured", "columns"),
    [({}, True, True), ({"NO_COLOR": "1"}, False, True), ({"TERM": "dumb"}, False, False)],
)
def test_a_terminal(variables: dict[str, str], coloured: bool, columns: bool) -> None:
    master, terminal = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    try:
        subprocess.run(
            [sys.executable, "-c", SHOWN, "auto"], stderr=terminal, timeout=30, check=True,
            env={**inherited, "TERM": "xterm", **variables},
        )  # fmt: skip
        text = os.read(master, 65536).decode()
    finally:
        os.close(master)
        os.close(terminal)
    assert ("\x1b[32m200" in text) == coloured
    assert ("\x1b" in text) == coloured
    assert ("200 GET       0.500000        3 127.0.0.1:50000       /one" in text) == columns


def test_a_configuration_of_the_program_takes_nothing_away() -> None:
    """dictConfig closes all handlers, and removes those of the loggers that it names."""
    with alone() as logger:
        show("json", None)
        shown_by = logger.handlers[0]
        shown_by.close()
        logger.removeHandler(shown_by)
        show()
        (again,) = logger.handlers
        assert isinstance(again, FallbackHandler)
        assert again.as_json
        show("auto", None)
        assert not again.as_json
