"""Every module of the core has its test module."""

from __future__ import annotations

from pathlib import Path

import pytest

import sketch

TESTS = Path(__file__).parents[1] / "core"
SOURCE = Path(sketch.__file__).parent

# Modules whose behaviour is all in what uses them, and where that is tested.
ELSEWHERE = {
    "__init__": "tests/house/test_imports.py",
    "__main__": "tests/core/cli/test_cli.py",
}


def modules() -> list[str]:
    """Names of modules and packages directly under sketch/; a package counts as one module."""
    files = [path.stem for path in SOURCE.glob("*.py")]
    packages = [path.parent.name for path in SOURCE.glob("*/__init__.py")]
    return sorted({*files, *packages})


def test_the_tree_was_found() -> None:
    assert {"application", "request", "response", "transport"} <= set(modules())


@pytest.mark.parametrize("module", modules())
def test_module_has_its_tests(module: str) -> None:
    if module in ELSEWHERE:
        expected = TESTS.parents[1] / ELSEWHERE[module]
        assert expected.exists(), f"expected {expected}, where ELSEWHERE says that {module} is tested"
        assert not (TESTS / f"test_{module}.py").exists(), f"{module} has its tests: remove it from ELSEWHERE"
        return
    own = [TESTS / f"test_{module}.py", *(TESTS / module).glob("test_*.py")]
    assert any(path.exists() for path in own), f"expected tests/core/test_{module}.py"


def test_exceptions_are_needed() -> None:
    assert set(ELSEWHERE) <= set(modules())
