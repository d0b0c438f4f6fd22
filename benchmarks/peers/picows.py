"""picows: frames read and written by compiled code, handed to a callback; no task waits for a message."""

from __future__ import annotations

from typing import Any

import picows

from benchmarks.peers.serving import HOST
from benchmarks.work import Variant


class Talk(picows.WSListener):
    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())


async def _serve(port: int) -> None:
    server = await picows.ws_create_server(lambda request: Talk(), HOST, port)
    await server.serve_forever()


def serve(variant: Variant, port: int, server: str) -> None:
    import uvloop

    uvloop.run(_serve(port))
