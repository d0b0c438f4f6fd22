"""Packages: what the project says that it needs, and what is installed of that."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from sketch.cli.doctor import packages
from sketch.cli.doctor.packages import (
    Package,
    Requirement,
    extra_packages,
    extras,
    find_package,
    install,
    read_requirement,
    required_packages,
    requirements,
)

PROJECT = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
METADATA = [
    "httptools>=0.9.0",
    "sketch-web[fast]; extra == 'all'",
    "orjson>=3.10.0; extra == 'fast'",
    "uvloop>=0.23.0; (sys_platform != 'win32') and extra == 'fast'",
    "old>=1; (python_version < '3.2') and extra == 'compression'",
]


def test_a_checkout_says_what_it_needs() -> None:
    assert [each.name for each in required_packages()] == ["httptools", "multidict", "yarl"]
    assert extras() == [name for name in PROJECT["optional-dependencies"] if name != "all"]
    assert extra_packages("uvicorn")[0].minimum in PROJECT["optional-dependencies"]["uvicorn"][0]


def test_every_requirement_of_the_project_is_understood() -> None:
    lines = [*PROJECT["dependencies"], *(each for given in PROJECT["optional-dependencies"].values() for each in given)]
    for line in lines:
        name, _, marker = line.partition(";")
        assert re.fullmatch(r"[\w.-]+(>=[\d.]+|\[[\w,]+\])", name.strip()), line
        assert re.sub(r"(python_version|sys_platform) (<|!=) '[\w.]+'| and ", "", marker).strip() == "", line


@pytest.fixture
def not_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder above the package, where there is no pyproject.toml."""
    monkeypatch.setattr(packages, "CHECKOUT", tmp_path)
    monkeypatch.setattr(packages, "requirements", requirements.__wrapped__)
    monkeypatch.setattr(packages, "requires", lambda _: METADATA)
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def test_an_installed_package_says_what_it_needs(not_a_checkout: Path) -> None:
    found = [Requirement("httptools", "0.9.0", None), Requirement("orjson", "3.10.0", "fast")]
    assert packages.requirements() == (*found, Requirement("uvloop", "0.23.0", "fast"))
    (not_a_checkout / "pyproject.toml").write_text("[project]\nname = 'another'")
    assert len(packages.requirements()) == 3


def test_what_was_never_installed_says_nothing(not_a_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(_: str) -> list[str]:
        raise PackageNotFoundError

    monkeypatch.setattr(packages, "requires", requires)
    assert packages.requirements() == ()


@pytest.mark.parametrize(("platform", "needed"), [("linux", True), ("win32", False)])
def test_a_system_needs_only_its_own(platform: str, needed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    found = read_requirement("uvloop>=0.23.0; sys_platform != 'win32'", "fast")
    assert found == (Requirement("uvloop", "0.23.0", "fast") if needed else None)


@pytest.mark.parametrize(
    ("version", "is_too_old"),
    [("2.0.0", False), ("1.9.9", True), ("2.0", True), ("10.0", False), ("2.0.1rc1", False), (None, False)],
)
def test_versions_are_compared_by_their_numbers(version: str | None, is_too_old: bool) -> None:
    assert Package("p", version, "2.0.0").is_too_old is is_too_old


def test_what_is_not_installed_has_no_version() -> None:
    assert find_package("no-such-package", "1.0") == Package("no-such-package", None, "1.0")
    assert install("fast") == "pip install 'sketch-web[fast]'"
