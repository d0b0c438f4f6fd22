"""The public names: one table at run time, one stub for type checkers, and both say the same."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest

import sketch

STUB = Path(sketch.__file__).with_suffix(".pyi")


def of_the_stub() -> dict[str, str]:
    """The names that type checkers see, and the modules they come from."""
    found: dict[str, str] = {}
    *imports, version = ast.parse(STUB.read_text()).body[1:]
    assert ast.unparse(version) == "__version__: str"
    for node in imports:
        assert isinstance(node, ast.ImportFrom)
        assert [alias.asname for alias in node.names] == [alias.name for alias in node.names], "`as` hands a name on"
        assert not found.keys() & {alias.name for alias in node.names}
        found |= {alias.name: node.module or "" for alias in node.names}
    return found


def test_the_stub_says_the_same_as_the_table() -> None:
    assert of_the_stub() == sketch._HOME


def test_every_name_is_named_once() -> None:
    names = [name for line in sketch._NAMES.values() for name in line.split()]
    assert len(names) == len(set(names)) > 80
    assert sorted(names) == sketch.__all__


@pytest.mark.parametrize("name", sketch.__all__)
def test_a_name_is_where_the_table_says(name: str) -> None:
    assert getattr(sketch, name) is getattr(import_module(sketch._HOME[name]), name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        sketch.nothing  # noqa: B018


def test_dir_shows_them_all_before_any_is_imported() -> None:
    code = "import sketch, sys; shown = dir(sketch); assert 'sketch.websocket' not in sys.modules; print(*shown)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert set(sketch.__all__) <= set(done.stdout.split())


def test_the_version_is_that_of_the_distribution_and_read_when_it_is_asked_for() -> None:
    code = "import sketch, sys; assert 'importlib.metadata' not in sys.modules; print(sketch.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, env=os.environ)
    assert done.stdout.strip() == sketch.__version__, done.stderr
    try:
        assert sketch.__version__ == metadata.version("sketch-web")
    except metadata.PackageNotFoundError:
        assert sketch.__version__ == "0+unknown"
