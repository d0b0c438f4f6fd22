"""What a worker tells of an application that cannot be started. With processes: see `test_reloading`."""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib import import_module
from pathlib import Path
from traceback import walk_tb

import pytest

from sketch.serving.reload.worker import files_of, loaded_files, shorten


def fault_of(folder: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> BaseException:
    """The exception of importing the module `broken`, and its traceback as a page shows it."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(BaseException) as caught:
        import_module("broken")
    shorten(caught.value)
    return caught.value


def test_files_whose_change_may_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"broken": "import wrong", "wrong": "try:\n 1/0\nexcept ZeroDivisionError:\n import bad", "bad": "x ="}
    files = list(files_of(fault_of(tmp_path, monkeypatch, **modules)))
    assert {"broken.py", "wrong.py", "bad.py"} <= {os.path.basename(file) for file in files}  # noqa: PTH119
    missing = files_of(fault_of(tmp_path, monkeypatch, broken="import no_such_package"))
    assert sysconfig.get_path("purelib") in list(missing), "to which an installation adds it"


def test_the_page_shows_the_calls_of_the_application_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = fault_of(tmp_path, monkeypatch, broken="import other", other="1/0")
    files = [frame.f_code.co_filename for frame, _ in walk_tb(fault.__traceback__)]
    assert [file for file in files if file.startswith("<frozen importlib")] == []
    assert files[-2:] == [str(tmp_path / "broken.py"), str(tmp_path / "other.py")]


def test_files_of_the_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "part_of_app.py").touch()
    import_module("part_of_app")
    try:
        files = list(loaded_files())
    finally:
        del sys.modules["part_of_app"]
    assert str(tmp_path / "part_of_app.py") in files
    assert [file for file in files if "/site-packages/" in file or file.endswith("asyncio/tasks.py")] == []
