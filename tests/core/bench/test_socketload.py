"""The websocket load generator: it counts the messages that come back, and reports failures."""

from __future__ import annotations

import asyncio

import pytest

from sketch.bench import BenchError, Load
from sketch.bench.load import parse_own, run_load
from sketch.bench.socketload import load
from tests.core.bench.programs import GOOD, LISTEN, QUITTING, started


def test_messages_are_counted() -> None:
    with started(LISTEN + GOOD) as program:
        report = run_load(Load("/ws", message=300, connections=3), program.port, 0.3)
    assert report.requests > 3
    assert report.seconds == pytest.approx(0.3, abs=0.2)


@pytest.mark.parametrize(("server", "target", "reason"), [(GOOD, "/other", "404"), (QUITTING, "/ws", "closes")])
def test_failures_are_errors(server: str, target: str, reason: str) -> None:
    with started(LISTEN + server) as program:
        with pytest.raises(BenchError, match=reason):
            asyncio.run(load(program.port, target, b"x", 2, 0.1))
        with pytest.raises(BenchError, match=reason):
            run_load(Load(target, message=1, connections=2), program.port, 0.1)


def test_refused_connection_is_an_error() -> None:
    with started(LISTEN + GOOD) as program:
        port = program.port
    with pytest.raises(OSError, match="onnect"):
        asyncio.run(load(port, "/ws", b"x", 1, 0.1))
    with pytest.raises(BenchError, match="failed"):
        run_load(Load("/ws", message=1), port, 0.1)


@pytest.mark.parametrize("output", ["", "Traceback", "[]", '{"done": 1}'])
def test_malformed_reports_are_an_error(output: str) -> None:
    with pytest.raises(BenchError, match="expected a report"):
        parse_own(output)
