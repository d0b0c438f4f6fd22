"""Checks of bounds."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, Limits
from sketch.cli.doctor.checks.limits import files_needed
from sketch.cli.doctor.system import Platform, System
from sketch.serving.server_limits import ServerLimits
from tests.core.cli.doctor.support import PUBLIC, case, found

FLY = System(platform=Platform(name="Fly.io", patience=5, setting="kill_timeout"))
ELSEWHERE = ("plain-http-in-public", "slow-loop", "runs-as-root", "idle-cpus", "development-mode")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"app": Application(limits=Limits(write_timeout=1e9))}, "no-bound"),
        ({"app": Application(limits=Limits(body_timeout=7200))}, "no-bound"),
        ({"app": Application(limits=Limits(handler_timeout=1e9, write_timeout=60))}, None),
        ({"server_limits": ServerLimits(header_timeout=86400)}, "no-bound"),
        ({"shutdown_timeout": 86400.0}, "endless-stop"),
        ({**PUBLIC, "system": FLY}, "stop-is-cut"),
        ({**PUBLIC, "system": FLY, "shutdown_timeout": 0.0}, None),
        ({"workers": 2, "worker_timeout": 0.0}, "workers-unwatched"),
        ({"server_limits": ServerLimits(connections=None)}, "connections-unbounded"),
        ({"system": System(hard_files=1024)}, "too-few-files"),
        ({"system": System(hard_files=1024), "server": "uvicorn"}, None),
        ({"system": System(hard_files=1024), "server_limits": ServerLimits(connections=900)}, None),
        ({"system": System(all_files=15_000), "workers": 2}, "too-few-files"),
        ({"system": System(all_files=15_000)}, None),
        ({"system": System(backlog=128), "backlog": 500}, "short-queue"),
        ({"system": System(backlog=128)}, None),
        ({**PUBLIC, "server_limits": ServerLimits(keep_alive_timeout=5)}, "short-keep-alive"),
        ({"server_limits": ServerLimits(keep_alive_timeout=5)}, None),
    ],
)
def test_what_is_found(options: dict[str, Any], name: str | None) -> None:
    assert [*found(case(**options), *ELSEWHERE, "memory-of-one")] == ([name] if name else [])


def test_what_to_do_about_too_few_files() -> None:
    told = found(case(system=System(hard_files=1024)))["too-few-files"]
    assert told.text == "a process may open 1024 files, and 10000 connections need 10100: clients wait"
    assert told.advice == "raise the hard limit (LimitNOFILE=, ulimit -Hn), or lower --limit-connections to 924"
    assert files_needed(case(server="uvicorn")) is None


def test_what_to_do_about_a_stop_that_is_cut() -> None:
    told = found(case(system=FLY, **PUBLIC, drain_delay=3.0))["stop-is-cut"]
    assert told.text.startswith("a stop may take 28 seconds, and Fly.io kills the process after 5")
    assert "(kill_timeout)" in told.advice
