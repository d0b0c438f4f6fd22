"""Where the packages come from: an installed wheel must not be shadowed by a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import sketch
import sketch_asgi
import sketch_gateway
import sketch_native
import sketch_rsgi

PACKAGES = (sketch, sketch_native, sketch_asgi, sketch_rsgi, sketch_gateway)
INSTALLED = os.environ.get("SKETCH_INSTALLED")


@pytest.mark.smoke
@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_package_is_typed(package: object) -> None:
    assert (Path(package.__file__).parent / "py.typed").exists()  # type: ignore[attr-defined]


@pytest.mark.smoke
def test_type_checkers_find_the_public_names() -> None:
    assert (Path(sketch.__file__).parent / "__init__.pyi").exists()


@pytest.mark.smoke
@pytest.mark.skipif(INSTALLED is None, reason="only with an installed wheel: nox -s wheel")
@pytest.mark.parametrize("name", [package.__name__ for package in PACKAGES])
def test_package_comes_from_the_wheel(name: str) -> None:
    found = [sys.modules[name].__file__ or ""]
    code = f"import {name}; print({name}.__file__)"
    found.append(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    )
    assert [path for path in found if not Path(path).is_relative_to(INSTALLED or "")] == []


@pytest.mark.smoke
def test_metadata() -> None:
    entries = metadata.entry_points(group="sketch.servers")
    assert {entry.name for entry in entries} >= {"native", "uvicorn", "hypercorn", "granian"}
    for entry in entries:
        assert isinstance(entry.load().options, frozenset), entry.name
    (script,) = (one for one in metadata.entry_points(group="console_scripts") if one.name == "sketch")
    assert callable(script.load())


@pytest.mark.smoke
def test_the_demo_has_its_page() -> None:
    from sketch.demo.page import static_file

    assert "<!doctype html>" in static_file("page.html")
    assert static_file("demo.css")
    assert static_file("demo.js")
