"""Errors of an application's modules, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sketch.serving.failures import describe


def test_the_place_is_that_of_the_users_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        Path("no such file").read_text()

    monkeypatch.chdir(Path(__file__).parent)
    with pytest.raises(FileNotFoundError) as caught:
        fail()
    place = f"test_failures.py:{fail.__code__.co_firstlineno + 1}: "
    assert describe(caught.value).startswith(f"{place}FileNotFoundError: [Errno 2] No such file")


def test_an_error_of_the_syntax_has_the_place_that_it_names(tmp_path: Path) -> None:
    with pytest.raises(SyntaxError) as caught:
        compile("x = (", str(tmp_path / "shop.py"), "exec")
    assert describe(caught.value) == f"{tmp_path}/shop.py:1: SyntaxError: '(' was never closed"


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (ValueError("no database\nat all"), "ValueError: no database"),
        (RuntimeError(), "RuntimeError"),
        (ValueError("x" * 1000), f"ValueError: {'x' * 300}"),
    ],
)
def test_an_error_is_one_line(exc: Exception, text: str) -> None:
    assert describe(exc) == text
