"""Which files are looked at, and which of their changes are seen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sketch.serving.reload.files import Tree, default_roots, differences


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def seen(tree: Tree, root: Path) -> list[str]:
    """The files of a look, below the root."""
    return sorted(os.path.relpath(path, root) for path in tree.look().files)


def test_code_is_looked_at_and_what_holds_none_is_not(tmp_path: Path) -> None:
    for name in ("main.py", "pkg/a.py", "pkg/deep/b.py", "page.html", ".git/hook.py", "node_modules/x.py", "env/x.py"):
        put(tmp_path / name)
    put(tmp_path / "env" / "pyvenv.cfg")
    put(tmp_path / "pkg" / "__pycache__" / "a.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere.py").symlink_to(tmp_path / "gone")
    look = Tree([str(tmp_path)]).look()
    assert sorted(os.path.relpath(path, tmp_path) for path in look.files) == ["main.py", "pkg/a.py", "pkg/deep/b.py"]
    assert sorted(os.path.relpath(path, tmp_path) for path in look.folders) == [".", "pkg", "pkg/deep"]
    assert seen(Tree([str(tmp_path / ".git")]), tmp_path) == [".git/hook.py"], "what is given is not left out"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.html", ["a.html", "t/b.html", "t/u/c.html"]),
        ("t/*", ["t/b.html", "t/u/c.html", "t/x.txt"]),
        ("x.txt", ["t/x.txt"]),
        ("*.css", []),
    ],
)
def test_patterns_are_for_names_and_for_paths(pattern: str, found: list[str], tmp_path: Path) -> None:
    for name in ("a.html", "t/b.html", "t/u/c.html", "t/x.txt"):
        put(tmp_path / name)
    tree = Tree([str(tmp_path)], [pattern])
    assert seen(tree, tmp_path) == found
    assert [tree.concerns(str(tmp_path / name)) for name in ("a.html", "t/x.txt")] == [
        name in found for name in ("a.html", "t/x.txt")
    ]


def test_every_kind_of_change_is_a_difference(tmp_path: Path) -> None:
    tree = Tree([str(tmp_path)])
    for name in ("same", "written", "replaced", "deleted", "touched"):
        put(tmp_path / f"{name}.py", "x = 1")
    before = tree.look()
    assert differences(before, tree.look()) == []
    stamp = (tmp_path / "replaced.py").stat().st_mtime_ns
    put(tmp_path / "written.py", "x = 10")
    put(tmp_path / "new" / "module.py")
    other = put(tmp_path / "replaced.tmp", "x = 2")
    os.utime(other, ns=(stamp, stamp))
    other.replace(tmp_path / "replaced.py")  # of the same size, with the same time
    (tmp_path / "deleted.py").unlink()
    os.utime(tmp_path / "touched.py", ns=(0, 0))
    changed = [os.path.relpath(path, tmp_path) for path in differences(before, tree.look())]
    assert changed == ["deleted.py", "new/module.py", "replaced.py", "touched.py", "written.py"]


def test_what_is_gone_or_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    tree = Tree([str(tmp_path / "gone"), str(tmp_path / "file.txt")])
    look = tree.look()
    assert (look.files, look.folders) == ({}, [str(tmp_path)]), "where they may appear"
    put(tmp_path / "gone" / "a.py")
    put(tmp_path / "file.txt")
    assert seen(tree, tmp_path) == ["file.txt", "gone/a.py"], "a file that is given needs no pattern"


def test_files_that_are_added(tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere" / "module.py", "x = 1")
    folder = tmp_path / "library"
    folder.mkdir()
    tree = Tree([str(tmp_path / "project")])
    before = tree.look()
    added = tree.add([str(outside), str(folder), str(tmp_path / "gone.py")])
    assert sorted(added) == [str(outside), str(folder)]
    assert tree.look().files == added
    assert tree.concerns(str(outside))
    put(folder / "package.txt")
    put(tmp_path / "gone.py")
    after = tree.look()
    assert differences(before, after) == sorted(map(str, (outside, folder, tmp_path / "gone.py")))
    assert after.files[str(folder)] != added[str(folder)], "an entry has come"


def test_without_folders_it_is_the_working_directory_and_where_the_application_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = put(tmp_path / "src" / "pkg" / "__init__.py", "raise AssertionError('it is imported')").parents[1]
    put(tmp_path / "src" / "single.py", "raise AssertionError('it is imported')")
    monkeypatch.setattr(sys, "path", ["", str(source), *sys.path])
    assert default_roots("pkg.web:app") == [str(tmp_path), str(source)]
    assert default_roots("single:create_app()") == [str(tmp_path), str(source)]
    assert default_roots("no_such_module:app") == [str(tmp_path)]
    assert default_roots("yarl:app")[1].endswith("/site-packages/yarl"), "not its neighbours"
