"""What one process of pytest-xdist makes for all of them."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[], Any]) -> Any:
    """Return what `make` returns in the first process that asks; the others wait for it.

    Args:
        factory: of the run.
        name: of what is made.
        make: returns what can be pickled. If it raises, the next process tries again.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each of them has a folder of its own in that of the run
        base = base.parent
    with (base / f"{name}.pickle").open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if not (data := file.read()):
            data = pickle.dumps(make())
            file.write(data)
        return pickle.loads(data)
