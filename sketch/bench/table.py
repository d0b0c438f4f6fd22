"""Formats figures as a table of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sketch.bench.figures import Figures

HEADINGS = ("server", "requests/s", "p50 ms", "p99 ms", "CPU us/request", "user", "x", "memory MiB")


def figures_table(figures: Mapping[str, Figures]) -> str:
    """A row per server, the cheapest first; `x` compares its CPU time with the cheapest one's."""
    ordered = sorted(figures.items(), key=lambda item: item[1].cpu)
    return table(HEADINGS, [_row(name, one, ordered[0][1]) for name, one in ordered])


def _row(name: str, one: Figures, best: Figures) -> list[str]:
    return [
        name,
        f"{one.rate:,.0f}",
        _milliseconds(one.p50),
        _milliseconds(one.p99),
        f"{one.cpu:.2f}",
        f"{one.user:.2f}",
        f"{one.cpu / best.cpu:.2f}" if best.cpu else "-",
        f"{one.pss / 2**20:.1f}",
    ]


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.2f}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align the columns: the first one left, the others right."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([cells[0].ljust(len(first)), *rest]).rstrip()
