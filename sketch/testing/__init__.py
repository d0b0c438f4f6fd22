"""Testing an application without a server: the in-memory adapter and its client."""

from __future__ import annotations

from sketch.testing.client import TestClient
from sketch.testing.response import ClientResponse
from sketch.testing.websocket import ClientWebSocket, WebSocketRefused

__all__ = ["ClientResponse", "ClientWebSocket", "TestClient", "WebSocketRefused"]
