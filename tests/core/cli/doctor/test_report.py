"""The report: a page, and JSON whose keys stay."""

from __future__ import annotations

import json

import pytest

from sketch import Application, Response
from sketch.cli.doctor.case import Case
from sketch.cli.doctor.checks import examine
from sketch.cli.doctor.finding import Fault, Finding, Severity
from sketch.cli.doctor.report import Report, to_json, to_text
from sketch.cli.doctor.system import Platform, System
from tests.core.cli.doctor.support import case

SYSTEM = System(cpus=4, hard_files=30_000, platform=Platform(name="ECS", patience=30, setting="stopTimeout"))


def shop() -> Application:
    app = Application("shop", debug=True)
    app.add_get("/", lambda: Response("tea"))
    return app


def report(*, every_option: bool = False) -> Report:
    judged = case(app=shop(), system=SYSTEM, host="0.0.0.0", workers=3)
    judged.config.add({"app": "shop:app"}, "main.py")
    return Report(judged, examine(judged, frozenset({"memory-of-one"})), every_option)


@pytest.mark.parametrize(
    ("severities", "code"),
    [
        ([], 0),
        ([Severity.ADVICE], 0),
        ([Severity.ADVICE, Severity.WARNING], 1),
        ([Severity.WARNING, Severity.ERROR], 2),
    ],
)
def test_the_exit_code_is_the_worst(severities: list[Severity], code: int) -> None:
    assert Report(case(), [Finding("x", each, "", "") for each in severities]).exit_code == code


def test_a_page_ends_with_what_was_found() -> None:
    text = to_text(report())
    assert "  shop:app, a sketch application of 1 route\n" in text
    assert "  native on 0.0.0.0:8080, HTTP; a parent and 3 workers, loop " in text
    assert "  4 CPUs that may be used; in ECS\n" in text
    assert "and up to 30000 by itself; 10000 connections need 10100, 30300 in 3 workers\n" in text
    assert "  * native " in text
    findings = text.split("\n\nFindings\n")[1]
    assert findings.startswith("  error:   debug is on, and other machines may reach 0.0.0.0:8080: ")
    assert "-> leave debug off here (--no-debug); the log has the traceback" in findings
    assert max(map(len, text.splitlines())) <= 120


def test_options_are_a_table_of_those_that_are_given() -> None:
    options = to_text(report()).split("\n\nOptions\n")[1].split("\n\n")[0].splitlines()
    assert [line.split() for line in options] == [
        ["option", "value", "source", "native", "uvicorn", "hypercorn", "granian"],
        ["host", '"0.0.0.0"', "the", "command", "line", "yes", "yes", "yes", "yes"],
        ["workers", "3", "the", "command", "line", "yes", "yes", "yes", "yes"],
    ]
    assert "proxy_protocol" in to_text(report(every_option=True))
    assert "\nOptions\n" not in to_text(Report(case(), []))


def test_nothing_found_is_said() -> None:
    assert to_text(Report(case(), [])).endswith("\n\nFindings\n  none")


def test_json_has_the_documented_keys() -> None:
    made = json.loads(json.dumps(to_json(report())))
    assert made["format"] == 1
    assert made["exit_code"] == 2
    assert made["findings"][0] == {
        "name": "debug-in-public",
        "severity": "error",
        "text": made["findings"][0]["text"],
        "advice": made["findings"][0]["advice"],
        "options": ["debug"],
    }
    assert made["application"] == {"import": "shop:app", "kind": "sketch", "routes": 1}
    assert made["server"]["places"] == ["0.0.0.0:8080"]
    assert made["server"]["processes"] == 3
    assert made["system"]["needed_files"] == 10_100
    assert made["system"]["platform"] == "ECS"
    assert [each["name"] for each in made["options"]] == ["host", "workers"]
    assert {each["name"] for each in made["servers"]} >= {"native", "uvicorn", "hypercorn", "granian"}
    assert made["packages"]["extras"]["fast"]["packages"][0]["minimum"] == "0.23.0"
    assert set(made) == {
        *("format", "exit_code", "findings", "application", "server", "options", "servers", "python", "packages"),
        "system",
    }


def test_an_application_that_is_not_there() -> None:
    assert "\nApplication\n  none, not loaded\n  native on 127.0.0.1:8080, HTTP; one" in to_text(Report(case(), []))
    assert to_json(Report(case(), []))["application"] == {"import": None, "kind": None, "routes": None}


def test_of_a_wrong_configuration_nothing_is_said_to_run() -> None:
    wrong = Case(faults=[Fault("wrong", "correct it")])
    assert "\n  nothing would run: the configuration cannot be used\n" in to_text(Report(wrong, []))
    assert to_json(Report(wrong, []))["server"] is None


def test_a_server_of_one_address_is_marked() -> None:
    text = to_text(Report(case(bind=("127.0.0.1:80",)), []))
    assert text.split("\n\nOptions\n")[1].split()[-6:-2] == ["yes", "yes", "yes", "one"]
