"""Where directories of templates are: relative paths start beside the module that names them, or in a package."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sketch.files.packages import directory_of

Directory = str | os.PathLike[str]


def find_directories(given: Iterable[Directory], package: str | None, caller: Mapping[str, Any]) -> list[str]:
    """Return the absolute paths of directories.

    Args:
        given: relative ones start in the package, else in the directory of the calling module: never in the working
            directory, which depends on how the server was started.
        package: the name of a package, or None.
        caller: the globals of the calling module.

    Raises:
        TypeError: for a path that is no text.
        ValueError: without a directory, for one that does not exist, and for a relative one in a module without a file.
    """
    directories = list(given)
    if not directories:
        raise ValueError("expected at least one directory of templates, as Templates('templates')")
    return [_find(directory, package, caller) for directory in directories]


def _find(directory: Directory, package: str | None, caller: Mapping[str, Any]) -> str:
    path = os.fspath(directory) if isinstance(directory, str | os.PathLike) else None
    if not isinstance(path, str):
        raise TypeError(f"expected the path of a directory of templates, got {directory!r:.200}")
    if package is not None:
        return str(directory_of(package, path))
    if not os.path.isabs(path):  # noqa: PTH117 - a text
        file = caller.get("__file__")
        if not isinstance(file, str):
            raise ValueError(
                f"expected an absolute path, or package='...' beside it, got {path!r:.200}: "
                "this module has no file that it could start from"
            )
        path = str(Path(file).absolute().parent / path)
    if not os.path.isdir(path):  # noqa: PTH112
        raise ValueError(f"expected an existing directory of templates, got {path!r:.200}")
    return path
