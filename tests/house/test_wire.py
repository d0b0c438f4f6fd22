"""The client that the tests send bytes with."""

from __future__ import annotations

import asyncio
import socket

from tests.support.wire import Wire


def test_an_answer_is_received_although_sending_meets_a_reset() -> None:
    """The server answers, and closes with bytes unread: that is a reset, which a client may notice as it sends."""

    async def answered() -> bytes:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            wire = await Wire.connect(listener.getsockname()[1])
            peer, _ = listener.accept()
            await wire.send(b"unread")
            with peer:
                assert peer.recv(1) == b"u"
                peer.sendall(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
            wire.writer.write(b"more")
            reply = await wire.receive()
            assert await wire.ended() == b""
            await wire.close()
        assert reply.status == 413
        assert isinstance(wire.reader.reset, ConnectionError)
        return reply.body

    assert asyncio.run(answered()) == b"no"
