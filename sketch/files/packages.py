"""Directories of installed packages."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def directory_of(package: str, directory: str | os.PathLike[str]) -> Path:
    """Return a directory of a package, or the one beside a module.

    Args:
        package: the dotted name, as `__name__`. A package that was never imported is not imported now; those around
            it are.
        directory: the path below that of the package.

    Raises:
        TypeError: for a name that is no text.
        ValueError: for a package that cannot be found, one that is no directory of files (in a zip archive, say), and
            one without that directory.
    """
    if not isinstance(package, str):
        raise TypeError(f"expected the name of a package, got {package!r:.200}: pass `package=__name__`")
    places = _places(package)
    for place in places:
        if (found := place / directory).is_dir():
            return found
    where = " or ".join(map(str, places))
    if any(around.is_file() for place in places for around in place.parents):
        raise ValueError(f"expected the package {package!r} as files, got it in an archive, {where}: unpack it")
    asked = os.fspath(directory)
    raise ValueError(f"expected a directory of the package {package!r}, got {asked!r:.200}, which is not in {where}")


def _places(package: str) -> list[Path]:
    """The directories of a package: several for a namespace package, the one beside it for a module."""
    module = sys.modules.get(package)
    if package == "__main__" and module is not None:
        file = getattr(module, "__file__", None)
        locations = None if file is None else [os.path.dirname(file)]  # noqa: PTH120 - may be in an archive
    else:
        locations = _locations(package)
    if not locations:
        raise ValueError(f"expected the name of a package that can be imported, got {package!r:.200}")
    return [Path(location).absolute() for location in locations]


def _locations(package: str) -> list[str] | None:
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # the package around it is missing, or no package
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations is not None:
        return list(spec.submodule_search_locations)
    return [os.path.dirname(spec.origin)] if spec.origin and spec.has_location else None  # noqa: PTH120
