"""Directories of packages."""

from __future__ import annotations

import sys
import types
import zipfile
from pathlib import Path

import pytest

from sketch.application import Application
from sketch.files.packages import directory_of
from tests.core.files.directories import get
from tests.support.requests import in_loop


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with static files and a module in it, a namespace package in two places, and a module."""
    for name in ("packaged_shop/static", "packaged_shop/pages", "other/spread_shop/static", "more/spread_shop/pages"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "packaged_shop/__init__.py").write_text("raise AssertionError('imported')")
    (tmp_path / "packaged_shop/static/site.css").write_text("a{}")
    (tmp_path / "lone_shop.py").touch()
    for name in (".", "other", "more"):
        monkeypatch.syspath_prepend(tmp_path / name)
    return tmp_path


def test_packages(place: Path) -> None:
    assert directory_of("packaged_shop", "static") == place / "packaged_shop/static"
    assert directory_of("packaged_shop", Path("pages")) == place / "packaged_shop/pages"
    assert directory_of("spread_shop", "static") == place / "other/spread_shop/static"
    assert directory_of("spread_shop", "pages") == place / "more/spread_shop/pages"
    assert directory_of("lone_shop", "packaged_shop") == place / "packaged_shop"
    assert "packaged_shop" not in sys.modules


def test_the_main_program(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    with pytest.raises(ValueError, match="expected the name of a package that can be imported, got '__main__'"):
        directory_of("__main__", "static")
    main.__file__ = str(place / "packaged_shop" / "run.py")
    assert directory_of("__main__", "static") == place / "packaged_shop/static"


@pytest.mark.parametrize("package", ["none_shop", "none_shop.inner", "lone_shop.inner", "", ".x", "sys"])
def test_no_such_package(place: Path, package: str) -> None:
    with pytest.raises(ValueError, match="expected the name of a package that can be imported, got"):
        directory_of(package, "static")


def test_no_such_directory(place: Path) -> None:
    with pytest.raises(
        ValueError, match="expected a directory of the package 'packaged_shop', got 'none', which is not"
    ):
        directory_of("packaged_shop", "none")
    with pytest.raises(TypeError, match="expected the name of a package, got 5"):
        directory_of(5, "static")  # type: ignore[arg-type]


def test_an_archive(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(place / "shops.zip", "w") as archive:
        archive.writestr("zipped_shop/__init__.py", "")
        archive.writestr("zipped_shop/static/site.css", "a{}")
    monkeypatch.syspath_prepend(place / "shops.zip")
    with pytest.raises(
        ValueError, match=r"expected the package 'zipped_shop' as files, got it in an archive, .*: unpack it"
    ):
        directory_of("zipped_shop", "static")


@in_loop
async def test_static_files_of_a_package(place: Path) -> None:
    app = Application()
    app.add_static("/static", package="packaged_shop")
    app.add_static("/all", "", package="packaged_shop")
    assert (await get(app, "/static/site.css")).payload == b"a{}"
    assert (await get(app, "/all/static/site.css")).payload == b"a{}"
    with pytest.raises(TypeError, match="expected a directory, or a package that has one"):
        app.add_static("/none")
