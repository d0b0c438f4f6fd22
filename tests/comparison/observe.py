"""Sends a case to a server and says what happened."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, cast

from tests.comparison.cases import QUIET, Case
from tests.support.programs import Program, free_port
from tests.support.wire import Broken, Reader, Reply, Wire

ROOT = Path(__file__).parents[2]


@contextmanager
def running(name: str, log: Path) -> Iterator[Program]:
    """A server's process."""
    port = free_port()
    paths = [str(ROOT), str(ROOT / "adapters"), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "tests.comparison.apps", name, str(port)]
    program = Program(command, port, ROOT, log, {"PYTHONPATH": os.pathsep.join(paths)})
    try:
        program.wait_until_it_listens()
        yield program
    finally:
        program.stop()


async def outcome(port: int, case: Case) -> str:
    """What the server does with the bytes, in a few words."""
    wire = await Wire.connect(port)
    start = monotonic()
    try:
        data, ended = await _everything(wire, case)
    finally:
        wire.abort()
        await wire.close()
    seconds = round(monotonic() - start)
    told = await _answers(data, case)
    if case.patience != QUIET:
        return f"{told or 'closed'} after {seconds} s" if ended else f"open after {seconds} s"
    if not told:
        return "closed without an answer" if ended else "no answer"
    return f"{told}, closed" if ended else told


async def _everything(wire: Wire, case: Case) -> tuple[bytes, bool]:
    """All bytes until the connection ends, or nothing more comes; and which of the two."""
    try:
        await wire.send(case.raw)
    except ConnectionError:
        pass  # closed while sending: the answer before it can still be read
    data = b""
    while True:
        try:
            part = await asyncio.wait_for(wire.reader.read(65536), case.patience)
        except TimeoutError:
            return data, False
        if not part:
            return data, True
        data += part


async def _answers(data: bytes, case: Case) -> str:
    if data.startswith(b"HTTP/1.1 101"):
        return "101"
    replies = []
    reader = Reader()
    reader.feed_data(data)
    reader.feed_eof()
    wire = Wire(cast("Any", reader), cast("Any", None))
    while not reader.at_eof():
        try:
            replies.append(_describe(await wire.receive(), case))
        except Broken:
            replies.append("an incomplete answer")
            break
        except AssertionError as exc:
            replies.append(f"a malformed answer ({exc})")
            break
    return " + ".join(replies)


def _describe(reply: Reply, case: Case) -> str:
    shown = case.show(reply) if reply.status == 200 else ""
    return f"{reply.status} ({shown})" if shown else str(reply.status)
