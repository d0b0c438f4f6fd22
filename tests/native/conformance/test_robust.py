"""Attacks by clients: none may stop the server, fill its memory, hold its connections, or see an inner error.

Timeouts of the target are short here. Memory is measured by the kernel's high-water mark, on a fresh process each.
"""

from __future__ import annotations

import asyncio
import random
import resource
import signal
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic

import pytest

from tests.native.conformance import servers
from tests.native.conformance.client import GET, GET_AND_CLOSE, Client, alive, ask, connect
from tests.native.conformance.servers import LOOPS, target
from tests.native.conformance.target import BIG
from tests.native.parsing import CORPUS, ROUNDS, mutate
from tests.support.programs import Program

MIB = 1 << 20
MUTANTS = ROUNDS or 2000
"""More of them in a long session (`nox -s fuzz`)."""
ECHO = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = ECHO + b"Transfer-Encoding: chunked\r\n\r\n"
BIG_GET = b"GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module", params=LOOPS)
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A server that all tests of this module attack, one after the other. At the end it must be as it was before."""
    with target(request.param, tmp_path_factory.mktemp("target"), "--short") as program:
        assert asyncio.run(alive(program.port))
        pid = program.process.pid
        files, memory = servers.descriptors(pid), servers.resident(pid)
        yield program
        assert asyncio.run(alive(program.port)), program.output
        end = monotonic() + 20
        while servers.descriptors(pid) > files + 2:
            assert monotonic() < end, f"{files} descriptors before, {servers.descriptors(pid)} after"
            asyncio.run(alive(program.port))
        assert servers.resident(pid) < memory + 200 * MIB
        assert "Traceback" not in program.output


@pytest.fixture(params=LOOPS)
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A newly started server, for tests that measure its memory."""
    with target(request.param, tmp_path_factory.mktemp("target")) as program:
        assert asyncio.run(alive(program.port))
        servers.forget_peak(program.process.pid)
        yield program


async def in_parallel(number: int, at_once: int, work: Callable[[int], Awaitable[object]]) -> list[object]:
    turn = asyncio.Semaphore(at_once)

    async def one(n: int) -> object:
        async with turn:
            return await work(n)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(n)) for n in range(number)]
    return [task.result() for task in tasks]


# -- clients that take their time -------------------------------------------------------------------------------------

SLOW = {
    "never sends a byte": (b"", b""),
    "drips a field": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"a"),
    "drips fields": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n"),
    "drips a request line": (b"GET /", b"a"),
    "drips empty lines": (b"", b"\r\n"),
    "drips an unknown method": (b"X", b"X"),
    "drips a body": (ECHO + b"Content-Length: 100000\r\n\r\n", b"a"),
    "stops in a body": (ECHO + b"Content-Length: 1000\r\n\r\nabc", b""),
    "drips chunks": (CHUNKED, b"1\r\na\r\n"),
    "drips a chunk extension": (CHUNKED + b"1;", b"a"),
    "drips trailers": (CHUNKED + b"0\r\n", b"X-A: b\r\n"),
    "drips an unread body": (
        b"POST /noread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n",
        b"a",
    ),
    "is idle between requests": (GET, b""),
}
SOON = 8.0


@pytest.fixture(scope="module")
def slow_clients(attacked: Program) -> dict[str, float | None]:
    """Run all slow clients at the same time; the seconds after which the server closed each."""

    async def watch(start: bytes, drip: bytes) -> float | None:
        async with connect(attacked.port) as client:
            began = monotonic()
            await client.send(start)
            while client.closed is None and monotonic() - began < SOON:
                await client.until_closed(0.1)
                if drip:
                    await client.send(drip)
            return None if client.closed is None else monotonic() - began

    async def watch_all() -> dict[str, float | None]:
        seconds = await asyncio.gather(*(watch(*steps) for steps in SLOW.values()))
        return dict(zip(SLOW, seconds, strict=True))

    return asyncio.run(watch_all())


@pytest.mark.parametrize("client", SLOW)
def test_a_client_that_takes_its_time_is_left(slow_clients: dict[str, float | None], client: str) -> None:
    seconds = slow_clients[client]
    assert seconds is not None, f"still open after {SOON} s"
    assert seconds > 0.5


