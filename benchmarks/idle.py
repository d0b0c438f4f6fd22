"""What an idle keep-alive connection costs in memory."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack
from functools import partial

from benchmarks.outcome import Result
from benchmarks.settings import Settings
from benchmarks.work import TEXT, Variant
from sketch.bench import BenchError, Program, running

CONNECTIONS = 1000
WARM_UP = 50
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
ENOUGH = 10.0


def steps(settings: Settings) -> int:
    """How many steps of progress that is."""
    return len(settings.frameworks) * settings.rounds


def run(settings: Settings) -> Result:
    """Open many connections, ask once on each, and see how much the server has grown."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    result = Result("memory", "idle keep-alive connection", "KiB of resident memory per connection")
    samples: dict[str, list[float]] = {}
    for _ in range(settings.rounds):
        for contestant in settings.frameworks:
            settings.progress.step(f"memory: {contestant.name}")
            skip = partial(settings.skip, result.skipped)
            with running({contestant.name: partial(settings.start, contestant, Variant())}, skip) as programs:
                for program in programs:
                    try:
                        samples.setdefault(program.name, []).append(_growth(program))
                    except (OSError, BenchError) as exc:
                        skip(program.name, BenchError(f"memory: {exc}"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    result.add_samples({name: found for name, found in samples.items() if name not in result.skipped})
    return result


def _growth(program: Program) -> float:
    """KiB per connection. The first connections pay for what is loaded once."""
    with ExitStack() as stack:
        for _ in range(WARM_UP):
            stack.enter_context(_ask(program.port))
        before = program.memory().rss
        for _ in range(CONNECTIONS):
            stack.enter_context(_ask(program.port))
        return (program.memory().rss - before) / CONNECTIONS / 1024


def _ask(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), ENOUGH)
    try:
        sock.sendall(REQUEST)
        answer = b""
        while not answer.endswith(TEXT):
            part = sock.recv(65536)
            if not part:
                raise BenchError("the server closes the connection after one request")
            answer += part
    except BaseException:
        sock.close()
        raise
    return sock
