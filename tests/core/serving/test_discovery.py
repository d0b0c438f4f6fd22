"""Finding the application of a directory, without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sketch.serving.discovery import Found, find_app, nothing_found, string_for
from sketch.serving.options import ServeError


@pytest.mark.parametrize(
    ("code", "string"),
    [
        ("app = make()", "main:app"),
        ("application = make()", "main:application"),
        ("def create_app(): ...", "main:create_app()"),
        ("async def create_app(): ...", "main:create_app()"),
        ("application = app = make()", "main:app"),
        ("create_app = app = 1", "main:app"),
        ("app: App = make()", "main:app"),
        ("first, (app, last) = make()", "main:app"),
        ("from shop import app", "main:app"),
        ("from shop import site as app", "main:app"),
        ("import shop.app as app", "main:app"),
        ("if debug:\n    pass\nelse:\n    app = make()", "main:app"),
        ("try:\n    pass\nexcept ImportError:\n    app = make()", "main:app"),
        ("with lock:\n    app = make()", "main:app"),
        ("raise SystemExit('it is not run')\napp = 1", "main:app"),
    ],
)
def test_what_main_defines(code: str, string: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(code)
    (tmp_path / "app.py").write_text("app = 1")
    assert find_app(tmp_path) == Found(string, "main.py")


@pytest.mark.parametrize(
    "code", ["", "app: App", "def f():\n    app = 1", "print(app)", "import shop.app", "app.x = 1"]
)
def test_what_defines_nothing(code: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(code)
    assert find_app(tmp_path) is None
    (tmp_path / "app.py").write_text("app = 1")
    assert find_app(tmp_path) == Found("app:app", "app.py")


def test_a_file_that_is_not_python(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("app = (\n")
    with pytest.raises(ServeError, match=r"cannot read .*main\.py: '\(' was never closed \(main\.py, line 1\)"):
        find_app(tmp_path)


@pytest.mark.parametrize(
    ("place", "string"),
    [
        ("api.py", "api:application"),
        ("api", "api:application"),
        ("./api.py", "api:application"),
        ("api.py:other", "api:other"),
        ("src/shop/api.py", "src.shop.api:create_app()"),
        ("src.shop.api", "src.shop.api:create_app()"),
        ("src/shop/api.py:", "src.shop.api:create_app()"),
        ("nowhere", "nowhere:app"),
        ("../api.py", None),
        ("/etc/api.py", None),
        ("my-app.py", None),
        ("::", None),
        ("", None),
        (".", None),
        ("/", None),
    ],
)
def test_the_import_string_for_a_file_or_a_module(
    place: str, string: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("api.py").write_text("application = 1")
    Path("src/shop").mkdir(parents=True)
    Path("src/shop/api.py").write_text("def create_app(): ...")
    assert string_for(place) == string
    if place.startswith("src/"):
        assert string_for(f"{tmp_path}/{place}") == string


def test_the_error_lists_what_was_tried(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    assert str(nothing_found(tmp_path)) == (
        f"expected an application: write `sketch run package.module:app`. Tried in {tmp_path}: app in [tool.sketch] of "
        "pyproject.toml, SKETCH_APP, main.py (there is none), app.py (it defines none of app, application, create_app)"
    )
