"""What stops a measurement."""

from __future__ import annotations


class BenchError(Exception):
    """Why something could not be measured, in one line for whoever asked for it."""
