"""Accepted connections are counted among the descriptors of the process."""

from __future__ import annotations

import socket

from sketch_asgi.launchers.accepted import count_accepted


def test_connections_are_counted_among_the_descriptors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as other:
        name = listening.getsockname()
        names = [name, other.getsockname()]
        assert count_accepted(names) == 0
        with socket.create_connection(name) as first, socket.create_connection(other.getsockname()):
            accepted, _ = listening.accept()
            with accepted:
                assert count_accepted([name]) == count_accepted(names) == 1
                assert count_accepted(names[1:]) == 0
            assert first.fileno() >= 0
        assert count_accepted([name]) == 0
