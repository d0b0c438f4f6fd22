"""Runs the cases of websocket_cases.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tests.native.conformance.websocket_cases import CASES, Case, Chopped, Made, Packed, Pause, Step
from tests.support.frames import BINARY, RSV1, TEXT, Close, Pong, Socket, connect, fragments

AT_ONCE = 6
LONGEST = 60.0


async def run_all(port: int) -> dict[str, str | None]:
    """Run all cases, some at a time; why each fails, None if it passes."""
    turn = asyncio.Semaphore(AT_ONCE)
    outcomes: dict[str, str | None] = {}

    async def run(case: Case) -> None:
        async with turn:
            try:
                async with asyncio.timeout(LONGEST):
                    await run_case(case, port)
            except (AssertionError, OSError, asyncio.IncompleteReadError, TimeoutError) as exc:
                outcomes[case.id] = f"{type(exc).__name__}: {exc}"[:2000]
            else:
                outcomes[case.id] = None

    async with asyncio.TaskGroup() as group:
        for case in CASES:
            group.create_task(run(case))
    return outcomes


async def run_case(case: Case, port: int) -> None:
    """Send, receive, compare.

    Raises:
        AssertionError: if it goes otherwise.
    """
    headers = [("Sec-WebSocket-Extensions", case.offer)] if case.offer else []
    async with connect(port, headers=headers) as ws:
        assert (ws.deflate is not None) == case.compressed, ws.reply.headers
        sending = asyncio.create_task(_send(case.send, ws))
        try:
            if case.fails:
                await _fails(case, ws)
            else:
                await _answers(case, ws)
        finally:
            sending.cancel()
            await asyncio.wait([sending])


async def _send(steps: Sequence[Step], ws: Socket) -> None:
    try:
        for step in steps:
            if isinstance(step, Chopped):
                for start in range(0, len(step.data), step.size):
                    await ws.send(step.data[start : start + step.size])
                    await asyncio.sleep(step.pause)
            elif isinstance(step, Made):
                await ws.send(step.make())
            elif isinstance(step, Packed):
                await ws.send(*_packed(step, ws))
            elif isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            else:
                await ws.send(step)
    except ConnectionError:
        return  # the server has closed: its close code is among the received bytes


def _packed(step: Packed, ws: Socket) -> list[bytes]:
    assert ws.deflate is not None
    opcode, payload = (TEXT, step.message.encode()) if isinstance(step.message, str) else (BINARY, step.message)
    data = ws.deflate.deflate(payload)
    cut = step.cut or len(data) or 1
    return fragments(opcode, *[data[n : n + cut] for n in range(0, len(data), cut)] or [b""], rsv=RSV1)


async def _answers(case: Case, ws: Socket) -> None:
    got = [await ws.receive() for _ in case.expect]
    kinds: list[Callable[[object], bool]] = [
        lambda event: isinstance(event, Pong),
        lambda event: not isinstance(event, Pong),
    ]
    for kind in kinds:
        mine, wanted = list(filter(kind, got)), list(filter(kind, case.expect))
        assert mine == wanted, f"got {str(mine)[:500]}, expected {str(wanted)[:500]}"
    if case.closes:
        await ws.closed(*case.closes, answer=False)
    else:
        await ws.close()


async def _fails(case: Case, ws: Socket) -> None:
    """The server closes with the right code and ends the connection, although the client still sends."""
    before = list(case.expect)
    while not isinstance(event := await ws.receive(), Close):
        assert before, f"got {str(event)[:500]}, expected a close"
        assert event == before.pop(0)
    assert event.code in case.fails, event
    assert await ws.wire.ended() == b""
