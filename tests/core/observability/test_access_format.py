"""The format of the access log's line."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from sketch.observability.access_fields import FIELDS, facts_of
from sketch.observability.access_format import DEFAULT, AccessFormat
from sketch.transport import Outcome
from tests.support.requests import make_request

OUTCOME = Outcome(200, 12, 1.0, 1.5, 3.25)


def test_every_field_has_its_place() -> None:
    line = AccessFormat(" ".join(f"{name}={{{name}}}" for name in FIELDS)).line(make_request("/x"), OUTCOME)
    assert line.split() == [
        "client=127.0.0.1:50000", "method=GET", "target=/x", "route=-", "status=200", "bytes=12", "duration=2.250000",
        "first_byte=0.500000", "request_id=-", "traceparent=-", "trace_id=-", "user_agent=-", "referer=-", "worker=-",
        "disconnected=false", "cancelled=false",
    ]  # fmt: skip


@pytest.mark.parametrize("text", [DEFAULT, "{status}", "100% {{of}} {bytes}!", "", "{method}{method}"])
def test_a_message_is_the_line(text: str) -> None:
    """As a record has it: a template, and arguments by name."""
    made, request = AccessFormat(text), make_request("/100%25")
    arguments = made.arguments(facts_of(request, OUTCOME))
    record = logging.LogRecord("", 0, "", 0, made.template, arguments, None)
    assert record.getMessage() == made.line(request, OUTCOME)


def test_braces_are_doubled() -> None:
    assert AccessFormat("{{{status}}}").line(make_request(), OUTCOME) == "{200}"


def test_columns() -> None:
    made = AccessFormat("{status} {bytes} {client}|")
    facts: Any = {**facts_of(make_request(), OUTCOME), "status": None}
    assert made.render(facts) == "-         12 127.0.0.1:50000      |"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{nope}", f"expected access_log_format with fields of {', '.join(FIELDS)}, got 'nope'"),
        ("{}", "got ''"),
        ("{status:>5}", "got 'status:>5'"),
        ("{status!r}", "got 'status!r'"),
        ("{request.app}", "got 'request.app'"),
        (
            "{status",
            "expected access_log_format with the names of fields in braces, got '{status': expected '}'",
        ),
        ("a\nb", "expected access_log_format as one line"),
    ],
)
def test_what_is_no_format(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        AccessFormat(text)
