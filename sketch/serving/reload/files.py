"""The files whose changes restart the application, and how they are told from each other."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from fnmatch import translate
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

from sketch.errors.debug.traces import in_library

CODE = "*.py"
"""The files that are always looked at."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
"""Folders that hold no code of the application. So do hidden ones and virtual environments."""

Stamp = tuple[int, int, int]
"""Time of the last change in nanoseconds, size, and number: a file that another one has replaced has a new number."""


class Look(NamedTuple):
    """What was found at one time."""

    files: dict[str, Stamp]
    folders: list[str]
    """The folders in which a file may appear, change or vanish."""


class Tree:
    """Folders with everything below them, and single files.

    Links to folders are not followed, folders that are hidden or hold no code of the application are left out, unless
    they are given.

    Args:
        roots: the folders; also files.
        patterns: of the files that matter, beside `CODE`: `*.html`, `templates/*.txt`. They are for the name of a file,
            or for its path below the root.
    """

    def __init__(self, roots: Iterable[str], patterns: Iterable[str] = ()) -> None:
        self.roots = list(dict.fromkeys(os.path.abspath(root) for root in roots))  # noqa: PTH100 - links stay
        self._matches = re.compile("|".join(translate(pattern) for pattern in (CODE, *patterns))).match
        self._added: dict[str, None] = {}

    def add(self, paths: Iterable[str]) -> dict[str, Stamp]:
        """Look at these files as well, wherever they are. Returns them as they are now.

        A folder counts as changed when an entry comes or goes.
        """
        found = Look({}, [])
        for path in paths:
            self._note(path, found)
            self._added[path] = None
        return found.files

    def look(self) -> Look:
        """Look at all files. What cannot be read is not there."""
        found = Look({}, [])
        for root in self.roots:
            if os.path.isdir(root):  # noqa: PTH112 - many calls
                self._walk(root, "", found)
            else:
                self._note(root, found)
        for path in list(self._added):
            self._note(path, found)
        return found

    def concerns(self, path: str) -> bool:
        """Whether what has happened at a path may matter."""
        return self._is_wanted(path) or path in self._added or path in self.roots or not os.path.isfile(path)  # noqa: PTH113

    def _walk(self, folder: str, below: str, found: Look) -> None:
        try:
            with os.scandir(folder) as entries:
                inside = list(entries)
        except OSError:
            return
        found.folders.append(folder)
        for entry in inside:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not _is_foreign(entry):
                        self._walk(entry.path, f"{below}{entry.name}/", found)
                elif self._matches(entry.name) or self._matches(below + entry.name):
                    found.files[entry.path] = _stamp(entry.stat())
            except OSError:  # it has vanished, or is a link to nowhere
                continue

    def _note(self, path: str, found: Look) -> None:
        if path not in found.files:
            try:
                found.files[path] = _stamp(os.stat(path))  # noqa: PTH116 - many calls
            except OSError:
                pass
            folder = os.path.dirname(path)  # noqa: PTH120
            if folder not in found.folders and os.path.isdir(folder):  # noqa: PTH112
                found.folders.append(folder)

    def _is_wanted(self, path: str) -> bool:
        inside = [path[len(root) + 1 :] for root in self.roots if path.startswith(f"{root}/")]
        return any(self._matches(below) for below in (os.path.basename(path), *inside))  # noqa: PTH119


def differences(before: Look, now: Look) -> list[str]:
    """Return the paths of the files that have come, gone or changed."""
    return sorted(path for path in before.files | now.files if before.files.get(path) != now.files.get(path))


def _stamp(found: os.stat_result) -> Stamp:
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    return found.st_mtime_ns, size, found.st_ino


def _is_foreign(entry: os.DirEntry[str]) -> bool:
    hidden = entry.name.startswith(".") or entry.name in _SKIPPED
    return hidden or os.path.exists(f"{entry.path}/pyvenv.cfg")  # noqa: PTH110 - many calls


# -- where the application is -----------------------------------------------------------------------------------------


def default_roots(app: str) -> list[str]:
    """Return what is looked at unless folders are given: the working directory, and where the application is.

    Args:
        app: its import string. It is looked for, not imported.
    """
    return [str(Path.cwd()), *_home_of(app)]


def _home_of(app: str) -> Iterator[str]:
    name = app.partition(":")[0].partition(".")[0]
    try:
        spec = PathFinder.find_spec(name, [path or str(Path.cwd()) for path in sys.path])
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    packages = list(spec.submodule_search_locations or ())
    for place in packages or ([spec.origin] if spec.has_location and spec.origin else []):
        # Beside it are modules that it imports, unless it is one of many in a library.
        yield place if in_library(place) else os.path.dirname(place)  # noqa: PTH120
