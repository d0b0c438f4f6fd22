"""Programs to measure: pinned, waited for, and gone afterwards."""

from __future__ import annotations

import os
import resource
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sketch.bench import BenchError, Cores, Program, program as module, running
from sketch.bench.program import run_pinned, server_command
from tests.core.bench.programs import IDLE, LISTEN, STUBBORN, gone, python, started


def test_a_program_is_pinned() -> None:
    (core, *_) = os.sched_getaffinity(0)
    program = Program("it", python(IDLE), cores=Cores(core, core))
    try:
        program.wait_ready()
        assert os.sched_getaffinity(program.pid) == {core}
    finally:
        program.stop()


def test_a_program_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENDED", 0.1)
    with started(STUBBORN) as program:
        pid = program.pid
    assert gone(pid)


def test_programs_that_do_not_start_are_named_and_the_others_go_on() -> None:
    refused: dict[str, str] = {}
    starts = {
        "none": lambda: Program("none", lambda _: ["/no/such/program"]),
        "ends": lambda: Program("ends", python("print('first', flush=True); raise SystemExit('error: no licence')")),
        "silent": lambda: Program("silent", python("raise SystemExit(3)")),
        "good": lambda: Program("good", python(IDLE)),
    }
    with running(starts, lambda name, exc: refused.update({name: str(exc)})) as programs:
        assert [program.name for program in programs] == ["good"]
    assert "No such file or directory" in refused["none"]
    assert refused["ends"] == "does not start: no licence"
    assert refused["silent"] == "does not start: exit status 3"


def test_readiness_has_a_deadline() -> None:
    program = Program("it", python("import time; time.sleep(600)"))
    try:
        with pytest.raises(BenchError, match=r"^does not listen after 0\.1 s"):
            program.wait_ready(0.1)
    finally:
        program.stop()


def test_programs_end_when_the_measurement_fails() -> None:
    def fail(pid: int) -> None:
        pids.append(pid)
        raise BenchError("no figures")

    pids: list[int] = []
    with pytest.raises(BenchError, match="no figures"), started(IDLE) as program:
        fail(program.pid)
    assert len(pids) == 1
    assert gone(pids[0])


def test_programs_start_without_setpriv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    with pytest.raises(BenchError, match=r"^cannot be started: \[Errno 2\]"):
        Program("it", lambda _: ["/no/such/program"])
    with started(IDLE) as program:
        assert module.memory(program.pid).rss > 0


def test_programs_end_with_the_measuring_process() -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv here (Debian: util-linux)")
    # Wait until it is ready: the child must have asked the kernel for the signal before its parent ends.
    code = (
        "import sys; from sketch.bench import Program; from tests.core.bench.programs import IDLE, python;"
        " program = Program('it', python(IDLE)); program.wait_ready(); print(program.pid, flush=True); sys.stdin.read()"
    )
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as measuring:
        assert measuring.stdout is not None
        end = os.pidfd_open(int(measuring.stdout.readline()))
        measuring.kill()
        assert select.select([end], [], [], 10)[0] == [end]
        os.close(end)


def test_pinning_a_tool_leaves_this_process_unchanged() -> None:
    before = os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE)
    (core, *_) = os.sched_getaffinity(0)
    assert (
        run_pinned([sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"], core, timeout=20)
        == f"{{{core}}}\n"
    )
    assert (os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE)) == before


def test_failing_tool_is_one_line() -> None:
    assert run_pinned([sys.executable, "-c", "print('out')"], None, timeout=20) == "out\n"
    with pytest.raises(BenchError, match=r"failed: the reason$"):
        run_pinned([sys.executable, "-c", "raise SystemExit('the reason')"], None, timeout=20)
    with pytest.raises(BenchError, match="did not end within"):
        run_pinned([sys.executable, "-c", LISTEN + "time.sleep(600)", "0"], None, timeout=0.2)


def test_server_command_logs_nothing_per_request() -> None:
    code = server_command("a:b", "uvicorn", 80, loop="uvloop")[-1]
    assert "run_app('a:b', " in code
    assert "'server': 'uvicorn', 'port': 80, 'loop': 'uvloop', 'access_log': False" in code


def test_a_server_is_measured_without_the_configuration_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.sketch]\nserver = 'no such'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKETCH_PORT", "no number")
    done = subprocess.run(server_command("nothing:app", "native", 0), capture_output=True, text=True, timeout=30)
    assert done.stderr.startswith("error: there is no module 'nothing'")
