"""Streaming responses, with bodies that are produced while they are sent: bytes, server-sent events, JSON lines."""
