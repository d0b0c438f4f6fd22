"""Errors of an application's modules, in one line."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

from sketch.serving.failures import LONGEST, describe
from sketch.serving.options import ServeError


def test_the_place_is_that_of_the_users_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        Path("no such file").read_text()

    monkeypatch.chdir(Path(__file__).parent)
    with pytest.raises(FileNotFoundError) as caught:
        fail()
    place = f"test_failures.py:{fail.__code__.co_firstlineno + 1}: "
    assert describe(caught.value).startswith(f"{place}FileNotFoundError: [Errno 2] No such file")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def (", "broken.py:1: SyntaxError: invalid syntax"),
        ("x = (", "broken.py:1: SyntaxError: '(' was never closed"),
        ("\n  x = 1", "broken.py:2: IndentationError: unexpected indent"),
        ("import sys\nsys.exit('no')", "broken.py:2: SystemExit: no"),
        ("raise ValueError", "broken.py:1: ValueError"),
        ("raise ValueError('a\\nb\\nc')", "broken.py:1: ValueError: a ... c"),
        ("class E(Exception):\n def __str__(self): 1/0\nraise E", "broken.py:3: broken.E: <exception str() "),
        ("e = ValueError('x')\ne.add_note('more')\nraise e", "broken.py:3: ValueError: x"),
        ("import other", "other.py:1: ZeroDivisionError: division by zero"),
        ("import json; json.loads('x')", "broken.py:1: json.decoder.JSONDecodeError: Expecting value"),
    ],
)
def test_errors_of_an_import(text: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, content in (("broken", text), ("other", "1/0")):
        (tmp_path / f"{name}.py").write_text(content)
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(BaseException) as caught:
        import_module("broken")
    described = describe(caught.value)
    assert described.startswith(line)
    assert "\n" not in described


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (ServeError("there is no module 'x'", "app"), "there is no module 'x'"),
        (RuntimeError(), "RuntimeError"),
        (ValueError("x" * 1000), f"ValueError: {'x' * (LONGEST - 12)}..."),
    ],
)
def test_an_error_without_a_place(exc: Exception, text: str) -> None:
    assert describe(exc) == text
