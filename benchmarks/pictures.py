"""Draws results as bars from zero, the shorter the better, with all that is needed to judge them in the picture."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.numbers import number
from benchmarks.outcome import Outcome, Result
from benchmarks.sections import measured

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"ours": "#0b6e4f", "peer": "#b8c0c8", "floor": "#ffffff"}
EDGES = {"ours": "#0b6e4f", "peer": "#b8c0c8", "floor": "#7a838c"}
INK, QUIET = "#1c2329", "#66707a"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "svg.hashsalt": "sketch",
    "text.color": INK,
    "axes.edgecolor": "#d5dade",
    "axes.labelcolor": QUIET,
    "xtick.color": QUIET,
}


def draw(outcome: Outcome, directory: Path) -> Iterator[Path]:
    """Draw a picture of each section that has results, as SVG and PNG."""
    for section, results in measured(outcome):
        with mpl.rc_context(STYLE):
            figure = _figure(section.title, results, outcome)
            for suffix in ("svg", "png"):
                path = directory / f"{section.name}.{suffix}"
                figure.savefig(path, dpi=150, metadata={"Date": None} if suffix == "svg" else None)
                yield path
            plt.close(figure)


def _figure(title: str, results: Sequence[Result], outcome: Outcome) -> Any:
    most = max(len(result.values) for result in results)
    columns = min(3, len(results))
    rows = -(-len(results) // columns)
    width, height = 4.6 * columns + 0.4, rows * (0.9 + 0.225 * most) + 1.75
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="none")
    figure.subplots_adjust(
        left=1.65 / width, right=1 - 0.4 / width, top=1 - 1.15 / height, bottom=1.25 / height,
        wspace=0.68, hspace=0.95 / (0.225 * most),
    )  # fmt: skip
    for axis, result in zip(axes.flat, results, strict=False):
        _bars(axis, result, unit=len({one.unit for one in results}) > 1)
    for axis in list(axes.flat)[len(results) :]:
        axis.set_visible(False)
    figure.text(0.25 / width, 1 - 0.35 / height, title, fontsize=15, fontweight="bold", va="center")
    figure.text(0.25 / width, 1 - 0.65 / height, _subtitle(results), fontsize=9.5, color=QUIET, va="center")
    figure.text(0.25 / width, 0.12 / height, _caption(outcome, width), fontsize=7, color=QUIET, va="bottom")
    return figure


def _subtitle(results: Sequence[Result]) -> str:
    units = list(dict.fromkeys(result.unit for result in results))
    parts = ["Shorter is better." if len(units) > 1 else f"{units[0][0].upper()}{units[0][1:]}; shorter is better."]
    parts.append("Green: sketch.")
    if any(CONTESTANTS[name].kind == "floor" for result in results for name in result.values):
        parts.append("Outlined: the floor, an event loop that answers without reading.")
    if any(max(result.values.values()) > _scale(result) for result in results):
        parts.append("Slashed bars leave the scale.")
    return " ".join(parts)


def _scale(result: Result) -> float:
    """Where the axis ends. A few bars many times longer than most would hide the differences between the others."""
    return min(max(result.values.values()), 3 * median(result.values.values()))


def _bars(axis: Any, result: Result, *, unit: bool) -> None:
    ordered = result.ordered()
    contestants = [CONTESTANTS[name] for name, _ in ordered]
    values = [value for _, value in ordered]
    end = _scale(result)
    bars = axis.barh(
        range(len(ordered)), [min(value, end) for value in values], height=0.72,
        color=[COLOURS[one.kind] for one in contestants], edgecolor=[EDGES[one.kind] for one in contestants],
        linewidth=0.8,
    )  # fmt: skip
    axis.bar_label(bars, [number(value) for value in values], padding=3, fontsize=8, color=INK)
    for row, value in enumerate(values):
        if value > end:
            for place in (0.93, 0.95):
                axis.plot([end * (place - 0.01), end * (place + 0.01)], [row + 0.5, row - 0.5], color="white", lw=2)
    axis.set_yticks(range(len(ordered)), [_label(result, one) for one in contestants])
    for label, one in zip(axis.get_yticklabels(), contestants, strict=True):
        label.set_fontweight("bold" if one.kind == "ours" else "normal")
        label.set_color(INK)
    axis.set_ylim(len(ordered) - 0.4, -0.6)
    axis.set_xlim(0, end * 1.14)
    axis.set_title(result.title, loc="left", fontsize=10.5, fontweight="bold", pad=6)
    axis.tick_params(length=0)
    axis.grid(axis="x", color="#e7eaed", linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    if unit:
        axis.set_xlabel(result.unit, fontsize=7.5)


def _label(result: Result, one: Contestant) -> str:
    if result.name.startswith(("inprocess", "calls")):  # there is no server
        return "bare function" if one.module == "bare" else one.name
    return one.name if result.name == "import" else one.label


def _caption(outcome: Outcome, width: float) -> str:
    about = outcome.about
    shown = {name for result in outcome.results.values() for name in result.values}
    names = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = (
        f"{about['date']}. {about['processor']}, {about['system']}, {about['python']}; {about['cores']}.",
        f"{about['method']}.",
        f"{names}. {len(shown)} contestants.",
    )
    return "\n".join(line for part in parts for line in textwrap.wrap(part, int(width * 19)))
