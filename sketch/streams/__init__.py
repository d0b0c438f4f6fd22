"""Responses whose body is produced while it is sent: streams, server-sent events, JSON lines."""
