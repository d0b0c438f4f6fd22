"""Fixtures for runs on a recorded backend."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from sketch.serving import registry
from tests.core.serving.support import HERE, Recorder


@pytest.fixture(autouse=True)
def logging_is_put_back() -> Iterator[None]:
    logger = logging.getLogger("sketch")
    before = logger.level, list(logger.handlers)
    yield
    logger.level, logger.handlers = before


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    points = EntryPoints(
        [
            EntryPoint("recorder", f"{HERE}:Recorder", registry.GROUP),
            EntryPoint("native", f"{HERE}:Recorder", registry.GROUP),
        ]
    )
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points.select(group=group))
    monkeypatch.setattr(Recorder, "runs", [])
    return Recorder
