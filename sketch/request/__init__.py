"""Requests: their head, their place, their body, their form."""

from sketch.request.base import BaseRequest
from sketch.request.request import Request
from sketch.request.websocket import WebSocketRequest

__all__ = ["BaseRequest", "Request", "WebSocketRequest"]
