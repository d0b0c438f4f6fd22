"""How records look."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from sketch.context_vars import request_var
from sketch.observability.access_fields import FIELDS
from sketch.observability.access_format import AccessFormat
from sketch.observability.formatters import JSONFormatter, TerminalFormatter, TextFormatter
from tests.support.requests import make_request

FORGED = "evil\n2026-12-01 10:00:00,000 INFO sketch.access: forged\r\x1b[31m\x85\u2028\ud800"


def record(message: str = "hello %s", *args: Any, level: int = logging.WARNING, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("sketch.server", level, "", 0, message, args or ("x",) if "%s" in message else (), None)
    made.__dict__.update(extra)
    return made


def failed(text: str) -> logging.LogRecord:
    made = record("it failed")
    try:
        raise ValueError(text)
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def access(**facts: Any) -> logging.LogRecord:
    made = logging.LogRecord("sketch.access", logging.INFO, "", 0, "line", (), None)
    every: dict[str, Any] = {**dict.fromkeys(FIELDS), "duration": 0.5, "status": 200, "bytes": 3, "method": "GET"}
    made.__dict__.update(every | facts)
    return made


def test_text() -> None:
    assert TextFormatter().format(record()).endswith(" WARNING sketch.server: hello x")


@pytest.mark.parametrize("made", [record("%s", FORGED), failed(FORGED)])
def test_no_text_looks_like_another_record(made: logging.LogRecord) -> None:
    first, *rest = TextFormatter().format(made).split("\n")
    assert "WARNING sketch.server: " in first
    assert rest
    assert all(line.startswith("  ") for line in rest)
    assert all(line.isprintable() for line in (first, *rest))


def test_json() -> None:
    found = json.loads(JSONFormatter().format(record(order=7, of={"a": [1, None]})))
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "WARNING",
        "logger": "sketch.server",
        "message": "hello x",
        "order": 7,
        "of": {"a": [1, None]},
    }


@pytest.mark.parametrize("made", [record("%s", FORGED), failed(FORGED), record(given=FORGED)])
def test_json_is_one_line_of_ascii(made: logging.LogRecord) -> None:
    line = JSONFormatter().format(made)
    assert line.isascii()
    assert line.isprintable()
    assert "evil\n2026" in "".join(str(value) for value in json.loads(line).values())
    json.loads(line).__repr__().encode()


def test_an_exception_is_one_field() -> None:
    found = json.loads(JSONFormatter().format(failed("no")))
    assert found["message"] == "it failed"
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("\nValueError: no")
    made = record()
    made.exc_text, made.stack_info = "known", "Stack"
    found = json.loads(JSONFormatter().format(made))
    assert (found["exception"], found["stack"]) == ("known", "Stack")


class Broken:
    def __repr__(self) -> str:
        return "<" + "b" * 500


def test_what_json_cannot_hold_is_shown_all_the_same() -> None:
    circle: list[Any] = []
    circle.append(circle)
    for value, shown in ((Broken(), "<bbb"), (float("nan"), "nan"), (circle, "[[...]]"), ({1, 2}, "{1, 2}")):
        found = json.loads(JSONFormatter().format(record(value=value)))
        assert found["value"].startswith(shown)
        assert len(found["value"]) <= 200
        assert found["message"] == "hello x"
    assert json.loads(JSONFormatter().format(record(value={("a", 1): 2, "b": 3})))["value"] == {"b": 3}


def test_a_record_has_the_id_of_its_request() -> None:
    request = make_request()
    token = request_var.set(request)
    try:
        assert "request_id" not in json.loads(JSONFormatter().format(record()))
        request.id = 'a"b'
        assert json.loads(JSONFormatter().format(record()))["request_id"] == 'a\\"b'
    finally:
        request_var.reset(token)


# -- in a terminal ----------------------------------------------------------------------------------------------------


def test_columns_in_a_terminal() -> None:
    made = TerminalFormatter(colours=False)
    lines = [made.format(access(client=client, target="/x")) for client in ("1.2.3.4:5", "203.0.113.255:65535")]
    assert len({line.index("/x") for line in lines}) == 1
    assert lines[0].endswith(" INFO    200 GET       0.500000        3 1.2.3.4:5             /x")
    assert made.format(record())[13:] == "WARNING sketch.server: hello x"


@pytest.mark.parametrize(("status", "colour"), [(200, 32), (304, 36), (404, 33), (500, 31), (None, 31)])
def test_colours(status: int | None, colour: int) -> None:
    line = TerminalFormatter(AccessFormat("{status}")).format(access(status=status))
    assert f"\x1b[{colour}m{status or '-'}" in line
    assert line.endswith("\x1b[0m")


def test_a_traceback_in_a_terminal_cannot_control_it() -> None:
    text = TerminalFormatter(colours=False).format(failed(FORGED))
    assert "\x1b" not in text
    assert all(line.startswith("  ") for line in text.split("\n")[1:])
