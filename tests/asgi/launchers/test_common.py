"""What the launchers do before any server starts."""

from __future__ import annotations

import re
import socket
from time import monotonic

import pytest

from tests.support.descriptors import FEW, answer, lines_until, program


@pytest.mark.long
@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"])
def test_without_descriptors_the_log_has_a_line_a_second(server: str) -> None:
    """On asyncio; uvloop drops the clients, and nothing can know."""
    with program(server, "asyncio", FEW) as running:
        port = int(re.search(r":(\d+) \(", lines_until(running, "Started server on ")[-1])[1])  # type: ignore[index]
        clients = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(FEW + 36)]
        try:
            lines_until(running, "cannot accept")
            began = monotonic()
            lines = lines_until(running, "cannot accept") + lines_until(running, "cannot accept")
            assert monotonic() - began > 1.5
            assert ["cannot accept (Too many open files): new clients wait" in each for each in lines] == [True] * 2
            for client in clients[:50]:
                client.close()
            assert b"200" in answer(clients[-1])
        finally:
            for client in clients:
                client.close()
