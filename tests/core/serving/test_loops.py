"""The event loop by its name: asyncio's, or uvloop where it is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sketch.serving.loops import loop_factory
from sketch.serving.options import LOOPS, ServeError


@pytest.fixture
def no_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)


def test_asyncio_is_the_standard_loop() -> None:
    assert loop_factory("asyncio") is None


@pytest.mark.parametrize("name", ["auto", "uvloop"])
def test_uvloop_where_it_is_installed(name: str) -> None:
    uvloop = pytest.importorskip("uvloop")
    factory = loop_factory(name)
    assert factory is not None
    loop = factory()
    assert isinstance(loop, uvloop.Loop)
    loop.close()


@pytest.mark.usefixtures("no_uvloop")
def test_auto_without_uvloop_is_asyncio() -> None:
    assert loop_factory("auto") is None


@pytest.mark.usefixtures("no_uvloop")
def test_uvloop_that_is_missing() -> None:
    with pytest.raises(ServeError, match=r"the loop 'uvloop' is not installed: pip install 'sketch-web\[fast\]'"):
        loop_factory("uvloop")


def test_uvloop_is_imported_only_if_it_is_asked_for() -> None:
    code = """
import sys
from sketch.serving.loops import loop_factory
loop_factory("asyncio")
print("uvloop" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", LOOPS)
def test_every_name_of_the_options_is_known(name: str) -> None:
    if name != "asyncio":
        pytest.importorskip("uvloop")
    assert (loop_factory(name) is None) == (name == "asyncio")
