"""The packages that sketch needs and can use: what is installed of each extra, and how to install the rest.

What is needed stands in the metadata of the installed package, and in `pyproject.toml` of a checkout.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

NAME = "sketch-web"
CHECKOUT = Path(__file__).parents[3]
"""The folder of `pyproject.toml`, if this is a checkout."""

# PEP 508, as far as this project uses it.
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[.*?\])?(?:\s*>=\s*(?P<least>[\w.]+))?\s*(?:;(?P<marker>.*))?")
_CONDITION = re.compile(r"(\w+)\s*(<|!=|==)\s*[\"']([^\"']*)[\"']")
_LEADING_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is needed, always or by an extra."""

    name: str
    version: str | None
    """The installed version, None without one."""
    minimum: str

    @property
    def is_too_old(self) -> bool:
        """Whether it is installed in a version that is too old."""
        return self.version is not None and _numbers(self.version) < _numbers(self.minimum)


class Requirement(NamedTuple):
    """A package, and for which extra it is needed; None for all of sketch."""

    name: str
    minimum: str
    extra: str | None


def required_packages() -> list[Package]:
    """Return the packages that are always needed."""
    return [find_package(each.name, each.minimum) for each in requirements() if each.extra is None]


def extra_packages(extra: str) -> list[Package]:
    """Return the packages of an extra that this system needs."""
    return [find_package(each.name, each.minimum) for each in requirements() if each.extra == extra]


def extras() -> list[str]:
    """Return the names of the extras, but for `all`."""
    return list(dict.fromkeys(each.extra for each in requirements() if each.extra is not None))


@cache
def requirements() -> tuple[Requirement, ...]:
    """Return what this system needs: of the checkout, else of the installed package."""
    try:
        text = (CHECKOUT / "pyproject.toml").read_bytes().decode()
        lines = list(_of_project(text))
    except (OSError, ValueError):  # not a checkout
        lines = list(_of_metadata())
    return tuple(each for line, extra in lines if (each := read_requirement(line, extra)) is not None)


def _of_project(text: str) -> Iterator[tuple[str, str | None]]:
    import tomllib

    project = tomllib.loads(text).get("project", {})
    if project.get("name") != NAME:
        raise ValueError("the pyproject.toml of another project")
    yield from ((line, None) for line in project["dependencies"])
    yield from ((line, extra) for extra, given in project["optional-dependencies"].items() for line in given)


def _of_metadata() -> Iterator[tuple[str, str | None]]:
    try:
        found = requires(NAME) or []
    except PackageNotFoundError:
        return
    for line in found:
        named = dict.fromkeys(value for name, _, value in _CONDITION.findall(line) if name == "extra")
        yield line, next(iter(named), None)


def read_requirement(line: str, extra: str | None) -> Requirement | None:
    """Read a line of requirements: None for a package that this system does not need, and for an extra of extras."""
    found = _REQUIREMENT.fullmatch(line.strip())
    if found is None or found["name"] == NAME or not all(map(_holds, _CONDITION.finditer(found["marker"] or ""))):
        return None
    return Requirement(found["name"], found["least"] or "0", extra)


def _holds(condition: re.Match[str]) -> bool:
    name, compared, value = condition.groups()
    if name == "python_version":
        return compared != "<" or sys.version_info[:2] < _numbers(value)
    return name != "sys_platform" or (sys.platform == value) is (compared == "==")


def find_package(name: str, minimum: str) -> Package:
    """Return a package with its installed version."""
    return Package(name, installed_version(name), minimum)


def installed_version(name: str) -> str | None:
    """Return the installed version of a package, None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install '{NAME}[{extra}]'"


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version: those of `2.0.0rc1` are 2, 0, 0."""
    found = _LEADING_NUMBERS.match(text)
    return tuple(map(int, found[0].split("."))) if found else ()
