"""Measures the memory of an idle connection: a keep-alive connection, and an open websocket."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks.contestants import Contestant
from benchmarks.outcome import Result
from benchmarks.settings import Settings
from benchmarks.work import TEXT, Variant
from sketch.bench import BenchError, Program, running, sockets

CONNECTIONS = 1000
SOCKETS = 5000
WARM_UP = 50
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
ENOUGH = 10.0


def steps(settings: Settings) -> int:
    """The number of progress steps of `run`."""
    return len(settings.frameworks) * settings.rounds


def socket_steps(settings: Settings) -> int:
    """The number of progress steps of `run_sockets`."""
    return len(_with_sockets(settings)) * settings.rounds


def run(settings: Settings) -> Result:
    """Open many connections, ask once on each, and see how much the server has grown."""
    result = Result("memory", "idle keep-alive connection", "KiB of resident memory per connection")
    return _run(result, settings.frameworks, settings, Variant(), partial(_growth, open_one=_ask, count=CONNECTIONS))


def run_sockets(settings: Settings) -> Result:
    """Open many websockets, exchange one message on each, and see how much the server has grown."""
    result = Result("websocket-memory", "idle websocket", "KiB of resident memory per websocket")
    growth = partial(_growth, open_one=_talk, count=SOCKETS)
    return _run(result, _with_sockets(settings), settings, Variant(websockets=True), growth)


def _with_sockets(settings: Settings) -> list[Contestant]:
    return [one for one in settings.contestants if one.websockets]


def _run(
    result: Result,
    contestants: Sequence[Contestant],
    settings: Settings,
    variant: Variant,
    growth: Callable[[Program], float],
) -> Result:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    samples: dict[str, list[float]] = {}
    for _ in range(settings.rounds):
        for contestant in contestants:
            settings.progress.step(f"{result.name}: {contestant.name}")
            skip = partial(settings.skip, result.skipped)
            with running({contestant.name: partial(settings.start, contestant, variant)}, skip) as programs:
                for program in programs:
                    try:
                        samples.setdefault(program.name, []).append(growth(program))
                    except (OSError, BenchError) as exc:
                        skip(program.name, BenchError(f"{result.name}: {exc}"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    result.add_samples({name: found for name, found in samples.items() if name not in result.skipped})
    return result


def _growth(program: Program, open_one: Callable[[int], socket.socket], count: int) -> float:
    """The growth in KiB per connection. The first connections do not count: they pay for what is loaded once."""
    with ExitStack() as stack:
        for _ in range(WARM_UP):
            stack.enter_context(open_one(program.port))
        before = program.memory().rss
        for _ in range(count):
            stack.enter_context(open_one(program.port))
        return (program.memory().rss - before) / count / 1024


def _talk(port: int) -> socket.socket:
    sock = sockets.open_socket("/ws", port)
    try:
        sockets.exchange(sock, TEXT)
    except BaseException:
        sock.close()
        raise
    return sock


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
