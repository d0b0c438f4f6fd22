"""The packages that sketch needs and can use: what is installed of each extra, and how to install the rest."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

REQUIRED = (("httptools", "0.9.0"), ("multidict", "6.9.0"), ("yarl", "1.20.0"))
"""Packages without which nothing works, and their lowest versions: as in `pyproject.toml`, which a test holds."""

EXTRAS: dict[str, tuple[tuple[str, str], ...]] = {
    "uvicorn": (("uvicorn", "0.53.0"),),
    "hypercorn": (("hypercorn", "0.17.3"),),
    "granian": (("granian", "2.8.7"),),
    "websockets": (("websockets", "15.0"),),
    "forms": (("multipart", "2.0.0"),),
    "msgspec": (("msgspec", "0.22.0"),),
    "pydantic": (("pydantic", "2.11"),),
    "compression": (("brotli", "1.2.0"), ("backports.zstd", "1.0.0")),
    "fast": (("uvloop", "0.23.0"), ("orjson", "3.10.0")),
    "sessions": (("itsdangerous", "2.2.0"),),
    "templates": (("jinja2", "3.1.5"),),
    "ratelimit": (("limits", "5.0"),),
    "reload": (("watchfiles", "1.0.0"),),
    "certificates": (("trustme", "1.2.0"),),
    "metrics": (("prometheus-client", "0.21.0"),),
}
"""Packages of each extra, and their lowest versions: as in `pyproject.toml`, too."""

NOT_NEEDED = {"backports.zstd": sys.version_info >= (3, 14), "uvloop": sys.platform == "win32"}
"""Packages that an extra does not ask for on some systems, and whether this is one."""

_LEADING_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Package:
    """A package of an extra."""

    name: str
    version: str | None
    """The installed version, None without one."""
    minimum: str

    @property
    def is_too_old(self) -> bool:
        """Whether it is installed in a version that is too old."""
        return self.version is not None and _numbers(self.version) < _numbers(self.minimum)


def required_packages() -> list[Package]:
    """Return the packages that are always needed."""
    return [find_package(*each) for each in REQUIRED]


def extra_packages(extra: str) -> list[Package]:
    """Return the packages of an extra that this system needs."""
    return [find_package(name, minimum) for name, minimum in EXTRAS[extra] if not NOT_NEEDED.get(name)]


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
    return f"pip install 'sketch-web[{extra}]'"


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version: those of `2.0.0rc1` are 2, 0, 0."""
    found = _LEADING_NUMBERS.match(text)
    return tuple(map(int, found[0].split("."))) if found else ()
