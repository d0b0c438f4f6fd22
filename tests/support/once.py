"""What the processes of a run share: what one of them makes for all, and locks."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder for temporary files of a run."""
    base = factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own in that of the run.
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def locked(path: Path, *, alone: bool) -> Iterator[None]:
    """Hold a lock among the processes of a run, alone or together with others."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[], Any]) -> Any:
    """Return what `make` returns in the first process that asks; the others wait for it.

    Args:
        factory: of the run.
        name: of what is made.
        make: returns what can be pickled. If it raises, the next process tries again.
    """
    with (shared_folder(factory) / f"{name}.pickle").open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if not (data := file.read()):
            data = pickle.dumps(make())
            file.write(data)
        return pickle.loads(data)
