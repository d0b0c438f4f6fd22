"""Numbers as the reports show them."""

from __future__ import annotations


def number(value: float) -> str:
    """Format a figure with its significant digits only."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
