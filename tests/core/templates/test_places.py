"""Where directories of templates are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sketch.templates import Templates
from sketch.templates.places import find_directories


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    return tmp_path


def test_relative_paths_start_beside_the_calling_module(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory has one of that name, too."""
    elsewhere = folder / "elsewhere"
    (elsewhere / "templates").mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    module: dict[str, Any] = {"__file__": str(folder / "app.py"), "Templates": Templates}
    exec("made = Templates('templates')", module)
    assert module["made"].directories == (str(folder / "templates"),)
    assert repr(module["made"]) == f"<Templates {folder / 'templates'}>"


def test_an_absolute_path(folder: Path) -> None:
    for path in (folder / "templates", str(folder / "templates")):
        assert find_directories([path], None, {}) == [str(folder / "templates")]


def test_a_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "shop_of_templates" / "pages").mkdir(parents=True)
    (folder / "shop_of_templates" / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder)
    assert find_directories(["pages"], "shop_of_templates", {}) == [str(folder / "shop_of_templates" / "pages")]
    assert "shop_of_templates" not in sys.modules


@pytest.mark.parametrize(
    ("given", "caller", "error", "message"),
    [
        ([], {}, ValueError, "expected at least one directory of templates"),
        (["templates"], {}, ValueError, r"expected an absolute path, or package='...' beside it, got 'templates'"),
        (["none"], {"__file__": __file__}, ValueError, "expected an existing directory of templates, got '/.*/none'"),
        (["/nowhere"], {}, ValueError, "expected an existing directory of templates, got '/nowhere'"),
        ([b"/tmp"], {}, TypeError, "expected the path of a directory of templates, got b'/tmp'"),
        ([5], {}, TypeError, "expected the path of a directory of templates, got 5"),
    ],
)
def test_mistakes(given: list[Any], caller: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        find_directories(given, None, caller)
