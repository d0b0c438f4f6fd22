"""How the tests are collected and ordered, and what the processes of a run share.

The suite is large: to collect it costs a process as much as many tests. So the processes of pytest-xdist compile each
file once among them, and collect without the garbage collector.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
COMPILED = pytest.StashKey[str]()
"""The directory for compiled files, where PYTHONDONTWRITEBYTECODE keeps them out of the checkout."""

settings.register_profile("untimed", deadline=None)  # an example takes long on a busy machine
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    if not sys.dont_write_bytecode:
        return
    directory = getattr(config, "workerinput", {}).get("compiled")
    if directory is None:
        directory = tempfile.mkdtemp(prefix="sketch-tests-")
        config.add_cleanup(partial(shutil.rmtree, directory, ignore_errors=True))
    config.stash[COMPILED] = directory
    if not is_controller(config):  # processes that it starts would compile pytest itself
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = directory
        sys.dont_write_bytecode = False
        del os.environ["PYTHONDONTWRITEBYTECODE"]


def is_controller(config: pytest.Config) -> bool:
    """Whether other processes run the tests."""
    return not hasattr(config, "workerinput") and config.getoption("dist", "no") != "no"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    if COMPILED in node.config.stash:
        node.workerinput["compiled"] = node.config.stash[COMPILED]


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without the garbage collector: what is collected stays until the end, and no later run looks at it."""
    gc.disable()
    try:
        if hasattr(session.config, "workerinput"):
            import_tests(session.config)
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def import_tests(config: pytest.Config) -> None:
    """Import the test modules that are to be collected, in each process from another one on.

    So each process finds most of them compiled by another: pytest rewrites every `assert`, which takes longer than all
    the rest of the collection.
    """
    given = [Path(config.invocation_params.dir, argument) for argument in config.args]
    modules = sorted(name for path in given if path.is_dir() for name in tests_below(path))
    worker: dict[str, Any] = config.workerinput  # type: ignore[attr-defined]
    begin = len(modules) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for name in modules[begin:] + modules[:begin]:
        # What fails here is imported again by the collection, which reports it.
        with suppress(Exception, pytest.skip.Exception, pytest.fail.Exception):
            import_module(name)


def tests_below(directory: Path) -> Iterator[str]:
    """The names of the test modules in packages."""
    for path in directory.rglob("test_*.py"):
        if ROOT in path.parents and path.with_name("__init__.py").exists():
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no process works on one alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
