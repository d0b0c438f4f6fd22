"""What clients lose while a server is replaced, in short: `nox -s restarts` measures it at length."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.restarts.clients import Place, Tally, clients, keep_alive, new_connections, pipelining, read_wrk
from tests.restarts.replacements import by_sighup, certificates, observe, observe_successors

DRAIN = 0.4
CLIENTS = [new_connections, keep_alive(), keep_alive(0.8 * DRAIN), pipelining()]


async def all_clients(place: Place) -> Tally:
    """Two clients of each kind, side by side."""
    total = Tally()
    for tally in await asyncio.gather(*(clients(client, 2)(place) for client in CLIENTS)):
        total.answered += tally.answered
        total.lost += tally.lost
    return total


@pytest.mark.parametrize(("loop", "encrypted"), [("asyncio", False), ("uvloop", True)])
def test_no_request_is_lost_when_workers_are_replaced(loop: str, encrypted: bool, tmp_path: Path) -> None:
    given, tls = certificates(tmp_path) if encrypted else ({}, None)
    replace = partial(by_sighup, times=1)
    seen = asyncio.run(observe(tmp_path, all_clients, replace, tls=tls, keep_alive_drain=DRAIN, loop=loop, **given))
    assert seen.tally.failed == 0, seen.tally
    assert seen.tally.answered > 50
    assert seen.executed == seen.tally.answered


@pytest.mark.parametrize("overlap", [True, False])
def test_no_request_is_lost_when_a_new_parent_takes_over_the_socket(overlap: bool, tmp_path: Path) -> None:
    seen = asyncio.run(observe_successors(tmp_path, all_clients, 1, overlap=overlap, keep_alive_drain=DRAIN, workers=1))
    assert seen.tally.failed == 0, seen.tally
    assert seen.executed == seen.tally.answered


def test_wrk_is_read() -> None:
    output = "  12345 requests in 1.00s, 1.5MB read\n"
    assert str(read_wrk(output)) == "12345 answered, 0 failed"
    output += "  Socket errors: connect 1, read 20, write 0, timeout 3\n  Non-2xx or 3xx responses: 4\n"
    assert str(read_wrk(output)) == "12345 answered, 28 failed (4 not 2xx, 1 not connected, 20 not read, 3 timed out)"
