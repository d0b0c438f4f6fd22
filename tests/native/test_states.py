"""The states of a connection: the table of what may follow what, and the check that holds it in every test here."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from sketch import Request, Response
from sketch_native import ServerLimits
from sketch_native.protocol import HTTPProtocol
from sketch_native.states import CLOSING, EXCHANGE, FOLLOWS, HEAD, IDLE, QUEUED, REST, CheckedState, State
from tests.support.native import GET, HOST, Served, make_app, serving, until


def test_table_is_complete() -> None:
    assert set(FOLLOWS) == set(State)
    assert all(CLOSING in after for state, after in FOLLOWS.items() if state is not CLOSING)


def test_constants_are_the_states() -> None:
    assert list(State) == [IDLE, HEAD, QUEUED, EXCHANGE, REST, CLOSING]
    assert [state.name for state in State] == ["IDLE", "HEAD", "QUEUED", "EXCHANGE", "REST", "CLOSING"]


class Connection:
    """Has a checked state, as the protocol has in these tests."""

    __slots__ = ("_state",)

    def __repr__(self) -> str:
        return "<Connection>"


Connection.state = CheckedState(vars(Connection)["_state"])


def connection(*states: State) -> Connection:
    """A connection that has gone through these states."""
    made = Connection()
    for state in (IDLE, *states):
        made.state = state
    return made


@pytest.mark.parametrize("state", [HEAD, QUEUED, EXCHANGE, REST, CLOSING])
def test_a_connection_begins_idle(state: State) -> None:
    with pytest.raises(AssertionError, match="IDLE"):
        Connection().state = state


PATHS = {IDLE: [], HEAD: [HEAD], QUEUED: [QUEUED], EXCHANGE: [EXCHANGE], REST: [EXCHANGE, REST], CLOSING: [CLOSING]}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_each_transition_is_as_in_the_table(before: State, after: State) -> None:
    made = connection(*PATHS[before])
    if after in FOLLOWS[before]:
        made.state = after
        assert made.state is after
    else:
        with pytest.raises(AssertionError, match=f"expected one of the states .*, got {after} for <Connection>"):
            made.state = after
        assert made.state is before


async def test_a_wrong_transition_of_a_served_connection_fails() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(GET)
        await wire.receive()
        (protocol,) = served.server.connections
        assert isinstance(protocol, HTTPProtocol)
        assert protocol.state is IDLE
        with pytest.raises(AssertionError, match=r"got State\.REST for <HTTPProtocol waiting for a request"):
            protocol.state = REST


UNREAD = b"POST /noread HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc"


async def reach(served: Served, state: State) -> None:
    """Wait until a connection is in this state."""
    connections = served.server.connections
    await until(lambda: any(getattr(one, "state", None) is state for one in connections), f"a connection in {state}")


async def test_half_a_head_behind_the_rest_of_an_unread_body() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(UNREAD)
        assert (await wire.receive()).body == b"noread"
        await reach(served, REST)
        await wire.send(b"defghij" + GET[:-4])
        await reach(served, HEAD)
        await wire.send(GET[-4:])
        assert (await wire.receive()).body == b"ok"
        await reach(served, IDLE)


@pytest.mark.parametrize("behind", [REST, HEAD])
async def test_a_request_that_arrives_late_waits_for_a_slot(behind: State) -> None:
    app, running, leave = make_app(), asyncio.Event(), asyncio.Event()

    @app.get("/wait")
    async def wait(request: Request) -> Response:
        running.set()
        await leave.wait()
        return Response("waited")

    limits = ServerLimits(concurrency=1, overload="wait")
    async with serving(app, server_limits=limits) as served, served.connect() as wire, served.connect() as other:
        await wire.send(UNREAD if behind is REST else GET[:-4])
        if behind is REST:
            assert (await wire.receive()).body == b"noread"
        await reach(served, behind)
        await other.send(GET.replace(b"/ ", b"/wait "))
        await running.wait()
        await wire.send(b"defghij" + GET if behind is REST else GET[-4:])
        await reach(served, QUEUED)
        leave.set()
        assert (await wire.receive()).body == b"ok"
        assert (await other.receive()).body == b"waited"


@pytest.mark.parametrize(("flags", "kind"), [([], "member_descriptor"), (["-X", "dev"], "CheckedState")])
def test_only_development_mode_checks(flags: list[str], kind: str) -> None:
    code = "from sketch_native.protocol import HTTPProtocol; print(type(vars(HTTPProtocol)['state']).__name__)"
    done = subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.stdout.strip() == kind, done.stderr
