"""Attacks a real native server for some minutes: `python -m tests.native.fuzz --minutes 10`, or `nox -s fuzz`.

Random bytes, mutated requests and pipelines of them go out in random segments, over connections that end in every way a
connection can end. After each round the server must answer the next client at once; at the end it must hold no more
memory than after it was warm, have written no error, and stop in order.

Every round has a seed of its own, which is printed where it fails: `--seed SEED --rounds 1` runs it again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from sketch import Limits, run_app
from sketch_native import ServerLimits
from tests.native.parsing import CORPUS, mutate, split
from tests.support.native import GET, make_app
from tests.support.programs import Program, free_port
from tests.support.wire import Wire

ROOT = Path(__file__).parents[2]
LOOPS = ("asyncio", "uvloop")
CONNECTIONS = 20
"""At once."""
ATTACKS = 500
"""How many attacks a round makes."""
WARM = 4
"""Rounds before memory is compared: until then caches fill and the allocator learns."""
GROWTH = 16 * 1024 * 1024
"""Bytes that the process may have grown by since; a leak grows with the rounds, fragmentation does not."""
PROMPT = 5.0
"""Seconds in which the next client is answered."""


# -- the server -------------------------------------------------------------------------------------------------------


def serve(loop: str, port: int) -> None:
    """The attacked process, with short timeouts, so that a session meets every deadline within minutes."""
    limits = ServerLimits(header_timeout=0.5, keep_alive_timeout=0.5, linger_timeout=0.3)
    app = make_app(limits=Limits(body=100_000, body_timeout=0.5, write_timeout=1.0))
    run_app(app, port=port, loop=loop, server_limits=limits, shutdown_timeout=5, log_level="warning", access_log=False)


def start(loop: str, log: Path) -> Program:
    """Start the attacked process, and wait until it listens."""
    port = free_port()
    command = [sys.executable, "-m", "tests.native.fuzz", "--serve", loop, "--port", str(port)]
    program = Program(command, port, ROOT, log)
    try:
        program.wait_until_it_listens()
    except BaseException:
        program.stop()
        raise
    return program


def memory(program: Program) -> int:
    """Bytes that the process holds (Linux)."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


# -- the attacks ------------------------------------------------------------------------------------------------------


def payload(rng: random.Random) -> bytes:
    """Bytes for one connection."""
    kind = rng.randrange(10)
    if kind == 0:
        return rng.randbytes(rng.choice((1, 20, 300, 5000, 100_000)))
    if kind == 1:
        return rng.choice(CORPUS)
    if kind == 2:
        return b"".join(rng.choice(CORPUS) for _ in range(rng.randrange(2, 200)))
    if kind == 3:
        return rng.choice(ENDLESS)(rng)
    if kind == 4:
        return mutate(rng, b"".join(rng.choice(CORPUS) for _ in range(rng.randrange(2, 30))))
    return mutate(rng, rng.choice(CORPUS))


def _long(head: bytes, unit: bytes) -> bytes:
    return head + unit * 3000


ENDLESS = (
    lambda rng: _long(b"GET /", b"a" * rng.randrange(1, 40)),
    lambda rng: _long(b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-%d: y\r\n" % rng.randrange(1000)),
    lambda rng: _long(b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"y" * rng.randrange(1, 60)),
    lambda rng: _long(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    lambda rng: _long(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"e=" * 8),
    lambda rng: _long(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"T: x\r\n"),
    lambda rng: _long(b"POST /noread HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", b"body"),
    lambda rng: _long(b"", GET),
)


def segments(rng: random.Random, data: bytes) -> list[bytes]:
    """The bytes as they go out."""
    cuts = [rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 1, 3, 10)))]
    return split(data, cuts)


async def attack(port: int, rng: random.Random) -> None:
    """One connection, from its first byte to one of its ends."""
    parts = segments(rng, payload(rng))
    (end,) = rng.choices(("abort", "close", "half", "read", "silence"), (30, 15, 15, 15, 3))
    wire = await Wire.connect(port)
    try:
        for part in parts:
            await wire.send(part)
            await asyncio.sleep(0)
        if end == "half":
            wire.writer.write_eof()
        if end in ("half", "read"):
            await _read(wire, rng)
        elif end == "silence":
            await wire.ended()
    except ConnectionError:
        return  # the server has refused the rest: its right
    finally:
        if end != "close":
            wire.abort()
        await wire.close()


async def _read(wire: Wire, rng: random.Random) -> None:
    """Read a part of the answers, and leave."""
    try:
        async with asyncio.timeout(0.05 * rng.random()):
            while await wire.reader.read(rng.choice((1, 100, 65536))):
                continue
    except TimeoutError:
        return


# -- a session --------------------------------------------------------------------------------------------------------


async def round_of(port: int, seed: int, attacks: int = ATTACKS) -> None:
    """Many attacks, some at a time; then the next client must be answered.

    Raises:
        AssertionError: if it is not.
    """
    rng = random.Random(seed)
    turns = iter([random.Random(rng.getrandbits(64)) for _ in range(attacks)])

    async def attacker() -> None:
        for own in turns:
            await attack(port, own)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(attacker())
    begun = monotonic()
    wire = await Wire.connect(port)
    try:
        await wire.send(GET)
        reply = await wire.receive()
    finally:
        wire.abort()
        await wire.close()
    assert (reply.status, reply.body) == (200, b"ok"), reply
    assert monotonic() - begun < PROMPT, f"the next client waited {monotonic() - begun:.1f} s"


def session(loop: str, seconds: float, seed: int, rounds: int | None, attacks: int = ATTACKS) -> str:
    """Attack one server; returns a summary.

    Raises:
        AssertionError: with the seed of the round that has shown a fault.
    """
    with tempfile.TemporaryDirectory() as logs:
        program = start(loop, Path(logs) / "server.log")
        end, done, warm = monotonic() + seconds, 0, 0
        try:
            while done < rounds if rounds is not None else monotonic() < end:
                try:
                    asyncio.run(round_of(program.port, seed + done, attacks))
                except BaseException as exc:
                    exc.add_note(f"{loop}, --seed {seed + done} --rounds 1:\n{program.output[-4000:]}")
                    raise
                done += 1
                if done == WARM:
                    warm = memory(program)
            held = memory(program)
        finally:
            status = program.stop()
        assert status == 0, f"{loop}: the server ended with {status}:\n{program.output[-4000:]}"
        faults = [line for line in program.output.splitlines() if "Traceback" in line or " ERROR " in line]
        assert not faults, f"{loop}, seed {seed}: the server has logged errors:\n{program.output[-4000:]}"
    if warm:
        assert held - warm < GROWTH, f"{loop}, seed {seed}: memory grew from {warm} to {held} bytes in {done} rounds"
    return (
        f"{loop}: {done * attacks:,} connections from seed {seed}; {warm >> 20} MiB when warm, {held >> 20} at the end"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.native.fuzz")
    parser.add_argument("--minutes", type=float, default=10, help="for each event loop")
    parser.add_argument("--rounds", type=int, help="that many instead")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--loop", choices=LOOPS, help="only this one")
    parser.add_argument("--serve", choices=LOOPS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve:
        serve(given.serve, given.port)
        return
    for loop in [given.loop] if given.loop else LOOPS:
        print(session(loop, given.minutes * 60, given.seed, given.rounds), flush=True)


if __name__ == "__main__":
    main()
