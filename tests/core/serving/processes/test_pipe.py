"""The connection between the parent and a worker."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from sketch.serving.processes.pipe import Pipe


@pytest.fixture
def ends() -> Iterator[tuple[Pipe, socket.socket]]:
    pipe, other = Pipe.pair()
    with other:
        yield pipe, other
        pipe.close()


def test_messages_are_lines_of_json(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    pipe.send(requests=5, ready=True)
    assert other.recv(100) == b'{"requests": 5, "ready": true}\n'
    other.sendall(b'{"a": 1}\n{"b": [2]}\n{"c"')
    assert pipe.receive() == [{"a": 1}, {"b": [2]}]
    assert pipe.receive() == []
    other.sendall(b": 3}\n")
    assert pipe.receive() == [{"c": 3}]
    assert not pipe.closed


def test_the_end_of_the_other_end_comes_after_its_last_message(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    other.sendall(b'{"a": 1}\n{"cut')
    other.close()
    assert pipe.receive() == [{"a": 1}]
    assert pipe.closed
    pipe.send(nothing=True)
    assert not pipe.full


def test_an_end_that_does_not_read_holds_nothing_up(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    sent = 0
    while not pipe.full:
        pipe.send(text="x" * 10_000)
        sent += 1
    reader = Pipe(other)
    received = reader.receive()
    pipe.flush()
    assert not pipe.full
    received += reader.receive()
    assert received == [{"text": "x" * 10_000}] * sent


def test_first_waits_and_leaves_what_follows() -> None:
    pipe, other = Pipe.pair()
    reader = Pipe(other)
    thread = Thread(target=lambda: (pipe.send(a=1, text="x" * 300_000), pipe.send(b=2), flush(pipe)))
    thread.start()
    assert reader.first()["a"] == 1
    thread.join(10)
    assert reader.receive() == [{"b": 2}]
    pipe.close()
    with pytest.raises(EOFError, match="the other end of the pipe is closed"):
        reader.first()
    reader.close()


def flush(pipe: Pipe) -> None:
    while pipe.full:
        pipe.flush()
