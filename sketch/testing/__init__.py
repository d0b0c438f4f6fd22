"""Testing an application without a server: the in-memory adapter and the client that speaks to it."""

from __future__ import annotations

from sketch.testing.client import TestClient
from sketch.testing.response import ClientResponse

__all__ = ["ClientResponse", "TestClient"]
