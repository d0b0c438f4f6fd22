"""Websockets: the response that opens one, the policy of a route, the socket of a session, and the close codes."""

from sketch.websocket.close_codes import (
    ABNORMAL,
    INVALID,
    NO_CODE,
    TOO_BIG,
    WebSocketDisconnected,
    check_close,
    is_close_code,
)
from sketch.websocket.policy import ANY_ORIGIN, DEFAULT_POLICY, WebSocketPolicy
from sketch.websocket.response import WebSocketResponse
from sketch.websocket.session import SocketSession
from sketch.websocket.socket import WebSocket

__all__ = [
    "ABNORMAL",
    "ANY_ORIGIN",
    "DEFAULT_POLICY",
    "INVALID",
    "NO_CODE",
    "TOO_BIG",
    "SocketSession",
    "WebSocket",
    "WebSocketDisconnected",
    "WebSocketPolicy",
    "WebSocketResponse",
    "check_close",
    "is_close_code",
]
