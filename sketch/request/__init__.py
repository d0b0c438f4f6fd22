"""The request: its head, its body, its form."""

from sketch.request.request import Request, WebSocketRequest

__all__ = ["Request", "WebSocketRequest"]