@pytest.mark.loops("asyncio")
async def test_a_connection_in_use_is_not_cut(attacked: Program) -> None:
    """Neither between requests within the timeout, nor while a handler takes longer than the timeout."""
    async with connect(attacked.port) as client:
        for n in range(3):
            await client.send(GET)
            assert await client.until(lambda n=n: client.received.count(b"HTTP/1.1 200") == n + 1, 5)
            assert not await client.until_closed(0.8)
        await client.send(b"GET /slow?s=2.5 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await client.until(lambda: client.received.endswith(b"slow"), 10)


# -- clients that leave -----------------------------------------------------------------------------------------------

LEAVERS = {
    "in an upload": (ECHO + b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000, 0),
    "in a chunk": (CHUNKED + b"ffff\r\n" + b"x" * 1000, 0),
    "in a download": (BIG_GET, 200_000),
    "while the handler works": (b"GET /slow?s=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 0),
    "with answers outstanding": (b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50, 0),
    "in a file": (b"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20, 100_000),
    "at once": (b"", 0),
}


@pytest.mark.parametrize("when", LEAVERS)
@pytest.mark.loops("asyncio")
async def test_clients_that_leave(attacked: Program, when: str) -> None:
    """By an orderly end and by a reset."""
    raw, size = LEAVERS[when]

    async def leave(n: int) -> None:
        async with connect(attacked.port) as client:
            await client.send(raw)
            if size:
                assert await client.until(lambda: len(client.received) > size, 10)
            elif n % 4 < 2:
                await client.change(0.01)
            if n % 2:
                client.reset()

    await in_parallel(60, 20, leave)
    assert await alive(attacked.port)


# -- many of them -----------------------------------------------------------------------------------------------------


@pytest.mark.loops("asyncio")
async def test_a_thousand_idle_connections(attacked: Program) -> None:
    async with asyncio.timeout(30):
        clients = [connect(attacked.port, reading=False) for _ in range(1000)]
        for client in clients:
            await client.__aenter__()
        try:
            began = monotonic()
            assert await alive(attacked.port)
            assert monotonic() - began < 2
        finally:
            for client in clients:
                await client.__aexit__(None, None, None)


@pytest.mark.loops("asyncio")
async def test_slow_handlers_run_side_by_side(attacked: Program) -> None:
    raw = b"GET /slow?s=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    async def one(n: int) -> bool:
        reply = await ask(attacked.port, raw, seconds=20)
        return reply is not None and reply.status == 200

    began = monotonic()
    assert await in_parallel(300, 300, one) == [True] * 300
    assert monotonic() - began < 10


@pytest.mark.loops("asyncio")
async def test_a_flood_of_connections(attacked: Program) -> None:
    async def one(n: int) -> bool:
        return await alive(attacked.port)

    assert await in_parallel(500, 100, one) == [True] * 500


@pytest.mark.loops("asyncio")
async def test_many_requests_on_one_connection(attacked: Program) -> None:
    async with connect(attacked.port) as client:
        for n in range(1000):
            await client.send(GET)
            assert await client.until(lambda n=n: client.received.count(b"\r\n\r\nok") == n + 1, 5)


# -- floods without an end --------------------------------------------------------------------------------------------

FLOODS = {
    "fields": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", (b"X-Flood: " + b"f" * 1000 + b"\r\n") * 200),
    "one field": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Flood: ", b"f" * 200_000),
    "a request line": (b"GET /", b"a" * 200_000),
    "a method": (b"", b"A" * 200_000),
    "an unknown method behind an empty line": (b"\r\n", b"X" * 200_000),
    "a chunk extension": (CHUNKED + b"5;", b"a" * 200_000),
    "a chunk size": (CHUNKED, b"0" * 200_000),
    "trailers": (CHUNKED + b"0\r\n", (b"X-T: " + b"t" * 1000 + b"\r\n") * 200),
    "one trailer": (CHUNKED + b"0\r\nX-T: ", b"t" * 200_000),
    "garbage behind the last request": (GET_AND_CLOSE, b"x" * 200_000),
}


@pytest.mark.parametrize("what", FLOODS)
@pytest.mark.loops("asyncio")
async def test_endless_input_is_cut_off(attacked: Program, what: str) -> None:
    start, block = FLOODS[what]
    before = servers.resident(attacked.process.pid)
    servers.forget_peak(attacked.process.pid)
    async with connect(attacked.port) as client:
        await client.send(start)
        # The application takes bodies of 1 GiB: behind a refusal as much is discarded, but only for 2 s.
        end = monotonic() + 10
        while monotonic() < end and client.closed is None and await client.send(block, 3):
            pass
        assert monotonic() < end
        client.reset()
    assert servers.peak(attacked.process.pid) - before < 32 * MIB
    assert await alive(attacked.port)


@pytest.mark.loops("asyncio")
async def test_tiny_chunks_do_not_stop_the_others(attacked: Program) -> None:
    number = 100_000
    async with connect(attacked.port) as client:
        await client.send(CHUNKED)
        sending = asyncio.create_task(client.send(b"1\r\nx\r\n" * number + b"0\r\n\r\n", 30))
        longest = 0.0
        while not sending.done():
            began = monotonic()
            assert await alive(attacked.port)
            longest = max(longest, monotonic() - began)
        assert await client.until(lambda: len(client.received) > number, 20)
        (reply,), _ = client.replies("POST")
        assert (reply.status, len(reply.body)) == (200, number)
        assert longest < 3


# -- memory -----------------------------------------------------------------------------------------------------------


def grown(program: Program, before: int) -> float:
    """The largest growth of the server's memory since `before`, in MiB."""
    return (servers.peak(program.process.pid) - before) / MIB


@pytest.mark.loops("asyncio")
async def test_readers_that_stop_fill_no_memory(fresh: Program) -> None:
    before = servers.resident(fresh.process.pid)
    async with connect(fresh.port, reading=False, receive_buffer=65536) as patient:
        await patient.send(BIG_GET)
        others = [connect(fresh.port, reading=False, receive_buffer=65536) for _ in range(20)]
        for other in others:
            await (await other.__aenter__()).send(BIG_GET)
        for _ in range(5):
            assert await alive(fresh.port)
            await asyncio.sleep(0.1)  # the time that the server would need to fill its memory
        for other in others:
            await other.__aexit__(None, None, None)
        assert grown(fresh, before) < 48
        assert await patient.count(40) > BIG


@pytest.mark.loops("asyncio")
async def test_an_unread_upload_fills_no_memory(fresh: Program) -> None:
    before = servers.resident(fresh.process.pid)
    async with connect(fresh.port) as client:
        await client.send(b"POST /noread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n")
        sent = 0
        while sent < 100 * MIB and client.closed is None and await client.send(b"u" * MIB):
            sent += MIB
    assert grown(fresh, before) < 24, f"{sent} bytes were sent"


@pytest.mark.loops("asyncio")
async def test_uploads_behind_a_slow_handler_fill_no_memory(fresh: Program) -> None:
    before = servers.resident(fresh.process.pid)
    upload = ECHO + b"Content-Length: 65536\r\n\r\n" + b"v" * 65536
    async with connect(fresh.port) as client:
        await client.send(b"GET /slow?s=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sent = 0
        while sent < 500 and await client.send(upload, 0.5):
            sent += 1
        assert sent < 500
        client.reset()
    assert grown(fresh, before) < 32


@pytest.mark.loops("asyncio")
async def test_unread_answers_fill_no_memory(fresh: Program) -> None:
    before = servers.resident(fresh.process.pid)
    async with connect(fresh.port, reading=False, receive_buffer=65536) as client:
        await client.send(b"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n" * 300, 2)
        await client.send(GET * 20_000, 1)
        assert await alive(fresh.port)
        client.reset()
    assert grown(fresh, before) < 24


# -- seeded mutants ---------------------------------------------------------------------------------------------------


@pytest.mark.loops("asyncio")
async def test_mutants(attacked: Program) -> None:
    """None of them stops the server, gets anything but HTTP, stays open or causes an inner error."""
    rng = random.Random(20261120)
    batch = [mutate(rng, rng.choice(CORPUS)) for _ in range(MUTANTS)]
    open_, errors, malformed = [], [], []
    answered = 0

    async def one(n: int) -> None:
        nonlocal answered
        raw = batch[n]
        async with connect(attacked.port) as client:
            await client.send(raw)
            client.half_close()
            if not await client.until_closed(5):
                open_.append(raw)
            if b"HEAD" in raw:  # how many answers have no body is then a matter of parsing the mutant
                return
            replies, rest = client.replies()
            answered += bool(replies)
            errors.extend(raw for reply in replies if reply.status == 500)
            malformed.extend((raw, reply) for reply in replies if reply.faults)
            if rest.strip() and not any(reply.status == 101 for reply in replies):  # behind that come frames
                malformed.append((raw, rest))

    for start in range(0, MUTANTS, 500):
        await in_parallel(min(500, MUTANTS - start), 32, lambda n, start=start: one(start + n))
        assert await alive(attacked.port), f"after mutants {start} to {start + 500}"
    assert (open_[:3], errors[:3], malformed[:3]) == ([], [], [])
    assert answered > MUTANTS * 0.6


@pytest.mark.loops("asyncio")
async def test_random_bytes(attacked: Program) -> None:
    rng = random.Random(20261120)
    blobs = [rng.randbytes(rng.randrange(1, 3000)) for _ in range(300)]
    blobs += [bytes(rng.choices(b"GETPOST /HTTP1.\r\n:\t\0", k=rng.randrange(1, 400))) for _ in range(200)]

    async def one(n: int) -> bool:
        async with connect(attacked.port) as client:
            await client.send(blobs[n])
            client.half_close()
            return await client.until_closed(5)

    assert all(await in_parallel(len(blobs), 20, one))
    assert await alive(attacked.port)


# -- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.loops("asyncio")
async def test_the_end_by_a_signal(fresh: Program) -> None:
    """Running requests end, new ones are refused, idle connections do not delay the end, the exit code is 0."""
    async with connect(fresh.port) as idle, connect(fresh.port) as busy:
        await idle.send(GET)
        assert await idle.until(lambda: idle.received.endswith(b"ok"), 5)
        await busy.send(b"GET /slow?s=1.5 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await alive(fresh.port)  # by now it runs
        fresh.process.send_signal(signal.SIGTERM)
        assert await idle.until_closed(3)
        with pytest.raises(ConnectionRefusedError):
            await alive(fresh.port)
        assert busy.closed is None
        assert await busy.until(lambda: busy.received.endswith(b"slow"), 8)
    assert await asyncio.to_thread(fresh.process.wait, 10) == 0


@pytest.mark.loops("asyncio")
async def test_a_second_signal_ends_what_runs(fresh: Program) -> None:
    async with connect(fresh.port) as busy:
        await busy.send(b"GET /slow?s=30 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await alive(fresh.port)
        fresh.process.send_signal(signal.SIGTERM)
        await _until_refused(fresh.port)
        fresh.process.send_signal(signal.SIGTERM)
        began = monotonic()
        assert await busy.until_closed(10)
        assert await asyncio.to_thread(fresh.process.wait, 10) == 0
        assert monotonic() - began < 5


async def _until_refused(port: int) -> None:
    """Wait until new connections are refused: then the first signal has been handled."""
    async with asyncio.timeout(10):
        while True:
            try:
                await alive(port, 1)
            except ConnectionError:  # a reset, where the listener closes with the connection in its queue
                return


@pytest.mark.loops("asyncio")
async def test_a_large_echo(attacked: Program) -> None:
    size = 20 * MIB
    async with connect(attacked.port) as client:
        await client.send(ECHO + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % size)
        assert await _send_blocks(client, b"e" * MIB, 20)
        assert await client.until_closed(30)
        (reply,), rest = client.replies("POST")
        assert (reply.status, len(reply.body), rest) == (200, size, b"")


async def _send_blocks(client: Client, block: bytes, number: int) -> bool:
    for _ in range(number):
        if not await client.send(block, 20):
            return False
    return True
