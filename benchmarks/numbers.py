"""Numbers as the reports show them."""

from __future__ import annotations


def number(value: float) -> str:
    """A figure with as many digits as it is good for."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
