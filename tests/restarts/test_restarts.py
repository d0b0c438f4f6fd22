"""What clients lose while a server is replaced, in short: `nox -s restarts` measures it at length."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.restarts.__main__ import LOADS, PAGE, REPLACEMENTS, SERVERS, read_page, show, write_page
from tests.restarts.clients import Place, Tally, clients, keep_alive, new_connections, pipelining, read_wrk
from tests.restarts.replacements import by_sighup, certificates, observe, observe_successors

pytestmark = pytest.mark.extended

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


# -- the page ---------------------------------------------------------------------------------------------------------


def test_a_page_is_read_as_it_was_written() -> None:
    title, load, server = next(iter(REPLACEMENTS)), next(iter(LOADS)), next(iter(SERVERS))
    figures = read_page(write_page({(title, load, server): "1 / 0"}, "today"))
    assert figures[title, load, server] == "1 / 0"
    assert len(figures) == len(REPLACEMENTS) * len(LOADS) * len(SERVERS)
    assert set(figures.values()) == {"1 / 0", ""}


def test_the_page_of_the_documents_is_complete_and_holds_what_is_promised() -> None:
    """On the native server no client loses a request, unless it was silent for longer than the drain."""
    text = PAGE.read_text()
    figures = read_page(text)
    assert "" not in figures.values()
    for (_, load, server), found in figures.items():
        answered, lost = found.split(" / ")
        assert int(answered.replace(",", "")) > 0
        if server.startswith("native"):
            assert re.fullmatch(r"0|\d+ closed" if load == "pauses up to twice the drain" else "0", lost), (load, found)
        if server == "uvicorn" and (load.startswith("wrk") or load == "a connection per request"):
            assert lost == "0", (load, found)


def test_what_a_cell_says() -> None:
    lost = Counter({"closed without an answer": 2, "reset": 1})
    assert show(Tally(1234), 1234, counts=True) == "1,234 / 0"
    assert show(Tally(5, lost), 6, counts=True) == "5 / 2 closed, 1 reset; 1 run in vain"
    assert show(Tally(5), 6, counts=False) == "5 / 0"
