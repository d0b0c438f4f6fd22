"""Requests: their head, their body, their form."""

from sketch.request.request import Request, WebSocketRequest

__all__ = ["Request", "WebSocketRequest"]
