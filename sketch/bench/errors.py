"""The error that ends a measurement."""

from __future__ import annotations


class BenchError(Exception):
    """Raised when something cannot be measured; the message tells the user why, in one line."""
