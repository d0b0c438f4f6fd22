"""`sketch openapi`: what it prints, and how it compares."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sketch.cli import main

PROGRAM = """
from sketch import Application
from sketch.openapi import OpenAPI

app = Application("shop")

@app.get("/teas/{number}")
async def tea(number: int, grüße: str = "") -> list[str]: ...

OpenAPI(title="Shop", version="2").attach(app)

plain = Application("plain")
plain.add_get("/", tea_free := (lambda: None))

twice = Application("twice")
twice.add_get("/a", tea_free, operation_id="it")
twice.add_get("/b", tea_free, operation_id="it")
"""


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module in the working directory."""
    (tmp_path / "documented_program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("documented_program", None)


def printed(capsys: pytest.CaptureFixture[str], name: str = "app") -> str:
    assert main(["openapi", f"documented_program:{name}"]) == 0
    return capsys.readouterr().out


def test_the_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys)
    found = json.loads(text)
    assert found["info"] == {"title": "Shop", "version": "2"}
    assert (found["servers"], list(found["paths"])) == ([{"url": "/"}], ["/teas/{number}"])
    assert "grüße" in text


def test_an_application_that_serves_no_document(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "plain"))
    assert found["info"] == {"title": "plain", "version": "0"}
    assert list(found) == ["openapi", "info", "servers", "paths"]


def test_a_file_that_is_up_to_date(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(printed(capsys))
    assert main(["openapi", "documented_program:app", "--check", "openapi.json"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_a_file_that_differs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    document = json.loads(printed(capsys))
    document["paths"]["/teas/{number}"]["get"]["parameters"].append({"name": "q", "in": "query"})
    document["info"]["version"] = "1"
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    assert main(["openapi", "documented_program:app", "--check", "openapi.json"]) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "breaking: GET /teas/{number} query q: is gone",
        "compatible: the document: has another 'info'",
    ]
    assert shown.err == "openapi.json differs: 2 changes, 1 of them breaking\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["nowhere:app"], "there is no module 'nowhere'"),
        (["documented_program:twice"], "expected ids of operations that are unique, got 'it'"),
        (["documented_program:app", "--check", "missing.json"], "expected a file with a document, got 'missing.json'"),
        (["documented_program:app", "--check", "text.json"], "expected a document in JSON, got 'text.json'"),
        (["documented_program:app", "--check", "list.json"], "expected an OpenAPI document, got 'list.json'"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], error: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "text.json").write_text("text")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(SystemExit) as caught:
        main(["openapi", *arguments])
    assert caught.value.code == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.startswith(f"error: {error}")
