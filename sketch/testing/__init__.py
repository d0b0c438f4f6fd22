"""Testing applications: a client in memory and on every server, requests without a server, control of time.

`sketch.testing.plugin` has fixtures for pytest.
"""

from __future__ import annotations

from sketch.testing.client import TRANSPORTS, TestClient
from sketch.testing.client_websocket import ClientWebSocket, WebSocketRefused
from sketch.testing.clock import Time
from sketch.testing.events import ClientEvent
from sketch.testing.overrides import override
from sketch.testing.requests import make_request
from sketch.testing.response import ClientResponse, UnexpectedStatus
from sketch.testing.stores import StoreSuite

__all__ = [
    "TRANSPORTS",
    "ClientEvent",
    "ClientResponse",
    "ClientWebSocket",
    "StoreSuite",
    "TestClient",
    "Time",
    "UnexpectedStatus",
    "WebSocketRefused",
    "make_request",
    "override",
]
