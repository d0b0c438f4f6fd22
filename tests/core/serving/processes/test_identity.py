"""Which worker this process is."""

from __future__ import annotations

from typing import Any

import sketch
from sketch.application import Application
from sketch.serving.options import ServeOptions
from sketch.serving.processes.identity import WorkerInfo, current_worker, working_as
from sketch.serving.run import run_app
from tests.core.serving.support import Recorder


def test_a_process_that_is_not_run_by_sketch_is_no_worker() -> None:
    assert sketch.current_worker is current_worker
    assert current_worker() is None


def test_a_process_is_a_worker_for_a_while() -> None:
    with working_as(WorkerInfo(1, 4, 2)):
        assert current_worker() == WorkerInfo(index=1, count=4, generation=2)
    assert current_worker() is None


def test_a_server_without_workers_is_the_only_one(recorder: type[Recorder], monkeypatch: Any) -> None:
    seen = []

    def run(self: Recorder, app: Application, options: ServeOptions) -> int:
        seen.append(current_worker())
        return 0

    monkeypatch.setattr(Recorder, "run", run)
    run_app(Application(), server="recorder")
    assert seen == [WorkerInfo(index=0, count=1, generation=1)]
    assert current_worker() is None
