"""Packages: the tables are those of the project, and versions are compared by their numbers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from sketch.cli.doctor import packages
from sketch.cli.doctor.packages import EXTRAS, REQUIRED, Package, extra_packages, find_package, install

PROJECT = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
_REQUIREMENT = re.compile(r"([\w.-]+)>=([\w.]+)")


def pairs(requirements: list[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(_REQUIREMENT.match(each).groups() for each in requirements)  # type: ignore[union-attr]


def test_the_tables_are_those_of_the_project() -> None:
    assert pairs(PROJECT["dependencies"]) == REQUIRED
    extras = {name: pairs(each) for name, each in PROJECT["optional-dependencies"].items() if name != "all"}
    assert extras == EXTRAS


@pytest.mark.parametrize(
    ("version", "is_too_old"),
    [("2.0.0", False), ("1.9.9", True), ("2.0", True), ("10.0", False), ("2.0.1rc1", False), (None, False)],
)
def test_versions_are_compared_by_their_numbers(version: str | None, is_too_old: bool) -> None:
    assert Package("p", version, "2.0.0").is_too_old is is_too_old


def test_what_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_package("no-such-package", "1.0") == Package("no-such-package", None, "1.0")
    monkeypatch.setitem(packages.NOT_NEEDED, "uvloop", True)
    assert [each.name for each in extra_packages("fast")] == ["orjson"]
    assert install("fast") == "pip install 'sketch-web[fast]'"
